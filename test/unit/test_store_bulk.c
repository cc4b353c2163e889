/* A table gone through in key order: what stays, goes and comes is in the store as if it had
 * been put one by one, whichever way it is written. */
#include "lib/store/store_bulk.c"

#include <check.h>

#include "unit/child.h"
#include "unit/store_rig.h"

static const struct table *const accounts = &table_accounts;
static const enum bulk_way writing[] = { BULK_PATCH, BULK_ANEW };
static struct bulk *bulk;

static void teardown(void)
{
	bulk_end(&bulk);
	rig_teardown();
}

static void bulk_open(enum bulk_way way)
{
	rig_wall += 1000;
	begin();
	ok(bulk_begin(&bulk, rig, accounts, way, &rig_err));
}

static void bulk_commit(void)
{
	ok(bulk_finish(bulk, &rig_err));
	bulk_end(&bulk);
	ck_assert_ptr_null(bulk);
	commit();
	rig_check();
}

/* The next old row has this key. */
static struct bulk_row row_is(const char *key)
{
	struct bulk_row row;

	ck_assert_int_eq(bulk_next(bulk, &row, &rig_err), 0);
	ck_assert_msg(str_eq(row.key, str_z(key)), "%.*s", STR_ARG(row.key));
	return row;
}

static void put_over(bool old, const char *address, const char *password, int rc)
{
	struct account a = account_of(address, password);

	ck_assert_int_eq(bulk_put(bulk, old, &a, &rig_err), rc);
}

static void the_end(void)
{
	struct bulk_row row;

	ck_assert_int_eq(bulk_next(bulk, &row, &rig_err), STORE_NONE);
}

static void put_old_rows(void)
{
	put_account("b@x", "b");
	put_account("d@x", "d");
	put_account("f@x", "f");
	put_account("h@x", "h");
	delete (accounts, "h@x");
	put_account("j@x", "j");
}

/* --- every fate of a row --- */

START_TEST(every_fate)
{
	struct row_meta kept, same, is;

	put_old_rows();
	get_meta(accounts, "d@x", &kept);
	get_meta(accounts, "j@x", &same);
	bulk_open(writing[_i]);
	ck_assert(row_is("b@x").live);
	put_over(false, "a@x", "a", 1); /* comes */
	ck_assert_int_eq(bulk_drop(bulk, &rig_err), 1);
	put_over(false, "c@x", "c", 1);
	row_is("d@x");
	ok(bulk_keep(bulk, &rig_err));
	row_is("f@x");
	put_over(true, "f@x", "F", 1); /* changes */
	ck_assert(!row_is("h@x").live);
	put_over(true, "h@x", "H", 1); /* comes again */
	row_is("j@x");
	put_over(true, "j@x", "j", 0); /* is the same */
	the_end();
	put_over(false, "k@x", "k", 1);
	bulk_commit();
	ck_assert_uint_eq(count(accounts), 7);
	ck_assert_str_eq(password_of("a@x"), "a");
	ck_assert_str_eq(password_of("b@x"), "-");
	ck_assert_str_eq(password_of("f@x"), "F");
	ck_assert_str_eq(password_of("h@x"), "H");
	get_meta(accounts, "d@x", &is);
	ck_assert_mem_eq(&is, &kept, sizeof(is));
	get_meta(accounts, "j@x", &is);
	ck_assert_mem_eq(&is, &same, sizeof(is));
	get_meta(accounts, "f@x", &is);
	ck_assert_uint_eq(is.stamp, (uint64_t)rig_wall << 16 | 3); /* the fourth change */
	ck_assert_uint_lt(is.field_stamp[3], is.stamp);		   /* of its own time */
}
END_TEST

/* Tombstones stay in their places in the index. */
START_TEST(tombstones_stay)
{
	struct row_meta was, is;

	put_old_rows();
	get_meta(accounts, "h@x", &was);
	bulk_open(writing[_i]);
	for (int i = 0; i < 3; i++) {
		struct bulk_row row;

		ok(bulk_next(bulk, &row, &rig_err));
		ck_assert_int_eq(bulk_drop(bulk, &rig_err), 1);
	}
	row_is("h@x");
	ck_assert_int_eq(bulk_drop(bulk, &rig_err), 0);
	row_is("j@x");
	ok(bulk_keep(bulk, &rig_err));
	bulk_commit();
	ck_assert_uint_eq(count(accounts), 1);
	get_meta(accounts, "h@x", &is);
	ck_assert(is.tombstone);
	ck_assert_mem_eq(&is, &was, sizeof(is));
	get_meta(accounts, "b@x", &is);
	ck_assert(is.tombstone);
	ck_assert_uint_gt(is.seq, was.seq);
}
END_TEST

/* Looking writes nothing and tells the same. */
START_TEST(looking)
{
	struct store_info was, is;

	put_old_rows();
	was = info();
	ok(bulk_begin(&bulk, rig, accounts, BULK_LOOK, &rig_err)); /* outside of any write */
	row_is("b@x");
	put_over(false, "a@x", "a", 1);
	ck_assert_int_eq(bulk_drop(bulk, &rig_err), 1);
	row_is("d@x");
	put_over(true, "d@x", "d", 0);
	row_is("f@x");
	put_over(true, "f@x", "F", 1);
	row_is("h@x");
	ck_assert_int_eq(bulk_drop(bulk, &rig_err), 0);
	put_over(true, "h@x", "h", 1);
	bulk_end(&bulk);
	is = info();
	ck_assert_mem_eq(&is, &was, sizeof(is));
	ck_assert_uint_eq(count(accounts), 4);
	rig_check();
}
END_TEST

START_TEST(abort_leaves_nothing)
{
	put_old_rows();
	bulk_open(writing[_i]);
	row_is("b@x");
	ck_assert_int_eq(bulk_drop(bulk, &rig_err), 1);
	put_over(false, "c@x", "c", 1);
	bulk_end(&bulk);
	store_abort(rig);
	ck_assert_uint_eq(count(accounts), 4);
	ck_assert_str_eq(password_of("b@x"), "b");
	rig_check();
	put_account("b@x", "again");
}
END_TEST

/* Old rows are those committed last, whatever is written meanwhile; and they stay put. */
START_TEST(old_rows_stay_put)
{
	struct bulk_row first, row;
	char address[32];
	int n = 0;

	begin();
	for (int i = 0; i < 3000; i++) {
		struct account a;

		snprintf(address, sizeof(address), "u%05d@x", i);
		a = account_of(address, "a password of some length");
		ok(store_put(rig, accounts, &a, &rig_err));
	}
	commit();
	bulk_open(writing[_i]);
	ok(bulk_next(bulk, &first, &rig_err));
	row = first;
	do {
		snprintf(address, sizeof(address), "u%05d@x", n++);
		must(str_eq(row.key, str_z(address)), "in order");
		put_over(true, address, "another, which is longer than the one before", 1);
	} while (bulk_next(bulk, &row, &rig_err) == 0);
	ck_assert_int_eq(n, 3000);
	ck_assert(str_eq(first.key, STR("u00000@x")));
	bulk_commit();
	ck_assert_uint_eq(count(accounts), 3000);
}
END_TEST

/* What a newer version wrote into a row stays with it, whatever becomes of the row. */
START_TEST(unknown_fields)
{
	struct row_meta m = { .seq = 1, .stamp = 5, .unknown = STR("\x3f\0\1z") };
	struct account a = account_of("b@x", "b");
	MDB_val k = { 3, "b@x" }, v;
	struct buf b;

	put_account("b@x", "b");
	buf_init(&b, 1000);
	must(record_encode(accounts, &a, &m, &b) == 0, "encoded");
	v = (MDB_val){ buf_len(&b), (void *)(uintptr_t)buf_str(&b).p };
	begin();
	must(mdb_put(rig->wr, rig->table_db[accounts->id], &k, &v, 0) == 0, "planted");
	commit();
	buf_release(&b);
	bulk_open(writing[_i / 2]);
	row_is("b@x");
	put_over(true, "b@x", _i % 2 ? "b" : "B", _i % 2 ? 0 : 1);
	bulk_commit();
	read_begin();
	ck_assert_int_eq(store_get(rig, accounts, STR("b@x"), NULL, &m, &rig_err), 0);
	ck_assert_uint_ge(m.unknown.n, 4);
	ck_assert_int_eq(m.unknown.p[0], 0x3f);
	ck_assert_int_eq(m.unknown.p[m.unknown.n - 1], 'z');
	store_read_end(rig);
}
END_TEST

/* --- failures --- */

START_TEST(damage_is_told)
{
	MDB_val k = { 3, "b@x" }, v = { _i ? 5 : 1, "\1\0\1\1\1" };
	struct bulk_row row;
	struct err e = { "" };

	put_account("b@x", "b");
	begin();
	must(mdb_put(rig->wr, rig->table_db[accounts->id], &k, &v, 0) == 0, "planted");
	commit();
	bulk_open(BULK_PATCH);
	if (_i) {
		row_is("b@x");
		ck_assert_int_eq(bulk_drop(bulk, &e), -1);
	} else {
		ck_assert_int_eq(bulk_next(bulk, &row, &e), -1);
	}
	ck_assert_ptr_nonnull(strstr(e.text, "a damaged record in accounts"));
	bulk_end(&bulk);
	store_abort(rig);
}
END_TEST

START_TEST(what_cannot_be)
{
	struct account a = account_of("", "x");
	struct err e = { "" };

	begin();
	ck_assert_int_eq(bulk_begin(&bulk, rig, &table_ledger, BULK_PATCH, &e), -1);
	ck_assert_ptr_null(bulk);
	ck_assert_ptr_nonnull(strstr(e.text, "has no table ledger"));
	ok(bulk_begin(&bulk, rig, accounts, BULK_PATCH, &rig_err));
	ck_assert_int_eq(bulk_put(bulk, false, &a, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "the key is empty"));
	bulk_end(&bulk);
	bulk_end(&bulk); /* harmless */
	store_abort(rig);
}
END_TEST

START_TEST(no_slot_left)
{
	MDB_txn *t[256];
	size_t n = 0;
	struct err e = { "" };

	begin();
	while (n < ARRAY_LEN(t) && mdb_txn_begin(rig->env, NULL, MDB_RDONLY, &t[n]) == 0)
		n++;
	ck_assert_int_eq(bulk_begin(&bulk, rig, accounts, BULK_ANEW, &e), -1);
	ck_assert_ptr_null(bulk);
	ck_assert_msg(strstr(e.text, "too many processes read it") != NULL, "%s", e.text);
	while (n > 0)
		mdb_txn_abort(t[--n]);
	store_abort(rig);
}
END_TEST

static bool begin_late(void *arg)
{
	struct account a = account_of("a@x", "x");

	(void)arg;
	rig_open_env(STORE_ACCOUNTS);
	if (!freopen("/dev/null", "w", stderr))
		return false;
	begin();
	ok(store_put(rig, accounts, &a, &rig_err));
	ok(bulk_begin(&bulk, rig, &table_aliases, BULK_ANEW, &rig_err));
	return true;
}

START_TEST(rows_were_changed_before)
{
	int status;
	pid_t pid;

	store_close(&rig);
	pid = child_start(begin_late, NULL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	rig_open_env(STORE_ACCOUNTS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_bulk");
	TCase *t = tcase_create("store_bulk");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, rig_setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, every_fate, 0, 2);
	tcase_add_loop_test(t, tombstones_stay, 0, 2);
	tcase_add_test(t, looking);
	tcase_add_loop_test(t, abort_leaves_nothing, 0, 2);
	tcase_add_loop_test(t, old_rows_stay_put, 0, 2);
	tcase_add_loop_test(t, unknown_fields, 0, 4);
	tcase_add_loop_test(t, damage_is_told, 0, 2);
	tcase_add_test(t, what_cannot_be);
	tcase_add_test(t, no_slot_left);
	tcase_add_test(t, rows_were_changed_before);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
