/* quota: how many distinct values a subject has used in a window of time, counted exactly over all
 * processes (sender addresses of a client, for one).
 * A fixed table of atomics, one word an entry, so that it is whole at any moment, whoever is
 * killed. Exact while the entries are resident: a subject's have room for four times most, and
 * where a line is full its oldest goes, which makes the count too low, never too high.
 * Time is an argument. */
#ifndef PB_SHM_QUOTA_H
#define PB_SHM_QUOTA_H

#include "shm/layout.h"

enum quota_kind {
	QUOTA_STRANGERS = 1, /* sender addresses without an account, of a client */
};

/* Notes that the subject has used this value, and tells how many it has in the window that now_ms
 * (monotonic) lies in, this one included. subject, value: keyed 64-bit hashes. Windows of one
 * length begin together, at multiples of window_ms; of 0 none holds more than one value.
 * most: beyond how many nobody needs to know, 1 to 100,000 for one to be told exactly; counts of
 * one subject with different values of it are apart. */
unsigned quota_distinct(struct shm *shm, enum quota_kind kind, uint64_t subject, uint64_t value,
			unsigned most, int64_t window_ms, int64_t now_ms);
/* The subject has used nothing yet, whatever most and window (nor have those, one in 16384, that
 * share its number). */
void quota_forget(struct shm *shm, enum quota_kind kind, uint64_t subject);

#endif
