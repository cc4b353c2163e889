#include "cmd/pbctl/tree.h"

#include <expat.h>
#include <limits.h>

#include "lib/base/buf.h"

struct parsing {
	XML_Parser parser;
	struct arena *arena;
	const char *root;
	struct node *top, *open; /* open: NULL outside of the root */
	struct buf text;	 /* of the open element, since its last child */
	unsigned depth;
	const char *odd; /* why it is refused */
};

/* --- the parser's calls --- */

static void refuse(struct parsing *p, const char *why)
{
	if (!p->odd)
		p->odd = why;
	XML_StopParser(p->parser, XML_FALSE);
}

static void forget_text(struct parsing *p)
{
	buf_consume(&p->text, buf_len(&p->text));
}

static int64_t total_of(const XML_Char **attributes)
{
	int64_t n;

	for (; attributes[0]; attributes += 2)
		if (strcmp(attributes[0], "total") == 0 &&
		    str_i64(str_z(attributes[1]), 0, INT64_MAX, &n) == 0)
			return n;
	return -1;
}

static void on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct parsing *p = arg;
	struct node *n;

	if (p->odd)
		return;
	if (p->depth == 0 && strcmp(name, p->root) != 0) {
		refuse(p, "another kind of document");
		return;
	}
	if (p->depth++ == TREE_DEPTH) {
		refuse(p, "elements are nested too deep");
		return;
	}
	n = arena_alloc(p->arena, sizeof(*n));
	*n = (struct node){ .name = arena_str(p->arena, str_z(name)),
			    .text = STR(""),
			    .total = total_of(attributes),
			    .up = p->open };
	if (!p->open)
		p->top = n;
	else if (p->open->last)
		p->open->last = p->open->last->next = n;
	else
		p->open->last = p->open->first = n;
	p->open = n;
	forget_text(p);
}

static void on_text(void *arg, const XML_Char *text, int n)
{
	struct parsing *p = arg;

	/* Decoded text is never longer than the document, which is the limit. */
	if (!p->odd && buf_add(&p->text, (struct str){ text, (size_t)n }))
		refuse(p, "too long");
}

static void on_end(void *arg, const XML_Char *name)
{
	struct parsing *p = arg;
	struct node *n = p->open;

	(void)name;
	if (p->odd)
		return;
	if (node_is_leaf(n) && buf_len(&p->text) > 0)
		n->text = arena_str(p->arena, buf_str(&p->text));
	forget_text(p);
	p->open = n->up;
	p->depth--;
}

static void on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
		       const XML_Char *public, int internal)
{
	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	refuse(arg, "a document type declaration");
}

/* --- the document --- */

static int parse(struct parsing *p, struct str document, struct err *e)
{
	bool ok = document.n <= INT_MAX &&
		  XML_Parse(p->parser, document.p, (int)document.n, 1) == XML_STATUS_OK;

	if (ok && !p->odd)
		return 0;
	return err_set(e, "%s (line %lu)",
		       p->odd ? p->odd : XML_ErrorString(XML_GetErrorCode(p->parser)),
		       XML_GetCurrentLineNumber(p->parser));
}

int tree_parse(struct str document, const char *root, struct arena *a, struct node **out, struct err *e)
{
	struct parsing p = { .parser = XML_ParserCreate("UTF-8"), .arena = a, .root = root };
	int rc;

	if (!p.parser)
		bug("out of memory (XML parser)");
	buf_init(&p.text, document.n);
	XML_SetUserData(p.parser, &p);
	XML_SetElementHandler(p.parser, on_start, on_end);
	XML_SetCharacterDataHandler(p.parser, on_text);
	XML_SetStartDoctypeDeclHandler(p.parser, on_doctype);
	rc = parse(&p, document, e);
	*out = rc ? NULL : p.top;
	buf_release(&p.text);
	XML_ParserFree(p.parser);
	return rc;
}

/* --- walking --- */

const struct node *node_child(const struct node *n, struct str name)
{
	const struct node *c = n->first;

	while (c && !str_eq(c->name, name))
		c = c->next;
	return c;
}

struct str node_text(const struct node *n, const char *name)
{
	const struct node *c = node_child(n, str_z(name));

	return c ? c->text : STR("");
}

int64_t node_int(const struct node *n, const char *name)
{
	int64_t v;

	return str_i64(node_text(n, name), INT64_MIN, INT64_MAX, &v) == 0 ? v : 0;
}

/* Is it of the name that stands last in the path, within ones of those before it, within
 * top? */
static bool stands_at(const struct node *n, const struct node *top, struct str path)
{
	size_t at = path.n;

	for (; n != top; n = n->up) {
		size_t end = at;

		while (at > 0 && path.p[at - 1] != '/')
			at--;
		if (end == 0 || !str_eq(n->name, (struct str){ path.p + at, end - at }))
			return false;
		at = at > 0 ? at - 1 : 0;
	}
	return at == 0;
}

/* The one behind n, children first, within top. */
static const struct node *walk(const struct node *n, const struct node *top)
{
	if (n->first)
		return n->first;
	while (n != top && !n->next)
		n = n->up;
	return n == top ? NULL : n->next;
}

const struct node *node_each(const struct node *n, const char *path, const struct node *before)
{
	const struct node *c = walk(before ? before : n, n);

	while (c && !stands_at(c, n, str_z(path)))
		c = walk(c, n);
	return c;
}
