/* pack: every number has one form, and comes back from it. */
#include "lib/guard/pack.c"

#include "unit/guard_pure.h"

static int read_int(const uint8_t *p, size_t n, uint64_t max, uint64_t *v)
{
	struct str in = { (const char *)p, n };

	return unpack_int(&in, max, v) < 0 ? -1 : (int)in.n;
}

START_TEST(ints)
{
	for (unsigned run = 0; run < 100000; run++) {
		uint64_t v = ((uint64_t)rnd(1u << 31) << 33 | rnd(1u << 31)) >> rnd(64), back;
		uint8_t p[PACK_INT + 1] = { 0 };
		size_t n = pack_int(p, v);

		must(n <= PACK_INT, "bounded");
		must(read_int(p, n, UINT64_MAX, &back) == 0 && back == v, "comes back");
		must(read_int(p, n + 1, v, &back) == 1, "takes its own alone");
		must(read_int(p, n - 1, UINT64_MAX, &back) < 0, "cut off");
		must(v == 0 || read_int(p, n, v - 1, &back) < 0, "larger than allowed");
	}
}
END_TEST

static const struct {
	uint8_t p[11];
	size_t n;
} bad[] = {
	{ { 0 }, 0 },
	{ { 0x80 }, 1 },
	{ { 0x80, 0 }, 2 },
	{ { 0x81, 0x80, 0 }, 3 },
	{ { 255, 255, 255, 255, 255, 255, 255, 255, 255, 2 }, 10 },
	{ { 255, 255, 255, 255, 255, 255, 255, 255, 255, 129, 0 }, 11 },
};

START_TEST(bad_ints)
{
	uint64_t v;

	ck_assert_int_lt(read_int(bad[_i].p, bad[_i].n, UINT64_MAX, &v), 0);
}
END_TEST

START_TEST(largest)
{
	uint8_t p[PACK_INT];
	uint64_t v;

	ck_assert_uint_eq(pack_int(p, UINT64_MAX), PACK_INT);
	ck_assert_int_eq(read_int(p, PACK_INT, UINT64_MAX, &v), 0);
	ck_assert_uint_eq(v, UINT64_MAX);
}
END_TEST

START_TEST(fixed)
{
	uint8_t p[8];
	struct str in = { (const char *)p, 6 };
	uint64_t v;

	ck_assert_uint_eq(pack_fixed(p, 6, UINT64_C(0x060504030201)), 6);
	ck_assert_mem_eq(p, "\1\2\3\4\5\6", 6);
	ck_assert_int_eq(unpack_fixed(&in, 6, &v), 0);
	ck_assert_uint_eq(v, UINT64_C(0x060504030201));
	ck_assert_int_lt(unpack_fixed(&in, 1, &v), 0);
	ck_assert_int_eq(pack_time(-1), 0);
	ck_assert_int_eq(pack_time(INT64_MAX), PACK_TIME_MAX);
	ck_assert_int_eq(pack_time(WALL), WALL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("pack");

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_test(t, ints);
	tcase_add_loop_test(t, bad_ints, 0, (int)ARRAY_LEN(bad));
	tcase_add_test(t, largest);
	tcase_add_test(t, fixed);
	return pure_run(t, "pack");
}
