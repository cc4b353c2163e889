/* console: sessions of browsers that have logged in with the console's password. They live in this process alone:
 * after its restart, a change of the password, half an hour without a request or half a day they log in
 * again.
 *
 *   login  --> cookie (HttpOnly: no script reads it), csrf token (in the answer's body)
 *   /xml   <-- cookie, by the browser itself; token in X-CSRF-Token, by a script of ours alone, as no
 *              page of anybody else may set that field or read the answer
 *
 * Bounded: CONSOLE_SESSIONS, the one used least lately goes. Time is an argument, monotonic ms.
 * Not here: the password (auth.h), HTTP (server.h). */
#ifndef PB_ADMIN_CONSOLE_H
#define PB_ADMIN_CONSOLE_H

#include "lib/base/str.h"

#define CONSOLE_SESSIONS 64
#define CONSOLE_IDLE_MS 1800000
#define CONSOLE_LIFE_MS 43200000
#define CONSOLE_TOKEN 64 /* hexadecimal digits: 256 bits */
#define CONSOLE_COOKIE "protobalance"

struct console_session {
	char cookie[CONSOLE_TOKEN + 1], csrf[CONSOLE_TOKEN + 1]; /* "": none */
	int64_t began, used;
};
struct console { /* all zero: none */
	struct console_session v[CONSOLE_SESSIONS];
};

/* A new session. Borrowed: until the next call of any of these. */
const struct console_session *console_begin(struct console *c, int64_t now_ms);
/* Does the pair belong to a session that lives? It is used now. */
bool console_knows(struct console *c, struct str cookie, struct str csrf, int64_t now_ms);
/* The same, and it ends. */
bool console_end(struct console *c, struct str cookie, struct str csrf, int64_t now_ms);
/* All end but this one. */
void console_end_others(struct console *c, struct str cookie);

#endif
