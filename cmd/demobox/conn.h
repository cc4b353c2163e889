/* conn: one connection to the box, and what goes wrong with it on purpose.
 * A command is worked on between conn_begin, which asks for a fault and may already do it
 * (then there is no work), and conn_end, which lets go of the answer said in between.
 * Answers go out when no more input can be worked on, so pipelined ones go together.
 *
 *   IO_DATA --> proto->step ... --> conn_begin, conn_say, conn_end --> out --> conn_push
 *
 * Memory: a conn frees itself at the end of the turn in which it was closed.
 * Not here: the protocols (smtp.h, pop3.h), which embed a conn as their first member. */
#ifndef PB_DEMOBOX_CONN_H
#define PB_DEMOBOX_CONN_H

#include "cmd/demobox/box.h"
#include "lib/net/io.h"

struct conn;

struct proto {
	const char *name;
	struct conn *(*make)(void); /* owned; zeroed but for what is the protocol's */
	void (*greet)(struct conn *c);
	/* Says that the step is refused, with 4xx or with 5xx. */
	void (*refuse)(struct conn *c, enum step s, bool for_ever);
	/* Works on a piece of input; false: it needs more. Called while conn_ready. */
	bool (*step)(struct conn *c);
	void (*free)(struct conn *c);
};

struct conn {
	struct io io;
	struct box *box;
	const struct proto *proto;
	struct list node; /* box->conns */
	struct timer delay;
	struct deferred bury;
	unsigned id;
	struct fault hit;  /* what goes wrong with the command at work */
	struct buf out;	   /* answers */
	size_t released;   /* bytes of out that may go */
	uint64_t body;	   /* bytes of the mail since 354 or the last pause */
	bool body_counts;  /* out is a mail: body counts what goes out */
	bool body_done;	   /* a body fault has been, no other one for this mail */
	bool held;	   /* a delay or a stall: nothing is worked on */
	bool stalled;	   /* for good; input is thrown away */
	bool closing, eof; /* ends when all answers are out */
	bool closed;
};

/* Takes fd. */
void conn_start(struct box *b, const struct proto *p, int fd, const struct addr *peer);
bool conn_ready(const struct conn *c);

/* Gives obey the next command line; false: there is none. What is no line is answered
 * with complaint, and the connection ends. */
bool conn_line(struct conn *c, void (*obey)(struct conn *c, struct str line),
	       struct str complaint);

/* who: the address or login the command is about. false: no work, go on with the next. */
bool conn_begin(struct conn *c, enum step s, struct str who);
/* Adds to the answer; the caller gives the line ends. */
void conn_say(struct conn *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
void conn_say_str(struct conn *c, struct str s);
/* Lets go of the answer, later or never if the fault says so. */
void conn_end(struct conn *c);

/* Bytes of the mail that may pass before conn_body is to be called. */
uint64_t conn_body_left(const struct conn *c);
/* A body fault is due: does it. c->hit tells which, or conn_ready whether to go on. */
void conn_body(struct conn *c);
/* A new mail begins. */
void conn_body_reset(struct conn *c);

/* Writes what has been released. False: nothing moved. */
bool conn_push(struct conn *c);
/* Ends it, with what has been released going out first. Safe to repeat. */
void conn_close(struct conn *c);

#endif
