/* The by-sequence index: which row changed when, and tombstones, which are found through it. */
#include <stdlib.h>

#include "lib/store/store_inner.h"

#define COLLECT_LOOK 10000 /* entries looked at in one go: readers' pages wait that long */

/* --- entries --- */

int seq_drop(struct store *s, const struct table *t, uint64_t seq)
{
	char key[8];
	MDB_val k = { 8, key };
	int rc;

	if (t->compact)
		return compact_drop(s, seq);
	u64_key(seq, key);
	rc = mdb_del(s->wr, s->db[DB_SEQ], &k, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int seq_add(struct store *s, const struct table *t, struct str row_key, uint64_t seq)
{
	char key[8], value[KEY_MAX + 1];
	MDB_val k = { 8, key }, v = { row_key.n + 1, value };

	if (t->compact)
		return compact_add(s, t, row_key, seq);
	u64_key(seq, key);
	value[0] = (char)t->id;
	memcpy(value + 1, row_key.p, row_key.n);
	return mdb_put(s->wr, s->db[DB_SEQ], &k, &v, MDB_APPEND);
}

/* --- walking the index --- */

static const struct table *table_by_id(struct store *s, uint8_t id)
{
	for (int i = 0; s->tables[i]; i++)
		if (s->tables[i]->id == id)
			return s->tables[i];
	return NULL;
}

static const struct table *table_of_compact(struct store *s, unsigned id)
{
	for (int i = 0; s->tables[i]; i++)
		if (s->tables[i]->compact && s->tables[i]->id % 8u == id)
			return s->tables[i];
	return NULL;
}

/* Both indexes at once, in the order of sequences. */
struct seq_walk {
	MDB_cursor *cur;
	MDB_val k, v;
	int rc;		 /* of the cursor */
	struct compact_walk compact;
	int compact_rc;
};

static int walk_begin(struct store *s, struct seq_walk *w, uint64_t from)
{
	char key[8];

	w->k = (MDB_val){ 8, key };
	w->rc = mdb_cursor_open(store_txn(s), s->db[DB_SEQ], &w->cur);
	if (w->rc)
		return w->rc;
	u64_key(from, key);
	w->rc = mdb_cursor_get(w->cur, &w->k, &w->v, MDB_SET_RANGE);
	w->compact_rc = compact_begin(s, &w->compact, from);
	return 0;
}

static void walk_end(struct seq_walk *w)
{
	if (w->cur)
		mdb_cursor_close(w->cur);
	compact_end(&w->compact);
}

struct seq_entry {
	uint64_t seq;
	const struct table *t; /* NULL: not known here */
	struct str key;
};

/* The next entry of both: 0, MDB_NOTFOUND, or an error. */
static int walk_next(struct store *s, struct seq_walk *w, struct seq_entry *e)
{
	if (w->rc && w->rc != MDB_NOTFOUND)
		return w->rc;
	if (w->compact_rc && (w->compact_rc != MDB_NOTFOUND || w->rc))
		return w->compact_rc;
	if (w->rc || (!w->compact_rc && w->compact.seq < key_u64(&w->k))) {
		*e = (struct seq_entry){ w->compact.seq, table_of_compact(s, w->compact.table),
					 w->compact.key };
		w->compact_rc = compact_next(&w->compact);
		return 0;
	}
	*e = (struct seq_entry){ key_u64(&w->k), NULL, { NULL, 0 } };
	if (w->v.mv_size >= 2) {
		e->t = table_by_id(s, *(const uint8_t *)w->v.mv_data);
		e->key = (struct str){ (const char *)w->v.mv_data + 1, w->v.mv_size - 1 };
	}
	w->rc = mdb_cursor_get(w->cur, &w->k, &w->v, MDB_NEXT);
	return 0;
}

/* Row of an entry: its meta, or -1 when the row is not readable. */
static int entry_row(struct store *s, const struct seq_entry *e, struct row_meta *m)
{
	MDB_val k = { e->key.n, (void *)(uintptr_t)e->key.p }, row;

	if (!e->t || mdb_get(store_txn(s), s->table_db[e->t->id], &k, &row))
		return -1;
	return row_decode(e->t, e->key, (struct str){ row.mv_data, row.mv_size }, NULL, m);
}

int store_since(struct store *s, uint64_t after, store_seq_visit *fn, void *arg, struct err *e)
{
	struct seq_walk w = { .cur = NULL };
	struct seq_entry at;
	int rc = walk_begin(s, &w, after < UINT64_MAX ? after + 1 : after), stop = 0;

	while (!rc && !stop && !(rc = walk_next(s, &w, &at))) {
		struct row_meta m;

		if (entry_row(s, &at, &m) == 0)
			stop = fn(arg, at.seq, at.t, at.key, &m);
	}
	walk_end(&w);
	return rc && rc != MDB_NOTFOUND && !stop ? store_error(s, rc, "seq", e) : stop;
}

/* --- tombstones --- */

struct collect {
	struct store *s;
	uint64_t before; /* stamp */
	int looked, limit, n_old;
	uint64_t last; /* sequence of the last old one */
	struct {
		const struct table *t;
		char key[KEY_MAX];
		size_t n;
	} *old;
};

static int look_for_tombstone(void *arg, uint64_t seq, const struct table *t, struct str key,
			      const struct row_meta *m)
{
	struct collect *c = arg;

	c->s->collect_from = seq;
	if (m->tombstone && m->stamp < c->before) {
		c->last = seq;
		c->old[c->n_old].t = t;
		memcpy(c->old[c->n_old].key, key.p, key.n);
		c->old[c->n_old++].n = key.n;
	}
	return ++c->looked >= COLLECT_LOOK || c->n_old >= c->limit;
}

int store_collect(struct store *s, int64_t wall_ms, int64_t age_ms, int limit, struct err *e)
{
	struct collect c = { .s = s,
			     .before = wall_ms > age_ms ? (uint64_t)(wall_ms - age_ms) << 16 : 0,
			     .limit = limit,
			     .old = mem_alloc((size_t)limit * sizeof(*c.old)) };
	int rc = store_since(s, s->collect_from, look_for_tombstone, &c, e);

	if (rc == 0)
		s->collect_from = 0; /* once round */
	for (int i = 0; i < c.n_old && rc >= 0; i++)
		rc = store_expire(s, c.old[i].t, (struct str){ c.old[i].key, c.old[i].n }, e);
	if (c.last > s->now.collected)
		s->now.collected = c.last;
	free(c.old);
	return rc < 0 ? -1 : c.n_old;
}
