/* glue: two connections joined into a tunnel.
 * splice(2) through one pipe a process where both sides are plain sockets, else read and
 * write through the io buffers. Half-closes are passed on. What is left in the pipe when
 * the taker blocks is read back into the taker's out buffer, so no pipe is held while waiting.
 * The process must ignore SIGPIPE: splice(2) has no MSG_NOSIGNAL.
 * Memory: the owner embeds struct glue; takes over both io (their events come here), and
 * closes them at the end. */
#ifndef PB_NET_GLUE_H
#define PB_NET_GLUE_H

#include "lib/net/io.h"

enum glue_end { GLUE_CLOSED, GLUE_IDLE, GLUE_FAILED_A, GLUE_FAILED_B };

struct glue {
	struct io *a, *b;
	struct timer idle;
	struct deferred start;
	int64_t idle_ms;
	uint64_t a_to_b, b_to_a; /* bytes through the tunnel */
	bool spliced;
	/* Once, from the loop; both io are closed already. */
	void (*ended)(struct glue *g, enum glue_end why);
};
/* Begins at the end of the turn. Bytes that are already in the buffers go first. No bytes for
 * idle_ms end it. */
void glue_join(struct glue *g, struct io *a, struct io *b, int64_t idle_ms,
	       void (*ended)(struct glue *g, enum glue_end why));
/* Closes both sides without a call of ended. Safe to repeat. */
void glue_cut(struct glue *g);

#endif
