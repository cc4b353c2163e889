/* pbctl/rows: lines of the account files, by key. */
#include "cmd/pbctl/rows.c"

#include <check.h>
#include <stdio.h>

static const struct {
	const char *text, *want; /* number:line, blank separated */
} texts[] = {
	{ "", "" },
	{ "\n\r\n\n", "" },
	{ "b@b\nA@a\n", "2:A@a 1:b@b" },
	{ "b@b\r\n\r\nA@a\tx", "3:A@a\tx 1:b@b" },
	{ "\xef\xbb\xbf"
	  "b@b\na@b\n",
	  "2:a@b 1:b@b" },
	{ "a@b\t2\nab@b\nA@B\t1\n", "1:a@b\t2 3:A@B\t1 2:ab@b" }, /* one key: as they stand */
};

START_TEST(taking)
{
	struct rows r;
	char got[256] = "";
	size_t n = 0;

	rows_take(&r, str_z(texts[_i].text));
	for (size_t i = 0; i < r.n; i++)
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%u:%.*s", i ? " " : "",
				      (unsigned)r.v[i].number, STR_ARG(r.v[i].line));
	ck_assert_str_eq(got, texts[_i].want);
	rows_free(&r);
}
END_TEST

START_TEST(finding)
{
	struct rows r;

	rows_take(&r, STR("c@b\nB@b\t1\nb@b\t2\na@b\n"));
	ck_assert_uint_eq(rows_find(&r, STR("b@B"))->number, 2);
	ck_assert_uint_eq(rows_find(&r, STR("a@b"))->number, 4);
	ck_assert_uint_eq(rows_find(&r, STR("C@b"))->number, 1);
	ck_assert_ptr_null(rows_find(&r, STR("bb@b")));
	ck_assert_ptr_null(rows_find(&r, STR("z@b")));
	rows_free(&r);
	rows_take(&r, STR(""));
	ck_assert_ptr_null(rows_find(&r, STR("a@b")));
	rows_free(&r);
}
END_TEST

static const struct {
	const char *line, *box, *out; /* with box A */
} boxes[] = {
	{ "a@b", "", "a@b\t\tA\n" },
	{ "a@b\tpw", "", "a@b\tpw\tA\n" },
	{ "a@b\tpw\t", "", "a@b\tpw\tA\n" },
	{ "a@b\tpw\tX", "X", "a@b\tpw\tA\n" },
	{ "a@b\tpw\t\tspam_setting=2\trcpt_per_mail=5", "", "a@b\tpw\tA\tspam_setting=2\trcpt_per_mail=5\n" },
};

START_TEST(box_column)
{
	struct buf out;

	buf_init(&out, 1024);
	ck_assert(str_eq(row_box(str_z(boxes[_i].line)), str_z(boxes[_i].box)));
	row_put(&out, str_z(boxes[_i].line), STR("A"));
	ck_assert_int_eq(buf_addc(&out, '\0'), 0);
	ck_assert_str_eq(buf_str(&out).p, boxes[_i].out);
	buf_release(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pbctl_rows");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, taking, 0, ARRAY_LEN(texts));
	tcase_add_test(t, finding);
	tcase_add_loop_test(t, box_column, 0, ARRAY_LEN(boxes));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
