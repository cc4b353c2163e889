/* flags: the last subjects that the guard found remarkable, newest of each worker. Each worker
 * writes its own, so a killed one leaves at most one that is not shown. */
#ifndef PB_SHM_FLAGS_H
#define PB_SHM_FLAGS_H

#include "lib/base/str.h"
#include "shm/layout.h"

#define FLAG_REASON 96

struct flag {
	int64_t time; /* wall ms */
	char subject[LIMIT_ADDRESS + 1], reason[FLAG_REASON];
};

/* Worker, own slot. Longer texts are cut. */
void flag_put(struct shm *shm, unsigned slot, struct str subject, struct str reason, int64_t wall_ms);
/* The newest of all workers, newest first: fills at most max, returns how many. */
unsigned flags_newest(const struct shm *shm, struct flag *out, unsigned max);

#endif
