/* Choosing boxes: round robin and fewest sessions as properties over random weights; candidates,
 * fall-overs, hash and affinity over a cluster and shared memory. */
#include "lib/route/balance.c"

#include <math.h>
#include <stdio.h>

#include "shm/region.h"
#include "unit/child.h"

#define MOST 12
#define NOW 100000
#define LIFE 5000

/* --- round robin: pure --- */

static const unsigned heaviest[] = { 1, 2, 5, 40, 1000 };

static unsigned random_weights(unsigned weight[MOST], unsigned most, uint64_t *sum)
{
	unsigned n = 1 + rnd(MOST);

	*sum = 0;
	for (unsigned i = 0; i < n; i++)
		*sum += weight[i] = 1 + rnd(most);
	return n;
}

/* Any run of as many turns as the weights sum up to, wherever it begins. */
START_TEST(each_cycle_is_exact)
{
	for (int round = 0; round < 60; round++) {
		unsigned weight[MOST], count[MOST] = { 0 };
		uint64_t sum, from = ((uint64_t)rnd(1u << 30) << 30) + rnd(1u << 30);
		unsigned n = random_weights(weight, heaviest[_i], &sum);

		for (uint64_t t = from; t < from + sum; t++)
			count[balance_turn(weight, n, t)]++;
		for (unsigned i = 0; i < n; i++)
			must(count[i] == weight[i], "each has its weight");
	}
}
END_TEST

/* After any number of turns each has had its share, but for less than two. */
START_TEST(turns_are_spread)
{
	for (int round = 0; round < 60; round++) {
		unsigned weight[MOST], count[MOST] = { 0 };
		uint64_t sum;
		unsigned n = random_weights(weight, heaviest[_i], &sum);

		for (uint64_t t = 0; t < sum; t++) {
			count[balance_turn(weight, n, t)]++;
			for (unsigned i = 0; i < n; i++)
				must(fabs(count[i] - (double)(t + 1) * weight[i] / (double)sum) < 2,
				     "its share");
		}
	}
}
END_TEST

START_TEST(equal_ones_alternate)
{
	unsigned weight[4] = { 7, 7, 7, 7 };

	for (uint64_t t = 0; t < 56; t += 4) {
		unsigned seen = 0;

		for (uint64_t i = 0; i < 4; i++)
			seen |= 1u << balance_turn(weight, 4, t + i);
		ck_assert_uint_eq(seen, 15);
	}
}
END_TEST

START_TEST(as_many_boxes_as_there_can_be)
{
	static unsigned weight[MAX_BOXES], count[MAX_BOXES];
	uint64_t sum = 0;

	for (unsigned i = 0; i < MAX_BOXES; i++)
		sum += weight[i] = 1 + rnd(20);
	for (uint64_t t = 0; t < sum; t++)
		count[balance_turn(weight, MAX_BOXES, t)]++;
	for (unsigned i = 0; i < MAX_BOXES; i++)
		must(count[i] == weight[i], "each has its weight");
	for (unsigned i = 0; i < MAX_BOXES; i++)
		weight[i] = 1000;
	must(balance_turn(weight, MAX_BOXES, UINT64_MAX) < MAX_BOXES, "the last turn of all");
}
END_TEST

/* --- fewest sessions: pure --- */

START_TEST(least_is_least)
{
	for (int round = 0; round < 5000; round++) {
		struct balance_load v[MOST];
		unsigned n = 1 + rnd(MOST), best;

		for (unsigned i = 0; i < n; i++)
			v[i] = (struct balance_load){ 1 + rnd(heaviest[_i]), rnd(20) };
		best = balance_least(v, n, rnd(1000));
		for (unsigned i = 0; i < n; i++)
			must(v[best].sessions * v[i].weight <= v[i].sessions * v[best].weight,
			     "nobody has fewer");
	}
}
END_TEST

/* Sessions that stay: their numbers come as near to the weights as numbers can. */
START_TEST(least_fills_evenly)
{
	for (int round = 0; round < 50; round++) {
		struct balance_load v[MOST];
		unsigned weight[MOST];
		uint64_t sum;
		unsigned n = random_weights(weight, heaviest[_i], &sum);

		for (unsigned i = 0; i < n; i++)
			v[i] = (struct balance_load){ weight[i], 0 };
		for (unsigned t = 0; t < 2000; t++)
			v[balance_least(v, n, t)].sessions++;
		/* nobody was taken while another had fewer for its weight */
		for (unsigned i = 0; i < n; i++)
			for (unsigned j = 0; j < n; j++)
				must((v[i].sessions - (v[i].sessions > 0)) * v[j].weight <=
					     v[j].sessions * v[i].weight,
				     "level");
	}
}
END_TEST

/* Sessions that end at once leave all equal: then the weights rule, as in round robin. */
START_TEST(least_of_equals_takes_turns)
{
	struct balance_load v[3] = { { 3, 0 }, { 1, 0 }, { 2, 0 } };
	unsigned count[3] = { 0 };

	for (unsigned t = 0; t < 60; t++)
		count[balance_least(v, 3, t)]++;
	ck_assert_uint_eq(count[0], 30);
	ck_assert_uint_eq(count[1], 10);
	ck_assert_uint_eq(count[2], 20);
}
END_TEST

/* --- a cluster --- */

static struct shm *shm;
static struct topo_cluster cluster;
static struct topo_box boxes[MOST];
static char names[MOST][8];
static struct balance_tried fresh;

static void make_ring(void)
{
	struct ring_member m[MOST];
	unsigned n = 0;

	ring_free(&cluster.client_ring);
	for (unsigned i = 0; i < cluster.n_boxes; i++)
		if (boxes[i].light == LIGHT_GREEN)
			m[n++] = (struct ring_member){ boxes[i].row.boxid,
						       (unsigned)boxes[i].row.weight, (int)i };
	cluster.client_ring = ring_build(m, n);
}

static void make(unsigned n)
{
	ring_free(&cluster.client_ring);
	cluster = (struct topo_cluster){ .boxes = boxes, .n_boxes = n, .protocol = PROTO_TCP };
	cluster.shm = clusters_assign(shm, STR("T"));
	for (unsigned i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "B%u", i);
		boxes[i] = (struct topo_box){ .row = { .boxid = str_z(names[i]), .weight = 1 },
					      .cluster = &cluster,
					      .fallover = -1 };
		boxes[i].shm = boxes_assign(shm, STR("T"), boxes[i].row.boxid);
	}
	make_ring();
}

static void up(void)
{
	shm = shm_create(2);
	make(3);
}

static void down(void)
{
	ring_free(&cluster.client_ring);
	shm_destroy(&shm);
}

static struct ipaddr client_at(const char *text)
{
	struct ipaddr ip;
	struct err e;

	ck_assert_int_eq(ip_parse(str_z(text), &ip, &e), 0);
	return ip;
}

static struct ipaddr nth(unsigned i)
{
	char text[ADDR_TEXT];

	snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
	return client_at(text);
}

/* Which box a first try of this client gets; -1 none. */
static int first_at(struct ipaddr ip, int64_t now)
{
	struct balance_tried tried = fresh;
	struct topo_box *b = balance_choose(&cluster, shm, &ip, now, -1, &tried);

	return b ? (int)(b - boxes) : -1;
}

static int first(unsigned client)
{
	return first_at(nth(client), NOW);
}

/* --- candidates --- */

static void is_yellow(void)
{
	boxes[1].light = LIGHT_YELLOW;
}

static void is_red(void)
{
	boxes[1].light = LIGHT_RED;
}

static void has_failed(void)
{
	boxes_failed(shm, boxes[1].shm, NOW, "test");
}

static void is_full(void)
{
	boxes[1].row.max_sessions = 5;
	count_box(shm, 1, boxes[1].shm, BC_sessions, 5);
}

static void (*const troubles[])(void) = { is_yellow, is_red, has_failed, is_full };

/* Whatever is the matter, by every method the others share what it had. */
START_TEST(unfit_ones_are_left_out)
{
	for (enum method m = METHOD_ROUND_ROBIN; m <= METHOD_CLIENT_HASH; m++) {
		unsigned count[3] = { 0 };

		cluster.method = m;
		if (m == METHOD_ROUND_ROBIN)
			troubles[_i]();
		for (unsigned i = 0; i < 100; i++)
			count[first(i)]++;
		ck_assert_uint_eq(count[1], 0);
		ck_assert_uint_ge(count[0], 30);
		ck_assert_uint_ge(count[2], 30);
	}
}
END_TEST

START_TEST(none_is_left)
{
	for (enum method m = METHOD_ROUND_ROBIN; m <= METHOD_CLIENT_HASH; m++) {
		cluster.method = m;
		cluster.affinity_ms = LIFE;
		for (unsigned i = 0; i < 3; i++)
			boxes[i].light = LIGHT_YELLOW;
		make_ring();
		ck_assert_int_eq(first(1), -1);
		cluster.n_boxes = 0;
		ck_assert_int_eq(first(1), -1);
		cluster.n_boxes = 3;
	}
}
END_TEST

/* Each once, by every method; then none. */
START_TEST(each_is_tried_once)
{
	for (enum method m = METHOD_ROUND_ROBIN; m <= METHOD_CLIENT_HASH; m++) {
		struct balance_tried tried = fresh;
		struct ipaddr ip = nth(7);
		unsigned seen = 0;
		int failed = -1;

		cluster.method = m;
		cluster.affinity_ms = _i ? LIFE : 0;
		for (int i = 0; i < 3; i++) {
			struct topo_box *b = balance_choose(&cluster, shm, &ip, NOW, failed, &tried);

			ck_assert_ptr_nonnull(b);
			seen |= 1u << (b - boxes);
			failed = b->shm;
		}
		ck_assert_uint_eq(seen, 7);
		ck_assert_ptr_null(balance_choose(&cluster, shm, &ip, NOW, failed, &tried));
	}
}
END_TEST

/* --- fall-overs --- */

static int after(int failed, struct balance_tried *tried)
{
	struct ipaddr ip = nth(1);
	struct topo_box *b = balance_choose(&cluster, shm, &ip, NOW, boxes[failed].shm, tried);

	return b ? (int)(b - boxes) : -1;
}

START_TEST(fallovers_come_first)
{
	struct balance_tried tried;

	make(6);
	boxes[0].fallover = 4;
	boxes[4].fallover = 2;
	boxes[2].fallover = 0; /* a loop */
	for (int i = 0; i < 10; i++) {
		tried = fresh;
		ck_assert_int_eq(after(0, &tried), 4);
		ck_assert_int_eq(after(4, &tried), 2);
	}
	boxes[4].light = LIGHT_YELLOW; /* the chain goes on behind it */
	tried = fresh;
	ck_assert_int_eq(after(0, &tried), 2);
	boxes[2].light = LIGHT_RED; /* its end: the others, by the method */
	boxes[0].light = LIGHT_RED;
	for (int i = 0; i < 10; i++) {
		int other;

		tried = fresh;
		other = after(0, &tried);
		ck_assert(other == 1 || other == 3 || other == 5);
	}
}
END_TEST

/* --- round robin over shared memory --- */

#define TAKES 3000

static _Atomic unsigned *taken; /* by box; in a ring that nothing here uses */

static bool take_many(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < TAKES; i++)
		atomic_fetch_add(&taken[first(i)], 1);
	return true;
}

/* Two workers at once: together they are as fair as one. */
START_TEST(fair_across_workers)
{
	pid_t pid[2];

	taken = (_Atomic unsigned *)(void *)shm->rings[0].bytes;
	boxes[0].row.weight = 3;
	boxes[1].row.weight = 1;
	boxes[2].row.weight = 2;
	for (int i = 0; i < 2; i++)
		pid[i] = child_start(take_many, NULL);
	for (int i = 0; i < 2; i++)
		ck_assert(child_ended_well(pid[i]));
	ck_assert_uint_eq(taken[0], TAKES);
	ck_assert_uint_eq(taken[1], TAKES / 3);
	ck_assert_uint_eq(taken[2], TAKES * 2 / 3);
}
END_TEST

/* Sessions that another worker has begun, or only begins to connect, count. */
START_TEST(least_counts_all_workers)
{
	cluster.method = METHOD_LEAST_SESSIONS;
	count_box(shm, 0, boxes[0].shm, BC_sessions, 2);
	count_box(shm, 1, boxes[1].shm, BC_sessions, 1);
	count_box(shm, 1, boxes[2].shm, BC_sessions, 2);
	ck_assert_int_eq(first(1), 1);
	ck_assert(take_box_session(shm, 0, boxes[1].shm, 0));
	ck_assert(take_box_session(shm, 0, boxes[1].shm, 0));
	ck_assert_int_ne(first(1), 1);
	boxes[1].row.weight = 10;
	ck_assert_int_eq(first(1), 1);
}
END_TEST

/* --- client_hash --- */

START_TEST(hash_moves_only_what_must)
{
	static int before[20000];
	unsigned moved = 0;

	make(5);
	cluster.method = METHOD_CLIENT_HASH;
	for (unsigned i = 0; i < 5; i++)
		boxes[i].row.weight = 1 + i;
	make_ring();
	for (unsigned i = 0; i < ARRAY_LEN(before); i++)
		before[i] = first(i);
	if (_i == 0) { /* turned yellow, or cannot be reached for a moment */
		boxes[2].light = LIGHT_YELLOW;
		make_ring();
	} else {
		boxes_failed(shm, boxes[2].shm, NOW, "test");
	}
	for (unsigned i = 0; i < ARRAY_LEN(before); i++) {
		int now = first(i);

		must(now != 2, "it is gone");
		must(now == before[i] || before[i] == 2, "only its clients move");
		moved += now != before[i];
	}
	/* 3 of 15: five standard deviations around it */
	ck_assert(fabs(moved - 4000.0) < 5 * sqrt(20000 * .2 * .8));
}
END_TEST

static const struct {
	const char *a, *b;
	bool same;
} pairs[] = {
	{ "10.1.2.3", "10.1.2.3", true },
	{ "10.1.2.3", "10.1.2.4", false },
	{ "2001:db8:1:2::1", "2001:db8:1:2:ffff:1:2:3", true },
	{ "2001:db8:1:2::1", "2001:db8:1:3::1", false },
};

START_TEST(what_one_client_is)
{
	struct ipaddr a = client_at(pairs[_i].a), b = client_at(pairs[_i].b);

	ck_assert_int_eq(str_eq(balance_client(&a), balance_client(&b)), pairs[_i].same);
}
END_TEST

/* --- affinity --- */

START_TEST(keeps_its_box)
{
	int64_t now = NOW;
	int box;

	cluster.affinity_ms = LIFE;
	box = first(1);
	for (int i = 0; i < 20; i++) {
		now += LIFE - 20; /* each session renews it */
		ck_assert_int_eq(first_at(nth(1), now), box);
	}
	ck_assert_int_ne(first(2), box); /* those who are new take turns meanwhile */
}
END_TEST

START_TEST(forgets_it_in_time)
{
	unsigned other = 0;

	cluster.affinity_ms = LIFE;
	for (unsigned i = 0; i < 30; i++) {
		int box = first(i);

		other += first_at(nth(i), NOW + LIFE + 100) != box;
	}
	ck_assert_uint_gt(other, 0);
}
END_TEST

/* A box that is not green, fit and below its limit is left, for good. */
START_TEST(drops_what_cannot_serve)
{
	unsigned client = 0;
	int other;

	cluster.affinity_ms = LIFE;
	while (first(client) != 1)
		client++;
	troubles[_i]();
	other = first(client);
	ck_assert_int_ne(other, 1);
	boxes[1].light = LIGHT_GREEN;
	boxes[1].row.max_sessions = 0;
	boxes_worked(shm, boxes[1].shm);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(first(client), other);
}
END_TEST

/* A box that failed just now is not its client's any more; the one that took over is. */
START_TEST(moves_with_the_fallover)
{
	struct balance_tried tried = fresh;
	struct ipaddr ip = nth(1);
	struct topo_box *b, *next;

	cluster.affinity_ms = LIFE;
	b = balance_choose(&cluster, shm, &ip, NOW, -1, &tried);
	b->fallover = (int)((b - boxes + 2) % 3);
	next = balance_choose(&cluster, shm, &ip, NOW, b->shm, &tried);
	ck_assert_ptr_eq(next, &boxes[b->fallover]);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(first(1), b->fallover);
}
END_TEST

/* The same client in another cluster is another. */
START_TEST(clusters_are_apart)
{
	int box;

	cluster.affinity_ms = LIFE;
	box = first(1);
	cluster.shm = clusters_assign(shm, STR("U"));
	ck_assert_int_eq(first(2), box); /* its turns begin as T's did */
	ck_assert_int_ne(first(1), box);
	cluster.shm = clusters_assign(shm, STR("T"));
	ck_assert_int_eq(first(1), box);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("balance");
	TCase *t = tcase_create("pure"), *c = tcase_create("cluster");
	int kinds = (int)ARRAY_LEN(heaviest), failed;
	SRunner *r;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, each_cycle_is_exact, 0, kinds);
	tcase_add_loop_test(t, turns_are_spread, 0, kinds);
	tcase_add_test(t, equal_ones_alternate);
	tcase_add_test(t, as_many_boxes_as_there_can_be);
	tcase_add_loop_test(t, least_is_least, 0, kinds);
	tcase_add_loop_test(t, least_fills_evenly, 0, kinds);
	tcase_add_test(t, least_of_equals_takes_turns);
	tcase_add_loop_test(t, what_one_client_is, 0, (int)ARRAY_LEN(pairs));
	tcase_add_checked_fixture(c, up, down);
	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, unfit_ones_are_left_out, 0, (int)ARRAY_LEN(troubles));
	tcase_add_test(c, none_is_left);
	tcase_add_loop_test(c, each_is_tried_once, 0, 2);
	tcase_add_test(c, fallovers_come_first);
	tcase_add_test(c, fair_across_workers);
	tcase_add_test(c, least_counts_all_workers);
	tcase_add_loop_test(c, hash_moves_only_what_must, 0, 2);
	tcase_add_test(c, keeps_its_box);
	tcase_add_test(c, forgets_it_in_time);
	tcase_add_loop_test(c, drops_what_cannot_serve, 0, (int)ARRAY_LEN(troubles));
	tcase_add_test(c, moves_with_the_fallover);
	tcase_add_test(c, clusters_are_apart);
	suite_add_tcase(s, t);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
