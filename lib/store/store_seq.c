/* The by-sequence index: which row changed when, and tombstones, which are found through it. */
#include <stdlib.h>

#include "lib/store/store_inner.h"

#define COLLECT_LOOK 10000 /* entries looked at in one go: readers' pages wait that long */

/* --- entries --- */

int seq_drop(struct store *s, uint64_t seq)
{
	char key[8];
	MDB_val k = { 8, key };
	int rc;

	u64_key(seq, key);
	rc = mdb_del(s->wr, s->db[DB_SEQ], &k, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int seq_add(struct store *s, const struct table *t, struct str row_key, uint64_t seq)
{
	char key[8], value[KEY_MAX + 1];
	MDB_val k = { 8, key }, v = { row_key.n + 1, value };

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

/* Row of an index entry: its meta, or -1 when the row is not readable. */
static int entry_row(struct store *s, const MDB_val *v, const struct table **t, struct str *key,
		     struct row_meta *m)
{
	MDB_val k, row;

	if (v->mv_size < 2)
		return -1;
	*t = table_by_id(s, *(const uint8_t *)v->mv_data);
	*key = (struct str){ (const char *)v->mv_data + 1, v->mv_size - 1 };
	if (!*t)
		return -1;
	k = (MDB_val){ key->n, (void *)(uintptr_t)key->p };
	if (mdb_get(store_txn(s), s->table_db[(*t)->id], &k, &row))
		return -1;
	return row_decode(*t, *key, (struct str){ row.mv_data, row.mv_size }, NULL, m);
}

int store_since(struct store *s, uint64_t after, store_seq_visit *fn, void *arg, struct err *e)
{
	MDB_cursor *cur;
	char from[8];
	MDB_val k = { 8, from }, v;
	int rc = mdb_cursor_open(store_txn(s), s->db[DB_SEQ], &cur), stop = 0;

	if (rc)
		return store_error(s, rc, "seq", e);
	u64_key(after < UINT64_MAX ? after + 1 : after, from);
	for (rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE); !rc && !stop;
	     rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
		const struct table *t;
		struct str key;
		struct row_meta m;

		if (entry_row(s, &v, &t, &key, &m) == 0)
			stop = fn(arg, key_u64(&k), t, key, &m);
	}
	mdb_cursor_close(cur);
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
