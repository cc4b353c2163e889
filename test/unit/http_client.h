/* http_client: a client of the server under test, in the test's own thread: whenever it would
 * wait it turns the loop, so that nothing depends on time. Needs `static struct loop *loop`. */
#ifndef PB_TEST_HTTP_CLIENT_H
#define PB_TEST_HTTP_CLIENT_H

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/net/loop.h"

#define PATIENCE 20000 /* turns without a byte, 1 ms each: the test has failed */

struct client {
	int fd;
	struct buf in;
	bool eof;
};
struct reply {
	int status; /* 0: closed without an answer */
	char head[4096];
	char *body; /* owned; free() */
	size_t n;
};

static inline void client_init(struct client *c, int fd)
{
	buf_init(&c->in, 80u << 20);
	c->fd = fd;
	c->eof = false;
	ck_assert_int_ge(fd, 0);
}

/* from: the last byte of our 127.0.0.0/24 address. */
static inline void client_from(struct client *c, uint16_t port, uint32_t from)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };

	client_init(c, socket(AF_INET, SOCK_STREAM, 0));
	sa.sin_addr.s_addr = htonl(0x7f000000 | from);
	ck_assert_int_eq(bind(c->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sa.sin_port = htons(port);
	ck_assert_int_eq(connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static inline void client_tcp(struct client *c, uint16_t port)
{
	client_from(c, port, 1);
}

static inline void client_unix(struct client *c, const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	client_init(c, socket(AF_UNIX, SOCK_STREAM, 0));
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	ck_assert_int_eq(connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static inline void client_close(struct client *c)
{
	close(c->fd);
	buf_release(&c->in);
}

/* All of it, or as much as the server takes before it closes. */
static inline void client_send(struct client *c, struct str s)
{
	for (int idle = 0; s.n > 0 && idle < PATIENCE;) {
		ssize_t n = send(c->fd, s.p, s.n, MSG_NOSIGNAL);

		loop_turn(loop);
		if (n < 0 && errno != EAGAIN)
			return;
		if (n < 0 && ++idle)
			usleep(1000);
		s = str_skip(s, n > 0 ? (size_t)n : 0);
	}
	ck_assert_uint_eq(s.n, 0);
}

/* Reads what is there; true: something came. */
static inline bool client_read(struct client *c)
{
	char *p = buf_space(&c->in, 65536);
	ssize_t n;

	ck_assert_ptr_nonnull(p);
	n = recv(c->fd, p, 65536, 0);
	if (n > 0)
		buf_added(&c->in, (size_t)n);
	c->eof = c->eof || n == 0 || (n < 0 && errno != EAGAIN);
	return n > 0;
}

static inline const char *header(const struct reply *r, const char *name)
{
	static char value[256];
	size_t n = strlen(name);

	for (const char *at = strstr(r->head, "\r\n"); at; at = strstr(at + 2, "\r\n"))
		if (strncasecmp(at + 2, name, n) == 0 && at[2 + n] == ':') {
			sscanf(at + 2 + n + 1, " %255[^\r]", value);
			return value;
		}
	return NULL;
}

/* Is a whole reply there? Takes it out of the buffer. "100 Continue" is passed over. */
static inline bool reply_take(struct client *c, struct reply *r)
{
	struct str in = buf_str(&c->in);
	char *end = in.n ? memmem(in.p, in.n, "\r\n\r\n", 4) : NULL;
	size_t head = end ? (size_t)(end - in.p) + 4 : 0;

	*r = (struct reply){ 0 };
	if (!end)
		return false;
	ck_assert_uint_lt(head, sizeof(r->head));
	memcpy(r->head, in.p, head);
	ck_assert_int_eq(sscanf(r->head, "HTTP/1.%*d %d", &r->status), 1);
	if (r->status == 100) {
		buf_consume(&c->in, head);
		return reply_take(c, r);
	}
	r->n = header(r, "Content-Length") ? strtoul(header(r, "Content-Length"), NULL, 10) : 0;
	if (in.n - head < r->n)
		return false;
	r->body = mem_dup((struct str){ in.p + head, r->n });
	buf_consume(&c->in, head + r->n);
	return true;
}

static inline struct reply client_reply(struct client *c)
{
	struct reply r;

	for (int idle = 0; !reply_take(c, &r); idle++) {
		ck_assert_msg(idle < PATIENCE, "no answer comes");
		loop_turn(loop);
		if (client_read(c))
			idle = 0;
		else if (c->eof)
			return (struct reply){ 0 };
		else
			usleep(1000);
	}
	return r;
}

/* Nothing has come although the server had its turns. */
static inline bool client_waits(struct client *c)
{
	for (int i = 0; i < 20; i++) {
		loop_turn(loop);
		client_read(c);
	}
	return buf_len(&c->in) == 0 && !c->eof;
}

static inline void client_post(struct client *c, const char *xml)
{
	char head[128];

	snprintf(head, sizeof(head),
		 "POST /xml HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", strlen(xml));
	client_send(c, str_z(head));
	client_send(c, str_z(xml));
}

#endif
