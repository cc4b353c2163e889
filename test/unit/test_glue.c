/* glue: tunnels of every make, with takers that are slow, gone or half gone. In the middle
 * stand the two io of the tunnel, a and b; outside of each is its peer:
 *
 *   peer[0] <---> a = glue = b <---> peer[1]
 */
#include "lib/net/glue.c"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "unit/property.h"
#include "unit/sockets.h"
#include "unit/virtual_time.h"

static struct glue *g; /* allocated, so that a use after the end is seen */
static struct io *io[2];
static int peer[2], inner[2]; /* descriptors; -1 where memory is the transport */
static int ends;
static enum glue_end end;

static void ended(struct glue *x, enum glue_end why)
{
	ck_assert_ptr_eq(x, g);
	ck_assert(!io_is_open(io[0]) && !io_is_open(io[1]));
	ends++;
	end = why;
}

static void ended_frees(struct glue *x, enum glue_end why)
{
	ended(x, why);
	glue_cut(x);
	free(io[0]);
	free(io[1]);
	free(x);
	io[0] = io[1] = NULL;
	g = NULL;
}

static char before[16]; /* events that came before the two were joined */

static void early(struct io *x, enum io_event what)
{
	size_t n = strlen(before);

	(void)x;
	before[n] = "DERF"[what];
	before[n + 1] = '\0';
}

enum make { TCP, UNIX, MEMORY };

static void make_side(int i, enum make how, int bufsize)
{
	int fd[2];

	peer[i] = inner[i] = -1;
	if (how == MEMORY) {
		io_init_memory(io[i], l, 5000, 4096, early);
		return;
	}
	if (how == TCP)
		tcp_pair(fd, bufsize);
	else
		unix_pair(fd);
	inner[i] = fd[0];
	peer[i] = fd[1];
	io_init_socket(io[i], l, fd[0], 16384, 4096, early);
}

static void up(void)
{
	skew_mono_ms = skew_wall_ms = 0;
	l = loop_new();
	g = mem_zalloc(sizeof(*g));
	for (int i = 0; i < 2; i++)
		io[i] = mem_zalloc(sizeof(*io[i]));
	ends = 0;
	peer[0] = peer[1] = -1;
	before[0] = '\0';
}

static void down(void)
{
	if (g)
		glue_cut(g);
	for (int i = 0; i < 2; i++) {
		if (io[i])
			io_close(io[i]);
		free(io[i]);
		if (peer[i] >= 0)
			close(peer[i]);
	}
	free(g);
	loop_free(&l);
}

static void make(enum make a, enum make b)
{
	make_side(0, a, 16384);
	make_side(1, b, 16384);
}

static void join(void)
{
	glue_join(g, io[0], io[1], 10 * AGE, ended);
	ck_assert_int_eq(ends, 0);
}

static void expect_end(enum glue_end want)
{
	until(ends > 0);
	ck_assert_int_eq(end, want);
	for (int i = 0; i < 2; i++)
		ck_assert(inner[i] < 0 || fcntl(inner[i], F_GETFD) == -1);
	pass(20 * AGE);
	loop_turn(l);
	ck_assert_int_eq(ends, 1);
}

static void say(int i, const char *text)
{
	ck_assert_int_eq(write(peer[i], text, strlen(text)), (int)strlen(text));
}

/* What the peer gets now, without waiting. */
static size_t get(int i, char *dst, size_t n)
{
	ssize_t got = recv(peer[i], dst, n, 0);

	return got > 0 ? (size_t)got : 0;
}

static void hears(int i, const char *want)
{
	char got[256];
	size_t n = 0, all = strlen(want);

	until((n += get(i, got + n, all - n)) == all);
	ck_assert(memcmp(got, want, all) == 0);
}

static bool sees_end(int i)
{
	char c;

	return recv(peer[i], &c, 1, 0) == 0;
}

/* --- streams both ways, at random --- */

static char stream(int who, uint64_t at)
{
	return (char)((at * 31 + at / 251 + (unsigned)who * 77) & 255);
}

static struct talker {
	uint64_t all, put, taken; /* taken: of the other's */
	unsigned slow;		  /* reads once in so many steps, and little */
	bool done;		  /* has ended its side */
} talker[2];

static void talk(int i)
{
	struct talker *t = &talker[i];
	char piece[20000];
	size_t n = rnd(rnd(2) ? 100 : sizeof(piece)) + 1;
	ssize_t went;

	n = t->all - t->put < n ? (size_t)(t->all - t->put) : n;
	for (size_t j = 0; j < n; j++)
		piece[j] = stream(i, t->put + j);
	if (peer[i] < 0) { /* memory takes any amount: not too much */
		if (!io_is_open(io[i]))
			return;
		went = t->put < talker[!i].taken + 50000 ? (ssize_t)n : 0;
		io_memory_feed(io[i], (struct str){ piece, (size_t)went });
	} else {
		went = send(peer[i], piece, n, MSG_NOSIGNAL);
		must(went > 0 || errno == EAGAIN || n == 0, "the way in is open");
	}
	t->put += went > 0 ? (uint64_t)went : 0;
}

static void take(int i, struct str s)
{
	for (size_t j = 0; j < s.n; j++)
		must(s.p[j] == stream(!i, talker[i].taken + j), "the stream as it was sent");
	talker[i].taken += s.n;
}

static void hear(int i)
{
	struct talker *t = &talker[i];
	char piece[65536];
	size_t most = t->slow ? 2000 : sizeof(piece);

	if (t->slow && rnd(t->slow) > 0)
		return;
	if (peer[i] >= 0) {
		take(i, (struct str){ piece, get(i, piece, rnd((unsigned)most) + 1) });
	} else if (io_is_open(io[i])) {
		take(i, io_memory_written(io[i]));
		io_memory_clear(io[i]);
		io_memory_window(io[i], rnd((unsigned)most));
	}
}

/* One that has said all ends its side; where it is memory (it is gone with the tunnel's end)
 * when all has been heard too. */
static void hang_up(int i)
{
	struct talker *t = &talker[i];
	bool heard = talker[0].taken == talker[1].all && talker[1].taken == talker[0].all;

	if (t->done || t->put < t->all || ((peer[0] < 0 || peer[1] < 0) && !heard))
		return;
	t->done = true;
	if (peer[i] < 0)
		io_memory_feed_eof(io[i]);
	else
		shutdown(peer[i], SHUT_WR);
}

static bool step(void)
{
	for (int i = 0; i < 2; i++) {
		talk(i);
		hear(i);
		hang_up(i);
	}
	return ends > 0;
}

static const struct {
	enum make a, b;
	unsigned say[2]; /* 100,000 bytes, by each */
	unsigned slow[2]; /* reads once in so many steps, and little; 0: as fast as it can */
} tunnels[] = {
	{ TCP, TCP, { 40, 40 }, { 0, 0 } },
	{ TCP, TCP, { 30, 30 }, { 0, 20 } },
	{ TCP, TCP, { 30, 30 }, { 20, 0 } },
	{ TCP, TCP, { 10, 10 }, { 30, 30 } },
	{ TCP, TCP, { 40, 0 }, { 0, 0 } },
	{ TCP, TCP, { 0, 40 }, { 0, 0 } },
	{ TCP, TCP, { 0, 0 }, { 0, 0 } },
	{ UNIX, UNIX, { 40, 40 }, { 0, 0 } },
	{ UNIX, TCP, { 10, 10 }, { 30, 30 } },
	{ MEMORY, MEMORY, { 10, 10 }, { 0, 10 } },
	{ MEMORY, TCP, { 10, 10 }, { 0, 30 } },
	{ MEMORY, TCP, { 10, 10 }, { 10, 0 } },
	{ TCP, MEMORY, { 20, 20 }, { 0, 0 } },
};

START_TEST(streams)
{
	make(tunnels[_i].a, tunnels[_i].b);
	for (int i = 0; i < 2; i++)
		talker[i] = (struct talker){ .all = tunnels[_i].say[i] * 100000,
					     .slow = tunnels[_i].slow[i] };
	join();
	while (!step())
		loop_turn(l);
	for (int i = 0; i < 2; i++) { /* what is on its way yet */
		until((hear(i), talker[i].taken == talker[!i].all));
		until(peer[i] < 0 || sees_end(i));
	}
	expect_end(GLUE_CLOSED);
	ck_assert_uint_eq(g->a_to_b, talker[0].all);
	ck_assert_uint_eq(g->b_to_a, talker[1].all);
	ck_assert_uint_eq(io[0]->bytes_in, talker[0].all);
	ck_assert_uint_eq(io[1]->bytes_out, talker[0].all);
	ck_assert_uint_eq(io[1]->bytes_in, talker[1].all);
	ck_assert_uint_eq(io[0]->bytes_out, talker[1].all);
	ck_assert_int_eq(g->spliced, tunnels[_i].a != MEMORY && tunnels[_i].b != MEMORY);
}
END_TEST

/* --- what was before --- */

START_TEST(buffered_first)
{
	make(TCP, TCP);
	say(0, "early ");
	say(1, "greeting ");
	until(io_data(io[0]).n == 6 && io_data(io[1]).n == 9);
	io_read(io[0], false); /* as its owner may have left it */
	ck_assert_int_eq(io_put(io[0], STR("+OK ")), 0);
	say(0, "late");
	join();
	ck_assert_uint_eq(g->a_to_b + g->b_to_a, 0); /* nothing happens inside glue_join */
	hears(0, "+OK greeting ");
	hears(1, "early late");
	until(g->spliced);
	say(1, "more");
	hears(0, "more");
	ck_assert_uint_eq(g->a_to_b, 10);
	ck_assert_uint_eq(g->b_to_a, 13); /* without what was ours */
}
END_TEST

/* The answer to a login waits in the buffer: it keeps nobody from splicing. */
START_TEST(spliced_at_once)
{
	make(TCP, TCP);
	ck_assert_int_eq(io_put(io[_i], STR("+OK")), 0);
	join();
	until(g->spliced);
	hears(_i, "+OK");
}
END_TEST

/* One side ended before, and what we had for the other is stuck. */
START_TEST(end_behind_a_queue)
{
	make(MEMORY, MEMORY);
	io_memory_window(io[1], 2);
	ck_assert_int_eq(io_put(io[1], STR("login")), 0);
	io_memory_feed_eof(io[0]);
	loop_turn(l);
	loop_turn(l);
	join();
	for (int i = 0; i < 5; i++)
		loop_turn(l);
	ck_assert(!io[1]->shut);
	io_memory_window(io[1], 100);
	until(io[1]->shut);
	ck_assert(str_eq(io_memory_written(io[1]), STR("login")));
}
END_TEST

START_TEST(half_closed_before)
{
	make(TCP, TCP);
	say(0, "QUIT");
	shutdown(peer[0], SHUT_WR);
	until(io[0]->eof);
	ck_assert_str_eq(before, "DE");
	join();
	hears(1, "QUIT");
	until(sees_end(1));
	say(1, "bye");
	hears(0, "bye");
	shutdown(peer[1], SHUT_WR);
	expect_end(GLUE_CLOSED);
	ck_assert(sees_end(0));
}
END_TEST

START_TEST(both_ended_before)
{
	make(TCP, TCP);
	for (int i = 0; i < 2; i++)
		shutdown(peer[i], SHUT_WR);
	until(io[0]->eof && io[1]->eof);
	join();
	expect_end(GLUE_CLOSED);
}
END_TEST

START_TEST(failed_before)
{
	make(TCP, TCP);
	reset(peer[_i]);
	peer[_i] = -1;
	until(io[_i]->failed);
	loop_turn(l);
	ck_assert_str_eq(before, "F");
	join();
	expect_end(_i ? GLUE_FAILED_B : GLUE_FAILED_A);
	ck_assert(sees_end(!_i));
}
END_TEST

/* --- half-closes --- */

START_TEST(half_close)
{
	int first = _i & 1;

	make(TCP, TCP);
	join();
	if (_i & 2)
		until(g->spliced);
	say(first, "last words");
	shutdown(peer[first], SHUT_WR);
	hears(!first, "last words");
	until(sees_end(!first));
	for (int i = 0; i < 5; i++) {
		say(!first, "answer");
		hears(first, "answer");
		pass(5 * AGE); /* lives on, without idling */
	}
	ck_assert_int_eq(ends, 0);
	ck_assert(!sees_end(first));
	shutdown(peer[!first], SHUT_WR);
	expect_end(GLUE_CLOSED);
	ck_assert(sees_end(first));
}
END_TEST

/* The end comes while the taker blocks: it waits behind the bytes. */
START_TEST(half_close_behind_a_slow_taker)
{
	enum make how = _i ? MEMORY : TCP;

	make(how, how);
	talker[0] = (struct talker){ .all = 300000 };
	talker[1] = (struct talker){ .all = 0 };
	join();
	if (how == MEMORY)
		io_memory_window(io[1], 0);
	while (talker[0].put < talker[0].all) {
		if (how == MEMORY)
			talker[1].taken = talker[0].put; /* feed it all */
		talk(0);
		loop_turn(l);
		if (how == TCP && io[1]->blocked && io_pending(io[1]) > 0)
			break; /* all that fits: the rest while it drains */
	}
	talker[1].taken = 0;
	if (how == MEMORY) {
		io_memory_feed_eof(io[0]);
		for (int i = 0; i < 10; i++)
			loop_turn(l);
		ck_assert(!io[1]->shut);
		io_memory_window(io[1], 1000000);
		until(io[1]->shut);
		take(1, io_memory_written(io[1]));
	} else {
		talker[0].all = talker[0].put;
		shutdown(peer[0], SHUT_WR);
		ck_assert(!io[1]->shut);
		until((hear(1), talker[1].taken == talker[0].all));
		until(sees_end(1));
	}
	ck_assert_uint_eq(talker[1].taken, talker[0].all);
	ck_assert_int_eq(ends, 0);
}
END_TEST

/* --- other ends --- */

START_TEST(idle)
{
	make(_i ? TCP : MEMORY, TCP);
	join();
	for (int i = 0; i < 3; i++) { /* bytes of either side keep it */
		pass(6 * AGE);
		loop_turn(l);
		say(1, "x");
		until(g->b_to_a == (uint64_t)i + 1);
	}
	for (int i = 0; i < 2; i++)
		loop_turn(l);
	ck_assert_int_eq(ends, 0);
	pass(11 * AGE);
	until(ends > 0);
	ck_assert_int_eq(end, GLUE_IDLE);
	ck_assert(sees_end(1));
}
END_TEST

START_TEST(reset_by)
{
	int who = _i & 1;

	make(TCP, TCP);
	if (_i & 2)
		join();
	say(0, "x");
	say(1, "y");
	if (_i & 2) {
		hears(1, "x");
		hears(0, "y");
		until(g->spliced);
	} else {
		until(io_data(io[0]).n + io_data(io[1]).n == 2);
		join();
	}
	reset(peer[who]);
	peer[who] = -1;
	expect_end(who ? GLUE_FAILED_B : GLUE_FAILED_A);
}
END_TEST

START_TEST(memory_fails)
{
	make(MEMORY, MEMORY);
	join();
	io_memory_feed(io[0], STR("x"));
	loop_turn(l);
	io_memory_fail(io[_i], ECONNRESET);
	expect_end(_i ? GLUE_FAILED_B : GLUE_FAILED_A);
}
END_TEST

/* A taker that is gone leaves bytes in the pipe: not for the next tunnel. */
START_TEST(nothing_is_left_in_the_pipe)
{
	struct glue g2;
	struct io other_io[2];
	int fd[2][2];
	char got[64];

	make(TCP, TCP);
	join();
	until(g->spliced);
	shutdown(inner[1], SHUT_WR); /* behind the tunnel's back: EPIPE for certain */
	say(0, "secret");
	expect_end(GLUE_FAILED_B);
	ck_assert(read(the_pipe[0], got, 1) == -1 && errno == EAGAIN);
	for (int i = 0; i < 2; i++) {
		unix_pair(fd[i]);
		io_init_socket(&other_io[i], l, fd[i][0], 4096, 4096, early);
	}
	glue_join(&g2, &other_io[0], &other_io[1], AGE, ended);
	until(g2.spliced);
	ck_assert_int_eq(write(fd[0][1], "mine", 4), 4);
	until(g2.a_to_b == 4);
	ck_assert_int_eq(read(fd[1][1], got, sizeof(got)), 4);
	ck_assert_mem_eq(got, "mine", 4);
	glue_cut(&g2);
	close(fd[0][1]);
	close(fd[1][1]);
}
END_TEST

/* A tunnel whose taker blocks holds no pipe; another goes on meanwhile. */
START_TEST(two_tunnels)
{
	struct glue g2;
	struct io other_io[2];
	int fd[2][2];
	char got[64];

	make(TCP, TCP);
	talker[0] = (struct talker){ .all = 5000000 };
	talker[1] = (struct talker){ .all = 0 };
	join();
	until((talk(0), io[1]->blocked && io_pending(io[1]) > 0));
	ck_assert(read(the_pipe[0], got, 1) == -1 && errno == EAGAIN);
	ck_assert_uint_eq(io[0]->watch.want, 0); /* no spinning on what cannot go on */
	for (int i = 0; i < 2; i++) {
		unix_pair(fd[i]);
		io_init_socket(&other_io[i], l, fd[i][0], 4096, 4096, early);
	}
	glue_join(&g2, &other_io[0], &other_io[1], AGE, ended);
	ck_assert_int_eq(write(fd[0][1], "mine", 4), 4);
	until(g2.a_to_b == 4);
	ck_assert_int_eq(read(fd[1][1], got, sizeof(got)), 4);
	ck_assert_mem_eq(got, "mine", 4);
	glue_cut(&g2);
	close(fd[0][1]);
	close(fd[1][1]);
	talker[0].all = talker[0].put;
	until((hear(1), talker[1].taken == talker[0].all));
	loop_turn(l);
	ck_assert_ptr_null(io[1]->out.mem); /* and no memory when it is through */
}
END_TEST

/* Out of descriptors at the first tunnel: through the buffers then. */
START_TEST(no_pipe)
{
	struct rlimit was, few;

	if (the_pipe[0] >= 0) {
		close(the_pipe[0]);
		close(the_pipe[1]);
		the_pipe[0] = the_pipe[1] = -1;
	}
	make(TCP, TCP);
	getrlimit(RLIMIT_NOFILE, &was);
	few = (struct rlimit){ 3, was.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	join();
	say(0, "hello");
	hears(1, "hello");
	ck_assert(!g->spliced);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
	say(1, "good day");
	hears(0, "good day");
	ck_assert(g->spliced); /* as soon as there is one */
	say(0, "bye");
	hears(1, "bye");
}
END_TEST

START_TEST(cut)
{
	static struct glue none;

	glue_cut(&none);
	make(TCP, TCP);
	if (_i == 2)
		say(0, "x");
	join();
	if (_i > 0)
		until(g->spliced);
	glue_cut(g);
	glue_cut(g);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(fcntl(inner[i], F_GETFD), -1);
		until(recv(peer[i], &none, 1, 0) == 0 || errno == ECONNRESET);
	}
	pass(20 * AGE);
	for (int i = 0; i < 3; i++)
		loop_turn(l);
	ck_assert_int_eq(ends, 0);
}
END_TEST

/* The owner is gone with the end, of each kind, spliced or not. */
START_TEST(freed_at_the_end)
{
	bool wait = _i & 1;

	make(_i & 8 ? MEMORY : TCP, TCP);
	glue_join(g, io[0], io[1], 10 * AGE, ended_frees);
	if (wait)
		for (int i = 0; i < 3; i++)
			loop_turn(l);
	switch (_i >> 1 & 3) {
	case 0:
		if (peer[0] < 0)
			io_memory_feed_eof(io[0]);
		else
			shutdown(peer[0], SHUT_WR);
		shutdown(peer[1], SHUT_WR);
		break;
	case 1:
		pass(20 * AGE);
		break;
	case 2:
		reset(peer[1]);
		peer[1] = -1;
		break;
	case 3:
		shutdown(inner[1], SHUT_WR); /* fails while bytes are moved to it */
		if (peer[0] < 0)
			io_memory_feed(io[0], STR("x"));
		else
			say(0, "x");
		break;
	}
	until(ends > 0);
	for (int i = 0; i < 3; i++)
		loop_turn(l);
	ck_assert_int_eq(ends, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("glue");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	signal(SIGPIPE, SIG_IGN); /* as every process of ours */
	printf("seed %llu\n", (unsigned long long)property_seed);
	suite_add_tcase(s, t);
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, up, down);
	tcase_add_loop_test(t, streams, 0, (int)ARRAY_LEN(tunnels));
	tcase_add_test(t, buffered_first);
	tcase_add_loop_test(t, spliced_at_once, 0, 2);
	tcase_add_test(t, end_behind_a_queue);
	tcase_add_test(t, half_closed_before);
	tcase_add_test(t, both_ended_before);
	tcase_add_loop_test(t, failed_before, 0, 2);
	tcase_add_loop_test(t, half_close, 0, 4);
	tcase_add_loop_test(t, half_close_behind_a_slow_taker, 0, 2);
	tcase_add_loop_test(t, idle, 0, 2);
	tcase_add_loop_test(t, reset_by, 0, 4);
	tcase_add_loop_test(t, memory_fails, 0, 2);
	tcase_add_test(t, nothing_is_left_in_the_pipe);
	tcase_add_test(t, two_tunnels);
	tcase_add_test(t, no_pipe);
	tcase_add_loop_test(t, cut, 0, 3);
	tcase_add_loop_test(t, freed_at_the_end, 0, 16);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
