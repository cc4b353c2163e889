#include "shm/history.h"

#include "shm/region.h"

const struct history_shape history_shapes[HISTORY_RINGS] = {
	[HISTORY_RECENT] = { "recent", 5000, 120 },
	[HISTORY_HOUR] = { "hour", 30000, 120 },
	[HISTORY_DAY] = { "day", 300000, HISTORY_SAMPLES },
	[HISTORY_WEEK] = { "week", 3600000, 168 },
};

#define INFO(name, counter, help) { #name, help, HF_##name == HF_sessions },
const struct counter_info history_info[HF_COUNT] = { HISTORY_FIELDS(INFO) };

#define SOURCE(name, counter, help) counter,
static const enum cluster_counter sources[HF_COUNT] = { HISTORY_FIELDS(SOURCE) };

/* --- writing --- */

/* A counter over all clusters. The place of one that was deleted keeps its counts: sums never
 * go back. */
static int64_t sum_of(const struct shm *shm, enum cluster_counter c)
{
	int64_t sum = 0;

	for (int i = 0; i < MAX_CLUSTERS; i++)
		sum += counter_cluster(shm, -1, i, c);
	return sum;
}

static int64_t all_refusals(const struct shm *shm)
{
	int64_t sum = 0;

	for (int c = 0; c < CC_COUNT; c++)
		if (counter_cause(&cluster_counter_info[c]))
			sum += sum_of(shm, (enum cluster_counter)c);
	return sum;
}

static void look(const struct shm *shm, struct shm_totals *now)
{
	for (int f = 0; f < HF_COUNT; f++)
		now->v[f] = sources[f] == CC_COUNT ? all_refusals(shm) : sum_of(shm, sources[f]);
}

/* Has a multiple of the interval passed since the last one? (Its age alone would make each a
 * part of a beat too long.) */
static bool is_due(const struct shm_history *h, int64_t interval, int64_t mono_ms)
{
	uint64_t n = atomic_load(&h->count);

	return n == 0 || h->v[(n - 1) % HISTORY_ROOM].mono / interval != mono_ms / interval;
}

void history_take(struct shm *shm, int64_t mono_ms, int64_t wall_ms)
{
	struct shm_totals now = { .mono = mono_ms, .wall = wall_ms };
	bool looked = false;

	for (int r = 0; r < HISTORY_RINGS; r++) {
		struct shm_history *h = &shm->history[r];

		if (!is_due(h, history_shapes[r].interval_ms, mono_ms))
			continue;
		if (!looked)
			look(shm, &now);
		looked = true;
		h->v[atomic_load(&h->count) % HISTORY_ROOM] = now;
		atomic_fetch_add_explicit(&h->count, 1, memory_order_release);
	}
}

/* --- reading --- */

unsigned history_count(const struct shm *shm, enum history_ring ring)
{
	uint64_t n = atomic_load_explicit(&shm->history[ring].count, memory_order_acquire);
	unsigned most = history_shapes[ring].samples;

	return n == 0 ? 0 : n - 1 < most ? (unsigned)(n - 1) : most;
}

static struct history_sample between(const struct shm_totals *a, const struct shm_totals *b)
{
	struct history_sample s = { .wall_ms = b->wall, .ms = b->mono - a->mono };

	for (int f = 0; f < HF_COUNT; f++)
		s.v[f] = history_info[f].gauge ? b->v[f] : b->v[f] - a->v[f];
	return s;
}

void history_each(const struct shm *shm, enum history_ring ring,
		  void (*fn)(void *arg, const struct history_sample *s), void *arg)
{
	const struct shm_history *h = &shm->history[ring];
	uint64_t n = atomic_load_explicit(&h->count, memory_order_acquire);

	for (uint64_t i = n - history_count(shm, ring); i < n; i++) {
		struct history_sample s = between(&h->v[(i - 1) % HISTORY_ROOM],
						  &h->v[i % HISTORY_ROOM]);

		fn(arg, &s);
	}
}
