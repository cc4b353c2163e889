/* pbctl/plan: what an import does, and what it leaves alone. */
#include "cmd/pbctl/plan.c"
#include "cmd/pbctl/rows.c"
#include "cmd/pbctl/spread.c"

#include <check.h>
#include <stdio.h>

#define GIVEN(text) text
#define NOT_GIVEN NULL

static const struct {
	const char *name;
	const char *accounts, *aliases;		/* what there is */
	const char *new_accounts, *new_aliases; /* the FILEs */
	const char *spread;
	bool respread, yes;
	const char *want, *want_aliases; /* NULL: not replaced */
	unsigned added, changed, removed, skipped, got, moved, boxless;
	bool keep;
} cases[] = {
	{ "a box that no row names stays", "a@b.cc\tp\tM1\nb@b.cc\tp\tM2\n", "",
	  GIVEN("a@b.cc\tp\nb@b.cc\tq\t\n"), NOT_GIVEN, NULL, false, false,
	  "a@b.cc\tp\tM1\nb@b.cc\tq\tM2\n", NULL, 0, 1, 0, 0, 0, 0, 0, false },
	{ "also with spread; new ones go to the emptiest", "a@b.cc\tp\tM1\nb@b.cc\tp\tM1\n",
	  "", GIVEN("a@b.cc\tp\nb@b.cc\tp\nc@b.cc\nd@b.cc\ne@b.cc\n"), NOT_GIVEN, "M1,M2", false,
	  false, "a@b.cc\tp\tM1\nb@b.cc\tp\tM1\nc@b.cc\t\tM2\nd@b.cc\t\tM2\ne@b.cc\t\tM1\n",
	  NULL, 3, 0, 0, 0, 3, 0, 0, false },
	{ "a row more in front moves nobody", "b@b.cc\t\tM1\nc@b.cc\t\tM2\n", "",
	  GIVEN("a@b.cc\nb@b.cc\nc@b.cc\n"), NOT_GIVEN, "M2,M1", false, false,
	  "a@b.cc\t\tM2\nb@b.cc\t\tM1\nc@b.cc\t\tM2\n", NULL, 1, 0, 0, 0, 1, 0, 0, false },
	{ "a box that is named counts", "a@b.cc\t\tM1\n", "",
	  GIVEN("a@b.cc\t\tM2\nz@b.cc\n"), NOT_GIVEN, "M1,M2", false, false,
	  "a@b.cc\t\tM2\nz@b.cc\t\tM1\n", NULL, 1, 1, 0, 0, 1, 0, 0, false },
	{ "respread", "a@b.cc\t\tM1\nb@b.cc\t\tM1\nc@b.cc\t\tM1\n", "",
	  GIVEN("a@b.cc\nb@b.cc\nc@b.cc\t\tM1\n"), NOT_GIVEN, "M1,M2", true, false,
	  "a@b.cc\t\tM2\nb@b.cc\t\tM1\nc@b.cc\t\tM1\n", NULL, 0, 1, 0, 0, 0, 1, 0, false },
	{ "without spread they have none", "", "", GIVEN("a@b.cc\nb@b.cc\t\tM1\n"), NOT_GIVEN,
	  NULL, false, false, "a@b.cc\t\t\nb@b.cc\t\tM1\n", NULL, 2, 0, 0, 0, 0, 0, 1, false },
	{ "those there are", "a@b.cc\t\t\nb@b.cc\t\tM1\n", "", NOT_GIVEN, NOT_GIVEN, "M2",
	  false, false, "a@b.cc\t\tM2\nb@b.cc\t\tM1\n", NULL, 0, 1, 0, 0, 1, 0, 0, false },
	{ "another spelling is no change", "a@b.cc\tp\tM1\n", "",
	  GIVEN("A@B.cc\tp\tM1\tspam_setting=1\r\n"), NOT_GIVEN, NULL, false, false,
	  "a@b.cc\tp\tM1\n", NULL, 0, 0, 0, 0, 0, 0, 0, false },
	{ "one begins like the other", "a@b.cc\t\tM1\n", "", GIVEN("a@b.ccc\t\tM1\n"),
	  NOT_GIVEN, NULL, false, false, "a@b.ccc\t\tM1\n", NULL, 1, 0, 1, 0, 0, 0, 0, false },
	{ "what is not named goes", "a@b.cc\t\tM1\nb@b.cc\t\tM1\n", "", GIVEN("b@b.cc\n"),
	  NOT_GIVEN, NULL, false, false, "b@b.cc\t\tM1\n", NULL, 0, 0, 1, 0, 0, 0, 0, false },
	{ "but not while a line is bad", "a@b.cc\t\tM1\nb@b.cc\t\tM1\n", "",
	  GIVEN("b@b.cc\nc@b.cc\nrubbish\n"), NOT_GIVEN, NULL, false, false,
	  "a@b.cc\t\tM1\nb@b.cc\t\tM1\nc@b.cc\t\t\n", NULL, 1, 0, 0, 1, 0, 0, 1, true },
	{ "unless it was said", "a@b.cc\t\tM1\nb@b.cc\t\tM1\n", "",
	  GIVEN("b@b.cc\nc@b.cc\nrubbish\n"), NOT_GIVEN, NULL, false, true,
	  "b@b.cc\t\tM1\nc@b.cc\t\t\n", NULL, 1, 0, 1, 1, 0, 0, 1, false },
	{ "and half are not bad", "a@b.cc\t\tM1\nb@b.cc\t\tM1\n", "",
	  GIVEN("b@b.cc\nrubbish\n"), NOT_GIVEN, NULL, false, true,
	  "a@b.cc\t\tM1\nb@b.cc\t\tM1\n", NULL, 0, 0, 0, 1, 0, 0, 0, true },
	{ "a bad line of an account leaves it", "a@b.cc\tp\tM1\n", "",
	  GIVEN("a@b.cc\tq\tM1\tcolour=red\nb@b.cc\nc@b.cc\n"), NOT_GIVEN, NULL, false, true,
	  "a@b.cc\tp\tM1\nb@b.cc\t\t\nc@b.cc\t\t\n", NULL, 2, 0, 0, 1, 0, 0, 2, false },
	{ "of two lines the first", "a@b.cc\tp\tM1\n", "",
	  GIVEN("a@b.cc\tq\na@b.cc\tr\nb@b.cc\n"), NOT_GIVEN, NULL, false, true,
	  "a@b.cc\tq\tM1\nb@b.cc\t\t\n", NULL, 1, 1, 0, 1, 0, 0, 1, false },
	{ "an alias is no account", "a@b.cc\t\tM1\n", "l@b.cc\ta@b.cc\n",
	  GIVEN("a@b.cc\nl@b.cc\nm@b.cc\n"), NOT_GIVEN, NULL, false, true,
	  "a@b.cc\t\tM1\nm@b.cc\t\t\n", NULL, 1, 0, 0, 1, 0, 0, 1, false },
	{ "where both are given it may become one", "a@b.cc\t\tM1\n", "l@b.cc\ta@b.cc\n",
	  GIVEN("a@b.cc\nl@b.cc\n"), GIVEN("k@b.cc\ta@b.cc\n"), NULL, false, true,
	  "a@b.cc\t\tM1\nl@b.cc\t\t\n", "k@b.cc\ta@b.cc\n", 2, 0, 1, 0, 0, 0, 1, false },
	{ "of both the account", "", "l@b.cc\ta@b.cc\n", GIVEN("l@b.cc\n"),
	  GIVEN("l@b.cc\ta@b.cc\nk@b.cc\ta@b.cc\nj@b.cc\ta@b.cc\n"), NULL, false, true,
	  "l@b.cc\t\t\n", "j@b.cc\ta@b.cc\nk@b.cc\ta@b.cc\n", 3, 0, 1, 1, 0, 0, 1, false },
	{ "but not while nothing is removed", "", "l@b.cc\ta@b.cc\n",
	  GIVEN("l@b.cc\nm@b.cc\nrubbish\n"), GIVEN("k@b.cc\ta@b.cc\n"), NULL, false, false,
	  "m@b.cc\t\t\n", "k@b.cc\ta@b.cc\nl@b.cc\ta@b.cc\n", 2, 0, 0, 2, 0, 0, 1, true },
	{ "an account is no alias", "a@b.cc\t\tM1\n", "", NOT_GIVEN, GIVEN("a@b.cc\tb@b.cc\nl@b.cc\ta@b.cc\n"),
	  NULL, false, false, NULL, "l@b.cc\ta@b.cc\n", 1, 0, 0, 1, 0, 0, 0, true },
	{ "an empty FILE", "a@b.cc\t\tM1\n", "", GIVEN(""), NOT_GIVEN, NULL, false, false,
	  "", NULL, 0, 0, 1, 0, 0, 0, 0, false },
};

static void check_text(const struct plan_part *p, const char *want)
{
	ck_assert_int_eq(p->replaced, want != NULL);
	if (want)
		ck_assert_msg(str_eq(p->text.mem ? buf_str(&p->text) : STR(""), str_z(want)),
			      "%.*s", STR_ARG(buf_str(&p->text)));
}

static void set(struct plan_part *p, const char *now, const char *given)
{
	p->now = str_z(now);
	p->given = given;
	p->file = given ? str_z(given) : STR("");
}

START_TEST(one_plan)
{
	struct plan p = { .spread = cases[_i].spread,
			  .respread = cases[_i].respread,
			  .yes = cases[_i].yes };
	const struct plan_part *a = &p.parts[0], *b = &p.parts[1];
	struct err e = { "" };

	set(&p.parts[0], cases[_i].accounts, cases[_i].new_accounts);
	set(&p.parts[1], cases[_i].aliases, cases[_i].new_aliases);
	for (int again = 0; again < 2; again++) { /* as when others were quicker */
		ck_assert_msg(plan_make(&p, &e) == 0, "%s: %s", cases[_i].name, e.text);
		check_text(a, cases[_i].want);
		check_text(b, cases[_i].want_aliases);
		ck_assert_uint_eq(a->added + b->added, cases[_i].added);
		ck_assert_uint_eq(a->changed + b->changed, cases[_i].changed);
		ck_assert_uint_eq(a->removed + b->removed, cases[_i].removed);
		ck_assert_uint_eq(a->skipped + b->skipped, cases[_i].skipped);
		ck_assert_uint_eq(p.got_a_box, cases[_i].got);
		ck_assert_uint_eq(p.moved, cases[_i].moved);
		ck_assert_uint_eq(p.boxless, cases[_i].boxless);
		ck_assert_int_eq(p.keep, cases[_i].keep);
	}
	plan_free(&p);
}
END_TEST

static const struct {
	const char *accounts, *aliases;
} hopeless[] = {
	{ "a@b.cc,pw,M1\nb@b.cc,pw,M1\n", NULL },
	{ "no address\tx\tM1\n", NULL },
	{ "l@b.cc\n", NULL },
	{ NULL, "a@b.cc\n" },
	{ "a@b.cc\n", "a@b.cc\tx@b.cc\n" },
};

START_TEST(nothing_readable)
{
	struct plan p = { .yes = true };
	struct err e = { "" };

	set(&p.parts[0], "a@b.cc\t\tM1\n", hopeless[_i].accounts);
	set(&p.parts[1], "l@b.cc\ta@b.cc\n", hopeless[_i].aliases);
	ck_assert_int_eq(plan_make(&p, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "can be taken"));
	ck_assert_uint_gt(p.parts[0].n_bad + p.parts[1].n_bad, 0);
	plan_free(&p);
}
END_TEST

/* The first ones of the file, by their numbers, though keys have another order. */
START_TEST(first_bad)
{
	char text[2048] = "a@b.cc\n";
	struct plan p = { 0 };
	struct err e = { "" };
	size_t n = strlen(text);

	for (int i = 0; i < 30; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%c no address\n",
				      (char)(i % 2 ? 'z' - i / 2 : 'b' + i / 2));
	set(&p.parts[0], "", text);
	set(&p.parts[1], "", NULL);
	ck_assert_int_eq(plan_make(&p, &e), 0);
	ck_assert_uint_eq(p.parts[0].skipped, 30);
	ck_assert_uint_eq(p.parts[0].n_bad, PLAN_NAMED);
	for (unsigned i = 0; i < PLAN_NAMED; i++)
		ck_assert_uint_eq(p.parts[0].bad[i].line, i + 2);
	plan_free(&p);
}
END_TEST

static void note(void *arg, struct str box, uint64_t rows)
{
	snprintf((char *)arg + strlen(arg), 32, "%.*s %u;", STR_ARG(box), (unsigned)rows);
}

START_TEST(boxes_in_the_end)
{
	struct plan p = { .spread = "M3" };
	struct err e = { "" };
	char got[256] = "";

	set(&p.parts[0], "a@b.cc\t\tM2\nx@b.cc\t\tGONE\n",
	    "a@b.cc\nb@b.cc\t\tM1\nc@b.cc\t\tM2\nd@b.cc\ne@b.cc\t\tX\ty=z\nf@b.cc\t\tm1\n");
	set(&p.parts[1], "", NULL);
	ck_assert_int_eq(plan_make(&p, &e), 0);
	plan_each_box(&p, note, got);
	ck_assert_str_eq(got, "M1 1;M2 2;M3 1;m1 1;");
	plan_free(&p);
}
END_TEST

/* reread is told the number of the vacuum only where the text was made from it. */
START_TEST(from_what_there_is)
{
	struct plan p = { 0 };
	struct err e = { "" };

	set(&p.parts[0], "a@b.cc\t\tM2\n", "a@b.cc\t\tM1\n");
	set(&p.parts[1], "", NULL);
	ck_assert_int_eq(plan_make(&p, &e), 0);
	ck_assert(!p.parts[0].from_now && p.parts[1].from_now);
	set(&p.parts[0], "a@b.cc\t\tM2\n", "a@b.cc\n");
	ck_assert_int_eq(plan_make(&p, &e), 0);
	ck_assert(p.parts[0].from_now);
	set(&p.parts[0], "a@b.cc\t\tM2\n", "b@b.cc\t\tM1\nc@b.cc\t\tM1\nbad\n");
	ck_assert_int_eq(plan_make(&p, &e), 0);
	ck_assert(p.parts[0].from_now && p.parts[0].stay == 1);
	plan_free(&p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pbctl_plan");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, one_plan, 0, ARRAY_LEN(cases));
	tcase_add_loop_test(t, nothing_readable, 0, ARRAY_LEN(hopeless));
	tcase_add_test(t, first_bad);
	tcase_add_test(t, boxes_in_the_end);
	tcase_add_test(t, from_what_there_is);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
