/* smtp_login: asks an SMTP box whether a login is right, on behalf of a client.
 *
 *   connect > greeting > EHLO > AUTH PLAIN, or LOGIN: name > password > done
 *
 * For accounts without a stored password. The dialogue is a table of steps; RFC 4954. The
 * connection is for this question alone: mail goes over legs, as anybody's.
 * done() comes from the loop, once, and everything is closed by then.
 * Memory: the owner embeds it and borrows name and password to it until done().
 * Not here: which box (lib/route), whether the client may try (login.h). */
#ifndef PB_SESSION_SMTP_LOGIN_H
#define PB_SESSION_SMTP_LOGIN_H

#include "lib/session/env.h"

enum smtp_login_result {
	SMTP_LOGIN_OK,
	SMTP_LOGIN_REFUSED, /* the box said 5xx to the login */
	SMTP_LOGIN_FAILED,  /* no connection, no login offered, put off, closed, stalled, no place */
};

struct smtp_login {
	struct env *env;
	const struct topo_box *box;
	struct io io;
	struct dial dial;
	struct timer timer;
	struct deferred report;
	const char *name, *password;
	unsigned step;
	bool counted;	/* holds one of the box's sessions */
	bool blameless; /* failed for trouble of ours, not the box's */
	enum smtp_login_result result;
	char text[256]; /* the box's word, or ours on what failed; clean */
	void (*done)(struct smtp_login *l, enum smtp_login_result r);
};

/* Never calls done from inside. */
void smtp_login_start(struct smtp_login *l, struct env *env, const struct topo_box *box,
		      const char *name, const char *password,
		      void (*done)(struct smtp_login *l, enum smtp_login_result r));
/* Ends it wherever it stands, without a call of done. Safe to repeat, also on a zeroed struct. */
void smtp_login_end(struct smtp_login *l);

#endif
