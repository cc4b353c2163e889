/* Tallies: however rows come, move and go, each part counts its own; rig_check finds them all
 * again. Here are loads of many parts; small histories are in test_store_history.c. */
#include "lib/store/store_tally.c"

#include <check.h>

#include "unit/store_rig.h"

#define ROWS 10000

static void put_at(unsigned i, const char *boxid)
{
	char address[32];
	struct account a;

	snprintf(address, sizeof(address), "u%06u@b.c", i);
	a = account_of(address, "x");
	a.boxid = str_z(boxid);
	ok(store_put(rig, &table_accounts, &a, &rig_err));
}

static void delete_at(unsigned i)
{
	char address[32];

	snprintf(address, sizeof(address), "u%06u@b.c", i);
	ok(store_delete(rig, &table_accounts, str_z(address), &rig_err));
}

static uint64_t parts(void)
{
	uint64_t n;

	read_begin();
	n = rig_entries(rig->db[DB_TALLY]);
	store_read_end(rig);
	return n;
}

/* --- orders of a load --- */

static unsigned upwards(unsigned i)
{
	return i;
}

static unsigned downwards(unsigned i)
{
	return ROWS - 1 - i;
}

static unsigned jumping(unsigned i)
{
	return i * 7919 % ROWS;
}

static unsigned (*const orders[])(unsigned i) = { upwards, downwards, jumping };

static void load(unsigned (*order)(unsigned i), unsigned a_commit, unsigned boxes)
{
	char boxid[16];

	for (unsigned i = 0; i < ROWS; i++) {
		if (i % a_commit == 0)
			begin();
		snprintf(boxid, sizeof(boxid), "MAIL%u", order(i) % boxes);
		put_at(order(i), boxid);
		if (i % a_commit == a_commit - 1 || i == ROWS - 1)
			commit();
	}
}

/* Parts neither too large nor too small, whatever the order, in few transactions or many. */
START_TEST(a_load)
{
	load(orders[_i / 2], _i % 2 ? 100 : ROWS, 7);
	rig_check();
	ck_assert_uint_eq(count(&table_accounts), ROWS);
	ck_assert_uint_ge(parts(), ROWS / PART_MOST);
	ck_assert_uint_le(parts(), 2 * ROWS / PART_ROWS);
}
END_TEST

/* As many boxes as rows: more than are gathered at once. */
START_TEST(boxes_without_number)
{
	load(jumping, ROWS, ROWS);
	rig_check();
	begin();
	for (unsigned i = 0; i < ROWS; i++)
		put_at(i, "ONE");
	commit();
	rig_check();
	ck_assert_uint_eq(count(&table_accounts), ROWS);
}
END_TEST

START_TEST(rows_move_between_boxes)
{
	char boxid[16];

	load(upwards, ROWS, 3);
	for (unsigned k = 0; k < 5; k++) {
		begin();
		for (unsigned i = 0; i < 500; i++) {
			snprintf(boxid, sizeof(boxid), "MAIL%u", rnd(5));
			put_at(rnd(ROWS), rnd(5) ? boxid : "");
		}
		commit();
		rig_check();
	}
}
END_TEST

/* Parts go with their rows, and come again. */
START_TEST(all_go)
{
	load(upwards, ROWS, 3);
	begin();
	for (unsigned i = 0; i < ROWS; i++)
		delete_at(orders[_i](i));
	commit();
	rig_check();
	ck_assert_uint_eq(parts(), 0);
	ck_assert_uint_eq(count(&table_accounts), 0);
	load(orders[_i], 1000, 3);
	rig_check();
	ck_assert_uint_eq(count(&table_accounts), ROWS);
}
END_TEST

/* Names are told apart up to a length. */
START_TEST(long_names)
{
	char name[TALLY_NAME_MAX + 3];

	memset(name, 'x', sizeof(name));
	begin();
	for (unsigned i = 0; i < 3; i++) {
		name[TALLY_NAME_MAX + i] = '\0';
		put_at(i, name);
		name[TALLY_NAME_MAX + i] = 'x';
	}
	for (unsigned i = 0; i < 3; i++) {
		delete_at(i);
		ok(tally_flush(rig));
	}
	commit();
	ck_assert_uint_eq(parts(), 0);
}
END_TEST

/* record_key leaves the byte that an entry's key has in front. */
START_TEST(longest_keys)
{
	char key[KEY_MAX] = "";
	struct account a = account_of(key, "x");

	memset(key, 'k', KEY_MAX - 1);
	a.email_address.n = KEY_MAX - 1;
	begin();
	for (unsigned i = 0; i < 2 * PART_MOST; i++) {
		snprintf(key + KEY_MAX - 6, 6, "%05u", i);
		ok(store_put(rig, &table_accounts, &a, &rig_err));
	}
	commit();
	read_begin();
	rig_check_parts(&table_accounts);
	store_read_end(rig);
	ck_assert_uint_ge(parts(), 2);
	begin();
	for (unsigned i = 0; i < 2 * PART_MOST; i++) {
		snprintf(key + KEY_MAX - 6, 6, "%05u", i);
		ok(store_delete(rig, &table_accounts, a.email_address, &rig_err));
	}
	commit();
	ck_assert_uint_eq(parts(), 0);
}
END_TEST

/* --- what does not commit --- */

START_TEST(abort_leaves_nothing)
{
	load(upwards, ROWS, 3);
	begin();
	for (unsigned i = 0; i < 3000; i++)
		delete_at(i);
	put_at(ROWS + 1, "OTHER");
	store_abort(rig);
	rig_check();
	ck_assert_uint_eq(count(&table_accounts), ROWS);
	begin();
	put_at(ROWS + 1, "OTHER");
	commit();
	rig_check();
	ck_assert_uint_eq(count(&table_accounts), ROWS + 1);
}
END_TEST

/* --- stores that were written without them --- */

/* What an older version does: it knows neither tallies nor the mark. */
static void old_version_writes(bool never_had_them)
{
	struct account a = account_of("old.version@b.c", "x");
	MDB_val k = { 7, "tallied" };

	begin();
	ok(store_put(rig, &table_accounts, &a, &rig_err));
	must(meta_put(rig, rig->wr, "seq", rig->now.seq) == 0, "seq");
	must(meta_put(rig, rig->wr, "clock", rig->now.clock) == 0, "clock");
	if (never_had_them) {
		must(mdb_del(rig->wr, rig->db[DB_META], &k, NULL) == 0, "the mark goes");
		must(mdb_drop(rig->wr, rig->db[DB_TALLY], 1) == 0, "the tallies go");
	}
	tally_forget(rig);
	must(mdb_txn_commit(rig->wr) == 0, "commit");
	rig->wr = NULL;
	rig->committed = rig->now;
}

START_TEST(an_older_store)
{
	load(jumping, ROWS, 3);
	old_version_writes(_i);
	store_close(&rig);
	rig_open_env(STORE_ACCOUNTS);
	rig_check();
	ck_assert_uint_eq(count(&table_accounts), ROWS + 1);
	ck_assert_uint_ge(parts(), ROWS / PART_MOST);
}
END_TEST

START_TEST(sound_ones_are_kept)
{
	bool sound = false;

	put_account("a@b.c", "x");
	read_begin();
	ck_assert_int_eq(tally_sound(rig, store_txn(rig), &sound), 0);
	store_read_end(rig);
	ck_assert(sound);
	begin(); /* a wrong one, to be known again */
	must(mdb_drop(rig->wr, rig->db[DB_TALLY], 0) == 0, "drop");
	commit();
	store_close(&rig);
	rig_open_env(STORE_ACCOUNTS);
	ck_assert_uint_eq(count(&table_accounts), 0);
}
END_TEST

/* A damaged row is told when it is read; the store opens. */
START_TEST(damaged_rows)
{
	MDB_val k = { 5, "a@b.c" }, v = { 1, "x" };

	begin();
	must(mdb_put(rig->wr, rig->table_db[table_accounts.id], &k, &v, 0) == 0, "put");
	commit();
	old_version_writes(true);
	store_close(&rig);
	rig_open_env(STORE_ACCOUNTS);
	ck_assert_uint_eq(count(&table_accounts), 2);
}
END_TEST

/* Damaged values are read as far as they go. */
static const struct {
	struct str value;
	int entries;
} values[] = {
	{ STR_INIT(""), 0 },
	{ STR_INIT("\0\0\0\1\0"), 1 },
	{ STR_INIT("\0\0\0\1\1M"), 1 },
	{ STR_INIT("\0\0\0\1\1M\0\0\0\2\0"), 2 },
	{ STR_INIT("\0\0\0\1"), 0 },
	{ STR_INIT("\0\0\0\1\2M"), 0 },
	{ STR_INIT("\0\0\0\1\1M\0\0"), 1 },
};

START_TEST(a_value)
{
	struct str v = values[_i].value, box;
	uint64_t rows;
	int n = 0;

	while (tally_next(&v, &rows, &box))
		n++;
	ck_assert_int_eq(n, values[_i].entries);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_tally");
	TCase *t = tcase_create("store_tally");
	SRunner *r;
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_checked_fixture(t, rig_setup, rig_teardown);
	tcase_set_timeout(t, 600);
	tcase_add_loop_test(t, a_load, 0, 2 * (int)ARRAY_LEN(orders));
	tcase_add_test(t, boxes_without_number);
	tcase_add_test(t, rows_move_between_boxes);
	tcase_add_loop_test(t, all_go, 0, (int)ARRAY_LEN(orders));
	tcase_add_test(t, long_names);
	tcase_add_test(t, longest_keys);
	tcase_add_test(t, abort_leaves_nothing);
	tcase_add_loop_test(t, an_older_store, 0, 2);
	tcase_add_test(t, sound_ones_are_kept);
	tcase_add_test(t, damaged_rows);
	tcase_add_loop_test(t, a_value, 0, (int)ARRAY_LEN(values));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
