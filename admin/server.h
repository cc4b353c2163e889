/* server: HTTP/1.0 and 1.1, with TLS or without, over one listening socket: paths, methods,
 * bodies, answers. The library behind microhttpd.h runs in our loop by its epoll descriptor.
 *
 *   POST /xml      SERVER_XML: the whole body
 *   POST /login    SERVER_LOGIN, SERVER_LOGOUT: a browser's session (console.h)
 *   POST /logout
 *   PUT /files/email.csv, alias.csv   SERVER_UPLOADED: it is there; of who is admitted alone
 *   GET /files/email.csv, alias.csv   answered here, likewise
 *   GET /NAME      the console's pages (web.h), answered here
 *   GET /healthz   SERVER_HEALTH   these two for the addresses of pages alone,
 *   GET /metrics   SERVER_METRICS  and for the local socket
 *   all else       SERVER_REFUSED: 400, 403, 404, 405, 413, 503
 *
 * Bounded, because strangers may connect: connections in all and per address; bytes of a header,
 * of a body, of all bodies; silence (TIMEOUT_HTTP_S); and the time for a whole request from the
 * connection's begin or the last answer on, and for a whole answer (DEADLINE_HTTP_MS), so that
 * dripping bytes holds no connection either.
 *
 * A request that is not answered within its callback is suspended until server_answer; nothing
 * is then read from its client, not even that it went away.
 * Not here: XML (admin.c), keys (auth.h).
 * Memory: the server owns requests, from their last byte until gone() returned. */
#ifndef PB_ADMIN_SERVER_H
#define PB_ADMIN_SERVER_H

#include "lib/base/addr.h"
#include "lib/net/loop.h"

struct server;

enum server_what { SERVER_XML, SERVER_HEALTH, SERVER_METRICS, SERVER_LOGIN, SERVER_LOGOUT, SERVER_FILE, SERVER_UPLOADED, SERVER_DOWNLOAD, SERVER_REFUSED };
struct server_request {
	enum server_what what;
	struct str body;      /* SERVER_XML, SERVER_LOGIN; borrowed until request() returns */
	struct str session, csrf; /* cookie and X-CSRF-Token; empty: none. Borrowed until gone() */
	struct ipaddr client; /* zeroed when local */
	bool local, tls;
	char set_cookie[200]; /* of the answer; "": none */
	int uid;       /* of the local client; -1: it is not local */
	const char *file; /* SERVER_UPLOADED: its name, static */
	uint64_t file_bytes;
	unsigned http; /* SERVER_REFUSED, and the next two: static texts */
	const char *code, *text;
	void *user; /* the callbacks' own; NULL at first */
};

struct server_config {
	struct loop *loop;
	int fd;			       /* listening, TCP or Unix; taken, also on error */
	bool local;		       /* Unix: only root and our own user may ask */
	bool tls;		       /* with the certificate of tls.h */
	const struct ip_ranges *pages; /* borrowed; NULL: nobody over TCP */
	int64_t deadline_ms;	       /* 0: DEADLINE_HTTP_MS */
	void *arg;		       /* of the callbacks */
	const char *files; /* directory of the account files; borrowed */
	/* May it have the account files? Asked when the header is there. Not for local ones. */
	bool (*admits)(void *arg, const struct server_request *r);
	/* Complete; answer it now or later. */
	void (*request)(void *arg, struct server_request *r);
	/* Over: answered, or its client went away. For each that request() saw. */
	void (*gone)(void *arg, struct server_request *r);
};
/* Owned. */
MUST_CHECK int server_start(struct server **out, const struct server_config *c, struct err *e);
/* The answer; body is copied. retry_s > 0: Retry-After. Only once a request. */
void server_answer(struct server_request *r, unsigned http, const char *type,
		   struct str body, unsigned retry_s);
/* Takes no more requests; those not answered get 503; sends what the sockets take at once, and
 * closes. NULL-safe; not to be called from request() or gone(). */
void server_stop(struct server **out);

#endif
