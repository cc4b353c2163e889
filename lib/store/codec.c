/* The stored form of a record: see schema.h. */
#include "lib/store/schema.h"

#define FLAG_TOMBSTONE 1u
#define FLAG_KEYLESS 2u
#define FLAG_BASE 4u
#define FORMAT_MAX 15 /* formats up to here keep the frame and may be read; beyond, not */

static int put_varint(struct buf *b, uint64_t v)
{
	while (v >= 0x80) {
		if (buf_addc(b, (char)(v | 0x80)) < 0)
			return -1;
		v >>= 7;
	}
	return buf_addc(b, (char)v);
}

static int put_u64(struct buf *b, uint64_t v)
{
	char p[8];

	for (int i = 0; i < 8; i++)
		p[i] = (char)(v >> (56 - 8 * i));
	return buf_add(b, (struct str){ p, 8 });
}

static int get_varint(struct str *in, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t c;

		if (in->n == 0)
			return -1;
		c = (uint8_t)in->p[0];
		if (shift == 63 && c > 1)
			return -1; /* more than 64 bits */
		*in = str_skip(*in, 1);
		*v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return 0;
	}
	return -1;
}

static int get_u64(struct str *in, uint64_t *v)
{
	if (in->n < 8)
		return -1;
	*v = 0;
	for (int i = 0; i < 8; i++)
		*v = *v << 8 | (uint8_t)in->p[i];
	*in = str_skip(*in, 8);
	return 0;
}

/* A number's bytes: zigzag varint, so that FIELD_EMPTY and negatives stay sound. */
static int put_value(const struct field *f, const void *rec, struct buf *out)
{
	char mem[10];
	struct buf num = { .mem = mem, .cap = sizeof(mem), .max = sizeof(mem) };
	struct str v;

	if (field_is_text(f->kind)) {
		v = field_str(f, rec);
	} else {
		uint64_t n = (uint64_t)field_num(f, rec);

		if (put_varint(&num, n << 1 ^ (0 - (n >> 63))) < 0)
			return -1;
		v = buf_str(&num);
	}
	return put_varint(out, v.n) < 0 || buf_add(out, v) < 0 ? -1 : 0;
}

/* --- stamps of fields: how far back from the row's --- */

/* A row's stamp, and the base that its absent fields have (0: none, they have the row's). */
struct stamps {
	uint64_t row, base;
};

static uint64_t stamp_of_field(const struct field *f, const struct row_meta *m)
{
	uint64_t stamp = m->field_stamp[f->id];

	return stamp && stamp < m->stamp ? stamp : m->stamp;
}

/* Without a base the difference; with one, 1 is the base and the others are one more. */
static uint64_t age_of(uint64_t stamp, const struct stamps *s)
{
	uint64_t back = stamp < s->row ? s->row - stamp : 0;

	if (!s->base || back == 0)
		return back;
	return stamp == s->base ? 1 : back + 1;
}

/* -1: before time. */
static int stamp_of_age(uint64_t age, const struct stamps *s, uint64_t *stamp)
{
	if (s->base && age == 1) {
		*stamp = s->base;
		return 0;
	}
	age -= s->base && age > 1;
	if (age > s->row)
		return -1;
	*stamp = s->row - age;
	return 0;
}

/* How a record is written. */
struct form {
	unsigned flags;
	uint64_t defaults; /* a bit for each field that is at its default, by place; no key */
	struct stamps stamps;
};

static unsigned defaults_of(const struct table *t, const struct row_meta *m, const struct form *x,
			    uint64_t stamp)
{
	unsigned n = 0;

	for (unsigned i = 0; i < t->n_fields; i++)
		n += x->defaults >> i & 1 && stamp_of_field(&t->fields[i], m) == stamp;
	return n;
}

/* A row that was changed once has the stamp of that change, and all its other fields that of
 * its birth. That is the base then, so that those at their defaults need no bytes. */
static void choose_base(const struct table *t, const struct row_meta *m, struct form *x)
{
	uint64_t oldest = m->stamp;

	for (unsigned i = 0; i < t->n_fields; i++) {
		uint64_t stamp = stamp_of_field(&t->fields[i], m);

		if (x->defaults >> i & 1 && stamp < oldest)
			oldest = stamp;
	}
	if (oldest == m->stamp ||
	    defaults_of(t, m, x, oldest) <= defaults_of(t, m, x, m->stamp))
		return;
	x->stamps.base = oldest;
	x->flags |= FLAG_BASE;
}

static struct form form_of(const struct table *t, const void *rec, const struct row_meta *m,
			   unsigned flags)
{
	struct form x = { .flags = flags, .stamps.row = m->stamp };

	if (m->tombstone) {
		x.flags |= FLAG_TOMBSTONE;
		return x;
	}
	for (unsigned i = 0; i < t->n_fields; i++)
		if (!(t->fields[i].flags & FF_KEY) && field_is_default(&t->fields[i], rec))
			x.defaults |= 1ull << i;
	choose_base(t, m, &x);
	return x;
}

/* Absent means at its default since the base, without one since the row's stamp; of a
 * tombstone nothing is kept but its key. So equal rows have equal bytes. */
static bool is_absent(const struct form *x, const struct field *f, unsigned i,
		      const struct row_meta *m)
{
	if (f->flags & FF_KEY)
		return x->flags & FLAG_KEYLESS;
	if (x->flags & FLAG_TOMBSTONE)
		return true;
	return x->defaults >> i & 1 &&
	       stamp_of_field(f, m) == (x->stamps.base ? x->stamps.base : x->stamps.row);
}

static int put_field(const struct field *f, const void *rec, uint64_t age, struct buf *out)
{
	if (put_varint(out, f->id) < 0 || put_varint(out, age) < 0)
		return -1;
	return put_value(f, rec, out);
}

/* One field as it is stored. */
struct raw_field {
	uint64_t id, age;
	struct str value;
};

static int get_raw(struct str *in, struct raw_field *r)
{
	uint64_t len;

	if (get_varint(in, &r->id) < 0 || get_varint(in, &r->age) < 0 ||
	    get_varint(in, &len) < 0 || len > in->n)
		return -1;
	r->value = (struct str){ in->p, (size_t)len };
	*in = str_skip(*in, (size_t)len);
	return 0;
}

static const struct field *field_by_id(const struct table *t, uint64_t id)
{
	/* Ids usually are places + 1. */
	if (id >= 1 && id <= t->n_fields && t->fields[id - 1].id == id)
		return &t->fields[id - 1];
	for (unsigned i = 0; i < t->n_fields; i++)
		if (t->fields[i].id == id)
			return &t->fields[i];
	return NULL;
}

/* The slice runs from the first unknown field to the last; known ones may stand between. Their
 * ages are those of the row they came with, which this row may be later than. */
static int put_unknown(const struct table *t, const struct row_meta *m, const struct form *x,
		       struct buf *out)
{
	struct stamps theirs = { m->unknown_stamp ? m->unknown_stamp : m->stamp, m->unknown_base };
	struct str in = m->unknown;
	struct raw_field r;
	uint64_t stamp;

	while (in.n > 0) {
		if (get_raw(&in, &r) < 0)
			return -1;
		if (field_by_id(t, r.id))
			continue;
		if (stamp_of_age(r.age, &theirs, &stamp) < 0 || put_varint(out, r.id) < 0 ||
		    put_varint(out, age_of(stamp, &x->stamps)) < 0 ||
		    put_varint(out, r.value.n) < 0 || buf_add(out, r.value) < 0)
			return -1;
	}
	return 0;
}

static int put_frame(const struct table *t, const struct row_meta *m, const struct form *x,
		     struct buf *out)
{
	if (buf_addc(out, (char)t->format) < 0 || buf_addc(out, (char)x->flags) < 0 ||
	    put_varint(out, m->seq) < 0 || put_u64(out, m->stamp) < 0 ||
	    put_varint(out, m->origin) < 0 || put_varint(out, m->dot) < 0)
		return -1;
	return x->stamps.base ? put_varint(out, m->stamp - x->stamps.base) : 0;
}

static int encode(const struct table *t, const void *rec, const struct row_meta *m, unsigned flags,
		  struct buf *out)
{
	struct form x = form_of(t, rec, m, flags);

	if (put_frame(t, m, &x, out) < 0)
		return -1;
	for (unsigned i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];
		uint64_t age = age_of(stamp_of_field(f, m), &x.stamps);

		if (!is_absent(&x, f, i, m) && put_field(f, rec, age, out) < 0)
			return -1;
	}
	return put_unknown(t, m, &x, out);
}

int record_encode(const struct table *t, const void *rec, const struct row_meta *m, struct buf *out)
{
	return encode(t, rec, m, 0, out);
}

int row_encode(const struct table *t, const void *rec, const struct row_meta *m, struct buf *out)
{
	return encode(t, rec, m, FLAG_KEYLESS, out);
}

static int get_value(const struct field *f, struct str v, void *rec)
{
	char *at = (char *)rec + f->offset;
	uint64_t z;
	int64_t n;

	if (field_is_text(f->kind)) {
		memcpy(at, &v, sizeof(v));
		return 0;
	}
	if (get_varint(&v, &z) < 0 || v.n != 0)
		return -1;
	n = (int64_t)(z >> 1 ^ (0 - (z & 1)));
	memcpy(at, &n, sizeof(n));
	return 0;
}

static int get_field(const struct table *t, struct str *in, const struct stamps *s, void *rec,
		     struct row_meta *m)
{
	const char *from = in->p;
	const struct field *f;
	struct raw_field r;
	uint64_t stamp;

	if (get_raw(in, &r) < 0 || stamp_of_age(r.age, s, &stamp) < 0)
		return -1;
	f = field_by_id(t, r.id);
	if (f) {
		m->field_stamp[f->id] = stamp;
		return rec ? get_value(f, r.value, rec) : 0;
	}
	if (m->unknown.n == 0)
		m->unknown.p = from;
	m->unknown.n = (size_t)(in->p - m->unknown.p);
	return 0;
}

/* What stands in front of the fields. */
static int get_frame(struct str *in, struct row_meta *m, unsigned *flags, struct stamps *s)
{
	uint64_t origin, back = 0;

	if (in->n < 2 || in->p[0] < 1 || in->p[0] > FORMAT_MAX)
		return -1;
	*flags = (uint8_t)in->p[1];
	m->tombstone = *flags & FLAG_TOMBSTONE;
	*in = str_skip(*in, 2);
	if (get_varint(in, &m->seq) < 0 || get_u64(in, &m->stamp) < 0 ||
	    get_varint(in, &origin) < 0 || origin > UINT32_MAX || get_varint(in, &m->dot) < 0)
		return -1;
	m->origin = (uint32_t)origin;
	if (*flags & FLAG_BASE && (get_varint(in, &back) < 0 || back > m->stamp))
		return -1;
	*s = (struct stamps){ m->stamp, *flags & FLAG_BASE ? m->stamp - back : 0 };
	return 0;
}

int row_peek(const struct field *f, struct str in, bool *live, struct str *value)
{
	struct row_meta m;
	struct raw_field r;
	struct stamps stamps;
	unsigned flags;

	if (in.n < 2)
		return -1;
	*live = !((uint8_t)in.p[1] & FLAG_TOMBSTONE);
	if (!f || !*live)
		return 0;
	if (get_frame(&in, &m, &flags, &stamps) < 0)
		return -1;
	*value = str_z(f->dflt);
	while (in.n > 0) {
		if (get_raw(&in, &r) < 0)
			return -1;
		if (r.id == f->id) {
			*value = r.value;
			return 0;
		}
	}
	return 0;
}

/* The key fields, as record_key joined them. */
static int fields_of_key(const struct table *t, struct str key, void *rec)
{
	struct str one;

	if (!key.p)
		return -1; /* a row without its key */
	for (unsigned i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];

		if (!(f->flags & FF_KEY))
			continue;
		if (f->kind == FK_BYTES) { /* any bytes, a NUL too: all of it */
			one = key;
			key.p = NULL;
		} else if (!str_split(&key, '\0', &one)) {
			return -1;
		}
		if (get_value(f, one, rec) < 0)
			return -1;
	}
	return key.p ? -1 : 0; /* one field more */
}

int row_decode(const struct table *t, struct str key, struct str in, void *rec, struct row_meta *m)
{
	struct row_meta own;
	struct stamps stamps;
	unsigned flags;

	if (!m)
		m = &own;
	memset(m, 0, sizeof(*m));
	if (rec)
		record_defaults(t, rec);
	if (get_frame(&in, m, &flags, &stamps) < 0)
		return -1;
	m->unknown_stamp = m->stamp;
	m->unknown_base = stamps.base;
	for (unsigned i = 0; i < t->n_fields && stamps.base; i++)
		m->field_stamp[t->fields[i].id] = stamps.base;
	while (in.n > 0)
		if (get_field(t, &in, &stamps, rec, m) < 0)
			return -1;
	return rec && flags & FLAG_KEYLESS ? fields_of_key(t, key, rec) : 0;
}

int record_decode(const struct table *t, struct str in, void *rec, struct row_meta *m)
{
	return row_decode(t, (struct str){ NULL, 0 }, in, rec, m);
}
