/* ring: consistent hashing of keys over weighted boxes. Pure.
 * When a box comes or goes only its share of keys moves (Karger et al. 1997); here by weighted
 * rendezvous (Thaler, Ravishankar 1998). Stable between processes, machines and restarts. */
#ifndef PB_ROUTE_RING_H
#define PB_ROUTE_RING_H

#include "lib/base/str.h"

struct ring;
struct ring_member {
	struct str name;
	unsigned weight; /* 1..1000 */
	int value;	 /* what ring_pick returns */
};
/* Owned; NULL when n == 0; at most MAX_BOXES. */
struct ring *ring_build(const struct ring_member *v, unsigned n);
void ring_free(struct ring **r);
/* The first member, in the key's own order of them, for which usable(arg, value) holds; usable
 * NULL: any. Each is asked at most once. -1 when none is. */
int ring_pick(const struct ring *r, struct str key, bool (*usable)(void *arg, int value), void *arg);

#endif
