/* Keys: who is let in, who waits for how long, and what is told of it. */
#include "admin/exchange_keys.c"

#include "unit/http_rig.h"
#include "unit/no_threads.h"

START_TEST(wrong_keys)
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
		ask("<echo><query>others pass</query>" KEY "</echo>", 200, "others pass");
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

/* Our own trouble: nobody is told that a key is wrong, nor is held back for it. */
START_TEST(keys_cannot_be_read)
{
	struct ipaddr us;

	ck_assert_int_eq(ip_parse(STR("127.0.0.1"), &us, &err), 0);
	auth_succeeded(shm, &us);
	ck_assert_int_eq(store_write_begin(store, clock_wall_ms(), &err), 0);
	ck_assert_int_eq(store_delete(store, &table_credentials, STR("accesskey"), &err), 0);
	ck_assert_int_eq(store_commit(store, &err), 0);
	ask("<echo><query>v</query>" KEY "</echo>", 503, WRONG_CODE("store_failed"));
	ck_assert_int_eq(auth_delay(shm, &us, clock_mono_ms()), 0);
	ck_logged("error: cannot check an access key: there is none");
	ck_assert_uint_eq(waiting(), 0);
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
	client_post(&more, "<echo><query>v</query>" KEY "</echo>");
	r = client_reply(&more);
	ck_assert_int_eq(r.status, 429);
	ck_has(r, "<command>echo</command>\n  " WRONG_CODE("too_many_wrong_keys"));
	ck_assert_str_eq(header(&r, "Retry-After"), "17");
	free(r.body);
	client_post(&more, "<echo><not parsed"); /* that costs us more than them */
	expect(client_reply(&more), 429, WRONG_CODE("too_many_wrong_keys"));
	client_close(&more);
	client_unix(&unix_client, socket_path);
	client_post(&unix_client, "<echo><query>v</query></echo>");
	answered(&unix_client, 200, NULL);
	expire();
	ck_assert_uint_eq(waiting(), LIMIT_HTTP_HELD_BACK - 1);
	ask("<echo><query>v</query>" KEY "</echo>", 200, NULL);
}
END_TEST

/* The stored key takes as long to compare as on a real machine. */
static void store_slow_key(void)
{
	char hash[AUTH_HASH_TEXT];
	struct credential c = { STR("accesskey"), STR("") };

	auth_hash(STR("the-right-key"), hash);
	c.hash = str_z(hash);
	ck_assert_int_eq(store_write_begin(store, clock_wall_ms(), &err), 0);
	ck_assert_int_eq(store_put(store, &table_credentials, &c, &err), 0);
	ck_assert_int_eq(store_commit(store, &err), 0);
}

/* Sends without a turn of the loop, so that many come at once. */
static void post_at_once(struct client *c, const char *command, const char *key)
{
	char text[512], body[256];
	int n;

	snprintf(body, sizeof(body), "<%s><accesskey>%s</accesskey></%s>", command, key, command);
	n = snprintf(text, sizeof(text), "POST /xml HTTP/1.1\r\nContent-Length: %zu\r\n\r\n%s",
		     strlen(body), body);
	client_tcp(c, port);
	ck_assert_int_eq(send(c->fd, text, (size_t)n, MSG_NOSIGNAL), n);
}

/* Programs come back after a restart, all at once: none is turned away, and the rounds of the
 * hash are gone through for the first alone. */
START_TEST(right_keys_at_once)
{
	struct client c[20];

	store_slow_key();
	for (unsigned i = 0; i < ARRAY_LEN(c); i++)
		post_at_once(&c[i], i % 2 ? "echo" : "none", "the-right-key");
	while (waiting() < ARRAY_LEN(c))
		loop_turn(loop);
	ck_assert_uint_eq(in_state(S_KEY_ASIDE), 1);
	ck_assert_uint_eq(in_state(S_KEY), ARRAY_LEN(c) - 1);
	keys_compared();
	ck_assert_uint_eq(waiting(), 0);
	for (unsigned i = 0; i < ARRAY_LEN(c); i++)
		answered(&c[i], i % 2 ? 200 : 404, i % 2 ? "<value></value>" : "unknown_command");
}
END_TEST

/* Wrong ones are compared one by one, as they came; a right one behind them does not wait for
 * their delays; of more than a network may try no key is looked at. */
START_TEST(wrong_keys_at_once)
{
	struct client c[LIMIT_HTTP_HELD_BACK], right, more;
	char text[64];

	for (unsigned i = 0; i + 1 < ARRAY_LEN(c); i++) {
		snprintf(text, sizeof(text), "q%u", i);
		post_at_once(&c[i], text, "wrong");
	}
	post_at_once(&right, "echo", "the-right-key");
	answered(&right, 200, NULL);
	be_suspect();
	ask_later(&c[ARRAY_LEN(c) - 1], "<q7><accesskey>wrong</accesskey></q7>");
	ck_assert_uint_eq(in_state(S_WRONG_KEY), ARRAY_LEN(c));
	post_at_once(&more, "echo", "the-right-key");
	answered(&more, 429, WRONG_CODE("too_many_wrong_keys"));
	for (unsigned i = 0; i < ARRAY_LEN(c); i++) {
		snprintf(text, sizeof(text), "q%u", i);
		ck_assert_str_eq(nth(0)->command, text);
		/* what was sent is forgotten, the key first of all */
		ck_assert_uint_eq(nth(0)->req.n + nth(0)->arena.used + strlen(nth(0)->key.secret), 0);
		expire();
		snprintf(text, sizeof(text), "<command>q%u</command>", i);
		answered(&c[i], 403, text);
	}
}
END_TEST

/* --- large requests --- */

/* An importconfig: front, blanks, behind, which begins where other commands must have ended. */
static char *large_of(const char *front, const char *behind)
{
	size_t n = LIMIT_XML_BODY + strlen(behind);
	char *text = mem_alloc(n + 1);

	memset(text, '\n', n);
	memcpy(text, front, strlen(front));
	memcpy(text + n - strlen(behind), behind, strlen(behind));
	text[n] = '\0';
	return text;
}

#define LATE "wrong or missing access key (of so large a request it must stand in the first "
#define WRONG_KEY "<accesskey>the-wrong-key</accesskey>"
static const struct {
	const char *front, *behind;
	unsigned http;
	const char *answer;
	unsigned local;
} large[] = {
	{ "<importconfig>" KEY, "</importconfig>", 200, "<status>ok", 200 },
	{ "<importconfig>", KEY "</importconfig>", 403, LATE, 200 },
	{ "<importconfig>", "</importconfig>", 403, LATE, 200 },
	{ "<importconfig><x>", "</x>" KEY "</importconfig>", 403, LATE, 400 },
	/* parsed for those alone whose key is right */
	{ "<importconfig>" KEY, "</nonsense>", 400, WRONG_CODE("malformed"), 400 },
	{ "<importconfig>" KEY, KEY "</importconfig>", 400, WRONG_CODE("repeated_parameter"), 400 },
	{ "<importconfig>" WRONG_KEY, "</nonsense>", 403, "access key<", 400 },
	{ "<importconfig><x></y>" KEY, "</importconfig>", 403, LATE, 400 },
};

START_TEST(keys_of_large_requests)
{
	char *body = large_of(large[_i].front, large[_i].behind);
	struct client c, unix_client;

	store_slow_key(); /* over the thread as well */
	client_tcp(&c, port);
	client_post(&c, body);
	while (waiting() == 0 && !client_read(&c))
		loop_turn(loop);
	keys_compared();
	if (large[_i].http == 403) {
		ck_assert_uint_eq(in_state(S_WRONG_KEY), 1);
		ck_assert_uint_eq(nth(0)->arena.used + nth(0)->unread.n, 0);
		expire();
	}
	answered(&c, (int)large[_i].http, large[_i].answer);
	ck_assert_uint_eq(ran, large[_i].http == 200);
	client_unix(&unix_client, socket_path);
	client_post(&unix_client, body);
	answered(&unix_client, (int)large[_i].local, NULL);
	free(body);
}
END_TEST

START_TEST(key_without_a_thread)
{
	struct client c;

	no_threads = true;
	client_tcp(&c, port);
	client_post(&c, "<echo><query>v</query>" KEY "</echo>");
	answered(&c, 503, "<error>no thread: ");
	no_threads = false;
	ask("<echo><query>v</query>" KEY "</echo>", 200, NULL);
	no_threads = true; /* one that is known needs none */
	ask("<echo><query>v</query>" KEY "</echo>", 200, NULL);
	no_threads = false;
}
END_TEST

/* Until the thread is done nothing is told, also not that the service stops. */
START_TEST(stop_while_keys_are_compared)
{
	struct client first, second, wrong;

	store_slow_key();
	post_at_once(&first, "echo", "the-right-key");
	post_at_once(&wrong, "echo", "wrong");
	post_at_once(&second, "echo", "the-right-key");
	while (waiting() < 3)
		loop_turn(loop);
	ck_assert_uint_eq(in_state(S_KEY_ASIDE), 1);
	admin_stop(&admin);
	answered(&first, 200, "<value></value>");
	answered(&wrong, 503, WRONG_CODE("stopping"));
	answered(&second, 503, WRONG_CODE("stopping"));
}
END_TEST

START_TEST(local_needs_no_key)
{
	char line[128];
	struct client c;

	client_unix(&c, socket_path);
	client_post(&c, "<echo><query>v</query></echo>");
	expect(client_reply(&c), 200, "<value>v</value>");
	client_post(&c, "<echo><query>v</query><accesskey>any</accesskey></echo>");
	expect(client_reply(&c), 200, "<value>v</value>");
	client_post(&c, "<addnewemail><email_address>a@b.cc</email_address></addnewemail>");
	answered(&c, 200, NULL);
	snprintf(line, sizeof(line), "info: xml addnewemail who=\"uid %d\" from=local status=200: email_address=a@b.cc\n",
		 (int)geteuid());
	ck_logged(line);
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

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, wrong_keys);
	tcase_add_test(t, keys_cannot_be_read);
	tcase_add_test(t, hostile_command_name);
	tcase_add_test(t, guesses_at_once);
	tcase_add_test(t, right_keys_at_once);
	tcase_add_test(t, wrong_keys_at_once);
	tcase_add_loop_test(t, keys_of_large_requests, 0, (int)ARRAY_LEN(large));
	tcase_add_test(t, key_without_a_thread);
	tcase_add_test(t, stop_while_keys_are_compared);
	tcase_add_test(t, local_needs_no_key);
	tcase_add_test(t, local_peers);
	return http_rig_run(t, "exchange_keys");
}
