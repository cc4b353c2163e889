/* pop3_server: the dialogue with a POP3 client until its login, then the tunnel to its box.
 *
 *   AUTH --USER/PASS, APOP--> CHECK --right--> JOIN (pop3_login) --box: +OK--> TUNNEL
 *    |  \--AUTH--> SASL -------^   |wrong, later      |box down
 *    ^------------------------------------------------+
 *
 * Parts: pop3_server.c (lines, verbs, the life of a session), pop3_auth.c (logins: login.h and
 * pop3_login.h put together).
 * RFC 1939, 2449 (CAPA), 5034 (AUTH), 3206 (response codes), 6856 (UTF8). */
#ifndef PB_SESSION_POP3_SERVER_H
#define PB_SESSION_POP3_SERVER_H

#include "lib/net/glue.h"
#include "lib/session/login.h"
#include "lib/session/pop3_login.h"
#include "shm/counters.h"

enum pop3_state { P_AUTH, P_SASL, P_CHECK, P_JOIN, P_TUNNEL, P_CLOSED, P_COUNT };

struct pop3_session {
	struct session s;
	enum pop3_state state;
	struct timer idle;
	struct timer deadline; /* session_max_s, up to the login */
	struct deferred reap;
	struct login login;
	struct pop3_login box; /* the box's side */
	const struct topo_box *with; /* the box logged in to; NULL before */
	struct glue glue;
	unsigned errors, failures, fallovers;
	uint64_t before_in, before_out; /* bytes before the tunnel */
	bool utf8, eof, leaving;
	const char *farewell;
	char stamp[320];       /* of the greeting, RFC 1939 7 */
	char user[LIMIT_ADDRESS + 1]; /* USER was said; "" before */
};

/* --- pop3_server.c --- */
void pop3_enter(struct pop3_session *p, enum pop3_state s);
/* "+OK text", "-ERR text". */
void pop3_ok(struct pop3_session *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
void pop3_err(struct pop3_session *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* -ERR to a command refused for its form or order; past LIMIT_BAD_COMMANDS the session ends. */
void pop3_bad(struct pop3_session *p, const char *text);
void pop3_count(struct pop3_session *p, enum cluster_counter c, int64_t delta);
/* Works on what waits in the buffer. */
void pop3_advance(struct pop3_session *p);
/* Writes what is queued and ends. */
void pop3_end(struct pop3_session *p, const char *reason);

/* --- pop3_auth.c --- */
extern const struct login_events pop3_login_events;
void pop3_pass(struct pop3_session *p, struct str args);
void pop3_apop(struct pop3_session *p, struct str args);
void pop3_auth(struct pop3_session *p, struct str args);
/* A line of the client within AUTH. */
void pop3_auth_line(struct pop3_session *p, struct str line);

#endif
