/* text: UTF-8 as a terminal may be given it. What a terminal would act upon (control
 * characters, among them the C1 ones, marks that turn the direction of writing) and
 * broken UTF-8 becomes '?', a character each. Pure, but for the stream. */
#ifndef PB_CMD_PBCTL_TEXT_H
#define PB_CMD_PBCTL_TEXT_H

#include <stdio.h>

#include "lib/base/str.h"

/* One character in front of s: its bytes (at least 1; s is not empty), the columns that
 * it takes, and whether it is shown as it is. */
struct glyph {
	size_t bytes;
	unsigned columns;
	bool plain;
};
struct glyph text_glyph(struct str s);
/* The columns that s takes; line breaks and tabs count as one. */
size_t text_width(struct str s);
/* Prints s; the second and later lines of it are indented by that many columns. */
void text_print(FILE *out, struct str s, unsigned indent);
/* Prints s in one line of at most max columns, line breaks and tabs as a blank; what is
 * cut off ends with an ellipsis. Returns the columns. */
size_t text_print_line(FILE *out, struct str s, size_t max);

#endif
