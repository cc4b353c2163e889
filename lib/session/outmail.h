/* outmail: one message of our own to one recipient, with a null reverse-path, over a leg like
 * any other: to the recipient's own box where that is one of ours, else through a relay box.
 * A box that cannot be reached is passed over for the next, as for mail of clients.
 * Memory: owns itself and the message. done() comes from the loop, once, and it is gone then.
 * Not here: trying again later (responder.h), what stands in the message (lib/wire/autoreply). */
#ifndef PB_SESSION_OUTMAIL_H
#define PB_SESSION_OUTMAIL_H

#include "lib/session/env.h"

enum outmail_result {
	OUTMAIL_SENT,	 /* a box said 250 to the whole of it */
	OUTMAIL_LATER,	 /* no box, or 4xx, or lost on the way: it may do later */
	OUTMAIL_REFUSED, /* 5xx: it never will */
};

struct outmail;
/* from: as whose mail it chooses its relay box. to: copied. message: the whole of it, lines end
 * with CRLF, not dot-stuffed, copied. done's text is for the log, and good during the call. */
struct outmail *outmail_start(struct env *env, struct topology *t, const struct topo_cluster *c,
			      const struct route_from *from, struct str to, struct str message,
			      void (*done)(void *arg, enum outmail_result r, const char *text),
			      void *arg);
/* Ends it without a call of done; behind its end mark it may be delivered all the same. Nulls
 * the pointer; NULL-safe. */
void outmail_cancel(struct outmail **m);

#endif
