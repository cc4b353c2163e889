/* smtp_mail: MAIL, RCPT and DATA as the client writes them, and what it is told it may. */
#include "lib/session/smtp_mail.c"

#include "session/play.h"

#define EHLO_FIRST(size) "S: 250-mx.t", "S: 250-PIPELINING", "S: 250-SIZE " size
#define EHLO_LAST \
	"S: 250-ENHANCEDSTATUSCODES", "S: 250-AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256", \
	"S: 250-PRDR", "S: 250-LIMITS RCPTMAX=1000", "S: 250 HELP"
#define EHLO_7BIT(size) EHLO_FIRST(size), EHLO_LAST
#define EHLO_8BIT(size) EHLO_FIRST(size), "S: 250-8BITMIME", EHLO_LAST

/* clang-format off */
static const struct play plays[] = {
	/* --- parameters --- */
	PLAY("SIZE within the limit", "C hello", "C: MAIL FROM:<s@t> SIZE=102400", "S: 250 2.1.0 ok"),
	PLAY("SIZE past the limit is no error of the client's",
	     "C hello", "C: MAIL FROM:<s@t> SIZE=102401", "S: 552 5.3.4 mail is larger than 100 kB",
	     "count refused_data 1", "count refused_syntax 0", "C: MAIL FROM:<s@t>", "S: 250*"),
	PLAY("SIZE past all numbers",
	     "C hello", "C: MAIL FROM:<s@t> SIZE=99999999999999999999", "S: 552*"),
	PLAY("SIZE that is none",
	     "C hello", "C: MAIL FROM:<s@t> SIZE=x", "S: 501 5.5.4 a parameter of MAIL has a bad value",
	     "count refused_syntax 1"),
	PLAY("a parameter that nobody knows",
	     "C hello", "C: MAIL FROM:<s@t> X=1", "S: 555 5.5.4 a parameter of MAIL is not known",
	     "C: MAIL FROM:<s@t> SMTPUTF8", "S: 555 5.5.4 a parameter of MAIL is not known"),
	PLAY("parameters after HELO",
	     "S: 220 mx.t ESMTP", "C: HELO me", "S: 250 ok",
	     "C: MAIL FROM:<s@t> SIZE=1", "S: 555 5.5.4 a parameter of MAIL is not known",
	     "C: MAIL FROM:<s@t> BODY=8BITMIME", "S: 555*", "C: MAIL FROM:<s@t> PRDR", "S: 555*",
	     "C: MAIL FROM:<s@t>", "S: 250 2.1.0 ok", "count refused_syntax 3"),
	PLAY("a bad sender", "C hello", "C: MAIL FROM:<@>", "S: 501 5.1.7*", "C: MAIL FROM <s@t>",
	     "S: 501 5.5.4 MAIL is not understood"),
	PLAY("a bad recipient",
	     SCENE_MAIL, "C: RCPT TO:<@>", "S: 501 5.1.3*", "C: RCPT TO:a1@t X=1", "S: 5*",
	     "C: RCPT TO:<a1@t> X=1", "S: 555 5.5.4 a parameter of RCPT is not known",
	     "C: RCPT a1", "S: 501 5.5.4 RCPT is not understood", "count refused_syntax 4"),

	/* --- what the boxes can, the cluster can --- */
	PLAY("nothing is known of any box",
	     "S: 220 mx.t ESMTP", "C: EHLO me", EHLO_8BIT("102400")),
	PLAY("the smallest SIZE of all boxes",
	     "offer A 1 500", "offer B 9 400", "S: 220 mx.t ESMTP", "C: EHLO me", EHLO_7BIT("400"),
	     "C: MAIL FROM:<s@t> SIZE=401", "S: 552 5.3.4 mail is larger than 0 kB"),
	PLAY("boxes without a SIZE", "offer A 9 0", "S: 220 mx.t ESMTP", "C: EHLO me",
	     EHLO_8BIT("102400")),
	PLAY("boxes with a larger one", "offer A 9 200000", "S: 220 mx.t ESMTP", "C: EHLO me",
	     EHLO_8BIT("102400")),
	PLAY("a box that is not green has no say", "offer A 1 500", "yellow A", "S: 220 mx.t ESMTP",
	     "C: EHLO me", EHLO_8BIT("102400")),
	PLAY("one box without 8BITMIME is enough", "offer A 9 0", "offer B 1 0", "S: 220 mx.t ESMTP",
	     "C: EHLO me", EHLO_7BIT("102400")),

	/* --- answers and what is counted --- */
	PLAY("DATA without recipients", SCENE_MAIL, "C: DATA", "S: 554 5.5.1 no valid recipients",
	     "count refused_data 1", "C: RCPT TO:<u@t>", "S: 550*", "C: DATA", "S: 554*",
	     "count refused_data 2"),
	PLAY("a mail refused before its end counts as refused",
	     SCENE_A, "C: DATA", "A> DATA", "A< 550 no", "S: 550 5.0.0 [A:550_no]", "count refused_data 1",
	     "logged 1-1 refused - 550 5.0.0 [A:550_no]"),
	PLAY("one refused by its box behind the end mark does not",
	     SCENE_BODY_A, "A< 550 no", "S: 550 5.0.0 [A:550_no]", "count refused_data 0"),
	PLAY("a second mail of the session",
	     SCENE_BODY_A, "A< 250 ok", "S: 250*", "C: MAIL FROM:<s@t>", "S: 250*", "C: RCPT TO:<a2@t>",
	     "A> MAIL FROM:<s@t>", "A> RCPT TO:<a2@t>", "A< 250 ok", "A< 250 ok", "S: 250*", "C: DATA",
	     "A> DATA", "A< 354 go", SCENE_GO, "C: ho", "A> ho", "C: .", "A> .", "A< 250 ok", "S: 250*",
	     "count mails 2", "count A reused 1", "count A sessions_total 1"),
	PLAY("commands in the body are body",
	     SCENE_DATA_A, "C: QUIT", "A> QUIT", "C: RSET", "A> RSET", "C: .", "A> .", "A< 250 ok",
	     "S: 250*"),

	/* --- Received --- */
	PLAY("after a bare HELO",
	     "received", "S: 220 mx.t ESMTP", "C: HELO", "S: 250 ok", "C: MAIL FROM:<s@t>", "S: 250*",
	     SCENE_RCPT("A", "a1@t"), "C: DATA", "A> DATA", "A< 354 go", SCENE_GO, "C: .",
	     "A> Received: from unknown ([10.11.12.13])", "A> \tby mx.t with SMTP id 1-1",
	     "A> \tfor <a1@t>;", "A> \t*", "A> .", "A< 250 ok", "S: 250*"),
	PLAY("refused recipients are recipients, too: nobody is named",
	     "received", SCENE_A, "C: RCPT TO:<u@t>", "S: 550*", "C: DATA", "A> DATA", "A< 354 go", SCENE_GO,
	     "C: .", "A> Received*", "A> \tby mx.t with ESMTP id 1-1;", "A> \t*", "A> .", "A< 250 ok",
	     "S: 250*"),
	PLAY("over IPv6",
	     "C closes", "S: 220 mx.t ESMTP", "received", "from 2001:db8::1", "another client", "C2 hello",
	     "C2: MAIL FROM:<s@t>", "S2: 250*", "C2: RCPT TO:<a1@t>", "A hello", "A> MAIL FROM:<s@t>",
	     "A> RCPT TO:<a1@t>", "A< 250 ok", "A< 250 ok", "S2: 250*", "C2: DATA", "A> DATA",
	     "A< 354 go", "S2: 354*", "C2: .", "A> Received: from me.example ([IPv6:2001:db8::1])",
	     "A> \tby*", "A> \tfor*", "A> \t*", "A> .", "A< 250 ok", "S2: 250*"),
};
/* clang-format on */

PLAYS_MAIN("smtp_mail", plays)
