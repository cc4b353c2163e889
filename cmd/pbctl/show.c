#include "cmd/pbctl/show.h"

#include <inttypes.h>

#include "cmd/pbctl/grid.h"
#include "cmd/pbctl/json.h"
#include "cmd/pbctl/text.h"

#define GRID_MOST 8 /* columns of a list that nobody has chosen the columns of */

/* --- values --- */

static size_t widest(const struct node *first)
{
	size_t width = 0;

	for (; first; first = first->next)
		if (node_is_leaf(first) && first->name.n > width)
			width = first->name.n;
	return width;
}

static void show_leaf(FILE *out, const struct node *n, size_t width, unsigned indent)
{
	fprintf(out, "%*s%.*s:", (int)indent, "", STR_ARG(n->name));
	if (n->text.n) {
		fprintf(out, "%*s", (int)(width - n->name.n + 1), "");
		text_print(out, n->text, indent + (unsigned)width + 2);
	}
	fputc('\n', out);
}

/* --- lists --- */

static bool is_flat(const struct node *row)
{
	unsigned n = 0;

	for (const struct node *c = row->first; c; c = c->next, n++)
		if (!node_is_leaf(c))
			return false;
	return n > 0 && n <= GRID_MOST;
}

/* Rows of one name, short, and nothing in them but values. */
static bool is_grid(const struct node *list)
{
	for (const struct node *r = list->first; r; r = r->next)
		if (!is_flat(r) || !str_eq(r->name, list->first->name))
			return false;
	return list->total >= 0 && list->first;
}

static void show_grid(FILE *out, bool terminal, const struct node *list)
{
	struct arena a = ARENA(0);
	struct str columns = STR("");
	struct grid g;

	for (const struct node *c = list->first->first; c; c = c->next)
		columns = arena_printf(&a, "%.*s%s%.*s", STR_ARG(columns),
				       columns.n ? " " : "", STR_ARG(c->name));
	grid_init(&g, out, terminal, columns);
	grid_rows(&g, list, arena_str(&a, list->first->name).p);
	arena_free(&a);
}

static void show_nodes(FILE *out, bool terminal, const struct node *first, unsigned indent);

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than TREE_DEPTH */
static void show_node(FILE *out, bool terminal, const struct node *n, unsigned indent)
{
	fprintf(out, "%*s%.*s", (int)indent, "", STR_ARG(n->name));
	if (n->total >= 0)
		fprintf(out, " (total %" PRId64 ")", n->total);
	fputs(":\n", out);
	if (indent == 0 && is_grid(n))
		show_grid(out, terminal, n);
	else
		show_nodes(out, terminal, n->first, indent + 2);
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than TREE_DEPTH */
static void show_nodes(FILE *out, bool terminal, const struct node *first, unsigned indent)
{
	size_t width = widest(first);

	for (; first; first = first->next)
		if (node_is_leaf(first))
			show_leaf(out, first, width, indent);
		else
			show_node(out, terminal, first, indent);
}

/* --- views --- */

static void show_values(FILE *out, const struct answer *a, struct str tags)
{
	size_t width = 0;
	struct str rest = tags, tag;

	while (str_split(&rest, ' ', &tag))
		if (tag.n > width)
			width = tag.n;
	while (str_split(&tags, ' ', &tag)) {
		const struct node *n = node_child(a->root, tag);

		if (n)
			show_leaf(out, n, width, 0);
	}
}

static void show_line(FILE *out, bool terminal, const struct answer *a, struct str line)
{
	bool counts = str_starts(line, STR("+"));
	ptrdiff_t colon;
	struct arena arena = ARENA(0);
	struct grid g;

	line = str_skip(line, counts);
	colon = str_find(line, ':');
	if (colon < 0) {
		show_values(out, a, line);
		return;
	}
	grid_init(&g, out, terminal, str_skip(line, (size_t)colon + 2));
	g.counts = counts;
	if (grid_rows(&g, a->root,
		      arena_str(&arena, (struct str){ line.p, (size_t)colon }).p) == 0)
		fputs("none\n", out);
	arena_free(&arena);
}

void show_view(FILE *out, bool terminal, const struct answer *a, const char *view)
{
	struct str rest = str_z(view), line;
	const struct node *first = answer_each(a, NULL);
	bool more = false;

	if (!first)
		fputs("ok\n", out);
	else if (!view)
		show_nodes(out, terminal, first, 0);
	while (first && view && str_split(&rest, '\n', &line)) {
		if (more)
			fputc('\n', out);
		show_line(out, terminal, a, line);
		more = true;
	}
}

/* --- the whole --- */

int show_exit(const struct answer *a)
{
	return node_int(a->root, "skipped") > 0 ? EXIT_PARTLY : EXIT_DONE;
}

int show(struct ctl *c, const char *command, const struct answer *a, const char *view)
{
	if (!a->ok)
		return ctl_refused(c, command, a);
	if (c->o.xml)
		ctl_show_xml(c, a);
	else if (c->o.json)
		json_answer(c->out, a);
	else
		show_view(c->out, c->terminal, a, view);
	return show_exit(a);
}
