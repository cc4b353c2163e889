/* blocklist: clients and accounts that may not send any more (table_blocked), put there by an
 * administrator or by a worker whose client has passed a limit.
 * A row that a worker puts is on disk some milliseconds later. Until then the worker's own
 * memory of it counts, so that the very next MAIL is refused as well; from then on the row alone
 * does, so that an administrator's unblock works at once and leaves no memory behind.
 * A subject is an IP address as ip_text writes it, or a mail address in any case.
 * Memory: struct blocklist is the caller's, one a worker; texts are borrowed for the call. */
#ifndef PB_GUARD_BLOCKLIST_H
#define PB_GUARD_BLOCKLIST_H

#include "lib/store/store.h"
#include "shm/layout.h"

#define BLOCKED_BY_GUARD "guard" /* in the row's who; the replicator never changes a row for it */
#define BLOCKLIST_TRIED 64 /* blocked subjects whose tries are counted at once; further ones are not */
#define BLOCKLIST_ON_THE_WAY 64 /* rows that wait for the disk; beyond it the oldest is forgotten */

struct blocklist {
	struct shm *shm;
	unsigned slot;
	unsigned next; /* of v: where the next one goes */
	struct {
		uint64_t subject, mark; /* keyed hash; journal position of the row. mark 0: free */
	} v[BLOCKLIST_ON_THE_WAY];
	struct blocklist_tried {
		char subject[LIMIT_ADDRESS]; /* folded */
		size_t n;		     /* 0: free */
		int64_t tries, written;	     /* not written yet; when some were, monotonic ms */
	} tried[BLOCKLIST_TRIED];
};

void blocklist_init(struct blocklist *b, struct shm *shm, unsigned slot);
/* 1, 0; -1: not readable (traffic NULL: not made yet), which has been logged. One look-up. Not
 * within a read of the same handle. */
MUST_CHECK int blocklist_has(struct blocklist *b, struct store *traffic, struct str subject);
/* Blocks it, in the name of the guard. One that is blocked already keeps its row as it is. reason:
 * in words, at most 200 bytes. 0, or -1: the journal takes nothing more now, nothing was noted. */
MUST_CHECK int blocklist_put(struct blocklist *b, struct str subject, const char *reason,
			     int64_t wall_ms);

/* One who is blocked has tried again. Goes into its row's count: the first time at once, then at most
 * once in TRIED_MS, a worker. A worker that is killed loses those between. now: monotonic ms. */
void blocklist_tried(struct blocklist *b, struct str subject, int64_t now_ms);
/* Writes what is due; to be called now and then. */
void blocklist_flush(struct blocklist *b, int64_t now_ms);

#endif
