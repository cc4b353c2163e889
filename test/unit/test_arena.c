/* arena: what is handed out is zeroed, aligned, apart from all else, and stays until the end. */
#include "lib/base/arena.c"

#include "unit/property.h"

START_TEST(nothing_before_use)
{
	struct arena a = ARENA(0);

	ck_assert_ptr_null(a.head);
	arena_free(&a);
	ck_assert_ptr_nonnull(arena_alloc(&a, 0));
	arena_free(&a);
	ck_assert_ptr_null(a.head);
	ck_assert_uint_eq(a.used, 0);
	arena_free(&a);
}
END_TEST

/* Pieces of all sizes, filled and looked at again after all the others. */
START_TEST(pieces)
{
	enum { PIECES = 3000 };
	static struct {
		unsigned char *p;
		size_t n;
	} v[PIECES];
	struct arena a = ARENA(0);
	size_t total = 0;

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < PIECES; i++) {
			v[i].n = rnd(rnd(100) ? 200 : 100000);
			v[i].p = arena_alloc(&a, v[i].n);
			must(v[i].p && (uintptr_t)v[i].p % _Alignof(max_align_t) == 0, "aligned");
			total += v[i].n;
			for (size_t j = 0; j < v[i].n; j++)
				must(v[i].p[j] == 0, "zeroed");
			memset(v[i].p, i, v[i].n);
		}
		must(a.used >= total, "used");
		for (int i = 0; i < PIECES; i++)
			for (size_t j = 0; j < v[i].n; j++)
				must(v[i].p[j] == (unsigned char)i, "kept");
		arena_free(&a);
		total = 0;
	}
}
END_TEST

START_TEST(cap)
{
	struct arena a = ARENA(1000);
	struct str s;

	ck_assert_ptr_null(arena_alloc(&a, 1001));
	ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX));
	ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX - 8));
	ck_assert_ptr_null(a.head);
	ck_assert_ptr_nonnull(arena_alloc(&a, 900));
	ck_assert_ptr_null(arena_alloc(&a, 101));
	ck_assert_ptr_nonnull(arena_alloc(&a, 64)); /* a refusal spoils nothing */
	s = arena_str(&a, (struct str){ "0123456789012345678901234567890123456789", 40 });
	ck_assert_ptr_null(s.p);
	ck_assert_uint_eq(s.n, 0);
	s = arena_printf(&a, "%0100d", 1);
	ck_assert_ptr_null(s.p);
	ck_assert_uint_eq(s.n, 0);
	ck_assert_uint_le(a.used, 1000);
	arena_free(&a);
	ck_assert_ptr_nonnull(arena_alloc(&a, 900));
	arena_free(&a);
}
END_TEST

/* However it is taken, never more than the cap is handed out. */
START_TEST(cap_holds)
{
	struct arena a = ARENA(10000);
	size_t got = 0;

	for (int i = 0; i < 1000; i++) {
		size_t n = rnd(64);

		got += arena_alloc(&a, n) ? n : 0;
	}
	ck_assert_uint_le(got, 10000);
	ck_assert_uint_gt(got, 7500);
	arena_free(&a);
}
END_TEST

START_TEST(texts)
{
	struct arena a = ARENA(0);
	struct str s = arena_str(&a, STR("a\0b")), empty = arena_str(&a, (struct str){ NULL, 0 });

	ck_assert(str_eq(s, STR("a\0b")));
	ck_assert_int_eq(s.p[3], '\0');
	ck_assert_ptr_nonnull(empty.p);
	ck_assert_int_eq(empty.p[0], '\0');
	s = arena_printf(&a, "%s=%0*d", "n", 2000, 7);
	ck_assert_uint_eq(s.n, 2002);
	ck_assert_uint_eq(strlen(s.p), 2002);
	s = arena_printf(&a, "%s", "");
	ck_assert_ptr_nonnull(s.p);
	ck_assert_uint_eq(s.n, 0);
	s = arena_str(&a, STR("0123456789abcdef")); /* its NUL needs the next 16 bytes */
	memset(arena_alloc(&a, 16), '#', 16);
	ck_assert_str_eq(s.p, "0123456789abcdef");
	arena_free(&a);
}
END_TEST

/* Small things share blocks, which grow: an envelope of megabytes is not thousands of them. */
START_TEST(few_blocks)
{
	struct arena a = ARENA(0);
	size_t blocks = 0;

	for (int i = 0; i < 100000; i++)
		arena_alloc(&a, 32);
	for (struct arena_block *b = a.head; b; b = b->next)
		blocks++;
	ck_assert_uint_le(blocks, 3200000 / LARGEST_BLOCK + 8);
	arena_free(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("arena");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, nothing_before_use);
	tcase_add_test(t, pieces);
	tcase_add_test(t, cap);
	tcase_add_test(t, cap_holds);
	tcase_add_test(t, texts);
	tcase_add_test(t, few_blocks);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
