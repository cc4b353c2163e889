/* pbctl/near: the word that was probably meant. */
#include "cmd/pbctl/near.c"

#include <check.h>

static const struct {
	const char *typed, *words, *want;
} cases[] = {
	{ "spam_seting", "boxid spam_setting auto_reply", "spam_setting" },
	{ "acount", "account alias", "account" },
	{ "lst", "list", "list" },
	{ "colour", "boxid comment", "" },
	{ "x", "y", "" }, /* one of one is no likeness */
	{ "port", "sort part", "sort" }, /* as near: the first */
	{ "abcd", "abcx abcd", "abcd" },
	{ "", "a", "" },
	{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "" },
};

START_TEST(meant)
{
	struct near n = { .typed = str_z(cases[_i].typed), .found = STR("") };
	struct str rest = str_z(cases[_i].words), word;

	while (str_split(&rest, ' ', &word))
		near_offer(&n, word);
	ck_assert_msg(str_eq(n.found, str_z(cases[_i].want)), "%s: %.*s", cases[_i].typed,
		      STR_ARG(n.found));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pbctl_near");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, meant, 0, ARRAY_LEN(cases));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
