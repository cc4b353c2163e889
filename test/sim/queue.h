/* queue: what is to happen, the earliest first; events of one time in the order they were put.
 * A binary heap: uthash has none, nor has another library here. Memory: copies events. */
#ifndef PB_SIM_QUEUE_H
#define PB_SIM_QUEUE_H

#include "test/sim/mail.h"

enum event_kind {
	EVENT_SESSION, /* a sender of a kind brings mail; mail.kind */
	EVENT_RETRY,   /* one mail comes again, at one door */
	EVENT_LETTER,  /* a user of ours writes to somebody abroad; mail.kind: to whom */
	EVENT_SWEEP,
};

struct event {
	int64_t at_ms;
	uint64_t order; /* set by queue_put */
	enum event_kind kind;
	struct mail mail;
};

struct queue {
	struct event *v; /* owned */
	size_t n, room;
	uint64_t put;
};

void queue_put(struct queue *q, struct event e);
/* false: empty. */
bool queue_take(struct queue *q, struct event *out);
void queue_free(struct queue *q);

#endif
