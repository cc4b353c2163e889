/* dictionary: how many connections each client has tried to make lately, counted exactly over all
 * processes (the manual's IP dictionary).
 * A table of fixed size, two atomic words an entry, whole at any moment, whoever is killed. An entry
 * lives until life_ms after the client's last try, or until its bucket is full and it is the oldest
 * there; counts are exact until then, and never too high.
 *
 * A window begins with a client's first try and ends interval_ms later; the next try begins
 * the next one. Refused tries count.
 *
 * Open sessions are counted elsewhere (clients.h), so an entry that goes takes none along.
 * Keys are those of client_key. Time is an argument: monotonic ms; processes' clocks may be apart by
 * a turn of their loops. */
#ifndef PB_SHM_DICTIONARY_H
#define PB_SHM_DICTIONARY_H

#include "shm/layout.h"

#define DICTIONARY_ENTRIES_PER_MB 65536

struct dictionary_entry {
	unsigned connections; /* of the running window; 0: none runs */
	int64_t window_ms;    /* until it ends */
	int64_t silent_ms;    /* since the last try */
};

/* One more try; how many the client has made in its window, this one included (at most
 * 1,048,575). interval_ms, life_ms: 1 up to ten days. */
unsigned dictionary_try(struct shm *shm, uint64_t key, int64_t interval_ms,
			int64_t life_ms, int64_t now_ms);
/* What it holds; false: nothing. */
bool dictionary_get(const struct shm *shm, uint64_t key, int64_t interval_ms,
		    int64_t life_ms, int64_t now_ms, struct dictionary_entry *out);
/* The client has not tried yet. */
void dictionary_forget(struct shm *shm, uint64_t key);

/* admin: uses mb (1 to 4096) from now on, or as much as there is; returns that. Memory beyond it goes back to the
 * system. Of another size all entries are lost: places depend on it. */
unsigned dictionary_resize(struct shm *shm, unsigned mb);
/* In use now. */
unsigned dictionary_mb(const struct shm *shm);

#endif
