#include "shm/penalty.h"

#include "lib/base/hash.h"
#include "shm/quota.h"
#include "shm/region.h"

/* An entry is one word, so that it is whole at any moment, whoever dies:
 *   tag (20 bits of the key) | failures (4) | last failure (mono ms, 40 bits: 34 years)
 * A free one is 0, hence the oldest of all. The keys are hashes: of those that meet in a bucket,
 * one pair in a million shares an entry. */
#define TAG_BITS 20
#define TIME_BITS 40
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)
#define MOST_FAILURES 15

static au64 *bucket_of(struct shm *shm, uint64_t key)
{
	return shm->penalty[key % PENALTY_BUCKETS];
}

static uint64_t tag_of(uint64_t key)
{
	return key >> (64 - TAG_BITS);
}

static unsigned failures_of(uint64_t entry)
{
	return (unsigned)(entry >> TIME_BITS) & MOST_FAILURES;
}

static bool belongs(uint64_t entry, uint64_t key)
{
	return failures_of(entry) > 0 && tag_of(entry) == tag_of(key);
}

/* The entry of key, else the place for a new one: a free one, or the oldest. *entry is what
 * was found there. */
static au64 *find(struct shm *shm, uint64_t key, uint64_t *entry)
{
	au64 *bucket = bucket_of(shm, key), *place = NULL;
	uint64_t oldest = UINT64_MAX;

	for (int i = 0; i < PENALTY_WAYS; i++) {
		uint64_t v = atomic_load(&bucket[i]);

		if (!belongs(v, key) && (v & TIME_MASK) >= oldest)
			continue;
		oldest = v & TIME_MASK;
		place = &bucket[i];
		*entry = v;
		if (belongs(v, key))
			break;
	}
	return place;
}

/* The failures of key that are not forgotten. */
static unsigned standing(uint64_t entry, uint64_t key, int64_t now)
{
	int64_t age = now - (int64_t)(entry & TIME_MASK);

	return belongs(entry, key) && age <= PENALTY_FORGET_MS ? failures_of(entry) : 0;
}

static int64_t delay_of(unsigned failures)
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
	uint64_t old, made, n;
	au64 *at;

	do {
		at = find(shm, key, &old);
		n = standing(old, key, mono_ms);
		n = n < MOST_FAILURES ? n + 1 : n;
		made = tag_of(key) << (64 - TAG_BITS) | n << TIME_BITS |
		       ((uint64_t)mono_ms & TIME_MASK);
	} while (!atomic_compare_exchange_strong(at, &old, made));
	return delay_of((unsigned)n);
}

int64_t penalty_now(const struct shm *shm, uint64_t key, int64_t mono_ms)
{
	uint64_t v;

	find((struct shm *)(uintptr_t)shm, key, &v);
	return delay_of(standing(v, key, mono_ms));
}

void penalty_clear(struct shm *shm, uint64_t key)
{
	uint64_t v;
	au64 *at;

	do
		at = find(shm, key, &v);
	while (belongs(v, key) && !atomic_compare_exchange_strong(at, &v, 0));
}

/* --- the site --- */

void penalty_site_failed(struct shm *shm, int64_t mono_ms)
{
	quota_add(shm, QUOTA_GUESSES, 0, 1, PENALTY_SITE_MS, mono_ms);
}

/* The last window counts on, or the delay would be gone at the begin of each. */
int64_t penalty_site_now(struct shm *shm, int64_t mono_ms)
{
	unsigned now = quota_sum(shm, QUOTA_GUESSES, 0, PENALTY_SITE_MS, mono_ms), last = 0;
	unsigned doublings = 0;

	if (mono_ms >= PENALTY_SITE_MS)
		last = quota_sum(shm, QUOTA_GUESSES, 0, PENALTY_SITE_MS, mono_ms - PENALTY_SITE_MS);
	now = now > last ? now : last;
	if (now <= PENALTY_SITE_FREE)
		return 0;
	while (now /= 2, now > PENALTY_SITE_FREE)
		doublings++;
	return delay_of(doublings + 1);
}

/* --- keys --- */

uint64_t penalty_network(const struct shm *shm, enum penalty_kind kind, const struct ipaddr *client)
{
	struct ipaddr net = ip_network(client);
	char text[1 + sizeof(net.b)] = { (char)kind };

	memcpy(text + 1, net.b, sizeof(net.b));
	return hash_sip(shm_secret(shm), (struct str){ text, sizeof(text) });
}

/* A longer name is nobody's. */
uint64_t penalty_account(const struct shm *shm, struct str address)
{
	char text[1 + LIMIT_ADDRESS + 1] = { 'a' };

	address.n = address.n <= LIMIT_ADDRESS ? address.n : LIMIT_ADDRESS + 1;
	str_lower(text + 1, address);
	return hash_sip(shm_secret(shm), (struct str){ text, 1 + address.n });
}
