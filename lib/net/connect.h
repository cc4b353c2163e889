/* connect: opening a TCP connection without waiting.
 * Memory: the owner embeds struct dial; nothing is allocated. No names, only addresses. */
#ifndef PB_NET_CONNECT_H
#define PB_NET_CONNECT_H

#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "lib/net/loop.h"

struct dial {
	struct watch watch;
	struct timer timeout;
	int fd;
	int error; /* of connect() itself, told by the timer */
	/* fd >= 0: connected, the owner takes it. fd < 0: error has errno (ETIMEDOUT on our own
	 * time-out). Called once, from the loop, never from inside dial_start. */
	void (*done)(struct dial *d, int fd, int error);
};
void dial_start(struct dial *d, struct loop *l, const struct addr *to, int64_t timeout_ms,
		void (*done)(struct dial *d, int fd, int error));
/* Is this error of a dial our own trouble (descriptors, memory, local ports), not the other side's? */
bool dial_own_trouble(int error);
/* Ends it without a call of done. Safe to repeat. */
void dial_cancel(struct dial *d);

#endif
