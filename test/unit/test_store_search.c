/* Pages and totals: any question about any table answers what a look at every row answers. */
#include "lib/store/store_search.c"

#include <check.h>

#include "unit/random_record.h"
#include "unit/store_rig.h"

#define ROWS 7000 /* some parts */
#define BOXES 4

static struct arena arena;

static void setup(void)
{
	rig_setup();
	arena = ARENA(0);
}

static void teardown(void)
{
	arena_free(&arena);
	rig_teardown();
}

/* --- rows: addresses that share beginnings and middles --- */

static struct str some_address(void)
{
	static const char *const names[] = { "ab", "abc", "b.a", "x", "ba*" };

	return arena_printf(&arena, "%s%u@d%u.example", names[rnd(ARRAY_LEN(names))],
			    rnd(3000), rnd(7));
}

static struct str some_box(unsigned n)
{
	unsigned i = rnd(n + 1);

	return i ? arena_printf(&arena, "MAIL%u", i) : STR("");
}

static void put_some(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct account a = account_of("", "p");

		a.email_address = some_address();
		a.boxid = some_box(BOXES);
		ok(store_put(rig, &table_accounts, &a, &rig_err));
		if (rnd(5) == 0)
			ok(store_delete(rig, &table_accounts, some_address(), &rig_err));
	}
}

/* --- what a look at every row answers --- */

#define PAGE_MOST 60

struct answer {
	uint64_t total;
	unsigned n;
	uint64_t page[PAGE_MOST]; /* hashes of addresses */
	uint64_t to_skip;
	const struct store_query *q;
};

static uint64_t fingerprint(struct str s)
{
	uint64_t h = 7;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3;
	return h;
}

static int answer_row(void *arg, const void *rec, const struct row_meta *m)
{
	struct answer *w = arg;
	const struct account *a = rec;

	must(m->stamp > 0, "the row's meta comes along");
	must(w->n < PAGE_MOST, "no page larger than asked");
	w->page[w->n++] = fingerprint(a->email_address);
	return 0;
}

static bool naive_match(const struct store_query *q, const struct account *a)
{
	char folded[KEY_MAX];
	struct str s = { folded, q->query.n };

	str_lower(folded, q->query);
	if ((q->boxid.n > 0 || q->boxless) && !str_eq(a->boxid, q->boxid))
		return false;
	if (s.n > 0 && s.p[s.n - 1] == '*')
		return str_starts(a->email_address, (struct str){ s.p, s.n - 1 });
	return s.n == 0 || memmem(a->email_address.p, a->email_address.n, s.p, s.n) != NULL;
}

static int naive_row(void *arg, const void *rec, const struct row_meta *m)
{
	struct answer *w = arg;
	const struct account *a = rec;
	char folded[KEY_MAX];

	if (!naive_match(w->q, a))
		return 0;
	w->total++;
	str_lower(folded, w->q->after);
	if (str_cmp(a->email_address, (struct str){ folded, w->q->after.n }) <= 0)
		return 0;
	if (w->to_skip > 0)
		w->to_skip--;
	else if (w->n < w->q->limit)
		return answer_row(w, rec, m);
	return 0;
}

static void ask(const struct store_query *q)
{
	struct answer got = { .q = q }, want = { .q = q, .to_skip = q->offset };

	ok(store_each(rig, &table_accounts, STR(""), naive_row, &want, &rig_err));
	ok(store_search(rig, &table_accounts, q, answer_row, &got, &got.total, &rig_err));
	if (got.total != want.total || got.n != want.n ||
	    memcmp(got.page, want.page, sizeof(got.page)) != 0)
		ck_abort_msg("query \"%.*s\" box \"%.*s\" after \"%.*s\" offset %d limit %u: "
			     "%d in all, %u shown, not %d, %u",
			     STR_ARG(q->query), STR_ARG(q->boxid), STR_ARG(q->after), (int)q->offset,
			     q->limit, (int)got.total, got.n, (int)want.total, want.n);
}

static struct str some_query(void)
{
	struct str a = some_address();
	size_t from = rnd((unsigned)a.n), n = rnd((unsigned)(a.n - from) + 1);

	switch (rnd(8)) {
	case 0:
		return STR("");
	case 1:
		return STR("*");
	case 2:
		return STR("nosuch");
	case 3:
		return arena_printf(&arena, "%.*s*", (int)rnd((unsigned)a.n), a.p);
	case 4:
		return arena_printf(&arena, "AB%u*", rnd(100));
	case 5:
		return arena_printf(&arena, "%u", rnd(300));
	case 6:
		return STR("\xff*"); /* behind all */
	default:
		return (struct str){ a.p + from, n };
	}
}

/* Where a part begins. */
static struct str some_border(void)
{
	char from[] = { (char)table_accounts.id, "abx"[rnd(3)], (char)('0' + rnd(10)) };
	MDB_val k = { sizeof(from), from }, v;
	struct str key = STR("");
	MDB_cursor *cur;

	if (!rig->db[DB_TALLY])
		return key;
	must(mdb_cursor_open(store_txn(rig), rig->db[DB_TALLY], &cur) == 0, "cursor");
	if (mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE) == 0)
		key = arena_str(&arena, (struct str){ (char *)k.mv_data + 1, k.mv_size - 1 });
	mdb_cursor_close(cur);
	return key;
}

static void ask_anything(void)
{
	struct store_query q = { .query = some_query(), .limit = rnd(PAGE_MOST + 1) };

	if (rnd(2))
		q.boxid = rnd(10) ? some_box(BOXES) : STR("NONE");
	else
		q.boxless = rnd(3) == 0;
	if (rnd(2))
		q.after = rnd(3) == 0 ? some_border() :
			  rnd(10)     ? some_address() :
					some_query();
	if (rnd(2))
		q.offset = rnd(rnd(2) ? 5000 : 100);
	ask(&q);
}

/* --- any question --- */

START_TEST(any_question)
{
	property_seed += (uint64_t)_i * 7919;
	for (int round = 0; round < 3; round++) {
		begin();
		put_some(ROWS);
		for (int i = 0; i < 40; i++)
			ask_anything();
		commit();
		read_begin();
		for (int i = 0; i < 150; i++)
			ask_anything();
		store_read_end(rig);
		arena_free(&arena);
	}
	rig_check();
}
END_TEST

/* A reader of a store that an older version has written: no tallies, or stale ones. */
START_TEST(without_tallies)
{
	MDB_val k = { 7, "tallied" };

	begin();
	put_some(ROWS);
	must(mdb_del(rig->wr, rig->db[DB_META], &k, NULL) == 0, "the mark goes");
	if (_i == 1)
		must(mdb_drop(rig->wr, rig->db[DB_TALLY], 1) == 0, "the tallies go");
	tally_forget(rig);
	must(mdb_txn_commit(rig->wr) == 0, "commit");
	rig->wr = NULL;
	store_close(&rig);
	ok(store_open(&rig, rig_dir, STORE_ACCOUNTS, STORE_READ, &rig_err));
	read_begin();
	for (int i = 0; i < 50; i++)
		ask_anything();
	store_read_end(rig);
}
END_TEST

/* --- single questions --- */

static uint64_t total_of(const struct table *t, const char *query, const char *boxid)
{
	struct store_query q = { .query = str_z(query), .boxid = str_z(boxid) };
	uint64_t total = 99;

	read_begin();
	ok(store_search(rig, t, &q, NULL, NULL, &total, &rig_err));
	store_read_end(rig);
	return total;
}

static void put_box(const char *clusterid, const char *boxid)
{
	struct box b;

	record_defaults(&table_boxes, &b);
	b.clusterid = str_z(clusterid);
	b.boxid = str_z(boxid);
	b.connect_address = STR("10.0.0.1");
	put(&table_boxes, &b);
}

static const struct {
	const char *query;
	uint64_t total;
} asked[] = {
	{ "", 4 },	   { "*", 4 },	   { "joe*", 1 },  { "JOE@B*", 1 },
	{ "oe*", 0 },	   { "OE", 2 },	   { "a*b", 1 },   { "a**", 1 },
	{ "@", 4 },	   { "@B.C", 3 },  { "@b.c*", 1 }, { "joe@b.c", 1 },
	{ "joe@b.cc", 0 }, { "zoe@d", 1 },
};

START_TEST(one_question)
{
	put_account("joe@b.c", "x");
	put_account("a*b@b.c", "x");
	put_account("@b.c", "x");
	put_account("zoe@d.e", "x");
	put_account("gone@b.c", "x");
	delete (&table_accounts, "gone@b.c");
	ck_assert_uint_eq(total_of(&table_accounts, asked[_i].query, ""), asked[_i].total);
}
END_TEST

/* Other keys than addresses are told apart by case. */
START_TEST(other_tables)
{
	put_box("In", "MAIL1");
	put_box("in", "MAIL1");
	put_box("in", "MAIL2");
	put_alias("all@b.c", "joe@b.c");
	ck_assert_uint_eq(total_of(&table_boxes, "in*", ""), 2);
	ck_assert_uint_eq(total_of(&table_boxes, "In*", ""), 1);
	ck_assert_uint_eq(total_of(&table_boxes, "IN*", ""), 0);
	ck_assert_uint_eq(total_of(&table_aliases, "ALL", ""), 1);
	ck_assert_uint_eq(total_of(&table_clusters, "", ""), 0);
}
END_TEST

START_TEST(no_such_field)
{
	struct store_query q = { .boxid = STR("M") };
	struct err e = { "" };
	uint64_t total;

	read_begin();
	ck_assert_int_eq(store_search(rig, &table_aliases, &q, NULL, NULL, &total, &e), -1);
	ck_assert_str_eq(e.text, "aliases: rows of this table have no boxid");
	ck_assert_int_eq(store_search(rig, &table_boxes, &q, NULL, NULL, &total, &e), -1);
	ck_assert_str_eq(e.text, "boxes: rows of this table have no boxid");
	ck_assert_int_eq(store_search(rig, &table_ledger, &q, NULL, NULL, &total, &e), -1);
	store_read_end(rig);
}
END_TEST

/* Longer than any key, or boxid, may be. */
START_TEST(nothing_so_long)
{
	struct store_query q = { .limit = 9 };
	struct answer got = { 0 };
	char text[KEY_MAX + 2];
	uint64_t total;

	memset(text, 'a', sizeof(text));
	text[KEY_MAX + 1] = '\0';
	put_account("a@b.c", "x");
	put_account("b@b.c", "x");
	ck_assert_uint_eq(total_of(&table_accounts, text, ""), 0);
	ck_assert_uint_eq(total_of(&table_accounts, "", text), 0);
	q.after = str_z(text);
	q.limit = 9;
	read_begin();
	ok(store_search(rig, &table_accounts, &q, answer_row, &got, &total, &rig_err));
	store_read_end(rig);
	ck_assert_uint_eq(total, 2);
	ck_assert_uint_eq(got.n, 1);
	text[KEY_MAX] = '*';
	ck_assert_uint_eq(total_of(&table_accounts, text, ""), 0);
	text[KEY_MAX] = '\0';
	ck_assert_uint_eq(total_of(&table_accounts, text, ""), 0);
}
END_TEST

static int stop_at_third(void *arg, const void *rec, const struct row_meta *m)
{
	(void)rec;
	(void)m;
	return ++*(int *)arg == 3 ? 42 : 0;
}

START_TEST(it_stops_when_told)
{
	struct store_query q = { .query = str_z(_i ? "b" : ""), .limit = 50 };
	uint64_t total;
	int n = 0;

	for (int i = 0; i < 5; i++) {
		char address[] = "0@b.c";

		address[0] = (char)('0' + i);
		put_account(address, "x");
	}
	read_begin();
	ck_assert_int_eq(store_search(rig, &table_accounts, &q, stop_at_third, &n, &total, &rig_err), 42);
	store_read_end(rig);
	ck_assert_int_eq(n, 3);
}
END_TEST

static const char *const questions[] = { "", "a*", "b" };

START_TEST(damage_is_told)
{
	struct store_query q = { .query = str_z(questions[_i]), .boxid = STR("M"), .limit = 9 };
	struct answer got = { 0 };
	struct err e = { "" };
	MDB_val k = { 5, "a@b.c" }, v = { 13, "\1\0\1........\1\1" };
	struct account a = account_of("a@b.c", "x");
	uint64_t total;

	a.boxid = STR("M");
	begin();
	ok(store_put(rig, &table_accounts, &a, &rig_err));
	must(mdb_put(rig->wr, rig->table_db[table_accounts.id], &k, &v, 0) == 0, "put");
	ok(store_search(rig, &table_accounts, &q, answer_row, &got, &total, &rig_err));
	v.mv_size = 5;
	must(mdb_put(rig->wr, rig->table_db[table_accounts.id], &k, &v, 0) == 0, "put");
	ck_assert_int_eq(store_search(rig, &table_accounts, &q, answer_row, &got, &total, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "a damaged record in accounts"));
	store_abort(rig);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_search");
	TCase *t = tcase_create("store_search");
	SRunner *r;
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 600);
	tcase_add_loop_test(t, any_question, 0, 3);
	tcase_add_loop_test(t, without_tallies, 0, 2);
	tcase_add_loop_test(t, one_question, 0, (int)ARRAY_LEN(asked));
	tcase_add_test(t, other_tables);
	tcase_add_test(t, no_such_field);
	tcase_add_test(t, nothing_so_long);
	tcase_add_loop_test(t, it_stops_when_told, 0, 2);
	tcase_add_loop_test(t, damage_is_told, 0, (int)ARRAY_LEN(questions));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
