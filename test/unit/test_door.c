/* The door: who is let in, what the others hear, how they are counted and logged. */
#include "lib/session/door.c"

#include <fcntl.h>
#include <netinet/in.h>

#include "session/play.h"

static void up(void)
{
	stage_open();
	play_name = "door";
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

static uint64_t sessions_of(const char *ip)
{
	struct addr peer = peer_of(ip);

	return client_sessions(stage.shm, client_key(stage.shm, stage.cluster.shm, &peer.ip));
}

/* --- the cluster's limits --- */

/* What a client reads who comes to cluster c; "" when it is let in and has got its greeting. */
static const char *at_the_door(struct topo_cluster *c, const char *ip, int *fd)
{
	static char text[300];
	struct addr peer = peer_of(ip);
	int pair[2];
	ssize_t n;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	session_accept(&stage.env, c, pair[0], &peer);
	stage_turn();
	n = read(pair[1], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	*fd = pair[1];
	return text;
}

/* The connection is closed behind the words. */
static void turned_away(struct topo_cluster *c, const char *ip, const char *words)
{
	char more;
	int fd;

	ck_assert_str_eq(at_the_door(c, ip, &fd), words);
	ck_assert_int_eq(read(fd, &more, 1), 0);
	close(fd);
	ck_assert_uint_eq(stage.env.n_sessions, 0);
	ck_assert_int_eq(counter_cluster(stage.shm, -1, c->shm, CC_sessions), 0);
}

START_TEST(blocked)
{
	struct err e;
	int fd;

	ck_assert_int_eq(ranges_parse(STR("10.11.12.0-10.11.12.255"), &stage.cluster.block, &e), 0);
	turned_away(&stage.cluster, "10.11.12.13", "550 " BLACKLISTED);
	play_line("count refused_connections 1");
	play_line("logged refused at connect cluster=MX: block_ranges");
	ck_assert_str_eq(at_the_door(&stage.cluster, "10.11.13.13", &fd), "220 mx.t ESMTP\r\n");
	close(fd);
	stage_turn();
	stage.cluster.protocol = PROTO_POP3;
	turned_away(&stage.cluster, "10.11.12.13", "-ERR " BLACKLISTED);
	ranges_free(&stage.cluster.block);
}
END_TEST

START_TEST(crowded)
{
	int one, two, three;

	stage.cluster.row.max_connections = 2;
	ck_assert_str_eq(at_the_door(&stage.cluster, "10.0.0.1", &one), "220 mx.t ESMTP\r\n");
	ck_assert_str_eq(at_the_door(&stage.cluster, "10.0.0.2", &two), "220 mx.t ESMTP\r\n");
	ck_assert_str_eq(at_the_door(&stage.cluster, "10.0.0.3", &three),
			 "421 4.3.2 too many connections, try again later\r\n");
	play_line("count sessions 2");
	play_line("count refused_connections 1");
	play_line("logged refused at connect cluster=MX: max_connections");
	close(three);
	close(one);
	stage_turn();
	ck_assert_str_eq(at_the_door(&stage.cluster, "10.0.0.3", &three), "220 mx.t ESMTP\r\n");
	play_line("count sessions_total 3");
	close(two);
	close(three);
	stage_turn();
	stage.cluster.protocol = PROTO_POP3;
	stage.cluster.row.max_connections = 1;
	ck_assert(take_cluster_session(stage.shm, 0, stage.cluster.shm, 0));
	ck_assert_str_eq(at_the_door(&stage.cluster, "10.0.0.4", &one),
			 "-ERR [SYS/TEMP] too many connections, try again later\r\n");
	close(one);
	count_cluster(stage.shm, 0, stage.cluster.shm, CC_sessions, -1);
}
END_TEST

START_TEST(no_such_protocol)
{
	stage.cluster.protocol = PROTO_IMAP;
	turned_away(&stage.cluster, "10.0.0.1", "");
	play_line("logged no such protocol yet");
}
END_TEST

/* The limits at the door hold here, too; nothing can be said in a protocol that we do not know. */
START_TEST(plain_tcp)
{
	struct err e;
	int fd;

	stage.cluster.protocol = PROTO_TCP;
	ck_assert_int_eq(ranges_parse(STR("10.11.12.0-10.11.12.255"), &stage.cluster.block, &e), 0);
	turned_away(&stage.cluster, "10.11.12.13", "");
	play_line("logged refused at connect cluster=MX: block_ranges");
	stage.cluster.row.tls_required = 1;
	turned_away(&stage.cluster, "10.0.0.1", "");
	stage.cluster.row.tls_required = 0;
	stage.cluster.row.max_connections = 1;
	ck_assert(take_cluster_session(stage.shm, 0, stage.cluster.shm, 0));
	ck_assert_str_eq(at_the_door(&stage.cluster, "10.0.0.1", &fd), "");
	play_line("logged refused at connect cluster=MX: max_connections");
	play_line("count refused_connections 3");
	close(fd);
	count_cluster(stage.shm, 0, stage.cluster.shm, CC_sessions, -1);
	ranges_free(&stage.cluster.block);
}
END_TEST

/* It has gone before it could be told. */
START_TEST(refused_and_gone)
{
	struct addr peer = peer_of("10.0.0.1");
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	close(pair[1]);
	stage.cluster.row.max_connections = 1;
	ck_assert(take_cluster_session(stage.shm, 0, stage.cluster.shm, 0));
	session_accept(&stage.env, &stage.cluster, pair[0], &peer);
	count_cluster(stage.shm, 0, stage.cluster.shm, CC_sessions, -1);
	ck_assert_int_eq(fcntl(pair[0], F_GETFD), -1);
	play_line("logged refused and gone");
	play_line("count refused_connections 1");
}
END_TEST

/* --- limits of one client --- */

#define GREETING "220 mx.t ESMTP\r\n"
#define OFTEN_SMTP "421 4.7.0 too many connections from your address, try again later\r\n"
#define OFTEN_POP3 \
	"-ERR [SYS/TEMP] too many connections from your address, try again later\r\n"
#define MANY_SMTP \
	"421 4.7.0 too many sessions from your address at once, try again later\r\n"
#define MANY_POP3 \
	"-ERR [SYS/TEMP] too many sessions from your address at once, try again later\r\n"

static void comes_and_goes(const char *ip)
{
	int fd;

	ck_assert_str_eq(at_the_door(&stage.cluster, ip, &fd), GREETING);
	close(fd);
	stage_turn();
	ck_assert_uint_eq(stage.env.n_sessions, 0);
}

/* An interval begins with the first connection; in it so many are let in, and refused tries do not
 * make it longer. */
START_TEST(too_often)
{
	stage.cluster.row.max_client_connections = 3;
	for (int i = 0; i < 3; i++)
		comes_and_goes("10.0.0.1");
	turned_away(&stage.cluster, "10.0.0.1", OFTEN_SMTP);
	play_line("count refused_client_rate 1");
	play_line("count refused_connections 0");
	play_line("logged refused at connect cluster=MX: max_client_connections");
	comes_and_goes("10.0.0.2");
	pass(50000);
	stage_turn();
	turned_away(&stage.cluster, "10.0.0.1", OFTEN_SMTP);
	pass(10000);
	stage_turn();
	comes_and_goes("10.0.0.1");
	stage.cluster.protocol = PROTO_POP3;
	stage.cluster.row.max_client_connections = 1;
	turned_away(&stage.cluster, "10.0.0.1", OFTEN_POP3);
	stage.cluster.protocol = PROTO_TCP;
	turned_away(&stage.cluster, "10.0.0.1", "");
	play_line("count refused_client_rate 4");
}
END_TEST

START_TEST(silence_is_forgotten)
{
	stage.cluster.row.max_client_connections = 1;
	stage.cluster.row.max_client_connections_interval_s = DEC(86400);
	stage.topology.settings.ip_dictionary_expiry_s = DEC(61) / 2;
	comes_and_goes("10.0.0.1");
	turned_away(&stage.cluster, "10.0.0.1", OFTEN_SMTP);
	pass(20000);
	stage_turn();
	turned_away(&stage.cluster, "10.0.0.1", OFTEN_SMTP);
	pass(31000);
	stage_turn();
	comes_and_goes("10.0.0.1");
}
END_TEST

START_TEST(too_many)
{
	int one, two, three;

	stage.cluster.row.max_client_concurrent = 2;
	ck_assert_str_eq(at_the_door(&stage.cluster, "2001:db8::1", &one), GREETING);
	ck_assert_str_eq(at_the_door(&stage.cluster, "2001:db8::2:1", &two), GREETING);
	ck_assert_str_eq(at_the_door(&stage.cluster, "2001:db8::3", &three), MANY_SMTP);
	close(three);
	play_line("count refused_client_sessions 1");
	play_line("count refused_connections 0");
	play_line("count sessions 2");
	play_line("logged refused at connect cluster=MX: max_client_concurrent");
	ck_assert_str_eq(at_the_door(&stage.cluster, "2001:db8:0:1::1", &three), GREETING);
	close(three);
	stage.cluster.protocol = PROTO_POP3;
	ck_assert_str_eq(at_the_door(&stage.cluster, "2001:db8::3", &three), MANY_POP3);
	close(three);
	stage.cluster.protocol = PROTO_TCP;
	ck_assert_str_eq(at_the_door(&stage.cluster, "2001:db8::3", &three), "");
	close(three);
	stage.cluster.protocol = PROTO_SMTP;
	close(one);
	stage_turn();
	ck_assert_str_eq(at_the_door(&stage.cluster, "2001:db8::3", &three), GREETING);
	ck_assert_uint_eq(sessions_of("2001:db8::9"), 2);
	close(two);
	close(three);
	stage_turn();
	ck_assert_uint_eq(stage.env.n_sessions, 0);
	ck_assert_uint_eq(sessions_of("2001:db8::9"), 0);
}
END_TEST

/* Whom the cluster has no room for takes no place of his own. */
START_TEST(full_takes_nothing)
{
	int fd;

	stage.cluster.row.max_connections = 1;
	ck_assert(take_cluster_session(stage.shm, 0, stage.cluster.shm, 0));
	for (int i = 0; i < 3; i++) {
		ck_assert_str_eq(at_the_door(&stage.cluster, "10.0.0.1", &fd),
				 "421 4.3.2 too many connections, try again later\r\n");
		close(fd);
	}
	ck_assert_uint_eq(sessions_of("10.0.0.1"), 0);
	count_cluster(stage.shm, 0, stage.cluster.shm, CC_sessions, -1);
}
END_TEST

/* Boxes, listed servers and proxies; a box on loopback is nobody that is known. */
static const struct {
	const char *whitelist, *proxies, *box, *client;
	bool limited;
} favoured[] = {
	{ "", "", "10.9.9.9", "10.0.0.1", true },
	{ "10.0.0.0/24", "", "10.9.9.9", "10.0.0.1", false },
	{ "10.0.1.0/24", "", "10.9.9.9", "10.0.0.1", true },
	{ "", "10.0.0.1", "10.9.9.9", "10.0.0.1", false },
	{ "", "", "10.0.0.1", "10.0.0.1", false },
	{ "", "", "127.0.0.1", "127.0.0.1", true },
	{ "127.0.0.0/8", "", "127.0.0.1", "127.0.0.1", false },
};

START_TEST(favour)
{
	const char *client = favoured[_i].client;
	struct topo_cluster *c = &stage.cluster;
	struct err e;
	int fd[4];

	ck_assert_int_eq(ranges_parse(str_z(favoured[_i].whitelist), &c->spam_whitelist, &e), 0);
	ck_assert_int_eq(ranges_parse(str_z(favoured[_i].proxies), &c->proxy, &e), 0);
	stage.boxes[1].addr = peer_of(favoured[_i].box);
	c->row.max_client_connections = 3;
	c->row.max_client_concurrent = 2;
	for (int i = 0; i < 4; i++) {
		const char *said = at_the_door(c, client, &fd[i]);
		const char *no = i < 2 ? GREETING : i < 3 ? MANY_SMTP : OFTEN_SMTP;

		ck_assert_str_eq(said, favoured[_i].limited ? no : GREETING);
	}
	ck_assert_uint_eq(sessions_of(client), favoured[_i].limited ? 2 : 4);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	stage_turn();
	ck_assert_uint_eq(sessions_of(client), 0);
	ranges_free(&c->spam_whitelist);
	ranges_free(&c->proxy);
}
END_TEST

/* Any try counts, also one that is refused for something else. */
START_TEST(blocked_tries_count)
{
	struct addr peer = peer_of("10.0.0.1");
	struct dictionary_entry entry;
	struct err e;

	ck_assert_int_eq(ranges_parse(STR("10.0.0.1"), &stage.cluster.block, &e), 0);
	for (int i = 0; i < 5; i++)
		turned_away(&stage.cluster, "10.0.0.1", "550 " BLACKLISTED);
	ck_assert(dictionary_get(stage.shm, client_key(stage.shm, stage.cluster.shm, &peer.ip),
				 60000, 3600000, loop_now(stage.env.loop), &entry));
	ck_assert_uint_eq(entry.connections, 5);
	ranges_free(&stage.cluster.block);
}
END_TEST

/* Of a thousand refusals in a second few are logged, and how many were not. */
START_TEST(no_flood_of_lines)
{
	struct addr peer = peer_of("10.0.0.1");
	unsigned lines = 0;
	int pair[2];

	stage.cluster.row.max_client_connections = 1;
	comes_and_goes("10.0.0.1");
	for (int i = 0; i < 1000; i++) { /* in one turn, hence in one second */
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
		session_accept(&stage.env, &stage.cluster, pair[0], &peer);
		close(pair[1]);
	}
	for (const char *at = stage.log; (at = strstr(at, "refused at connect")); at++)
		lines++;
	ck_assert_uint_eq(lines, LIMIT_DOOR_LOG);
	play_line("count refused_client_rate 1000");
	pass(2000);
	stage_turn();
	turned_away(&stage.cluster, "10.0.0.1", OFTEN_SMTP);
	play_line("logged refused at connect cluster=MX: max_client_connections; 990 more refusals "
		  "were not logged");
	turned_away(&stage.cluster, "10.0.0.1", OFTEN_SMTP);
	ck_assert_ptr_null(strstr(strstr(stage.log, "990 more refusals") + 10, "more refusals"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("door");
	TCase *t = tcase_create("door");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, up, down);
	tcase_add_test(t, blocked);
	tcase_add_test(t, crowded);
	tcase_add_test(t, no_such_protocol);
	tcase_add_test(t, plain_tcp);
	tcase_add_test(t, refused_and_gone);
	tcase_add_test(t, too_often);
	tcase_add_test(t, silence_is_forgotten);
	tcase_add_test(t, too_many);
	tcase_add_test(t, full_takes_nothing);
	tcase_add_loop_test(t, favour, 0, (int)ARRAY_LEN(favoured));
	tcase_add_test(t, blocked_tries_count);
	tcase_add_test(t, no_flood_of_lines);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
