/* Strangers: distinct senders of one client, in a window; forgotten by an administrator. */
#include "lib/guard/strangers.c"

#include <check.h>
#include <stdio.h>

#include "unit/property.h"

#define NOW INT64_C(7200000123)
#define WINDOW INT64_C(7200000)

static struct shm *shm;

static void setup(void)
{
	shm = shm_create(2);
}

static void teardown(void)
{
	shm_destroy(&shm);
}

static struct ipaddr ip_of(const char *text)
{
	struct ipaddr ip;

	ck_assert_int_eq(ip_parse(str_z(text), &ip, NULL), 0);
	return ip;
}

static bool over(const char *client, const char *sender, int64_t most, int64_t now)
{
	struct ipaddr ip = ip_of(client);

	return strangers_exceeded(shm, &ip, str_z(sender), most, WINDOW, now);
}

static bool over_nth(const char *client, unsigned nth, int64_t most)
{
	char sender[32];

	snprintf(sender, sizeof(sender), "s%u@d.ee", nth);
	return over(client, sender, most, NOW);
}

static const int64_t limits[] = { 1, 2, 10, 100, 1000 };

/* As many as allowed, as often as they like; one more is too many, and from then on each is. */
START_TEST(limit)
{
	int64_t most = limits[_i];

	for (int round = 0; round < 2; round++)
		for (unsigned i = 0; i < most; i++)
			must(!over_nth("10.0.0.1", i, most), "allowed");
	ck_assert(over_nth("10.0.0.1", (unsigned)most, most));
	ck_assert(over_nth("10.0.0.1", 0, most));
	ck_assert(!over_nth("10.0.0.2", 0, most)); /* a neighbour is another client */
}
END_TEST

/* The largest limit there may be, and what is none. */
START_TEST(odd_limits)
{
	ck_assert(!over_nth("10.0.0.1", 0, 100000));
	ck_assert(!over_nth("10.0.0.1", 0, INT64_MAX));
	ck_assert(over_nth("10.0.0.1", 0, 0));
	ck_assert(over_nth("10.0.0.1", 0, -1));
}
END_TEST

START_TEST(in_any_case)
{
	char longest[400];

	ck_assert(!over("10.0.0.1", "a@b.cc", 1, NOW));
	ck_assert(!over("10.0.0.1", "A@B.cc", 1, NOW));
	ck_assert(!over("::ffff:10.0.0.1", "a@b.cc", 1, NOW)); /* the same client */
	ck_assert(over("10.0.0.1", "b@b.cc", 1, NOW));
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ck_assert(!over("10.0.0.3", longest, 1, NOW));
}
END_TEST

START_TEST(by_network_of_ipv6)
{
	ck_assert(!over("2001:db8:0:1::1", "a@b.cc", 2, NOW));
	ck_assert(!over("2001:db8:0:1:ffff::2", "b@b.cc", 2, NOW));
	ck_assert(!over("2001:db8:0:2::1", "c@b.cc", 2, NOW));
	ck_assert(over("2001:db8:0:1::3", "c@b.cc", 2, NOW));
}
END_TEST

START_TEST(window)
{
	ck_assert(!over("10.0.0.1", "a@b.cc", 1, NOW));
	ck_assert(over("10.0.0.1", "b@b.cc", 1, NOW));
	ck_assert(!over("10.0.0.1", "b@b.cc", 1, (NOW / WINDOW + 1) * WINDOW));
}
END_TEST

START_TEST(forgotten_client)
{
	struct ipaddr ip = ip_of("2001:db8::1"), neighbour = ip_of("10.0.0.9");

	for (unsigned i = 0; i < 3; i++) {
		over_nth("2001:db8::1", i, 2);
		over_nth("10.0.0.9", i, 2);
	}
	ck_assert(over_nth("2001:db8::1", 0, 2));
	strangers_forget(shm, &ip);
	ck_assert(!over_nth("2001:db8::1", 0, 2));
	ck_assert(!over_nth("2001:db8::2", 1, 2));
	ck_assert(over_nth("2001:db8::1", 2, 2));
	ck_assert(over_nth("10.0.0.9", 0, 2));
	strangers_forget(shm, &neighbour);
	ck_assert(!over_nth("10.0.0.9", 0, 2));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("strangers");
	TCase *t = tcase_create("strangers");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, limit, 0, (int)ARRAY_LEN(limits));
	tcase_add_test(t, odd_limits);
	tcase_add_test(t, in_any_case);
	tcase_add_test(t, by_network_of_ipv6);
	tcase_add_test(t, window);
	tcase_add_test(t, forgotten_client);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
