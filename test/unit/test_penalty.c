/* Penalties: double, are capped, forgotten by time and by success; the oldest of a full bucket
 * goes; several workers and their deaths leave the table sound. */
#include "shm/penalty.c"

#include <check.h>
#include <sched.h>

#include "unit/child.h"

#define NOW INT64_C(123456789)

static struct shm *shm;

static void setup(void)
{
	shm = shm_create(2);
}

static void teardown(void)
{
	shm_destroy(&shm);
}

/* A key as a hash has it. */
static uint64_t key(unsigned i)
{
	uint64_t k = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	return k ^ k >> 29;
}

START_TEST(doubles_and_is_capped)
{
	int64_t want = PENALTY_FIRST_MS;

	ck_assert_int_eq(penalty_now(shm, key(1), NOW), 0);
	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(penalty_failed(shm, key(1), NOW + i), want);
		ck_assert_int_eq(penalty_now(shm, key(1), NOW + i), want);
		want = want * 2 < PENALTY_MAX_MS ? want * 2 : PENALTY_MAX_MS;
	}
	ck_assert_int_eq(want, PENALTY_MAX_MS);
	ck_assert_int_eq(penalty_now(shm, key(2), NOW), 0);
}
END_TEST

START_TEST(forgotten_in_time)
{
	penalty_failed(shm, key(1), NOW);
	penalty_failed(shm, key(1), NOW);
	ck_assert_int_eq(penalty_now(shm, key(1), NOW + PENALTY_FORGET_MS), 2 * PENALTY_FIRST_MS);
	ck_assert_int_eq(penalty_now(shm, key(1), NOW + PENALTY_FORGET_MS + 1), 0);
	ck_assert_int_eq(penalty_failed(shm, key(1), NOW + PENALTY_FORGET_MS + 1), PENALTY_FIRST_MS);
}
END_TEST

/* It is the quiet that counts: who goes on is not forgotten. */
START_TEST(each_failure_renews)
{
	int64_t now = NOW;

	for (int i = 0; i < 5; i++)
		penalty_failed(shm, key(1), now += PENALTY_FORGET_MS - 1);
	ck_assert_int_eq(penalty_now(shm, key(1), now), 16 * PENALTY_FIRST_MS);
}
END_TEST

START_TEST(success_forgets)
{
	penalty_failed(shm, key(1), NOW);
	penalty_failed(shm, key(2), NOW);
	penalty_failed(shm, key(2), NOW);
	penalty_clear(shm, key(1));
	penalty_clear(shm, key(3));
	ck_assert_int_eq(penalty_now(shm, key(1), NOW), 0);
	ck_assert_int_eq(penalty_now(shm, key(2), NOW), 2 * PENALTY_FIRST_MS);
	ck_assert_int_eq(penalty_failed(shm, key(1), NOW), PENALTY_FIRST_MS);
}
END_TEST

static const uint64_t odd_keys[] = { 0, 1, UINT64_MAX, PENALTY_BUCKETS, UINT64_C(1) << 63 };

START_TEST(any_key)
{
	uint64_t k = odd_keys[_i];

	ck_assert_int_eq(penalty_now(shm, k, NOW), 0);
	penalty_clear(shm, k);
	ck_assert_int_eq(penalty_failed(shm, k, NOW), PENALTY_FIRST_MS);
	ck_assert_int_eq(penalty_failed(shm, k, NOW), 2 * PENALTY_FIRST_MS);
	penalty_clear(shm, k);
	ck_assert_int_eq(penalty_now(shm, k, NOW), 0);
}
END_TEST

/* A key whose tag is that of a free place is not taken for it. */
START_TEST(key_without_tag)
{
	uint64_t big = UINT64_C(1) << 63 | 5;

	penalty_failed(shm, big, NOW);
	penalty_failed(shm, 5, NOW);
	penalty_clear(shm, big);
	ck_assert_int_eq(penalty_now(shm, 5, NOW), PENALTY_FIRST_MS);
	ck_assert_int_eq(penalty_failed(shm, 5, NOW), 2 * PENALTY_FIRST_MS);
}
END_TEST

/* Soon after boot the clock is young: a free place is not an entry of time 0. */
START_TEST(young_clock)
{
	ck_assert_int_eq(penalty_now(shm, key(1), 0), 0);
	ck_assert_int_eq(penalty_failed(shm, key(1), 0), PENALTY_FIRST_MS);
	ck_assert_int_eq(penalty_failed(shm, key(1), 5), 2 * PENALTY_FIRST_MS);
	ck_assert_int_eq(penalty_now(shm, key(1), 5), 2 * PENALTY_FIRST_MS);
}
END_TEST

/* A time that another worker read a moment later. */
START_TEST(clock_behind)
{
	penalty_failed(shm, key(1), NOW);
	ck_assert_int_eq(penalty_now(shm, key(1), NOW - 10), PENALTY_FIRST_MS);
	ck_assert_int_eq(penalty_failed(shm, key(1), NOW - 10), 2 * PENALTY_FIRST_MS);
}
END_TEST

START_TEST(many_keys)
{
	for (unsigned i = 0; i < 1000; i++)
		for (unsigned n = 0; n < 1 + i % 3; n++)
			penalty_failed(shm, key(i), NOW + i);
	for (unsigned i = 0; i < 1000; i++)
		must(penalty_now(shm, key(i), NOW + i) == PENALTY_FIRST_MS << i % 3, "its own");
	for (unsigned i = 1000; i < 2000; i++)
		must(penalty_now(shm, key(i), NOW) == 0, "nobody else's");
}
END_TEST

/* Keys of one bucket, found by trying. */
static uint64_t key_of_bucket(unsigned n)
{
	const au64 *first = bucket_of(shm, key(0));

	for (unsigned i = 0;; i++)
		if (bucket_of(shm, key(i)) == first && n-- == 0)
			return key(i);
}

START_TEST(oldest_goes)
{
	uint64_t k[PENALTY_WAYS + 2];

	for (unsigned i = 0; i < PENALTY_WAYS + 2; i++)
		k[i] = key_of_bucket(i);
	for (unsigned i = 0; i < PENALTY_WAYS; i++) {
		penalty_failed(shm, k[i], NOW + i);
		penalty_failed(shm, k[i], NOW + i);
	}
	penalty_failed(shm, k[0], NOW + 50); /* now 1 is the oldest */
	ck_assert_int_eq(penalty_failed(shm, k[PENALTY_WAYS], NOW + 60), PENALTY_FIRST_MS);
	ck_assert_int_eq(penalty_now(shm, k[1], NOW + 60), 0);
	ck_assert_int_eq(penalty_now(shm, k[0], NOW + 60), 4 * PENALTY_FIRST_MS);
	for (unsigned i = 2; i < PENALTY_WAYS; i++)
		ck_assert_int_eq(penalty_now(shm, k[i], NOW + 60), 2 * PENALTY_FIRST_MS);
	/* a place that a success freed goes before the oldest */
	penalty_clear(shm, k[0]);
	penalty_failed(shm, k[PENALTY_WAYS + 1], NOW + 70);
	for (unsigned i = 2; i < PENALTY_WAYS; i++)
		ck_assert_int_eq(penalty_now(shm, k[i], NOW + 70), 2 * PENALTY_FIRST_MS);
}
END_TEST

/* --- several workers --- */

#define HANDS 2
#define ROUNDS 500
#define KEYS 211

/* Shared by the children: a ring that nothing here uses. */
static struct gate {
	_Atomic unsigned round, done;
} *gate;

/* All fail for the same keys, one failure each, in an order of their own, so that they meet. */
static bool fail_together(void *arg)
{
	unsigned stride = *(unsigned *)arg;

	for (unsigned r = 1; r <= ROUNDS; r++) {
		while (atomic_load(&gate->round) < r)
			;
		for (unsigned i = 0; i < KEYS; i++)
			penalty_failed(shm, key(i * stride % KEYS), NOW);
		atomic_fetch_add(&gate->done, 1);
	}
	return true;
}

/* Guesses over several workers at once cost as much as one after the other. */
START_TEST(none_is_lost)
{
	unsigned strides[HANDS] = { 1, KEYS - 1 };
	pid_t pid[HANDS];

	gate = (struct gate *)(void *)shm->rings[0].bytes;
	for (int i = 0; i < HANDS; i++)
		pid[i] = child_start(fail_together, &strides[i]);
	for (unsigned r = 1; r <= ROUNDS; r++) {
		atomic_store(&gate->round, r);
		while (atomic_load(&gate->done) < r * HANDS)
			sched_yield();
		for (unsigned i = 0; i < KEYS; i++) {
			must(penalty_now(shm, key(i), NOW) == 2 * PENALTY_FIRST_MS, "none lost");
			penalty_clear(shm, key(i));
			must(penalty_now(shm, key(i), NOW) == 0, "and a success forgets all");
		}
	}
	for (int i = 0; i < HANDS; i++)
		ck_assert(child_ended_well(pid[i]));
}
END_TEST

/* Fails and succeeds for many keys of one bucket. */
static bool crowd(void *arg)
{
	uint64_t k[8];

	for (unsigned i = 0; i < 8; i++)
		k[i] = key_of_bucket(i);
	for (unsigned i = 0; !arg; i++) {
		penalty_failed(shm, k[rnd(8)], NOW);
		if (i % 4 == 0)
			penalty_clear(shm, k[rnd(8)]);
	}
	return false;
}

/* Whoever was killed: a key that was never used has no penalty, another counts anew, and all is
 * forgotten in time. */
START_TEST(killed_worker)
{
	uint64_t mine = key_of_bucket(9), other = key_of_bucket(10);

	for (int i = 0; i < 200; i++) {
		child_kill_within(child_start(crowd, NULL), 500);
		must(penalty_now(shm, other, NOW) == 0, "who did nothing has nothing");
		must(penalty_failed(shm, mine, NOW + 1) == PENALTY_FIRST_MS, "the first");
		must(penalty_failed(shm, mine, NOW + 1) == 2 * PENALTY_FIRST_MS, "the second");
		penalty_clear(shm, mine);
		must(penalty_now(shm, mine, NOW + 1) == 0, "cleared");
		for (unsigned j = 0; j < 8; j++)
			must(penalty_now(shm, key_of_bucket(j), NOW + PENALTY_FORGET_MS + 1) == 0,
			     "forgotten");
	}
}
END_TEST

/* Up to a bound nothing, then doubling with the number; the last window counts on, the one before not. */
START_TEST(site)
{
	static const struct { unsigned n; int64_t delay; } steps[] = {
		{ PENALTY_SITE_FREE, 0 }, { PENALTY_SITE_FREE + 1, 1000 },
		{ 2 * PENALTY_SITE_FREE + 1, 1000 }, { 2 * PENALTY_SITE_FREE + 2, 2000 },
		{ 4 * PENALTY_SITE_FREE + 4, 4000 }, { 8 * PENALTY_SITE_FREE + 8, 8000 },
		{ 16 * PENALTY_SITE_FREE + 16, 16000 }, { 100 * PENALTY_SITE_FREE, 16000 },
	};
	int64_t now = 50 * (int64_t)PENALTY_SITE_MS + 7, end = 51 * (int64_t)PENALTY_SITE_MS;
	unsigned n = 0;

	ck_assert_int_eq(penalty_site_now(shm, 1), 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		for (; n < steps[i].n; n++)
			penalty_site_failed(shm, now);
		ck_assert_int_eq(penalty_site_now(shm, now), steps[i].delay);
	}
	ck_assert_int_eq(penalty_site_now(shm, end), 16000);
	ck_assert_int_eq(penalty_site_now(shm, end + PENALTY_SITE_MS - 1), 16000);
	ck_assert_int_eq(penalty_site_now(shm, end + PENALTY_SITE_MS), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("penalty");
	TCase *t = tcase_create("penalty");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, doubles_and_is_capped);
	tcase_add_test(t, forgotten_in_time);
	tcase_add_test(t, each_failure_renews);
	tcase_add_test(t, success_forgets);
	tcase_add_loop_test(t, any_key, 0, (int)ARRAY_LEN(odd_keys));
	tcase_add_test(t, key_without_tag);
	tcase_add_test(t, young_clock);
	tcase_add_test(t, clock_behind);
	tcase_add_test(t, many_keys);
	tcase_add_test(t, oldest_goes);
	tcase_add_test(t, none_is_lost);
	tcase_add_test(t, killed_worker);
	tcase_add_test(t, site);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
