/* csv: account files that hold nothing. */
#include "lib/store/csv.c"

#include <check.h>

static char dir[64];

static void put_file(const char *name, const char *text)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void remove_all(void)
{
	static const char *const files[] = { "accounts.mdb", "accounts.mdb-lock",
					     "accounts.mdb-writer", "email.csv", "alias.csv" };
	char path[96];

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	ck_assert_int_eq(rmdir(dir), 0);
}

static const char *const nothing[] = { "", "\n", "\n\n\n", "\r\n\r\n" };

/* No rows is a valid set of rows: bytes without a line once went to qsort as NULL. */
START_TEST(empty_files)
{
	struct csv_report r;
	struct store *s;
	struct err e = { "" };

	strcpy(dir, "/tmp/pb_csv_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	put_file("email.csv", nothing[_i]);
	put_file("alias.csv", nothing[_i]);
	ck_assert_int_eq(store_open(&s, dir, STORE_ACCOUNTS, STORE_WRITE, &e), 0);
	ck_assert_msg(csv_reread(s, dir, 1000, &r, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(r.read, 0);
	ck_assert_uint_eq(r.skipped, 0);
	ck_assert_uint_eq(r.n_bad, 0);
	store_close(&s);
	remove_all();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("csv");
	TCase *t = tcase_create("csv");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, empty_files, 0, (int)ARRAY_LEN(nothing));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
