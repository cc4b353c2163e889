/* The console's knowledge of settings and counters: the tables that the dispatcher checks values by. */
#include "cmd/pbdoc/doc.h"
#include "shm/counters.h"

static const char *const kinds[] = {
	[FK_TEXT] = "text",	  [FK_NAME] = "name",	    [FK_ADDRESS] = "address",
	[FK_MEMBERS] = "members", [FK_SECRET] = "secret",   [FK_PASSWORD] = "secret",
	[FK_RANGES] = "ranges",	  [FK_IP] = "ip",	    [FK_HOST] = "host",
	[FK_HOSTS] = "hosts",	  [FK_PATH] = "path",	    [FK_BYTES] = "bytes",
	[FK_URL] = "text",	  [FK_ENUM] = "enum",	    [FK_BOOL] = "bool",
	[FK_INT] = "int",	  [FK_DECIMAL] = "decimal", [FK_DATE] = "date",
};

static void put_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text == '\n' ? ' ' : *text, out);
	}
	fputc('"', out);
}

static void put_pair(FILE *out, const char *name, const char *text)
{
	fprintf(out, ", %s: ", name);
	put_string(out, text);
}

static void put_field(FILE *out, const struct field *f)
{
	struct arena a = ARENA(0);

	fputs("\t\t{ name: ", out);
	put_string(out, f->name);
	put_pair(out, "kind", kinds[f->kind]);
	if (f->dflt[0])
		put_pair(out, "dflt", f->dflt);
	if (f->kind == FK_ENUM)
		put_pair(out, "words", f->words);
	if (f->flags & FF_KEY)
		fputs(", key: true", out);
	if (f->flags & (FF_KEY | FF_REQUIRED))
		fputs(", required: true", out);
	if (f->flags & FF_FIXED)
		fputs(", fixed: true", out);
	if (f->flags & (FF_SMTP | FF_TCP))
		put_pair(out, "type", f->flags & FF_SMTP ? "smtp" : "tcp");
	put_pair(out, "form", help_form(f, &a).p);
	put_pair(out, "help", f->help);
	fputs(" },\n", out);
	arena_free(&a);
}

static void put_table(FILE *out, const char *name, const struct table *t)
{
	fprintf(out, "\t%s: [\n", name);
	for (unsigned i = 0; i < t->n_fields; i++)
		if (!(t->fields[i].flags & FF_HIDDEN))
			put_field(out, &t->fields[i]);
	fputs("\t],\n", out);
}

void js_tables(FILE *out)
{
	fputs("export const tables = {\n", out);
	put_table(out, "cluster", &table_clusters);
	put_table(out, "box", &table_boxes);
	put_table(out, "account", &table_accounts);
	put_table(out, "alias", &table_aliases);
	put_table(out, "info", &table_settings);
	fputs("};\n\nexport const counters = {\n", out);
	for (unsigned i = 0; i < CC_COUNT; i++) {
		fprintf(out, "\t%s: ", cluster_counter_info[i].name);
		put_string(out, cluster_counter_info[i].help);
		fputs(",\n", out);
	}
	fputs("};\n", out);
}
