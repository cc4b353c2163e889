/* settle: what several boxes say to one mail becomes one answer, and the ledger keeps who has it. */
#include "lib/session/settle.c"

#include "session/play.h"

/* The same mail again, over the connections that wait. */
#define RETRY "C: MAIL FROM:<s@t>", "S: 250 2.1.0 ok"
#define RETRY_RCPT(box, to) \
	"C: RCPT TO:<" to ">", box "> MAIL FROM:<s@t>", box "> RCPT TO:<" to ">", \
		box "< 250 ok", box "< 250 ok", "S: 250 2.1.5 ok"
#define MIXED SCENE_BODY_AB, "A< 250 kept", "B< 452 4.2.2 full"
#define MIXED_ANSWER "S: 451 4.2.2 [A:250_kept][B:452_full]"
#define PRDR_AB \
	"C hello", "C: MAIL FROM:<s@t> PRDR", "S: 250 2.1.0 ok", SCENE_RCPT("A", "a1@t"), \
		SCENE_RCPT("B", "b1@t"), "C: DATA", "A> DATA", "B> DATA", "A< 354 go", \
		"B< 354 go", SCENE_GO, "C: hi", "A> hi", "B> hi", "C: .", "A> .", "B> ."

/* clang-format off */
static const struct play plays[] = {
	/* --- one answer --- */
	PLAY("all have it",
	     SCENE_BODY_AB, "A< 250 2.0.0 one", "C is open", "B< 250 two",
	     "S: 250 2.0.0 [A:250_one][B:250_two]", "ledger rows 0", "count mails 1",
	     "count recipients 2", "count mails_mixed 0",
	     "logged s@t => a1@t \"\":0kB success - 250 2.0.0 [A:250_one][B:250_two]",
	     "logged s@t => b1@t \"\":0kB success - 250 2.0.0 [A:250_one][B:250_two]"),
	PLAY("none has it: 5xx of both",
	     SCENE_BODY_AB, "A< 554 5.7.1 spam", "B< 554 5.7.1 spam",
	     "S: 554 5.7.1 [A:554_spam][B:554_spam]", "ledger rows 0", "count mails 0",
	     "count refused_box 2", "count A refused 1",
	     "logged s@t => a1@t \"\":0kB failure - 554 5.7.1 [A:554_spam][B:554_spam]"),
	PLAY("none has it: a 5xx and a 4xx are a 4xx",
	     SCENE_BODY_AB, "A< 554 5.7.1 spam", "B< 452 4.2.2 full",
	     "S: 452 4.2.2 [A:554_spam][B:452_full]", "ledger rows 0", "count mails_mixed 0"),
	PLAY("none has it: two kinds of 4xx",
	     SCENE_BODY_AB, "A< 451 4.7.1 later", "B< 452 4.2.2 full",
	     "S: 451 4.3.0 [A:451_later][B:452_full]"),
	PLAY("one lost behind its end mark: it may have it or not",
	     SCENE_BODY_AB, "A closes", "A is broken", "C is open", "B< 250 ok", "ledger rows 1",
	     "ledger b1@t delivered B", "ledger durable",
	     "S: 451 4.4.2 [A:451_box_closed_the_connection][B:250_ok]", "count A failures 1"),
	PLAY("the only one lost behind its end mark",
	     SCENE_BODY_A, "A resets", "S: 451 4.4.2 [A:451_connection_lost:_Connection_reset_by_peer]",
	     "ledger rows 0"),
	PLAY("the only one is silent behind its end mark",
	     SCENE_BODY_A, "pass 590000", "C is open", "pass 20000", "S: 451 4.4.2 [A:451_time-out]",
	     "A is broken", "count A failures 1"),
	PLAY("354 to the end mark is no verdict",
	     SCENE_BODY_A, "A< 354 go on", "S: 451 4.3.0 [A:354_go_on]"),
	PLAY("421 to the end mark",
	     SCENE_BODY_AB, "A< 421 4.3.2 bye", "A is broken", "B< 250 ok", "ledger durable",
	     "S: 451 4.4.2 [A:451_bye][B:250_ok]", "ledger rows 1"),

	/* --- mixed: 451 first, and the ledger --- */
	PLAY("mixed: the 451 waits until its rows are durable",
	     MIXED, "C is open", "ledger rows 1", "ledger a1@t delivered A", "ledger durable",
	     MIXED_ANSWER, "count mails_mixed 1", "count mails 0", "count recipients 1",
	     "count refused_box 1"),
	PLAY("mixed, and the replicator hangs: three seconds at most",
	     MIXED, "C is open", "pass 10000", MIXED_ANSWER, "ledger rows 1", "C: NOOP",
	     "S: 250 2.0.0 ok"),
	PLAY("a bell of somebody else's rows",
	     MIXED, "bell", "C is open", "ledger durable", MIXED_ANSWER),
	PLAY("mixed with a 5xx: 451 too, and a row for each",
	     SCENE_BODY_AB, "A< 250 kept", "B< 550 5.7.1 no", "ledger rows 2",
	     "ledger a1@t delivered A", "ledger b1@t refused B", "ledger durable",
	     "S: 451 4.3.0 [A:250_kept][B:550_no]"),
	PLAY("what comes after waits its turn",
	     SCENE_DATA_AB, "C+ hi", "C+ .", "C: NOOP", "A> hi", "A> .", "B> hi", "B> .", "A< 250 kept",
	     "B< 452 full", "C is open", "ledger durable", "S: 451 4.3.0 [A:250_kept][B:452_full]",
	     "S: 250 2.0.0 ok"),

	/* --- sent again --- */
	PLAY("a retry spares who has it",
	     MIXED, "ledger durable", MIXED_ANSWER, RETRY, RETRY_RCPT("A", "a1@t"),
	     RETRY_RCPT("B", "b1@t"), "C: DATA", "A> DATA", "B> DATA", "A< 354 go", "B< 354 go", SCENE_GO,
	     "C: hi", "A> hi", "B> hi", "C: .", "A is broken", "B> .", "B< 250 ok",
	     "S: 250 2.0.0 [A:250_had_it_already][B:250_ok]", "count spared 1", "count mails 1"),
	PLAY("a retry for him alone: no box is asked to take it",
	     MIXED, "ledger durable", MIXED_ANSWER, RETRY, RETRY_RCPT("A", "a1@t"), "C: DATA", "A> DATA",
	     "A< 354 go", SCENE_GO, "C: hi", "A> hi", "C: .", "A is broken",
	     "S: 250 2.0.0 [A:250_had_it_already]", "count spared 1", "count A mails 1"),
	PLAY("another mail of the same sender is not spared",
	     MIXED, "ledger durable", MIXED_ANSWER, RETRY, RETRY_RCPT("A", "a1@t"), "C: DATA", "A> DATA",
	     "A< 354 go", SCENE_GO, "C: another", "A> another", "C: .", "A> .", "A< 250 ok",
	     "S: 250 2.0.0 [A:250_ok]", "count spared 0", "count A mails 2"),
	PLAY("trace fields do not make it another mail",
	     SCENE_DATA_AB, "C: Received: from x; one", "A> Received*", "B> Received*", "C: Subject: s",
	     "A> Subj*", "B> Subj*", "C: ", "A> ", "B> ", "C: hi", "A> hi", "B> hi", "C: .", "A> .", "B> .",
	     "A< 250 kept", "B< 452 full", "ledger durable", "S: 451*", RETRY, RETRY_RCPT("A", "a1@t"),
	     "C: DATA", "A> DATA", "A< 354 go", SCENE_GO, "C: Received: from y; two", "A> Received*",
	     "C: Subject: s", "A> Subj*", "C: ", "A> ", "C: hi", "A> hi", "C: .", "A is broken",
	     "S: 250 2.0.0 [A:250_had_it_already]"),
	PLAY("rows that are late: a mail that has one box is not held up",
	     MIXED, "pass 10000", MIXED_ANSWER, RETRY, RETRY_RCPT("A", "a1@t"), "C: DATA", "A> DATA",
	     "A< 354 go", SCENE_GO, "C: hi", "A> hi", "C: .", "A> .", "A< 250 ok", "S: 250*"),
	PLAY("rows that are late: mails of several boxes wait until they are durable",
	     MIXED, "pass 10000", MIXED_ANSWER, RETRY, RETRY_RCPT("A", "a1@t"), RETRY_RCPT("B", "b1@t"),
	     "C: DATA", "A> DATA", "B> DATA", "A< 354 go", "B< 354 go", SCENE_GO, "C: hi", "A> hi", "B> hi",
	     "C: .", "A is broken", "B is broken", "S: 451 4.3.1 the ledger is full, send it again later",
	     "ledger durable", RETRY, SCENE_RCPT("A", "a1@t"), SCENE_RCPT("B", "b1@t"), "C: DATA",
	     "A> DATA", "B> DATA", "A< 354 go", "B< 354 go", SCENE_GO, "C: hi", "A> hi", "B> hi", "C: .",
	     "A is broken", "B> .", "B< 250 ok", "S: 250 2.0.0 [A:250_had_it_already][B:250_ok]"),
	PLAY("when only he is left who was refused: the 5xx",
	     SCENE_BODY_AB, "A< 250 kept", "B< 550 5.7.1 no", "ledger durable", "S: 451*", RETRY,
	     RETRY_RCPT("A", "a1@t"), "C: RCPT TO:<b1@t>",
	     "S: 450 4.2.0 another recipient of this mail comes first", "C: DATA", "A> DATA",
	     "A< 354 go", SCENE_GO, "C: hi", "A> hi", "C: .", "A is broken",
	     "S: 250 2.0.0 [A:250_had_it_already]", RETRY, RETRY_RCPT("B", "b1@t"), "C: DATA", "B> DATA",
	     "B< 354 go", SCENE_GO, "C: hi", "B> hi", "C: .", "B> .", "B< 550 5.7.1 no",
	     "S: 550 5.7.1 [B:550_no]", "ledger rows 2"),
	PLAY("an alias with one that took it and one that refuses: 451, then the 5xx",
	     SCENE_MAIL, "C: RCPT TO:<ab@t>", "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a@t>",
	     "A< 250 ok", "A< 250 ok", "B hello", "B> MAIL FROM:<s@t>", "B> RCPT TO:<b@t>", "B< 250 ok",
	     "B< 250 ok", "S: 250*", "C: DATA", "A> DATA", "B> DATA", "A< 354 go", "B< 354 go", SCENE_GO,
	     "C: hi", "A> hi", "B> hi", "C: .", "A> .", "B> .", "A< 250 kept", "B< 550 5.7.1 no",
	     "ledger a@t delivered A", "ledger b@t refused B", "ledger durable",
	     "S: 451 4.3.0 [A:250_kept][B:550_no]", "count mails_mixed 1"),
	PLAY("the ledger breaks before the end marks: who may have it is put off",
	     MIXED, "ledger durable", MIXED_ANSWER, RETRY, RETRY_RCPT("A", "a1@t"), "C: DATA", "A> DATA",
	     "A< 354 go", SCENE_GO, "C: hi", "A> hi", "ledger broken", "C: .", "A is broken",
	     "S: 451 4.3.0 [A:451_the_delivered_ledger_cannot_be_read_now]", "count spared 0"),
	PLAY("one of a leg has got it from elsewhere meanwhile: the others of the leg come again",
	     "past a1@t delivered 1", "past a2@t delivered 1", SCENE_MAIL, SCENE_RCPT("A", "a1@t"),
	     "C: RCPT TO:<a2@t>", "A> RCPT TO:<a2@t>", "A< 250 ok", "S: 250*",
	     "C: DATA", "A> DATA", "A< 354 go", SCENE_GO, "C: hi", "A> hi", "has a1@t hi", "C: .",
	     "A is broken", "ledger durable", "S: 451 4.3.0 [L:250_had_it_already][A:451_send_it_again]",
	     "count spared 1"),

	/* --- PRDR --- */
	PLAY("PRDR: each its own answer when they differ",
	     PRDR_AB, "A< 250 kept", "B< 550 5.7.1 no", "S: 353 each recipient has its own answer",
	     "S: 250 2.0.0 [A:250_kept]", "S: 550 5.7.1 [B:550_no]",
	     "S: 250 2.0.0 each recipient has its own answer", "ledger rows 0", "count mails 1",
	     "count mails_mixed 1",
	     "logged s@t => b1@t \"\":0kB failure - 550 5.7.1 [B:550_no]"),
	PLAY("PRDR: who is put off comes again alone, without a row",
	     PRDR_AB, "A< 250 kept", "B< 452 4.2.2 full", "S: 353*", "S: 250 2.0.0 [A:250_kept]",
	     "S: 452 4.2.2 [B:452_full]", "S: 250 2.0.0*", "ledger rows 0"),
	PLAY("PRDR: one answer when they agree",
	     PRDR_AB, "A< 250 one", "B< 250 two", "S: 250 2.0.0 [A:250_one][B:250_two]"),
	PLAY("PRDR: an alias that took it in part is in the ledger",
	     "C hello", "C: MAIL FROM:<s@t> PRDR", "S: 250*", SCENE_RCPT("X", "x1@t"), "C: RCPT TO:<ab@t>",
	     "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a@t>", "A< 250 ok", "A< 250 ok", "B hello",
	     "B> MAIL FROM:<s@t>", "B> RCPT TO:<b@t>", "B< 250 ok", "B< 250 ok", "S: 250*", "C: DATA",
	     "A> DATA", "B> DATA", "X> DATA", "A< 354 go", "B< 354 go", "X< 354 go", SCENE_GO, "C: .",
	     "A> .", "B> .", "X> .", "X< 250 ok", "A< 250 kept", "B< 452 4.2.2 full", "ledger rows 1",
	     "ledger a@t delivered A", "ledger durable", "S: 353*", "S: 250 2.0.0 [X:250_ok]",
	     "S: 452 4.2.2 [A:250_kept][B:452_full]", "S: 250*"),

	/* --- LMTP: one reply a recipient --- */
#define LMTP_A \
	"lmtp A", SCENE_MAIL, "C: RCPT TO:<a1@t>", "A< 220 box", "A> LHLO mx.t", \
	"A< 250-box\r\n250 PIPELINING", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A< 250 ok", \
	"A< 250 ok", "S: 250*", "C: RCPT TO:<a2@t>", "A> RCPT TO:<a2@t>", "A< 250 ok", "S: 250*", \
	"C: DATA", "A> DATA", "A< 354 go", SCENE_GO, "C: hi", "A> hi", "C: .", "A> ."
	PLAY("LMTP: all have it", LMTP_A, "A< 250 one", "C is open", "A< 250 two",
	     "S: 250 2.0.0 [A:250_one][A:250_two]", "count recipients 2"),
	PLAY("LMTP: replies in one packet", LMTP_A, "A< 250 one\r\n250 one", "S: 250 2.0.0 [A:250_one]"),
	PLAY("LMTP: mixed within one box",
	     LMTP_A, "A< 250 one", "A< 452 4.2.2 full", "ledger rows 1", "ledger a1@t delivered A",
	     "ledger durable", "S: 451 4.2.2 [A:250_one][A:452_full]"),
	PLAY("LMTP: lost between the two", LMTP_A, "A< 250 one", "A closes", "ledger a1@t delivered A",
	     "ledger durable", "S: 451 4.4.2 [A:250_one][A:451_box_closed_the_connection]"),
	PLAY("LMTP: a retry spares the one, on a leg of his own",
	     LMTP_A, "A< 250 one", "A< 452 4.2.2 full", "ledger durable", "S: 451*", RETRY,
	     "C+ RCPT TO:<a1@t>", "C: RCPT TO:<a2@t>", "A1> MAIL FROM:<s@t>", "A1> RCPT TO:<a1@t>",
	     "A2< 220 box", "A2> LHLO mx.t", "A2< 250-box\r\n250 PIPELINING", "A2> MAIL FROM:<s@t>",
	     "A2> RCPT TO:<a2@t>", "A1< 250 ok", "A1< 250 ok", "S: 250*", "A2< 250 ok", "A2< 250 ok",
	     "S: 250*", "C: DATA", "A1> DATA", "A2> DATA", "A1< 354 go", "A2< 354 go", SCENE_GO, "C: hi",
	     "A1> hi", "A2> hi", "C: .", "A1 is broken", "A2> .", "A2< 250 two",
	     "S: 250 2.0.0 [A:250_had_it_already][A:250_two]"),

	/* --- the client has gone --- */
	PLAY("gone when all have it: rows, for it may come again",
	     SCENE_BODY_AB, "C resets", "A< 250 ok", "B< 250 ok", "ledger rows 2", "count mails 1"),
	PLAY("gone when none has it: no rows",
	     SCENE_BODY_AB, "C resets", "A< 550 no", "B< 550 no", "ledger rows 0"),
};
/* clang-format on */

START_TEST(play)
{
	play_run(&plays[_i]);
}
END_TEST

/* The journal has no room for the rows that may be needed: nobody gets the mail. */
START_TEST(ledger_is_full)
{
	static const char *const script[] = {
		SCENE_DATA_AB,	 "C: hi",
		"A> hi",	 "B> hi",
		"C: .",		 "A is broken",
		"B is broken",	 "S: 451 4.3.1 the ledger is full, send it again later",
		"count mails 0", NULL
	};
	static const char row[2000];
	uint64_t mark;

	stage_open();
	stage_client();
	while (journal_put(stage.shm, 0, JOURNAL_LEDGER, (struct str){ row, sizeof(row) }, &mark) == 0)
		stage.journal_at = mark;
	play_script(script);
	stage_close();
}
END_TEST

/* What one mail may need is not promised to another; nor what facts that are offered may fill. */
START_TEST(ledger_room_is_shared)
{
	static const char *const script[] = { SCENE_DATA_AB,   "C: .",
					      "A is broken",   "B is broken",
					      "S: 451 4.3.1*", NULL };

	stage_open();
	stage_client();
	stage.env.ledger_due = JOURNAL_RING - JOURNAL_OFFERED - 2 * LEDGER_ROW_ROOM;
	play_script(script);
	stage.env.ledger_due = 0;
	stage_close();
}
END_TEST

/* A quote does not end the subject of a log line. */
START_TEST(subjects)
{
	static const char *const script[] = {
		SCENE_DATA_A,  "C: Subject: a \"b\"",
		"A> Subject*", "C: .",
		"A> .",	       "A< 250 ok",
		"S: 250*",     "logged \"a 'b'\":0kB success",
		NULL
	};

	stage_open();
	stage_client();
	play_script(script);
	stage_close();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("settle");
	TCase *t = tcase_create("plays");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, play, 0, (int)ARRAY_LEN(plays));
	tcase_add_test(t, ledger_is_full);
	tcase_add_test(t, ledger_room_is_shared);
	tcase_add_test(t, subjects);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
