/* Claims: one holder at a time, whoever dies, and no longer than was said. */
#include "shm/claims.c"

#include <check.h>
#include <sched.h>

#include "unit/child.h"

#define NOW INT64_C(123456789)
#define KEY UINT64_C(0xfedcba9876543210)

static struct shm *shm;

static void setup(void)
{
	shm = shm_create(2);
}

static void teardown(void)
{
	shm_destroy(&shm);
}

START_TEST(one_holder)
{
	uint64_t mine = claim_take(shm, KEY, NOW, 1000);

	ck_assert_uint_ne(mine, 0);
	ck_assert_uint_eq(claim_take(shm, KEY, NOW, 1000), 0);
	ck_assert_uint_eq(claim_take(shm, KEY, NOW + 999, 1000), 0);
	ck_assert_uint_ne(claim_take(shm, KEY + 1, NOW, 1000), 0);
	claim_release(shm, KEY, mine);
	ck_assert_uint_ne(claim_take(shm, KEY, NOW, 1000), 0);
}
END_TEST

/* It ends by itself; who comes back late does not take it from the next one. */
START_TEST(runs_out)
{
	uint64_t mine = claim_take(shm, KEY, NOW, 1000), next;

	next = claim_take(shm, KEY, NOW + 1000, 1000);
	ck_assert_uint_ne(next, 0);
	claim_release(shm, KEY, mine);
	ck_assert_uint_eq(claim_take(shm, KEY, NOW + 1500, 1000), 0);
	claim_release(shm, KEY, next);
	ck_assert_uint_ne(claim_take(shm, KEY, NOW + 1500, 1000), 0);
}
END_TEST

/* Keys of one place exclude each other; none is let in beside another. */
START_TEST(one_place)
{
	uint64_t other = KEY + (UINT64_C(1) << 50), mine = claim_take(shm, KEY, NOW, 1000);

	ck_assert_ptr_eq(place_of(shm, KEY), place_of(shm, other));
	ck_assert_uint_eq(claim_take(shm, other, NOW, 1000), 0);
	claim_release(shm, other, UINT64_MAX); /* not its own */
	ck_assert_uint_eq(claim_take(shm, other, NOW, 1000), 0);
	claim_release(shm, KEY, mine);
	ck_assert_uint_ne(claim_take(shm, other, NOW, 1000), 0);
}
END_TEST

START_TEST(odd_keys)
{
	static const uint64_t keys[] = { 0, 1, UINT64_MAX, UINT64_MAX << 40 };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		uint64_t claim = claim_take(shm, keys[i], NOW, 1);

		ck_assert_uint_ne(claim, 0);
		claim_release(shm, keys[i], claim);
	}
}
END_TEST

/* --- processes --- */

#define HANDS 4
#define TURNS 20000

static struct board {
	_Atomic unsigned inside, met, turns;
} *board;

/* Takes it, is alone, gives it back. */
static bool take_turns(void *arg)
{
	(void)arg;
	while (atomic_load(&board->turns) < TURNS) {
		uint64_t claim = claim_take(shm, KEY, NOW, 1000);

		if (!claim)
			continue;
		if (atomic_fetch_add(&board->inside, 1) != 0)
			atomic_fetch_add(&board->met, 1);
		if (rnd(64) == 0)
			sched_yield();
		atomic_fetch_add(&board->turns, 1);
		atomic_fetch_sub(&board->inside, 1);
		claim_release(shm, KEY, claim);
	}
	return true;
}

START_TEST(never_two)
{
	pid_t pid[HANDS];

	board = (struct board *)(void *)shm->rings[0].bytes;
	for (int i = 0; i < HANDS; i++)
		pid[i] = child_start(take_turns, NULL);
	for (int i = 0; i < HANDS; i++)
		ck_assert(child_ended_well(pid[i]));
	ck_assert_uint_eq(atomic_load(&board->met), 0);
}
END_TEST

static bool take_on(void *arg)
{
	while (!arg)
		claim_release(shm, KEY, claim_take(shm, KEY, NOW, 1000));
	return false;
}

/* What a killed one held runs out. */
START_TEST(killed_holder)
{
	for (int i = 0; i < 200; i++) {
		uint64_t claim;

		child_kill_within(child_start(take_on, NULL), 300);
		claim = claim_take(shm, KEY, NOW + 1000, 1000);
		must(claim != 0, "free again in time");
		must(claim_take(shm, KEY, NOW + 1000, 1000) == 0, "and taken again");
		claim_release(shm, KEY, claim);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("claims");
	TCase *t = tcase_create("claims");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, one_holder);
	tcase_add_test(t, runs_out);
	tcase_add_test(t, one_place);
	tcase_add_test(t, odd_keys);
	tcase_add_test(t, never_two);
	tcase_add_test(t, killed_holder);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
