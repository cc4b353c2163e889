#include "cmd/pbctl/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#include "lib/base/clock.h"
#include "lib/base/limits.h"

#define HTTP_PORT "8080" /* -http of protobalance when it is not given */

/* One request at a time goes over each. */
struct line {
	CURL *curl;
	struct buf in;
	bool too_long, busy;
	char said[CURL_ERROR_SIZE];
};

struct http {
	struct http_target t;
	char *url;	   /* libcurl's */
	char *host, *port; /* libcurl's; of -url */
	char socket[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	CURLM *multi;
	struct line first, second;
	struct curl_slist *fields;
	size_t most; /* bytes of an answer */
};

/* --- where to --- */

static int socket_path(struct http *h, struct err *e)
{
	int n = snprintf(h->socket, sizeof(h->socket), "%s/admin.sock", h->t.dir);

	if (n < 0 || (size_t)n >= sizeof(h->socket))
		return err_set(e, "%s: longer than the path of a socket may be", h->t.dir);
	return 0;
}

/* Parts that the URL of a service has not. */
static bool has_more(CURLU *u)
{
	static const CURLUPart parts[] = { CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS,
					   CURLUPART_QUERY, CURLUPART_FRAGMENT };
	bool more = false;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		char *text = NULL;

		more |= curl_url_get(u, parts[i], &text, 0) == CURLUE_OK;
		curl_free(text);
	}
	return more;
}

static bool is_part(CURLU *u, CURLUPart part, const char *one, const char *other)
{
	char *text = NULL;
	bool is = curl_url_get(u, part, &text, 0) == CURLUE_OK &&
		  (strcmp(text, one) == 0 || strcmp(text, other) == 0);

	curl_free(text);
	return is;
}

static int url_parse(struct http *h, struct err *e)
{
	CURLU *u = curl_url();
	char *port = NULL;
	int rc = -1;

	if (u && curl_url_set(u, CURLUPART_URL, h->t.url, 0) == CURLUE_OK && !has_more(u) &&
	    is_part(u, CURLUPART_SCHEME, "http", "https") && is_part(u, CURLUPART_PATH, "/", "/xml"))
		rc = 0;
	if (rc == 0 && curl_url_get(u, CURLUPART_PORT, &port, 0) == CURLUE_NO_PORT)
		rc = curl_url_set(u, CURLUPART_PORT, HTTP_PORT, 0) == CURLUE_OK ? 0 : -1;
	curl_free(port);
	if (rc == 0 && (curl_url_set(u, CURLUPART_PATH, "/xml", 0) != CURLUE_OK ||
			curl_url_get(u, CURLUPART_HOST, &h->host, 0) != CURLUE_OK ||
			curl_url_get(u, CURLUPART_PORT, &h->port, 0) != CURLUE_OK ||
			curl_url_get(u, CURLUPART_URL, &h->url, 0) != CURLUE_OK))
		rc = -1;
	curl_url_cleanup(u);
	return rc ? err_set(e, "%s: not of the form http://host[:port] or https://host[:port]",
			    h->t.url) :
		    0;
}

/* --- a line --- */

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's form */
static size_t on_bytes(char *p, size_t one, size_t n, void *arg)
{
	struct line *l = arg;

	if (buf_add(&l->in, (struct str){ p, one * n }) == 0)
		return one * n;
	l->too_long = true;
	return 0;
}

/* Libcurl ends what moves less than that many bytes a second for so long. */
static void line_patience(struct line *l, long connect_ms, long silent_s)
{
	curl_easy_setopt(l->curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
	curl_easy_setopt(l->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(l->curl, CURLOPT_LOW_SPEED_TIME, silent_s);
}

static void line_options(struct http *h, struct line *l)
{
	curl_easy_setopt(l->curl, CURLOPT_URL, h->url ? h->url : "http://localhost/xml");
	if (!h->url)
		curl_easy_setopt(l->curl, CURLOPT_UNIX_SOCKET_PATH, h->socket);
	curl_easy_setopt(l->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(l->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(l->curl, CURLOPT_NOSIGNAL, 1L);
	line_patience(l, TIMEOUT_PBCTL_CONNECT_MS, TIMEOUT_PBCTL_S);
	if (h->t.cacert)
		curl_easy_setopt(l->curl, CURLOPT_CAINFO, h->t.cacert);
	curl_easy_setopt(l->curl, CURLOPT_HTTPHEADER, h->fields);
	curl_easy_setopt(l->curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(l->curl, CURLOPT_WRITEDATA, l);
	curl_easy_setopt(l->curl, CURLOPT_ERRORBUFFER, l->said);
}

static void line_open(struct http *h, struct line *l)
{
	l->curl = curl_easy_init();
	if (!l->curl)
		bug("out of memory (libcurl)");
	line_options(h, l);
}

static void line_start(struct http *h, struct line *l, struct str document)
{
	buf_release(&l->in);
	buf_init(&l->in, h->most);
	l->too_long = false;
	l->busy = true;
	l->said[0] = '\0';
	curl_easy_setopt(l->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)document.n);
	curl_easy_setopt(l->curl, CURLOPT_POSTFIELDS, document.p);
	if (curl_multi_add_handle(h->multi, l->curl) != CURLM_OK)
		bug("libcurl takes no request");
}

static void line_stop(struct http *h, struct line *l)
{
	if (l->busy)
		curl_multi_remove_handle(h->multi, l->curl);
	l->busy = false;
}

/* --- what went wrong, for people --- */

static const struct {
	CURLcode code;
	const char *text; /* behind whom we asked */
} troubles[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, "no host of that name" },
	{ CURLE_COULDNT_CONNECT, "nobody answers there" },
	{ CURLE_GOT_NOTHING, "the connection was closed without an answer" },
	{ CURLE_RECV_ERROR, "the connection broke before the answer was whole" },
	{ CURLE_SEND_ERROR, "the connection broke before the request was sent" },
	{ CURLE_PARTIAL_FILE, "the connection broke before the answer was whole" },
	{ CURLE_SSL_CONNECT_ERROR, "no TLS connection; is it http:// there?" },
	{ CURLE_PEER_FAILED_VERIFICATION, "its certificate is not trusted; -cacert FILE names who signed it" },
	{ CURLE_SSL_CACERT_BADFILE, "the file of -cacert cannot be used" },
	{ CURLE_UNSUPPORTED_PROTOCOL, "what answers is no protobalance" },
	{ CURLE_WEIRD_SERVER_REPLY, "what answers is no protobalance" },
};

static int local_trouble(const struct http *h, CURLcode code, struct err *e)
{
	long number = 0;

	if (code != CURLE_COULDNT_CONNECT)
		return 0;
	curl_easy_getinfo(h->first.curl, CURLINFO_OS_ERRNO, &number);
	errno = (int)number;
	if (errno == EACCES || errno == EPERM)
		return err_errno(e, "%s: only root and the service's own user may ask", h->socket);
	return err_set(e, "no protobalance runs on %s (%s); start it, or say -directory DIR", h->t.dir,
		       strerror(errno));
}

static int timed_out(const struct http *h, const char *whom, struct err *e)
{
	curl_off_t connected = 0;

	curl_easy_getinfo(h->first.curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
	return err_set(e, connected ? "%s: no answer within the time" : "%s: no connection within the time",
		       whom);
}

static int trouble(const struct http *h, CURLcode code, struct err *e)
{
	const char *said = h->first.said[0] ? h->first.said : curl_easy_strerror(code);
	char whom[300];

	snprintf(whom, sizeof(whom), "%s%s%s", h->url ? h->host : h->socket,
		 h->url ? " port " : "", h->url ? h->port : "");
	if (!h->url && local_trouble(h, code, e))
		return -1;
	if (h->first.too_long)
		return err_set(e, "%s: the answer is too long", whom);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return timed_out(h, whom, e);
	if (code == CURLE_GOT_NOTHING && h->url && strncmp(h->url, "http:", 5) == 0)
		return err_set(e, "%s: closed without an answer; is it https:// there?", whom);
	/* libcurl says so in words alone, and these with every library of TLS. */
	if (code == CURLE_PEER_FAILED_VERIFICATION && strstr(said, "subject name"))
		return err_set(e, "%s: its certificate is of another host: the name does not match (%s)",
			       whom, said);
	for (size_t i = 0; i < ARRAY_LEN(troubles); i++)
		if (troubles[i].code == code)
			return err_set(e, "%s: %s (%s)", whom, troubles[i].text, said);
	return err_set(e, "%s: %s", whom, said);
}

/* --- the exchange --- */

/* What has ended: 0: not the first; 1: the first, with its code. */
static int take_ended(struct http *h, const struct http_beside *beside, CURLcode *code)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		if (m->msg != CURLMSG_DONE)
			continue;
		if (m->easy_handle == h->first.curl) {
			*code = m->data.result;
			return 1;
		}
		if (beside && m->data.result == CURLE_OK && h->second.in.mem)
			beside->fn(beside->arg, &h->second.in);
		line_stop(h, &h->second);
	}
	return 0;
}

static CURLcode exchange(struct http *h, const struct http_beside *beside)
{
	int64_t next = beside ? clock_mono_ms() + beside->every_ms : CLOCK_NEVER;
	CURLcode code = CURLE_OK;
	int running;

	while (curl_multi_perform(h->multi, &running) == CURLM_OK && !take_ended(h, beside, &code)) {
		int64_t now = clock_mono_ms();

		if (beside && now >= next) {
			next = now + beside->every_ms;
			if (!h->second.busy)
				line_start(h, &h->second, beside->document);
			continue;
		}
		curl_multi_poll(h->multi, NULL, 0, next - now < 1000 ? (int)(next - now) : 1000, NULL);
	}
	return code;
}

int http_post(struct http *h, struct str document, const struct http_beside *beside,
	      struct http_answer *out, struct err *e)
{
	long status = 0;
	CURLcode code;

	line_start(h, &h->first, document);
	code = exchange(h, beside);
	line_stop(h, &h->second);
	line_stop(h, &h->first);
	if (code != CURLE_OK) {
		buf_release(&h->first.in);
		return trouble(h, code, e);
	}
	curl_easy_getinfo(h->first.curl, CURLINFO_RESPONSE_CODE, &status);
	*out = (struct http_answer){ (unsigned)status, h->first.in };
	buf_init(&h->first.in, 0);
	return 0;
}

/* --- the whole --- */

int http_open(struct http **out, const struct http_target *t, struct err *e)
{
	struct http *h = mem_zalloc(sizeof(*h));

	h->t = *t;
	h->most = LIMIT_XML_ANSWER + (1u << 20); /* and its frame */
	if (t->url ? url_parse(h, e) : socket_path(h, e)) {
		http_close(&h);
		return -1;
	}
	h->multi = curl_multi_init();
	/* A body is not held back until the service has said "100 Continue". */
	h->fields = curl_slist_append(NULL, "Expect:");
	if (h->fields)
		h->fields = curl_slist_append(h->fields, "Content-Type: text/xml; charset=utf-8");
	if (!h->multi || !h->fields)
		bug("out of memory (libcurl)");
	line_open(h, &h->first);
	line_open(h, &h->second);
	*out = h;
	return 0;
}

void http_patience(struct http *h, unsigned ms)
{
	line_patience(&h->first, ms, (ms + 999) / 1000);
	line_patience(&h->second, ms, (ms + 999) / 1000);
}

void http_close(struct http **out)
{
	struct http *h = *out;

	if (!h)
		return;
	buf_release(&h->first.in);
	buf_release(&h->second.in);
	curl_easy_cleanup(h->first.curl);
	curl_easy_cleanup(h->second.curl);
	curl_multi_cleanup(h->multi);
	curl_slist_free_all(h->fields);
	curl_free(h->url);
	curl_free(h->host);
	curl_free(h->port);
	free(h);
	*out = NULL;
}
