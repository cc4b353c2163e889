#include "shm/penalty.h"

#include "shm/region.h"

#define TIME_BITS 56
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)
#define MOST_FAILURES 200

static struct shm_penalty *bucket(struct shm *shm, uint64_t key)
{
	return shm->penalty[key % PENALTY_BUCKETS];
}

static int64_t age(uint64_t what, int64_t now)
{
	return now - (int64_t)(what & TIME_MASK);
}

/* The entry of key; with make, taking a free, forgotten or the oldest one for it. Two workers
 * that make one at the same time may make two: the key is then counted twice as slowly. */
static struct shm_penalty *find(struct shm *shm, uint64_t key, int64_t now, bool make)
{
	struct shm_penalty *b = bucket(shm, key), *oldest = b;
	uint64_t old;

	for (int i = 0; i < PENALTY_WAYS; i++) {
		if (atomic_load(&b[i].key) == key)
			return &b[i];
		if (age(atomic_load(&b[i].what), now) > age(atomic_load(&oldest->what), now))
			oldest = &b[i];
	}
	if (!make)
		return NULL;
	old = atomic_load(&oldest->key);
	atomic_store(&oldest->what, 0);
	return atomic_compare_exchange_strong(&oldest->key, &old, key) ? oldest : NULL;
}

static int64_t delay_of(uint64_t failures)
{
	int64_t ms = PENALTY_FIRST_MS;

	if (failures == 0)
		return 0;
	while (--failures > 0 && ms < PENALTY_MAX_MS)
		ms *= 2;
	return ms < PENALTY_MAX_MS ? ms : PENALTY_MAX_MS;
}

int64_t penalty_failed(struct shm *shm, uint64_t key, int64_t mono_ms)
{
	struct shm_penalty *p = find(shm, key ? key : 1, mono_ms, true);
	uint64_t what, n;

	if (!p)
		return PENALTY_FIRST_MS;
	what = atomic_load(&p->what);
	n = age(what, mono_ms) > PENALTY_FORGET_MS ? 0 : what >> TIME_BITS;
	n = n < MOST_FAILURES ? n + 1 : n;
	atomic_store(&p->what, n << TIME_BITS | ((uint64_t)mono_ms & TIME_MASK));
	return delay_of(n);
}

int64_t penalty_now(const struct shm *shm, uint64_t key, int64_t mono_ms)
{
	struct shm_penalty *p = find((struct shm *)(uintptr_t)shm, key ? key : 1, mono_ms, false);
	uint64_t what = p ? atomic_load(&p->what) : 0;

	return p && age(what, mono_ms) <= PENALTY_FORGET_MS ? delay_of(what >> TIME_BITS) : 0;
}

void penalty_clear(struct shm *shm, uint64_t key)
{
	struct shm_penalty *p = find(shm, key ? key : 1, 0, false);

	if (p)
		atomic_store(&p->what, 0);
}
