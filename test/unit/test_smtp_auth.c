/* smtp_auth: AUTH as the client writes it, what it is told, and the box that is asked. */
#include "lib/session/smtp_auth.c"

#include "session/play.h"

#define PLAIN_A "AGFAdABzZWNyZXQ="
#define PLAIN_A_WRONG "AGFAdAB3cm9uZw=="
#define PLAIN_B "AGJAdABzZWNyZXQ="
#define PLAIN_O "AG9AdABzZWNyZXQ="
#define PLAIN_E "AGVAdABzZWNyZXQ="
#define PLAIN_U "AHVAdABzZWNyZXQ="
#define WELCOME "S: 235 2.7.0 welcome"
#define WRONG_LOGIN "S: 535 5.7.8 wrong name or password"
#define NOT_NOW "S: 454 4.7.0 logins cannot be checked now, try again later"
#define A_EHLO "A< 220 box", "A> EHLO mx.t", "A< 250-box", "A< 250 AUTH PLAIN"
#define B_EHLO "B< 220 box", "B> EHLO mx.t", "B< 250-box", "B< 250 AUTH CRAM-MD5 PLAIN LOGIN"

/* clang-format off */
static const struct play plays[] = {
	PLAY("PLAIN with an initial response",
	     "C hello", "C: AUTH PLAIN " PLAIN_A, WELCOME, "count logins 1", "logged login ok user=a@t method=PLAIN"),
	PLAY("behind it no name is looked for, nor a DNS list", "guard on", "nameless", "listed bl.example", "C hello",
	     "C: AUTH PLAIN " PLAIN_A, WELCOME, "C: MAIL FROM:<a@t>", "S: 250 2.1.0 ok", "C: RCPT TO:<a1@t>", "A hello", "A> MAIL FROM:<a@t>",
	     "A> RCPT TO:<a1@t>", "A< 250 ok", "A< 250 ok", "S: 250 2.1.5 ok", "saw nothing"),
	PLAY("any case", "C hello", "C: auth plain " PLAIN_A, WELCOME),
	PLAY("PLAIN in two lines", "C hello", "C: AUTH PLAIN", "S: 334 ", "C: " PLAIN_A, WELCOME),
	PLAY("LOGIN", "C hello", "C: AUTH LOGIN", "S: 334 *", "C: YUB0", "S: 334 *", "C: c2VjcmV0", WELCOME),
	PLAY("once is enough",
	     "C hello", "C: AUTH PLAIN " PLAIN_A, WELCOME, "C: AUTH PLAIN " PLAIN_A,
	     "S: 503 5.5.1 you have logged in already", "C: EHLO again", "S: 250-mx.t", "S: 250-PIPELINING",
	     "S: 250-SIZE*", "S: 250-8BITMIME", "S: 250-ENHANCEDSTATUSCODES", "S: 250-AUTH*", "S: 250-PRDR",
	     "S: 250-LIMITS*", "S: 250 HELP", "C: AUTH PLAIN " PLAIN_A, "S: 503*"),
	PLAY("not behind HELO",
	     "S: 220*", "C: HELO me", "S: 250 ok", "C: AUTH PLAIN " PLAIN_A, "S: 503 5.5.1 say EHLO first"),
	PLAY("a wrong password waits",
	     "C hello", "C: AUTH PLAIN " PLAIN_A_WRONG, "C is open", "pass 900", "C is open", "pass 200",
	     WRONG_LOGIN, "count refused_login 1", "logged login refused user=a@t method=PLAIN box=- - wrong password",
	     "C: AUTH PLAIN " PLAIN_A, "pass 2000", WELCOME),
	PLAY("an unknown name as well",
	     "C hello", "C: AUTH PLAIN " PLAIN_U, "pass 1100", WRONG_LOGIN, "logged no such account"),
	PLAY("five times",
	     "C hello", "C: AUTH PLAIN " PLAIN_U, "pass 1100", WRONG_LOGIN, "C: AUTH PLAIN " PLAIN_U, "pass 2100",
	     WRONG_LOGIN, "C: AUTH PLAIN " PLAIN_U, "pass 4100", WRONG_LOGIN, "C: AUTH PLAIN " PLAIN_U,
	     "pass 8100", WRONG_LOGIN, "C: AUTH PLAIN " PLAIN_U, "pass 16100", WRONG_LOGIN,
	     "S: 421 4.7.0 too many failed logins", "C is closed too many failed logins"),
	PLAY("accounts that cannot be read", "C hello", "C: AUTH PLAIN " PLAIN_E, NOT_NOW, "count refused_temporary 1"),
	PLAY("cancelled", "C hello", "C: AUTH PLAIN", "S: 334 ", "C: *", "S: 501 5.7.0 AUTH cancelled", "C: NOOP", "S: 250*"),
	PLAY("not base64", "C hello", "C: AUTH PLAIN", "S: 334 ", "C: a b", "S: 501 5.5.2 not base64", "C: NOOP", "S: 250*"),
	PLAY("a line too long ends it",
	     "C hello", "C: AUTH PLAIN", "S: 334 ", "C~ \001", "C: x\rx", "S: 500*", "C: NOOP", "S: 250*"),
	PLAY("pipelined behind it",
	     "C hello", "C+ AUTH PLAIN " PLAIN_A, "C: NOOP", WELCOME, "S: 250 2.0.0 ok"),
	PLAY("gone while it is checked", "C hello", "C: AUTH PLAIN " PLAIN_U, "C closes", "pass 1100", WRONG_LOGIN,
	     "C is closed client closed"),
	PLAY("lost while it is checked", "C hello", "C: AUTH PLAIN " PLAIN_U, "C resets", "C is closed"),
	PLAY("says nothing within AUTH",
	     "C hello", "C: AUTH PLAIN", "S: 334 ", "pass 300100", "S: 421 4.4.2 time-out, closing", "C is closed time-out"),
	PLAY("a drain lets it end", "C hello", "C: AUTH PLAIN", "S: 334 ", "drain", "C: " PLAIN_A, WELCOME, "S: 421*", "C is closed"),

	/* --- accounts whose box knows the password --- */
	PLAY("the box says yes",
	     "fits B", "C hello", "C: AUTH PLAIN " PLAIN_B, B_EHLO, "B> AUTH PLAIN " PLAIN_B, "B< 235 ok",
	     WELCOME, "B> QUIT", "B is closed", "count B logins 1", "count B sessions_total 1",
	     "logged login ok user=b@t method=PLAIN box=B"),
	PLAY("it has LOGIN alone",
	     "fits B", "C hello", "C: AUTH PLAIN " PLAIN_B, "B< 220 box", "B> EHLO mx.t", "B< 250-box", "B< 250 AUTH LOGIN",
	     "B> AUTH LOGIN", "B< 334 x", "B> YkB0", "B< 334 y", "B> c2VjcmV0", "B< 235 ok", WELCOME, "B> QUIT"),
	PLAY("the box says no",
	     "fits B", "C hello", "C: AUTH PLAIN " PLAIN_B, B_EHLO, "B> AUTH PLAIN " PLAIN_B, "B< 535 5.7.8 no",
	     "B> QUIT", "pass 1100", WRONG_LOGIN, "logged the box refuses: no", "count B refused 1"),
	PLAY("the box does not know now",
	     "fits B", "C hello", "C: AUTH PLAIN " PLAIN_B, B_EHLO, "B> AUTH PLAIN " PLAIN_B, "B< 454 4.7.0 later",
	     "B> QUIT", NOT_NOW, "logged box says 454 later, while=\"AUTH PLAIN\"", "count B failures 1"),
	PLAY("it offers no login",
	     "fits B", "C hello", "C: AUTH PLAIN " PLAIN_B, "B< 220 box", "B> EHLO mx.t", "B< 250 box", "B> QUIT", NOT_NOW,
	     "logged box offers neither AUTH PLAIN nor AUTH LOGIN"),
	PLAY("it greets badly", "fits B", "C hello", "C: AUTH PLAIN " PLAIN_B, "B< 554 no", NOT_NOW, "B is closed"),
	PLAY("it knows no EHLO",
	     "fits B", "C hello", "C: AUTH PLAIN " PLAIN_B, "B< 220 box", "B> EHLO mx.t", "B< 500 what", "B> QUIT", NOT_NOW),
	PLAY("it speaks out of turn",
	     "fits B", "C hello", "C: AUTH PLAIN " PLAIN_B, "B+ 220 box", "B< 250 box", NOT_NOW, "logged out of turn"),
	PLAY("it speaks nonsense", "fits B", "C hello", "C: AUTH PLAIN " PLAIN_B, "B< hello", NOT_NOW),
	PLAY("it closes", "fits B", "C hello", "C: AUTH PLAIN " PLAIN_B, "B< 220 box", "B> EHLO mx.t", "B closes", "B> QUIT", NOT_NOW),
	PLAY("it breaks", "fits B", "C hello", "C: AUTH PLAIN " PLAIN_B, "B< 220 box", "B> EHLO mx.t", "B resets", NOT_NOW),
	PLAY("it hangs", "fits B", "C hello", "C: AUTH PLAIN " PLAIN_B, "pass 60100", NOT_NOW, "logged time-out, while=\"greeting\""),
	PLAY("it cannot be reached", "fits B", "dial B refused", "C hello", "C: AUTH PLAIN " PLAIN_B, NOT_NOW),
	PLAY("it cannot be reached: its fall-over is asked",
	     "fits B", "fall B A", "dial B refused", "C hello", "C: AUTH PLAIN " PLAIN_B, A_EHLO, "A> AUTH PLAIN " PLAIN_B, "A< 235 ok", WELCOME,
	     "A> QUIT", "logged login tries another box", "count B failures 1", "count B sessions 0", "count A sessions 0"),
	PLAY("it closes in front of its greeting: its fall-over is asked",
	     "fits B", "fall B A", "C hello", "C: AUTH PLAIN " PLAIN_B, "B closes", A_EHLO, "A> AUTH PLAIN " PLAIN_B, "A< 235 ok", WELCOME,
	     "A> QUIT", "logged login tries another box", "count B failures 1", "count B sessions 0", "count A sessions 0"),
	PLAY("it breaks in front of its greeting: its fall-over is asked",
	     "fits B", "fall B A", "C hello", "C: AUTH PLAIN " PLAIN_B, "B resets", A_EHLO, "A> AUTH PLAIN " PLAIN_B, "A< 235 ok", WELCOME,
	     "A> QUIT", "logged login tries another box", "count B failures 1", "count B sessions 0", "count A sessions 0"),
	PLAY("it greets badly: its fall-over is asked",
	     "fits B", "fall B A", "C hello", "C: AUTH PLAIN " PLAIN_B, "B< 554 no", A_EHLO, "A> AUTH PLAIN " PLAIN_B, "A< 235 ok", WELCOME,
	     "A> QUIT", "logged login tries another box", "count B failures 1", "count B sessions 0", "count A sessions 0"),
	PLAY("it does not greet: its fall-over is asked",
	     "fits B", "fall B A", "C hello", "C: AUTH PLAIN " PLAIN_B, "pass 60100", A_EHLO, "A> AUTH PLAIN " PLAIN_B, "A< 235 ok", WELCOME,
	     "A> QUIT", "logged login tries another box", "count B failures 1", "count B sessions 0", "count A sessions 0"),
	PLAY("the fall-over fails as well",
	     "fits B", "fall B A", "C hello", "C: AUTH PLAIN " PLAIN_B, "B closes", "A resets", NOT_NOW),
	PLAY("the client goes while the fall-over is asked",
	     "fits B", "fall B A", "C hello", "C: AUTH PLAIN " PLAIN_B, "B closes", "C resets", "C is closed", "A is closed"),
	PLAY("it is down", "C hello", "C: AUTH PLAIN " PLAIN_B, NOT_NOW, "logged not in service"),
	PLAY("it is not here", "C hello", "C: AUTH PLAIN " PLAIN_O, NOT_NOW, "logged not in this cluster"),
	PLAY("the client goes while it is asked", "fits B", "C hello", "C: AUTH PLAIN " PLAIN_B, "C resets", "C is closed"),
};
/* clang-format on */

PLAYS_MAIN("smtp_auth", plays)
