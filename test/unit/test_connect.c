/* connect: what becomes of a dial, each end told once and from the loop. */
#include <sys/socket.h>

static int dial_socket(int family, int type, int protocol);
#define socket dial_socket
#include "lib/net/connect.c"
#undef socket

#include <stdlib.h>
#include <sys/resource.h>

#include "unit/sockets.h"
#include "unit/virtual_time.h"

static struct dial *d; /* allocated, so that a use after the end is seen */
static int calls, got_fd, got_error;
static uint16_t own_port; /* dial from this port, 0 for any */

static int dial_socket(int family, int type, int protocol)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(own_port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(family, type, protocol);

	if (own_port)
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static void done(struct dial *x, int fd, int error)
{
	ck_assert_ptr_eq(x, d);
	calls++;
	got_fd = fd;
	got_error = error;
}

static void done_frees(struct dial *x, int fd, int error)
{
	done(x, fd, error);
	dial_cancel(x);
	memset(x, 0xff, sizeof(*x));
	free(x);
	d = NULL;
}

static void up(void)
{
	skew_mono_ms = skew_wall_ms = 0;
	l = loop_new();
	d = mem_zalloc(sizeof(*d));
	calls = own_port = 0;
	got_fd = got_error = -1;
}

static void down(void)
{
	if (got_fd >= 0)
		close(got_fd);
	if (d)
		dial_cancel(d);
	free(d);
	loop_free(&l);
}

static struct addr to(const struct sockaddr_in *sin)
{
	struct addr a;

	ck_assert_int_eq(addr_from_sockaddr((const struct sockaddr *)sin, &a), 0);
	return a;
}

/* A dial that ends: told once, not from inside dial_start, and not again when time passes. */
static void dial(const struct addr *a, int want)
{
	dial_start(d, l, a, AGE, done);
	ck_assert_int_eq(calls, 0);
	until(calls > 0);
	ck_assert_int_eq(got_error, want);
	ck_assert_int_eq(got_fd >= 0, want == 0);
	pass(2 * AGE);
	loop_turn(l);
	dial_cancel(d);
	loop_turn(l);
	ck_assert_int_eq(calls, 1);
}

START_TEST(connects)
{
	struct sockaddr_in sin;
	int listener = loopback(&sin, 4), peer, on = 0;
	socklen_t n = sizeof(on);
	struct addr a = to(&sin);

	dial(&a, 0);
	peer = accept(listener, NULL, NULL);
	ck_assert_int_ge(peer, 0);
	ck_assert_int_eq(fcntl(got_fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(fcntl(got_fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(getsockopt(got_fd, IPPROTO_TCP, TCP_NODELAY, &on, &n), 0);
	ck_assert_int_ne(on, 0);
	ck_assert_int_eq(write(got_fd, "x", 1), 1);
	ck_assert_int_eq(read(peer, &on, 1), 1);
	close(peer);
	close(listener);
}
END_TEST

START_TEST(is_refused)
{
	struct sockaddr_in sin;
	int listener = loopback(&sin, 4);
	struct addr a = to(&sin);

	close(listener);
	dial(&a, ECONNREFUSED);
}
END_TEST

/* connect(2) itself says no: also told from the loop. */
START_TEST(fails_at_once)
{
	struct addr broadcast;

	ck_assert_int_eq(addr_parse(STR("255.255.255.255:25"), 0, &broadcast, NULL), 0);
	dial_start(d, l, &broadcast, AGE, done);
	ck_assert_int_eq(calls, 0);
	until(calls > 0);
	ck_assert_int_eq(got_fd, -1);
	ck_assert(got_error > 0 && got_error != ETIMEDOUT);
	pass(2 * AGE);
	loop_turn(l);
	ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(no_descriptors)
{
	struct addr a = { .port = 25 };
	struct rlimit was, few;
	int v[64], n = 0;

	getrlimit(RLIMIT_NOFILE, &was);
	few = (struct rlimit){ 64, was.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	while (n < 64 && (v[n] = dup(STDERR_FILENO)) >= 0)
		n++;
	ck_assert_int_lt(n, 64);
	dial_start(d, l, &a, AGE, done);
	ck_assert_int_eq(d->fd, -1);
	until(calls > 0);
	ck_assert_int_eq(got_error, EMFILE);
	while (n > 0)
		close(v[--n]);
	setrlimit(RLIMIT_NOFILE, &was);
}
END_TEST

/* A listener whose queue is full answers nobody, as a blackholed address. */
static int silent(struct sockaddr_in *sin, int queue[8])
{
	int listener = loopback(sin, 0);

	for (int i = 0; i < 8; i++) {
		queue[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(queue[i], (struct sockaddr *)sin, sizeof(*sin));
	}
	return listener;
}

START_TEST(times_out)
{
	struct sockaddr_in sin;
	int queue[8], listener = silent(&sin, queue), fd;
	struct addr a = to(&sin);

	dial_start(d, l, &a, 10 * AGE, done);
	fd = d->fd;
	pass(9 * AGE);
	loop_turn(l);
	ck_assert_int_eq(calls, 0);
	pass(2 * AGE);
	until(calls > 0);
	ck_assert_int_eq(got_error, ETIMEDOUT);
	ck_assert_int_eq(got_fd, -1);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	for (int i = 0; i < 8; i++)
		close(queue[i]);
	close(listener);
}
END_TEST

START_TEST(is_cancelled)
{
	struct sockaddr_in sin;
	int queue[8], listener = silent(&sin, queue), fd;
	struct addr a = to(&sin);

	dial_cancel(d); /* nothing began */
	dial_start(d, l, &a, 10 * AGE, done);
	loop_turn(l);
	fd = d->fd;
	dial_cancel(d);
	dial_cancel(d);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	pass(20 * AGE);
	loop_turn(l);
	ck_assert_int_eq(calls, 0);
	for (int i = 0; i < 8; i++)
		close(queue[i]);
	close(listener);
	ck_assert_int_ge(listener = loopback(&sin, 4), 0); /* cancelled when it had its answer */
	a = to(&sin);
	dial_start(d, l, &a, 10 * AGE, done);
	usleep(1000);
	dial_cancel(d);
	loop_turn(l);
	ck_assert_int_eq(calls, 0);
	close(listener);
}
END_TEST

/* The owner is gone with the answer, of each kind. */
START_TEST(freed_when_done)
{
	struct sockaddr_in sin;
	int listener = loopback(&sin, 4);
	struct addr a = to(&sin);

	if (_i == 1)
		close(listener);
	if (_i == 2)
		ck_assert_int_eq(addr_parse(STR("255.255.255.255:25"), 0, &a, NULL), 0);
	dial_start(d, l, &a, AGE, done_frees);
	until(calls > 0);
	ck_assert_int_eq(got_fd >= 0, _i == 0);
	loop_turn(l);
	if (_i != 1)
		close(listener);
}
END_TEST

START_TEST(meets_itself)
{
	struct sockaddr_in sin;
	int listener = loopback(&sin, 4);
	struct addr a = to(&sin);

	close(listener);
	own_port = a.port;
	dial(&a, ECONNREFUSED);
	ck_assert_int_eq(fcntl(d->fd, F_GETFD), -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("connect");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, up, down);
	tcase_add_test(t, connects);
	tcase_add_test(t, is_refused);
	tcase_add_test(t, fails_at_once);
	tcase_add_test(t, no_descriptors);
	tcase_add_test(t, times_out);
	tcase_add_test(t, is_cancelled);
	tcase_add_loop_test(t, freed_when_done, 0, 3);
	tcase_add_test(t, meets_itself);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
