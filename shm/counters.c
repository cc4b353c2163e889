#include "shm/counters.h"

#include "lib/base/clock.h"
#include "shm/region.h"

#define INFO(name, gauge, help) { #name, help, gauge },
const struct counter_info cluster_counter_info[CC_COUNT] = { CLUSTER_COUNTERS(INFO) };
const struct counter_info box_counter_info[BC_COUNT] = { BOX_COUNTERS(INFO) };

const char *counter_cause(const struct counter_info *c)
{
	static const char prefix[] = "refused_";

	return strncmp(c->name, prefix, strlen(prefix)) == 0 ? c->name + strlen(prefix) : NULL;
}

int clusters_assign(struct shm *shm, struct str cluster)
{
	return name_assign(shm->clusters, MAX_CLUSTERS, cluster, STR(""));
}

void clusters_forget(struct shm *shm, struct str cluster)
{
	name_forget(shm->clusters, MAX_CLUSTERS, cluster, STR(""));
}

int clusters_find(const struct shm *shm, struct str cluster)
{
	return name_find(shm->clusters, MAX_CLUSTERS, cluster, STR(""));
}

bool clusters_name(const struct shm *shm, int cluster, struct str *name)
{
	*name = str_z(shm->clusters[cluster].cluster);
	return atomic_load_explicit(&shm->clusters[cluster].state, memory_order_acquire) ==
	       NAME_USED;
}

/* One writer a cell: a plain add that readers see whole; no locked instruction. */
static void add(ai64 *cell, int64_t delta)
{
	int64_t v = atomic_load_explicit(cell, memory_order_relaxed);

	atomic_store_explicit(cell, v + delta, memory_order_relaxed);
}

void count_cluster(struct shm *shm, unsigned slot, int cluster, enum cluster_counter c,
		   int64_t delta)
{
	if (cluster < 0 || cluster >= MAX_CLUSTERS || slot >= MAX_WORKERS || delta == 0)
		return;
	add(&shm->counts[slot].cluster[cluster][c], delta);
	if (c == CC_sessions)
		add(&shm->counts[slot].sessions, delta);
}

void count_box(struct shm *shm, unsigned slot, int box, enum box_counter c, int64_t delta)
{
	if (box >= 0 && box < MAX_BOXES && slot < MAX_WORKERS)
		add(&shm->counts[slot].box[box][c], delta);
}

void count_latency(struct shm *shm, unsigned slot, int box, int64_t ms)
{
	int bucket = 0;
	au64 *cell;

	ms = ms < 0 ? 0 : ms;
	if (box < 0 || box >= MAX_BOXES || slot >= MAX_WORKERS)
		return;
	while (bucket < LATENCY_BUCKETS - 1 && ms >= (int64_t)1 << bucket)
		bucket++;
	cell = &shm->counts[slot].latency[box][bucket];
	atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	add(&shm->counts[slot].latency_sum[box], ms);
}

int64_t counter_cluster(const struct shm *shm, int slot, int cluster, enum cluster_counter c)
{
	int64_t sum = 0;

	if (cluster < 0 || cluster >= MAX_CLUSTERS)
		return 0;
	for (unsigned i = 0; i < shm->workers; i++)
		if (slot < 0 || (unsigned)slot == i)
			sum += atomic_load(&shm->counts[i].cluster[cluster][c]);
	return sum;
}

int64_t counter_box(const struct shm *shm, int slot, int box, enum box_counter c)
{
	int64_t sum = 0;

	if (box < 0 || box >= MAX_BOXES)
		return 0;
	for (unsigned i = 0; i < shm->workers; i++)
		if (slot < 0 || (unsigned)slot == i)
			sum += atomic_load(&shm->counts[i].box[box][c]);
	return sum;
}

void counter_latency(const struct shm *shm, int slot, int box, uint64_t out[LATENCY_BUCKETS])
{
	memset(out, 0, LATENCY_BUCKETS * sizeof(*out));
	for (unsigned i = 0; i < shm->workers && box >= 0 && box < MAX_BOXES; i++)
		for (int b = 0; b < LATENCY_BUCKETS && (slot < 0 || (unsigned)slot == i); b++)
			out[b] += atomic_load(&shm->counts[i].latency[box][b]);
}

int64_t counter_latency_sum(const struct shm *shm, int slot, int box)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < shm->workers && box >= 0 && box < MAX_BOXES; i++)
		if (slot < 0 || (unsigned)slot == i)
			sum += atomic_load(&shm->counts[i].latency_sum[box]);
	return sum;
}

/* Adds first and looks then: two workers that come for the last place may both go away, but
 * never both stay. The fence keeps each one's add before its look. */
bool take_cluster_session(struct shm *shm, unsigned slot, int cluster, uint64_t max)
{
	count_cluster(shm, slot, cluster, CC_sessions, 1);
	if (max == 0)
		return true;
	atomic_thread_fence(memory_order_seq_cst);
	if (counter_cluster(shm, -1, cluster, CC_sessions) <= (int64_t)max)
		return true;
	count_cluster(shm, slot, cluster, CC_sessions, -1);
	return false;
}

bool take_box_session(struct shm *shm, unsigned slot, int box, uint64_t max)
{
	count_box(shm, slot, box, BC_sessions, 1);
	if (max == 0)
		return true;
	atomic_thread_fence(memory_order_seq_cst);
	if (counter_box(shm, -1, box, BC_sessions) <= (int64_t)max)
		return true;
	count_box(shm, slot, box, BC_sessions, -1);
	return false;
}

uint64_t take_cluster_turn(struct shm *shm, int cluster)
{
	if (cluster < 0 || cluster >= MAX_CLUSTERS)
		return 0;
	return atomic_fetch_add_explicit(&shm->turns[cluster], 1, memory_order_relaxed);
}

int64_t worker_sessions(const struct shm *shm, unsigned slot)
{
	return atomic_load_explicit(&shm->counts[slot].sessions, memory_order_relaxed);
}

/* One that hangs takes nobody in, and must not hold up the others by its few. */
static bool takes_part(const struct shm_slot *s, int64_t mono_ms)
{
	return atomic_load_explicit(&s->pid, memory_order_relaxed) &&
	       mono_ms - atomic_load_explicit(&s->beat, memory_order_relaxed) < BEAT_STALE_MS;
}

/* Clearly more: a sixteenth above the mean of the live workers, and at least two. */
bool worker_over_share(const struct shm *shm, unsigned slot)
{
	int64_t mine = worker_sessions(shm, slot), now = clock_mono_ms(), sum = 0, live = 0;

	for (unsigned i = 0; i < shm->workers; i++) {
		if (!takes_part(&shm->slots[i], now))
			continue;
		sum += worker_sessions(shm, i);
		live++;
	}
	return (mine - 2) * live > sum + sum / 16;
}
