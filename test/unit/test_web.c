/* web: the pages that were built in. */
#include "admin/web.c"

#include <check.h>
#include <stdlib.h>

START_TEST(finds)
{
	const struct web_file *f = web_find(STR("/"));

	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_eq(f, web_find(STR("/index.html")));
	ck_assert_str_eq(web_type(f), "text/html; charset=utf-8");
	ck_assert_uint_gt(f->n, 15);
	ck_assert_int_eq(memcmp(f->content, "<!DOCTYPE html>", 15), 0);
	ck_assert_ptr_null(web_find(STR("")));
	ck_assert_ptr_null(web_find(STR("index.html")));
	ck_assert_ptr_null(web_find(STR("/../index.html")));
	ck_assert_ptr_null(web_find(STR("/index.html/")));
}
END_TEST

/* All have a type that browsers take, are small together, and ask nobody else for anything. */
START_TEST(all)
{
	size_t sum = 0;

	for (size_t i = 0; i < n_web_files; i++) {
		const struct web_file *f = &web_files[i];

		sum += f->n;
		ck_assert_str_ne(web_type(f), "application/octet-stream");
		ck_assert_msg(!memmem(f->content, f->n, "://", 3) ||
				      memmem(f->content, f->n, "http://www.w3.org/", 18),
			      "%s names another host", f->path);
		ck_assert(web_is_known(f, f->etag));
	}
	ck_assert_uint_le(sum, 150 * 1024);
}
END_TEST

START_TEST(known)
{
	static const struct web_file f = { "/x.js", "\"abc\"", NULL, 0 };

	ck_assert(web_is_known(&f, "\"abc\""));
	ck_assert(web_is_known(&f, "\"x\", W/\"abc\""));
	ck_assert(web_is_known(&f, "*"));
	ck_assert(!web_is_known(&f, "abc"));
	ck_assert(!web_is_known(&f, ""));
	ck_assert(!web_is_known(&f, NULL));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("web");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, finds);
	tcase_add_test(t, all);
	tcase_add_test(t, known);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
