/* mail_policy: relay clients, mail programs and strangers; what reverse-paths and mailboxes refuse;
 * and the one relay box of a mail that would need several boxes. */
#include "lib/session/mail_policy.c"

#include "session/play.h"

#define PLAIN_A "AGFAdABzZWNyZXQ="
#define LOGGED_IN "C hello", "C: AUTH PLAIN " PLAIN_A, "S: 235*"
#define IN_RANGES "ranges 10.0.0.0/8", "C hello"
#define MAIL(from) "C: MAIL FROM:<" from ">"
#define OK "S: 250 2.1.0 ok"
#define QUOTA "S: 550 you have exceeded your mail quota - contact our site administrators for more info"
#define RSET "C: RSET", "S: 250*"
#define NO_ROUTES "S: 550 5.7.1 relaying denied: no routes, quotes or literals in addresses"
/* RCPT, its answer from a box whose connection is new, or has had this mail's MAIL. */
#define TO(box, to) \
	"C: RCPT TO:<" to ">", box " hello", box "> MAIL FROM:<s@t>", box "> RCPT TO:<" to ">", \
		box "< 250 ok", box "< 250 ok"
#define TO_MORE(box, to) "C: RCPT TO:<" to ">", box "> RCPT TO:<" to ">", box "< 250 ok"
#define TAKEN "S: 250 2.1.5 ok"
#define BODY(box) \
	"C: DATA", box "> DATA", box "< 354 go", SCENE_GO, "C: hi", box "> hi", "C: .", box "> .", \
		box "< 250 ok", "S: 250 2.0.0 [" box ":250_ok]"

/* clang-format off */
static const struct play plays[] = {
	/* --- who may relay --- */
	PLAY("a stranger may not", "relay X", SCENE_MAIL, "C: RCPT TO:<f1@t>", "S: 550 5.7.1 relaying denied",
	     "count refused_relay 1"),
	PLAY("who is in the ranges may", "relay X", IN_RANGES, MAIL("s@t"), OK, TO("X", "f1@t"), TAKEN, BODY("X")),
	PLAY("ranges of others do not help", "relay X", "ranges 192.0.2.0/24", SCENE_MAIL, "C: RCPT TO:<f1@t>", "S: 550*"),
	PLAY("who has logged in may", "relay X", "sender own", LOGGED_IN, MAIL("s@t"), OK, TO("X", "f1@t"), TAKEN),
	PLAY("to unknown mailboxes of ours nobody may", "relay X", IN_RANGES, MAIL("s@t"), OK, "C: RCPT TO:<u1@t>", "S: 550 5.1.1*"),
	PLAY("without a relay box", IN_RANGES, MAIL("s@t"), OK, "C: RCPT TO:<f1@t>", "S: 451 4.3.5 there is no relay box in service"),
	PLAY("who has logged in, and was deleted since",
	     "relay X", "sender own", LOGGED_IN, MAIL("s@t"), OK, "C: RSET", "S: 250*", "sender unknown", "login gone", MAIL("s@t"),
	     "S: 530 5.7.0 log in first"),
	PLAY("an alias has its name now",
	     "relay X", "sender own", LOGGED_IN, MAIL("s@t"), OK, "C: RSET", "S: 250*", "login gone", MAIL("s@t"),
	     "S: 530 5.7.0 log in first", "set sender_must_match 1", MAIL("s@t"), "S: 530*"),
	PLAY("a login is wanted",
	     "set auth_required 1", "ranges 10.0.0.0/8", "C hello", MAIL("s@t"), "S: 530 5.7.0 log in first", "count refused_login 1",
	     "sender own", "C: AUTH PLAIN " PLAIN_A, "S: 235*", MAIL("s@t"), OK),

	/* --- back to senders that were rewritten --- */
	PLAY("a bounce goes abroad", "relay X", "srs back.t", "C hello", MAIL(""), OK, "C bounces to f1@t", "X hello",
	     "X> MAIL FROM:<>", "X> RCPT TO:<f1@t>", "X< 250 ok", "X< 250 ok", TAKEN),
	PLAY("a forged one does not", "relay X", "srs back.t", "C hello", MAIL(""), OK, "C: RCPT TO:<SRS0=AAAAA=AA=t=f1@back.t>",
	     "S: 550 5.1.1 rewritten sender with a wrong hash", "count refused_unknown 1"),
	PLAY("what is no bounce does not", "relay X", "srs back.t", SCENE_MAIL, "C bounces to f1@t",
	     "S: 550 5.7.1 bounces alone come back this way", "count refused_relay 1"),
	PLAY("but for a relay client", "relay X", "srs back.t", IN_RANGES, MAIL("s@t"), OK, "C bounces to f1@t", "X hello",
	     "X> MAIL*", "X> RCPT TO:<f1@t>"),

	/* --- routes in addresses --- */
	PLAY("quotes", SCENE_MAIL, "C: RCPT TO:<\"x@y\"@t>", NO_ROUTES, "count refused_relay 1"),
	PLAY("literals", SCENE_MAIL, "C: RCPT TO:<x@[10.0.0.1]>", NO_ROUTES),
	PLAY("a second @", SCENE_MAIL, "C: RCPT TO:<x@y@t>", NO_ROUTES),
	PLAY("a bang alone", SCENE_MAIL, "C: RCPT TO:<y!x>", NO_ROUTES),
	PLAY("in its order", SCENE_MAIL, "C+ RCPT TO:<a1@t>", "C: RCPT TO:<y!x>", "A hello", "A> MAIL*", "A> RCPT*", "A< 250 ok",
	     "A< 250 ok", TAKEN, NO_ROUTES),

	/* --- reverse-paths --- */
	PLAY("null, of a relay client", IN_RANGES, MAIL(""), "S: 550 5.7.1 mail without a sender*", "count refused_sender 1",
	     "set allow_relay_notifications 1", MAIL(""), OK),
	PLAY("null, of anybody else", "C hello", MAIL(""), OK),
	PLAY("null, of a box of ours", "lives A 10.11.12.13", IN_RANGES, MAIL(""), OK),
	PLAY("own", "set sender_must_match 1", "sender own", LOGGED_IN, MAIL("a@t"), OK),
	PLAY("somebody else's", "set sender_must_match 1", "sender ours remote", LOGGED_IN, MAIL("c@t"),
	     "S: 553 5.7.1 this sender address is not yours", "logged 1-1 refused from=<c@t> - 553 5.7.1 this sender",
	     "set sender_must_match 0", MAIL("c@t"), OK),
	PLAY("nobody's", "set sender_must_match 1", LOGGED_IN, MAIL("s@t"), "S: 553*"),
	PLAY("of the ranges any", "set sender_must_match 1", "sender ours remote", IN_RANGES, MAIL("c@t"), OK),
	PLAY("from inside only", "sender ours", "C hello", MAIL("c@t"), "S: 550 5.7.1 mail of this sender*", "count refused_sender 1",
	     "sender ours remote", MAIL("c@t"), OK),
	PLAY("from inside", "sender ours", IN_RANGES, MAIL("c@t"), OK),
	PLAY("rows that cannot be read", "sender unreadable", "C hello", MAIL("c@t"), "S: 451 4.3.0*", "count refused_temporary 1",
	     "sender unknown", MAIL("c@t"), OK),

	/* --- what mailboxes refuse --- */
	PLAY("no null sender", "mailboxes refuse null senders", "C hello", MAIL(""), OK, "C: RCPT TO:<a1@t>",
	     "S: 550 5.7.1 this mailbox takes no mail without a sender", "count refused_sender 1"),
	PLAY("of a box of ours it is taken", "mailboxes refuse null senders", "lives Y 10.11.12.13", "C hello", MAIL(""), OK,
	     "C: RCPT TO:<a1@t>", "A hello", "A> MAIL FROM:<>", "A> RCPT TO:<a1@t>"),
	PLAY("none from itself", "mailboxes refuse themselves", "C hello", MAIL("a1@t"), OK, "C: RCPT TO:<a1@t>",
	     "S: 550 5.7.1 this mailbox takes no mail from itself"),
	PLAY("from inside", "mailboxes refuse themselves", IN_RANGES, MAIL("a1@t"), OK, "C: RCPT TO:<a1@t>", "A hello",
	     "A> MAIL FROM:<a1@t>", "A> RCPT TO:<a1@t>"),
	PLAY("handed back by a relay box", "mailboxes refuse themselves", "lives Y 10.11.12.13", "C hello", MAIL("a1@t"), OK,
	     "C: RCPT TO:<a1@t>", "A hello", "A> MAIL FROM:<a1@t>", "A> RCPT TO:<a1@t>"),

	/* --- how many --- */
	PLAY("recipients of a stranger have no such limit", "set rcpt_per_mail 1", SCENE_MAIL, SCENE_RCPT("A", "a1@t"),
	     TO_MORE("A", "a2@t"), TAKEN),
	PLAY("the cluster's for senders without an account", "set rcpt_per_mail 1", IN_RANGES, MAIL("s@t"), OK, TO("A", "a1@t"),
	     TAKEN, "C: RCPT TO:<a2@t>", "S: 452 4.5.3*", "count refused_limit 1"),
	PLAY("the sender's own", "set rcpt_per_mail 1", "sender ours remote rcpt 2", IN_RANGES, MAIL("s@t"), OK, TO("A", "a1@t"),
	     TAKEN, TO_MORE("A", "a2@t"), TAKEN, "C: RCPT TO:<a3@t>", "S: 452*"),
	PLAY("refused ones do not count", "set rcpt_per_mail 1", IN_RANGES, MAIL("s@t"), OK, "C: RCPT TO:<u1@t>", "S: 550*",
	     TO("A", "a1@t"), TAKEN),
	PLAY("pipelined ones count", "set rcpt_per_mail 2", IN_RANGES, MAIL("s@t"), OK, "C+ RCPT TO:<a1@t>", "C+ RCPT TO:<u1@t>",
	     "C+ RCPT TO:<a2@t>", "C+ RCPT TO:<a3@t>", "C: DATA", "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>",
	     "A< 250 ok", "A< 250 ok", TAKEN, "S: 550*", "A> RCPT TO:<a2@t>", "A< 250 ok", TAKEN, "S: 452 4.5.3*", "A> DATA"),
	PLAY("unlimited", "set rcpt_per_mail 1", "sender ours remote unlimited rcpt 1", IN_RANGES, MAIL("s@t"), OK, TO("A", "a1@t"),
	     TAKEN, TO_MORE("A", "a2@t"), TAKEN),
	PLAY("too many strangers", "set rcpt_per_mail 2", IN_RANGES, MAIL("x1@t"), OK, "C: RSET", "S: 250*", MAIL("x2@t"), OK,
	     "C: RSET", "S: 250*", MAIL("x1@t"), OK, "C: RSET", "S: 250*", MAIL("x3@t"), QUOTA,
	     "count refused_blocked 1", "logged 1-1 blocked 10.11.12.13 - more than 2 sender addresses without an account in 120 min"),
	PLAY("too many mails", "general mail_from_quota 2", IN_RANGES, MAIL("s@t"), OK, RSET, MAIL("s@t"), OK, RSET, MAIL("s@t"),
	     QUOTA, "count refused_blocked 1", "logged 1-1 blocked 10.11.12.13 - more than 2 MAIL commands in 5 min"),
	PLAY("of an account", "general mail_from_quota 1", "sender own", LOGGED_IN, MAIL("a@t"), OK, RSET, MAIL("a@t"), QUOTA,
	     "logged 1-1 blocked 10.11.12.13 - more than 1 MAIL commands in 5 min", "logged 1-1 blocked a@t - more than 1 MAIL commands in 5 min"),
	PLAY("of a sender's account, without a login", "general mail_from_quota 1", "sender ours remote", IN_RANGES, MAIL("c@t"), OK,
	     RSET, MAIL("c@t"), QUOTA, "logged 1-1 blocked c@t - more than 1 MAIL commands in 5 min"),
	PLAY("no interval, no limit", "general mail_from_quota 1", "general mail_from_interval_min 0", IN_RANGES, MAIL("s@t"), OK,
	     RSET, MAIL("s@t"), OK, RSET, MAIL("s@t"), OK),
	PLAY("too many senders", "general distinct_from_emails 1", IN_RANGES, MAIL("x1@t"), OK, RSET, MAIL("X1@T"), OK, RSET,
	     MAIL("x2@t"), QUOTA, "logged 1-1 blocked 10.11.12.13 - more than 1 sender addresses in 120 min"),
	PLAY("too many sender domains", "general distinct_from_domains 1", IN_RANGES, MAIL("x1@t"), OK, RSET, MAIL("x2@T"), OK, RSET,
	     MAIL("x2@u"), QUOTA, "logged 1-1 blocked 10.11.12.13 - more than 1 sender domains in 120 min"),
	PLAY("none for null senders", "general distinct_from_emails 1", "set allow_relay_notifications 1", IN_RANGES, MAIL("x1@t"), OK,
	     RSET, MAIL(""), OK),
	PLAY("strangers have no such limits", "general mail_from_quota 1", "general distinct_from_emails 1", "C hello", MAIL("x1@t"), OK,
	     RSET, MAIL("x2@t"), OK),
	PLAY("boxes of ours have none", "lives Y 10.11.12.13", "general mail_from_quota 1", "general distinct_from_emails 1", IN_RANGES,
	     MAIL("x1@t"), OK, RSET, MAIL("x2@t"), OK),
	PLAY("unlimited accounts have none", "general mail_from_quota 1", "sender ours remote unlimited", IN_RANGES, MAIL("c@t"), OK,
	     RSET, MAIL("c@t"), OK),
	PLAY("unlimited logins have none", "general mail_from_quota 1", "sender own unlimited", LOGGED_IN, MAIL("a@t"), OK, RSET,
	     MAIL("a@t"), OK),
	PLAY("refused senders are not counted", "general mail_from_quota 1", "set sender_must_match 1", "sender ours", LOGGED_IN,
	     MAIL("c@t"), "S: 553*", MAIL("c@t"), "S: 553*", MAIL("a@t"), OK),
	PLAY("too many recipients too often", "set rcpt_per_mail 1", "general recipient_exceeded_quota 2", IN_RANGES, MAIL("s@t"), OK,
	     TO("A", "a1@t"), TAKEN, "C: RCPT TO:<a2@t>", "S: 452*", "C: RCPT TO:<a3@t>", "S: 452*", "C: RCPT TO:<a4@t>", QUOTA,
	     "C: RCPT TO:<a5@t>", QUOTA, "count refused_limit 2", "count refused_blocked 2",
	     "logged 1-1 blocked 10.11.12.13 - more than 2 recipients beyond those of a mail in 5 min"),
	PLAY("blocked by address", "blocked 10.11.12.13", IN_RANGES, MAIL("s@t"), QUOTA),
	PLAY("blocked by account", "blocked a@t", "sender own", LOGGED_IN, MAIL("s@t"), QUOTA),
	PLAY("blocked by account, at a box's address", "blocked a@t", "lives Y 10.11.12.13", "sender own", LOGGED_IN, MAIL("s@t"), QUOTA),
	PLAY("blocked by account, without its login", "blocked s@t", IN_RANGES, MAIL("s@t"), QUOTA, MAIL("c@t"), OK),
	PLAY("only relay clients are blocked, by account neither", "blocked s@t", SCENE_MAIL),
	PLAY("only relay clients are blocked", "blocked 10.11.12.13", SCENE_MAIL),

	/* --- whole through one relay box --- */
	PLAY("a second box is needed",
	     "relay X", IN_RANGES, MAIL("s@t"), OK, TO("A", "a1@t"), TAKEN, "C: RCPT TO:<b1@t>", "X hello", "X> MAIL FROM:<s@t>",
	     "X> RCPT TO:<a1@t>", "X> RCPT TO:<b1@t>", "A> RSET", "A< 250 ok", "X< 250 ok", "X< 250 ok", "X< 250 ok", TAKEN, BODY("X"),
	     "B is none"),
	PLAY("one of them is the relay box",
	     "relay B", IN_RANGES, MAIL("s@t"), OK, TO("A", "a1@t"), TAKEN, "C: RCPT TO:<b1@t>", "B hello", "B> MAIL FROM:<s@t>",
	     "B> RCPT TO:<a1@t>", "B> RCPT TO:<b1@t>", "A> RSET", "A< 250 ok", "B< 250 ok", "B< 250 ok", "B< 250 ok", TAKEN, BODY("B")),
	PLAY("the first of them is",
	     "relay A", IN_RANGES, MAIL("s@t"), OK, TO("A", "a1@t"), TAKEN, TO_MORE("A", "b1@t"), TAKEN, BODY("A"), "B is none"),
	PLAY("an alias over two",
	     "relay X", IN_RANGES, MAIL("s@t"), OK, "C: RCPT TO:<ab@t>", "X hello", "X> MAIL FROM:<s@t>", "X> RCPT TO:<a@t>",
	     "X> RCPT TO:<b@t>", "X< 250 ok", "X< 250 ok", "X< 250 ok", TAKEN, BODY("X")),
	PLAY("there is no relay box: as for anybody",
	     IN_RANGES, MAIL("s@t"), OK, TO("A", "a1@t"), TAKEN, TO("B", "b1@t"), TAKEN),
	PLAY("a stranger's goes to both", "relay X", SCENE_AB),
	PLAY("a box retries as servers do", "relay X", "lives Y 10.11.12.13", "ranges 10.0.0.0/8", SCENE_AB),
	PLAY("its box is down", "relay X", "down A", IN_RANGES, MAIL("s@t"), OK, TO("X", "a1@t"), TAKEN, BODY("X")),
	PLAY("a stranger is put off", "relay X", "down A", SCENE_MAIL, "C: RCPT TO:<a1@t>", "S: 451*"),
	PLAY("the relay box does not take whom his own had taken",
	     "relay X", IN_RANGES, MAIL("s@t"), OK, TO("A", "a1@t"), TAKEN, "C: RCPT TO:<b1@t>", "X hello", "X> MAIL FROM:<s@t>",
	     "X> RCPT TO:<a1@t>", "X> RCPT TO:<b1@t>", "A> RSET", "A< 250 ok", "X< 250 ok", "X< 550 5.1.1 no", "X< 250 ok", TAKEN,
	     "C: DATA", "S: 550 5.1.1 [X:550_no]", "X is broken"),
	PLAY("whom his own had refused stays refused",
	     "relay X", IN_RANGES, MAIL("s@t"), OK, "C: RCPT TO:<a1@t>", "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>",
	     "A< 250 ok", "A< 550 no", "S: 550*", TO("B", "b1@t"), TAKEN, "C: DATA", "A> RSET", "A< 250 ok", "B> DATA"),
	PLAY("moved to a leg that begins anew, and not heard yet",
	     IN_RANGES, MAIL("s@t"), OK, "C: RCPT TO:<xy@t>", "X hello", "X> MAIL*", "X> RCPT TO:<x@t>", "X< 250 ok", "X< 250 ok",
	     "Y hello", "Y> MAIL*", "Y> RCPT TO:<y@t>", "Y< 250 ok", "Y< 550 no", "S: 550*", TO_MORE("X", "x1@t"), TAKEN,
	     TO("A", "a1@t"), TAKEN, "relay X", "C+ RCPT TO:<x1@t>", "C: DATA", TAKEN,
	     "S: 451 4.4.2*", "X is broken", "A> RSET", "Y> RSET"),
	PLAY("the relay box dies before it is ready",
	     "relay X", IN_RANGES, MAIL("s@t"), OK, TO("A", "a1@t"), TAKEN, "dial X refused", "relay X", "C: RCPT TO:<b1@t>",
	     "S: 451*", "A> RSET", "A< 250 ok", "C: DATA", "S: 451*"),
};
/* clang-format on */

PLAYS_MAIN("mail_policy", plays)
