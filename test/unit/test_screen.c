/* screen: who waits for its turn, and who speaks SMTP at all. */
#include "lib/session/screen.c"

#include "session/play.h"

#define TEASER "S: 220-mx.t ESMTP"
#define GREETING "S: 220 mx.t ESMTP"
#define PAUSE "set pregreet_ms 1000", "another client"
/* What the second client, which comes once there is a pause, says and hears. */
#define MAIL_2 "C2: MAIL FROM:<s@t>", "S2: 250 2.1.0 ok"
#define TRY_2 "C2: RCPT TO:<a1@t>"
#define TO_A_2 \
	"A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A< 250 ok", "A< 250 ok", "S2: 250 2.1.5 ok"
#define REFUSED_2 \
	"S2: 550 5.5.0 your server talks before its turn, RFC 5321 3.1 and RFC 2920 3.1"
#define HASTY_2 "S2: 220-mx.t ESMTP", "C2: HELO me", "S2: 220 mx.t ESMTP", "S2: 250 ok"
#define SCENE_RCPT_X_NAMELESS \
	SCENE_MAIL, "C: RCPT TO:<u1@t>", "S: 550 5.1.1*", "saw 0 32", "saw 0 1", "C: RCPT TO:<u2@t>", "S: 550 5.1.1*", "saw 0 1", \
		"saw nothing"
/* Bits of sightings: no parts, these kinds. */
#define EARLY "saw 0 16"
#define ERROR "saw 0 8"
#define FOREIGN \
	"S: 500 5.5.1 this is an SMTP server", "C is closed not SMTP", "count refused_foreign 1"

/* clang-format off */
static const struct play plays[] = {
	PLAY("a pause, and who waits", GREETING, PAUSE, "S2: 220-mx.t ESMTP", "pass 999", "C2 is open", "pass 1", "C2 hello",
	     MAIL_2, TRY_2, TO_A_2, "saw nothing"),
	PLAY("no pause without the setting", GREETING, "C is open"),
	PLAY("who talks into the pause is greeted, and refused where the guard judges", GREETING, PAUSE, "guard on", HASTY_2, EARLY,
	     "logged talked before the greeting", MAIL_2, TRY_2, REFUSED_2, "count refused_early 1",
	     "logged s@t => a1@t refused for talking before its turn", "saw 24 0"),
	PLAY("half a command is talk", GREETING, PAUSE, "S2: 220-mx.t ESMTP", "C2~ H", "S2: 220 mx.t ESMTP", EARLY, "C2: ELO me", "S2: 250 ok",
	     "saw nothing"),
	PLAY("refused once more in the next mail", GREETING, PAUSE, "guard on", HASTY_2, MAIL_2, TRY_2, REFUSED_2, "C2: RSET", "S2: 250 2.0.0 ok",
	     MAIL_2, TRY_2, REFUSED_2, "count refused_early 2"),
	PLAY("but not where no guard is wanted", GREETING, PAUSE, "guard off", HASTY_2, MAIL_2, TRY_2, TO_A_2),
	PLAY("an allow list wins: a correspondent", GREETING, PAUSE, "guard on", "known correspondent", HASTY_2, MAIL_2, TRY_2, TO_A_2),
	PLAY("an allow list wins: a permanent record", GREETING, PAUSE, "guard on", "known permanent", HASTY_2, MAIL_2, TRY_2, TO_A_2),
	PLAY("trust is no allow list", GREETING, PAUSE, "guard on", "known trusted", HASTY_2, MAIL_2, TRY_2, REFUSED_2),
	PLAY("no pause for relay clients", GREETING, "ranges 10.0.0.0/8", PAUSE, "S2: 220 mx.t ESMTP", "C2~ NOOP\r\nHELO x\r\nNOOP\r\n",
	     "S2: 250 2.0.0 ok", "S2: 250 ok", "S2: 250 2.0.0 ok", "saw nothing"),
	PLAY("nor for the whitelist", GREETING, "whitelist 10.0.0.0/8", PAUSE, "S2: 220 mx.t ESMTP", "saw nothing"),
	PLAY("nor for boxes", GREETING, "lives A 10.11.12.13", PAUSE, "S2: 220 mx.t ESMTP", "saw nothing"),
	PLAY("gone in the pause", GREETING, PAUSE, "S2: 220-mx.t ESMTP", "C2 closes", "C2 is closed client closed", "pass 2000", "saw nothing"),
	PLAY("reset in the pause", GREETING, PAUSE, "S2: 220-mx.t ESMTP", "C2 resets", "C2 is closed Connection reset by peer", "pass 2000"),
	PLAY("all said in the pause, and its side closed", GREETING, PAUSE, "S2: 220-mx.t ESMTP", "C2+ NOOP", "C2 closes", "S2: 220 mx.t ESMTP",
	     "S2: 250 2.0.0 ok", "C2 is closed client closed"),
	PLAY("drained in the pause", GREETING, PAUSE, "S2: 220-mx.t ESMTP", "C: NOOP", "S: 250 2.0.0 ok", "drain",
	     "S: 421 4.3.2 service is stopping, come back in a moment", "pass 1000", "S2: 220 mx.t ESMTP",
	     "S2: 421 4.3.2 service is stopping, come back in a moment"),

	/* --- pipelining: noted, and refused behind a pause alone --- */
	PLAY("behind EHLO", GREETING, "guard on", "known due", "C~ HELO me\r\nMAIL FROM:<s@t>\r\n", "S: 250 ok", "S: 250 2.1.0 ok", EARLY,
	     "logged talked before the answer to a command", "C: RCPT TO:<a1@t>", "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>",
	     "A< 250 ok", "A< 250 ok", "S: 250 2.1.5 ok"),
	PLAY("after HELO", GREETING, "C: HELO me", "S: 250 ok", "saw nothing", "C~ RSET\r\nRSET\r\n", "S: 250 2.0.0 ok", "S: 250 2.0.0 ok", EARLY),
	PLAY("after EHLO it is allowed", "C hello", "C~ RSET\r\nMAIL FROM:<s@t>\r\nRCPT TO:<u1@t>\r\nRSET\r\n", "S: 250 2.0.0 ok",
	     "S: 250 2.1.0 ok", "S: 550 5.1.1 no such mailbox here", "S: 250 2.0.0 ok", "saw 0 1", "saw nothing"),
	PLAY("but not behind what ends a group", "C hello", "C~ NOOP\r\nRSET\r\n", "S: 250 2.0.0 ok", "S: 250 2.0.0 ok", EARLY),
	PLAY("counted once a session", "C hello", "C~ NOOP\r\nNOOP\r\nNOOP\r\n", "S: 250 2.0.0 ok", "S: 250 2.0.0 ok", "S: 250 2.0.0 ok",
	     EARLY, "saw nothing"),
	PLAY("a body before 354", SCENE_A, "C: DATA", "A> DATA", "C+ hi", "C: .", "saw nothing", "A< 354 go", SCENE_GO, EARLY, "A> hi", "A> .",
	     "A< 250 ok", "S: 250 2.0.0 [A:250_ok]", "logged talked before the answer to DATA"),
	PLAY("behind a pause it is refused", GREETING, PAUSE, "guard on", "known due", "S2: 220-mx.t ESMTP", "pass 1000", "S2: 220 mx.t ESMTP",
	     "C2~ HELO me\r\nMAIL FROM:<s@t>\r\n", "S2: 250 ok", "S2: 250 2.1.0 ok", EARLY, TRY_2, REFUSED_2),

	/* --- names --- */
	PLAY("no name, noted once", "nameless", "guard off", SCENE_RCPT_X_NAMELESS),
	PLAY("a relay client needs none", "S: 220 mx.t ESMTP", "ranges 10.0.0.0/8", "nameless", "another client", "C2 hello",
	     "C2: MAIL FROM:<s@t>", "S2: 250 2.1.0 ok", "C2: RCPT TO:<u1@t>", "S2: 550 5.1.1*", "saw nothing"),

	/* --- errors --- */
	PLAY("each error", GREETING, "C: FOO", "S: 500 5.5.1 command unknown", ERROR, "C: MAIL FROM:<s@t>", "S: 503*", ERROR, "C~ NOOP\n", "S: 500*",
	     ERROR, "saw nothing"),
	PLAY("bare newlines in a mail", SCENE_DATA_A, "C~ a\nb\r\n.\r\n", "A is broken", "S: 554 5.5.2*", ERROR, "saw nothing"),
	PLAY("not of relay clients", GREETING, "ranges 10.0.0.0/8", "another client", "S2: 220 mx.t ESMTP", "C2: FOO",
	     "S2: 500 5.5.1 command unknown", "saw nothing"),

	/* --- other protocols --- */
	PLAY("HTTP", GREETING, "C~ GET / HTTP/1.1\r\nHost: x\r\n\r\n", FOREIGN),
	PLAY("HTTP that brings a mail", GREETING, "C~ POST / HTTP/1.1\r\nHost: x\r\n\r\nHELO x\r\nMAIL FROM:<s@t>\r\n", FOREIGN),
	PLAY("behind EHLO as well", "C hello", "C: CONNECT x:25 HTTP/1.1", FOREIGN),
	PLAY("TLS, which has no lines", GREETING, "C~ \x16\x03\x01\x02", FOREIGN),
	PLAY("SSH", GREETING, "C~ SSH-2.0-OpenSSH_9.2\r\n", FOREIGN),
	PLAY("in the pause", GREETING, PAUSE, "S2: 220-mx.t ESMTP", "C2~ GET / HTTP/1.1\r\n", "S2: 500 5.5.1 this is an SMTP server",
	     "C2 is closed not SMTP", "pass 2000"),
	PLAY("by relay clients, too: a browser among them", GREETING, "ranges 10.0.0.0/8", "another client", "S2: 220 mx.t ESMTP",
	     "C2: PUT /x HTTP/1.0", "S2: 500 5.5.1 this is an SMTP server", "C2 is closed not SMTP"),
	PLAY("a word that begins like one", GREETING, "C: GETTER x", "S: 500 5.5.1 command unknown", "C is open"),
};
/* clang-format on */

PLAYS_MAIN("screen", plays)
