/* conduct: counts over machines and parts of a window, against a list of what happened. */
#include "lib/guard/conduct.c"

#define RECORD struct conduct
#define PACKED CONDUCT_PACKED
#define ENCODE conduct_encode
#define DECODE conduct_decode
#define MERGE conduct_merge
#include "unit/guard_pure.h"

#define WINDOW INT64_C(700)

/* What is noted lies between what the window holds and what a window and a part hold, at every
 * millisecond. */
START_TEST(window)
{
	int64_t at[3000], part = slide_part_ms(WINDOW), now = WALL;
	struct conduct c = { 0 };

	for (unsigned n = 0; n < ARRAY_LEN(at); n++) {
		uint64_t least = 0, most = 0, sum;

		now += rnd(4) ? rnd(3) : rnd(200);
		at[n] = now;
		conduct_note(&c, CONDUCT_ERROR, machine(4), now, WINDOW);
		for (unsigned i = 0; i <= n; i++) {
			least += at[i] > now - WINDOW;
			most += at[i] > now - WINDOW - part;
		}
		sum = conduct_sum(&c, CONDUCT_ERROR, now, WINDOW);
		must(sum >= least && sum <= most, "neither more nor less");
	}
	ck_assert_uint_eq(conduct_sum(&c, CONDUCT_EARLY, now, WINDOW), 0);
}
END_TEST

START_TEST(kinds)
{
	struct conduct c = { 0 };

	for (unsigned k = 0; k < CONDUCT_KINDS; k++)
		for (uint16_t i = 0; i <= k; i++)
			conduct_note(&c, k, i, WALL, WINDOW);
	for (unsigned k = 0; k < CONDUCT_KINDS; k++)
		ck_assert_uint_eq(conduct_sum(&c, k, WALL, WINDOW), k + 1);
}
END_TEST

/* Each machine's own counts are heard by the others in any order and often. */
START_TEST(machines)
{
	struct conduct m[5] = { { { 0 }, { { 0 } } } };
	unsigned noted = 0;
	int64_t now = WALL;

	for (unsigned n = 0; n < 20000; n++) {
		uint16_t who = machine(5);

		if (rnd(3)) {
			conduct_note(&m[who], CONDUCT_ESTABLISHED, who, now, INT64_C(1000000));
			noted++;
		} else {
			conduct_merge(&m[who], &m[rnd(5)]);
		}
		now += rnd(20);
	}
	for (unsigned i = 0; i < 10; i++)
		conduct_merge(&m[(i + 1) % 5], &m[i % 5]);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_uint_eq(conduct_sum(&m[i], CONDUCT_ESTABLISHED, now, INT64_C(1000000)), noted);
	ck_assert(same(&m[0], &m[4]));
}
END_TEST

static struct conduct random_conduct(void)
{
	struct conduct c = { 0 };
	int64_t now = WALL + rnd(1000);

	for (unsigned n = rnd(60); n > 0; n--) {
		conduct_note(&c, rnd(CONDUCT_KINDS), machine(rnd(4) ? 4 : 40), now, WINDOW);
		now += rnd(60);
	}
	return c;
}

START_TEST(laws)
{
	for (unsigned run = 0; run < 3000; run++) {
		struct conduct a = random_conduct(), b = random_conduct(), c = random_conduct();

		check_laws(&a, &b, &c);
	}
}
END_TEST

START_TEST(packed)
{
	struct conduct c = { 0 };
	uint8_t bytes[CONDUCT_PACKED];

	conduct_note(&c, CONDUCT_ABANDONED, 1, WALL, WINDOW);
	ck_assert_uint_eq(conduct_encode(&c, bytes), 12);
	for (unsigned run = 0; run < 1000; run++) {
		c = random_conduct();
		check_round_trip(&c);
		for (unsigned i = 0; i < 20; i++)
			check_damaged(&c);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("conduct");

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_test(t, window);
	tcase_add_test(t, kinds);
	tcase_add_test(t, machines);
	tcase_add_test(t, laws);
	tcase_add_test(t, packed);
	return pure_run(t, "conduct");
}
