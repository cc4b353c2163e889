/* spread: a network's record as a whole; its parts have tests of their own. */
#include "lib/guard/spread.c"

#define RECORD struct spread_record
#define PACKED SPREAD_PACKED
#define ENCODE spread_encode
#define DECODE spread_decode
#define MERGE spread_merge
#include "unit/guard_pure.h"

#define WINDOW INT64_C(2592000000)

/* Each measure comes from its own sketch or count. */
START_TEST(evidence)
{
	static struct spread_record r;
	struct evidence e = { { [EVIDENCE_FORGED] = 77 }, 0 };

	memset(&r, 0, sizeof(r));
	for (unsigned i = 0; i < SPREAD_SKETCHES; i++)
		for (uint64_t n = 0; n <= i; n++)
			sketch_add(&r.distinct[i], n * 0x9e3779b97f4a7c15u + i, WALL, WINDOW);
	for (unsigned k = 0; k < CONDUCT_KINDS; k++)
		for (unsigned n = 0; n < 10 + k; n++)
			conduct_note(&r.conduct, k, 1, WALL, WINDOW);
	spread_evidence(&r, WALL, WINDOW, &e);
	ck_assert_uint_eq(e.measure[EVIDENCE_RECIPIENTS], 1);
	ck_assert_uint_eq(e.measure[EVIDENCE_SENDERS], 2);
	ck_assert_uint_eq(e.measure[EVIDENCE_DOMAINS], 3);
	ck_assert_uint_eq(e.measure[EVIDENCE_UNKNOWN], 10 + CONDUCT_UNKNOWN);
	ck_assert_uint_eq(e.measure[EVIDENCE_ABANDONED], 10 + CONDUCT_ABANDONED);
	ck_assert_uint_eq(e.measure[EVIDENCE_EARLY], 10 + CONDUCT_EARLY);
	ck_assert_uint_eq(e.measure[EVIDENCE_ERRORS], 10 + CONDUCT_ERROR);
	ck_assert_uint_eq(e.measure[EVIDENCE_NAMELESS], 10 + CONDUCT_NAMELESS);
	ck_assert_uint_eq(e.established, 10 + CONDUCT_ESTABLISHED);
	spread_evidence(&r, spread_expiry(&r, WINDOW), WINDOW, &e);
	for (unsigned k = 0; k < EVIDENCE_KINDS; k++) /* an expired one tells nothing */
		ck_assert_uint_eq(e.measure[k], k == EVIDENCE_FORGED ? 77 : 0); /* of the domain */
	ck_assert_uint_eq(e.established, 0);
}
END_TEST

static void random_spread(struct spread_record *r)
{
	int64_t now = WALL + rnd(1000);

	memset(r, 0, sizeof(*r));
	for (unsigned n = rnd(40); n > 0; n--) {
		uint64_t hash = (uint64_t)rnd(UINT32_MAX) << 32 | rnd(UINT32_MAX);

		sketch_add(&r->distinct[rnd(SPREAD_SKETCHES)], hash, now, WINDOW);
		conduct_note(&r->conduct, rnd(CONDUCT_KINDS), machine(4), now, WINDOW);
		now += WINDOW / 16 * rnd(2);
	}
}

START_TEST(laws)
{
	static struct spread_record a, b, c;

	for (unsigned run = 0; run < 500; run++) {
		random_spread(&a);
		random_spread(&b);
		random_spread(&c);
		check_laws(&a, &b, &c);
	}
}
END_TEST

START_TEST(packed)
{
	static struct spread_record r;

	for (unsigned run = 0; run < 300; run++) {
		random_spread(&r);
		check_round_trip(&r);
		for (unsigned i = 0; i < 20; i++)
			check_damaged(&r);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("spread");

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_test(t, evidence);
	tcase_add_test(t, laws);
	tcase_add_test(t, packed);
	return pure_run(t, "spread");
}
