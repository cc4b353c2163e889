/* Flags: the newest of all workers, in order; whole, whoever is killed. */
#include "shm/flags.c"

#include <check.h>
#include <stdio.h>

#include "unit/child.h"

static struct shm *shm;

static void setup(void)
{
	shm = shm_create(2);
}

static void teardown(void)
{
	shm_destroy(&shm);
}

START_TEST(newest_first)
{
	struct flag v[8];

	ck_assert_uint_eq(flags_newest(shm, v, 8), 0);
	for (unsigned i = 0; i < FLAGS_KEPT + 3; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%u", i);
		flag_put(shm, i % 2, str_z(name), STR("why"), 100 + i);
	}
	ck_assert_uint_eq(flags_newest(shm, v, 8), 8);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_eq(v[i].time, 100 + FLAGS_KEPT + 2 - i);
	ck_assert_str_eq(v[0].subject, "n18");
	ck_assert_str_eq(v[0].reason, "why");
	for (unsigned i = 0; i < 3 * FLAGS_KEPT; i++)
		flag_put(shm, 0, STR("new"), STR("w"), 1000 + i);
	ck_assert_uint_eq(flags_newest(shm, v, 1), 1);
	ck_assert_int_eq(v[0].time, 1000 + 3 * FLAGS_KEPT - 1);
}
END_TEST

static bool put_on(void *arg)
{
	char same[FLAG_REASON];

	(void)arg;
	for (unsigned i = 0;; i++) {
		memset(same, 'a' + (int)(i % 26), sizeof(same) - 1);
		same[sizeof(same) - 1] = '\0';
		flag_put(shm, 0, str_z(same), str_z(same), 1);
	}
	return false;
}

/* A text is never of two, also while it is written and when its writer was killed there. */
START_TEST(killed_worker)
{
	struct flag v[FLAGS_KEPT];

	for (unsigned round = 0; round < 100; round++) {
		unsigned n;

		child_kill_within(child_start(put_on, NULL), 2000);
		n = flags_newest(shm, v, FLAGS_KEPT);
		ck_assert_uint_ge(n + 1, round > 20 ? FLAGS_KEPT : 0);
		for (unsigned i = 0; i < n; i++) {
			ck_assert_str_eq(v[i].subject, v[i].reason);
			ck_assert_uint_eq(strspn(v[i].reason, (char[]){ v[i].reason[0], '\0' }),
					  FLAG_REASON - 1);
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("flags");
	TCase *t = tcase_create("flags");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, newest_first);
	tcase_add_test(t, killed_worker);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
