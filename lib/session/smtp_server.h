/* smtp_server: the dialogue with an SMTP client.
 *
 *   PAUSE (pregreet_ms)
 *      v
 *   GREETED --HELO--> HELO --MAIL--> MAIL --RCPT--> RCPT --DATA--> WAIT (354 of the boxes)
 *      ^                ^                                             |
 *      |                +----- answer <---- END <---- BODY <----------+
 *
 * Parts: smtp_server.c (lines, states, the life of a session), smtp_verbs.c (the table of
 * verbs), smtp_auth.c (AUTH), smtp_mail.c (MAIL, RCPT, DATA and what the transaction says).
 * Not here: boxes (transaction.h), addresses (lib/route). */
#ifndef PB_SESSION_SMTP_SERVER_H
#define PB_SESSION_SMTP_SERVER_H

#include "lib/base/limits.h"
#include "lib/session/env.h"
#include "lib/session/login.h"
#include "lib/session/pace.h"
#include "lib/session/screen.h"
#include "lib/session/smtp_login.h"
#include "lib/session/tarpit.h"
#include "lib/session/transaction.h"
#include "lib/wire/smtp_line.h"
#include "shm/counters.h"

enum smtp_state { /* bits: a verb names those it is allowed in */
	S_GREETED = 1,
	S_HELO = 2,
	S_MAIL = 4,
	S_RCPT = 8,
	S_WAIT = 16, /* DATA asked, the boxes have not said 354 yet */
	S_BODY = 32,
	S_END = 64,  /* all is in, the boxes decide */
	S_CLOSED = 128,
	S_AUTH = 256,  /* the next line is the client's part of a login */
	S_CHECK = 512, /* a login is being checked */
	S_PAUSE = 1024, /* the last line of the greeting is held back */
	S_ANY = S_GREETED | S_HELO | S_MAIL | S_RCPT,
};

struct smtp_session {
	struct session s;
	enum smtp_state state;
	struct timer idle;     /* waiting for the client */
	struct timer deadline; /* session_max_s */
	struct pace pace;      /* data_min_bytes_per_s */
	struct screen screen;
	struct tarpit tarpit;  /* while it holds, nothing is read or worked on */
	struct deferred reap;
	struct transaction *tx;
	unsigned errors;       /* bad commands */
	bool esmtp;
	bool skipping;	       /* the rest of a line that was too long */
	bool eof;	       /* the client has ended its side */
	bool leaving;	       /* closes between mails (drain, red light, deadline) */
	const char *farewell;  /* why, for 421 */
	char helo[256];	       /* as the client named itself; "" before */
	struct login login;    /* under way */
	struct smtp_login box; /* the box asked about it */
	const struct topo_box *with; /* that box; NULL: none */
	unsigned failures, fallovers; /* failed logins; boxes tried for this one */
	char auth[LIMIT_ADDRESS + 1]; /* the account that has logged in; "" none */
};

/* --- smtp_server.c --- */
/* "code text" CRLF; text begins with the enhanced code where there is one. */
void smtp_reply(struct smtp_session *c, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same, one line of a multi-line reply. */
void smtp_reply_more(struct smtp_session *c, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* An answer with this code comes: is it one that a stranger hears late (error_sleep_s)? Then the next reply
 * is held back, and the session sleeps. */
void smtp_hold_back(struct smtp_session *c, int code);
/* A refusal: reply, count, log line. What is refused for good is held back. */
void smtp_refuse(struct smtp_session *c, enum cluster_counter why, int code, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
void smtp_enter(struct smtp_session *c, enum smtp_state s);
/* One more bad command; past LIMIT_BAD_COMMANDS the session ends. */
void smtp_error(struct smtp_session *c);
/* Says goodbye and ends. */
void smtp_bye(struct smtp_session *c, const char *reason);
/* It speaks another protocol: ends it. */
void smtp_foreign(struct smtp_session *c);
/* Reads on: whatever waits in the buffer. */
void smtp_advance(struct smtp_session *c);
/* Ends without a word. */
void smtp_end(struct smtp_session *c, const char *reason);
/* Forgets the transaction. */
void smtp_reset(struct smtp_session *c);

/* --- smtp_verbs.c --- */
/* Can this line be worked on while RCPTs are unanswered? (pipelined RCPT only) */
bool smtp_may_overtake(struct str line);
/* more: the client has sent more behind it. */
void smtp_command(struct smtp_session *c, struct str line, bool more);

/* --- smtp_mail.c --- */
void smtp_mail(struct smtp_session *c, struct str args);
void smtp_rcpt(struct smtp_session *c, struct str args);
void smtp_data(struct smtp_session *c, struct str args);
/* Answers to RCPT have come, or may be given again. */
void smtp_answers(struct smtp_session *c);
/* New bytes in BODY. */
void smtp_body(struct smtp_session *c);
/* Sizes and extensions as they stand now: what EHLO says. */
uint64_t smtp_size_limit(const struct smtp_session *c);
bool smtp_offers_8bit(const struct smtp_session *c);

#endif
