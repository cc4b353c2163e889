/* Counters: own cells, sums, limits over several workers, shares. */
#include "shm/counters.c"

#include <check.h>
#include <sched.h>

#include "shm/slots.h"
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

START_TEST(cells)
{
	count_cluster(shm, 0, 2, CC_mails, 5);
	count_cluster(shm, 3, 2, CC_mails, 7);
	count_cluster(shm, 3, 2, CC_mails, 0);
	count_box(shm, 1, 4, BC_failures, 3);
	count_box(shm, 1, 4, BC_idle, 2);
	count_box(shm, 1, 4, BC_idle, -1);
	ck_assert_int_eq(counter_cluster(shm, 0, 2, CC_mails), 5);
	ck_assert_int_eq(counter_cluster(shm, 1, 2, CC_mails), 0);
	ck_assert_int_eq(counter_cluster(shm, 3, 2, CC_mails), 7);
	ck_assert_int_eq(counter_cluster(shm, -1, 2, CC_mails), 12);
	ck_assert_int_eq(counter_cluster(shm, -1, 1, CC_mails), 0);
	ck_assert_int_eq(counter_cluster(shm, -1, 2, CC_logins), 0);
	ck_assert_int_eq(counter_box(shm, -1, 4, BC_failures), 3);
	ck_assert_int_eq(counter_box(shm, 1, 4, BC_idle), 1);
	ck_assert_int_eq(counter_box(shm, 2, 4, BC_idle), 0);
	ck_assert_int_eq(counter_box(shm, -1, 5, BC_idle), 0);
}
END_TEST

static const struct {
	unsigned slot;
	int index;
} strangers[] = {
	{ 0, -1 }, { 0, MAX_BOXES }, { 0, INT32_MAX }, { 0, INT32_MIN },
	{ MAX_WORKERS, 0 }, { SLOT_ADMIN, 0 }, { SLOT_PROBER, 0 }, { UINT32_MAX, 0 },
};

/* What has no place is not counted, and limits nobody. */
START_TEST(no_place)
{
	unsigned slot = strangers[_i].slot;
	int index = strangers[_i].index;
	uint64_t latency[LATENCY_BUCKETS], none[LATENCY_BUCKETS] = { 0 };

	count_cluster(shm, slot, index, CC_mails, 1);
	count_box(shm, slot, index, BC_mails, 1);
	count_latency(shm, slot, index, 1);
	ck_assert_int_eq(counter_cluster(shm, -1, index, CC_mails), 0);
	ck_assert_int_eq(counter_box(shm, -1, index, BC_mails), 0);
	counter_latency(shm, -1, index, latency);
	ck_assert_mem_eq(latency, none, sizeof(none));
	for (int i = 0; i < 3; i++) {
		ck_assert(take_cluster_session(shm, slot, index, 1));
		ck_assert(take_box_session(shm, slot, index, 1));
	}
}
END_TEST

static const struct {
	int64_t ms;
	int bucket;
} latencies[] = {
	{ -5, 0 }, { 0, 0 }, { 1, 1 }, { 2, 2 }, { 3, 2 }, { 4, 3 }, { 1023, 10 }, { 1024, 11 },
	{ (1 << 14) - 1, 14 }, { 1 << 14, 15 }, { 1 << 15, 15 }, { INT64_MAX, 15 },
};

START_TEST(latency)
{
	uint64_t v[LATENCY_BUCKETS];

	count_latency(shm, 1, 9, latencies[_i].ms);
	count_latency(shm, 2, 9, latencies[_i].ms);
	counter_latency(shm, -1, 9, v);
	for (int b = 0; b < LATENCY_BUCKETS; b++)
		ck_assert_uint_eq(v[b], b == latencies[_i].bucket ? 2 : 0);
	counter_latency(shm, 2, 9, v);
	ck_assert_uint_eq(v[latencies[_i].bucket], 1);
	counter_latency(shm, 0, 9, v);
	ck_assert_uint_eq(v[latencies[_i].bucket], 0);
	counter_latency(shm, -1, 8, v);
	ck_assert_uint_eq(v[latencies[_i].bucket], 0);
}
END_TEST

/* Clocks of a turn may lie a little behind: such an answer took no time. */
START_TEST(latency_sum)
{
	count_latency(shm, 1, 9, 1500);
	count_latency(shm, 1, 9, -20);
	count_latency(shm, 2, 9, 7);
	count_latency(shm, 2, 8, 1);
	ck_assert_int_eq(counter_latency_sum(shm, -1, 9), 1507);
	ck_assert_int_eq(counter_latency_sum(shm, 2, 9), 7);
	ck_assert_int_eq(counter_latency_sum(shm, 0, 9), 0);
	ck_assert_int_eq(counter_latency_sum(shm, -1, 8), 1);
	ck_assert_int_eq(counter_latency_sum(shm, -1, -1), 0);
	ck_assert_int_eq(counter_latency_sum(shm, -1, MAX_BOXES), 0);
}
END_TEST

START_TEST(causes)
{
	ck_assert_str_eq(counter_cause(&cluster_counter_info[CC_refused_syntax]), "syntax");
	ck_assert_str_eq(counter_cause(&cluster_counter_info[CC_refused_login]), "login");
	ck_assert_ptr_null(counter_cause(&cluster_counter_info[CC_mails]));
	ck_assert_ptr_null(counter_cause(&box_counter_info[BC_refused])); /* of no one cause */
}
END_TEST

START_TEST(info)
{
	ck_assert_str_eq(cluster_counter_info[CC_sessions].name, "sessions");
	ck_assert(cluster_counter_info[CC_sessions].gauge);
	ck_assert(!cluster_counter_info[CC_mails].gauge);
	ck_assert_str_eq(box_counter_info[BC_idle].name, "idle");
	ck_assert(box_counter_info[BC_idle].gauge);
	ck_assert_str_eq(box_counter_info[BC_bytes].name, "bytes");
	ck_assert(!box_counter_info[BC_bytes].gauge);
}
END_TEST

START_TEST(names)
{
	int a = clusters_assign(shm, STR("smtp")), b = clusters_assign(shm, STR("pop3"));
	struct str name;

	ck_assert(a >= 0 && b >= 0 && a != b);
	ck_assert_int_eq(clusters_assign(shm, STR("smtp")), a);
	ck_assert_int_eq(clusters_find(shm, STR("pop3")), b);
	ck_assert_int_eq(clusters_find(shm, STR("imap")), -1);
	ck_assert(clusters_name(shm, b, &name));
	ck_assert(str_eq(name, STR("pop3")));
	clusters_forget(shm, STR("smtp"));
	ck_assert(!clusters_name(shm, a, &name));
	ck_assert_int_eq(clusters_find(shm, STR("smtp")), -1);
	ck_assert_int_eq(clusters_find(shm, STR("pop3")), b);
}
END_TEST

/* --- limits --- */

static bool take_cluster(unsigned slot, uint64_t max)
{
	return take_cluster_session(shm, slot, 3, max);
}

static bool take_box(unsigned slot, uint64_t max)
{
	return take_box_session(shm, slot, 3, max);
}

static void give_cluster(unsigned slot)
{
	count_cluster(shm, slot, 3, CC_sessions, -1);
}

static void give_box(unsigned slot)
{
	count_box(shm, slot, 3, BC_sessions, -1);
}

static int64_t held_cluster(void)
{
	return counter_cluster(shm, -1, 3, CC_sessions);
}

static int64_t held_box(void)
{
	return counter_box(shm, -1, 3, BC_sessions);
}

static const struct place {
	bool (*take)(unsigned slot, uint64_t max);
	void (*give)(unsigned slot);
	int64_t (*held)(void);
} places[] = { { take_cluster, give_cluster, held_cluster }, { take_box, give_box, held_box } };

START_TEST(takes_up_to_max)
{
	const struct place *p = &places[_i];

	for (unsigned i = 0; i < 5; i++)
		ck_assert(p->take(i % WORKERS, 5));
	ck_assert(!p->take(0, 5));
	ck_assert(!p->take(3, 5));
	ck_assert_int_eq(p->held(), 5);
	ck_assert(p->take(3, 6));
	ck_assert(p->take(2, 0)); /* no limit */
	ck_assert_int_eq(p->held(), 7);
	/* an administrator lowered it: nobody is thrown out, nobody comes in */
	ck_assert(!p->take(1, 2));
	for (int i = 0; i < 5; i++)
		p->give((unsigned[]){ 0, 0, 1, 2, 2 }[i]);
	ck_assert_int_eq(p->held(), 2);
	ck_assert(!p->take(1, 2));
	p->give(3);
	ck_assert(p->take(1, 2));
}
END_TEST

START_TEST(worker_counts_its_sessions)
{
	take_cluster_session(shm, 1, 0, 0);
	take_cluster_session(shm, 1, 5, 9);
	take_cluster_session(shm, 2, 5, 9);
	ck_assert(!take_cluster_session(shm, 1, 5, 1));
	count_cluster(shm, 1, 0, CC_sessions_total, 10);
	take_box_session(shm, 1, 5, 0);
	ck_assert_int_eq(worker_sessions(shm, 1), 2);
	ck_assert_int_eq(worker_sessions(shm, 2), 1);
	ck_assert_int_eq(worker_sessions(shm, 0), 0);
}
END_TEST

#define HANDS 3
#define MAX 2

/* Shared by the children: a part of the region that nothing here uses. */
struct gate {
	_Atomic unsigned holders, got;
};

static struct gate *gate(void)
{
	return (struct gate *)(void *)shm->rings[0].bytes;
}

struct hand {
	unsigned slot;
	const struct place *place;
};

static bool take_and_give(void *arg)
{
	const struct hand *h = arg;

	for (unsigned i = 0; i < 100000; i++) {
		if (!h->place->take(h->slot, MAX))
			continue;
		if (atomic_fetch_add(&gate()->holders, 1) >= MAX)
			return false;
		atomic_fetch_add(&gate()->got, 1);
		if (i % 16 == 0)
			sched_yield();
		atomic_fetch_sub(&gate()->holders, 1);
		h->place->give(h->slot);
	}
	return true;
}

/* However they come together, never more than max hold a place. */
START_TEST(never_more_than_max)
{
	struct hand hands[HANDS];
	pid_t pid[HANDS];

	for (unsigned i = 0; i < HANDS; i++) {
		hands[i] = (struct hand){ i, &places[_i] };
		pid[i] = child_start(take_and_give, &hands[i]);
	}
	for (unsigned i = 0; i < HANDS; i++)
		ck_assert(child_ended_well(pid[i]));
	ck_assert_uint_gt(gate()->got, 0);
	ck_assert_int_eq(places[_i].held(), 0);
}
END_TEST

static bool take_for_ever(void *arg)
{
	const struct hand *h = arg;

	for (;;)
		if (h->place->take(h->slot, MAX) && rnd(2))
			h->place->give(h->slot);
	return false;
}

/* The places of the dead are free again. */
START_TEST(killed_holder)
{
	const struct place *p = &places[_i];
	struct hand h = { 1, p };

	for (int i = 0; i < 50; i++) {
		child_kill_within(child_start(take_for_ever, &h), 500);
		slot_reap(shm, 1);
		must(p->held() == 0, "given back");
		must(p->take(0, MAX) && p->take(2, MAX) && !p->take(3, MAX), "free again");
		p->give(0);
		p->give(2);
	}
}
END_TEST

/* --- shares --- */

static const struct {
	int64_t sessions[WORKERS]; /* -1: no process there */
	bool over;		   /* the first one */
} shares[] = {
	{ { 0, 0, 0, 0 }, false },
	{ { 2, 0, 0, 0 }, false }, /* one or two are no burden */
	{ { 3, 0, 0, 0 }, true },
	{ { 4, 2, 2, 2 }, false },
	{ { 1000, -1, -1, -1 }, false }, /* alone */
	{ { 1000, 0, -1, -1 }, true },
	{ { 100, 100, 100, 100 }, false },
	{ { 106, 100, 100, 100 }, false },
	{ { 113, 100, 100, 100 }, true },
	{ { 100, 113, 100, 100 }, false },
	{ { 500, 500, 500, -1 }, false },
	{ { 500, 500, 500, 0 }, true }, /* a new one has come */
	{ { 0, 500, 500, 500 }, false },
};

START_TEST(over_share)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		if (shares[_i].sessions[i] < 0)
			continue;
		slot_enter(shm, i, ROLE_WORKER, 1000);
		count_cluster(shm, i, (int)i, CC_sessions, shares[_i].sessions[i]);
	}
	ck_assert_int_eq(worker_over_share(shm, 0), shares[_i].over);
}
END_TEST

/* Somebody always accepts: those with the fewest sessions are never over their share. */
START_TEST(somebody_accepts)
{
	for (unsigned i = 0; i < WORKERS; i++)
		slot_enter(shm, i, ROLE_WORKER, 1000);
	for (int i = 0; i < 20000; i++) {
		unsigned least = 0, most = rnd(WORKERS);

		count_cluster(shm, rnd(WORKERS), 0, CC_sessions, 1 + rnd(20));
		if (worker_over_share(shm, most))
			count_cluster(shm, most, 0, CC_sessions, -worker_sessions(shm, most) / 2);
		for (unsigned j = 1; j < WORKERS; j++)
			if (worker_sessions(shm, j) < worker_sessions(shm, least))
				least = j;
		must(!worker_over_share(shm, least), "the least laden accepts");
	}
}
END_TEST

START_TEST(turns)
{
	int one = clusters_assign(shm, STR("one")), two = clusters_assign(shm, STR("two"));

	for (uint64_t i = 0; i < 5; i++)
		ck_assert_uint_eq(take_cluster_turn(shm, one), i);
	ck_assert_uint_eq(take_cluster_turn(shm, two), 0);
	ck_assert_uint_eq(take_cluster_turn(shm, -1), 0);
	ck_assert_uint_eq(take_cluster_turn(shm, MAX_CLUSTERS), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("counters");
	TCase *t = tcase_create("counters");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, cells);
	tcase_add_loop_test(t, no_place, 0, (int)ARRAY_LEN(strangers));
	tcase_add_loop_test(t, latency, 0, (int)ARRAY_LEN(latencies));
	tcase_add_test(t, latency_sum);
	tcase_add_test(t, causes);
	tcase_add_test(t, info);
	tcase_add_test(t, names);
	tcase_add_loop_test(t, takes_up_to_max, 0, (int)ARRAY_LEN(places));
	tcase_add_test(t, worker_counts_its_sessions);
	tcase_add_loop_test(t, never_more_than_max, 0, (int)ARRAY_LEN(places));
	tcase_add_loop_test(t, killed_holder, 0, (int)ARRAY_LEN(places));
	tcase_add_loop_test(t, over_share, 0, (int)ARRAY_LEN(shares));
	tcase_add_test(t, somebody_accepts);
	tcase_add_test(t, turns);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
