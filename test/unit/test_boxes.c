/* Health of boxes: the pass-over grows, is bounded, and lets one session through to try. */
#include "shm/boxes.c"

#include <check.h>
#include <sched.h>

#include "unit/child.h"

#define BOX 7

static struct shm *shm;

static void setup(void)
{
	shm = shm_create(2);
}

static void teardown(void)
{
	shm_destroy(&shm);
}

static int64_t passed_over(int64_t now)
{
	return boxes_health(shm, BOX, now).passed_over_ms;
}

/* --- names --- */

START_TEST(names)
{
	int a = boxes_assign(shm, STR("smtp"), STR("MAIL1")), b, c;
	struct str cluster, name;

	ck_assert_int_ge(a, 0);
	b = boxes_assign(shm, STR("smtp"), STR("MAIL2"));
	c = boxes_assign(shm, STR("pop3"), STR("MAIL1"));
	ck_assert(a != b && b != c && a != c);
	ck_assert_int_eq(boxes_assign(shm, STR("smtp"), STR("MAIL1")), a);
	ck_assert_int_eq(boxes_find(shm, STR("pop3"), STR("MAIL1")), c);
	ck_assert_int_eq(boxes_find(shm, STR("pop3"), STR("MAIL2")), -1);
	ck_assert(boxes_name(shm, c, &cluster, &name));
	ck_assert(str_eq(cluster, STR("pop3")) && str_eq(name, STR("MAIL1")));
	ck_assert(!boxes_name(shm, MAX_BOXES - 1, &cluster, &name));
	boxes_forget(shm, STR("smtp"), STR("MAIL1"));
	ck_assert(!boxes_name(shm, a, &cluster, &name));
	ck_assert_int_eq(boxes_find(shm, STR("smtp"), STR("MAIL1")), -1);
	ck_assert_int_ne(boxes_assign(shm, STR("smtp"), STR("MAIL1")), a);
}
END_TEST

static int assign_numbered(unsigned i)
{
	char name[LIMIT_NAME + 1];
	struct str s = { name, 4 };

	memcpy(name, (char[]){ 'b', (char)('a' + i / 100), (char)('0' + i / 10 % 10),
			       (char)('0' + i % 10) }, 4);
	return boxes_assign(shm, STR("c"), s);
}

/* A row of the past that is given to another box tells nothing of the one before. */
START_TEST(new_name_has_no_past)
{
	uint32_t offer = 1;
	uint64_t size = 1;
	int box;

	for (unsigned i = 0; i < MAX_BOXES; i++)
		must(assign_numbered(i) == (int)i, "a fresh row");
	ck_assert_int_eq(boxes_assign(shm, STR("c"), STR("too-many")), -1);
	boxes_failed(shm, BOX, 1000, "refused");
	boxes_offer(shm, BOX, 5, 7000);
	boxes_checked(shm, BOX, &(struct box_check){ BOX_ILL, 1000, 20, "refused" });
	boxes_forget(shm, STR("c"), STR("ba07"));
	box = boxes_assign(shm, STR("other"), STR("box"));
	ck_assert_int_eq(box, BOX);
	boxes_get_offer(shm, box, &offer, &size);
	ck_assert_uint_eq(offer, 0);
	ck_assert_uint_eq(size, 0);
	ck_assert(boxes_usable(shm, box, 1001));
	ck_assert_uint_eq(boxes_health(shm, box, 1001).failures, 0);
	ck_assert_str_eq(boxes_health(shm, box, 1001).why, "");
	ck_assert_int_eq(boxes_check(shm, box).verdict, BOX_UNSEEN);
	ck_assert_str_eq(boxes_check(shm, box).text, "");
}
END_TEST

/* --- checks --- */

START_TEST(checks)
{
	struct box_check c = { BOX_LOGIN, 123456, 789, "PASS: no" };

	ck_assert_int_eq(boxes_check(shm, BOX).verdict, BOX_UNSEEN);
	boxes_checked(shm, BOX, &c);
	c = boxes_check(shm, BOX);
	ck_assert_int_eq(c.verdict, BOX_LOGIN);
	ck_assert_int_eq(c.mono_ms, 123456);
	ck_assert_int_eq(c.took_us, 789);
	ck_assert_str_eq(c.text, "PASS: no");
	ck_assert_int_eq(boxes_check(shm, BOX + 1).verdict, BOX_UNSEEN);
	memset(c.text, 'x', sizeof(c.text)); /* torn */
	boxes_checked(shm, BOX, &c);
	ck_assert_uint_eq(strlen(boxes_check(shm, BOX).text), BOX_CHECK_TEXT - 1);
	boxes_checked(shm, -1, &c); /* no index: nothing is kept */
	ck_assert_int_eq(boxes_check(shm, -1).verdict, BOX_UNSEEN);
	ck_assert_int_eq(boxes_check(shm, MAX_BOXES).verdict, BOX_UNSEEN);
}
END_TEST

/* --- the pass-over --- */

START_TEST(healthy)
{
	struct box_health h = boxes_health(shm, BOX, 1);

	for (int i = 0; i < 10; i++)
		ck_assert(boxes_usable(shm, BOX, i));
	ck_assert_uint_eq(h.failures, 0);
	ck_assert_int_eq(h.passed_over_ms, 0);
	ck_assert_str_eq(h.why, "");
	boxes_worked(shm, BOX);
	ck_assert(boxes_usable(shm, BOX, 1));
}
END_TEST

START_TEST(grows_and_is_bounded)
{
	int64_t now = 5000, wait = BOX_PASSOVER_FIRST_MS;

	for (uint32_t i = 1; i <= 40; i++) {
		boxes_failed(shm, BOX, now, "connect: Connection refused");
		ck_assert_int_eq(passed_over(now), wait);
		ck_assert_uint_eq(boxes_health(shm, BOX, now).failures, i);
		ck_assert(!boxes_usable(shm, BOX, now));
		ck_assert(!boxes_usable(shm, BOX, now + wait - 1));
		ck_assert_int_eq(passed_over(now + wait - 1), 1);
		ck_assert_int_eq(passed_over(now + wait), 0);
		now += wait;
		ck_assert(boxes_usable(shm, BOX, now));
		wait = wait * 2 < BOX_PASSOVER_MAX_MS ? wait * 2 : BOX_PASSOVER_MAX_MS;
	}
	ck_assert_int_eq(wait, BOX_PASSOVER_MAX_MS);
	ck_assert_str_eq(boxes_health(shm, BOX, now).why, "connect: Connection refused");
	ck_assert(boxes_usable(shm, BOX + 1, now));
}
END_TEST

/* Sessions that failed together are one failure. */
START_TEST(together_counts_once)
{
	for (int64_t now = 100; now < 100 + BOX_PASSOVER_FIRST_MS; now += 50)
		boxes_failed(shm, BOX, now, "refused");
	ck_assert_uint_eq(boxes_health(shm, BOX, 100).failures, 1);
	ck_assert_int_eq(passed_over(100), BOX_PASSOVER_FIRST_MS);
}
END_TEST

START_TEST(one_tries)
{
	int64_t now = BOX_PASSOVER_FIRST_MS;

	boxes_failed(shm, BOX, 0, "refused");
	ck_assert(boxes_usable(shm, BOX, now));
	for (int i = 0; i < 5; i++)
		ck_assert(!boxes_usable(shm, BOX, now + i));
	ck_assert(!boxes_usable(shm, BOX, now + PROBE_MS - 1));
	/* it never reported: another one */
	ck_assert(boxes_usable(shm, BOX, now + PROBE_MS));
	ck_assert(!boxes_usable(shm, BOX, now + PROBE_MS));
}
END_TEST

/* Whoever only chooses takes nobody's place, and sees when it is taken. */
START_TEST(choosing_is_not_trying)
{
	int64_t now = BOX_PASSOVER_FIRST_MS;

	ck_assert(boxes_fit(shm, BOX, 0));
	boxes_failed(shm, BOX, 0, "refused");
	ck_assert(!boxes_fit(shm, BOX, now - 1));
	for (int i = 0; i < 5; i++)
		ck_assert(boxes_fit(shm, BOX, now));
	ck_assert(boxes_usable(shm, BOX, now));
	ck_assert(!boxes_fit(shm, BOX, now));
	ck_assert(!boxes_fit(shm, BOX, now + PROBE_MS - 1));
	ck_assert(boxes_fit(shm, BOX, now + PROBE_MS));
	boxes_worked(shm, BOX);
	ck_assert(boxes_fit(shm, BOX, now));
}
END_TEST

START_TEST(success_decides_for_all)
{
	int64_t now = BOX_PASSOVER_FIRST_MS;

	boxes_failed(shm, BOX, 0, "refused");
	ck_assert(boxes_usable(shm, BOX, now));
	boxes_worked(shm, BOX);
	ck_assert(boxes_usable(shm, BOX, now) && boxes_usable(shm, BOX, now));
	ck_assert_str_eq(boxes_health(shm, BOX, now).why, "");
	/* and the next failure is a first one */
	boxes_failed(shm, BOX, now, "refused");
	ck_assert_int_eq(passed_over(now), BOX_PASSOVER_FIRST_MS);
}
END_TEST

START_TEST(failure_decides_for_all)
{
	int64_t now = BOX_PASSOVER_FIRST_MS;

	boxes_failed(shm, BOX, 0, "refused");
	ck_assert(boxes_usable(shm, BOX, now));
	boxes_failed(shm, BOX, now, "refused");
	now += 2 * BOX_PASSOVER_FIRST_MS;
	ck_assert(!boxes_usable(shm, BOX, now - 1));
	/* the next try need not wait for the place of the one before */
	ck_assert(boxes_usable(shm, BOX, now));
	ck_assert(!boxes_usable(shm, BOX, now));
}
END_TEST

/* What stood before a success that was reported in the middle of a failure does not stay. */
START_TEST(failures_after_a_success_count)
{
	int64_t now = 0;

	for (int i = 0; i < 10; i++, now += BOX_PASSOVER_MAX_MS)
		boxes_failed(shm, BOX, now, "refused");
	boxes_worked(shm, BOX);
	boxes_failed(shm, BOX, now - 100, "refused");
	ck_assert_int_eq(passed_over(now - 100), BOX_PASSOVER_FIRST_MS);
	ck_assert_uint_eq(boxes_health(shm, BOX, now).failures, 1);
}
END_TEST

static const int strangers[] = { -1, MAX_BOXES, INT32_MAX, INT32_MIN };

START_TEST(boxes_nobody_knows)
{
	int box = strangers[_i];
	uint32_t offer = 1;
	uint64_t size = 1;

	boxes_failed(shm, box, 0, "refused");
	boxes_worked(shm, box);
	boxes_offer(shm, box, 1, 1);
	boxes_get_offer(shm, box, &offer, &size);
	ck_assert(offer == 0 && size == 0);
	ck_assert(boxes_usable(shm, box, 0) && boxes_fit(shm, box, 0));
	ck_assert_uint_eq(boxes_health(shm, box, 0).failures, 0);
}
END_TEST

START_TEST(offers_and_reasons)
{
	char text[200];
	uint32_t offer;
	uint64_t size;

	boxes_offer(shm, BOX, 0x80000001u, UINT64_MAX);
	boxes_get_offer(shm, BOX, &offer, &size);
	ck_assert_uint_eq(offer, 0x80000001u);
	ck_assert_uint_eq(size, UINT64_MAX);
	memset(text, 'x', sizeof(text));
	text[199] = '\0';
	boxes_failed(shm, BOX, 0, text);
	ck_assert_uint_eq(strlen(boxes_health(shm, BOX, 0).why), 63);
}
END_TEST

/* --- several workers --- */

#define HANDS 3

/* In each round all come at once. */
static struct gate {
	_Atomic unsigned round, done, lucky;
} *gate;

static void gate_make(void)
{
	/* a part of the region that nothing here uses, so that the children share it */
	gate = (struct gate *)(void *)shm->rings[0].bytes;
}

static int64_t round_time(unsigned round)
{
	return (int64_t)round * (BOX_PASSOVER_MAX_MS + PROBE_MS);
}

static unsigned wait_for(_Atomic unsigned *what, unsigned value)
{
	while (atomic_load(what) < value)
		sched_yield();
	return value;
}

static bool fail_together(void *rounds)
{
	for (unsigned r = 1; r <= *(unsigned *)rounds; r++) {
		wait_for(&gate->round, r);
		boxes_failed(shm, BOX, round_time(r), "refused");
		atomic_fetch_add(&gate->done, 1);
	}
	return true;
}

static bool try_together(void *rounds)
{
	for (unsigned r = 1; r <= *(unsigned *)rounds; r++) {
		wait_for(&gate->round, r);
		if (boxes_usable(shm, BOX, round_time(r)))
			atomic_fetch_add(&gate->lucky, 1);
		atomic_fetch_add(&gate->done, 1);
	}
	return true;
}

static void hands_start(bool (*fn)(void *), unsigned *rounds, pid_t pid[HANDS])
{
	gate_make();
	for (int i = 0; i < HANDS; i++)
		pid[i] = child_start(fn, rounds);
}

static void hands_end(const pid_t pid[HANDS])
{
	for (int i = 0; i < HANDS; i++)
		ck_assert(child_ended_well(pid[i]));
}

START_TEST(many_fail_at_once)
{
	unsigned rounds = 2000;
	pid_t pid[HANDS];

	hands_start(fail_together, &rounds, pid);
	for (unsigned r = 1; r <= rounds; r++) {
		atomic_store(&gate->round, r);
		wait_for(&gate->done, r * HANDS);
		must(boxes_health(shm, BOX, round_time(r)).failures == r, "one failure a round");
	}
	hands_end(pid);
}
END_TEST

START_TEST(many_try_at_once)
{
	unsigned rounds = 2000;
	pid_t pid[HANDS];

	hands_start(try_together, &rounds, pid);
	boxes_failed(shm, BOX, 0, "refused");
	for (unsigned r = 1; r <= rounds; r++) {
		atomic_store(&gate->round, r);
		wait_for(&gate->done, r * HANDS);
		must(atomic_load(&gate->lucky) == r, "one lucky a round");
	}
	hands_end(pid);
}
END_TEST

static bool fail_and_work(void *arg)
{
	for (int64_t now = 0; !arg; now += BOX_PASSOVER_MAX_MS) {
		boxes_failed(shm, BOX, now, "refused");
		boxes_failed(shm, BOX, now + BOX_PASSOVER_MAX_MS / 2, "refused");
		boxes_usable(shm, BOX, now + BOX_PASSOVER_MAX_MS);
		if (now / BOX_PASSOVER_MAX_MS % 3 == 0)
			boxes_worked(shm, BOX);
	}
	return false;
}

/* Whatever a dead one left: the box is passed over for a bounded time, then tried, and a
 * success heals it. */
START_TEST(killed_reporter)
{
	for (int i = 0; i < 200; i++) {
		struct box_health h;
		int64_t until;

		child_kill_within(child_start(fail_and_work, NULL), 300);
		h = boxes_health(shm, BOX, 0);
		until = h.passed_over_ms;
		must((until == 0) == (h.failures == 0), "passed over with a cause");
		must(h.failures < 10, "no failure is counted twice");
		must(boxes_health(shm, BOX, until).passed_over_ms == 0, "it ends");
		must(boxes_usable(shm, BOX, until + BOX_PASSOVER_MAX_MS + PROBE_MS),
		     "and a session may try");
		boxes_worked(shm, BOX);
		must(boxes_usable(shm, BOX, 0) && boxes_usable(shm, BOX, 0), "healed");
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("boxes");
	TCase *t = tcase_create("boxes");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, names);
	tcase_add_test(t, new_name_has_no_past);
	tcase_add_test(t, checks);
	tcase_add_test(t, healthy);
	tcase_add_test(t, grows_and_is_bounded);
	tcase_add_test(t, together_counts_once);
	tcase_add_test(t, one_tries);
	tcase_add_test(t, choosing_is_not_trying);
	tcase_add_test(t, success_decides_for_all);
	tcase_add_test(t, failure_decides_for_all);
	tcase_add_test(t, failures_after_a_success_count);
	tcase_add_loop_test(t, boxes_nobody_knows, 0, (int)ARRAY_LEN(strangers));
	tcase_add_test(t, offers_and_reasons);
	tcase_add_test(t, many_fail_at_once);
	tcase_add_test(t, many_try_at_once);
	tcase_add_test(t, killed_reporter);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
