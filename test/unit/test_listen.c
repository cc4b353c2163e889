/* listen: who accepts how many, and what happens when nobody can. */
#include <sys/socket.h>

static int counted_accept4(int fd, struct sockaddr *sa, socklen_t *n, int flags);
#define accept4 counted_accept4
#include "lib/net/listen.c"
#undef accept4

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "unit/sockets.h"
#include "unit/virtual_time.h"

static int accepts; /* calls of accept4 */
static int aborted; /* that many fail as when the client has gone already */

static int counted_accept4(int fd, struct sockaddr *sa, socklen_t *n, int flags)
{
	int probe;

	accepts++;
	if (aborted > 0) {
		aborted--;
		errno = ECONNABORTED;
		return -1;
	}
	probe = dup(fd); /* as the kernel: no number, no look at the queue. valgrind looks first */
	if (probe < 0)
		return -1;
	close(probe);
	return accept4(fd, sa, n, flags);
}

struct door {
	struct acceptor a;
	int got, room; /* room: connections it wants, -1 for all */
	bool stops;    /* at the first */
	struct addr peer;
};

static void got(struct acceptor *a, int fd, const struct addr *peer)
{
	struct door *d = container_of(a, struct door, a);
	int on = 0;
	socklen_t n = sizeof(on);

	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &n), 0);
	ck_assert_int_ne(on, 0);
	d->peer = *peer;
	d->got++;
	close(fd);
	if (d->stops)
		acceptor_stop(a);
}

static bool sated(struct acceptor *a)
{
	struct door *d = container_of(a, struct door, a);

	return d->room >= 0 && d->got >= d->room;
}

static int listener;
static struct sockaddr_storage where;
static socklen_t where_n;
static int clients[64], n_clients;

static void listens_on(const char *ip)
{
	struct addr a = { .port = 0 };
	struct err e;

	ck_assert_int_eq(ip_parse(str_z(ip), &a.ip, &e), 0);
	listener = listen_open(&a, &e);
	ck_assert_msg(listener >= 0, "%s", e.text);
	where_n = sizeof(where);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&where, &where_n), 0);
}

static void up(void)
{
	skew_mono_ms = skew_wall_ms = 0;
	accepts = aborted = n_clients = 0;
	l = loop_new();
	listens_on("127.0.0.1");
}

static void down(void)
{
	while (n_clients > 0)
		close(clients[--n_clients]);
	close(listener);
	loop_free(&l);
}

/* Connections that wait to be accepted. */
static unsigned queue(void)
{
	struct tcp_info info;
	socklen_t n = sizeof(info);

	ck_assert_int_eq(getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
	return info.tcpi_unacked;
}

/* When it returns the connections are in the queue. */
static void knock(int n)
{
	while (n-- > 0) {
		int fd = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		unsigned before = queue();

		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(connect(fd, (struct sockaddr *)&where, where_n), 0);
		clients[n_clients++] = fd;
		while (queue() == before)
			usleep(100);
	}
}

static void start(struct door *d, struct loop *on)
{
	d->a.got = got;
	acceptor_start(&d->a, on, listener);
}

/* --- opening --- */

START_TEST(opening)
{
	struct addr a;
	struct err e;
	int fd;

	ck_assert_int_eq(fcntl(listener, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(fcntl(listener, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&where, &a), 0);
	ck_assert_int_eq(listen_open(&a, &e), -1); /* twice */
	ck_assert_msg(strstr(e.text, "cannot listen on 127.0.0.1 port ") == e.text &&
			      strstr(e.text, "Address already in use"), "%s", e.text);
	ck_assert_int_eq(ip_parse(STR("192.0.2.1"), &a.ip, &e), 0);
	ck_assert_int_eq(listen_open(&a, &e), -1); /* not an address of this machine */
	ck_assert_ptr_nonnull(strstr(e.text, "cannot listen on 192.0.2.1 port "));
	fd = dup(0); /* nothing of the failures is left open */
	ck_assert_int_le(fd, listener + 1);
	close(fd);
}
END_TEST

/* A connection that we ended is in TIME_WAIT: a restart opens the same port all the same. */
START_TEST(opening_again)
{
	struct addr a;
	struct err e;
	int fd;

	ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&where, &a), 0);
	knock(1);
	fd = accept(listener, NULL, NULL);
	ck_assert_int_ge(fd, 0);
	close(fd);
	close(clients[--n_clients]);
	close(listener);
	listener = listen_open(&a, &e);
	ck_assert_msg(listener >= 0, "%s", e.text);
}
END_TEST

START_TEST(both_families)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&where;
	struct door d = { .room = -1 };
	char text[ADDR_TEXT];

	close(listener);
	listens_on("::");
	ck_assert_int_eq(where.ss_family, AF_INET6);
	start(&d, l);
	in6->sin6_addr = in6addr_loopback;
	knock(1);
	until(d.got == 1);
	ck_assert_str_eq(ip_text(&d.peer.ip, text), "::1");
	ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6->sin6_addr), 1);
	knock(1);
	until(d.got == 2);
	ck_assert_str_eq(ip_text(&d.peer.ip, text), "127.0.0.1");
	ck_assert(ip_is4(&d.peer.ip));
	ck_assert_uint_ne(d.peer.port, 0);
	acceptor_stop(&d.a);
}
END_TEST

/* --- accepting --- */

START_TEST(a_few_a_turn)
{
	struct door d = { .room = -1, .a.per_turn = _i ? 3 : 0 };
	int turn = _i ? 3 : 8;

	start(&d, l);
	knock(20);
	loop_turn(l);
	ck_assert_int_eq(d.got, turn);
	loop_turn(l);
	ck_assert_int_eq(d.got, 2 * turn);
	until(d.got == 20);
	loop_turn(l);
	ck_assert_int_eq(d.got, 20);
	acceptor_stop(&d.a);
	acceptor_stop(&d.a);
	knock(1);
	loop_turn(l);
	ck_assert_int_eq(d.got, 20);
	start(&d, l); /* again */
	until(d.got == 21);
	acceptor_stop(&d.a);
}
END_TEST

START_TEST(gone_before_accepting)
{
	struct door d = { .room = -1 };

	start(&d, l);
	knock(2);
	aborted = 3;
	loop_turn(l);
	ck_assert_int_eq(d.got, 2); /* in the same turn, behind those that went */
	acceptor_stop(&d.a);
}
END_TEST

START_TEST(stopped_by_its_owner)
{
	struct door d = { .room = -1, .stops = true };

	d.a.sated = sated;
	start(&d, l);
	knock(5);
	for (int i = 0; i < 5; i++)
		loop_turn(l);
	ck_assert_int_eq(d.got, 1);
	ck_assert_int_eq(accepts, 1);
	acceptor_look(&d.a);
	pass(AGE);
	loop_turn(l);
	ck_assert_int_eq(d.got, 1);
}
END_TEST

/* --- sharing --- */

START_TEST(sated_pauses)
{
	struct door d = { .room = 3 };

	d.a.sated = sated;
	start(&d, l);
	knock(10);
	for (int i = 0; i < 5; i++)
		loop_turn(l);
	ck_assert_int_eq(d.got, 3);
	ck_assert(d.a.paused);
	ck_assert_int_eq(accepts, 3);
	ck_assert_uint_eq(d.a.watch.want, 0); /* it waits, the queue does not wake it */
	d.room = 5;
	pass(AGE);
	until(d.got == 5);
	until(d.a.paused);
	d.room = 6;
	acceptor_look(&d.a); /* at once, without time passing */
	ck_assert(!d.a.paused);
	loop_turn(l);
	ck_assert_int_eq(d.got, 6);
	acceptor_look(&d.a);
	until(d.a.paused);
	acceptor_stop(&d.a);
	d.room = -1;
	acceptor_look(&d.a); /* stopped is not paused */
	pass(AGE);
	loop_turn(l);
	loop_turn(l);
	ck_assert_int_eq(d.got, 6);
}
END_TEST

/* Two processes' worth of loops on one socket: what the sated one leaves, the other takes. */
START_TEST(two_loops)
{
	struct loop *l2 = loop_new();
	struct door one = { .room = 4 }, two = { .room = -1 };

	one.a.sated = two.a.sated = sated;
	start(&one, l);
	start(&two, l2);
	for (int i = 0; i < 30; i++) {
		knock(1);
		loop_turn(l);
		loop_turn(l2);
	}
	ck_assert_int_eq(one.got, 4);
	ck_assert_int_eq(two.got, 26);
	acceptor_stop(&one.a);
	acceptor_stop(&two.a);
	loop_free(&l2);
}
END_TEST

/* --- out of descriptors --- */

static int taken[64], n_taken;

static void take_descriptors(struct rlimit *was)
{
	struct rlimit few;

	getrlimit(RLIMIT_NOFILE, was);
	few = (struct rlimit){ 60, was->rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (n_taken = 0; n_taken < 64 && (taken[n_taken] = dup(listener)) >= 0; n_taken++)
		;
	ck_assert_int_lt(n_taken, 64);
}

static void give_descriptors(const struct rlimit *was)
{
	while (n_taken > 0)
		close(taken[--n_taken]);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, was), 0);
}

/* Lines that the log has now. */
static int log_lines(const char *path)
{
	int n = 0, c;
	FILE *f = fopen(path, "r");

	ck_assert_ptr_nonnull(f);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

START_TEST(exhausted)
{
	struct door d = { .room = -1 };
	struct rlimit was;
	char path[] = "/tmp/test_listen.XXXXXX";
	int tries, fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(log_open(path, NULL), 0);
	if (_i)
		d.a.sated = sated;
	start(&d, l);
	knock(3);
	take_descriptors(&was);
	loop_turn(l);
	ck_assert_int_eq(d.got, 0);
	ck_assert_int_eq(tries = accepts, 1);
	ck_assert_uint_eq(d.a.watch.want, 0); /* never spins on a queue that it cannot take */
	for (int i = 0; i < 20; i++) {
		pass(AGE);
		loop_turn(l);
		loop_turn(l);
	}
	ck_assert_int_gt(accepts, tries + 5); /* keeps trying */
	give_descriptors(&was);
	ck_assert_int_eq(log_lines(path), 1); /* and does not fill the disk meanwhile */
	pass(AGE);
	until(d.got == 3);
	knock(1);
	take_descriptors(&was);
	loop_turn(l);
	give_descriptors(&was);
	ck_assert_int_eq(log_lines(path), 2); /* the next time is told again */
	ck_assert_int_eq(log_open(NULL, NULL), 0);
	acceptor_stop(&d.a);
	close(fd);
	unlink(path);
}
END_TEST

/* A session has ended and given its descriptor back: no waiting for the next try. */
START_TEST(exhausted_no_more)
{
	struct door d = { .room = -1 };
	struct rlimit was;

	start(&d, l);
	knock(1);
	take_descriptors(&was);
	until(d.a.paused);
	acceptor_look(&d.a); /* still none */
	loop_turn(l);
	ck_assert(d.a.paused);
	give_descriptors(&was);
	acceptor_look(&d.a);
	loop_turn(l);
	ck_assert_int_eq(d.got, 1);
	acceptor_stop(&d.a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("listen");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, up, down);
	tcase_add_test(t, opening);
	tcase_add_test(t, opening_again);
	tcase_add_test(t, both_families);
	tcase_add_loop_test(t, a_few_a_turn, 0, 2);
	tcase_add_test(t, gone_before_accepting);
	tcase_add_test(t, stopped_by_its_owner);
	tcase_add_test(t, sated_pauses);
	tcase_add_test(t, two_loops);
	tcase_add_loop_test(t, exhausted, 0, 2);
	tcase_add_test(t, exhausted_no_more);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
