/* Affinity: a client's box for a time that each session renews; the oldest of a full bucket goes;
 * workers that choose at once agree; a model over random steps; death at any moment. */
#include "shm/affinity.c"

#include <check.h>
#include <sched.h>

#include "unit/child.h"

#define NOW INT64_C(123456789)
#define LIFE 10000

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

static int get(uint64_t k, int64_t now)
{
	return affinity_get(shm, k, now, LIFE);
}

static int set(uint64_t k, int before, int box, int64_t now)
{
	return affinity_set(shm, k, before, box, now, LIFE);
}

START_TEST(kept_and_forgotten)
{
	ck_assert_int_eq(get(key(1), NOW), -1);
	ck_assert_int_eq(set(key(1), -1, 7, NOW), 7);
	ck_assert_int_eq(get(key(1), NOW), 7);
	ck_assert_int_eq(get(key(1), NOW + LIFE - TICK_MS), 7);
	ck_assert_int_eq(get(key(1), NOW + LIFE + 2 * TICK_MS), -1);
	ck_assert_int_eq(get(key(2), NOW), -1);
}
END_TEST

START_TEST(each_session_renews)
{
	int64_t now = NOW;

	ck_assert_int_eq(set(key(1), -1, 7, now), 7);
	for (int i = 0; i < 5; i++) {
		now += LIFE - TICK_MS;
		ck_assert_int_eq(get(key(1), now), 7);
		ck_assert_int_eq(set(key(1), 7, 7, now), 7);
	}
	ck_assert_int_eq(get(key(1), now + LIFE + 2 * TICK_MS), -1);
}
END_TEST

/* The same entry serves clusters with other settings, or a setting that has changed. */
START_TEST(life_is_the_askers)
{
	set(key(1), -1, 7, NOW);
	ck_assert_int_eq(affinity_get(shm, key(1), NOW + 50, 40), -1);
	ck_assert_int_eq(affinity_get(shm, key(1), NOW + 50, 100), 7);
}
END_TEST

/* Who knew of the last box may leave it; who did not know of it hears of it. */
START_TEST(the_faster_one_stands)
{
	ck_assert_int_eq(set(key(1), -1, 7, NOW), 7);
	ck_assert_int_eq(set(key(1), -1, 8, NOW), 7);
	ck_assert_int_eq(get(key(1), NOW), 7);
	ck_assert_int_eq(set(key(1), 7, 8, NOW), 8);
	ck_assert_int_eq(set(key(1), 7, 9, NOW), 8);
	ck_assert_int_eq(get(key(1), NOW), 8);
	/* one that is too old stands for nothing */
	ck_assert_int_eq(set(key(1), -1, 9, NOW + LIFE + 2 * TICK_MS), 9);
}
END_TEST

static const int64_t odd_times[] = { 0, 1, TICK_MS, (INT64_C(1) << 34) * TICK_MS - 1,
				     (INT64_C(1) << 34) * TICK_MS };

START_TEST(any_time)
{
	int64_t now = odd_times[_i];

	for (int box = 0; box < MAX_BOXES; box += 73) {
		uint64_t k = key((unsigned)box);

		ck_assert_int_eq(set(k, -1, box, now), box);
		ck_assert_int_eq(get(k, now), box);
		ck_assert_int_eq(get(k, now + LIFE - TICK_MS), box);
		ck_assert_int_eq(get(k, now + LIFE + 2 * TICK_MS), -1);
	}
}
END_TEST

static const uint64_t odd_keys[] = { 0, 1, UINT64_MAX, AFFINITY_BUCKETS, UINT64_C(1) << 63 };

START_TEST(any_key)
{
	uint64_t k = odd_keys[_i];

	ck_assert_int_eq(get(k, 0), -1);
	ck_assert_int_eq(set(k, -1, 0, 0), 0);
	ck_assert_int_eq(get(k, 0), 0);
	ck_assert_int_eq(set(k, 0, MAX_BOXES - 1, 0), MAX_BOXES - 1);
	ck_assert_int_eq(get(k, 0), MAX_BOXES - 1);
}
END_TEST

/* A time that another worker read a moment later. */
START_TEST(clock_behind)
{
	set(key(1), -1, 7, NOW);
	ck_assert_int_eq(get(key(1), NOW - 10), 7);
	ck_assert_int_eq(set(key(1), -1, 8, NOW - 10), 7);
}
END_TEST

START_TEST(keys_differ)
{
	uint64_t k = affinity_key(shm, 1, STR("abcd"));

	ck_assert_uint_eq(k, affinity_key(shm, 1, STR("abcd")));
	ck_assert_uint_ne(k, affinity_key(shm, 2, STR("abcd")));
	ck_assert_uint_ne(k, affinity_key(shm, 1, STR("abce")));
}
END_TEST

/* --- a full bucket --- */

/* Keys of one bucket, with tags of their own. */
static uint64_t key_of_bucket(unsigned i)
{
	return (uint64_t)(i + 1) << 44 | 77;
}

START_TEST(oldest_goes)
{
	for (unsigned i = 0; i < AFFINITY_WAYS; i++)
		set(key_of_bucket(i), -1, (int)i, NOW + i * TICK_MS);
	set(key_of_bucket(0), 0, 0, NOW + 20 * TICK_MS); /* now 1 is the oldest */
	set(key_of_bucket(9), -1, 9, NOW + 30 * TICK_MS);
	for (unsigned i = 0; i < AFFINITY_WAYS; i++)
		ck_assert_int_eq(get(key_of_bucket(i), NOW + 30 * TICK_MS), i == 1 ? -1 : (int)i);
	ck_assert_int_eq(get(key_of_bucket(9), NOW + 30 * TICK_MS), 9);
}
END_TEST

/* A table that keeps the last few of a bucket by age does as this one, whatever comes. */
#define KEYS 9
static struct {
	int box;
	int64_t at; /* -1: never, or thrown out */
} model[KEYS];

static int model_get(unsigned i, int64_t now)
{
	return model[i].at >= 0 && now - model[i].at <= LIFE ? model[i].box : -1;
}

static void model_set(unsigned i, int box, int64_t now)
{
	unsigned in = 0, oldest = KEYS;

	for (unsigned j = 0; j < KEYS; j++) {
		if (model[j].at < 0 || j == i)
			continue;
		in++;
		if (oldest == KEYS || model[j].at < model[oldest].at)
			oldest = j;
	}
	if (model[i].at < 0 && in == AFFINITY_WAYS)
		model[oldest].at = -1;
	model[i].box = box;
	model[i].at = now;
}

START_TEST(as_the_model)
{
	int64_t now = NOW / TICK_MS * TICK_MS;

	for (unsigned i = 0; i < KEYS; i++)
		model[i].at = -1;
	for (int step = 0; step < 20000; step++) {
		unsigned i = rnd(KEYS);
		int box = (int)rnd(MAX_BOXES), before = get(key_of_bucket(i), now);

		must(before == model_get(i, now), "what is kept");
		if (rnd(2)) {
			must(set(key_of_bucket(i), before, box, now) == box, "is changed");
			model_set(i, box, now);
		}
		now += TICK_MS * (1 + rnd(rnd(50) ? 20 : 2 * LIFE / TICK_MS)); /* ages differ */
	}
}
END_TEST

START_TEST(many_clients)
{
	unsigned lost = 0;

	for (unsigned i = 0; i < 50000; i++)
		set(key(i), -1, (int)(i % MAX_BOXES), NOW);
	for (unsigned i = 0; i < 50000; i++)
		lost += get(key(i), NOW) != (int)(i % MAX_BOXES);
	/* a fifth of the table: buckets with more than four are one in a thousand */
	ck_assert_uint_lt(lost, 250);
}
END_TEST

/* --- several workers --- */

#define HANDS 2
#define ROUNDS 300

static struct gate {
	_Atomic unsigned round, done;
	_Atomic int stands[HANDS][ROUNDS + 1];
} *gate;

struct hand {
	int me;
};

/* Each for its own box, for one new client a round, at one moment. */
static bool choose_together(void *arg)
{
	const struct hand *h = arg;

	for (unsigned r = 1; r <= ROUNDS; r++) {
		while (atomic_load(&gate->round) < r)
			;
		atomic_store(&gate->stands[h->me][r], set(key(r), -1, h->me, NOW));
		atomic_fetch_add(&gate->done, 1);
	}
	return true;
}

START_TEST(they_agree)
{
	struct hand hands[HANDS] = { { 0 }, { 1 } };
	pid_t pid[HANDS];

	gate = (struct gate *)(void *)shm->rings[0].bytes;
	for (int i = 0; i < HANDS; i++)
		pid[i] = child_start(choose_together, &hands[i]);
	for (unsigned r = 1; r <= ROUNDS; r++) {
		atomic_store(&gate->round, r);
		while (atomic_load(&gate->done) < r * HANDS)
			sched_yield();
		must(gate->stands[0][r] == gate->stands[1][r], "one box for both");
		must(gate->stands[0][r] == get(key(r), NOW), "and it is the one that is kept");
	}
	for (int i = 0; i < HANDS; i++)
		ck_assert(child_ended_well(pid[i]));
}
END_TEST

/* Writes for ever to the keys of one bucket: key i only ever has box i. */
static bool crowd(void *arg)
{
	(void)arg;
	for (int64_t now = NOW;; now += rnd(20)) {
		unsigned i = rnd(8);

		set(key_of_bucket(i), (int)i, (int)i, now);
	}
	return false;
}

START_TEST(killed_worker)
{
	for (int round = 0; round < 200; round++) {
		int64_t later = NOW + 1000 * LIFE;

		child_kill_within(child_start(crowd, NULL), 500);
		for (unsigned i = 0; i < 8; i++) {
			int box = affinity_get(shm, key_of_bucket(i), NOW, 2000 * LIFE);

			must(box == -1 || box == (int)i, "its own, or none");
		}
		must(set(key_of_bucket(20), -1, 20, later) == 20, "there is room");
		must(get(key_of_bucket(20), later) == 20, "and it is kept");
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("affinity");
	TCase *t = tcase_create("affinity");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, kept_and_forgotten);
	tcase_add_test(t, each_session_renews);
	tcase_add_test(t, life_is_the_askers);
	tcase_add_test(t, the_faster_one_stands);
	tcase_add_loop_test(t, any_time, 0, (int)ARRAY_LEN(odd_times));
	tcase_add_loop_test(t, any_key, 0, (int)ARRAY_LEN(odd_keys));
	tcase_add_test(t, clock_behind);
	tcase_add_test(t, keys_differ);
	tcase_add_test(t, oldest_goes);
	tcase_add_test(t, as_the_model);
	tcase_add_test(t, many_clients);
	tcase_add_test(t, they_agree);
	tcase_add_test(t, killed_worker);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
