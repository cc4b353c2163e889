/* probe: one look at a box, as the prober takes it.
 *
 *   connect > greeting > EHLO, LHLO > AUTH PLAIN     SMTP, LMTP (no login)
 *   connect > greeting > USER > PASS                 POP3
 *   connect > greeting                               IMAP
 *   connect                                          TCP
 *
 * The login is tried where the box has a probe_address. The dialogues are a table of steps. Ill is who does not answer; a box
 * that has as many connections as it takes refuses one more, and serves those it has; one that refuses the login answers
 * all the same.
 * done() comes from the loop, once, and everything is closed by then; no new look starts within it.
 * Memory: the owner embeds it, and keeps the box's topology until done().
 * Not here: when to look, what follows from it (cmd/prober.c). */
#ifndef PB_SESSION_PROBE_H
#define PB_SESSION_PROBE_H

#include "lib/net/connect.h"
#include "lib/net/io.h"
#include "lib/route/topology.h"
#include "shm/boxes.h"

struct probe {
	struct loop *loop;
	const struct topo_box *box;
	struct io io;
	struct dial dial;
	struct timer timer;
	const unsigned char *step; /* of the protocol's dialogue */
	bool helo_tried;
	int64_t began_us;
	uint32_t offer; /* OFFER_* of its EHLO */
	uint64_t offer_size;
	/* What was found; verdict BOX_UNSEEN: nothing, for trouble of ours (its text says which). */
	struct box_check found;
	void (*done)(struct probe *p);
};

/* Never calls done from inside. */
void probe_start(struct probe *p, struct loop *l, const struct topo_box *box,
		 void (*done)(struct probe *p));
/* Ends it wherever it stands, without a call of done. Safe to repeat, also on a zeroed struct. */
void probe_end(struct probe *p);

#endif
