/* responder: automatic replies of accounts (the manual's "Auto-reply"; RFC 3834).
 *
 *   the account keeps a copy   the mail is delivered and answered; the reply goes out behind it, and
 *                              is tried again for RESPONDER_MS, then given up with a line in the log
 *   it keeps none              the reply takes the place of the mail: only when a box has accepted
 *                              it is the mail accepted. A mail that gets no reply (a list, a robot,
 *                              answered this week already) is delivered as any other: nothing that
 *                              was acknowledged is thrown away
 *
 * Not here: which mails may be answered and how a reply looks (lib/wire/autoreply), the memory
 * of who was answered (lib/guard/replied), the transaction (response.h). */
#ifndef PB_SESSION_RESPONDER_H
#define PB_SESSION_RESPONDER_H

#include "lib/session/env.h"
#include "lib/session/outmail.h"

/* A mail that an account may answer; borrowed for the call. */
struct response_to {
	struct topology *topology;
	const struct topo_cluster *cluster;
	const char *sid;    /* of the session, for the log */
	struct ipaddr client;
	struct str account; /* folded */
	struct str alias;   /* the address that the client gave, where it is another; else "" */
	struct str sender;  /* reverse-path as it came */
	struct str header;  /* of the mail, as header_scan gave it */
};

struct response; /* a reply, written and claimed; owned until it is sent or dropped */
/* NULL: there is none; why is in the traffic log. */
struct response *response_new(struct env *env, const struct response_to *to);
void response_drop(struct response **r);

/* A copy is kept: takes *r over and sees to it. Without a responder, or with too many waiting, it
 * is dropped with a line in the log. */
void responder_take(struct responder *p, struct response **r);
/* No copy is kept: once, now. done comes from the loop; then the response is gone. Before, only
 * response_drop may end it. */
void response_send(struct response *r, void (*done)(void *arg, enum outmail_result res, const char *text),
		   void *arg);

/* Owned: a worker's. */
struct responder *responder_new(struct env *env);
/* What still waits is given up, each with a line in the log. */
void responder_free(struct responder **p);
unsigned responder_waiting(const struct responder *p);

#endif
