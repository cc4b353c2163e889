/* The stored form of a record: see schema.h. */
#include "lib/store/schema.h"

#define FLAG_TOMBSTONE 1u
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

static int put_field(const struct field *f, const void *rec, const struct row_meta *m,
		     struct buf *out)
{
	uint64_t stamp = m->field_stamp[f->id];
	uint64_t back = stamp && stamp < m->stamp ? m->stamp - stamp : 0;

	if (put_varint(out, f->id) < 0 || put_varint(out, back) < 0)
		return -1;
	return put_value(f, rec, out);
}

int record_encode(const struct table *t, const void *rec, const struct row_meta *m, struct buf *out)
{
	if (buf_addc(out, (char)t->format) < 0 ||
	    buf_addc(out, m->tombstone ? (char)FLAG_TOMBSTONE : 0) < 0 ||
	    put_varint(out, m->seq) < 0 || put_u64(out, m->stamp) < 0 ||
	    put_varint(out, m->origin) < 0 || put_varint(out, m->dot) < 0)
		return -1;
	for (unsigned i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];
		/* A default that was set back later than the row keeps its stamp, too. */
		bool plain = field_is_default(f, rec) && m->field_stamp[f->id] == 0;

		if (m->tombstone ? !(f->flags & FF_KEY) : plain)
			continue;
		if (put_field(f, rec, m, out) < 0)
			return -1;
	}
	return buf_add(out, m->unknown);
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

static int get_field(const struct table *t, struct str *in, void *rec, struct row_meta *m)
{
	struct str from = *in;
	uint64_t id, back, len;
	const struct field *f;

	if (get_varint(in, &id) < 0 || get_varint(in, &back) < 0 || get_varint(in, &len) < 0 ||
	    len > in->n)
		return -1;
	f = field_by_id(t, id);
	if (f) {
		m->field_stamp[f->id] = m->stamp - back;
		if (rec && get_value(f, (struct str){ in->p, (size_t)len }, rec) < 0)
			return -1;
		*in = str_skip(*in, (size_t)len);
		return 0;
	}
	*in = str_skip(*in, (size_t)len);
	if (m->unknown.n == 0)
		m->unknown.p = from.p;
	m->unknown.n = (size_t)(in->p - m->unknown.p);
	return 0;
}

int record_decode(const struct table *t, struct str in, void *rec, struct row_meta *m)
{
	struct row_meta own;
	uint64_t origin;
	uint8_t flags;

	if (!m)
		m = &own;
	memset(m, 0, sizeof(*m));
	if (rec)
		record_defaults(t, rec);
	if (in.n < 2 || in.p[0] < 1 || in.p[0] > FORMAT_MAX)
		return -1;
	flags = (uint8_t)in.p[1];
	m->tombstone = flags & FLAG_TOMBSTONE;
	in = str_skip(in, 2);
	if (get_varint(&in, &m->seq) < 0 || get_u64(&in, &m->stamp) < 0 ||
	    get_varint(&in, &origin) < 0 || origin > UINT32_MAX || get_varint(&in, &m->dot) < 0)
		return -1;
	m->origin = (uint32_t)origin;
	while (in.n > 0)
		if (get_field(t, &in, rec, m) < 0)
			return -1;
	return 0;
}
