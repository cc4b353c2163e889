/* clock: text forms of time, to and fro. */
#include "lib/base/clock.c"

#include "unit/property.h"

#define DAY 86400000LL

/* Days from 1970 by counting them out: slow, and nothing of what clock.c uses. */
static int64_t midnight(int year, int month, int day)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t n = 0;
	int y = 1970;

	for (; y < year; y++)
		n += 365 + ((y % 4 == 0 && y % 100 != 0) || y % 400 == 0);
	for (; y > year; y--)
		n -= 365 + (((y - 1) % 4 == 0 && (y - 1) % 100 != 0) || (y - 1) % 400 == 0);
	for (int m = 1; m < month; m++)
		n += days[m - 1] +
		     (m == 2 && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0));
	return (n + day - 1) * DAY;
}

static const struct {
	int64_t ms;
	const char *rfc3339, *rfc5322, *log;
} forms[] = {
	{ 0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 +0000",
	  "1970-01-01 Thu 00:00:00.000" },
	{ 1262773968365, "2010-01-06T10:32:48Z", "Wed, 06 Jan 2010 10:32:48 +0000",
	  "2010-01-06 Wed 10:32:48.365" },
	{ 951782399999, "2000-02-28T23:59:59Z", "Mon, 28 Feb 2000 23:59:59 +0000",
	  "2000-02-28 Mon 23:59:59.999" },
	{ 951782400000, "2000-02-29T00:00:00Z", "Tue, 29 Feb 2000 00:00:00 +0000",
	  "2000-02-29 Tue 00:00:00.000" },
	{ 2147483648000, "2038-01-19T03:14:08Z", "Tue, 19 Jan 2038 03:14:08 +0000",
	  "2038-01-19 Tue 03:14:08.000" },
	{ 4107542400000, "2100-03-01T00:00:00Z", "Mon, 01 Mar 2100 00:00:00 +0000",
	  "2100-03-01 Mon 00:00:00.000" },
	{ -1, "1969-12-31T23:59:59Z", "Wed, 31 Dec 1969 23:59:59 +0000",
	  "1969-12-31 Wed 23:59:59.999" },
	{ -1000, "1969-12-31T23:59:59Z", "Wed, 31 Dec 1969 23:59:59 +0000",
	  "1969-12-31 Wed 23:59:59.000" },
	{ 253402300799999, "9999-12-31T23:59:59Z", "Fri, 31 Dec 9999 23:59:59 +0000",
	  "9999-12-31 Fri 23:59:59.999" },
};

START_TEST(writing)
{
	char dst[40];

	clock_rfc3339(forms[_i].ms, dst);
	ck_assert_str_eq(dst, forms[_i].rfc3339);
	ck_assert_uint_eq(strlen(dst), CLOCK_RFC3339_LEN);
	clock_rfc5322(forms[_i].ms, dst);
	ck_assert_str_eq(dst, forms[_i].rfc5322);
	clock_logstamp(forms[_i].ms, dst);
	ck_assert_str_eq(dst, forms[_i].log);
}
END_TEST

/* No time, however wrong, writes past the room or leaves it unwritten. */
START_TEST(absurd_times)
{
	static const int64_t times[] = { INT64_MIN, INT64_MIN + 1,  -62135596800001, -62167219200001,
					 -30610224000001, 253402300800000, INT64_MAX / 2, INT64_MAX };
	char dst[48];

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		memset(dst, '#', sizeof(dst));
		clock_rfc3339(times[i], dst);
		ck_assert_uint_eq(strlen(dst), CLOCK_RFC3339_LEN);
		ck_assert_int_eq(dst[21], '#');
		clock_rfc5322(times[i], dst);
		ck_assert_uint_lt(strlen(dst), 40);
		clock_logstamp(times[i], dst);
		ck_assert_uint_lt(strlen(dst), 40);
		ck_assert_int_eq(dst[40], '#');
	}
}
END_TEST

#define S(lit) STR_INIT(lit)

static const struct {
	struct str in;
	int want;
	int y, m, d, seconds;
} reads[] = {
	{ S("1970-01-01T00:00:00Z"), 0, 1970, 1, 1, 0 },
	{ S("2026-11-23T08:15:01Z"), 0, 2026, 11, 23, 29701 },
	{ S("2026-11-23t08:15:01z"), 0, 2026, 11, 23, 29701 },
	{ S("2026-11-23T08:15:01.5Z"), 0, 2026, 11, 23, 29701 },
	{ S("2026-11-23T08:15:01.999999999999Z"), 0, 2026, 11, 23, 29701 },
	{ S("2026-11-23T08:15:01+00:00"), 0, 2026, 11, 23, 29701 },
	{ S("2026-11-23T08:15:01-00:00"), 0, 2026, 11, 23, 29701 },
	{ S("2026-11-23T08:15:01+01:30"), 0, 2026, 11, 23, 29701 - 5400 },
	{ S("2026-11-23T08:15:01.25-01:30"), 0, 2026, 11, 23, 29701 + 5400 },
	{ S("2026-11-23T08:15:01+23:59"), 0, 2026, 11, 23, 29701 - 86340 },
	{ S("2024-02-29T00:00:00Z"), 0, 2024, 2, 29, 0 },
	{ S("2000-02-29T00:00:00Z"), 0, 2000, 2, 29, 0 },
	{ S("9999-12-31T23:59:59Z"), 0, 9999, 12, 31, 86399 },
	{ S("0001-01-01T00:00:00Z"), 0, 1, 1, 1, 0 },
	/* days that are none */
	{ S("2023-02-29T00:00:00Z"), -1, 0, 0, 0, 0 },
	{ S("2100-02-29T00:00:00Z"), -1, 0, 0, 0, 0 },
	{ S("2026-06-31T00:00:00Z"), -1, 0, 0, 0, 0 },
	{ S("2026-06-00T00:00:00Z"), -1, 0, 0, 0, 0 },
	{ S("2026-01-32T00:00:00Z"), -1, 0, 0, 0, 0 },
	{ S("2026-00-01T00:00:00Z"), -1, 0, 0, 0, 0 },
	{ S("2026-13-01T00:00:00Z"), -1, 0, 0, 0, 0 },
	{ S("0000-01-01T00:00:00Z"), -1, 0, 0, 0, 0 },
	/* hours that are none */
	{ S("2026-11-23T24:00:00Z"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:60:00Z"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:15:61Z"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:15:01+24:00"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:15:01+01:60"), -1, 0, 0, 0, 0 },
	/* other forms */
	{ S(""), -1, 0, 0, 0, 0 },
	{ { NULL, 0 }, -1, 0, 0, 0, 0 },
	{ S("2026-11-23"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:15:01"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:15:01 "), -1, 0, 0, 0, 0 },
	{ S("2026-11-23 08:15:01Z"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:15:01Zx"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:15:01Z "), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:15:01.Z"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:15:01.+01:00"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:15:01.5"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:15:01."), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:15:01+0100"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:15:01+01:0"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:15:01+1:00x"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:15:01*01:00"), -1, 0, 0, 0, 0 },
	{ S("2026-11-2308:15:01Z12345"), -1, 0, 0, 0, 0 },
	{ S("2026/11/23T08:15:01Z"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08.15.01Z"), -1, 0, 0, 0, 0 },
	{ S("+026-11-23T08:15:01Z"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T 8:15:01Z"), -1, 0, 0, 0, 0 },
	{ S("2026-11-23T08:15:01\0Z"), -1, 0, 0, 0, 0 },
};

START_TEST(reading)
{
	int64_t got = 4711, want = midnight(reads[_i].y, reads[_i].m, reads[_i].d) +
				   reads[_i].seconds * 1000LL;

	ck_assert_msg(clock_parse_rfc3339(reads[_i].in, &got) == reads[_i].want, "%s",
		      reads[_i].in.p);
	ck_assert_int_eq(got, reads[_i].want == 0 ? want : 4711);
}
END_TEST

START_TEST(to_and_fro)
{
	for (int i = 0; i < 20000; i++) {
		int64_t s = (int64_t)rnd(2000000000) * 4 - 2000000000, got;
		char text[21];

		clock_rfc3339(s * 1000 + rnd(1000), text);
		must(clock_parse_rfc3339(str_z(text), &got) == 0 && got == s * 1000, text);
	}
}
END_TEST

START_TEST(reading_clocks)
{
	int64_t ms = clock_mono_ms(), us = clock_mono_us();
	int64_t before = time(NULL), wall = clock_wall_ms() / 1000;

	ck_assert(us / 1000 >= ms && clock_mono_us() >= us && clock_mono_ms() >= us / 1000);
	/* time(2) may lag by a tick */
	ck_assert(wall >= before && wall <= time(NULL) + 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("clock");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	suite_add_tcase(s, t);
	tcase_add_loop_test(t, writing, 0, (int)ARRAY_LEN(forms));
	tcase_add_test(t, absurd_times);
	tcase_add_loop_test(t, reading, 0, (int)ARRAY_LEN(reads));
	tcase_add_test(t, to_and_fro);
	tcase_add_test(t, reading_clocks);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
