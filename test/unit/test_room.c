/* room: times shrink as a table fills, in order, and never below what a retry needs. */
#include "lib/guard/room.c"

#include <check.h>
#include <stdlib.h>

#define MINUTE INT64_C(60000)
#define DAY (1440 * MINUTE)

static const struct gate_rules set = {
	.greylist = { 5 * MINUTE, 360 * MINUTE, 120 * DAY },
	.suspicious_ms = 120 * MINUTE,
	.spread_ms = 28 * DAY,
	.spread_factor = 10000,
	.rows_most = 1000,
};

static void ck_kept(uint64_t rows, int64_t window, int64_t suspicious, int64_t age, int64_t spread)
{
	struct gate_rules r = room_rules(&set, rows);

	ck_assert_int_eq(r.greylist.initial_ms, 5 * MINUTE);
	ck_assert_int_eq(r.greylist.window_ms, window);
	ck_assert_int_eq(r.greylist.max_age_ms, age);
	ck_assert_int_eq(r.suspicious_ms, suspicious);
	ck_assert_int_eq(r.spread_ms, spread);
	ck_assert_int_eq(r.spread_factor, 10000);
}

START_TEST(edges)
{
	for (uint64_t rows = 0; rows <= 500; rows += 100)
		ck_kept(rows, 360 * MINUTE, 120 * MINUTE, 120 * DAY, 28 * DAY);
	ck_kept(750, 185 * MINUTE, 125 * MINUTE / 2, 121 * DAY / 2, 28 * DAY * 4 / 7);
	ck_kept(1000, 10 * MINUTE, 5 * MINUTE, DAY, 4 * DAY);
	ck_kept(UINT64_MAX, 10 * MINUTE, 5 * MINUTE, DAY, 4 * DAY);
	ck_assert(room_for_more(&set, 999) && !room_for_more(&set, 1000));
}
END_TEST

START_TEST(the_fuller_the_shorter)
{
	struct gate_rules before = set;

	for (uint64_t rows = 0; rows <= 1100; rows++) {
		struct gate_rules r = room_rules(&set, rows);

		ck_assert(r.greylist.window_ms <= before.greylist.window_ms &&
			  r.spread_ms <= before.spread_ms &&
			  r.greylist.max_age_ms <= before.greylist.max_age_ms &&
			  r.suspicious_ms <= before.suspicious_ms);
		before = r;
	}
}
END_TEST

/* What is set shorter than the least stays; without a bound all does. */
START_TEST(short_already)
{
	struct gate_rules r = set, got;

	r.greylist = (struct greylist_times){ MINUTE, MINUTE, MINUTE };
	r.suspicious_ms = r.spread_ms = 0;
	got = room_rules(&r, 1000);
	ck_assert_int_eq(got.greylist.window_ms, MINUTE);
	ck_assert_int_eq(got.greylist.max_age_ms, MINUTE);
	ck_assert(got.suspicious_ms == 0 && got.spread_ms == 0);
	r = set;
	r.rows_most = 0;
	got = room_rules(&r, UINT64_MAX);
	ck_assert_int_eq(got.spread_ms, set.spread_ms);
	ck_assert(room_for_more(&r, UINT64_MAX));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("room");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, edges);
	tcase_add_test(t, the_fuller_the_shorter);
	tcase_add_test(t, short_already);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
