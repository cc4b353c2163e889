/* loop: timers on virtual time, descriptors, the order of deferred work, signals. */
#include "lib/net/loop.c"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/virtual_time.h"

static struct loop *l;
static char trace[256]; /* what happened, a letter each */

static void note(char c)
{
	size_t n = strlen(trace);

	if (n + 1 < sizeof(trace))
		trace[n] = c, trace[n + 1] = '\0';
}

static void open_loop(void)
{
	skew_mono_ms = skew_wall_ms = 0;
	trace[0] = '\0';
	l = loop_new();
}

static void close_loop(void)
{
	loop_free(&l);
	ck_assert_ptr_null(l);
	loop_free(&l);
}

/* Virtual time passes; a turn for it, and one for what the first has set anew. */
static void later(int64_t ms)
{
	pass(ms);
	loop_turn(l);
	loop_turn(l);
}

/* --- timers --- */

static struct timer a, b;

static void fire_a(struct timer *t)
{
	ck_assert_ptr_eq(t, &a);
	ck_assert(t->due == CLOCK_NEVER);
	note('a');
}

static void fire_b(struct timer *t)
{
	ck_assert_ptr_eq(t, &b);
	note('b');
}

START_TEST(timers)
{
	timer_init(&a, l, fire_a);
	timer_init(&b, l, fire_b);
	ck_assert(a.due == CLOCK_NEVER);
	timer_set(&a, 10 * AGE);
	timer_set(&b, 5 * AGE);
	later(4 * AGE);
	ck_assert_str_eq(trace, "");
	later(2 * AGE);
	ck_assert_str_eq(trace, "b");
	later(5 * AGE);
	ck_assert_str_eq(trace, "ba");
	later(20 * AGE); /* once only */
	ck_assert_str_eq(trace, "ba");
	timer_set(&a, 0);
	timer_set(&b, -5);
	ck_assert_str_eq(trace, "ba"); /* never from inside timer_set */
	later(AGE);
	ck_assert_uint_eq(strlen(trace), 4);
}
END_TEST

START_TEST(moved_later)
{
	timer_init(&a, l, fire_a);
	timer_set(&a, 10 * AGE);
	for (int i = 0; i < 20; i++) {
		later(8 * AGE);
		timer_set(&a, 10 * AGE);
	}
	ck_assert_str_eq(trace, "");
	later(9 * AGE);
	ck_assert_str_eq(trace, "");
	later(2 * AGE);
	ck_assert_str_eq(trace, "a");
}
END_TEST

START_TEST(moved_earlier)
{
	timer_init(&a, l, fire_a);
	timer_set(&a, 10 * AGE);
	timer_set(&a, 20 * AGE);
	timer_set(&a, 5 * AGE);
	later(6 * AGE);
	ck_assert_str_eq(trace, "a");
	/* later, and back again to a time between the first and the second */
	timer_set(&a, 10 * AGE);
	timer_set(&a, 30 * AGE);
	timer_set(&a, 20 * AGE);
	later(15 * AGE);
	ck_assert_str_eq(trace, "a");
	later(6 * AGE);
	ck_assert_str_eq(trace, "aa");
	later(20 * AGE);
	ck_assert_str_eq(trace, "aa");
}
END_TEST

START_TEST(stopped)
{
	static struct timer never;

	timer_stop(&never); /* not even set up */
	timer_init(&a, l, fire_a);
	timer_stop(&a);
	timer_set(&a, AGE);
	timer_stop(&a);
	timer_stop(&a);
	ck_assert(a.due == CLOCK_NEVER);
	later(2 * AGE);
	timer_set(&a, AGE);
	timer_set(&a, CLOCK_NEVER); /* the same as stopping */
	ck_assert(a.due == CLOCK_NEVER);
	later(2 * AGE);
	timer_set(&a, CLOCK_NEVER - 1);
	later(2 * AGE);
	ck_assert_str_eq(trace, "");
	timer_set(&a, AGE);
	later(2 * AGE);
	ck_assert_str_eq(trace, "a");
}
END_TEST

static void fire_again(struct timer *t)
{
	note('r');
	timer_set(t, 10 * AGE);
}

static void fire_moves(struct timer *t)
{
	note('m');
	timer_set(t, 30 * AGE);
	timer_set(t, 10 * AGE);
}

static void fire_stops(struct timer *t)
{
	note('s');
	timer_set(t, AGE);
	timer_stop(t);
}

START_TEST(set_in_its_own_callback)
{
	timer_init(&a, l, fire_again);
	timer_set(&a, 10 * AGE);
	for (int i = 0; i < 3; i++)
		later(11 * AGE);
	ck_assert_str_eq(trace, "rrr");
	timer_init(&b, l, fire_moves);
	timer_stop(&a);
	timer_set(&b, AGE);
	later(2 * AGE);
	ck_assert_str_eq(trace, "rrrm");
	later(11 * AGE);
	ck_assert_str_eq(trace, "rrrmm");
	timer_stop(&b);
	timer_init(&a, l, fire_stops);
	timer_set(&a, AGE);
	for (int i = 0; i < 3; i++)
		later(2 * AGE);
	ck_assert_str_eq(trace, "rrrmms");
}
END_TEST

static void fire_frees(struct timer *t)
{
	note('f');
	memset(t, 0xff, sizeof(*t));
	free(t);
}

/* Whichever comes first ends the other, due in the same turn. */
static void fire_stops_b(struct timer *t)
{
	(void)t;
	note('a');
	timer_stop(&b);
}

static void fire_stops_a(struct timer *t)
{
	(void)t;
	note('b');
	timer_stop(&a);
}

START_TEST(freed_and_stopped_in_a_callback)
{
	struct timer *t = mem_alloc(sizeof(*t));

	timer_init(t, l, fire_frees);
	timer_set(t, AGE);
	later(2 * AGE);
	ck_assert_str_eq(trace, "f");
	timer_init(&a, l, fire_stops_b);
	timer_init(&b, l, fire_stops_a);
	timer_set(&a, AGE);
	timer_set(&b, AGE);
	later(2 * AGE);
	ck_assert_uint_eq(strlen(trace), 2);
}
END_TEST

/* The wall clock is set: no timer cares, and loop_now neither. */
START_TEST(wall_clock_jumps)
{
	int64_t before = loop_now(l);

	timer_init(&a, l, fire_a);
	timer_init(&b, l, fire_b);
	timer_set(&a, 10 * AGE);
	timer_set(&b, 10 * AGE);
	timer_set(&b, 20 * AGE);
	skew_wall_ms += 1000 * AGE;
	later(0);
	ck_assert_str_eq(trace, "");
	ck_assert_int_lt(loop_now(l) - before, AGE);
	skew_wall_ms -= 5000 * AGE;
	later(0);
	ck_assert_int_ge(loop_now(l), before);
	ck_assert_int_lt(loop_now(l) - before, AGE);
	later(11 * AGE);
	ck_assert_str_eq(trace, "a");
	skew_wall_ms -= 5000 * AGE;
	later(10 * AGE);
	ck_assert_str_eq(trace, "ab");
	ck_assert_int_ge(loop_now(l) - before, 21 * AGE);
	ck_assert_int_lt(loop_now(l) - before, 22 * AGE);
}
END_TEST

static void fire_now(struct timer *t)
{
	note('n');
	pass(AGE);
	b.due = loop_now(t->loop); /* as it was when the turn began */
}

START_TEST(now_is_read_once_a_turn)
{
	int64_t before = loop_now(l);

	pass(AGE);
	ck_assert_int_eq(loop_now(l), before);
	loop_turn(l);
	ck_assert_int_ge(loop_now(l), before + AGE);
	timer_init(&a, l, fire_now);
	timer_set(&a, AGE);
	later(2 * AGE);
	ck_assert_str_eq(trace, "n");
	ck_assert_int_ge(b.due, before + 3 * AGE);
	ck_assert_int_lt(b.due, before + 4 * AGE);
	ck_assert_int_ge(loop_now(l), before + 4 * AGE);
}
END_TEST

static void fire_stop_loop(struct timer *t)
{
	note('x');
	loop_stop(t->loop);
}

/* To the stop, again and again, with turns between. */
START_TEST(running)
{
	timer_init(&a, l, fire_a);
	timer_init(&b, l, fire_stop_loop);
	timer_set(&a, AGE);
	timer_set(&b, 1);
	loop_run(l);
	ck_assert_str_eq(trace, "x");
	later(2 * AGE);
	ck_assert_str_eq(trace, "xa");
	timer_set(&b, 1);
	loop_run(l); /* again */
	ck_assert_str_eq(trace, "xax");
}
END_TEST

/* --- descriptors --- */

static struct watch w, w2;
static int fd[2], fd2[2];

static void ready(struct watch *x, unsigned what)
{
	note((char)('0' + what));
	if (what & WATCH_READ) {
		char c;

		ck_assert_int_le((int)read(x->fd, &c, 1), 1);
	}
}

START_TEST(watching)
{
	ck_assert_int_eq(pipe2(fd, O_NONBLOCK), 0);
	watch_init(&w, l, fd[0], ready);
	loop_turn(l);
	ck_assert_str_eq(trace, ""); /* watches nothing yet */
	ck_assert_int_eq(write(fd[1], "abc", 3), 3);
	watch_set(&w, WATCH_READ);
	loop_turn(l);
	ck_assert_str_eq(trace, "1");
	loop_turn(l); /* still readable */
	ck_assert_str_eq(trace, "11");
	watch_set(&w, 0);
	loop_turn(l);
	ck_assert_str_eq(trace, "11");
	watch_set(&w, WATCH_READ);
	watch_set(&w, WATCH_READ);
	loop_turn(l);
	loop_turn(l);
	ck_assert_str_eq(trace, "111");
	close(fd[1]);
	loop_turn(l); /* the end is readable */
	ck_assert_str_eq(trace, "1111");
	watch_set(&w, 0);
	close(fd[0]);
}
END_TEST

START_TEST(both_ways)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	watch_init(&w, l, fd[0], ready);
	watch_set(&w, WATCH_READ | WATCH_WRITE);
	loop_turn(l);
	ck_assert_str_eq(trace, "2");
	ck_assert_int_eq(write(fd[1], "a", 1), 1);
	loop_turn(l);
	ck_assert_str_eq(trace, "23");
	watch_set(&w, WATCH_READ);
	loop_turn(l);
	ck_assert_str_eq(trace, "23");
	watch_set(&w, WATCH_WRITE);
	ck_assert_int_eq(write(fd[1], "a", 1), 1);
	loop_turn(l);
	ck_assert_str_eq(trace, "232");
	watch_set(&w, WATCH_READ | WATCH_WRITE);
	close(fd[1]);
	loop_turn(l); /* hung up: both */
	ck_assert_str_eq(trace, "2323");
	watch_set(&w, 0);
	close(fd[0]);
}
END_TEST

static void ready_stops_both(struct watch *x, unsigned what)
{
	(void)x;
	(void)what;
	note('w');
	watch_set(&w, 0);
	watch_set(&w2, 0);
}

/* Both are ready in the same turn; the first ends them. */
START_TEST(stopped_in_a_callback)
{
	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(pipe(fd2), 0);
	watch_init(&w, l, fd[1], ready_stops_both);
	watch_init(&w2, l, fd2[1], ready_stops_both);
	watch_set(&w, WATCH_WRITE);
	watch_set(&w2, WATCH_WRITE);
	loop_turn(l);
	loop_turn(l);
	ck_assert_str_eq(trace, "w");
	for (int i = 0; i < 2; i++) {
		close(fd[i]);
		close(fd2[i]);
	}
}
END_TEST

static void ready_frees(struct watch *x, unsigned what)
{
	int fds = x->fd;

	(void)what;
	note('f');
	watch_set(x, 0);
	close(fds);
	memset(x, 0xff, sizeof(*x));
	free(x);
}

START_TEST(freed_in_its_callback)
{
	struct watch *x = mem_alloc(sizeof(*x));

	ck_assert_int_eq(pipe(fd), 0);
	watch_init(x, l, fd[1], ready_frees);
	watch_set(x, WATCH_WRITE);
	loop_turn(l);
	loop_turn(l);
	ck_assert_str_eq(trace, "f");
	close(fd[0]);
}
END_TEST

/* Another file takes the number in the same turn, for the same kind of readiness. */
START_TEST(number_used_again)
{
	int again;

	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(pipe(fd2), 0);
	watch_init(&w, l, fd[0], ready);
	watch_set(&w, WATCH_READ);
	loop_turn(l);
	watch_set(&w, 0);
	close(fd[0]);
	again = dup(fd2[0]);
	ck_assert_int_eq(again, fd[0]);
	watch_init(&w2, l, again, ready);
	watch_set(&w2, WATCH_READ);
	ck_assert_int_eq(write(fd2[1], "x", 1), 1);
	loop_turn(l);
	ck_assert_str_eq(trace, "1");
	watch_set(&w2, 0);
	close(again);
	close(fd[1]);
	close(fd2[0]);
	close(fd2[1]);
}
END_TEST

/* --- deferred work --- */

static struct deferred d[3];

static void run(struct deferred *x)
{
	note((char)('0' + (x - d)));
}

static void run_asks(struct deferred *x)
{
	run(x);
	loop_defer(l, &d[2]);
}

static void run_cancels(struct deferred *x)
{
	run(x);
	deferred_cancel(&d[1]);
}

START_TEST(deferring)
{
	static struct deferred zero;

	deferred_cancel(&zero); /* not set up */
	for (int i = 0; i < 3; i++)
		deferred_init(&d[i], run);
	loop_turn(l);
	ck_assert_str_eq(trace, "");
	loop_defer(l, &d[2]);
	loop_defer(l, &d[0]);
	loop_defer(l, &d[2]); /* asked twice is once, at the first place */
	loop_defer(l, &d[1]);
	ck_assert_str_eq(trace, "");
	loop_turn(l);
	ck_assert_str_eq(trace, "201");
	loop_turn(l);
	ck_assert_str_eq(trace, "201");
	loop_defer(l, &d[0]);
	loop_defer(l, &d[1]);
	deferred_cancel(&d[0]);
	deferred_cancel(&d[0]);
	loop_turn(l);
	ck_assert_str_eq(trace, "2011");
	loop_defer(l, &d[0]);
	loop_turn(l);
	ck_assert_str_eq(trace, "20110");
}
END_TEST

START_TEST(deferring_in_deferred_work)
{
	deferred_init(&d[0], run_asks);
	deferred_init(&d[1], run);
	deferred_init(&d[2], run);
	loop_defer(l, &d[0]);
	loop_defer(l, &d[1]);
	loop_turn(l);
	ck_assert_str_eq(trace, "012"); /* in the same turn, behind what was there */
	deferred_init(&d[0], run_cancels);
	loop_defer(l, &d[0]);
	loop_defer(l, &d[1]);
	loop_defer(l, &d[2]);
	loop_turn(l);
	ck_assert_str_eq(trace, "01202");
}
END_TEST

static void run_frees(struct deferred *x)
{
	note('f');
	memset(x, 0xff, sizeof(*x));
	free(x);
}

START_TEST(deferred_frees_itself)
{
	struct deferred *x = mem_alloc(sizeof(*x));

	deferred_init(x, run_frees);
	deferred_init(&d[1], run);
	loop_defer(l, x);
	loop_defer(l, &d[1]);
	loop_turn(l);
	ck_assert_str_eq(trace, "f1");
}
END_TEST

static int rounds;

static void run_always(struct deferred *x)
{
	rounds++;
	loop_defer(l, x);
}

static void run_hundred(struct deferred *x)
{
	if (++rounds < 100)
		loop_defer(l, x);
	else
		loop_stop(l);
}

/* Work that asks for more of itself starves neither timers nor descriptors... */
START_TEST(endless_deferred_work)
{
	ck_assert_int_eq(pipe(fd), 0);
	rounds = 0;
	deferred_init(&d[0], run_always);
	loop_defer(l, &d[0]);
	timer_init(&a, l, fire_stop_loop);
	timer_set(&a, 1);
	watch_init(&w, l, fd[0], ready);
	watch_set(&w, WATCH_READ);
	ck_assert_int_eq(write(fd[1], "x", 1), 1);
	loop_run(l);
	ck_assert_ptr_nonnull(strchr(trace, '1'));
	ck_assert_ptr_nonnull(strchr(trace, 'x'));
	deferred_cancel(&d[0]);
	watch_set(&w, 0);
	close(fd[0]);
	close(fd[1]);
}
END_TEST

/* ... and the loop does not sleep on it, nor end before loop_stop. */
START_TEST(long_deferred_work)
{
	rounds = 0;
	deferred_init(&d[0], run_hundred);
	loop_defer(l, &d[0]);
	loop_run(l);
	ck_assert_int_eq(rounds, 100);
}
END_TEST

static void fire_defers(struct timer *t)
{
	note('t');
	loop_defer(t->loop, &d[0]);
}

static void run_stops(struct deferred *x)
{
	run(x);
	loop_stop(l);
}

/* What a callback defers runs in its turn: the loop has nothing else that would wake it. */
START_TEST(deferred_by_a_callback)
{
	timer_init(&a, l, fire_defers);
	deferred_init(&d[0], run_stops);
	timer_set(&a, 1);
	loop_run(l);
	ck_assert_str_eq(trace, "t0");
	deferred_init(&d[1], run);
	loop_defer(l, &d[1]);
	loop_free(&l); /* nothing is lost at the end */
	ck_assert_str_eq(trace, "t01");
}
END_TEST

/* --- signals --- */

static void got(struct sigwatch *s)
{
	note('s');
	loop_stop(s->loop);
}

START_TEST(signals)
{
	struct sigwatch s = { .loop = NULL }, s2;

	sigwatch_stop(&s);
	sigwatch_start(&s, l, SIGUSR1, got);
	sigwatch_start(&s2, l, SIGUSR2, got);
	loop_turn(l);
	ck_assert_str_eq(trace, "");
	raise(SIGUSR1);
	ck_assert_str_eq(trace, ""); /* in a turn, not in the handler */
	loop_run(l);
	ck_assert_str_eq(trace, "s");
	raise(SIGUSR1);
	raise(SIGUSR2);
	loop_turn(l);
	ck_assert_str_eq(trace, "sss");
	sigwatch_stop(&s);
	sigwatch_stop(&s);
	signal(SIGUSR1, SIG_IGN); /* libev gave back the default, which kills */
	raise(SIGUSR1);
	loop_turn(l);
	ck_assert_str_eq(trace, "sss");
	sigwatch_stop(&s2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loop");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, open_loop, close_loop);
	tcase_add_test(t, timers);
	tcase_add_test(t, moved_later);
	tcase_add_test(t, moved_earlier);
	tcase_add_test(t, stopped);
	tcase_add_test(t, set_in_its_own_callback);
	tcase_add_test(t, freed_and_stopped_in_a_callback);
	tcase_add_test(t, wall_clock_jumps);
	tcase_add_test(t, now_is_read_once_a_turn);
	tcase_add_test(t, running);
	tcase_add_test(t, watching);
	tcase_add_test(t, both_ways);
	tcase_add_test(t, stopped_in_a_callback);
	tcase_add_test(t, freed_in_its_callback);
	tcase_add_test(t, number_used_again);
	tcase_add_test(t, deferring);
	tcase_add_test(t, deferring_in_deferred_work);
	tcase_add_test(t, deferred_frees_itself);
	tcase_add_test(t, endless_deferred_work);
	tcase_add_test(t, long_deferred_work);
	tcase_add_test(t, deferred_by_a_callback);
	tcase_add_test(t, signals);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
