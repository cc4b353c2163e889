#include "cmd/pbctl/rows.h"

#include <stdlib.h>

#define BYTE_ORDER_MARK STR("\xef\xbb\xbf") /* which some editors write */

/* --- lines --- */

/* The next line that is not empty, without its end. */
static bool next_line(struct str *rest, struct str *line)
{
	while (str_split(rest, '\n', line)) {
		if (line->n > 0 && line->p[line->n - 1] == '\r')
			line->n--;
		if (line->n > 0)
			return true;
	}
	return false;
}

static struct str without_mark(struct str text)
{
	return str_starts(text, BYTE_ORDER_MARK) ? str_skip(text, BYTE_ORDER_MARK.n) : text;
}

/* --- comparing --- */

struct keys {
	struct str *lines;
	size_t n, cap;
};

static struct str key_of(struct str line)
{
	ptrdiff_t tab = str_find(line, '\t');

	return (struct str){ line.p, tab < 0 ? line.n : (size_t)tab };
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* As the service tells addresses apart: without regard to case. */
static int key_order(struct str a, struct str b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		int d = (unsigned char)lower(a.p[i]) - (unsigned char)lower(b.p[i]);

		if (d)
			return d;
	}
	return (a.n > b.n) - (a.n < b.n);
}

/* Of two lines with one key the earlier counts, as for the service. */
static int line_order(const void *pa, const void *pb)
{
	const struct str *a = pa, *b = pb;
	int d = key_order(key_of(*a), key_of(*b));

	return d ? d : (a->p > b->p) - (a->p < b->p);
}

static void keys_take(struct keys *k, struct str text)
{
	struct str rest = without_mark(text), line;
	size_t n = 0;

	while (next_line(&rest, &line)) {
		if (k->n == k->cap) {
			k->cap = k->cap ? k->cap * 2 : 1024;
			k->lines = mem_realloc(k->lines, k->cap * sizeof(*k->lines));
		}
		k->lines[k->n++] = line;
	}
	if (k->n > 0)
		qsort(k->lines, k->n, sizeof(*k->lines), line_order);
	for (size_t i = 0; i < k->n; i++)
		if (n == 0 || key_order(key_of(k->lines[n - 1]), key_of(k->lines[i])) != 0)
			k->lines[n++] = k->lines[i];
	k->n = n;
}

void rows_compare(struct str before, struct str after, struct rows_difference *out)
{
	struct keys a = { 0 }, b = { 0 };
	size_t i = 0, j = 0;

	keys_take(&a, before);
	keys_take(&b, after);
	*out = (struct rows_difference){ .before = a.n, .after = b.n };
	while (i < a.n || j < b.n) {
		int d = i == a.n ? 1 :
			j == b.n ? -1 :
				   key_order(key_of(a.lines[i]), key_of(b.lines[j]));

		out->removed += d < 0;
		out->added += d > 0;
		out->changed += d == 0 && !str_eq(a.lines[i], b.lines[j]);
		i += d <= 0;
		j += d >= 0;
	}
	free(a.lines);
	free(b.lines);
}

/* --- spreading --- */

/* Its third column, or a further one that names it. */
static bool has_box(struct str line)
{
	struct str rest = line, column;

	for (unsigned i = 0; str_split(&rest, '\t', &column); i++)
		if (i == 2 ? column.n > 0 : i > 2 && str_starts(column, STR("boxid=")))
			return true;
	return false;
}

static void add(struct buf *out, struct str s)
{
	if (buf_add(out, s))
		bug("a buffer without a limit is full");
}

/* The first two columns, the box, and what stood behind it. */
static void put_with_box(struct buf *out, struct str line, struct str box)
{
	struct str rest = line, column;

	for (unsigned i = 0; i < 3; i++) {
		if (i > 0)
			add(out, STR("\t"));
		if (str_split(&rest, '\t', &column) && i < 2)
			add(out, column);
	}
	add(out, box);
	if (rest.p) {
		add(out, STR("\t"));
		add(out, rest);
	}
}

static struct str next_box(struct str boxes, struct str *rest)
{
	struct str one;

	if (!rest->p)
		*rest = boxes;
	str_split(rest, ',', &one);
	return one;
}

void rows_spread(struct str text, struct str boxes, struct buf *out, uint64_t *given)
{
	struct str rest = without_mark(text), turn = { 0 }, line;
	const char *done = text.p;

	buf_init(out, SIZE_MAX / 2);
	*given = 0;
	while (next_line(&rest, &line)) {
		if (has_box(line))
			continue;
		add(out, (struct str){ done, (size_t)(line.p - done) });
		put_with_box(out, line, next_box(boxes, &turn));
		done = line.p + line.n;
		++*given;
	}
	add(out, (struct str){ done, (size_t)(text.p + text.n - done) });
}
