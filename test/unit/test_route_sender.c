/* route_sender: what a reverse-path may do here, from its row; and what relay clients reach. */
#include "lib/route/route.c"

#include "unit/route_rig.h"

#define WALL 1000000

static void put_rows(void)
{
	struct account a = account_of("anna@a.org", "secret");
	struct alias l;

	a.boxid = STR("BOX1");
	a.rcpt_per_mail = 7;
	put(&table_accounts, &a);
	a = account_of("inside@a.org", "secret");
	a.allow_remote_deliveries = 0;
	a.mail_unlimited = 1;
	a.mail_unlimited_expiry = WALL + 1;
	put(&table_accounts, &a);
	a = account_of("was@a.org", "secret");
	a.mail_unlimited = 1;
	a.mail_unlimited_expiry = WALL;
	put(&table_accounts, &a);
	a = account_of("@all.org", "secret");
	a.boxid = STR("BOX2");
	put(&table_accounts, &a);
	record_defaults(&table_aliases, &l);
	l.alias_address = STR("team@a.org");
	l.alias_list = STR("was@a.org,more@a.org");
	l.rcpt_per_mail = 3;
	put(&table_aliases, &l);
	l.alias_address = STR("more@a.org");
	l.alias_list = STR("team@a.org,anna@a.org,x@foreign.net");
	l.allow_remote_deliveries = 0;
	put(&table_aliases, &l);
}

static const struct {
	const char *sender, *login;
	bool ours, remote, unlimited, own;
	int64_t rcpt;
	const char *boxid;
} senders[] = {
	{ "anna@a.org", "", true, true, false, false, 7, "BOX1" },
	{ "anna@a.org", "anna@a.org", true, true, false, true, 7, "BOX1" },
	{ "anna+tag@a.org", "anna@a.org", true, true, false, true, 7, "BOX1" },
	{ "anna@a.org", "was@a.org", true, true, false, false, 7, "BOX1" },
	{ "inside@a.org", "", true, false, true, false, FIELD_EMPTY, "" },
	{ "was@a.org", "", true, true, false, false, FIELD_EMPTY, "" },
	{ "team@a.org", "anna@a.org", true, true, false, true, 3, "" },
	{ "team@a.org", "inside@a.org", true, true, false, false, 3, "" },
	{ "more@a.org", "was@a.org", true, false, false, true, 3, "" },
	{ "more@a.org", "x@foreign.net", true, false, false, true, 3, "" },
	{ "team@a.org", "team@a.org", true, true, false, false, 3, "" }, /* no account any more */
	{ "anna+tag@a.org", "anna+tag@a.org", true, true, false, false, 7, "BOX1" },
	{ "who@a.org", "anna@a.org", false, false, false, false, FIELD_EMPTY, "" },
	{ "x@foreign.net", "", false, false, false, false, FIELD_EMPTY, "" },
	{ "one@all.org", "", false, false, false, false, FIELD_EMPTY, "" }, /* no catch-alls */
};

START_TEST(rows)
{
	struct route_sender s;

	put_rows();
	ck_assert_int_eq(route_sender(rig, &smtp, str_z(senders[_i].sender),
				      str_z(senders[_i].login), WALL, &arena, &s), ROUTE_OK);
	ck_assert_int_eq(s.ours, senders[_i].ours);
	ck_assert_int_eq(s.remote, senders[_i].remote);
	ck_assert_int_eq(s.unlimited, senders[_i].unlimited);
	ck_assert_int_eq(s.own, senders[_i].own);
	ck_assert_int_eq(s.rcpt_per_mail, senders[_i].rcpt);
	ck_assert(str_eq(s.boxid, str_z(senders[_i].boxid)));
}
END_TEST

/* A route in a local part leads only to a row of exactly that address. */
START_TEST(routes_in_addresses)
{
	struct account a = account_of("odd%name@a.org", "secret");

	put_rows();
	a.boxid = STR("BOX1");
	put(&table_accounts, &a);
	ck_assert_int_eq(route("odd%name@a.org"), ROUTE_OK);
	ck_assert_int_eq(route("anna+x%foreign.net@a.org"), ROUTE_UNKNOWN);
	ck_assert_int_eq(route("x%foreign.net@all.org"), ROUTE_UNKNOWN);
	ck_assert_int_eq(route("foreign.net!x@all.org"), ROUTE_UNKNOWN);
	ck_assert_int_eq(route("anybody@all.org"), ROUTE_OK);
}
END_TEST

static enum route_result relayed(const char *address, const char *boxid, bool relays)
{
	struct route_from from = { SENDER, str_z(boxid), relays };

	return route_recipient(rig, shm, &smtp, str_z(address), &from, NOW, &arena, &list);
}

START_TEST(relay_clients)
{
	put_rows();
	ck_assert_int_eq(relayed("x@foreign.net", "", false), ROUTE_FOREIGN);
	ck_assert_int_eq(relayed("x@foreign.net", "", true), ROUTE_OK);
	ck_assert(list.n == 1 && list.v[0].foreign && !list.v[0].member);
	ck_assert(list.v[0].box == &boxes[2] || list.v[0].box == &boxes[3]);
	ck_assert_int_eq(relayed("who@a.org", "", true), ROUTE_UNKNOWN);
	ck_assert_int_eq(relayed("postmaster", "", true), ROUTE_UNKNOWN);
	ck_assert_int_eq(relayed("more@a.org", "", false), ROUTE_OK);
	for (unsigned i = 0; i < list.n; i++)
		ck_assert_int_eq(list.v[i].member, 1);
}
END_TEST

START_TEST(own_box)
{
	struct topo_box *box;
	struct route_from from = { SENDER, STR("BOX2"), true };

	put_rows();
	smtp.row.relay_box_choice = RELAY_OWN_BOX;
	ck_assert_int_eq(relayed("x@foreign.net", "BOX1", true), ROUTE_OK);
	ck_assert_ptr_eq(list.v[0].box, &boxes[0]);
	ck_assert_int_eq(relayed("x@foreign.net", "", true), ROUTE_OK);
	ck_assert(list.v[0].box == &boxes[2] || list.v[0].box == &boxes[3]);
	boxes[1].light = LIGHT_RED;
	ck_assert_int_eq(route_relay(&smtp, &from, shm, NOW, &box), ROUTE_NO_RELAY);
	boxes[1].fallover = 0;
	ck_assert_int_eq(route_relay(&smtp, &from, shm, NOW, &box), ROUTE_OK);
	ck_assert_ptr_eq(box, &boxes[0]);
	from.boxid = STR("GONE");
	ck_assert_int_eq(route_relay(&smtp, &from, shm, NOW, &box), ROUTE_NO_RELAY);
}
END_TEST

/* What the account's row says of its mail. */
START_TEST(flags_of_targets)
{
	struct account a = account_of("flags@a.org", "secret");

	a.null_reverse_path = 0;
	a.to_equals_from = 0;
	a.auto_reply_subject = STR("s");
	a.auto_reply_body = STR("b");
	a.auto_reply_copy = 0;
	put(&table_accounts, &a);
	ck_assert_int_eq(route("flags@a.org"), ROUTE_OK);
	ck_assert(list.v[0].no_null && list.v[0].no_self && list.v[0].replies && !list.v[0].keeps);
	a.null_reverse_path = a.to_equals_from = a.auto_reply_copy = 1;
	a.auto_reply_expiry = 1; /* long ago */
	put(&table_accounts, &a);
	ck_assert_int_eq(route("flags@a.org"), ROUTE_OK);
	ck_assert(!list.v[0].no_null && !list.v[0].no_self && !list.v[0].replies && list.v[0].keeps);
	a.auto_reply_expiry = FIELD_EMPTY;
	a.auto_reply_body = STR("");
	put(&table_accounts, &a);
	ck_assert_int_eq(route("flags@a.org"), ROUTE_OK);
	ck_assert(!list.v[0].replies);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("route_sender");
	TCase *t = tcase_create("route_sender");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, route_setup, route_teardown);
	tcase_add_loop_test(t, rows, 0, (int)ARRAY_LEN(senders));
	tcase_add_test(t, routes_in_addresses);
	tcase_add_test(t, relay_clients);
	tcase_add_test(t, own_box);
	tcase_add_test(t, flags_of_targets);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
