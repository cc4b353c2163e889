/* Answers as text, and that every value comes back as it was through a reader. */
#include "admin/xml_out.c"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/xml_in.h"
#include "unit/property.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<response>\n"

static void same(struct str got, const char *want)
{
	char *z = mem_dup(got);

	ck_assert_str_eq(z, want);
	free(z);
}

START_TEST(document)
{
	struct xml_out o;

	xml_out_begin(&o, STR("searchemail"));
	xml_out_text(&o, "status", STR("ok"));
	xml_out_open(&o, "emails", 123456);
	xml_out_open(&o, "email", -1);
	xml_out_text(&o, "email_address", STR("a@b.cc"));
	xml_out_text(&o, "boxid", STR(""));
	xml_out_int(&o, "count", INT64_MIN);
	xml_out_close(&o, "email");
	xml_out_close(&o, "emails");
	xml_out_open(&o, "none", 0);
	xml_out_close(&o, "none");
	same(xml_out_end(&o), HEAD "  <command>searchemail</command>\n"
				   "  <status>ok</status>\n"
				   "  <emails total=\"123456\">\n"
				   "    <email>\n"
				   "      <email_address>a@b.cc</email_address>\n"
				   "      <boxid></boxid>\n"
				   "      <count>-9223372036854775808</count>\n"
				   "    </email>\n"
				   "  </emails>\n"
				   "  <none total=\"0\">\n"
				   "  </none>\n"
				   "</response>\n");
	ck_assert(!o.full);
	xml_out_free(&o);
}
END_TEST

START_TEST(pieces)
{
	struct xml_out o, p;

	xml_out_init(&p, 1);
	xml_out_text(&p, "a", STR("1"));
	xml_out_begin(&o, STR("c"));
	xml_out_piece(&o, &p);
	same(xml_out_end(&o), HEAD "  <command>c</command>\n  <a>1</a>\n</response>\n");
	p.full = true;
	xml_out_piece(&o, &p);
	ck_assert(o.full);
	xml_out_free(&o);
	xml_out_free(&p);
}
END_TEST

#define FFFD "\xef\xbf\xbd"
static const struct {
	struct str value;
	const char *text;
} escapes[] = {
	{ STR_INIT(""), "" },
	{ STR_INIT("plain 'text' \"q\"\t\n."), "plain 'text' \"q\"\t\n." },
	{ STR_INIT("<&>"), "&lt;&amp;&gt;" },
	{ STR_INIT("&amp;"), "&amp;amp;" },
	{ STR_INIT("]]>"), "]]&gt;" },
	{ STR_INIT("a\r\nb"), "a&#13;\nb" },
	{ STR_INIT("\0\x01\x1f"), FFFD FFFD FFFD },
	{ STR_INIT("\x7f\xc2\x80"), "\x7f\xc2\x80" },
	{ STR_INIT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xab"), "\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xab" },
	/* broken, cut, overlong, surrogate, beyond, not characters */
	{ STR_INIT("\xe4."), FFFD "." },
	{ STR_INIT("x\xe2\x82"), "x" FFFD FFFD },
	{ STR_INIT("\xc0\xaf"), FFFD FFFD },
	{ STR_INIT("\xe0\x80\xaf"), FFFD FFFD FFFD },
	{ STR_INIT("\xed\xa0\x80"), FFFD FFFD FFFD },
	{ STR_INIT("\xf4\x90\x80\x80"), FFFD FFFD FFFD FFFD },
	{ STR_INIT("\xef\xbf\xbe\xef\xbf\xbf"), FFFD FFFD FFFD FFFD FFFD FFFD },
	{ STR_INIT("\xef\xbf\xbd"), FFFD },
	{ STR_INIT("\xff\x80<"), FFFD FFFD "&lt;" },
};

START_TEST(escaping)
{
	struct xml_out o;
	char want[256];

	snprintf(want, sizeof(want), "<v>%s</v>\n", escapes[_i].text);
	xml_out_init(&o, 0);
	xml_out_text(&o, "v", escapes[_i].value);
	same(buf_str(&o.buf), want);
	xml_out_free(&o);
}
END_TEST

/* Any bytes give a document that a parser takes; without FFFD they come back unchanged. */
START_TEST(comes_back)
{
	for (int round = 0; round < 5000; round++) {
		struct arena a = ARENA(1 << 16);
		struct xml_request req;
		struct err e = { "" };
		struct xml_out o;
		char v[64];
		size_t n = rnd(sizeof(v));
		bool plain = rnd(2);

		for (size_t i = 0; i < n; i++)
			v[i] = plain ? "<>&\r\n\t\"' aZ]"[rnd(12)] : (char)rnd(256);
		xml_out_begin(&o, STR("c"));
		xml_out_text(&o, "v", (struct str){ v, n });
		if (xml_parse(xml_out_end(&o), &a, NULL, &req, &e) < 0)
			ck_abort_msg("%s", e.text);
		must(!plain || str_eq(*xml_get(&req, "v"), (struct str){ v, n }), "comes back");
		xml_out_free(&o);
		arena_free(&a);
	}
}
END_TEST

START_TEST(bounded)
{
	struct xml_out o;
	char *mebi = mem_zalloc(1 << 20);

	memset(mebi, 'x', 1 << 20);
	xml_out_init(&o, 0);
	for (int i = 0; i < 63; i++)
		xml_out_text(&o, "v", (struct str){ mebi, 1 << 20 });
	ck_assert(!o.full);
	for (int i = 0; i < 2; i++)
		xml_out_text(&o, "v", (struct str){ mebi, 1 << 20 });
	ck_assert(o.full);
	ck_assert_uint_le(buf_len(&o.buf), LIMIT_XML_ANSWER);
	xml_out_free(&o);
	free(mebi);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("xml_out");
	TCase *t = tcase_create("xml_out");
	SRunner *r;
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, document);
	tcase_add_test(t, pieces);
	tcase_add_loop_test(t, escaping, 0, (int)ARRAY_LEN(escapes));
	tcase_add_test(t, comes_back);
	tcase_add_test(t, bounded);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
