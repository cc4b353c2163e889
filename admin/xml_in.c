#include "admin/xml_in.h"

#include <expat.h>
#include <limits.h>

#include "admin/xml_root.h"
#include "lib/base/buf.h"

#define SHOWN 40 /* bytes of a name in an error text */

struct level { /* an open element below a child */
	struct xml_row *row, **last; /* where its next element goes */
	bool text;		     /* it holds more than blanks */
};

struct parsing {
	XML_Parser parser;
	bool (*nests)(struct str command);
	struct xml_request *out;
	struct arena *arena;
	struct err *err;
	struct buf text;     /* of the open child */
	unsigned depth;	     /* 1: in the root element, 2: in a child */
	struct level level[LIMIT_XML_DEPTH + 1]; /* by depth, from 2 on */
	unsigned n_rows;
	bool rows; /* the command's children may hold elements */
	const char *until; /* this child is all that is wanted; NULL: the whole document */
	unsigned long first; /* lines skipped before the document */
	bool refused, found; /* found: until has come */
};

static const char malformed[] = "malformed";
static const char key_name[] = "accesskey";
static const char repeated[] = "repeated_parameter";

/* --- refusing --- */

static int shown(struct str name)
{
	return name.n < SHOWN ? (int)name.n : SHOWN;
}

static unsigned long line(const struct parsing *p)
{
	return p->first + XML_GetCurrentLineNumber(p->parser);
}

/* expat may still report an element or two after it was stopped: the first reason stands. */
static void refuse(struct parsing *p, const char *code, const char *what, struct str name)
{
	if (p->refused)
		return;
	p->refused = true;
	p->out->code = code;
	err_set(p->err, "<%.*s> %s (line %lu)", shown(name), name.p, what, line(p));
	XML_StopParser(p->parser, XML_FALSE);
}

static struct str root_or(const struct parsing *p, const char *otherwise)
{
	return p->out->command.p ? p->out->command : str_z(otherwise);
}

/* --- what expat reports --- */

static void on_declaration(void *arg, const char *version, const char *encoding, int standalone)
{
	(void)version;
	(void)standalone;
	if (encoding && !str_ieq(str_z(encoding), STR("UTF-8")))
		refuse(arg, malformed, "declares an encoding other than UTF-8", STR("?xml"));
}

static void on_doctype(void *arg, const char *name, const char *system, const char *public, int internal)
{
	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	refuse(arg, malformed, "is refused: no document type, no entity declarations", STR("!DOCTYPE"));
}

static void too_large(struct parsing *p)
{
	refuse(p, malformed, "makes the request too large", root_or(p, "request"));
}

static struct str kept(struct parsing *p, struct str s)
{
	struct str out = arena_str(p->arena, s);

	if (!out.p)
		too_large(p);
	return out;
}

/* Of the open element. */
static struct str open_name(const struct parsing *p, unsigned depth)
{
	if (depth > 2)
		return p->level[depth].row->name;
	return depth == 2 ? p->out->v[p->out->n - 1].name : p->out->command;
}

static void open_child(struct parsing *p, struct str name)
{
	struct xml_request *r = p->out;

	for (unsigned i = 0; i < r->n; i++)
		if (str_eq(r->v[i].name, name)) {
			refuse(p, repeated, "stands twice", name);
			return;
		}
	if (r->n == LIMIT_XML_CHILDREN) {
		refuse(p, malformed, "is one child too many", name);
		return;
	}
	r->v[r->n].value = STR("");
	r->v[r->n].rows = NULL;
	p->level[2] = (struct level){ NULL, &r->v[r->n].rows, false };
	r->v[r->n++].name = kept(p, name);
}

static void open_row(struct parsing *p, struct str name)
{
	struct level *in = &p->level[p->depth - 1];
	struct xml_row *row;

	if (!p->rows || p->depth > LIMIT_XML_DEPTH) {
		refuse(p, malformed, "holds elements of its own, and must not", open_name(p, p->depth - 1));
		return;
	}
	if (in->text || p->n_rows++ == LIMIT_XML_ROWS) {
		refuse(p, malformed, in->text ? "stands beside text" : "is one element too many", name);
		return;
	}
	row = arena_alloc(p->arena, sizeof(*row));
	if (!row) {
		too_large(p);
		return;
	}
	row->value = STR("");
	row->name = kept(p, name);
	*in->last = row;
	in->last = &row->next;
	p->level[p->depth] = (struct level){ row, &row->rows, false };
}

static void on_open(void *arg, const char *name, const char **attributes)
{
	struct parsing *p = arg;

	(void)attributes;
	if (p->refused)
		return;
	p->depth++;
	/* Blanks between the elements are no value. */
	buf_consume(&p->text, buf_len(&p->text));
	if (p->depth == 1) {
		p->out->command = kept(p, str_z(name));
		p->rows = p->nests && p->nests(p->out->command);
	} else if (p->depth == 2) {
		open_child(p, str_z(name));
	} else {
		open_row(p, str_z(name));
	}
}

static bool is_leaf(const struct parsing *p)
{
	return p->depth == 2 ? !p->out->v[p->out->n - 1].rows : !p->level[p->depth].row->rows;
}

/* What is wanted has come: the rest is not looked at. */
static void end_here(struct parsing *p)
{
	p->found = true;
	XML_StopParser(p->parser, XML_FALSE);
}

static void on_close(void *arg, const char *name)
{
	struct parsing *p = arg;
	struct str text = buf_str(&p->text), *value;

	if (p->refused)
		return;
	if (p->depth >= 2 && is_leaf(p) && text.n > 0) {
		value = p->depth == 2 ? &p->out->v[p->out->n - 1].value :
					&p->level[p->depth].row->value;
		*value = kept(p, text);
	}
	buf_consume(&p->text, text.n);
	if (p->depth-- == 2 && p->until && !p->refused && str_eq(str_z(name), str_z(p->until)))
		end_here(p);
}

static void on_text(void *arg, const char *s, int n)
{
	struct parsing *p = arg;
	struct str text = { s, (size_t)n };
	bool blank = str_trim(text).n == 0;

	if (p->refused || p->depth == 0)
		return;
	if (!blank && (p->depth == 1 || !is_leaf(p)))
		refuse(p, malformed, "holds text beside its children", open_name(p, p->depth));
	p->level[p->depth].text |= !blank;
	/* Decoded text is never longer than its source, so this does not fail. */
	if (p->depth >= 2 && buf_add(&p->text, text) < 0)
		refuse(p, malformed, "makes the request too large", p->out->command);
}

/* --- the document --- */

/* A byte order mark, and the blank lines that the manual's own example sends. */
static struct str skip_blank(struct str body, unsigned long *lines)
{
	if (str_starts(body, STR("\xef\xbb\xbf")))
		body = str_skip(body, 3);
	for (; body.n > 0 && memchr(" \t\r\n", body.p[0], 4); body = str_skip(body, 1))
		*lines += body.p[0] == '\n';
	return body;
}

static void parser_setup(struct parsing *p)
{
	XML_SetUserData(p->parser, p);
	XML_SetElementHandler(p->parser, on_open, on_close);
	XML_SetCharacterDataHandler(p->parser, on_text);
	XML_SetXmlDeclHandler(p->parser, on_declaration);
	XML_SetStartDoctypeDeclHandler(p->parser, on_doctype);
}

static int parse(struct parsing *p, struct str body)
{
	enum XML_Status st = XML_Parse(p->parser, body.p ? body.p : "", (int)body.n, 1);

	if (p->refused)
		return -1;
	if (st == XML_STATUS_OK || p->found)
		return 0;
	p->out->code = malformed;
	return err_set(p->err, "not a well-formed XML document: %s (line %lu)",
		       XML_ErrorString(XML_GetErrorCode(p->parser)), line(p));
}

static struct str root_of(struct str body, struct arena *a)
{
	struct str root = arena_str(a, xml_root(body));

	return root.p ? root : STR("");
}

/* until: NULL, or the child that is enough. */
static int read_body(struct str body, struct arena *a, bool (*nests)(struct str command),
		     const char *until, struct xml_request *out, struct err *e)
{
	struct parsing p = { .out = out, .arena = a, .nests = nests, .until = until, .err = e };
	int rc;

	out->command = STR("");
	out->n = 0;
	out->code = NULL;
	body = skip_blank(body, &p.first);
	if (body.n > INT_MAX) {
		out->code = malformed;
		return err_set(e, "the request is too large");
	}
	if (xml_attribute_bytes(body) > LIMIT_XML_ATTRIBUTES) {
		out->command = root_of(body, a);
		out->code = malformed;
		return err_set(e, "more than %d bytes of attributes, which mean nothing here",
			       LIMIT_XML_ATTRIBUTES);
	}
	/* Named here, the encoding is not guessed from the first bytes. */
	p.parser = XML_ParserCreate("UTF-8");
	if (!p.parser)
		bug("out of memory (XML parser)");
	buf_init(&p.text, body.n);
	parser_setup(&p);
	rc = parse(&p, body);
	XML_ParserFree(p.parser);
	buf_release(&p.text);
	return rc;
}

int xml_parse(struct str body, struct arena *a, bool (*nests)(struct str command),
	      struct xml_request *out, struct err *e)
{
	return read_body(body, a, nests, NULL, out, e);
}

struct str xml_key(struct str body, struct arena *a, bool (*nests)(struct str command),
		   struct xml_request *scratch)
{
	struct str begin = { body.p, body.n < LIMIT_XML_BODY ? body.n : LIMIT_XML_BODY };
	const struct str *key = NULL;
	struct err e;

	if (read_body(begin, a, nests, key_name, scratch, &e) == 0)
		key = xml_get(scratch, key_name);
	return key ? *key : STR("");
}

const struct str *xml_get(const struct xml_request *r, const char *name)
{
	for (unsigned i = 0; i < r->n; i++)
		if (str_eq(r->v[i].name, str_z(name)))
			return &r->v[i].value;
	return NULL;
}
