/* listeners: the table of sockets that should be open, written by admin, read by the
 * supervisor (the only part of the configuration it ever sees), range-checked on both sides. */
#ifndef PB_SHM_LISTENERS_H
#define PB_SHM_LISTENERS_H

#include "lib/base/addr.h"
#include "shm/layout.h"

struct listener {
	char cluster[LIMIT_NAME + 1]; /* "" : unused row */
	struct addr addr;
};
/* admin: replaces the whole table (a sequence lock guards readers; one writer) and rings the
 * supervisor. */
void listeners_set(struct shm *shm, const struct listener *v, unsigned n);
/* supervisor: consistent copy; returns the rows, at most MAX_LISTENERS. *version changes with
 * every listeners_set; odd: the table was being written, ask again. */
unsigned listeners_get(const struct shm *shm, struct listener out[MAX_LISTENERS], uint32_t *version);
/* The version that stands now; odd: being written. 0: never set. */
uint32_t listeners_version(const struct shm *shm);
/* supervisor: what came of that version: "" all open, else the reason in words. */
void listeners_answer(struct shm *shm, uint32_t version, const char *error);
/* admin: false while the supervisor has not answered this version yet. */
bool listeners_answered(const struct shm *shm, uint32_t version, char error[256]);
/* supervisor: the socket of the cluster with that index of counters.h is open, or not. */
void listeners_opened(struct shm *shm, int cluster, bool open);
bool listeners_is_open(const struct shm *shm, int cluster);

#endif
