/* affinity: which box a client of a plain TCP cluster had last, so that it gets the
 * same again.
 * A fixed table of atomics, shared by all workers; a killed process leaves it sound.
 * When a bucket is full, its oldest entry goes. Time is an argument.
 * One new client in 250,000 may meet the entry of another and get that one's box, which
 * serves it as well as any.
 * Not here: whether that box may be used now (lib/route/balance.h). */
#ifndef PB_SHM_AFFINITY_H
#define PB_SHM_AFFINITY_H

#include "lib/base/str.h"
#include "shm/layout.h"

/* The key of a client (any bytes that name it) in this cluster (index of counters.h). */
uint64_t affinity_key(const struct shm *shm, int cluster, struct str client);
/* The box (index of boxes.h) of the key's last session, when that began at most
 * life_ms ago; else -1. */
int affinity_get(const struct shm *shm, uint64_t key, int64_t mono_ms, int64_t life_ms);
/* A session of the key begins on box; before is what affinity_get said when box was
 * chosen. Returns the box that stands: another one where another worker has been
 * faster meanwhile. */
int affinity_set(struct shm *shm, uint64_t key, int before, int box, int64_t mono_ms,
		 int64_t life_ms);

#endif
