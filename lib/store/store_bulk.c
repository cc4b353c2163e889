#include "lib/store/store_bulk.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/store/store_inner.h"

struct bulk {
	struct store *s;
	const struct table *t;
	enum bulk_way way;
	MDB_txn *snapshot;
	MDB_cursor *cur; /* of the old rows */
	MDB_val k, v;	 /* the one that came last */
	struct map_walk walk;
	struct old_row old;
	struct buf out;
	struct tally_anew *tally; /* BULK_ANEW */
};

static int failed(struct bulk *b, int rc, struct err *e)
{
	return store_error(b->s, rc, b->t->name, e);
}

static int open_snapshot(struct bulk *b)
{
	MDB_dbi dbi = b->s->table_db[b->t->id];
	int rc = mdb_txn_begin(b->s->env, NULL, MDB_RDONLY, &b->snapshot);

	return rc ? rc : mdb_cursor_open(b->snapshot, dbi, &b->cur);
}

int bulk_begin(struct bulk **out, struct store *s, const struct table *t,
	       enum bulk_way way, struct err *e)
{
	struct bulk *b;
	int rc;

	*out = NULL;
	if (way != BULK_LOOK && memcmp(&s->now, &s->committed, sizeof(s->now)) != 0)
		bug("%s: rows were changed before all are gone through", s->path);
	if (table_check(s, t, e) < 0)
		return -1;
	b = mem_zalloc(sizeof(*b));
	b->s = s;
	b->t = t;
	b->way = way;
	buf_init(&b->out, ROW_BYTES);
	rc = open_snapshot(b);
	if (!rc && way == BULK_ANEW)
		rc = mdb_drop(s->wr, s->table_db[t->id], 0);
	if (!rc && way == BULK_ANEW)
		rc = tally_anew_begin(&b->tally, s, t);
	if (rc) {
		bulk_end(&b);
		return store_error(s, rc, t->name, e);
	}
	*out = b;
	return 0;
}

void bulk_end(struct bulk **bp)
{
	struct bulk *b = *bp;

	*bp = NULL;
	if (!b)
		return;
	if (b->cur)
		mdb_cursor_close(b->cur);
	if (b->snapshot)
		mdb_txn_abort(b->snapshot);
	buf_release(&b->out);
	free(b->tally);
	free(b);
}

int bulk_finish(struct bulk *b, struct err *e)
{
	int rc = b->tally ? tally_anew_end(b->tally) : 0;

	return rc ? failed(b, rc, e) : 0;
}

static struct str old_key(const struct bulk *b)
{
	return (struct str){ b->k.mv_data, b->k.mv_size };
}

int bulk_next(struct bulk *b, struct bulk_row *row, struct err *e)
{
	int rc = mdb_cursor_get(b->cur, &b->k, &b->v, MDB_NEXT);

	if (rc == MDB_NOTFOUND)
		return STORE_NONE;
	if (rc)
		return failed(b, rc, e);
	map_saw(b->s, &b->walk, b->v.mv_data);
	row->key = old_key(b);
	if (row_peek(NULL, (struct str){ b->v.mv_data, b->v.mv_size }, &row->live, NULL) < 0)
		return row_damaged(b->s, b->t, e);
	return 0;
}

static int write_bytes(struct bulk *b, struct str key, MDB_val v)
{
	MDB_val k = { key.n, (void *)(uintptr_t)key.p };
	unsigned flags = b->way == BULK_ANEW ? MDB_APPEND : 0;
	int rc = mdb_put(b->s->wr, b->s->table_db[b->t->id], &k, &v, flags);

	return rc || !b->tally ? rc : tally_anew_row(b->tally, &k, &v);
}

int bulk_keep(struct bulk *b, struct err *e)
{
	int rc = b->way == BULK_ANEW ? write_bytes(b, old_key(b), b->v) : 0;

	return rc ? failed(b, rc, e) : 0;
}

static int change(struct bulk *b, struct str key, const void *rec, struct err *e)
{
	int rc;

	if (b->way == BULK_LOOK)
		return 1;
	rc = row_change(b->s, b->t, key, &b->old, rec, &b->out);
	if (!rc)
		rc = write_bytes(b, key,
				 (MDB_val){ buf_len(&b->out),
					    (void *)(uintptr_t)buf_str(&b->out).p });
	return rc ? failed(b, rc, e) : 1;
}

static int take_old(struct bulk *b, struct err *e)
{
	struct str bytes = { b->v.mv_data, b->v.mv_size };

	return old_row_take(b->t, old_key(b), bytes, &b->old) < 0 ? row_damaged(b->s, b->t, e) : 0;
}

int bulk_drop(struct bulk *b, struct err *e)
{
	if (take_old(b, e) < 0)
		return -1;
	return b->old.live ? change(b, old_key(b), NULL, e) : bulk_keep(b, e);
}

int bulk_put(struct bulk *b, bool old, const void *rec, struct err *e)
{
	char bytes[KEY_MAX];
	struct str key = { bytes, 0 };

	if (record_key(b->t, rec, bytes, &key.n) < 0)
		return err_set(e, "%s: the key is empty or longer than %d bytes", b->t->name, KEY_MAX);
	if (!old)
		old_row_none(&b->old);
	else if (take_old(b, e) < 0)
		return -1;
	return old_row_same(b->t, &b->old, rec) ? bulk_keep(b, e) : change(b, key, rec, e);
}
