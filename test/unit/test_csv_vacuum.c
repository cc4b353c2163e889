/* The files that are written: their bytes, their rights, what a failure leaves, and that they
 * carry everything into another store. */
#include "lib/store/csv_vacuum.c"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "unit/csv_rig.h"
#include "unit/random_record.h"

START_TEST(vacuum_writes)
{
	struct account a = account_of("b@one.org", "two words");

	a.boxid = STR("MAIL1");
	a.auto_reply_body = STR("line\n\tline \\");
	put(&table_accounts, &a);
	put_account("@one.org", "tab\there");
	put_account("gone@one.org", "x");
	delete (&table_accounts, "gone@one.org");
	put_alias("all@one.org", "b@one.org,c@two.org");
	vacuum();
	ck_assert_str_eq(read_file("email.csv"),
			 "@one.org\t\t\tuser_password=tab\\there\n"
			 "b@one.org\ttwo words\tMAIL1\tauto_reply_body=line\\n\\tline \\\\\n");
	ck_assert_str_eq(read_file("alias.csv"), "all@one.org\tb@one.org,c@two.org\n");
}
END_TEST

START_TEST(an_empty_store)
{
	vacuum();
	ck_assert_str_eq(read_file("email.csv"), "");
	ck_assert_str_eq(read_file("alias.csv"), "");
	reread();
	reported(0, 0, 0, 0, 0);
}
END_TEST

START_TEST(files_are_private)
{
	struct stat st;

	umask(0);
	/* what a crash, or somebody else, left */
	write_file("email.csv.new", "a@b.c\tleft\n");
	ck_assert_int_eq(chmod(rig_path("email.csv.new"), 0666), 0);
	write_file("email.csv", "old");
	ck_assert_int_eq(chmod(rig_path("email.csv"), 0644), 0);
	put_account("a@b.c", "x");
	vacuum();
	ck_assert_int_eq(stat(rig_path("email.csv"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(rig_path("alias.csv"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_str_eq(read_file("email.csv"), "a@b.c\tx\t\n");
}
END_TEST

/* Who has the old file open keeps it whole: it is replaced, not written over. */
START_TEST(files_are_replaced)
{
	char text[64] = "";
	FILE *f;

	write_file("email.csv", "the old file\n");
	f = fopen(rig_path("email.csv"), "r");
	put_account("a@b.c", "x");
	vacuum();
	ck_assert_uint_eq(fread(text, 1, sizeof(text) - 1, f), 13);
	ck_assert_str_eq(text, "the old file\n");
	fclose(f);
	ck_assert_int_eq(access(rig_path("email.csv.new"), F_OK), -1);
	ck_assert_int_eq(access(rig_path("alias.csv.new"), F_OK), -1);
}
END_TEST

/* No room for the new file: the old one stays, and nothing else. */
START_TEST(a_failed_vacuum_leaves_the_old_file)
{
	struct rlimit all, some;
	struct err e = { "" };
	int rc;

	put_account("a@b.c", "0123456789012345678901234567890123456789");
	write_file("email.csv", "the old file\n");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &all);
	some = all;
	some.rlim_cur = 20;
	setrlimit(RLIMIT_FSIZE, &some);
	rc = csv_vacuum(rig, rig_dir, NULL, &e);
	setrlimit(RLIMIT_FSIZE, &all);
	ck_assert_int_eq(rc, -1);
	ck_assert_ptr_nonnull(strstr(e.text, "/email.csv: writing: File too large"));
	ck_assert_str_eq(read_file("email.csv"), "the old file\n");
	ck_assert_int_eq(access(rig_path("email.csv.new"), F_OK), -1);
	vacuum(); /* no read was left open */
}
END_TEST

/* Nor for the other one: both stay as they belong together. */
START_TEST(both_or_none)
{
	struct alias l;
	struct rlimit all, some;
	struct err e = { "" };
	int rc;

	put_account("a@b.c", "x");
	record_defaults(&table_aliases, &l);
	l.alias_address = STR("list@b.c");
	l.alias_list = STR("0123456789012345678901234567890123456789@b.c");
	put(&table_aliases, &l);
	write_file("email.csv", "the old file\n");
	write_file("alias.csv", "its other half\n");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &all);
	some = all;
	some.rlim_cur = 20;
	setrlimit(RLIMIT_FSIZE, &some);
	rc = csv_vacuum(rig, rig_dir, NULL, &e);
	setrlimit(RLIMIT_FSIZE, &all);
	ck_assert_int_eq(rc, -1);
	ck_assert_ptr_nonnull(strstr(e.text, "/alias.csv: writing: File too large"));
	ck_assert_str_eq(read_file("email.csv"), "the old file\n");
	ck_assert_str_eq(read_file("alias.csv"), "its other half\n");
	ck_assert_int_eq(access(rig_path("email.csv.new"), F_OK), -1);
	ck_assert_int_eq(access(rig_path("alias.csv.new"), F_OK), -1);
	vacuum();
	ck_assert_str_eq(read_file("email.csv"), "a@b.c\tx\t\n");
}
END_TEST

START_TEST(no_directory)
{
	struct err e = { "" };

	ck_assert_int_eq(csv_vacuum(rig, "/nowhere", NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "/nowhere/email.csv"));
	ck_assert_ptr_nonnull(strstr(e.text, "No such file"));
	vacuum();
}
END_TEST

/* --- there and back --- */

static void random_rows(unsigned n)
{
	begin();
	for (unsigned i = 0; i < n; i++) {
		union any_record rec;
		const struct table *t = files[rnd(2)];
		struct account a;

		random_record(t, &rec, &arena);
		if (t == &table_aliases &&
		    store_account(rig, rec.account.email_address, &a, &rig_err) == 0)
			continue; /* an address is an account or an alias */
		if (t == &table_accounts)
			ok(store_delete(rig, &table_aliases, rec.account.email_address, &rig_err));
		ok(store_put(rig, t, &rec, &rig_err));
	}
	commit();
}

struct twin {
	struct store *other;
	const struct table *t;
	uint64_t rows;
};

static int same_in_other(void *arg, const void *rec, const struct row_meta *m)
{
	struct twin *w = arg;
	union any_record got;

	(void)m;
	must(store_get(w->other, w->t, *(const struct str *)rec, &got, NULL, &rig_err) == 0,
	     "the row is in the other store");
	must_be_same(w->t, rec, &got);
	w->rows++;
	return 0;
}

/* Both stores show the same accounts and aliases. */
static void must_be_twins(struct store *other)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct twin w = { other, files[i], 0 };
		uint64_t n;

		read_begin();
		ok(store_read_begin(other, &rig_err));
		ok(store_each(rig, files[i], STR(""), same_in_other, &w, &rig_err));
		ok(store_count(other, files[i], &n, &rig_err));
		store_read_end(other);
		store_read_end(rig);
		must(n == w.rows, "as many rows");
	}
}

/* Whatever the records hold, the two files carry them into another store, and reading them
 * where they were written changes nothing at all. */
START_TEST(there_and_back)
{
	char home[sizeof(rig_dir)];
	struct store *other;
	uint64_t txn, rows;

	property_seed += (uint64_t)_i * 7919;
	random_rows(600);
	rows = count(&table_accounts) + count(&table_aliases);
	ck_assert_uint_gt(rows, 300);
	vacuum();
	txn = last_txn();
	reread();
	reported(rows, 0, 0, 0, 0);
	ck_assert_uint_eq(last_txn(), txn);

	strcpy(home, rig_dir);
	other = rig;
	rig_make_dir();
	rig_open_env(STORE_ACCOUNTS);
	put_account("not.in@the.file", "x");
	ok(reread_all(rig, home, rig_wall, &report, &rig_err));
	reported(rows, 0, rows, 0, 1);
	rig_check();
	must_be_twins(other);
	rig_teardown();
	strcpy(rig_dir, home);
	rig = other;
}
END_TEST

int main(void)
{
	Suite *s = suite_create("csv_vacuum");
	TCase *t = tcase_create("csv_vacuum");
	SRunner *r;
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 600);
	tcase_add_test(t, vacuum_writes);
	tcase_add_test(t, an_empty_store);
	tcase_add_test(t, files_are_private);
	tcase_add_test(t, files_are_replaced);
	tcase_add_test(t, a_failed_vacuum_leaves_the_old_file);
	tcase_add_test(t, both_or_none);
	tcase_add_test(t, no_directory);
	tcase_add_loop_test(t, there_and_back, 0, 3);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
