/* journal: how facts reach the replicator: one ring a slot, one writer, one reader.
 *
 *   head  bytes ever published (writer; release)     entry = u32 length, u16 kind, u16 0, payload,
 *   tail  bytes ever applied   (replicator)                  padded to 8
 *   durable  bytes known to be on disk (replicator)
 *
 * An entry is published only when complete; a writer killed before that leaves nothing. The
 * replicator may apply an entry twice (killed between commit and tail): entries are idempotent. */
#ifndef PB_SHM_JOURNAL_H
#define PB_SHM_JOURNAL_H

#include "lib/base/str.h"
#include "shm/layout.h"

enum journal_kind {
	JOURNAL_LEDGER = 1, /* struct ledger row, encoded by lib/store/tables.h */
	JOURNAL_BLOCKED,    /* struct blocked row, encoded; a tombstone: unblocked */
	JOURNAL_WHITELIST,  /* struct whitelist row, encoded; volatile */
	JOURNAL_REPLIED,    /* struct replied row, encoded; volatile */
	JOURNAL_SIGHTING,   /* struct sighting (lib/guard/sighting.h); volatile */
	JOURNAL_TRIED,	    /* struct blocked row whose count is to be added; volatile */
	JOURNAL_ACCESS,	    /* struct access row that is to be merged (lib/guard/access.h); volatile */
};

/* Writer: 0 and *mark, the position that durable must reach; -1 when the ring is full or the
 * entry too long (counted; volatile facts are dropped, a ledger row means 451). Does not wait. */
MUST_CHECK int journal_put(struct shm *shm, unsigned slot, enum journal_kind kind,
			   struct str payload, uint64_t *mark);
/* The same for volatile facts, in a part of the ring (JOURNAL_OFFERED bytes), so that they never
 * take the room of a ledger row. Who does not need to know whether it was dropped need not look. */
int journal_offer(struct shm *shm, unsigned slot, enum journal_kind kind,
			     struct str payload);
/* Writer: is it on disk? */
bool journal_durable(const struct shm *shm, unsigned slot, uint64_t mark);

/* Replicator: the next entry after *pos (start with journal_tail), false when there is none.
 * The payload points into the ring and is good until journal_applied. */
bool journal_next(const struct shm *shm, unsigned slot, uint64_t *pos, enum journal_kind *kind,
		  struct str *payload);
uint64_t journal_tail(const struct shm *shm, unsigned slot);
/* Replicator, after the durable commit: frees the room, sets durable, rings the slot's bell.
 * It looks at the ring once more before it sleeps: while anything waits, writers do not ring. */
void journal_applied(struct shm *shm, unsigned slot, uint64_t pos);

struct journal_stat {
	uint64_t published, applied, dropped;
};
struct journal_stat journal_stat(const struct shm *shm, unsigned slot);

#endif
