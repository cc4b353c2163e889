/* slots: one place a process: who lives there, what generation it has confirmed, its doorbell.
 * A doorbell is an eventfd, made before the first fork, by which any process wakes another. */
#ifndef PB_SHM_SLOTS_H
#define PB_SHM_SLOTS_H

#include <sys/types.h>

#include "shm/layout.h"

struct slot_info {
	pid_t pid;	     /* 0: empty */
	enum role role;
	uint32_t generation; /* last one confirmed */
	int64_t started;     /* wall ms */
	int64_t beat;	     /* monotonic ms of the last heartbeat */
	uint32_t restarts;
};

#define SLOT_NAME 32
/* Who lives there, as in ps and log: "worker 1", "admin". Returns dst. */
const char *slot_name(unsigned slot, char dst[SLOT_NAME]);

/* The child itself, first thing after fork. */
void slot_enter(struct shm *shm, unsigned slot, enum role role, pid_t pid);
/* The supervisor, after waitpid: empties the slot, gives back what the dead held (gauges of
 * counters.h), and rings every bell, as the dead may have been about to. */
void slot_reap(struct shm *shm, unsigned slot);
void slot_beat(struct shm *shm, unsigned slot, int64_t mono_ms);
struct slot_info slot_get(const struct shm *shm, unsigned slot);

/* The descriptor to watch for reading in that slot's process. */
int slot_bell(const struct shm *shm, unsigned slot);
/* Wakes that process; never blocks. */
void slot_ring(const struct shm *shm, unsigned slot);
/* Empties one's own bell; call before looking at what may have changed. */
void slot_answer(const struct shm *shm, unsigned slot);

/* --- configuration generations: admin bumps, workers confirm --- */
uint32_t generation_get(const struct shm *shm);
/* admin: a new generation is in the store; rings every live worker. Returns it. */
uint32_t generation_bump(struct shm *shm);
/* worker: this one is live in me; rings admin and supervisor. */
void generation_confirm(struct shm *shm, unsigned slot, uint32_t generation);
/* admin: the first live worker slot that has not confirmed, or -1. Empty slots (being
 * respawned; they read the store anew) do not count. */
int generation_missing(const struct shm *shm, uint32_t generation);

#endif
