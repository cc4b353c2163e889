#include "lib/net/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/log.h"

#define BACKLOG 4096	 /* the kernel cuts it to somaxconn */
#define PER_TURN 8
#define SATED_MS 5	 /* a sated process looks again */
#define EXHAUSTED_MS 200 /* out of descriptors */

static int set_on(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

static int prepare(int fd, const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(a, &ss);

	if (set_on(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0)
		return -1;
	if (ss.ss_family == AF_INET6 && set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&ss, n) < 0)
		return -1;
	return listen(fd, BACKLOG);
}

int listen_open(const struct addr *a, struct err *e)
{
	int family = ip_is4(&a->ip) ? AF_INET : AF_INET6;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	char text[ADDR_TEXT];

	if (fd >= 0 && prepare(fd, a) == 0)
		return fd;
	if (errno == EACCES && a->port < 1024)
		err_set(e, "cannot listen on %s port %u: ports below 1024 need root or "
			   "CAP_NET_BIND_SERVICE",
			ip_text(&a->ip, text), a->port);
	else
		err_errno(e, "cannot listen on %s port %u", ip_text(&a->ip, text), a->port);
	if (fd >= 0)
		close(fd);
	return -1;
}

static void pause_for(struct acceptor *a, int64_t ms)
{
	a->paused = true;
	watch_set(&a->watch, 0);
	timer_set(&a->retry, ms);
}

static void go_on(struct acceptor *a)
{
	timer_stop(&a->retry);
	a->paused = false;
	watch_set(&a->watch, WATCH_READ);
}

static bool pause_if_sated(struct acceptor *a)
{
	if (!a->sated || !a->sated(a))
		return false;
	pause_for(a, SATED_MS);
	return true;
}

/* Why accept4 gave nothing: true when the next may. */
static bool nothing(struct acceptor *a, int error)
{
	if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) {
		if (!a->exhausted)
			log_warning("cannot accept: %s; trying again", strerror(error));
		a->exhausted = true;
		pause_for(a, EXHAUSTED_MS);
	}
	return error == ECONNABORTED || error == EINTR;
}

/* One connection: false when there is none, or none can be taken. */
static bool accept_one(struct acceptor *a)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	int fd = accept4(a->watch.fd, (struct sockaddr *)&ss, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct addr peer;

	if (fd < 0)
		return nothing(a, errno);
	a->exhausted = false;
	if (addr_from_sockaddr((struct sockaddr *)&ss, &peer) < 0) {
		close(fd);
		return true;
	}
	set_on(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* a courtesy; a failure costs speed only */
	a->got(a, fd, &peer);
	return true;
}

static void on_ready(struct watch *w, unsigned what)
{
	struct acceptor *a = container_of(w, struct acceptor, watch);
	unsigned turns = a->per_turn ? a->per_turn : PER_TURN;

	(void)what;
	/* Not watching any more: got() has stopped it. */
	while (turns-- > 0 && w->want && !pause_if_sated(a) && accept_one(a))
		;
}

static void on_retry(struct timer *t)
{
	struct acceptor *a = container_of(t, struct acceptor, retry);

	if (!pause_if_sated(a))
		go_on(a);
}

void acceptor_start(struct acceptor *a, struct loop *l, int fd)
{
	watch_init(&a->watch, l, fd, on_ready);
	timer_init(&a->retry, l, on_retry);
	a->exhausted = false;
	go_on(a);
}

void acceptor_stop(struct acceptor *a)
{
	watch_set(&a->watch, 0);
	timer_stop(&a->retry);
	a->paused = false;
}

void acceptor_look(struct acceptor *a)
{
	if (a->paused && !(a->sated && a->sated(a)))
		go_on(a);
}
