/* One line of a file, there and back. */
#include "lib/store/csv.h"

#define LINE_ARENA (1u << 20)

/* Columns that every line has, by position; the others are name=value. */
static unsigned fixed_columns(const struct table *t)
{
	return t == &table_accounts ? 3 : 2;
}

static int put_escaped(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		static const char from[] = "\t\n\r\\", to[] = "tnr\\";
		const char *at = s.p[i] ? strchr(from, s.p[i]) : NULL;

		if (at ? buf_addc(out, '\\') < 0 || buf_addc(out, to[at - from]) < 0 :
			 buf_addc(out, s.p[i]) < 0)
			return -1;
	}
	return 0;
}

/* A password may hold what separates columns and lines. */
static bool fits_column(struct str s)
{
	return str_find(s, '\t') < 0 && str_find(s, '\n') < 0 && str_find(s, '\r') < 0;
}

static int put_named(const struct field *f, const void *rec, struct arena *a, struct buf *out)
{
	if (buf_addc(out, '\t') < 0 || buf_add(out, str_z(f->name)) < 0 || buf_addc(out, '=') < 0)
		return -1;
	return put_escaped(out, field_text(f, rec, a));
}

int csv_line_write(const struct table *t, const void *rec, struct buf *out)
{
	struct arena a = ARENA(LINE_ARENA);
	unsigned fixed = fixed_columns(t);
	int rc = 0;

	for (unsigned i = 0; i < fixed && rc == 0; i++) {
		struct str s = field_str(&t->fields[i], rec);

		if (i > 0)
			rc = buf_addc(out, '\t');
		if (rc == 0 && fits_column(s))
			rc = buf_add(out, s);
	}
	for (unsigned i = 0; i < t->n_fields && rc == 0; i++) {
		const struct field *f = &t->fields[i];

		if (i < fixed ? !fits_column(field_str(f, rec)) : !field_is_default(f, rec))
			rc = put_named(f, rec, &a, out);
	}
	if (rc == 0)
		rc = buf_addc(out, '\n');
	arena_free(&a);
	return rc;
}

/* \t \n \r and \\ back to what they stand for. */
static int unescape(struct str in, struct arena *a, struct str *out)
{
	char *p;
	size_t n = 0;

	*out = in;
	if (str_find(in, '\\') < 0)
		return 0;
	p = arena_alloc(a, in.n + 1);
	if (!p)
		return -1;
	for (size_t i = 0; i < in.n; i++) {
		static const char from[] = "tnr\\", to[] = "\t\n\r\\";
		const char *at;

		if (in.p[i] != '\\') {
			p[n++] = in.p[i];
			continue;
		}
		at = ++i < in.n && in.p[i] ? strchr(from, in.p[i]) : NULL;
		if (!at)
			return -1;
		p[n++] = to[at - from];
	}
	*out = (struct str){ p, n };
	return 0;
}

static int named_column(const struct table *t, struct str col, void *rec, struct arena *a,
			struct err *e)
{
	ptrdiff_t eq = str_find(col, '=');
	const struct field *f;
	struct str value;

	if (eq < 0)
		return err_set(e, "a further column is not name=value");
	f = table_field(t, (struct str){ col.p, (size_t)eq });
	if (!f || (f->flags & FF_KEY))
		return err_set(e, "no setting of the name \"%.*s\"", eq < 40 ? (int)eq : 40, col.p);
	if (unescape(str_skip(col, (size_t)eq + 1), a, &value) < 0)
		return err_set(e, "%s: a backslash that is not \\t, \\n, \\r or \\\\", f->name);
	return field_borrow(f, rec, value, a, e);
}

int csv_line_parse(const struct table *t, struct str line, void *rec, struct arena *a, struct err *e)
{
	struct str rest = line, col;
	unsigned i = 0;

	record_defaults(t, rec);
	for (; str_split(&rest, '\t', &col); i++)
		if (i < fixed_columns(t) ? field_borrow(&t->fields[i], rec, col, a, e) < 0 :
					   named_column(t, col, rec, a, e) < 0)
			return -1;
	/* A line of an account may leave out its box, and then its password, too. */
	if (i < (t == &table_accounts ? 1 : 2))
		return err_set(e, "fewer than %u columns (separate them with tabs)",
			       fixed_columns(t));
	return 0;
}
