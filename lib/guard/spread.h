/* spread: what one client network did lately, and to how many: distinct recipients, senders and
 * sender domains (sketch.h), counts of its conduct (conduct.h), in a window of
 * spreadlist_max_age_min. Of it suspicion.h makes a score.
 *
 *   packed = for recipients, senders, domains: length (pack.h), sketch; then the conduct
 *
 * About 40 bytes for a client that sent one mail, at most 12 KB. Pure but for spread_saw.
 * Memory: struct spread_record is the caller's, 12 KiB: on the heap, or static. */
#ifndef PB_GUARD_SPREAD_H
#define PB_GUARD_SPREAD_H

#include "lib/base/addr.h"
#include "lib/guard/conduct.h"
#include "lib/guard/sketch.h"
#include "lib/guard/suspicion.h"
#include "shm/layout.h"

enum spread_sketch { SPREAD_RECIPIENTS, SPREAD_SENDERS, SPREAD_DOMAINS, SPREAD_SKETCHES };

#define SPREAD_PACKED (SPREAD_SKETCHES * (2 + SKETCH_PACKED) + CONDUCT_PACKED)

struct spread_record { /* all zero: nothing seen */
	struct sketch distinct[SPREAD_SKETCHES];
	struct conduct conduct;
};

/* What a score is made of, but for EVIDENCE_FORGED, which stays as it is. */
void spread_evidence(const struct spread_record *r, int64_t now_ms, int64_t window_ms,
		     struct evidence *out);
/* From when on the record tells nothing any more. */
int64_t spread_expiry(const struct spread_record *r, int64_t window_ms);
/* Commutative, associative, idempotent. */
void spread_merge(struct spread_record *into, const struct spread_record *other);

/* How many bytes it took. */
size_t spread_encode(const struct spread_record *r, uint8_t out[SPREAD_PACKED]);
/* 0, or -1: damaged, or not as spread_encode writes it. r is then anything. */
MUST_CHECK int spread_decode(struct str in, struct spread_record *r);

/* A worker saw this of a client: goes through the journal to its network's record. Dropped, and
 * counted with the slot's journal, when the replicator is far behind. Never blocks. shm NULL (tests):
 * nothing. Not for those who are spared (relay clients, boxes, spam_whitelist_ranges). */
void spread_saw(struct shm *shm, unsigned slot, const struct ipaddr *client,
		enum conduct_kind kind, int64_t wall_ms);

#endif
