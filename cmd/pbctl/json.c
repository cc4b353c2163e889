#include "cmd/pbctl/json.h"

#include <inttypes.h>

#include "cmd/pbctl/tags.h"

/* RFC 8259, 7: what must be escaped; DEL and the C1 controls are escaped too, as a
 * terminal would act upon them. The rest is UTF-8 already: the XML parser takes nothing
 * else. */
void json_string(FILE *out, struct str s)
{
	fputc('"', out);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i],
			      next = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;

		if (c == '"' || c == '\\') {
			fputc('\\', out);
			fputc(c, out);
		} else if (c < 32 || c == 127) {
			fprintf(out, "\\u%04x", c);
		} else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
			fprintf(out, "\\u%04x", next);
			i++;
		} else {
			fputc(c, out);
		}
	}
	fputc('"', out);
}

static void put_leaf(FILE *out, struct str tag, struct str text)
{
	enum tag_kind kind = tag_kind(tag);
	int64_t n;

	if (kind == TAG_NUMBER && text.n == 0)
		fputs("null", out);
	else if (kind == TAG_NUMBER && str_i64(text, INT64_MIN, INT64_MAX, &n) == 0)
		fprintf(out, "%" PRId64, n);
	else if (kind == TAG_SWITCH && (text.n == 0 || str_eq(text, STR("0"))))
		fputs("false", out);
	else if (kind == TAG_SWITCH && str_eq(text, STR("1")))
		fputs("true", out);
	else
		json_string(out, text);
}

static void put_name(FILE *out, struct str name, const char *behind)
{
	fprintf(out, "\"%.*s%s\":", STR_ARG(name), behind);
}

static void put_node(FILE *out, const struct node *n);

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than TREE_DEPTH */
static void put_elements(FILE *out, const struct node *list)
{
	for (const struct node *c = list->first; c; c = c->next) {
		if (c != list->first)
			fputc(',', out);
		put_node(out, c);
	}
}

static const struct node *next_of_name(const struct node *n)
{
	const struct node *c = n->next;

	while (c && !str_eq(c->name, n->name))
		c = c->next;
	return c;
}

static bool is_first(const struct node *first, const struct node *n)
{
	while (!str_eq(first->name, n->name))
		first = first->next;
	return first == n;
}

/* One of several of a name that no list is around. */
/* NOLINTNEXTLINE(misc-no-recursion): no deeper than TREE_DEPTH */
static void put_repeated(FILE *out, const struct node *n)
{
	char before = '[';

	for (; n; n = next_of_name(n), before = ',') {
		fputc(before, out);
		put_node(out, n);
	}
	fputc(']', out);
}

/* "name": value, from first on, separated. */
/* NOLINTNEXTLINE(misc-no-recursion): no deeper than TREE_DEPTH */
static void put_members(FILE *out, const struct node *first)
{
	for (const struct node *c = first; c; c = c->next) {
		if (!is_first(first, c))
			continue;
		if (c != first)
			fputc(',', out);
		if (c->total >= 0) {
			put_name(out, c->name, "_total");
			fprintf(out, "%" PRId64 ",", c->total);
		}
		put_name(out, c->name, "");
		if (next_of_name(c))
			put_repeated(out, c);
		else
			put_node(out, c);
	}
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than TREE_DEPTH */
static void put_node(FILE *out, const struct node *n)
{
	if (node_is_leaf(n)) {
		put_leaf(out, n->name, n->text);
		return;
	}
	fputc(n->total >= 0 ? '[' : '{', out);
	if (n->total >= 0)
		put_elements(out, n);
	else
		put_members(out, n->first);
	fputc(n->total >= 0 ? ']' : '}', out);
}

void json_answer(FILE *out, const struct answer *a)
{
	fputc('{', out);
	put_members(out, answer_each(a, NULL));
	fputs("}\n", out);
}

void json_page_begin(FILE *out, const struct node *list)
{
	fputc('{', out);
	put_name(out, list->name, "_total");
	fprintf(out, "%" PRId64 ",", list->total);
	put_name(out, list->name, "");
	fputc('[', out);
}

void json_page(FILE *out, const struct node *list, bool first)
{
	if (!first && list->first)
		fputc(',', out);
	put_elements(out, list);
}

void json_page_end(FILE *out)
{
	fputs("]}\n", out);
}
