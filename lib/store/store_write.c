/* The one writer: a row, its stamps, its place in the index, all in one transaction. */
#include <errno.h>
#include <stdlib.h>

#include "lib/store/store_inner.h"


/* --- transactions --- */

int store_write_begin(struct store *s, int64_t wall_ms, struct err *e)
{
	int rc;

	if (s->wr)
		bug("%s: a write within a write", s->path); /* LMDB would wait for itself */
	if (s->branched)
		bug("%s: a write beside that of a branch", s->path);
	rc = mdb_txn_begin(s->env, NULL, 0, &s->wr);
	if (rc)
		return store_error(s, rc, "write", e);
	s->wall = wall_ms;
	s->now = s->committed;
	return 0;
}

void store_abort(struct store *s)
{
	if (!s->wr)
		return;
	mdb_txn_abort(s->wr);
	s->wr = NULL;
	s->now = s->committed;
	tally_forget(s);
}

/* The own entry of the version vector goes with the rows that it covers. */
static int put_vv(struct store *s)
{
	char key[8], bytes[8];
	MDB_val k = { 8, key }, v = { 8, bytes };

	u64_key(s->origin_index, key);
	u64_key(s->now.dot, bytes);
	return mdb_put(s->wr, s->db[DB_VV], &k, &v, 0);
}

static int put_marks(struct store *s)
{
	int rc;

	if (memcmp(&s->now, &s->committed, sizeof(s->now)) == 0)
		return 0; /* then LMDB has nothing to write either */
	if ((rc = meta_put(s, s->wr, "seq", s->now.seq)) ||
	    (rc = meta_put(s, s->wr, "clock", s->now.clock)) ||
	    (rc = meta_put(s, s->wr, "collected", s->now.collected)) ||
	    (rc = tally_mark(s, s->wr)))
		return rc;
	return put_vv(s);
}

int store_commit(struct store *s, struct err *e)
{
	int rc = tally_flush(s);

	for (int i = 0; i < TABLE_IDS; i++)
		if (s->tallied_apart[i])
			bug("%s: a table is not written to its end", s->path);
	if (!rc)
		rc = put_marks(s);
	if (rc) {
		store_abort(s);
		return store_error(s, rc, "commit", e);
	}
	rc = mdb_txn_commit(s->wr);
	s->wr = NULL;
	if (rc) {
		s->now = s->committed;
		return store_error(s, rc, "commit", e);
	}
	s->committed = s->now;
	return 0;
}

int store_sync(struct store *s, struct err *e)
{
	int rc = mdb_env_sync(s->env, 1);

	return rc ? store_error(s, rc, "sync", e) : 0;
}

/* --- stamps --- */

static uint64_t next_stamp(struct store *s, uint64_t row_stamp)
{
	uint64_t wall = (uint64_t)s->wall << 16;
	uint64_t t = s->now.clock + 1;

	if (wall > t)
		t = wall;
	if (row_stamp + 1 > t)
		t = row_stamp + 1; /* an edit beats what its editor saw */
	return s->now.clock = t;
}

/* --- domains: how many live addresses each has --- */

static int domain_count(struct store *s, const struct table *t, struct str key, int by)
{
	ptrdiff_t at = str_find(key, '@');
	MDB_val k, v;
	char bytes[8];
	uint64_t n = 0;
	int rc;

	if ((t != &table_accounts && t != &table_aliases) || at < 0)
		return 0;
	k = (MDB_val){ key.n - (size_t)at - 1, (void *)(uintptr_t)(key.p + at + 1) };
	if (k.mv_size == 0)
		return 0;
	rc = mdb_get(s->wr, s->db[DB_DOMAINS], &k, &v);
	if (rc && rc != MDB_NOTFOUND)
		return rc;
	if (rc == 0)
		n = key_u64(&v);
	n = by > 0 ? n + 1 : n ? n - 1 : 0;
	if (n == 0) {
		rc = mdb_del(s->wr, s->db[DB_DOMAINS], &k, NULL);
		return rc == MDB_NOTFOUND ? 0 : rc;
	}
	u64_key(n, bytes);
	v = (MDB_val){ 8, bytes };
	return mdb_put(s->wr, s->db[DB_DOMAINS], &k, &v, 0);
}

int store_domain(struct store *s, struct str domain, struct err *e)
{
	MDB_val k = { domain.n, (void *)(uintptr_t)domain.p }, v;
	int rc;

	if (domain.n == 0 || domain.n > KEY_MAX)
		return STORE_NONE;
	rc = mdb_get(store_txn(s), s->db[DB_DOMAINS], &k, &v);
	if (rc == MDB_NOTFOUND)
		return STORE_NONE;
	return rc ? store_error(s, rc, "domains", e) : 0;
}

int live_row(struct store *s, const struct table *t, struct str key, const void *was,
	     const void *is)
{
	int rc = t->compact ? 0 : tally_row(s, t, key, was, is);

	if (rc || !was == !is)
		return rc;
	rc = mirror_row(s, t, key, is != NULL);
	return rc ? rc : domain_count(s, t, key, is ? 1 : -1);
}

/* --- rows --- */

int old_row_take(const struct table *t, struct str key, struct str bytes, struct old_row *o)
{
	o->exists = true;
	if (row_decode(t, key, bytes, &o->rec, &o->meta) < 0)
		return -1;
	o->live = !o->meta.tombstone;
	return 0;
}

void old_row_none(struct old_row *o)
{
	o->exists = o->live = false;
	memset(&o->meta, 0, sizeof(o->meta));
}

bool old_row_same(const struct table *t, const struct old_row *o, const void *rec)
{
	if (!o->live)
		return false;
	for (unsigned i = 0; i < t->n_fields; i++)
		if (!field_same(&t->fields[i], &o->rec, rec))
			return false;
	return true;
}

/* copy: the old bytes, owned; a put may move the page they stand on. */
static int old_read(struct store *s, const struct table *t, struct str key, struct old_row *o,
		    char **copy, struct err *e)
{
	MDB_val k = { key.n, (void *)(uintptr_t)key.p }, v;
	int rc;

	*copy = NULL;
	old_row_none(o);
	if (table_check(s, t, e) < 0)
		return -1;
	rc = mdb_get(s->wr, s->table_db[t->id], &k, &v);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc)
		return store_error(s, rc, t->name, e);
	*copy = mem_alloc(v.mv_size);
	memcpy(*copy, v.mv_data, v.mv_size);
	if (old_row_take(t, key, (struct str){ *copy, v.mv_size }, o) == 0)
		return 0;
	free(*copy);
	*copy = NULL;
	return row_damaged(s, t, e);
}

static uint64_t stamp_of(const struct row_meta *m, uint8_t id)
{
	return m->field_stamp[id] ? m->field_stamp[id] : m->stamp;
}

/* Fields that stay keep their stamps, also at a default that nobody wrote down; those that
 * change, also back to the default, get the row's. */
static void stamp_fields(const struct table *t, const struct old_row *o, const void *rec,
			 struct row_meta *m)
{
	if (!t->field_stamps || !o->live)
		return;
	for (unsigned i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];

		m->field_stamp[f->id] = field_same(f, &o->rec, rec) ? stamp_of(&o->meta, f->id) :
								      m->stamp;
	}
}

/* Gives m its place: stamp, dot, sequence, and moves the index entry. */
static int number_row(struct store *s, const struct table *t, struct str key,
		      const struct old_row *o, struct row_meta *m)
{
	int rc;

	if (!t->replicated)
		return 0;
	m->stamp = next_stamp(s, o->exists ? o->meta.stamp : 0);
	m->origin = s->origin_index;
	m->dot = ++s->now.dot;
	m->seq = ++s->now.seq;
	if (o->exists && (rc = seq_drop(s, t, o->meta.seq)))
		return rc;
	return seq_add(s, t, key, m->seq);
}

int row_change(struct store *s, const struct table *t, struct str key, const struct old_row *o,
	       const void *rec, struct buf *out)
{
	struct row_meta m = { .tombstone = !rec };
	int rc;

	map_changed(s);
	rc = live_row(s, t, key, o->live ? &o->rec : NULL, rec);
	if (rc || (rc = number_row(s, t, key, o, &m)))
		return rc;
	if (rec) {
		stamp_fields(t, o, rec, &m);
		m.unknown = o->meta.unknown;
		m.unknown_stamp = t->field_stamps ? o->meta.stamp : 0;
		m.unknown_base = t->field_stamps ? o->meta.unknown_base : 0;
	}
	buf_consume(out, buf_len(out));
	return row_encode(t, rec ? rec : &o->rec, &m, out) < 0 ? ENOSPC : 0;
}

static int write_row(struct store *s, const struct table *t, struct str key,
		     const struct old_row *o, const void *rec)
{
	MDB_val k = { key.n, (void *)(uintptr_t)key.p }, v;
	struct buf b;
	int rc;

	buf_init(&b, ROW_BYTES);
	rc = row_change(s, t, key, o, rec, &b);
	if (!rc) {
		v = (MDB_val){ buf_len(&b), (void *)(uintptr_t)buf_str(&b).p };
		rc = mdb_put(s->wr, s->table_db[t->id], &k, &v, 0);
	}
	buf_release(&b);
	return rc;
}

int store_put(struct store *s, const struct table *t, const void *rec, struct err *e)
{
	struct old_row o;
	struct str key;
	char bytes[KEY_MAX], *copy;
	int rc = 0;

	key.p = bytes;
	if (record_key(t, rec, bytes, &key.n) < 0)
		return err_set(e, "%s: the key is empty or longer than %d bytes", t->name, KEY_MAX);
	if (old_read(s, t, key, &o, &copy, e) < 0)
		return -1;
	if (!old_row_same(t, &o, rec))
		rc = write_row(s, t, key, &o, rec);
	free(copy);
	return rc ? store_error(s, rc, t->name, e) : 0;
}

static int drop_row(struct store *s, const struct table *t, struct str key)
{
	MDB_val k = { key.n, (void *)(uintptr_t)key.p };

	return mdb_del(s->wr, s->table_db[t->id], &k, NULL);
}

static int bury_row(struct store *s, const struct table *t, struct str key, struct old_row *o)
{
	int rc;

	if (t->replicated)
		return write_row(s, t, key, o, NULL);
	rc = live_row(s, t, key, &o->rec, NULL);
	return rc ? rc : drop_row(s, t, key);
}

int store_delete(struct store *s, const struct table *t, struct str key, struct err *e)
{
	struct old_row o;
	char *copy;
	int rc = 0;

	if (t->compact) /* no tombstones there */
		return store_expire(s, t, key, e);
	if (key.n == 0 || key.n > KEY_MAX)
		return STORE_NONE;
	if (old_read(s, t, key, &o, &copy, e) < 0)
		return -1;
	if (o.live)
		rc = bury_row(s, t, key, &o);
	free(copy);
	if (rc)
		return store_error(s, rc, t->name, e);
	return o.live ? 0 : STORE_NONE;
}

int store_expire(struct store *s, const struct table *t, struct str key, struct err *e)
{
	struct old_row o;
	char *copy;
	int rc = 0;

	if (key.n == 0 || key.n > KEY_MAX)
		return STORE_NONE;
	if (old_read(s, t, key, &o, &copy, e) < 0)
		return -1;
	if (!o.exists)
		return STORE_NONE;
	if (o.live)
		rc = live_row(s, t, key, &o.rec, NULL);
	if (!rc && t->replicated)
		rc = seq_drop(s, t, o.meta.seq);
	if (!rc)
		rc = drop_row(s, t, key);
	free(copy);
	return rc ? store_error(s, rc, t->name, e) : 0;
}
