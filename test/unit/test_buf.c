/* buf: against a model that is an array and a memmove; and the memory that it may hold. */
#include "lib/base/buf.c"

#include "unit/property.h"

START_TEST(nothing_held)
{
	struct buf b;

	buf_init(&b, 100);
	ck_assert_ptr_null(b.mem);
	ck_assert_uint_eq(buf_len(&b), 0);
	ck_assert_uint_eq(buf_room(&b), 100);
	ck_assert_int_eq(buf_add(&b, STR("")), 0);
	ck_assert_int_eq(buf_add(&b, (struct str){ NULL, 0 }), 0);
	ck_assert_int_eq(buf_addf(&b, "%s", ""), 0);
	ck_assert_ptr_null(b.mem);
	buf_release(&b);
	ck_assert_int_eq(buf_addc(&b, 'x'), 0);
	buf_release(&b);
	ck_assert_ptr_null(b.mem);
	ck_assert_uint_eq(buf_room(&b), 100);
	ck_assert_int_eq(buf_addc(&b, 'y'), 0); /* usable again */
	ck_assert(str_eq(buf_str(&b), STR("y")));
	buf_release(&b);
	buf_release(&b);
}
END_TEST

START_TEST(blocks_are_kept_for_the_next)
{
	struct buf b[SPARES + 2];

	for (size_t i = 0; i < ARRAY_LEN(b); i++) {
		buf_init(&b[i], SPARE_CAP);
		ck_assert_ptr_nonnull(buf_space(&b[i], SPARE_CAP));
	}
	for (size_t i = 0; i < ARRAY_LEN(b); i++)
		buf_release(&b[i]);
	ck_assert_uint_eq(n_spares, SPARES);
	buf_thread_end();
	ck_assert_uint_eq(n_spares, 0);
	buf_thread_end();
	ck_assert_ptr_nonnull(buf_space(&b[0], SPARE_CAP));
	buf_release(&b[0]);
	ck_assert_uint_eq(n_spares, 1);
}
END_TEST

START_TEST(all_or_nothing)
{
	struct buf b;

	buf_init(&b, 10);
	ck_assert_int_eq(buf_add(&b, STR("12345678901")), -1);
	ck_assert_int_eq(buf_add(&b, STR("12345678")), 0);
	ck_assert_int_eq(buf_addf(&b, "%d", 123), -1);
	ck_assert_int_eq(buf_add(&b, STR("123")), -1);
	ck_assert(str_eq(buf_str(&b), STR("12345678")));
	ck_assert_int_eq(buf_addf(&b, "%d", 90), 0); /* to the last byte */
	ck_assert(str_eq(buf_str(&b), STR("1234567890")));
	ck_assert_uint_eq(buf_room(&b), 0);
	ck_assert_int_eq(buf_addc(&b, 'x'), -1);
	ck_assert_int_eq(buf_addf(&b, "%s", ""), 0);
	ck_assert_uint_eq(b.cap, 10);
	ck_assert_ptr_null(buf_space(&b, 1));
	ck_assert_ptr_null(buf_space(&b, SIZE_MAX));
	buf_release(&b);
	buf_init(&b, 0);
	ck_assert_int_eq(buf_addc(&b, 'x'), -1);
	ck_assert_ptr_null(buf_space(&b, 1));
	ck_assert_ptr_null(b.mem);
}
END_TEST

/* The memory grows by doubling, and no further than max. */
START_TEST(growing)
{
	struct buf b;
	size_t grown = 0, cap = 0;

	buf_init(&b, 100000);
	for (size_t i = 0; i < 100000; i++) {
		must(buf_addc(&b, (char)i) == 0, "add");
		grown += b.cap != cap;
		cap = b.cap;
		must(b.cap <= 100000, "cap");
	}
	ck_assert_uint_le(grown, 10);
	ck_assert_uint_eq(b.cap, 100000);
	buf_release(&b);
}
END_TEST

/* What is consumed in front is used again before more memory is taken. */
START_TEST(compacting)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < 10000; i++) {
		must(buf_addf(&b, "%200d", i) == 0, "add");
		if (i > 0)
			buf_consume(&b, 200);
	}
	ck_assert_uint_eq(buf_len(&b), 200);
	ck_assert_uint_le(b.cap, 512);
	buf_release(&b);
}
END_TEST

struct model {
	char v[4096];
	size_t n, max;
};

static void model_add(struct buf *b, struct model *m, size_t n)
{
	char piece[4096];
	bool fits = n <= m->max - m->n;
	unsigned how = rnd(3);

	for (size_t i = 0; i < n; i++)
		piece[i] = (char)(1 + rnd(255));
	if (how == 0) {
		must((buf_add(b, (struct str){ piece, n }) == 0) == fits, "buf_add");
	} else if (how == 1) {
		must((buf_addf(b, "%.*s", (int)n, piece) == 0) == fits, "buf_addf");
	} else if (n > 0) {
		/* asks for more than comes, as a read does */
		char *p = buf_space(b, n);

		must((p != NULL) == fits, "buf_space");
		if (p) {
			n -= rnd((unsigned)n + 1);
			memcpy(p, piece, n);
			buf_added(b, n);
		}
	}
	if (fits) {
		memcpy(m->v + m->n, piece, n);
		m->n += n;
	}
}

START_TEST(model)
{
	static const size_t maxima[] = { 1, 2, 255, 256, 257, 1000, 4096 };
	struct model m = { .max = maxima[_i] };
	struct buf b;

	buf_init(&b, m.max);
	for (int i = 0; i < 20000; i++) {
		size_t n = rnd(rnd(2) ? 20 : (unsigned)m.max + 2);

		if (rnd(2)) {
			model_add(&b, &m, n < sizeof(m.v) ? n : sizeof(m.v));
		} else if (n <= m.n) {
			buf_consume(&b, n);
			memmove(m.v, m.v + n, m.n -= n);
		} else if (rnd(50) == 0) {
			buf_release(&b);
			m.n = 0;
		}
		must(buf_len(&b) == m.n && buf_room(&b) == m.max - m.n, "length");
		must(str_eq(buf_str(&b), (struct str){ m.v, m.n }), "content");
		must(b.cap <= m.max && b.start <= b.end && b.end <= b.cap, "bounds");
	}
	buf_release(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("buf");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, nothing_held);
	tcase_add_test(t, blocks_are_kept_for_the_next);
	tcase_add_test(t, all_or_nothing);
	tcase_add_test(t, growing);
	tcase_add_test(t, compacting);
	tcase_add_loop_test(t, model, 0, 7);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
