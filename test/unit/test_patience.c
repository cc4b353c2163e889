/* patience: time-outs, and what PB_TIME_SCALE makes of them. Read once a process, so that each
 * case is a process of its own. */
#include "lib/session/patience.c"

#include <check.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	const char *scale; /* NULL: unset */
	int64_t ms, want;
} cases[] = {
	{ NULL, 300000, 300000 },
	{ NULL, 0, 20 },
	{ NULL, -5, 20 },
	{ "", 300000, 300000 },
	{ "1", 300000, 300000 },
	{ "100", 300000, 3000 },
	{ "100", 2000, 20 },
	{ "100", 1000, 20 }, /* never nothing */
	{ "10000", 600000, 60 },
	{ "10001", 300000, 300000 }, /* not understood: as it is */
	{ "0", 300000, 300000 },
	{ "-1", 300000, 300000 },
	{ "fast", 300000, 300000 },
};

/* Twice, with another word in between: it is read once. */
static int child(size_t i)
{
	if (cases[i].scale)
		setenv("PB_TIME_SCALE", cases[i].scale, 1);
	else
		unsetenv("PB_TIME_SCALE");
	if (patience(cases[i].ms) != cases[i].want)
		return 1;
	setenv("PB_TIME_SCALE", "7", 1);
	return patience(cases[i].ms) != cases[i].want ? 2 : 0;
}

START_TEST(scale)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(child((size_t)_i));
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("patience");
	TCase *t = tcase_create("patience");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, scale, 0, (int)ARRAY_LEN(cases));
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
