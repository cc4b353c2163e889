/* Compact tables: rows and their index against a model, through changes, expiry and aborts. */
#include "lib/store/store_compact.c"

#include <check.h>

#include "unit/store_rig.h"

#define ROWS 200

static void setup(void)
{
	rig_make_dir();
	rig_open_env(STORE_TRAFFIC);
}

/* --- the model: per row the sequence of its last change; 0: not there --- */

struct model {
	uint64_t greylist[ROWS], spread[ROWS];
	uint64_t whitelist; /* one row of another table, between them */
};

static void key_of(unsigned i, char key[COMPACT_KEY])
{
	memset(key, 0, COMPACT_KEY); /* NULs are bytes like any other */
	key[0] = (char)(i * 7);
	key[COMPACT_KEY - 1] = (char)i;
}

static void put_row(const struct table *t, unsigned i, uint64_t value)
{
	char key[COMPACT_KEY];
	struct greylist_row row = { .record = { (const char *)&value, 4 + value % 5 } };

	key_of(i, key);
	row.key = (struct str){ key, sizeof(key) };
	ok(store_put(rig, t, &row, &rig_err)); /* a spread row has the same fields */
}

static void drop_row_of(const struct table *t, unsigned i)
{
	char key[COMPACT_KEY];
	int rc;

	key_of(i, key);
	rc = rnd(2) ? store_expire(rig, t, (struct str){ key, sizeof(key) }, &rig_err) :
		      store_delete(rig, t, (struct str){ key, sizeof(key) }, &rig_err);
	must(rc == 0, "it was there");
}

static void put_other(uint64_t value)
{
	struct whitelist w = { .local_address = STR("a@x"), .remote_address = STR("b@y"),
			       .count = (int64_t)value };

	ok(store_put(rig, &table_whitelist, &w, &rig_err));
}

static void change(struct model *m, uint64_t value)
{
	unsigned i = rnd(ROWS);
	uint64_t *v = rnd(2) ? m->greylist : m->spread;
	const struct table *t = v == m->greylist ? &table_greylist : &table_spread;

	if (rnd(20) == 0) {
		put_other(value);
		m->whitelist = rig->now.seq;
	} else if (v[i] && rnd(3) == 0) {
		drop_row_of(t, i);
		v[i] = 0;
	} else {
		put_row(t, i, value);
		v[i] = rig->now.seq;
	}
}

/* --- what the store says --- */

struct seen {
	struct model found;
	uint64_t last;
	unsigned n;
};

static int see(void *arg, uint64_t seq, const struct table *t, struct str key,
	       const struct row_meta *m)
{
	struct seen *s = arg;
	uint64_t *at = t == &table_greylist ? &s->found.greylist[(uint8_t)key.p[key.n - 1]] :
		       t == &table_spread   ? &s->found.spread[(uint8_t)key.p[key.n - 1]] :
					      &s->found.whitelist;

	must(seq > s->last && m->seq == seq && !m->tombstone, "in order, as the row says");
	must(*at == 0, "once");
	*at = s->last = seq;
	s->n++;
	return 0;
}

static void same_from(const struct model *m, uint64_t after)
{
	struct seen s = { .last = 0 };

	read_begin();
	ok(store_since(rig, after, see, &s, &rig_err));
	store_read_end(rig);
	for (unsigned i = 0; i < ROWS; i++) {
		must(s.found.greylist[i] == (m->greylist[i] > after ? m->greylist[i] : 0), "greylist");
		must(s.found.spread[i] == (m->spread[i] > after ? m->spread[i] : 0), "spread");
	}
	must(s.found.whitelist == (m->whitelist > after ? m->whitelist : 0), "whitelist");
}

static void check(const struct model *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ROWS; i++)
		n += m->greylist[i] > 0;
	must(count(&table_greylist) == n, "rows are counted");
	rig_check();
	same_from(m, 0);
	for (unsigned i = 0; i < 4; i++)
		same_from(m, rnd((unsigned)rig->committed.seq + 2));
}

START_TEST(as_the_model)
{
	struct model m = { .whitelist = 0 }, before;

	for (unsigned round = 0; round < 200; round++) {
		before = m;
		begin();
		for (unsigned i = rnd(150); i > 0; i--)
			change(&m, round * 1000 + i);
		if (rnd(5) == 0) {
			store_abort(rig);
			m = before;
		} else {
			commit();
		}
		if (rnd(20) == 0) {
			store_close(&rig);
			rig_open_env(STORE_TRAFFIC);
		}
		check(&m);
	}
}
END_TEST

/* All gone: the index is empty but for the newest bucket. */
START_TEST(nothing_is_left)
{
	MDB_stat st;

	begin();
	for (unsigned i = 0; i < ROWS; i++)
		put_row(&table_greylist, i, i + 1);
	commit();
	begin();
	for (unsigned i = 0; i < ROWS; i++)
		drop_row_of(&table_greylist, i);
	put_row(&table_trust, 1, 1);
	commit();
	begin();
	must(mdb_stat(rig->wr, rig->db[DB_COMPACT], &st) == 0, "stat");
	store_abort(rig);
	ck_assert_uint_eq(st.ms_entries, 1);
	must(count(&table_greylist) == 0, "none");
}
END_TEST

START_TEST(keys_of_another_length)
{
	struct greylist_row row = { .key = STR("short"), .record = STR("r") };

	begin();
	ck_assert_int_eq(store_put(rig, &table_greylist, &row, &rig_err), -1);
	store_abort(rig);
}
END_TEST

/* The record comes back as it was put, whatever its bytes. */
START_TEST(bytes)
{
	char key[COMPACT_KEY], record[] = { 0, 10, (char)255, 0 };
	struct greylist_row row = { .record = { record, sizeof(record) } }, back;

	key_of(0, key);
	row.key = (struct str){ key, sizeof(key) };
	put(&table_greylist, &row);
	read_begin();
	ck_assert_int_eq(store_get(rig, &table_greylist, row.key, &back, NULL, &rig_err), 0);
	ck_assert(str_eq(back.key, row.key) && str_eq(back.record, row.record));
	store_read_end(rig);
}
END_TEST

START_TEST(ids)
{
	bool taken[8] = { true };

	for (int i = 0; traffic_tables[i]; i++) {
		if (!traffic_tables[i]->compact)
			continue;
		ck_assert(!taken[traffic_tables[i]->id % 8]);
		taken[traffic_tables[i]->id % 8] = true;
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("compact");
	Suite *s = suite_create("store_compact");
	SRunner *r;
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, rig_teardown);
	tcase_add_test(t, as_the_model);
	tcase_add_test(t, nothing_is_left);
	tcase_add_test(t, keys_of_another_length);
	tcase_add_test(t, bytes);
	tcase_add_test(t, ids);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
