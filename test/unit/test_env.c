/* env: what sessions ask, their birth and end, a new topology, the bell. */
#include "lib/session/env.c"

#include <netinet/in.h>

#include "session/play.h"
#define count rig_count /* env.c has one of its own */
#include "unit/store_rig.h"
#undef count
#include "unit/sockets.h"

static void up(void)
{
	stage_open();
	play_name = "env";
}

static void down(void)
{
	stage_close();
}

static struct addr peer_of(const char *ip)
{
	struct addr a = { .port = 1 };
	struct err e;

	ck_assert_int_eq(ip_parse(str_z(ip), &a.ip, &e), 0);
	return a;
}

/* Where a client came to: the address that its socket has here. */
START_TEST(local_address)
{
	struct addr peer = peer_of("127.0.0.1"), local;
	int fd[2];

	l = stage.env.loop;
	tcp_pair(fd, 0);
	session_accept(&stage.env, &stage.cluster, fd[0], &peer);
	local = container_of(stage.env.sessions.next, struct session, node)->local;
	ck_assert(ip_eq(&local.ip, &peer.ip));
	ck_assert_uint_ne(local.port, 0);
	close(fd[1]);
	stage_turn();
}
END_TEST

/* --- birth and end --- */

static unsigned rooms;

static void room(struct env *env)
{
	ck_assert_ptr_eq(env, &stage.env);
	rooms++;
}

static void count_row(void *arg, const struct session_row *r)
{
	++*(unsigned *)arg;
	ck_assert_int_eq(r->cluster, stage.cluster.shm);
	ck_assert_int_eq(r->box, -1);
}

START_TEST(life)
{
	unsigned rows = 0;

	stage.env.room = room;
	rooms = 0;
	stage_client();
	stage_client();
	session_rows_each(stage.shm, 0, count_row, &rows);
	ck_assert_uint_eq(rows, 2);
	ck_assert_uint_eq(stage.topology.refs, 3);
	ck_assert_str_eq(stage.sessions[0]->sid, "1-1");
	ck_assert_str_eq(stage.sessions[1]->sid, "1-2");
	play_line("count sessions 2");
	play_line("logged 1-2 connected cluster=MX");
	play_line("S: 220*");
	play_line("S2: 220*");
	play_line("C2: QUIT");
	play_line("S2: 221*");
	play_line("logged 1-2 disconnected reason=\"quit\" in=6 out=31 seconds=");
	ck_assert_uint_eq(rooms, 1);
	rows = 0;
	session_rows_each(stage.shm, 0, count_row, &rows);
	ck_assert_uint_eq(rows, 1);
	ck_assert_uint_eq(stage.topology.refs, 2);
	play_line("count bytes_in 6");
	play_line("count bytes_out 31");
}
END_TEST

/* --- a new topology --- */

static struct topology newer;
static struct topo_cluster newer_cluster;

static void reconfigure(void)
{
	newer_cluster = stage.cluster;
	newer = (struct topology){ .clusters = &newer_cluster, .n_clusters = 1, .refs = 1 };
	stage.env.topology = &newer;
	sessions_reconfigured(&stage.env);
	stage_turn();
}

/* Sessions of clusters that are as they were go on with the new one, the others with theirs. */
static const struct {
	const char *name;
	int shm_more;
	enum protocol protocol;
	bool moves;
} refreshes[] = {
	{ "MX", 0, PROTO_SMTP, true },
	{ "GONE", 0, PROTO_SMTP, false },
	{ "MX", 1, PROTO_SMTP, false },
	{ "MX", 0, PROTO_POP3, false },
};

START_TEST(refresh)
{
	struct session *s;

	stage_client();
	s = stage.sessions[0];
	session_refresh(s);
	ck_assert_ptr_eq(s->topology, &stage.topology);
	reconfigure();
	newer_cluster.row.clusterid = str_z(refreshes[_i].name);
	newer_cluster.shm += refreshes[_i].shm_more;
	newer_cluster.protocol = refreshes[_i].protocol;
	session_refresh(s);
	ck_assert_ptr_eq(s->topology, refreshes[_i].moves ? &newer : &stage.topology);
	ck_assert_ptr_eq(s->cluster, refreshes[_i].moves ? &newer_cluster : &stage.cluster);
	ck_assert_uint_eq(stage.topology.refs, refreshes[_i].moves ? 1 : 2);
	ck_assert_uint_eq(newer.refs, refreshes[_i].moves ? 2 : 1);
	play_line("S: 220*");
	play_line("C: QUIT");
	play_line("S: 221*");
	ck_assert_uint_eq(stage.topology.refs + newer.refs, 2);
	stage.env.topology = &stage.topology;
}
END_TEST

/* Red cuts those who use the box, and them alone; pools are emptied in any case. */
START_TEST(red)
{
	static const char *const mails[] = { SCENE_A,
					     "another client",
					     "C2 hello",
					     "C2: MAIL FROM:<s@t>",
					     "S2: 250*",
					     "C2: RCPT TO:<b1@t>",
					     "B hello",
					     "B> MAIL FROM:<s@t>",
					     "B> RCPT TO:<b1@t>",
					     "B< 250 ok",
					     "B< 250 ok",
					     "S2: 250*",
					     "red B",
					     "S2: 421 4.3.2 the box was taken off, try again later",
					     "C2 is closed",
					     "C is open",
					     "B> QUIT",
					     "A is open",
					     NULL };

	stage_client();
	play_lines(mails);
}
END_TEST

/* Yellow boxes keep the sessions they have; connections that wait are made anew in any case. */
START_TEST(yellow)
{
	static const char *const mails[] = { SCENE_BODY_A,
					     "A< 250 ok",
					     "S: 250*",
					     "A is open",
					     "C: MAIL FROM:<s@t>",
					     "S: 250*",
					     SCENE_RCPT("B", "b1@t"),
					     "yellow B",
					     NULL };

	stage_client();
	play_lines(mails);
	sessions_reconfigured(&stage.env);
	stage_turn();
	play_line("A is broken");
	play_line("B is open");
	play_line("C: DATA");
	play_line("B> DATA");
}
END_TEST

/* A cluster that is gone is drained: its sessions go on. */
START_TEST(cluster_gone)
{
	stage_client();
	play_lines((const char *const[]){ SCENE_A, NULL });
	newer = (struct topology){ .refs = 1 };
	stage.env.topology = &newer;
	sessions_reconfigured(&stage.env);
	play_line("C: DATA");
	play_line("A> DATA");
	play_line("A< 354 go");
	play_line(SCENE_GO);
	stage.env.topology = &stage.topology;
}
END_TEST

/* --- the bell --- */

static unsigned bells;

static void bell(struct session *s)
{
	(void)s;
	bells++;
}

START_TEST(bell_for_all)
{
	stage_client();
	stage_client();
	bells = 0;
	stage.sessions[0]->bell = bell;
	sessions_bell(&stage.env);
	stage.sessions[1]->bell = bell;
	sessions_bell(&stage.env);
	stage.sessions[0]->bell = NULL;
	sessions_bell(&stage.env);
	ck_assert_uint_eq(bells, 4);
	play_line("S: 220*");
	play_line("S2: 220*");
}
END_TEST

/* --- the real answers --- */

static void put_at(const char *address, const char *boxid)
{
	struct account a = account_of(address, "secret");

	a.boxid = str_z(boxid);
	put(&table_accounts, &a);
}

START_TEST(real_routes)
{
	static const struct route_from nobody = { STR_INIT(""), STR_INIT(""), false };
	struct arena a = ARENA(100000);
	struct route_list list;
	struct topo_box *box;
	struct account acc;
	const struct asks *ask = &asks_real;
	struct balance_tried tried = { { 0 } };
	struct addr client = peer_of("10.0.0.1");

	rig_setup();
	stage.env.accounts = rig;
	put_at("a@t.example", "A");
	ck_assert_int_eq(ask->recipient(&stage.env, &stage.cluster, STR("a@t.example"),
					&nobody, &a, &list),
			 ROUTE_OK);
	ck_assert_ptr_eq(list.v[0].box, &stage.boxes[0]);
	ck_assert_int_eq(ask->recipient(&stage.env, &stage.cluster, STR("z@t.example"),
					&nobody, &a, &list),
			 ROUTE_UNKNOWN);
	ck_assert_int_eq(ask->account(&stage.env, STR("a@t.example"), &a, &acc), ROUTE_OK);
	ck_assert(str_eq(acc.user_password, STR("secret")));
	ck_assert_int_eq(ask->account(&stage.env, STR("z@t.example"), &a, &acc), ROUTE_UNKNOWN);
	ck_assert_int_eq(ask->box(&stage.env, &stage.cluster, STR("B"), &box), ROUTE_OK);
	ck_assert_ptr_eq(box, &stage.boxes[1]);
	boxes_failed(stage.shm, stage.boxes[1].shm, loop_now(stage.env.loop), "test");
	ck_assert_int_eq(ask->box(&stage.env, &stage.cluster, STR("B"), &box), ROUTE_BOX_DOWN);
	stage.cluster.n_boxes = 2;
	stage.boxes[0].row.weight = stage.boxes[1].row.weight = 1;
	ck_assert_ptr_eq(ask->balance(&stage.env, &stage.cluster, &client.ip, -1, &tried), &stage.boxes[0]);
	ck_assert_ptr_null(ask->balance(&stage.env, &stage.cluster, &client.ip, -1, &tried));
	arena_free(&a);
	rig_teardown();
}
END_TEST

START_TEST(real_ledger)
{
	struct arena a = ARENA(100000);
	struct ledger row = { .pair = STR("00112233445566778899aabbccddeeff"),
			      .digest = STR("ffeeddccbbaa99887766554433221100"),
			      .outcome = LEDGER_REFUSED,
			      .boxid = STR("A") };
	struct ledger got;

	ck_assert_int_eq(asks_real.ledger(&stage.env, row.pair, STR(""), &a, &got), 0);
	rig_make_dir();
	rig_open_env(STORE_TRAFFIC);
	row.expiry = clock_wall_ms() + AGE;
	put(&table_ledger, &row);
	stage.env.traffic_db = rig;
	ck_assert_int_eq(asks_real.ledger(&stage.env, row.pair, STR(""), &a, &got), LEDGER_REFUSED);
	ck_assert_int_eq(asks_real.ledger(&stage.env, row.pair, row.digest, &a, &got), LEDGER_REFUSED);
	ck_assert_int_eq(asks_real.ledger(&stage.env, row.pair, STR("x"), &a, &got), 0);
	pass(2 * AGE);
	ck_assert_int_eq(asks_real.ledger(&stage.env, row.pair, STR(""), &a, &got), 0);
	arena_free(&a);
	rig_teardown();
}
END_TEST

static int dialled_fd, dialled_error;

static void dialled(struct dial *d, int fd, int error)
{
	(void)d;
	dialled_fd = fd;
	dialled_error = error;
}

static char io_trace[8];

static void on_event(struct io *io, enum io_event what)
{
	(void)io;
	io_trace[strlen(io_trace)] = "DERF"[what];
}

/* A box on a real port: connected, and an io over it. A box that has failed is tried by one. */
START_TEST(real_dial)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
	struct topo_box *b = &stage.boxes[0];
	struct dial d = { .fd = -1 };
	struct io io = { 0 };

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&sin, n), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&sin, &n), 0);
	b->addr = peer_of("127.0.0.1");
	b->addr.port = ntohs(sin.sin_port);
	b->connect_timeout_ms = 1000000;
	dialled_fd = -2;
	asks_real.dial(&stage.env, &d, b, dialled);
	ck_assert_int_eq(dialled_fd, -2);
	for (int i = 0; i < 100000 && dialled_fd == -2; i++)
		loop_turn(stage.env.loop);
	ck_assert_int_ge(dialled_fd, 0);
	asks_real.leg_io(&stage.env, &io, dialled_fd, on_event);
	fd = accept(listener, NULL, NULL);
	ck_assert_int_eq(write(fd, "hi", 2), 2);
	for (int i = 0; i < 100000 && !*io_trace; i++)
		loop_turn(stage.env.loop);
	ck_assert_str_eq(io_trace, "D");
	io_close(&io);
	close(fd);
	close(listener);
}
END_TEST

START_TEST(real_dial_is_a_probe)
{
	struct topo_box *b = &stage.boxes[0];
	struct dial d = { .fd = -1 };
	int64_t now = loop_now(stage.env.loop);

	boxes_failed(stage.shm, b->shm, now - BOX_PASSOVER_MAX_MS, "test");
	ck_assert(boxes_fit(stage.shm, b->shm, now));
	b->addr = peer_of("127.0.0.1");
	b->addr.port = 1;
	asks_real.dial(&stage.env, &d, b, dialled);
	ck_assert(!boxes_fit(stage.shm, b->shm, now)); /* for others, while it is tried */
	dial_cancel(&d);
	stage.env.shm = NULL; /* sessions without shared memory dial as well */
	asks_real.dial(&stage.env, &d, b, dialled);
	dial_cancel(&d);
	stage.env.shm = stage.shm;
}
END_TEST

int main(void)
{
	Suite *s = suite_create("env");
	TCase *t = tcase_create("env");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, up, down);
	tcase_add_test(t, local_address);
	tcase_add_test(t, life);
	tcase_add_loop_test(t, refresh, 0, (int)ARRAY_LEN(refreshes));
	tcase_add_test(t, red);
	tcase_add_test(t, yellow);
	tcase_add_test(t, cluster_gone);
	tcase_add_test(t, bell_for_all);
	tcase_add_test(t, real_routes);
	tcase_add_test(t, real_ledger);
	tcase_add_test(t, real_dial);
	tcase_add_test(t, real_dial_is_a_probe);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
