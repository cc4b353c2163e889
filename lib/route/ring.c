#include "lib/route/ring.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/hash.h"

#define POINTS 160 /* a unit of weight, as ketama has it */
#define MOST_POINTS 20000
#define SEED 0x70726f746f62616cu /* fixed: the ring is the same everywhere */

struct point {
	uint64_t at;
	int value;
};
struct ring {
	struct point *v;
	size_t n;
};

static int point_order(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->value - y->value;
}

static unsigned points_of(const struct ring_member *m, uint64_t total)
{
	uint64_t n = (uint64_t)m->weight * POINTS;

	/* Many heavy boxes: the same shares with fewer points, at least some for each. */
	if (total * POINTS > MOST_POINTS)
		n = n * MOST_POINTS / (total * POINTS);
	return n < 16 ? 16 : (unsigned)n;
}

struct ring *ring_build(const struct ring_member *v, unsigned n)
{
	struct ring *r;
	uint64_t total = 0;
	size_t points = 0;

	if (n == 0)
		return NULL;
	for (unsigned i = 0; i < n; i++)
		total += v[i].weight;
	for (unsigned i = 0; i < n; i++)
		points += points_of(&v[i], total);
	r = mem_zalloc(sizeof(*r));
	r->v = mem_alloc(points * sizeof(*r->v));
	for (unsigned i = 0; i < n; i++) {
		uint64_t base = hash_stable(v[i].name, SEED);

		for (unsigned j = 0; j < points_of(&v[i], total); j++) {
			uint64_t key[2] = { base, j };
			struct str s = { (const char *)key, sizeof(key) };

			r->v[r->n++] = (struct point){ hash_stable(s, SEED), v[i].value };
		}
	}
	qsort(r->v, r->n, sizeof(*r->v), point_order);
	return r;
}

void ring_free(struct ring **r)
{
	if (!*r)
		return;
	free((*r)->v);
	free(*r);
	*r = NULL;
}

/* The first point at or after at, round the end. */
static size_t successor(const struct ring *r, uint64_t at)
{
	size_t lo = 0, hi = r->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->v[mid].at < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == r->n ? 0 : lo;
}

int ring_pick(const struct ring *r, struct str key, bool (*usable)(void *arg, int value), void *arg)
{
	size_t from;
	int last = -1; /* the same box often follows itself: ask once */

	if (!r)
		return -1;
	from = successor(r, hash_stable(key, SEED));
	for (size_t i = 0; i < r->n; i++) {
		int value = r->v[(from + i) % r->n].value;

		if (value == last)
			continue;
		if (!usable || usable(arg, value))
			return value;
		last = value;
	}
	return -1;
}
