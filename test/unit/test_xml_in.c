/* Documents as clients send them, documents nobody should send, and bytes at random. */
#include "admin/xml_in.c"

#include <stdio.h>
#include <stdlib.h>

#include "unit/property.h"

#define ROUNDS 20000

static struct xml_request req;
static struct err err;

static int parse_z(const char *body, struct arena *a)
{
	err.text[0] = '\0';
	return xml_parse(str_z(body), a, NULL, &req, &err);
}

/* --- accepted --- */

#define DECL "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n"

static const struct {
	const char *body, *command;
	const char *v[5]; /* name, value, ... */
} accepted[] = {
	{ "<vacuum/>", "vacuum", { 0 } },
	{ "<vacuum></vacuum>", "vacuum", { 0 } },
	{ DECL "<getemail>\n  <email_address>a@b.cc</email_address>\n</getemail>\n",
	  "getemail",
	  { "email_address", "a@b.cc" } },
	/* the manual's Python example begins with a blank line */
	{ "\n" DECL "<yellow><clusterid>C</clusterid><boxid>B</boxid></yellow>",
	  "yellow",
	  { "clusterid", "C", "boxid", "B" } },
	{ "\r\n \t\n" DECL "<vacuum/>", "vacuum", { 0 } },
	{ "\xef\xbb\xbf" DECL "<vacuum/>", "vacuum", { 0 } },
	{ "<?xml version='1.0' encoding='utf-8'?><vacuum/>", "vacuum", { 0 } },
	{ "<?xml version='1.0'?><vacuum/>", "vacuum", { 0 } },
	/* empty is not absent */
	{ "<a><b></b><c/></a>", "a", { "b", "", "c", "" } },
	/* values are kept byte by byte; the parser's own pieces are joined */
	{ "<a><b> x\ny </b></a>", "a", { "b", " x\ny " } },
	{ "<a><b>1&lt;2&amp;&gt;&quot;&apos;&#65;</b></a>", "a", { "b", "1<2&>\"'A" } },
	{ "<a><b><![CDATA[<&>]]>!</b></a>", "a", { "b", "<&>!" } },
	{ "<a><!-- <c/> --><b>x<!-- -->y</b></a>", "a", { "b", "xy" } },
	{ "<a><b>Gr\xc3\xbc\xc3\x9f"
	  "e</b></a>",
	  "a",
	  { "b", "Gr\xc3\xbc\xc3\x9f"
		 "e" } },
	{ "<a x='1'><b y='2'>z</b></a>", "a", { "b", "z" } },
};

START_TEST(accepts)
{
	struct arena a = ARENA(1 << 20);
	unsigned n = 0;

	ck_assert_msg(parse_z(accepted[_i].body, &a) == 0, "%s", err.text);
	ck_assert_msg(str_eq(req.command, str_z(accepted[_i].command)), "command");
	ck_assert_ptr_null(req.code);
	for (; accepted[_i].v[2 * n]; n++) {
		const struct str *v = xml_get(&req, accepted[_i].v[2 * n]);

		ck_assert_ptr_nonnull(v);
		ck_assert_str_eq(arena_str(&a, *v).p, accepted[_i].v[2 * n + 1]);
	}
	ck_assert_uint_eq(req.n, n);
	ck_assert_ptr_null(xml_get(&req, "nothing"));
	arena_free(&a);
}
END_TEST

/* --- refused --- */

static const struct {
	const char *body, *command, *code, *text;
} refused[] = {
	{ "", "", "malformed", "not a well-formed XML document: no element found (line 1)" },
	{ "  \n\n", "", "malformed", "not a well-formed XML document: no element found (line 3)" },
	{ "{\"getemail\":1}", "", "malformed",
	  "not a well-formed XML document: not well-formed (invalid token) (line 1)" },
	{ "<a>\n<b>1</b>", "a", "malformed", "not a well-formed XML document: no element found (line 2)" },
	{ "<a><b></a></b>", "a", "malformed", "not a well-formed XML document: mismatched tag (line 1)" },
	{ "<a/><b/>", "a", "malformed", "not a well-formed XML document: junk after document element (line 1)" },
	/* the line is that of the whole body, skipped lines counted */
	{ "\n\n<a>\n<b>1</b>\n<b>2</b></a>", "a", "repeated_parameter", "<b> stands twice (line 5)" },
	{ "<a><b/><c/><b/></a>", "a", "repeated_parameter", "<b> stands twice (line 1)" },
	{ "<a><b><c/></b></a>", "a", "malformed", "<b> holds elements of its own, and must not (line 1)" },
	{ "<a><b>1<c>2</c></b></a>", "a", "malformed", "<b> holds elements of its own, and must not (line 1)" },
	{ "<a>text</a>", "a", "malformed", "<a> holds text beside its children (line 1)" },
	{ "<a><b/>text</a>", "a", "malformed", "<a> holds text beside its children (line 1)" },
	{ "<a><![CDATA[x]]></a>", "a", "malformed", "<a> holds text beside its children (line 1)" },
	/* declarations */
	{ "<!DOCTYPE a><a/>", "", "malformed",
	  "<!DOCTYPE> is refused: no document type, no entity declarations (line 1)" },
	{ "<!DOCTYPE a [<!ENTITY x \"y\">]><a><b>&x;</b></a>", "", "malformed",
	  "<!DOCTYPE> is refused: no document type, no entity declarations (line 1)" },
	{ DECL "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "", "malformed",
	  "<!DOCTYPE> is refused: no document type, no entity declarations (line 2)" },
	{ "<a><b>&x;</b></a>", "a", "malformed", "not a well-formed XML document: undefined entity (line 1)" },
	{ "<!ENTITY x \"y\"><a/>", "", "malformed", "not a well-formed XML document: syntax error (line 1)" },
	/* only UTF-8 */
	{ "<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "", "malformed",
	  "<?xml> declares an encoding other than UTF-8 (line 1)" },
	{ "<a><b>Gr\xfc\xdf"
	  "e</b></a>",
	  "a", "malformed", "not a well-formed XML document: not well-formed (invalid token) (line 1)" },
	{ "\xff\xfe<a/>", "", "malformed",
	  "not a well-formed XML document: not well-formed (invalid token) (line 1)" },
	{ "<a><b>\x01</b></a>", "a", "malformed",
	  "not a well-formed XML document: not well-formed (invalid token) (line 1)" },
	{ "<a><b>&#1;</b></a>", "a", "malformed",
	  "not a well-formed XML document: reference to invalid character number (line 1)" },
	/* long names are cut */
	{ "<a><bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/>"
	  "<bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/></a>",
	  "a", "repeated_parameter", "<bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb> stands twice (line 1)" },
};

START_TEST(refuses)
{
	struct arena a = ARENA(1 << 20);

	ck_assert_int_eq(parse_z(refused[_i].body, &a), -1);
	ck_assert_str_eq(err.text, refused[_i].text);
	ck_assert_str_eq(req.code, refused[_i].code);
	ck_assert_str_eq(arena_str(&a, req.command).p, refused[_i].command);
	arena_free(&a);
}
END_TEST

/* --- bounds --- */

START_TEST(children)
{
	for (unsigned n = LIMIT_XML_CHILDREN; n <= LIMIT_XML_CHILDREN + 1; n++) {
		struct arena a = ARENA(1 << 20);
		struct buf b;

		buf_init(&b, 1 << 20);
		ck_assert_int_eq(buf_add(&b, STR("<a>")), 0);
		for (unsigned i = 0; i < n; i++)
			ck_assert_int_eq(buf_addf(&b, "<c%u/>", i), 0);
		ck_assert_int_eq(buf_add(&b, STR("</a>")), 0);
		ck_assert_int_eq(xml_parse(buf_str(&b), &a, NULL, &req, &err),
				 n > LIMIT_XML_CHILDREN ? -1 : 0);
		if (n > LIMIT_XML_CHILDREN)
			ck_assert_str_eq(err.text, "<c128> is one child too many (line 1)");
		buf_release(&b);
		arena_free(&a);
	}
}
END_TEST

START_TEST(small_arena)
{
	struct arena a = ARENA(256);
	static char body[2048] = "<a><b>";

	memset(body + 6, 'x', 1000);
	strcpy(body + 1006, "</b></a>");
	ck_assert_int_eq(parse_z(body, &a), -1);
	ck_assert_str_eq(err.text, "<a> makes the request too large (line 1)");
	arena_free(&a);
}
END_TEST

START_TEST(nul_and_length)
{
	struct arena a = ARENA(1 << 20);

	ck_assert_int_eq(xml_parse(STR("<a><b>x\0y</b></a>"), &a, NULL, &req, &err), -1);
	/* no byte behind the slice is looked at */
	ck_assert_int_eq(xml_parse((struct str){ "<a/><b/>", 4 }, &a, NULL, &req, &err), 0);
	ck_assert_int_eq(xml_parse((struct str){ NULL, 0 }, &a, NULL, &req, &err), -1);
	/* err may be NULL */
	ck_assert_int_eq(xml_parse(STR("<a>"), &a, NULL, &req, NULL), -1);
	arena_free(&a);
}
END_TEST

/* --- nested rows --- */

static bool nests(struct str command)
{
	return str_eq(command, STR("n"));
}

static int parse_nested(struct str body, struct arena *a)
{
	err.text[0] = '\0';
	return xml_parse(body, a, nests, &req, &err);
}

/* "a(b=1 c(d=2))": elements with what they hold. */
static void write_rows(struct buf *b, const struct xml_row *rows)
{
	for (const struct xml_row *r = rows; r; r = r->next) {
		must(buf_addf(b, "%s%.*s", r == rows ? "" : " ", STR_ARG(r->name)) == 0, "room");
		if (r->rows)
			must(buf_addc(b, '(') == 0, "room");
		write_rows(b, r->rows);
		must(buf_addf(b, r->rows ? ")" : "=%.*s", STR_ARG(r->value)) == 0, "room");
	}
}

/* Of the whole request. Owned; free(). */
static char *as_text(void)
{
	struct buf b;
	char *text;

	buf_init(&b, 1 << 20);
	for (unsigned i = 0; i < req.n; i++) {
		struct xml_row child = { req.v[i].name, req.v[i].value, req.v[i].rows, NULL };

		must(buf_addf(&b, i ? ";" : "") == 0, "room");
		write_rows(&b, &child);
	}
	text = mem_dup(b.mem ? buf_str(&b) : STR(""));
	buf_release(&b);
	return text;
}

static const struct {
	const char *body, *text;
} nested[] = {
	{ "<n/>", "" },
	{ "<n><a/></n>", "a=" },
	{ "<n><a>v</a><b> </b></n>", "a=v;b= " },
	{ "<n><a><b/></a></n>", "a(b=)" },
	{ "<n><a><b>1</b><c>2</c></a></n>", "a(b=1 c=2)" },
	/* within a child, siblings may be alike; the children themselves may not */
	{ "<n><a><b>1</b><b>2</b><b><b>3</b></b></a></n>", "a(b=1 b=2 b(b=3))" },
	{ "<n><a><a>1</a></a><b><a>1</a></b></n>", "a(a=1);b(a=1)" },
	{ "<n><a><b/></a><c>v</c><d><e/></d></n>", "a(b=);c=v;d(e=)" },
	/* blanks, comments and attributes are nothing; a leaf keeps its bytes */
	{ "\n<n>\n <a total=\"2\">\n  <b>\n   <c> x </c>\n  </b>\n  <!-- <d/> -->\n </a>\n</n>\n", "a(b(c= x ))" },
	{ "<n><a><b><![CDATA[<&>]]>&lt;</b></a></n>", "a(b=<&><)" },
	{ "<n><a><b>x<!-- -->y</b></a></n>", "a(b=xy)" },
	/* as deep as may be */
	{ "<n><a><b><c><d><e>v</e></d></c></b></a></n>", "a(b(c(d(e=v))))" },
};

START_TEST(nests_rows)
{
	struct arena a = ARENA(1 << 20);
	char *text;

	ck_assert_msg(parse_nested(str_z(nested[_i].body), &a) == 0, "%s", err.text);
	text = as_text();
	ck_assert_str_eq(text, nested[_i].text);
	free(text);
	arena_free(&a);
}
END_TEST

static const struct {
	const char *body, *code, *text;
} refused_rows[] = {
	{ "<n><a><b><c><d><e><f/></e></d></c></b></a></n>", "malformed",
	  "<e> holds elements of its own, and must not (line 1)" },
	{ "<n><a><b/></a><a/></n>", "repeated_parameter", "<a> stands twice (line 1)" },
	/* text beside elements, before and behind, at any depth */
	{ "<n>x<a/></n>", "malformed", "<n> holds text beside its children (line 1)" },
	{ "<n><a/>\nx</n>", "malformed", "<n> holds text beside its children (line 2)" },
	{ "<n><a>x<b/></a></n>", "malformed", "<b> stands beside text (line 1)" },
	{ "<n><a><b/>x</a></n>", "malformed", "<a> holds text beside its children (line 1)" },
	{ "<n><a><b><c/></b>x</a></n>", "malformed", "<a> holds text beside its children (line 1)" },
	{ "<n><a><b>x<c/></b></a></n>", "malformed", "<c> stands beside text (line 1)" },
	{ "<n><a><b><c/><d/>x</b></a></n>", "malformed", "<b> holds text beside its children (line 1)" },
	{ "<n><a><b><c/><![CDATA[x]]></b></a></n>", "malformed", "<b> holds text beside its children (line 1)" },
	/* other commands hold none */
	{ "<m><a><b/></a></m>", "malformed", "<a> holds elements of its own, and must not (line 1)" },
	{ "<N><a><b/></a></N>", "malformed", "<a> holds elements of its own, and must not (line 1)" },
	/* declarations are refused as everywhere */
	{ "<!DOCTYPE n [<!ENTITY x \"y\">]><n><a><b>&x;</b></a></n>", "malformed",
	  "<!DOCTYPE> is refused: no document type, no entity declarations (line 1)" },
	{ "<n><a><b>&x;</b></a></n>", "malformed", "not a well-formed XML document: undefined entity (line 1)" },
};

START_TEST(refuses_rows)
{
	struct arena a = ARENA(1 << 20);

	ck_assert_int_eq(parse_nested(str_z(refused_rows[_i].body), &a), -1);
	ck_assert_str_eq(err.text, refused_rows[_i].text);
	ck_assert_str_eq(req.code, refused_rows[_i].code);
	arena_free(&a);
}
END_TEST

/* So many in all, wherever they stand. */
START_TEST(count_of_rows)
{
	for (unsigned n = LIMIT_XML_ROWS; n <= LIMIT_XML_ROWS + 1; n++) {
		struct arena a = ARENA(64 << 20);
		struct buf b;

		buf_init(&b, 4 << 20);
		ck_assert_int_eq(buf_add(&b, STR("<n><a>")), 0);
		for (unsigned i = 0; i < n; i++)
			ck_assert_int_eq(buf_add(&b, i == n / 2 ? STR("<r/></a><b>") : STR("<r/>")), 0);
		ck_assert_int_eq(buf_add(&b, STR("</b></n>")), 0);
		ck_assert_int_eq(parse_nested(buf_str(&b), &a), n > LIMIT_XML_ROWS ? -1 : 0);
		ck_assert_str_eq(err.text, n > LIMIT_XML_ROWS ? "<r> is one element too many (line 1)" : "");
		buf_release(&b);
		arena_free(&a);
	}
}
END_TEST

/* They mean nothing, and what they cost has a bound: an honest document has next to none. */
START_TEST(count_of_attributes)
{
	for (size_t more = 0; more <= 1; more++) {
		struct arena a = ARENA(1 << 20);
		struct buf b;

		buf_init(&b, 1 << 20);
		ck_assert_int_eq(buf_add(&b, STR("<n><a x='")), 0);
		for (size_t n = 4; n < LIMIT_XML_ATTRIBUTES - 5 + more; n++)
			ck_assert_int_eq(buf_addc(&b, ' '), 0);
		ck_assert_int_eq(buf_add(&b, STR("'/><b y='1' /></n>")), 0);
		ck_assert_int_eq(parse_nested(buf_str(&b), &a), more ? -1 : 0);
		ck_assert(str_eq(req.command, STR("n")));
		if (more) {
			ck_assert_str_eq(req.code, "malformed");
			ck_assert_str_eq(err.text, "more than 65536 bytes of attributes, which mean nothing here");
		}
		buf_release(&b);
		arena_free(&a);
	}
}
END_TEST

/* However little memory there is, it is said so. */
START_TEST(rows_in_a_small_arena)
{
	static const char body[] = "<n><a><b>some text</b><c><d>more</d></c></a><e>2</e></n>";

	for (size_t max = 16;; max += 16) {
		struct arena a = ARENA(max);

		if (parse_nested(STR(body), &a) == 0) {
			char *text = as_text();

			ck_assert_str_eq(text, "a(b=some text c(d=more));e=2");
			ck_assert_uint_gt(max, 200);
			free(text);
			arena_free(&a);
			break;
		}
		ck_assert_str_eq(err.text, req.command.p ? "<n> makes the request too large (line 1)" :
							   "<request> makes the request too large (line 1)");
		arena_free(&a);
	}
}
END_TEST

/* A document at random, and beside it what it says. */
struct made {
	struct buf xml, text;
};

static void add_both(struct made *m, const char *xml, const char *text)
{
	must(buf_add(&m->xml, str_z(xml)) == 0 && buf_add(&m->text, str_z(text)) == 0, "room");
}

static void add_noise(struct made *m)
{
	static const char *const noise[] = { "", " ", "\n\t", "<!-- <x>y</x> -->", "<?pi x?>", "\r\n" };

	add_both(m, noise[rnd(ARRAY_LEN(noise))], "");
}

static void make_leaf(struct made *m)
{
	static const char *const bits[][2] = { { "a", "a" },	   { "&lt;", "<" },  { "&amp;", "&" },
					       { "<![CDATA[]]>", "" }, { "&#65;", "A" }, { " ", " " },
					       { "<![CDATA[<&]]>", "<&" }, { "\xc3\xa4", "\xc3\xa4" },
					       { "<!-- - -->", "" } };

	for (unsigned n = rnd(5); n > 0; n--) {
		unsigned i = rnd(ARRAY_LEN(bits));

		add_both(m, bits[i][0], bits[i][1]);
	}
}

/* depth: of the element whose insides these are. */
static void make_rows(struct made *m, unsigned depth)
{
	unsigned n = depth < LIMIT_XML_DEPTH ? rnd(4) : 0;
	char name[8], open[16], close[16];

	if (n == 0) {
		add_both(m, "", "=");
		make_leaf(m);
		return;
	}
	add_both(m, "", "(");
	for (unsigned i = 0; i < n; i++) {
		/* children of the root have names of their own */
		snprintf(name, sizeof(name), "%c%u", 'a' + (char)rnd(3), depth == 1 ? i : rnd(2));
		snprintf(open, sizeof(open), "<%s>", name);
		snprintf(close, sizeof(close), "</%s>", name);
		add_noise(m);
		add_both(m, open, i ? " " : "");
		add_both(m, "", name);
		make_rows(m, depth + 1);
		add_both(m, close, "");
		add_noise(m);
	}
	add_both(m, "", ")");
}

static void make(struct made *m)
{
	buf_init(&m->xml, 1 << 20);
	buf_init(&m->text, 1 << 20);
	add_noise(m);
	add_both(m, "<n>", "n");
	make_rows(m, 1);
	add_both(m, "</n>", "");
}

static void made_free(struct made *m)
{
	buf_release(&m->xml);
	buf_release(&m->text);
}

START_TEST(random_trees)
{
	for (int round = 0; round < ROUNDS / 4; round++) {
		struct arena a = ARENA(1 << 20);
		struct made m;
		struct buf got;

		/* a root with text and no children is no document */
		for (make(&m); buf_str(&m.text).p[1] == '='; make(&m))
			made_free(&m);
		must(parse_nested(buf_str(&m.xml), &a) == 0, err.text);
		buf_init(&got, 1 << 20);
		must(buf_add(&got, STR("n(")) == 0, "room");
		for (unsigned i = 0; i < req.n; i++) {
			struct xml_row child = { req.v[i].name, req.v[i].value, req.v[i].rows, NULL };

			must(i == 0 || buf_addc(&got, ' ') == 0, "room");
			write_rows(&got, &child);
		}
		must(buf_addc(&got, ')') == 0, "room");
		must(str_eq(buf_str(&got), buf_str(&m.text)), "what was written");
		buf_release(&got);
		made_free(&m);
		arena_free(&a);
	}
}
END_TEST

/* --- at random: never a crash, and what is accepted is within its bounds --- */

static void check_rows(const struct xml_row *rows, unsigned depth, size_t body)
{
	for (const struct xml_row *r = rows; r; r = r->next) {
		must(depth <= LIMIT_XML_DEPTH, "depth");
		must(r->name.n > 0 && r->value.n <= body, "row");
		must(!r->rows || r->value.n == 0, "text beside rows");
		check_rows(r->rows, depth + 1, body);
	}
}

static void check_sound(int rc, size_t body, struct arena *a)
{
	must(rc == 0 || rc == -1, "result");
	must((rc == 0) == (req.code == NULL), "a code on error alone");
	must(rc < 0 || req.command.n > 0, "a command");
	must(req.n <= LIMIT_XML_CHILDREN, "children");
	for (unsigned i = 0; i < req.n && rc == 0; i++) {
		must(req.v[i].name.n > 0 && req.v[i].value.n <= body, "child");
		must(!req.v[i].rows || (nests(req.command) && req.v[i].value.n == 0), "rows");
		check_rows(req.v[i].rows, 3, body);
		must(xml_get(&req, arena_str(a, req.v[i].name).p) == &req.v[i].value, "names differ");
	}
}

static void try(struct str body)
{
	struct arena a = ARENA(1 << 16);
	char *exact = mem_alloc(body.n); /* so that a sanitizer sees a read beyond */

	memcpy(exact, body.p, body.n);
	err.text[0] = '\0';
	check_sound(xml_parse((struct str){ exact, body.n }, &a, nests, &req, &err), body.n, &a);
	free(exact);
	arena_free(&a);
}

START_TEST(random_bytes)
{
	char body[512];

	for (int round = 0; round < ROUNDS; round++) {
		size_t n = rnd(sizeof(body));

		for (size_t i = 0; i < n; i++)
			body[i] = (char)rnd(256);
		try((struct str){ body, n });
	}
}
END_TEST

/* Bytes that mean something to XML, more often than chance would have them. */
static char telling(void)
{
	static const char bytes[] = "<>/&;!?[]'\"=- \n\xef\xbb\xbf\xc3"
				    "ab\0";

	return bytes[rnd(sizeof(bytes))];
}

static size_t mutate(char *body, size_t n, size_t cap)
{
	size_t at = rnd((unsigned)n), len = 1 + rnd(12);

	len = len < n - at ? len : n - at;
	switch (rnd(5)) {
	case 0:
		body[at] = (char)rnd(256);
		return n;
	case 1:
		body[at] = telling();
		return n;
	case 2: /* a piece goes */
		memmove(body + at, body + at + len, n - at - len);
		return n - len;
	case 3: /* a piece comes twice */
		if (n + len > cap)
			return n;
		memmove(body + at + len, body + at, n - at);
		return n + len;
	default:
		return at;
	}
}

static const char *starting_point(void)
{
	switch (rnd(4)) {
	case 0:
		return accepted[rnd(ARRAY_LEN(accepted))].body;
	case 1:
		return refused[rnd(ARRAY_LEN(refused))].body;
	case 2:
		return nested[rnd(ARRAY_LEN(nested))].body;
	default:
		return refused_rows[rnd(ARRAY_LEN(refused_rows))].body;
	}
}

START_TEST(mutated_documents)
{
	char body[1024];

	for (int round = 0; round < ROUNDS; round++) {
		const char *from = starting_point();
		size_t n = strlen(from);
		unsigned times = 1 + rnd(6);

		memcpy(body, from, n);
		for (unsigned i = 0; i < times && n > 0; i++)
			n = mutate(body, n, sizeof(body));
		try((struct str){ body, n });
	}
}
END_TEST

/* Larger ones, with a tree in them. */
START_TEST(mutated_trees)
{
	char body[4096];

	for (int round = 0; round < ROUNDS / 4; round++) {
		struct made m;
		size_t n;

		make(&m);
		n = buf_len(&m.xml) < sizeof(body) / 2 ? buf_len(&m.xml) : sizeof(body) / 2;
		memcpy(body, buf_str(&m.xml).p, n);
		for (unsigned i = rnd(6); i > 0 && n > 0; i--)
			n = mutate(body, n, sizeof(body));
		try((struct str){ body, n });
		made_free(&m);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("xml_in");
	TCase *t = tcase_create("xml_in");
	SRunner *r;
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, accepts, 0, (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(t, refuses, 0, (int)ARRAY_LEN(refused));
	tcase_add_test(t, children);
	tcase_add_test(t, small_arena);
	tcase_add_test(t, nul_and_length);
	tcase_add_loop_test(t, nests_rows, 0, (int)ARRAY_LEN(nested));
	tcase_add_loop_test(t, refuses_rows, 0, (int)ARRAY_LEN(refused_rows));
	tcase_add_test(t, count_of_rows);
	tcase_add_test(t, count_of_attributes);
	tcase_add_test(t, rows_in_a_small_arena);
	tcase_add_test(t, random_trees);
	tcase_add_test(t, random_bytes);
	tcase_add_test(t, mutated_documents);
	tcase_add_test(t, mutated_trees);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
