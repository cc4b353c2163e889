#include "cmd/pbctl/rows.h"

#include <stdlib.h>

#define BYTE_ORDER_MARK STR("\xef\xbb\xbf") /* which some editors write */
#define BOX_COLUMN 2

/* --- a line --- */

struct str row_key(struct str line)
{
	ptrdiff_t tab = str_find(line, '\t');

	return (struct str){ line.p, tab < 0 ? line.n : (size_t)tab };
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* As the service tells addresses apart: without regard to case. */
int row_key_order(struct str a, struct str b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		int d = (unsigned char)lower(a.p[i]) - (unsigned char)lower(b.p[i]);

		if (d)
			return d;
	}
	return (a.n > b.n) - (a.n < b.n);
}

struct str row_box(struct str line)
{
	struct str rest = line, column;

	for (unsigned i = 0; str_split(&rest, '\t', &column); i++)
		if (i == BOX_COLUMN)
			return column;
	return STR("");
}

static void add(struct buf *out, struct str s)
{
	if (buf_add(out, s))
		bug("a buffer without a limit is full");
}

void row_put(struct buf *out, struct str line, struct str box)
{
	struct str rest = line, column;

	for (unsigned i = 0; i <= BOX_COLUMN; i++) {
		if (i > 0)
			add(out, STR("\t"));
		if (str_split(&rest, '\t', &column) && i < BOX_COLUMN)
			add(out, column);
	}
	add(out, box);
	if (rest.p) {
		add(out, STR("\t"));
		add(out, rest);
	}
	add(out, STR("\n"));
}

/* --- all of them --- */

/* Of two lines with one key the earlier counts, as for the service. */
static int row_order(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	int d = row_key_order(row_key(a->line), row_key(b->line));

	return d ? d : (a->number > b->number) - (a->number < b->number);
}

static void rows_add(struct rows *r, struct str line, uint64_t number)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 1024;
		r->v = mem_realloc(r->v, r->cap * sizeof(*r->v));
	}
	r->v[r->n++] = (struct row){ .line = line, .number = number, .bad = STR(""), .box = STR("") };
}

void rows_take(struct rows *r, struct str text)
{
	struct str rest = str_skip(text,
				   str_starts(text, BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.n : 0);
	struct str line;

	*r = (struct rows){ .arena = ARENA(0) };
	for (uint64_t number = 1; str_split(&rest, '\n', &line); number++) {
		if (line.n > 0 && line.p[line.n - 1] == '\r') /* files of other systems */
			line.n--;
		if (line.n > 0)
			rows_add(r, line, number);
	}
	if (r->n > 0)
		qsort(r->v, r->n, sizeof(*r->v), row_order);
}

void rows_free(struct rows *r)
{
	free(r->v);
	arena_free(&r->arena);
	*r = (struct rows){ 0 };
}

struct row *rows_find(const struct rows *r, struct str key)
{
	size_t lo = 0, hi = r->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (row_key_order(row_key(r->v[mid].line), key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < r->n && row_key_order(row_key(r->v[lo].line), key) == 0 ? &r->v[lo] : NULL;
}
