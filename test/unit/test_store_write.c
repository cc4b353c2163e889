/* Writing: rows, stamps, tombstones. Whole histories are in
 * test_store_history.c, kills and power cuts in test_store_crash.c. */
#include "lib/store/store_write.c"

#include <check.h>

#include "unit/child.h"
#include "unit/random_record.h"
#include "unit/store_rig.h"

static struct row_meta meta_of(const struct table *t, const char *key)
{
	struct row_meta m;

	memset(&m, 0, sizeof(m));
	get_meta(t, key, &m);
	return m;
}

static uint64_t last_txn(void)
{
	MDB_envinfo i;

	mdb_env_info(rig->env, &i);
	return i.me_last_txnid;
}

/* --- rows come and go --- */

START_TEST(put_get_delete)
{
	ck_assert_str_eq(password_of("a@b.c"), "-");
	put_account("a@b.c", "one");
	ck_assert_str_eq(password_of("a@b.c"), "one");
	put_account("a@b.c", "two");
	ck_assert_str_eq(password_of("a@b.c"), "two");
	ck_assert_uint_eq(count(&table_accounts), 1);
	ck_assert_int_eq(delete(&table_accounts, "a@b.c"), 0);
	ck_assert_str_eq(password_of("a@b.c"), "-");
	ck_assert_uint_eq(count(&table_accounts), 0);
	ck_assert_int_eq(delete(&table_accounts, "a@b.c"), STORE_NONE);
	ck_assert_int_eq(delete(&table_accounts, "never@b.c"), STORE_NONE);
	ck_assert_int_eq(delete(&table_accounts, ""), STORE_NONE);
	put_account("a@b.c", "three");
	ck_assert_str_eq(password_of("a@b.c"), "three");
	rig_check();
}
END_TEST

START_TEST(keys_out_of_bounds)
{
	char longer[KEY_MAX + 10];
	struct err e = { "" };
	struct account a = account_of("", "x");

	memset(longer, 'x', sizeof(longer));
	longer[1] = '@';
	begin();
	ck_assert_int_eq(store_put(rig, &table_accounts, &a, &e), -1);
	ck_assert_str_eq(e.text, "accounts: the key is empty or longer than 511 bytes");
	a.email_address = (struct str){ longer, sizeof(longer) };
	ck_assert_int_eq(store_put(rig, &table_accounts, &a, &e), -1);
	ck_assert_int_eq(store_delete(rig, &table_accounts, a.email_address, &e), STORE_NONE);
	ck_assert_int_eq(store_expire(rig, &table_accounts, a.email_address, &e), STORE_NONE);
	ck_assert_int_eq(store_expire(rig, &table_accounts, STR(""), &e), STORE_NONE);
	a.email_address = (struct str){ longer, KEY_MAX - 1 }; /* the longest: its entry fits, too */
	ok(store_put(rig, &table_accounts, &a, &rig_err));
	commit();
	rig_check();
	ck_assert_uint_eq(count(&table_accounts), 1);
}
END_TEST

START_TEST(domains_are_counted)
{
	put_account("a@one.org", "x");
	put_account("a@one.org", "y"); /* no second address */
	put_account("b@one.org", "");
	put_alias("c@one.org", "a@one.org");
	put_account("@two.org", "");
	ck_assert(has_domain("one.org") && has_domain("two.org"));
	ck_assert(!has_domain("three.org") && !has_domain("org") && !has_domain("ONE.org"));
	delete(&table_accounts, "a@one.org");
	delete(&table_accounts, "a@one.org");
	delete(&table_accounts, "b@one.org");
	ck_assert(has_domain("one.org"));
	delete(&table_aliases, "c@one.org");
	ck_assert(!has_domain("one.org"));
	delete(&table_accounts, "@two.org");
	ck_assert(!has_domain("two.org"));
	rig_check();
}
END_TEST

/* Every text as long as it may be, at once. */
START_TEST(largest_rows)
{
	struct arena a = ARENA(0);
	union any_record rec, got;
	char key[KEY_MAX], *big = arena_alloc(&a, 70000);
	size_t n;

	memset(big, 'x', 70000);
	for (int i = 0; accounts_tables[i]; i++) {
		const struct table *t = accounts_tables[i];

		record_defaults(t, &rec);
		for (unsigned j = 0; j < t->n_fields; j++)
			if (field_is_text(t->fields[j].kind))
				memcpy(rec.bytes + t->fields[j].offset,
				       &(struct str){ big, (size_t)t->fields[j].max }, sizeof(struct str));
		put(t, &rec);
		must(record_key(t, &rec, key, &n) == 0, "key");
		read_begin();
		ck_assert_int_eq(store_get(rig, t, (struct str){ key, n }, &got, NULL, &rig_err), 0);
		must_be_same(t, &rec, &got);
		store_read_end(rig);
	}
	arena_free(&a);
}
END_TEST

START_TEST(credentials_leave_nothing)
{
	struct credential c;
	struct row_meta m;

	record_defaults(&table_credentials, &c);
	c.credential = STR("password");
	c.hash = STR("$6$x");
	put(&table_credentials, &c);
	m = meta_of(&table_credentials, "password");
	ck_assert_uint_eq(m.seq, 0);
	ck_assert_uint_eq(m.stamp, 0);
	ck_assert_uint_eq(info().last_seq, 0);
	c.hash = STR("$6$y");
	put(&table_credentials, &c);
	ck_assert_uint_eq(count(&table_credentials), 1);
	ck_assert_int_eq(delete(&table_credentials, "password"), 0);
	read_begin();
	ck_assert_uint_eq(rig_entries(rig->table_db[table_credentials.id]), 0);
	store_read_end(rig);
}
END_TEST

/* --- stamps --- */

START_TEST(the_same_again_writes_nothing)
{
	struct row_meta before, after;
	struct store_info was;
	uint64_t txn;

	put_account("a@b.c", "x");
	put_alias("d@b.c", "a@b.c");
	before = meta_of(&table_accounts, "a@b.c");
	was = info();
	txn = last_txn();
	rig_wall += 5000;
	put_account("a@b.c", "x");
	put_alias("d@b.c", "a@b.c");
	after = meta_of(&table_accounts, "a@b.c");
	ck_assert_mem_eq(&before, &after, sizeof(before));
	ck_assert_uint_eq(info().last_seq, was.last_seq);
	ck_assert_uint_eq(info().clock_mark, was.clock_mark);
	ck_assert_uint_eq(last_txn(), txn); /* not even a page of the file */
}
END_TEST

#define ALL 0x7ffcull /* ids 2..14; the key never changes */
#define BIT(id) (1ull << (id))

/* Fields of an account whose stamp is s; the others are returned as bits by id. */
static uint64_t stamped(uint64_t s)
{
	struct row_meta m = meta_of(&table_accounts, "a@b.c");
	uint64_t bits = 0;

	for (unsigned i = 0; i < table_accounts.n_fields; i++)
		if (stamp_of(&m, table_accounts.fields[i].id) == s)
			bits |= 1ull << table_accounts.fields[i].id;
	return bits & ALL;
}

static uint64_t put_later(const struct account *a)
{
	rig_wall += 1000;
	put(&table_accounts, a);
	return meta_of(&table_accounts, "a@b.c").stamp;
}

/* Only what changes gets a new stamp, and what stood at its default keeps its old one. */
START_TEST(stamps_move_with_their_fields)
{
	struct account a = account_of("a@b.c", "x");
	uint64_t s1 = put_later(&a), s2, s3, s4;

	ck_assert_uint_eq(s1, (uint64_t)rig_wall << 16);
	ck_assert_uint_eq(stamped(s1), ALL);
	a.boxid = STR("MAIL1");
	s2 = put_later(&a);
	ck_assert_uint_gt(s2, s1);
	ck_assert_uint_eq(stamped(s2), BIT(3));
	ck_assert_uint_eq(stamped(s1), ALL & ~BIT(3));
	a.boxid = STR(""); /* back to the default, and another one away from it */
	a.spam_setting = 2;
	s3 = put_later(&a);
	ck_assert_uint_eq(stamped(s3), BIT(3) | BIT(6));
	ck_assert_uint_eq(stamped(s1), ALL & ~(BIT(3) | BIT(6)));
	a.user_password = STR("y");
	s4 = put_later(&a);
	ck_assert_uint_eq(stamped(s4), BIT(2));
	ck_assert_uint_eq(stamped(s3), BIT(3) | BIT(6));
	store_close(&rig);
	rig_open_env(STORE_ACCOUNTS);
	ck_assert_uint_eq(stamped(s4), BIT(2));
	ck_assert_uint_eq(stamped(s3), BIT(3) | BIT(6));
	ck_assert_uint_eq(stamped(s1), ALL & ~(BIT(2) | BIT(3) | BIT(6)));
	delete(&table_accounts, "a@b.c");
	s4 = put_later(&a); /* a new life: nothing of before comes back */
	ck_assert_uint_eq(stamped(s4), ALL);
}
END_TEST

START_TEST(rows_of_one_stamp)
{
	struct row_meta m;

	put_alias("a@b.c", "x@b.c");
	rig_wall += 1000;
	put_alias("a@b.c", "y@b.c");
	m = meta_of(&table_aliases, "a@b.c");
	for (unsigned i = 0; i < table_aliases.n_fields; i++)
		ck_assert_uint_eq(stamp_of(&m, table_aliases.fields[i].id), m.stamp);
}
END_TEST

/* The clock may stand, jump back, and be wrong for years: stamps go on. */
START_TEST(the_clock_is_monotonic)
{
	static const int64_t walls[] = { 1000000, 1000000, 5, 0, 2000000, 1999999, 2000001 };
	uint64_t last = 0;

	for (size_t i = 0; i < ARRAY_LEN(walls); i++) {
		char text[8];

		snprintf(text, sizeof(text), "%zu", i);
		rig_wall = walls[i];
		put_account("a@b.c", text);
		ck_assert_uint_gt(meta_of(&table_accounts, "a@b.c").stamp, last);
		last = meta_of(&table_accounts, "a@b.c").stamp;
		ck_assert_uint_eq(info().clock_mark, last);
		store_close(&rig);
		rig_open_env(STORE_ACCOUNTS);
		ck_assert_uint_eq(info().clock_mark, last);
	}
	ck_assert_uint_eq(last, 2000001ull << 16);
}
END_TEST

/* Behind the back of the store: a row as a sister might have sent it. */
static void plant(const struct table *t, const char *key, const void *rec, const struct row_meta *m)
{
	MDB_val k = { strlen(key), (void *)(uintptr_t)key }, v;
	struct buf b;

	buf_init(&b, 4096);
	must(record_encode(t, rec, m, &b) == 0, "encoded");
	v = (MDB_val){ buf_len(&b), (void *)(uintptr_t)buf_str(&b).p };
	begin();
	must(mdb_put(rig->wr, rig->table_db[t->id], &k, &v, 0) == 0, "planted");
	commit();
	buf_release(&b);
}

/* An administrator's edit beats what he saw, also what a clock ahead of ours has stamped. */
START_TEST(an_edit_beats_what_it_saw)
{
	struct account a = account_of("a@b.c", "x");
	struct row_meta m;

	put(&table_accounts, &a);
	m = meta_of(&table_accounts, "a@b.c");
	m.stamp = 9000000000000000ull;
	plant(&table_accounts, "a@b.c", &a, &m);
	put_account("a@b.c", "y");
	m = meta_of(&table_accounts, "a@b.c");
	ck_assert_uint_eq(m.stamp, 9000000000000001ull);
	put_account("d@b.c", "z");
	ck_assert_uint_gt(meta_of(&table_accounts, "d@b.c").stamp, m.stamp);
	rig_check();
}
END_TEST

/* What a newer version wrote into a row outlives our edits, stamp and all. */
START_TEST(unknown_fields_outlive_edits)
{
	static const struct {
		const struct table *t;
		bool by_field;
	} both[] = { { &table_accounts, true }, { &table_aliases, false } };
	union any_record rec;
	struct row_meta m, after;

	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		i ? put_alias("a@b.c", "x@b.c") : put_account("a@b.c", "x");
		m = meta_of(both[i].t, "a@b.c");
		read_begin();
		ok(store_get(rig, both[i].t, STR("a@b.c"), &rec, NULL, &rig_err));
		store_read_end(rig);
		m.unknown = STR("\x3e\0\3abc\x3f\5\1z");
		i ? put_alias("a@b.c", "y@b.c") : put_account("a@b.c", "y"); /* rec's page is gone */
		record_defaults(both[i].t, &rec);
		*(struct str *)(void *)&rec = STR("a@b.c");
		m.seq = meta_of(both[i].t, "a@b.c").seq;
		plant(both[i].t, "a@b.c", &rec, &m);
		rig_wall += 1;
		i ? put_alias("a@b.c", "z@b.c") : put_account("a@b.c", "z");
		read_begin();
		ok(store_get(rig, both[i].t, STR("a@b.c"), NULL, &after, &rig_err));
		ck_assert_uint_gt(after.stamp - m.stamp, 16383);
		ck_assert_int_eq(after.unknown.p[0], 0x3e);
		if (both[i].by_field) { /* of the base now: still the old stamp */
			ck_assert_int_eq(after.unknown.p[1], 1);
			ck_assert_uint_eq(after.unknown_base, m.stamp);
			store_read_end(rig);
			put_account("a@b.c", "once more");
			read_begin();
			ok(store_get(rig, both[i].t, STR("a@b.c"), NULL, &after, &rig_err));
			ck_assert_int_eq(after.unknown.p[1], 1);
			ck_assert_uint_eq(after.unknown_base, m.stamp);
		} else {
			ck_assert(str_eq(after.unknown, STR("\x3e\0\3abc\x3f\5\1z")));
		}
		store_read_end(rig);
	}
	rig_check();
}
END_TEST

/* Rows of a store of format 1 hold their key, too. They are read, and keyless once written. */
START_TEST(rows_of_format_1)
{
	struct account a = account_of("a@b.c", "x");
	struct row_meta m, is;
	MDB_val k = { 5, "a@b.c" }, v;
	uint64_t format;

	a.boxid = STR("MAIL1");
	put(&table_accounts, &a);
	m = meta_of(&table_accounts, "a@b.c");
	plant(&table_accounts, "a@b.c", &a, &m);
	begin();
	must(meta_put(rig, rig->wr, "format", 1) == 0, "format");
	commit();
	store_close(&rig);
	rig_open_env(STORE_ACCOUNTS);
	ck_assert_str_eq(password_of("a@b.c"), "x");
	rig_check();
	put(&table_accounts, &a); /* the same again is not written */
	is = meta_of(&table_accounts, "a@b.c");
	ck_assert_uint_eq(is.seq, m.seq);
	ck_assert_uint_eq(is.stamp, m.stamp);
	put_account("a@b.c", "y");
	read_begin();
	must(mdb_get(rig->rd, rig->table_db[table_accounts.id], &k, &v) == 0, "row");
	ck_assert_int_eq(((const char *)v.mv_data)[1] & 2, 2);
	ck_assert_int_eq(meta_get(rig, rig->rd, "format", &format), 0);
	store_read_end(rig);
	ck_assert_uint_eq(format, STORE_FORMAT); /* which an older version refuses to open */
	ck_assert_str_eq(password_of("a@b.c"), "y");
}
END_TEST

/* --- what takes rows out again --- */

START_TEST(expired_rows_leave_nothing)
{
	put_account("a@b.c", "x");
	put_account("d@b.c", "x");
	delete(&table_accounts, "d@b.c");
	begin();
	ck_assert_int_eq(store_expire(rig, &table_accounts, STR("a@b.c"), &rig_err), 0);
	ck_assert_int_eq(store_expire(rig, &table_accounts, STR("a@b.c"), &rig_err), STORE_NONE);
	ck_assert_int_eq(store_expire(rig, &table_accounts, STR("never@b.c"), &rig_err), STORE_NONE);
	ck_assert_int_eq(store_expire(rig, &table_accounts, STR("d@b.c"), &rig_err), 0);
	commit();
	read_begin();
	ck_assert_uint_eq(rig_entries(rig->db[DB_SEQ]), 0);
	ck_assert_uint_eq(rig_entries(rig->table_db[table_accounts.id]), 0);
	ck_assert_uint_eq(rig_entries(rig->db[DB_DOMAINS]), 0);
	store_read_end(rig);
}
END_TEST

/* --- abort --- */

START_TEST(abort_leaves_nothing)
{
	struct account a = account_of("new@other.org", "x");
	struct store_info was, is;
	uint64_t txn;

	put_account("a@b.c", "x");
	put_account("gone@b.c", "x");
	was = info();
	txn = last_txn();
	begin();
	ok(store_put(rig, &table_accounts, &a, &rig_err));
	ck_assert_int_eq(store_delete(rig, &table_accounts, STR("a@b.c"), &rig_err), 0);
	ck_assert_int_eq(store_expire(rig, &table_accounts, STR("gone@b.c"), &rig_err), 0);
	ck_assert_uint_gt(info().last_seq, was.last_seq);
	store_abort(rig);
	store_abort(rig); /* harmless */
	is = info();
	ck_assert_mem_eq(&was, &is, sizeof(was));
	ck_assert_uint_eq(last_txn(), txn);
	ck_assert_str_eq(password_of("a@b.c"), "x");
	ck_assert_str_eq(password_of("gone@b.c"), "x");
	ck_assert_str_eq(password_of("new@other.org"), "-");
	ck_assert(!has_domain("other.org"));
	rig_check();
}
END_TEST

/* Closing forgets a write that nobody committed. */
START_TEST(close_within_a_write)
{
	struct account a = account_of("a@b.c", "x");

	begin();
	ok(store_put(rig, &table_accounts, &a, &rig_err));
	store_close(&rig);
	rig_open_env(STORE_ACCOUNTS);
	ck_assert_str_eq(password_of("a@b.c"), "-");
	rig_check();
}
END_TEST

static bool begin_twice(void *arg)
{
	(void)arg;
	rig_open_env(STORE_ACCOUNTS);
	if (freopen("/dev/null", "w", stderr) == NULL)
		return false;
	begin();
	begin();
	return true;
}

START_TEST(a_write_within_a_write_is_our_bug)
{
	int status;
	pid_t pid;

	store_close(&rig);
	pid = child_start(begin_twice, NULL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	rig_open_env(STORE_ACCOUNTS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_write");
	TCase *t = tcase_create("store_write");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, rig_setup, rig_teardown);
	tcase_set_timeout(t, 300);
	tcase_add_test(t, put_get_delete);
	tcase_add_test(t, keys_out_of_bounds);
	tcase_add_test(t, domains_are_counted);
	tcase_add_test(t, largest_rows);
	tcase_add_test(t, credentials_leave_nothing);
	tcase_add_test(t, the_same_again_writes_nothing);
	tcase_add_test(t, stamps_move_with_their_fields);
	tcase_add_test(t, rows_of_one_stamp);
	tcase_add_test(t, the_clock_is_monotonic);
	tcase_add_test(t, an_edit_beats_what_it_saw);
	tcase_add_test(t, unknown_fields_outlive_edits);
	tcase_add_test(t, rows_of_format_1);
	tcase_add_test(t, expired_rows_leave_nothing);
	tcase_add_test(t, abort_leaves_nothing);
	tcase_add_test(t, close_within_a_write);
	tcase_add_test(t, a_write_within_a_write_is_our_bug);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
