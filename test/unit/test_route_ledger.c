/* What the delivered ledger holds of a pair: which row wins, what has expired, and the sum by
 * which those with the same past are known. */
#include "lib/route/ledger.c"

#include <check.h>

#include "unit/store_rig.h"

#define PAIR "0123456789abcdef0123456789abcdef"
#define OTHER "f123456789abcdef0123456789abcdef"
#define NOW 5000

static struct arena arena;
static struct ledger got;

static void setup(void)
{
	rig_make_dir();
	rig_open_env(STORE_TRAFFIC);
	arena = ARENA(0);
}

static void teardown(void)
{
	arena_free(&arena);
	rig_teardown();
}

static void row(const char *pair, const char *digest, enum ledger_outcome what, int64_t expiry)
{
	struct ledger l = { .pair = str_z(pair), .digest = str_z(digest), .outcome = what,
			    .boxid = STR("MAIL1"), .expiry = expiry };

	put(&table_ledger, &l);
}

static int ask(const char *pair, const char *digest)
{
	return route_ledger(rig, str_z(pair), str_z(digest), NOW, &arena, &got);
}

START_TEST(nothing)
{
	ck_assert_int_eq(ask(PAIR, ""), 0);
	row(OTHER, "aa", LEDGER_DELIVERED, NOW + 1);
	ck_assert_int_eq(ask(PAIR, ""), 0);
	ck_assert_int_eq(ask(PAIR, "aa"), 0);
	ck_assert_int_eq(ask(OTHER, "ab"), 0);
}
END_TEST

START_TEST(this_mail)
{
	row(PAIR, "aa", LEDGER_REFUSED, NOW + 1);
	row(PAIR, "bb", LEDGER_DELIVERED, NOW + 1);
	ck_assert_int_eq(ask(PAIR, "bb"), LEDGER_DELIVERED);
	ck_assert(str_eq(got.digest, STR("bb")));
	ck_assert(str_eq(got.boxid, STR("MAIL1")));
	ck_assert_int_eq(ask(PAIR, "aa"), LEDGER_REFUSED);
	ck_assert_int_eq(ask(PAIR, "b"), 0);
	ck_assert_int_eq(ask(PAIR, "bbb"), 0);
}
END_TEST

START_TEST(delivered_before_refused)
{
	row(PAIR, "bb", LEDGER_REFUSED, NOW + 1);
	ck_assert_int_eq(ask(PAIR, ""), LEDGER_REFUSED);
	row(PAIR, "cc", LEDGER_DELIVERED, NOW + 1);
	ck_assert_int_eq(ask(PAIR, ""), LEDGER_DELIVERED);
	row(PAIR, "dd", LEDGER_REFUSED, NOW + 1);
	ck_assert_int_eq(ask(PAIR, ""), LEDGER_DELIVERED);
}
END_TEST

START_TEST(expired)
{
	row(PAIR, "aa", LEDGER_DELIVERED, NOW - 1);
	ck_assert_int_eq(ask(PAIR, ""), 0);
	ck_assert_int_eq(ask(PAIR, "aa"), 0);
	row(PAIR, "bb", LEDGER_REFUSED, NOW);
	ck_assert_int_eq(ask(PAIR, ""), LEDGER_REFUSED);
	ck_assert_int_eq(ask(PAIR, "aa"), 0);
}
END_TEST

/* The sums of two pairs; true when they are the same. */
static bool same_past(void)
{
	struct str one;

	ck_assert_int_eq(ask(PAIR, ""), LEDGER_DELIVERED);
	one = got.digest;
	ck_assert_int_eq(ask(OTHER, ""), LEDGER_DELIVERED);
	ck_assert_uint_gt(one.n, 0);
	return str_eq(one, got.digest);
}

START_TEST(pasts)
{
	row(PAIR, "aa", LEDGER_DELIVERED, NOW + 1);
	row(OTHER, "bb", LEDGER_DELIVERED, NOW + 1);
	ck_assert(!same_past());
	row(PAIR, "bb", LEDGER_DELIVERED, NOW + 1);
	ck_assert(!same_past());
	row(OTHER, "aa", LEDGER_DELIVERED, NOW + 1);
	ck_assert(same_past());
	/* what was refused or has expired is not in it */
	row(PAIR, "00", LEDGER_REFUSED, NOW + 1);
	row(OTHER, "ff", LEDGER_DELIVERED, NOW - 1);
	ck_assert(same_past());
}
END_TEST

/* Any rows of neighbouring pairs, some expired, against a look through all of them. */
START_TEST(as_a_table)
{
	static const char *const pairs[] = { PAIR, PAIR "0", "0", OTHER };
	static const char *const digests[] = { "0", "00", "5", "ff", "fff" };
	struct {
		enum ledger_outcome outcome;
		int64_t expiry;
	} rows[4][5] = { 0 };

	for (int i = 0; i < 600; i++) {
		unsigned p = rnd(4), d = rnd(5), best = 0;

		rows[p][d].outcome = rnd(2) ? LEDGER_DELIVERED : LEDGER_REFUSED;
		rows[p][d].expiry = NOW - 2 + rnd(4);
		row(pairs[p], digests[d], rows[p][d].outcome, rows[p][d].expiry);
		p = rnd(4);
		for (unsigned j = 0; j < 5; j++) {
			unsigned now = rows[p][j].expiry >= NOW ? rows[p][j].outcome : 0;

			must(ask(pairs[p], digests[j]) == (int)now, "of this mail");
			must(!now || str_eq(got.digest, str_z(digests[j])), "its digest");
			must(!now || str_eq(got.pair, str_z(pairs[p])), "its pair");
			if (now && best != LEDGER_DELIVERED)
				best = now;
		}
		must(ask(pairs[p], "") == (int)best, "of any mail");
		arena_free(&arena);
	}
}
END_TEST

/* Nobody's past is empty for want of memory: two such would look the same. */
START_TEST(little_memory)
{
	int res = -1;

	ok(log_open("/dev/null", &rig_err));
	row(PAIR, "aa", LEDGER_DELIVERED, NOW + 1);
	for (size_t cap = 1; res < 0; cap += 16) {
		arena_free(&arena);
		arena = ARENA(cap);
		res = ask(PAIR, "");
		must(res < 0 || (got.digest.n > 0 && got.boxid.n > 0), "whole or not at all");
	}
	ck_assert_int_eq(res, LEDGER_DELIVERED);
}
END_TEST

/* An unreadable row is no row that says nothing. */
START_TEST(damaged)
{
	MDB_val k = { strlen(PAIR) + 3, (char[]){ PAIR "\0aa" } }, v = { 3, (char[]){ 1, 2, 3 } };

	ok(log_open("/dev/null", &rig_err));
	row(PAIR, "bb", LEDGER_DELIVERED, NOW + 1);
	begin();
	must(mdb_put(rig->wr, rig->table_db[table_ledger.id], &k, &v, 0) == 0, "put");
	commit();
	ck_assert_int_eq(ask(PAIR, ""), -1);
	ck_assert_int_eq(ask(PAIR, "bb"), LEDGER_DELIVERED);
	ck_assert_int_eq(ask(OTHER, ""), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("route_ledger");
	TCase *t = tcase_create("route_ledger");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nothing);
	tcase_add_test(t, this_mail);
	tcase_add_test(t, delivered_before_refused);
	tcase_add_test(t, expired);
	tcase_add_test(t, pasts);
	tcase_add_test(t, as_a_table);
	tcase_add_test(t, little_memory);
	tcase_add_test(t, damaged);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
