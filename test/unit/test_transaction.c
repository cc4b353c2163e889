/* transaction: what becomes of a mail before its body, when boxes are lost or will not. The
 * recipients are test_recipient.c, the body test_fanout.c, the answer test_settle.c. */
#include "lib/session/transaction.c"

#include "session/play.h"

#define AGAIN_A \
	"C: MAIL FROM:<s@t>", "S: 250 2.1.0 ok", "C: RCPT TO:<a1@t>", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>"
#define ANEW_A \
	"A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A< 250 ok", "A< 250 ok"
#define DONE_A SCENE_BODY_A, "A< 250 ok", "S: 250 2.0.0 [A:250_ok]"

/* clang-format off */
static const struct play plays[] = {
	/* --- a box that is not there --- */
	PLAY("no connection",
	     "dial A refused", SCENE_MAIL, "C: RCPT TO:<a1@t>",
	     "S: 451 4.4.1 [A:451_connect:_Connection_refused]", "count A failures 1", "count A sessions 0"),
	PLAY("no connection: to the box it falls over to",
	     "dial A refused", "fall A B", SCENE_MAIL, SCENE_RCPT("B", "a1@t"), "count A failures 1"),
	PLAY("no greeting: to the box it falls over to",
	     "fall A B", SCENE_MAIL, "C: RCPT TO:<a1@t>", "A< 554 go away", "A is broken", "B hello",
	     "B> MAIL FROM:<s@t>", "B> RCPT TO:<a1@t>", "B< 250 ok", "B< 250 ok", "S: 250 2.1.5 ok"),
	PLAY("all it falls over to are gone: at most four are tried",
	     "dial A refused", "fall A A", SCENE_MAIL, "C: RCPT TO:<a1@t>",
	     "S: 451 4.4.1 [A:451_connect:_Connection_refused]", "count A failures 4"),
	PLAY("others that wait for the same leg go with it",
	     "fall A B", "dial A hangs", SCENE_MAIL, "C+ RCPT TO:<a1@t>", "C+ RCPT TO:<a2@t>",
	     "C: RCPT TO:<u@t>", "dial A refused", "A connects", "B hello", "B> MAIL FROM:<s@t>",
	     "B> RCPT TO:<a1@t>", "B> RCPT TO:<a2@t>", "B< 250 ok", "B< 250 ok", "S: 250 2.1.5 ok",
	     "B< 250 ok", "S: 250 2.1.5 ok", "S: 550 5.1.1 no such mailbox here"),
	PLAY("lost when it was ready: no other box is tried",
	     "fall A B", SCENE_MAIL, "C: RCPT TO:<a1@t>", "A hello", "A> MAIL FROM:<s@t>",
	     "A> RCPT TO:<a1@t>", "A< 250 ok", "A closes",
	     "S: 451 4.4.1 [A:451_box_closed_the_connection]", "B is none"),
	PLAY("lost after it was told 250: the mail cannot go on",
	     SCENE_AB, "A closes", "A is broken", "C: RCPT TO:<b2@t>", "B> RCPT TO:<b2@t>", "B< 250 ok",
	     "S: 250 2.1.5 ok", "C: DATA", "S: 451 4.4.2 a box of this mail was lost, send it again",
	     "B is broken", "count mails 0"),
	PLAY("a probe takes the other recipients along",
	     SCENE_MAIL, SCENE_RCPT("A", "a1@t"), "down A", "C: RCPT TO:<a2@t>", "A> RCPT TO:<a2@t>",
	     "A< 250 ok", "S: 250 2.1.5 ok", "down B", "C: RCPT TO:<b1@t>",
	     "S: 451 4.3.2 the box of this mailbox is not available now"),

	/* --- pooled connections that have died --- */
	PLAY("closed while it waited: a new one",
	     DONE_A, "A closes", "A is broken", "count A idle 0", "C: MAIL FROM:<s@t>",
	     "S: 250 2.1.0 ok", "C: RCPT TO:<a1@t>", ANEW_A, "S: 250 2.1.5 ok", "count A failures 0"),
	PLAY("closed as it was used: a new one, unseen",
	     DONE_A, AGAIN_A, "A closes", "A1 is broken", ANEW_A, "S: 250 2.1.5 ok",
	     "count A failures 0", "count A reused 1"),
	PLAY("421 as it was used: a new one, unseen",
	     DONE_A, AGAIN_A, "A< 421 idle too long", "A1 is broken", ANEW_A, "S: 250 2.1.5 ok",
	     "count A failures 0"),
	PLAY("reset as it was used: a new one, unseen",
	     DONE_A, AGAIN_A, "A resets", "A1 is broken", ANEW_A, "S: 250 2.1.5 ok"),
	PLAY("silence as it was used: a new one",
	     DONE_A, AGAIN_A, "pass 310000", ANEW_A, "S: 250 2.1.5 ok"),
	PLAY("dead after a first answer: not stale",
	     DONE_A, AGAIN_A, "A< 250 ok", "A closes",
	     "S: 451 4.4.1 [A:451_box_closed_the_connection]", "count A failures 1"),
	PLAY("the new one dies too: enough",
	     DONE_A, AGAIN_A, "A closes", "A< 421 busy",
	     "A is broken", "S: 451 4.4.1 [A:421_busy]", "count A failures 1"),

	/* --- RSET and the like in the middle --- */
	PLAY("RSET after RCPT", SCENE_A, "C: RSET", "A> RSET", "S: 250 2.0.0 ok", "A< 250 ok",
	     "count A idle 1", AGAIN_A, "count A reused 1"),
	PLAY("EHLO after RCPT",
	     SCENE_A, "C: HELO x", "A> RSET", "S: 250 ok", "A< 250 ok", "C: RCPT TO:<a1@t>",
	     "S: 503 5.5.1 say MAIL first"),
	PLAY("RSET after a refused RCPT: the leg is sound",
	     SCENE_MAIL, "C: RCPT TO:<a1@t>", "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>",
	     "A< 250 ok", "A< 550 no", "S: 550 5.0.0 [A:550_no]", "C: RSET", "A> RSET",
	     "S: 250 2.0.0 ok"),

	/* --- DATA --- */
	PLAY("one box will not: its word", SCENE_A, "C: DATA", "A> DATA", "A< 550 5.7.1 not today",
	     "A is broken", "S: 550 5.7.1 [A:550_not_today]", "C: NOOP", "S: 250 2.0.0 ok"),
	PLAY("one box puts off: its word",
	     SCENE_A, "C: DATA", "A> DATA", "A< 452 4.3.1 full", "S: 452 4.3.1 [A:452_full]"),
	PLAY("421 is the end of its session, not of ours",
	     SCENE_A, "C: DATA", "A> DATA", "A< 421 4.3.2 bye", "S: 451 4.3.2 [A:421_bye]"),
	PLAY("250 to DATA is no word at all",
	     SCENE_A, "C: DATA", "A> DATA", "A< 250 ok", "S: 451 4.5.0 [A:451_250_out_of_turn:_ok]"),
	PLAY("one of two will not: 451, and the other is broken",
	     SCENE_AB, "C: DATA", "A> DATA", "B> DATA", "A< 354 go", "B< 550 5.7.1 no",
	     "S: 451 4.3.0 [B:550_no]", "A is broken", "B is broken", "count mails 0"),
	PLAY("one of two puts off: 451, not its code, for the word is not on all",
	     SCENE_AB, "C: DATA", "A> DATA", "B> DATA", "B< 452 4.3.1 full", "S: 451 4.3.1 [B:452_full]",
	     "A is broken", "B is broken"),
	PLAY("one of the two of an alias will not: its word",
	     SCENE_MAIL, "C: RCPT TO:<ab@t>", "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a@t>",
	     "A< 250 ok", "A< 250 ok", "B hello", "B> MAIL FROM:<s@t>", "B> RCPT TO:<b@t>",
	     "B< 250 ok", "B< 250 ok", "S: 250 2.1.5 ok", "C: DATA", "A> DATA", "B> DATA",
	     "A< 354 go", "B< 552 5.3.4 no", "S: 552 5.3.4 [B:552_no]", "A is broken"),
	PLAY("a box that is silent behind DATA",
	     SCENE_AB, "C: DATA", "A> DATA", "B> DATA", "A< 354 go", "pass 130000",
	     "S: 451 4.4.2 [B:451_time-out]", "A is broken", "B is broken", "count B failures 1"),
	PLAY("the client's rest of a failed mail is read and dropped",
	     SCENE_DATA_AB, "C: one", "A> one", "B> one", "B closes", "A is broken", "C: two", "C: .",
	     "S: 451 4.4.2 [B:451_box_closed_the_connection]", "C: NOOP", "S: 250 2.0.0 ok",
	     "count mails 0"),
	PLAY("...also when all of it has come already",
	     SCENE_DATA_AB, "B takes 0", "C+ one", "C+ .", "C: NOOP", "A> one", "B closes", "A is broken",
	     "S: 451 4.4.2 [B:451_box_closed_the_connection]", "S: 250 2.0.0 ok"),

};
/* clang-format on */

PLAYS_MAIN("transaction", plays)
