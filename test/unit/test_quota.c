/* Distinct values: exact against a set per subject and window, over processes, after deaths; the
 * oldest goes where there is no more room. */
#include "shm/quota.c"

#include <check.h>
#include <sched.h>
#include <stdlib.h>

#include "unit/child.h"

#define NOW INT64_C(7200000123)
#define WINDOW INT64_C(7200000)

static struct shm *shm;

static void setup(void)
{
	shm = shm_create(8);
	/* A fixed key: with any other a few of the hundreds of thousands here may share a number
	 * (quota.h), about once in a hundred runs. */
	memset(shm->secret, 7, sizeof(shm->secret));
}

static void teardown(void)
{
	shm_destroy(&shm);
}

/* Hashes as callers have them. */
static uint64_t hash(uint64_t i)
{
	uint64_t k = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	k = (k ^ k >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	return k ^ k >> 27;
}

static unsigned use(uint64_t subject, uint64_t value, unsigned most, int64_t now)
{
	return quota_distinct(shm, QUOTA_STRANGERS, hash(subject), hash(value), most, WINDOW, now);
}

/* --- one subject --- */

START_TEST(counts_each_value_once)
{
	for (unsigned i = 0; i < 50; i++) {
		ck_assert_uint_eq(use(1, i, 100, NOW), i + 1);
		ck_assert_uint_eq(use(1, i / 2, 100, NOW + 1), i + 1);
	}
	ck_assert_uint_eq(use(2, 3, 100, NOW), 1); /* another subject */
	ck_assert_uint_eq(quota_distinct(shm, (enum quota_kind)2, hash(1), hash(3), 100, WINDOW, NOW), 1);
}
END_TEST

/* Up to most and one more: how many there are beyond, nobody asks. Of many, the first are only
 * noted: to count them each time would take minutes. */
static const unsigned mosts[] = { 1, 2, 7, 8, 9, 31, 32, 100, 1000, 4096, 20000, 100000 };

START_TEST(exact_up_to_most)
{
	unsigned most = mosts[_i], first = most > 3000 ? most - 1000 : 0;
	struct counted c = counted(shm, QUOTA_STRANGERS, hash(1), most, WINDOW, NOW);

	for (unsigned i = 0; i < first; i++)
		note(line_at(shm, &c, (unsigned)(hash(i) % c.lines)), identity(&c, hash(i)), c.used);
	for (unsigned i = first; i < most; i++)
		must(use(1, i, most, NOW) == i + 1, "each one counts");
	must(use(1, most, most, NOW) > most, "one too many");
	must(use(1, 0, most, NOW) > most, "and it stays so");
}
END_TEST

/* A window ends for all values at once; the next one knows nothing. */
START_TEST(windows)
{
	int64_t end = (NOW / WINDOW + 1) * WINDOW;

	for (unsigned i = 0; i < 5; i++)
		use(1, i, 100, NOW + (int64_t)i);
	ck_assert_uint_eq(use(1, 5, 100, end - 1), 6);
	ck_assert_uint_eq(use(1, 5, 100, end), 1);
	ck_assert_uint_eq(use(1, 6, 100, end + WINDOW - 1), 2);
	ck_assert_uint_eq(use(1, 6, 100, end + WINDOW), 1);
	/* a process whose clock is a little behind still sees the old one */
	ck_assert_uint_eq(use(1, 0, 100, end - 1), 6);
	/* windows of another length are others; none of no length holds more than one */
	ck_assert_uint_eq(quota_distinct(shm, QUOTA_STRANGERS, hash(1), hash(0), 100, 1, end), 1);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(quota_distinct(shm, QUOTA_STRANGERS, hash(1), hash(i), 100, 0, end), 1);
}
END_TEST

START_TEST(forgets)
{
	for (unsigned i = 0; i < 9; i++) {
		use(1, i, 5, NOW);
		use(1, i, 100, NOW);
		use(2, i, 100, NOW);
	}
	quota_forget(shm, QUOTA_STRANGERS, hash(1));
	ck_assert_uint_eq(use(1, 0, 5, NOW), 1);
	ck_assert_uint_eq(use(1, 0, 100, NOW), 1);
	ck_assert_uint_eq(use(2, 0, 100, NOW), 9);
	ck_assert_uint_eq(use(1, 1, 100, NOW), 2);
	quota_forget(shm, QUOTA_STRANGERS, hash(1));
	ck_assert_uint_eq(use(1, 1, 100, NOW), 1);
}
END_TEST

/* Hashes of which the counted bits are all 0, or all 1. */
START_TEST(odd_hashes)
{
	static const uint64_t odd[] = { 0, 1, UINT64_MAX, UINT64_MAX >> 28, UINT64_MAX << 36 };

	for (size_t s = 0; s < ARRAY_LEN(odd); s++)
		for (unsigned round = 0; round < 2; round++) {
			unsigned n = quota_distinct(shm, QUOTA_STRANGERS, odd[s], 0, 9, WINDOW, NOW);

			ck_assert_uint_eq(n, round ? 2 : 1);
			n = quota_distinct(shm, QUOTA_STRANGERS, odd[s], UINT64_MAX, 9, WINDOW, NOW);
			ck_assert_uint_eq(n, 2);
		}
}
END_TEST

/* Where everything is 0 there is still an entry, not a free place. */
START_TEST(all_zero)
{
	struct counted c = { .subject = 0, .lines = 1, .used = 0 };

	note(line_at(shm, &c, 0), identity(&c, 0), c.used);
	ck_assert_uint_eq(count(line_at(shm, &c, 0), c.subject), 1);
	note(line_at(shm, &c, 0), identity(&c, 0), c.used);
	ck_assert_uint_eq(count(line_at(shm, &c, 0), c.subject), 1);
}
END_TEST

/* What two processes left there twice. */
START_TEST(doubled_entries)
{
	struct counted c = { .subject = 5, .lines = 1, .used = 9 };
	au64 *line = line_at(shm, &c, 0);

	for (unsigned i = 0; i < 6; i++)
		atomic_store(&line[i * 5], identity(&c, hash(i / 2)) << USED_BITS | (9 + i));
	ck_assert_uint_eq(count(line, c.subject), 3);
}
END_TEST

/* --- room --- */

static struct counted line_of(uint64_t subject, unsigned used)
{
	return (struct counted){ .subject = subject, .lines = 1, .used = used };
}

static unsigned resident(struct counted *c)
{
	return count(line_at(shm, c, 0), c->subject);
}

static void put_at(struct counted *c, uint64_t value, unsigned used)
{
	note(line_at(shm, c, 0), identity(c, hash(value)), used);
}

/* The least lately used one goes, whosever it is; one used again meanwhile is not that. */
START_TEST(oldest_goes)
{
	struct counted old = line_of(5, 0), new = line_of(6, 0);

	for (unsigned i = 0; i < QUOTA_WAYS; i++)
		put_at(&old, i, 100 + i);
	put_at(&old, 0, 200);
	ck_assert_uint_eq(resident(&old), QUOTA_WAYS);
	put_at(&new, 0, 201);
	ck_assert_uint_eq(resident(&old), QUOTA_WAYS - 1);
	ck_assert_uint_eq(resident(&new), 1);
	put_at(&old, 0, 202);
	ck_assert_uint_eq(resident(&old), QUOTA_WAYS - 1); /* it was there */
	put_at(&old, 1, 202);
	ck_assert_uint_eq(resident(&old), QUOTA_WAYS - 1); /* it was not, and drove out the next */
	for (unsigned i = 1; i < 30; i++)
		put_at(&new, i, 203);
	ck_assert_uint_eq(resident(&new), 30);
	ck_assert_uint_eq(resident(&old), 2); /* those used again */
}
END_TEST

/* Units come round: what is a little ahead is young, what is far behind is old. */
/* A line that is full of what is as old as now: of windows that are over, or others'. A subject's new
 * values do not take the places of its own. */
START_TEST(own_go_last)
{
	struct counted others = line_of(5, 100), own = line_of(6, 100);

	for (unsigned i = 0; i < QUOTA_WAYS; i++)
		put_at(&others, i, 100);
	for (unsigned i = 0; i < QUOTA_WAYS; i++) {
		put_at(&own, i, 100);
		ck_assert_uint_eq(resident(&own), i + 1);
	}
	put_at(&own, QUOTA_WAYS, 100);
	ck_assert_uint_eq(resident(&own), QUOTA_WAYS);
}
END_TEST

START_TEST(ages)
{
	uint64_t e = UINT64_C(1) << USED_BITS;

	ck_assert_int_eq(age_of(0, 5), INT_MAX);
	ck_assert_int_eq(age_of(e | 5, 5), 0);
	ck_assert_int_eq(age_of(e | 5, 9), 4);
	ck_assert_int_eq(age_of(e | 6, 5), -1);
	ck_assert_int_eq(age_of(e | USED_MASK, 0), 1);
	ck_assert_int_eq(age_of(e | 0, USED_MASK), -1);
	ck_assert_int_eq(age_of(e | 9, 0), (int)USED_MASK - 8);
}
END_TEST

/* A line that is full of others' entries costs counts, but never makes one too high; and the call
 * counts itself whatever becomes of its entry. */
START_TEST(too_low_at_worst)
{
	for (unsigned i = 0; i < 4 * QUOTA_LINES * QUOTA_WAYS; i++)
		atomic_store(&shm->quota[i / QUOTA_WAYS % QUOTA_LINES][i % QUOTA_WAYS],
			     hash(i) & ~(uint64_t)USED_MASK);
	for (unsigned i = 0; i < 100; i++) {
		unsigned n = use(1, i, 100, NOW);

		ck_assert_uint_ge(n, 1);
		ck_assert_uint_le(n, i + 1);
	}
}
END_TEST

/* The table holds many clients at once, and keeps apart what they use. */
START_TEST(many_subjects)
{
	enum { SUBJECTS = 5000, VALUES = 20 };

	for (unsigned v = 0; v < VALUES; v++)
		for (unsigned s = 0; s < SUBJECTS; s++)
			must(use(s, v * SUBJECTS + s % 7, 100, NOW) == v + 1, "exact for all of them");
}
END_TEST

/* --- against a model: a set per subject and window --- */

#define SUBJECTS 40
#define VALUES 120

struct model {
	bool has[SUBJECTS][VALUES];
	unsigned n[SUBJECTS];
	int64_t window;
};

static unsigned model_use(struct model *m, unsigned s, unsigned v, int64_t window)
{
	if (window != m->window)
		memset(m, 0, sizeof(*m));
	m->window = window;
	m->n[s] += !m->has[s][v];
	m->has[s][v] = true;
	return m->n[s];
}

START_TEST(as_a_set)
{
	static struct model m;
	int64_t now = NOW;

	memset(&m, 0, sizeof(m));
	for (unsigned i = 0; i < 200000; i++) {
		unsigned s = rnd(SUBJECTS), v = rnd(rnd(3) ? 12 : VALUES), want, got;

		if (rnd(1000) == 0) {
			quota_forget(shm, QUOTA_STRANGERS, hash(s));
			memset(m.has[s], 0, sizeof(m.has[s]));
			m.n[s] = 0;
		}
		now += (int64_t)rnd(300) * (rnd(5000) ? 1 : 20000);
		want = model_use(&m, s, v, now / WINDOW);
		got = use(s, v, VALUES, now);
		if (got != want)
			ck_abort_msg("step %u: %u values, not %u", i, got, want);
	}
}
END_TEST

/* --- processes --- */

#define HANDS 8

static struct board {
	_Atomic unsigned ready;
	_Atomic unsigned highest[HANDS];
} *board;

static void meet(unsigned times)
{
	atomic_fetch_add(&board->ready, 1);
	while (atomic_load(&board->ready) < times * HANDS)
		sched_yield();
}

#define ROUNDS 40
#define EACH 60 /* values a hand and round: half its own, half of all */

/* In each round all use values of one subject: shared ones in an order of their own, so that they
 * meet, and some of their own. */
static bool use_together(void *arg)
{
	unsigned me = *(unsigned *)arg;

	for (unsigned r = 0; r < ROUNDS; r++) {
		meet(r + 1);
		for (unsigned i = 0; i < EACH; i++) {
			unsigned at = (i + me * 7) % EACH;
			unsigned value = at % 2 ? at : 1000 * (me + 1) + at;
			unsigned n = use(r, value, 2000, NOW);

			if (n > EACH / 2 + HANDS * EACH / 2)
				return false; /* one counted twice */
			if (i == EACH - 1 && n < EACH)
				return false; /* at least its own */
			if (n > atomic_load(&board->highest[me]))
				atomic_store(&board->highest[me], n);
		}
	}
	return true;
}

START_TEST(exact_over_processes)
{
	unsigned id[HANDS];
	pid_t pid[HANDS];

	board = (struct board *)(void *)shm->rings[0].bytes;
	for (unsigned i = 0; i < HANDS; i++) {
		id[i] = i;
		pid[i] = child_start(use_together, &id[i]);
	}
	for (unsigned i = 0; i < HANDS; i++)
		ck_assert(child_ended_well(pid[i]));
	for (unsigned r = 0; r < ROUNDS; r++)
		must(use(r, 1, 2000, NOW) == EACH / 2 + HANDS * EACH / 2, "all, each once");
}
END_TEST

#define TOGETHER 400

/* Of those who pass a limit together, at least one is told. */
static bool pass_together(void *arg)
{
	unsigned me = *(unsigned *)arg;

	for (unsigned r = 0; r < TOGETHER; r++) {
		meet(r + 1);
		if (use(r, me, HANDS - 1, NOW) > HANDS - 1)
			atomic_fetch_add(&board->highest[0], 1);
	}
	return true;
}

START_TEST(somebody_is_told)
{
	unsigned id[HANDS], told;
	pid_t pid[HANDS];

	board = (struct board *)(void *)shm->rings[0].bytes;
	for (unsigned i = 0; i < HANDS; i++) {
		id[i] = i;
		pid[i] = child_start(pass_together, &id[i]);
	}
	for (unsigned i = 0; i < HANDS; i++)
		ck_assert(child_ended_well(pid[i]));
	told = atomic_load(&board->highest[0]);
	ck_assert_uint_ge(told, TOGETHER);
}
END_TEST

static bool use_on(void *arg)
{
	property_seed += *(unsigned *)arg;
	for (;;)
		use(rnd(4), rnd(64), 64, NOW);
	return false;
}

/* Whoever was killed: nobody has more values than were used, and what is used from now on is
 * counted as ever. */
START_TEST(killed_worker)
{
	for (unsigned i = 0; i < 200; i++) {
		child_kill_within(child_start(use_on, &i), 500);
		for (unsigned s = 0; s < 4; s++)
			must(use(s, 0, 64, NOW) <= 64, "none is counted twice");
		must(use(1000 + i, 1, 64, NOW) == 1, "another knows nothing of it");
		must(use(1000 + i, 2, 64, NOW) == 2, "and counts on");
	}
	for (unsigned v = 0; v < 64; v++)
		use(0, v, 64, NOW);
	must(use(0, 0, 64, NOW) == 64, "all, each once");
}
END_TEST

/* --- sums --- */

static unsigned add(uint64_t subject, unsigned n, int64_t window, int64_t now)
{
	return quota_add(shm, QUOTA_MAILS, hash(subject), n, window, now);
}

static unsigned sum(uint64_t subject, int64_t window, int64_t now)
{
	return quota_sum(shm, QUOTA_MAILS, hash(subject), window, now);
}

START_TEST(sums)
{
	int64_t end = (NOW / WINDOW + 1) * WINDOW;

	ck_assert_uint_eq(sum(1, WINDOW, NOW), 0);
	for (unsigned i = 1; i <= 300; i++)
		ck_assert_uint_eq(add(1, 2, WINDOW, NOW + (int64_t)i), 2 * i);
	ck_assert_uint_eq(sum(1, WINDOW, end - 1), 600);
	ck_assert_uint_eq(sum(2, WINDOW, NOW), 0);
	ck_assert_uint_eq(quota_sum(shm, QUOTA_EXCEEDED, hash(1), WINDOW, NOW), 0);
	ck_assert_uint_eq(sum(1, WINDOW + 1, NOW), 0);
	ck_assert_uint_eq(sum(1, WINDOW, end), 0);
	ck_assert_uint_eq(add(1, 1, WINDOW, end), 1);
	ck_assert_uint_eq(add(1, 1, WINDOW, end - 1), 601); /* a clock a little behind */
	ck_assert_uint_eq(add(3, 7, 0, NOW), 7);
	ck_assert_uint_eq(add(3, 7, -1, NOW), 7);
	ck_assert_uint_eq(sum(3, 0, NOW), 0);
	ck_assert_uint_eq(add(4, QUOTA_SUM_MOST - 1, WINDOW, NOW), QUOTA_SUM_MOST - 1);
	ck_assert_uint_eq(add(4, UINT32_MAX, WINDOW, NOW), QUOTA_SUM_MOST);
	ck_assert_uint_eq(add(4, 1, WINDOW, NOW), QUOTA_SUM_MOST);
	quota_forget(shm, QUOTA_MAILS, hash(1));
	ck_assert_uint_eq(sum(1, WINDOW, NOW), 0);
	ck_assert_uint_eq(add(1, 1, WINDOW, NOW), 1);
	ck_assert_uint_eq(sum(4, WINDOW, NOW), QUOTA_SUM_MOST);
}
END_TEST

/* Two that began one sum together left it in two ways. */
START_TEST(sum_in_two_ways)
{
	struct summed s = summed(shm, QUOTA_MAILS, hash(1), WINDOW, NOW);

	atomic_store(&s.line[3], s.id << 32 | UINT64_C(40) << USED_BITS | s.used);
	atomic_store(&s.line[9], s.id << 32 | UINT64_C(2) << USED_BITS | s.used);
	ck_assert_uint_eq(sum(1, WINDOW, NOW), 42);
	ck_assert_uint_eq(add(1, 3, WINDOW, NOW), 45);
}
END_TEST

/* Where a line is full the one used least lately begins anew: too low, never too high. */
START_TEST(sums_without_room)
{
	enum { MANY = 3 * SUM_LINES * QUOTA_WAYS };
	unsigned exact = 0;

	for (unsigned i = 0; i < MANY; i++)
		must(add(i, 1, WINDOW, NOW) == 1, "a first one is one");
	for (unsigned i = 0; i < MANY; i++) {
		unsigned n = sum(i, WINDOW, NOW);

		must(n <= 1, "never too high");
		exact += n;
	}
	ck_assert_uint_ge(exact, SUM_LINES * QUOTA_WAYS * 9 / 10);
}
END_TEST

#define ADDED 20000

static bool add_much(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ADDED; i++)
		add(i % 50, 1, WINDOW, NOW);
	return true;
}

START_TEST(sums_over_processes)
{
	pid_t pid[HANDS];

	for (unsigned i = 0; i < HANDS; i++)
		pid[i] = child_start(add_much, NULL);
	for (unsigned i = 0; i < HANDS; i++)
		ck_assert(child_ended_well(pid[i]));
	for (unsigned s = 0; s < 50; s++)
		ck_assert_uint_eq(sum(s, WINDOW, NOW), HANDS * ADDED / 50);
}
END_TEST

static bool add_on(void *arg)
{
	au64 *begun = (au64 *)(void *)shm->rings[0].bytes, *done = begun + 1;

	(void)arg;
	for (;;) {
		atomic_fetch_add(begun, 1);
		add(1, 1, WINDOW, NOW);
		atomic_fetch_add(done, 1);
	}
	return false;
}

/* Each of the killed has added its last one or not; nothing else is lost or doubled. */
START_TEST(sums_of_the_killed)
{
	au64 *begun = (au64 *)(void *)shm->rings[0].bytes, *done = begun + 1;
	unsigned n = 0;

	for (unsigned i = 0; i < 100 && atomic_load(begun) < QUOTA_SUM_MOST / 2; i++) {
		child_kill_within(child_start(add_on, NULL), 500);
		n = sum(1, WINDOW, NOW);
		must(n >= atomic_load(done) && n <= atomic_load(begun), "as many as were added");
	}
	ck_assert_uint_gt(n, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("quota");
	TCase *t = tcase_create("quota");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, counts_each_value_once);
	tcase_add_loop_test(t, exact_up_to_most, 0, (int)ARRAY_LEN(mosts));
	tcase_add_test(t, windows);
	tcase_add_test(t, forgets);
	tcase_add_test(t, odd_hashes);
	tcase_add_test(t, all_zero);
	tcase_add_test(t, doubled_entries);
	tcase_add_test(t, oldest_goes);
	tcase_add_test(t, own_go_last);
	tcase_add_test(t, ages);
	tcase_add_test(t, too_low_at_worst);
	tcase_add_test(t, many_subjects);
	tcase_add_test(t, as_a_set);
	tcase_add_test(t, exact_over_processes);
	tcase_add_test(t, somebody_is_told);
	tcase_add_test(t, killed_worker);
	tcase_add_test(t, sums);
	tcase_add_test(t, sum_in_two_ways);
	tcase_add_test(t, sums_without_room);
	tcase_add_test(t, sums_over_processes);
	tcase_add_test(t, sums_of_the_killed);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
