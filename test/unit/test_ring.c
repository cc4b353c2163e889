/* The ring: shares by weight, and as little movement as there can be. Properties over random
 * sets of members. */
#include "lib/route/ring.c"

#include <check.h>
#include <math.h>
#include <stdio.h>

#include "unit/property.h"

#define MOST 32
#define KEYS 5000

struct set {
	struct ring_member v[MOST];
	char name[MOST][24];
	unsigned n;
};

static const unsigned heaviest[] = { 1, 3, 10, 100, 1000 };

/* 1..most members; the value of each is its number. */
static void random_set(struct set *s, unsigned most, unsigned heavy)
{
	s->n = 1 + rnd(most);
	for (unsigned i = 0; i < s->n; i++) {
		snprintf(s->name[i], sizeof(s->name[i]), "BOX%u-%u", i, rnd(1000));
		s->v[i] = (struct ring_member){ str_z(s->name[i]), 1 + rnd(heavy), (int)i };
	}
}

static struct ring *build(const struct set *s)
{
	return ring_build(s->v, s->n);
}

static struct set without(const struct set *s, unsigned gone)
{
	struct set less = *s;

	less.v[gone] = less.v[--less.n];
	return less;
}

static struct str key_of(unsigned i, char text[32])
{
	return (struct str){ text, (size_t)snprintf(text, 32, "sender-%u@example.org", i) };
}

static int pick(const struct ring *r, unsigned key)
{
	char text[32];

	return ring_pick(r, key_of(key, text), NULL, NULL);
}

START_TEST(nobody)
{
	struct ring *r = ring_build(NULL, 0);

	ck_assert_ptr_null(r);
	ck_assert_int_eq(ring_pick(r, STR("key"), NULL, NULL), -1);
	ring_free(&r);
}
END_TEST

START_TEST(one)
{
	struct ring_member m = { STR("BOX"), 1000, 77 };
	struct ring *r = ring_build(&m, 1);

	for (unsigned i = 0; i < 100; i++)
		ck_assert_int_eq(pick(r, i), 77);
	ck_assert_int_eq(ring_pick(r, STR(""), NULL, NULL), 77);
	ring_free(&r);
	ck_assert_ptr_null(r);
}
END_TEST

/* Five standard deviations of what the weights say. */
START_TEST(shares_follow_weights)
{
	for (int round = 0; round < 5; round++) {
		unsigned count[MOST] = { 0 };
		double total = 0;
		struct set s;
		struct ring *r;

		random_set(&s, MOST, heaviest[_i]);
		r = build(&s);
		for (unsigned i = 0; i < KEYS; i++)
			count[pick(r, i + (unsigned)round * KEYS)]++;
		for (unsigned i = 0; i < s.n; i++)
			total += s.v[i].weight;
		for (unsigned i = 0; i < s.n; i++) {
			double p = s.v[i].weight / total;

			must(fabs(count[i] - KEYS * p) < 5 * sqrt(KEYS * p * (1 - p)) + 1, "share");
		}
		ring_free(&r);
	}
}
END_TEST

/* When one goes, its keys go elsewhere and no other key moves; the same when one comes. */
START_TEST(only_its_share_moves)
{
	for (int round = 0; round < 5; round++) {
		struct set s, less;
		struct ring *r, *l;
		unsigned gone;

		random_set(&s, MOST, heaviest[_i]);
		gone = rnd(s.n);
		less = without(&s, gone);
		r = build(&s);
		l = build(&less);
		for (unsigned i = 0; i < KEYS && l; i++) {
			int before = pick(r, i), after = pick(l, i);

			must(after != (int)gone, "it is gone");
			must(before == (int)gone || before == after, "no other key moves");
		}
		ring_free(&r);
		ring_free(&l);
	}
}
END_TEST

/* A box that cannot be used is passed over as if it were not there. */
static bool not_this(void *arg, int value)
{
	return value != *(int *)arg;
}

START_TEST(unusable_as_if_absent)
{
	for (int round = 0; round < 5; round++) {
		struct set s, less;
		struct ring *r, *l;
		int gone;

		random_set(&s, MOST, heaviest[_i]);
		gone = (int)rnd(s.n);
		less = without(&s, (unsigned)gone);
		r = build(&s);
		l = build(&less);
		for (unsigned i = 0; i < KEYS / 10; i++) {
			char text[32];
			struct str key = key_of(i, text);

			must(ring_pick(r, key, not_this, &gone) == pick(l, i), "as if absent");
		}
		ring_free(&r);
		ring_free(&l);
	}
}
END_TEST

/* More weight takes keys from others and moves none between them. */
START_TEST(weight_draws)
{
	for (int round = 0; round < 5; round++) {
		struct set s, more;
		struct ring *r, *m;
		unsigned who;

		random_set(&s, MOST, heaviest[_i]);
		more = s;
		who = rnd(s.n);
		more.v[who].weight += 1 + rnd(500);
		r = build(&s);
		m = build(&more);
		for (unsigned i = 0; i < KEYS; i++) {
			int before = pick(r, i), after = pick(m, i);

			must(before == after || after == (int)who, "only to the heavier one");
		}
		ring_free(&r);
		ring_free(&m);
	}
}
END_TEST

START_TEST(order_does_not_matter)
{
	struct set s, other;
	struct ring *r, *o;

	random_set(&s, MOST, 10);
	other = s;
	for (unsigned i = 0; i < s.n; i++) {
		unsigned j = rnd(s.n);
		struct ring_member m = other.v[i];

		other.v[i] = other.v[j];
		other.v[j] = m;
	}
	r = build(&s);
	o = build(&other);
	for (unsigned i = 0; i < KEYS; i++)
		must(pick(r, i) == pick(o, i), "the same in any order");
	ring_free(&r);
	ring_free(&o);
}
END_TEST

/* --- who is asked --- */

struct asked {
	int order[MOST];
	unsigned n, refuse;
};

static bool refuse_some(void *arg, int value)
{
	struct asked *a = arg;

	must(a->n < MOST, "nobody is asked twice");
	a->order[a->n++] = value;
	return a->n > a->refuse;
}

/* Each at most once, in an order of the key's own; asking may have effects (a probe's place). */
START_TEST(asks_each_once)
{
	for (int round = 0; round < 100; round++) {
		struct asked all = { .refuse = MOST }, some = { 0 };
		bool seen[MOST] = { false };
		char text[32];
		struct set s;
		struct ring *r;

		random_set(&s, MOST, 5);
		r = build(&s);
		must(ring_pick(r, key_of((unsigned)round, text), refuse_some, &all) == -1, "none");
		must(all.n == s.n, "all were asked");
		for (unsigned i = 0; i < all.n; i++) {
			must(!seen[all.order[i]], "once");
			seen[all.order[i]] = true;
		}
		some.refuse = rnd(s.n);
		must(ring_pick(r, key_of((unsigned)round, text), refuse_some, &some) ==
		     all.order[some.refuse], "the first that can");
		must(some.n == some.refuse + 1, "and nobody after it is asked");
		ring_free(&r);
	}
}
END_TEST

/* Between versions, machines and restarts a sender keeps its box. The values are those of
 * another implementation, in floating point. */
static const struct {
	const char *key;
	int light, all; /* of the first three members, of all */
} stable[] = {
	{ "", 3, 5 },
	{ "a@example.org", 3, 5 },
	{ "b@example.org", 2, 4 },
	{ "c@example.org", 2, 4 },
	{ "d@example.org", 3, 5 },
	{ "postmaster@example.com", 3, 4 },
	{ "user+tag@example.net", 3, 5 },
	{ "x", 3, 4 },
	{ "e@example.org", 2, 4 },
	{ "f@example.org", 2, 4 },
	{ "g@example.org", 2, 5 },
	{ "h@example.org", 1, 5 },
};

START_TEST(never_changes)
{
	static const struct ring_member m[] = {
		{ STR_INIT("MAIL1"), 1, 1 }, { STR_INIT("MAIL2"), 2, 2 },
		{ STR_INIT("MAIL3"), 3, 3 }, { STR_INIT("RELAY"), 1000, 4 },
		{ STR_INIT("OTHER"), 700, 5 },
	};
	struct ring *light = ring_build(m, 3), *all = ring_build(m, ARRAY_LEN(m));

	ck_assert_int_eq(ring_pick(light, str_z(stable[_i].key), NULL, NULL), stable[_i].light);
	ck_assert_int_eq(ring_pick(all, str_z(stable[_i].key), NULL, NULL), stable[_i].all);
	ring_free(&light);
	ring_free(&all);
}
END_TEST

START_TEST(logarithm)
{
	static const uint64_t edges[] = { 0,	      1,	       2, 3, UINT64_MAX,
					  UINT64_MAX / 2, UINT64_MAX / 2 + 1 };

	for (unsigned i = 0; i < 20000; i++) {
		uint64_t any = ((uint64_t)rnd(1u << 31) << 33 | rnd(1u << 31)) >> rnd(64);
		uint64_t h = i < ARRAY_LEN(edges) ? edges[i] : any;
		double want = 64 - log2((double)(h | 1));
		double got = (double)minus_log2(h) / (1 << FRACTION);

		must(got > 0 && fabs(got - want) < 3e-7, "as the library has it");
	}
}
END_TEST

START_TEST(as_many_as_there_can_be)
{
	static char name[MAX_BOXES][16];
	static struct ring_member m[MAX_BOXES];
	unsigned count[MAX_BOXES] = { 0 };
	struct ring *r;

	for (int i = 0; i < MAX_BOXES; i++) {
		snprintf(name[i], sizeof(name[i]), "BOX%d", i);
		m[i] = (struct ring_member){ str_z(name[i]), 1000, i };
	}
	r = ring_build(m, MAX_BOXES);
	for (unsigned i = 0; i < KEYS; i++)
		count[pick(r, i)]++;
	for (int i = 0; i < MAX_BOXES; i++)
		must(count[i] > 0 && count[i] < 5 * KEYS / MAX_BOXES, "each its share");
	ring_free(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ring");
	TCase *t = tcase_create("ring");
	int kinds = (int)ARRAY_LEN(heaviest), failed;
	SRunner *r;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, nobody);
	tcase_add_test(t, one);
	tcase_add_loop_test(t, shares_follow_weights, 0, kinds);
	tcase_add_loop_test(t, only_its_share_moves, 0, kinds);
	tcase_add_loop_test(t, unusable_as_if_absent, 0, kinds);
	tcase_add_loop_test(t, weight_draws, 0, kinds);
	tcase_add_test(t, order_does_not_matter);
	tcase_add_test(t, asks_each_once);
	tcase_add_test(t, logarithm);
	tcase_add_test(t, as_many_as_there_can_be);
	tcase_add_loop_test(t, never_changes, 0, (int)ARRAY_LEN(stable));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
