/* slide: which parts of a window there are, which count, which are kept. */
#include "lib/guard/slide.c"

#include "unit/guard_pure.h"

/* Every length of a window, at every millisecond: now always counts, and what is older as
 * slide.h says. The parts that count are never more than there is room for. */
START_TEST(counting)
{
	for (int64_t length = 0; length < 60; length++) {
		int64_t part = slide_part_ms(length);

		for (int64_t now = 1000; now < 1000 + 3 * part; now++) {
			unsigned parts = 0;

			for (int64_t at = now - length - 3 * part; at <= now; at++) {
				bool counts = slide_counts(slide_start(at, length), now, length);

				must(counts || (at <= now - length && at < now), "within");
				must(!counts || at > now - length - part, "a part older");
				parts += counts && slide_start(at, length) == at;
			}
			must(parts <= SLIDE_PARTS, "room for all");
		}
	}
}
END_TEST

START_TEST(newest_stay)
{
	for (unsigned run = 0; run < 5000; run++) {
		struct slide r = { 0 };
		int64_t item[SLIDE_PARTS], newest = 0;

		for (unsigned n = 0; n < 30; n++) {
			int64_t start = rnd(20);
			int i = slide_take(&r, start, item, sizeof(item[0]));

			newest = start > newest ? start : newest;
			must(i >= 0 || (r.n == SLIDE_PARTS && start < r.start[SLIDE_PARTS - 1]), "too old");
			if (i >= 0)
				item[i] = start;
		}
		must(r.start[0] == newest, "newest");
		for (uint32_t i = 0; i < r.n; i++) {
			must(item[i] == r.start[i], "items go along");
			must(i == 0 || r.start[i] < r.start[i - 1], "falling");
		}
	}
}
END_TEST

START_TEST(new_items_are_zero)
{
	struct slide r = { 0 };
	int64_t item[SLIDE_PARTS];

	memset(item, 0xff, sizeof(item));
	for (int64_t start = 0; start < 20; start++) {
		int i = slide_take(&r, start * 7 % 20, item, sizeof(item[0]));

		if (i < 0)
			continue;
		must(item[i] == 0, "zero");
		item[i] = 1;
	}
}
END_TEST

START_TEST(drop)
{
	struct slide r = { 0 };
	char item[SLIDE_PARTS];

	for (int64_t start = 1; start <= 4; start++)
		item[slide_take(&r, start, item, 1)] = (char)start;
	slide_drop_behind(&r, 4, item, 1);
	ck_assert_uint_eq(r.n, 4);
	slide_drop_behind(&r, 2, item, 1);
	ck_assert_uint_eq(r.n, 2);
	ck_assert(r.start[0] == 2 && item[0] == 2 && item[1] == 1);
	slide_drop_behind(&r, 0, item, 1);
	ck_assert_uint_eq(r.n, 0);
}
END_TEST

START_TEST(packed)
{
	struct slide r = { .n = 2, .start = { WALL, WALL - 5 } }, back;
	uint8_t p[SLIDE_PACKED] = { 0 };
	struct str in = { (const char *)p, slide_pack(&r, p) };

	ck_assert_uint_eq(in.n, 13);
	ck_assert_int_eq(slide_unpack(&in, &back), 0);
	ck_assert_uint_eq(in.n, 0);
	ck_assert(back.n == 2 && back.start[0] == WALL && back.start[1] == WALL - 5);
	r.start[1] = WALL;
	in = (struct str){ (const char *)p, slide_pack(&r, p) };
	ck_assert_int_lt(slide_unpack(&in, &back), 0);
	p[0] = SLIDE_PARTS + 1;
	in = (struct str){ (const char *)p, sizeof(p) };
	ck_assert_int_lt(slide_unpack(&in, &back), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("slide");

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_test(t, counting);
	tcase_add_test(t, newest_stay);
	tcase_add_test(t, new_items_are_zero);
	tcase_add_test(t, drop);
	tcase_add_test(t, packed);
	return pure_run(t, "slide");
}
