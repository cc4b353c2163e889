/* http: one POST to /xml and its answer, over DIR/admin.sock or TCP. Blocking; HTTP/1.0, so that
 * the answer ends with the connection. */
#ifndef PB_CMD_PBCTL_HTTP_H
#define PB_CMD_PBCTL_HTTP_H

#include "lib/base/buf.h"
#include "lib/base/err.h"

/* A connected socket, or -1 with a text for people. */
MUST_CHECK int http_local(const char *dir, struct err *e);
/* url: "http://host[:port][/xml]"; host is a name, an address or [an IPv6 address]. */
MUST_CHECK int http_tcp(const char *url, struct err *e);

struct http_answer {
	unsigned status;
	struct buf text; /* owned: head and body */
	struct str body;
};
/* Sends the document and reads the whole answer; closes fd. */
MUST_CHECK int http_post(int fd, struct str document, struct http_answer *out, struct err *e);

#endif
