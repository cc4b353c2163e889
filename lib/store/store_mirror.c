/* Rows of two key fields, found by the second one: a database of their keys the other way round,
 * behind the table's id. Kept with the rows, in the same transaction. */
#include <errno.h>
#include <stdlib.h>

#include "lib/store/store_inner.h"

#define MIRROR_MAX (KEY_MAX + 1)

/* "first NUL second" to "id second NUL first"; 0: no such key. */
static size_t mirrored(const struct table *t, struct str key, char out[MIRROR_MAX])
{
	ptrdiff_t nul = str_find(key, '\0');
	struct str second = str_skip(key, nul < 0 ? key.n : (size_t)nul + 1);

	if (nul < 0 || key.n + 1 > KEY_MAX)
		return 0;
	out[0] = (char)t->id;
	memcpy(out + 1, second.p, second.n);
	out[1 + second.n] = '\0';
	memcpy(out + 2 + second.n, key.p, (size_t)nul);
	return key.n + 1;
}

int mirror_row(struct store *s, const struct table *t, struct str key, bool live)
{
	char bytes[MIRROR_MAX];
	MDB_val k = { 0, bytes }, v = { 0, NULL };
	int rc;

	if (!t->mirrored)
		return 0;
	k.mv_size = mirrored(t, key, bytes);
	if (k.mv_size == 0)
		return EINVAL;
	if (live)
		return mdb_put(s->wr, s->db[DB_MIRROR], &k, &v, 0);
	rc = mdb_del(s->wr, s->db[DB_MIRROR], &k, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* --- walking it --- */

struct mirror_walk {
	struct store *s;
	const struct table *t;
	struct str prefix; /* id second NUL */
	store_visit *fn;
	void *arg;
};

/* The row of an entry, to fn. */
static int visit_entry(const struct mirror_walk *w, struct str first, struct err *e)
{
	struct str second = { w->prefix.p + 1, w->prefix.n - 1 }; /* with its NUL */
	char bytes[MIRROR_MAX];
	struct str key = { bytes, first.n + second.n };
	union any_record rec;
	struct row_meta m;
	int rc;

	memcpy(bytes, first.p, first.n);
	bytes[first.n] = '\0';
	memcpy(bytes + first.n + 1, second.p, second.n - 1);
	rc = store_get(w->s, w->t, key, &rec, &m, e);
	return rc == STORE_NONE ? 0 : rc < 0 ? -1 : w->fn(w->arg, &rec, &m);
}

static int walk(const struct mirror_walk *w, MDB_cursor *cur, struct err *e)
{
	MDB_val k = { w->prefix.n, (void *)(uintptr_t)w->prefix.p }, v;
	int rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE), stop = 0;

	for (; !rc && !stop; rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
		struct str at = { k.mv_data, k.mv_size };

		if (!str_starts(at, w->prefix))
			return 0;
		stop = visit_entry(w, str_skip(at, w->prefix.n), e);
	}
	return stop || rc == MDB_NOTFOUND ? stop : store_error(w->s, rc, "mirror", e);
}

int store_mirror(struct store *s, const struct table *t, struct str second, store_visit *fn,
		 void *arg, struct err *e)
{
	char prefix[MIRROR_MAX];
	struct mirror_walk w = { s, t, { prefix, second.n + 2 }, fn, arg };
	MDB_cursor *cur;
	int rc;

	if (table_check(s, t, e) < 0)
		return -1;
	if (!t->mirrored)
		bug("%s is not mirrored", t->name);
	if (w.prefix.n > KEY_MAX)
		return 0;
	prefix[0] = (char)t->id;
	memcpy(prefix + 1, second.p, second.n);
	prefix[1 + second.n] = '\0';
	rc = mdb_cursor_open(store_txn(s), s->db[DB_MIRROR], &cur);
	if (rc)
		return store_error(s, rc, "mirror", e);
	rc = walk(&w, cur, e);
	mdb_cursor_close(cur);
	return rc;
}
