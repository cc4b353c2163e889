/* pop3_login: logs in to a POP3 box on behalf of a client.
 *
 *   connect > greeting > [UTF8] > USER > PASS > done
 *
 * The dialogue is a table of steps. What the box says after its answer to PASS is the client's.
 * done() comes from the loop, once; on success io is open and the owner's (a tunnel), else it
 * is closed.
 * Memory: the owner embeds it and borrows name and password to it until done().
 * Not here: which box (lib/route), whether the client may (login.h). */
#ifndef PB_SESSION_POP3_LOGIN_H
#define PB_SESSION_POP3_LOGIN_H

#include "lib/session/env.h"

enum pop3_login_result {
	POP3_LOGIN_OK,
	POP3_LOGIN_REFUSED, /* the box said -ERR to USER or PASS */
	POP3_LOGIN_FAILED,  /* no connection, no greeting, closed, stalled, no place */
};

struct pop3_login {
	struct env *env;
	const struct topo_box *box;
	struct io io;
	struct dial dial;
	struct timer timer;
	struct deferred report;
	const char *name, *password;
	bool utf8;
	unsigned step;
	bool counted;	    /* holds one of the box's sessions */
	bool blameless;	    /* failed for trouble of ours, not the box's */
	int64_t sent_at;
	enum pop3_login_result result;
	char text[256];	    /* the box's word, or ours on what failed; clean */
	void (*done)(struct pop3_login *l, enum pop3_login_result r);
};

/* Never calls done from inside. */
void pop3_login_start(struct pop3_login *l, struct env *env, const struct topo_box *box,
		      const char *name, const char *password, bool utf8,
		      void (*done)(struct pop3_login *l, enum pop3_login_result r));
/* Ends it wherever it stands, closes io if it is open, gives back the box's session. Safe to
 * repeat, also on a zeroed struct. */
void pop3_login_end(struct pop3_login *l);
/* Name of the step under way, for logs: while="...". */
const char *pop3_login_step(const struct pop3_login *l);

#endif
