/* pbctl/rows: files of accounts compared, and spread over boxes. */
#include "cmd/pbctl/rows.c"

#include <check.h>
#include <stdlib.h>

static const struct {
	const char *before, *after;
	struct rows_difference want;
} pairs[] = {
	{ "", "", { 0, 0, 0, 0, 0 } },
	{ "", "a@b\t\tM\n", { 0, 1, 1, 0, 0 } },
	{ "a@b\t\tM\n", "", { 1, 0, 0, 1, 0 } },
	{ "a@b\tx\tM\nc@d\tx\tM\n", "c@d\tx\tM\na@b\ty\tM\n", { 2, 2, 0, 0, 1 } },
	{ "a@b\nc@d\n", "e@f\r\n\r\nC@D\r\n", { 2, 2, 1, 1, 1 } }, /* case, line ends, no last end */
	{ "a@b\n",
	  "\xef\xbb\xbf"
	  "a@b",
	  { 1, 1, 0, 0, 0 } },
	{ "a@b\nab@b\n", "a@b\na@b\tx\nab@b", { 2, 2, 0, 0, 0 } }, /* of two the first counts */
	{ "a@b\n", "a@b.cc\n", { 1, 1, 1, 1, 0 } }, /* one begins like the other */
	{ "b@b\nc@c\nd@d\n", "a@a\nc@c\n", { 3, 2, 1, 2, 0 } },
};

START_TEST(compare)
{
	const struct rows_difference *w = &pairs[_i].want;
	struct rows_difference d;

	rows_compare(str_z(pairs[_i].before), str_z(pairs[_i].after), &d);
	ck_assert_uint_eq(d.before, w->before);
	ck_assert_uint_eq(d.after, w->after);
	ck_assert_uint_eq(d.added, w->added);
	ck_assert_uint_eq(d.removed, w->removed);
	ck_assert_uint_eq(d.changed, w->changed);
}
END_TEST

static const struct {
	const char *in, *boxes, *out;
	unsigned given;
} spreads[] = {
	{ "", "A,B", "", 0 },
	{ "a@b\n", "A", "a@b\t\tA\n", 1 },
	{ "a@b\tpw\nc@d\tpw\t\ne@f\tpw\tX\ng@h", "A,B", "a@b\tpw\tA\nc@d\tpw\tB\ne@f\tpw\tX\ng@h\t\tA", 3 },
	{ "a@b\tpw\t\tspam_setting=2\trcpt_per_mail=5\n", "A",
	  "a@b\tpw\tA\tspam_setting=2\trcpt_per_mail=5\n", 1 },
	{ "a@b\tpw\t\tboxid=X\n", "A", "a@b\tpw\t\tboxid=X\n", 0 },
	{ "\xef\xbb\xbf"
	  "a@b\r\n\r\n\n b \tx\r\n",
	  "A,B,C",
	  "\xef\xbb\xbf"
	  "a@b\t\tA\r\n\r\n\n b \tx\tB\r\n",
	  2 },
	{ "1@b\n2@b\n3@b\n4@b\n5@b\n6@b\n7@b\n", "A,B,C",
	  "1@b\t\tA\n2@b\t\tB\n3@b\t\tC\n4@b\t\tA\n5@b\t\tB\n6@b\t\tC\n7@b\t\tA\n", 7 },
};

START_TEST(spread)
{
	struct buf out;
	uint64_t given;

	rows_spread(str_z(spreads[_i].in), str_z(spreads[_i].boxes), &out, &given);
	ck_assert_uint_eq(given, spreads[_i].given);
	ck_assert_int_eq(buf_addc(&out, '\0'), 0);
	ck_assert_str_eq(buf_str(&out).p, spreads[_i].out);
	buf_release(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pbctl_rows");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, compare, 0, ARRAY_LEN(pairs));
	tcase_add_loop_test(t, spread, 0, ARRAY_LEN(spreads));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
