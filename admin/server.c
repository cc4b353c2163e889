#include "admin/server_inner.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/console.h"
#include "admin/head.h"
#include "admin/tls.h"
#include "admin/xml_root.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"

/* Runs at stop: resume, ask the handler, send; and some to spare. */
#define LAST_RUNS 8
#define LOOK_MS 1000 /* for connections that will come to nothing */

/* --- deadlines --- */

static void look_later(struct conn *c)
{
	int64_t left = c->deadline - loop_now(c->server->c.loop);

	timer_set(&c->look, left < LOOK_MS ? left : LOOK_MS);
}

/* What began at since and moves so many bytes may take this long. */
static void allow(struct conn *c, uint64_t bytes)
{
	const struct server_config *s = &c->server->c;
	int64_t ms = s->deadline_ms ? s->deadline_ms : DEADLINE_HTTP_MS;

	ms += (int64_t)((uint64_t)ms * bytes / LIMIT_HTTP_PACE);
	c->deadline = c->since + ms;
	look_later(c);
}

/* The same for what begins now: to read a request, or to send an answer. */
static void begin_to(struct conn *c, bool read, uint64_t bytes)
{
	c->reads = read;
	c->since = loop_now(c->server->c.loop);
	allow(c, bytes);
}

/* Has the client said all it will? The library, which is told of new bytes once, does not see an
 * end that came together with bytes. */
static bool has_ended(const struct conn *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Too late, or the rest will never come: the library learns of it as of a client that goes. */
static void on_look(struct timer *t)
{
	struct conn *c = container_of(t, struct conn, look);

	if (loop_now(c->server->c.loop) >= c->deadline || (c->reads && has_ended(c)))
		shutdown(c->fd, SHUT_RDWR);
	else
		look_later(c);
}

/* --- what may be asked --- */

static const struct route {
	const char *path;
	const char *methods[3];
	const char *allow;
	enum server_what what;
	bool page; /* needs no key, but an address of the pages' */
} routes[] = {
	{ "/xml", { "POST" }, "POST", SERVER_XML, false },
	{ "/login", { "POST" }, "POST", SERVER_LOGIN, false },
	{ "/logout", { "POST" }, "POST", SERVER_LOGOUT, false },
	{ "/files/email.csv", { "PUT", "GET" }, "GET, PUT", SERVER_DOWNLOAD, false },
	{ "/files/alias.csv", { "PUT", "GET" }, "GET, PUT", SERVER_DOWNLOAD, false },
	{ "/healthz", { "GET", "HEAD" }, "GET, HEAD", SERVER_HEALTH, true },
	{ "/metrics", { "GET", "HEAD" }, "GET, HEAD", SERVER_METRICS, true },
};

static void drop_body(struct request *q)
{
	q->server->bodies -= q->body.cap;
	q->server->large -= q->large;
	q->large = false;
	buf_release(&q->body);
}

void request_refuse(struct request *q, unsigned http, const char *code, const char *text)
{
	q->r.what = SERVER_REFUSED;
	q->r.http = http;
	q->r.code = code;
	q->r.text = text;
	request_drop_upload(q);
	drop_body(q);
}

static bool may_read_pages(const struct request *q)
{
	const struct ip_ranges *pages = q->server->c.pages;

	return q->r.local || (pages && ranges_contain(pages, &q->r.client));
}

static void choose_route(struct request *q, const char *path, const char *method)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		const struct route *t = &routes[i];

		if (strcmp(t->path, path) != 0)
			continue;
		q->r.what = t->what;
		if (t->page && !may_read_pages(q)) {
			request_refuse(q, 403, "not_allowed", "this page is not for your address");
			return;
		}
		for (size_t m = 0; t->methods[m]; m++)
			if (strcmp(t->methods[m], method) == 0)
				return;
		q->allow = t->allow;
		request_refuse(q, 405, "method_not_allowed", "this method is not allowed here");
		return;
	}
	request_choose_page(q, path, method);
}

/* The file mode of the socket says the same; this holds when somebody changes it. */
static bool peer_allowed(int fd, int *uid)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return false;
	*uid = (int)peer.uid;
	return peer.uid == 0 || peer.uid == geteuid();
}

static void look_at_client(struct request *q)
{
	const union MHD_ConnectionInfo *sa;
	struct addr addr;

	q->r.uid = -1;
	if (q->r.local && !peer_allowed(q->conn->fd, &q->r.uid))
		request_refuse(q, 403, "not_allowed", "only root and the service's own user may ask here");
	if (q->r.local)
		return;
	sa = MHD_get_connection_info(q->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (sa && addr_from_sockaddr(sa->client_addr, &addr) == 0)
		q->r.client = addr.ip;
}

static void refuse_size(struct request *q, uint64_t limit)
{
	request_refuse(q, 413, "too_large",
		       limit == LIMIT_XML_IMPORT ?
			       "the body is larger than 16777216 bytes" :
			       "the body is larger than 1048576 bytes (importconfig: 16777216)");
	_Static_assert(LIMIT_XML_BODY == 1048576 && LIMIT_XML_IMPORT == 16777216, "as the text says");
}

static void refuse_unclear(struct request *q)
{
	q->last = true;
	request_refuse(q, 400, "malformed",
		       "the header says more than once how long the body is, or has a blank before a colon");
}

/* --- answers --- */

static struct MHD_Response *response_new(const struct request *q, const char *type,
					 struct str body, unsigned retry_s)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(body.n,
								 (void *)(uintptr_t)body.p,
								 MHD_RESPMEM_MUST_COPY);
	char retry[16];

	if (!r)
		return NULL;
	snprintf(retry, sizeof(retry), "%u", retry_s);
	/* A header that finds no memory is left out: MHD_NO changes nothing. */
	(void)MHD_add_response_header(r, "Content-Type", type);
	(void)MHD_add_response_header(r, "Cache-Control", "no-store");
	(void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	if (q->r.set_cookie[0])
		(void)MHD_add_response_header(r, "Set-Cookie", q->r.set_cookie);
	if (q->allow)
		(void)MHD_add_response_header(r, "Allow", q->allow);
	if (retry_s)
		(void)MHD_add_response_header(r, "Retry-After", retry);
	return r;
}

void server_answer(struct server_request *r, unsigned http, const char *type,
		   struct str body, unsigned retry_s)
{
	struct request *q = container_of(r, struct request, r);

	if (q->answered)
		bug("a request was answered twice");
	q->answered = true;
	q->http = http;
	q->answer_n = body.n;
	q->response = response_new(q, type, body, retry_s);
	if (!q->suspended)
		return;
	MHD_resume_connection(q->mhd);
	loop_defer(q->server->c.loop, &q->server->again);
}

/* Not within the callback: what is suspended there is read from when it is resumed, and a client
 * that has ended its side by then is dropped. Behind it the library waits for nothing to read. */
static void suspend_held(struct server *s)
{
	struct list *n, *tmp;

	list_each(&s->requests, n, tmp) {
		struct request *q = container_of(n, struct request, node);

		if (!q->seen || q->answered || q->suspended)
			continue;
		MHD_suspend_connection(q->mhd);
		q->suspended = true;
	}
	s->fresh = false;
}

/* A client that sends no Host field, although HTTP/1.1 asks for it, was written by hand and
 * reads to the end of the connection. MHD_NO closes it at once. */
static enum MHD_Result queue(struct request *q)
{
	enum MHD_Result rc = MHD_NO;

	if (!q->response)
		return rc;
	if (q->last || has_ended(q->conn) || !head_has(q->mhd, "Host"))
		(void)MHD_add_response_header(q->response, "Connection", "close");
	rc = MHD_queue_response(q->mhd, q->http, q->response);
	MHD_destroy_response(q->response);
	q->response = NULL;
	begin_to(q->conn, false, q->answer_n);
	return rc;
}

static enum MHD_Result hand_over(struct request *q)
{
	if (q->r.what == SERVER_UPLOADED)
		request_end_upload(q);
	if (q->r.what == SERVER_DOWNLOAD)
		request_answer_download(q);
	if (q->answered)
		return queue(q);
	if (q->file && q->r.what == SERVER_FILE) {
		q->seen = false;
		request_answer_page(q);
		drop_body(q);
		return queue(q);
	}
	q->r.body = q->body.mem ? buf_str(&q->body) : STR("");
	q->seen = true;
	timer_stop(&q->conn->look); /* our turn */
	q->server->c.request(q->server->c.arg, &q->r);
	q->r.body = STR("");
	drop_body(q);
	if (q->answered)
		return queue(q);
	q->server->fresh = true;
	return MHD_YES;
}

/* --- a request comes in --- */

static struct conn *conn_of(struct MHD_Connection *mhd)
{
	return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static struct request *request_new(struct server *s, struct MHD_Connection *mhd)
{
	struct request *q = mem_zalloc(sizeof(*q));

	q->server = s;
	q->mhd = mhd;
	q->conn = conn_of(mhd);
	q->r.local = s->c.local;
	q->r.tls = s->c.tls;
	list_append(&s->requests, &q->node);
	buf_init(&q->body, LIMIT_XML_BODY);
	return q;
}

/* The first call, with the headers. What is refused is answered when its body has been read,
 * because most clients look for the answer only then; but not an endless one, nor one whose end
 * is not clear, nor one whose client waits for "100 Continue". */
static enum MHD_Result begin(struct request *q, const char *path, const char *method)
{
	uint64_t size = head_length(q->mhd);
	const char *session = head_cookie(q->mhd, CONSOLE_COOKIE),
		   *csrf = head_value(q->mhd, "X-CSRF-Token");

	q->r.session = str_z(session ? session : "");
	q->r.csrf = str_z(csrf ? csrf : "");
	look_at_client(q);
	if (q->r.what != SERVER_REFUSED)
		choose_route(q, path, method);
	if (q->r.what == SERVER_DOWNLOAD)
		request_choose_upload(q, path, method, size);
	if (!head_is_clear(q->mhd))
		refuse_unclear(q);
	if (q->server->stopping)
		request_refuse(q, 503, "stopping", "the service is being stopped");
	if (q->r.what == SERVER_XML && size > LIMIT_XML_IMPORT)
		refuse_size(q, LIMIT_XML_IMPORT);
	if (q->r.what == SERVER_REFUSED &&
	    (q->last || size > LIMIT_HTTP_DISCARD || head_has(q->mhd, "Expect")))
		return hand_over(q);
	allow(q->conn, q->upload || size < LIMIT_XML_BODY ? size : LIMIT_XML_BODY);
	return MHD_YES;
}

/* Is there room for a piece in the body? importconfig may have a larger one: its name has come by
 * then, or a document that hides it behind so much is no honest one. */
static bool fits(struct request *q, size_t n)
{
	if (n <= buf_room(&q->body))
		return true;
	if (q->large || !command_nests(xml_root(buf_str(&q->body)))) {
		refuse_size(q, q->large ? LIMIT_XML_IMPORT : LIMIT_XML_BODY);
		return false;
	}
	if (q->server->large == LIMIT_HTTP_LARGE)
		return false;
	q->large = true;
	q->server->large++;
	q->body.max = LIMIT_XML_IMPORT;
	allow(q->conn, LIMIT_XML_IMPORT);
	return true;
}

/* A piece of the body. Memory grows with what has come, not with what was announced. */
static enum MHD_Result take(struct request *q, struct str piece)
{
	struct server *s = q->server;
	size_t n;
	bool taken;

	if (q->r.what == SERVER_UPLOADED) {
		request_take_upload(q, piece);
		return MHD_YES;
	}
	if (q->r.what != SERVER_XML && q->r.what != SERVER_LOGIN) {
		q->discarded += piece.n;
		return q->discarded <= LIMIT_HTTP_DISCARD ? MHD_YES : MHD_NO;
	}
	taken = fits(q, piece.n);
	if (q->r.what == SERVER_REFUSED)
		return MHD_YES;
	s->bodies -= q->body.cap;
	n = buf_len(&q->body) + piece.n;
	taken = taken && (n <= LIMIT_HTTP_SMALL || s->bodies + n <= LIMIT_HTTP_BODIES) &&
		buf_add(&q->body, piece) == 0;
	s->bodies += q->body.cap;
	if (!taken)
		request_refuse(q, 503, "busy", "too many large requests at once; try again");
	return MHD_YES;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *mhd, const char *path,
				 const char *method, const char *version,
				 const char *data, size_t *n, void **cls)
{
	struct request *q = *cls;
	struct str piece = { data, *n };

	(void)version;
	if (!q) {
		*cls = q = request_new(arg, mhd);
		return begin(q, path, method);
	}
	*n = 0;
	if (piece.n > 0)
		return take(q, piece);
	if (!q->seen)
		return hand_over(q);
	return q->answered ? queue(q) : MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **cls,
			 enum MHD_RequestTerminationCode why)
{
	struct request *q = *cls;
	struct server *s = arg;

	(void)mhd;
	(void)why;
	if (!q)
		return;
	*cls = NULL;
	begin_to(q->conn, true, 0); /* the next one */
	if (q->seen)
		s->c.gone(s->c.arg, &q->r);
	list_remove(&q->node);
	if (q->response)
		MHD_destroy_response(q->response);
	request_drop_upload(q);
	drop_body(q);
	free(q);
}

/* --- the loop --- */

static void turn(struct server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(s->daemon);
	if (s->fresh)
		suspend_held(s);
	if (MHD_get_timeout(s->daemon, &ms) == MHD_YES)
		timer_set(&s->timer, ms < TIMEOUT_HTTP_S * 1000 ? (int64_t)ms : TIMEOUT_HTTP_S * 1000);
	else
		timer_stop(&s->timer);
}

static void on_ready(struct watch *w, unsigned what)
{
	(void)what;
	turn(container_of(w, struct server, watch));
}

static void on_time(struct timer *t)
{
	turn(container_of(t, struct server, timer));
}

static void on_again(struct deferred *d)
{
	turn(container_of(d, struct server, again));
}

static struct conn *conn_new(struct server *s, struct MHD_Connection *mhd)
{
	struct conn *c = mem_zalloc(sizeof(*c));

	c->server = s;
	c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	timer_init(&c->look, s->c.loop, on_look);
	begin_to(c, true, 0);
	return c;
}

/* At its limit of connections the daemon leaves the listening socket alone, and looks at it again
 * only in the run behind the one that closes a connection. */
static void on_connection(void *arg, struct MHD_Connection *mhd, void **socket,
			  enum MHD_ConnectionNotificationCode what)
{
	struct server *s = arg;
	struct conn *c = *socket;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket = conn_new(s, mhd);
		return;
	}
	timer_stop(&c->look);
	free(c);
	*socket = NULL;
	if (!s->stopping)
		loop_defer(s->c.loop, &s->again);
}

/* Strangers cause most of what the library says. true: this line may be said. */
static bool may_log(struct server *s)
{
	int64_t now = clock_mono_ms();

	if (now - s->log_since >= 60000) {
		if (s->logged > LIMIT_HTTP_LOG)
			log_info("http: %u more lines left out", s->logged - LIMIT_HTTP_LOG);
		s->log_since = now;
		s->logged = 0;
	}
	return ++s->logged <= LIMIT_HTTP_LOG;
}

static void on_log(void *arg, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
static void on_log(void *arg, const char *fmt, va_list ap)
{
	char text[512];
	struct str s;

	if (!may_log(arg))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	s = str_trim(str_z(text));
	log_info("http: %.*s", STR_ARG(s));
}

static struct MHD_Daemon *daemon_new(struct server *s)
{
	/* MHD_OPTION_STRICT_FOR_CLIENT stays at its default: above it the library wants a Host
	 * field, which the interface promises not to. */
	struct MHD_OptionItem options[] = {
		{ MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, s },
		{ MHD_OPTION_LISTEN_SOCKET, s->c.fd, NULL },
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, s },
		{ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, s },
		{ MHD_OPTION_CONNECTION_LIMIT, LIMIT_HTTP_CONNECTIONS, NULL },
		{ MHD_OPTION_PER_IP_CONNECTION_LIMIT, LIMIT_HTTP_PER_ADDRESS, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_HTTP_S, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, LIMIT_HTTP_MEMORY, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

	if (!s->c.tls)
		return MHD_start_daemon(flags, 0, NULL, NULL, on_access, s,
					MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	return MHD_start_daemon(flags | MHD_USE_TLS, 0, NULL, NULL, on_access, s, MHD_OPTION_ARRAY,
				options, MHD_OPTION_HTTPS_PRIORITIES, tls_priorities,
				MHD_OPTION_HTTPS_CERT_CALLBACK2, tls_certificate, MHD_OPTION_END);
}

int server_start(struct server **out, const struct server_config *c, struct err *e)
{
	struct server *s = mem_zalloc(sizeof(*s));
	const union MHD_DaemonInfo *info;

	s->c = *c;
	if (c->files)
		server_clean_uploads(c->files);
	list_init(&s->requests);
	if (fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK) == 0)
		s->daemon = daemon_new(s);
	if (!s->daemon) {
		close(c->fd);
		free(s);
		return err_set(e, "cannot serve HTTP");
	}
	info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	watch_init(&s->watch, c->loop, info->epoll_fd, on_ready);
	watch_set(&s->watch, WATCH_READ);
	timer_init(&s->timer, c->loop, on_time);
	deferred_init(&s->again, on_again);
	*out = s;
	return 0;
}

static void answer_held(struct server *s)
{
	struct list *n, *tmp;

	list_each(&s->requests, n, tmp) {
		struct request *q = container_of(n, struct request, node);

		if (q->seen && !q->answered)
			server_answer(&q->r, 503, "text/plain", STR("stopping\n"), 0);
	}
}

void server_stop(struct server **out)
{
	struct server *s = *out;

	if (!s)
		return;
	s->stopping = true;
	MHD_quiesce_daemon(s->daemon);
	answer_held(s);
	for (int i = 0; i < LAST_RUNS; i++)
		MHD_run(s->daemon);
	watch_set(&s->watch, 0);
	timer_stop(&s->timer);
	deferred_cancel(&s->again);
	MHD_stop_daemon(s->daemon);
	close(s->c.fd);
	free(s);
	*out = NULL;
}
