#include "admin/command.h"

#include <stdarg.h>
#include <stdio.h>

#include "admin/handlers.h"

#define SHOWN 64 /* bytes of a stranger's name in an answer */

#define COMMAND_LINE(name, group, flags, table, params, help, example) \
	{ #name, group, flags, table, params, cmd_##name, help, example },
const struct command commands[] = { COMMANDS(COMMAND_LINE){ .name = NULL } };

/* --- the table --- */

const struct command *command_find(struct str name)
{
	for (const struct command *cmd = commands; cmd->name; cmd++)
		if (str_eq(str_z(cmd->name), name))
			return cmd;
	return NULL;
}

bool command_nests(struct str name)
{
	const struct command *cmd = command_find(name);

	return cmd && cmd->flags & COMMAND_ROWS;
}

/* What describes a further parameter: args.h, or the stored row whose key it is, or one that
 * refers to such a row. */
static const struct field *describes(struct str name)
{
	const struct field *found = table_field(&table_args, name);

	for (const struct table *const *t = accounts_tables; *t && !found; t++) {
		const struct field *f = table_field(*t, name);

		found = f && f->flags & FF_KEY ? f : NULL;
	}
	return found;
}

static bool next_field(struct param *p)
{
	const struct table *t = p->command->table;
	unsigned must = FF_KEY | (p->command->flags & COMMAND_ADDS ? FF_REQUIRED : 0u);

	while (t && p->at < t->n_fields) {
		p->field = &t->fields[p->at++];
		if (p->field->flags & FF_HIDDEN)
			continue;
		p->name = str_z(p->field->name);
		p->required = p->field->flags & must;
		return true;
	}
	return false;
}

bool param_next(struct param *p)
{
	if (next_field(p))
		return true;
	if (!p->words.p)
		p->words = str_z(p->command->params ? p->command->params : "");
	if (p->words.n == 0 || !str_split(&p->words, ' ', &p->name))
		return false;
	if (!p->words.p)
		p->words = STR("");
	p->required = p->name.p[p->name.n - 1] == '!';
	p->name.n -= p->required;
	p->field = describes(p->name);
	return true;
}

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
	c->publish = c->stands = false;
	c->undo = NULL;
	c->journal_mark = 0;
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

/* A record of any table that describes a parameter. */
union scratch {
	struct account account;
	struct alias alias;
	struct cluster cluster;
	struct box box;
	struct settings settings;
	struct args args;
};

static int check_known(struct call *c, const struct command *cmd, struct str name)
{
	struct param p = { .command = cmd };
	struct str shown = cut(name);

	while (param_next(&p))
		if (str_eq(p.name, name))
			return 0;
	if (str_eq(name, STR("accesskey")))
		return 0;
	call_fail(c, 400, "unknown_parameter", "unknown parameter of %s: %.*s", cmd->name,
		  STR_ARG(shown));
	return -1;
}

/* Parses one value where it belongs, and puts its kept form into the request. */
static int check_value(struct call *c, const struct field *f, struct xml_param *v)
{
	bool own = f >= table_args.fields && f < table_args.fields + table_args.n_fields;
	union scratch other;
	void *rec = own ? (void *)&c->args : (void *)&other;
	struct err e = { "" };

	if (v->rows && !(f->flags & FF_ROWS)) {
		call_fail(c, 400, "malformed", "<%s> holds elements of its own, and must not", f->name);
		return -1;
	}
	if (f->flags & FF_ROWS && str_trim(v->value).n == 0)
		v->value = STR(""); /* blanks around no rows are no value */
	if (field_parse(f, rec, v->value, c->arena, &e) < 0) {
		call_fail(c, 400, "bad_value", "%s", e.text);
		return -1;
	}
	if (field_is_text(f->kind))
		v->value = field_str(f, rec);
	return 0;
}

static struct xml_param *named(const struct call *c, struct str name)
{
	for (unsigned i = 0; i < c->req->n; i++)
		if (str_eq(c->req->v[i].name, name))
			return (struct xml_param *)(uintptr_t)&c->req->v[i];
	return NULL;
}

static int check_params(struct call *c, const struct command *cmd)
{
	struct param p = { .command = cmd };

	for (unsigned i = 0; i < c->req->n; i++)
		if (check_known(c, cmd, c->req->v[i].name) < 0)
			return -1;
	while (param_next(&p)) {
		struct xml_param *v = named(c, p.name);
		/* Of the further ones an empty one is at its default. */
		bool skip = v && v->value.n == 0 && !v->rows && p.words.p && !p.required;

		if (v && !skip && check_value(c, p.field, v) < 0)
			return -1;
		if (v || !p.required)
			continue;
		call_fail(c, 400, "missing_parameter", "%s needs the parameter %.*s", cmd->name,
			  STR_ARG(p.name));
		return -1;
	}
	return 0;
}

void command_run(struct call *c)
{
	const struct command *cmd = command_find(c->req->command);
	struct str name = cut(c->req->command);

	c->http = 200;
	c->code = NULL;
	c->err.text[0] = '\0';
	c->publish = c->stands = false;
	c->undo = NULL;
	c->journal_mark = 0;
	record_defaults(&table_args, &c->args);
	xml_out_init(&c->body, 1);
	if (!cmd)
		call_fail(c, 404, "unknown_command", "unknown command: %.*s", STR_ARG(name));
	else if (check_params(c, cmd) == 0)
		cmd->run(c);
}

/* --- for handlers --- */

bool call_has(const struct call *c, const char *name)
{
	return named(c, str_z(name)) != NULL;
}

struct str call_text(const struct call *c, const char *name)
{
	const struct xml_param *v = named(c, str_z(name));

	return v ? v->value : STR("");
}
