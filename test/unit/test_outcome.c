/* Every row of "One answer for several boxes", as far as it is a matter of words. */
#include "lib/session/outcome.c"

#include <check.h>
#include <stdlib.h>

static const struct word ok1 = { VERDICT_ACCEPTED, STR_INIT("MAIL1"), 250, STR_INIT("2.0.0"),
				 STR_INIT("ok queued as 1") };
static const struct word ok2 = { VERDICT_ACCEPTED, STR_INIT("MAIL2"), 250, STR_INIT(""),
				 STR_INIT("done") };
static const struct word had = { VERDICT_SPARED, STR_INIT("MAIL2"), 250, STR_INIT("2.0.0"),
				 STR_INIT("had it already") };
static const struct word temp = { VERDICT_TEMP, STR_INIT("MAIL2"), 452, STR_INIT("4.2.2"),
				  STR_INIT("full") };
static const struct word bye = { VERDICT_TEMP, STR_INIT("MAIL2"), 421, STR_INIT("4.3.2"),
				 STR_INIT("shutting down") };
static const struct word odd = { VERDICT_TEMP, STR_INIT("MAIL2"), 354, STR_INIT(""),
				 STR_INIT("go on") };
static const struct word perm = { VERDICT_PERM, STR_INIT("MAIL2"), 550, STR_INIT("5.1.1"),
				  STR_INIT("nobody") };
static const struct word perm2 = { VERDICT_PERM, STR_INIT("MAIL1"), 552, STR_INIT("5.2.2"),
				   STR_INIT("too big") };

static const struct {
	const struct word *w[3];
	unsigned n;
	enum fate fate;
	int code;
	const char *text;
} targets[] = {
	{ { &ok1 }, 1, FATE_OK, 250, "2.0.0 [MAIL1:250_ok_queued_as_1]" },
	{ { &ok1, &ok2 }, 2, FATE_OK, 250, "2.0.0 [MAIL1:250_ok_queued_as_1][MAIL2:250_done]" },
	{ { &ok1, &had }, 2, FATE_OK, 250,
	  "2.0.0 [MAIL1:250_ok_queued_as_1][MAIL2:250_had_it_already]" },
	{ { &temp }, 1, FATE_TEMP, 452, "4.2.2 [MAIL2:452_full]" },
	{ { &bye }, 1, FATE_TEMP, 451, "4.3.2 [MAIL2:421_shutting_down]" },
	{ { &odd }, 1, FATE_TEMP, 451, "4.3.0 [MAIL2:354_go_on]" },
	{ { &perm }, 1, FATE_PERM, 550, "5.1.1 [MAIL2:550_nobody]" },
	/* mixed with a 4xx: put off */
	{ { &ok1, &temp }, 2, FATE_TEMP, 452, "4.2.2 [MAIL1:250_ok_queued_as_1][MAIL2:452_full]" },
	/* mixed with a 5xx: first put off, so that the ledger learns who has it ... */
	{ { &ok1, &perm }, 2, FATE_TEMP, 451, "4.3.0 [MAIL1:250_ok_queued_as_1][MAIL2:550_nobody]" },
	/* ... and when only those who had it are left, the 5xx */
	{ { &had, &perm }, 2, FATE_PERM, 550, "5.1.1 [MAIL2:250_had_it_already][MAIL2:550_nobody]" },
	{ { &perm, &perm2 }, 2, FATE_PERM, 554, "5.0.0 [MAIL2:550_nobody][MAIL1:552_too_big]" },
	{ { &perm, &temp }, 2, FATE_TEMP, 452, "4.2.2 [MAIL2:550_nobody][MAIL2:452_full]" },
	/* the same word of the same box stands once */
	{ { &ok1, &ok1 }, 2, FATE_OK, 250, "2.0.0 [MAIL1:250_ok_queued_as_1]" },
};

START_TEST(recipients)
{
	char text[OUTCOME_TEXT];
	enum fate f = fate_of(targets[_i].w, targets[_i].n);

	ck_assert_int_eq(f, targets[_i].fate);
	ck_assert_int_eq(outcome_code(f, targets[_i].w, targets[_i].n), targets[_i].code);
	ck_assert_str_eq(outcome_text(f, targets[_i].w, targets[_i].n, text), targets[_i].text);
}
END_TEST

static const struct {
	enum fate v[3];
	unsigned n;
	enum fate whole;
	bool mixed;
} joins[] = {
	{ { FATE_OK, FATE_OK }, 2, FATE_OK, false },
	{ { FATE_TEMP, FATE_TEMP }, 2, FATE_TEMP, false },
	{ { FATE_PERM, FATE_PERM }, 2, FATE_PERM, false },
	{ { FATE_PERM, FATE_TEMP }, 2, FATE_TEMP, false },
	{ { FATE_OK, FATE_TEMP }, 2, FATE_TEMP, true },
	{ { FATE_OK, FATE_PERM }, 2, FATE_TEMP, true },
	{ { FATE_OK, FATE_PERM, FATE_TEMP }, 3, FATE_TEMP, true },
};

START_TEST(mails)
{
	bool mixed = !joins[_i].mixed;

	ck_assert_int_eq(fate_join(joins[_i].v, joins[_i].n, &mixed), joins[_i].whole);
	ck_assert_int_eq(mixed, joins[_i].mixed);
}
END_TEST

/* Never a positive fate unless every target has it; never final while one may yet. */
START_TEST(invariants)
{
	static const struct word *const all[] = { &ok1, &had, &temp, &perm };

	for (unsigned i = 0; i < 256; i++) {
		const struct word *w[4] = { all[i & 3], all[i >> 2 & 3], all[i >> 4 & 3],
					    all[i >> 6 & 3] };
		bool every = true, any_temp = false;

		for (int j = 0; j < 4; j++) {
			every &= w[j]->verdict == VERDICT_ACCEPTED || w[j]->verdict == VERDICT_SPARED;
			any_temp |= w[j]->verdict == VERDICT_TEMP;
		}
		ck_assert_int_eq(fate_of(w, 4) == FATE_OK, every);
		if (any_temp)
			ck_assert_int_eq(fate_of(w, 4), FATE_TEMP);
	}
}
END_TEST

START_TEST(long_texts_are_cut)
{
	struct word many[40];
	const struct word *w[40];
	char box[40][8], text[OUTCOME_TEXT];

	for (int i = 0; i < 40; i++) {
		snprintf(box[i], sizeof(box[i]), "BOX%d", i);
		many[i] = (struct word){ VERDICT_ACCEPTED, str_z(box[i]), 250, STR("2.0.0"),
					 STR("a reply of some length that a box might give") };
		w[i] = &many[i];
	}
	outcome_text(FATE_OK, w, 40, text);
	ck_assert_uint_lt(strlen(text), OUTCOME_TEXT);
	ck_assert_str_eq(text + strlen(text) - 3, "...");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("outcome");
	TCase *t = tcase_create("outcome");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, recipients, 0, (int)ARRAY_LEN(targets));
	tcase_add_loop_test(t, mails, 0, (int)ARRAY_LEN(joins));
	tcase_add_test(t, invariants);
	tcase_add_test(t, long_texts_are_cut);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
