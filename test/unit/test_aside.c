/* One piece of work at a time beside the loop: work, then done, in turn, to the end. */
#include "lib/base/buf.h"

static _Atomic unsigned ended;

static void count_end(void)
{
	ended++;
}

#define buf_thread_end count_end
#include "admin/aside.c"

#include <check.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "unit/no_threads.h"

static struct loop *loop;
static struct aside aside;
static pthread_t main_thread;
static sem_t begun, go_on;
static char trace[256]; /* what ran, in order; of the thread while one runs */

/* One piece of work. */
struct piece {
	char name;
	bool waits;	    /* for go_on */
	struct piece *next; /* started when this is done; or NULL */
	unsigned done;
};

static void note(const char *what, char name)
{
	size_t n = strlen(trace);

	snprintf(trace + n, sizeof(trace) - n, "%s%c ", what, name);
}

static void work(void *arg)
{
	struct piece *p = arg;
	sigset_t blocked;

	/* No signal of the process is ours to handle. */
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	note(sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGHUP) ? "" : "(signals)", p->name);
	if (pthread_equal(pthread_self(), main_thread))
		note("(no thread)", p->name);
	sem_post(&begun);
	while (p->waits && sem_wait(&go_on) < 0)
		;
}

static void done(void *arg)
{
	struct piece *p = arg;
	struct err e = { "" };

	note(pthread_equal(pthread_self(), main_thread) ? "done-" : "(thread)done-", p->name);
	p->done++;
	ck_assert_uint_eq(ended, 1); /* its thread left nothing behind */
	ended = 0;
	ck_assert(!aside.busy);
	if (p->next)
		ck_assert_int_eq(aside_start(&aside, work, done, p->next, &e), 0);
}

static void start(struct piece *p)
{
	struct err e = { "" };

	ck_assert_msg(aside_start(&aside, work, done, p, &e) == 0, "%s", e.text);
	ck_assert(aside.busy);
}

static void setup(void)
{
	main_thread = pthread_self();
	trace[0] = '\0';
	ck_assert(sem_init(&begun, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
	loop = loop_new();
	aside_init(&aside, loop);
}

static void teardown(void)
{
	loop_free(&loop);
}

static void turn_until_idle(void)
{
	while (aside.busy)
		loop_turn(loop);
}

START_TEST(work_and_done)
{
	struct piece a = { .name = 'a' };
	sigset_t before, after;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	start(&a);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	ck_assert_int_eq(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
	turn_until_idle();
	ck_assert_str_eq(trace, "a done-a ");
	aside_end(&aside);
	ck_assert_uint_eq(a.done, 1);
}
END_TEST

/* The loop goes on while it works, and hears of it once. */
START_TEST(loop_goes_on)
{
	struct piece a = { .name = 'a', .waits = true };

	start(&a);
	sem_wait(&begun);
	for (int i = 0; i < 100; i++)
		loop_turn(loop);
	ck_assert(aside.busy);
	ck_assert_uint_eq(a.done, 0);
	sem_post(&go_on);
	turn_until_idle();
	for (int i = 0; i < 100; i++)
		loop_turn(loop);
	ck_assert_uint_eq(a.done, 1);
	aside_end(&aside);
}
END_TEST

/* done may start the next; others come when it is idle. */
START_TEST(several_in_turn)
{
	struct piece c = { .name = 'c' }, b = { .name = 'b', .next = &c }, a = { .name = 'a', .next = &b };

	start(&a);
	while (c.done == 0)
		loop_turn(loop);
	ck_assert(!aside.busy);
	for (int i = 0; i < 50; i++) {
		struct piece one = { .name = 'x' };

		start(&one);
		turn_until_idle();
		ck_assert_uint_eq(one.done, 1);
		if (i < 49)
			trace[0] = '\0';
	}
	ck_assert_str_eq(trace, "x done-x ");
	aside_end(&aside);
}
END_TEST

static void *let_go(void *arg)
{
	(void)arg;
	sem_wait(&begun);
	sem_post(&go_on);
	return NULL;
}

/* The end waits for what runs, and for what its done starts. */
START_TEST(end_while_running)
{
	struct piece b = { .name = 'b' }, a = { .name = 'a', .waits = true, .next = &b };
	pthread_t other;

	start(&a);
	ck_assert_int_eq(pthread_create(&other, NULL, let_go, NULL), 0);
	aside_end(&aside);
	pthread_join(other, NULL);
	ck_assert(!aside.busy);
	ck_assert_str_eq(trace, "a done-a b done-b ");
	for (int i = 0; i < 10; i++)
		loop_turn(loop); /* which no longer looks */
}
END_TEST

/* It was done before the loop looked: the end takes it. */
START_TEST(end_when_done)
{
	struct piece a = { .name = 'a' };

	start(&a);
	sem_wait(&begun);
	usleep(1000);
	aside_end(&aside);
	ck_assert_str_eq(trace, "a done-a ");
}
END_TEST

START_TEST(end_of_nothing)
{
	aside_end(&aside);
	ck_assert_str_eq(trace, "");
}
END_TEST

START_TEST(no_thread)
{
	struct piece a = { .name = 'a' };
	struct err e = { "" };

	no_threads = true;
	ck_assert_int_eq(aside_start(&aside, work, done, &a, &e), -1);
	ck_assert_str_eq(e.text, "no thread: Resource temporarily unavailable");
	ck_assert(!aside.busy);
	no_threads = false;
	start(&a);
	turn_until_idle();
	ck_assert_str_eq(trace, "a done-a ");
	aside_end(&aside);
}
END_TEST

/* That would be a bug of ours. */
START_TEST(two_at_once)
{
	struct piece a = { .name = 'a', .waits = true };
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		fclose(stderr);
		start(&a);
		start(&a);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	aside_end(&aside);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("aside");
	TCase *t = tcase_create("aside");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, work_and_done);
	tcase_add_test(t, loop_goes_on);
	tcase_add_test(t, several_in_turn);
	tcase_add_test(t, end_while_running);
	tcase_add_test(t, end_when_done);
	tcase_add_test(t, end_of_nothing);
	tcase_add_test(t, no_thread);
	tcase_add_test(t, two_at_once);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
