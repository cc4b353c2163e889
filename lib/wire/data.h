/* data: the scanner of a message that streams by: end mark, bare newlines, NUL, length.
 * Pure and resumable: bytes may come in any split. RFC 5321 4.1.1.4, 2.3.8.
 *
 * The end mark is CRLF "." CRLF and nothing else, and it also counts at the very start
 * (an empty message: DATA CRLF "." CRLF). A bare LF or CR never forms a part of it: that
 * is how messages are smuggled. The CRLF in front belongs to the message: what the boxes
 * get last, behind the barrier, is DATA_END_MARK alone. */
#ifndef PB_WIRE_DATA_H
#define PB_WIRE_DATA_H

#include "lib/base/buf.h"
#include "lib/base/str.h"

#define DATA_END_MARK ".\r\n"

/* What has been seen. */
enum {
	DATA_BARE_LF = 1,
	DATA_BARE_CR = 2,
	DATA_NUL = 4,
	DATA_8BIT = 8,
	DATA_LONG_LINE = 16, /* over LIMIT_TEXT_LINE; passes, never cut */
};

struct data_scan {
	uint64_t bytes; /* of the message so far, dot-stuffed, without the end mark */
	unsigned seen;	/* in these bytes; the same for every split */
	bool ended;
	/* private: */
	unsigned state;
	size_t line; /* bytes of the current line */
};
void data_scan_init(struct data_scan *d);
/* Looks at the next bytes. Returns how many of them may be passed on: all that can no
 * longer become a part of the end mark (at most 2 are held back, "." CR, which the caller
 * keeps and gives again in front of the next bytes). When the end mark is complete, ended
 * is set, *used counts the mark as well, what is returned ends with the message's last
 * CRLF (or is 0 when the message is empty), and bytes behind the mark have not been
 * looked at. Else *used is what is returned. After ended nothing is taken.
 *
 * Look at seen BEFORE passing bytes on: then no box ever gets a bare LF, nor anything
 * that follows a bare CR, of a message that is about to be refused for them. */
size_t data_scan(struct data_scan *d, struct str in, size_t *used);

/* bare_newline = normalize: rewrites message bytes in place within b: a bare LF becomes
 * CRLF, a bare CR a space. A "." that begins a line only by such a repair is stuffed, and
 * so is one at a true line start that a bare LF follows: no new end mark can arise, and a
 * box that takes the stuffing off has the same lines. It stops behind the true end mark,
 * since what follows are commands. To be run BEFORE data_scan sees the bytes.
 *
 *   buf_str(b):  | final: data_scan may look | raw: as it came            |
 *                0                           at; at + *done after it     buf_len(b)
 *
 * Raw bytes from offset at of what is not consumed of b to its end are worked on; *done
 * says how many bytes have become final there, so that the next call's at is at + *done
 * (less what is consumed in between). Raw may stay: up to 2 bytes whose fate the next byte decides; what lies
 * behind the end mark; and what there was no room for, as the text may double. Call again
 * when bytes have come or room was made. Linear time; may move the bytes in memory as
 * buf_space does.
 *
 * Returns -1 when nothing became final for want of room alone (b is unchanged): wait for
 * the final bytes to be consumed. It cannot happen when a reader fills b no more than
 * halfway to its max: b->max = len + (max - len) / 2 while reading, b->max = max around
 * this call. */
struct data_norm {
	unsigned seen;	/* DATA_BARE_LF | DATA_BARE_CR: what was repaired */
	bool ended;	/* the end mark is final */
	unsigned state; /* private */
};
void data_norm_init(struct data_norm *n);
MUST_CHECK int data_normalize(struct data_norm *n, struct buf *b, size_t at,
			      size_t *done);

#endif
