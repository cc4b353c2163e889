/* exchange: from request to answer: the log, changes that wait for the workers and for each other,
 * long commands, facts for the replicator, clients that go away meanwhile. */
#include "admin/exchange.c"

#include <pthread.h>

#include "unit/http_rig.h"
#include "unit/no_threads.h"

/* --- what is logged --- */

START_TEST(log_of_calls)
{
	ask("<addnewemail><email_address>a@b.cc</email_address><boxid>B1</boxid>"
	    "<user_password>hush</user_password>" KEY "</addnewemail>",
	    200, "<email_address>a@b.cc</email_address>");
	ck_logged("info: xml addnewemail who=\"key\" from=127.0.0.1 status=200: email_address=a@b.cc "
		  "boxid=B1 user_password=...\n");
	ask("<getemail><email_address>c@d.ee</email_address>" KEY "</getemail>", 404, NULL);
	ck_logged("info: xml getemail who=\"key\" from=127.0.0.1 status=404 code=no_such_email: email_address=c@d.ee\n");
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
#define EMAIL(address) \
	"<addnewemail><email_address>" address "</email_address>" KEY "</addnewemail>"
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
/* The end of a client that waits comes by itself; an older connection is there, to which the
 * library looks first. */
START_TEST(live_for_one_that_ends_while_it_waits)
{
	struct client other, c;

	client_tcp(&other, port);
	ck_assert(client_waits(&other));
	client_tcp(&c, port);
	client_post(&c, GREEN);
	ck_assert(client_waits(&c));
	keys_compared();
	ck_assert(client_waits(&c));
	ck_assert_int_eq(shutdown(c.fd, SHUT_WR), 0);
	ck_assert(client_waits(&c));
	confirm(0);
	confirm(1);
	admin_bell(admin);
	expect(client_reply(&c), 200, "<status>ok</status>");
	client_close(&c);
	client_close(&other);
}
END_TEST

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

/* Said again it is no change, and yet not true before all have it. */
START_TEST(said_again)
{
	static const char same[] = "<green><clusterid>C</clusterid><boxid>SAME</boxid>" KEY "</green>";
	struct client c;
	uint32_t generation;

	ask_later(&c, GREEN);
	confirm(0);
	expire();
	answered(&c, 503, WRONG_CODE("not_confirmed"));
	generation = generation_get(shm);
	ask_later(&c, same);
	expire();
	answered(&c, 503, "worker 2 (process 1001) has not confirmed");
	ask_later(&c, same);
	confirm(1);
	admin_bell(admin);
	answered(&c, 200, NULL);
	ask(same, 200, NULL);
	ck_assert_uint_eq(generation_get(shm), generation);
}
END_TEST

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

/* The supervisor has answered, and its bell is still on the way: who comes now does not overtake
 * those who wait. */
START_TEST(nobody_overtakes)
{
	struct client one, two, three;

	ask_later(&one, ADD("one"));
	ask_later(&two, EMAIL("a@b.cc"));
	opened("");
	timer_stop(&admin->recheck);
	client_tcp(&three, port);
	client_post(&three, EMAIL("b@b.cc"));
	answered(&two, 200, NULL);
	answered(&three, 200, NULL);
	ck_assert_str_eq(order, "addcluster one, addnewemail a@b.cc, addnewemail b@b.cc");
	client_close(&one);
}
END_TEST

/* As long as those before it have their turns the supervisor is not silent, however many they are. */
START_TEST(turns_go_on)
{
	struct client one, two;

	ask_later(&one, ADD("one"));
	ask_later(&two, ADD("two"));
	opened("one: in use");
	admin_bell(admin);
	answered(&one, 409, "one: in use");
	expire(); /* the table of before was published meanwhile */
	ck_assert_uint_eq(ran, 1);
	expire(); /* and nothing came of it */
	ck_assert_uint_eq(ran, 2);
	opened("");
	confirm(0);
	confirm(1);
	admin_bell(admin);
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

/* --- long commands --- */

#define REREAD(name) "<reread><clusterid>" name "</clusterid>" KEY "</reread>"
#define ECHO "<echo><query>reads pass</query>" KEY "</echo>"

/* Asks for it, and comes back when it runs. */
static void begin_long(struct client *c, const char *xml)
{
	ask_later(c, xml);
	while (sem_trywait(&begun) < 0)
		loop_turn(loop);
	ck_assert_uint_eq(in_state(S_ASIDE), 1);
	ck_assert(admin_writes(admin));
	ck_assert_str_eq(admin->work.command, "reread");
}

/* It ends, and its end is known to all at once. */
static void end_long(void)
{
	timer_stop(&admin->recheck);
	sem_post(&go_on);
	while (admin->commands.busy)
		loop_turn(loop);
}

START_TEST(reads_pass_a_long_command)
{
	struct client c, unknown;

	begin_long(&c, REREAD("one"));
	ask(ECHO, 200, "reads pass");
	ask("<getemail><email_address>a@b.cc</email_address>" KEY "</getemail>", 404, NULL);
	expect(ask_raw(STR("GET /healthz HTTP/1.0\r\n\r\n")), 200, "ok\n");
	client_tcp(&unknown, port);
	client_post(&unknown, "<nothing>" KEY "</nothing>");
	answered(&unknown, 404, NULL);
	ck_assert(client_waits(&c));
	ck_assert(!has_cluster("one"));
	end_long();
	ck_assert_ptr_null(admin->work.command);
	ck_assert(!admin_writes(admin));
	answered(&c, 200, "<clusterid>one</clusterid>");
	ck_assert(has_cluster("one"));
	ck_logged("info: xml reread who=\"key\" from=127.0.0.1 status=200: clusterid=one\n");
	ask(EMAIL("a@b.cc"), 200, NULL); /* the main handle writes again */
	write_cluster(STR("two"), 26);
	ck_assert(has_cluster("one") && has_cluster("two"));
}
END_TEST

/* In the order in which they came, and none before it has ended. */
START_TEST(changes_wait_for_a_long_command)
{
	struct client c, v[5], last;

	begin_long(&c, REREAD("one"));
	ask_later(&v[0], EMAIL("a@b.cc"));
	ask_later(&v[1], GREEN);
	ask_later(&v[2], EMAIL("b@b.cc"));
	ask_later(&v[3], REREAD("two"));
	ask_later(&v[4], EMAIL("c@b.cc"));
	ck_assert_uint_eq(in_state(S_TURN), 5);
	ck_assert_uint_eq(ran, 0);
	end_long();
	answered(&c, 200, NULL);
	answered(&v[0], 200, NULL);
	opened(""); /* of the cluster that is new */
	admin_bell(admin);
	answered(&v[2], 200, NULL);
	/* the second long one has begun, and the last waits for that */
	while (sem_trywait(&begun) < 0)
		loop_turn(loop);
	ck_assert_str_eq(order, "addnewemail a@b.cc, green B, addnewemail b@b.cc");
	ck_assert(client_waits(&v[4]));
	confirm(0);
	confirm(1);
	admin_bell(admin);
	answered(&v[1], 200, NULL);
	end_long();
	answered(&v[3], 200, NULL);
	answered(&v[4], 200, NULL);
	ck_assert_str_eq(order, "addnewemail a@b.cc, green B, addnewemail b@b.cc, addnewemail c@b.cc");
	ck_assert(has_cluster("two"));
	ask_later(&last, GREEN);
	client_close(&last);
}
END_TEST

/* Nobody waits for ever. */
START_TEST(busy_for_too_long)
{
	struct client c, change, other;
	int64_t before = loop_now(loop);

	begin_long(&c, REREAD("one"));
	ask_later(&change, EMAIL("a@b.cc"));
	ask_later(&other, REREAD("two"));
	ck_assert_int_eq(nth(1)->state, S_TURN);
	ck_assert_int_ge(nth(1)->timer.due, before + TIMEOUT_LONG_TURN);
	timer_set(&nth(1)->timer, 0);
	answered(&change, 503, WRONG_CODE("busy"));
	timer_set(&nth(1)->timer, 0);
	answered(&other, 503, "<error>reread is under way; try again when it has ended</error>");
	ck_assert_uint_eq(ran, 0);
	end_long();
	answered(&c, 200, NULL);
	ck_assert(!has_cluster("two"));
}
END_TEST

/* They waited for the supervisor, and then a long command came before them. */
START_TEST(patience_of_those_before)
{
	struct client one, c, change;
	int64_t before;

	ask_later(&one, ADD("one"));
	ask_later(&c, REREAD("two"));
	ask_later(&change, EMAIL("a@b.cc"));
	opened("");
	admin_bell(admin);
	while (sem_trywait(&begun) < 0)
		loop_turn(loop);
	confirm(0);
	confirm(1);
	admin_bell(admin);
	answered(&one, 200, NULL);
	ck_assert_int_eq(nth(0)->state, S_TURN);
	before = loop_now(loop);
	expire();
	ck_assert_int_eq(nth(1)->state, S_TURN); /* not busy yet: a long command is waited for longer */
	ck_assert_int_ge(nth(1)->timer.due, before + TIMEOUT_LONG_TURN);
	ck_assert(client_waits(&change));
	timer_set(&nth(1)->timer, 0);
	answered(&change, 503, WRONG_CODE("busy"));
	end_long();
	answered(&c, 200, NULL);
}
END_TEST

/* A listener fails while a long command writes: it is taken back behind that. */
START_TEST(taken_back_behind_a_long_command)
{
	struct client one, c;

	ask_later(&one, ADD("one"));
	ask_later(&c, REREAD("two"));
	timer_set(&nth(1)->timer, 0); /* the supervisor is silent for too long */
	while (sem_trywait(&begun) < 0)
		loop_turn(loop);
	opened("one: in use");
	admin_bell(admin);
	ck_assert(client_waits(&one));
	ck_assert(has_cluster("one"));
	expire(); /* its time does not count meanwhile */
	ck_assert(client_waits(&one));
	end_long();
	answered(&c, 200, NULL);
	answered(&one, 409, "one: in use");
	ck_assert(!has_cluster("one") && has_cluster("two"));
}
END_TEST

START_TEST(long_without_a_thread)
{
	struct client c;

	ask(ECHO, 200, NULL); /* the key is known */
	no_threads = true;
	client_tcp(&c, port);
	client_post(&c, REREAD("one"));
	answered(&c, 503, "<error>no thread: ");
	ck_logged("warning: xml reread: no thread: ");
	ck_assert(!admin_writes(admin));
	ck_assert_ptr_null(admin->work.command);
	no_threads = false;
	write_cluster(STR("two"), 26); /* the branch was given back */
	begin_long(&c, REREAD("one"));
	end_long();
	answered(&c, 200, NULL);
}
END_TEST

START_TEST(client_goes_during_a_long_command)
{
	struct client c;

	begin_long(&c, REREAD("one"));
	client_close(&c);
	for (int i = 0; i < 50; i++)
		loop_turn(loop);
	ck_assert_uint_eq(waiting(), 1);
	end_long();
	for (int i = 0; i < 50; i++)
		loop_turn(loop);
	ck_assert_uint_eq(waiting(), 0);
	ck_assert(has_cluster("one"));
	ask(EMAIL("a@b.cc"), 200, NULL);
}
END_TEST

static void *let_go_soon(void *arg)
{
	(void)arg;
	usleep(50000); /* admin_stop has begun by then, most likely; it is right either way */
	sem_post(&go_on);
	return NULL;
}

/* What runs is finished and answered; what waits is not begun. */
START_TEST(stop_during_a_long_command)
{
	struct client c, change, second;
	pthread_t t;

	begin_long(&c, REREAD("one"));
	ask_later(&change, EMAIL("a@b.cc"));
	ask_later(&second, REREAD("two"));
	ck_assert_int_eq(pthread_create(&t, NULL, let_go_soon, NULL), 0);
	admin_stop(&admin);
	pthread_join(t, NULL);
	answered(&c, 200, "<clusterid>one</clusterid>");
	answered(&change, 503, WRONG_CODE("stopping"));
	answered(&second, 503, WRONG_CODE("stopping"));
	ck_assert_uint_eq(ran, 0);
	ck_assert(has_cluster("one") && !has_cluster("two"));
	write_cluster(STR("three"), 27);
}
END_TEST

/* --- facts for the replicator --- */

#define BLOCK "<setblockip><clusterid>C</clusterid>" KEY "</setblockip>"

/* The replicator's part: all that was told is on disk. */
static void make_durable(void)
{
	journal_applied(shm, SLOT_ADMIN, journal_stat(shm, SLOT_ADMIN).published);
}

START_TEST(answered_when_durable)
{
	struct client c, other;
	int64_t before = loop_now(loop);

	ask_later(&c, BLOCK);
	ck_assert_int_eq(nth(0)->state, S_DURABLE);
	ck_assert_int_ge(nth(0)->timer.due, before + TIMEOUT_JOURNAL);
	ask(ECHO, 200, NULL);
	ask(EMAIL("a@b.cc"), 200, NULL); /* nobody else waits for it */
	make_durable();
	ask_later(&other, BLOCK);
	answered(&c, 200, "<status>ok</status>"); /* no bell is needed */
	ck_assert(client_waits(&other));
	make_durable();
	admin_bell(admin);
	answered(&other, 200, "<status>ok</status>");
	ck_assert_uint_eq(waiting(), 0);
}
END_TEST

START_TEST(not_durable_in_time)
{
	struct client c;

	ask_later(&c, BLOCK);
	expire();
	answered(&c, 503, "<error>taken, but not on disk yet: the replicator does not answer</error>");
	ck_logged("warning: xml setblockip from=127.0.0.1: not on disk yet");
	ask_later(&c, BLOCK);
	expire();
	answered(&c, 503, WRONG_CODE("not_durable"));
	/* at the last moment is in time */
	ask_later(&c, BLOCK);
	timer_stop(&admin->recheck);
	make_durable();
	expire();
	answered(&c, 200, NULL);
}
END_TEST

START_TEST(durable_or_not_at_the_end)
{
	struct client done, not;

	ask_later(&done, BLOCK);
	timer_stop(&admin->recheck);
	make_durable();
	ask_later(&not, BLOCK);
	timer_stop(&admin->recheck);
	admin_stop(&admin);
	answered(&done, 200, NULL);
	answered(&not, 503, WRONG_CODE("not_durable"));
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

/* Confirmed and refused, with the bell on its way: told as it is. */
START_TEST(live_or_not_at_the_end)
{
	struct client live, failed;

	ask_later(&live, GREEN);
	confirm(0);
	confirm(1);
	timer_stop(&admin->recheck);
	ask_later(&failed, ADD("one"));
	timer_stop(&admin->recheck);
	opened("one: in use");
	admin_stop(&admin);
	answered(&live, 200, NULL);
	answered(&failed, 409, "<error>one: in use</error>");
	ck_assert(!has_cluster("one"));
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

	tcase_add_test(t, log_of_calls);
	tcase_add_test(t, live_when_confirmed);
	tcase_add_test(t, live_for_a_half_closed_client);
	tcase_add_test(t, live_for_one_that_ends_while_it_waits);
	tcase_add_test(t, lost_bell);
	tcase_add_test(t, not_confirmed_in_time);
	tcase_add_test(t, said_again);
	tcase_add_test(t, listener_opens);
	tcase_add_test(t, listener_fails);
	tcase_add_test(t, listener_fails_for_good);
	tcase_add_test(t, changes_take_turns);
	tcase_add_test(t, changes_overlap);
	tcase_add_test(t, refused_before_the_next);
	tcase_add_test(t, nobody_overtakes);
	tcase_add_test(t, turns_go_on);
	tcase_add_test(t, turns_end);
	tcase_add_test(t, reads_pass_a_long_command);
	tcase_add_test(t, changes_wait_for_a_long_command);
	tcase_add_test(t, busy_for_too_long);
	tcase_add_test(t, patience_of_those_before);
	tcase_add_test(t, taken_back_behind_a_long_command);
	tcase_add_test(t, long_without_a_thread);
	tcase_add_test(t, client_goes_during_a_long_command);
	tcase_add_test(t, stop_during_a_long_command);
	tcase_add_test(t, answered_when_durable);
	tcase_add_test(t, not_durable_in_time);
	tcase_add_test(t, durable_or_not_at_the_end);
	tcase_add_test(t, live_or_not_at_the_end);
	tcase_add_test(t, client_goes_while_it_waits);
	tcase_add_test(t, stop_while_some_wait);
	tcase_add_test(t, stop_while_some_come);
	tcase_add_test(t, health);
	return http_rig_run(t, "exchange");
}
