/* sketch: how far its estimates are off, what its window forgets, and the laws of merging. */
#include "lib/guard/sketch.c"

#include "lib/base/hash.h"

#define RECORD struct sketch
#define PACKED SKETCH_PACKED
#define ENCODE sketch_encode
#define DECODE sketch_decode
#define MERGE sketch_merge
#include "unit/guard_pure.h"

#define WINDOW INT64_C(2592000000) /* 30 days */

static uint64_t hash_of(uint64_t value, uint64_t seed)
{
	return hash_stable((struct str){ (const char *)&value, sizeof(value) }, seed);
}

static double relative(uint64_t estimated, uint64_t true_count)
{
	return ((double)estimated - (double)true_count) / (double)true_count;
}

/* The most that root mean square and mean of the error may be, in thousandths, over the runs.
 * Few values: the bias is that of rounding to whole numbers. */
static const struct {
	unsigned values, rms, bias;
} errors[] = {
	{ 1, 0, 0 },	  { 2, 32, 10 },    { 5, 52, 20 },     { 10, 52, 20 },
	{ 20, 52, 20 },	  { 50, 52, 20 },   { 100, 52, 10 },   { 300, 65, 12 },
	{ 1000, 75, 15 }, { 5000, 75, 15 }, { 20000, 75, 15 },
};
#define RUNS 400

START_TEST(error)
{
	unsigned n = errors[_i].values;
	double squares = 0, sum = 0, rms, bias;

	for (unsigned run = 0; run < RUNS; run++) {
		struct sketch s = { 0 };
		double off;

		for (unsigned i = 0; i < n; i++)
			sketch_add(&s, hash_of(i, run), WALL, WINDOW);
		off = relative(sketch_estimate(&s, WALL, WINDOW), n);
		squares += off * off / RUNS;
		sum += off / RUNS;
	}
	rms = 1000 * __builtin_sqrt(squares);
	bias = 1000 * (sum < 0 ? -sum : sum);
	printf("%5u values: error %.1f %%, bias %.1f %%\n", n, rms / 10, sum * 100);
	ck_assert_double_le(rms, errors[_i].rms);
	ck_assert_double_le(bias, errors[_i].bias);
}
END_TEST

START_TEST(nothing_and_repetition)
{
	struct sketch s = { 0 };

	ck_assert_uint_eq(sketch_estimate(&s, WALL, WINDOW), 0);
	for (unsigned i = 0; i < 1000; i++)
		sketch_add(&s, hash_of(i % 2, 1), WALL + i, WINDOW);
	ck_assert_uint_eq(sketch_estimate(&s, WALL, WINDOW), 2);
}
END_TEST

/* Values at the ends of what hashes can be. */
START_TEST(ends)
{
	struct sketch s = { 0 };

	sketch_add(&s, 0, WALL, WINDOW);
	ck_assert_uint_eq(s.rank[0][0], SKETCH_RANK_MAX);
	sketch_add(&s, UINT64_MAX, WALL, WINDOW);
	ck_assert_uint_eq(s.rank[0][SKETCH_REGISTERS - 1], 1);
	sketch_add(&s, 1, WALL, WINDOW);
	ck_assert_uint_eq(s.rank[0][0], SKETCH_RANK_MAX);
	ck_assert_uint_eq(rank_of(1), 56);
	check_round_trip(&s);
	memset(s.rank[0], SKETCH_RANK_MAX, SKETCH_REGISTERS);
	ck_assert_uint_gt(sketch_estimate(&s, WALL, WINDOW), UINT64_C(1) << 50);
	check_round_trip(&s);
}
END_TEST

/* What lies within the window counts, what is a part older does not: with windows of a few
 * milliseconds, at each of them. */
START_TEST(window)
{
	int64_t part = slide_part_ms(_i);

	for (int64_t from = 0; from < 4 * part; from++) {
		struct sketch s = { 0 };

		sketch_add(&s, hash_of(1, 1), WALL + from, _i);
		for (int64_t later = 0; later < _i + 3 * part; later++) {
			uint64_t n = sketch_estimate(&s, WALL + from + later, _i);

			if (later < _i || later == 0)
				must(n == 1, "within the window");
			if (later >= _i + part)
				must(n == 0, "a part older");
		}
	}
}
END_TEST

/* A client that goes on for ever is counted over the last window, in bounded room. */
START_TEST(slides)
{
	struct sketch s = { 0 };
	uint8_t bytes[SKETCH_PACKED];
	int64_t part = slide_part_ms(WINDOW);

	for (uint64_t i = 0; i < 7000; i++) {
		int64_t now = WALL + (int64_t)i * (part / 10); /* 10 new ones a part */

		sketch_add(&s, hash_of(i, 3), now, WINDOW);
		if (i < 100)
			continue;
		ck_assert_double_le(relative(sketch_estimate(&s, now, WINDOW), 75), 0.35);
		ck_assert_double_ge(relative(sketch_estimate(&s, now, WINDOW), 75), -0.35);
		must(sketch_encode(&s, bytes) <= SKETCH_PACKED, "bounded");
	}
}
END_TEST

/* An administrator changes the length of the window; a clock was a year ahead. */
START_TEST(odd_times)
{
	struct sketch s = { 0 };

	for (unsigned i = 0; i < 20; i++)
		sketch_add(&s, hash_of(i, 1), WALL + 365 * INT64_C(86400000) + i * WINDOW / 7, WINDOW);
	ck_assert_uint_eq(sketch_estimate(&s, WALL, WINDOW), 0);
	sketch_add(&s, hash_of(1, 1), WALL, WINDOW);
	ck_assert_uint_eq(sketch_estimate(&s, WALL, WINDOW), 1);
	ck_assert_uint_eq(s.slide.n, 1);
	sketch_add(&s, hash_of(2, 1), WALL, WINDOW / 3);
	ck_assert_uint_eq(sketch_estimate(&s, WALL, WINDOW), 2);
	sketch_add(&s, hash_of(3, 1), WALL, 0);
	sketch_add(&s, hash_of(3, 1), -5, WINDOW);
	sketch_add(&s, hash_of(3, 1), INT64_MAX, INT64_MAX);
	ck_assert_uint_eq(sketch_estimate(&s, INT64_MAX, INT64_MAX), 1);
	ck_assert_int_eq(s.slide.start[s.slide.n - 1], 0);
}
END_TEST

static struct sketch random_sketch(void)
{
	struct sketch s = { 0 };
	int64_t length = rnd(4) ? WINDOW : WINDOW / 2, now = WALL + rnd(1000000);

	for (unsigned parts = rnd(12); parts > 0; parts--) {
		for (unsigned n = rnd(3) ? rnd(6) : rnd(400); n > 0; n--)
			sketch_add(&s, hash_of(rnd(500), 1), now, length);
		now += (int64_t)rnd(3) * slide_part_ms(length);
	}
	return s;
}

START_TEST(laws)
{
	for (unsigned run = 0; run < 2000; run++) {
		struct sketch a = random_sketch(), b = random_sketch(), c = random_sketch();

		check_laws(&a, &b, &c);
	}
}
END_TEST

/* Put together, they say what one would have said that saw everything. */
START_TEST(together)
{
	struct sketch part[4] = { { { 0 }, { { 0 } } } }, all = { 0 };
	int64_t now = WALL;

	for (unsigned i = 0; i < 5000; i++, now += WINDOW / 4000) {
		sketch_add(&part[rnd(4)], hash_of(i / 3, 9), now, WINDOW);
		sketch_add(&all, hash_of(i / 3, 9), now, WINDOW);
		if (rnd(100) == 0)
			sketch_merge(&part[rnd(4)], &part[rnd(4)]);
	}
	for (unsigned i = 1; i < 4; i++)
		sketch_merge(&part[0], &part[i]);
	ck_assert_uint_eq(sketch_estimate(&part[0], now, WINDOW), sketch_estimate(&all, now, WINDOW));
}
END_TEST

START_TEST(packed)
{
	struct sketch s = { 0 };
	uint8_t bytes[SKETCH_PACKED];

	sketch_add(&s, hash_of(1, 1), WALL, WINDOW);
	sketch_add(&s, hash_of(2, 1), WALL, WINDOW);
	sketch_add(&s, hash_of(3, 1), WALL, WINDOW);
	ck_assert_uint_eq(sketch_encode(&s, bytes), 14);
	for (unsigned i = 0; i < 500; i++)
		sketch_add(&s, hash_of(i, 1), WALL, WINDOW);
	ck_assert_uint_eq(sketch_encode(&s, bytes), 200);
	for (unsigned run = 0; run < 500; run++) {
		s = random_sketch();
		check_round_trip(&s);
		for (unsigned i = 0; i < 20; i++)
			check_damaged(&s);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("sketch");

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_loop_test(t, error, 0, (int)ARRAY_LEN(errors));
	tcase_add_test(t, nothing_and_repetition);
	tcase_add_test(t, ends);
	tcase_add_loop_test(t, window, 0, 40);
	tcase_add_test(t, slides);
	tcase_add_test(t, odd_times);
	tcase_add_test(t, laws);
	tcase_add_test(t, together);
	tcase_add_test(t, packed);
	return pure_run(t, "sketch");
}
