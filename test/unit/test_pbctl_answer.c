/* pbctl/tree, answer: documents read, refused and walked. */
#include "cmd/pbctl/answer.c"
#include "cmd/pbctl/tree.c"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAD \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<response>\n  <command>x</command>\n"
#define OK HEAD "  <status>ok</status>\n"
#define END "</response>\n"

static int document(const char *text, struct answer *a, struct err *e)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	ck_assert_int_eq(buf_add(&b, str_z(text)), 0);
	return answer_parse(&b, a, e);
}

/* A tree as one line: name=text, name[total]{...}. */
static void write_tree(FILE *out, const struct node *n)
{
	fprintf(out, "%.*s", STR_ARG(n->name));
	if (n->total >= 0)
		fprintf(out, "[%d]", (int)n->total);
	if (node_is_leaf(n)) {
		fprintf(out, "=%.*s ", STR_ARG(n->text));
		return;
	}
	fputc('{', out);
	for (const struct node *c = n->first; c; c = c->next) {
		ck_assert_ptr_eq(c->up, n);
		write_tree(out, c);
	}
	fputs("} ", out);
}

static const struct {
	const char *in, *tree;
	bool ok;
	const char *code, *error;
} answers[] = {
	{ OK END, "", true, "", "" },
	{ OK "<a>1</a><b></b><c/>" END, "a=1 b= c= ", true, "", "" },
	{ OK "<a>x &amp; &lt;y&gt;\n z</a>" END, "a=x & <y>\n z ", true, "", "" },
	{ OK "<l total=\"7\">\n <r>\n <k>1</k> </r> <r> <k>2</k>\n </r></l>" END,
	  "l[7]{r{k=1 } r{k=2 } } ", true, "", "" },
	{ OK "<l total=\"0\">\n</l>" END, "l[0]{} ", true, "", "" },
	{ OK "<l total=\"-1\" x=\"y\">1</l><m total=\"z\">2</m>" END, "l=1 m=2 ", true, "", "" },
	/* values that look like the frame */
	{ OK "<error>e</error><code>c</code>" END, "error=e code=c ", true, "", "" },
	{ HEAD "<status>error</status><code>no_such_box</code><error>no such box: b</error>" END,
	  "code=no_such_box error=no such box: b ", false, "no_such_box", "no such box: b" },
	{ HEAD "<status>error</status><error>no such box</error>" END,
	  "error=no such box ", false, "", "no such box" },
	{ HEAD END, "", false, "", "" },
	{ OK "<a>\xc3\xa4&#13;</a>" END, "a=\xc3\xa4\r ", true, "", "" },
};

START_TEST(reads)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	struct answer a;
	struct err e = { "" };

	ck_assert_msg(document(answers[_i].in, &a, &e) == 0, "%s", e.text);
	for (const struct node *v = NULL; (v = answer_each(&a, v));)
		write_tree(out, v);
	fclose(out);
	ck_assert_str_eq(text, answers[_i].tree);
	ck_assert_int_eq(a.ok, answers[_i].ok);
	ck_assert(str_eq(a.code, str_z(answers[_i].code)));
	ck_assert(str_eq(a.error, str_z(answers[_i].error)));
	ck_assert(str_eq(buf_str(&a.document), str_z(answers[_i].in)));
	answer_free(&a);
	free(text);
}
END_TEST

#define FIFTEEN "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>"
#define FIFTEEN_ENDS "</a></a></a></a></a></a></a></a></a></a></a></a></a></a></a>"

static const struct {
	const char *in, *why;
} refused[] = {
	{ "", "no element found" },
	{ "<html><body>404</body></html>", "another kind of document" },
	{ "not found\n", "syntax error" },
	{ HEAD "<status>ok</status>", "line 4" },
	{ "<!DOCTYPE response [<!ENTITY e \"x\">]><response>&e;</response>", "a document type declaration" },
	{ "<response>" FIFTEEN "<a/>" FIFTEEN_ENDS "</response>", "nested too deep" },
	{ "<response><a>\xff</a></response>", "not well-formed" },
	{ "<response/><response/>", "junk after document element" },
};

START_TEST(refuses)
{
	struct answer a;
	struct err e = { "" };

	ck_assert_int_eq(document(refused[_i].in, &a, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "what answers is no protobalance"));
	ck_assert_msg(strstr(e.text, refused[_i].why) != NULL, "%s", e.text);
}
END_TEST

START_TEST(as_deep_as_may_be)
{
	struct answer a;
	struct err e = { "" };

	ck_assert_msg(document("<response>" FIFTEEN FIFTEEN_ENDS "</response>", &a, &e) == 0,
		      "%s", e.text);
	answer_free(&a);
}
END_TEST

START_TEST(walks)
{
	struct answer a;
	struct err e;
	const struct node *n = NULL;
	char seen[16] = "";

	ck_assert_int_eq(document(OK "<cs total=\"3\"><c><id>A</id><bs total=\"2\"><b><id>1</id></b><b><id>2</id>"
				     "</b></bs></c><c><id>B</id><bs total=\"0\"></bs></c><c><id>C</id><bs total=\"1\">"
				     "<b><id>3</id></b></bs></c></cs><b><id>x</id></b><n>12</n>" END,
				  &a, &e),
			 0);
	while ((n = node_each(a.root, "cs/c/bs/b", n)))
		strncat(seen, node_text(n, "id").p, 1);
	ck_assert_str_eq(seen, "123");
	seen[0] = '\0';
	while ((n = node_each(a.root, "cs/c", n)))
		strncat(seen, node_text(n, "id").p, 1);
	ck_assert_str_eq(seen, "ABC");
	ck_assert(str_eq(node_text(node_each(a.root, "b", NULL), "id"), STR("x")));
	ck_assert_ptr_null(node_each(a.root, "bs/b", NULL));
	ck_assert_ptr_null(node_each(a.root, "cs/c/bs/b/id/x", NULL));
	ck_assert_int_eq(node_int(a.root, "n"), 12);
	ck_assert_int_eq(node_int(a.root, "command"), 0);
	ck_assert_int_eq(node_int(a.root, "none"), 0);
	ck_assert_uint_eq(node_text(a.root, "none").n, 0);
	answer_free(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pbctl_answer");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, reads, 0, ARRAY_LEN(answers));
	tcase_add_loop_test(t, refuses, 0, ARRAY_LEN(refused));
	tcase_add_test(t, as_deep_as_may_be);
	tcase_add_test(t, walks);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
