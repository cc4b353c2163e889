/* naming: from how many networks a sender domain is named, and how much of its mail is established
 * (suspicion.h), in the window of the spread list. A domain's own mail comes from its servers'
 * few networks and those it pays, each of which brings many mails that come to be established;
 * spam names a domain from everywhere. Other mails vouch for nothing: a bot-net names the domains of
 * large providers several times from each network. So large sites, which see more of a bot-net,
 * know forged domains sooner.
 *
 *   packed = length (pack.h), sketch of networks; conduct (conduct.h), CONDUCT_ESTABLISHED alone
 *
 * Pure. Memory: struct naming_record is the caller's, 8 KiB. */
#ifndef PB_GUARD_NAMING_H
#define PB_GUARD_NAMING_H

#include "lib/guard/conduct.h"
#include "lib/guard/sketch.h"

#define NAMING_PACKED (10 + SKETCH_PACKED + CONDUCT_PACKED) /* pack_int has room for any number */
#define NAMING_USUAL 4 /* established mails that a network of its own brings at least */

struct naming_record { /* all zero: nobody has named it */
	struct sketch networks;
	struct conduct established;
};

/* A mail, each once. network: keyed hash (sketch.h). origin: this machine (tally.h). */
void naming_note(struct naming_record *r, uint64_t network, bool established,
		 uint16_t origin, int64_t now_ms, int64_t window_ms);
/* Networks that name it, without one for each NAMING_USUAL established mails. */
uint64_t naming_strangers(const struct naming_record *r, int64_t now_ms, int64_t window_ms);
int64_t naming_expiry(const struct naming_record *r, int64_t window_ms);
/* Commutative, associative, idempotent. */
void naming_merge(struct naming_record *into, const struct naming_record *other);

/* How many bytes it took. */
size_t naming_encode(const struct naming_record *r, uint8_t out[NAMING_PACKED]);
/* 0, or -1: damaged, or not as naming_encode writes it. r is then anything. */
MUST_CHECK int naming_decode(struct str in, struct naming_record *r);

#endif
