/* aside: one piece of work at a time in a thread of its own, so that the loop goes on: what hashes
 * or writes for seconds. Threads block all signals. Private to admin/.
 * Memory: arg belongs to the thread between start and done. */
#ifndef PB_ADMIN_ASIDE_H
#define PB_ADMIN_ASIDE_H

#include <pthread.h>

#include "lib/base/err.h"
#include "lib/net/loop.h"

struct aside {
	struct watch watch;
	int fd; /* eventfd: the thread is done */
	pthread_t thread;
	bool busy;
	void (*done)(void *arg);
	void (*work)(void *arg);
	void *arg;
};

void aside_init(struct aside *a, struct loop *l);
/* work runs in the thread, then done in the loop, where the next may be started. -1: there is no
 * thread to be had. Not while busy. */
MUST_CHECK int aside_start(struct aside *a, void (*work)(void *arg), void (*done)(void *arg),
			   void *arg, struct err *e);
/* Waits for what runs, and calls its done. */
void aside_end(struct aside *a);

#endif
