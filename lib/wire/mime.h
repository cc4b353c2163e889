/* mime: text of ours as mail carries it: header fields in encoded words (RFC 2047),
 * bodies in a content transfer encoding (RFC 2045 6). Pure: text in, bytes into a buffer.
 * Not here: dot-stuffing, which belongs to the dialogue (RFC 5321 4.5.2). */
#ifndef PB_WIRE_MIME_H
#define PB_WIRE_MIME_H

#include "lib/base/buf.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"

/* All writers: 0, or -1 when out has not the room; what was added by then stays. */

/* "name: text" CRLF from UTF-8 of one line, folded at 76 columns. As it is where it is
 * ASCII without "=?" and its words fit a line, else in encoded words, each of them whole
 * characters, B or Q, whichever is shorter. A control byte becomes a blank (CRLF one),
 * what is no UTF-8 "?", blanks at both ends are gone. Cut to LIMIT_UNSTRUCTURED bytes at
 * a character. name: at most 30 bytes. */
MUST_CHECK int mime_text_field(struct buf *out, struct str name, struct str text);
/* "name: prefix value" CRLF with the raw value of another message's field (header_next),
 * whose encoded words stay as they are: unfolded, folded anew, control bytes as above,
 * cut to LIMIT_UNSTRUCTURED bytes between two words; a word of more than 900 ends it.
 * With 8-bit bytes it is taken for UTF-8 and goes the way of mime_text_field. */
MUST_CHECK int mime_kept_field(struct buf *out, struct str name, struct str prefix,
			       struct str value);

enum mime_encoding {
	MIME_7BIT, /* ASCII in lines of at most 78 bytes */
	MIME_QUOTED_PRINTABLE,
	MIME_BASE64,
	MIME_ENCODINGS,
};
/* As Content-Transfer-Encoding names it. */
const char *mime_encoding_name(enum mime_encoding e);
/* 7bit where it serves, else what comes out shorter. */
enum mime_encoding mime_choose(struct str text);
/* UTF-8 with any line ends (CRLF, LF, CR) as the body of a message: lines end with CRLF,
 * the last one too. Control bytes but tabs, and what is no UTF-8, become "?". e: from
 * mime_choose of the same text. */
MUST_CHECK int mime_body(struct buf *out, struct str text, enum mime_encoding e);

#endif
