/* leg: one connection to an SMTP or LMTP box, and the one transaction it carries at a time.
 *
 *   connect > greeting > EHLO > ready ---> MAIL RCPT.. ---> DATA ---> body ---> end mark
 *                                 ^        (pipelined)                            |
 *                                 +------------------- pool <---------------------+
 *
 * The owner (a transaction) asks; what the box says comes back through struct leg_events, always
 * from the loop, never from inside a call. After failed() the leg is dead: the owner lets go of it
 * with leg_abort, as of any leg.
 * Memory: env's pool or the owner holds it; leg_abort and leg_put free it at the end of the turn.
 * Not here: which box (lib/route), several legs at once (fanout.h), reuse (legpool.h). */
#ifndef PB_SESSION_LEG_H
#define PB_SESSION_LEG_H

#include "lib/session/env.h"
#include "lib/wire/reply.h"

enum leg_step { /* what is waited for; names stand in logs as while="..." */
	STEP_CONNECT,
	STEP_GREETING,
	STEP_HELLO,
	STEP_IDLE,
	STEP_RSET,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_BODY,
	STEP_END,
	STEP_COUNT,
};
const char *leg_step_name(enum leg_step s);

/* A box's word, or ours on its behalf. Borrowed: good during the event only. */
struct leg_word {
	int code;
	struct str enhanced; /* "5.1.1", may be empty */
	struct str text;
};

struct leg;
struct leg_events {
	/* Verdict on recipient i (a refused MAIL gives its word to each recipient). */
	void (*rcpt)(struct leg *leg, unsigned i, const struct leg_word *w);
	void (*go)(struct leg *leg);	  /* 354: the body may come */
	void (*drained)(struct leg *leg); /* leg_body may go on */
	/* Reply to the end mark for recipient i: LMTP one each, SMTP the same for all. */
	void (*end)(struct leg *leg, unsigned i, const struct leg_word *w);
	void (*ended)(struct leg *leg);	  /* after the last end() */
	/* Refused DATA, answered out of turn, closed, stalled: no more from this leg. */
	void (*failed)(struct leg *leg, const struct leg_word *w);
};

enum leg_rcpt_state { LR_QUEUED, LR_SENT, LR_ACCEPTED, LR_REFUSED };
struct leg_rcpt {
	struct str address; /* borrows from the owner's transaction */
	void *ref;	    /* the owner's */
	enum leg_rcpt_state state;
	bool unwanted; /* accepted by the box, but the owner has changed its mind */
};

struct leg_mail { /* borrows from the owner's transaction */
	struct str reverse_path; /* without brackets */
	uint64_t size;		 /* declared; 0: not */
	bool eight_bit;
};

struct leg {
	struct list node; /* the owner's or the pool's list */
	struct env *env;
	struct topology *topology; /* a reference */
	const struct topo_box *box;
	struct io io;
	struct dial dial;
	struct timer timer;
	struct deferred work, reap;
	enum leg_step step;	/* connecting: up to STEP_HELLO; then STEP_IDLE */
	uint32_t offer;		/* OFFER_* of its EHLO */
	uint64_t offer_size;
	bool helo_tried, dead, counted;
	bool blameless;		/* it fails, but for trouble of ours */
	bool reused;		/* came from the pool... */
	bool fresh;		/* ...and nothing has been heard in this transaction yet */
	int64_t opened, sent_at; /* monotonic ms */
	unsigned uses, max_uses; /* transactions so far, and before it is renewed */

	const struct leg_events *ev; /* NULL: nobody owns it */
	void *owner;
	struct leg_mail mail;
	enum { MAIL_NONE, MAIL_TODO, MAIL_SENT, MAIL_OK, MAIL_REFUSED } mail_state;
	struct leg_rcpt *rcpts;
	unsigned n_rcpts, cap_rcpts, rcpts_sent, rcpts_heard;
	enum { DATA_NONE, DATA_TODO, DATA_SENT, DATA_GO, DATA_END, DATA_DONE } data_state;
	unsigned ends_heard;	/* recipients whose end reply came (LMTP) */
	unsigned rsets;		/* RSET replies awaited */
	bool rset_due, rebuild;
	char refusal[256];	/* the word that refused MAIL, for its recipients */
	int refusal_code;
	char refusal_enhanced[12];
};

/* A pooled or new connection to box of topology t, owned by the caller. Never fails at once: a connect that
 * fails comes as failed(). */
struct leg *leg_open(struct env *env, struct topology *t, const struct topo_box *box,
		     const struct leg_events *ev, void *owner, const struct leg_mail *mail);
/* The same, never from the pool. */
struct leg *leg_open_new(struct env *env, struct topology *t, const struct topo_box *box,
			 const struct leg_events *ev, void *owner, const struct leg_mail *mail);
/* Adds a recipient; its index. address is borrowed until the leg is let go. */
unsigned leg_add_rcpt(struct leg *leg, struct str address, void *ref);
/* This recipient shall not get the mail after all. Before leg_data. */
void leg_unwant(struct leg *leg, unsigned i);
unsigned leg_wanted(const struct leg *leg); /* recipients not refused, and wanted */
/* All recipients are answered: asks for the mail. With unwanted recipients the transaction is
 * built anew first; a recipient refused then is a failure. */
void leg_data(struct leg *leg);
/* Bytes of the message (dot-stuffed) straight to the box: how many went; fewer: wait for
 * drained(); -1: failed() will come. */
MUST_CHECK ptrdiff_t leg_body(struct leg *leg, struct str bytes);
/* Queues bytes in front of the body. -1: too many. */
MUST_CHECK int leg_preface(struct leg *leg, struct str bytes);
/* The end mark itself, when it did not go with leg_body: then say so. */
void leg_end_mark(struct leg *leg);
void leg_end_mark_sent(struct leg *leg);

/* Lets go: back to the pool when the leg is sound (an unfinished transaction is RSET), else gone. */
void leg_put(struct leg *leg);
/* Lets go and breaks the connection: the box must not take what it has for a mail. */
void leg_abort(struct leg *leg);
/* failed() came although the box may be well: a pooled connection that had died. Try anew. */
bool leg_was_stale(const struct leg *leg);
/* It failed before it was ready for a transaction: another box may serve. */
static inline bool leg_never_ready(const struct leg *leg)
{
	return leg->step <= STEP_HELLO;
}
enum leg_step leg_expects(const struct leg *leg);

#endif
