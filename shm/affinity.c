#include "shm/affinity.h"

#include "lib/base/hash.h"
#include "shm/region.h"

/* An entry is one word, so that it is whole at any moment, whoever dies:
 *   tag (20 bits of the key) | box + 1 (10) | begin of the last session (34, of 8 ms each)
 * A free one is 0. The clock goes round in four years; ages are differences modulo
 * that. */
#define TAG_BITS 20
#define TIME_BITS 34
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)
#define TICK_MS 8
#define BOX_MASK 0x3ff

_Static_assert(MAX_BOXES <= BOX_MASK, "a box has room in an entry");

static uint64_t ticks(int64_t mono_ms)
{
	return (uint64_t)mono_ms / TICK_MS & TIME_MASK;
}

static uint64_t tag_of(uint64_t key)
{
	return key >> (64 - TAG_BITS);
}

static int box_of(uint64_t entry)
{
	return (int)(entry >> TIME_BITS & BOX_MASK) - 1;
}

static bool belongs(uint64_t entry, uint64_t key)
{
	return entry != 0 && entry >> (64 - TAG_BITS) == tag_of(key);
}

/* Workers read their clocks once a turn: an entry may seem to be of the future, by
 * little. */
static uint64_t age(uint64_t entry, uint64_t now)
{
	uint64_t t = (now - entry) & TIME_MASK;

	return t > TIME_MASK / 2 ? 0 : t;
}

/* The entry of key, else the place for a new one: a free one, or the oldest. *entry is
 * what was found there. */
static au64 *find(struct shm *shm, uint64_t key, uint64_t now, uint64_t *entry)
{
	au64 *bucket = shm->affinity[key % AFFINITY_BUCKETS], *place = NULL;
	uint64_t oldest = 0;

	for (int i = 0; i < AFFINITY_WAYS; i++) {
		uint64_t v = atomic_load(&bucket[i]);
		uint64_t old = v ? age(v, now) : TIME_MASK;

		if (place && !belongs(v, key) && old <= oldest)
			continue;
		oldest = old;
		place = &bucket[i];
		*entry = v;
		if (belongs(v, key))
			break;
	}
	return place;
}

/* The box of key as the entry has it; -1: it is another's, or too old. */
static int standing(uint64_t entry, uint64_t key, uint64_t now, int64_t life_ms)
{
	if (!belongs(entry, key) || age(entry, now) * TICK_MS > (uint64_t)life_ms)
		return -1;
	return box_of(entry);
}

uint64_t affinity_key(const struct shm *shm, int cluster, struct str client)
{
	char text[64];
	size_t n = client.n < sizeof(text) - 1 ? client.n : sizeof(text) - 1;

	text[0] = (char)cluster;
	memcpy(text + 1, client.p, n);
	return hash_sip(shm->secret, (struct str){ text, n + 1 });
}

int affinity_get(const struct shm *shm, uint64_t key, int64_t mono_ms, int64_t life_ms)
{
	uint64_t now = ticks(mono_ms), v;

	find((struct shm *)(uintptr_t)shm, key, now, &v);
	return standing(v, key, now, life_ms);
}

int affinity_set(struct shm *shm, uint64_t key, int before, int box, int64_t mono_ms,
		 int64_t life_ms)
{
	uint64_t now = ticks(mono_ms), old, made;
	au64 *at;
	int is;

	made = tag_of(key) << (64 - TAG_BITS) | (uint64_t)(box + 1) << TIME_BITS | now;
	do {
		at = find(shm, key, now, &old);
		is = standing(old, key, now, life_ms);
		if (is >= 0 && is != before && is != box)
			return is;
	} while (!atomic_compare_exchange_strong(at, &old, made));
	return box;
}
