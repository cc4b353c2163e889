#include "cmd/pbctl/http.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/limits.h"

#define HTTP_PORT STR("8080") /* -http of protobalance when it is not given */

/* --- connecting --- */

int http_local(const char *dir, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/admin.sock", dir);
	int fd;

	if (n < 0 || (size_t)n >= sizeof(sa.sun_path))
		return err_set(e, "%s: longer than the path of a socket may be", dir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(e, "no socket");
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	if (errno == EACCES || errno == EPERM)
		err_errno(e, "%s: only root and the service's own user may ask", sa.sun_path);
	else
		err_errno(e, "no protobalance runs on %s", dir);
	close(fd);
	return -1;
}

/* Splits the URL; the parts live in the arena. */
static int url_parse(const char *url, struct arena *a, const char **host,
		     const char **port, struct err *e)
{
	struct str rest = str_z(url), authority, name;

	if (!str_istarts(rest, STR("http://")))
		return err_set(e, "%s: not of the form http://host:port", url);
	rest = str_skip(rest, 7);
	str_split(&rest, '/', &authority);
	if (rest.n && !str_eq(rest, STR("xml")))
		return err_set(e, "%s: not of the form http://host:port", url);
	if (authority.n && authority.p[0] == '[') {
		authority = str_skip(authority, 1);
		str_split(&authority, ']', &name);
		if (!authority.p || (authority.n && authority.p[0] != ':'))
			return err_set(e, "%s: not of the form http://[address]:port", url);
		authority = str_skip(authority, 1);
	} else {
		str_split(&authority, ':', &name);
	}
	if (name.n == 0)
		return err_set(e, "%s: there is no host in it", url);
	*host = arena_str(a, name).p;
	*port = arena_str(a, authority.n ? authority : HTTP_PORT).p;
	return 0;
}

static int connect_any(const struct addrinfo *list)
{
	int fd = -1;

	errno = EADDRNOTAVAIL;
	for (const struct addrinfo *i = list; i && fd < 0; i = i->ai_next) {
		int saved;

		fd = socket(i->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0 || connect(fd, i->ai_addr, i->ai_addrlen) == 0)
			continue;
		saved = errno;
		close(fd);
		errno = saved;
		fd = -1;
	}
	return fd;
}

int http_tcp(const char *url, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	struct arena a = ARENA(0);
	const char *host = NULL, *port = NULL;
	int fd = -1, rc;

	if (url_parse(url, &a, &host, &port, e))
		goto out;
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc) {
		err_set(e, "%s port %s: %s", host, port, gai_strerror(rc));
		goto out;
	}
	fd = connect_any(list);
	if (fd < 0)
		err_errno(e, "no protobalance answers at %s port %s", host, port);
out:
	if (list)
		freeaddrinfo(list);
	arena_free(&a);
	return fd;
}

/* --- the exchange --- */

static int send_all(int fd, struct str s, struct err *e)
{
	while (s.n > 0) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, "connection");
		s = str_skip(s, (size_t)n);
	}
	return 0;
}

static int receive_all(int fd, struct buf *b, struct err *e)
{
	ssize_t n = 1;

	while (n > 0) {
		char *p = buf_space(b, 65536);

		if (!p)
			return err_set(e, "the answer is too long");
		n = recv(fd, p, 65536, 0);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			buf_added(b, (size_t)n);
	}
	if (n < 0 && errno == EAGAIN)
		return err_set(e, "no answer within %d seconds", TIMEOUT_PBCTL_S);
	return n < 0 ? err_errno(e, "connection") : 0;
}

/* The value of the header, or an empty slice. head: lines after the status line. */
static struct str header(struct str head, struct str name)
{
	struct str line, word;

	while (str_split(&head, '\n', &line)) {
		str_split(&line, ':', &word);
		if (str_ieq(word, name))
			return str_trim(line);
	}
	return STR("");
}

static int answer_parse(struct http_answer *a, struct err *e)
{
	struct str in = a->text.mem ? buf_str(&a->text) : STR("");
	const char *end = in.n ? memmem(in.p, in.n, "\r\n\r\n", 4) : NULL;
	struct str head = { in.p, end ? (size_t)(end - in.p) : 0 };
	uint64_t status, length;

	if (in.n == 0)
		return err_set(e, "the connection was closed without an answer");
	if (!end || !str_starts(head, STR("HTTP/1.")) || head.n < 12 ||
	    str_u64((struct str){ head.p + 9, 3 }, 100, 599, &status))
		return err_set(e, "what answers is no protobalance");
	a->status = (unsigned)status;
	a->body = str_skip(in, head.n + 4);
	if (str_u64(header(head, STR("content-length")), 0, SIZE_MAX, &length) == 0 && a->body.n < length)
		return err_set(e, "the answer is not whole");
	return 0;
}

int http_post(int fd, struct str document, struct http_answer *out, struct err *e)
{
	struct timeval patience = { .tv_sec = TIMEOUT_PBCTL_S };
	char head[160];
	int n = snprintf(head, sizeof(head),
			 "POST /xml HTTP/1.0\r\nContent-Type: text/xml; charset=utf-8\r\n"
			 "Content-Length: %zu\r\n\r\n",
			 document.n);
	int rc;

	buf_init(&out->text, LIMIT_XML_ANSWER + (1u << 20)); /* and the head */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	rc = send_all(fd, (struct str){ head, (size_t)n }, e) ||
			     send_all(fd, document, e) || receive_all(fd, &out->text, e) ?
		     -1 :
		     answer_parse(out, e);
	close(fd);
	if (rc)
		buf_release(&out->text);
	return rc;
}
