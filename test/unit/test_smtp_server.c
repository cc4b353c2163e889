/* smtp_server: lines, states and the life of a session. */
#include "lib/session/smtp_server.c"

#include "session/play.h"

#define LONG_8 "12345678"
#define LONG_64 LONG_8 LONG_8 LONG_8 LONG_8 LONG_8 LONG_8 LONG_8 LONG_8
#define LONG_512 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64
#define LONG_2048 LONG_512 LONG_512 LONG_512 LONG_512
#define NOOPS_4 "NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n"
#define BAD_4 "X\r\nX\r\nX\r\nX\r\n"
#define BAD_ANSWER "S: 500 5.5.1 command unknown"
#define BAD_ANSWERS_4 BAD_ANSWER, BAD_ANSWER, BAD_ANSWER, BAD_ANSWER

/* clang-format off */
static const struct play plays[] = {
	PLAY("one mail to one box",
	     SCENE_DATA_A,
	     "C: Subject: x", "A> Subject: x",
	     "C: ", "A> ",
	     "C: body", "A> body",
	     "C: .", "A> .",
	     "A< 250 2.0.0 kept", "S: 250 2.0.0 [A:250_kept]",
	     "count mails 1", "count recipients 1", "count A mails 1", "count A idle 1",
	     "logged s@t => a1@t \"x\":0kB success - 250 2.0.0 [A:250_kept]",
	     "C: QUIT", "S: 221 2.0.0 bye", "C is closed quit", "A is open",
	     "count sessions 0", "count sessions_total 1", "logged 1-1 connected cluster=MX"),

	/* --- lines --- */
	PLAY("a command in pieces",
	     "S: 220 mx.t ESMTP", "C~ NO", "C~ OP", "C~ \r", "C~ \n", "S: 250 2.0.0 ok"),
	PLAY("many commands in a packet",
	     "S: 220 mx.t ESMTP", "C~ " NOOPS_4,
	     "S: 250 2.0.0 ok", "S: 250 2.0.0 ok", "S: 250 2.0.0 ok", "S: 250 2.0.0 ok"),
	PLAY("a line that is too long is dropped whole",
	     "S: 220 mx.t ESMTP", "C~ " LONG_2048 LONG_64, "S: 500 5.5.2 line too long",
	     "C~ " LONG_512, "C: QUIT", "C: NOOP", "S: 250 2.0.0 ok", "count refused_syntax 1"),
	PLAY("a line that is too long and has its end in the same packet",
	     "S: 220 mx.t ESMTP", "C: " LONG_2048, "S: 500 5.5.2 line too long",
	     "C: NOOP", "S: 250 2.0.0 ok"),
	PLAY("a line of 2048 bytes",
	     "S: 220 mx.t ESMTP", "C~ NOOP ", "C~ " LONG_512 LONG_512 LONG_512,
	     "C~ " LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64, "C~ " LONG_8 LONG_8,
	     "C~ " LONG_8 LONG_8 LONG_8 "1234567", "C: ", "S: 250 2.0.0 ok"),
	PLAY("bare newlines",
	     "S: 220 mx.t ESMTP", "C~ NOOP\n", "S: 500 5.5.2 a line ends with CR LF",
	     "C~ NO\rOP\r\n", "S: 500 5.5.2 NUL or CR within a line", "count refused_syntax 2"),
	PLAY("twenty errors",
	     "S: 220 mx.t ESMTP", "C~ " BAD_4 BAD_4 BAD_4 BAD_4 "NOOP\r\nX\n" "X\r\nX\r\n",
	     BAD_ANSWERS_4, BAD_ANSWERS_4, BAD_ANSWERS_4, BAD_ANSWERS_4, "S: 250 2.0.0 ok",
	     "S: 500 5.5.2 a line ends with CR LF", BAD_ANSWER, BAD_ANSWER, "C is open",
	     "C~ X\r\nQUIT\r\n", BAD_ANSWER, "S: 421 4.7.0 too many errors",
	     "C is closed too many errors", "count refused_syntax 20", "count refused_limit 1"),

	/* --- pipelining --- */
	PLAY("a whole mail in two packets",
	     "C hello",
	     "C+ MAIL FROM:<s@t>", "C+ RCPT TO:<a1@t>", "C+ RCPT TO:<a2@t>", "C: DATA",
	     "S: 250 2.1.0 ok",
	     "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A> RCPT TO:<a2@t>",
	     "A< 250 ok", "A< 250 ok", "S: 250 2.1.5 ok", "A< 550 5.1.1 no", "S: 550 5.1.1 [A:550_no]",
	     "A> DATA", "A< 354 go", SCENE_GO,
	     "C+ hi", "C+ .", "C: QUIT", "A> hi", "A> .", "A< 250 ok", "S: 250 2.0.0 [A:250_ok]",
	     "S: 221 2.0.0 bye", "C is closed quit"),
	PLAY("answers to RCPT keep their order",
	     SCENE_MAIL,
	     "C+ RCPT TO:<a1@t>", "C+ RCPT TO:<u1@t>", "C+ RCPT TO:<b1@t>", "C+ RCPT TO:<>",
	     "C+ RCPT TO:<a2@t> X=1", "C: NOOP",
	     "B hello", "B> MAIL FROM:<s@t>", "B> RCPT TO:<b1@t>", "B< 250 ok", "B< 250 ok",
	     "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A< 250 ok", "A< 250 ok",
	     "S: 250 2.1.5 ok", "S: 550 5.1.1 no such mailbox here", "S: 250 2.1.5 ok",
	     "S: 501 5.1.3 the address is not valid", "S: 501 5.5.4 RCPT is not understood",
	     "S: 250 2.0.0 ok", "count refused_unknown 1"),
	PLAY("an impatient client's body waits for the 354 of all",
	     SCENE_AB, "C+ DATA", "C+ hi", "C: .", "A> DATA", "B> DATA", "A< 354 go", "B< 354 go",
	     SCENE_GO, "A> hi", "A> .", "B> hi", "B> .",
	     "A< 250 ok", "B< 250 ok", "S: 250 2.0.0 [A:250_ok][B:250_ok]"),
	PLAY("the next mail behind the end mark",
	     SCENE_DATA_A, "C+ hi", "C+ .", "C+ MAIL FROM:<s@t>", "C: RCPT TO:<a2@t>",
	     "A> hi", "A> .", "A< 250 ok", "S: 250 2.0.0 [A:250_ok]", "S: 250 2.1.0 ok",
	     "A> MAIL FROM:<s@t>", "A> RCPT TO:<a2@t>", "A< 250 ok", "A< 250 ok", "S: 250 2.1.5 ok",
	     "count A reused 1", "count A sessions 1"),

	/* --- the client goes --- */
	PLAY("gone before it spoke", "S: 220 mx.t ESMTP", "C closes", "C is closed client closed"),
	PLAY("half a line and gone",
	     "S: 220 mx.t ESMTP", "C~ NOOP", "C closes", "C is closed client closed"),
	PLAY("all said, and its side closed",
	     "S: 220 mx.t ESMTP", "C+ NOOP", "C closes", "S: 250 2.0.0 ok", "C is closed client closed"),
	PLAY("gone after MAIL", SCENE_MAIL, "C closes", "C is closed client closed"),
	PLAY("gone while a box is asked",
	     SCENE_MAIL, "C: RCPT TO:<a1@t>", "C closes", "C is open",
	     "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A< 250 ok", "A< 250 ok",
	     "S: 250 2.1.5 ok", "A> RSET", "C is closed client closed", "A< 250 ok", "count A idle 1"),
	PLAY("gone after RCPT", SCENE_A, "C closes", "A> RSET", "C is closed client closed"),
	PLAY("gone behind DATA: the 354 goes nowhere",
	     SCENE_A, "C: DATA", "A> DATA", "C closes", "C is open", "A< 354 go", SCENE_GO,
	     "A is broken", "C is closed client left in mid-mail", "count mails 0"),
	PLAY("gone in mid-mail",
	     SCENE_DATA_AB, "C: hi", "A> hi", "B> hi", "C closes", "A is broken", "B is broken",
	     "C is closed client left in mid-mail", "count mails 0"),
	PLAY("gone with an end mark that is not whole",
	     SCENE_DATA_A, "C: hi", "A> hi", "C~ .\r", "C closes", "A is broken",
	     "C is closed client left in mid-mail"),
	PLAY("its side closed behind the end mark: it is answered",
	     SCENE_BODY_A, "C closes", "C is open", "A< 250 ok", "ledger a1@t delivered A",
	     "ledger durable", "S: 250 2.0.0 [A:250_ok]", "C is closed client closed",
	     "count mails 1"),
	PLAY("its side closed with the end mark",
	     SCENE_DATA_A, "C+ hi", "C+ .", "C closes", "A> hi", "A> .", "A< 250 ok",
	     "ledger durable", "S: 250 2.0.0 [A:250_ok]", "C is closed client closed",
	     "count mails 1"),
	PLAY("its side closed, and the ledger hangs: it is answered all the same",
	     SCENE_BODY_A, "C closes", "A< 250 ok", "C is open", "pass 10000",
	     "S: 250 2.0.0 [A:250_ok]", "C is closed client closed"),
	PLAY("reset between mails",
	     "C hello", "C resets", "C is closed Connection reset by peer"),
	PLAY("reset after RCPT",
	     SCENE_A, "C resets", "A> RSET", "C is closed Connection reset by peer"),
	PLAY("reset while the boxes are asked for 354",
	     SCENE_AB, "C: DATA", "A> DATA", "B> DATA", "A< 354 go", "C resets", "A is broken",
	     "B is broken", "C is closed client lost in mid-mail"),
	PLAY("reset in mid-mail",
	     SCENE_DATA_A, "C: hi", "A> hi", "C resets", "A is broken",
	     "C is closed client lost in mid-mail"),
	PLAY("reset behind the end mark: the box is heard to its end",
	     SCENE_BODY_AB, "C resets", "C is closed Connection reset by peer", "A is open", "B is open",
	     "A< 250 ok", "B< 452 full", "ledger rows 1", "ledger a1@t delivered A",
	     "count mails_mixed 1", "count A idle 1", "count B idle 1"),
	PLAY("reset while its rows become durable",
	     SCENE_BODY_AB, "A< 250 ok", "B< 452 full", "C resets", "ledger rows 1",
	     "C is closed Connection reset by peer", "ledger durable", "ledger a1@t delivered A"),

	/* --- a client that does not read --- */
	PLAY("replies wait for a slow client",
	     "S: 220 mx.t ESMTP", "C takes 3", "C: NOOP", "C takes 2", "C takes all", "S: 250 2.0.0 ok"),

	/* --- time --- */
	PLAY("silence", "S: 220 mx.t ESMTP", "pass 290000", "C is open", "pass 20000",
	     "S: 421 4.4.2 time-out, closing", "C is closed time-out", "count timeouts 1"),
	PLAY("each command gives new time",
	     "C hello", "pass 290000", "C: NOOP", "S: 250 2.0.0 ok", "pass 290000", "C: NOOP",
	     "S: 250 2.0.0 ok", "pass 310000", "S: 421 4.4.2 time-out, closing", "C is closed time-out"),
	PLAY("half a line gives none",
	     "S: 220 mx.t ESMTP", "pass 290000", "C~ NOO", "pass 20000",
	     "S: 421 4.4.2 time-out, closing", "C is closed time-out"),
	PLAY("silence after RCPT: the leg is too old for the pool",
	     SCENE_A, "pass 290000", "C is open", "pass 20000", "A> QUIT", "A is closed",
	     "S: 421 4.4.2 time-out, closing", "C is closed time-out"),
	PLAY("silence in mid-mail",
	     SCENE_DATA_A, "C: hi", "A> hi", "pass 170000", "C: ho", "A> ho", "pass 170000", "C is open",
	     "pass 20000", "S: 421 4.4.2 time-out, closing", "C is closed time-out in data",
	     "A is broken", "count timeouts 1"),
	PLAY("a box that is slow to answer RCPT is not the client's fault",
	     SCENE_MAIL, "C: RCPT TO:<a1@t>", "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>",
	     "pass 290000", "A< 250 ok", "pass 290000", "C is open", "A< 250 ok", "S: 250 2.1.5 ok",
	     "pass 290000", "C is open", "pass 20000", "A> QUIT", "S: 421 4.4.2 time-out, closing",
	     "C is closed time-out", "count A failures 0"),
	PLAY("a box that is slow to take the body is not the client's fault",
	     SCENE_DATA_AB, "A takes 0", "C: hi", "B> hi", "pass 170000", "A takes all", "A> hi",
	     "pass 170000", "C is open", "C: .", "A> .", "B> .", "A< 250 ok", "B< 250 ok",
	     "A> QUIT", "B> QUIT", "S: 250 2.0.0 [A:250_ok][B:250_ok]", "count timeouts 0"),
	PLAY("a box that stalls is blamed for it, not the client",
	     SCENE_DATA_A, "A takes 0", "C: hi", "pass 190000", "C is open", "A is broken", "C: .",
	     "S: 451 4.4.2 [A:451_time-out]", "count timeouts 0", "count A failures 1"),
	PLAY("the boxes' time behind the end mark is longer",
	     SCENE_BODY_A, "pass 590000", "C is open", "A< 250 ok", "A> QUIT",
	     "S: 250 2.0.0 [A:250_ok]", "pass 290000", "C is open", "pass 20000", "S: 421 4.4.2 time-out, closing",
	     "C is closed time-out"),

	/* --- the deadline of a session: one hour; set to 1000 s here --- */
	PLAY("the deadline between mails",
	     "deadline 400", "another client", "C2 hello", "pass 200000", "C2: NOOP", "S2: 250 2.0.0 ok",
	     "pass 190000", "C2 is open", "pass 20000", "S2: 421 4.3.2 session lasts too long",
	     "C2 is closed session lasts too long", "S: 220 mx.t ESMTP",
	     "S: 421 4.4.2 time-out, closing"),
	PLAY("the deadline in mid-mail: nobody gets a mail that trickles",
	     "C closes", "S: 220 mx.t ESMTP", "deadline 400", "another client", "C2 hello",
	     "C2: MAIL FROM:<s@t>", "S2: 250 2.1.0 ok", "C2: RCPT TO:<a1@t>", "A hello",
	     "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A< 250 ok", "A< 250 ok", "S2: 250 2.1.5 ok",
	     "C2: DATA", "A> DATA", "A< 354 go", "S2: 354*", "pass 150000", "C2: a", "A> a",
	     "pass 150000", "C2: b", "A> b", "pass 120000", "S2: 421 4.4.2 session lasts too long",
	     "C2 is closed session lasts too long", "A is broken", "count timeouts 1"),
	PLAY("the deadline while the 354 is awaited: it ends soon after",
	     "C closes", "S: 220 mx.t ESMTP", "deadline 400", "another client", "C2 hello", "pass 290000",
	     "C2: MAIL FROM:<s@t>", "S2: 250 2.1.0 ok", "C2: RCPT TO:<a1@t>", "A hello",
	     "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A< 250 ok", "A< 250 ok", "S2: 250 2.1.5 ok",
	     "pass 40000", "C2: DATA", "A> DATA", "pass 80000", "C2 is open", "A< 354 go", "S2: 354*",
	     "pass 10000", "S2: 421 4.4.2 session lasts too long", "C2 is closed session lasts too long",
	     "A is broken", "count timeouts 1"),
	PLAY("the deadline behind the end mark: the answer first",
	     "C closes", "S: 220 mx.t ESMTP", "deadline 400", "another client", "C2 hello",
	     "C2: MAIL FROM:<s@t>", "S2: 250 2.1.0 ok", "C2: RCPT TO:<a1@t>", "A hello",
	     "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A< 250 ok", "A< 250 ok", "S2: 250 2.1.5 ok",
	     "C2: DATA", "A> DATA", "A< 354 go", "S2: 354*", "C2: .", "A> .", "pass 410000", "C2 is open",
	     "A< 250 ok", "A> QUIT", "S2: 250 2.0.0 [A:250_ok]", "S2: 421 4.3.2 session lasts too long",
	     "C2 is closed session lasts too long", "count timeouts 0"),

	PLAY("the deadline within a login",
	     "C closes", "S: 220 mx.t ESMTP", "deadline 400", "another client", "C2 hello", "pass 290000",
	     "C2: AUTH LOGIN", "S2: 334 VXNlciBOYW1l", "pass 90000", "C2 is open", "pass 25000",
	     "S2: 421 4.4.2 session lasts too long", "C2 is closed session lasts too long",
	     "count timeouts 1"),

	/* --- the pace of a mail: 10 bytes a second, and it may lag behind by 30 s --- */
#define NINETY "123456789a123456789b123456789c123456789d123456789e123456789f123456789g123456789h12345678"
	PLAY("a mail that trickles: nobody gets it",
	     "pace 10", SCENE_DATA_A, "pass 10000", "C: a", "A> a", "pass 10000", "C: b", "A> b", "pass 9000",
	     "C is open", "pass 3000", "S: 421 4.4.2 the mail comes too slowly, closing",
	     "C is closed too slow in data", "A is broken", "count timeouts 1", "count mails 0"),
	PLAY("one that stands still", "pace 10", SCENE_DATA_A, "pass 29000", "C is open", "pass 2000",
	     "S: 421 4.4.2 the mail comes too slowly, closing", "C is closed too slow in data"),
	PLAY("one that keeps the pace, for longer than the patience",
	     "pace 9", SCENE_DATA_A, "pass 10000", "C: " NINETY, "A> " NINETY, "pass 10000", "C: " NINETY,
	     "A> " NINETY, "pass 10000", "C: " NINETY, "A> " NINETY, "pass 10000", "C: " NINETY, "A> " NINETY,
	     "pass 28000", "C is open", "C: .", "A> .", "A< 250 ok", "S: 250 2.0.0 [A:250_ok]", "count timeouts 0"),
	PLAY("who was fast before has no more patience than others",
	     "pace 1", SCENE_DATA_A, "C: " NINETY, "A> " NINETY, "C: " NINETY, "A> " NINETY, "pass 29000", "C is open",
	     "pass 2000", "S: 421 4.4.2 the mail comes too slowly, closing", "C is closed too slow in data"),
	PLAY("the time of a box that stalls is not the client's",
	     "pace 10", SCENE_DATA_AB, "pass 20000", "A takes 0", "C: hi", "B> hi", "pass 170000", "C is open",
	     "A takes all", "A> hi", "pass 8000", "C is open", "pass 5000",
	     "S: 421 4.4.2 the mail comes too slowly, closing", "C is closed too slow in data", "A is broken",
	     "B is broken", "count A failures 0"),
	PLAY("nor is that behind the end mark",
	     "pace 1000000", SCENE_BODY_A, "pass 590000", "C is open", "A< 250 ok", "A> QUIT",
	     "S: 250 2.0.0 [A:250_ok]", "pass 290000", "C is open", "count timeouts 0"),
	PLAY("each mail begins with all of it",
	     "pace 10", SCENE_DATA_A, "pass 25000", "C: .", "A> .", "A< 250 ok", "S: 250*", "pass 10000",
	     "C: MAIL FROM:<s@t>", "S: 250*", "C: RCPT TO:<a1@t>", "A> MAIL FROM:<s@t>",
	     "A> RCPT TO:<a1@t>", "A< 250 ok", "A< 250 ok", "S: 250*", "C: DATA", "A> DATA", "A< 354 go",
	     "S: 354*", "pass 25000", "C is open", "C: .", "A> .", "A< 250 ok", "S: 250*"),

	/* --- TERM --- */
#define STOPPING "421 4.3.2 service is stopping, come back in a moment"
	PLAY("drained between mails", "C hello", "drain", "S: " STOPPING,
	     "C is closed service is stopping, come back in a moment"),
	PLAY("drained before EHLO", "S: 220 mx.t ESMTP", "drain", "S: " STOPPING, "C is closed"),
	PLAY("drained after RCPT: this mail is finished",
	     SCENE_A, "drain", "C is open", "C: DATA", "A> DATA", "A< 354 go", SCENE_GO, "C: .", "A> .",
	     "A< 250 ok", "A> QUIT", "A is closed", "S: 250 2.0.0 [A:250_ok]", "S: " STOPPING,
	     "C is closed", "count mails 1"),
	PLAY("drained in mid-mail",
	     SCENE_DATA_AB, "drain", "C: .", "A> .", "B> .", "A< 250 ok", "A> QUIT", "B< 250 ok",
	     "B> QUIT", "S: 250 2.0.0 [A:250_ok][B:250_ok]", "S: " STOPPING, "C is closed"),
	PLAY("drained, and the mail taken back",
	     SCENE_A, "drain", "C: RSET", "A> QUIT", "S: 250 2.0.0 ok", "S: " STOPPING, "C is closed"),

	/* --- red light --- */
#define RED "421 4.3.2 the box was taken off, try again later"
	PLAY("red for a box that is not in use", SCENE_A, "red B", "C: NOOP", "S: 250 2.0.0 ok"),
	PLAY("red after RCPT", SCENE_A, "red A", "S: " RED, "A> QUIT", "A is closed",
	     "C is closed the box was taken off, try again later"),
	PLAY("red in mid-mail: for all",
	     SCENE_DATA_AB, "C: hi", "A> hi", "B> hi", "red B", "S: " RED, "A is broken", "B is broken",
	     "C is closed"),
	PLAY("red behind the end mark: the answer first",
	     SCENE_BODY_A, "red A", "C is open", "A< 250 ok", "A> QUIT", "S: 250 2.0.0 [A:250_ok]",
	     "S: " RED, "C is closed"),
	PLAY("red empties the pools",
	     SCENE_BODY_A, "A< 250 ok", "S: 250*", "red A", "A is broken", "C: NOOP",
	     "S: 250 2.0.0 ok", "count A idle 0"),
};
/* clang-format on */

START_TEST(play)
{
	play_run(&plays[_i]);
}
END_TEST

/* A NUL cannot stand in a script. */
START_TEST(nul_in_a_line)
{
	static const char *const before[] = { "S: 220 mx.t ESMTP", NULL };
	static const char *const after[] = { "S: 500 5.5.2 NUL or CR within a line",
					     "C: NOOP", "S: 250 2.0.0 ok", NULL };

	stage_open();
	stage_client();
	play_script(before);
	io_memory_feed(stage.clients[0].io, (struct str){ "NO\0OP\r\n", 7 });
	stage_turn();
	play_script(after);
	stage_close();
}
END_TEST

/* It asks on and on and reads nothing: the session ends at the bound of its out buffer. */
START_TEST(reads_no_replies)
{
	static const char *const before[] = { "S: 220*", "C takes 0", NULL };
	static const char *const after[] = { "C is closed reads no replies", NULL };

	stage_open();
	stage_client();
	play_script(before);
	for (size_t i = 0; i < LIMIT_SESSION_OUT / sizeof("250 2.0.0 ok"); i += 4)
		io_memory_feed(stage.clients[0].io, STR(NOOPS_4));
	stage_turn();
	play_script(after);
	stage_close();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smtp_server");
	TCase *t = tcase_create("plays");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, play, 0, (int)ARRAY_LEN(plays));
	tcase_add_test(t, nul_in_a_line);
	tcase_add_test(t, reads_no_replies);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
