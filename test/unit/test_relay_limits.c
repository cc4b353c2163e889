/* Limits of relay clients: each by address and by account, in its window; forgotten by an
 * administrator. */
#include "lib/guard/relay_limits.c"

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

/* Senders without an account. */
static bool over(const char *client, const char *sender, int64_t most, int64_t now)
{
	struct relay_client who = { ip_of(client), STR("") };
	struct relay_bound b = { most, WINDOW };

	return relay_limit_count(shm, RELAY_STRANGERS, &b, &who, str_z(sender), now) != 0;
}

static bool over_nth(const char *client, unsigned nth, int64_t most)
{
	char sender[32];

	snprintf(sender, sizeof(sender), "s%u@d.ee", nth);
	return over(client, sender, most, NOW);
}

static const int64_t mosts[] = { 1, 2, 10, 100, 1000 };

/* As many as allowed, as often as they like; one more is too many, and from then on each is. */
START_TEST(limit)
{
	int64_t most = mosts[_i];

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

START_TEST(one_window)
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
	relay_limits_forget_address(shm, &ip);
	ck_assert(!over_nth("2001:db8::1", 0, 2));
	ck_assert(!over_nth("2001:db8::2", 1, 2));
	ck_assert(over_nth("2001:db8::1", 2, 2));
	ck_assert(over_nth("10.0.0.9", 0, 2));
	relay_limits_forget_address(shm, &neighbour);
	ck_assert(!over_nth("10.0.0.9", 0, 2));
}
END_TEST

/* --- every limit --- */

static unsigned count_one(enum relay_limit l, const char *client, const char *account,
			  unsigned nth, int64_t most, int64_t window, int64_t now)
{
	struct relay_client who = { ip_of(client), str_z(account) };
	struct relay_bound b = { most, window };
	char value[32];

	snprintf(value, sizeof(value), "s%u@d.ee", nth);
	return relay_limit_count(shm, l, &b, &who, str_z(value), now);
}

#define BOTH(l) ((l) == RELAY_STRANGERS ? RELAY_BY_ADDRESS : BY_BOTH)

START_TEST(by_address_and_by_account)
{
	enum relay_limit l = (enum relay_limit)_i;
	unsigned account = BOTH(l) & RELAY_BY_ACCOUNT;

	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(count_one(l, "10.0.0.1", "a@d.ee", i, 3, WINDOW, NOW), 0);
	/* the account goes elsewhere, others come from the address */
	ck_assert_uint_eq(count_one(l, "10.0.0.2", "A@d.ee", 3, 3, WINDOW, NOW), account);
	ck_assert_uint_eq(count_one(l, "10.0.0.1", "b@d.ee", 4, 3, WINDOW, NOW), RELAY_BY_ADDRESS);
	ck_assert_uint_eq(count_one(l, "10.0.0.1", "", 5, 3, WINDOW, NOW), RELAY_BY_ADDRESS);
	ck_assert_uint_eq(count_one(l, "10.0.0.1", "a@d.ee", 6, 3, WINDOW, NOW), BOTH(l));
}
END_TEST

START_TEST(forgotten_apart)
{
	enum relay_limit l = (enum relay_limit)_i;
	struct ipaddr ip = ip_of("10.0.0.1");
	unsigned account = BOTH(l) & RELAY_BY_ACCOUNT;

	for (unsigned i = 0; i < 4; i++)
		count_one(l, "10.0.0.1", "a@d.ee", i, 3, WINDOW, NOW);
	relay_limits_forget_address(shm, &ip);
	ck_assert_uint_eq(count_one(l, "10.0.0.1", "a@d.ee", 4, 3, WINDOW, NOW), account);
	relay_limits_forget_account(shm, STR("A@D.ee"));
	ck_assert_uint_eq(count_one(l, "10.0.0.1", "a@d.ee", 5, 3, WINDOW, NOW), 0);
}
END_TEST

/* What stands is what was counted, in its window alone, and looking changes nothing. */
START_TEST(standing_counts)
{
	enum relay_limit l = (enum relay_limit)_i;
	struct relay_client who = { ip_of("10.0.0.1"), STR("a@d.ee") };
	struct relay_bound b = { 100, WINDOW };
	struct relay_standing s;

	for (unsigned i = 0; i < 7; i++)
		count_one(l, "10.0.0.1", i < 4 ? "a@d.ee" : "", i, 100, WINDOW, NOW);
	for (int round = 0; round < 2; round++) {
		s = relay_limit_standing(shm, l, &b, &who, NOW);
		ck_assert_uint_eq(s.address, 7);
		ck_assert_uint_eq(s.account, BOTH(l) & RELAY_BY_ACCOUNT ? 4 : 0);
	}
	s = relay_limit_standing(shm, l, &b, &who, NOW + WINDOW);
	ck_assert_uint_eq(s.address + s.account, 0);
}
END_TEST

/* At any times, across many edges of windows: exceeded exactly where a count by hand says so. What
 * stands there of windows that are over, the client's and others', takes nothing away. The clock goes
 * on from client to client, as it does. */
START_TEST(windows_at_their_edges)
{
	enum relay_limit l = (enum relay_limit)_i;
	int64_t now = NOW;

	for (unsigned run = 0; run < 60; run++) {
		int64_t window = 1 + (int64_t)rnd(5) * (int64_t)rnd(100000), counted = 0;
		int64_t most = 1 + (int64_t)rnd(20), number = -1;
		char client[32];

		snprintf(client, sizeof(client), "10.%u.%u.1", run, (unsigned)l);
		for (unsigned i = 0; i < 400; i++) {
			static const int64_t steps[] = { 0, 0, 1, 2 };
			int64_t left = window - now % window;

			/* now and then to the last ms of a window, or the first of the next */
			now += rnd(8) == 0 ? left - (int64_t)rnd(2) : steps[rnd(4)];
			counted = now / window == number ? counted + 1 : 1;
			number = now / window;
			must((count_one(l, client, "", i, most, window, now) != 0) == (counted > most),
			     "exceeded as counted by hand");
		}
	}
}
END_TEST

/* Each limit has its own settings. */
START_TEST(bounds)
{
	static const struct {
		int64_t most, minutes;
	} wanted[] = {
		[RELAY_MAILS] = { 200, 5 },    [RELAY_STRANGERS] = { 100, 120 },
		[RELAY_SENDERS] = { 10, 120 }, [RELAY_DOMAINS] = { 5, 120 },
		[RELAY_EXCEEDED] = { 5, 5 },
	};
	struct settings s;
	struct cluster c;

	record_defaults(&table_settings, &s);
	record_defaults(&table_clusters, &c);
	for (unsigned l = 0; l < RELAY_LIMITS; l++) {
		struct relay_bound b = relay_bound((enum relay_limit)l, &s, &c);

		ck_assert_int_eq(b.most, wanted[l].most);
		ck_assert_int_eq(b.window_ms, wanted[l].minutes * 60000);
		ck_assert_uint_gt(strlen(relay_limit_words((enum relay_limit)l)), 0);
		ck_assert_uint_gt(strlen(relay_limit_reason((enum relay_limit)l)), 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relay_limits");
	TCase *t = tcase_create("relay_limits");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, limit, 0, (int)ARRAY_LEN(mosts));
	tcase_add_test(t, odd_limits);
	tcase_add_test(t, in_any_case);
	tcase_add_test(t, by_network_of_ipv6);
	tcase_add_test(t, one_window);
	tcase_add_test(t, forgotten_client);
	tcase_add_loop_test(t, by_address_and_by_account, 0, RELAY_LIMITS);
	tcase_add_loop_test(t, forgotten_apart, 0, RELAY_LIMITS);
	tcase_add_loop_test(t, standing_counts, 0, RELAY_LIMITS);
	tcase_add_loop_test(t, windows_at_their_edges, 0, RELAY_LIMITS);
	tcase_add_test(t, bounds);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
