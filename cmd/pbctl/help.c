#include "cmd/pbctl/help.h"

#include <inttypes.h>

#include "cmd/pbctl/tags.h"

#define WIDTH 78
#define INDENT 6

/* --- pieces --- */

static const char *decimal(char dst[32], int64_t v)
{
	snprintf(dst, 32, "%" PRId64 "%s%04" PRId64, v / 10000, v % 10000 ? "." : "", v % 10000);
	if (v % 10000 == 0)
		dst[strlen(dst) - 4] = '\0';
	return dst;
}

static struct str length(const struct field *f, const char *what, struct arena *a)
{
	if (f->min > 1)
		return arena_printf(a, "%s of %" PRId64 " to %" PRId64 " bytes", what,
				    f->min, f->max);
	return arena_printf(a, "%s of at most %" PRId64 " bytes", what, f->max);
}

static struct str choice(const struct field *f, struct arena *a)
{
	struct str rest = str_z(f->words), one, out = STR("");

	while (str_split(&rest, '|', &one))
		if (one.n)
			out = arena_printf(a, "%.*s%s%.*s", STR_ARG(out),
					   out.n ? ", " : "one of ", STR_ARG(one));
	return out;
}

static struct str number(const struct field *f, struct arena *a)
{
	char lo[32], hi[32];

	if (f->kind == FK_DECIMAL)
		return arena_printf(a, "%s to %s", decimal(lo, f->min), decimal(hi, f->max));
	return arena_printf(a, "%" PRId64 " to %" PRId64, f->min, f->max);
}

struct str help_form(const struct field *f, struct arena *a)
{
	static const char *const plain[] = {
		[FK_ADDRESS] = "mail address",
		[FK_MEMBERS] = "mail addresses, comma separated",
		[FK_RANGES] = "IP ranges",
		[FK_IP] = "IP address",
		[FK_HOST] = "host name",
		[FK_HOSTS] = "host names",
		[FK_PATH] = "absolute file name",
		[FK_BOOL] = "0 or 1",
		[FK_DATE] = "date as 2026-11-23T00:00:00Z",
	};

	if (f->flags & FF_ROWS)
		return STR("elements");
	switch (f->kind) {
	case FK_TEXT:
	case FK_SECRET:
	case FK_PASSWORD:
	case FK_BYTES:
	case FK_URL:
		return length(f, "text", a);
	case FK_NAME:
		return length(f, "name", a);
	case FK_ENUM:
		return choice(f, a);
	case FK_INT:
	case FK_DECIMAL:
		return number(f, a);
	default:
		return str_z(plain[f->kind]);
	}
}

bool help_tells_default(const struct command *cmd, const struct field *f)
{
	bool adds = cmd->flags & COMMAND_ADDS || cmd->table == &table_settings || !cmd->table;

	return adds && f->dflt[0];
}

/* Does a slot or an option of the verb stand for that parameter? */
static bool is_spoken_for(const struct verb *v, struct str tag)
{
	static const struct {
		const char *option, *tag;
	} options[] = { { "box", "boxid" }, { "from", "from_boxid" }, { "limit", "limit" }, { "all", "after" } };
	struct slot s = { .rest = str_z(v->slots) };
	struct str rest, one;

	while (slot_next(&s))
		if (str_eq(s.tag, tag))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		rest = str_z(v->options);
		while (rest.n && str_split(&rest, ' ', &one))
			if (str_eq(one, str_z(options[i].option)) &&
			    str_eq(tag, str_z(options[i].tag)))
				return true;
	}
	return false;
}

/* Verbs that have a word of their own take all that they want from it. */
static bool has_word_slot(const struct verb *v)
{
	struct slot s = { .rest = str_z(v->slots) };

	while (slot_next(&s))
		if (s.tag.n == 0)
			return true;
	return false;
}

bool help_takes_params(const struct verb *v)
{
	struct param p = { .command = v->command ? command_find(str_z(v->command)) : NULL };

	while (p.command && !has_word_slot(v) && param_next(&p))
		if (!is_spoken_for(v, p.name))
			return true;
	return false;
}

struct str help_synopsis(const struct verb *v, struct arena *a)
{
	struct slot s = { .rest = str_z(v->slots) };
	struct str out = arena_str(a, str_z(v->words));

	while (slot_next(&s))
		out = arena_printf(a, s.optional ? "%.*s [%.*s]" : "%.*s %.*s",
				   STR_ARG(out), STR_ARG(s.name));
	for (const struct option_info *i = option_infos; i->name; i++)
		if (!i->all && verb_has_option(v, i))
			out = arena_printf(a, "%.*s [-%s%s%s]", STR_ARG(out), i->name,
					   i->argument ? " " : "", i->argument ? i->argument : "");
	if (help_takes_params(v))
		out = arena_printf(a, "%.*s [tag=value ...]", STR_ARG(out));
	return out;
}

/* --- printing --- */

/* Words in lines of WIDTH, all indented. */
static void put_text(FILE *out, unsigned indent, const char *text)
{
	struct str rest = str_z(text), word;
	size_t column = WIDTH + 1;

	while (str_split(&rest, ' ', &word)) {
		if (column + 1 + word.n > WIDTH) {
			fprintf(out, "%s%*s", column > WIDTH ? "" : "\n", (int)indent, "");
			column = indent;
		} else {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", STR_ARG(word));
		column += word.n;
	}
	fputc('\n', out);
}

static void put_options(FILE *out, const struct verb *v)
{
	for (const struct option_info *i = option_infos; i->name; i++) {
		if (v ? i->all || !verb_has_option(v, i) : !i->all)
			continue;
		fprintf(out, "  -%s%s%s\n", i->name, i->argument ? " " : "",
			i->argument ? i->argument : "");
		put_text(out, INDENT, i->help);
	}
}

static void put_param(FILE *out, const struct param *p)
{
	bool dflt = help_tells_default(p->command, p->field);
	struct arena a = ARENA(0);
	struct str form = help_form(p->field, &a);

	fprintf(out, "  %.*s%s\n", STR_ARG(p->name), p->required ? " (required)" : "");
	put_text(out, INDENT,
		 arena_printf(&a, "%s; %.*s%s%s", p->field->help, STR_ARG(form),
			      dflt ? "; default " : "", dflt ? p->field->dflt : "")
			 .p);
	arena_free(&a);
}

static void put_params(FILE *out, const struct command *cmd, const struct verb *v)
{
	struct param p = { .command = cmd };
	bool begun = false;

	while (param_next(&p)) {
		if (v && is_spoken_for(v, p.name))
			continue;
		if (!begun)
			fprintf(out, "\n%s\n", v ? "Further, as tag=value:" : "Parameters, as tag=value:");
		begun = true;
		put_param(out, &p);
	}
}

static void put_command(FILE *out, const struct command *cmd)
{
	fprintf(out, "pbctl %s [tag=value ...]\n", cmd->name);
	put_text(out, INDENT, cmd->help);
	put_params(out, cmd, NULL);
}

static void put_verb(FILE *out, const struct verb *v)
{
	const struct command *cmd = v->command ? command_find(str_z(v->command)) : NULL;
	struct arena a = ARENA(0);
	struct str rest = str_z(v->examples), line;

	fprintf(out, "pbctl %s\n", help_synopsis(v, &a).p);
	put_text(out, INDENT, v->help);
	if (v->options[0])
		fputc('\n', out);
	put_options(out, v);
	if (cmd && help_takes_params(v))
		put_params(out, cmd, v);
	fprintf(out, "\nExamples:\n");
	while (str_split(&rest, '\n', &line))
		fprintf(out, "  pbctl %.*s\n", STR_ARG(line));
	arena_free(&a);
}

/* --- the whole --- */

void help_usage(FILE *out)
{
	fputs("usage: pbctl [options] VERB [words] [tag=value ...]\n"
	      "       pbctl [options] COMMAND [tag=value ...]     any command of the XML interface\n"
	      "       pbctl help [WORD ...]\n",
	      out);
}

void help_all(FILE *out)
{
	struct arena a = ARENA(0);

	help_usage(out);
	fputs("\nVerbs:\n", out);
	for (const struct verb *v = verbs; v->words; v++)
		fprintf(out, "  %s\n", help_synopsis(v, &a).p);
	fputs("\nCommands of the XML interface:\n", out);
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %s\n", c->name);
	fputs("\nOptions, anywhere in the line, with one or two dashes:\n", out);
	put_options(out, NULL);
	fputs("\nLong values and secrets: tag=@FILE takes a file, tag=- standard input (from a\n"
	      "terminal: a line that is not shown), tag=@@text the value \"@text\".\n"
	      "Exit status: 0 done; 1 refused; 2 not asked (usage, no connection, a file); 3 done,\n"
	      "but lines of a file were skipped.\n"
	      "\"pbctl help VERB\" and \"pbctl help COMMAND\" tell more.\n",
	      out);
	arena_free(&a);
}

/* Do the words begin those of the verb, or are they all of them? */
static bool begins(const struct verb *v, int n, char *const *words)
{
	struct str rest = str_z(v->words), one;

	for (int i = 0; i < n; i++)
		if (!str_split(&rest, ' ', &one) || !str_eq(one, str_z(words[i])))
			return false;
	return true;
}

bool help_words(FILE *out, int n, char *const *words)
{
	const struct command *cmd = n == 1 ? command_find(str_z(words[0])) : NULL;
	bool found = false;

	for (const struct verb *v = verbs; v->words; v++) {
		if (!begins(v, n, words))
			continue;
		if (found)
			fputc('\n', out);
		put_verb(out, v);
		found = true;
	}
	if (cmd && found)
		fputc('\n', out);
	if (cmd)
		put_command(out, cmd);
	return found || cmd;
}
