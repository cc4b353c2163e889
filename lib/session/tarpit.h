/* tarpit: what a stranger is refused for good, it hears late (error_sleep_s), and is not read from
 * meanwhile. What it sends waits in the kernel, its answer in the output it had anyway: a
 * sleeper costs a timer.
 * It must not be turned against us, so nobody sleeps once half of the cluster's max_connections are
 * in use, nor more than LIMIT_TARPIT of a worker: then the answer comes at once.
 * Memory: the session embeds it.
 * Not here: who is a stranger (stranger.h), which answers those are (smtp_server.c). */
#ifndef PB_SESSION_TARPIT_H
#define PB_SESSION_TARPIT_H

#include "lib/session/env.h"

struct tarpit {
	struct timer timer;
	struct env *env;
	void (*over)(struct tarpit *t);
	bool holds; /* the answer is held back */
};

/* over: it is time to answer; the tarpit holds no more. */
void tarpit_init(struct tarpit *t, struct env *env, void (*over)(struct tarpit *t));
/* An answer for session s comes: is it held back? Not another one while one is. */
bool tarpit_hold(struct tarpit *t, const struct session *s);
/* Holds no more; over is not called. Safe to repeat. */
void tarpit_end(struct tarpit *t);

#endif
