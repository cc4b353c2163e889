/* layout: the one region of memory that all processes share.
 * The supervisor makes it before the first fork; children inherit it. Gone at stop.
 *
 * Shared memory is a wire format: fixed-width types, no pointers, a magic, a version and a
 * size in front, static asserts behind. Each field has ONE writer (named beside it) or is
 * atomic, so a process killed with SIGKILL at any instruction leaves nothing locked:
 *
 *   part        writer                          readers
 *   listeners   admin                           supervisor
 *   generation  admin                           all
 *   slots[i]    process i (reaper: after death) all
 *   boxes[j]    names: admin; health: atomics   all
 *               checks: prober
 *   counts[i]   worker i (reaper: after death)  all
 *   turns[k]    atomic, any worker              workers
 *   affinity    atomics, any worker             workers
 *   history     admin                           admin
 *   rings[i]    process i: head; replicator: tail, durable
 *   penalty, quota, claims, dictionary: atomics, any worker; admin forgets
 *   clients[i]  worker i (reaper: after death)  all
 *   flags[i]    worker i                        admin
 *
 * slots.h, affinity.h, boxes.h, claims.h, clients.h, counters.h, dictionary.h, flags.h, history.h,
 * journal.h, listeners.h, penalty.h, quota.h and sessions.h hold the functions; nobody touches a field beside
 * them. */
#ifndef PB_SHM_LAYOUT_H
#define PB_SHM_LAYOUT_H

#include "lib/base/err.h"
#include "lib/base/limits.h"

struct shm; /* the region; opaque outside shm/ (shm/region.h) */

enum role {
	ROLE_SUPERVISOR,
	ROLE_ADMIN,
	ROLE_WORKER,
	ROLE_REPLICATOR,
	ROLE_VERIFIER,
	ROLE_PROBER,
	ROLE_COUNT,
};

/* "supervisor", "admin", ... */
const char *role_name(enum role r);

/* Slots: 0 .. MAX_WORKERS-1 workers, then one each. */
enum {
	SLOT_ADMIN = MAX_WORKERS,
	SLOT_REPLICATOR,
	SLOT_VERIFIER,
	SLOT_PROBER,
	SLOT_SUPERVISOR,
};

/* A new region of shared, zeroed memory; ends the process when there is none. */
struct shm *shm_create(unsigned workers);
/* Unmaps it and closes the doorbells (tests; processes just end). NULL-safe. */
void shm_destroy(struct shm **s);
/* Number of workers that were asked for. */
unsigned shm_workers(const struct shm *shm);
/* Wall ms of shm_create. */
int64_t shm_started(const struct shm *shm);

#endif
