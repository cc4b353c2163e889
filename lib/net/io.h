/* io: one buffered, non-blocking connection over any transport.
 *
 *            in buffer                       transport (struct io_ops)
 *   owner <-- io_data/io_take  <----------  plain socket | memory | TLS
 *   owner --> io_put ... flushed once at the end of the turn --->
 *   owner --> io_send: straight from the caller's bytes, no copy --->
 *
 * Events come only from the loop, never from inside a call of the owner's, and after an
 * event returns the io is not touched again: the owner may close it in its own event.
 * Buffers are taken when bytes arrive and given back when drained.
 * Memory: the owner embeds struct io (container_of leads back); io owns buffers and transport.
 * Not here: protocols, and joining two connections for good (glue.h). */
#ifndef PB_NET_IO_H
#define PB_NET_IO_H

#include "lib/base/addr.h"
#include "lib/base/buf.h"
#include "lib/net/loop.h"

struct io;
struct iovec;

/* A transport. read and writev behave as the system calls: bytes, 0 for the peer's end
 * (read only), -1 with errno (EAGAIN: a later readiness event tells). A TLS transport may
 * want the other direction than the one asked for; it says so with want(). */
struct io_ops {
	const char *name;
	ptrdiff_t (*read)(struct io *io, void *p, size_t n);
	ptrdiff_t (*writev)(struct io *io, const struct iovec *v, int n);
	void (*want)(struct io *io, unsigned watch); /* WATCH_READ | WATCH_WRITE */
	void (*shutdown)(struct io *io); /* ends our side of the stream */
	void (*close)(struct io *io);
	void (*abort)(struct io *io); /* close with a reset, where there is such a thing */
};

enum io_event {
	IO_DATA,    /* new bytes are in io_data() */
	IO_EOF,	    /* the peer has ended its side; comes once, after the last IO_DATA */
	IO_DRAINED, /* output that had to wait has all been written; io_send may go on */
	IO_FAILED,  /* reset, broken pipe: io->error has errno; nothing more comes */
};

struct io {
	const struct io_ops *ops;
	struct loop *loop;
	struct watch watch;	/* of socket transports */
	struct deferred flush;	/* end-of-turn flush */
	void *transport;	/* state of other transports, owned by them */
	struct buf in, out;
	void (*event)(struct io *io, enum io_event what);
	void *joined;		/* the glue that has taken it over */
	uint64_t bytes_in, bytes_out;
	size_t next_read;	/* bytes to ask for: doubles while reads bring all of it */
	int error;		/* errno of the failure, 0 */
	bool reading;		/* the owner wants input */
	bool eof, failed, shut, blocked; /* blocked: the transport said EAGAIN to output */
	bool due;		/* something in the out buffer asks for the end-of-turn flush */
	bool told;		/* IO_FAILED has been given */
};

/* For transports: the common part, and what they call when they are ready (WATCH_*). */
void io_init(struct io *io, const struct io_ops *ops, struct loop *l, size_t in_max, size_t out_max,
	     void (*event)(struct io *io, enum io_event what));
void io_arrived(struct io *io, unsigned what);

/* An io over a connected socket: takes fd (closed by io_close). Reading starts at once. */
void io_init_socket(struct io *io, struct loop *l, int fd, size_t in_max, size_t out_max,
		    void (*event)(struct io *io, enum io_event what));
/* Ends it and frees its buffers; what is in the out buffer is tried once, not waited for.
 * Safe to repeat. */
void io_close(struct io *io);
/* The same without a last try to write, and with a reset (RST) to the peer where the
 * transport knows such a thing: for legs that must not look complete. */
void io_abort(struct io *io);
bool io_is_open(const struct io *io);

/* --- input --- */
/* The bytes read and not yet taken. */
static inline struct str io_data(const struct io *io)
{
	return buf_str(&io->in);
}
/* Drops n of them. Slices of io_data() stay good to the end of the event; when nothing is left
 * the memory goes back at the end of the turn. */
void io_take(struct io *io, size_t n);
/* Pauses and goes on with reading (flow control). A full in buffer pauses by itself and goes
 * on when bytes are taken. */
void io_read(struct io *io, bool on);

/* --- output --- */
/* Queues for the end-of-turn flush. 0, or -1 when out_max would be passed: the peer does
 * not read, end the session. */
MUST_CHECK int io_put(struct io *io, struct str s);
/* The same without a flush of its own: it goes out in front of what is put or sent next, in one
 * system call with it. */
MUST_CHECK int io_hold(struct io *io, struct str s);
MUST_CHECK int io_putf(struct io *io, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Writes what is queued and then s, straight to the transport. Returns how many bytes of s
 * were written: fewer than s.n means wait for IO_DRAINED; -1: failed (io->error). Never copies s. */
MUST_CHECK ptrdiff_t io_send(struct io *io, struct str s);
/* Writes the queue now instead of at the end of the turn. 0, also when it must wait; -1 failed. */
int io_flush(struct io *io);
/* Nothing more will be put: the peer reads an end behind what is queued. The queue must be
 * empty. Safe to repeat. */
void io_shutdown(struct io *io);
/* Bytes queued. */
size_t io_pending(const struct io *io);

/* --- in-memory transport (tests, fuzzers) --- */
/* Reads what io_memory_feed brings, keeps what is written. window: bytes the "peer" accepts
 * before EAGAIN, SIZE_MAX for all. */
void io_init_memory(struct io *io, struct loop *l, size_t in_max, size_t out_max,
		    void (*event)(struct io *io, enum io_event what));
void io_memory_feed(struct io *io, struct str s);	 /* arrives in the next loop_turn */
void io_memory_feed_eof(struct io *io);
void io_memory_fail(struct io *io, int error);
void io_memory_window(struct io *io, size_t window);	 /* opening it makes it writable */
struct str io_memory_written(const struct io *io);	 /* all so far; until io_memory_clear */
void io_memory_clear(struct io *io);

#endif
