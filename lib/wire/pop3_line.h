/* pop3_line: POP3 command lines before the tunnel. Pure. RFC 1939, 1734/5034 (AUTH), 2449
 * (CAPA), 6856 (UTF8). Lines come from line_next (smtp_line.h). */
#ifndef PB_WIRE_POP3_LINE_H
#define PB_WIRE_POP3_LINE_H

#include "lib/base/str.h"

struct pop3_line {
	struct str verb; /* as it came */
	struct str args; /* the rest behind ONE space: blanks in passwords count */
};
void pop3_line_split(struct str line, struct pop3_line *out);
/* APOP args: "name digest", digest 32 hex digits (any case), nothing behind. 0, or -1. */
MUST_CHECK int pop3_apop_parse(struct str args, struct str *name, uint8_t digest[16]);
/* The MD5 itself is compared by the caller, who knows the stamp he greeted with. */

#endif
