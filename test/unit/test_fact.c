/* What the guard's files share: folding, facts that can be read again, single rows. */
#include "lib/guard/fact.c"

#include "unit/guard_rig.h"
#include "unit/random_record.h"

static const struct {
	size_t n;
	int rc;
} lengths[] = { { 0, -1 }, { 1, 0 }, { LIMIT_ADDRESS, 0 }, { LIMIT_ADDRESS + 1, -1 }, { SIZE_MAX, -1 } };

START_TEST(folds)
{
	static const char upper[LIMIT_ADDRESS + 1] = { [0 ... LIMIT_ADDRESS] = 'X' };
	struct folded f;

	ck_assert_int_eq(fold_address(&f, (struct str){ upper, lengths[_i].n }), lengths[_i].rc);
	if (lengths[_i].rc < 0)
		return;
	ck_assert_uint_eq(f.s.n, lengths[_i].n);
	for (size_t i = 0; i < f.s.n; i++)
		must(f.s.p[i] == 'x', "lower case");
	ck_assert_int_eq(fold_address(&f, STR("\xc3\x84.B@c.DE")), 0);
	ck_assert(str_eq(f.s, STR("\xc3\x84.b@c.de")));
}
END_TEST

/* Any row of these tables comes back from the journal as it was. */
START_TEST(encodes)
{
	static const struct table *const tables[] = { &table_blocked, &table_whitelist, &table_replied };

	for (unsigned i = 0; i < 3000; i++) {
		const struct table *t = tables[i % ARRAY_LEN(tables)];
		struct arena a = ARENA(0);
		union any_record in, out;
		char bytes[LIMIT_JOURNAL_ENTRY];
		struct str f;

		random_record(t, &in, &a);
		must(fact_encode(t, &in, bytes, &f) == 0, "it fits");
		must(record_decode(t, f, &out, NULL) == 0, "decode");
		must_be_same(t, &in, &out);
		arena_free(&a);
	}
}
END_TEST

START_TEST(one_row)
{
	struct replied key = { .email_address = STR("a@b.cc"),
			       .sender_hash = STR("0123456789abcdef0123456789abcdef"),
			       .replied_at = NOW }, row;

	ck_assert_int_eq(fact_row(NULL, &table_replied, &key, &row), -1);
	ck_assert_int_eq(fact_row(rig, &table_replied, &key, &row), 0);
	put(&table_replied, &key);
	ck_assert_int_eq(fact_row(rig, &table_replied, &key, &row), 1);
	ck_assert_int_eq(row.replied_at, NOW);
	/* the reading has ended: another may begin */
	read_begin();
	store_read_end(rig);
	put_damaged(&table_replied, &key);
	ck_assert_int_eq(fact_row(rig, &table_replied, &key, &row), -1);
	read_begin();
	store_read_end(rig);
	key.sender_hash = STR("");
	ck_assert_int_eq(fact_row(rig, &table_replied, &key, &row), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("fact");

	tcase_add_loop_test(t, folds, 0, (int)ARRAY_LEN(lengths));
	tcase_add_test(t, encodes);
	tcase_add_test(t, one_row);
	return guard_run(t, "fact");
}
