/* gate: what becomes of a recipient that a stranger asks for: all that the guard knows, put together.
 *
 *   the recipient wants no greylisting            passes
 *   spam_whitelist_ranges                         passes, and nothing is noted
 *   the recipient has written to the sender       passes (correspondents.h)
 *   permanent record                              passes (greylist.h)
 *   the client has talked before its turn         refused, where pregreet_ms wants it
 *   a DNS list has its address                    refused, where dns_lists has that
 *   suspicion past SUSPICION_REFUSE, and the
 *   session itself has done something             refused for good (suspicion.h)
 *   a retry in its window                         passes, and proves where there is no suspicion
 *   network and sender domain have proved
 *   themselves, suspicion below SUSPICION_FULL    passes (trust.h)
 *   network alone has, below SUSPICION_START      passes (of a bounce, which names no domain, it is
 *                                                 asked for no more proofs than of such a pair)
 *   else                                          put off; the more suspicion, the longer
 *
 * So allow lists always win, and nobody is refused for what others do: neither for his neighbours, nor
 * for those who forge his domain.
 * Pure: what is known is an argument (struct sight), what is learned a result (struct sighting).
 * Not here: how it is looked up (gate_store.h), the answer's words (lib/session). */
#ifndef PB_GUARD_GATE_H
#define PB_GUARD_GATE_H

#include "lib/guard/sighting.h"

struct gate_rules { /* ms; settings of the guard */
	struct greylist_times greylist; /* greylist_initial_min, _first_window_min, _max_age_min */
	int64_t suspicious_ms;		/* greylist_initial_suspicious_min */
	int64_t spread_ms;		/* spreadlist_max_age_min */
	int64_t spread_factor;		/* of the cluster, as stored */
	uint64_t rows_most;		/* of each table (room.h); 0: no bound */
};

struct gate_envelope { /* borrowed; addresses in any case */
	struct ipaddr client;
	struct str sender, recipient;
	const uint8_t *sketch_key; /* 16 bytes, the same on all machines, known to no stranger */
};

struct sight { /* what is known of it now; all zero: nothing */
	bool off;	    /* the recipient wants no greylisting */
	bool spared;	    /* spam_whitelist_ranges */
	bool correspondent; /* the recipient has written to the sender */
	bool listed;	    /* a list of the cluster's dns_lists has the client */
	bool early;	    /* the client has talked before its turn, and shall not */
	bool bounce;	    /* a bounce: its reverse-path is null */
	bool caught;	    /* its session has done what mail servers do not: screen.h */
	struct greylist_record greylist;
	struct trust_record trust, network_trust;
	struct evidence evidence; /* of the network, and of the sender's domain */
};

#define GATE_PERSISTENT 3 /* tries before, over at least the initial time */

enum gate_outcome { /* the order is that of the table above */
	GATE_OFF,
	GATE_SPARED,
	GATE_CORRESPONDENT,
	GATE_PERMANENT,
	GATE_EARLY,
	GATE_LISTED,
	GATE_REFUSED,
	GATE_RETRIED,
	GATE_TRUSTED,
	GATE_NETWORK_TRUSTED,
	GATE_PUT_OFF,
	GATE_OUTCOMES,
};
/* In words, for log, trace and counters' help. */
const char *gate_text(enum gate_outcome o);

struct gate_judgement {
	enum gate_outcome outcome;
	struct greylist_judgement greylist; /* of the record, whatever the outcome */
	unsigned score;
	unsigned network_score; /* the same without EVIDENCE_FORGED */
	int64_t initial_ms; /* as stretched by the score */
	bool abandoned;	    /* an earlier try of it did not come again in its window */
	struct explanation why;
};
bool gate_passes(const struct gate_judgement *j);

struct gate_judgement gate_judge(const struct sight *known, const struct gate_rules *r,
				 int64_t now_ms);
/* What is learned of it: false: nothing. */
bool gate_sighting(const struct gate_judgement *j, const struct gate_envelope *e, int64_t now_ms,
		   struct sighting *out);

#endif
