/* trust: networks that have proved themselves with a sender's domain: enough of its mails have
 * come a second time, as servers' do, so that the next one passes at its first try. Large senders
 * have pools of servers that take each other's queues over; each pair of servers, and each new
 * recipient, would otherwise be put off anew. (postgrey spares a client after five such mails,
 * whatever its senders; here the domain counts too, as one network may house several customers.)
 *
 * Proofs count at most once in PROOF_APART_MS: a burst that is retried once is one proof.
 * So long as mail passes by it, trust lasts; it ends max_age_ms after the last mail, and then
 * begins anew, in a next round, so that old proofs cannot come back from a machine that has not
 * heard. Records meet by trust_merge: the higher round stands, within it times are maxima
 * and proofs add up over the machines.
 *
 *   packed = last use (PACK_TIME), round, 0 or 1 + last use - last proof, tally (tally.h)
 *
 * Pure: wall ms as arguments. Not here: the key (envelope_key.h). Whoever asks looks first
 * at the network's suspicion (suspicion.h): what turns bad is trusted no more. */
#ifndef PB_GUARD_TRUST_H
#define PB_GUARD_TRUST_H

#include "lib/guard/tally.h"

#define TRUST_PACKED (6 + 2 * 10 + TALLY_PACKED(1))
/* Proofs that are asked for. postgrey asks for five, whoever the sender; of a sender's domain fewer
 * will do, as nobody else has it there, and a network that turns bad is trusted no more. */
#define TRUST_PROOFS 2
#define TRUST_NETWORK_PROOFS 5 /* of a network, over all senders */
#define PROOF_APART_MS \
	900000 /* servers retry within minutes, a new queue run is another proof */

struct trust_record {	    /* all zero: none */
	uint32_t round;	    /* 1, 2, ...; 0: no record */
	int64_t used_ms;    /* the last mail that passed, at its first try or later */
	int64_t proved_ms;  /* the last proof; 0: none */
	struct tally tally; /* proofs of this round, kind 0 */
};

enum trust_use {
	TRUST_PROOF, /* a mail that was put off has come again, and passed */
	TRUST_MAIL,  /* one has passed by trust, or by a permanent record */
};

/* Is it trusted, when so many proofs are asked for? */
bool trust_passes(const struct trust_record *r, unsigned proofs, int64_t max_age_ms,
		  int64_t now_ms);
/* How many proofs count now, for trace. */
uint64_t trust_proofs(const struct trust_record *r, int64_t max_age_ms, int64_t now_ms);
/* origin: this machine (tally.h). A TRUST_MAIL alone makes no record. */
void trust_note(struct trust_record *r, enum trust_use use, int64_t max_age_ms,
		uint16_t origin, int64_t now_ms);
/* From when on the record tells nothing any more. */
int64_t trust_expiry(const struct trust_record *r, int64_t max_age_ms);
/* Commutative, associative, idempotent. */
void trust_merge(struct trust_record *into, const struct trust_record *other);

/* Of a record that is one (round above 0); how many bytes it took. */
size_t trust_encode(const struct trust_record *r, uint8_t out[TRUST_PACKED]);
/* 0, or -1: damaged, or not as trust_encode writes it. r is then anything. */
MUST_CHECK int trust_decode(struct str in, struct trust_record *r);

#endif
