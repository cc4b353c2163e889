/* Slots, doorbells and generations: who lives where, who has confirmed what, and what the dead
 * leave behind. */
#include "shm/slots.c"

#include <check.h>
#include <poll.h>

#include "shm/boxes.h"
#include "shm/journal.h"
#include "unit/child.h"

#define WORKERS 4

static struct shm *shm;

static void setup(void)
{
	shm = shm_create(WORKERS);
}

static void teardown(void)
{
	shm_destroy(&shm);
}

static bool rings(unsigned slot)
{
	struct pollfd p = { .fd = slot_bell(shm, slot), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

START_TEST(enter_and_reap)
{
	struct slot_info i;

	ck_assert_int_eq(slot_get(shm, 1).pid, 0);
	slot_enter(shm, 1, ROLE_WORKER, 4711);
	slot_beat(shm, 1, 12345);
	i = slot_get(shm, 1);
	ck_assert_int_eq(i.pid, 4711);
	ck_assert_int_eq(i.role, ROLE_WORKER);
	ck_assert_uint_eq(i.generation, 0);
	ck_assert_int_ge(i.started, shm_started(shm));
	ck_assert_int_eq(i.beat, 12345);
	ck_assert_uint_eq(i.restarts, 0);
	slot_reap(shm, 1);
	ck_assert_int_eq(slot_get(shm, 1).pid, 0);
	ck_assert_uint_eq(slot_get(shm, 1).restarts, 1);
	slot_enter(shm, 1, ROLE_WORKER, 4712);
	ck_assert_uint_eq(slot_get(shm, 1).restarts, 1);
	ck_assert_int_eq(slot_get(shm, 0).pid, 0);
}
END_TEST

START_TEST(bell_rings_until_answered)
{
	ck_assert(!rings(2));
	slot_answer(shm, 2); /* nobody rang: does not block */
	slot_ring(shm, 2);
	slot_ring(shm, 2);
	ck_assert(rings(2));
	ck_assert(!rings(1));
	slot_answer(shm, 2);
	ck_assert(!rings(2));
}
END_TEST

START_TEST(bell_of_nobody)
{
	ck_assert_int_eq(slot_bell(shm, WORKERS), -1);
	slot_ring(shm, WORKERS);
	slot_answer(shm, WORKERS);
}
END_TEST

START_TEST(full_bell_does_not_block)
{
	uint64_t most = UINT64_MAX - 1;

	ck_assert_int_eq(write(slot_bell(shm, 0), &most, 8), 8);
	slot_ring(shm, 0);
	slot_answer(shm, 0);
	ck_assert(!rings(0));
}
END_TEST

/* --- generations --- */

static void live(unsigned slot)
{
	slot_enter(shm, slot, ROLE_WORKER, 1000 + (int)slot);
}

START_TEST(bump_and_confirm)
{
	uint32_t g;

	ck_assert_uint_eq(generation_get(shm), 0);
	live(0);
	live(2);
	g = generation_bump(shm);
	ck_assert_uint_eq(g, 1);
	ck_assert_uint_eq(generation_get(shm), 1);
	for (unsigned i = 0; i < WORKERS; i++)
		ck_assert(rings(i));
	ck_assert(!rings(SLOT_ADMIN));
	ck_assert_int_eq(generation_missing(shm, g), 0);
	generation_confirm(shm, 0, g);
	ck_assert(rings(SLOT_ADMIN));
	ck_assert_int_eq(generation_missing(shm, g), 2);
	generation_confirm(shm, 2, g);
	ck_assert_int_eq(generation_missing(shm, g), -1);
}
END_TEST

START_TEST(nobody_is_missing)
{
	ck_assert_int_eq(generation_missing(shm, generation_bump(shm)), -1);
}
END_TEST

/* A worker that confirmed a later one has this one too. */
START_TEST(later_confirms_earlier)
{
	uint32_t first = generation_bump(shm), second = generation_bump(shm);

	live(1);
	generation_confirm(shm, 1, second);
	ck_assert_int_eq(generation_missing(shm, first), -1);
	generation_confirm(shm, 1, first);
	ck_assert_int_eq(generation_missing(shm, second), 1);
}
END_TEST

START_TEST(dead_do_not_count)
{
	uint32_t g;

	live(0);
	live(1);
	g = generation_bump(shm);
	generation_confirm(shm, 0, g);
	ck_assert_int_eq(generation_missing(shm, g), 1);
	slot_reap(shm, 1);
	ck_assert_int_eq(generation_missing(shm, g), -1);
	/* the new one in its place counts until it has confirmed, whatever its predecessor did */
	generation_confirm(shm, 1, g);
	live(1);
	ck_assert_int_eq(generation_missing(shm, g), 1);
	generation_confirm(shm, 1, g);
	ck_assert_int_eq(generation_missing(shm, g), -1);
}
END_TEST

START_TEST(generations_wrap)
{
	uint32_t g;

	live(0);
	atomic_store(&shm->generation, UINT32_MAX);
	generation_confirm(shm, 0, UINT32_MAX);
	g = generation_bump(shm);
	ck_assert_uint_eq(g, 0);
	ck_assert_int_eq(generation_missing(shm, g), 0);
	generation_confirm(shm, 0, g);
	ck_assert_int_eq(generation_missing(shm, g), -1);
}
END_TEST

START_TEST(slot_names)
{
	static const struct {
		unsigned slot;
		const char *name;
	} names[] = {
		{ 0, "worker 1" },		{ MAX_WORKERS - 1, "worker 64" },
		{ SLOT_ADMIN, "admin" },	{ SLOT_REPLICATOR, "replicator" },
		{ SLOT_VERIFIER, "verifier" },	{ SLOT_PROBER, "prober" },
		{ SLOT_SUPERVISOR, "supervisor" },
	};
	char name[SLOT_NAME];

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		ck_assert_str_eq(slot_name(names[i].slot, name), names[i].name);
}
END_TEST

/* --- the dead --- */

/* What it was about to tell somebody is told by its death. */
START_TEST(death_rings_all)
{
	live(0);
	slot_reap(shm, 0);
	for (unsigned i = 0; i < MAX_SLOTS; i++)
		ck_assert_int_eq(rings(i), slot_bell(shm, i) >= 0);
}
END_TEST

#define CLUSTERS 3
#define BOXES 5

/* A worker at work: sessions come and go, connect, count. Reports what it finished through
 * a pipe: shared memory is under test. */
static bool work(void *arg)
{
	unsigned slot = *(unsigned *)arg, n = 0;
	struct session_row r = { .box = -1 };

	live(slot);
	for (int rows[7] = { -1, -1, -1, -1, -1, -1, -1 };; n++) {
		int *row = &rows[n % 7];

		session_row_close(shm, slot, *row);
		if (n >= 7) {
			count_cluster(shm, slot, (int)(n % 7 % CLUSTERS), CC_sessions, -1);
			count_box(shm, slot, (int)(n % 7 % BOXES), BC_sessions, -1);
		}
		take_cluster_session(shm, slot, (int)(n % 7 % CLUSTERS), 0);
		take_box_session(shm, slot, (int)(n % 7 % BOXES), 0);
		*row = session_row_open(shm, slot, &r);
		session_row_box(shm, slot, *row, (int)(n % BOXES));
		count_box(shm, slot, 0, BC_idle, n % 2 ? 1 : -1);
		count_cluster(shm, slot, 0, CC_mails, 1);
		count_box(shm, slot, 1, BC_mails, 1);
		count_latency(shm, slot, 1, n % 100);
	}
	return false;
}

static void count_row(void *arg, const struct session_row *r)
{
	(void)r;
	++*(int *)arg;
}

static int rows_of(unsigned slot)
{
	int n = 0;

	session_rows_each(shm, slot, count_row, &n);
	return n;
}

static void check_gauges(unsigned slot)
{
	for (int i = 0; i < MAX_CLUSTERS; i++)
		for (int c = 0; c < CC_COUNT; c++)
			if (cluster_counter_info[c].gauge)
				must(!counter_cluster(shm, (int)slot, i, (enum cluster_counter)c),
				     "gauge of a cluster");
	for (int i = 0; i < MAX_BOXES; i++)
		for (int c = 0; c < BC_COUNT; c++)
			if (box_counter_info[c].gauge)
				must(!counter_box(shm, (int)slot, i, (enum box_counter)c),
				     "gauge of a box");
	must(worker_sessions(shm, slot) == 0, "sessions");
	must(rows_of(slot) == 0, "rows");
}

START_TEST(killed_worker)
{
	unsigned slot = 1, bystander = 2;
	int64_t mails = 0;

	take_cluster_session(shm, bystander, 0, 0);
	take_box_session(shm, bystander, 0, 0);
	session_row_open(shm, bystander, &(struct session_row){ .box = -1 });
	for (int i = 0; i < 100; i++) {
		uint64_t latency[LATENCY_BUCKETS], answers = 0;
		pid_t pid = child_start(work, &slot);
		int64_t now;

		while (counter_cluster(shm, (int)slot, 0, CC_mails) == mails)
			usleep(100); /* until it is at work */
		child_kill_within(pid, 1000);
		must(rows_of(slot) <= 7, "no row is left over by closing");
		slot_reap(shm, slot);
		check_gauges(slot);
		/* totals stay, and are those of one moment but for the step under way */
		now = counter_cluster(shm, (int)slot, 0, CC_mails);
		must(now > mails, "totals stay");
		must(now - counter_box(shm, (int)slot, 1, BC_mails) <= i + 1, "box's total");
		counter_latency(shm, (int)slot, 1, latency);
		for (int b = 0; b < LATENCY_BUCKETS; b++)
			answers += latency[b];
		must(now - (int64_t)answers <= i + 1, "latencies");
		mails = now;
	}
	ck_assert_int_eq(counter_cluster(shm, -1, 0, CC_sessions), 1);
	ck_assert_int_eq(counter_box(shm, -1, 0, BC_sessions), 1);
	ck_assert_int_eq(worker_sessions(shm, bystander), 1);
	ck_assert_int_eq(rows_of(bystander), 1);
	ck_assert_uint_eq(slot_get(shm, slot).restarts, 100);
}
END_TEST

/* Entering is not one step: a slot shows a process or none, never half of one. */
static bool come_and_go(void *arg)
{
	struct shm_slot *s = &shm->slots[0];

	while (!arg) {
		slot_enter(shm, 0, ROLE_WORKER, 77);
		atomic_store(&s->pid, 0);
		atomic_store(&s->role, ROLE_PROBER);
		atomic_store(&s->generation, 5);
		atomic_store(&s->started, 0);
		atomic_store(&s->beat, 0);
	}
	return false;
}

START_TEST(killed_while_entering)
{
	for (int i = 0; i < 100; i++) {
		struct slot_info s;

		child_kill_within(child_start(come_and_go, NULL), 300);
		s = slot_get(shm, 0);
		must(s.pid == 0 || s.pid == 77, "pid");
		must(!s.pid || (s.role == ROLE_WORKER && s.generation == 0), "half a process");
		must(!s.pid || (s.started > 0 && s.beat > 0), "times of a process");
		slot_reap(shm, 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("slots");
	TCase *t = tcase_create("slots");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, enter_and_reap);
	tcase_add_test(t, bell_rings_until_answered);
	tcase_add_test(t, bell_of_nobody);
	tcase_add_test(t, full_bell_does_not_block);
	tcase_add_test(t, bump_and_confirm);
	tcase_add_test(t, nobody_is_missing);
	tcase_add_test(t, later_confirms_earlier);
	tcase_add_test(t, dead_do_not_count);
	tcase_add_test(t, generations_wrap);
	tcase_add_test(t, slot_names);
	tcase_add_test(t, death_rings_all);
	tcase_add_test(t, killed_worker);
	tcase_add_test(t, killed_while_entering);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
