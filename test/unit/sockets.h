/* sockets: connected pairs for the tests of lib/net, and turns of the loop until something is
 * so (the kernel delivers when it likes; nothing is measured). Non-blocking throughout. */
#ifndef PB_TEST_SOCKETS_H
#define PB_TEST_SOCKETS_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/net/loop.h"

static struct loop *l;

/* Fails the test when cond does not become true in a long time. */
#define until(cond) \
	do { \
		int turns_ = 0; \
		while (!(cond)) { \
			ck_assert_msg(turns_++ < 200000, "in vain: %s", #cond); \
			loop_turn(l); \
			usleep(turns_ < 1000 ? 0 : 100); \
		} \
	} while (0)

static inline void set_nonblocking(int fd)
{
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

/* A listening socket on a free port of 127.0.0.1. */
static inline int loopback(struct sockaddr_in *sin, int backlog)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t n = sizeof(*sin);

	*sin = (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)sin, n), 0);
	ck_assert_int_eq(listen(fd, backlog), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)sin, &n), 0);
	return fd;
}

/* A TCP connection; buffers of bufsize bytes (0: the kernel's choice). */
static inline void tcp_pair(int fd[2], int bufsize)
{
	struct sockaddr_in sin;
	int listener = loopback(&sin, 1), on = 1;

	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_ge(fd[0], 0);
	if (bufsize > 0) { /* before connecting, for the window */
		setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &bufsize, sizeof(bufsize));
		setsockopt(fd[0], SOL_SOCKET, SO_RCVBUF, &bufsize, sizeof(bufsize));
	}
	ck_assert_int_eq(connect(fd[0], (struct sockaddr *)&sin, sizeof(sin)), 0);
	fd[1] = accept(listener, NULL, NULL);
	ck_assert_int_ge(fd[1], 0);
	close(listener);
	for (int i = 0; i < 2; i++) {
		set_nonblocking(fd[i]);
		setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (bufsize > 0)
			setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &bufsize, sizeof(bufsize));
	}
}

static inline void unix_pair(int fd[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
}

/* close(2) with a reset to the peer. */
static inline void reset(int fd)
{
	struct linger hard = { 1, 0 };

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
	ck_assert_int_eq(close(fd), 0);
}

#endif
