/* server_inner: what server.c and server_files.c share; nobody else includes it. */
#ifndef PB_ADMIN_SERVER_INNER_H
#define PB_ADMIN_SERVER_INNER_H

#include <microhttpd.h>

#include "admin/server.h"
#include "admin/upload.h"
#include "admin/web.h"
#include "lib/base/buf.h"

struct server {
	struct server_config c;
	struct MHD_Daemon *daemon;
	struct watch watch; /* of the daemon's epoll descriptor */
	struct timer timer; /* of its next time-out */
	struct deferred again;
	struct list requests;
	bool fresh;	/* suspend_held has something to do */
	size_t bodies;	/* bytes of all requests' buffers */
	unsigned large; /* requests that may have a larger one */
	int64_t log_since;
	unsigned logged; /* lines since then */
	bool stopping;
};

struct conn {
	struct server *server;
	int fd; /* the library's */
	struct timer look;
	int64_t since, deadline; /* of what is under way now */
	bool reads;		 /* it is a request that has not all come */
};

struct request {
	struct server_request r; /* first: what callbacks see */
	struct server *server;
	struct MHD_Connection *mhd;
	struct conn *conn; /* lives longer */
	struct list node;  /* in requests */
	struct buf body;
	size_t discarded;
	const char *allow;	       /* of a 405 */
	const struct web_file *file;   /* that is asked for; NULL: none */
	struct upload *upload;	       /* under way; owned */
	struct MHD_Response *response; /* until it is queued */
	unsigned http;
	size_t answer_n; /* bytes of the answer's body */
	bool large;	 /* one of server's */
	bool last;	 /* nothing behind it is read as another one */
	bool seen;	 /* by request(); held until it is answered */
	bool answered, suspended;
};

/* --- server.c --- */

/* What it has sent is dropped, what it still sends is read and dropped. Static texts. */
void request_refuse(struct request *q, unsigned http, const char *code, const char *text);

/* --- server_files.c --- */

/* A page of the console, which anybody may see. */
void request_choose_page(struct request *q, const char *path, const char *method);
/* What a process that was killed has left of uploads. */
void server_clean_uploads(const char *dir);
/* An account file: who may, and where it goes to. size: as announced. */
void request_choose_upload(struct request *q, const char *path, const char *method, uint64_t size);
void request_take_upload(struct request *q, struct str piece);
/* All of it is there: it takes its place, or the request is refused. */
void request_end_upload(struct request *q);
void request_drop_upload(struct request *q);
/* The answers; a download may be refused instead. */
void request_answer_page(struct request *q);
void request_answer_download(struct request *q);

#endif
