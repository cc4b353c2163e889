/* dnsbl: names and answers of RFC 5782. */
#include "lib/wire/dnsbl.c"

#include <check.h>
#include <stdlib.h>

static const struct {
	const char *ip, *zone, *name;
} names[] = {
	{ "192.0.2.99", "list.example", "99.2.0.192.list.example" },
	{ "255.255.255.255", "x", "255.255.255.255.x" },
	{ "2001:db8:1:2:3:4:567:89ab", "ugly.example.com",
	  "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ugly.example.com" },
	{ "192.0.2.99", "", "" },
};

START_TEST(name)
{
	char dst[LIMIT_DOMAIN + 1];
	struct ipaddr ip;
	struct err e;
	struct str got;

	ck_assert_int_eq(ip_parse(str_z(names[_i].ip), &ip, &e), 0);
	got = dnsbl_name(&ip, str_z(names[_i].zone), dst);
	ck_assert_msg(str_eq(got, str_z(names[_i].name)), "%.*s", STR_ARG(got));
}
END_TEST

START_TEST(long_zone)
{
	char zone[LIMIT_DOMAIN], dst[LIMIT_DOMAIN + 1];
	struct ipaddr ip = { { 0 } };

	memset(zone, 'z', sizeof(zone));
	for (size_t n = 0; n < sizeof(zone); n++) {
		struct str got = dnsbl_name(&ip, (struct str){ zone, n }, dst);

		ck_assert_uint_le(got.n, LIMIT_DOMAIN);
		ck_assert_int_eq(got.n > 0, n > 0 && n <= LIMIT_DOMAIN - 64);
	}
}
END_TEST

static const struct {
	uint32_t address;
	bool lists;
} answers[] = {
	{ 0x7f000002, true },  { 0x7f000001, true },  { 0x7ffefffe, true },
	{ 0x7fffff01, false }, { 0x7ffffffe, false }, { 0x7fffff00, false },
	{ 0xc0000201, false }, { 0x80000001, false }, { 0, false },
};

START_TEST(answer)
{
	ck_assert_int_eq(dnsbl_lists(answers[_i].address), answers[_i].lists);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dnsbl");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, name, 0, (int)ARRAY_LEN(names));
	tcase_add_test(t, long_zone);
	tcase_add_loop_test(t, answer, 0, (int)ARRAY_LEN(answers));
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
