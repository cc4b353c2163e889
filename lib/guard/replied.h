/* replied: to whom an account has sent an automatic reply lately (RFC 3834 2: not more than one
 * in a period to the same sender; ours is REPLIED_KEEP_MS). Rows in table_replied, by way of the
 * journal, and in the moment before a row is on disk a claim in shared memory.
 *
 *   claim = replied_claim(...)   0: another worker is about to reply; do not
 *   replied_lately(...)          1: replied already; -1: unknown, do not. Asked after the claim:
 *                                who had it before has its row on disk, or did not reply
 *   replied_note(...)            -1: do not, or the next mail would get one as well
 *   the reply is sent            when that fails there is none for REPLIED_KEEP_MS: one lost is
 *                                better than one too many
 *   replied_release(...)         where none was noted; else let it run out: hold_ms must reach
 *                                beyond the commit of the row (REPLIED_HOLD_MS does)
 *
 * Addresses in any case. Never blocks. Not here: which mails get a reply (lib/session). */
#ifndef PB_GUARD_REPLIED_H
#define PB_GUARD_REPLIED_H

#include "lib/store/store.h"
#include "shm/layout.h"

#define REPLIED_HASH 33 /* with its NUL */
/* The sender as rows have it. */
void replied_hash(struct str sender, char out[REPLIED_HASH]);
/* 1, 0; -1: not readable (traffic NULL: not made yet), which has been logged. One look-up. Not
 * within a read of the same handle. */
MUST_CHECK int replied_lately(struct store *traffic, struct str account, struct str sender,
			      int64_t wall_ms);
/* 0, or -1: the replicator is far behind, nothing was noted. */
MUST_CHECK int replied_note(struct shm *shm, unsigned slot, struct str account, struct str sender,
			    int64_t wall_ms);
/* A claim on (account, sender) for hold_ms from now_ms (monotonic), which no other process gets
 * meanwhile; 0: another has it, or, rarely, one of another pair that falls on the same place. */
MUST_CHECK uint64_t replied_claim(struct shm *shm, struct str account, struct str sender,
				  int64_t now_ms, int64_t hold_ms);
/* Gives it back. One that has run out may be another's by now, and stays his. */
void replied_release(struct shm *shm, struct str account, struct str sender, uint64_t claim);

#endif
