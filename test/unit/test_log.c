/* log: lines that nobody can forge, files that come and go under it. */
#include "lib/base/log.c"

#include "unit/property.h"

#include <sys/stat.h>

static char dir[] = "/tmp/test_log.XXXXXX";
static char path[64], other[64];

static void make_dir(void)
{
	strcpy(strrchr(dir, '.'), ".XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	snprintf(other, sizeof(other), "%s/log.1", dir);
}

static void remove_dir(void)
{
	ck_assert_int_eq(log_open(NULL, NULL), 0);
	unlink(path);
	unlink(other);
	rmdir(dir);
}

static const char *content(const char *file)
{
	static char text[65536];
	int fd = open(file, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static const struct {
	struct str in;
	size_t cap;
	const char *want;
} escapes[] = {
	{ STR_INIT(""), 10, "" },
	{ STR_INIT("plain text ~!\""), 100, "plain text ~!\"" },
	{ STR_INIT("a\r\nb"), 100, "a\\x0d\\x0ab" },
	{ STR_INIT("\0\x1f\x7f\x1b[0m"), 100, "\\x00\\x1f\\x7f\\x1b[0m" },
	{ STR_INIT("\\x0a"), 100, "\\x5cx0a" }, /* a written escape is not a real one */
	{ STR_INIT("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x93\xa7 \xc2\xa0"), 100,
	  "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x93\xa7 \xc2\xa0" },
	/* C1: CSI, which is ESC [ to terminals, and both ends */
	{ STR_INIT("\xc2\x9b[0m"), 100, "\\xc2\\x9b[0m" },
	{ STR_INIT("\xc2\x80\xc2\x9f"), 100, "\\xc2\\x80\\xc2\\x9f" },
	/* no UTF-8: raw bytes, cut short, overlong, a surrogate */
	{ STR_INIT("\x9b[0m\xff\x80"), 100, "\\x9b[0m\\xff\\x80" },
	{ STR_INIT("a\xc3"), 100, "a\\xc3" },
	{ STR_INIT("\xe2\x82z"), 100, "\\xe2\\x82z" },
	{ STR_INIT("\xc1\x9b\xe0\x82\x9b"), 100, "\\xc1\\x9b\\xe0\\x82\\x9b" },
	{ STR_INIT("\xed\xa0\x80"), 100, "\\xed\\xa0\\x80" },
	{ STR_INIT("ab\xe2\x82\xac"), 5, "ab" }, /* no part of a character */
	{ STR_INIT("abcdef"), 4, "abc" },
	{ STR_INIT("ab\n"), 7, "ab\\x0a" },
	{ STR_INIT("ab\nc"), 6, "ab" }, /* no half escapes */
	{ STR_INIT("\n"), 4, "" },
	{ STR_INIT("a"), 1, "" },
};

START_TEST(escaping)
{
	char dst[128];

	memset(dst, '#', sizeof(dst));
	ck_assert_uint_eq(log_escape(dst, escapes[_i].cap, escapes[_i].in),
			  strlen(escapes[_i].want));
	ck_assert_str_eq(dst, escapes[_i].want);
	ck_assert_int_eq(dst[escapes[_i].cap], '#');
}
END_TEST

START_TEST(line_form)
{
	int year, month, day, h, m, s, ms, pid, n = 0;
	char wday[8];
	struct stat st;
	const char *text;

	make_dir();
	ck_assert_int_eq(log_open(path, NULL), 0);
	log_role("worker 1");
	log_warning("cannot reach %s\n%d", "box", 7);
	text = content(path);
	ck_assert_int_eq(sscanf(text,
				"%4d-%2d-%2d %3s %2d:%2d:%2d.%3d worker 1[%d]: warning: cannot "
				"reach box\\x0a7%n",
				&year, &month, &day, wday, &h, &m, &s, &ms, &pid, &n),
			 9);
	ck_assert_str_eq(text + n, "\n");
	ck_assert_int_eq(pid, (int)getpid());
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0037, 0); /* not for everybody */
	log_line(LOG_DEBUG, "one");
	log_info("two");
	log_error("three");
	text = content(path);
	ck_assert_ptr_nonnull(strstr(text, "]: debug: one\n"));
	ck_assert_ptr_nonnull(strstr(text, "]: info: two\n"));
	ck_assert_ptr_nonnull(strstr(text, "]: error: three\n"));
	log_role("protobalance");
	remove_dir();
}
END_TEST

/* However long, and whatever in it: one line, one newline at its end. */
START_TEST(long_lines)
{
	static const char fill[] = { 'x', '\n', '\\', '\xff' };
	char text[6000];

	make_dir();
	ck_assert_int_eq(log_open(path, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(fill); i++)
		for (size_t n = 1; n < sizeof(text); n += 499) {
			const char *got;

			memset(text, fill[i], n);
			text[n] = '\0';
			log_info("%s", text);
			got = content(path);
			ck_assert_ptr_eq(strchr(got, '\n'), got + strlen(got) - 1);
			ck_assert_uint_gt(strlen(got), n < LINE_BYTES ? n : LINE_BYTES);
			ck_assert_int_eq(truncate(path, 0), 0);
		}
	remove_dir();
}
END_TEST

START_TEST(rotating)
{
	struct err e = { "" };
	int fd;

	make_dir();
	ck_assert_int_eq(log_open(path, &e), 0);
	log_info("first");
	ck_assert_int_eq(rename(path, other), 0);
	log_info("second");
	ck_assert_int_eq(log_reopen(&e), 0);
	log_info("third");
	ck_assert_ptr_nonnull(strstr(content(other), "second\n"));
	ck_assert_ptr_null(strstr(content(other), "third\n"));
	ck_assert_ptr_null(strstr(content(path), "second\n"));
	ck_assert_ptr_nonnull(strstr(content(path), "third\n"));
	/* appends to what is there, as another process may write too */
	ck_assert_int_eq(log_reopen(&e), 0);
	log_info("fourth");
	ck_assert_ptr_nonnull(strstr(content(path), "third\n"));
	ck_assert_ptr_nonnull(strstr(content(path), "fourth\n"));
	fd = log_fd;
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(log_reopen(&e), 0);
	ck_assert_int_eq(log_fd, fd); /* other threads may be writing to it */
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	fd = dup(fd);
	ck_assert_int_le(fd, log_fd + 1); /* the new ones are closed */
	close(fd);
	remove_dir();
}
END_TEST

/* The place is gone: the old file goes on. */
START_TEST(reopen_fails)
{
	struct err e = { "" };
	char moved[80];

	make_dir();
	ck_assert_int_eq(log_open(path, &e), 0);
	snprintf(moved, sizeof(moved), "%s.moved", dir);
	ck_assert_int_eq(rename(dir, moved), 0);
	ck_assert_int_eq(log_reopen(&e), -1);
	ck_assert_msg(strstr(e.text, path) && strstr(e.text, "No such file"), "%s", e.text);
	log_info("still here");
	ck_assert_int_eq(log_open(path, &e), -1);
	log_info("and here");
	ck_assert_int_eq(rename(moved, dir), 0);
	ck_assert_ptr_nonnull(strstr(content(path), "still here\n"));
	ck_assert_ptr_nonnull(strstr(content(path), "and here\n"));
	remove_dir();
}
END_TEST

START_TEST(back_to_stderr)
{
	int saved = dup(STDERR_FILENO), fd;

	make_dir();
	fd = open(other, O_WRONLY | O_CREAT, 0600);
	ck_assert(fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
	close(fd);
	log_info("zero");
	ck_assert_int_eq(log_reopen(NULL), 0); /* nothing to reopen */
	ck_assert_int_eq(log_open(path, NULL), 0);
	log_info("one");
	ck_assert_int_eq(log_open("", NULL), 0);
	log_info("two");
	ck_assert_int_eq(log_reopen(NULL), 0);
	log_info("three");
	dup2(saved, STDERR_FILENO);
	close(saved);
	ck_assert_ptr_nonnull(strstr(content(path), "one\n"));
	ck_assert_ptr_null(strstr(content(path), "two\n"));
	ck_assert_ptr_nonnull(strstr(content(other), "zero\n"));
	ck_assert_ptr_null(strstr(content(other), "one\n"));
	ck_assert_ptr_nonnull(strstr(content(other), "two\n"));
	ck_assert_ptr_nonnull(strstr(content(other), "three\n"));
	remove_dir();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, escaping, 0, (int)ARRAY_LEN(escapes));
	tcase_add_test(t, line_form);
	tcase_add_test(t, long_lines);
	tcase_add_test(t, rotating);
	tcase_add_test(t, reopen_fails);
	tcase_add_test(t, back_to_stderr);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
