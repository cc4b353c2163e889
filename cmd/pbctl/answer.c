#include "cmd/pbctl/answer.h"

#include <expat.h>

#include "lib/base/limits.h"

#define DEEPEST 16

struct printer {
	XML_Parser parser;
	FILE *out;
	struct buf text;
	unsigned depth;	  /* open elements; <response> is the first */
	bool begun;	  /* the innermost has its line already, or is no leaf */
	char total[32];	  /* its attribute, "" */
	char name[64];	  /* of the innermost, while it is not begun */
	unsigned printed; /* lines */
	bool ok, odd;
	char code[64], error[512];
};

/* --- lines --- */

static void indent(const struct printer *p, unsigned depth)
{
	fprintf(p->out, "%*s", (int)(2 * (depth - 2)), "");
}

/* C1 controls are two bytes in UTF-8, 0xc2 and 0x80 to 0x9f; XML has no other but TAB, LF, CR. */
static void print_text(const struct printer *p, struct str s, unsigned depth)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i],
			      next = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;

		if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
			fputc('?', p->out);
			i++;
		} else if (c == '\n') {
			fputc('\n', p->out);
			indent(p, depth + 1);
		} else {
			fputc(c == '\r' || c == 127 ? '?' : c, p->out);
		}
	}
}

static void print_leaf(struct printer *p, struct str value)
{
	p->printed++;
	if (!p->out)
		return;
	indent(p, p->depth);
	fprintf(p->out, "%s:%s", p->name, value.n ? " " : "");
	print_text(p, value, p->depth);
	fputc('\n', p->out);
}

/* An element turns out to have children. */
static void print_list(struct printer *p)
{
	p->printed++;
	if (!p->out)
		return;
	indent(p, p->depth);
	if (p->total[0])
		fprintf(p->out, "%s (total %s):\n", p->name, p->total);
	else
		fprintf(p->out, "%s:\n", p->name);
}

/* --- the parser's calls --- */

static void on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct printer *p = arg;

	if (p->depth == 0 ? strcmp(name, "response") != 0 : p->depth == DEEPEST) {
		p->odd = true;
		XML_StopParser(p->parser, XML_FALSE);
		return;
	}
	if (p->depth >= 2 && !p->begun)
		print_list(p);
	p->depth++;
	p->begun = false;
	buf_release(&p->text);
	str_copy(p->name, sizeof(p->name), str_z(name));
	p->total[0] = '\0';
	for (; attributes[0]; attributes += 2)
		if (strcmp(attributes[0], "total") == 0)
			str_copy(p->total, sizeof(p->total), str_z(attributes[1]));
}

static void on_text(void *arg, const XML_Char *text, int n)
{
	struct printer *p = arg;

	if (buf_add(&p->text, (struct str){ text, (size_t)n }))
		p->odd = true;
}

/* What stands around the values of an answer. true: it was that. */
static bool take_frame(struct printer *p, struct str value)
{
	if (p->depth != 2)
		return false;
	if (strcmp(p->name, "status") == 0)
		p->ok = str_eq(value, STR("ok"));
	else if (strcmp(p->name, "code") == 0 && !p->ok)
		str_copy(p->code, sizeof(p->code), value);
	else if (strcmp(p->name, "error") == 0 && !p->ok)
		str_copy(p->error, sizeof(p->error), value);
	else
		return strcmp(p->name, "command") == 0;
	return true;
}

static void on_end(void *arg, const XML_Char *name)
{
	struct printer *p = arg;
	struct str value = p->text.mem ? buf_str(&p->text) : STR("");

	(void)name;
	if (!p->begun && p->depth >= 2 && !take_frame(p, value)) {
		if (p->total[0] && str_empty(str_trim(value)))
			print_list(p); /* an empty one */
		else
			print_leaf(p, value);
	}
	buf_release(&p->text);
	p->begun = true; /* the one around it has had a child */
	p->depth--;
}

int answer_print(struct str document, FILE *out, enum answer_status *status, struct err *why)
{
	struct printer p = { .parser = XML_ParserCreate("UTF-8"), .out = out };
	int rc = 0;

	if (!p.parser)
		bug("no XML parser");
	buf_init(&p.text, LIMIT_XML_ANSWER);
	XML_SetUserData(p.parser, &p);
	XML_SetElementHandler(p.parser, on_start, on_end);
	XML_SetCharacterDataHandler(p.parser, on_text);
	if (document.n > LIMIT_XML_ANSWER ||
	    XML_Parse(p.parser, document.p, (int)document.n, 1) != XML_STATUS_OK || p.odd)
		rc = err_set(why, "what answers is no protobalance");
	else if (p.ok && p.printed == 0 && out)
		fputs("ok\n", out);
	else if (!p.ok)
		err_set(why, "%s%s%s%s", p.error, p.code[0] ? " (" : "", p.code, p.code[0] ? ")" : "");
	*status = p.ok ? ANSWER_OK : ANSWER_ERROR;
	buf_release(&p.text);
	XML_ParserFree(p.parser);
	return rc;
}
