/* pbctl/show, grid, json, text, progress: what people and programs are shown. */
#include "cmd/pbctl/answer.c"
#include "cmd/pbctl/grid.c"
#include "cmd/pbctl/json.c"
#include "cmd/pbctl/progress.c"
#include "cmd/pbctl/tags.c"
#include "cmd/pbctl/text.c"
#include "cmd/pbctl/tree.c"
#include "cmd/pbctl/show.c"

#include <check.h>
#include <stdlib.h>

#define OK "<response><command>x</command><status>ok</status>"
#define END "</response>"

/* --- what show.c needs besides, and no test here reaches --- */

int ctl_refused(struct ctl *c, const char *command, const struct answer *a)
{
	(void)c;
	(void)command;
	(void)a;
	return EXIT_REFUSED;
}

void ctl_show_xml(struct ctl *c, const struct answer *a)
{
	(void)c;
	(void)a;
}

static void document(const char *text, struct answer *a)
{
	struct err e = { "" };
	struct buf b;

	buf_init(&b, 1 << 20);
	ck_assert_int_eq(buf_add(&b, str_z(text)), 0);
	ck_assert_msg(answer_parse(&b, a, &e) == 0, "%s", e.text);
}

struct shown {
	FILE *out;
	char *text;
	size_t n;
};

static FILE *begin(struct shown *s)
{
	*s = (struct shown){ 0 };
	s->out = open_memstream(&s->text, &s->n);
	return s->out;
}

static void check(struct shown *s, const char *want)
{
	fclose(s->out);
	ck_assert_str_eq(s->text, want);
	free(s->text);
}

/* --- text --- */

static const struct {
	const char *in, *out;
	size_t width;
} texts[] = {
	{ "plain", "plain", 5 },
	{ "\xc3\xa4\xc3\xb6", "\xc3\xa4\xc3\xb6", 2 },
	{ "\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac", 4 }, /* two columns each */
	{ "e\xcc\x81", "e\xcc\x81", 1 }, /* a combining accent */
	{ "\033[31m", "?[31m", 5 },
	{ "\xc2\x9b"
	  "31m",
	  "?31m", 4 }, /* CSI as a C1 control */
	{ "\xc2\xa0", "\xc2\xa0", 1 },
	{ "a\rb\x7f", "a?b?", 4 },
	{ "\xe2\x80\xae"
	  "abc",
	  "?abc", 4 },		      /* right-to-left override */
	{ "\xff\xc3", "??", 2 },      /* broken */
	{ "\xed\xa0\x80", "???", 3 }, /* half a surrogate pair */
};

START_TEST(one_text)
{
	struct shown s;

	text_print(begin(&s), str_z(texts[_i].in), 0);
	check(&s, texts[_i].out);
	ck_assert_uint_eq(text_width(str_z(texts[_i].in)), texts[_i].width);
	ck_assert_uint_eq(text_print_line(begin(&s), str_z(texts[_i].in), 100), texts[_i].width);
	check(&s, texts[_i].out);
}
END_TEST

START_TEST(text_lines)
{
	struct shown s;

	text_print(begin(&s), STR("a\n\tb\nc"), 3);
	check(&s, "a\n   \tb\n   c");
	ck_assert_uint_eq(text_print_line(begin(&s), STR("a\nb\tc"), 10), 5);
	check(&s, "a b c");
}
END_TEST

static const struct {
	const char *in;
	size_t max;
	const char *out;
	size_t columns;
} cuts[] = {
	{ "12345", 5, "12345", 5 },
	{ "123456", 5, "1234\xe2\x80\xa6", 5 },
	{ "\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5", 5, "\xe6\x97\xa5\xe6\x9c\xac\xe2\x80\xa6", 5 },
	{ "\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5", 4, "\xe6\x97\xa5\xe2\x80\xa6", 3 },
	{ "", 5, "", 0 },
};

START_TEST(text_cut)
{
	struct shown s;

	ck_assert_uint_eq(text_print_line(begin(&s), str_z(cuts[_i].in), cuts[_i].max),
			  cuts[_i].columns);
	check(&s, cuts[_i].out);
}
END_TEST

/* --- for people --- */

#define CLUSTERS \
	"<clusters total=\"2\"><cluster><clusterid>MX</clusterid><port>25</port><mails>0</mails>" \
	"<boxes total=\"2\"><box><boxid>M\xc3\xa4IL1</boxid><light>green</light><n>7</n><z>0</z></box>" \
	"<box><boxid>MAIL22</boxid><light>red</light><n>1234</n><z>0</z></box></boxes></cluster>" \
	"<cluster><clusterid>POP</clusterid><port></port><mails>0</mails><boxes total=\"0\"></boxes>" \
	"</cluster></clusters>"

static const struct {
	const char *in, *view, *out;
} shows[] = {
	{ "", NULL, "ok\n" },
	{ "", "a b", "ok\n" },
	{ "<a>1</a><bcd></bcd><e>x\ny</e>", NULL, "a:   1\nbcd:\ne:   x\n     y\n" },
	{ "<a>1</a><b>2</b><c>3</c>", "c a", "c: 3\na: 1\n" },
	{ CLUSTERS, "clusters/cluster: clusterid port mails none",
	  "clusterid  port  mails\nMX           25      0\nPOP                  0\n" },
	{ CLUSTERS, "+clusters/cluster: clusterid port mails", "clusterid  port\nMX           25\nPOP\n" },
	{ CLUSTERS, "clusters/cluster/boxes/box: clusterid boxid light n",
	  "clusterid  boxid   light     n\nMX         M\xc3\xa4IL1   green     7\n"
	  "MX         MAIL22  red    1234\n" },
	{ CLUSTERS "<v>1</v>", "v\nclusters/cluster: clusterid\nboxes/box: boxid",
	  "v: 1\n\nclusterid\nMX\nPOP\n\nnone\n" },
	/* nobody has chosen columns */
	{ "<v>1</v><rows total=\"9\"><row><a>1</a><b>x</b></row><row><a>10</a><b></b></row></rows>",
	  NULL, "v: 1\nrows (total 9):\n a  b\n 1  x\n10\n" },
	{ "<rows total=\"0\"></rows>", NULL, "rows (total 0):\n" },
	{ "<o><a>1</a><l total=\"1\"><r><b>2</b></r></l></o>", NULL,
	  "o:\n  a: 1\n  l (total 1):\n    r:\n      b: 2\n" },
	{ "<l total=\"2\"><r><a>1</a></r><s><a>2</a></s></l>", NULL,
	  "l (total 2):\n  r:\n    a: 1\n  s:\n    a: 2\n" },
	{ "<l total=\"1\"><r><a>1</a><b>2</b><c>3</c><d>4</d><e>5</e><f>6</f><g>7</g><h>8</h><i>9</i></r></l>", NULL,
	  "l (total 1):\n  r:\n    a: 1\n    b: 2\n    c: 3\n    d: 4\n    e: 5\n    f: 6\n    g: 7\n"
	  "    h: 8\n    i: 9\n" },
	{ "<a>&#x9b;31m</a>", NULL, "a: ?31m\n" },
};

START_TEST(for_people)
{
	char text[2048];
	struct answer a;
	struct shown s;

	snprintf(text, sizeof(text), OK "%s" END, shows[_i].in);
	document(text, &a);
	show_view(begin(&s), false, &a, shows[_i].view);
	check(&s, shows[_i].out);
	answer_free(&a);
}
END_TEST

#define TEN "0123456789"

START_TEST(on_a_terminal)
{
	struct answer a;
	struct shown s;

	document(OK "<l total=\"2\"><r><light>green</light><x>" TEN TEN TEN TEN TEN "</x></r>"
		    "<r><light>red</light><x>y</x></r></l>" END,
		 &a);
	show_view(begin(&s), true, &a, "l/r: light x light");
	check(&s, "light  x                                                 light\n"
		  "\033[32mgreen\033[0m  " TEN TEN TEN TEN "0123456\xe2\x80\xa6  \033[32mgreen\033[0m\n"
		  "\033[31mred\033[0m    y                                                 \033[31mred\033[0m\n");
	answer_free(&a);
}
END_TEST

START_TEST(pages_of_a_grid)
{
	struct answer a;
	struct shown s;
	struct grid g;

	grid_init(&g, begin(&s), false, STR("k v"));
	document(OK "<l total=\"9\"><r><k>a</k><v>1</v></r></l>" END, &a);
	ck_assert_uint_eq(grid_rows(&g, a.root, "l/r"), 1);
	answer_free(&a);
	document(OK "<l total=\"9\"><r><k>bbb</k><v>22</v></r><r><k>c</k><v>3</v></r></l>" END, &a);
	ck_assert_uint_eq(grid_rows(&g, a.root, "l/r"), 2);
	answer_free(&a);
	document(OK "<l total=\"9\"></l>" END, &a);
	ck_assert_uint_eq(grid_rows(&g, a.root, "l/r"), 0);
	answer_free(&a);
	check(&s, "k  v\na  1\nbbb  22\nc     3\n");
}
END_TEST

START_TEST(skipped_lines)
{
	struct answer a;

	document(OK "<skipped>2</skipped>" END, &a);
	ck_assert_int_eq(show_exit(&a), EXIT_PARTLY);
	answer_free(&a);
	document(OK "<skipped>0</skipped>" END, &a);
	ck_assert_int_eq(show_exit(&a), EXIT_DONE);
	answer_free(&a);
}
END_TEST

/* --- for programs --- */

static const struct {
	const char *in, *out;
} jsons[] = {
	{ "", "{}" },
	{ "<version>1</version><reason></reason>", "{\"version\":\"1\",\"reason\":\"\"}" },
	/* by their descriptions */
	{ "<weight>12</weight><rcpt_per_mail></rcpt_per_mail><smtp_relay>1</smtp_relay><tls_verify>0"
	  "</tls_verify><error_sleep_s>0.5</error_sleep_s><sessions>-3</sessions>",
	  "{\"weight\":12,\"rcpt_per_mail\":null,\"smtp_relay\":true,\"tls_verify\":false,"
	  "\"error_sleep_s\":\"0.5\",\"sessions\":-3}" },
	/* that do not look as described */
	{ "<weight>1x</weight><smtp_relay>2</smtp_relay>", "{\"weight\":\"1x\",\"smtp_relay\":\"2\"}" },
	{ "<comment>\"\\ &#9;&#10;&#13;&#x9f;\xe2\x82\xac&lt;</comment>",
	  "{\"comment\":\"\\\"\\\\ \\u0009\\u000a\\u000d\\u009f\xe2\x82\xac<\"}" },
	{ "<emails total=\"9\"><email><boxid>A</boxid></email><email></email></emails>",
	  "{\"emails_total\":9,\"emails\":[{\"boxid\":\"A\"},\"\"]}" },
	{ "<emails total=\"0\"></emails>", "{\"emails_total\":0,\"emails\":[]}" },
	{ "<o><l total=\"1\"><r>1</r></l></o>", "{\"o\":{\"l_total\":1,\"l\":[\"1\"]}}" },
	{ "<r><a>1</a></r><x>2</x><r><a>3</a></r>", "{\"r\":[{\"a\":\"1\"},{\"a\":\"3\"}],\"x\":\"2\"}" },
};

START_TEST(for_programs)
{
	char text[2048], want[2048];
	struct answer a;
	struct shown s;

	snprintf(text, sizeof(text), OK "%s" END, jsons[_i].in);
	snprintf(want, sizeof(want), "%s\n", jsons[_i].out);
	document(text, &a);
	json_answer(begin(&s), &a);
	check(&s, want);
	answer_free(&a);
}
END_TEST

START_TEST(json_of_a_refusal)
{
	struct answer a;
	struct shown s;

	document("<response><command>x</command><status>error</status><code>c</code><error>e \"f\"</error>"
		 "</response>",
		 &a);
	json_answer(begin(&s), &a);
	check(&s, "{\"code\":\"c\",\"error\":\"e \\\"f\\\"\"}\n");
	answer_free(&a);
}
END_TEST

START_TEST(json_pages)
{
	struct answer a, empty;
	struct shown s;
	const struct node *l;

	document(OK "<l total=\"3\"><r>1</r><r>2</r></l>" END, &a);
	document(OK "<l total=\"3\"></l>" END, &empty);
	l = node_child(a.root, STR("l"));
	json_page_begin(begin(&s), l);
	json_page(s.out, l, true);
	json_page(s.out, l, false);
	json_page(s.out, node_child(empty.root, STR("l")), false);
	json_page_end(s.out);
	check(&s, "{\"l_total\":3,\"l\":[\"1\",\"2\",\"1\",\"2\"]}\n");
	answer_free(&a);
	answer_free(&empty);
}
END_TEST

/* --- tags --- */

/* A tag has one kind, wherever it stands: else JSON would depend on which table is asked first. */
static void check_field(const struct table *const *tables, const struct field *f)
{
	for (; *tables; tables++) {
		const struct field *other = table_field(*tables, str_z(f->name));

		ck_assert_msg(!other || (other->kind == FK_BOOL) == (f->kind == FK_BOOL),
			      "%s", f->name);
		ck_assert_msg(!other || (other->kind == FK_INT) == (f->kind == FK_INT), "%s", f->name);
	}
}

static void check_tables(const struct table *t)
{
	for (unsigned i = 0; i < t->n_fields; i++) {
		check_field(accounts_tables, &t->fields[i]);
		check_field(traffic_tables, &t->fields[i]);
	}
}

START_TEST(one_kind_of_a_tag)
{
	for (const struct table *const *t = accounts_tables; *t; t++)
		check_tables(*t);
	for (const struct table *const *t = traffic_tables; *t; t++)
		check_tables(*t);
	check_tables(&table_args);
	for (const struct answer_tag *a = answer_tags; a->tag; a++)
		for (const struct answer_tag *b = answer_tags; b->tag; b++)
			ck_assert_msg(strcmp(a->tag, b->tag) != 0 || a->kind == TAG_ROWS ||
					      b->kind == TAG_ROWS || a->kind == b->kind,
				      "%s", a->tag);
}
END_TEST

/* --- progress --- */

static const struct {
	const char *work, *out;
} works[] = {
	{ "", "" },
	{ "<work><command>reread</command><done>0</done><of>0</of></work>", "\r\033[Kreread 0\r\033[K" },
	{ "<work><command>reread</command><done>250</done><of>1000</of></work>",
	  "\r\033[Kreread [##########..............................]  25%  250 of 1000\r\033[K" },
	{ "<work><command>x&#x9b;y</command><done>10</done><of>10</of></work>",
	  "\r\033[Kx?y [########################################] 100%  10 of 10\r\033[K" },
	{ "<work><command>vacuum</command><done>11</done><of>10</of></work>", "\r\033[Kvacuum 11\r\033[K" },
};

START_TEST(bar)
{
	char text[512];
	struct progress p = { 0 };
	struct answer a;
	struct shown s;

	snprintf(text, sizeof(text), OK "%s" END, works[_i].work);
	document(text, &a);
	p.out = begin(&s);
	progress_take(&p, &a);
	progress_end(&p);
	progress_end(&p);
	check(&s, works[_i].out);
	answer_free(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pbctl_show");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, one_text, 0, ARRAY_LEN(texts));
	tcase_add_test(t, text_lines);
	tcase_add_loop_test(t, text_cut, 0, ARRAY_LEN(cuts));
	tcase_add_loop_test(t, for_people, 0, ARRAY_LEN(shows));
	tcase_add_test(t, on_a_terminal);
	tcase_add_test(t, pages_of_a_grid);
	tcase_add_test(t, skipped_lines);
	tcase_add_loop_test(t, for_programs, 0, ARRAY_LEN(jsons));
	tcase_add_test(t, json_of_a_refusal);
	tcase_add_test(t, json_pages);
	tcase_add_test(t, one_kind_of_a_tag);
	tcase_add_loop_test(t, bar, 0, ARRAY_LEN(works));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
