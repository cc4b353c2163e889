#include "lib/route/balance.h"

#include "lib/route/ring.h"
#include "shm/affinity.h"
#include "shm/boxes.h"
#include "shm/counters.h"

/* --- round robin ---
 * A tree of halves, of which none is ever built: of each node's turns the left half
 * gets those at which the line "left weight / both" (Bresenham 1965) steps up, the
 * right half the others, and each half numbers its own. Nothing is remembered but the
 * number of the turn, so workers need to share no more, and a box that comes or goes
 * needs no new table. */

static uint64_t sum_of(const unsigned *weight, unsigned n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += weight[i];
	return sum;
}

/* How many of n > 1 make the left half: as near to half of the weight as there is. */
static unsigned left_half(const unsigned *weight, unsigned n, uint64_t sum,
			  uint64_t *left)
{
	unsigned k = 1;

	*left = weight[0];
	/* One more, while that comes nearer to the middle than to stop before it. */
	while (k < n - 1 && 2 * *left + weight[k] < sum)
		*left += weight[k++];
	return k;
}

/* Of the first n turns, those of the left. */
static uint64_t lefts(uint64_t n, uint64_t left, uint64_t sum)
{
	return (n * left + sum / 2) / sum;
}

unsigned balance_turn(const unsigned *weight, unsigned n, uint64_t number)
{
	uint64_t sum, left;
	unsigned at = 0;

	if (n < 2) /* it has every turn */
		return 0;
	sum = sum_of(weight, n);
	number %= sum;
	while (n > 1) {
		unsigned k = left_half(weight + at, n, sum, &left);
		uint64_t before = lefts(number, left, sum);

		if (lefts(number + 1, left, sum) > before) {
			number = before;
			n = k;
			sum = left;
		} else {
			number -= before;
			at += k;
			n -= k;
			sum -= left;
		}
	}
	return at;
}

/* --- fewest sessions --- */

static bool lighter(const struct balance_load *a, const struct balance_load *b)
{
	return a->sessions * b->weight < b->sessions * a->weight;
}

unsigned balance_least(const struct balance_load *v, unsigned n, uint64_t number)
{
	unsigned weight[MAX_BOXES], who[MAX_BOXES] = { 0 }, equal = 0;
	const struct balance_load *least = v;

	for (unsigned i = 1; i < n; i++)
		if (lighter(&v[i], least))
			least = &v[i];
	for (unsigned i = 0; i < n && equal < MAX_BOXES; i++) {
		if (lighter(least, &v[i]))
			continue;
		weight[equal] = v[i].weight;
		who[equal++] = i;
	}
	return who[balance_turn(weight, equal, number)];
}

/* --- clients --- */

struct str balance_client(const struct ipaddr *client)
{
	size_t n = ip_is4(client) ? sizeof(client->b) : sizeof(client->b) / 2;

	return (struct str){ (const char *)client->b, n };
}

/* --- candidates --- */

struct choice {
	const struct topo_cluster *c;
	struct shm *shm;
	struct str client;
	int64_t now;
	struct balance_tried *tried;
	struct topo_box *candidates[MAX_BOXES];
	unsigned n;
};

static bool was_tried(const struct balance_tried *t, int box)
{
	return t->bits[box / 64] >> box % 64 & 1;
}

static bool has_room(const struct choice *x, const struct topo_box *b)
{
	return b->row.max_sessions == 0 ||
	       counter_box(x->shm, -1, b->shm, BC_sessions) < b->row.max_sessions;
}

static bool is_candidate(const struct choice *x, const struct topo_box *b)
{
	return b->light == LIGHT_GREEN && b->shm >= 0 && !was_tried(x->tried, b->shm) &&
	       boxes_fit(x->shm, b->shm, x->now) && has_room(x, b);
}

static struct topo_box *box_at(const struct topo_cluster *c, int shm)
{
	for (unsigned i = 0; i < c->n_boxes && shm >= 0; i++)
		if (c->boxes[i].shm == shm)
			return &c->boxes[i];
	return NULL;
}

/* The same, if it may be used. */
static struct topo_box *candidate_at(const struct choice *x, int shm)
{
	struct topo_box *b = box_at(x->c, shm);

	return b && is_candidate(x, b) ? b : NULL;
}

/* The first candidate along the fall-overs of a box. No chain without a loop is longer
 * than the boxes there are. */
static struct topo_box *fallover(const struct choice *x, int failed)
{
	struct topo_box *b = box_at(x->c, failed);

	for (unsigned i = 0; b && i < x->c->n_boxes; i++) {
		b = b->fallover >= 0 ? &x->c->boxes[b->fallover] : NULL;
		if (b && is_candidate(x, b))
			return b;
	}
	return NULL;
}

/* --- the methods, over at least one candidate --- */

static uint64_t turn_of(const struct choice *x)
{
	return take_cluster_turn(x->shm, x->c->shm);
}

static struct topo_box *round_robin(const struct choice *x)
{
	unsigned weight[MAX_BOXES];

	for (unsigned i = 0; i < x->n; i++)
		weight[i] = (unsigned)x->candidates[i]->row.weight;
	return x->candidates[balance_turn(weight, x->n, turn_of(x))];
}

static struct topo_box *least_sessions(const struct choice *x)
{
	struct balance_load v[MAX_BOXES];

	for (unsigned i = 0; i < x->n; i++) {
		const struct topo_box *b = x->candidates[i];
		int64_t n = counter_box(x->shm, -1, b->shm, BC_sessions);

		v[i].sessions = n > 0 ? (uint64_t)n : 0;
		v[i].weight = (unsigned)b->row.weight;
	}
	return x->candidates[balance_least(v, x->n, turn_of(x))];
}

static bool is_usable(void *arg, int value)
{
	const struct choice *x = arg;

	return is_candidate(x, &x->c->boxes[value]);
}

static struct topo_box *client_hash(const struct choice *x)
{
	int i = ring_pick(x->c->client_ring, x->client, is_usable, (void *)(uintptr_t)x);

	return i >= 0 ? &x->c->boxes[i] : NULL;
}

static struct topo_box *by_method(struct choice *x)
{
	static struct topo_box *(*const methods[])(const struct choice *x) = {
		[METHOD_ROUND_ROBIN] = round_robin,
		[METHOD_LEAST_SESSIONS] = least_sessions,
		[METHOD_CLIENT_HASH] = client_hash,
	};

	for (unsigned i = 0; i < x->c->n_boxes && x->n < MAX_BOXES; i++)
		if (is_candidate(x, &x->c->boxes[i]))
			x->candidates[x->n++] = &x->c->boxes[i];
	return x->n > 0 ? methods[x->c->method](x) : NULL;
}

/* --- all together --- */

static struct topo_box *chosen(struct choice *x, int failed)
{
	struct topo_box *b = fallover(x, failed);

	return b ? b : by_method(x);
}

/* The client's last box, else a choice that becomes it. When another worker has served
 * the same client meanwhile, its choice stands. */
static struct topo_box *chosen_for_client(struct choice *x, int failed)
{
	int64_t life = x->c->affinity_ms;
	uint64_t key = affinity_key(x->shm, x->c->shm, x->client);
	int last = affinity_get(x->shm, key, x->now, life);
	struct topo_box *b = failed < 0 ? candidate_at(x, last) : NULL, *stands;

	b = b ? b : chosen(x, failed);
	if (!b)
		return NULL;
	stands = candidate_at(x, affinity_set(x->shm, key, last, b->shm, x->now, life));
	return stands ? stands : b;
}

struct topo_box *balance_choose(const struct topo_cluster *c, struct shm *shm,
				const struct ipaddr *client, int64_t mono_ms, int failed,
				struct balance_tried *tried)
{
	struct choice x = { .c = c,
			    .shm = shm,
			    .client = balance_client(client),
			    .now = mono_ms,
			    .tried = tried };
	struct topo_box *b;

	b = c->affinity_ms > 0 ? chosen_for_client(&x, failed) : chosen(&x, failed);
	if (b)
		tried->bits[b->shm / 64] |= UINT64_C(1) << b->shm % 64;
	return b;
}
