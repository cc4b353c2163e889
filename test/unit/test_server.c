/* server and admin: HTTP as clients speak it, keys and their delays, changes that wait for
 * workers. The dispatcher is the real one, over commands of the test's own; the test plays
 * supervisor and workers. */
#define PB_ADMIN_HANDLERS_H /* instead of handlers.h */
#include "admin/command.h"
#define COMMANDS(X) \
	X(addnewemail, 0, &table_accounts, NULL) \
	X(getemail, COMMAND_READS | COMMAND_SECRETS, NULL, "email_address") \
	X(echo, COMMAND_READS, NULL, "value times") \
	X(green, 0, NULL, "clusterid boxid") \
	X(addcluster, 0, NULL, "clusterid listen_port stubborn")
#define COMMAND_HANDLER(name, flags, table, params) static void cmd_##name(struct call *c);
COMMANDS(COMMAND_HANDLER)

#include "admin/admin.c"
#include "admin/command.c"

#include <check.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "shm/counters.h"
#include "shm/listeners.h"

static struct loop *loop;
#include "unit/http_client.h"

#define KEY "<accesskey>the-right-key</accesskey>"
#define WORKERS 2

static char dir[64], socket_path[96], log_path[96];
static struct store *store;
static struct shm *shm;
static struct admin *admin;
static uint16_t port;
static struct err err;
static unsigned ran; /* calls of handlers that change something */

/* --- the commands --- */

static void cmd_addnewemail(struct call *c)
{
	ran++;
	xml_out_text(&c->body, "email_address", *xml_get(c->req, "email_address"));
}

static void cmd_getemail(struct call *c)
{
	call_fail(c, 404, "no_such_email", "no such email address");
}

static void cmd_echo(struct call *c)
{
	const struct str *times = xml_get(c->req, "times");
	uint64_t n = 1;

	if (times)
		ck_assert_int_eq(str_u64(*times, 0, 1u << 20, &n), 0);
	for (uint64_t i = 0; i < n; i++)
		xml_out_text(&c->body, "value", *xml_get(c->req, "value"));
}

static void cmd_green(struct call *c)
{
	ran++;
	c->publish = true;
}

static void write_cluster(struct str name, int64_t listen_port)
{
	struct cluster c;

	record_defaults(&table_clusters, &c);
	c.clusterid = name;
	c.type = STR("smtp");
	c.listen_port = listen_port;
	ck_assert_int_eq(store_write_begin(store, clock_wall_ms(), &err), 0);
	if (listen_port)
		ck_assert_int_eq(store_put(store, &table_clusters, &c, &err), 0);
	else
		ck_assert_int_eq(store_delete(store, &table_clusters, name, &err), 0);
	ck_assert_int_eq(store_commit(store, &err), 0);
}

static int undo_addcluster(struct call *c, struct err *e)
{
	if (xml_get(c->req, "stubborn"))
		return err_set(e, "no");
	write_cluster(*(struct str *)c->undo_arg, 0);
	return 0;
}

static void cmd_addcluster(struct call *c)
{
	uint64_t p;

	ran++;
	ck_assert_int_eq(str_u64(*xml_get(c->req, "listen_port"), 1, 65535, &p), 0);
	write_cluster(*xml_get(c->req, "clusterid"), (int64_t)p);
	c->publish = true;
	c->undo = undo_addcluster;
	c->undo_arg = arena_alloc(c->arena, sizeof(struct str));
	*(struct str *)c->undo_arg = arena_str(c->arena, *xml_get(c->req, "clusterid"));
}

/* --- the rig --- */

static int listen_tcp(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(fd, 512), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	port = ntohs(sa.sin_port);
	return fd;
}

static int listen_unix(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", socket_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	return fd;
}

/* The right key, stored before admin starts; hashed once for all tests. */
static char hash[AUTH_HASH_TEXT];

static void store_key(const char *name)
{
	struct credential c = { str_z(name), str_z(hash) };

	ck_assert_int_eq(store_write_begin(store, clock_wall_ms(), &err), 0);
	ck_assert_int_eq(store_put(store, &table_credentials, &c, &err), 0);
	ck_assert_int_eq(store_commit(store, &err), 0);
}

/* The supervisor's part. */
static void opened(const char *error)
{
	listeners_answer(shm, listeners_version(shm), error);
}

static void confirm(unsigned slot)
{
	generation_confirm(shm, slot, generation_get(shm));
}

static void start(unsigned patience_ms)
{
	struct admin_config c = { dir, shm, loop, store, listen_tcp(), listen_unix(), patience_ms };

	ck_assert_msg(admin_start(&admin, &c, &err) == 0, "%s", err.text);
	opened("");
	confirm(0);
	confirm(1);
}

/* Wrong keys came from our network before: the next is held back for long enough that no test
 * sees the end of it by accident. */
static void be_suspect(void)
{
	struct ipaddr us;

	ck_assert_int_eq(ip_parse(STR("127.0.0.1"), &us, &err), 0);
	for (int64_t delay = 0; delay < PENALTY_MAX_MS / 2;)
		delay = auth_failed(shm, &us, clock_mono_ms());
}

static void setup(void)
{
	strcpy(dir, "/tmp/pb_test_server.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(socket_path, sizeof(socket_path), "%s/admin.sock", dir);
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	ck_assert_int_eq(log_open(log_path, &err), 0);
	ck_assert_int_eq(store_open(&store, dir, STORE_ACCOUNTS, STORE_WRITE, &err), 0);
	store_key("accesskey");
	store_key("password");
	shm = shm_create(WORKERS);
	slot_enter(shm, 0, ROLE_WORKER, 1000);
	slot_enter(shm, 1, ROLE_WORKER, 1001);
	loop = loop_new();
	ran = 0;
	be_suspect();
	start(600000); /* nothing times out by itself */
}

static void teardown(void)
{
	char command[128];

	admin_stop(&admin);
	loop_free(&loop);
	store_close(&store);
	shm_destroy(&shm);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static unsigned waiting(void)
{
	struct list *n, *tmp;
	unsigned count = 0;

	list_each(&admin->waiting, n, tmp)
		count++;
	return count;
}

static struct exchange *nth(unsigned i)
{
	struct list *n = admin->waiting.next;

	while (i-- > 0)
		n = n->next;
	ck_assert_ptr_ne(n, &admin->waiting);
	return container_of(n, struct exchange, node);
}

/* Time passes for the oldest that waits. */
static void expire(void)
{
	timer_set(&nth(0)->timer, 0);
	loop_turn(loop);
}

static const char *log_text(void)
{
	static char text[65536];
	FILE *f = fopen(log_path, "r");

	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

#define ck_logged(what) ck_assert_msg(strstr(log_text(), what) != NULL, "%s", log_text())
#define ck_not_logged(what) ck_assert_msg(strstr(log_text(), what) == NULL, "%s", log_text())
#define ck_has(r, what) ck_assert_msg((r).body && strstr((r).body, what), "no %s in: %s", what, (r).body)

/* A whole exchange on a connection of its own. */
static struct reply ask_raw(struct str text)
{
	struct client c;
	struct reply r;

	client_tcp(&c, port);
	client_send(&c, text);
	r = client_reply(&c);
	client_close(&c);
	return r;
}

static void expect(struct reply r, int status, const char *has)
{
	ck_assert_msg(r.status == status, "%d: %s", r.status, r.body);
	if (has)
		ck_has(r, has);
	free(r.body);
}

static void ask(const char *xml, int status, const char *has)
{
	struct client c;

	client_tcp(&c, port);
	client_post(&c, xml);
	expect(client_reply(&c), status, has);
	client_close(&c);
}

/* Waits no longer; a connection whose answer is to come later. */
static void ask_later(struct client *c, const char *xml)
{
	client_tcp(c, port);
	client_post(c, xml);
	ck_assert(client_waits(c));
}

static void answered(struct client *c, int status, const char *has)
{
	expect(client_reply(c), status, has);
	client_close(c);
}

#define WRONG_CODE(code) "<status>error</status>\n  <code>" code "</code>"

/* --- HTTP --- */

START_TEST(one_request)
{
	struct client c;
	struct reply r;

	client_tcp(&c, port);
	for (int i = 0; i < 3; i++) { /* on one connection */
		client_post(&c, "<echo><value>a &lt; b</value>" KEY "</echo>");
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

#define BODY "<echo><value>v</value>" KEY "</echo>" /* 65 bytes */

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
	  "5\r\n<echo\r\n3c\r\n><value>v</value>" KEY "</echo>\r\n0\r\n\r\n",
	  200, "<value>v</value>", NULL },
	{ "POST /xml HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 65\r\n\r\n" BODY, 200,
	  NULL, NULL },
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
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 404, "<code>not_found</code>", NULL },
	{ "POST /xml/ HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n" BODY, 404, NULL, NULL },
	{ "POST /XML HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n" BODY, 404, NULL, NULL },
	{ "POST /../xml HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n" BODY, 404, NULL, NULL },
	{ "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 65\r\n\r\n", 404, NULL,
	  NULL },
	/* not HTTP: the connection ends, whatever is said */
	{ "POST /xml HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, NULL, NULL },
	{ "POST /xml HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 413, NULL,
	  NULL },
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
	ask("<echo><value>still there</value>" KEY "</echo>", 200, "still there");
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

	ask(fits, 200, "<value>v</value>");
	ask(not, 413, "<code>too_large</code>");
	free(fits);
	free(not);
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
	answered(&c, 413, "<code>too_large</code>");

	client_tcp(&c, port);
	client_send(&c, STR("POST /xml HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"));
	for (int i = 0; i < 300 && !c.eof; i++) {
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
	expect(ask_raw(STR("POST /xml HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n")), 413,
	       "<code>too_large</code>");
	expect(ask_raw(STR("POST /xml HTTP/1.1\r\nContent-Length: 1048577\r\n"
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

/* More connections wait in the kernel; the socket of this machine has places of its own. */
START_TEST(connection_limit)
{
	static struct client c[LIMIT_HTTP_CONNECTIONS];
	struct client late;

	for (int i = 0; i < LIMIT_HTTP_CONNECTIONS; i++) {
		client_tcp(&c[i], port);
		client_send(&c[i], STR("POST"));
	}
	client_tcp(&late, port);
	client_post(&late, BODY);
	ck_assert(client_waits(&late));
	for (int i = 0; i < LIMIT_HTTP_CONNECTIONS; i++)
		client_close(&c[i]);
	answered(&late, 200, NULL);
}
END_TEST

START_TEST(large_answer)
{
	struct client c;
	struct reply r;

	client_tcp(&c, port);
	client_post(&c, "<echo><value>v</value><times>500000</times>" KEY "</echo>");
	r = client_reply(&c);
	ck_assert_int_eq(r.status, 200);
	ck_assert_uint_gt(r.n, 500000 * strlen("<value>v</value>"));
	ck_assert_str_eq(r.body + r.n - strlen("</response>\n"), "</response>\n");
	free(r.body);
	client_close(&c);
}
END_TEST

/* --- keys --- */

START_TEST(wrong_key)
{
	static const char *const bodies[] = {
		"<addnewemail><email_address>a@b.cc</email_address>"
		"<accesskey>the-wrong-key</accesskey></addnewemail>",
		"<addnewemail><email_address>a@b.cc</email_address></addnewemail>",
		"<nonsense><accesskey/></nonsense>",
	};
	struct client c;

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		int64_t before = loop_now(loop);

		ask_later(&c, bodies[i]);
		ck_assert_int_eq(nth(0)->state, S_WRONG_KEY);
		ck_assert_int_ge(nth(0)->timer.due, before + PENALTY_MAX_MS);
		ck_assert_int_le(nth(0)->timer.due, loop_now(loop) + PENALTY_MAX_MS);
		ask("<echo><value>others pass</value>" KEY "</echo>", 200, "others pass");
		ck_assert_int_eq(auth_delay(shm, &nth(0)->http->client, clock_mono_ms()), 0);
		be_suspect(); /* the right one made up for it */
		expire();
		answered(&c, 403, WRONG_CODE("wrong_key"));
	}
	ck_assert_uint_eq(ran, 0);
	ck_logged("warning: xml addnewemail from=127.0.0.1: wrong access key");
	ck_logged("warning: xml addnewemail from=127.0.0.1: no access key");
	ck_not_logged("the-wrong-key");
	ck_not_logged("the-right-key");
}
END_TEST

START_TEST(hostile_command_name)
{
	char name[5000];
	struct client c;

	snprintf(name, sizeof(name), "<x%04900d/>", 0);
	ask_later(&c, name);
	expire();
	answered(&c, 403, NULL);
	ck_assert_uint_lt(strlen(log_text()), 1000);
}
END_TEST

/* A guesser who does not wait for answers. */
START_TEST(guesses_at_once)
{
	struct client c[LIMIT_HTTP_HELD_BACK], more, unix_client;
	struct reply r;

	for (int i = 0; i < LIMIT_HTTP_HELD_BACK; i++)
		ask_later(&c[i], "<vacuum><accesskey>guess</accesskey></vacuum>");
	for (int i = 0; i < LIMIT_HTTP_HELD_BACK; i++)
		client_close(&c[i]); /* hanging up does not help */
	client_tcp(&more, port);
	client_post(&more, "<echo><value>v</value>" KEY "</echo>");
	r = client_reply(&more);
	ck_assert_int_eq(r.status, 429);
	ck_has(r, WRONG_CODE("too_many_wrong_keys"));
	ck_assert_str_eq(header(&r, "Retry-After"), "17");
	free(r.body);
	client_close(&more);
	client_unix(&unix_client, socket_path);
	client_post(&unix_client, "<echo><value>v</value></echo>");
	answered(&unix_client, 200, NULL);
	expire();
	ck_assert_uint_eq(waiting(), LIMIT_HTTP_HELD_BACK - 1);
	ask("<echo><value>v</value>" KEY "</echo>", 200, NULL);
}
END_TEST

START_TEST(local_needs_no_key)
{
	struct client c;

	client_unix(&c, socket_path);
	client_post(&c, "<echo><value>v</value></echo>");
	expect(client_reply(&c), 200, "<value>v</value>");
	client_post(&c, "<echo><value>v</value><accesskey>any</accesskey></echo>");
	expect(client_reply(&c), 200, "<value>v</value>");
	client_post(&c, "<addnewemail><email_address>a@b.cc</email_address></addnewemail>");
	answered(&c, 200, NULL);
	ck_logged("info: xml addnewemail email_address=a@b.cc from=local status=200");
}
END_TEST

/* A child asks as another user and says what status it got, as its exit code / 10. */
static int ask_as(uid_t uid)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct sockaddr_un sa = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		char text[32] = "";

		snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", socket_path);
		if (setuid(uid) || connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
			_exit(1);
		if (write(fd, "GET /healthz HTTP/1.0\r\n\r\n", 25) != 25 || read(fd, text, 31) < 12)
			_exit(2);
		_exit(atoi(text + 9) / 10);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		loop_turn(loop);
		usleep(1000);
	}
	return WEXITSTATUS(status);
}

START_TEST(local_peers)
{
	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_int_eq(chmod(socket_path, 0777), 0);
	ck_assert_int_eq(ask_as(geteuid()), 20);
	if (geteuid() == 0) /* only root can be somebody else */
		ck_assert_int_eq(ask_as(65534), 40);
}
END_TEST

/* --- what is logged --- */

START_TEST(log_of_calls)
{
	ask("<addnewemail><email_address>a@b.cc</email_address><boxid>B1</boxid>"
	    "<user_password>hush</user_password>" KEY "</addnewemail>",
	    200, "<email_address>a@b.cc</email_address>");
	ck_logged("info: xml addnewemail email_address=a@b.cc boxid=B1 from=127.0.0.1 status=200\n");
	ask("<getemail><email_address>c@d.ee</email_address>" KEY "</getemail>", 404, NULL);
	ck_logged("info: xml getemail email_address=c@d.ee from=127.0.0.1 status=404 code=no_such_email");
	ask("<echo><value>v</value>" KEY "</echo>", 200, NULL);
	ask("<nothing>" KEY "</nothing>", 404, WRONG_CODE("unknown_command"));
	ck_not_logged("echo");
	ck_not_logged("nothing");
	ck_not_logged("hush");
	ck_not_logged("the-right-key");
}
END_TEST

/* --- changes that wait --- */

#define GREEN "<green><clusterid>C</clusterid><boxid>B</boxid>" KEY "</green>"
#define ADD(name) \
	"<addcluster><clusterid>" name "</clusterid><listen_port>25</listen_port>" KEY "</addcluster>"

START_TEST(live_when_confirmed)
{
	struct client c, other;

	ask_later(&c, GREEN);
	confirm(0);
	admin_bell(admin);
	ck_assert(client_waits(&c));
	ask_later(&other, GREEN); /* a newer generation; two wait at once */
	ask("<echo><value>reads pass</value>" KEY "</echo>", 200, "reads pass");
	generation_confirm(shm, 1, generation_get(shm) - 1);
	admin_bell(admin);
	answered(&c, 200, "<status>ok</status>");
	ck_assert(client_waits(&other));
	confirm(0);
	confirm(1);
	admin_bell(admin);
	answered(&other, 200, "<status>ok</status>");
	ck_assert_uint_eq(waiting(), 0);
}
END_TEST

/* A worker that was killed between confirming and ringing. */
START_TEST(lost_bell)
{
	struct client c;

	ask_later(&c, GREEN);
	confirm(0);
	confirm(1);
	answered(&c, 200, "<status>ok</status>");
}
END_TEST

START_TEST(not_confirmed_in_time)
{
	struct client c;

	ask_later(&c, GREEN);
	confirm(0);
	expire();
	answered(&c, 503, WRONG_CODE("not_confirmed"));
	ck_logged("warning: xml green from=127.0.0.1: stored, but not live everywhere: worker 1 "
		  "(process 1001) has not confirmed");
	ask_later(&c, GREEN); /* the next is not the worse for it */
	confirm(0);
	confirm(1);
	answered(&c, 200, NULL);
}
END_TEST

static bool has_cluster(const char *name)
{
	struct cluster c;
	int rc;

	ck_assert_int_eq(store_read_begin(store, &err), 0);
	rc = store_get(store, &table_clusters, str_z(name), &c, NULL, &err);
	store_read_end(store);
	ck_assert_int_ge(rc, 0);
	return rc == 0;
}

START_TEST(listener_opens)
{
	struct client c;

	ask_later(&c, ADD("one"));
	confirm(0);
	confirm(1);
	ck_assert(client_waits(&c));
	opened("");
	admin_bell(admin);
	answered(&c, 200, NULL);
	ck_assert(has_cluster("one"));
}
END_TEST

START_TEST(listener_fails)
{
	struct listener v[MAX_LISTENERS];
	uint32_t version, refused;
	struct client c;

	ask_later(&c, ADD("one"));
	refused = listeners_version(shm);
	opened("cluster one: 0.0.0.0:25: Address already in use");
	admin_bell(admin);
	answered(&c, 409, "<error>cluster one: 0.0.0.0:25: Address already in use</error>");
	ck_assert(!has_cluster("one"));
	ck_assert_uint_eq(listeners_get(shm, v, &version), 0);
	ck_assert_uint_ne(version, refused);
	ck_assert_int_eq(clusters_find(shm, STR("one")), -1);
	ck_logged("warning: xml addcluster from=127.0.0.1: listener failed, taken back: cluster one:");
}
END_TEST

START_TEST(listener_fails_for_good)
{
	struct client c;

	ask_later(&c, "<addcluster><clusterid>one</clusterid><listen_port>25</listen_port>"
		      "<stubborn/>" KEY "</addcluster>");
	opened("in use");
	admin_bell(admin);
	answered(&c, 409, "<error>in use (the change is stored all the same)</error>");
	ck_assert(has_cluster("one"));
	ck_logged("error: xml addcluster: cannot be taken back: no");
}
END_TEST

/* While it is not known whose listener failed, no other change is made. */
START_TEST(changes_take_turns)
{
	struct client one, two, account;

	ask_later(&one, ADD("one"));
	ask_later(&two, ADD("two"));
	ask_later(&account, "<addnewemail><email_address>a@b.cc</email_address>" KEY "</addnewemail>");
	ck_assert_uint_eq(ran, 1);
	ck_assert(!has_cluster("two"));
	opened("one: in use");
	admin_bell(admin);
	answered(&one, 409, "one: in use");
	ck_assert_uint_eq(ran, 1); /* the old table is on its way */
	opened("");
	admin_bell(admin);
	ck_assert(has_cluster("two"));
	ck_assert_uint_eq(ran, 2);
	opened("");
	confirm(0);
	confirm(1);
	admin_bell(admin);
	answered(&two, 200, NULL);
	answered(&account, 200, NULL);
	ck_assert_uint_eq(ran, 3);
	ck_assert_uint_eq(waiting(), 0);
}
END_TEST

START_TEST(turns_end)
{
	struct client one, account;

	ask_later(&one, ADD("one"));
	ask_later(&account, "<addnewemail><email_address>a@b.cc</email_address>" KEY "</addnewemail>");
	expire();
	answered(&one, 503, "the supervisor has not opened the listeners");
	ck_assert_uint_eq(ran, 1);
	expire();
	answered(&account, 200, NULL);
	ck_assert_uint_eq(ran, 2);
}
END_TEST

/* --- clients that go, and the end --- */

START_TEST(client_goes_while_it_waits)
{
	struct client c[4];

	ask_later(&c[0], "<vacuum/>");
	ask_later(&c[1], ADD("one"));
	ask_later(&c[2], ADD("two"));
	ask_later(&c[3], "<addnewemail><email_address>a@b.cc</email_address>" KEY "</addnewemail>");
	for (int i = 0; i < 4; i++)
		client_close(&c[i]);
	for (int i = 0; i < 50; i++)
		loop_turn(loop);
	ck_assert_uint_eq(waiting(), 4);
	expire(); /* the wrong key's delay */
	for (int i = 0; i < 2; i++) {
		opened("");
		confirm(0);
		confirm(1);
		admin_bell(admin);
		loop_turn(loop);
	}
	ck_assert_uint_eq(waiting(), 0);
	ck_assert_uint_eq(ran, 3);
	ask("<echo><value>v</value>" KEY "</echo>", 200, NULL);
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
	ask("<echo><value>v</value>" KEY "</echo>", 200, NULL);
	ck_assert_uint_eq(ran, 0);
}
END_TEST

/* Those who wait are answered at once. */
START_TEST(stop_while_some_wait)
{
	struct client wrong, live, turn, half;

	ask_later(&wrong, "<vacuum/>");
	ask_later(&live, ADD("one"));
	ask_later(&turn, ADD("two"));
	client_tcp(&half, port);
	client_send(&half, STR("POST /xml HTTP/1.1\r\nContent-Length: 100\r\n\r\n<add"));
	loop_turn(loop);
	admin_stop(&admin);
	ck_assert_ptr_null(admin);
	admin_stop(&admin);
	answered(&wrong, 403, WRONG_CODE("wrong_key"));
	answered(&live, 503, WRONG_CODE("not_confirmed"));
	answered(&turn, 503, WRONG_CODE("stopping"));
	ck_assert_int_eq(client_reply(&half).status, 0);
	client_close(&half);
	ck_assert_uint_eq(ran, 1);
}
END_TEST

START_TEST(health)
{
	struct reply r = ask_raw(STR("GET /healthz HTTP/1.0\r\n\r\n"));

	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq(r.body, "ok\n");
	ck_assert_str_eq(header(&r, "Content-Type"), "text/plain; charset=utf-8");
	free(r.body);
	generation_bump(shm);
	confirm(0);
	expect(ask_raw(STR("GET /healthz HTTP/1.0\r\n\r\n")), 503,
	       "worker 1 has not confirmed the configuration\n");
	confirm(1);
	slot_reap(shm, 0);
	expect(ask_raw(STR("GET /healthz HTTP/1.0\r\n\r\n")), 503, "worker 0 is not running\n");
	slot_enter(shm, 0, ROLE_WORKER, 1002);
	confirm(0);
	listeners_set(shm, NULL, 0);
	expect(ask_raw(STR("GET /healthz HTTP/1.0\r\n\r\n")), 503,
	       "the supervisor has not opened the listeners\n");
	opened("in use"); /* says the log, and the answer to who asked for it */
	expect(ask_raw(STR("GET /healthz HTTP/1.0\r\n\r\n")), 200, "ok\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("server");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	auth_hash(STR("the-right-key"), hash);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, http, 0, ARRAY_LEN(requests));
#define T(name) tcase_add_test(t, name)
	T(one_request), T(byte_by_byte), T(body_limit), T(body_limit_chunked);
	T(too_large_is_said_at_once), T(bodies_together), T(connection_limit), T(large_answer);
	T(wrong_key), T(hostile_command_name), T(guesses_at_once), T(local_needs_no_key);
	T(local_peers), T(log_of_calls), T(live_when_confirmed), T(lost_bell);
	T(not_confirmed_in_time), T(listener_opens), T(listener_fails), T(listener_fails_for_good);
	T(changes_take_turns), T(turns_end), T(client_goes_while_it_waits);
	T(client_goes_in_its_body), T(stop_while_some_wait), T(health);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
