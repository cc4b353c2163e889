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

/* The next tunnel must not find bytes of this one. */
static void discard_pipe(void)
{
	char scratch[4096];

	while (read(the_pipe[0], scratch, sizeof(scratch)) > 0)
		;
}

static struct io *other(const struct glue *g, const struct io *io)
{
	return io == g->a ? g->b : g->a;
}

static void finish(struct glue *g, enum glue_end why)
{
	glue_cut(g);
	g->ended(g, why);
}

static void finish_failed(struct glue *g, const struct io *io)
{
	finish(g, io == g->a ? GLUE_FAILED_A : GLUE_FAILED_B);
}

static void on_idle(struct timer *t)
{
	finish(container_of(t, struct glue, idle), GLUE_IDLE);
}

static void count(struct glue *g, const struct io *from, size_t n)
{
	*(from == g->a ? &g->a_to_b : &g->b_to_a) += n;
	timer_set(&g->idle, g->idle_ms);
}

/* What lies in from's buffer goes on; the rest waits for the taker's IO_DRAINED, and so does
 * reading more. */
static void forward(struct glue *g, struct io *from)
{
	struct io *to = other(g, from);
	struct str s = io_data(from);
	ptrdiff_t n = s.n ? io_send(to, s) : 0;

	if (n > 0) {
		io_take(from, (size_t)n);
		count(g, from, (size_t)n);
	}
	io_read(from, !to->blocked);
}

/* Passes the end on when all before it is through. */
static void pass_end(struct io *from, struct io *to)
{
	if (from->eof && io_data(from).n == 0 && io_pending(to) == 0 && !to->blocked)
		io_shutdown(to);
}

/* --- both are plain sockets: the kernel moves the bytes --- */

enum moved { MOVED, MOVED_NOTHING, MOVED_END, FROM_FAILED, TO_FAILED };

/* The taker blocks: what is in the pipe becomes its queue, so that no pipe is held. */
static int keep(struct io *to, size_t n)
{
	char *p = buf_space(&to->out, n);

	if (!p || read(the_pipe[0], p, n) != (ssize_t)n)
		return -1;
	buf_added(&to->out, n);
	return io_flush(to);
}

/* All that is in the pipe goes to the taker. */
static int empty_pipe(struct io *to, size_t left)
{
	while (left > 0) {
		ssize_t n = splice(the_pipe[0], NULL, to->watch.fd, NULL, left, SPLICE_F_NONBLOCK);

		if (n < 0 && errno == EAGAIN)
			return keep(to, left);
		if (n == 0 || (n < 0 && errno != EINTR))
			return -1;
		if (n > 0) {
			to->bytes_out += (uint64_t)n;
			left -= (size_t)n;
		}
	}
	return 0;
}

/* One pipe full from the giver to the taker. */
static enum moved move_once(struct glue *g, struct io *from, struct io *to)
{
	ssize_t n = splice(from->watch.fd, NULL, the_pipe[1], NULL, ONE_MOVE, SPLICE_F_NONBLOCK);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? MOVED_NOTHING : FROM_FAILED;
	if (n == 0)
		return MOVED_END;
	from->bytes_in += (uint64_t)n;
	count(g, from, (size_t)n);
	if (empty_pipe(to, (size_t)n) == 0)
		return MOVED;
	discard_pipe();
	return TO_FAILED;
}

static void settle(struct glue *g);

static void move(struct glue *g, struct io *from)
{
	struct io *to = other(g, from);
	enum moved m = MOVED;

	for (int i = 0; i < MOVES && m == MOVED && !to->blocked; i++)
		m = move_once(g, from, to);
	if (m == FROM_FAILED || m == TO_FAILED) {
		finish_failed(g, m == FROM_FAILED ? from : to);
		return;
	}
	from->eof = m == MOVED_END;
	io_read(from, !to->blocked && !from->eof);
	settle(g);
}

static void on_spliceable(struct watch *w, unsigned what)
{
	struct io *io = container_of(w, struct io, watch);

	if ((what & WATCH_WRITE) && io->blocked)
		io_arrived(io, WATCH_WRITE); /* what was kept: IO_DRAINED follows */
	else if (what & WATCH_READ)
		move(io->joined, io);
}

static bool spliceable(const struct io *io)
{
	return strcmp(io->ops->name, "socket") == 0 && !io->eof && !io->failed &&
	       io_data(io).n == 0 && io_pending(io) == 0;
}

/* Nothing waits in the buffers any more: from here on the kernel does it. */
static void try_splice(struct glue *g)
{
	if (g->spliced || !spliceable(g->a) || !spliceable(g->b) || !have_pipe())
		return;
	g->spliced = true;
	g->a->watch.ready = g->b->watch.ready = on_spliceable;
	g->a->out.max = g->b->out.max = ONE_MOVE;
}

/* --- its life --- */

/* After each step: passes ends on, ends it, or finds the faster way. Last in an event. */
static void settle(struct glue *g)
{
	pass_end(g->a, g->b);
	pass_end(g->b, g->a);
	if (g->a->shut && g->b->shut)
		finish(g, GLUE_CLOSED);
	else
		try_splice(g);
}

static void on_event(struct io *io, enum io_event what)
{
	struct glue *g = io->joined;

	if (what == IO_FAILED) {
		finish_failed(g, io);
		return;
	}
	if (what == IO_DATA)
		forward(g, io);
	else if (what == IO_DRAINED)
		forward(g, other(g, io));
	settle(g);
}

/* Also what happened before the two were joined: bytes, ends, failures. What was queued has gone
 * out, since its flush was asked for earlier. */
static void on_start(struct deferred *d)
{
	struct glue *g = container_of(d, struct glue, start);

	forward(g, g->a);
	forward(g, g->b);
	if (g->a->failed || g->b->failed)
		finish_failed(g, g->a->failed ? g->a : g->b);
	else
		settle(g);
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
	deferred_init(&g->start, on_start);
	loop_defer(a->loop, &g->start);
}

void glue_cut(struct glue *g)
{
	if (!g->a)
		return;
	timer_stop(&g->idle);
	deferred_cancel(&g->start);
	io_close(g->a);
	io_close(g->b);
	g->a = g->b = NULL;
}
