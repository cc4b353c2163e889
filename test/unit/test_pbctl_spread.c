/* pbctl/spread: the emptiest box first. */
#include "cmd/pbctl/spread.c"

#include <check.h>
#include <string.h>

static const struct {
	const char *boxes, *stay, *want; /* of stay and want a letter is a box */
} cases[] = {
	{ "A", "", "AAA" },	   { "A,B,C", "", "ABCABCA" },
	{ "B,A", "", "BABA" },	   { "A,B,A", "", "ABAB" }, /* twice counts once */
	{ "A,B", "AAA", "BBBAB" }, { "A,B,C", "BCC", "AABAB" },
	{ "A,B", "XXXX", "AB" }, /* on others */
	{ "A,B", "AABB", "ABAB" },
};

START_TEST(emptiest_first)
{
	struct spread s;

	spread_init(&s, str_z(cases[_i].boxes));
	for (const char *p = cases[_i].stay; *p; p++)
		spread_count(&s, (struct str){ p, 1 });
	for (const char *p = cases[_i].want; *p; p++) {
		struct str box = spread_next(&s);

		ck_assert_msg(box.n == 1 && box.p[0] == *p, "%s: %.*s", p, STR_ARG(box));
	}
	spread_free(&s);
	ck_assert_ptr_null(s.v);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pbctl_spread");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, emptiest_first, 0, ARRAY_LEN(cases));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
