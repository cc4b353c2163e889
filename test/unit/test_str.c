/* str: slices. Everything here must hold for bytes of any value, NUL among them. */
#include "lib/base/str.c"

#include "unit/property.h"

static const struct {
	struct str a, b;
	bool eq, ieq, starts, istarts; /* starts: a with b */
	int cmp;
} pairs[] = {
	{ STR_INIT(""), STR_INIT(""), true, true, true, true, 0 },
	{ { NULL, 0 }, STR_INIT(""), true, true, true, true, 0 },
	{ { NULL, 0 }, { NULL, 0 }, true, true, true, true, 0 },
	{ STR_INIT("a"), { NULL, 0 }, false, false, true, true, 1 },
	{ STR_INIT(""), STR_INIT("a"), false, false, false, false, -1 },
	{ STR_INIT("abc"), STR_INIT("abc"), true, true, true, true, 0 },
	{ STR_INIT("abc"), STR_INIT("abd"), false, false, false, false, -1 },
	{ STR_INIT("abc"), STR_INIT("ab"), false, false, true, true, 1 },
	{ STR_INIT("AbC"), STR_INIT("aBc"), false, true, false, true, -1 },
	{ STR_INIT("ABcd"), STR_INIT("abC"), false, false, false, true, -1 },
	{ STR_INIT("\xff"), STR_INIT("a"), false, false, false, false, 1 },
	/* a NUL ends nothing */
	{ STR_INIT("a\0b"), STR_INIT("a\0c"), false, false, false, false, -1 },
	{ STR_INIT("A\0B"), STR_INIT("a\0b"), false, true, false, true, -1 },
	{ STR_INIT("a\0"), STR_INIT("a"), false, false, true, true, 1 },
	/* neighbours of the letters differ by the same bit and are no letters */
	{ STR_INIT("@[\\]^_"), STR_INIT("`{|}~\x7f"), false, false, false, false, -1 },
	/* no letters of any locale but ASCII: e acute in Latin-1 */
	{ STR_INIT("\xc9"), STR_INIT("\xe9"), false, false, false, false, -1 },
};

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

START_TEST(comparing)
{
	struct str a = pairs[_i].a, b = pairs[_i].b;

	ck_assert_int_eq(str_eq(a, b), pairs[_i].eq);
	ck_assert_int_eq(str_eq(b, a), pairs[_i].eq);
	ck_assert_int_eq(str_same_secret(a, b), pairs[_i].eq);
	ck_assert_int_eq(str_same_secret(b, a), pairs[_i].eq);
	ck_assert_int_eq(str_ieq(a, b), pairs[_i].ieq);
	ck_assert_int_eq(str_ieq(b, a), pairs[_i].ieq);
	ck_assert_int_eq(str_starts(a, b), pairs[_i].starts);
	ck_assert_int_eq(str_istarts(a, b), pairs[_i].istarts);
	ck_assert_int_eq(sign(str_cmp(a, b)), pairs[_i].cmp);
	ck_assert_int_eq(sign(str_cmp(b, a)), -pairs[_i].cmp);
}
END_TEST

/* Every pair of bytes: equal without case exactly if equal, or the same ASCII letter. */
START_TEST(bytes_without_case)
{
	for (int i = 0; i < 65536; i++) {
		char a = (char)(i & 255), b = (char)(i >> 8);
		bool letter = (a >= 'a' && a <= 'z') || (a >= 'A' && a <= 'Z');
		bool want = a == b || (letter && (a ^ b) == 0x20);

		must(str_ieq((struct str){ &a, 1 }, (struct str){ &b, 1 }) == want, "ieq");
	}
}
END_TEST

START_TEST(secrets)
{
	/* as long as each other, and longer by a whole repetition */
	ck_assert(str_same_secret(STR("pass"), STR("pass")));
	ck_assert(!str_same_secret(STR("pass"), STR("pasS")));
	ck_assert(!str_same_secret(STR("passpass"), STR("pass")));
	ck_assert(!str_same_secret(STR("pass"), STR("passpass")));
	ck_assert(!str_same_secret(STR("\1"), STR("")));
}
END_TEST

static const struct {
	struct str in, want;
} trims[] = {
	{ STR_INIT(""), STR_INIT("") },
	{ { NULL, 0 }, STR_INIT("") },
	{ STR_INIT(" \t\r\n"), STR_INIT("") },
	{ STR_INIT("a"), STR_INIT("a") },
	{ STR_INIT(" \ta b\r\n"), STR_INIT("a b") },
	{ STR_INIT("\0 "), STR_INIT("\0") },
	{ STR_INIT("\va\f"), STR_INIT("\va\f") },
};

START_TEST(trimming)
{
	ck_assert(str_eq(str_trim(trims[_i].in), trims[_i].want));
}
END_TEST

static const struct {
	struct str in;
	unsigned n;
	struct str want[4];
} splits[] = {
	{ { NULL, 0 }, 0, { { NULL, 0 } } },
	{ STR_INIT(""), 1, { STR_INIT("") } },
	{ STR_INIT("a"), 1, { STR_INIT("a") } },
	{ STR_INIT("a,,b"), 3, { STR_INIT("a"), STR_INIT(""), STR_INIT("b") } },
	{ STR_INIT("a,"), 2, { STR_INIT("a"), STR_INIT("") } },
	{ STR_INIT(","), 2, { STR_INIT(""), STR_INIT("") } },
	{ STR_INIT("a\0,b c"), 2, { STR_INIT("a\0"), STR_INIT("b c") } },
};

START_TEST(splitting)
{
	struct str rest = splits[_i].in, head;

	for (unsigned i = 0; i < splits[_i].n; i++) {
		ck_assert(str_split(&rest, ',', &head));
		ck_assert(str_eq(head, splits[_i].want[i]));
	}
	ck_assert(!str_split(&rest, ',', &head));
	ck_assert_ptr_null(rest.p);
	ck_assert(!str_split(&rest, ',', &head));
}
END_TEST

START_TEST(finding)
{
	ck_assert_int_eq(str_find(STR("abcb"), 'b'), 1);
	ck_assert_int_eq(str_find(STR("a\0b"), 'b'), 2);
	ck_assert_int_eq(str_find(STR("a\0b"), '\0'), 1);
	ck_assert_int_eq(str_find(STR("abc"), 'x'), -1);
	ck_assert_int_eq(str_find((struct str){ "abc", 2 }, 'c'), -1);
	ck_assert_int_eq(str_find((struct str){ NULL, 0 }, 'x'), -1);
	ck_assert(str_eq(str_skip(STR("abc"), 2), STR("c")));
	ck_assert(str_empty(str_skip(STR("abc"), 3)) && str_empty(str_skip(STR("abc"), 9)));
	ck_assert(str_eq(str_z("abc"), STR("abc")) && str_empty(str_z(NULL)));
}
END_TEST

#define U64_MAX_TEXT "18446744073709551615"

static const struct {
	struct str in;
	uint64_t min, max;
	int want;
	uint64_t value;
} u64s[] = {
	{ STR_INIT("0"), 0, UINT64_MAX, 0, 0 },
	{ STR_INIT("0007"), 0, UINT64_MAX, 0, 7 },
	{ STR_INIT(U64_MAX_TEXT), 0, UINT64_MAX, 0, UINT64_MAX },
	{ STR_INIT("0" U64_MAX_TEXT), 0, UINT64_MAX, 0, UINT64_MAX },
	{ STR_INIT("18446744073709551616"), 0, UINT64_MAX, -1, 0 },
	{ STR_INIT("18446744073709551620"), 0, UINT64_MAX, -1, 0 },
	{ STR_INIT("184467440737095516150"), 0, UINT64_MAX, -1, 0 },
	{ STR_INIT("99999999999999999999999"), 0, UINT64_MAX, -1, 0 },
	{ STR_INIT("1"), 1, 65535, 0, 1 },
	{ STR_INIT("65535"), 1, 65535, 0, 65535 },
	{ STR_INIT("0"), 1, 65535, -1, 0 },
	{ STR_INIT("65536"), 1, 65535, -1, 0 },
	{ STR_INIT(""), 0, UINT64_MAX, -1, 0 },
	{ { NULL, 0 }, 0, UINT64_MAX, -1, 0 },
	{ STR_INIT("+1"), 0, UINT64_MAX, -1, 0 },
	{ STR_INIT("-1"), 0, UINT64_MAX, -1, 0 },
	{ STR_INIT(" 1"), 0, UINT64_MAX, -1, 0 },
	{ STR_INIT("1 "), 0, UINT64_MAX, -1, 0 },
	{ STR_INIT("1\0"), 0, UINT64_MAX, -1, 0 },
	{ STR_INIT("0x1"), 0, UINT64_MAX, -1, 0 },
	{ STR_INIT("1e3"), 0, UINT64_MAX, -1, 0 },
	{ STR_INIT("/"), 0, UINT64_MAX, -1, 0 },
	{ STR_INIT(":"), 0, UINT64_MAX, -1, 0 },
	{ STR_INIT("\xb2"), 0, UINT64_MAX, -1, 0 },
};

START_TEST(unsigned_numbers)
{
	uint64_t v = 4711;

	ck_assert_msg(str_u64(u64s[_i].in, u64s[_i].min, u64s[_i].max, &v) == u64s[_i].want,
		      "%s", u64s[_i].in.p);
	ck_assert_uint_eq(v, u64s[_i].want == 0 ? u64s[_i].value : 4711);
}
END_TEST

static const struct {
	struct str in;
	int64_t min, max;
	int want;
	int64_t value;
} i64s[] = {
	{ STR_INIT("0"), INT64_MIN, INT64_MAX, 0, 0 },
	{ STR_INIT("-0"), INT64_MIN, INT64_MAX, 0, 0 },
	{ STR_INIT("-12"), INT64_MIN, INT64_MAX, 0, -12 },
	{ STR_INIT("9223372036854775807"), INT64_MIN, INT64_MAX, 0, INT64_MAX },
	{ STR_INIT("9223372036854775808"), INT64_MIN, INT64_MAX, -1, 0 },
	{ STR_INIT("-9223372036854775808"), INT64_MIN, INT64_MAX, 0, INT64_MIN },
	{ STR_INIT("-9223372036854775809"), INT64_MIN, INT64_MAX, -1, 0 },
	{ STR_INIT("-5"), -5, 5, 0, -5 },
	{ STR_INIT("5"), -5, 5, 0, 5 },
	{ STR_INIT("-6"), -5, 5, -1, 0 },
	{ STR_INIT("6"), -5, 5, -1, 0 },
	{ STR_INIT("-"), -5, 5, -1, 0 },
	{ STR_INIT("--1"), -5, 5, -1, 0 },
	{ STR_INIT("+1"), -5, 5, -1, 0 },
	{ STR_INIT("- 1"), -5, 5, -1, 0 },
	{ STR_INIT(""), -5, 5, -1, 0 },
};

START_TEST(signed_numbers)
{
	int64_t v = 4711;

	ck_assert_msg(str_i64(i64s[_i].in, i64s[_i].min, i64s[_i].max, &v) == i64s[_i].want,
		      "%s", i64s[_i].in.p);
	ck_assert_int_eq(v, i64s[_i].want == 0 ? i64s[_i].value : 4711);
}
END_TEST

START_TEST(copying)
{
	char dst[8];

	memset(dst, '#', sizeof(dst));
	ck_assert_uint_eq(str_copy(dst, 4, STR("abcdef")), 3);
	ck_assert_mem_eq(dst, "abc\0####", 8);
	ck_assert_uint_eq(str_copy(dst, 4, STR("a\0b")), 3);
	ck_assert_mem_eq(dst, "a\0b\0####", 8);
	ck_assert_uint_eq(str_copy(dst, 1, STR("abc")), 0);
	ck_assert_mem_eq(dst, "\0\0b\0####", 8);
	ck_assert_uint_eq(str_copy(dst, 8, (struct str){ NULL, 0 }), 0);
	ck_assert_int_eq(dst[0], '\0');
	str_lower(dst, STR("A\0Z@[\xc9z"));
	ck_assert_mem_eq(dst, "a\0z@[\xc9z#", 8);
}
END_TEST

static const struct {
	struct str in;
	size_t n;
} characters[] = {
	{ STR_INIT("a"), 1 },
	{ STR_INIT("\0"), 1 },
	{ STR_INIT("\x7fz"), 1 },
	{ STR_INIT("\xc2\x80z"), 2 },
	{ STR_INIT("\xdf\xbf"), 2 },
	{ STR_INIT("\xe0\xa0\x80"), 3 },
	{ STR_INIT("\xef\xbf\xbf"), 3 },
	{ STR_INIT("\xf0\x90\x80\x80"), 4 },
	{ STR_INIT("\xf4\x8f\xbf\xbf"), 4 },
	{ STR_INIT("\x80"), 0 },
	{ STR_INIT("\xc2"), 0 },
	{ STR_INIT("\xc2z"), 0 },
	{ STR_INIT("\xc1\xbf"), 0 },
	{ STR_INIT("\xe0\x9f\xbf"), 0 },
	{ STR_INIT("\xed\xa0\x80"), 0 },
	{ STR_INIT("\xe2\x82"), 0 },
	{ STR_INIT("\xf0\x8f\xbf\xbf"), 0 },
	{ STR_INIT("\xf4\x90\x80\x80"), 0 },
	{ STR_INIT("\xf5\x80\x80\x80"), 0 },
	{ STR_INIT("\xff"), 0 },
};

START_TEST(utf8)
{
	ck_assert_uint_eq(str_utf8(characters[_i].in), characters[_i].n);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("str");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, comparing, 0, (int)ARRAY_LEN(pairs));
	tcase_add_test(t, bytes_without_case);
	tcase_add_test(t, secrets);
	tcase_add_loop_test(t, utf8, 0, (int)ARRAY_LEN(characters));
	tcase_add_loop_test(t, trimming, 0, (int)ARRAY_LEN(trims));
	tcase_add_loop_test(t, splitting, 0, (int)ARRAY_LEN(splits));
	tcase_add_test(t, finding);
	tcase_add_loop_test(t, unsigned_numbers, 0, (int)ARRAY_LEN(u64s));
	tcase_add_loop_test(t, signed_numbers, 0, (int)ARRAY_LEN(i64s));
	tcase_add_test(t, copying);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
