/* listen: listening sockets, and the fair share of accepting.
 * Several workers watch the same socket. Plain epoll sharing piles sessions on one process,
 * so each accepts a few a turn, and one that holds clearly more than its share pauses.
 * Not here: who is allowed in (lib/session), how many sessions others have (shm/counters.h). */
#ifndef PB_NET_LISTEN_H
#define PB_NET_LISTEN_H

#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "lib/net/loop.h"

/* A non-blocking, close-on-exec listening socket, or -1. "::" takes both families. */
MUST_CHECK int listen_open(const struct addr *a, struct err *e);

struct acceptor {
	struct watch watch;
	struct timer retry; /* sated or out of descriptors: tries again later, never spins */
	bool paused;	    /* waits for retry */
	bool exhausted;	    /* the log has been told */
	/* Takes fd (non-blocking, close-on-exec, TCP_NODELAY). May stop the acceptor, not free it. */
	void (*got)(struct acceptor *a, int fd, const struct addr *peer);
	/* true: this process holds more than its share now; asked before each accept.
	 * May be NULL. A paused acceptor asks again every few milliseconds. */
	bool (*sated)(struct acceptor *a);
	unsigned per_turn; /* connections accepted a turn; 0 means 8 */
};
/* Borrows fd; acceptor_stop does not close it. */
void acceptor_start(struct acceptor *a, struct loop *l, int fd);
void acceptor_stop(struct acceptor *a);
/* The share has changed (a session of this process has ended): a paused acceptor asks at once
 * instead of at its next few milliseconds. Cheap when it is not paused. */
void acceptor_look(struct acceptor *a);

#endif
