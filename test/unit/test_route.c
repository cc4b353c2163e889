/* From an address to mailboxes and boxes, case by case; test_route_model.c has the rest. */
#include "lib/route/route.c"

#include <check.h>
#include <stdio.h>

#include "unit/route_rig.h"

/* "address>BOX address>BOX!" in the order they came; "!" foreign, "?" no box, "-" box down. */
static const char *shown(void)
{
	static char text[4096];
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < list.n; i++) {
		const struct target *t = &list.v[i];

		must((t->result == ROUTE_OK) == (t->box != NULL), "a box when all is well");
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s>%.*s%s%s", i ? " " : "",
				      STR_ARG(t->address), STR_ARG(t->boxid), t->foreign ? "!" : "",
				      t->result == ROUTE_NO_BOX	  ? "?" :
				      t->result == ROUTE_BOX_DOWN ? "-" :
				      t->result == ROUTE_NO_RELAY ? "~" :
								    "");
	}
	return text;
}

/* --- cases --- */

static const struct {
	const char *address;
	enum route_result res;
	const char *targets;
} cases[] = {
	{ "u1@a.org", ROUTE_OK, "u1@a.org>BOX1" },
	{ "U1@A.ORG", ROUTE_OK, "u1@a.org>BOX1" },
	{ "nobody@a.org", ROUTE_UNKNOWN, "" },
	{ "nobody@A.Org", ROUTE_UNKNOWN, "" },
	{ "u1@foreign.net", ROUTE_FOREIGN, "" },
	{ "u1@sub.a.org", ROUTE_FOREIGN, "" },
	{ "u1@org", ROUTE_FOREIGN, "" },
	/* plus addressing: the box gets the address as it came */
	{ "u1+tag@a.org", ROUTE_OK, "u1+tag@a.org>BOX1" },
	{ "U1+Tag@a.org", ROUTE_OK, "u1+tag@a.org>BOX1" },
	{ "u1+t1+t2@a.org", ROUTE_OK, "u1+t1+t2@a.org>BOX1" },
	{ "u1+exact@a.org", ROUTE_OK, "u1+exact@a.org>BOX2" },
	{ "nobody+tag@a.org", ROUTE_UNKNOWN, "" },
	{ "+tag@a.org", ROUTE_UNKNOWN, "" },
	{ "all+tag@a.org", ROUTE_OK, "u1@a.org>BOX1 u2@a.org>BOX2" },
	/* catch-all: behind everything else */
	{ "anybody@catch.org", ROUTE_OK, "anybody@catch.org>BOX2" },
	{ "any+body@catch.org", ROUTE_OK, "any+body@catch.org>BOX2" },
	{ "own@catch.org", ROUTE_OK, "own@catch.org>BOX1" },
	{ "own+tag@catch.org", ROUTE_OK, "own+tag@catch.org>BOX1" },
	{ "anybody@listed.org", ROUTE_OK, "u1@a.org>BOX1 u2@a.org>BOX2" },
	/* aliases */
	{ "all@a.org", ROUTE_OK, "u1@a.org>BOX1 u2@a.org>BOX2" },
	{ "All@a.org", ROUTE_OK, "u1@a.org>BOX1 u2@a.org>BOX2" },
	{ "nested@a.org", ROUTE_OK, "u2@a.org>BOX2 u1@a.org>BOX1" },
	{ "twice@a.org", ROUTE_OK, "u1@a.org>BOX1" },
	{ "self@a.org", ROUTE_OK, "u1@a.org>BOX1" },
	{ "loop1@a.org", ROUTE_OK, "u1@a.org>BOX1 u2@a.org>BOX2" },
	{ "empty-loop@a.org", ROUTE_UNKNOWN, "" },
	{ "both@a.org", ROUTE_OK, "both@a.org>BOX1" },
	/* members that are not there are left out */
	{ "partly@a.org", ROUTE_OK, "u1@a.org>BOX1" },
	{ "gone@a.org", ROUTE_UNKNOWN, "" },
	/* members elsewhere go through the relay box of the sender */
	{ "away@a.org", ROUTE_OK, "x@foreign.net>RELAY!" },
	{ "mixed@a.org", ROUTE_OK, "u1@a.org>BOX1 x@foreign.net>RELAY! y@far.net>RELAY!" },
	/* accounts that no box holds */
	{ "boxless@a.org", ROUTE_OK, "boxless@a.org>?" },
	{ "lost@a.org", ROUTE_OK, "lost@a.org>BOX77?" },
	{ "some-lost@a.org", ROUTE_OK, "u1@a.org>BOX1 lost@a.org>BOX77? u2@a.org>BOX2" },
	/* without a domain */
	{ "postmaster", ROUTE_OK, "postmaster@mx.example.org>BOX1" },
	{ "PostMaster", ROUTE_OK, "postmaster@mx.example.org>BOX1" },
};

static void put_cases(void)
{
	static const char *const accounts[][2] = {
		{ "u1@a.org", "BOX1" },	      { "u2@a.org", "BOX2" },
		{ "u1+exact@a.org", "BOX2" }, { "@catch.org", "BOX2" },
		{ "own@catch.org", "BOX1" },  { "boxless@a.org", "" },
		{ "lost@a.org", "BOX77" },    { "both@a.org", "BOX1" },
		{ "postmaster@mx.example.org", "BOX1" },
	};
	static const char *const aliases[][2] = {
		{ "all@a.org", "u1@a.org,u2@a.org" },
		{ "@listed.org", "all@a.org" },
		{ "nested@a.org", "u2@a.org,all@a.org" },
		{ "twice@a.org", "u1@a.org,u1@a.org" },
		{ "self@a.org", "self@a.org,u1@a.org" },
		{ "loop1@a.org", "loop2@a.org,u1@a.org" },
		{ "loop2@a.org", "loop1@a.org,u2@a.org" },
		{ "empty-loop@a.org", "empty-loop@a.org" },
		{ "both@a.org", "u2@a.org" },
		{ "partly@a.org", "nobody@a.org,u1@a.org" },
		{ "gone@a.org", "nobody@a.org,nobody2@a.org" },
		{ "away@a.org", "x@foreign.net" },
		{ "mixed@a.org", "u1@a.org,x@foreign.net,y@far.net,x@foreign.net" },
		{ "some-lost@a.org", "u1@a.org,lost@a.org,u2@a.org" },
	};

	for (size_t i = 0; i < ARRAY_LEN(accounts); i++)
		put_user(accounts[i][0], accounts[i][1]);
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
		put_alias(aliases[i][0], aliases[i][1]);
}

/* What stands for either relay box in the table: the sender's. */
static const char *without_relay_number(const char *text)
{
	static char out[4096];
	size_t n = 0;

	for (const char *p = text; *p; p++)
		if (p == text || p[-1] != 'Y')
			out[n++] = *p;
	out[n] = '\0';
	return out;
}

START_TEST(recipients)
{
	put_cases();
	ck_assert_int_eq(route(cases[_i].address), cases[_i].res);
	ck_assert_str_eq(without_relay_number(shown()), cases[_i].targets);
}
END_TEST

START_TEST(no_plus_addressing)
{
	put_cases();
	smtp.row.plus_addressing = 0;
	ck_assert_int_eq(route("u1+tag@a.org"), ROUTE_UNKNOWN);
	ck_assert_int_eq(route("u1+exact@a.org"), ROUTE_OK);
	ck_assert_int_eq(route("own+tag@catch.org"), ROUTE_OK);
	ck_assert_str_eq(shown(), "own+tag@catch.org>BOX2");
}
END_TEST

static const char *const host_names[] = { "mx.example.org", "other.a.org", "a.org" };

/* Never foreign, whether or not its domain has other accounts. */
START_TEST(no_postmaster)
{
	put_user("u1@a.org", "BOX1");
	smtp.host_name = str_z(host_names[_i]);
	ck_assert_int_eq(route("postmaster"), ROUTE_UNKNOWN);
	ck_assert_uint_eq(list.n, 0);
}
END_TEST

/* --- foreign members --- */

START_TEST(relay_by_sender)
{
	unsigned hits[MAX_BOXES] = { 0 };

	put_cases();
	for (int i = 0; i < 50; i++) {
		char sender[32];
		struct str s = { sender, (size_t)snprintf(sender, sizeof(sender), "s%d@b.org", i) };

		struct route_from from = { s, STR(""), false };

		ck_assert_int_eq(route_recipient(rig, NULL, &smtp, STR("mixed@a.org"), &from, NOW,
						 &arena, &list), ROUTE_OK);
		ck_assert_uint_eq(list.n, 3);
		ck_assert_ptr_eq(list.v[1].box, list.v[2].box);
		ck_assert_ptr_eq(list.v[1].box,
				 &boxes[ring_pick(smtp.relay_ring, s, NULL, NULL)]);
		hits[list.v[1].box - boxes]++;
	}
	ck_assert(hits[2] > 0 && hits[3] > 0);
}
END_TEST

START_TEST(relay_down)
{
	put_cases();
	boxes_failed(shm, 2, NOW, "refused");
	ck_assert_int_eq(route("away@a.org"), ROUTE_OK);
	ck_assert_str_eq(shown(), "x@foreign.net>RELAY2!");
	boxes[3].light = LIGHT_YELLOW;
	ck_assert_int_eq(route("mixed@a.org"), ROUTE_OK);
	ck_assert_str_eq(shown(), "u1@a.org>BOX1 x@foreign.net>!~ y@far.net>!~");
	ring_free(&smtp.relay_ring);
	ck_assert_int_eq(route("away@a.org"), ROUTE_OK);
	ck_assert_str_eq(shown(), "x@foreign.net>!~");
}
END_TEST

/* --- bounds --- */

/* An alias of n members, user first..first+n-1 of a domain that is not ours. */
static void put_big_alias(const char *address, unsigned first, unsigned n)
{
	char *text = mem_alloc(n * 20 + 1), *p = text;

	for (unsigned i = first; i < first + n; i++)
		p += sprintf(p, "%su%u@b.net", i > first ? "," : "", i);
	put_alias(address, text);
	free(text);
}

static const struct {
	unsigned a, b, common; /* members of two aliases, how many are in both */
	enum route_result res;
	unsigned targets;
} sizes[] = {
	{ LIMIT_ALIAS_MEMBERS, 0, 0, ROUTE_OK, LIMIT_ALIAS_MEMBERS },
	{ LIMIT_ALIAS_MEMBERS + 1, 0, 0, ROUTE_TOO_MANY, 0 },
	/* nested, the two inner aliases count as well */
	{ 500, 498, 0, ROUTE_OK, 998 },
	{ 500, 499, 0, ROUTE_TOO_MANY, 0 },
	/* distinct ones count */
	{ 700, 700, 500, ROUTE_OK, 900 },
};

START_TEST(members)
{
	bool nested = sizes[_i].b > 0;

	put_big_alias("one@a.org", 0, sizes[_i].a);
	if (nested) {
		put_big_alias("two@a.org", sizes[_i].a - sizes[_i].common, sizes[_i].b);
		put_alias("both@a.org", "one@a.org,two@a.org");
	}
	ck_assert_int_eq(route(nested ? "both@a.org" : "one@a.org"), sizes[_i].res);
	ck_assert_uint_eq(list.n, sizes[_i].targets);
	for (unsigned i = 0; i < list.n; i++) {
		unsigned n;

		must(sscanf(list.v[i].address.p, "u%u@b.net", &n) == 1, "address");
		must(n < sizes[_i].a + sizes[_i].b, "one of them");
	}
}
END_TEST

/* l0 > l1 > ... > ln > u1, each with a member of its own beside. */
static void put_chain(unsigned n)
{
	begin();
	for (unsigned i = 0; i <= n; i++) {
		char address[32], next[64];
		struct alias a;

		snprintf(address, sizeof(address), "l%u@a.org", i);
		snprintf(next, sizeof(next), i < n ? "l%u@a.org" : "u1@a.org", i + 1);
		record_defaults(&table_aliases, &a);
		a.alias_address = str_z(address);
		a.alias_list = str_z(next);
		ok(store_put(rig, &table_aliases, &a, &rig_err));
	}
	commit();
}

START_TEST(depth)
{
	put_user("u1@a.org", "BOX1");
	put_chain(LIMIT_ALIAS_DEPTH);
	/* from l0 the account is one deeper than allowed, from l1 it is not */
	ck_assert_int_eq(route("l0@a.org"), ROUTE_TOO_MANY);
	ck_assert_uint_eq(list.n, 0);
	ck_assert_int_eq(route("l1@a.org"), ROUTE_OK);
	ck_assert_str_eq(shown(), "u1@a.org>BOX1");
	/* a loop is no depth */
	put_alias("l16@a.org", "l1@a.org,u1@a.org");
	ck_assert_int_eq(route("l1@a.org"), ROUTE_OK);
	ck_assert_str_eq(shown(), "u1@a.org>BOX1");
}
END_TEST

/* Whatever the memory: all targets, or none and a refusal. */
START_TEST(little_memory)
{
	unsigned well = 0;

	put_cases();
	put_big_alias("big@a.org", 0, 30);
	for (size_t cap = 1; well < 3; cap += 16) {
		arena_free(&arena);
		arena = ARENA(cap);
		if (route("big@a.org") == ROUTE_OK) {
			must(list.n == 30, "all of them");
			for (unsigned i = 0; i < list.n; i++)
				must(list.v[i].address.n > 0 && list.v[i].boxid.n > 0, "whole");
			well++;
		} else {
			must(route("big@a.org") == ROUTE_TOO_MANY, "a refusal");
			must(list.n == 0 && list.v == NULL, "and no targets");
		}
	}
	for (size_t cap = 1; cap < 600; cap += 16) {
		enum route_result res;

		arena_free(&arena);
		arena = ARENA(cap);
		res = route("own+tag@catch.org");
		must(res == ROUTE_TOO_MANY || strcmp(shown(), "own+tag@catch.org>BOX1") == 0,
		     "never another's mailbox for want of memory");
	}
}
END_TEST

/* --- the store is damaged --- */

static void put_garbage(const struct table *t, const char *address)
{
	MDB_val k = { strlen(address), (void *)(uintptr_t)address }, v = { 3, (char[]){ 1, 2, 3 } };

	begin();
	must(mdb_put(rig->wr, rig->table_db[t->id], &k, &v, 0) == 0, "garbage");
	commit();
}

START_TEST(damaged_rows)
{
	struct account acc;

	put_cases();
	put_garbage(&table_accounts, "u2@a.org");
	put_garbage(&table_aliases, "broken@a.org");
	ck_assert_int_eq(route("u2@a.org"), ROUTE_ERROR);
	ck_assert_int_eq(route("broken@a.org"), ROUTE_ERROR);
	ck_assert_int_eq(route("all@a.org"), ROUTE_ERROR);
	ck_assert_uint_eq(list.n, 0);
	ck_assert_int_eq(route_account(rig, STR("u2@a.org"), &arena, &acc), ROUTE_ERROR);
	ck_assert_int_eq(route("u1@a.org"), ROUTE_OK);
}
END_TEST

/* --- a box that comes back --- */

/* Its first session comes with all its recipients: choosing is not trying. */
START_TEST(recovering_box)
{
	put_user("a@a.org", "BOX1");
	put_user("b@a.org", "BOX1");
	put_user("c@a.org", "BOX2");
	put_alias("all@a.org", "a@a.org,b@a.org,c@a.org");
	boxes_failed(shm, 0, NOW - BOX_PASSOVER_FIRST_MS, "refused");
	ck_assert_int_eq(route("all@a.org"), ROUTE_OK);
	ck_assert_str_eq(shown(), "a@a.org>BOX1 b@a.org>BOX1 c@a.org>BOX2");
	ck_assert(boxes_usable(shm, 0, NOW));
	ck_assert_int_eq(route("all@a.org"), ROUTE_OK);
	ck_assert_str_eq(shown(), "a@a.org>BOX1- b@a.org>BOX1- c@a.org>BOX2");
}
END_TEST

/* --- boxes --- */

#define G LIGHT_GREEN
#define Y LIGHT_YELLOW
#define R LIGHT_RED

static const struct {
	struct {
		enum light light;
		int fallover;
		bool failed;
	} v[4];
	int from, chosen; /* -1: ROUTE_NO_BOX, ROUTE_BOX_DOWN */
} chains[] = {
	{ { { G, -1, false } }, 0, 0 },
	{ { { Y, -1, false } }, 0, -1 },
	{ { { R, -1, false } }, 0, -1 },
	{ { { G, -1, true } }, 0, -1 },
	{ { { G, 1, false }, { G, -1, false } }, 0, 0 },
	{ { { Y, 1, false }, { G, -1, false } }, 0, 1 },
	{ { { R, 1, false }, { G, -1, false } }, 0, 1 },
	{ { { G, 1, true }, { G, -1, false } }, 0, 1 },
	{ { { R, 1, false }, { G, -1, true } }, 0, -1 },
	{ { { R, 2, false }, { G, -1, false }, { Y, 1, false } }, 0, 1 },
	{ { { R, 3, false }, { G, -1, false }, { G, -1, false }, { R, -1, false } }, 0, -1 },
	/* loops end */
	{ { { R, 0, false } }, 0, -1 },
	{ { { R, 1, false }, { R, 0, false } }, 0, -1 },
	{ { { R, 1, false }, { R, 2, false }, { R, 1, false }, { G, -1, false } }, 0, -1 },
	{ { { R, 1, false }, { R, 2, false }, { R, 3, false }, { G, 0, false } }, 0, 3 },
	{ { { G, 1, false }, { G, 0, false } }, 7, -1 },
};

START_TEST(fallovers)
{
	struct topo_box *out = &boxes[9];
	enum route_result res;
	char id[16];

	smtp.n_boxes = 0;
	for (int i = 0; i < 4; i++) {
		static const char *const names[] = { "B0", "B1", "B2", "B3" };

		add_box(names[i], chains[_i].v[i].light, chains[_i].v[i].fallover);
		if (chains[_i].v[i].failed)
			boxes_failed(shm, i, NOW, "refused");
	}
	snprintf(id, sizeof(id), "B%d", chains[_i].from);
	res = route_box(&smtp, str_z(id), shm, NOW, &out);
	ck_assert_int_eq(res, chains[_i].from > 3   ? ROUTE_NO_BOX :
			      chains[_i].chosen < 0 ? ROUTE_BOX_DOWN :
						      ROUTE_OK);
	ck_assert_ptr_eq(out, chains[_i].chosen < 0 ? NULL : &boxes[chains[_i].chosen]);
}
END_TEST

/* Any graph of fall-overs: the first fit one on the way, each seen once. */
START_TEST(fallover_graphs)
{
	static char names[12][8];

	for (int i = 0; i < 12; i++)
		snprintf(names[i], sizeof(names[i]), "B%d", i);
	for (int round = 0; round < 3000; round++) {
		bool seen[12] = { false };
		struct topo_box *out;
		enum route_result res;
		unsigned n = 1 + rnd(12), from = rnd(n);
		int want = (int)from;

		smtp.n_boxes = 0;
		for (unsigned i = 0; i < n; i++) {
			add_box(names[i], rnd(3) ? LIGHT_YELLOW : LIGHT_GREEN,
				rnd(5) ? (int)rnd(n) : -1);
			boxes_worked(shm, (int)i);
			if (rnd(3) == 0)
				boxes_failed(shm, (int)i, NOW, "refused");
		}
		while (want >= 0 && !seen[want] &&
		       (boxes[want].light != LIGHT_GREEN ||
			boxes_health(shm, want, NOW).passed_over_ms > 0)) {
			seen[want] = true;
			want = boxes[want].fallover;
		}
		res = route_box(&smtp, str_z(names[from]), shm, NOW, &out);
		if (want >= 0 && !seen[want])
			must(res == ROUTE_OK && out == &boxes[want], "the first fit one");
		else
			must(res == ROUTE_BOX_DOWN && !out, "none is fit");
	}
}
END_TEST

START_TEST(without_shared_memory)
{
	struct topo_box *out;

	boxes_failed(shm, 0, NOW, "refused");
	ck_assert_int_eq(route_box(&smtp, STR("BOX1"), NULL, NOW, &out), ROUTE_OK);
	ck_assert_int_eq(route_box(&smtp, STR("BOX1"), shm, NOW, &out), ROUTE_BOX_DOWN);
	/* a box that admin has given no index yet */
	boxes[0].shm = -1;
	ck_assert_int_eq(route_box(&smtp, STR("BOX1"), shm, NOW, &out), ROUTE_OK);
}
END_TEST

/* --- accounts --- */

START_TEST(accounts)
{
	struct account acc, full = account_of("login@a.org", "Secret word");

	full.boxid = STR("BOX1");
	full.auto_reply_body = STR("I am away\nuntil tomorrow");
	full.rcpt_per_mail = 17;
	put(&table_accounts, &full);
	put_alias("alias@a.org", "login@a.org");
	ck_assert_int_eq(route_account(rig, STR("LOGIN@a.org"), &arena, &acc), ROUTE_OK);
	put_account("login@a.org", "another, longer than before");
	put_account("x@a.org", "y");
	ck_assert(str_eq(acc.email_address, STR("login@a.org")));
	ck_assert(str_eq(acc.user_password, STR("Secret word")));
	ck_assert(str_eq(acc.boxid, STR("BOX1")));
	ck_assert(str_eq(acc.auto_reply_body, STR("I am away\nuntil tomorrow")));
	ck_assert_int_eq(acc.rcpt_per_mail, 17);
	ck_assert_int_eq(route_account(rig, STR("alias@a.org"), &arena, &acc), ROUTE_UNKNOWN);
	ck_assert_int_eq(route_account(rig, STR("login"), &arena, &acc), ROUTE_UNKNOWN);
	ck_assert_int_eq(route_account(rig, STR(""), &arena, &acc), ROUTE_UNKNOWN);
}
END_TEST

/* An empty password means that the box checks it: want of memory must not look like one. */
START_TEST(account_in_little_memory)
{
	enum route_result res = ROUTE_ERROR;

	put_account("login@a.org", "Secret word");
	for (size_t cap = 1; res != ROUTE_OK; cap += 16) {
		struct account acc;

		arena_free(&arena);
		arena = ARENA(cap);
		res = route_account(rig, STR("login@a.org"), &arena, &acc);
		must(res == ROUTE_ERROR || str_eq(acc.user_password, STR("Secret word")),
		     "all or nothing");
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("route");
	TCase *t = tcase_create("route");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, route_setup, route_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, recipients, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(t, no_plus_addressing);
	tcase_add_loop_test(t, no_postmaster, 0, (int)ARRAY_LEN(host_names));
	tcase_add_test(t, relay_by_sender);
	tcase_add_test(t, relay_down);
	tcase_add_loop_test(t, members, 0, (int)ARRAY_LEN(sizes));
	tcase_add_test(t, depth);
	tcase_add_test(t, little_memory);
	tcase_add_test(t, damaged_rows);
	tcase_add_test(t, recovering_box);
	tcase_add_loop_test(t, fallovers, 0, (int)ARRAY_LEN(chains));
	tcase_add_test(t, fallover_graphs);
	tcase_add_test(t, without_shared_memory);
	tcase_add_test(t, accounts);
	tcase_add_test(t, account_in_little_memory);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
