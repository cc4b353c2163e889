/* Plain TCP sessions as plays: who is connected to and when, what waits meanwhile, what passes,
 * PROXY headers, lights, limits, ends and counts. */
#include "lib/session/tcp_server.c"

#define count rig_count
#include "session/play.h"
#undef count

/* The real choice; the stage's connections. */
static struct topo_box *real_balance(struct env *env, const struct topo_cluster *c,
				     const struct ipaddr *client, int failed,
				     struct balance_tried *tried)
{
	return asks_real.balance(env, c, client, failed, tried);
}

static struct asks asks;

static void up(void)
{
	stage_open();
	play_name = "tcp";
	asks = stage_asks;
	asks.balance = real_balance;
	stage.env.ask = &asks;
	stage.cluster.protocol = PROTO_TCP;
	stage.cluster.n_boxes = 3;
	stage.cluster.idle_ms = 3 * AGE;
	for (int i = 0; i < 3; i++)
		stage.boxes[i].row.weight = 1;
	take_cluster_turn(stage.shm, stage.cluster.shm); /* of B: those of A, X, B follow */
}

/* A session that is cut is reset: for the stage that is an end as well. */
static void down(void)
{
	struct list *n, *tmp;

	list_each(&stage.env.sessions, n, tmp)
		container_of(n, struct session, node)->cut(container_of(n, struct session, node), "the end");
	for (unsigned i = 0; i < stage.n_clients; i++)
		if (stage.clients[i].how == END_BROKEN)
			stage.clients[i].how = END_CLOSED;
	stage_close();
}

/* A client comes; what it says before the box is connected is said in the same turn. */
static void client_says(const char *early)
{
	struct addr peer = { .port = 51000 };
	struct err e;
	unsigned i = stage.n_clients++, before = stage.env.n_sessions;

	ck_assert_uint_lt(i, STAGE_CLIENTS);
	ck_assert_int_eq(ip_parse(str_z(stage.from), &peer.ip, &e), 0);
	ck_assert(take_cluster_session(stage.shm, 0, stage.cluster.shm, 0));
	tcp_session_start(&stage.env, &stage.cluster, -1, &peer);
	if (stage.env.n_sessions == before) { /* no box for it */
		stage.clients[i].how = END_CLOSED;
		stage_turn();
		return;
	}
	stage.sessions[i] = container_of(stage.env.sessions.prev, struct session, node);
	stage_watch(&stage.sessions[i]->io, &stage.clients[i]);
	if (*early)
		io_memory_feed(&stage.sessions[i]->io, str_z(early));
	stage_turn();
}

#define PLAY_LINES(...) play_lines((const char *const[]){ __VA_ARGS__, NULL })

static void copy_row(void *arg, const struct session_row *r)
{
	*(struct session_row *)arg = *r;
}

/* --- a session --- */

START_TEST(there_and_back)
{
	struct session_row row = { .box = -2 };

	client_says("");
	PLAY_LINES("A is open", "C: hello", "A> hello", "A< and you", "S: and you",
		   "count A sessions 1", "count A sessions_total 1", "count sessions 1",
		   "logged 1-1 tcp joined box=A");
	session_rows_each(stage.shm, 0, copy_row, &row);
	ck_assert_int_eq(row.box, stage.boxes[0].shm);
	PLAY_LINES("C closes", "A is open", "A closes", "C is closed closed", "A is closed",
		   "count A sessions 0", "count sessions 0", "count bytes_in 7", "count bytes_out 9",
		   "count A bytes 7", "logged disconnected reason=\"closed\" in=7 out=9");
}
END_TEST

/* Either half may end before the other; the other goes on. */
START_TEST(half_closes)
{
	struct tcp_session *t;

	client_says("");
	t = of(stage.sessions[0]);
	PLAY_LINES("C: last", "C closes", "A> last");
	ck_assert(t->box.shut && !t->s.io.shut);
	PLAY_LINES("A< long", "S: long", "A< answer", "S: answer", "A closes", "C is closed closed");
}
END_TEST

START_TEST(box_ends_first)
{
	struct tcp_session *t;

	client_says("");
	t = of(stage.sessions[0]);
	PLAY_LINES("A< bye", "S: bye", "A closes");
	ck_assert(t->s.io.shut && !t->box.shut);
	PLAY_LINES("C: more", "A> more", "C closes", "C is closed closed", "A is closed");
}
END_TEST

/* --- before the box is connected --- */

START_TEST(early_bytes_wait)
{
	stage.dial[0] = DIAL_HANGS;
	client_says("one\r\n");
	PLAY_LINES("C+ two", "A is none", "count A sessions 1", "dial A works",
		   "A connects", "A> one", "A> two", "A is open");
}
END_TEST

START_TEST(early_end_passes)
{
	stage.dial[0] = DIAL_HANGS;
	client_says("all\r\n");
	PLAY_LINES("C closes", "dial A works", "A connects", "A> all");
	ck_assert(of(stage.sessions[0])->box.shut);
	PLAY_LINES("A< answer", "S: answer", "A closes", "C is closed closed");
}
END_TEST

/* No more than its buffer holds is read before there is somebody to take it. */
START_TEST(early_flood_is_bounded)
{
	static char flood[3 * LIMIT_SESSION_IN];
	struct tcp_session *t;

	memset(flood, 'x', sizeof(flood) - 1);
	stage.dial[0] = DIAL_HANGS;
	client_says("");
	io_memory_feed(stage.clients[0].io, str_z(flood));
	stage_turn();
	t = of(stage.sessions[0]);
	ck_assert_uint_eq(io_data(&t->s.io).n, LIMIT_SESSION_IN);
	PLAY_LINES("dial A works", "A connects");
	stage_turn();
	ck_assert_uint_eq(play_written(&stage.legs[0]).n, sizeof(flood) - 1);
	stage.legs[0].read = sizeof(flood) - 1;
}
END_TEST

START_TEST(client_goes_early)
{
	boxes_failed(stage.shm, stage.boxes[0].shm,
		     loop_now(stage.env.loop) - BOX_PASSOVER_MAX_MS, "test");
	stage.dial[0] = DIAL_HANGS;
	client_says("");
	/* what the real dial does: nobody else tries it meanwhile */
	ck_assert(boxes_usable(stage.shm, stage.boxes[0].shm, loop_now(stage.env.loop)));
	ck_assert(!boxes_fit(stage.shm, stage.boxes[0].shm, loop_now(stage.env.loop)));
	PLAY_LINES("C resets", "C is closed client lost", "count A sessions 0", "A is none");
	/* the next may try it */
	ck_assert(boxes_fit(stage.shm, stage.boxes[0].shm, loop_now(stage.env.loop)));
}
END_TEST

/* --- boxes that cannot be connected to --- */

START_TEST(another_is_tried)
{
	client_says("");
	PLAY_LINES("A is open"); /* the turn is at X now */
	stage.boxes[2].fallover = 0;
	PLAY_LINES("dial X refused");
	stage.from = "10.0.0.2";
	client_says("hi\r\n");
	PLAY_LINES("A2> hi", "logged 1-2 tcp tries another box=X - Connection refused, while=\"connect\"",
		   "logged 1-2 tcp joined box=A", "count X failures 1",
		   "count X sessions 0", "count A sessions 2");
	/* it is passed over now, without a try */
	ck_assert(!boxes_fit(stage.shm, stage.boxes[2].shm, loop_now(stage.env.loop)));
	client_says("");
	client_says("");
	PLAY_LINES("count X failures 1");
}
END_TEST

START_TEST(none_is_left)
{
	PLAY_LINES("dial A refused", "dial B refused", "dial X refused");
	client_says("hi\r\n");
	PLAY_LINES("C is closed no box is in service", "count A failures 1",
		   "count B failures 1", "count X failures 1", "count refused_temporary 1",
		   "logged 1-1 tcp put off box=- - no box is in service");
	client_says(""); /* all are passed over: at once */
	PLAY_LINES("count refused_temporary 2", "count A failures 1", "count sessions 0",
		   "count sessions_total 2");
}
END_TEST

/* Trouble of ours blames no box. */
START_TEST(no_descriptors)
{
	struct tcp_session *t;

	for (int i = 0; i < 3; i++)
		stage.dial[i] = DIAL_HANGS;
	client_says("");
	t = of(stage.sessions[0]);
	for (int i = 0; i < 3; i++)
		on_dial(&t->dial, -1, EMFILE);
	stage_turn();
	PLAY_LINES("C is closed no box is in service", "count A sessions 0", "count B failures 1",
		   "count X sessions 0", "logged tcp tries another box=A - Too many open files");
	for (int i = 0; i < 3; i++)
		ck_assert(boxes_fit(stage.shm, stage.boxes[i].shm, loop_now(stage.env.loop)));
}
END_TEST

START_TEST(full_boxes)
{
	stage.cluster.n_boxes = 2;
	for (int i = 0; i < 2; i++)
		stage.boxes[i].row.max_sessions = 1;
	for (int i = 0; i < 3; i++)
		client_says("");
	PLAY_LINES("count A sessions 1", "count B sessions 1", "count refused_temporary 1",
		   "C closes", "B closes", "C is closed closed");
	client_says("");
	PLAY_LINES("B2 is open", "count B sessions_total 2", "count refused_temporary 1");
}
END_TEST

/* Another worker takes the last place between the choice and the taking. */
static struct topo_box *late_balance(struct env *env, const struct topo_cluster *c,
				     const struct ipaddr *client, int failed,
				     struct balance_tried *tried)
{
	struct topo_box *b = real_balance(env, c, client, failed, tried);

	if (b == &stage.boxes[0])
		count_box(stage.shm, 0, b->shm, BC_sessions, 1);
	return b;
}

START_TEST(last_place_is_taken)
{
	stage.boxes[0].row.max_sessions = 1;
	asks.balance = late_balance;
	client_says("hi\r\n");
	PLAY_LINES("count A sessions_total 0", "count B sessions 1", "B> hi");
	count_box(stage.shm, 0, stage.boxes[0].shm, BC_sessions, -1);
}
END_TEST

/* --- PROXY --- */

START_TEST(proxy_with_early_bytes)
{
	stage.boxes[0].client_info = INFO_PROXY_V1;
	stage.dial[0] = DIAL_HANGS;
	client_says("EHLO\r\n");
	ck_assert_int_eq(ip_parse(STR("192.0.2.1"), &stage.sessions[0]->local.ip, NULL), 0);
	stage.sessions[0]->local.port = 25;
	PLAY_LINES("dial A works", "A connects", "A> PROXY TCP4 10.11.12.13 192.0.2.1 51000 25",
		   "A> EHLO", "A< 220 x", "S: 220 x");
}
END_TEST

/* The box speaks first, and it waits for the header. */
START_TEST(proxy_without)
{
	stage.boxes[0].client_info = (enum client_info[]){ INFO_PROXY_V1, INFO_PROXY_V2 }[_i];
	stage.dial[0] = DIAL_HANGS;
	client_says("");
	ck_assert_int_eq(ip_parse(STR("192.0.2.1"), &stage.sessions[0]->local.ip, NULL), 0);
	PLAY_LINES("dial A works", "A connects");
	if (_i == 0)
		PLAY_LINES("A> PROXY TCP4 10.11.12.13 192.0.2.1 51000 0");
	else
		ck_assert_uint_eq(play_written(&stage.legs[0]).n, 28);
	stage.legs[0].read = play_written(&stage.legs[0]).n;
	PLAY_LINES("A< 220 x", "S: 220 x", "C: hi", "A> hi");
}
END_TEST

/* --- lights --- */

static struct topology newer;
static struct topo_cluster newer_cluster;
static struct topo_box newer_boxes[3];

/* A box's light changes, as a worker learns of it: by a topology of its own. */
static void light(int box, enum light light)
{
	newer_cluster = stage.cluster;
	memcpy(newer_boxes, stage.boxes, sizeof(newer_boxes));
	newer_cluster.boxes = newer_boxes;
	newer_boxes[box].light = light;
	newer = (struct topology){ .clusters = &newer_cluster, .n_clusters = 1, .refs = 1 };
	stage.env.topology = &newer;
	sessions_reconfigured(&stage.env);
	stage_turn();
}

START_TEST(yellow_lets_them_go_on)
{
	client_says("");
	light(0, LIGHT_YELLOW);
	PLAY_LINES("C: hi", "A> hi", "A is open");
	stage.env.topology = &stage.topology;
}
END_TEST

START_TEST(red_cuts)
{
	client_says("");
	client_says("");
	PLAY_LINES("C: hi", "A> hi", "X is open");
	light(0, LIGHT_RED);
	PLAY_LINES("C is broken", "A is broken", "C2 is open", "X is open", "count A sessions 0",
		   "logged 1-1 disconnected reason=\"the box was taken off, try again later\" in=4 out=0");
	stage.env.topology = &stage.topology;
}
END_TEST

/* A light that changes while a box is being connected to: the session goes elsewhere. */
START_TEST(light_while_connecting)
{
	static const enum light lights[] = { LIGHT_YELLOW, LIGHT_RED };

	stage.dial[0] = DIAL_HANGS;
	client_says("hi\r\n");
	light(0, lights[_i]);
	PLAY_LINES("C is open", "dial A works");
	/* the stage's dial knows boxes by their place */
	newer_cluster.boxes = stage.boxes;
	stage.boxes[0].light = lights[_i];
	PLAY_LINES("A connects", "B> hi", "A is none", "count A sessions 0", "count B sessions 1",
		   "logged 1-1 tcp tries another box=A - its light has changed");
	stage.env.topology = &stage.topology;
	stage.boxes[0].light = LIGHT_GREEN;
}
END_TEST

/* The next box is one of the cluster as it is now. */
START_TEST(boxes_change_while_connecting)
{
	stage.dial[0] = DIAL_HANGS;
	client_says("hi\r\n");
	newer_cluster = stage.cluster;
	newer_cluster.boxes = &stage.boxes[3];
	newer_cluster.n_boxes = 1;
	stage.boxes[3].row.weight = 1;
	newer = (struct topology){ .clusters = &newer_cluster, .n_clusters = 1, .refs = 1 };
	stage.env.topology = &newer;
	sessions_reconfigured(&stage.env);
	PLAY_LINES("dial A refused", "A connects", "Y> hi");
	ck_assert_uint_eq(newer.refs, 2);
	stage.sessions[0]->cut(stage.sessions[0], "the end");
	ck_assert_uint_eq(newer.refs, 1);
	stage.env.topology = &stage.topology;
}
END_TEST

START_TEST(cluster_gone)
{
	client_says("");
	newer = (struct topology){ .refs = 1 };
	stage.env.topology = &newer;
	sessions_reconfigured(&stage.env);
	PLAY_LINES("C: hi", "A> hi", "A< hi", "S: hi");
	stage.env.topology = &stage.topology;
}
END_TEST

/* --- ends --- */

START_TEST(idle)
{
	client_says("");
	for (int i = 0; i < 4; i++) /* bytes of either side keep it */
		PLAY_LINES("pass 20000", "C: hi", "A> hi", "pass 20000", "A< ho", "S: ho");
	PLAY_LINES("pass 40000", "C is closed time-out", "A is closed",
		   "count timeouts 1", "count A sessions 0");
}
END_TEST

START_TEST(client_breaks)
{
	client_says("");
	PLAY_LINES("C resets", "C is closed client lost", "A is closed", "count A sessions 0");
}
END_TEST

START_TEST(box_breaks)
{
	client_says("");
	PLAY_LINES("A resets", "C is closed box lost", "A is closed", "count A sessions 0");
	/* what happens in a session says nothing about its box */
	ck_assert(boxes_fit(stage.shm, stage.boxes[0].shm, loop_now(stage.env.loop)));
}
END_TEST

START_TEST(service_stops)
{
	client_says("");
	stage.sessions[0]->cut(stage.sessions[0], "service is stopping");
	stage_turn();
	PLAY_LINES("C is broken", "A is broken", "count A sessions 0", "count sessions 0",
		   "logged disconnected reason=\"service is stopping\"");
}
END_TEST

START_TEST(stops_while_connecting)
{
	stage.dial[0] = DIAL_HANGS;
	client_says("hi\r\n");
	stage.sessions[0]->cut(stage.sessions[0], "service is stopping");
	stage_turn();
	PLAY_LINES("C is broken", "A is none", "count A sessions 0", "count sessions 0");
}
END_TEST

/* A success ends the pass-over for all. */
START_TEST(a_box_comes_back)
{
	boxes_failed(stage.shm, stage.boxes[0].shm,
		     loop_now(stage.env.loop) - BOX_PASSOVER_MAX_MS, "test");
	client_says("");
	PLAY_LINES("A is open");
	ck_assert_uint_eq(boxes_health(stage.shm, stage.boxes[0].shm, 0).failures, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp_server");
	TCase *t = tcase_create("tcp_server");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, up, down);
	tcase_add_test(t, there_and_back);
	tcase_add_test(t, half_closes);
	tcase_add_test(t, box_ends_first);
	tcase_add_test(t, early_bytes_wait);
	tcase_add_test(t, early_end_passes);
	tcase_add_test(t, early_flood_is_bounded);
	tcase_add_test(t, client_goes_early);
	tcase_add_test(t, another_is_tried);
	tcase_add_test(t, none_is_left);
	tcase_add_test(t, no_descriptors);
	tcase_add_test(t, full_boxes);
	tcase_add_test(t, last_place_is_taken);
	tcase_add_test(t, proxy_with_early_bytes);
	tcase_add_loop_test(t, proxy_without, 0, 2);
	tcase_add_test(t, yellow_lets_them_go_on);
	tcase_add_test(t, red_cuts);
	tcase_add_loop_test(t, light_while_connecting, 0, 2);
	tcase_add_test(t, boxes_change_while_connecting);
	tcase_add_test(t, cluster_gone);
	tcase_add_test(t, idle);
	tcase_add_test(t, client_breaks);
	tcase_add_test(t, box_breaks);
	tcase_add_test(t, service_stops);
	tcase_add_test(t, stops_while_connecting);
	tcase_add_test(t, a_box_comes_back);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
