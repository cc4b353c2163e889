#include <inttypes.h>
#include <stdio.h>

#include "lib/base/addr.h"
#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/store/mask.h"
#include "lib/store/password.h"
#include "lib/store/schema.h"
#include "lib/wire/address.h"

#define SHOWN 40 /* bytes of a bad value in an error text */
#define DECIMALS 4
#define DECIMAL_UNIT 10000
#define DATE_MAX 253402300799000 /* 9999-12-31T23:59:59Z: the text form has four digits */

static struct str *text_of(const struct field *f, const void *rec)
{
	return (struct str *)(void *)((char *)(uintptr_t)rec + f->offset);
}

static int64_t *num_of(const struct field *f, const void *rec)
{
	return (int64_t *)(void *)((char *)(uintptr_t)rec + f->offset);
}

struct str field_str(const struct field *f, const void *rec)
{
	return *text_of(f, rec);
}

int64_t field_num(const struct field *f, const void *rec)
{
	return *num_of(f, rec);
}

/* --- errors: tag, value, what is allowed --- */

static int bad(const struct field *f, struct str v, struct err *e, const char *allowed)
{
	char shown[SHOWN * 4 + 1];
	size_t n = 0;

	if (field_is_secret(f->kind) || (f->kind == FK_URL && mask_hides(v)))
		return err_set(e, "%s: the value is not %s", f->name, allowed);
	for (size_t i = 0; i < v.n && i < SHOWN; i++) { /* printable in any log and document */
		unsigned char c = (unsigned char)v.p[i];

		shown[n++] = c >= 32 && c < 127 ? (char)c : '?';
	}
	shown[n] = '\0';
	return err_set(e, "%s: \"%s\"%s is not %s", f->name, shown, v.n > SHOWN ? "..." : "",
		       allowed);
}

/* --- decimals: exact, never floating --- */

static int decimal_parse(struct str v, int64_t *out)
{
	ptrdiff_t dot = str_find(v, '.');
	struct str whole = v, frac = { NULL, 0 };
	uint64_t w, fr = 0;

	if (dot >= 0) {
		whole.n = (size_t)dot;
		frac = str_skip(v, (size_t)dot + 1);
		if (frac.n == 0 || frac.n > DECIMALS || str_u64(frac, 0, DECIMAL_UNIT, &fr) < 0)
			return -1;
		for (size_t i = frac.n; i < DECIMALS; i++)
			fr *= 10;
	}
	if (str_u64(whole, 0, INT64_MAX / DECIMAL_UNIT - 1, &w) < 0)
		return -1;
	*out = (int64_t)(w * DECIMAL_UNIT + fr);
	return 0;
}

static size_t decimal_text(int64_t v, char *dst, size_t cap)
{
	int n = snprintf(dst, cap, "%" PRId64, v / DECIMAL_UNIT);
	int frac = (int)(v % DECIMAL_UNIT);

	if (frac) {
		n += snprintf(dst + n, cap - (size_t)n, ".%04d", frac);
		while (dst[n - 1] == '0')
			n--;
	}
	return (size_t)n;
}

/* --- numbers --- */

static int range_error(const struct field *f, struct str v, struct err *e)
{
	char allowed[96], lo[24], hi[24];

	if (f->kind == FK_DECIMAL) {
		lo[decimal_text(f->min, lo, sizeof(lo))] = '\0';
		hi[decimal_text(f->max, hi, sizeof(hi))] = '\0';
		snprintf(allowed, sizeof(allowed), "in %s..%s (at most %d decimals)", lo, hi, DECIMALS);
	} else {
		snprintf(allowed, sizeof(allowed), "in %" PRId64 "..%" PRId64, f->min, f->max);
	}
	return bad(f, v, e, allowed);
}

static int num_parse(const struct field *f, struct str v, int64_t *out, struct err *e)
{
	switch (f->kind) {
	case FK_BOOL:
		if (v.n > 0 && !str_eq(v, STR("0")) && !str_eq(v, STR("1")))
			return bad(f, v, e, "0 or 1");
		*out = v.n > 0 && v.p[0] == '1';
		return 0;
	case FK_DATE:
		if (v.n == 0)
			*out = FIELD_EMPTY;
		else if (clock_parse_rfc3339(v, out) < 0 || *out < 0 || *out > DATE_MAX)
			return bad(f, v, e, "a date like 2026-11-23T00:00:00Z, or empty for never");
		return 0;
	default:
		break;
	}
	if (v.n == 0 && (f->flags & FF_MAY_EMPTY)) {
		*out = FIELD_EMPTY;
		return 0;
	}
	if (f->kind == FK_DECIMAL ? decimal_parse(v, out) < 0 || *out < f->min || *out > f->max :
				    str_i64(v, f->min, f->max, out) < 0)
		return range_error(f, v, e);
	return 0;
}

/* --- texts --- */

static bool chars_ok(struct str v, const char *also)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!plain && (c == '\0' || !strchr(also, c)))
			return false;
	}
	return true;
}

static bool name_ok(struct str v)
{
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c <= ' ' || c >= 127 || strchr("<>&\"'/\\", c))
			return false;
	}
	return true;
}

/* U+FFFE and U+FFFF, which XML 1.0 cannot carry (its production 2, Char). */
static bool is_no_char(struct str v)
{
	return str_starts(v, STR("\xef\xbf\xbe")) || str_starts(v, STR("\xef\xbf\xbf"));
}

static bool utf8_ok(struct str v)
{
	while (v.n > 0) {
		unsigned char c = (unsigned char)v.p[0];
		size_t n = c >= 32 && c < 127 ? 1 : str_utf8(v); /* nearly all: a million rows */

		if (n == 0 || (c < 32 && c != '\t' && c != '\n' && c != '\r') || c == 127 ||
		    (c == 0xef && is_no_char(v)))
			return false;
		v = str_skip(v, n);
	}
	return true;
}

static bool words_have(const char *words, struct str v)
{
	struct str rest = str_z(words), one;

	while (str_split(&rest, '|', &one))
		if (str_eq(one, v))
			return true;
	return false;
}

static int members_ok(const struct field *f, struct str v, struct err *e)
{
	struct str one;
	unsigned n = 0;

	while (str_split(&v, ',', &one)) {
		if (address_parse(one, NULL) != ADDRESS_OK || !utf8_ok(one))
			return bad(f, one, e, "a valid address (the list is separated by commas)");
		if (++n > LIMIT_ALIAS_MEMBERS)
			return err_set(e, "%s: more than %d members", f->name, LIMIT_ALIAS_MEMBERS);
	}
	return 0;
}

static int text_length_ok(const struct field *f, struct str v, struct err *e)
{
	char allowed[64];

	if ((int64_t)v.n >= f->min && (int64_t)v.n <= f->max)
		return 0;
	snprintf(allowed, sizeof(allowed), "%" PRId64 "..%" PRId64 " bytes long", f->min, f->max);
	return bad(f, v, e, allowed);
}

static int ip_value_ok(const struct field *f, struct str v, struct err *e)
{
	struct ipaddr ip;

	return ip_parse(v, &ip, NULL) < 0 ? bad(f, v, e, "an IP address") : 0;
}

static int ranges_value_ok(const struct field *f, struct str v, struct err *e)
{
	struct ip_ranges r;
	struct err why = { "" };

	if (ranges_parse(v, &r, &why) < 0)
		return err_set(e, "%s: %s", f->name, why.text);
	ranges_free(&r);
	return 0;
}

static int password_ok(const struct field *f, struct str v, struct err *e)
{
	struct password p;
	struct err why = { "" };

	if (!utf8_ok(v))
		return bad(f, v, e, "UTF-8 text without control characters");
	return password_read(v, &p, &why) < 0 ? err_set(e, "%s: %s", f->name, why.text) : 0;
}

/* Mail may have other bytes before the @, but no request could name the row. A file that begins
 * with a byte order mark is read without it. */
static int address_ok(const struct field *f, struct str v, struct err *e)
{
	enum address_fault af = v.n == 0 ? ADDRESS_OK : address_parse_account(v, NULL);
	char allowed[160];

	if (af == ADDRESS_OK && utf8_ok(v) && !str_starts(v, STR("\xef\xbb\xbf")))
		return 0;
	snprintf(allowed, sizeof(allowed), "a valid address (%s)",
		 af == ADDRESS_OK ? "UTF-8, without a byte order mark" : address_fault_text(af));
	return bad(f, v, e, allowed);
}

static int text_ok(const struct field *f, struct str v, struct err *e)
{
	char allowed[160];

	if (f->kind != FK_ENUM && text_length_ok(f, v, e) < 0)
		return -1;
	switch (f->kind) {
	case FK_BYTES:
		return 0;
	case FK_NAME:
		return name_ok(v) ? 0 : bad(f, v, e, "printable ASCII without blanks and < > & \" ' / \\");
	case FK_ADDRESS:
		return address_ok(f, v, e);
	case FK_MEMBERS:
		return members_ok(f, v, e);
	case FK_RANGES:
		return ranges_value_ok(f, v, e);
	case FK_PASSWORD:
		return password_ok(f, v, e);
	case FK_IP:
		return ip_value_ok(f, v, e);
	case FK_HOST:
		return chars_ok(v, ".-_") ? 0 : bad(f, v, e, "a host name");
	case FK_HOSTS:
		return chars_ok(v, ".-_, ") ? 0 : bad(f, v, e, "host names with commas between them");
	case FK_PATH:
		return v.n == 0 || (v.p[0] == '/' && utf8_ok(v)) ? 0 :
								   bad(f, v, e, "an absolute path");
	case FK_ENUM:
		snprintf(allowed, sizeof(allowed), "one of %s", f->words);
		return words_have(f->words, v) ? 0 : bad(f, v, e, allowed);
	default:
		return utf8_ok(v) ? 0 : bad(f, v, e, "UTF-8 text without control characters");
	}
}

static bool has_upper(struct str v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] >= 'A' && v.p[i] <= 'Z')
			return true;
	return false;
}

/* Addresses are kept in lower case: they are compared without regard to it. */
static struct str kept(const struct field *f, struct str v, bool borrow, struct arena *a)
{
	bool folds = f->kind == FK_ADDRESS || f->kind == FK_MEMBERS;
	struct str out;

	if (borrow && !(folds && has_upper(v)))
		return v;
	out = arena_str(a, v);
	if (out.p && folds)
		str_lower((char *)(uintptr_t)out.p, v);
	return out;
}

static int parse(const struct field *f, void *rec, struct str text, bool borrow, struct arena *a,
		 struct err *e)
{
	struct str v;
	int64_t n;

	if (!field_is_text(f->kind)) {
		if (num_parse(f, text, &n, e) < 0)
			return -1;
		*num_of(f, rec) = n;
		return 0;
	}
	if (text_ok(f, text, e) < 0)
		return -1;
	v = kept(f, text, borrow, a);
	if (!v.p)
		return err_set(e, "%s: out of memory for this request", f->name);
	*text_of(f, rec) = v;
	return 0;
}

int field_parse(const struct field *f, void *rec, struct str text, struct arena *a, struct err *e)
{
	return parse(f, rec, text, false, a, e);
}

int field_borrow(const struct field *f, void *rec, struct str text, struct arena *a, struct err *e)
{
	return parse(f, rec, text, true, a, e);
}

struct str field_text(const struct field *f, const void *rec, struct arena *a)
{
	char text[48];
	int64_t n;

	if (field_is_text(f->kind))
		return field_str(f, rec);
	n = field_num(f, rec);
	if (n == FIELD_EMPTY)
		return STR("");
	if (f->kind == FK_DATE) {
		clock_rfc3339(n, text);
		return arena_str(a, str_z(text));
	}
	if (f->kind == FK_DECIMAL)
		return arena_str(a, (struct str){ text, decimal_text(n, text, sizeof(text)) });
	return arena_printf(a, "%" PRId64, n);
}

struct str field_shown(const struct field *f, const void *rec, struct arena *a)
{
	struct str text = field_text(f, rec, a);

	return f->kind == FK_URL ? mask_url(text, a) : text;
}

/* --- defaults and comparing --- */

static int64_t default_num(const struct field *f)
{
	int64_t n = FIELD_EMPTY;
	const char *d = f->dflt;

	/* Nearly all of them, at once: records of a million rows are made, read and written. */
	if (!*d && (f->flags & FF_MAY_EMPTY))
		return FIELD_EMPTY;
	if (*d >= '0' && *d <= '9' && !d[1] && (f->kind == FK_BOOL || f->kind == FK_INT))
		return *d - '0';
	if (num_parse(f, str_z(f->dflt), &n, NULL) < 0)
		n = (f->flags & FF_REQUIRED) ? FIELD_EMPTY : 0;
	return n;
}

static void field_default(const struct field *f, void *rec)
{
	if (field_is_text(f->kind))
		*text_of(f, rec) = str_z(f->dflt);
	else
		*num_of(f, rec) = default_num(f);
}

bool field_is_default(const struct field *f, const void *rec)
{
	if (field_is_text(f->kind))
		return str_eq(field_str(f, rec), str_z(f->dflt));
	return field_num(f, rec) == default_num(f);
}

bool field_same(const struct field *f, const void *a, const void *b)
{
	if (field_is_text(f->kind))
		return str_eq(field_str(f, a), field_str(f, b));
	return field_num(f, a) == field_num(f, b);
}

/* --- whole records --- */

const struct field *table_field(const struct table *t, struct str name)
{
	for (unsigned i = 0; i < t->n_fields; i++)
		if (str_eq(str_z(t->fields[i].name), name))
			return &t->fields[i];
	return NULL;
}

void record_defaults(const struct table *t, void *rec)
{
	memset(rec, 0, t->size);
	for (unsigned i = 0; i < t->n_fields; i++)
		field_default(&t->fields[i], rec);
}

int record_key(const struct table *t, const void *rec, char key[KEY_MAX], size_t *n)
{
	bool first = true;

	*n = 0;
	for (unsigned i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];
		struct str v;

		if (!(f->flags & FF_KEY))
			continue;
		v = field_str(f, rec);
		if (*n + v.n + 1 > KEY_MAX)
			return -1;
		if (!first)
			key[(*n)++] = '\0';
		if (v.n > 0)
			memcpy(key + *n, v.p, v.n);
		*n += v.n;
		first = false;
	}
	return *n > 0 ? 0 : -1;
}
