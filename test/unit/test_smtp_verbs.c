/* smtp_verbs: every verb in every state, and the small ones' words. */
#include "lib/session/smtp_verbs.c"

#include "session/play.h"

/* --- every verb in every state --- */

static const struct {
	enum smtp_state state;
	const char *const *upto;
} states[] = {
	{ S_GREETED, (const char *const[]){ "S: 220*", NULL } },
	{ S_HELO, (const char *const[]){ "C hello", NULL } },
	{ S_MAIL, (const char *const[]){ SCENE_MAIL, NULL } },
	{ S_RCPT, (const char *const[]){ SCENE_A, NULL } },
};

/* The code of the answer in each of these states; 0: none yet, a box is asked. */
static const struct {
	const char *line;
	int code[4];
} lines[] = {
	{ "HELO me", { 250, 250, 250, 250 } },
	{ "HELO", { 250, 250, 250, 250 } },
	{ "HELO <me>", { 501, 501, 501, 501 } },
	{ "EHLO me", { 250, 250, 250, 250 } },
	{ "EHLO [10.1.2.3]", { 250, 250, 250, 250 } },
	{ "EHLO", { 501, 501, 501, 501 } },
	{ "EHLO a b", { 501, 501, 501, 501 } },
	{ "MAIL FROM:<s@t>", { 503, 250, 503, 503 } },
	{ "mail from:<s@t>", { 503, 250, 503, 503 } },
	{ "MAIL FROM:<>", { 503, 250, 503, 503 } },
	{ "MAIL", { 503, 501, 503, 503 } },
	{ "RCPT TO:<u@t>", { 503, 503, 550, 550 } },
	{ "RCPT TO:<a9@t>", { 503, 503, 0, 0 } },
	{ "RCPT", { 503, 503, 501, 501 } },
	{ "DATA", { 503, 503, 554, 0 } },
	{ "DATA now", { 503, 503, 501, 501 } },
	{ "RSET", { 250, 250, 250, 250 } },
	{ "RSET x", { 501, 501, 501, 501 } },
	{ "NOOP", { 250, 250, 250, 250 } },
	{ "NOOP anything", { 250, 250, 250, 250 } },
	{ "noop", { 250, 250, 250, 250 } },
	{ "QUIT", { 221, 221, 221, 221 } },
	{ "QUIT x", { 501, 501, 501, 501 } },
	{ "VRFY a@t", { 252, 252, 252, 252 } },
	{ "VRFY", { 501, 501, 501, 501 } },
	{ "EXPN list", { 502, 502, 502, 502 } },
	{ "ETRN t", { 502, 502, 502, 502 } },
	{ "HELP", { 214, 214, 214, 214 } },
	{ "HELP MAIL", { 214, 214, 214, 214 } },
	{ "", { 500, 500, 500, 500 } },
	{ " NOOP", { 500, 500, 500, 500 } },
	{ "NOOPS", { 500, 500, 500, 500 } },
	{ "STARTTLS", { 500, 500, 500, 500 } },
	{ "AUTH PLAIN", { 503, 334, 503, 503 } },
	{ "AUTH", { 503, 501, 503, 503 } },
	{ "AUTH OTP", { 503, 504, 503, 503 } },
	{ "AUTH PLAIN ?", { 503, 501, 503, 503 } },
	{ "BDAT 5", { 500, 500, 500, 500 } },
};

/* The code of the last line written, 0 when there is none. */
static int answer_code(void)
{
	struct str all = str_skip(play_written(&stage.clients[0]), stage.clients[0].read), line;
	int code = 0;

	while (str_split(&all, '\n', &line))
		code = line.n > 3 && line.p[3] == ' ' ? atoi(line.p) : code;
	stage.clients[0].read = play_written(&stage.clients[0]).n;
	return code;
}

/* 500, 501, 503 and 504 are counted as errors; what is refused for other reasons is not. */
static bool is_error(int code)
{
	return code == 500 || code == 501 || code == 503 || code == 504;
}

START_TEST(verb_in_each_state)
{
	for (size_t s = 0; s < ARRAY_LEN(states); s++) {
		struct smtp_session *c;
		int code = lines[_i].code[s];

		stage_open();
		stage_client();
		c = (struct smtp_session *)(void *)stage.sessions[0];
		play_name = lines[_i].line;
		play_lines(states[s].upto);
		ck_assert_int_eq(c->state, states[s].state);
		io_memory_feed(stage.clients[0].io, str_z(lines[_i].line));
		io_memory_feed(stage.clients[0].io, STR("\r\n"));
		stage_turn();
		ck_assert_int_eq(answer_code(), code);
		ck_assert_int_eq(stage.clients[0].how, code == 221 ? END_CLOSED : END_OPEN);
		if (code != 221)
			ck_assert_uint_eq(c->errors, is_error(code));
		stage_close();
	}
}
END_TEST

/* --- words --- */

/* clang-format off */
static const struct play plays[] = {
	PLAY("EHLO",
	     "S: 220 mx.t ESMTP", "C: EHLO me", "S: 250-mx.t", "S: 250-PIPELINING", "S: 250-SIZE 102400",
	     "S: 250-8BITMIME", "S: 250-ENHANCEDSTATUSCODES",
	     "S: 250-AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256", "S: 250-PRDR", "S: 250-LIMITS RCPTMAX=1000",
	     "S: 250 HELP"),
	PLAY("HELO", "S: 220 mx.t ESMTP", "C: HELO me", "S: 250 ok"),
	PLAY("HELP",
	     "S: 220 mx.t ESMTP", "C: HELP", "S: 214-2.0.0 HELO name", "S: 214-2.0.0 EHLO name",
	     "S: 214-2.0.0 AUTH mechanism [initial-response]", "S: 214-2.0.0 MAIL FROM:<sender> [SIZE=n] [BODY=8BITMIME]",
	     "S: 214-2.0.0 RCPT TO:<recipient>", "S: 214-2.0.0 DATA", "S: 214-2.0.0 RSET",
	     "S: 214-2.0.0 NOOP", "S: 214-2.0.0 QUIT", "S: 214-2.0.0 VRFY address", "S: 214-2.0.0 HELP",
	     "S: 214 2.0.0 end of HELP"),
	PLAY("nothing is told of addresses",
	     "S: 220 mx.t ESMTP", "C: VRFY a1@t", "S: 252 2.5.2 send mail, and you will see",
	     "C: VRFY u1@t", "S: 252 2.5.2 send mail, and you will see",
	     "C: EXPN ab@t", "S: 502 5.5.1 EXPN is not offered"),
	PLAY("out of order",
	     "S: 220 mx.t ESMTP", "C: MAIL FROM:<s@t>", "S: 503 5.5.1 say EHLO or HELO first",
	     "C: HELO me", "S: 250 ok", "C: DATA", "S: 503 5.5.1 say MAIL first", "C: MAIL FROM:<s@t>",
	     "S: 250 2.1.0 ok", "C: MAIL FROM:<s@t>", "S: 503 5.5.1 a mail is under way already",
	     "count refused_syntax 3", "logged 1-1 refused - 503 5.5.1 say MAIL first"),
	PLAY("arguments",
	     "S: 220 mx.t ESMTP", "C: QUIT now", "S: 501 5.5.4 QUIT takes no argument",
	     "C: quit", "S: 221 2.0.0 bye", "C is closed quit"),
	PLAY("EHLO forgets the mail",
	     SCENE_A, "C: EHLO again", "A> RSET", "S: 250-mx.t", "S: 250-PIPELINING",
	     "S: 250-SIZE 50000", "S: 250-8BITMIME", "S: 250-ENHANCEDSTATUSCODES",
	     "S: 250-AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256", "S: 250-PRDR",
	     "S: 250-LIMITS RCPTMAX=1000", "S: 250 HELP", "C: DATA", "S: 503 5.5.1 say MAIL first"),
	PLAY("a bad EHLO does not", SCENE_A, "C: EHLO", "S: 501*", "C: DATA", "A> DATA"),
};
/* clang-format on */

START_TEST(play)
{
	play_run(&plays[_i]);
}
END_TEST

START_TEST(overtaking)
{
	ck_assert(smtp_may_overtake(STR("RCPT TO:<a@t>")) && smtp_may_overtake(STR("rcpt")));
	ck_assert(!smtp_may_overtake(STR("DATA")) && !smtp_may_overtake(STR("NOOP")));
	ck_assert(!smtp_may_overtake(STR("RCPTS")) && !smtp_may_overtake(STR("")));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smtp_verbs");
	TCase *t = tcase_create("verbs");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, verb_in_each_state, 0, (int)ARRAY_LEN(lines));
	tcase_add_loop_test(t, play, 0, (int)ARRAY_LEN(plays));
	tcase_add_test(t, overtaking);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
