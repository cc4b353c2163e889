/* screen: does a client wait for its turn, and does it speak SMTP at all? What spamware cannot be
 * bothered with, and what a server does without knowing (as Postfix' postscreen; unlike there, who passes goes
 * on in the same session).
 *
 *   220-mx.example.com ESMTP     at once: spamware takes it for the greeting, and talks
 *        ... pregreet_ms ...     who talks now is early
 *   220 mx.example.com ESMTP
 *
 * Early is also who sends more behind a command that has to end its group (RFC 2920 3.1), or several
 * commands after HELO, which was promised no pipelining. Each such session is a piece of evidence about the
 * client's network (EVIDENCE_EARLY), as is each bad command (EVIDENCE_ERRORS). Where pregreet_ms is
 * set, its recipients are refused as well, unless an allow list has them (lib/guard/gate.h).
 * What the DNS says of a stranger (repute.h) is asked from the beginning.
 * Of relay clients, boxes and spam_whitelist_ranges nothing is noted, and they wait for nothing.
 * Memory: the session embeds it. Not here: the dialogue (smtp_server.c). */
#ifndef PB_SESSION_SCREEN_H
#define PB_SESSION_SCREEN_H

#include "lib/session/env.h"

struct screen {
	struct timer greeting;	  /* runs while its last line is held back */
	const struct session *of;
	bool judged; /* a stranger by address */
	bool early;
	bool nameless; /* known to have no name that leads back; noted */
	/* Early, or a command that no mail server sends, or asked for an address that there is not: from
	 * a network under suspicion it is refused for that (lib/guard/gate.h), unlike its neighbours. */
	bool caught;
};

/* A session has begun. greet: the last line of the greeting is due, see screen_pauses. */
void screen_init(struct screen *s, const struct session *of, void (*greet)(struct timer *greeting));
/* Does the greeting pause? Then greet will be called. */
bool screen_pauses(struct screen *s);
/* The pause is over, or the session. Safe to repeat. */
void screen_greeted(struct screen *s);

/* It has talked before its turn; when: in words, for the log. Noted once a session. */
void screen_early(struct screen *s, const char *when);
/* It has sent a command that no mail server sends. */
void screen_error(struct screen *s);
/* It brings mail: is it known by now that it has no name? (reverse_names) Noted once a session. */
void screen_name(struct screen *s);
/* Are its recipients to be refused for talking early? */
bool screen_refuses(const struct screen *s);

/* Does a client that begins so speak another protocol? RFC 9110 9, RFC 9113 3.4, RFC 8446 5.1, RFC 4253
 * 4.2. A browser may be made to send mail that way, in another's name. */
bool screen_is_foreign(struct str in);

#endif
