/* The by-sequence index: rows in the order of their changes, and tombstones that go. */
#include "lib/store/store_seq.c"

#include <check.h>

#include "unit/store_rig.h"

/* --- in order --- */

struct order {
	char text[256];
	uint64_t last;
	int stop_at;
};

static int see_entry(void *arg, uint64_t seq, const struct table *t, struct str key,
		     const struct row_meta *m)
{
	struct order *o = arg;
	size_t n = strlen(o->text);

	ck_assert_uint_gt(seq, o->last);
	ck_assert_uint_eq(seq, m->seq);
	o->last = seq;
	snprintf(o->text + n, sizeof(o->text) - n, "%llu:%s:%.*s%s ", (unsigned long long)seq, t->name,
		 STR_ARG(key), m->tombstone ? ":gone" : "");
	return --o->stop_at ? 0 : 7;
}

static const struct {
	uint64_t after;
	int stop_at, rc;
	const char *seen;
} since[] = {
	{ 0, 0, 0, "2:accounts:b@x 4:accounts:a@x 5:aliases:c@x:gone 6:aliases:d@x " },
	{ 1, 0, 0, "2:accounts:b@x 4:accounts:a@x 5:aliases:c@x:gone 6:aliases:d@x " },
	{ 2, 0, 0, "4:accounts:a@x 5:aliases:c@x:gone 6:aliases:d@x " },
	{ 5, 0, 0, "6:aliases:d@x " },
	{ 6, 0, 0, "" },
	{ UINT64_MAX, 0, 0, "" },
	{ 0, 2, 7, "2:accounts:b@x 4:accounts:a@x " },
	{ 0, 4, 7, "2:accounts:b@x 4:accounts:a@x 5:aliases:c@x:gone 6:aliases:d@x " },
};

START_TEST(in_order_of_change)
{
	struct order o = { .stop_at = since[_i].stop_at };

	put_account("a@x", "1");
	put_account("b@x", "1");
	put_alias("c@x", "a@x");
	put_account("a@x", "2"); /* moves to the tail */
	delete(&table_aliases, "c@x");
	put_alias("d@x", "a@x");
	put_account("b@x", "1"); /* nothing new */
	read_begin();
	ck_assert_int_eq(store_since(rig, since[_i].after, see_entry, &o, &rig_err), since[_i].rc);
	store_read_end(rig);
	ck_assert_str_eq(o.text, since[_i].seen);
	rig_check();
}
END_TEST

/* --- tombstones --- */

static int collect_with(int64_t wall, int64_t age, int limit)
{
	int n;

	begin();
	n = store_collect(rig, wall, age, limit, &rig_err);
	ok(n);
	commit();
	return n;
}

static void collected_is(uint64_t seq)
{
	struct store_info i;

	store_info(rig, &i);
	ck_assert_uint_eq(i.collected, seq);
}

START_TEST(old_tombstones_go)
{
	char key[16];

	for (int i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "u%d@b.c", i);
		rig_wall = 1000000 + 1000 * i;
		put_account(key, "x");
		if (i & 1)
			delete(&table_accounts, key);
	}
	/* gone at 1001000, 1003000 ... 1019000 */
	ck_assert_int_eq(collect_with(1001000, 5000, 100), 0);
	ck_assert_int_eq(collect_with(100, 5000, 100), 0); /* a clock that was set back */
	ck_assert_int_eq(collect_with(1020000, 5001, 3), 3);
	ck_assert_int_eq(collect_with(1020000, 5001, 3), 3);
	ck_assert_int_eq(collect_with(1020000, 5001, 3), 1); /* 1013000 is the last */
	ck_assert_int_eq(collect_with(1020000, 5001, 3), 0);
	collected_is(21); /* of 30 changes, the deletion of u13 */
	ck_assert_uint_eq(count(&table_accounts), 10);
	rig_check();
	ck_assert_int_eq(collect_with(1030000, 0, 100), 3);
	ck_assert_int_eq(collect_with(1030000, 0, 100), 0);
	ck_assert_uint_eq(count(&table_accounts), 10);
	rig_check();
	store_close(&rig);
	rig_open_env(STORE_ACCOUNTS);
	collected_is(30);
	put_account("u1@b.c", "again");
	ck_assert_str_eq(password_of("u1@b.c"), "again");
}
END_TEST

/* It looks at some thousand rows in one go and comes round to the others. */
START_TEST(collecting_takes_turns)
{
	struct account a;
	char key[32];
	int turns = 0;

	begin();
	for (int i = 0; i < 2 * COLLECT_LOOK + 100; i++) {
		snprintf(key, sizeof(key), "u%d@b.c", i);
		a = account_of(key, "x");
		ok(store_put(rig, &table_accounts, &a, &rig_err));
	}
	commit();
	delete(&table_accounts, "u5@b.c");
	rig_wall += 100000;
	while (collect_with(rig_wall, 0, 10) == 0)
		ck_assert_int_lt(++turns, 10);
	ck_assert_int_eq(turns, 2);
	ck_assert_int_eq(collect_with(rig_wall, 0, 10), 0);
	rig_check();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_seq");
	TCase *t = tcase_create("store_seq");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, rig_setup, rig_teardown);
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, in_order_of_change, 0, (int)ARRAY_LEN(since));
	tcase_add_test(t, old_tombstones_go);
	tcase_add_test(t, collecting_takes_turns);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
