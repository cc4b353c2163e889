/* reply: what boxes say, well meant or not. */
#include "lib/wire/reply.c"

#include <check.h>

static const struct {
	struct str in;
	enum parse_result want;
	int code;
	struct str enhanced, text;
	size_t left; /* behind the reply */
} replies[] = {
	{ STR_INIT("250 ok\r\n"), PARSE_DONE, 250, STR_INIT(""), STR_INIT("ok"), 0 },
	{ STR_INIT("250 2.1.0 ok\r\n250 x"), PARSE_DONE, 250, STR_INIT("2.1.0"),
	  STR_INIT("ok"), 5 },
	{ STR_INIT("250 ok\n"), PARSE_DONE, 250, STR_INIT(""), STR_INIT("ok"), 0 },
	{ STR_INIT("250\r\n"), PARSE_DONE, 250, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("250\n"), PARSE_DONE, 250, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("250 \r\n"), PARSE_DONE, 250, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("250-a\r\n250-b\r\n250 c\r\n"), PARSE_DONE, 250, STR_INIT(""),
	  STR_INIT("c"), 0 },
	{ STR_INIT("250-a\n250\n"), PARSE_DONE, 250, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("250-\r\n250 \r\n"), PARSE_DONE, 250, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("354 go\r\n"), PARSE_DONE, 354, STR_INIT(""), STR_INIT("go"), 0 },
	{ STR_INIT("599 x\r\n"), PARSE_DONE, 599, STR_INIT(""), STR_INIT("x"), 0 },
	{ STR_INIT("250 \xe4\x1b\r\n"), PARSE_DONE, 250, STR_INIT(""),
	  STR_INIT("\xe4\x1b"), 0 },
	/* enhanced codes */
	{ STR_INIT("250 2.0.0\r\n"), PARSE_DONE, 250, STR_INIT("2.0.0"), STR_INIT(""),
	  0 },
	{ STR_INIT("550 5.123.456 x"
		   "\r\n"),
	  PARSE_DONE, 550, STR_INIT("5.123.456"), STR_INIT("x"), 0 },
	{ STR_INIT("550-5.1.1 a\r\n550 b\r\n"), PARSE_DONE, 550, STR_INIT(""),
	  STR_INIT("b"), 0 },
	{ STR_INIT("250 5.1.1 x\r\n"), PARSE_DONE, 250, STR_INIT(""), STR_INIT("5.1.1 x"),
	  0 },
	{ STR_INIT("250 2.1 x\r\n"), PARSE_DONE, 250, STR_INIT(""), STR_INIT("2.1 x"),
	  0 },
	{ STR_INIT("250 2.1.\r\n"), PARSE_DONE, 250, STR_INIT(""), STR_INIT("2.1."), 0 },
	{ STR_INIT("250 2..1\r\n"), PARSE_DONE, 250, STR_INIT(""), STR_INIT("2..1"), 0 },
	{ STR_INIT("250 2.1.0.1 x\r\n"), PARSE_DONE, 250, STR_INIT(""),
	  STR_INIT("2.1.0.1 x"), 0 },
	{ STR_INIT("250 2.1.0x\r\n"), PARSE_DONE, 250, STR_INIT(""), STR_INIT("2.1.0x"),
	  0 },
	{ STR_INIT("250 2.1234.1 x\r\n"), PARSE_DONE, 250, STR_INIT(""),
	  STR_INIT("2.1234.1 x"), 0 },
	{ STR_INIT("250 2.1.1234 x\r\n"), PARSE_DONE, 250, STR_INIT(""),
	  STR_INIT("2.1.1234 x"), 0 },
	{ STR_INIT("250 2.1234\r\n"), PARSE_DONE, 250, STR_INIT(""), STR_INIT("2.1234"),
	  0 },
	/* not complete */
	{ STR_INIT(""), PARSE_MORE, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("2"), PARSE_MORE, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("250 ok"), PARSE_MORE, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("250 ok\r"), PARSE_MORE, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("250-a\r\n"), PARSE_MORE, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("250-a\r\n250-b\r\n25"), PARSE_MORE, 0, STR_INIT(""), STR_INIT(""),
	  0 },
	/* not replies */
	{ STR_INIT("\r\n"), PARSE_BAD, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("25\r\n"), PARSE_BAD, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("250ok\r\n"), PARSE_BAD, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("2500\r\n"), PARSE_BAD, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("250\tok\r\n"), PARSE_BAD, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("199 x\r\n"), PARSE_BAD, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("600 x\r\n"), PARSE_BAD, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("2x0 x\r\n"), PARSE_BAD, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT(" 250 x\r\n"), PARSE_BAD, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("HTTP/1.1 200 OK\r\n"), PARSE_BAD, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("250-a\r\n550 b\r\n"), PARSE_BAD, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("250-a\r\n251-b\r\n"), PARSE_BAD, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("250-a\r\nb\r\n"), PARSE_BAD, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("250 o\0k\r\n"), PARSE_BAD, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("250 o\rk\r\n"), PARSE_BAD, 0, STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("250 ok\r\r\n"), PARSE_BAD, 0, STR_INIT(""), STR_INIT(""), 0 },
};

START_TEST(smtp)
{
	struct reply r;
	size_t used;

	ck_assert_msg(reply_parse(replies[_i].in, &r, &used) == replies[_i].want, "%s",
		      replies[_i].in.p);
	ck_assert_uint_eq(used, replies[_i].want == PARSE_DONE
					? replies[_i].in.n - replies[_i].left
					: 0);
	if (replies[_i].want != PARSE_DONE)
		return;
	ck_assert_int_eq(r.code, replies[_i].code);
	ck_assert_int_eq(reply_class(&r), r.code / 100);
	ck_assert_msg(str_eq(r.enhanced, replies[_i].enhanced), "%s", replies[_i].in.p);
	ck_assert_msg(str_eq(r.text, replies[_i].text), "%s", replies[_i].in.p);
	ck_assert(r.raw.p == replies[_i].in.p && r.raw.n == used);
}
END_TEST

/* n bytes of a line "250-aaa" CRLF, again and again, then end. */
static struct str many(char *dst, size_t line, size_t lines, const char *end)
{
	size_t n = 0;

	for (size_t i = 0; i < lines; i++) {
		memset(dst + n, 'a', line);
		memcpy(dst + n, "250-", 4);
		memcpy(dst + n + line - 2, "\r\n", 2);
		n += line;
	}
	memcpy(dst + n, end, strlen(end));
	return (struct str){ dst, n + strlen(end) };
}

START_TEST(limits)
{
	static char mem[LIMIT_REPLY_LINES * LIMIT_REPLY_LINE];
	struct reply r;
	size_t used;
	static const struct {
		size_t line, lines;
		const char *end;
		enum parse_result want;
	} rows[] = {
		{ LIMIT_REPLY_LINE, 1, "250 x\r\n", PARSE_DONE },
		{ LIMIT_REPLY_LINE + 1, 1, "250 x\r\n", PARSE_BAD },
		{ 100, LIMIT_REPLY_LINES - 1, "250 x\r\n", PARSE_DONE },
		{ 100, LIMIT_REPLY_LINES, "250 x\r\n", PARSE_BAD },
		{ 100, LIMIT_REPLY_LINES, "", PARSE_BAD },
		{ 100, LIMIT_REPLY_LINES - 1, "", PARSE_MORE },
		{ LIMIT_LEG_IN / 8, 8, "", PARSE_BAD }, /* the buffer is full */
		{ LIMIT_LEG_IN / 8, 8, "250 x\r\n", PARSE_BAD },
		{ LIMIT_LEG_IN / 8, 7, "250 x\r\n", PARSE_DONE },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(
			reply_parse(many(mem, rows[i].line, rows[i].lines, rows[i].end),
				    &r, &used) == rows[i].want,
			"row %zu", i);
	memset(mem, '2', sizeof(mem));
	ck_assert_int_eq(
		reply_parse((struct str){ mem, LIMIT_REPLY_LINE - 1 }, &r, &used),
		PARSE_MORE);
	ck_assert_int_eq(reply_parse((struct str){ mem, LIMIT_REPLY_LINE }, &r, &used),
			 PARSE_BAD);
}
END_TEST

START_TEST(lines)
{
	struct reply r;
	size_t used, at = 0;
	struct str line;

	ck_assert_int_eq(reply_parse(STR("250-a b\r\n250-\n250\r\n250 z"), &r, &used),
			 PARSE_DONE);
	ck_assert(reply_line(&r, &at, &line) && str_eq(line, STR("a b")));
	ck_assert(reply_line(&r, &at, &line) && str_empty(line));
	ck_assert(reply_line(&r, &at, &line) && str_empty(line));
	ck_assert(!reply_line(&r, &at, &line));
}
END_TEST

static const struct {
	struct str in;
	uint32_t offer;
	uint64_t size;
} ehlos[] = {
	{ STR_INIT("250 box\r\n"), OFFER_EHLO, 0 },
	{ STR_INIT("502 no\r\n"), 0, 0 },
	{ STR_INIT("502-PIPELINING\r\n502 PIPELINING\r\n"), 0, 0 },
	{ STR_INIT("250 PIPELINING\r\n"), OFFER_EHLO, 0 },
	{ STR_INIT("250-box\r\n250-PIPELINING\r\n250 SIZE 1000\r\n"),
	  OFFER_EHLO | OFFER_PIPELINING | OFFER_SIZE, 1000 },
	{ STR_INIT("250-box\n250-pipelining \n250 size\n"),
	  OFFER_EHLO | OFFER_PIPELINING | OFFER_SIZE, 0 },
	{ STR_INIT("250-box\r\n250 SIZE 0\r\n"), OFFER_EHLO | OFFER_SIZE, 0 },
	{ STR_INIT("250-box\r\n250 SIZE x\r\n"), OFFER_EHLO | OFFER_SIZE, 0 },
	{ STR_INIT("250-box\r\n250 SIZE 99999999999999999999\r\n"),
	  OFFER_EHLO | OFFER_SIZE, 0 },
	{ STR_INIT(
		  "250-box\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-SMTPUTF8\r\n"
		  "250-DSN\r\n250-CHUNKING\r\n250-STARTTLS\r\n250-PRDR\r\n"
		  "250-XCLIENT NAME ADDR\r\n250 XFORWARD NAME\r\n"),
	  OFFER_EHLO | OFFER_8BITMIME | OFFER_ENHANCED | OFFER_SMTPUTF8 | OFFER_DSN |
		  OFFER_CHUNKING | OFFER_STARTTLS | OFFER_PRDR | OFFER_XCLIENT |
		  OFFER_XFORWARD,
	  0 },
	{ STR_INIT(
		  "250-box\r\n250-PIPELININGS\r\n250-XPRDR\r\n250-AUTH=LOGIN\r\n250 \r\n"),
	  OFFER_EHLO, 0 },
};

START_TEST(ehlo)
{
	struct reply r;
	size_t used;
	uint64_t size = 7;

	ck_assert_int_eq(reply_parse(ehlos[_i].in, &r, &used), PARSE_DONE);
	ck_assert_msg(ehlo_offer(&r, &size) == ehlos[_i].offer, "%s", ehlos[_i].in.p);
	ck_assert_uint_eq(size, ehlos[_i].size);
}
END_TEST

static const struct {
	size_t cap;
	struct str box;
	int code;
	struct str text;
	size_t max;
	const char *want;
} brackets[] = {
	{ 99, STR_INIT("MAIL1"), 250, STR_INIT("ok 1262775853 qp 13377 "), 99,
	  "[MAIL1:250_ok_1262775853_qp_13377_]" },
	{ 99, STR_INIT("MAIL1"), 250, STR_INIT("ok.1262775853 qp-13377 "), 99,
	  "[MAIL1:250_ok.1262775853_qp-13377_]" },
	{ 99, STR_INIT("M"), 550, STR_INIT("a]b[c\r\n\x1b\xe4\0d\t"), 99,
	  "[M:550_a?b[c?????d_]" },
	{ 99, STR_INIT("M"), 250, STR_INIT(""), 99, "[M:250]" },
	{ 99, STR_INIT("M"), 250, STR_INIT("ok"), 0, "[M:250]" },
	{ 99, STR_INIT("M"), 250, STR_INIT("abcdef"), 3, "[M:250_abc]" },
	{ 99, STR_INIT("a b]"), 450, STR_INIT("x"), 9, "[a_b?:450_x]" },
	{ 11, STR_INIT("M"), 250, STR_INIT("abcdef"), 99, "[M:250_ab]" },
	{ 5, STR_INIT("MAIL1"), 250, STR_INIT("abcdef"), 99, "[MA]" },
	{ 3, STR_INIT("MAIL1"), 250, STR_INIT("abcdef"), 99, "[]" },
	{ 2, STR_INIT("MAIL1"), 250, STR_INIT("abcdef"), 99, "" },
	{ 1, STR_INIT("MAIL1"), 250, STR_INIT("abcdef"), 99, "" },
};

START_TEST(bracket)
{
	char dst[100];
	size_t n;

	memset(dst, '#', sizeof(dst));
	n = reply_bracket(dst, brackets[_i].cap, brackets[_i].box, brackets[_i].code,
			  brackets[_i].text, brackets[_i].max);
	ck_assert_str_eq(dst, brackets[_i].want);
	ck_assert_uint_eq(n, strlen(brackets[_i].want));
	ck_assert_int_eq(dst[brackets[_i].cap], '#');
	dst[0] = '#';
	ck_assert_uint_eq(reply_bracket(dst, 0, STR("M"), 250, STR("x"), 9), 0);
	ck_assert_int_eq(dst[0], '#');
}
END_TEST

START_TEST(clean)
{
	char dst[8];

	ck_assert_uint_eq(reply_clean(dst, sizeof(dst), STR("a\tb\r\xe4]x")), 7);
	ck_assert_str_eq(dst, "a b??]x");
	ck_assert_uint_eq(reply_clean(dst, 3, STR("abc")), 2);
	ck_assert_str_eq(dst, "ab");
}
END_TEST

static const struct {
	struct str in;
	enum parse_result want;
	bool ok;
	struct str text;
} pops[] = {
	{ STR_INIT("+OK ready <1.2@x>\r\n"), PARSE_DONE, true,
	  STR_INIT("ready <1.2@x>") },
	{ STR_INIT("+OK\r\n"), PARSE_DONE, true, STR_INIT("") },
	{ STR_INIT("+ok\n"), PARSE_DONE, true, STR_INIT("") },
	{ STR_INIT("-ERR no\r\n"), PARSE_DONE, false, STR_INIT("no") },
	{ STR_INIT("-ERR\r\n"), PARSE_DONE, false, STR_INIT("") },
	{ STR_INIT("+OK"), PARSE_MORE, false, STR_INIT("") },
	{ STR_INIT(""), PARSE_MORE, false, STR_INIT("") },
	{ STR_INIT("+OKAY\r\n"), PARSE_BAD, false, STR_INIT("") },
	{ STR_INIT("-ERROR\r\n"), PARSE_BAD, false, STR_INIT("") },
	{ STR_INIT("+ \r\n"), PARSE_BAD, false, STR_INIT("") },
	{ STR_INIT("OK\r\n"), PARSE_BAD, false, STR_INIT("") },
	{ STR_INIT("\r\n"), PARSE_BAD, false, STR_INIT("") },
	{ STR_INIT("+OK a\0b\r\n"), PARSE_BAD, false, STR_INIT("") },
	{ STR_INIT("+OK a\rb\r\n"), PARSE_BAD, false, STR_INIT("") },
};

START_TEST(pop3)
{
	struct pop3_reply r;
	size_t used;

	ck_assert_msg(pop3_reply_parse(pops[_i].in, &r, &used) == pops[_i].want, "%s",
		      pops[_i].in.p);
	ck_assert_uint_eq(used, pops[_i].want == PARSE_DONE ? pops[_i].in.n : 0);
	if (pops[_i].want == PARSE_DONE)
		ck_assert(r.ok == pops[_i].ok && str_eq(r.text, pops[_i].text));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("reply");
	TCase *t = tcase_create("all");
	SRunner *run = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, smtp, 0, (int)ARRAY_LEN(replies));
	tcase_add_test(t, limits);
	tcase_add_test(t, lines);
	tcase_add_loop_test(t, ehlo, 0, (int)ARRAY_LEN(ehlos));
	tcase_add_loop_test(t, bracket, 0, (int)ARRAY_LEN(brackets));
	tcase_add_test(t, clean);
	tcase_add_loop_test(t, pop3, 0, (int)ARRAY_LEN(pops));
	srunner_run_all(run, CK_NORMAL);
	failed = srunner_ntests_failed(run);
	srunner_free(run);
	return failed != 0;
}
