#include "lib/net/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static void finish(struct dial *d, int error)
{
	int fd = d->fd;

	watch_set(&d->watch, 0);
	timer_stop(&d->timeout);
	d->fd = -1;
	if (error && fd >= 0)
		close(fd);
	d->done(d, error ? -1 : fd, error);
}

/* On a port of this machine where nobody listens, and which the kernel may choose for clients
 * too, a socket can meet itself. It would be silent, and keep the box from its own port. */
static bool met_itself(int fd)
{
	struct sockaddr_storage own = { 0 }, peer = { 0 };
	socklen_t n = sizeof(own), m = sizeof(peer);

	return getsockname(fd, (struct sockaddr *)&own, &n) == 0 &&
	       getpeername(fd, (struct sockaddr *)&peer, &m) == 0 && n == m &&
	       memcmp(&own, &peer, n) == 0;
}

static void on_ready(struct watch *w, unsigned what)
{
	struct dial *d = container_of(w, struct dial, watch);
	int error = 0;
	socklen_t n = sizeof(error);

	(void)what;
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	if (!error && met_itself(d->fd))
		error = ECONNREFUSED;
	finish(d, error);
}

/* Also carries an error that connect() gave at once: done is never called from dial_start. */
static void on_timeout(struct timer *t)
{
	struct dial *d = container_of(t, struct dial, timeout);

	finish(d, d->error ? d->error : ETIMEDOUT);
}

static int begin(struct dial *d, const struct addr *to)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(to, &ss);
	int on = 1;

	d->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0)
		return errno;
	setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(d->fd, (struct sockaddr *)&ss, n) < 0 && errno != EINPROGRESS)
		return errno;
	return 0;
}

void dial_start(struct dial *d, struct loop *l, const struct addr *to, int64_t timeout_ms,
		void (*done)(struct dial *d, int fd, int error))
{
	d->done = done;
	timer_init(&d->timeout, l, on_timeout);
	d->error = begin(d, to);
	watch_init(&d->watch, l, d->fd, on_ready);
	if (!d->error)
		watch_set(&d->watch, WATCH_WRITE);
	timer_set(&d->timeout, d->error ? 0 : timeout_ms);
}

bool dial_own_trouble(int error)
{
	static const int ours[] = { EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL };

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (error == ours[i])
			return true;
	return false;
}

void dial_cancel(struct dial *d)
{
	if (!d->done)
		return;
	watch_set(&d->watch, 0);
	timer_stop(&d->timeout);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	d->done = NULL;
}
