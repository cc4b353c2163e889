#include "admin/xml_out.h"
#include "cmd/pbdoc/doc.h"
#include "shm/history.h"

#define KEY "\xe2\x80\xa6" /* stands for the access key in examples */

/* --- Markdown --- */

/* Text that holds none of its marks. */
static void put_plain(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '|':
		case '*':
			fputc('\\', out);
			fputc(*text, out);
			break;
		default:
			fputc(*text, out);
		}
}

static void put_paragraph(FILE *out, const char *text)
{
	put_plain(out, text);
	fputs("\n\n", out);
}

/* A word for a shell. */
static void put_word(FILE *out, struct str word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "@%_+=:,./-";
	bool quote = word.n == 0;

	for (size_t i = 0; i < word.n; i++)
		quote |= !strchr(plain, word.p[i]);
	fprintf(out, quote ? "'%.*s'" : "%.*s", STR_ARG(word));
}

/* --- a command --- */

static void put_param(FILE *out, const struct param *p)
{
	bool dflt = help_tells_default(p->command, p->field);
	struct arena a = ARENA(0);
	struct str form = help_form(p->field, &a);

	fprintf(out, "| `%.*s` | %s | ", STR_ARG(p->name), p->required ? "required" : "");
	put_plain(out, arena_str(&a, form).p);
	fputs(" | ", out);
	put_plain(out, dflt ? p->field->dflt : "");
	fputs(" | ", out);
	put_plain(out, p->field->help);
	fputs(" |\n", out);
	arena_free(&a);
}

static void put_params(FILE *out, const struct command *c)
{
	struct param p = { .command = c };
	bool begun = false;

	while (param_next(&p)) {
		if (!begun)
			fputs("| parameter | | form | default | meaning |\n|---|---|---|---|---|\n", out);
		begun = true;
		put_param(out, &p);
	}
	fputs(begun ? "\n" : "No parameters.\n\n", out);
}

static void put_element(struct xml_out *o, struct str tag, struct str value)
{
	char name[64];

	str_copy(name, sizeof(name), tag);
	xml_out_text(o, name, value);
}

/* Of a command that takes elements of elements: one setting, as config export writes
 * it. */
static void put_rows_example(struct xml_out *o)
{
	xml_out_open(o, "settings", -1);
	xml_out_text(o, "greylist_initial_min", STR("10"));
	xml_out_close(o, "settings");
}

static void put_request(FILE *out, const struct command *c)
{
	struct str rest = str_z(c->example), word, tag, text;
	struct xml_out o;

	xml_out_init(&o, 0);
	xml_out_open(&o, c->name, -1);
	xml_out_text(&o, "accesskey", STR(KEY));
	while (rest.n && str_split(&rest, ' ', &word)) {
		str_split(&word, '=', &tag);
		put_element(&o, tag, word);
		if (!rest.p)
			break;
	}
	if (c->flags & COMMAND_ROWS)
		put_rows_example(&o);
	xml_out_close(&o, c->name);
	text = buf_str(&o.buf);
	fprintf(out, "```xml\n%.*s```\n\n", STR_ARG(text));
	xml_out_free(&o);
}

static void put_shell(FILE *out, const struct command *c)
{
	struct str rest = str_z(c->example), word;

	if (c->flags & COMMAND_ROWS)
		return; /* a verb does it */
	fprintf(out, "```sh\npbctl %s", c->name);
	while (rest.n && str_split(&rest, ' ', &word)) {
		fputc(' ', out);
		put_word(out, word);
		if (!rest.p)
			break;
	}
	fputs("\n```\n\n", out);
}

static void put_verbs(FILE *out, const struct command *c)
{
	const char *before = "For people: ";

	for (const struct verb *v = verbs; v->words; v++) {
		struct arena a = ARENA(0);

		if (v->command && strcmp(v->command, c->name) == 0) {
			fprintf(out, "%s`pbctl %s`", before, help_synopsis(v, &a).p);
			before = ", ";
		}
		arena_free(&a);
	}
	if (before[0] == ',')
		fputs(".\n\n", out);
}

static void put_answers(FILE *out, const struct command *c)
{
	bool begun = false;

	for (const struct answer_tag *t = answer_tags; t->tag; t++) {
		if (!doc_listed(t->commands, c->name))
			continue;
		if (!begun)
			fputs("| answer | meaning |\n|---|---|\n", out);
		begun = true;
		fprintf(out, "| `%s` | ", t->tag);
		put_plain(out, t->help);
		fputs(" |\n", out);
	}
	if (begun)
		fputc('\n', out);
}

static void put_command(FILE *out, const struct command *c)
{
	fprintf(out, "### %s\n\n", c->name);
	put_paragraph(out, c->help);
	put_params(out, c);
	put_request(out, c);
	put_shell(out, c);
	put_verbs(out, c);
	put_answers(out, c);
}

/* --- the pieces --- */

static bool begins_group(const struct command *c)
{
	return c == commands || strcmp(c->group, c[-1].group) != 0;
}

void xml_contents(FILE *out)
{
	for (const struct command *c = commands; c->name; c++) {
		if (begins_group(c))
			fprintf(out, "%s**%s:**", c == commands ? "" : "\n\n", c->group);
		fprintf(out, "%s [%s](#%s)", begins_group(c) ? "" : ",", c->name, c->name);
	}
	fputc('\n', out);
}

void xml_commands(FILE *out)
{
	for (const struct command *c = commands; c->name; c++) {
		if (begins_group(c))
			fprintf(out, "## %s\n\n", c->group);
		put_command(out, c);
	}
}

static void put_counters(FILE *out, const char *title, const struct counter_info *info, size_t n)
{
	fprintf(out, "| %s | |\n|---|---|\n", title);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "| `%s` | %s |\n", info[i].name, info[i].help);
	fputc('\n', out);
}

void xml_counters(FILE *out)
{
	put_counters(out, "cluster, worker", cluster_counter_info, CC_COUNT);
	put_counters(out, "box", box_counter_info, BC_COUNT);
	put_counters(out, "sample of the history", history_info, HF_COUNT);
}
