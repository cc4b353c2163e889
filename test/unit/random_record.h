/* random_record: values of every kind of field, drawn by the seed of property.h: short and
 * long, plain and hostile, with the ends of each range often. Each is one that field_parse
 * takes; a record made of them may go into any store.
 * Memory: texts live in the caller's arena. */
#ifndef PB_TEST_RANDOM_RECORD_H
#define PB_TEST_RANDOM_RECORD_H

#include <inttypes.h>
#include <stdio.h>

#include "lib/store/tables.h"
#include "unit/property.h"

#define RR_DATE_MAX 253402300799000LL /* 9999-12-31T23:59:59Z */

static const struct table *const all_tables[] = { &table_accounts, &table_aliases,
						  &table_clusters, &table_boxes,
						  &table_settings, &table_credentials,
						  &table_ledger };

/* A number in lo..hi; the ends come up in one of four draws. */
static inline int64_t random_in(int64_t lo, int64_t hi)
{
	uint64_t span = (uint64_t)hi - (uint64_t)lo, r = (uint64_t)rnd(1u << 30) << 30 | rnd(1u << 30);

	switch (rnd(8)) {
	case 0:
		return lo;
	case 1:
		return hi;
	default:
		return (int64_t)((uint64_t)lo + (span == UINT64_MAX ? r : r % (span + 1)));
	}
}

/* n bytes of UTF-8 at most, with what text formats trip over. */
static inline struct str random_text(struct arena *a, size_t n)
{
	static const char *const bits[] = { "\t", "\n", "\r", "\\", "\\t", "\\n", "=",
					    "\"", "'",	"<",  "&",  "|",   ",",	  " ",
					    "#",  "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
	char *p = arena_alloc(a, n + 1);
	size_t at = 0;

	while (at < n) {
		struct str bit = str_z(bits[rnd(ARRAY_LEN(bits))]);

		if (rnd(4) || at + bit.n > n) {
			p[at++] = (char)('a' + rnd(26));
			continue;
		}
		memcpy(p + at, bit.p, bit.n);
		at += bit.n;
	}
	return (struct str){ p, n };
}

static inline struct str random_address(struct arena *a)
{
	static const char *const domains[] = { "a.org", "b.example.com", "c.net", "d" };
	const char *d = domains[rnd(ARRAY_LEN(domains))];

	return rnd(16) ? arena_printf(a, "%c%u.x@%s", 'a' + (char)rnd(26), rnd(50), d) :
			 arena_printf(a, "@%s", d);
}

static inline struct str random_members(struct arena *a)
{
	struct str s = STR("first@a.org");

	for (unsigned n = rnd(5); n > 0; n--)
		s = arena_printf(a, "%.*s,m%u@b.org", STR_ARG(s), rnd(1000));
	return s;
}

static inline struct str random_word(const struct field *f, struct arena *a)
{
	struct str rest = str_z(f->words), one, pick = { "", 0 };
	unsigned n = 0;

	while (str_split(&rest, '|', &one))
		if (rnd(++n) == 0)
			pick = one;
	return arena_str(a, pick);
}

/* A valid text of the field; sometimes as long as may be. */
static inline struct str random_value(const struct field *f, struct arena *a)
{
	static const char *const ips[] = { "0.0.0.0", "10.1.2.3", "::", "2001:db8::1" };
	size_t max = f->max > 300 && rnd(40) ? 300 : (size_t)f->max;
	size_t len = (size_t)random_in(f->min, (int64_t)max);
	struct str s;

	switch (f->kind) {
	case FK_NAME:
	case FK_HOST:
	case FK_HOSTS:
		s = (struct str){ arena_alloc(a, len + 1), len };
		memset((char *)(uintptr_t)s.p, 'a' + (char)rnd(26), len);
		return s;
	case FK_ADDRESS:
		return f->min == 0 && rnd(2) ? STR("") : random_address(a);
	case FK_MEMBERS:
		return random_members(a);
	case FK_RANGES:
		return rnd(2) ? STR("") : arena_printf(a, "10.%u.0.0/16, ::1\n1.2.3.4-1.2.3.%u",
						       rnd(256), 4 + rnd(250));
	case FK_IP:
		return str_z(ips[rnd(ARRAY_LEN(ips))]);
	case FK_PATH:
		return rnd(2) ? STR("") : arena_printf(a, "/etc/ssl/%u.pem", rnd(1000));
	case FK_ENUM:
		return random_word(f, a);
	case FK_BOOL:
		return arena_printf(a, "%u", rnd(2));
	default:
		return random_text(a, len);
	}
}

static inline int64_t random_number(const struct field *f)
{
	if ((f->flags & FF_MAY_EMPTY) && rnd(4) == 0)
		return FIELD_EMPTY;
	if (f->kind == FK_DATE)
		return random_in(0, RR_DATE_MAX / 1000) * 1000;
	return random_in(f->min, f->max);
}

static inline void random_field(const struct field *f, void *rec, struct arena *a)
{
	int64_t n;
	struct str s;

	if (field_is_text(f->kind)) {
		s = random_value(f, a);
		memcpy((char *)rec + f->offset, &s, sizeof(s));
	} else {
		n = random_number(f);
		memcpy((char *)rec + f->offset, &n, sizeof(n));
	}
}

/* Half of the fields stay at their default. */
static inline void random_record(const struct table *t, void *rec, struct arena *a)
{
	record_defaults(t, rec);
	for (unsigned i = 0; i < t->n_fields; i++)
		if ((t->fields[i].flags & (FF_KEY | FF_REQUIRED)) || rnd(2))
			random_field(&t->fields[i], rec, a);
}

static inline void must_be_same(const struct table *t, const void *a, const void *b)
{
	for (unsigned i = 0; i < t->n_fields; i++)
		if (!field_same(&t->fields[i], a, b))
			ck_abort_msg("%s.%s differs", t->name, t->fields[i].name);
}

#endif
