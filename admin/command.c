#include "admin/command.h"

#include <stdarg.h>
#include <stdio.h>

#include "admin/handlers.h"

#define SHOWN 64 /* bytes of a stranger's name in an answer */

#define COMMAND_ROW(name, flags, table, params) \
	{ #name, flags, table, params, cmd_##name },
const struct command commands[] = { COMMANDS(COMMAND_ROW){ NULL, 0, NULL, NULL, NULL } };

/* --- the answer --- */

void call_fail(struct call *c, unsigned http, const char *code, const char *fmt, ...)
{
	va_list ap;

	c->http = http;
	c->code = code;
	va_start(ap, fmt);
	vsnprintf(c->err.text, sizeof(c->err.text), fmt, ap);
	va_end(ap);
	xml_out_free(&c->body);
	c->publish = false;
	c->undo = NULL;
}

static struct str cut(struct str s)
{
	return (struct str){ s.p, s.n < SHOWN ? s.n : SHOWN };
}

struct str call_document(struct call *c, struct xml_out *out)
{
	if (!c->code && c->body.full)
		call_fail(c, 503, "answer_too_large", "the answer would pass %u bytes", LIMIT_XML_ANSWER);
	xml_out_begin(out, c->req ? cut(c->req->command) : STR(""));
	xml_out_text(out, "status", c->code ? STR("error") : STR("ok"));
	if (c->code) {
		xml_out_text(out, "code", str_z(c->code));
		xml_out_text(out, "error", str_z(c->err.text));
	} else {
		xml_out_piece(out, &c->body);
	}
	return xml_out_end(out);
}

/* --- the dispatcher --- */

static const struct command *find(struct str name)
{
	for (const struct command *cmd = commands; cmd->name; cmd++)
		if (str_eq(str_z(cmd->name), name))
			return cmd;
	return NULL;
}

static bool listed(const char *words, struct str word)
{
	struct str rest = str_z(words), one;

	while (str_split(&rest, ' ', &one))
		if (str_eq(one, word))
			return true;
	return false;
}

static bool allowed(const struct command *cmd, struct str name)
{
	const struct field *f = cmd->table ? table_field(cmd->table, name) : NULL;

	return (f && !(f->flags & FF_HIDDEN)) || listed(cmd->params, name) ||
	       str_eq(name, STR("accesskey"));
}

static int check_params(struct call *c, const struct command *cmd)
{
	for (unsigned i = 0; i < c->req->n; i++) {
		struct str name = cut(c->req->v[i].name);

		if (allowed(cmd, c->req->v[i].name))
			continue;
		call_fail(c, 400, "unknown_parameter", "unknown parameter of %s: %.*s",
			  cmd->name, STR_ARG(name));
		return -1;
	}
	return 0;
}

void command_run(struct call *c)
{
	const struct command *cmd = find(c->req->command);
	struct str name = cut(c->req->command);

	c->http = 200;
	c->code = NULL;
	c->err.text[0] = '\0';
	c->publish = false;
	c->undo = NULL;
	xml_out_init(&c->body, 1);
	if (!cmd)
		call_fail(c, 404, "unknown_command", "unknown command: %.*s", STR_ARG(name));
	else if (check_params(c, cmd) == 0)
		cmd->run(c);
}
