/* Rereads of many rows: what they take of memory and pages, what is counted, and that a failure
 * half-way changes nothing. */
#include "lib/store/csv_reread.c"

#include <check.h>
#include <dlfcn.h>
#include <sys/resource.h>

#include "unit/csv_rig.h"

#define MANY 100000
#define MANY_KIB (80L << 10)
#define MANY_KIB_ASAN (900L << 10) /* it keeps what was freed for a while */

static long peak_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void write_many(const char *password)
{
	FILE *f = fopen(rig_path("email.csv"), "w");

	for (int i = 0; i < MANY; i++)
		fprintf(f, "user.%d@domain%d.example.com\t%s%d\tMAIL%d\n",
			i * 7919 % MANY, i % 500, password, i % 1000 ? 0 : i, i % 4);
	fclose(f);
}

/* No room half-way through: the old set stays whole. */
START_TEST(a_failed_reread_changes_nothing)
{
	struct err e = { "" };

	put_account("a@b.c", "x");
	put_account("gone@b.c", "x");
	write_many("p");
	write_file("alias.csv", "");
	ck_assert_int_eq(mdb_env_set_mapsize(rig->env, 1 << 20), 0);
	ck_assert_int_eq(reread_all(rig, rig_dir, rig_wall, &report, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "the database has reached its largest size"));
	ck_assert_uint_eq(count(&table_accounts), 2);
	ck_assert_str_eq(password_of("gone@b.c"), "x");
	rig_check();
	put_account("a@b.c", "y"); /* no transaction was left open */
}
END_TEST

/* In, the same again, all changed, out, in, all gone. Memory: a run of the file and the pages of
 * one transaction; not the rows in every form they pass through. */
START_TEST(many_rows)
{
	long before = peak_kib();
	long most = dlsym(RTLD_DEFAULT, "__asan_init") ? MANY_KIB_ASAN : MANY_KIB;

	write_many("p");
	write_file("alias.csv", "");
	reread();
	reported(MANY, 0, MANY, 0, 0);
	reread();
	reported(MANY, 0, 0, 0, 0);
	write_many("q");
	reread();
	reported(MANY, 0, 0, MANY, 0);
	vacuum();
	reread();
	reported(MANY, 0, 0, 0, 0);
	ck_assert_uint_eq(count(&table_accounts), MANY);
	ck_assert_int_lt(peak_kib() - before, most);
	write_file("email.csv", "");
	reread();
	reported(0, 0, 0, 0, MANY);
}
END_TEST

/* Both tables written anew, side by side: what is counted is counted of all rows. */
START_TEST(counts_of_tables_written_anew)
{
	FILE *email, *alias;

	for (int pass = 0; pass < 2; pass++) {
		email = fopen(rig_path("email.csv"), "w");
		alias = fopen(rig_path("alias.csv"), "w");
		for (int i = 0; i < 2000; i++)
			fprintf(email, "k%04d@x.yy\tp\tB\n", i);
		for (int i = 0; pass && i < 3000; i++) {
			fprintf(email, "a%04d@x.yy\tp\tB%d\n", i, _i ? i : 0); /* many boxes, few */
			if (i % 100 == 0)
				fprintf(alias, "a%04dx@x.yy\tk0000@x.yy\n", i);
		}
		fclose(email);
		fclose(alias);
		reread();
	}
	ck_assert_uint_eq(count(&table_accounts), 5000);
	ck_assert_uint_eq(count(&table_aliases), 30);
}
END_TEST

static uint64_t table_pages(void)
{
	MDB_stat st;

	read_begin();
	must(mdb_stat(rig->rd, rig->table_db[table_accounts.id], &st) == 0, "stat");
	store_read_end(rig);
	return st.ms_leaf_pages;
}

/* A small difference writes some pages. A large one leaves the table as dense as it was: a
 * page that is patched with longer rows is split. */
START_TEST(pages_of_a_difference)
{
	uint64_t pages, used;
	FILE *f;

	write_many("p");
	write_file("alias.csv", "");
	reread();
	pages = table_pages();
	write_many("pw");
	reread();
	ck_assert_uint_lt(table_pages(), pages + pages / 4);
	reread(); /* free pages of before are known now */
	used = info().pages_used;
	f = fopen(rig_path("email.csv"), "a");
	fprintf(f, "one.more@example.com\tx\n");
	fclose(f);
	reread();
	reported(MANY + 1, 0, 1, 0, 0);
	ck_assert_uint_lt(table_pages(), pages + pages / 4);
	ck_assert_uint_lt(info().pages_used, used + 50);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("csv_reread_many");
	TCase *t = tcase_create("csv_reread_many");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 600);
	tcase_add_test(t, a_failed_reread_changes_nothing);
	tcase_add_test(t, many_rows);
	tcase_add_loop_test(t, counts_of_tables_written_anew, 0, 2);
	tcase_add_test(t, pages_of_a_difference);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
