#include "cmd/pbdoc/doc.h"

#define WIDTH 78

/* --- mdoc --- */

/* Roff's marks: a backslash anywhere, a dot or quote in front of a line; what is typed
 * keeps its minus signs and quotes. */
static void put_escaped(FILE *out, struct str s, bool begins_line, bool literal)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (i == 0 && begins_line && (c == '.' || c == '\''))
			fputs("\\&", out);
		if (c == '\\')
			fputs("\\e", out);
		else if (literal && c == '-')
			fputs("\\-", out);
		else if (literal && c == '\'')
			fputs("\\(aq", out);
		else
			fputc(c, out);
	}
}

/* Lines of at most WIDTH, and a new one behind each sentence, as mdoc wants them. */
static void put_text(FILE *out, const char *text)
{
	struct str rest = str_z(text), word;
	size_t column = 0;

	while (str_split(&rest, ' ', &word)) {
		if (column > 0)
			fputc(column + 1 + word.n > WIDTH ? '\n' : ' ', out);
		column = column == 0 || column + 1 + word.n > WIDTH ? 0 : column + 1;
		put_escaped(out, word, column == 0, false);
		column += word.n;
		if (word.n && word.p[word.n - 1] == '.') {
			fputc('\n', out);
			column = 0;
		}
	}
	if (column > 0)
		fputc('\n', out);
}

static void put_option(FILE *out, const struct option_info *i)
{
	fprintf(out, ".It Fl %s", i->name);
	if (i->argument)
		fprintf(out, " Ar %s", i->argument);
	fputc('\n', out);
	put_text(out, i->help);
}

/* --- options --- */

void man_options(FILE *out)
{
	fputs(".Bl -tag -width Ds\n", out);
	for (const struct option_info *i = option_infos; i->name; i++)
		if (i->all)
			put_option(out, i);
	fputs(".El\n", out);
}

/* --- verbs --- */

static void put_slots(FILE *out, const struct verb *v)
{
	struct slot s = { .rest = str_z(v->slots) };

	while (slot_next(&s))
		fprintf(out, " %s%s %.*s%s", s.optional ? "Oo " : "",
			s.name.p[0] >= 'a' && s.name.p[0] <= 'z' ? "Cm" : "Ar",
			STR_ARG(s.name), s.optional ? " Oc" : "");
}

static void put_own_options(FILE *out, const struct verb *v)
{
	bool begun = false;

	for (const struct option_info *i = option_infos; i->name; i++) {
		if (i->all || !verb_has_option(v, i))
			continue;
		fputs(begun ? "" : ".Bl -tag -width Ds\n", out);
		begun = true;
		put_option(out, i);
	}
	fputs(begun ? ".El\n" : "", out);
}

static void put_examples(FILE *out, const struct verb *v)
{
	struct str rest = str_z(v->examples), line;

	fputs(".Bd -literal -offset indent\n", out);
	while (str_split(&rest, '\n', &line)) {
		fputs("pbctl ", out);
		put_escaped(out, line, false, true);
		fputc('\n', out);
	}
	fputs(".Ed\n", out);
}

void man_verbs(FILE *out)
{
	fputs(".Bl -tag -width Ds\n", out);
	for (const struct verb *v = verbs; v->words; v++) {
		fprintf(out, ".It Cm %s", v->words);
		put_slots(out, v);
		if (help_takes_params(v))
			fputs(" Oo Ar tag Ns = Ns Ar value ... Oc", out);
		fputc('\n', out);
		put_text(out, v->help);
		put_own_options(out, v);
		put_examples(out, v);
	}
	fputs(".El\n", out);
}

/* --- commands --- */

static void put_param_names(FILE *out, const struct command *c)
{
	struct param p = { .command = c };
	bool begun = false;

	while (param_next(&p)) {
		fprintf(out, "%s.Ar %.*s%s\n", begun ? "" : ".Pp\nParameters:\n",
			STR_ARG(p.name), p.required ? " Ns *" : "");
		begun = true;
	}
}

void man_commands(FILE *out)
{
	fputs(".Bl -tag -width Ds\n", out);
	for (const struct command *c = commands; c->name; c++) {
		fprintf(out, ".It Cm %s\n", c->name);
		put_text(out, c->help);
		put_param_names(out, c);
	}
	fputs(".El\n", out);
}

/* --- parameters --- */

static void put_parameter(FILE *out, const struct field *f)
{
	struct arena a = ARENA(0);
	struct str form = help_form(f, &a);

	fprintf(out, ".It Ar %s\n", f->name);
	put_text(out, arena_printf(&a, "%s; %.*s%s%s.", f->help, STR_ARG(form),
				   f->dflt[0] ? "; default " : "", f->dflt)
			      .p);
	arena_free(&a);
}

void man_parameters(FILE *out)
{
	static const struct {
		const char *title;
		const struct table *table;
	} parts[] = {
		{ "Accounts", &table_accounts },	 { "Aliases", &table_aliases },
		{ "Clusters", &table_clusters },	 { "Boxes", &table_boxes },
		{ "General settings", &table_settings }, { "Others", &table_args },
	};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		fprintf(out, ".Ss %s\n.Bl -tag -width Ds\n", parts[i].title);
		for (unsigned j = 0; j < parts[i].table->n_fields; j++)
			if (!(parts[i].table->fields[j].flags & FF_HIDDEN))
				put_parameter(out, &parts[i].table->fields[j]);
		fputs(".El\n", out);
	}
}
