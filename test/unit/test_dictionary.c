/* Tries of each client: windows to the millisecond against a model, the oldest out, forgetting, sizes,
 * eight processes at once, death at any instruction. */
#include "shm/dictionary.c"

#include <check.h>
#include <sched.h>

#include "unit/child.h"

#define NOW INT64_C(7200000123)
#define INTERVAL INT64_C(60000)
#define LIFE INT64_C(3600000)

static struct shm *shm;

static void setup(void)
{
	shm = shm_create(8);
	dictionary_resize(shm, 1);
}

static void teardown(void)
{
	shm_destroy(&shm);
}

/* Keys as callers have them. */
static uint64_t hash(uint64_t i)
{
	uint64_t k = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	k = (k ^ k >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	return k ^ k >> 27;
}

static unsigned try(uint64_t i, int64_t now)
{
	return dictionary_try(shm, hash(i), INTERVAL, LIFE, now);
}

/* -1: nothing is held. */
static int64_t held(uint64_t i, int64_t now)
{
	struct dictionary_entry e;

	return dictionary_get(shm, hash(i), INTERVAL, LIFE, now, &e) ? (int64_t)e.connections : -1;
}

/* --- one client --- */

START_TEST(window)
{
	ck_assert_int_eq(held(1, NOW), -1);
	ck_assert_uint_eq(try(1, NOW), 1);
	ck_assert_uint_eq(try(1, NOW), 2);
	ck_assert_uint_eq(try(2, NOW + 5), 1);
	ck_assert_uint_eq(try(1, NOW + INTERVAL - 1), 3);
	ck_assert_int_eq(held(1, NOW + INTERVAL - 1), 3);
	ck_assert_int_eq(held(1, NOW + INTERVAL), 0); /* no window runs, but it is known */
	ck_assert_uint_eq(try(1, NOW + INTERVAL), 1); /* the next begins with the next try */
	ck_assert_uint_eq(try(1, NOW + 2 * INTERVAL - 1), 2);
	ck_assert_uint_eq(try(1, NOW + 2 * INTERVAL + 7), 1);
	ck_assert_uint_eq(try(1, NOW + 3 * INTERVAL + 6), 2);
	ck_assert_uint_eq(try(1, NOW + 3 * INTERVAL + 7), 1);
}
END_TEST

START_TEST(told)
{
	struct dictionary_entry e;

	try(1, NOW);
	try(1, NOW + 20000);
	ck_assert(dictionary_get(shm, hash(1), INTERVAL, LIFE, NOW + 50000, &e));
	ck_assert_uint_eq(e.connections, 2);
	ck_assert_int_eq(e.window_ms, 10000);
	ck_assert_int_gt(e.silent_ms, 30000 - SEEN_UNIT);
	ck_assert_int_le(e.silent_ms, 30000);
	ck_assert(dictionary_get(shm, hash(1), INTERVAL, LIFE, NOW + 90000, &e));
	ck_assert_uint_eq(e.connections, 0);
	ck_assert_int_eq(e.window_ms, 0);
	ck_assert_int_gt(e.silent_ms, 70000 - SEEN_UNIT);
}
END_TEST

/* A silence ends it, whatever window runs; tries keep it, also ones that begin no window. */
START_TEST(silence_ends_it)
{
	int64_t life = 5000, at = NOW;

	for (unsigned i = 1; i < 10; i++, at += life)
		ck_assert_uint_eq(dictionary_try(shm, hash(1), INTERVAL, life, at), i);
	at -= life;
	ck_assert_uint_eq(dictionary_try(shm, hash(1), INTERVAL, life, at + life + SEEN_UNIT), 1);
	ck_assert(!dictionary_get(shm, hash(1), INTERVAL, life, at + 2 * life + 2 * SEEN_UNIT,
				  &(struct dictionary_entry){ 0 }));
}
END_TEST

/* Killed, or only interrupted, between its count and its note that it has seen the client, who had been
 * away long: the next one counts on. */
START_TEST(counted_and_not_seen)
{
	struct shm_bucket *b = bucket_of(shm, hash(1));
	int64_t later = NOW + LIFE + INTERVAL;
	uint64_t who, after;
	int way;

	try(1, NOW);
	way = find(b, hash(1), NOW, &who);
	ck_assert_uint_eq(try(1, later), 1);
	after = atomic_exchange(&b->who[way], who);
	ck_assert_int_eq(held(1, later + 5), 1);
	ck_assert_uint_eq(try(1, later + 5), 2);
	ck_assert_uint_gt(atomic_load(&b->who[way]), after);
}
END_TEST

START_TEST(forgets)
{
	for (unsigned i = 0; i < 9; i++) {
		try(1, NOW + i);
		try(2, NOW + i);
	}
	dictionary_forget(shm, hash(1));
	dictionary_forget(shm, hash(3)); /* nothing there */
	ck_assert_int_eq(held(1, NOW + 9), -1);
	ck_assert_int_eq(held(2, NOW + 9), 9);
	ck_assert_int_eq(held(3, NOW + 9), -1);
	ck_assert_uint_eq(try(1, NOW + 10), 1);
	ck_assert_uint_eq(try(1, NOW + 11), 2);
	dictionary_forget(shm, hash(1));
	dictionary_forget(shm, hash(1));
	ck_assert_uint_eq(try(1, NOW + 12), 1);
}
END_TEST

/* More tries than are counted do not begin anew. */
START_TEST(most)
{
	struct shm_bucket *b = bucket_of(shm, hash(1));
	uint64_t who;
	int way;

	try(1, NOW);
	way = find(b, hash(1), NOW, &who);
	atomic_fetch_add(&b->count[way], (uint64_t)(COUNT_MOST - 3) << COUNT_SHIFT);
	ck_assert_uint_eq(try(1, NOW), COUNT_MOST - 1);
	ck_assert_uint_eq(try(1, NOW), COUNT_MOST);
	ck_assert_uint_eq(try(1, NOW), COUNT_MOST);
	ck_assert_uint_eq(try(1, NOW + INTERVAL), 1);
}
END_TEST

/* Keys of which the counted bits are all 0, or all 1, and times around which the clocks go round. */
START_TEST(odd)
{
	static const uint64_t keys[] = { 0, 1, UINT64_MAX, UINT64_MAX >> 32, UINT64_MAX << 32 };
	static const int64_t times[] = { 0,
					 3,
					 5000,
					 (INT64_C(1) << 34) - 30000,
					 INT64_C(1) << 34,
					 (INT64_C(1) << 40) - 1 };

	for (size_t t = 0; t < ARRAY_LEN(times); t++)
		for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
			dictionary_forget(shm, keys[k]);
			for (unsigned i = 1; i < 4; i++)
				ck_assert_uint_eq(dictionary_try(shm, keys[k], INTERVAL, LIFE,
								 times[t] + i * 20000 - 20000),
						  i);
			ck_assert_uint_eq(dictionary_try(shm, keys[k], INTERVAL, LIFE, times[t] + INTERVAL),
					  1);
		}
}
END_TEST

/* Processes' clocks are a little apart: one that is behind counts in the window of the other. */
START_TEST(clocks_apart)
{
	ck_assert_uint_eq(try(1, NOW + 40), 1);
	ck_assert_uint_eq(try(1, NOW), 2);
	ck_assert_int_eq(held(1, NOW), 2);
	ck_assert_uint_eq(try(1, NOW + 40 + INTERVAL - 1), 3);
	ck_assert_uint_eq(try(1, NOW + 40 + INTERVAL), 1);
	ck_assert_uint_eq(try(1, NOW + INTERVAL), 2);
}
END_TEST

/* Any tries of some clients at any times: a list of them, read as the header says, counts the same. */
#define CLIENTS 40

START_TEST(as_a_model)
{
	static struct {
		int64_t begin, last;
		unsigned n;
	} m[CLIENTS];
	int64_t now = NOW;
	static const int64_t steps[] = { 0, 1, 2, 49, 50, 99, 100, 101, 1000, 999, 5001 };

	memset(m, 0, sizeof(m));
	for (unsigned i = 0; i < 1000000; i++) {
		unsigned c = rnd(CLIENTS);
		int64_t interval = c % 2 ? 100 : 1000, life = c % 3 ? 1000 : 3000;

		now += rnd(4) ? 0 : steps[rnd(ARRAY_LEN(steps))];
		/* what is seen counts in units of 4 ms: between them either is right */
		if (m[c].n && now - m[c].last > life && now - m[c].last <= life + SEEN_UNIT)
			continue;
		if (!m[c].n || now - m[c].begin >= interval || now - m[c].last > life) {
			m[c].begin = now;
			m[c].n = 0;
		}
		m[c].last = now;
		m[c].n++;
		must(dictionary_try(shm, hash(c), interval, life, now) == m[c].n, "as the model");
		if (rnd(100) == 0) {
			dictionary_forget(shm, hash(c));
			m[c].n = 0;
		}
	}
}
END_TEST

/* --- room --- */

/* Keys of one bucket. */
static uint64_t same_bucket(unsigned i)
{
	return (hash(i) >> 32 << 32) - (hash(i) >> 32 << 32) % DICTIONARY_BUCKETS_PER_MB;
}

static unsigned try_same(unsigned i, int64_t now)
{
	return dictionary_try(shm, same_bucket(i), INTERVAL, LIFE, now);
}

START_TEST(oldest_goes)
{
	for (unsigned i = 0; i < DICTIONARY_WAYS; i++)
		must(try_same(i, NOW + 10 * i) == 1, "new");
	for (unsigned i = 0; i < DICTIONARY_WAYS; i += 2) /* the even ones stay in use */
		must(try_same(i, NOW + 100 + i) == 2, "resident");
	for (unsigned i = 0; i < DICTIONARY_WAYS / 2; i++)
		must(try_same(100 + i, NOW + 200) == 1, "takes a place, and no count along");
	for (unsigned i = 0; i < DICTIONARY_WAYS; i += 2)
		must(try_same(i, NOW + 300) == 3, "still there");
	for (unsigned i = 0; i < DICTIONARY_WAYS / 2; i++)
		must(try_same(100 + i, NOW + 301) == 2, "and they, too");
	for (unsigned i = 1; i < DICTIONARY_WAYS; i += 2)
		must(!dictionary_get(shm, same_bucket(i), INTERVAL, LIFE, NOW + 301,
				     &(struct dictionary_entry){ 0 }),
		     "gone");
}
END_TEST

/* A million clients go through a megabyte: no count is ever too high. */
START_TEST(never_too_high)
{
	for (unsigned i = 0; i < 1000000; i++)
		must(try(i, NOW + i / 100) == 1, "a first try");
	for (unsigned i = 1000000 - 100; i < 1000000; i++)
		must(try(i, NOW + 10000) == 2, "the newest are there");
}
END_TEST

static size_t pages(unsigned from_mb)
{
	size_t bytes = (size_t)(shm->dictionary_most - from_mb) << 20, n = 0, size = 64u << 20;
	static unsigned char in[64u << 8];

	bytes = bytes > size ? size : bytes;
	must(mincore((char *)shm->dictionary + ((size_t)from_mb << 20), bytes, in) == 0, "mincore");
	for (size_t i = 0; i < bytes >> 12; i++)
		n += in[i] & 1;
	return n;
}

/* Memory is taken up to the limit, and what is beyond a smaller one is given back. */
START_TEST(sizes)
{
	ck_assert_uint_eq(dictionary_resize(shm, 16), 16);
	for (unsigned i = 0; i < 400000; i++)
		try(i, NOW);
	ck_assert_uint_gt(pages(0), 16 * 256 - 10);
	ck_assert_uint_eq(pages(16), 0);
	ck_assert_uint_eq(dictionary_resize(shm, 2), 2);
	ck_assert_uint_eq(pages(2), 0);
	ck_assert_uint_eq(pages(0), 512);
	try(5, NOW);
	ck_assert_uint_eq(try(5, NOW), 2);
	ck_assert_uint_eq(dictionary_resize(shm, 0), 1);
	ck_assert_uint_eq(dictionary_resize(shm, 100000), DICTIONARY_MB_MOST);
	ck_assert_uint_eq(dictionary_mb(shm), DICTIONARY_MB_MOST);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_uint_eq(try(i + 500000, NOW), 1);
}
END_TEST

/* --- over processes --- */

#define PROCESSES 8
#define HOT 16
#define TRIES 20000
#define CROWD 400000

/* Each tries the hot ones TRIES times, among strangers of a crowd: no window ends meanwhile. */
static bool hammer(void *arg)
{
	unsigned self = (unsigned)(uintptr_t)arg;

	property_seed += self * 99;
	for (unsigned i = 0; i < TRIES; i++)
		for (unsigned h = 0; h < HOT; h++) {
			try(h, NOW + i / 1000);
			if (h % 2)
				try(1000 + rnd(CROWD), NOW + i / 1000);
		}
	return true;
}

START_TEST(no_lost_try)
{
	pid_t pids[PROCESSES];

	dictionary_resize(shm, 8);
	for (unsigned p = 0; p < PROCESSES; p++)
		pids[p] = child_start(hammer, (void *)(uintptr_t)p);
	for (unsigned p = 0; p < PROCESSES; p++)
		ck_assert(child_ended_well(pids[p]));
	for (unsigned h = 0; h < HOT; h++)
		must(held(h, NOW + TRIES / 1000) == PROCESSES * TRIES, "each try counts once");
}
END_TEST

/* All bring the same new clients, each as often: nobody gets two entries. */
static bool bring_new(void *arg)
{
	for (unsigned i = 0; i < 20000; i++)
		for (unsigned n = 0; n < 5; n++)
			try(i, NOW + i / 100);
	return arg != NULL;
}

START_TEST(one_entry_each)
{
	pid_t pids[PROCESSES];

	dictionary_resize(shm, 4);
	for (unsigned p = 0; p < PROCESSES; p++)
		pids[p] = child_start(bring_new, &pids);
	for (unsigned p = 0; p < PROCESSES; p++)
		ck_assert(child_ended_well(pids[p]));
	for (unsigned i = 0; i < 20000; i++)
		must(held(i, NOW + 200) == 5 * PROCESSES, "one entry, all tries");
}
END_TEST

/* --- windows that end while two processes count --- */

static _Atomic unsigned *firsts;

static bool roll(void *arg)
{
	for (unsigned i = 0; i < 20000; i++)
		for (unsigned c = 0; c < 4; c++) {
			int64_t now = NOW + (int64_t)(i / 10) * 10;

			if (dictionary_try(shm, hash(c), 10, LIFE, now) == 1)
				atomic_fetch_add(&firsts[(i / 10) * 4 + c], 1);
		}
	return arg != NULL;
}

/* One that is behind counts in the window of the other; whoever begins one is alone in it. */
START_TEST(windows_begin_once)
{
	pid_t pids[2];

	firsts = mmap(NULL, 8000 * sizeof(*firsts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne((void *)firsts, MAP_FAILED);
	for (unsigned p = 0; p < 2; p++)
		pids[p] = child_start(roll, &pids);
	for (unsigned p = 0; p < 2; p++)
		ck_assert(child_ended_well(pids[p]));
	for (unsigned i = 0; i < 8000; i++)
		must(firsts[i] <= 1, "a window begins once");
}
END_TEST

/* --- death --- */

struct count {
	_Atomic unsigned begun[HOT], done[HOT];
};
static struct count *counted;

static bool count_aloud(void *arg)
{
	for (unsigned i = 0;; i++) {
		atomic_fetch_add(&counted->begun[i % HOT], 1);
		try(i % HOT, NOW);
		atomic_fetch_add(&counted->done[i % HOT], 1);
		try(1000 + rnd(CROWD), NOW - 1000);
	}
	return arg != NULL;
}

/* Killed at any instruction: what was done counts, what had begun may; entries are whole, places
 * can be taken, counts go on. */
START_TEST(killed)
{
	counted = mmap(NULL, sizeof(*counted), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(counted, MAP_FAILED);
	for (unsigned round = 0; round < 300; round++) {
		pid_t one = child_start(count_aloud, NULL), two = child_start(count_aloud, NULL);

		child_kill_within(one, 400);
		child_kill_within(two, 400);
		for (unsigned h = 0; h < HOT; h++) {
			unsigned done = counted->done[h];
			int64_t n = held(h, NOW);

			done = done < COUNT_MOST ? done : COUNT_MOST; /* on a fast machine */
			must((n < 0 ? 0 : n) >= done, "a try is lost");
			must(n <= (int64_t)counted->begun[h], "a try that nobody made");
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dictionary");
	TCase *t = tcase_create("dictionary");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, window);
	tcase_add_test(t, told);
	tcase_add_test(t, silence_ends_it);
	tcase_add_test(t, counted_and_not_seen);
	tcase_add_test(t, forgets);
	tcase_add_test(t, most);
	tcase_add_test(t, odd);
	tcase_add_test(t, clocks_apart);
	tcase_add_test(t, as_a_model);
	tcase_add_test(t, oldest_goes);
	tcase_add_test(t, never_too_high);
	tcase_add_test(t, sizes);
	tcase_add_test(t, no_lost_try);
	tcase_add_test(t, one_entry_each);
	tcase_add_test(t, windows_begin_once);
	tcase_add_test(t, killed);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
