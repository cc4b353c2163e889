/* How many live rows there are, so that nobody need walk them to know.
 *
 * A table is kept in parts of some thousand rows, in the order of keys. In the database
 * "tallies", each part that has live rows has one entry:
 *   key    table id (1 byte), the part's first possible key (empty for the first part)
 *   value  for each boxid among its rows: u32 rows, u8 length, boxid
 * A part reaches to the next part of the same table. Tables without a boxid count all their
 * rows under the empty one.
 *
 * What changes is gathered for one part at a time in memory (struct tally) and written when
 * another part is touched, and at commit: a load in key order costs one write a part. A part
 * that has grown too large is then cut into new ones by walking its rows. */
#include <errno.h>
#include <stdlib.h>

#include "lib/store/store_inner.h"

#define PART_ROWS \
	1024 /* of a new part: so many rows are walked at either end of a range */
#define PART_MOST (2 * PART_ROWS)
#define SLOTS 512 /* of a hash table of boxids; a power of two */
#define SLOTS_USED 384
#define ENTRY_HEAD 5 /* u32, u8 */

struct slot {
	int64_t by;
	uint8_t n;
	bool used;
	char name[TALLY_NAME_MAX];
};

struct tally {
	struct slot slot[SLOTS];
	uint16_t used[SLOTS_USED];
	unsigned n_used;
	/* The part they belong to. */
	const struct table *t; /* NULL: none */
	size_t from_n, to_n;   /* to_n 0: up to the end */
	char from[KEY_MAX], to[KEY_MAX];
};

struct tally *tally_new(void)
{
	return mem_zalloc(sizeof(struct tally));
}

/* --- changes by boxid --- */

static struct slot *slot_of(struct tally *c, struct str box)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < box.n; i++)
		h = (h ^ (uint8_t)box.p[i]) * 16777619u;
	for (h ^= h >> 15;; h++) {
		struct slot *s = &c->slot[h % SLOTS];

		if (!s->used || (s->n == box.n && memcmp(s->name, box.p, box.n) == 0))
			return s;
	}
}

static void slot_add(struct tally *c, struct str box, int64_t by)
{
	struct slot *s = slot_of(c, box);

	if (!s->used) {
		s->used = true;
		s->n = (uint8_t)box.n;
		memcpy(s->name, box.p, box.n);
		c->used[c->n_used++] = (uint16_t)(s - c->slot);
	}
	s->by += by;
}

static bool slots_full(const struct tally *c)
{
	return c->n_used + 2 > SLOTS_USED; /* a row that moves takes two */
}

static void slots_clear(struct tally *c)
{
	while (c->n_used > 0) {
		struct slot *s = &c->slot[c->used[--c->n_used]];

		s->used = false;
		s->by = 0;
	}
}

/* --- entries --- */

static void put_u32(uint32_t v, char *p)
{
	for (int i = 0; i < 4; i++)
		p[i] = (char)(v >> (24 - 8 * i));
}

static size_t part_key(const struct table *t, struct str from, char key[KEY_MAX])
{
	key[0] = (char)t->id;
	if (from.n > 0)
		memcpy(key + 1, from.p, from.n);
	return from.n + 1;
}

bool tally_next(struct str *value, uint64_t *rows, struct str *box)
{
	MDB_val n = { 4, (void *)(uintptr_t)value->p };

	if (value->n < ENTRY_HEAD || value->n - ENTRY_HEAD < (uint8_t)value->p[4])
		return false;
	*rows = key_u64(&n);
	*box = (struct str){ value->p + ENTRY_HEAD, (uint8_t)value->p[4] };
	*value = str_skip(*value, ENTRY_HEAD + box->n);
	return true;
}

static int add_entry(struct buf *b, struct str box, uint64_t rows)
{
	char head[ENTRY_HEAD];

	put_u32((uint32_t)rows, head);
	head[4] = (char)box.n;
	return buf_add(b, (struct str){ head, sizeof(head) }) < 0 || buf_add(b, box) < 0 ? ENOSPC : 0;
}

/* What is left in the slots goes behind. */
static int add_slots(struct tally *c, struct buf *b, uint64_t *total)
{
	int rc = 0;

	for (unsigned i = 0; i < c->n_used && !rc; i++) {
		struct slot *s = &c->slot[c->used[i]];

		if (s->by <= 0)
			continue;
		*total += (uint64_t)s->by;
		rc = add_entry(b, (struct str){ s->name, s->n }, (uint64_t)s->by);
	}
	return rc;
}

/* What was stored, with the changes of the slots. */
static int merge(struct tally *c, struct str stored, struct buf *b, uint64_t *total)
{
	struct str box;
	uint64_t rows;
	int rc = 0;

	while (!rc && tally_next(&stored, &rows, &box)) {
		struct slot *s = slot_of(c, box);
		int64_t n = (int64_t)rows + s->by;

		s->by = 0; /* of an unused one it is */
		if (n <= 0)
			continue;
		*total += (uint64_t)n;
		rc = add_entry(b, box, (uint64_t)n);
	}
	return rc ? rc : add_slots(c, b, total);
}

static int write_part(struct store *s, MDB_txn *txn, const struct table *t,
		      struct str from, struct str value)
{
	char key[KEY_MAX];
	MDB_val k = { part_key(t, from, key), key };
	MDB_val v = { value.n, (void *)(uintptr_t)value.p };
	int rc;

	if (value.n > 0)
		return mdb_put(txn, s->db[DB_TALLY], &k, &v, 0);
	rc = mdb_del(txn, s->db[DB_TALLY], &k, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* --- cutting: the rows of a part are walked and tallied anew --- */

struct cut {
	struct store *s;
	MDB_txn *txn;
	struct tally *c; /* its slots alone */
	const struct table *t;
	struct str to; /* empty: the end */
	char from[KEY_MAX];
	size_t from_n;
	uint64_t rows;
};

static int cut_here(struct cut *x)
{
	struct tally *c = x->c;
	struct buf b;
	int rc;

	buf_init(&b, TALLY_VALUE_MAX);
	x->rows = 0;
	rc = add_slots(c, &b, &x->rows);
	if (!rc)
		rc = write_part(x->s, x->txn, x->t, (struct str){ x->from, x->from_n }, buf_str(&b));
	buf_release(&b);
	slots_clear(c);
	x->rows = 0;
	return rc;
}

static int cut_row(struct cut *x, const MDB_val *k, const MDB_val *v)
{
	struct tally *c = x->c;
	struct str box = STR(""), row = { v->mv_data, v->mv_size };
	bool live = true;
	int rc;

	if (row_peek(tally_field(x->s, x->t), row, &live, &box) == 0 && !live)
		return 0; /* a damaged one counts until somebody reads it */
	if ((x->rows >= PART_ROWS || slots_full(c)) && k->mv_size < KEY_MAX) {
		rc = cut_here(x);
		if (rc)
			return rc;
		x->from_n = k->mv_size;
		memcpy(x->from, k->mv_data, k->mv_size);
	}
	if (c->n_used < SLOTS_USED)
		slot_add(c, tally_name(box), 1);
	x->rows++;
	return 0;
}

static int cut_rows(struct cut *x, MDB_cursor *cur)
{
	MDB_val k = { x->from_n, x->from }, v;
	int rc = mdb_cursor_get(cur, &k, &v, x->from_n ? MDB_SET_RANGE : MDB_FIRST);

	for (; !rc; rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
		if (x->to.n && str_cmp((struct str){ k.mv_data, k.mv_size }, x->to) >= 0)
			break;
		rc = cut_row(x, &k, &v);
		if (rc)
			return rc;
	}
	return rc && rc != MDB_NOTFOUND ? rc : cut_here(x);
}

/* The slots must be empty. */
static int cut_part(struct store *s, MDB_txn *txn, const struct table *t, struct str from, struct str to)
{
	struct cut x = { .s = s, .txn = txn, .c = s->tally, .t = t, .to = to, .from_n = from.n };
	MDB_cursor *cur;
	int rc = mdb_cursor_open(txn, s->table_db[t->id], &cur);

	if (rc)
		return rc;
	if (from.n > 0)
		memcpy(x.from, from.p, from.n);
	rc = cut_rows(&x, cur);
	mdb_cursor_close(cur);
	return rc;
}

/* --- the part that is open --- */

static bool part_covers(const struct tally *c, const struct table *t, struct str key)
{
	return c->t == t && str_cmp(key, (struct str){ c->from, c->from_n }) >= 0 &&
	       (c->to_n == 0 || str_cmp(key, (struct str){ c->to, c->to_n }) < 0);
}

static bool entry_is_of(const MDB_val *k, const struct table *t)
{
	return k->mv_size > 0 && *(const uint8_t *)k->mv_data == t->id;
}

/* The entry at or before the key bounds the part below, the one behind above. */
static int part_bounds(struct tally *c, const struct table *t, MDB_cursor *cur, MDB_val *k)
{
	MDB_val at = *k, v;
	int rc = mdb_cursor_get(cur, k, &v, MDB_SET_RANGE);
	bool exact = rc == 0 && k->mv_size == at.mv_size &&
		     memcmp(k->mv_data, at.mv_data, at.mv_size) == 0;

	if (rc == 0 && !exact && entry_is_of(k, t)) {
		c->to_n = k->mv_size - 1;
		memcpy(c->to, (const char *)k->mv_data + 1, c->to_n);
	}
	if (!exact)
		rc = mdb_cursor_get(cur, k, &v, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
	if (rc == 0 && entry_is_of(k, t)) {
		c->from_n = k->mv_size - 1;
		memcpy(c->from, (const char *)k->mv_data + 1, c->from_n);
	}
	if (exact && (rc = mdb_cursor_get(cur, k, &v, MDB_NEXT)) == 0 && entry_is_of(k, t)) {
		c->to_n = k->mv_size - 1;
		memcpy(c->to, (const char *)k->mv_data + 1, c->to_n);
	}
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int part_open(struct store *s, const struct table *t, struct str key)
{
	struct tally *c = s->tally;
	char bytes[KEY_MAX];
	MDB_val k;
	MDB_cursor *cur;
	int rc = mdb_cursor_open(s->wr, s->db[DB_TALLY], &cur);

	if (rc)
		return rc;
	key.n = key.n < KEY_MAX ? key.n : KEY_MAX - 1; /* no part begins with a longer one */
	k = (MDB_val){ part_key(t, key, bytes), bytes };
	c->from_n = c->to_n = 0;
	rc = part_bounds(c, t, cur, &k);
	mdb_cursor_close(cur);
	c->t = rc ? NULL : t;
	return rc;
}

/* Writes what was gathered; the part is too large: cuts it. */
static int part_write(struct store *s, struct str stored)
{
	struct tally *c = s->tally;
	struct str from = { c->from, c->from_n };
	uint64_t total = 0;
	struct buf b;
	int rc;

	buf_init(&b, TALLY_VALUE_MAX);
	rc = merge(c, stored, &b, &total);
	slots_clear(c);
	if (!rc && total > PART_MOST)
		rc = cut_part(s, s->wr, c->t, from, (struct str){ c->to, c->to_n });
	else if (!rc)
		rc = write_part(s, s->wr, c->t, from, buf_str(&b));
	buf_release(&b);
	return rc;
}

int tally_flush(struct store *s)
{
	struct tally *c = s->tally;
	char key[KEY_MAX];
	MDB_val k, v = { 0, NULL };
	int rc;

	if (!c->t)
		return 0;
	if (c->n_used > 0) {
		k = (MDB_val){ part_key(c->t, (struct str){ c->from, c->from_n }, key), key };
		rc = mdb_get(s->wr, s->db[DB_TALLY], &k, &v);
		if (rc && rc != MDB_NOTFOUND)
			return rc;
		rc = part_write(s, (struct str){ v.mv_data, rc ? 0 : v.mv_size });
		if (rc)
			return rc;
	}
	c->t = NULL;
	return 0;
}

void tally_forget(struct store *s)
{
	memset(s->tallied_apart, 0, sizeof(s->tallied_apart));
	if (s->tally) {
		slots_clear(s->tally);
		s->tally->t = NULL;
	}
}

/* --- rows come, go, and move between boxes --- */

const struct field *tally_field(struct store *s, const struct table *t)
{
	return s->box_field[t->id];
}

struct str tally_name(struct str box)
{
	return (struct str){ box.p, box.n < TALLY_NAME_MAX ? box.n : TALLY_NAME_MAX };
}

static struct str box_of(struct store *s, const struct table *t, const void *rec)
{
	const struct field *f = tally_field(s, t);

	return f ? tally_name(field_str(f, rec)) : STR("");
}

int tally_row(struct store *s, const struct table *t, struct str key, const void *was, const void *is)
{
	struct str old = was ? box_of(s, t, was) : STR(""), new = is ? box_of(s, t, is) : STR("");
	int rc;

	if (s->tallied_apart[t->id] || (was && is && str_eq(old, new)))
		return 0;
	if (!part_covers(s->tally, t, key) || slots_full(s->tally)) {
		if ((rc = tally_flush(s)) || (rc = part_open(s, t, key)))
			return rc;
	}
	if (was)
		slot_add(s->tally, old, -1);
	if (is)
		slot_add(s->tally, new, 1);
	return 0;
}

/* --- a table that is written anew, in key order: what is counted of it would be cut by walking
 * rows that are not all there yet --- */

struct tally_anew {
	struct cut cut;
	struct tally slots;
};

static int drop_parts(struct store *s, const struct table *t)
{
	char id = (char)t->id;
	MDB_val k, v;
	MDB_cursor *cur;
	int rc = mdb_cursor_open(s->wr, s->db[DB_TALLY], &cur);

	if (rc)
		return rc;
	while (!rc) {
		k = (MDB_val){ 1, &id };
		rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
		if (!rc && !entry_is_of(&k, t))
			break;
		rc = rc ? rc : mdb_cursor_del(cur, 0);
	}
	mdb_cursor_close(cur);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int tally_anew_begin(struct tally_anew **out, struct store *s, const struct table *t)
{
	int rc = tally_flush(s);
	struct tally_anew *a;

	*out = NULL;
	if (rc || (rc = drop_parts(s, t)))
		return rc;
	a = mem_zalloc(sizeof(*a));
	a->cut = (struct cut){ .s = s, .txn = s->wr, .c = &a->slots, .t = t };
	s->tallied_apart[t->id] = true;
	*out = a;
	return 0;
}

int tally_anew_row(struct tally_anew *a, const MDB_val *k, const MDB_val *v)
{
	return cut_row(&a->cut, k, v);
}

int tally_anew_end(struct tally_anew *a)
{
	a->cut.s->tallied_apart[a->cut.t->id] = false;
	return cut_here(&a->cut);
}

/* --- all of it: a store that was written without them --- */

int tally_make(struct store *s, MDB_txn *txn)
{
	int rc = mdb_drop(txn, s->db[DB_TALLY], 0);

	for (int i = 0; s->tables[i] && !rc; i++)
		rc = s->tables[i]->compact ? 0 : cut_part(s, txn, s->tables[i], STR(""), STR(""));
	return rc ? rc : tally_mark(s, txn);
}

/* One more than the last sequence number that they cover: what a version that does not know
 * them has written since shows as another number. */
int tally_mark(struct store *s, MDB_txn *txn)
{
	return meta_put(s, txn, "tallied", s->now.seq + 1);
}

int tally_sound(struct store *s, MDB_txn *txn, bool *sound)
{
	uint64_t tallied, seq;
	int rc;

	*sound = false;
	if (!s->db[DB_TALLY])
		return 0;
	if ((rc = meta_get(s, txn, "tallied", &tallied)) || (rc = meta_get(s, txn, "seq", &seq)))
		return rc;
	*sound = tallied == seq + 1;
	return 0;
}
