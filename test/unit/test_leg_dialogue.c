/* leg_dialogue: what a box is told, and what is made of all it may answer, at each step. */
#include "lib/session/leg_dialogue.c"

#include "session/play.h"

#define PLAIN_A "A< 220 box", "A> EHLO mx.t", "A< 250 box"

/* clang-format off */
static const struct play plays[] = {
	/* --- greetings --- */
	PLAY("a box that only knows HELO",
	     SCENE_MAIL, "C: RCPT TO:<a1@t>", "A< 220 box", "A> EHLO mx.t", "A< 500 what", "A> HELO mx.t",
	     "A< 250 box", "A> MAIL FROM:<s@t>", "A< 250 ok", "A> RCPT TO:<a1@t>", "A< 250 ok",
	     "S: 250 2.1.5 ok", "C: DATA", "A> DATA", "A< 354 go", SCENE_GO, "C: .", "A> .", "A< 250 ok",
	     "S: 250*", "count A failures 0"),
	PLAY("what it says to HELO is no list of offers",
	     SCENE_MAIL, "C: RCPT TO:<a1@t>", "A< 220 box", "A> EHLO mx.t", "A< 502 what", "A> HELO mx.t",
	     "A< 250-box\r\n250 PIPELINING", "A> MAIL FROM:<s@t>", "A< 250 ok", "A> RCPT TO:<a1@t>"),
	PLAY("a box that knows neither",
	     SCENE_MAIL, "C: RCPT TO:<a1@t>", "A< 220 box", "A> EHLO mx.t", "A< 500 what", "A> HELO mx.t",
	     "A< 500 what", "A is broken", "S: 451 4.4.1 [A:451_what]", "count A failures 1"),
	PLAY("EHLO put off is not tried with HELO",
	     SCENE_MAIL, "C: RCPT TO:<a1@t>", "A< 220 box", "A> EHLO mx.t", "A< 450 not now", "A is broken",
	     "S: 450 4.4.1 [A:450_not_now]"),
	PLAY("LMTP knows no HELO",
	     "lmtp A", SCENE_MAIL, "C: RCPT TO:<a1@t>", "A< 220 box", "A> LHLO mx.t", "A< 500 what",
	     "A is broken", "S: 451 4.4.1 [A:451_what]"),
	PLAY("a greeting of many lines, and in pieces",
	     SCENE_MAIL, "C: RCPT TO:<a1@t>", "A< 220-box", "A< 220-of many", "A< 220 words", "A> EHLO mx.t",
	     "A< 250-box", "A< 250-PIPELINING", "A< 250 SIZE 1000", "A> MAIL FROM:<s@t>",
	     "A> RCPT TO:<a1@t>"),
	PLAY("no greeting within a minute",
	     SCENE_MAIL, "C: RCPT TO:<a1@t>", "A is open", "pass 50000", "A is open", "pass 20000",
	     "A is broken", "S: 451 4.4.1 [A:451_time-out]", "count A failures 1"),

	/* --- pipelining --- */
	PLAY("a box that does not pipeline hears one command at a time",
	     SCENE_MAIL, "C+ RCPT TO:<a1@t>", "C: RCPT TO:<a2@t>", PLAIN_A, "A> MAIL FROM:<s@t>", "A is open",
	     "A< 250 ok", "A> RCPT TO:<a1@t>", "A is open", "A< 250 ok", "S: 250 2.1.5 ok",
	     "A> RCPT TO:<a2@t>", "A< 550 no", "S: 550*", "C: DATA", "A> DATA", "A< 354 go", SCENE_GO, "C: .",
	     "A> .", "A< 250 ok", "S: 250*"),
	PLAY("a refused MAIL and a box that does not pipeline: RCPT is not sent",
	     SCENE_MAIL, "C+ RCPT TO:<a1@t>", "C: RCPT TO:<a2@t>", PLAIN_A, "A> MAIL FROM:<s@t>",
	     "A< 451 4.7.1 later", "S: 451 4.7.1 [A:451_later]", "S: 451 4.7.1 [A:451_later]",
	     "C: RSET", "A> RSET", "S: 250*", "A< 250 ok", "count A idle 1"),
	PLAY("answers in one packet",
	     SCENE_MAIL, "C+ RCPT TO:<a1@t>", "C: RCPT TO:<a2@t>", "A hello", "A> MAIL FROM:<s@t>",
	     "A> RCPT TO:<a1@t>", "A> RCPT TO:<a2@t>", "A< 250 ok\r\n250-yes\r\n250 ok\r\n550 5.1.1 no",
	     "S: 250 2.1.5 ok", "S: 550 5.1.1 [A:550_no]"),
	PLAY("RSET on the way to the pool goes out with the next mail",
	     SCENE_A, "C+ RSET", "C+ MAIL FROM:<s@t>", "C: RCPT TO:<a1@t>", "S: 250*", "S: 250*", "A> RSET",
	     "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A< 250 reset", "A< 250 ok", "A< 250 ok",
	     "S: 250 2.1.5 ok"),
	PLAY("RSET to a box that does not pipeline is waited for",
	     SCENE_MAIL, "C: RCPT TO:<a1@t>", PLAIN_A, "A> MAIL FROM:<s@t>", "A< 250 ok", "A> RCPT TO:<a1@t>",
	     "A< 250 ok", "S: 250*", "C+ RSET", "C+ MAIL FROM:<s@t>", "C: RCPT TO:<a1@t>", "S: 250*",
	     "S: 250*", "A> RSET", "A is open", "A< 250 ok", "A> MAIL FROM:<s@t>", "A< 250 ok",
	     "A> RCPT TO:<a1@t>", "A< 250 ok", "S: 250 2.1.5 ok"),
	PLAY("RSET that fails on the way: a new connection",
	     SCENE_A, "C+ RSET", "C+ MAIL FROM:<s@t>", "C: RCPT TO:<a1@t>", "S: 250*", "S: 250*", "A> RSET",
	     "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A< 503 no", "A1 is broken", "A hello",
	     "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A< 250 ok", "A< 250 ok", "S: 250 2.1.5 ok"),

	/* --- what a box can do --- */
	PLAY("SIZE and BODY are handed on",
	     "C hello", "C: MAIL FROM:<s@t> SIZE=1234 BODY=8BITMIME", "S: 250*", "C: RCPT TO:<a1@t>",
	     "A hello", "A> MAIL FROM:<s@t> SIZE=1234 BODY=8BITMIME", "A> RCPT TO:<a1@t>"),
	PLAY("...but not to a box that does not offer them",
	     "C hello", "C: MAIL FROM:<s@t> SIZE=1234 BODY=7BIT", "S: 250*", "C: RCPT TO:<a1@t>", PLAIN_A,
	     "A> MAIL FROM:<s@t>"),
	PLAY("8-bit mail and a box that takes none",
	     "C hello", "C: MAIL FROM:<s@t> BODY=8BITMIME", "S: 250*", "C+ RCPT TO:<a1@t>",
	     "C: RCPT TO:<a2@t>", PLAIN_A, "S: 554 5.6.3 [A:554_box_takes_no_8-bit_mail]",
	     "S: 554 5.6.3 [A:554_box_takes_no_8-bit_mail]", "C: RSET", "A> RSET", "S: 250*", "A< 250 ok",
	     "count A idle 1", "count A failures 0"),
	PLAY("a mail that is too big for the box",
	     "C hello", "C: MAIL FROM:<s@t> SIZE=50001", "S: 250*", "C: RCPT TO:<a1@t>", "A hello",
	     "S: 552 5.3.4 [A:552_mail_is_too_big_for_the_box]"),
	PLAY("a mail that just fits",
	     "C hello", "C: MAIL FROM:<s@t> SIZE=50000", "S: 250*", "C: RCPT TO:<a1@t>", "A hello",
	     "A> MAIL FROM:<s@t> SIZE=50000", "A> RCPT TO:<a1@t>"),
	PLAY("a null sender",
	     "C hello", "C: MAIL FROM:<>", "S: 250*", "C: RCPT TO:<a1@t>", "A hello", "A> MAIL FROM:<>",
	     "A> RCPT TO:<a1@t>"),

	/* --- odd answers --- */
	PLAY("2xx of other kinds",
	     SCENE_MAIL, "C: RCPT TO:<a1@t>", "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>",
	     "A< 200 ok", "A< 251 forwarded", "S: 250 2.1.5 ok"),
	PLAY("3xx to MAIL and RCPT is no yes",
	     SCENE_MAIL, "C: RCPT TO:<a1@t>", "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>",
	     "A< 354 go", "A< 250 ok", "S: 451 4.3.0 [A:354_go]", "C: RCPT TO:<a2@t>", "S: 451*"),
	PLAY("3xx to RCPT",
	     SCENE_MAIL, "C: RCPT TO:<a1@t>", "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>",
	     "A< 250 ok", "A< 354 go", "S: 451 4.3.0 [A:354_go]"),
	PLAY("one answer too many: nobody is blamed, and the connection goes",
	     SCENE_MAIL, "C: RCPT TO:<a1@t>", "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>",
	     "A< 250 ok\r\n250 ok\r\n250 what", "A is broken", "S: 250 2.1.5 ok", "C: DATA",
	     "S: 451 4.4.2 a box of this mail was lost, send it again", "count A failures 0"),
	PLAY("one answer too many behind the end mark: the mail stands, the connection goes",
	     SCENE_BODY_A, "A< 250 kept\r\n250 what", "S: 250 2.0.0 [A:250_kept]", "A is broken",
	     "count A idle 0"),
	PLAY("354 twice", SCENE_A, "C: DATA", "A> DATA", "A< 354 go\r\n354 go", SCENE_GO, "A is broken",
	     "C: .", "S: 451 4.5.0 [A:451_box_answered_before_the_end_of_the_mail]"),

	PLAY("LMTP answers the end mark once a recipient",
	     "lmtp A", SCENE_MAIL, "C+ RCPT TO:<a1@t>", "C+ RCPT TO:<a2@t>", "C: RCPT TO:<a3@t>",
	     "A< 220 box", "A> LHLO mx.t", "A< 250-box\r\n250 PIPELINING", "A> MAIL FROM:<s@t>",
	     "A> RCPT TO:<a1@t>", "A> RCPT TO:<a2@t>", "A> RCPT TO:<a3@t>",
	     "A< 250 ok\r\n250 ok\r\n550 no\r\n250 ok", "S: 250*", "S: 550*", "S: 250*", "C: DATA",
	     "A> DATA", "A< 354 go", SCENE_GO, "C: .", "A> .", "A< 250 one", "C is open", "A< 250 three",
	     "S: 250 2.0.0 [A:250_one][A:250_three]"),

	/* --- in the pool --- */
	PLAY("an idle connection is closed in time, with a word",
	     SCENE_BODY_A, "A< 250 ok", "S: 250*", "pass 10000", "A is open", "pass 20000", "A> QUIT",
	     "A is closed", "count A idle 0", "count A sessions 0", "count A failures 0"),
	PLAY("RSET is awaited in the pool, too",
	     SCENE_A, "C: RSET", "A> RSET", "S: 250*", "pass 40000", "A is open", "pass 30000", "A is broken",
	     "count A idle 0", "count A failures 1"),
	PLAY("and when it has come, the idle time runs",
	     SCENE_A, "C: RSET", "A> RSET", "S: 250*", "pass 40000", "A< 250 ok", "pass 10000", "A is open",
	     "pass 20000", "A> QUIT", "A is closed"),
	PLAY("a box that says goodbye in the pool",
	     SCENE_BODY_A, "A< 250 ok", "S: 250*", "A< 421 idle", "A is broken", "count A idle 0",
	     "count A failures 0"),
	PLAY("a box that babbles in the pool",
	     SCENE_BODY_A, "A< 250 ok", "S: 250*", "A< 250 ok", "A is broken", "count A idle 0"),
	PLAY("while a mail is collected the idle time does not run",
	     SCENE_A, "pass 250000", "A is open", "C: DATA", "A> DATA", "A< 354 go", SCENE_GO),
};

/* --- every fault at every step --- */

/* Up to where the box owes us an answer (or owes none, "idle"). */
static const struct {
	const char *name;
	const char *const *upto;
	const char *const *after; /* what the client asks to hear of it; NULL: it hears at once */
	int failures, timeout_s;
} faulty[] = {
	{ "greeting", (const char *const[]){ SCENE_MAIL, "C: RCPT TO:<a1@t>", NULL }, NULL, 1, 60 },
	{ "EHLO", (const char *const[]){ SCENE_MAIL, "C: RCPT TO:<a1@t>", "A< 220 box",
					 "A> EHLO mx.t", NULL }, NULL, 1, 60 },
	{ "MAIL", (const char *const[]){ SCENE_MAIL, "C: RCPT TO:<a1@t>", "A hello",
					 "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", NULL }, NULL, 1, 300 },
	{ "RCPT", (const char *const[]){ SCENE_MAIL, "C: RCPT TO:<a1@t>", "A hello",
					 "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A< 250 ok", NULL },
	  NULL, 1, 300 },
	{ "idle", (const char *const[]){ SCENE_A, NULL },
	  (const char *const[]){ "C: DATA", NULL }, 0, 0 },
	{ "DATA", (const char *const[]){ SCENE_A, "C: DATA", "A> DATA", NULL }, NULL, 1, 120 },
	{ "body", (const char *const[]){ SCENE_DATA_A, "C: hi", "A> hi", NULL },
	  (const char *const[]){ "C: .", NULL }, 1, 0 },
	{ "end mark", (const char *const[]){ SCENE_BODY_A, NULL }, NULL, 1, 600 },
};

/* Time-outs come last. */
static const char *const faults[] = {
	"A closes", "A resets", "A< 421 4.3.2 bye", "A< what", "A< 250-ok\r\n550 no", "A~~", "wait",
};
/* clang-format on */

START_TEST(play)
{
	play_run(&plays[_i]);
}
END_TEST

static void endless_line(void)
{
	static char x[LIMIT_LEG_IN + 10];

	memset(x, '2', sizeof(x));
	io_memory_feed(stage.legs[0].io, (struct str){ x, sizeof(x) });
	stage_turn();
}

static void fault_comes(const char *fault, int timeout_s)
{
	char line[40];

	if (strcmp(fault, "A~~") == 0) {
		endless_line();
	} else if (strcmp(fault, "wait") == 0) {
		snprintf(line, sizeof(line), "pass %d", (timeout_s - 10) * 1000);
		play_line(line);
		play_line("A is open");
		play_line("pass 20000");
	} else {
		play_line(fault);
	}
}

/* The leg is broken, the client hears 451, nothing was delivered, and the session goes on. */
START_TEST(fault_at_each_step)
{
	size_t step = (size_t)_i / ARRAY_LEN(faults), fault = (size_t)_i % ARRAY_LEN(faults);
	char line[40];

	if (faulty[step].timeout_s == 0 && strcmp(faults[fault], "wait") == 0)
		return; /* nothing is awaited */
	play_name = faulty[step].name;
	stage_open();
	stage_client();
	play_script(faulty[step].upto);
	fault_comes(faults[fault], faulty[step].timeout_s);
	play_line("A is broken");
	if (faulty[step].after)
		play_lines(faulty[step].after);
	play_line("S: 451 4*");
	snprintf(line, sizeof(line), "count A failures %d", faulty[step].failures);
	play_line(line);
	play_line("count mails 0");
	play_line("count A sessions 0");
	play_line("ledger rows 0");
	play_line("C: RSET");
	play_line("S: 250 2.0.0 ok");
	stage_close();
}
END_TEST

/* Servers that leave mail to their queue runs after some mails of a session get a new one. */
START_TEST(renewed)
{
	static const char *const first[] = { SCENE_MAIL, "C: RCPT TO:<a1@t>", NULL };
	static const char *const mail[] = { "A> MAIL FROM:<s@t>",
					    "A> RCPT TO:<a1@t>",
					    "A< 250 ok",
					    "A< 250 ok",
					    "S: 250*",
					    "C: DATA",
					    "A> DATA",
					    "A< 354 go",
					    "S: 354*",
					    "C: .",
					    "A> .",
					    "A< 250 ok",
					    NULL };
	static const char *const next[] = { "S: 250*", "C: MAIL FROM:<s@t>", "S: 250*",
					    "C: RCPT TO:<a1@t>", NULL };
	unsigned uses = _i ? POOL_USES_EXIM : POOL_USES;

	stage_open();
	stage_client();
	play_script(first);
	play_line(_i ? "A< 220 box ESMTP Exim 4.96 Mon" : "A< 220 Exim.example ESMTP");
	play_line("A> EHLO mx.t");
	play_line("A< 250-box\r\n250 PIPELINING");
	for (unsigned i = 1; i < uses; i++) {
		play_lines(mail);
		play_lines(next);
	}
	play_lines(mail);
	play_line("A> QUIT");
	play_line("A is closed");
	play_script(next);
	play_line("A2< 220 box");
	play_line("A2> EHLO mx.t");
	stage_close();
}
END_TEST

START_TEST(names)
{
	for (int s = 0; s < STEP_COUNT; s++)
		ck_assert_uint_gt(strlen(leg_step_name((enum leg_step)s)), 0);
	ck_assert_str_eq(leg_step_name(STEP_END), "end mark");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("leg_dialogue");
	TCase *t = tcase_create("plays");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, play, 0, (int)ARRAY_LEN(plays));
	tcase_add_loop_test(t, fault_at_each_step, 0, (int)(ARRAY_LEN(faulty) * ARRAY_LEN(faults)));
	tcase_add_test(t, names);
	suite_add_tcase(s, t);
	t = tcase_create("long");
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, renewed, 0, 2);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
