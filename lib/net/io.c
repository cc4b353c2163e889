#include "lib/net/io.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define FIRST_READ 16384 /* enough for commands and small mails */

/* --- plain sockets --- */

static ptrdiff_t sock_read(struct io *io, void *p, size_t n)
{
	return recv(io->watch.fd, p, n, 0);
}

static ptrdiff_t sock_writev(struct io *io, const struct iovec *v, int n)
{
	struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)v, .msg_iovlen = (size_t)n };

	if (n == 1) /* nearly always, and the shorter way through the kernel */
		return send(io->watch.fd, v->iov_base, v->iov_len, MSG_NOSIGNAL);
	return sendmsg(io->watch.fd, &m, MSG_NOSIGNAL);
}

static void sock_want(struct io *io, unsigned want)
{
	watch_set(&io->watch, want);
}

static void sock_shutdown(struct io *io)
{
	shutdown(io->watch.fd, SHUT_WR);
}

static void sock_close(struct io *io)
{
	watch_set(&io->watch, 0);
	close(io->watch.fd);
	io->watch.fd = -1;
}

static void sock_abort(struct io *io)
{
	struct linger hard = { 1, 0 };

	setsockopt(io->watch.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	sock_close(io);
}

static const struct io_ops socket_ops = {
	.name = "socket",
	.read = sock_read,
	.writev = sock_writev,
	.want = sock_want,
	.shutdown = sock_shutdown,
	.close = sock_close,
	.abort = sock_abort,
};

/* --- the common part --- */

static bool may_read(const struct io *io)
{
	return io->reading && !io->eof && !io->failed && buf_room(&io->in) > 0;
}

static void io_want_now(struct io *io)
{
	if (io->ops)
		io->ops->want(io, (may_read(io) ? (unsigned)WATCH_READ : 0) |
					  (io->blocked ? (unsigned)WATCH_WRITE : 0));
}

static void tell_failure(struct io *io)
{
	io->told = true;
	io->event(io, IO_FAILED);
}

/* Failures are met in the middle of the owner's work and told from the loop. */
static void io_fail(struct io *io, int error)
{
	if (io->failed)
		return;
	io->failed = true;
	io->error = error;
	io->blocked = false;
	io_want_now(io);
	loop_defer(io->loop, &io->flush);
}

static bool try_again(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* Room for the next read. */
static char *read_space(struct io *io, size_t *n)
{
	size_t want = io->next_read, room = buf_room(&io->in);
	size_t behind = io->in.cap - io->in.end;

	if (buf_len(&io->in) > 0 && behind >= FIRST_READ / 4)
		want = behind; /* do not move what is there */
	*n = want < room ? want : room;
	return buf_space(&io->in, *n);
}

static void read_more(struct io *io, size_t asked, size_t got)
{
	io->next_read = got < asked || asked < FIRST_READ ? FIRST_READ : asked * 2;
	buf_added(&io->in, got);
	io->bytes_in += (uint64_t)got;
	if (buf_room(&io->in) == 0)
		io_want_now(io);
	io->event(io, IO_DATA);
}

static void io_readable(struct io *io)
{
	size_t n;
	char *p = read_space(io, &n);
	ptrdiff_t got = io->ops->read(io, p, n);

	if (got > 0) {
		read_more(io, n, (size_t)got);
		return;
	}
	if (buf_len(&io->in) == 0)
		buf_release(&io->in);
	if (got == 0) {
		io->eof = true;
		io_want_now(io);
		io->event(io, IO_EOF);
	} else if (!try_again(errno)) {
		io->failed = true;
		io->blocked = false;
		io->error = errno;
		io_want_now(io);
		tell_failure(io);
	}
}

/* Writes the queue and s behind it: bytes of s that went, or -1. */
static ptrdiff_t io_write_out(struct io *io, struct str s)
{
	struct str queued = buf_str(&io->out);
	struct iovec v[2] = { { (void *)(uintptr_t)queued.p, queued.n },
			      { (void *)(uintptr_t)s.p, s.n } };
	int skip = queued.n == 0;
	ptrdiff_t n;

	io->due = false;
	if (queued.n + s.n == 0)
		return 0;
	n = io->ops->writev(io, v + skip, 2 - skip - (s.n == 0));
	if (n < 0 && !try_again(errno)) {
		io_fail(io, errno);
		return -1;
	}
	n = n < 0 ? 0 : n;
	io->bytes_out += (uint64_t)n;
	if ((size_t)n < queued.n + s.n && !io->blocked) {
		io->blocked = true;
		io_want_now(io);
	}
	if ((size_t)n < queued.n) {
		buf_consume(&io->out, (size_t)n);
		return 0;
	}
	buf_release(&io->out);
	return n - (ptrdiff_t)queued.n;
}

static void io_writable(struct io *io)
{
	io->blocked = false;
	if (io_write_out(io, STR("")) < 0)
		return; /* told from the loop */
	io_want_now(io);
	if (!io->blocked)
		io->event(io, IO_DRAINED);
}

static void on_ready(struct watch *w, unsigned what)
{
	struct io *io = container_of(w, struct io, watch);

	/* One event a call: the owner may have closed the io in the first. */
	if ((what & WATCH_WRITE) && io->blocked)
		io_writable(io);
	else if ((what & WATCH_READ) && may_read(io))
		io_readable(io);
	else /* the owner has filled the buffer by itself: else we would be called for ever */
		io_want_now(io);
}

/* End of the turn: what was queued goes out, memory goes back, and a failure is told. */
static void on_flush(struct deferred *d)
{
	struct io *io = container_of(d, struct io, flush);

	if (io->due && !io->failed && !io->blocked)
		io_write_out(io, STR(""));
	if (buf_len(&io->in) == 0)
		buf_release(&io->in);
	deferred_cancel(&io->flush); /* a failure asks for it anew */
	if (io->failed && !io->told)
		tell_failure(io);
}

void io_init(struct io *io, const struct io_ops *ops, struct loop *l, size_t in_max, size_t out_max,
	     void (*event)(struct io *io, enum io_event what))
{
	memset(io, 0, sizeof(*io));
	io->ops = ops;
	io->loop = l;
	io->event = event;
	io->reading = true;
	io->next_read = FIRST_READ;
	buf_init(&io->in, in_max);
	buf_init(&io->out, out_max);
	deferred_init(&io->flush, on_flush);
}

void io_init_socket(struct io *io, struct loop *l, int fd, size_t in_max, size_t out_max,
		    void (*event)(struct io *io, enum io_event what))
{
	io_init(io, &socket_ops, l, in_max, out_max, event);
	watch_init(&io->watch, l, fd, on_ready);
	io_want_now(io);
}

void io_arrived(struct io *io, unsigned what)
{
	on_ready(&io->watch, what);
}

bool io_is_open(const struct io *io)
{
	return io->ops != NULL;
}

static void io_end(struct io *io, void (*how)(struct io *io))
{
	deferred_cancel(&io->flush);
	how(io);
	io->ops = NULL;
	buf_release(&io->in);
	buf_release(&io->out);
}

void io_close(struct io *io)
{
	if (!io->ops)
		return;
	if (!io->failed && !io->blocked)
		io_write_out(io, STR(""));
	io_end(io, io->ops->close);
}

void io_abort(struct io *io)
{
	if (io->ops)
		io_end(io, io->ops->abort);
}

/* --- input --- */

void io_take(struct io *io, size_t n)
{
	bool was_full = buf_room(&io->in) == 0;

	if (!io->ops)
		return;
	buf_consume(&io->in, n);
	if (buf_len(&io->in) == 0)
		loop_defer(io->loop, &io->flush);
	if (was_full)
		io_want_now(io);
}

void io_read(struct io *io, bool on)
{
	if (io->reading == on)
		return;
	io->reading = on;
	io_want_now(io);
}

/* --- output --- */

int io_put(struct io *io, struct str s)
{
	if (!io->ops || io->failed)
		return 0; /* its failure is on the way */
	if (buf_add(&io->out, s) < 0)
		return -1;
	io->due = true;
	loop_defer(io->loop, &io->flush);
	return 0;
}

int io_hold(struct io *io, struct str s)
{
	return !io->ops || io->failed ? 0 : buf_add(&io->out, s);
}

int io_putf(struct io *io, const char *fmt, ...)
{
	va_list ap;
	int r;

	if (!io->ops || io->failed)
		return 0;
	va_start(ap, fmt);
	r = buf_addv(&io->out, fmt, ap);
	va_end(ap);
	io->due |= r == 0;
	loop_defer(io->loop, &io->flush);
	return r;
}

ptrdiff_t io_send(struct io *io, struct str s)
{
	if (!io->ops || io->failed)
		return -1;
	if (io->blocked)
		return 0;
	return io_write_out(io, s);
}

int io_flush(struct io *io)
{
	if (!io->ops || io->failed)
		return -1;
	if (io->blocked)
		return 0;
	return io_write_out(io, STR("")) < 0 ? -1 : 0;
}

void io_shutdown(struct io *io)
{
	if (io->ops && !io->shut && !io->failed)
		io->ops->shutdown(io);
	io->shut = true;
}

size_t io_pending(const struct io *io)
{
	return buf_len(&io->out);
}
