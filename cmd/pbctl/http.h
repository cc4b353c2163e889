/* http: documents to /xml and what is answered, over DIR/admin.sock or TCP with or
 * without TLS. The only user of libcurl. Proxies of the environment are not used: an
 * access key goes to the service alone. Redirections are not followed.
 * Not here: what an answer says (answer.h).
 * Memory: owns its connection, which serves several requests. */
#ifndef PB_CMD_PBCTL_HTTP_H
#define PB_CMD_PBCTL_HTTP_H

#include "lib/base/buf.h"
#include "lib/base/err.h"

struct http;
struct http_target {
	const char *dir; /* of the service on this machine; used when there is no url */
	const char *url; /* "http(s)://host[:port][/xml]"; port 8080 unless given */
	const char *cacert; /* PEM file of who signed the certificate; NULL: the system's */
};
/* Connects to nobody yet. Borrows the texts. */
MUST_CHECK int http_open(struct http **out, const struct http_target *t, struct err *e);
void http_close(struct http **out);
/* From now on: this long to connect, and without a byte. By default
 * TIMEOUT_PBCTL_CONNECT_MS and TIMEOUT_PBCTL_S. */
void http_patience(struct http *h, unsigned ms);

/* A second document that is posted every so often while the first is answered; what comes
 * back goes to fn, failures to nobody. */
struct http_beside {
	struct str document;
	int64_t every_ms;
	void (*fn)(void *arg, struct buf *answer); /* fn may take it */
	void *arg;
};
struct http_answer {
	unsigned status; /* HTTP */
	struct buf body; /* owned: the caller releases it */
};
/* Waits for the whole answer. beside: NULL for nothing. On -1 a text for people, and
 * there is nothing to release. */
MUST_CHECK int http_post(struct http *h, struct str document, const struct http_beside *beside,
			 struct http_answer *out, struct err *e);

#endif
