/* Pages of a table, and how many rows match. See store_tally.c for the parts. */
#include "lib/store/store_inner.h"

struct search {
	struct store *s;
	const struct table *t;
	const struct field *box; /* NULL: any box */
	struct str boxid;
	struct str prefix; /* of keys; "": all */
	struct str within; /* keys; "": all */
	size_t pivot;	   /* the byte of within that is looked for first */
	struct str after;
	uint64_t skip; /* rows of the page to come that are passed over */
	unsigned left; /* rows still to be shown */
	store_visit *fn;
	void *arg;
	uint64_t total;
	MDB_cursor *cur; /* of the rows */
	struct err *e;
};

/* The keys from..to, "" being the end. */
struct part {
	struct str from, to;
	uint64_t rows; /* that match the box, when tallied */
	bool tallied;
};

/* --- rows --- */

/* memmem(3) takes twice the time where the text is this short. */
static bool is_within(const struct search *x, struct str key)
{
	struct str q = x->within;
	const char *p, *end; /* where the pivot may stand */

	if (q.n > key.n)
		return false;
	p = key.p + x->pivot;
	end = p + (key.n - q.n) + 1;
	while ((p = memchr(p, q.p[x->pivot], (size_t)(end - p)))) {
		if (memcmp(p - x->pivot, q.p, q.n) == 0)
			return true;
		p++;
	}
	return false;
}

/* The byte of q that addresses hold least often: most of them then are passed in one go. */
static size_t rarest(struct str q)
{
	static const char common[] = "eaoinrs.tl@mcdu1hgpb0yfkv23456789w-_jxzq"; /* descending */
	size_t best = 0, at = 0;

	for (size_t i = 0; i < q.n; i++) {
		const char *c = memchr(common, q.p[i], sizeof(common) - 1);
		size_t rank = c ? (size_t)(c - common) : sizeof(common);

		if (rank > best) {
			best = rank;
			at = i;
		}
	}
	return at;
}

/* 1: it matches; 0; -1: damaged. */
static int matches(struct search *x, struct str key, struct str row)
{
	struct str box = STR("");
	bool live;

	if (x->within.n > 0 && !is_within(x, key))
		return 0;
	if (row_peek(x->box, row, &live, &box) < 0)
		return row_damaged(x->s, x->t, x->e);
	return live && (!x->box || str_eq(tally_name(box), x->boxid));
}

static int show(struct search *x, struct str key, struct str row)
{
	union any_record rec;
	struct row_meta m;

	if (row_decode(x->t, key, row, &rec, &m) < 0)
		return row_damaged(x->s, x->t, x->e);
	x->left--;
	return x->fn(x->arg, &rec, &m);
}

/* One that matches takes its place in the page, if it has one. */
static int page_row(struct search *x, struct str key, struct str row)
{
	if (x->left == 0 || (x->after.n > 0 && str_cmp(key, x->after) <= 0))
		return 0;
	if (x->skip > 0) {
		x->skip--;
		return 0;
	}
	return show(x, key, row);
}

/* --- parts --- */

static struct str later(struct str a, struct str b)
{
	return str_cmp(a, b) >= 0 ? a : b;
}

/* Behind it: also behind the prefix. */
static bool is_past(const struct search *x, struct str key, struct str to)
{
	if (to.n > 0 && str_cmp(key, to) >= 0)
		return true;
	return x->prefix.n > 0 && !str_starts(key, x->prefix) && str_cmp(key, x->prefix) > 0;
}

static int walk_part(struct search *x, const struct part *p, bool count)
{
	struct str from = later(p->from, count ? x->prefix : later(x->prefix, x->after));
	MDB_val k = { from.n, (void *)(uintptr_t)from.p }, v;
	int rc = mdb_cursor_get(x->cur, &k, &v, from.n ? MDB_SET_RANGE : MDB_FIRST);

	for (; !rc; rc = mdb_cursor_get(x->cur, &k, &v, MDB_NEXT)) {
		struct str key = { k.mv_data, k.mv_size }, row = { v.mv_data, v.mv_size };
		int hit;

		if (is_past(x, key, p->to) || (!count && x->left == 0))
			return 0;
		hit = matches(x, key, row);
		x->total += count && hit > 0;
		if (hit > 0)
			hit = page_row(x, key, row);
		if (hit)
			return hit;
	}
	return rc == MDB_NOTFOUND ? 0 : store_error(x->s, rc, x->t->name, x->e);
}

/* Its keys all have the prefix: those at both ends do. */
static bool all_match(const struct search *x, const struct part *p)
{
	if (x->within.n > 0 || !p->tallied)
		return false;
	return x->prefix.n == 0 || (str_starts(p->from, x->prefix) && str_starts(p->to, x->prefix));
}

/* The page has no row in this part, of which all rows are known to match. */
static bool page_passes(struct search *x, const struct part *p)
{
	if (x->left == 0 || (p->to.n > 0 && str_cmp(p->to, x->after) <= 0))
		return true;
	if (x->skip < p->rows || (x->after.n > 0 && str_cmp(p->from, x->after) <= 0))
		return false;
	x->skip -= p->rows;
	return true;
}

static int search_part(struct search *x, const struct part *p)
{
	if (p->tallied && p->rows == 0)
		return 0;
	if (p->to.n > 0 && str_cmp(p->to, x->prefix) <= 0)
		return 0;
	if (is_past(x, p->from, STR("")))
		return 0;
	if (!all_match(x, p))
		return walk_part(x, p, true);
	x->total += p->rows;
	return page_passes(x, p) ? 0 : walk_part(x, p, false);
}

/* --- all parts of the table --- */

static uint64_t part_rows(const struct search *x, struct str value)
{
	uint64_t rows, sum = 0;
	struct str box;

	while (tally_next(&value, &rows, &box))
		if (!x->box || str_eq(box, x->boxid))
			sum += rows;
	return sum;
}

static int each_part(struct search *x, MDB_cursor *cur)
{
	char id = (char)x->t->id;
	MDB_val k = { 1, &id }, v;
	struct part p = { .tallied = true };
	int rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE), stop = 0;

	for (; !rc && *(const char *)k.mv_data == id; rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
		struct str from = { (const char *)k.mv_data + 1, k.mv_size - 1 };

		p.to = from;
		stop = from.n > 0 ? search_part(x, &p) : 0;
		if (stop)
			return stop;
		p.from = from;
		p.rows = part_rows(x, (struct str){ v.mv_data, v.mv_size });
	}
	if (rc && rc != MDB_NOTFOUND)
		return store_error(x->s, rc, "tallies", x->e);
	p.to = STR("");
	return search_part(x, &p);
}

static int search_parts(struct search *x, MDB_txn *txn)
{
	MDB_cursor *cur;
	int rc = mdb_cursor_open(txn, x->s->db[DB_TALLY], &cur);

	if (rc)
		return store_error(x->s, rc, "tallies", x->e);
	rc = each_part(x, cur);
	mdb_cursor_close(cur);
	return rc;
}

/* Without tallies, and where they are of no use, the table is one part. */
static int search_table(struct search *x)
{
	MDB_txn *txn = store_txn(x->s);
	bool sound;
	int rc = tally_sound(x->s, txn, &sound);

	if (!rc && x->s->wr)
		rc = tally_flush(x->s);
	if (!rc)
		rc = mdb_cursor_open(txn, x->s->table_db[x->t->id], &x->cur);
	if (rc)
		return store_error(x->s, rc, x->t->name, x->e);
	if (sound && (x->within.n == 0 || x->box))
		rc = search_parts(x, txn);
	else
		rc = walk_part(x, &(struct part){ 0 }, true);
	mdb_cursor_close(x->cur);
	return rc;
}

/* --- what is asked --- */

/* As the keys are kept. */
static void fold(const struct table *t, struct str *s, char folded[KEY_MAX])
{
	if (t->fields[0].kind != FK_ADDRESS)
		return;
	str_lower(folded, *s);
	s->p = folded;
}

/* A query that no key can match is one that nothing matches. */
static int take_query(struct search *x, const struct store_query *q, char folded[KEY_MAX])
{
	struct str query = q->query;
	bool begins = query.n > 0 && query.p[query.n - 1] == '*';

	query.n -= begins;
	if (query.n > KEY_MAX || q->boxid.n > TALLY_NAME_MAX)
		return STORE_NONE;
	fold(x->t, &query, folded);
	*(begins ? &x->prefix : &x->within) = query;
	x->pivot = rarest(x->within);
	return 0;
}

int store_search(struct store *s, const struct table *t, const struct store_query *q,
		 store_visit *fn, void *arg, uint64_t *total, struct err *e)
{
	char folded[KEY_MAX], after[KEY_MAX];
	struct search x = { .s = s, .t = t, .boxid = q->boxid, .after = q->after, .e = e };
	int rc;

	*total = 0;
	if (table_check(s, t, e) < 0)
		return -1;
	x.skip = q->offset;
	x.left = q->limit;
	x.fn = fn;
	x.arg = arg;
	x.box = q->boxid.n > 0 || q->boxless ? tally_field(s, t) : NULL;
	if ((q->boxid.n > 0 || q->boxless) && !x.box)
		return err_set(e, "%s: rows of this table have no boxid", t->name);
	if (x.after.n > KEY_MAX)
		x.after.n = KEY_MAX; /* no key lies between the two */
	fold(t, &x.after, after);
	if (take_query(&x, q, folded) == STORE_NONE)
		return 0;
	rc = search_table(&x);
	*total = x.total;
	return rc;
}

/* Every row of a compact table is live. */
static int count_compact(struct store *s, const struct table *t, uint64_t *n, struct err *e)
{
	MDB_stat st;
	int rc = mdb_stat(store_txn(s), s->table_db[t->id], &st);

	*n = rc ? 0 : st.ms_entries;
	return rc ? store_error(s, rc, t->name, e) : 0;
}

int store_count(struct store *s, const struct table *t, uint64_t *n, struct err *e)
{
	if (t->compact)
		return table_check(s, t, e) < 0 ? -1 : count_compact(s, t, n, e);
	return store_search(s, t, &(struct store_query){ .limit = 0 }, NULL, NULL, n, e);
}
