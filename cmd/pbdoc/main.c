/* pbdoc: writes a document from its frame: pbdoc FRAME >DOCUMENT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/pbctl/file.h"
#include "cmd/pbdoc/doc.h"

#define FRAME_MOST (1u << 20)

static const struct {
	const char *name;
	void (*write)(FILE *out);
} pieces[] = {
	{ "@XML_CONTENTS@", xml_contents },	{ "@XML_COMMANDS@", xml_commands },
	{ "@XML_COUNTERS@", xml_counters },	{ "@MAN_OPTIONS@", man_options },
	{ "@MAN_VERBS@", man_verbs },		{ "@MAN_COMMANDS@", man_commands },
	{ "@MAN_PARAMETERS@", man_parameters }, { "@JS_TABLES@", js_tables },
};

bool doc_listed(const char *words, const char *word)
{
	struct str rest = str_z(words), one;

	while (str_split(&rest, ' ', &one))
		if (str_eq(one, str_z(word)))
			return true;
	return false;
}

static void put_line(struct str line)
{
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
		if (str_eq(line, str_z(pieces[i].name))) {
			pieces[i].write(stdout);
			return;
		}
	printf("%.*s\n", STR_ARG(line));
}

int main(int argc, char **argv)
{
	struct str rest, line;
	struct buf frame;
	struct err e;

	if (argc != 2) {
		fputs("usage: pbdoc FRAME\n", stderr);
		return 2;
	}
	if (file_read(argv[1], FRAME_MOST, &frame, &e)) {
		fprintf(stderr, "pbdoc: %s\n", e.text);
		return 1;
	}
	rest = buf_str(&frame);
	while (rest.n && str_split(&rest, '\n', &line))
		put_line(line);
	buf_release(&frame);
	return fflush(stdout) || ferror(stdout);
}
