/* arena: memory with one lifetime (a session, a transaction, an HTTP request).
 * Memory: owns all it hands out; arena_free ends everything at once. Nothing is allocated
 * before the first use. A cap turns a run-away into NULL, never into a swapped machine. */
#ifndef PB_BASE_ARENA_H
#define PB_BASE_ARENA_H

#include "lib/base/str.h"

struct arena_block;
struct arena {
	struct arena_block *head;
	size_t used; /* bytes handed out */
	size_t max;  /* 0: no cap */
};

#define ARENA(cap) ((struct arena){ NULL, 0, (cap) })

/* Zeroed, aligned for any type; NULL past the cap. */
void *arena_alloc(struct arena *a, size_t n);
/* Copy of s with a NUL behind (not counted); p == NULL past the cap. */
struct str arena_str(struct arena *a, struct str s);
/* printf into the arena; p == NULL past the cap. */
struct str arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Frees all; the arena is empty and usable again. */
void arena_free(struct arena *a);

#endif
