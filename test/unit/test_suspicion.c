/* suspicion: the score by hand, and what holds for any evidence. */
#include "lib/guard/suspicion.c"

#include "unit/guard_pure.h"

#define ONE FACTOR_ONE
#define MINUTE INT64_C(60000)

START_TEST(table)
{
	unsigned weights = 0, greatest = 0;

	for (unsigned k = 0; k < EVIDENCE_KINDS; k++) {
		const struct evidence_rule *r = &evidence_rules[k];

		ck_assert(r->name && r->measured && r->weight > 0 && r->saturation > 0);
		weights += r->weight;
		greatest = r->weight > greatest ? r->weight : greatest;
	}
	ck_assert_uint_eq(weights, SUSPICION_ALL);
	ck_assert_uint_lt(greatest, SUSPICION_REFUSE);
	ck_assert_uint_lt(evidence_rules[0].weight + evidence_rules[1].weight +
				  evidence_rules[2].weight,
			  SUSPICION_REFUSE);
}
END_TEST

/* Cases reckoned by hand. */
static const struct {
	struct evidence e;
	unsigned score;
	const char *why;
} cases[] = {
	{ { { 0 }, 0 }, 0, "" },
	{ { { [EVIDENCE_UNKNOWN] = 3 }, 0 }, 60, "unknown recipients 3 of 10: 60" },
	{ { { [EVIDENCE_UNKNOWN] = 10 }, 0 }, 200, "unknown recipients 10 of 10: 200" },
	{ { { [EVIDENCE_UNKNOWN] = 2000 }, 0 }, 200, "unknown recipients 2000 of 10: 200" },
	{ { { [EVIDENCE_FORGED] = 5 }, 0 }, 100, "forged domain 5 of 20: 100" },
	/* 20 established mails vouch for 2 unknown recipients, for 20 of the abandoned tries */
	{ { { [EVIDENCE_UNKNOWN] = 3, [EVIDENCE_ABANDONED] = 23 }, 20 },
	  50,
	  "unknown recipients 1 of 10: 20, abandoned tries 3 of 10: 30" },
	{ { { [EVIDENCE_EARLY] = 1 }, 1000000 }, 33, "early talking 1 of 3: 33" },
	/* a bot that tries a hundred guessed addresses in others' names */
	{ { { 80, 15, 5, 90, 100, 0, 0, 100, 0 }, 0 },
	  675,
	  "unknown recipients 80 of 10: 200, forged domain 15 of 20: 300, "
	  "abandoned tries 5 of 10: 50, sender domains 90 of 20: 75, senders 100 of 40: 25, "
	  "recipients 100 of 100: 25" },
	/* a large sender's network in a month */
	{ { { 400, 0, 5000, 900, 30000, 0, 0, 8000, 100 }, 40000 }, 0, "" },
	{ { { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
	      UINT64_MAX, UINT64_MAX, UINT64_MAX }, 0 }, 1000, NULL },
	{ { { 1, 0, 1, 1, 1, 0, 1, 1, 1 }, UINT64_MAX }, 0, "" },
};

START_TEST(by_hand)
{
	struct explanation why;
	struct buf b;

	ck_assert_uint_eq(suspicion_score(&cases[_i].e, ONE, &why), cases[_i].score);
	ck_assert_uint_eq(suspicion_score(&cases[_i].e, ONE, NULL), cases[_i].score);
	buf_init(&b, 1000);
	ck_assert_int_eq(suspicion_explain(&why, &b), 0);
	if (cases[_i].why)
		ck_assert_msg(str_eq(buf_str(&b), str_z(cases[_i].why)), "%.*s",
			      STR_ARG(buf_str(&b)));
	buf_release(&b);
}
END_TEST

START_TEST(spread_factor)
{
	struct evidence e = { { [EVIDENCE_FORGED] = 15 }, 0 }; /* 300 */

	ck_assert_uint_eq(suspicion_score(&e, 0, NULL), 0);
	ck_assert_uint_eq(suspicion_score(&e, -1, NULL), 0);
	ck_assert_uint_eq(suspicion_score(&e, 5000, NULL), 150);
	ck_assert_uint_eq(suspicion_score(&e, 2 * ONE, NULL), 600);
	ck_assert_uint_eq(suspicion_score(&e, 100 * ONE, NULL), 1000);
	ck_assert_uint_eq(suspicion_score(&e, INT64_MAX, NULL), 1000);
}
END_TEST

static struct evidence random_evidence(void)
{
	struct evidence e = { { 0 }, rnd(2) ? rnd(200) : 0 };

	for (unsigned k = 0; k < EVIDENCE_KINDS; k++)
		e.measure[k] = rnd(3) ? rnd(150) : 0;
	return e;
}

/* More evidence never lowers it, more established mails and a smaller factor never raise it; what it says adds
 * up to the score. */
START_TEST(monotone)
{
	for (unsigned run = 0; run < 200000; run++) {
		struct evidence e = random_evidence(), more = e, vouched = e;
		struct explanation why;
		int64_t factor = rnd(3 * ONE);
		unsigned score = suspicion_score(&e, factor, &why), sum = 0;

		for (unsigned k = 0; k < EVIDENCE_KINDS; k++)
			sum += why.points[k];
		more.measure[rnd(EVIDENCE_KINDS)] += 1 + rnd(20);
		vouched.established += 1 + rnd(20);
		must(score <= SUSPICION_ALL, "in its range");
		must(suspicion_score(&e, ONE, NULL) == sum, "the sum of the points");
		must(suspicion_score(&more, factor, NULL) >= score, "more evidence");
		must(suspicion_score(&vouched, factor, NULL) <= score, "more established mails");
		must(suspicion_score(&e, factor + rnd(ONE), NULL) >= score, "larger factor");
	}
}
END_TEST

START_TEST(initial_time)
{
	ck_assert_int_eq(suspicion_initial_ms(0, 5 * MINUTE, 120 * MINUTE), 5 * MINUTE);
	ck_assert_int_eq(suspicion_initial_ms(SUSPICION_START, 5 * MINUTE, 120 * MINUTE), 5 * MINUTE);
	ck_assert_int_eq(suspicion_initial_ms(SUSPICION_START + 20, 5 * MINUTE, 120 * MINUTE),
			 5 * MINUTE + 115 * MINUTE / 10);
	ck_assert_int_eq(suspicion_initial_ms(SUSPICION_FULL, 5 * MINUTE, 120 * MINUTE), 120 * MINUTE);
	ck_assert_int_eq(suspicion_initial_ms(1000, 5 * MINUTE, 120 * MINUTE), 120 * MINUTE);
	ck_assert_int_eq(suspicion_initial_ms(1000, 5 * MINUTE, 4 * MINUTE), 5 * MINUTE);
	for (unsigned score = 0; score < SUSPICION_ALL; score++)
		must(suspicion_initial_ms(score, 300, 7200) <=
			     suspicion_initial_ms(score + 1, 300, 7200),
		     "never shorter");
}
END_TEST

/* Only with several recipients, whatever the score. */
START_TEST(refusal)
{
	struct evidence e = { { [EVIDENCE_RECIPIENTS] = SUSPICION_RECIPIENTS }, 0 };

	ck_assert(suspicion_refuses(SUSPICION_REFUSE, &e));
	ck_assert(!suspicion_refuses(SUSPICION_REFUSE - 1, &e));
	e.measure[EVIDENCE_RECIPIENTS]--;
	ck_assert(!suspicion_refuses(SUSPICION_ALL, &e));
}
END_TEST

START_TEST(no_room)
{
	struct evidence e = { { [EVIDENCE_UNKNOWN] = 10, [EVIDENCE_ABANDONED] = 10 }, 0 };
	struct explanation why;
	struct buf b;

	suspicion_score(&e, ONE, &why);
	buf_init(&b, 40);
	ck_assert_int_eq(suspicion_explain(&why, &b), -1);
	ck_assert(str_eq(buf_str(&b), STR("unknown recipients 10 of 10: 200")));
	buf_release(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("suspicion");

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_test(t, table);
	tcase_add_loop_test(t, by_hand, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(t, spread_factor);
	tcase_add_test(t, monotone);
	tcase_add_test(t, initial_time);
	tcase_add_test(t, refusal);
	tcase_add_test(t, no_room);
	return pure_run(t, "suspicion");
}
