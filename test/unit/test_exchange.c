/* exchange: from request to answer: keys and their delays, the log, changes that wait for the
 * workers, clients that go away meanwhile. */
#include "admin/exchange.c"

#include "unit/http_rig.h"

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

/* --- keys --- */

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
	ck_has(r, WRONG_CODE("too_many_wrong_keys"));
	ck_assert_str_eq(header(&r, "Retry-After"), "17");
	free(r.body);
	client_close(&more);
	client_unix(&unix_client, socket_path);
	client_post(&unix_client, "<echo><query>v</query></echo>");
	answered(&unix_client, 200, NULL);
	expire();
	ck_assert_uint_eq(waiting(), LIMIT_HTTP_HELD_BACK - 1);
	ask("<echo><query>v</query>" KEY "</echo>", 200, NULL);
}
END_TEST

START_TEST(local_needs_no_key)
{
	struct client c;

	client_unix(&c, socket_path);
	client_post(&c, "<echo><query>v</query></echo>");
	expect(client_reply(&c), 200, "<value>v</value>");
	client_post(&c, "<echo><query>v</query><accesskey>any</accesskey></echo>");
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
	ask("<echo><query>v</query>" KEY "</echo>", 200, NULL);
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
	"<addcluster><clusterid>" name "</clusterid><offset>25</offset>" KEY "</addcluster>"

START_TEST(live_when_confirmed)
{
	struct client c, other;

	ask_later(&c, GREEN);
	confirm(0);
	admin_bell(admin);
	ck_assert(client_waits(&c));
	ask_later(&other, GREEN); /* a newer generation; two wait at once */
	ask("<echo><query>reads pass</query>" KEY "</echo>", 200, "reads pass");
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

/* The same for a client that has said all it will, and reads to the end of the connection. */
START_TEST(live_for_a_half_closed_client)
{
	struct client c;

	client_tcp(&c, port);
	client_post(&c, GREEN);
	ck_assert_int_eq(shutdown(c.fd, SHUT_WR), 0);
	ck_assert(client_waits(&c));
	keys_compared();
	confirm(0);
	confirm(1);
	admin_bell(admin);
	expect(client_reply(&c), 200, "<status>ok</status>");
	ck_assert_int_eq(client_reply(&c).status, 0);
	client_close(&c);
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
	ck_logged("warning: xml green from=127.0.0.1: stored, but not live everywhere: worker 2 "
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

	ask_later(&c, "<addcluster><clusterid>one</clusterid><offset>25</offset>"
		      "<show_password>1</show_password>" KEY "</addcluster>");
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

/* The supervisor's word on the first is kept when the next one's table takes its place. */
START_TEST(changes_overlap)
{
	struct client one, two;

	ask_later(&one, ADD("one"));
	opened(""); /* and nobody has told us yet */
	ask_later(&two, ADD("two"));
	ck_assert_uint_eq(ran, 2);
	opened("");
	confirm(0);
	confirm(1);
	admin_bell(admin);
	answered(&one, 200, NULL);
	answered(&two, 200, NULL);
}
END_TEST

/* A change that comes between the supervisor's answer and its bell. */
START_TEST(refused_before_the_next)
{
	struct client one, two;

	ask_later(&one, ADD("one"));
	opened("one: in use");
	ask_later(&two, ADD("two"));
	ck_assert_uint_eq(ran, 1);
	admin_bell(admin);
	answered(&one, 409, "one: in use");
	ck_assert(!has_cluster("one"));
	for (int i = 0; i < 2; i++) {
		opened("");
		confirm(0);
		confirm(1);
		admin_bell(admin);
	}
	answered(&two, 200, NULL);
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
	ask("<echo><query>v</query>" KEY "</echo>", 200, NULL);
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

/* All but the last byte. */
static void send_most(struct client *c, const char *xml)
{
	char text[512];

	snprintf(text, sizeof(text), "POST /xml HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(xml), xml);
	client_send(c, (struct str){ text, strlen(text) - 1 });
	ck_assert(client_waits(c));
}

/* Their last bytes are there when the end comes, and nothing is begun any more: no change, and no
 * thread. */
START_TEST(stop_while_some_come)
{
	struct client change, guess;

	client_unix(&change, socket_path);
	send_most(&change, "<addnewemail><email_address>a@b.cc</email_address></addnewemail>");
	client_tcp(&guess, port);
	send_most(&guess, "<addnewemail><email_address>a@b.cc</email_address>"
			  "<accesskey>not-seen-before</accesskey></addnewemail>");
	ck_assert_int_eq(send(change.fd, ">", 1, 0), 1);
	ck_assert_int_eq(send(guess.fd, ">", 1, 0), 1);
	admin_stop(&admin);
	answered(&change, 503, WRONG_CODE("stopping"));
	answered(&guess, 503, WRONG_CODE("stopping"));
	ck_assert_uint_eq(ran, 0);
}
END_TEST

START_TEST(health)
{
	struct reply r = ask_raw(STR("GET /healthz HTTP/1.0\r\n\r\n"));

	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq(r.body, "ok\n");
	ck_assert_str_eq(header(&r, "Content-Type"), "text/plain; charset=utf-8");
	free(r.body);
	slot_reap(shm, 0);
	expect(ask_raw(STR("GET /healthz HTTP/1.0\r\n\r\n")), 503, "worker 1 is not running\n");
	slot_enter(shm, 0, ROLE_WORKER, 1005);
	confirm(0);
	expect(ask_raw(STR("GET /healthz HTTP/1.0\r\n\r\n")), 200, "ok\n");
	admin_traffic(admin, NULL);
	expect(ask_raw(STR("GET /healthz HTTP/1.0\r\n\r\n")), 503,
	       "traffic.mdb is not there yet\n");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, wrong_keys);
	tcase_add_test(t, hostile_command_name);
	tcase_add_test(t, guesses_at_once);
	tcase_add_test(t, local_needs_no_key);
	tcase_add_test(t, local_peers);
	tcase_add_test(t, log_of_calls);
	tcase_add_test(t, live_when_confirmed);
	tcase_add_test(t, live_for_a_half_closed_client);
	tcase_add_test(t, lost_bell);
	tcase_add_test(t, not_confirmed_in_time);
	tcase_add_test(t, listener_opens);
	tcase_add_test(t, listener_fails);
	tcase_add_test(t, listener_fails_for_good);
	tcase_add_test(t, changes_take_turns);
	tcase_add_test(t, changes_overlap);
	tcase_add_test(t, refused_before_the_next);
	tcase_add_test(t, turns_end);
	tcase_add_test(t, client_goes_while_it_waits);
	tcase_add_test(t, stop_while_some_wait);
	tcase_add_test(t, stop_while_some_come);
	tcase_add_test(t, health);
	return http_rig_run(t, "admin");
}
