/* What a reread changes, what it reports, and what a failure leaves. */
#include "lib/store/csv_reread.c"

#include <check.h>
#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "unit/child.h"
#include "unit/csv_rig.h"

/* --- what a reread changes --- */

START_TEST(only_differences_are_written)
{
	struct row_meta same, was, is;
	struct account other = account_of("other@b.c", "x");

	put_account("same@b.c", "x");
	other.boxid = STR("M");
	put(&table_accounts, &other);
	put_account("gone@b.c", "x");
	put_alias("all@b.c", "same@b.c");
	put_alias("none@b.c", "same@b.c");
	get_meta(&table_accounts, "same@b.c", &same);
	get_meta(&table_accounts, "other@b.c", &was);
	write_file("email.csv", "new@b.c\tx\t\nOTHER@b.c\ty\tM\nsame@b.c\tx\n");
	write_file("alias.csv", "all@b.c\tsame@b.c,new@b.c\n");
	reread();
	reported(4, 0, 1, 2, 2);
	ck_assert_str_eq(password_of("new@b.c"), "x");
	ck_assert_str_eq(password_of("other@b.c"), "y");
	ck_assert_str_eq(password_of("gone@b.c"), "-");
	ck_assert_uint_eq(count(&table_accounts), 3);
	ck_assert_uint_eq(count(&table_aliases), 1);
	get_meta(&table_accounts, "same@b.c", &is);
	ck_assert_mem_eq(&is, &same, sizeof(is));
	get_meta(&table_accounts, "other@b.c", &is);
	ck_assert_uint_gt(is.stamp, was.stamp);
	ck_assert_uint_eq(is.field_stamp[2], is.stamp);	 /* the password ... */
	ck_assert_uint_eq(is.field_stamp[3], was.stamp); /* ... and nothing else */
}
END_TEST

/* In one transaction: no look-up sees an empty table. */
START_TEST(one_transaction)
{
	uint64_t txn;

	put_account("a@b.c", "x");
	put_account("d@b.c", "x");
	write_file("email.csv", "a@b.c\ty\t\ne@b.c\tz\t\n");
	write_file("alias.csv", "all@b.c\ta@b.c\n");
	txn = last_txn();
	reread();
	ck_assert_uint_eq(last_txn(), txn + 1);
}
END_TEST

static const struct {
	const char *email, *alias; /* NULL: missing */
	const char *names;
} absent[] = {
	{ NULL, "all@b.c\ta@b.c\n", "email.csv" },
	{ "new@b.c\tx\t\n", NULL, "alias.csv" },
	{ NULL, NULL, "email.csv" },
};

START_TEST(a_missing_file_changes_nothing)
{
	struct err e = { "" };
	uint64_t txn;

	put_account("a@b.c", "x");
	txn = last_txn();
	if (absent[_i].email)
		write_file("email.csv", absent[_i].email);
	if (absent[_i].alias)
		write_file("alias.csv", absent[_i].alias);
	ck_assert_int_eq(reread_all(rig, rig_dir, rig_wall, &report, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, absent[_i].names));
	ck_assert_ptr_nonnull(strstr(e.text, "No such file"));
	ck_assert_uint_eq(last_txn(), txn);
	ck_assert_str_eq(password_of("a@b.c"), "x");
	put_account("a@b.c", "y"); /* no transaction was left open */
}
END_TEST

/* Something else under the name is no empty file. */
static int make_dir(const char *path)
{
	return mkdir(path, 0700);
}

static int make_fifo(const char *path)
{
	return mkfifo(path, 0600);
}

static int make_null(const char *path)
{
	return symlink("/dev/null", path);
}

static int (*const odd_files[])(const char *path) = { make_dir, make_fifo, make_null };

START_TEST(only_files_are_read)
{
	struct err e = { "" };

	put_account("a@b.c", "x");
	vacuum();
	unlink(rig_path("email.csv"));
	ck_assert_int_eq(odd_files[_i](rig_path("email.csv")), 0);
	ck_assert_int_eq(reread_all(rig, rig_dir, rig_wall, &report, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "email.csv is not a file"));
	ck_assert_str_eq(password_of("a@b.c"), "x");
	rmdir(rig_path("email.csv"));
}
END_TEST

/* An address in both files is an account, whatever it was before. */
START_TEST(an_address_in_both_files)
{
	struct alias al;

	if (_i == 1)
		put_account("a@b.c", "old");
	if (_i == 2)
		put_alias("a@b.c", "old@b.c");
	write_file("email.csv", "a@b.c\tnew\t\nx@b.c\t\t\n");
	write_file("alias.csv", "first@b.c\tx@b.c\nA@b.c\tx@b.c\n");
	reread();
	reported(4, 1, _i == 1 ? 2 : 3, _i == 1, _i == 2);
	ck_assert_uint_eq(report.n_bad, 1);
	ck_assert_str_eq(report.bad[0].file, "alias.csv");
	ck_assert_uint_eq(report.bad[0].line, 2);
	ck_assert_str_eq(report.bad[0].reason, "the address is an account of email.csv already");
	ck_assert_str_eq(password_of("a@b.c"), "new");
	read_begin();
	ck_assert_int_eq(store_alias(rig, STR("a@b.c"), &al, &rig_err), STORE_NONE);
	ck_assert_int_eq(store_alias(rig, STR("first@b.c"), &al, &rig_err), 0);
	store_read_end(rig);
}
END_TEST

START_TEST(accounts_and_aliases_change_places)
{
	put_account("a@b.c", "x");
	put_alias("d@b.c", "a@b.c");
	write_file("email.csv", "d@b.c\ty\t\n");
	write_file("alias.csv", "a@b.c\td@b.c\n");
	reread();
	reported(2, 0, 2, 0, 2);
	ck_assert_str_eq(password_of("a@b.c"), "-");
	ck_assert_str_eq(password_of("d@b.c"), "y");
}
END_TEST

/* Also when the line that would keep the alias is bad. */
START_TEST(an_account_takes_the_place_of_an_alias)
{
	put_alias("a@b.c", "x@b.c");
	write_file("email.csv", "a@b.c\ty\t\n");
	write_file("alias.csv", "a@b.c\tno address\ngood@b.c\tx@b.c\n");
	reread();
	reported(3, 1, 2, 0, 1);
	ck_assert_uint_eq(count(&table_aliases), 1);
	ck_assert_str_eq(password_of("a@b.c"), "y");
}
END_TEST

START_TEST(the_first_of_two_lines_counts)
{
	write_file("email.csv", "z@b.c\t\t\na@b.c\tone\t\nA@B.c\ttwo\t\na@b.c\tthree\t\n");
	write_file("alias.csv", "");
	reread();
	reported(4, 2, 2, 0, 0);
	ck_assert_str_eq(password_of("a@b.c"), "one");
	ck_assert_uint_eq(report.bad[0].line, 3);
	ck_assert_uint_eq(report.bad[1].line, 4);
	ck_assert_str_eq(report.bad[1].reason, "the address stands in an earlier line");
}
END_TEST

/* A row whose line is bad stays as it was. */
START_TEST(a_bad_line_takes_nothing_away)
{
	put_account("a@b.c", "x");
	write_file("email.csv", "a@b.c\ty\tM 1\ngood@b.c\n");
	write_file("alias.csv", "");
	reread();
	reported(2, 1, 1, 0, 0);
	ck_assert_str_eq(password_of("a@b.c"), "x");
}
END_TEST

START_TEST(line_ends)
{
	write_file("email.csv", "\r\n\na@b.c\tx\tM\r\n\n\r\nd@b.c\ty\r\ne@b.c\tz\tN");
	write_file("alias.csv", "\n\n");
	reread();
	reported(3, 0, 3, 0, 0);
	ck_assert_str_eq(password_of("a@b.c"), "x");
	ck_assert_str_eq(password_of("d@b.c"), "y");
	ck_assert_str_eq(password_of("e@b.c"), "z");
}
END_TEST

/* A file with commas would read as "every row is gone"; so would one whose every line is wrong for
 * another reason. */
static const struct {
	const char *email, *alias;
	const char *names; /* NULL: they are taken */
	unsigned accounts, aliases; /* behind it */
} forms[] = {
	{ "a@b.c,x,M\nd@b.c,y,M\n", "", "email.csv", 2, 1 },
	{ "a@b.c,x,M\td@b.c,y,M\n", "", "email.csv", 2, 1 },
	{ "a@b.c\ty\tM 1\n", "", "email.csv", 2, 1 }, /* also where its row would stay */
	{ "no address\t\t\nno address\t\t\n\n", "", "email.csv", 2, 1 },
	{ "a@b.c\tx\tM\n", "all@b.c;a@b.c\nsome@b.c;a@b.c\n", "alias.csv", 2, 1 },
	{ "x\n", "y\n", "email.csv", 2, 1 },
	{ "", "", NULL, 0, 0 },
	{ "\n\r\n", "\n", NULL, 0, 0 },
	{ "a@b.c\nno address\n", "", NULL, 1, 0 }, /* it may have addresses alone */
	{ "a@b.c\n", "a@b.c\td@b.c\n", NULL, 1, 0 }, /* readable, although an account has it */
};

START_TEST(files_of_another_form)
{
	struct err e;
	int rc;

	put_account("a@b.c", "x");
	put_account("d@b.c", "x");
	put_alias("all@b.c", "a@b.c");
	write_file("email.csv", forms[_i].email);
	write_file("alias.csv", forms[_i].alias);
	rc = reread_all(rig, rig_dir, rig_wall, &report, &e);
	ck_assert_int_eq(rc, forms[_i].names ? CSV_REFUSED : 0);
	if (forms[_i].names) {
		ck_assert_ptr_nonnull(strstr(e.text, forms[_i].names));
		ck_assert_ptr_nonnull(strstr(e.text, "separated by tabs"));
		ck_assert_ptr_nonnull(strstr(e.text, " is not ")); /* why the first of them */
	}
	ck_assert_uint_eq(count(&table_accounts), forms[_i].accounts);
	ck_assert_uint_eq(count(&table_aliases), forms[_i].aliases);
}
END_TEST

/* Many lines, of which none is good: also when the store was empty, and is written anew. */
START_TEST(large_files_of_another_form)
{
	FILE *f = fopen(rig_path("email.csv"), "w");
	struct err e;

	for (int i = 0; i < 3000; i++)
		fprintf(f, "u%d@b.c;x;M\n", i);
	fclose(f);
	write_file("alias.csv", "all@b.c\ta@b.c\n");
	if (_i == 1)
		put_account("a@b.c", "x");
	ck_assert_int_eq(reread_all(rig, rig_dir, rig_wall, &report, &e), CSV_REFUSED);
	ck_assert_uint_eq(count(&table_accounts), (unsigned)_i);
	ck_assert_uint_eq(count(&table_aliases), 0);
}
END_TEST

START_TEST(a_byte_order_mark)
{
	write_file("email.csv", "\xef\xbb\xbf"
				"a@b.c\tx\tM\n");
	write_file("alias.csv", "\xef\xbb\xbf");
	reread();
	reported(1, 0, 1, 0, 0);
	ck_assert_str_eq(password_of("a@b.c"), "x");
}
END_TEST

/* --- progress --- */

static void write_numbered(const char *file, int n, const char *what)
{
	FILE *f = fopen(rig_path(file), "w");

	for (int i = 0; i < n; i++)
		fprintf(f, "u%05d@b.c\t%s\n", i, what);
	fclose(f);
}

/* Into nothing; unchanged; few changes; many. */
static const struct {
	int before, lines;
	const char *what;
} rereads[] = {
	{ 0, 5000, "x" },    { 5000, 5000, "x" }, { 5000, 5001, "x" },
	{ 5000, 5000, "y" }, { 0, 0, "" },
};

START_TEST(progress_of_a_reread)
{
	struct csv_progress p = { 0 };
	struct csv_files *f;

	write_file("alias.csv", "");
	write_numbered("email.csv", rereads[_i].before, "x");
	reread();
	write_numbered("email.csv", rereads[_i].lines, rereads[_i].what);
	write_file("alias.csv", "all@b.c\tu1@b.c\nbad\n");
	ok(csv_files_open(&f, rig_dir, &p, &rig_err));
	ck_assert_uint_eq(p.of, (uint64_t)rereads[_i].lines + 2);
	ck_assert_uint_eq(p.done, 0);
	begin();
	ok(csv_apply(rig, f, &report, &p, &rig_err));
	ck_assert_uint_eq(p.of, (uint64_t)rereads[_i].lines + 2);
	ck_assert_uint_eq(p.done, p.of);
	commit();
	csv_files_close(&f);
	ck_assert_ptr_null(f);
	rig_check();
}
END_TEST

/* Never more than there are, and never back. */
START_TEST(progress_of_two_passes)
{
	struct csv_progress p = { 3, 0 };
	struct progress g = { .p = &p, .lines = 1001 };
	uint64_t last = 3;

	for (int i = 0; i < _i; i++)
		progress_line(&g, true);
	ck_assert_uint_eq(p.done, 3u + (unsigned)_i / 2);
	g.from = g.done;
	g.passed = 0;
	for (int i = 0; i < 1001; i++) {
		progress_line(&g, false);
		must(p.done >= last && p.done <= 3 + 1001, "between");
		last = p.done;
	}
	ck_assert_uint_eq(last, 3 + 1001);
	g = (struct progress){ .lines = 1 };
	progress_line(&g, true); /* nobody looks */
}
END_TEST

/* --- bugs of ours --- */

static bool apply_late(void *arg)
{
	struct csv_files *f;

	(void)arg;
	rig_open_env(STORE_ACCOUNTS);
	if (!freopen("/dev/null", "w", stderr))
		return false;
	ok(csv_files_open(&f, rig_dir, NULL, &rig_err));
	begin();
	ok(store_delete(rig, &table_accounts, STR("a@b.c"), &rig_err));
	ok(csv_apply(rig, f, &report, NULL, &rig_err));
	return true;
}

START_TEST(rows_were_changed_before)
{
	int status;
	pid_t pid;

	put_account("a@b.c", "x");
	write_file("email.csv", "d@b.c\tx\n");
	write_file("alias.csv", "");
	store_close(&rig);
	pid = child_start(apply_late, NULL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	rig_open_env(STORE_ACCOUNTS);
}
END_TEST

/* --- the report --- */

/* The first twenty by their place in the files, whatever order they are worked through. */
START_TEST(the_first_bad_lines_are_told)
{
	FILE *f = fopen(rig_path("email.csv"), "w");

	for (int i = 0; i < 100; i++)
		fprintf(f, i % 10 ? "u%d@b.c\t\tM\n" : "u%d\t\tM\n", 999 - i);
	fclose(f);
	f = fopen(rig_path("alias.csv"), "w");
	for (int i = 0; i < 100; i++)
		fprintf(f, i == 99 ? "list%d@b.c\tx@b.c\n" : "list%d@b.c\n", 999 - i);
	fclose(f);
	reread();
	reported(200, 109, 91, 0, 0);
	ck_assert_uint_eq(report.n_bad, CSV_BAD_KEPT);
	for (unsigned i = 0; i < CSV_BAD_KEPT; i++) {
		ck_assert_str_eq(report.bad[i].file, i < 10 ? "email.csv" : "alias.csv");
		ck_assert_uint_eq(report.bad[i].line, i < 10 ? 1 + 10 * i : 1 + i - 10);
	}
}
END_TEST

/* Reasons go into logs and documents: the file's bytes do not. */
START_TEST(reasons_are_printable)
{
	write_file("email.csv", "a@b.c\tp\tM\t\x1b[2J\xff<=1\n\xff\x01@b.c\tp\tM\n"
				"good@b.c\n");
	write_file("alias.csv", "");
	reread();
	ck_assert_uint_eq(report.n_bad, 2);
	for (unsigned i = 0; i < 2; i++)
		for (const char *p = report.bad[i].reason; *p; p++)
			ck_assert_msg(*p >= ' ' && *p < 127, "%s", report.bad[i].reason);
}
END_TEST

START_TEST(a_line_too_long)
{
	size_t n = CSV_LINE_MAX + 100;
	char *text = malloc(n + 20);

	memset(text, 'x', n);
	memcpy(text, "a@b.c\t", 6);
	memcpy(text + n, "\nd@b.c\ty\t\n", 10);
	put_account("a@b.c", "x");
	write_bytes("email.csv", (struct str){ text, n + 10 });
	write_file("alias.csv", "");
	reread();
	ck_assert_uint_eq(report.skipped, 1);
	ck_assert_uint_eq(report.bad[0].line, 1);
	ck_assert_str_eq(report.bad[0].reason, "line too long");
	ck_assert_str_eq(password_of("a@b.c"), "x"); /* as with any bad line */
	ck_assert_str_eq(password_of("d@b.c"), "y");
	free(text);
}
END_TEST

/* Any bytes in the files: no harm, and what was taken is written and read the same. */
START_TEST(any_files)
{
	static const char *const bits[] = {
		"\t", "\n",   "\r\n", "a@b.c", "d@b.c",		 "x",
		"\\", "\xff", "=",    ",",     "spam_setting=2", "\n@b.c\t"
	};
	char text[2000];

	for (int i = 0; i < 60; i++) {
		uint64_t txn;

		for (size_t f = 0; f < 2; f++) {
			/* one line at least that can be read: else it is refused */
			size_t n = str_copy(text, sizeof(text), STR("good@b.c\tx@b.c\n"));

			for (unsigned k = rnd(100); k > 0; k--)
				n += str_copy(text + n, sizeof(text) - n,
					      str_z(bits[rnd(ARRAY_LEN(bits))]));
			write_bytes(f ? "alias.csv" : "email.csv", (struct str){ text, n });
		}
		reread();
		must(report.skipped <= report.read, "as many lines as there are");
		vacuum();
		txn = last_txn();
		reread();
		must(report.skipped == 0 && last_txn() == txn, "what was taken is read the same");
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("csv_reread");
	TCase *t = tcase_create("csv_reread");
	SRunner *r;
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 600);
	tcase_add_test(t, only_differences_are_written);
	tcase_add_test(t, one_transaction);
	tcase_add_loop_test(t, a_missing_file_changes_nothing, 0, (int)ARRAY_LEN(absent));
	tcase_add_loop_test(t, only_files_are_read, 0, (int)ARRAY_LEN(odd_files));
	tcase_add_loop_test(t, an_address_in_both_files, 0, 3);
	tcase_add_test(t, accounts_and_aliases_change_places);
	tcase_add_test(t, an_account_takes_the_place_of_an_alias);
	tcase_add_test(t, the_first_of_two_lines_counts);
	tcase_add_test(t, a_bad_line_takes_nothing_away);
	tcase_add_test(t, line_ends);
	tcase_add_loop_test(t, files_of_another_form, 0, (int)ARRAY_LEN(forms));
	tcase_add_loop_test(t, large_files_of_another_form, 0, 2);
	tcase_add_test(t, a_byte_order_mark);
	tcase_add_loop_test(t, progress_of_a_reread, 0, (int)ARRAY_LEN(rereads));
	tcase_add_loop_test(t, progress_of_two_passes, 998, 1002);
	tcase_add_test(t, rows_were_changed_before);
	tcase_add_test(t, the_first_bad_lines_are_told);
	tcase_add_test(t, reasons_are_printable);
	tcase_add_test(t, a_line_too_long);
	tcase_add_test(t, any_files);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
