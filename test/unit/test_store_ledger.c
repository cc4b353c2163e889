/* The ledger's pairs, which other versions and sisters must compute alike, and its rows on
 * their way through the journal, which a dying worker may have written. */
#include "lib/store/ledger.c"

#include <check.h>

#include "unit/random_record.h"
#include "unit/store_rig.h"

#define E2(c) c c
#define E64(c) E2(E2(E2(E2(E2(E2(c))))))
#define E254(c) E64(c) E64(c) E64(c) E2(E2(E2(E2(E2(c))))) E2(E2(E2(E2(c)))) E2(E2(E2(c))) E2(E2(c)) E2(c)

/* By an independent SHA-256. */
static const struct {
	struct str sender, recipient;
	const char *pair;
} pairs[] = {
	{ STR_INIT("alice@example.com"), STR_INIT("bob@example.org"),
	  "166befc4b07bf93b0071e6dd89c74853" },
	{ STR_INIT("Alice@EXAMPLE.com"), STR_INIT("BOB@example.org"),
	  "166befc4b07bf93b0071e6dd89c74853" },
	{ STR_INIT(""), STR_INIT("bob@example.org"), "8bf696125b2477375c5fcecf375fe47d" },
	{ { NULL, 0 }, STR_INIT("bob@example.org"), "8bf696125b2477375c5fcecf375fe47d" },
	{ STR_INIT("alice@example.com"), STR_INIT(""), "fb80a38753ff238c0a8c4d030af6e9dd" },
	{ STR_INIT("caf\xe9@example.com"), STR_INIT("bob@example.org"),
	  "1301b9ceea3fb54abc1eb33252abb8f0" },
	{ STR_INIT(E254("x")), STR_INIT(E254("y")), "10b85f9e57b571c9363e7eecc2f7b075" },
	/* longer than any address: cut, never past the buffer */
	{ STR_INIT(E254("x") E64("x")), STR_INIT(E254("y") E254("y")),
	  "10b85f9e57b571c9363e7eecc2f7b075" },
};

START_TEST(pair_of)
{
	char pair[33];

	ledger_pair(pairs[_i].sender, pairs[_i].recipient, pair);
	ck_assert_str_eq(pair, pairs[_i].pair);
}
END_TEST

START_TEST(sender_and_recipient_do_not_run_together)
{
	char a[33], b[33];

	ledger_pair(STR("ab"), STR("c"), a);
	ledger_pair(STR("a"), STR("bc"), b);
	ck_assert_str_ne(a, b);
	ledger_pair(STR("a"), STR("b"), a);
	ledger_pair(STR("b"), STR("a"), b);
	ck_assert_str_ne(a, b);
}
END_TEST

/* What the worker writes is what the replicator reads, and fits the journal. */
START_TEST(through_the_journal)
{
	struct arena arena = ARENA(0);

	for (int i = 0; i < 2000; i++) {
		struct ledger in, got;
		struct buf b;

		random_record(&table_ledger, &in, &arena);
		buf_init(&b, LIMIT_JOURNAL_ENTRY);
		must(ledger_encode(&in, &b) == 0, "fits an entry");
		must(ledger_decode(buf_str(&b), &got) == 0, "read");
		must_be_same(&table_ledger, &in, &got);
		buf_release(&b);
		arena_free(&arena);
	}
}
END_TEST

static const struct {
	const char *what;
	struct str in;
} broken[] = {
	{ "nothing", STR_INIT("") },
	{ "zeroes", STR_INIT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "a newer frame", STR_INIT("\x10\0\1\0\0\0\0\0\0\0\0\0\0") },
	{ "cut off", STR_INIT("\1\0\1\0\0\0\0\0\0\0\0\0\0\1\0\40abc") },
	{ "noise", STR_INIT("\1\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff") },
};

START_TEST(broken_rows_are_refused)
{
	struct ledger got;

	ck_assert_msg(ledger_decode(broken[_i].in, &got) == -1, "%s", broken[_i].what);
}
END_TEST

static struct ledger row(const char *pair, const char *digest, enum ledger_outcome outcome,
			 int64_t expiry)
{
	struct ledger l;

	record_defaults(&table_ledger, &l);
	l.pair = str_z(pair);
	l.digest = str_z(digest);
	l.outcome = outcome;
	l.boxid = STR("MAIL1");
	l.expiry = expiry;
	return l;
}

static int64_t expiry_of(const char *pair, const char *digest)
{
	struct ledger l = row(pair, digest, LEDGER_DELIVERED, 0), got;
	char key[KEY_MAX];
	size_t n;
	int rc;

	must(record_key(&table_ledger, &l, key, &n) == 0, "key");
	read_begin();
	rc = store_get(rig, &table_ledger, (struct str){ key, n }, &got, NULL, &rig_err);
	ok(rc);
	store_read_end(rig);
	return rc == 0 ? got.expiry : -1;
}

/* One row for each pair and message; the same again renews nothing but what differs. */
START_TEST(rows_in_the_store)
{
	static const char *const pair = "166befc4b07bf93b0071e6dd89c74853";
	static const char *const one = "00000000000000000000000000000001";
	static const char *const two = "00000000000000000000000000000002";
	struct ledger l = row(pair, one, LEDGER_DELIVERED, 5000);

	store_close(&rig);
	rig_open_env(STORE_TRAFFIC);
	put(&table_ledger, &l);
	l = row(pair, two, LEDGER_REFUSED, 6000);
	put(&table_ledger, &l);
	ck_assert_uint_eq(count(&table_ledger), 2);
	ck_assert_int_eq(expiry_of(pair, one), 5000);
	ck_assert_int_eq(expiry_of(pair, two), 6000);
	l = row(pair, one, LEDGER_DELIVERED, 7000);
	put(&table_ledger, &l);
	ck_assert_uint_eq(count(&table_ledger), 2);
	ck_assert_int_eq(expiry_of(pair, one), 7000);
	ck_assert_int_eq(expiry_of(one, pair), -1);
	ok(store_sync(rig, &rig_err));
	rig_check();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ledger");
	TCase *t = tcase_create("ledger");
	SRunner *r;
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_checked_fixture(t, rig_setup, rig_teardown);
	tcase_add_loop_test(t, pair_of, 0, (int)ARRAY_LEN(pairs));
	tcase_add_test(t, sender_and_recipient_do_not_run_together);
	tcase_add_test(t, through_the_journal);
	tcase_add_loop_test(t, broken_rows_are_refused, 0, (int)ARRAY_LEN(broken));
	tcase_add_test(t, rows_in_the_store);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
