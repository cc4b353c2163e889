#include "cmd/pbctl/help.h"

#include <inttypes.h>

#include "admin/command.h"

#define WIDTH 78
#define INDENT 6

void help_usage(FILE *out)
{
	fputs("usage: pbctl [-directory DIR] [-xml] COMMAND [tag=value ...]\n"
	      "       pbctl -url http://host[:port] -key KEY [-xml] COMMAND [tag=value ...]\n"
	      "       pbctl help [COMMAND]\n"
	      "\n"
	      "  -directory DIR  of the service on this machine; default /var/lib/protobalance\n"
	      "  -url URL        of a service elsewhere\n"
	      "  -key KEY        its access key; @FILE and - as for values\n"
	      "  -xml            print the answer as it comes\n"
	      "  -version        print the version\n"
	      "\n"
	      "Long values and secrets: tag=@FILE takes a file, tag=- standard input (from a\n"
	      "terminal: a line that is not shown), tag=@@text the value \"@text\".\n"
	      "Exit status: 0 done, 1 refused, 2 not asked (usage, no connection).\n",
	      out);
}

static void print_command(FILE *out, const struct command *c)
{
	struct param one = { .command = c };
	size_t column = WIDTH;

	fprintf(out, "  %s", c->name);
	while (param_next(&one)) {
		if (column + 1 + one.name.n > WIDTH) {
			fprintf(out, "\n%*s", INDENT - 1, "");
			column = INDENT - 1;
		}
		fprintf(out, " %.*s", STR_ARG(one.name));
		column += 1 + one.name.n;
	}
	fputc('\n', out);
}

void help_commands(FILE *out)
{
	help_usage(out);
	fputs("\nCommands and their parameters:\n", out);
	for (const struct command *c = commands; c->name; c++)
		print_command(out, c);
	fputs("\n\"pbctl help COMMAND\" tells what they mean.\n", out);
}

/* --- one command --- */

static const char *decimal(char dst[32], int64_t v)
{
	snprintf(dst, 32, "%" PRId64 "%s%04" PRId64, v / 10000, v % 10000 ? "." : "", v % 10000);
	if (v % 10000 == 0)
		dst[strlen(dst) - 4] = '\0';
	return dst;
}

static void print_range(FILE *out, const struct field *f)
{
	char lo[32], hi[32];

	switch (f->kind) {
	case FK_BOOL:
		fputs("; 0 or 1", out);
		break;
	case FK_INT:
		fprintf(out, "; %" PRId64 " to %" PRId64, f->min, f->max);
		break;
	case FK_DECIMAL:
		fprintf(out, "; %s to %s", decimal(lo, f->min), decimal(hi, f->max));
		break;
	case FK_DATE:
		fputs("; as 2026-11-23T00:00:00Z", out);
		break;
	case FK_ENUM:
		fprintf(out, "; %s", f->words[0] == '|' ? f->words + 1 : f->words);
		break;
	default:
		break;
	}
}

static void print_param(FILE *out, const struct param *p, bool adds)
{
	const struct field *f = p->field;

	fprintf(out, "  %.*s%s\n", STR_ARG(p->name), p->required ? " (required)" : "");
	if (!f)
		return;
	fprintf(out, "%*s%s", INDENT, "", f->help);
	print_range(out, f);
	if (adds && f->dflt[0])
		fprintf(out, "; default %s", f->dflt);
	fputc('\n', out);
}

bool help_command(FILE *out, struct str name)
{
	for (const struct command *c = commands; c->name; c++) {
		struct param one = { .command = c };

		if (!str_eq(str_z(c->name), name))
			continue;
		fprintf(out, "%s\n", c->name);
		while (param_next(&one)) {
			bool adds = str_starts(name, STR("add"));

			print_param(out, &one, adds);
		}
		return true;
	}
	return false;
}
