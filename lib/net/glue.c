#include "lib/net/glue.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define ONE_MOVE 65536	/* bytes of one splice: what a pipe holds */
#define MOVES 4		/* of one direction in one event, so that one tunnel starves nobody */

/* One pipe a process; it is empty between events. */
static int the_pipe[2] = { -1, -1 };

static bool have_pipe(void)
{
	if (the_pipe[0] < 0 && pipe2(the_pipe, O_NONBLOCK | O_CLOEXEC) < 0)
		the_pipe[0] = the_pipe[1] = -1;
	return the_pipe[0] >= 0;
}

static bool try_splice(struct glue *g);

static struct io *other(struct glue *g, struct io *io)
{
	return io == g->a ? g->b : g->a;
}

static void finish(struct glue *g, enum glue_end why)
{
	void (*ended)(struct glue *g, enum glue_end why) = g->ended;

	glue_cut(g);
	if (ended)
		ended(g, why);
}

static void on_idle(struct timer *t)
{
	finish(container_of(t, struct glue, idle), GLUE_IDLE);
}

static uint64_t *counter(struct glue *g, const struct io *from)
{
	return from == g->a ? &g->a_to_b : &g->b_to_a;
}

/* What lies in from's buffer goes on; the rest waits for the taker. */
static void forward(struct glue *g, struct io *from)
{
	struct io *to = other(g, from);
	struct str s = io_data(from);
	ptrdiff_t n = s.n ? io_send(to, s) : 0;

	if (n > 0) {
		io_take(from, (size_t)n);
		*counter(g, from) += (uint64_t)n;
		timer_set(&g->idle, g->idle_ms);
	}
	/* Full of what the taker does not take: its IO_DRAINED goes on. */
	io_read(from, io_data(from).n == 0);
}

/* Both sides have ended and all is through. */
static void close_if_done(struct glue *g)
{
	if (g->a_eof && io_data(g->a).n == 0 && !io_pending(g->b))
		io_shutdown(g->b);
	if (g->b_eof && io_data(g->b).n == 0 && !io_pending(g->a))
		io_shutdown(g->a);
	if (g->a_eof && g->b_eof && io_data(g->a).n + io_data(g->b).n == 0 &&
	    io_pending(g->a) + io_pending(g->b) == 0)
		finish(g, GLUE_CLOSED);
}

static void event(struct glue *g, struct io *io, enum io_event what)
{
	switch (what) {
	case IO_DATA:
		forward(g, io);
		try_splice(g);
		break;
	case IO_DRAINED:
		forward(g, other(g, io));
		close_if_done(g);
		if (g->a)
			try_splice(g);
		break;
	case IO_EOF:
		if (io == g->a)
			g->a_eof = true;
		else
			g->b_eof = true;
		close_if_done(g);
		break;
	case IO_FAILED:
		finish(g, io == g->a ? GLUE_FAILED_A : GLUE_FAILED_B);
		break;
	}
}

static void on_event(struct io *io, enum io_event what)
{
	event(io->joined, io, what);
}

/* --- both are plain sockets: the kernel moves the bytes --- */

/* The taker blocks: what is in the pipe becomes its queue, so that no pipe is held. */
static int keep(struct io *to, size_t n)
{
	char *p = buf_space(&to->out, n);
	ssize_t got = p ? read(the_pipe[0], p, n) : -1;

	if (got != (ssize_t)n)
		return -1;
	buf_added(&to->out, n);
	return 0;
}

/* One pipe full from the giver to the taker: bytes moved, 0 at the end, -1 with errno. */
static ssize_t move_once(struct io *from, struct io *to)
{
	const unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
	ssize_t n = splice(from->watch.fd, NULL, the_pipe[1], NULL, ONE_MOVE, flags), left = n;

	while (left > 0) {
		ssize_t out = splice(the_pipe[0], NULL, to->watch.fd, NULL, (size_t)left, flags);

		if (out <= 0) {
			int error = out < 0 ? errno : EPIPE;

			/* Also on failure the pipe must be empty for the next tunnel. */
			if (keep(to, (size_t)left) < 0 || error != EAGAIN) {
				errno = error == EAGAIN ? EIO : error;
				return -2;
			}
			break;
		}
		left -= out;
	}
	return n;
}

/* What each side is watched for follows from what it can do. */
static void rewatch(struct glue *g)
{
	bool a_full = io_pending(g->a) > 0, b_full = io_pending(g->b) > 0;

	watch_set(&g->a->watch, (!b_full && !g->a_eof ? (unsigned)WATCH_READ : 0) |
					(a_full ? (unsigned)WATCH_WRITE : 0));
	watch_set(&g->b->watch, (!a_full && !g->b_eof ? (unsigned)WATCH_READ : 0) |
					(b_full ? (unsigned)WATCH_WRITE : 0));
}

/* false: the tunnel has ended. */
static bool move(struct glue *g, struct io *from)
{
	struct io *to = other(g, from);

	for (int i = 0; i < MOVES && io_pending(to) == 0; i++) {
		ssize_t n = move_once(from, to);

		if (n > 0) {
			*counter(g, from) += (uint64_t)n;
			from->bytes_in += (uint64_t)n;
			to->bytes_out += (uint64_t)n;
			continue;
		}
		if (n == 0) {
			*(from == g->a ? &g->a_eof : &g->b_eof) = true;
			break;
		}
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			break;
		finish(g, (n == -1) == (from == g->a) ? GLUE_FAILED_A : GLUE_FAILED_B);
		return false;
	}
	return true;
}

static void on_spliceable(struct watch *w, unsigned what)
{
	struct io *io = container_of(w, struct io, watch);
	struct glue *g = io->joined;

	timer_set(&g->idle, g->idle_ms);
	if ((what & WATCH_WRITE) && io_pending(io) > 0) {
		ssize_t n = write(w->fd, buf_str(&io->out).p, io_pending(io));

		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			finish(g, io == g->a ? GLUE_FAILED_A : GLUE_FAILED_B);
			return;
		}
		buf_consume(&io->out, n > 0 ? (size_t)n : 0);
		if (io_pending(io) == 0)
			buf_release(&io->out);
	} else if ((what & WATCH_READ) && !move(g, io)) {
		return;
	}
	rewatch(g);
	close_if_done(g);
}

/* Nothing waits in the buffers any more: from here on the kernel does it. */
static bool try_splice(struct glue *g)
{
	bool plain = strcmp(g->a->ops->name, "socket") == 0 && strcmp(g->b->ops->name, "socket") == 0;
	size_t waiting = io_data(g->a).n + io_data(g->b).n + io_pending(g->a) + io_pending(g->b);

	if (!plain || waiting > 0 || g->a->eof || g->b->eof || !have_pipe())
		return false;
	g->a->watch.ready = g->b->watch.ready = on_spliceable;
	g->a->out.max = g->b->out.max = ONE_MOVE;
	rewatch(g);
	return true;
}

void glue_join(struct glue *g, struct io *a, struct io *b, int64_t idle_ms,
	       void (*ended)(struct glue *g, enum glue_end why))
{
	memset(g, 0, sizeof(*g));
	g->a = a;
	g->b = b;
	g->idle_ms = idle_ms;
	g->ended = ended;
	timer_init(&g->idle, a->loop, on_idle);
	timer_set(&g->idle, idle_ms);
	a->joined = b->joined = g;
	a->event = b->event = on_event;
	forward(g, a);
	forward(g, b);
	io_flush(a);
	io_flush(b);
	try_splice(g);
}

void glue_cut(struct glue *g)
{
	if (!g->a)
		return;
	timer_stop(&g->idle);
	io_close(g->a);
	io_close(g->b);
	g->a = g->b = NULL;
}
