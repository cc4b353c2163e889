/* login: is this client who it says it is? One login at a time, for every protocol that has one.
 *
 *   password (USER/PASS, PLAIN, LOGIN)   account -> compare, or ask the verifier, or leave it to the box
 *   APOP                                 MD5 over the greeting's stamp; needs a plain password
 *   SASL exchange                        steps in raw bytes; base64 and line forms are the protocol's
 *
 * A failed login is answered after a delay that grows with the failures of the client's network
 * and of the account, counted from when it was asked: the time tells nothing about whether the
 * account exists or how its password is kept; `why` does, for the log alone. A success is held up only where both the account
 * and the network have failed before: neighbours and victims of a guesser are not.
 * done() and challenge() come from the loop, never from inside a call.
 * Memory: the owner embeds struct login; login_end gives all back and wipes the secrets.
 * Not here: talking to the box (pop3_login.h). */
#ifndef PB_SESSION_LOGIN_H
#define PB_SESSION_LOGIN_H

#include "lib/session/env.h"
#include "lib/session/sasl.h"
#include "lib/session/verify.h"

enum login_result {
	LOGIN_OK,
	LOGIN_BAD,  /* wrong, or no such account: one answer for both */
	LOGIN_TEMP, /* could not be checked: store, verifier */
};

struct login;
struct login_events {
	/* The next challenge, raw. */
	void (*challenge)(struct login *l, struct str bytes);
	void (*done)(struct login *l, enum login_result r);
};

struct login {
	struct session *session;
	const struct login_events *ev;
	const char *method;	/* "USER", "APOP", "PLAIN", ... for the log; static */
	char name[LIMIT_ADDRESS + 1];
	char password[LIMIT_PASSWORD + 1]; /* what the box gets */
	struct arena arena;
	struct account account;	/* texts in the arena */
	bool known;		/* there is such an account */
	bool box_checks;	/* its password is empty: the box's word decides */
	struct sasl *sasl;
	struct buf out;		/* challenge under way */
	struct verify_job *job;
	struct timer delay;
	struct deferred report;
	int64_t asked;		/* monotonic ms */
	enum login_result result;
	char why[320];		/* BAD, TEMP: the reason, for the log; the client gets none */
	bool ends;		/* the server has said its last word */
};

void login_init(struct login *l, struct session *s, const struct login_events *ev);
/* Forgets everything and is ready for the next. No event comes any more. Safe to repeat. */
void login_end(struct login *l);

/* The name as one word of a log line: what could pass for more than that stands in quotes, and
 * quotes in it are doubled. */
#define LOGIN_SHOWN (2 * LIMIT_ADDRESS + 3)
const char *login_shown(const struct login *l, char dst[LOGIN_SHOWN]);

/* name and password as the client gave them; copied. */
void login_password(struct login *l, const char *method, struct str name, struct str password);
/* stamp: the greeting's "<...>". RFC 1939 7. */
void login_apop(struct login *l, struct str stamp, struct str name, const uint8_t digest[16]);
/* Begins an exchange: -1 when there is no such mechanism. */
MUST_CHECK int login_sasl(struct login *l, struct str mechanism);
/* The client's next bytes (of the initial response, too). challenge() or done() comes. */
void login_sasl_step(struct login *l, struct str in);

/* The box's word on box_checks: a refusal is a failed login, told by done() again. text: what the
 * box said, for the log. */
void login_box_refused(struct login *l, const char *text);
/* The box has accepted it: the account's failures are forgotten. */
void login_box_accepted(struct login *l);

#endif
