/* Weighted rendezvous: each member draws a number for the key, as if waiting for the first of
 * its weight in chances; the shortest wait wins. A member's number does not know of the others,
 * so nobody's coming or going moves a key between two who stay, and shares are exact at any
 * weights (points on a circle drift by several percent, and thousands of them are needed where
 * weights are like 100 to 1). Integers only: floating point differs between machines. */
#include "lib/route/ring.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/hash.h"
#include "lib/base/limits.h"

#define SEED 0x70726f746f62616cu /* fixed: the ring is the same everywhere */
#define FRACTION 24		 /* bits of a logarithm behind the point */

struct member {
	uint64_t id; /* of its name */
	unsigned weight;
	int value;
};
struct ring {
	unsigned n;
	struct member v[];
};

struct ring *ring_build(const struct ring_member *v, unsigned n)
{
	struct ring *r;

	if (n == 0)
		return NULL;
	if (n > MAX_BOXES)
		bug("a ring of %u boxes", n);
	r = mem_zalloc(sizeof(*r) + n * sizeof(r->v[0]));
	r->n = n;
	for (unsigned i = 0; i < n; i++)
		r->v[i] = (struct member){ hash_stable(v[i].name, SEED), v[i].weight, v[i].value };
	return r;
}

void ring_free(struct ring **r)
{
	free(*r);
	*r = NULL;
}

/* The negative binary logarithm of the fraction h / 2^64, times 2^FRACTION: an exponential
 * distribution out of an even one. Squaring a number doubles its logarithm, whose bits so come
 * out one after the other. */
static uint64_t minus_log2(uint64_t h)
{
	int zeros = __builtin_clzll(h | 1);
	uint64_t m = (h | 1) << zeros >> 32, fraction = 0; /* m: 2^31..2^32, that is 1..2 */

	for (int i = 0; i < FRACTION; i++) {
		m = m * m >> 31;
		fraction = fraction << 1 | m >> 32;
		m >>= m >> 32;
	}
	return ((uint64_t)(zeros + 1) << FRACTION) - fraction;
}

/* How long this member waits for the key. */
static uint64_t wait_of(const struct member *m, struct str key)
{
	return (minus_log2(hash_stable(key, m->id)) << 32) / m->weight;
}

/* The member with the shortest wait; the lower id when two are equal. */
static unsigned first_of(const struct ring *r, const uint64_t *wait)
{
	unsigned best = 0;

	for (unsigned i = 1; i < r->n; i++)
		if (wait[i] < wait[best] || (wait[i] == wait[best] && r->v[i].id < r->v[best].id))
			best = i;
	return best;
}

int ring_pick(const struct ring *r, struct str key, bool (*usable)(void *arg, int value), void *arg)
{
	uint64_t wait[MAX_BOXES];

	if (!r)
		return -1;
	for (unsigned i = 0; i < r->n; i++)
		wait[i] = wait_of(&r->v[i], key);
	for (unsigned asked = 0; asked < r->n; asked++) {
		unsigned i = first_of(r, wait);

		if (!usable || usable(arg, r->v[i].value))
			return r->v[i].value;
		wait[i] = UINT64_MAX;
	}
	return -1;
}
