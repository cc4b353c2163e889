/* data: the scanner of a message that streams by: end mark, bare newlines, NUL, length.
 * Pure and resumable: bytes may come in any split. RFC 5321 4.1.1.4, 2.3.8.
 *
 * The end mark is CRLF "." CRLF and nothing else, and it also counts at the very start
 * (an empty message: DATA CRLF "." CRLF). A bare LF or CR never forms a part of it: that is
 * how messages are smuggled. */
#ifndef PB_WIRE_DATA_H
#define PB_WIRE_DATA_H

#include "lib/base/buf.h"
#include "lib/base/str.h"

enum { /* what has been seen */
	DATA_BARE_LF = 1,
	DATA_BARE_CR = 2,
	DATA_NUL = 4,
	DATA_8BIT = 8,
	DATA_LONG_LINE = 16, /* over LIMIT_TEXT_LINE; passes, never cut */
};

struct data_scan {
	uint64_t bytes;	   /* of the message so far, dot-stuffed, without the end mark */
	unsigned seen;
	bool ended;
	/* private: */
	unsigned state;
	size_t line;	   /* bytes of the current line */
};
void data_scan_init(struct data_scan *d);
/* Looks at the next bytes. Returns how many of them may be passed on: all that can no longer
 * become a part of the end mark (at most 4 are held back: CR LF . CR, which the caller
 * keeps and gives again in front of the next bytes). When the end mark is complete, ended is
 * set, *used counts the mark as well, and what is returned ends with the message's last CRLF
 * (or is 0 when the message is empty). Else *used is what is returned. */
size_t data_scan(struct data_scan *d, struct str in, size_t *used);

/* bare_newline = normalize: rewrites message bytes in place within b, from offset at to its
 * end: a bare LF becomes CRLF, a bare CR a space, and a "." that thereby would stand alone on a
 * line, or begin one, behind a repaired newline is stuffed, so that no new end mark can
 * arise. prev/carry make it resumable; it may leave up to 3 bytes behind at the end
 * unprocessed (*done: bytes final). Linear time; b->max must allow doubling. To be run BEFORE
 * data_scan sees the bytes. -1: no room. */
struct data_norm {
	unsigned state; /* private; zero at the start of a message */
};
MUST_CHECK int data_normalize(struct data_norm *n, struct buf *b, size_t at, size_t *done);

#endif
