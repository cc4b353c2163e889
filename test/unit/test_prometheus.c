/* The text format: families, labels with hostile values, histograms, no room. */
#include "admin/prometheus.c"

#include <check.h>

static struct buf out;
static struct prom p;

static void setup(void)
{
	buf_init(&out, 4096);
	p = (struct prom){ .out = &out };
}

static void teardown(void)
{
	buf_release(&out);
}

#define ck_text(want) \
	do { \
		ck_assert_int_eq(buf_addc(&out, '\0'), 0); \
		ck_assert_str_eq(buf_str(&out).p, want); \
		ck_assert(!p.full); \
	} while (0)

START_TEST(families)
{
	struct prom_label l[] = { { "a", STR("x") }, { "b", STR("y z") } };

	prom_family(&p, "one_total", PROM_COUNTER, "counts");
	prom_sample(&p, "", NULL, 0, 0);
	prom_family(&p, "two", PROM_GAUGE, "is");
	prom_sample(&p, "", l, 1, 1);
	prom_sample(&p, "", l, 2, 2);
	ck_text("# HELP one_total counts\n# TYPE one_total counter\none_total 0\n"
		"# HELP two is\n# TYPE two gauge\ntwo{a=\"x\"} 1\ntwo{a=\"x\",b=\"y z\"} 2\n");
}
END_TEST

static const struct {
	double value;
	const char *text;
} values[] = {
	{ 0, "0" }, { 1, "1" }, { 123456789012345, "123456789012345" }, { -3, "-3" },
	{ 0.001, "0.001" }, { 16.384, "16.384" }, { 1234.567, "1234.567" }, { 9.95, "9.95" },
	{ 1e18, "1e+18" },
};

START_TEST(numbers)
{
	char want[64];

	prom_family(&p, "n", PROM_GAUGE, "h");
	buf_consume(&out, buf_len(&out));
	prom_sample(&p, "", NULL, 0, values[_i].value);
	snprintf(want, sizeof(want), "n %s\n", values[_i].text);
	ck_text(want);
}
END_TEST

START_TEST(escapes)
{
	struct prom_label l[] = { { "a", STR("\"} 1\nfoo{\\n=\"") }, { "b", STR("") },
				  { "c", STR("\xc3\xbc{},=#") } };

	prom_family(&p, "n", PROM_GAUGE, "h");
	buf_consume(&out, buf_len(&out));
	prom_sample(&p, "", l, ARRAY_LEN(l), 1);
	ck_text("n{a=\"\\\"} 1\\nfoo{\\\\n=\\\"\",b=\"\",c=\"\xc3\xbc{},=#\"} 1\n");
}
END_TEST

START_TEST(histograms)
{
	struct prom_label l = { "box", STR("A") };
	static const double le[] = { 0.001, 0.5, 0 };
	static const uint64_t counts[] = { 2, 0, 5 };

	prom_family(&p, "h", PROM_HISTOGRAM, "t");
	prom_histogram(&p, &l, 1, le, counts, ARRAY_LEN(counts), 12.25);
	prom_histogram(&p, NULL, 0, le, counts, 1, 0);
	ck_text("# HELP h t\n# TYPE h histogram\n"
		"h_bucket{box=\"A\",le=\"0.001\"} 2\nh_bucket{box=\"A\",le=\"0.5\"} 2\n"
		"h_bucket{box=\"A\",le=\"+Inf\"} 7\nh_sum{box=\"A\"} 12.25\nh_count{box=\"A\"} 7\n"
		"h_bucket{le=\"+Inf\"} 2\nh_sum 0\nh_count 2\n");
}
END_TEST

/* Whatever there is no room for, it is told. */
START_TEST(no_room)
{
	struct prom_label l = { "a", STR("\\") };
	size_t whole;

	prom_family(&p, "n", PROM_GAUGE, "h");
	prom_sample(&p, "", &l, 1, 1);
	whole = buf_len(&out);
	ck_assert(!p.full);
	for (size_t room = 0; room <= whole; room++) {
		buf_release(&out);
		buf_init(&out, room);
		p.full = false;
		prom_family(&p, "n", PROM_GAUGE, "h");
		prom_sample(&p, "", &l, 1, 1);
		ck_assert_int_eq(p.full, room < whole);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("prometheus");
	TCase *t = tcase_create("prometheus");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, families);
	tcase_add_loop_test(t, numbers, 0, (int)ARRAY_LEN(values));
	tcase_add_test(t, escapes);
	tcase_add_test(t, histograms);
	tcase_add_test(t, no_room);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
