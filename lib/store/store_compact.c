/* The by-sequence index of compact tables: millions of rows, each of which would otherwise have an
 * entry as large as half of itself.
 *
 *   key    sequence / BUCKET
 *   value  entries by rising sequence, each of ENTRY bytes: sequence % BUCKET in the low five bits,
 *          the table's id in the high three; the row's key
 *
 * The newest bucket has its full size from the first entry on, the rest of it zero: so a page is
 * filled to its end and never cut in two. When the next one begins, it is cut to what it has; and
 * when entries go. */
#include <errno.h>

#include "lib/store/store_inner.h"

#define BUCKET_BITS 5
#define BUCKET (1u << BUCKET_BITS)
#define ENTRY (1 + COMPACT_KEY)
#define ID_MASK 7u

struct bucket {
	uint64_t number;
	size_t n; /* bytes in use */
	char bytes[BUCKET * ENTRY];
};

static char entry_head(const struct table *t, uint64_t seq)
{
	return (char)(seq % BUCKET | (t->id & ID_MASK) << BUCKET_BITS);
}

/* Bytes up to the first that is not in use. No entry begins with a zero, as no id is 0 modulo 8. */
static size_t used(struct str v)
{
	size_t n = 0;

	while (n + ENTRY <= v.n && v.p[n])
		n += ENTRY;
	return n;
}

static int bucket_get(struct store *s, uint64_t number, struct bucket *b)
{
	char key[8];
	MDB_val k = { 8, key }, v;
	int rc;

	u64_key(number, key);
	b->number = number;
	b->n = 0;
	rc = mdb_get(s->wr, s->db[DB_COMPACT], &k, &v);
	if (rc)
		return rc;
	if (v.mv_size > sizeof(b->bytes))
		return MDB_CORRUPTED;
	b->n = used((struct str){ v.mv_data, v.mv_size });
	memcpy(b->bytes, v.mv_data, b->n);
	return 0;
}

/* whole: in its full size. */
static int bucket_put(struct store *s, struct bucket *b, bool whole, unsigned flags)
{
	char key[8];
	MDB_val k = { 8, key }, v = { whole ? sizeof(b->bytes) : b->n, b->bytes };

	u64_key(b->number, key);
	if (b->n == 0 && !whole)
		return mdb_del(s->wr, s->db[DB_COMPACT], &k, NULL);
	memset(b->bytes + b->n, 0, sizeof(b->bytes) - b->n);
	return mdb_put(s->wr, s->db[DB_COMPACT], &k, &v, flags);
}

/* The one before the newest is cut to what it has. */
static int close_last(struct store *s)
{
	struct bucket b;
	MDB_cursor *cur;
	MDB_val k, v;
	int rc = mdb_cursor_open(s->wr, s->db[DB_COMPACT], &cur);

	if (rc)
		return rc;
	rc = mdb_cursor_get(cur, &k, &v, MDB_LAST);
	if (!rc)
		rc = bucket_get(s, key_u64(&k), &b);
	mdb_cursor_close(cur);
	if (rc)
		return rc == MDB_NOTFOUND ? 0 : rc;
	return b.n < sizeof(b.bytes) ? bucket_put(s, &b, false, 0) : 0;
}

int compact_add(struct store *s, const struct table *t, struct str row_key, uint64_t seq)
{
	struct bucket b;
	int rc = bucket_get(s, seq / BUCKET, &b);
	bool fresh = rc == MDB_NOTFOUND;

	if (row_key.n != COMPACT_KEY)
		return EINVAL;
	if (fresh)
		rc = close_last(s);
	if (rc)
		return rc;
	if (b.n == sizeof(b.bytes))
		return MDB_CORRUPTED;
	b.bytes[b.n] = entry_head(t, seq);
	memcpy(b.bytes + b.n + 1, row_key.p, COMPACT_KEY);
	b.n += ENTRY;
	return bucket_put(s, &b, true, fresh ? MDB_APPEND : 0);
}

int compact_drop(struct store *s, uint64_t seq)
{
	struct bucket b;
	int rc = bucket_get(s, seq / BUCKET, &b);

	if (rc)
		return rc == MDB_NOTFOUND ? 0 : rc;
	for (size_t i = 0; i < b.n; i += ENTRY) {
		if ((uint8_t)b.bytes[i] % BUCKET != seq % BUCKET)
			continue;
		b.n -= ENTRY;
		memmove(b.bytes + i, b.bytes + i + ENTRY, b.n - i);
		return bucket_put(s, &b, b.number == s->now.seq / BUCKET, 0);
	}
	return 0;
}

/* --- walking --- */

/* Takes the next entry of the bucket; false at its end. */
static bool take_entry(struct compact_walk *w)
{
	if (w->rest.n < ENTRY || !w->rest.p[0])
		return false;
	w->seq = w->first + (uint8_t)w->rest.p[0] % BUCKET;
	w->table = (uint8_t)w->rest.p[0] >> BUCKET_BITS;
	w->key = (struct str){ w->rest.p + 1, COMPACT_KEY };
	w->rest = str_skip(w->rest, ENTRY);
	return true;
}

static int next_bucket(struct compact_walk *w, MDB_val *k, MDB_cursor_op op)
{
	MDB_val v;
	int rc = mdb_cursor_get(w->cur, k, &v, op);

	if (rc)
		return rc;
	w->first = key_u64(k) * BUCKET;
	w->rest = (struct str){ v.mv_data, v.mv_size };
	return 0;
}

int compact_next(struct compact_walk *w)
{
	MDB_val k;
	int rc;

	while (!take_entry(w))
		if ((rc = next_bucket(w, &k, MDB_NEXT)))
			return rc;
	return 0;
}

int compact_begin(struct store *s, struct compact_walk *w, uint64_t from)
{
	char key[8];
	MDB_val k = { 8, key };
	int rc;

	*w = (struct compact_walk){ NULL };
	rc = mdb_cursor_open(store_txn(s), s->db[DB_COMPACT], &w->cur);
	if (rc)
		return rc;
	u64_key(from / BUCKET, key);
	rc = next_bucket(w, &k, MDB_SET_RANGE);
	while (!rc && !(rc = compact_next(w)) && w->seq < from)
		;
	return rc;
}

void compact_end(struct compact_walk *w)
{
	if (w->cur)
		mdb_cursor_close(w->cur);
	w->cur = NULL;
}
