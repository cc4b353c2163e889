/* auto_reply, responder, outmail: replies behind a mail and in its place. What stands in them is
 * test_autoreply's matter. */
#include "lib/session/auto_reply.c"

#include "session/play.h"

#define INSTEAD "relay X", "everybody at A answers instead"
#define KEEPS "relay X", "everybody at A answers and keeps"
/* A mail of s@t to a1@t, addressed to it, up to its end mark; the box A has all but that. */
#define LETTER \
	SCENE_A, "C: DATA", "A> DATA", "A< 354 go", SCENE_GO, "C: To: a1@t", "A> To: a1@t", "C: ", "A> "
/* The reply on its way through X: its first lines. */
#define REPLY_X "X hello", "X> MAIL FROM:<>", "X> RCPT TO:<s@t>", "X< 250 ok", "X< 250 ok", "X> DATA", "X< 354 go"
#define REPLY_HEAD "X> Date: *", "X> From: a1@t", "X> To: s@t", "X> Subject: Away", "X> Message-ID: *", "X> Auto-Submitted: auto-replied", \
	"X> MIME-Version: 1.0", "X> Content-Type: text/plain; charset=UTF-8", "X> Content-Transfer-Encoding: 7bit", "X> ", "X> ..gone", "X> ."
#define REPLY_HEAD_1 "X1> Date: *", "X1> From: a*", "X1> To: s@t", "X1> Subject: Away", "X1> Message-ID: *", "X1> Auto-Submitted: auto-replied", \
	"X1> MIME-Version: 1.0", "X1> Content-Type: text/plain; charset=UTF-8", "X1> Content-Transfer-Encoding: 7bit", "X1> ", "X1> ..gone", "X1> ."
#define ANSWERED "S: 250 2.0.0 [A:250_answered_by_an_automatic_reply]"
#define LATER "S: 451 4.3.0 [A:451_the_automatic_reply_cannot_be_sent_now]"

/* clang-format off */
static const struct play plays[] = {
	/* --- in the mail's place --- */
	PLAY("the reply, then the answer",
	     INSTEAD, LETTER, "C: .", "A is broken", REPLY_X, REPLY_HEAD, "C is open", "X< 250 ok", ANSWERED, "count mails 1",
	     "logged 1-1 auto-reply a1@t => s@t success - X: 250 ok"),
	PLAY("X refuses with 4xx", INSTEAD, LETTER, "C: .", REPLY_X, REPLY_HEAD, "X< 450 no", LATER, "A is broken"),
	PLAY("X refuses with 5xx", INSTEAD, LETTER, "C: .", REPLY_X, REPLY_HEAD, "X< 550 no", LATER),
	PLAY("X refuses its recipient", INSTEAD, LETTER, "C: .", "X hello", "X> MAIL FROM:<>", "X> RCPT TO:<s@t>", "X< 250 ok", "X< 550 no",
	     LATER, "X> RSET"),
	PLAY("X refuses DATA", INSTEAD, LETTER, "C: .", "X hello", "X> MAIL FROM:<>", "X> RCPT TO:<s@t>", "X< 250 ok", "X< 250 ok",
	     "X> DATA", "X< 451 no", LATER, "X is broken"),
	PLAY("X is lost behind the end mark", INSTEAD, LETTER, "C: .", REPLY_X, REPLY_HEAD, "X closes", LATER),
	PLAY("X cannot be reached", INSTEAD, "dial X refused", LETTER, "C: .", LATER),
	PLAY("there is no relay box", "everybody at A answers instead", LETTER, "C: .", LATER, "logged there is no relay box in service"),
	PLAY("a pooled leg had died",
	     INSTEAD, LETTER, "C: .", REPLY_X, REPLY_HEAD, "X< 250 ok", ANSWERED, "C: MAIL FROM:<s@t>", "S: 250*", "C: RCPT TO:<a2@t>",
	     "A hello", "A> MAIL*", "A> RCPT*", "A< 250 ok", "A< 250 ok", "S: 250*", "C: DATA", "A> DATA", "A< 354 go", SCENE_GO,
	     "C: To: a2@t", "A> To: a2@t", "C: ", "A> ", "C: .", "X1> MAIL FROM:<>", "X1> RCPT TO:<s@t>", "X1 closes",
	     "X2 hello", "X2> MAIL FROM:<>", "X2> RCPT TO:<s@t>", "X2< 250 ok", "X2< 550 no", LATER, "X2> RSET"),
	PLAY("answered lately: it gets the mail", INSTEAD, "answered 1", LETTER, "C: .", "A> .", "A< 250 ok", "S: 250 2.0.0 [A:250_ok]",
	     "X is none", "logged auto-reply a1@t => s@t none - this sender was answered within seven days"),
	PLAY("with the tag of the day", INSTEAD, "answered s@t", "C hello", "C: MAIL FROM:<prvs=1234=s@t>", "S: 250*", "C: RCPT TO:<a1@t>",
	     "A hello", "A> MAIL*", "A> RCPT*", "A< 250 ok", "A< 250 ok", "S: 250*", "C: DATA", "A> DATA", "A< 354 go", SCENE_GO,
	     "C: To: a1@t", "A> To: a1@t", "C: ", "A> ", "C: .", "A> .", "A< 250 ok", "S: 250*", "X is none",
	     "logged auto-reply a1@t => prvs=1234=s@t none - this sender was answered within seven days"),
	PLAY("that cannot be read: as well", INSTEAD, "answered -1", LETTER, "C: .", "A> .", "A< 250 ok", "S: 250*", "X is none"),
	PLAY("a list: as well", INSTEAD, SCENE_A, "C: DATA", "A> DATA", "A< 354 go", SCENE_GO, "C: List-Id: <x>", "A> List-Id: <x>",
	     "C: To: a1@t", "A> To: a1@t", "C: ", "A> ", "C: .", "A> .", "A< 250 ok", "S: 250*", "X is none"),
	PLAY("a null sender: not even looked at", INSTEAD, "C hello", "C: MAIL FROM:<>", "S: 250*", "C: RCPT TO:<a1@t>", "A hello",
	     "A> MAIL FROM:<>", "A> RCPT*", "A< 250 ok", "A< 250 ok", "S: 250*", "C: DATA", "A> DATA", "A< 354 go", SCENE_GO,
	     "C: .", "A> .", "A< 250 ok", "S: 250*"),
	PLAY("another recipient gets the mail meanwhile",
	     INSTEAD, SCENE_AB, "C: DATA", "A> DATA", "B> DATA", "A< 354 go", "B< 354 go", SCENE_GO, "C: To: a1@t", "A> To: a1@t",
	     "B> To: a1@t", "C: ", "A> ", "B> ", "C: .", "A is broken", "B> .", "B< 250 ok", REPLY_X, REPLY_HEAD, "X< 250 ok",
	     "S: 250 2.0.0 [A:250_answered_by_an_automatic_reply][B:250_ok]"),
	PLAY("the reply fails, another has got the mail: he is spared next time",
	     INSTEAD, SCENE_AB, "C: DATA", "A> DATA", "B> DATA", "A< 354 go", "B< 354 go", SCENE_GO, "C: To: a1@t", "A> To: a1@t",
	     "B> To: a1@t", "C: ", "A> ", "B> ", "C: .", "B> .", "B< 250 ok", REPLY_X, REPLY_HEAD, "X< 450 no", "ledger durable",
	     "S: 451 *", "ledger b1@t delivered B"),
	PLAY("two who answer have a leg each",
	     INSTEAD, SCENE_MAIL, SCENE_RCPT("A1", "a1@t"), "C: RCPT TO:<a2@t>", "A2 hello", "A2> MAIL*", "A2> RCPT TO:<a2@t>",
	     "A2< 250 ok", "A2< 250 ok", "S: 250*"),
	PLAY("the client has gone", INSTEAD, LETTER, "C~ .\r\n", "C resets", "C is closed", REPLY_X, REPLY_HEAD, "X< 250 ok",
	     "logged auto-reply a1@t => s@t success"),
	PLAY("in mid-mail: nobody answers", INSTEAD, LETTER, "C closes", "C is closed", "A is broken", "X is none"),

	PLAY("its sender is none of ours, though it says so: the next try is delivered",
	     INSTEAD, "C hello", "C: MAIL FROM:<u@t>", "S: 250*", "C: RCPT TO:<a1@t>", "A hello", "A> MAIL*", "A> RCPT*", "A< 250 ok",
	     "A< 250 ok", "S: 250*", "C: DATA", "A> DATA", "A< 354 go", SCENE_GO, "C: To: a1@t", "A> To: a1@t", "C: ", "A> ", "C: .",
	     LATER, "logged auto-reply a1@t => u@t failure - 550 there is no such mailbox here"),

	/* --- with all the rest --- */
	PLAY("each its own answer",
	     INSTEAD, "C hello", "C: MAIL FROM:<s@t> PRDR", "S: 250*", SCENE_RCPT("A", "a1@t"), SCENE_RCPT("B", "b1@t"), "C: DATA", "A> DATA",
	     "B> DATA", "A< 354 go", "B< 354 go", SCENE_GO, "C: To: a1@t", "A> To: a1@t", "B> To: a1@t", "C: ", "A> ", "B> ", "C: .", "B> .",
	     "B< 550 no", REPLY_X, REPLY_HEAD, "X< 250 ok", "S: 353*", ANSWERED, "S: 550*", "S: 250*", "A is broken"),
	PLAY("red light while the reply is under way", INSTEAD, LETTER, "C: .", REPLY_X, REPLY_HEAD, "red X", "drain", "C is open",
	     "X< 250 ok", ANSWERED, "S: 421*", "C is closed", "A is broken", "X> QUIT"),
	PLAY("the client has gone, and the reply fails", INSTEAD, LETTER, "C~ .\r\n", "C resets", "C is closed", REPLY_X, REPLY_HEAD,
	     "X resets", "A is broken", "ledger rows 0"),
	PLAY("the client has gone, and the reply has no end", INSTEAD, LETTER, "C~ .\r\n", "C resets", "C is closed", REPLY_X, REPLY_HEAD,
	     "A is broken"),
	PLAY("who had an earlier mail is answered", "past a1@t delivered 1", INSTEAD, LETTER, "C: .", REPLY_X, REPLY_HEAD, "X< 250 ok", ANSWERED,
	     "A is broken"),
	PLAY("LMTP", "lmtp A", INSTEAD, SCENE_MAIL, "C: RCPT TO:<a1@t>", "A< 220 box", "A> LHLO mx.t", "A< 250 ok",
	     "A> MAIL*", "A< 250 ok", "A> RCPT*", "A< 250 ok", "S: 250*", "C: DATA", "A> DATA", "A< 354 go", SCENE_GO, "C: To: a1@t",
	     "A> To: a1@t", "C: ", "A> ", "C: .", REPLY_X, REPLY_HEAD, "X< 250 ok", ANSWERED, "A is broken"),
	PLAY("two who answer, and one of the replies fails",
	     INSTEAD, SCENE_MAIL, SCENE_RCPT("A1", "a1@t"), "C: RCPT TO:<a2@t>", "A2 hello", "A2> MAIL*", "A2> RCPT TO:<a2@t>",
	     "A2< 250 ok", "A2< 250 ok", "S: 250*", "C: DATA", "A1> DATA", "A2> DATA", "A1< 354 go", "A2< 354 go", SCENE_GO,
	     "C: To: a1@t, a2@t", "A1> To*", "A2> To*", "C: ", "A1> ", "A2> ", "C: .", "A1 is broken", "A2 is broken",
	     "X1 hello", "X2 hello", "X1> MAIL*", "X1> RCPT*", "X2> MAIL*", "X2> RCPT*", "X1< 250 ok", "X1< 250 ok", "X2< 250 ok", "X2< 450 no",
	     "X1> DATA", "X2> RSET", "X1< 354 go", REPLY_HEAD_1, "X1< 250 ok", "ledger durable", "S: 451 *", "ledger rows 1"),

	/* --- behind the mail --- */
	PLAY("the mail, its answer, the reply",
	     KEEPS, LETTER, "C: .", "A> .", "A< 250 ok", "S: 250 2.0.0 [A:250_ok]", REPLY_X, REPLY_HEAD, "X< 250 ok",
	     "logged 1-1 auto-reply a1@t => s@t success - X: 250 ok"),
	PLAY("the box refuses the mail: nothing is answered", KEEPS, LETTER, "C: .", "A> .", "A< 550 no", "S: 550*", "X is none"),
	PLAY("tried again",
	     KEEPS, LETTER, "C: .", "A> .", "A< 250 ok", "S: 250*", REPLY_X, REPLY_HEAD, "X< 450 no", "pass 5100",
	     "X> MAIL FROM:<>", "X> RCPT TO:<s@t>", "X< 250 ok", "X< 250 ok", "X> DATA", "X< 354 go", REPLY_HEAD, "X< 250 ok",
	     "logged success - X: 250 ok"),
	PLAY("refused for good", KEEPS, LETTER, "C: .", "A> .", "A< 250 ok", "S: 250*", REPLY_X, REPLY_HEAD, "X< 550 no",
	     "logged auto-reply a1@t => s@t failure - X: 550 no"),
	PLAY("given up after a quarter of an hour",
	     "everybody at A answers and keeps", LETTER, "C: .", "A> .", "A< 250 ok", "S: 250*", "C: QUIT", "S: 221*", "C is closed", "pass 5100", "pass 10100", "pass 20100", "A> QUIT",
	     "pass 40100", "pass 80100", "pass 120100", "pass 120100", "pass 120100", "pass 120100", "pass 120100", "pass 120100",
	     "pass 120100", "pass 120100", "logged auto-reply a1@t => s@t failure - 451 there is no relay box in service"),
};
/* clang-format on */

PLAYS_MAIN("auto_reply", plays)
