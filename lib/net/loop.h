/* loop: the event loop: timers, descriptors, work for the end of the turn.
 * The only room that knows libev. One loop a process, never shared between threads.
 * Memory: watchers live inside their owners' structs; the loop only borrows them, and a
 * watcher that is stopped may be freed at once, also from within its own callback.
 * Not here: buffers (io.h), sockets (listen.h, connect.h). */
#ifndef PB_NET_LOOP_H
#define PB_NET_LOOP_H

#include "lib/base/list.h"
#include "lib/base/str.h"

struct loop;

/* Owned; loop_free(&l) ends it. Dies when the kernel gives no epoll. */
struct loop *loop_new(void);
void loop_free(struct loop **l);
/* Runs until loop_stop. */
void loop_run(struct loop *l);
/* One turn without waiting (tests), deferred work included. */
void loop_turn(struct loop *l);
void loop_stop(struct loop *l);
/* Monotonic milliseconds, read once a turn. */
int64_t loop_now(const struct loop *l);

/* A one-shot timer. Setting it again moves it; that is cheap and makes no system call. */
struct timer {
	void *ev[8]; /* room of libev's own struct; loop.c asserts that it fits */
	struct loop *loop;
	void (*fire)(struct timer *t);
	int64_t due; /* monotonic ms; CLOCK_NEVER when stopped. Moving it later costs nothing */
};
void timer_init(struct timer *t, struct loop *l, void (*fire)(struct timer *t));
/* ms below 0 is 0; CLOCK_NEVER stops it. */
void timer_set(struct timer *t, int64_t ms);
void timer_stop(struct timer *t);

/* A descriptor's readiness. Errors and hang-ups come as both kinds. */
enum { WATCH_READ = 1, WATCH_WRITE = 2 };
struct watch {
	void *ev[8];
	struct loop *loop;
	int fd;
	unsigned want;
	void (*ready)(struct watch *w, unsigned what);
};
void watch_init(struct watch *w, struct loop *l, int fd,
		void (*ready)(struct watch *w, unsigned what));
/* want = 0 stops watching; unchanged want costs nothing. */
void watch_set(struct watch *w, unsigned want);

/* Work for the end of this turn, before the loop waits; runs once a loop_defer. */
struct deferred {
	struct list node;
	void (*run)(struct deferred *d);
};
void deferred_init(struct deferred *d, void (*run)(struct deferred *d));
/* Asking twice before it ran is once. */
void loop_defer(struct loop *l, struct deferred *d);
void deferred_cancel(struct deferred *d);

/* A signal, delivered in a turn of the loop. At most once a number. */
struct sigwatch {
	void *ev[8];
	struct loop *loop;
	void (*got)(struct sigwatch *s);
};
void sigwatch_start(struct sigwatch *s, struct loop *l, int signum,
		    void (*got)(struct sigwatch *s));
void sigwatch_stop(struct sigwatch *s);

#endif
