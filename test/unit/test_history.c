/* History: intervals, differences, rings that wrap, writers that die. */
#include "shm/history.c"

#include <check.h>

#include "shm/slots.h"
#include "unit/child.h"

#define WALL INT64_C(1800000000000)

static struct shm *shm;
static struct history_sample seen[2 * HISTORY_ROOM];
static unsigned n_seen;

static void setup(void)
{
	shm = shm_create(3);
}

static void teardown(void)
{
	shm_destroy(&shm);
}

static void see(void *arg, const struct history_sample *s)
{
	(void)arg;
	seen[n_seen++] = *s;
}

/* All samples of a ring into seen. */
static unsigned look_at(enum history_ring ring)
{
	n_seen = 0;
	history_each(shm, ring, see, NULL);
	ck_assert_uint_eq(n_seen, history_count(shm, ring));
	return n_seen;
}

static void take(int64_t mono_ms)
{
	history_take(shm, mono_ms, WALL + mono_ms);
}

START_TEST(nothing_yet)
{
	ck_assert_uint_eq(look_at(HISTORY_RECENT), 0);
	take(0); /* what later ones are compared with */
	ck_assert_uint_eq(look_at(HISTORY_RECENT), 0);
	ck_assert_uint_eq(look_at(HISTORY_DAY), 0);
}
END_TEST

/* Beats are never exactly in time; samples are one an interval all the same. */
START_TEST(one_an_interval)
{
	for (int64_t t = 100; t <= 600000; t += 499)
		take(t);
	ck_assert_uint_eq(look_at(HISTORY_RECENT), 119);
	for (unsigned i = 0; i < n_seen; i++) {
		ck_assert_int_le(seen[i].ms, 5000 + 499);
		ck_assert_int_ge(seen[i].ms, i ? 5000 - 499 : 4500 - 499);
		ck_assert_int_eq((seen[i].wall_ms - WALL) / 5000, i + 1);
	}
	ck_assert_uint_eq(look_at(HISTORY_DAY), 1);
	ck_assert_int_eq((seen[0].wall_ms - WALL) / 300000, 1);
}
END_TEST

/* Each field has its source; all workers and clusters together. */
START_TEST(fields)
{
	int64_t want = 0;

	count_cluster(shm, 0, 0, CC_mails, 1000); /* before the first: not its business */
	take(0);
	for (int c = 0; c < CC_COUNT; c++) {
		count_cluster(shm, 0, 0, (enum cluster_counter)c, 1 << c);
		count_cluster(shm, 2, MAX_CLUSTERS - 1, (enum cluster_counter)c, 1 << c);
		if (counter_cause(&cluster_counter_info[c]))
			want += 2 << c;
	}
	take(5000);
	ck_assert_uint_eq(look_at(HISTORY_RECENT), 1);
	ck_assert_int_eq(seen[0].ms, 5000);
	ck_assert_int_eq(seen[0].wall_ms, WALL + 5000);
	ck_assert_int_eq(seen[0].v[HF_sessions], 2 << CC_sessions);
	ck_assert_int_eq(seen[0].v[HF_sessions_begun], 2 << CC_sessions_total);
	ck_assert_int_eq(seen[0].v[HF_mails], 2 << CC_mails);
	ck_assert_int_eq(seen[0].v[HF_recipients], 2 << CC_recipients);
	ck_assert_int_eq(seen[0].v[HF_logins], 2 << CC_logins);
	ck_assert_int_eq(seen[0].v[HF_bytes_in], 2 << CC_bytes_in);
	ck_assert_int_eq(seen[0].v[HF_bytes_out], 2 << CC_bytes_out);
	ck_assert_int_gt(want, 0);
	ck_assert_int_eq(seen[0].v[HF_refusals], want);
	take(10000); /* nothing happened: sessions are still there, the rest is no longer new */
	ck_assert_uint_eq(look_at(HISTORY_RECENT), 2);
	for (int f = 0; f < HF_COUNT; f++)
		ck_assert_int_eq(seen[1].v[f], f == HF_sessions ? 2 << CC_sessions : 0);
}
END_TEST

START_TEST(info)
{
	for (int f = 0; f < HF_COUNT; f++) {
		ck_assert_uint_gt(strlen(history_info[f].name), 0);
		ck_assert_uint_gt(strlen(history_info[f].help), 0);
		ck_assert_int_eq(history_info[f].gauge, f == HF_sessions);
	}
	for (int r = 0; r < HISTORY_RINGS; r++)
		ck_assert_uint_le(history_shapes[r].samples, HISTORY_SAMPLES);
	ck_assert_int_eq(history_shapes[HISTORY_RECENT].samples *
				 history_shapes[HISTORY_RECENT].interval_ms, 600000);
	ck_assert_int_eq(history_shapes[HISTORY_DAY].samples *
				 history_shapes[HISTORY_DAY].interval_ms, 86400000);
	ck_assert_int_eq(history_shapes[HISTORY_HOUR].samples *
				 history_shapes[HISTORY_HOUR].interval_ms, 3600000);
	ck_assert_int_eq(history_shapes[HISTORY_WEEK].samples *
				 history_shapes[HISTORY_WEEK].interval_ms, 7 * 86400000);
}
END_TEST

/* Full rings keep the newest, in order, whole. */
START_TEST(wraps)
{
	for (int64_t i = 0; i < 1000; i++) {
		count_cluster(shm, 1, 5, CC_mails, i);
		take(i * 3600000);
	}
	for (int r = 0; r < HISTORY_RINGS; r++) {
		unsigned n = look_at((enum history_ring)r);

		ck_assert_uint_eq(n, history_shapes[r].samples);
		for (unsigned i = 0; i < n; i++) {
			int64_t k = 1000 - n + i;

			ck_assert_int_eq(seen[i].v[HF_mails], k);
			ck_assert_int_eq(seen[i].ms, 3600000);
			ck_assert_int_eq(seen[i].wall_ms, WALL + k * 3600000);
		}
	}
}
END_TEST

/* Nobody sampled for a while: one long interval that has all of it. */
START_TEST(gap)
{
	take(0);
	count_cluster(shm, 0, 0, CC_mails, 7);
	take(3600000);
	take(3605000);
	ck_assert_uint_eq(look_at(HISTORY_RECENT), 2);
	ck_assert_int_eq(seen[0].ms, 3600000);
	ck_assert_int_eq(seen[0].v[HF_mails], 7);
	ck_assert_int_eq(seen[1].ms, 5000);
	ck_assert_int_eq(seen[1].v[HF_mails], 0);
}
END_TEST

START_TEST(dead_worker)
{
	slot_enter(shm, 1, ROLE_WORKER, 1000);
	take(0);
	count_cluster(shm, 1, 0, CC_sessions, 3);
	count_cluster(shm, 1, 0, CC_mails, 3);
	slot_reap(shm, 1);
	take(5000);
	ck_assert_uint_eq(look_at(HISTORY_RECENT), 1);
	ck_assert_int_eq(seen[0].v[HF_mails], 3);
	ck_assert_int_eq(seen[0].v[HF_sessions], 0);
}
END_TEST

static bool write_on(void *arg)
{
	int64_t *t = arg;

	for (;; *t += 300000) {
		count_cluster(shm, 0, 0, CC_mails, 1);
		take(*t);
	}
	return false;
}

/* Writers killed anywhere: no mail is lost or counted twice, intervals touch each other. */
START_TEST(killed_writers)
{
	for (int i = 0; i < 50; i++) {
		const struct shm_history *h = &shm->history[HISTORY_DAY];
		uint64_t n = atomic_load(&h->count);
		int64_t t = n ? h->v[(n - 1) % HISTORY_ROOM].mono + 300000 : 0, sum = 0;

		child_kill_within(child_start(write_on, &t), 2000);
		n = look_at(HISTORY_DAY);
		for (unsigned k = 0; k < n; k++) {
			must(seen[k].ms == 300000, "intervals");
			must(k == 0 || seen[k].wall_ms - seen[k - 1].wall_ms == 300000, "order");
			sum += seen[k].v[HF_mails];
		}
		/* One a step, and what was counted by those who died before they wrote it. */
		must(sum >= (int64_t)n && sum <= (int64_t)n + i + 1, "counts");
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("history");
	TCase *t = tcase_create("history");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nothing_yet);
	tcase_add_test(t, one_an_interval);
	tcase_add_test(t, fields);
	tcase_add_test(t, info);
	tcase_add_test(t, wraps);
	tcase_add_test(t, gap);
	tcase_add_test(t, dead_worker);
	tcase_add_test(t, killed_writers);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
