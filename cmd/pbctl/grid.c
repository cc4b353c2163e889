#include "cmd/pbctl/grid.h"

#include "cmd/pbctl/text.h"

#define GAP 2 /* columns between two of them */

void grid_init(struct grid *g, FILE *out, bool terminal, struct str columns)
{
	struct str tag;

	*g = (struct grid){ .out = out, .terminal = terminal };
	while (str_split(&columns, ' ', &tag)) {
		if (g->n == GRID_COLUMNS)
			bug("a table of more than %d columns", GRID_COLUMNS);
		g->columns[g->n].tag = tag;
		g->columns[g->n++].width = tag.n;
	}
}

static struct str cell(const struct node *row, struct str tag)
{
	for (; row; row = row->up) {
		const struct node *c = node_child(row, tag);

		if (c)
			return c->text;
	}
	return STR("");
}

static bool is_number(struct str s)
{
	size_t dots = 0;

	for (size_t i = 0; i < s.n; i++) {
		dots += s.p[i] == '.';
		if ((s.p[i] < '0' || s.p[i] > '9') && s.p[i] != '.')
			return false;
	}
	return s.n > 0 && dots <= 1;
}

static void measure(struct grid *g, const struct node *row)
{
	for (unsigned i = 0; i < g->n; i++) {
		struct str text = cell(row, g->columns[i].tag);
		size_t width = text_width(text);

		if (g->terminal && width > GRID_CUT)
			width = GRID_CUT;
		if (width > g->columns[i].width)
			g->columns[i].width = width;
		if (str_eq(text, STR("0")))
			g->columns[i].zero = true;
		else if (text.n > 0)
			*(is_number(text) ? &g->columns[i].number : &g->columns[i].text) = true;
	}
}

/* --- printing --- */

static const char *colour(const struct grid *g, struct str tag, struct str text)
{
	static const struct {
		const char *light, *code;
	} lights[] = { { "green", "\033[32m" }, { "yellow", "\033[33m" }, { "red", "\033[31m" } };

	for (size_t i = 0; g->terminal && str_eq(tag, STR("light")) && i < ARRAY_LEN(lights); i++)
		if (str_eq(text, str_z(lights[i].light)))
			return lights[i].code;
	return NULL;
}

/* The blanks in front of a cell are owed until something follows: no line ends with
 * any. */
static void put_cell(const struct grid *g, unsigned i, struct str text, size_t *owed)
{
	size_t column = g->columns[i].width, width = text_width(text), wrote = 0;
	size_t max = g->terminal && column > GRID_CUT ? GRID_CUT : column;
	bool right = !g->columns[i].text;
	const char *in = colour(g, g->columns[i].tag, text);

	if (right)
		*owed += column - (width < max ? width : max);
	if (width > 0) {
		fprintf(g->out, "%*s%s", (int)*owed, "", in ? in : "");
		wrote = text_print_line(g->out, text, max);
		fputs(in ? "\033[0m" : "", g->out);
		*owed = 0;
	}
	if (!right)
		*owed += column - wrote;
	*owed += GAP;
}

/* Which columns there are is settled with the head. */
static void put_head(struct grid *g)
{
	size_t owed = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < g->n; i++)
		if (g->columns[i].number || g->columns[i].text || (g->columns[i].zero && !g->counts))
			g->columns[n++] = g->columns[i];
	g->n = n;
	for (unsigned i = 0; i < n; i++)
		put_cell(g, i, g->columns[i].tag, &owed);
	fputc('\n', g->out);
	g->headed = true;
}

static void put_row(const struct grid *g, const struct node *row)
{
	size_t owed = 0;

	for (unsigned i = 0; i < g->n; i++)
		put_cell(g, i, cell(row, g->columns[i].tag), &owed);
	fputc('\n', g->out);
}

uint64_t grid_rows(struct grid *g, const struct node *of, const char *path)
{
	uint64_t rows = 0;

	for (const struct node *r = NULL; (r = node_each(of, path, r));)
		measure(g, r);
	for (const struct node *r = NULL; (r = node_each(of, path, r)); rows++) {
		if (!g->headed)
			put_head(g);
		put_row(g, r);
	}
	return rows;
}
