/* err: texts that are cut and never run over, and the abort that names its place. */
#include "lib/base/err.c"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(setting)
{
	struct err e;

	ck_assert_int_eq(err_set(&e, "box %s: port %d", "a", 25), -1);
	ck_assert_str_eq(e.text, "box a: port 25");
	ck_assert_int_eq(err_set(NULL, "x %d", 1), -1);
	ck_assert_int_eq(err_errno(NULL, "x %d", 1), -1);
	ck_assert_int_eq(err_wrap(NULL, "x %d", 1), -1);
	errno = ENOENT;
	ck_assert_int_eq(err_errno(&e, "file %s", "b"), -1);
	ck_assert_str_eq(e.text, "file b: No such file or directory");
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(err_wrap(&e, "cluster %s", "c"), -1);
	ck_assert_str_eq(e.text, "cluster c: file b: No such file or directory");
}
END_TEST

/* Texts as long as the room, and one less and more. */
START_TEST(cutting)
{
	static const int widths[] = { 250, 253, 254, 255, 256, 1000 };
	struct {
		struct err e;
		char guard[8];
	} v;

	for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
		size_t want = widths[i] < 255 ? (size_t)widths[i] : 255;

		memset(&v, '#', sizeof(v));
		err_set(&v.e, "%0*d", widths[i], 7);
		ck_assert_uint_eq(strlen(v.e.text), want);
		err_wrap(&v.e, "over");
		ck_assert_uint_eq(strlen(v.e.text), want + 6 < 255 ? want + 6 : 255);
		err_wrap(&v.e, "%0*d", widths[i], 7);
		ck_assert_uint_eq(strlen(v.e.text), 255);
		errno = EINVAL;
		err_errno(&v.e, "%0*d", widths[i], 7);
		ck_assert_uint_eq(strlen(v.e.text), 255);
		ck_assert_mem_eq(v.guard, "########", 8);
	}
}
END_TEST

START_TEST(memory)
{
	char *p = mem_zalloc(100);

	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(p[i], 0);
	p = mem_realloc(p, 200);
	free(p);
	free(mem_realloc(NULL, 0));
	free(mem_alloc(0));
	free(mem_zalloc(0));
	p = mem_dup(STR("a\0b"));
	ck_assert_mem_eq(p, "a\0b", 4);
	free(p);
	p = mem_dup((struct str){ NULL, 0 });
	ck_assert_str_eq(p, "");
	free(p);
}
END_TEST

/* A child that comes upon a bug: SIGABRT, and a line that names file, line and text. */
START_TEST(bug_aborts)
{
	char path[] = "/tmp/test_err.XXXXXX", text[512], want[64];
	int fd = mkstemp(path), status, line = __LINE__ + 7;
	pid_t child = fork();
	ssize_t n;

	ck_assert(fd >= 0 && child >= 0);
	if (child == 0) {
		dup2(fd, STDERR_FILENO);
		bug("state %d of a table", 7);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	n = pread(fd, text, sizeof(text) - 1, 0);
	ck_assert_int_gt((int)n, 0);
	text[n] = '\0';
	snprintf(want, sizeof(want), "error: bug at test/unit/test_err.c:%d: ", line);
	ck_assert_msg(strstr(text, want) && strstr(text, "state 7 of a table\n"), "%s", text);
	close(fd);
	unlink(path);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("err");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, setting);
	tcase_add_test(t, cutting);
	tcase_add_test(t, memory);
	tcase_add_test(t, bug_aborts);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
