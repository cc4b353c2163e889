/* smtp_line: lines, verbs, arguments and ESMTP parameters. */
#include "lib/wire/smtp_line.c"

#include <check.h>

static const struct {
	struct str in;
	size_t max;
	enum line_result want;
	struct str line;
	size_t used;
} lines[] = {
	{ STR_INIT("NOOP\r\nX"), 99, LINE_OK, STR_INIT("NOOP"), 6 },
	{ STR_INIT("\r\n"), 99, LINE_OK, STR_INIT(""), 2 },
	{ STR_INIT("NOOP\nX"), 99, LINE_BARE, STR_INIT("NOOP"), 5 },
	{ STR_INIT("\n"), 99, LINE_BARE, STR_INIT(""), 1 },
	{ STR_INIT(""), 99, LINE_MORE, STR_INIT(""), 0 },
	{ STR_INIT("NOOP"), 99, LINE_MORE, STR_INIT(""), 0 },
	{ STR_INIT("NOOP\r"), 99, LINE_MORE, STR_INIT(""), 0 },
	{ STR_INIT("NO\0P\r\n"), 99, LINE_NUL, STR_INIT("NO\0P"), 6 },
	{ STR_INIT("NO\rP\r\n"), 99, LINE_NUL, STR_INIT("NO\rP"), 6 },
	{ STR_INIT("NOOP\r\r\n"), 99, LINE_NUL, STR_INIT("NOOP\r"), 7 },
	{ STR_INIT("NO\0P\n"), 99, LINE_NUL, STR_INIT("NO\0P"), 5 },
	{ STR_INIT("NOOP\r\n"), 6, LINE_OK, STR_INIT("NOOP"), 6 },
	{ STR_INIT("NOOPS\r\n"), 6, LINE_LONG, STR_INIT("NOOPS"), 7 },
	{ STR_INIT("NOOPS\r"), 6, LINE_LONG, STR_INIT(""), 6 },
	{ STR_INIT("NOOP\r"), 6, LINE_MORE, STR_INIT(""), 0 },
	{ STR_INIT("NOOP NOOP NOOP"), 6, LINE_LONG, STR_INIT(""), 14 },
};

START_TEST(next_line)
{
	struct str line;
	size_t used;

	ck_assert_int_eq(line_next(lines[_i].in, lines[_i].max, &line, &used),
			 lines[_i].want);
	ck_assert(str_eq(line, lines[_i].line));
	ck_assert_uint_eq(used, lines[_i].used);
}
END_TEST

static const struct {
	struct str line, verb, args;
} splits[] = {
	{ STR_INIT("EHLO x"), STR_INIT("EHLO"), STR_INIT("x") },
	{ STR_INIT("EHLO"), STR_INIT("EHLO"), STR_INIT("") },
	{ STR_INIT("EHLO  x y \t "), STR_INIT("EHLO"), STR_INIT("x y") },
	{ STR_INIT("EHLO\tx"), STR_INIT("EHLO"), STR_INIT("x") },
	{ STR_INIT("EHLO "), STR_INIT("EHLO"), STR_INIT("") },
	{ STR_INIT(""), STR_INIT(""), STR_INIT("") },
	{ STR_INIT("   "), STR_INIT(""), STR_INIT("") },
	{ STR_INIT(" EHLO x"), STR_INIT(""), STR_INIT("EHLO x") },
};

START_TEST(split)
{
	struct smtp_line l;

	smtp_line_split(splits[_i].line, &l);
	ck_assert(str_eq(l.verb, splits[_i].verb));
	ck_assert(str_eq(l.args, splits[_i].args));
}
END_TEST

static const struct {
	struct str in;
	enum args_fault want;
	struct str full;
	uint64_t size;
	enum smtp_body body;
	bool prdr;
} mails[] = {
	{ STR_INIT("FROM:<a@b>"), ARGS_OK, STR_INIT("a@b"), 0, BODY_7BIT, false },
	{ STR_INIT("from:<a@b>"), ARGS_OK, STR_INIT("a@b"), 0, BODY_7BIT, false },
	{ STR_INIT("FROM: \t <a@b>"), ARGS_OK, STR_INIT("a@b"), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<>"), ARGS_OK, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<@x:a@b> size=10"), ARGS_OK, STR_INIT("a@b"), 10, BODY_7BIT,
	  false },
	{ STR_INIT("FROM:<a@b> SIZE=1 BODY=8bitMIME PRDR "), ARGS_OK, STR_INIT("a@b"), 1,
	  BODY_8BITMIME, true },
	{ STR_INIT("FROM:<a@b>   PRDR  BODY=7BIT"), ARGS_OK, STR_INIT("a@b"), 0,
	  BODY_7BIT, true },
	{ STR_INIT("FROM:<a@b> SIZE=0"), ARGS_OK, STR_INIT("a@b"), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> SIZE=00000000000000000001"), ARGS_OK, STR_INIT("a@b"), 1,
	  BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> SIZE=18446744073709551615"), ARGS_OK, STR_INIT("a@b"),
	  UINT64_MAX, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> SIZE=18446744073709551614"), ARGS_OK, STR_INIT("a@b"),
	  UINT64_MAX - 1, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> SIZE=18446744073709551616"), ARGS_OK, STR_INIT("a@b"),
	  UINT64_MAX, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> SIZE=99999999999999999999"), ARGS_OK, STR_INIT("a@b"),
	  UINT64_MAX, BODY_7BIT, false },
	/* syntax */
	{ STR_INIT(""), ARGS_SYNTAX, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM"), ARGS_SYNTAX, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("TO:<a@b>"), ARGS_SYNTAX, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM :<a@b>"), ARGS_SYNTAX, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b>SIZE=1"), ARGS_SYNTAX, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b>>"), ARGS_SYNTAX, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> SIZE="), ARGS_SYNTAX, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> =1"), ARGS_SYNTAX, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> -X=1"), ARGS_SYNTAX, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> X_Y=1"), ARGS_SYNTAX, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> SIZE=1=2"), ARGS_SYNTAX, STR_INIT(""), 0, BODY_7BIT,
	  false },
	{ STR_INIT("FROM:<a@b> SIZE=\xe4"), ARGS_SYNTAX, STR_INIT(""), 0, BODY_7BIT,
	  false },
	{ STR_INIT("FROM:<a@b> SIZE = 1"), ARGS_PARAM_VALUE, STR_INIT(""), 0, BODY_7BIT,
	  false },
	{ STR_INIT("FROM:<a\0@b>"), ARGS_SYNTAX, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> SIZE=1\r"), ARGS_SYNTAX, STR_INIT(""), 0, BODY_7BIT,
	  false },
	{ STR_INIT("FROM:<a@b> \x7f"), ARGS_SYNTAX, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:\x1b<a@b>"), ARGS_SYNTAX, STR_INIT(""), 0, BODY_7BIT, false },
	/* the address */
	{ STR_INIT("FROM:"), ARGS_ADDRESS, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:a@b"), ARGS_ADDRESS, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<postmaster>"), ARGS_ADDRESS, STR_INIT(""), 0, BODY_7BIT,
	  false },
	{ STR_INIT("FROM:<a\tb@c>"), ARGS_ADDRESS, STR_INIT(""), 0, BODY_7BIT, false },
	/* parameters */
	{ STR_INIT("FROM:<a@b> X"), ARGS_PARAM, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> SIZE=1 SIZE=1"), ARGS_PARAM, STR_INIT(""), 0, BODY_7BIT,
	  false },
	{ STR_INIT("FROM:<a@b> PRDR prdr"), ARGS_PARAM, STR_INIT(""), 0, BODY_7BIT,
	  false },
	{ STR_INIT("FROM:<a@b> SMTPUTF8"), ARGS_PARAM, STR_INIT(""), 0, BODY_7BIT,
	  false },
	{ STR_INIT("FROM:<a@b> AUTH=<>"), ARGS_OK, STR_INIT("a@b"), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> AUTH=c+40d AUTH=<>"), ARGS_PARAM, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> AUTH"), ARGS_PARAM_VALUE, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> RET=HDRS"), ARGS_PARAM, STR_INIT(""), 0, BODY_7BIT,
	  false },
	{ STR_INIT("FROM:<a@b> SIZ=1"), ARGS_PARAM, STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> SIZE"), ARGS_PARAM_VALUE, STR_INIT(""), 0, BODY_7BIT,
	  false },
	{ STR_INIT("FROM:<a@b> SIZE=1k"), ARGS_PARAM_VALUE, STR_INIT(""), 0, BODY_7BIT,
	  false },
	{ STR_INIT("FROM:<a@b> SIZE=-1"), ARGS_PARAM_VALUE, STR_INIT(""), 0, BODY_7BIT,
	  false },
	{ STR_INIT("FROM:<a@b> SIZE=000000000000000000001"), ARGS_PARAM_VALUE,
	  STR_INIT(""), 0, BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> BODY"), ARGS_PARAM_VALUE, STR_INIT(""), 0, BODY_7BIT,
	  false },
	{ STR_INIT("FROM:<a@b> BODY=BINARYMIME"), ARGS_PARAM_VALUE, STR_INIT(""), 0,
	  BODY_7BIT, false },
	{ STR_INIT("FROM:<a@b> PRDR=1"), ARGS_PARAM_VALUE, STR_INIT(""), 0, BODY_7BIT,
	  false },
};

START_TEST(mail)
{
	struct mail_args m;
	enum address_fault af = ADDRESS_FAULTS;

	ck_assert_msg(mail_args_parse(mails[_i].in, &m, &af) == mails[_i].want, "%s",
		      mails[_i].in.p);
	ck_assert((af == ADDRESS_OK) == (mails[_i].want != ARGS_ADDRESS));
	ck_assert(!m.smtputf8);
	if (mails[_i].want != ARGS_OK)
		return;
	ck_assert(str_eq(m.reverse_path.full, mails[_i].full));
	ck_assert_uint_eq(m.size, mails[_i].size);
	ck_assert(m.body == mails[_i].body && m.prdr == mails[_i].prdr);
}
END_TEST

static const struct {
	struct str in;
	enum args_fault want;
	struct str full;
} rcpts[] = {
	{ STR_INIT("TO:<a@b>"), ARGS_OK, STR_INIT("a@b") },
	{ STR_INIT("to: <a@b> "), ARGS_OK, STR_INIT("a@b") },
	{ STR_INIT("TO:<@x,@y:a@b>"), ARGS_OK, STR_INIT("a@b") },
	{ STR_INIT("TO:<Postmaster>"), ARGS_OK, STR_INIT("Postmaster") },
	{ STR_INIT("TO:<>"), ARGS_ADDRESS, STR_INIT("") },
	{ STR_INIT("TO:<a..b@c>"), ARGS_ADDRESS, STR_INIT("") },
	{ STR_INIT("FROM:<a@b>"), ARGS_SYNTAX, STR_INIT("") },
	{ STR_INIT("TO:<a@b>x"), ARGS_SYNTAX, STR_INIT("") },
	{ STR_INIT("TO:<a@b> N="), ARGS_SYNTAX, STR_INIT("") },
	{ STR_INIT("TO:<a@b> NOTIFY=NEVER"), ARGS_PARAM, STR_INIT("") },
	{ STR_INIT("TO:<a@b> SIZE=1"), ARGS_PARAM, STR_INIT("") },
};

START_TEST(rcpt)
{
	struct rcpt_args r;
	enum address_fault af = ADDRESS_FAULTS;

	ck_assert_msg(rcpt_args_parse(rcpts[_i].in, &r, &af) == rcpts[_i].want, "%s",
		      rcpts[_i].in.p);
	ck_assert((af == ADDRESS_OK) == (rcpts[_i].want != ARGS_ADDRESS));
	if (rcpts[_i].want == ARGS_OK)
		ck_assert(str_eq(r.forward_path.full, rcpts[_i].full));
}
END_TEST

START_TEST(helo)
{
	static const char *const good[] = { "a",	 "mail.example.com",
					    "[1.2.3.4]", "[IPv6:::1]",
					    "my_pc",	 "-" };
	static const struct str bad[] = { STR_INIT(""),	    STR_INIT("a b"),
					  STR_INIT("a\0b"), STR_INIT("a\r"),
					  STR_INIT("<a>"),  STR_INIT("\xe4"),
					  STR_INIT("a(b)"), STR_INIT("a;b") };
	char name[255];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(helo_name_ok(str_z(good[i])), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!helo_name_ok(bad[i]), "%s", bad[i].p);
	memset(name, 'a', sizeof(name));
	ck_assert(helo_name_ok((struct str){ name, 253 }));
	ck_assert(!helo_name_ok((struct str){ name, 254 }));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smtp_line");
	TCase *t = tcase_create("all");
	SRunner *run = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, next_line, 0, (int)ARRAY_LEN(lines));
	tcase_add_loop_test(t, split, 0, (int)ARRAY_LEN(splits));
	tcase_add_loop_test(t, mail, 0, (int)ARRAY_LEN(mails));
	tcase_add_loop_test(t, rcpt, 0, (int)ARRAY_LEN(rcpts));
	tcase_add_test(t, helo);
	srunner_run_all(run, CK_NORMAL);
	failed = srunner_ntests_failed(run);
	srunner_free(run);
	return failed != 0;
}
