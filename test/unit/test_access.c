/* Access: what a row becomes by facts, in any number; how seldom facts are made; whom an account's
 * networks hold; what is remarkable. */
#include "lib/guard/access.c"
#include "lib/guard/remarks.c"

#include <check.h>

#include "unit/guard_rig.h"
#include "unit/property.h"

#define HOUR ((int64_t)ACCESS_HOUR_MS)
#define MONO (1000 * HOUR + 5)
#define AT(mono) ((struct access_time){ NOW + (mono)-MONO, (mono) })

static struct ipaddr ip_of(const char *text)
{
	struct ipaddr ip;

	must(ip_parse(str_z(text), &ip, NULL) == 0, "an address");
	return ip;
}

static void log_in(const char *account, const char *from, int64_t mono)
{
	struct ipaddr ip = ip_of(from);

	access_succeeded(shm, SLOT, str_z(account), &ip, "pop3", AT(mono));
}

/* --- merging --- */

static struct access empty(void)
{
	struct access a;

	record_defaults(&table_access, &a);
	a.email_address = STR("a@d.ee");
	return a;
}

/* row's networks move to a buffer of their own. */
static void use_from(struct access *row, const char *network, int64_t at, char text[ACCESS_NETWORKS_TEXT])
{
	char next[ACCESS_NETWORKS_TEXT];
	struct access fact = empty();

	fact.last_login = at;
	fact.last_network = str_z(network);
	fact.last_protocol = STR("smtp");
	fact.successes = 1;
	access_merge(row, &fact, next);
	memcpy(text, next, sizeof(next));
	row->networks.p = text;
}

START_TEST(the_last_networks)
{
	static const char *const nets[] = { "10.0.0.0", "10.0.1.0", "10.0.2.0",
					    "10.0.3.0", "10.0.4.0", "10.0.5.0",
					    "10.0.6.0", "10.0.7.0", "10.0.8.0" };
	char text[ACCESS_NETWORKS_TEXT];
	struct access row = empty();

	for (int i = 0; i < 8; i++)
		use_from(&row, nets[i], NOW + i, text);
	ck_assert(has_word(row.networks, STR("10.0.0.0")) && has_word(row.networks, STR("10.0.7.0")));
	ck_assert(!has_word(row.networks, STR("10.0.0")) && !has_word(row.networks, STR("10.0.8.0")));
	use_from(&row, nets[0], NOW + 8, text); /* used again: it is not the oldest any more */
	use_from(&row, nets[8], NOW + 9, text);
	ck_assert(has_word(row.networks, STR("10.0.0.0")) && has_word(row.networks, STR("10.0.8.0")));
	ck_assert(!has_word(row.networks, STR("10.0.1.0")));
	ck_assert(str_starts(row.networks, STR("10.0.8.0 10.0.0.0 10.0.7.0 ")));
	ck_assert_int_eq(row.successes, 10);
	ck_assert_int_eq(row.last_login, NOW + 9);
	use_from(&row, nets[3], NOW - 1, text); /* a late fact is not the last login */
	ck_assert_int_eq(row.last_login, NOW + 9);
	ck_assert(str_eq(row.last_network, STR("10.0.8.0")));
	ck_assert(str_starts(row.networks, STR("10.0.8.0 10.0.3.0 10.0.0.0 10.0.7.0 ")));
	use_from(&row, nets[8], NOW - 2, text);
	ck_assert(str_starts(row.networks, STR("10.0.8.0 10.0.3.0 10.0.0.0 10.0.7.0 ")));
}
END_TEST

/* Against a list kept by hand: the longest of texts fit, nobody stands twice. */
START_TEST(networks_as_a_list)
{
	char text[ACCESS_NETWORKS_TEXT], name[ADDR_TEXT];
	unsigned model[ACCESS_NETWORKS] = { 0 }, n = 0;
	struct access row = empty();

	for (unsigned i = 0; i < 3000; i++) {
		unsigned net = 1 + rnd(14), at = 0;
		struct str left, w;

		snprintf(name, sizeof(name), "2001:db88:8888:%04x:8888:8888:8888:8888", net);
		use_from(&row, name, NOW + i, text);
		while (at < n && model[at] != net)
			at++;
		if (at == n)
			n = n < ACCESS_NETWORKS ? n + 1 : n;
		at = at < ACCESS_NETWORKS ? at : ACCESS_NETWORKS - 1;
		memmove(model + 1, model, at * sizeof(*model));
		model[0] = net;
		left = row.networks;
		for (unsigned k = 0; k < n; k++) {
			snprintf(name, sizeof(name),
				 "2001:db88:8888:%04x:8888:8888:8888:8888", model[k]);
			if (!str_split(&left, ' ', &w)) {
				w = left;
				left.n = 0;
			}
			must(str_eq(w, str_z(name)), "in this order");
		}
		must(left.n == 0, "and no more");
	}
}
END_TEST

START_TEST(average)
{
	char text[ACCESS_NETWORKS_TEXT];
	struct access row = empty(), fact = empty();

	fact.recipients_at = 1000;
	fact.recipients_hour = 80000;
	access_merge(&row, &fact, text);
	ck_assert_int_eq(row.recipients_hour, 80000);
	access_merge(&row, &fact, text); /* twice, or late: nothing */
	fact.recipients_at = 999;
	access_merge(&row, &fact, text);
	ck_assert_int_eq(row.recipients_hour, 80000);
	fact.recipients_at = 1001;
	fact.recipients_hour = 160000;
	access_merge(&row, &fact, text);
	ck_assert_int_eq(row.recipients_hour, 90000);
	fact.recipients_at = 1003; /* an hour without any between */
	fact.recipients_hour = 0;
	access_merge(&row, &fact, text);
	ck_assert_int_eq(row.recipients_hour, 68906);
	fact.recipients_at = INT64_MAX / 2; /* no walk over all hours */
	access_merge(&row, &fact, text);
	ck_assert_int_eq(row.recipients_hour, 0);
}
END_TEST

START_TEST(last_use)
{
	struct access row = empty();

	ck_assert_int_eq(access_last(&row), -1);
	row.last_failure = 5;
	ck_assert_int_eq(access_last(&row), 5);
	row.recipients_at = 1;
	ck_assert_int_eq(access_last(&row), HOUR);
	row.last_login = 2 * HOUR;
	ck_assert_int_eq(access_last(&row), 2 * HOUR);
}
END_TEST

/* --- facts --- */

/* How many wait; then they are gone. */
static unsigned facts(struct access *last)
{
	uint64_t pos = journal_tail(shm, SLOT);
	struct access row;
	unsigned n = 0;

	for (; next_fact(&pos, JOURNAL_ACCESS, &table_access, &row); n++)
		*last = row;
	journal_applied(shm, SLOT, pos);
	return n;
}

START_TEST(once_an_hour)
{
	struct access row;

	for (int i = 0; i < 100; i++)
		log_in("A@d.ee", "10.0.0.1", MONO + i);
	log_in("a@d.ee", "10.0.0.99", MONO); /* the same network */
	ck_assert_uint_eq(facts(&row), 1);
	ck_assert_int_eq(row.last_login, NOW);
	log_in("a@d.ee", "10.0.1.1", MONO);
	log_in("b@d.ee", "10.0.1.1", MONO);
	ck_assert_uint_eq(facts(&row), 2);
	log_in("a@d.ee", "10.0.0.1", MONO + HOUR);
	ck_assert_uint_eq(facts(&row), 1);
	for (int i = 0; i < 100; i++)
		access_failed(shm, SLOT, STR("a@d.ee"), AT(MONO + i));
	ck_assert_uint_eq(facts(&row), 1);
	ck_assert_int_eq(row.failures, 1);
	ck_assert_int_eq(row.last_login, FIELD_EMPTY);
	access_failed(shm, SLOT, STR(""), AT(MONO));
	ck_assert_uint_eq(facts(&row), 0);
}
END_TEST

/* The first mail of an hour tells of the last hour that had some, within a day. */
START_TEST(recipients_an_hour)
{
	int64_t hour = (NOW - MONO % HOUR) / HOUR;
	struct access row;

	ck_assert_uint_eq(access_sent(shm, SLOT, STR("a@d.ee"), 3, AT(MONO)), 3);
	ck_assert_uint_eq(access_sent(shm, SLOT, STR("A@d.ee"), 4, AT(MONO + 1)), 7);
	ck_assert_uint_eq(facts(&row), 0);
	ck_assert_uint_eq(access_sent(shm, SLOT, STR("a@d.ee"), 1, AT(MONO + 3 * HOUR)), 1);
	ck_assert_uint_eq(facts(&row), 1);
	ck_assert_int_eq(row.recipients_hour, 7000);
	ck_assert_int_eq(row.recipients_at, hour);
	access_sent(shm, SLOT, STR("a@d.ee"), 1, AT(MONO + 40 * HOUR));
	ck_assert_uint_eq(facts(&row), 0);
}
END_TEST

START_TEST(known_networks)
{
	struct ipaddr here = ip_of("10.0.0.77"), there = ip_of("10.0.1.77");
	struct access row = empty();

	ck_assert_int_eq(access_knows(NULL, STR("a@d.ee"), &here), 0);
	ck_assert_int_eq(access_knows(rig, STR("a@d.ee"), &here), 0);
	row.networks = STR("2001:db8:: 10.0.0.0");
	row.recipients_hour = 4500;
	begin();
	ok(store_put(rig, &table_access, &row, &rig_err));
	commit();
	ck_assert_int_eq(access_knows(rig, STR("A@d.ee"), &here), 1);
	ck_assert_int_eq(access_knows(rig, STR("a@d.ee"), &there), 0);
	ck_assert_int_eq(access_knows(rig, STR("b@d.ee"), &here), 0);
	ck_assert_int_eq(access_knows(rig, STR(""), &here), 0);
	here = ip_of("2001:db8::1:2");
	ck_assert_int_eq(access_knows(rig, STR("a@d.ee"), &here), 1);
	ck_assert_int_eq(access_average(rig, STR("A@d.ee")), 4500);
	ck_assert_int_eq(access_average(rig, STR("b@d.ee")), 0);
}
END_TEST

/* --- remarks --- */

static bool remarked(const char *account, unsigned net, int64_t mono)
{
	char text[ADDR_TEXT], why[REMARK_TEXT];
	struct ipaddr ip;

	snprintf(text, sizeof(text), "10.0.%u.%u", net, 1 + rnd(200));
	ip = ip_of(text);
	return remark_login(shm, str_z(account), &ip, mono, why);
}

START_TEST(many_networks)
{
	for (int round = 0; round < 3; round++)
		for (unsigned i = 0; i < REMARK_NETWORKS; i++)
			ck_assert(!remarked("a@d.ee", i, MONO));
	ck_assert(!remarked("b@d.ee", 200, MONO));
	ck_assert(remarked("A@d.ee", 200, MONO));
	ck_assert(!remarked("a@d.ee", 201, MONO)); /* once an hour */
	for (unsigned i = 0; i < REMARK_NETWORKS; i++)
		ck_assert(!remarked("a@d.ee", i, MONO + HOUR));
	ck_assert(remarked("a@d.ee", 200, MONO + HOUR));
}
END_TEST

START_TEST(many_recipients)
{
	char why[REMARK_TEXT];

	ck_assert(!remark_sent(shm, STR("a@d.ee"), REMARK_RECIPIENTS, 0, MONO, why));
	ck_assert(!remark_sent(shm, STR("a@d.ee"), 1000, 100000, MONO, why)); /* ten times its average */
	ck_assert(remark_sent(shm, STR("a@d.ee"), 1001, 100000, MONO, why));
	ck_assert_str_eq(why, "1001 recipients in an hour, 100 on average");
	ck_assert(!remark_sent(shm, STR("a@d.ee"), 5000, 100000, MONO, why));
	ck_assert(remark_sent(shm, STR("b@d.ee"), REMARK_RECIPIENTS + 1, 0, MONO, why));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("access");
	TCase *t = tcase_create("access");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, guard_setup, guard_teardown);
	tcase_add_test(t, the_last_networks);
	tcase_add_test(t, networks_as_a_list);
	tcase_add_test(t, average);
	tcase_add_test(t, last_use);
	tcase_add_test(t, once_an_hour);
	tcase_add_test(t, recipients_an_hour);
	tcase_add_test(t, known_networks);
	tcase_add_test(t, many_networks);
	tcase_add_test(t, many_recipients);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
