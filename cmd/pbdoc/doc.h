/* doc: the generated pieces of docs/xml.md and pbctl.1, from the tables of commands,
 * verbs, options and tags. Frames with the rest stand beside (xml.md.in, pbctl.1.in); a
 * line "@NAME@" in them stands for a piece. */
#ifndef PB_CMD_PBDOC_DOC_H
#define PB_CMD_PBDOC_DOC_H

#include <stdio.h>

#include "cmd/pbctl/help.h"
#include "cmd/pbctl/tags.h"

/* Markdown: the list of commands with links; each command in full. */
void xml_contents(FILE *out);
void xml_commands(FILE *out);
void xml_counters(FILE *out);

/* JavaScript, for the console */
void js_tables(FILE *out);

/* mdoc(7) */
void man_options(FILE *out); /* of all commands */
void man_verbs(FILE *out);
void man_commands(FILE *out);
void man_parameters(FILE *out); /* what they mean, table by table */

/* Is that one of the blank separated words? */
bool doc_listed(const char *words, const char *word);

#endif
