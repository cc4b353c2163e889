/* upload: a file takes its place when it is whole, and not before. */
#include <unistd.h>

static int fails_at; /* the nth write from now on finds the disk full; 0: none does */
static ssize_t upload_write(int fd, const void *p, size_t n);
#define write upload_write
#include "admin/upload.c"
#undef write

#include <check.h>
#include <stdlib.h>
#include <sys/stat.h>

static char dir[64];
static struct upload u;
static struct err e;

static ssize_t upload_write(int fd, const void *p, size_t n)
{
	if (fails_at > 0 && --fails_at == 0) {
		errno = ENOSPC;
		return -1;
	}
	return write(fd, p, n > 1000 ? 1000 : n); /* short writes */
}

static void setup(void)
{
	strcpy(dir, "/tmp/pb_upload_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	u.fd = -1;
	fails_at = 0;
}

static void teardown(void)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/x.csv", dir);
	unlink(path);
	ck_assert_msg(rmdir(dir) == 0, "something is left behind");
}

static const char *content(void)
{
	static char text[100000];
	FILE *f;
	size_t n = 0;

	snprintf(text, sizeof(text), "%s/x.csv", dir);
	f = fopen(text, "r");
	if (!f)
		return "none";
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

static void begin(void)
{
	ck_assert_msg(upload_begin(&u, dir, "x.csv", &e) == 0, "%s", e.text);
}

START_TEST(whole)
{
	struct stat st;

	begin();
	ck_assert_int_eq(upload_more(&u, STR("one "), 100, &e), 0);
	ck_assert_str_eq(content(), "none");
	ck_assert_int_eq(upload_more(&u, STR("two"), 100, &e), 0);
	ck_assert_int_eq(upload_end(&u, &e), 0);
	ck_assert_str_eq(content(), "one two");
	snprintf(u.path, sizeof(u.path), "%s/x.csv", dir);
	ck_assert_int_eq(stat(u.path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	begin();
	ck_assert_int_eq(upload_more(&u, STR("three"), 100, &e), 0);
	ck_assert_str_eq(content(), "one two");
	ck_assert_int_eq(upload_end(&u, &e), 0);
	ck_assert_str_eq(content(), "three");
}
END_TEST

START_TEST(broken_off)
{
	begin();
	ck_assert_int_eq(upload_more(&u, STR("one"), 100, &e), 0);
	upload_drop(&u);
	upload_drop(&u);
	ck_assert_str_eq(content(), "none");
	ck_assert_int_lt(upload_more(&u, STR("x"), 100, &e), 0);
	ck_assert_int_lt(upload_end(&u, &e), 0);
}
END_TEST

START_TEST(too_large)
{
	begin();
	ck_assert_int_eq(upload_more(&u, STR("12345"), 5, &e), 0);
	ck_assert_int_lt(upload_more(&u, STR("6"), 5, &e), 0);
	ck_assert_str_eq(e.text, "the file is larger than 5 bytes");
	ck_assert_int_eq(u.fd, -1);
}
END_TEST

START_TEST(full_disk)
{
	static char large[5000];

	memset(large, 'x', sizeof(large));
	begin();
	fails_at = 3;
	ck_assert_int_lt(upload_more(&u, (struct str){ large, sizeof(large) }, 10000, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.text, "No space left"));
	ck_assert_int_eq(u.fd, -1);
}
END_TEST

/* Synced as it grows; all bytes are there. */
START_TEST(large)
{
	static char piece[60000];
	struct stat st;

	memset(piece, 'x', sizeof(piece));
	begin();
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(upload_more(&u, (struct str){ piece, sizeof(piece) }, 100000000, &e), 0);
	ck_assert_uint_ge(u.synced, UPLOAD_SYNC);
	ck_assert_int_eq(upload_end(&u, &e), 0);
	ck_assert_int_eq(stat(u.path, &st), 0);
	ck_assert_int_eq(st.st_size, 6000000);
}
END_TEST

/* What a process left that was killed is no obstacle to the next one; nor may it be a link to elsewhere. */
START_TEST(left_behind)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/x.csv.upload", dir);
	ck_assert_int_eq(symlink("/nonexistent/elsewhere", path), 0);
	ck_assert_int_eq(upload_begin(&u, dir, "x.csv", &e), 1);
	upload_clean(dir, "x.csv");
	upload_clean(dir, "x.csv"); /* nothing is left */
	begin();
	ck_assert_int_eq(upload_more(&u, STR("new"), 100, &e), 0);
	ck_assert_int_eq(upload_end(&u, &e), 0);
	ck_assert_str_eq(content(), "new");
}
END_TEST

/* The second of two changes nothing about the first. */
START_TEST(two_at_once)
{
	struct upload other;

	begin();
	ck_assert_int_eq(upload_more(&u, STR("one "), 100, &e), 0);
	ck_assert_int_eq(upload_begin(&other, dir, "x.csv", &e), 1);
	ck_assert_int_lt(upload_more(&other, STR("other"), 100, &e), 0);
	ck_assert_int_lt(upload_end(&other, &e), 0);
	upload_drop(&other);
	ck_assert_int_eq(upload_more(&u, STR("two"), 100, &e), 0);
	ck_assert_int_eq(upload_end(&u, &e), 0);
	ck_assert_str_eq(content(), "one two");
	ck_assert_int_eq(upload_begin(&other, dir, "x.csv", &e), 0);
	upload_drop(&other);
}
END_TEST

START_TEST(no_directory)
{
	ck_assert_int_lt(upload_begin(&u, "/nonexistent", "x.csv", &e), 0);
	ck_assert_int_eq(u.fd, -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("upload");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, whole);
	tcase_add_test(t, broken_off);
	tcase_add_test(t, too_large);
	tcase_add_test(t, full_disk);
	tcase_add_test(t, large);
	tcase_add_test(t, left_behind);
	tcase_add_test(t, two_at_once);
	tcase_add_test(t, no_directory);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
