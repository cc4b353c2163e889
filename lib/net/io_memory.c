/* The in-memory transport of io.h: what comes is fed by a test, what goes is kept. */
#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "lib/net/io.h"

struct memory {
	struct io *io;
	struct deferred turn; /* readiness comes from the loop, as with a socket */
	struct buf coming, gone;
	size_t window;	      /* bytes the peer still accepts */
	unsigned want;
	int error;
	bool eof;
};

static bool readable(const struct memory *m)
{
	return (m->want & WATCH_READ) && (buf_len(&m->coming) > 0 || m->eof || m->error);
}

static bool writable(const struct memory *m)
{
	return (m->want & WATCH_WRITE) && (m->window > 0 || m->error);
}

static void stir(struct memory *m)
{
	if (readable(m) || writable(m))
		loop_defer(m->io->loop, &m->turn);
}

static void on_turn(struct deferred *d)
{
	struct memory *m = container_of(d, struct memory, turn);

	stir(m); /* now, because both may be gone when the event returns */
	if (writable(m))
		io_arrived(m->io, WATCH_WRITE);
	else if (readable(m))
		io_arrived(m->io, WATCH_READ);
}

static ptrdiff_t memory_read(struct io *io, void *p, size_t n)
{
	struct memory *m = io->transport;
	struct str have = buf_str(&m->coming);

	n = n < have.n ? n : have.n;
	if (n > 0) {
		memcpy(p, have.p, n);
		buf_consume(&m->coming, n);
		return (ptrdiff_t)n;
	}
	if (m->error) {
		errno = m->error;
		return -1;
	}
	errno = EAGAIN;
	return m->eof ? 0 : -1;
}

static ptrdiff_t memory_writev(struct io *io, const struct iovec *v, int n)
{
	struct memory *m = io->transport;
	size_t done = 0;

	if (m->error) {
		errno = m->error;
		return -1;
	}
	for (int i = 0; i < n; i++) {
		size_t part = v[i].iov_len < m->window ? v[i].iov_len : m->window;

		if (buf_add(&m->gone, (struct str){ v[i].iov_base, part }) < 0)
			break;
		m->window -= part;
		done += part;
	}
	errno = EAGAIN;
	return done > 0 ? (ptrdiff_t)done : -1;
}

static void memory_want(struct io *io, unsigned want)
{
	struct memory *m = io->transport;

	m->want = want;
	stir(m);
}

static void memory_shutdown(struct io *io)
{
	(void)io; /* the test sees io->shut */
}

static void memory_close(struct io *io)
{
	struct memory *m = io->transport;

	deferred_cancel(&m->turn);
	buf_release(&m->coming);
	buf_release(&m->gone);
	free(m);
	io->transport = NULL;
}

static const struct io_ops memory_ops = {
	.name = "memory",
	.read = memory_read,
	.writev = memory_writev,
	.want = memory_want,
	.shutdown = memory_shutdown,
	.close = memory_close,
	.abort = memory_close,
};

void io_init_memory(struct io *io, struct loop *l, size_t in_max, size_t out_max,
		    void (*event)(struct io *io, enum io_event what))
{
	struct memory *m = mem_zalloc(sizeof(*m));

	io_init(io, &memory_ops, l, in_max, out_max, event);
	io->transport = m;
	m->io = io;
	m->window = SIZE_MAX / 2;
	m->want = WATCH_READ;
	buf_init(&m->coming, SIZE_MAX / 4);
	buf_init(&m->gone, SIZE_MAX / 4);
	deferred_init(&m->turn, on_turn);
}

void io_memory_feed(struct io *io, struct str s)
{
	struct memory *m = io->transport;

	if (buf_add(&m->coming, s) < 0)
		bug("in-memory transport is full");
	stir(m);
}

void io_memory_feed_eof(struct io *io)
{
	struct memory *m = io->transport;

	m->eof = true;
	stir(m);
}

void io_memory_fail(struct io *io, int error)
{
	struct memory *m = io->transport;

	m->error = error;
	stir(m);
}

void io_memory_window(struct io *io, size_t window)
{
	struct memory *m = io->transport;

	m->window = window;
	stir(m);
}

struct str io_memory_written(const struct io *io)
{
	const struct memory *m = io->transport;

	return buf_str(&m->gone);
}

void io_memory_clear(struct io *io)
{
	struct memory *m = io->transport;

	buf_release(&m->gone);
}
