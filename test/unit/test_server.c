/* server: HTTP as clients speak it, well and badly, and its limits. */
#include "admin/server.c"

#include "unit/http_rig.h"

START_TEST(one_request)
{
	struct client c;
	struct reply r;

	client_tcp(&c, port);
	for (int i = 0; i < 3; i++) { /* on one connection */
		client_post(&c, "<echo><query>a &lt; b</query>" KEY "</echo>");
		r = client_reply(&c);
		ck_assert_int_eq(r.status, 200);
		ck_assert_str_eq(header(&r, "Content-Type"), "text/xml; charset=utf-8");
		ck_assert_str_eq(header(&r, "Cache-Control"), "no-store");
		ck_assert_str_eq(header(&r, "X-Content-Type-Options"), "nosniff");
		ck_assert_str_eq(r.body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<response>\n"
					 "  <command>echo</command>\n  <status>ok</status>\n"
					 "  <value>a &lt; b</value>\n</response>\n");
		free(r.body);
	}
	client_close(&c);
}
END_TEST

#define BODY "<echo><query>v</query>" KEY "</echo>" /* 65 bytes */

static const struct {
	const char *request;
	int status;
	const char *has, *allow;
} requests[] = {
	/* as small as clients get */
	{ "POST /xml HTTP/1.0\r\ncontent-length: 65\r\n\r\n" BODY, 200, "<value>v</value>", NULL },
	{ "POST /xml HTTP/1.1\r\ncontent-length: 65\r\n\r\n" BODY, 200, "<value>v</value>", NULL },
	{ "POST /xml HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 65\r\n\r\n" BODY,
	  200, "<value>v</value>", NULL },
	{ "POST /xml?a=b HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n" BODY, 200, NULL, NULL },
	{ "POST /xml HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	  "5\r\n<echo\r\n3c\r\n><query>v</query>" KEY "</echo>\r\n0\r\n\r\n",
	  200, "<value>v</value>", NULL },
	{ "POST /xml HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 65\r\n\r\n" BODY,
	  200, NULL, NULL },
	/* no documents */
	{ "POST /xml HTTP/1.0\r\n\r\n", 400, "<code>malformed</code>", NULL },
	{ "POST /xml HTTP/1.0\r\ncontent-length: 0\r\n\r\n", 400, "<code>malformed</code>", NULL },
	{ "POST /xml HTTP/1.0\r\ncontent-length: 5\r\n\r\n<echo", 400, "<code>malformed</code>", NULL },
	{ "POST /xml HTTP/1.0\r\ncontent-length: 22\r\n\r\n<echo><a/><a/></echo>\n", 400,
	  "<command>echo</command>", NULL },
	/* methods and paths */
	{ "GET /xml HTTP/1.1\r\nHost: a\r\n\r\n", 405, "<code>method_not_allowed</code>", "POST" },
	{ "PUT /xml HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 405, NULL, "POST" },
	{ "OPTIONS /xml HTTP/1.1\r\nHost: a\r\n\r\n", 405, NULL, "POST" },
	{ "BREW /xml HTTP/1.1\r\nHost: a\r\n\r\n", 405, NULL, "POST" },
	{ "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 405, NULL, "GET, HEAD" },
	{ "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200, "ok\n", NULL },
	{ "GET /none HTTP/1.1\r\nHost: a\r\n\r\n", 404, "<code>not_found</code>", NULL },
	{ "POST /xml/ HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n" BODY, 404, NULL, NULL },
	{ "POST /XML HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n" BODY, 404, NULL, NULL },
	{ "POST /../xml HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n" BODY, 404, NULL, NULL },
	{ "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 65\r\n\r\n",
	  404, NULL, NULL },
	/* not HTTP: the connection ends, whatever is said */
	{ "POST /xml HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, NULL, NULL },
	{ "POST /xml HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
	  413, NULL, NULL },
};

START_TEST(http)
{
	struct reply r = ask_raw(str_z(requests[_i].request));

	ck_assert_msg(r.status == requests[_i].status, "%s -> %d", requests[_i].request, r.status);
	if (requests[_i].has)
		ck_has(r, requests[_i].has);
	if (requests[_i].allow)
		ck_assert_str_eq(header(&r, "Allow"), requests[_i].allow);
	free(r.body);
	ask("<echo><query>still there</query>" KEY "</echo>", 200, "still there");
}
END_TEST

/* A proxy in front might have seen another end: nothing behind it is taken for a request. */
START_TEST(unclear_lengths)
{
	static const char *const fields[] = {
		"Content-Length: 0\r\nContent-Length: 65",
		"Content-Length: 0\r\nContent-Length: 0",
		"Content-Length: 0\r\nTransfer-Encoding: chunked",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
		"Transfer-Encoding : chunked",
		"Content-Length\t: 65",
	};
	char text[1024];
	struct client c;

	snprintf(text, sizeof(text), "POST /xml HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n"
		 "POST /xml HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n" BODY, fields[_i]);
	client_tcp(&c, port);
	client_send(&c, str_z(text));
	expect(client_reply(&c), 400, "<code>malformed</code>");
	ck_assert_int_eq(client_reply(&c).status, 0);
	client_close(&c);
}
END_TEST

/* Clients that read to the end of the connection get there at once. */
START_TEST(end_of_connection)
{
	static const struct {
		const char *request;
		bool half_close;
	} bare[] = {
		{ "POST /xml HTTP/1.0\r\ncontent-length: 65\r\n\r\n" BODY, false },
		{ "POST /xml HTTP/1.1\r\ncontent-length: 65\r\n\r\n" BODY, false },
		{ "POST /xml HTTP/1.1\r\ncontent-length: 65\r\n\r\n" BODY, true },
		{ "POST /xml HTTP/1.1\r\nHost: a\r\ncontent-length: 65\r\n\r\n" BODY, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(bare); i++) {
		struct client c;

		client_tcp(&c, port);
		/* Both before the server looks. */
		ck_assert_int_gt(send(c.fd, bare[i].request, strlen(bare[i].request), 0), 0);
		if (bare[i].half_close)
			ck_assert_int_eq(shutdown(c.fd, SHUT_WR), 0);
		expect(client_reply(&c), 200, "<value>v</value>");
		ck_assert_int_eq(client_reply(&c).status, 0);
		client_close(&c);
	}
}
END_TEST

START_TEST(byte_by_byte)
{
	const char *text = requests[0].request;
	struct client c;

	client_tcp(&c, port);
	for (size_t i = 0; text[i]; i++) {
		client_send(&c, (struct str){ text + i, 1 });
		loop_turn(loop);
	}
	answered(&c, 200, "<value>v</value>");
}
END_TEST

/* A document of n bytes: blanks behind the root. */
static char *padded(size_t n)
{
	char *text = mem_alloc(n + 1);

	memset(text, '\n', n);
	memcpy(text, BODY, strlen(BODY));
	text[n] = '\0';
	return text;
}

START_TEST(body_limit)
{
	char *fits = padded(LIMIT_XML_BODY), *not = padded(LIMIT_XML_BODY + 1);
	char *never = padded(LIMIT_XML_IMPORT + 1); /* all of it is read, or its sender hears nothing */

	ask(fits, 200, "<value>v</value>");
	ask(not, 413, "the body is larger than 1048576 bytes (importconfig: 16777216)");
	ask(never, 413, "the body is larger than 16777216 bytes");
	free(fits);
	free(not );
	free(never);
}
END_TEST

/* An importconfig of n bytes, with this in front. */
static char *import_of(const char *front, size_t n)
{
	char *text = mem_alloc(n + 1);
	int head = snprintf(text, n, "%s<importconfig>" KEY "</importconfig>", front);

	memset(text + head, '\n', n - (size_t)head);
	text[n] = '\0';
	return text;
}

/* One command may have more, however it begins. */
START_TEST(body_limit_of_import)
{
	static const char *const fronts[] = { "", "\n\n<?xml version=\"1.0\"?>\n<!-- a > b -->\n" };
	char *text;

	for (size_t i = 0; i < ARRAY_LEN(fronts); i++) {
		text = import_of(fronts[i], LIMIT_XML_IMPORT);
		ask(text, 200, "<command>importconfig</command>");
		free(text);
		text = import_of(fronts[i], LIMIT_XML_BODY + 1);
		ask(text, 200, NULL);
		free(text);
	}
	ck_assert_uint_eq(ran, 4);
	text = import_of("", LIMIT_XML_IMPORT + 1);
	ask(text, 413, "the body is larger than 16777216 bytes<");
	free(text);
	text = import_of("<echo>", LIMIT_XML_BODY + 1); /* not its root */
	ask(text, 413, "larger than 1048576 bytes");
	free(text);
	ck_assert_uint_eq(ran, 4);
}
END_TEST

/* More large ones at once than there is room for: the others go on. */
START_TEST(large_bodies_together)
{
	struct client c[LIMIT_HTTP_LARGE + 1];
	char *text = import_of("", LIMIT_XML_IMPORT), head[128];
	struct str almost = { text, LIMIT_XML_IMPORT - 1 };

	snprintf(head, sizeof(head), "POST /xml HTTP/1.1\r\nContent-Length: %u\r\n\r\n",
		 LIMIT_XML_IMPORT);
	for (size_t i = 0; i < ARRAY_LEN(c); i++) {
		client_tcp(&c[i], port);
		client_send(&c[i], str_z(head));
		client_send(&c[i], almost);
		ck_assert(client_waits(&c[i]));
	}
	ask("<echo><query>v</query>" KEY "</echo>", 200, NULL);
	for (size_t i = ARRAY_LEN(c); i-- > 0;) {
		client_send(&c[i], STR("\n"));
		answered(&c[i], i < LIMIT_HTTP_LARGE ? 200 : 503,
			 i < LIMIT_HTTP_LARGE ? NULL : "<code>busy</code>");
	}
	ask(text, 200, NULL); /* and the room is given back */
	free(text);
}
END_TEST

/* Without a length in front; the answer comes when the client has said all, if it ever does. */
START_TEST(body_limit_chunked)
{
	char *chunk = padded(65536), head[16];
	struct client c;

	snprintf(head, sizeof(head), "%x\r\n", 65536);
	client_tcp(&c, port);
	client_send(&c, STR("POST /xml HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"));
	for (int i = 0; i < 17; i++) {
		client_send(&c, str_z(head));
		client_send(&c, str_z(chunk));
		client_send(&c, STR("\r\n"));
	}
	client_send(&c, STR("0\r\n\r\n"));
	answered(&c, 413, "larger than 1048576 bytes");

	client_tcp(&c, port);
	client_send(&c, STR("POST /xml HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"));
	for (int i = 0; i < 600 && !c.eof; i++) {
		client_send(&c, str_z(head));
		client_send(&c, str_z(chunk));
		client_send(&c, STR("\r\n"));
		client_read(&c);
	}
	ck_assert_int_eq(client_reply(&c).status, 0);
	client_close(&c);
	free(chunk);
}
END_TEST

START_TEST(too_large_is_said_at_once)
{
	expect(ask_raw(STR("POST /xml HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n")),
	       413, "<code>too_large</code>");
	expect(ask_raw(STR("POST /xml HTTP/1.1\r\nContent-Length: 16777217\r\n"
			   "Expect: 100-continue\r\n\r\n")),
	       413, "<code>too_large</code>");
}
END_TEST

/* Strangers who begin many large requests and end none. */
START_TEST(bodies_together)
{
	enum { N = 80 };
	struct client c[N];
	char *most = padded(LIMIT_XML_BODY - 1), *all = padded(LIMIT_XML_BODY);
	unsigned busy = 0, ok = 0;

	for (int i = 0; i < N; i++) {
		client_tcp(&c[i], port);
		client_send(&c[i], STR("POST /xml HTTP/1.1\r\nContent-Length: 1048576\r\n\r\n"));
		client_send(&c[i], str_z(most));
	}
	for (int i = 0; i < N; i++) /* it has read what it ever will */
		ck_assert(client_waits(&c[i]));
	ask(BODY, 200, NULL); /* small ones go on */
	for (int i = 0; i < N; i++) {
		struct reply r;

		client_send(&c[i], STR("\n"));
		r = client_reply(&c[i]);
		ok += r.status == 200;
		busy += r.status == 503 && strstr(r.body, "<code>busy</code>");
		free(r.body);
		client_close(&c[i]);
	}
	ck_assert_uint_eq(ok + busy, N);
	ck_assert_uint_le(ok, LIMIT_HTTP_BODIES / LIMIT_XML_BODY);
	ck_assert_uint_gt(busy, 0);
	ask(all, 200, NULL); /* and all is given back */
	free(most);
	free(all);
}
END_TEST

/* One address has a share; more connections than there are places wait in the kernel. The local
 * socket has places of its own. */
START_TEST(connection_limit)
{
	static struct client c[LIMIT_HTTP_CONNECTIONS];
	struct client late;

	for (int i = 0; i < LIMIT_HTTP_CONNECTIONS; i++) {
		client_from(&c[i], port, i < LIMIT_HTTP_PER_ADDRESS ? 1 : 2);
		client_send(&c[i], STR("POST"));
		if (i != LIMIT_HTTP_PER_ADDRESS)
			continue;
		client_tcp(&late, port);
		ck_assert_int_eq(client_reply(&late).status, 0); /* closed */
		client_close(&late);
	}
	client_from(&late, port, 3);
	client_post(&late, BODY);
	ck_assert(client_waits(&late));
	for (int i = 0; i < LIMIT_HTTP_CONNECTIONS; i++)
		client_close(&c[i]);
	answered(&late, 200, NULL);
}
END_TEST

/* --- clients that stall --- */

#define DEADLINE 100 /* ms */

static void start_with_deadline(int64_t ms)
{
	admin_stop(&admin);
	unlink(socket_path);
	deadline_ms = ms;
	start(600000);
}

/* what comes at once, what then comes byte by byte for ever, the answers before it ends */
static const struct {
	const char *first, *drip;
	unsigned answers;
} stalls[] = {
	{ "", "", 0 },
	{ "POST /x", "ml", 0 },
	{ "POST /xml HTTP/1.1\r\nHost: a\r\nA: ", "b", 0 },
	{ "POST /xml HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", "\n", 0 },
	{ "POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", "\n", 0 },
	{ "POST /xml HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
	  "1\r\n\n\r\n", 0 },
	{ "GET /x HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\nGET", "x", 2 },
};

START_TEST(stalls_in_a_request)
{
	const char *at = stalls[_i].drip;
	struct client c;
	unsigned answers = 0;
	int64_t begin;

	start_with_deadline(DEADLINE);
	client_tcp(&c, port);
	begin = clock_mono_ms();
	client_send(&c, str_z(stalls[_i].first));
	for (int i = 0; !c.eof; i++) {
		struct reply r;

		ck_assert_int_lt(i, PATIENCE);
		usleep(1000);
		loop_turn(loop);
		if (*at && send(c.fd, at, 1, MSG_NOSIGNAL) == 1)
			at = at[1] ? at + 1 : stalls[_i].drip;
		client_read(&c);
		while (reply_take(&c, &r)) {
			free(r.body);
			answers++;
		}
	}
	ck_assert_uint_eq(answers, stalls[_i].answers);
	ck_assert_int_ge(clock_mono_ms() - begin, DEADLINE - 5);
	client_close(&c);
	ask(BODY, 200, NULL);
}
END_TEST

/* Before the library has seen a request, or knows that there will be one. */
START_TEST(stalls_in_a_handshake)
{
	char cert[96], key[96], command[512];
	struct tls_files files = { cert, key };
	struct client c;
	unsigned sent = 0;

	snprintf(cert, sizeof(cert), "%s/crt", dir);
	snprintf(key, sizeof(key), "%s/key", dir);
	snprintf(command, sizeof(command), "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=a "
		 "-keyout %s -out %s 2>/dev/null", key, cert);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(tls_load(&files, &err), 0);
	over_tls = true;
	start_with_deadline(DEADLINE);
	client_tcp(&c, port);
	client_send(&c, (struct str){ "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9 });
	while (!c.eof) {
		ck_assert_uint_lt(sent, PATIENCE);
		usleep(1000);
		loop_turn(loop);
		sent += send(c.fd, "\x03", 1, MSG_NOSIGNAL) == 1;
		client_read(&c);
	}
	ck_assert_uint_gt(sent, 10);
	ck_assert_uint_eq(buf_len(&c.in), 0);
	client_close(&c);
	tls_forget();
}
END_TEST

/* An answer that nobody reads, or somebody by drops, is taken back. */
START_TEST(stalls_in_an_answer)
{
	struct client c;
	size_t got = 0;

	start_with_deadline(DEADLINE);
	client_tcp(&c, port);
	client_post(&c, "<echo><query>v</query><offset>1000000</offset>" KEY "</echo>");
	for (int64_t end = clock_mono_ms() + 30 * DEADLINE; clock_mono_ms() < end;) {
		char some[100];
		ssize_t n = _i ? recv(c.fd, some, sizeof(some), 0) : 0;

		got += n > 0 ? (size_t)n : 0;
		usleep(1000);
		loop_turn(loop);
	}
	while (!c.eof) {
		got += buf_len(&c.in);
		buf_consume(&c.in, buf_len(&c.in));
		client_read(&c);
		loop_turn(loop);
	}
	got += buf_len(&c.in);
	ck_assert_uint_lt(got, 1000000 * strlen("<value>v</value>"));
	ck_assert_uint_gt(got, 0);
	client_close(&c);
	ask(BODY, 200, NULL);
}
END_TEST

/* Who waits for us has all the time that we take, and then a new deadline. */
START_TEST(no_deadline_while_it_waits)
{
	struct client c;

	start_with_deadline(DEADLINE);
	ask_later(&c, "<green>" KEY "<clusterid>C</clusterid><boxid>B</boxid></green>");
	for (int i = 0; i < 2 * DEADLINE; i++) {
		usleep(1000);
		loop_turn(loop);
	}
	confirm(0);
	confirm(1);
	admin_bell(admin);
	answered(&c, 200, NULL);
}
END_TEST

/* Large bodies have time enough to come slowly. */
START_TEST(deadline_grows_with_the_body)
{
	char *text = import_of("", LIMIT_XML_IMPORT);
	struct str left = { text, LIMIT_XML_IMPORT };
	struct client c;
	char head[128];
	int64_t begin = clock_mono_ms();

	start_with_deadline(1000);
	client_tcp(&c, port);
	snprintf(head, sizeof(head), "POST /xml HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", left.n);
	client_send(&c, str_z(head));
	for (; left.n > 0; left = str_skip(left, 1 << 20)) {
		client_send(&c, (struct str){ left.p, 1 << 20 });
		for (int i = 0; i < 75; i++) {
			usleep(1000);
			loop_turn(loop);
		}
	}
	answered(&c, 200, NULL);
	ck_assert_int_gt(clock_mono_ms() - begin, 1000);
	free(text);
}
END_TEST

/* Those that speak no HTTP fill no disk. */
START_TEST(log_is_bounded)
{
	unsigned lines = 0;

	for (int i = 0; i < 3 * LIMIT_HTTP_LOG; i++) {
		struct reply r = ask_raw(STR("GET /xml HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n"));

		free(r.body);
	}
	for (const char *at = log_text(); (at = strstr(at, "http: ")); at++)
		lines++;
	ck_assert_uint_le(lines, LIMIT_HTTP_LOG);
}
END_TEST

START_TEST(pages_for_some)
{
	struct client c;

	ranges_free(&readers);
	ck_assert_int_eq(ranges_parse(STR("10.0.0.0/8"), &readers, &err), 0);
	expect(ask_raw(STR("GET /healthz HTTP/1.0\r\n\r\n")), 403, "<code>not_allowed</code>");
	expect(ask_raw(STR("GET /metrics HTTP/1.0\r\n\r\n")), 403, "<code>not_allowed</code>");
	expect(ask_raw(STR("POST /metrics HTTP/1.0\r\n\r\n")), 403, NULL);
	ask(BODY, 200, NULL);
	client_unix(&c, socket_path);
	client_send(&c, STR("GET /healthz HTTP/1.0\r\n\r\n"));
	answered(&c, 200, "ok\n");
}
END_TEST

static void say_who(void *arg, struct server_request *r)
{
	char who[32];

	(void)arg;
	snprintf(who, sizeof(who), "%d %d", r->local, r->uid);
	server_answer(r, 200, "text/plain", str_z(who), 0);
}

static void is_gone(void *arg, struct server_request *r)
{
	(void)arg;
	(void)r;
}

/* A server of our own in the place of admin's. */
START_TEST(who_asks)
{
	struct server_config conf = { .loop = loop, .request = say_who, .gone = is_gone };
	struct server *s[2];
	struct client c;
	char want[32];

	strcat(socket_path, "2");
	conf.fd = listen_tcp();
	ck_assert_int_eq(server_start(&s[0], &conf, &err), 0);
	conf.fd = listen_unix();
	conf.local = true;
	ck_assert_int_eq(server_start(&s[1], &conf, &err), 0);
	expect(ask_raw(STR("POST /xml HTTP/1.0\r\n\r\n")), 200, "0 -1");
	client_unix(&c, socket_path);
	client_send(&c, STR("POST /xml HTTP/1.0\r\n\r\n"));
	snprintf(want, sizeof(want), "1 %d", (int)geteuid());
	answered(&c, 200, want);
	server_stop(&s[0]);
	server_stop(&s[1]);
}
END_TEST

START_TEST(large_answer)
{
	struct client c;
	struct reply r;

	client_tcp(&c, port);
	client_post(&c, "<echo><query>v</query><offset>500000</offset>" KEY "</echo>");
	r = client_reply(&c);
	ck_assert_int_eq(r.status, 200);
	ck_assert_uint_gt(r.n, 500000 * strlen("<value>v</value>"));
	ck_assert_str_eq(r.body + r.n - strlen("</response>\n"), "</response>\n");
	free(r.body);
	client_close(&c);
}
END_TEST

/* Its end comes together with its last bytes, and is not told again. */
START_TEST(client_goes_with_its_last_bytes)
{
	static const char *const texts[] = {
		"POST /xml HTTP/1.1\r\nContent-Length: 100\r\n\r\n<addnewemail>", "POST",
	};
	struct client c;

	start_with_deadline(600000);
	client_tcp(&c, port);
	ck_assert_int_gt(send(c.fd, texts[_i], strlen(texts[_i]), 0), 0);
	ck_assert_int_eq(shutdown(c.fd, SHUT_WR), 0);
	expect(client_reply(&c), 0, NULL); /* closed long before any deadline */
	client_close(&c);
}
END_TEST

START_TEST(client_goes_in_its_body)
{
	struct client c;

	client_tcp(&c, port);
	client_send(&c, STR("POST /xml HTTP/1.1\r\nContent-Length: 100\r\n\r\n<addnewemail>"));
	client_close(&c);
	for (int i = 0; i < 50; i++)
		loop_turn(loop);
	ask("<echo><query>v</query>" KEY "</echo>", 200, NULL);
	ck_assert_uint_eq(ran, 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, http, 0, ARRAY_LEN(requests));
	tcase_add_test(t, one_request);
	tcase_add_loop_test(t, unclear_lengths, 0, 6);
	tcase_add_test(t, end_of_connection);
	tcase_add_test(t, byte_by_byte);
	tcase_add_test(t, body_limit);
	tcase_add_test(t, body_limit_of_import);
	tcase_add_test(t, large_bodies_together);
	tcase_add_test(t, body_limit_chunked);
	tcase_add_test(t, too_large_is_said_at_once);
	tcase_add_test(t, bodies_together);
	tcase_add_test(t, connection_limit);
	tcase_add_loop_test(t, stalls_in_a_request, 0, ARRAY_LEN(stalls));
	tcase_add_test(t, stalls_in_a_handshake);
	tcase_add_loop_test(t, stalls_in_an_answer, 0, 2);
	tcase_add_test(t, no_deadline_while_it_waits);
	tcase_add_test(t, deadline_grows_with_the_body);
	tcase_add_test(t, log_is_bounded);
	tcase_add_test(t, pages_for_some);
	tcase_add_test(t, who_asks);
	tcase_add_test(t, large_answer);
	tcase_add_test(t, client_goes_in_its_body);
	tcase_add_loop_test(t, client_goes_with_its_last_bytes, 0, 2);
	return http_rig_run(t, "server");
}
