/* What of a URL may be shown. */
#include "lib/store/mask.c"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit/property.h"

static const struct {
	const char *url, *shown;
} urls[] = {
	{ "", "" },
	{ "nats://10.0.0.1:4222", "nats://10.0.0.1:4222" },
	{ "plain: text", "plain: text" },
	{ "nats://user:pass@host:4222", "nats://user:***@host:4222" },
	{ "nats://user:@host", "nats://user:***@host" },
	{ "nats://token@host", "nats://***@host" },
	{ "user:pass@host:4222", "user:***@host:4222" },
	{ "token@host", "***@host" },
	/* lists */
	{ "nats://a:b@h1:1,nats://c:d@h2:2", "nats://a:***@h1:1,nats://c:***@h2:2" },
	{ "nats://h1:1,tls://c:d@h2:2/x", "nats://h1:***@h2:2/x" },
	/* no good URLs */
	{ "nats://u:pa/ss@host", "nats://u:***@host" },
	{ "nats://u:pa,ss@host", "nats://u:***@host" },
	{ "nats://u:pa@ss@host", "nats://u:***@***@host" },
	{ "nats://u:pa@s:s@host", "nats://u:***@***@host" },
	{ "nats://u:p://q@host", "nats://u:***@host" },
	{ "@@", "***@***@" },
	{ "x@", "***@" },
	/* what is shown is shown the same */
	{ "nats://user:***@host", "nats://user:***@host" },
	{ "nats://***@host", "nats://***@host" },
};

START_TEST(shown)
{
	struct arena a = ARENA(0);
	struct str url = str_z(urls[_i].url), out = mask_url(url, &a), again;

	ck_assert_msg(str_eq(out, str_z(urls[_i].shown)), "%.*s", STR_ARG(out));
	ck_assert_int_eq(mask_hides(url), strchr(urls[_i].url, '@') != NULL);
	again = mask_url(out, &a);
	ck_assert(str_eq(again, out));
	ck_assert_int_eq(mask_is_on(url, &a), mask_hides(url) && str_eq(out, url));
	arena_free(&a);
}
END_TEST

START_TEST(no_memory)
{
	struct arena a = ARENA(8);

	ck_assert_ptr_null(mask_url(STR("nats://user:pass@host"), &a).p);
	ck_assert(!mask_is_on(STR("nats://user:***@host"), &a));
	arena_free(&a);
}
END_TEST

/* The last password is never seen, whatever stands around it. */
START_TEST(random_urls)
{
	static const char *const bits[] = { "nats://", ":", "@", ",", "/", "u", "h:1", "***" };

	for (int i = 0; i < 20000; i++) {
		struct arena a = ARENA(0);
		char url[200] = "nats://u:";
		struct str out;

		for (unsigned k = rnd(6); k > 0; k--)
			strcat(url, bits[rnd(ARRAY_LEN(bits))]);
		strcat(url, "SECRET@");
		for (unsigned k = rnd(6); k > 0; k--)
			strcat(url, bits[rnd(ARRAY_LEN(bits))]);
		out = mask_url(str_z(url), &a);
		must(!memmem(out.p, out.n, "SECRET", 6), url);
		must(mask_is_on(out, &a), "shown the same");
		arena_free(&a);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mask");
	TCase *t = tcase_create("mask");
	SRunner *r;
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_loop_test(t, shown, 0, (int)ARRAY_LEN(urls));
	tcase_add_test(t, no_memory);
	tcase_add_test(t, random_urls);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
