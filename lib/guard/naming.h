/* naming: from how many networks a sender domain is named, and how often, in the window of the
 * spread list. A domain's own mail comes from its servers' few networks and those it pays, each
 * of which brings many mails; spam names a domain from everywhere, once here and once there. So
 * large sites, which see more of a bot-net, know forged domains sooner.
 *
 *   packed = length (pack.h), sketch of networks; conduct (conduct.h), CONDUCT_MAIL alone
 *
 * Pure. Memory: struct naming_record is the caller's, 8 KiB. */
#ifndef PB_GUARD_NAMING_H
#define PB_GUARD_NAMING_H

#include "lib/guard/conduct.h"
#include "lib/guard/sketch.h"

#define NAMING_PACKED (10 + SKETCH_PACKED + CONDUCT_PACKED) /* pack_int has room for any number */
#define NAMING_USUAL 4 /* mails that a network of its own brings at least */

struct naming_record { /* all zero: nobody has named it */
	struct sketch networks;
	struct conduct mails; /* that were tried, each once */
};

/* A mail: network: keyed hash (sketch.h). origin: this machine (tally.h). */
void naming_note(struct naming_record *r, uint64_t network, uint16_t origin, int64_t now_ms,
		 int64_t window_ms);
/* Networks that name it, without one for each NAMING_USUAL mails. */
uint64_t naming_strangers(const struct naming_record *r, int64_t now_ms, int64_t window_ms);
int64_t naming_expiry(const struct naming_record *r, int64_t window_ms);
/* Commutative, associative, idempotent. */
void naming_merge(struct naming_record *into, const struct naming_record *other);

/* How many bytes it took. */
size_t naming_encode(const struct naming_record *r, uint8_t out[NAMING_PACKED]);
/* 0, or -1: damaged, or not as naming_encode writes it. r is then anything. */
MUST_CHECK int naming_decode(struct str in, struct naming_record *r);

#endif
