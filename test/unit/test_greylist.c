/* greylist: against a model that knows nothing of records, at every millisecond. */
#include "lib/guard/greylist.c"

#define RECORD struct greylist_record
#define PACKED GREYLIST_PACKED
#define ENCODE greylist_encode
#define DECODE greylist_decode
#define MERGE greylist_merge
#include "unit/guard_pure.h"

#define MINUTE INT64_C(60000)
#define ME 7u

static const struct greylist_times usual = { 5 * MINUTE, 360 * MINUTE, 172800 * MINUTE };

static struct greylist_judgement try_at(struct greylist_record *r,
					const struct greylist_times *t, int64_t now)
{
	struct greylist_judgement j = greylist_judge(r, t, now);

	greylist_note(r, &j, ME, now);
	return j;
}

/* --- the manual's windows, with their edges --- */

static const struct {
	int64_t second; /* this long after the first try */
	enum greylist_outcome outcome;
	int64_t left;
} seconds[] = {
	{ 0, GREYLIST_TOO_EARLY, 300 },
	{ 1, GREYLIST_TOO_EARLY, 300 },
	{ 999, GREYLIST_TOO_EARLY, 300 },
	{ 1000, GREYLIST_TOO_EARLY, 299 },
	{ 5 * MINUTE - 1, GREYLIST_TOO_EARLY, 1 },
	{ 5 * MINUTE, GREYLIST_PASSES, 0 },
	{ 360 * MINUTE - 1, GREYLIST_PASSES, 0 },
	{ 360 * MINUTE, GREYLIST_STARTS_ANEW, 300 },
	{ 100000 * MINUTE, GREYLIST_STARTS_ANEW, 300 },
};

START_TEST(second_try)
{
	struct greylist_record r = { 0 };
	struct greylist_judgement j = try_at(&r, &usual, WALL);

	ck_assert_int_eq(j.outcome, GREYLIST_FIRST_TRY);
	ck_assert_int_eq(j.seconds_left, 300);
	j = try_at(&r, &usual, WALL + seconds[_i].second);
	ck_assert_int_eq(j.outcome, seconds[_i].outcome);
	ck_assert_int_eq(j.seconds_left, seconds[_i].left);
}
END_TEST

START_TEST(permanent)
{
	struct greylist_record r = { 0 };
	int64_t passed = WALL + 5 * MINUTE;

	try_at(&r, &usual, WALL);
	try_at(&r, &usual, passed);
	ck_assert_int_eq(try_at(&r, &usual, passed).outcome, GREYLIST_PERMANENT);
	passed += usual.max_age_ms - 1;
	ck_assert_int_eq(try_at(&r, &usual, passed).outcome, GREYLIST_PERMANENT);
	ck_assert_int_eq(greylist_expiry(&r, &usual), passed + usual.max_age_ms);
	passed += usual.max_age_ms;
	ck_assert_int_eq(try_at(&r, &usual, passed).outcome, GREYLIST_STARTS_ANEW);
	ck_assert_int_eq(try_at(&r, &usual, passed + 1).outcome, GREYLIST_TOO_EARLY);
	ck_assert_int_eq(greylist_expiry(&r, &usual), passed + usual.window_ms);
}
END_TEST

/* The wait of a suspicious client grows while it waits. */
START_TEST(stretched)
{
	struct greylist_times longer = usual;
	struct greylist_record r = { 0 };

	longer.initial_ms = 120 * MINUTE;
	try_at(&r, &usual, WALL);
	ck_assert_int_eq(try_at(&r, &longer, WALL + 5 * MINUTE).outcome, GREYLIST_TOO_EARLY);
	ck_assert_int_eq(try_at(&r, &longer, WALL + 6 * MINUTE).seconds_left, 114 * 60);
	ck_assert_int_eq(try_at(&r, &longer, WALL + 120 * MINUTE).outcome, GREYLIST_PASSES);
}
END_TEST

/* Settings that leave no time between initial time and window: nothing is refused for ever. */
START_TEST(odd_settings)
{
	const struct greylist_times none = { 0, 0, 0 }, late = { 100, 100, 1000 };
	struct greylist_record r = { 0 };

	ck_assert_int_eq(try_at(&r, &none, WALL).outcome, GREYLIST_PASSES);
	ck_assert_int_eq(try_at(&r, &none, WALL).outcome, GREYLIST_PASSES);
	r = (struct greylist_record){ 0 };
	try_at(&r, &late, WALL);
	ck_assert_int_eq(greylist_judge(&r, &late, WALL + 99).outcome, GREYLIST_TOO_EARLY);
	ck_assert_int_eq(greylist_judge(&r, &late, WALL + 100).outcome, GREYLIST_PASSES);
	ck_assert_int_eq(greylist_judge(&r, &late, WALL + 199).outcome, GREYLIST_PASSES);
	ck_assert_int_eq(greylist_judge(&r, &late, WALL + 200).outcome, GREYLIST_STARTS_ANEW);
}
END_TEST

/* A clock that was ahead and has been set right. */
START_TEST(clock_set_back)
{
	struct greylist_record r = { 0 };

	try_at(&r, &usual, WALL + GREYLIST_AHEAD_MS);
	ck_assert_int_eq(greylist_judge(&r, &usual, WALL).seconds_left, 300);
	ck_assert_int_eq(greylist_judge(&r, &usual, WALL).outcome, GREYLIST_TOO_EARLY);
	ck_assert_int_eq(greylist_judge(&r, &usual, WALL - 1).outcome, GREYLIST_STARTS_ANEW);
	try_at(&r, &usual, WALL + GREYLIST_AHEAD_MS + 5 * MINUTE);
	ck_assert_int_eq(greylist_judge(&r, &usual, WALL - 1).outcome, GREYLIST_PERMANENT);
}
END_TEST

/* What one machine has judged late does not disturb what has been noted meanwhile. */
START_TEST(late_note)
{
	struct greylist_record r = { 0 };
	struct greylist_judgement first = greylist_judge(&r, &usual, WALL), late;

	greylist_note(&r, &first, ME, WALL);
	greylist_note(&r, &first, ME, WALL - 1); /* another worker's, of the same moment */
	ck_assert_int_eq(r.window, 1);
	ck_assert_int_eq(r.first_ms, WALL - 1);
	ck_assert_uint_eq(tally_sum(&r.tally, GREYLIST_TRIED), 2);
	late = greylist_judge(&r, &usual, WALL + 10 * MINUTE);
	try_at(&r, &usual, WALL + 400 * MINUTE);
	greylist_note(&r, &late, ME, WALL + 10 * MINUTE);
	ck_assert_int_eq(r.window, 2);
	ck_assert_int_eq(r.first_ms, WALL + 400 * MINUTE);
	ck_assert_int_eq(r.passed_ms, 0);
}
END_TEST

/* --- the model --- */

struct model {
	bool waits, permanent;
	int64_t since;
};

static bool model_try(struct model *m, const struct greylist_times *t, int64_t now, int64_t *left)
{
	int64_t end = t->window_ms > t->initial_ms ? t->window_ms : 2 * t->initial_ms;

	*left = 0;
	if (m->permanent && now - m->since >= t->max_age_ms)
		*m = (struct model){ 0 };
	if (m->waits && now - m->since >= end)
		*m = (struct model){ 0 };
	if (m->permanent) {
		m->since = now;
		return true;
	}
	if (!m->waits)
		*m = (struct model){ true, false, now };
	*left = t->initial_ms - (now - m->since);
	if (*left > 0)
		return false;
	*m = (struct model){ false, true, now };
	*left = 0;
	return true;
}

static void compare(struct greylist_record *r, struct model *m,
		    const struct greylist_times *t, int64_t now)
{
	struct greylist_judgement j = try_at(r, t, now);
	int64_t left;
	bool passes = model_try(m, t, now, &left);

	must(greylist_may_pass(&j) == passes, "passes as in the model");
	must(j.seconds_left == (left + 999) / 1000, "seconds left");
	must((r->passed_ms > 0) == m->permanent, "permanent");
}

/* All ways to try four times within some milliseconds, by each of some settings. */
START_TEST(every_millisecond)
{
	static const struct greylist_times tiny[] = {
		{ 5, 12, 20 }, { 1, 2, 1 },  { 0, 7, 9 },
		{ 6, 6, 3 },   { 8, 3, 17 }, { 0, 0, 0 },
	};
	const struct greylist_times *t = &tiny[_i];

	for (int64_t code = 0; code < 26 * 26 * 26; code++) {
		struct greylist_record r = { 0 };
		struct model m = { 0 };
		int64_t now = WALL;

		compare(&r, &m, t, now);
		for (int64_t rest = code, n = 0; n < 3; n++, rest /= 26)
			compare(&r, &m, t, now += rest % 26);
	}
}
END_TEST

static int64_t near_an_edge(const struct greylist_times *t)
{
	const int64_t edges[] = { 0,
				  t->initial_ms,
				  t->window_ms,
				  t->max_age_ms,
				  2 * t->initial_ms,
				  t->window_ms - t->initial_ms };
	int64_t at = edges[rnd(ARRAY_LEN(edges))] + (int64_t)rnd(3) - 1;

	return at > 0 ? at : 0;
}

START_TEST(edges_of_usual_times)
{
	for (unsigned run = 0; run < 20000; run++) {
		struct greylist_times t = usual;
		struct greylist_record r = { 0 };
		struct model m = { 0 };
		int64_t now = WALL;

		for (unsigned n = 0; n < 8; n++) {
			t.initial_ms = rnd(2) ? 5 * MINUTE : (int64_t)(5 + rnd(115)) * MINUTE;
			compare(&r, &m, &t, now);
			now += near_an_edge(&t);
		}
	}
}
END_TEST

/* --- merging --- */

static const struct greylist_times short_times = { 50, 400, 900 };

/* What some machines may have noted. */
static struct greylist_record random_record(void)
{
	struct greylist_record r = { 0 };
	int64_t now = WALL + rnd(300);

	for (unsigned n = rnd(12); n > 0; n--) {
		struct greylist_judgement j = greylist_judge(&r, &short_times, now);

		greylist_note(&r, &j, machine(40), now);
		now += rnd(500);
	}
	return r;
}

START_TEST(laws)
{
	for (unsigned run = 0; run < 20000; run++) {
		struct greylist_record a = random_record(), b = random_record(),
				       c = random_record();

		check_laws(&a, &b, &c);
	}
}
END_TEST

/* More machines than there are slots. */
START_TEST(laws_when_full)
{
	for (unsigned run = 0; run < 300; run++) {
		struct greylist_record r[3] = { { 0 } };
		struct greylist_judgement j = { GREYLIST_TOO_EARLY, 1, 0 };

		for (unsigned n = 0; n < 150; n++)
			greylist_note(&r[n % 3], &j, machine(60), WALL + rnd(100));
		check_laws(&r[0], &r[1], &r[2]);
		check_round_trip(&r[0]);
	}
}
END_TEST

/* Machines that judge by themselves and hear of each other now and then end with the same. */
START_TEST(machines)
{
	for (unsigned run = 0; run < 3000; run++) {
		struct greylist_record r[3] = { { 0 } }, all = { 0 };
		int64_t now = WALL;

		for (unsigned n = 0; n < 30; n++) {
			uint16_t who = machine(3);
			struct greylist_judgement j = greylist_judge(&r[who], &short_times, now);

			greylist_note(&r[who], &j, who, now);
			greylist_merge(&r[rnd(3)], &r[rnd(3)]);
			now += rnd(120);
		}
		for (unsigned i = 0; i < 3; i++)
			greylist_merge(&all, &r[i]);
		for (unsigned i = 0; i < 9; i++)
			greylist_merge(&r[(i + 1) % 3], &r[i % 3]);
		must(same(&r[0], &r[1]) && same(&r[1], &r[2]) && same(&r[0], &all), "the same");
	}
}
END_TEST

/* Tries add up over machines, however often a state is heard. */
START_TEST(sums)
{
	struct greylist_record a = { 0 }, b = { 0 };
	struct greylist_judgement j = greylist_judge(&a, &usual, WALL);

	greylist_note(&a, &j, 1, WALL);
	greylist_note(&a, &j, 1, WALL + 1);
	greylist_note(&b, &j, 2, WALL + 2);
	greylist_merge(&a, &b);
	greylist_merge(&a, &b);
	ck_assert_uint_eq(tally_sum(&a.tally, GREYLIST_TRIED), 3);
	ck_assert_int_eq(a.first_ms, WALL);
	ck_assert_int_eq(a.last_ms, WALL + 2);
}
END_TEST

START_TEST(packed)
{
	struct greylist_record r = { 0 };
	uint8_t bytes[GREYLIST_PACKED];

	try_at(&r, &usual, WALL);
	ck_assert_uint_le(greylist_encode(&r, bytes), 15);
	try_at(&r, &usual, WALL + 20 * MINUTE);
	ck_assert_uint_le(greylist_encode(&r, bytes), 18);
	try_at(&r, &usual, WALL + 172000 * MINUTE);
	ck_assert_uint_le(greylist_encode(&r, bytes), 20);
	for (unsigned run = 0; run < 20000; run++) {
		r = random_record();
		if (r.window == 0)
			continue;
		check_round_trip(&r);
		check_damaged(&r);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("greylist");

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_loop_test(t, second_try, 0, (int)ARRAY_LEN(seconds));
	tcase_add_test(t, permanent);
	tcase_add_test(t, stretched);
	tcase_add_test(t, odd_settings);
	tcase_add_test(t, clock_set_back);
	tcase_add_test(t, late_note);
	tcase_add_loop_test(t, every_millisecond, 0, 6);
	tcase_add_test(t, edges_of_usual_times);
	tcase_add_test(t, laws);
	tcase_add_test(t, laws_when_full);
	tcase_add_test(t, machines);
	tcase_add_test(t, sums);
	tcase_add_test(t, packed);
	return pure_run(t, "greylist");
}
