/* tally: counts of several machines, more of them than there is room for included. */
#include "lib/guard/tally.c"

#define RECORD struct tally
#define PACKED TALLY_PACKED(TALLY_KINDS)
#define ENCODE tally_pack
#define MERGE tally_merge
static inline int decode_all(struct str in, struct tally *t);
#define DECODE decode_all
#include "unit/guard_pure.h"

static inline int decode_all(struct str in, struct tally *t)
{
	return tally_unpack(&in, TALLY_KINDS, t) < 0 || in.n > 0 ? -1 : 0;
}

START_TEST(counts)
{
	struct tally t = { 0 };

	tally_add(&t, 5, 0, 0);
	ck_assert_uint_eq(t.n, 0);
	tally_add(&t, 5, 0, 2);
	tally_add(&t, 3, 0, 1);
	tally_add(&t, 5, 0, UINT32_MAX - 1);
	tally_add(&t, 9, TALLY_KINDS - 1, 7);
	ck_assert_uint_eq(t.n, 3);
	ck_assert_uint_eq(tally_sum(&t, 0), UINT64_C(1) + UINT32_MAX);
	ck_assert_uint_eq(tally_sum(&t, TALLY_KINDS - 1), 7);
	check_round_trip(&t);
}
END_TEST

/* Of too many machines the smallest origins stay, in whichever order they came. */
START_TEST(too_many)
{
	for (unsigned run = 0; run < 500; run++) {
		struct tally t = { 0 };
		uint16_t order[60];

		for (uint16_t i = 0; i < 60; i++) {
			uint16_t j = machine(i + 1u);

			order[i] = order[j];
			order[j] = i;
		}
		for (unsigned i = 0; i < 60; i++)
			tally_add(&t, order[i], 0, 1);
		must(t.n == TALLY_ORIGINS && tally_sum(&t, 0) == TALLY_ORIGINS, "full");
		for (unsigned i = 0; i < t.n; i++)
			must(t.slot[i].origin == i, "the smallest");
	}
}
END_TEST

static struct tally random_tally(void)
{
	struct tally t = { 0 };

	for (unsigned n = rnd(80); n > 0; n--)
		tally_add(&t, machine(40), rnd(TALLY_KINDS), 1 + (rnd(4) ? rnd(3) : rnd(1u << 31)));
	return t;
}

START_TEST(laws)
{
	for (unsigned run = 0; run < 20000; run++) {
		struct tally a = random_tally(), b = random_tally(), c = random_tally();

		check_laws(&a, &b, &c);
		check_round_trip(&a);
		check_damaged(&a);
	}
}
END_TEST

/* Kinds that a record does not have are damage. */
START_TEST(foreign_kind)
{
	uint8_t p[PACKED];
	struct tally t = { 0 };
	struct str in = { (const char *)p, 0 };

	tally_add(&t, 1, 2, 1);
	in.n = tally_pack(&t, p);
	ck_assert_int_lt(tally_unpack(&in, 2, &t), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("tally");

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_test(t, counts);
	tcase_add_test(t, too_many);
	tcase_add_test(t, laws);
	tcase_add_test(t, foreign_kind);
	return pure_run(t, "tally");
}
