/* Look-ups and walks, alone, beside the writes of one handle, and in other processes; what is told
 * of a store, and one in little room. */
#include "lib/store/store.c"

#include <check.h>
#include <sys/resource.h>

#include "unit/child.h"
#include "unit/store_rig.h"

START_TEST(look_ups)
{
	struct account a;
	struct alias al;
	char longer[600];

	put_account("joe@example.com", "secret");
	put_alias("all@example.com", "joe@example.com");
	memset(longer, 'a', sizeof(longer));
	read_begin();
	ck_assert_int_eq(store_account(rig, STR("Joe@EXAMPLE.com"), &a, &rig_err), 0);
	ck_assert(str_eq(a.user_password, STR("secret")));
	ck_assert_int_eq(store_alias(rig, STR("ALL@example.com"), &al, &rig_err), 0);
	ck_assert(str_eq(al.alias_list, STR("joe@example.com")));
	ck_assert_int_eq(store_account(rig, STR("all@example.com"), &a, &rig_err), STORE_NONE);
	ck_assert_int_eq(store_account(rig, STR("joe@example.co"), &a, &rig_err), STORE_NONE);
	ck_assert_int_eq(store_account(rig, STR(""), &a, &rig_err), STORE_NONE);
	for (size_t n = 505; n < sizeof(longer); n++) {
		ck_assert_int_eq(store_account(rig, (struct str){ longer, n }, &a, &rig_err),
				 STORE_NONE);
		ck_assert_int_eq(store_domain(rig, (struct str){ longer, n }, &rig_err),
				 STORE_NONE);
	}
	ck_assert_int_eq(store_domain(rig, STR(""), &rig_err), STORE_NONE);
	store_read_end(rig);
}
END_TEST

struct seen {
	char text[256];
	int stop_at;
};

static int see(void *arg, const void *rec, const struct row_meta *m)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);

	ck_assert(!m->tombstone);
	snprintf(s->text + n, sizeof(s->text) - n, "%.*s ",
		 STR_ARG(((const struct account *)rec)->email_address));
	return --s->stop_at ? 0 : 42;
}

static const struct {
	const char *from;
	int stop_at, rc;
	const char *seen;
} walks[] = {
	{ "", 0, 0, "@b.c a@b.c aa@b.c z@b.c " },
	{ "a@b.c", 0, 0, "a@b.c aa@b.c z@b.c " },
	{ "a@b.ca", 0, 0, "aa@b.c z@b.c " },
	{ "m@b.c", 0, 0, "z@b.c " }, /* gone itself */
	{ "zz", 0, 0, "" },
	{ "", 1, 42, "@b.c " },
	{ "", 4, 42, "@b.c a@b.c aa@b.c z@b.c " },
	{ "b", 1, 42, "z@b.c " },
};

/* Texts outlive the key that was asked for. */
START_TEST(keys_are_not_borrowed)
{
	char key[] = "a@b.c";
	struct account a;

	put_account("a@b.c", "x");
	for (int i = 0; i < 2; i++) {
		if (i)
			begin();
		read_begin();
		strcpy(key, "a@b.c");
		ck_assert_int_eq(store_get(rig, &table_accounts, str_z(key), &a, NULL, &rig_err), 0);
		memset(key, 'x', 5);
		ck_assert(str_eq(a.email_address, STR("a@b.c")));
		strcpy(key, "A@b.c");
		ck_assert_int_eq(store_account(rig, str_z(key), &a, &rig_err), 0);
		memset(key, 'x', 5);
		ck_assert(str_eq(a.email_address, STR("a@b.c")));
		if (i)
			store_abort(rig);
		store_read_end(rig);
	}
}
END_TEST

START_TEST(walk)
{
	static const char *const all[] = { "z@b.c", "m@b.c", "@b.c", "aa@b.c", "a@b.c" };
	struct seen s = { "", walks[_i].stop_at };

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		put_account(all[i], "");
	ck_assert_int_eq(delete(&table_accounts, "m@b.c"), 0);
	read_begin();
	ck_assert_int_eq(store_each(rig, &table_accounts, str_z(walks[_i].from), see, &s, &rig_err),
			 walks[_i].rc);
	store_read_end(rig);
	ck_assert_str_eq(s.text, walks[_i].seen);
}
END_TEST

START_TEST(walk_from_a_long_key)
{
	char from[600];
	struct seen s = { "", 0 };

	put_account("a@b.c", "");
	put_account("zz@b.c", "");
	memset(from, 'y', sizeof(from));
	read_begin();
	ok(store_each(rig, &table_accounts, (struct str){ from, sizeof(from) }, see, &s, &rig_err));
	store_read_end(rig);
	ck_assert_str_eq(s.text, "zz@b.c ");
}
END_TEST

START_TEST(tables_of_the_other_store)
{
	struct ledger l;
	uint64_t n;
	struct err e = { "" };

	record_defaults(&table_ledger, &l);
	l.pair = l.digest = STR("x");
	begin();
	ck_assert_int_eq(store_put(rig, &table_ledger, &l, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "has no table ledger"));
	e.text[0] = '\0';
	ck_assert_int_eq(store_delete(rig, &table_ledger, STR("x"), &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "has no table ledger"));
	e.text[0] = '\0';
	ck_assert_int_eq(store_expire(rig, &table_ledger, STR("x"), &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "has no table ledger"));
	store_abort(rig);
	read_begin();
	e.text[0] = '\0';
	ck_assert_int_eq(store_get(rig, &table_ledger, STR("x"), &l, NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "has no table ledger"));
	e.text[0] = '\0';
	ck_assert_int_eq(store_count(rig, &table_ledger, &n, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "has no table ledger"));
	store_read_end(rig);
}
END_TEST

/* A row whose bytes are not one. */
START_TEST(damage_is_told)
{
	MDB_txn *txn;
	MDB_val k = { 5, (void *)(uintptr_t)"a@b.c" }, v = { 3, (void *)(uintptr_t)"\1\0\xff" };
	struct account a;
	struct seen s = { "", 0 };
	struct err e = { "" };

	ck_assert_int_eq(mdb_txn_begin(rig->env, NULL, 0, &txn), 0);
	ck_assert_int_eq(mdb_put(txn, rig->table_db[1], &k, &v, 0), 0);
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
	read_begin();
	ck_assert_int_eq(store_account(rig, STR("a@b.c"), &a, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "accounts.mdb: a damaged record in accounts"));
	e.text[0] = '\0';
	ck_assert_int_eq(store_each(rig, &table_accounts, STR(""), see, &s, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "a damaged record"));
	store_read_end(rig);
	a = account_of("a@b.c", "x");
	begin();
	e.text[0] = '\0';
	ck_assert_int_eq(store_put(rig, &table_accounts, &a, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "a damaged record"));
	store_abort(rig);
}
END_TEST

START_TEST(reading_needs_a_begin)
{
	struct account a;
	struct err e = { "" };

	ck_assert_int_eq(store_account(rig, STR("a@b.c"), &a, &e), -1);
	ck_assert_uint_gt(strlen(e.text), 0);
	read_begin();
	ck_assert_int_eq(store_read_begin(rig, &e), -1); /* one at a time */
	ck_assert_int_eq(store_account(rig, STR("a@b.c"), &a, &e), STORE_NONE);
	store_read_end(rig);
}
END_TEST

/* --- reads and writes of one handle --- */

/* Every order of the four calls leaves a handle that reads the newest set. */
START_TEST(reads_around_writes)
{
	struct account a = account_of("a@b.c", "new");

	put_account("a@b.c", "old");
	read_begin();
	begin();
	store_read_end(rig);
	ok(store_put(rig, &table_accounts, &a, &rig_err));
	commit();
	ck_assert_str_eq(password_of("a@b.c"), "new");

	read_begin(); /* ends within the write */
	begin();
	commit();
	store_read_end(rig);
	begin();
	read_begin();
	commit();
	store_read_end(rig);
	put_account("a@b.c", "newer");
	ck_assert_str_eq(password_of("a@b.c"), "newer");
	store_read_end(rig); /* once too often is harmless */
	ck_assert_str_eq(password_of("a@b.c"), "newer");
}
END_TEST

START_TEST(a_write_reads_itself)
{
	struct account a = account_of("a@b.c", "mine"), got;
	uint64_t n;

	begin();
	ok(store_put(rig, &table_accounts, &a, &rig_err));
	read_begin();
	ck_assert_int_eq(store_account(rig, STR("a@b.c"), &got, &rig_err), 0);
	ck_assert_int_eq(store_domain(rig, STR("b.c"), &rig_err), 0);
	ok(store_count(rig, &table_accounts, &n, &rig_err));
	ck_assert_uint_eq(n, 1);
	store_read_end(rig);
	store_abort(rig);
	ck_assert_str_eq(password_of("a@b.c"), "-");
}
END_TEST

/* --- other processes --- */

struct reader {
	int ask[2], answer[2];
};

/* Opens the store and answers each letter: b begin, e end, g the password of a@b.c, w try to
 * write. */
static bool reader_process(void *arg)
{
	struct reader *r = arg;
	char c, text[256] = "";

	rig = NULL;
	if (store_open(&rig, rig_dir, STORE_ACCOUNTS, STORE_READ, &rig_err) < 0)
		return false;
	while (read(r->ask[0], &c, 1) == 1) {
		struct account a;

		strcpy(text, "-");
		if (c == 'b' && store_read_begin(rig, &rig_err) < 0)
			return false;
		if (c == 'e')
			store_read_end(rig);
		if (c == 'g' && store_account(rig, STR("a@b.c"), &a, &rig_err) == 0)
			str_copy(text, sizeof(text), a.user_password);
		if (c == 'w' && store_write_begin(rig, 1, &rig_err) < 0)
			str_copy(text, sizeof(text), str_z(rig_err.text));
		if (c == 'q')
			break;
		if (write(r->answer[1], text, sizeof(text)) != sizeof(text))
			return false;
	}
	store_close(&rig);
	return true;
}

/* An environment must not cross a fork: the child starts while it is closed here. */
static pid_t reader_start(struct reader *r)
{
	pid_t pid;

	must(pipe(r->ask) == 0 && pipe(r->answer) == 0, "pipe");
	store_close(&rig);
	pid = child_start(reader_process, r);
	rig_open_env(STORE_ACCOUNTS);
	return pid;
}

static const char *ask(struct reader *r, char c)
{
	static char text[256];

	must(write(r->ask[1], &c, 1) == 1 && read(r->answer[0], text, sizeof(text)) == sizeof(text),
	     "the reader answers");
	return text;
}

START_TEST(readers_see_whole_sets)
{
	struct reader r;
	struct account a = account_of("a@b.c", "new");
	pid_t pid;

	put_account("a@b.c", "old");
	pid = reader_start(&r);
	ask(&r, 'b');
	ck_assert_str_eq(ask(&r, 'g'), "old");
	begin();
	ok(store_put(rig, &table_accounts, &a, &rig_err));
	ck_assert_str_eq(ask(&r, 'g'), "old"); /* and did not wait for us */
	ask(&r, 'e');
	ask(&r, 'b');
	ck_assert_str_eq(ask(&r, 'g'), "old"); /* not committed */
	commit();
	ck_assert_str_eq(ask(&r, 'g'), "old"); /* its transaction is older */
	ask(&r, 'e');
	ask(&r, 'b');
	ck_assert_str_eq(ask(&r, 'g'), "new");
	ask(&r, 'e');
	ck_assert_ptr_nonnull(strstr(ask(&r, 'w'), "accounts.mdb: write: Permission denied"));
	must(write(r.ask[1], "q", 1) == 1, "ends");
	ck_assert(child_ended_well(pid));
}
END_TEST

static int count_lines(const char *msg, void *arg)
{
	(void)msg;
	++*(int *)arg;
	return 0;
}

/* What a dead reader pinned is used again. */
START_TEST(dead_readers_are_cleared)
{
	struct reader r;
	pid_t pid = reader_start(&r);
	int with = 0, without = 0;
	uint64_t used;

	ask(&r, 'b');
	child_kill(pid);
	mdb_reader_list(rig->env, count_lines, &with);
	store_reader_check(rig);
	mdb_reader_list(rig->env, count_lines, &without);
	ck_assert_int_lt(without, with);
	for (int i = 0; i < 50; i++)
		put_account("a@b.c", i & 1 ? "x" : "y");
	used = info().pages_used;
	for (int i = 0; i < 500; i++)
		put_account("a@b.c", i & 1 ? "x" : "y");
	ck_assert_uint_le(info().pages_used, used + 2);
}
END_TEST

START_TEST(info_tells)
{
	struct store_info i = info();

	ck_assert_uint_eq(i.last_seq, 0);
	ck_assert_uint_gt(i.pages_used, 0);
	ck_assert_uint_lt(i.pages_used, 100);
	ck_assert_uint_eq(i.page_size, (uint64_t)sysconf(_SC_PAGESIZE));
	ck_assert_uint_ge(i.map_size, 1u << 30);
	put_account("a@b.c", "x");
	i = info();
	ck_assert_uint_eq(i.last_seq, 1);
	ck_assert_uint_eq(i.clock_mark, (uint64_t)rig_wall << 16);
}
END_TEST

static rlim_t address_space_now(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	must(f && fscanf(f, "%lu", &pages) == 1, "statm");
	fclose(f);
	return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* ulimit -v: less room is no reason not to serve. */
static bool open_in_little_room(void *arg)
{
	rlim_t max = address_space_now() + (20ull << 30);
	struct rlimit r = { max, max };

	(void)arg;
	if (setrlimit(RLIMIT_AS, &r) < 0 ||
	    store_open(&rig, rig_dir, STORE_ACCOUNTS, STORE_WRITE, &rig_err) < 0)
		return false;
	put_account("a@b.c", "x");
	store_close(&rig);
	return true;
}

START_TEST(little_room)
{
	store_close(&rig);
	ck_assert(child_ended_well(child_start(open_in_little_room, NULL)));
	rig_open_env(STORE_ACCOUNTS);
	ck_assert_str_eq(password_of("a@b.c"), "x");
}
END_TEST

START_TEST(closing_nothing)
{
	struct store *none = NULL;

	store_close(&none);
	ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_read");
	TCase *t = tcase_create("store_read");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, rig_setup, rig_teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, look_ups);
	tcase_add_test(t, keys_are_not_borrowed);
	tcase_add_loop_test(t, walk, 0, (int)ARRAY_LEN(walks));
	tcase_add_test(t, walk_from_a_long_key);
	tcase_add_test(t, tables_of_the_other_store);
	tcase_add_test(t, damage_is_told);
	tcase_add_test(t, reading_needs_a_begin);
	tcase_add_test(t, reads_around_writes);
	tcase_add_test(t, a_write_reads_itself);
	tcase_add_test(t, readers_see_whole_sets);
	tcase_add_test(t, dead_readers_are_cleared);
	tcase_add_test(t, info_tells);
	tcase_add_test(t, little_room);
	tcase_add_test(t, closing_nothing);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
