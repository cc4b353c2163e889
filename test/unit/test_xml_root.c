/* The name of the root element, whatever stands before it, however little has come. */
#include "admin/xml_root.c"

#include <check.h>

#include "unit/property.h"

static const struct {
	const char *text, *name;
} cases[] = {
	{ "<importconfig>", "importconfig" },
	{ "<importconfig/>", "importconfig" },
	{ "<importconfig ", "importconfig" },
	{ "<importconfig\n>", "importconfig" },
	{ "<importconfig2>", "importconfig2" },
	{ "<stats><importconfig>", "stats" },
	{ " \t\r\n\n<a>", "a" },
	{ "\xef\xbb\xbf<a>", "a" },
	{ "\xef\xbb\xbf\n<a>", "a" },
	{ "\n\n<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a>", "a" },
	{ "<?xml version=\"1.0\"?><a>", "a" },
	{ "<?a?><?b ?>\n<!-- c -->\n<!----><a>", "a" },
	{ "<!-- <importconfig> --><a>", "a" },
	{ "<!-- > -- ?> --><a>", "a" },
	{ "<?x > --> ?><a>", "a" },
	/* not yet */
	{ "", "" },
	{ "\xef\xbb", "" },
	{ "   ", "" },
	{ "<", "" },
	{ "<importconfig", "" },
	{ "<?xml", "" },
	{ "<!-- --", "" },
	{ "<!--->", "" },
	{ "<!-- <importconfig>", "" },
	{ "<?x <importconfig>", "" },
	/* never */
	{ "importconfig", "" },
	{ "x<importconfig>", "" },
	{ " \xef\xbb\xbf<importconfig>", "" },
	{ "<>", "" },
	{ "< importconfig>", "" },
	{ "</importconfig>", "" },
	/* for the parser to refuse; no importconfig in any case */
	{ "<!DOCTYPE importconfig><importconfig>", "!DOCTYPE" },
	{ "<![CDATA[importconfig]]>", "![CDATA[importconfig]]" },
};

START_TEST(names)
{
	struct str name = xml_root(str_z(cases[_i].text));

	ck_assert_msg(str_eq(name, str_z(cases[_i].name)), "%s -> %.*s", cases[_i].text,
		      STR_ARG(name));
}
END_TEST

/* Any pieces in any order: the answer lies within what came, and does not change when more comes. */
START_TEST(any_text)
{
	static const char *const pieces[] = { "<", ">", "<!--", "-->", "<?", "?>", " ", "\n", "a",
					      "importconfig", "/", "\xef\xbb\xbf", "!", "-" };
	char text[256];

	for (int i = 0; i < 20000; i++) {
		size_t n = 0;
		struct str all, early, name;

		for (unsigned k = rnd(16); k > 0; k--)
			n += str_copy(text + n, sizeof(text) - n,
				      str_z(pieces[rnd(ARRAY_LEN(pieces))]));
		all = (struct str){ text, n };
		name = xml_root(all);
		must(name.n == 0 || (name.p > text && name.p + name.n < text + n), "within");
		early = xml_root((struct str){ text, rnd((unsigned)n + 1) });
		must(early.n == 0 || str_eq(early, name), "no second thoughts");
	}
}
END_TEST

static const struct {
	const char *text;
	size_t n;
} attributes[] = {
	{ "", 0 },
	{ "<a>", 0 },
	{ "<a/><b /><c\n/></d></d >", 0 },
	{ "<a b='c'>", 5 },
	{ "<a  b='c' />x<d e=\"f\"/></a>", 10 },
	{ "<a b='>' c=\">'\">d='e'</a>", 12 },
	{ "<a b='<!--' c='-->'/>", 16 },
	{ "<!-- <a b='c'> --><?x <a b='c'> ?><![CDATA[<a b='c'>]]><a b='c'>", 5 },
	{ "<?xml version=\"1.0\"?><a><b c='d'>&lt; e='f' ></b></a>", 5 },
	{ "<a b='c", 4 }, /* cut off */
	{ "<", 0 },
	{ "<a", 1 },
	{ "< <", 1 },
	{ "<![CDATA[", 0 },
};

START_TEST(attribute_bytes)
{
	ck_assert_msg(xml_attribute_bytes(str_z(attributes[_i].text)) == attributes[_i].n, "%s: %zu",
		      attributes[_i].text, xml_attribute_bytes(str_z(attributes[_i].text)));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("xml_root");
	TCase *t = tcase_create("xml_root");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, names, 0, (int)ARRAY_LEN(cases));
	tcase_add_loop_test(t, attribute_bytes, 0, (int)ARRAY_LEN(attributes));
	tcase_add_test(t, any_text);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
