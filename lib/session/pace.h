/* pace: does a mail come in fast enough? (data_min_bytes_per_s)
 * A client may lag behind that pace by PACE_MS: each byte gives it its share of time back, waiting
 * for it takes time away, waiting for anybody else takes none. Who was faster before is not ahead
 * by more than that, so a mail that begins to trickle ends soon.
 * Memory: the session embeds it.
 * Not here: who waits for whom, and what a slow client hears (smtp_server.c). */
#ifndef PB_SESSION_PACE_H
#define PB_SESSION_PACE_H

#include "lib/net/loop.h"

struct pace {
	struct timer timer;
	void (*late)(struct pace *p); /* the client is too slow; once */
	int64_t rate;		      /* bytes a second; 0: any pace will do */
	int64_t left;		      /* thousandths of bytes: falls by rate each ms */
	int64_t since;	/* the client is waited for; CLOCK_NEVER: it is not */
	uint64_t bytes; /* had come by then */
};

void pace_init(struct pace *p, struct loop *l, void (*late)(struct pace *p));
/* A mail begins; bytes: those that have come before it, of any count that only grows. */
void pace_begin(struct pace *p, int64_t rate, uint64_t bytes);
/* Bytes have come, or whom we wait for has changed. */
void pace_note(struct pace *p, uint64_t bytes, bool client_waited_for);
void pace_end(struct pace *p);

#endif
