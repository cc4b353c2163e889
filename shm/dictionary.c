#include "shm/dictionary.h"

#include <errno.h>
#include <sys/mman.h>

#include "lib/base/log.h"
#include "shm/region.h"

/* An entry is two words. Each is whole by itself, and neither is changed but by exchange:
 *
 *   who     tag (32 bits of the key) | seen: its last try (32 bits, units of 4 ms). 0: free
 *   count   begin of the window (34 bits, ms) | tries in it (20) | whose (10 bits of the tag)
 *
 * Who takes a place over changes who, and nothing else: a count that is somebody else's, as its last
 * bits say, is none. So it does not matter between which of its steps a process dies. A place is not
 * taken by one whose ten bits are those that stand there.
 *
 * Two processes that bring a new client at once choose the same place, the one seen longest ago,
 * and one of them fails and finds the other's entry: seen never goes back, so what was the
 * oldest stays it until it is taken. That is why a forgotten entry keeps its place, with a
 * count of 0.
 *
 * The clocks go round in 198 days. Who comes after just that time may be taken for one
 * who was here a moment ago. */
#define SEEN_BITS 32
#define SEEN_MASK ((UINT64_C(1) << SEEN_BITS) - 1)
#define SEEN_UNIT 4
#define TIME_MASK ((UINT64_C(1) << 34) - 1)
#define COUNT_SHIFT 10
#define BEGIN_SHIFT 30
#define COUNT_MOST ((1u << 20) - 1)
#define WHOSE_MASK 0x3ff
#define CLOCKS_APART 60000 /* ms; processes need not look at the clock together */

_Static_assert(SEEN_MASK *SEEN_UNIT <= TIME_MASK, "both clocks go round together");
_Static_assert(sizeof(struct shm_bucket) * DICTIONARY_BUCKETS_PER_MB == 1 << 20, "a megabyte");
_Static_assert(DICTIONARY_BUCKETS_PER_MB *DICTIONARY_WAYS == DICTIONARY_ENTRIES_PER_MB, "as said");

/* --- words --- */

static uint64_t tag_of(uint64_t key)
{
	return key >> SEEN_BITS ? key >> SEEN_BITS : 1;
}

static bool is_of(uint64_t who, uint64_t key)
{
	return who >> SEEN_BITS == tag_of(key);
}

static unsigned tries(uint64_t count)
{
	return (unsigned)(count >> COUNT_SHIFT) & COUNT_MOST;
}

/* ms since a time of which the low 34 bits are known. */
static int64_t since(uint64_t then, int64_t now)
{
	return (int64_t)(((uint64_t)now - then + CLOCKS_APART) & TIME_MASK) - CLOCKS_APART;
}

/* From the end of the unit, so that nobody is forgotten early. */
static int64_t silence(uint64_t who, int64_t now)
{
	return since((who & SEEN_MASK) * SEEN_UNIT + SEEN_UNIT - 1, now);
}

static int64_t window_age(uint64_t count, int64_t now)
{
	return since(count >> BEGIN_SHIFT, now);
}

/* Is this the key's count, and does its client live? One that began its window in this moment has
 * not been noted as seen yet. */
static bool stands(uint64_t who, uint64_t count, uint64_t key, int64_t life_ms, int64_t now)
{
	return is_of(who, key) && (count & WHOSE_MASK) == (tag_of(key) & WHOSE_MASK) &&
	       tries(count) > 0 &&
	       (silence(who, now) <= life_ms || window_age(count, now) <= life_ms);
}

/* --- a bucket --- */

static struct shm_bucket *bucket_of(struct shm *shm, uint64_t key)
{
	uint64_t n = (uint64_t)dictionary_mb(shm) * DICTIONARY_BUCKETS_PER_MB;

	return &shm->dictionary[key % n];
}

/* Could what stands there be taken for a count of the key's? */
static bool alike(const struct shm_bucket *b, int way, uint64_t who, uint64_t key)
{
	uint64_t whose = tag_of(key) & WHOSE_MASK;

	return (who >> SEEN_BITS & WHOSE_MASK) == whose ||
	       (atomic_load(&b->count[way]) & WHOSE_MASK) == whose;
}

/* The way of the key, else that of the oldest; *who is what was found there. */
static int find(const struct shm_bucket *b, uint64_t key, int64_t now, uint64_t *who)
{
	int64_t oldest = INT64_MIN;
	int at = 0;

	*who = atomic_load(&b->who[0]);
	for (int way = 0; way < DICTIONARY_WAYS; way++) {
		uint64_t v = atomic_load(&b->who[way]);
		int64_t age = v ? silence(v, now) : INT64_MAX;

		if (is_of(v, key)) {
			*who = v;
			return way;
		}
		if (age <= oldest || (v && alike(b, way, v, key)))
			continue;
		oldest = age;
		at = way;
		*who = v;
	}
	return at;
}

/* The key's word, seen now; but never before a time that stood there. */
static uint64_t made(uint64_t key, uint64_t who, int64_t now)
{
	uint64_t seen = (uint64_t)now / SEEN_UNIT & SEEN_MASK;

	if (who && silence(who, now) < 0)
		seen = who & SEEN_MASK;
	return tag_of(key) << SEEN_BITS | seen;
}

/* A place of the key's own; *who is what stands there. */
static int settle(struct shm_bucket *b, uint64_t key, int64_t now, uint64_t *who)
{
	uint64_t mine;
	int way;

	do {
		way = find(b, key, now, who);
		if (is_of(*who, key))
			return way;
		mine = made(key, *who, now);
	} while (!atomic_compare_exchange_strong(&b->who[way], who, mine));
	*who = mine;
	return way;
}

static unsigned count_one(au64 *at, uint64_t who, uint64_t key, int64_t interval_ms,
			  int64_t life_ms, int64_t now)
{
	uint64_t old = atomic_load(at), next;
	unsigned n;

	do {
		bool runs = stands(who, old, key, life_ms, now) && window_age(old, now) < interval_ms;

		n = runs ? tries(old) + (tries(old) < COUNT_MOST) : 1;
		next = (runs ? old >> BEGIN_SHIFT : (uint64_t)now & TIME_MASK) << BEGIN_SHIFT |
		       (uint64_t)n << COUNT_SHIFT | (tag_of(key) & WHOSE_MASK);
	} while (!atomic_compare_exchange_strong(at, &old, next));
	return n;
}

unsigned dictionary_try(struct shm *shm, uint64_t key, int64_t interval_ms, int64_t life_ms, int64_t now_ms)
{
	struct shm_bucket *b = bucket_of(shm, key);
	uint64_t who, seen;
	int way = settle(b, key, now_ms, &who);
	unsigned n = count_one(&b->count[way], who, key, interval_ms, life_ms, now_ms);

	/* Behind the count: a client whose last try is long ago begins anew. Where it fails, another
	 * has been here since. */
	seen = made(key, who, now_ms);
	if (seen != who)
		atomic_compare_exchange_strong(&b->who[way], &who, seen);
	return n;
}

bool dictionary_get(const struct shm *shm, uint64_t key, int64_t interval_ms,
		    int64_t life_ms, int64_t now_ms, struct dictionary_entry *out)
{
	const struct shm_bucket *b = bucket_of((struct shm *)(uintptr_t)shm, key);
	uint64_t who, count;
	int way = find(b, key, now_ms, &who);
	int64_t age, silent;

	count = atomic_load(&b->count[way]);
	if (!stands(who, count, key, life_ms, now_ms))
		return false;
	age = window_age(count, now_ms);
	silent = silence(who, now_ms) < age ? silence(who, now_ms) : age;
	*out = (struct dictionary_entry){ .silent_ms = silent > 0 ? silent : 0 };
	if (age < interval_ms) {
		out->connections = tries(count);
		out->window_ms = interval_ms - (age > 0 ? age : 0);
	}
	return true;
}

void dictionary_forget(struct shm *shm, uint64_t key)
{
	struct shm_bucket *b = bucket_of(shm, key);
	uint64_t who, old;
	int way = find(b, key, 0, &who);

	old = atomic_load(&b->count[way]);
	while (is_of(who, key) && (old & WHOSE_MASK) == (tag_of(key) & WHOSE_MASK) &&
	       !atomic_compare_exchange_strong(&b->count[way], &old, old & WHOSE_MASK))
		;
}

/* --- its size --- */

unsigned dictionary_mb(const struct shm *shm)
{
	return atomic_load_explicit(&shm->dictionary_mb, memory_order_relaxed);
}

/* All beyond, also what a worker that had not seen the new size wrote there since the last time. */
unsigned dictionary_resize(struct shm *shm, unsigned mb)
{
	unsigned most = shm->dictionary_most;

	mb = mb < 1 ? 1 : mb > most ? most : mb;
	atomic_store(&shm->dictionary_mb, mb);
	if (mb < most && madvise((char *)shm->dictionary + ((size_t)mb << 20),
				 (size_t)(most - mb) << 20, MADV_REMOVE) < 0)
		log_warning("the address dictionary keeps its memory: %s", strerror(errno));
	return mb;
}
