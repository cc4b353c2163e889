/* compat: the process title takes the memory of argv and the environment, and no more. */
#include "lib/base/compat.c"

#include <check.h>

static char *first_arg;
static char behind; /* the byte after what proc_title may write on */
static char home[256];

static size_t written(void)
{
	size_t n = title_room;

	while (n > 0 && !title[n - 1])
		n--;
	return n;
}

START_TEST(environment_lives)
{
	proc_title("short");
	ck_assert_str_eq(getenv("HOME") ? getenv("HOME") : "", home);
	proc_title("%0100d", 1);
	ck_assert_str_eq(getenv("HOME") ? getenv("HOME") : "", home);
	ck_assert_int_eq(setenv("PB_TEST_COMPAT", "x", 1), 0);
	ck_assert_str_eq(getenv("PB_TEST_COMPAT"), "x");
	ck_assert_int_eq(unsetenv("PB_TEST_COMPAT"), 0);
	ck_assert_str_eq(getenv("HOME") ? getenv("HOME") : "", home);
}
END_TEST

START_TEST(title_stands)
{
	ck_assert_ptr_eq(title, first_arg);
	ck_assert_uint_gt(title_room, 2);
	proc_title("protobalance: %s %d", "worker", 1);
	ck_assert_str_eq(first_arg, "protobalance: worker 1");
	proc_title("short");
	ck_assert_str_eq(first_arg, "short");
	ck_assert_uint_eq(written(), 5); /* nothing of the longer one is left */
}
END_TEST

START_TEST(title_is_cut)
{
	size_t room = title_room;

	proc_title("%0300d", 7);
	ck_assert_uint_lt(written(), 128);
	title_room = 10;
	proc_title("0123456789abcdef");
	title_room = room;
	ck_assert_str_eq(first_arg, "012345678");
	title_room = 1;
	proc_title("x");
	title_room = 0;
	proc_title("x");
	title_room = room;
	ck_assert_str_eq(first_arg, "012345678");
	ck_assert_int_eq(first_arg[title_room], behind);
}
END_TEST

/* ps -e and top show this one, of 15 bytes. */
START_TEST(short_name)
{
	char name[16];

	proc_title("admin of protobalance");
	ck_assert_int_eq(prctl(PR_GET_NAME, name), 0);
	ck_assert_str_eq(name, "admin of protob");
}
END_TEST

/* Strings that do not stand in one piece behind argv are left alone. */
START_TEST(pieces)
{
	static char mem[] = "prog\0arg\0A=1\0B=2\0C=3";
	char elsewhere[] = "X=9";
	char *argv[] = { mem, mem + 5, NULL };
	char *env[] = { mem + 9, mem + 13, elsewhere, NULL };

	ck_assert_ptr_eq(end_of(argv, argv[0]), mem + 9);
	ck_assert_ptr_eq(end_of(env, mem + 9), mem + 17);
	env[0] = elsewhere;
	ck_assert_ptr_eq(end_of(env, mem + 9), mem + 9);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *s = suite_create("compat");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	if (getenv("HOME"))
		snprintf(home, sizeof(home), "%s", getenv("HOME"));
	first_arg = argv[0];
	proc_title_init(argc, argv);
	behind = first_arg[title_room];
	suite_add_tcase(s, t);
	tcase_add_test(t, environment_lives);
	tcase_add_test(t, title_stands);
	tcase_add_test(t, title_is_cut);
	tcase_add_test(t, short_name);
	tcase_add_test(t, pieces);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
