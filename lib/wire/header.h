/* header: watches a message's header go by, for the log, the digest and loop detection.
 * Pure and resumable; only LIMIT_HEADER_SCAN bytes are looked at as a header, what
 * follows counts as body. RFC 5322 2.2.
 *
 *   header = *( 1*ftext *WSP ":" value CRLF *( WSP value CRLF ) ) CRLF
 *
 * A line that fits none of this (no colon within HEADER_NAME bytes) ends the header and
 * is body: so every byte that is not in a proper field reaches the digest. */
#ifndef PB_WIRE_HEADER_H
#define PB_WIRE_HEADER_H

#include "lib/base/limits.h"
#include "lib/base/str.h"

#define HEADER_NAME 80 /* a field's name with its colon; RFC 5322 2.1.1: 78 a line */

enum header_part {
	HEADER_OTHER, /* fields nobody asked for, as trace fields; the empty line */
	HEADER_KEPT,  /* Message-ID, Date, From, Subject: what a retry keeps */
	HEADER_BODY,  /* behind the empty line, or from the first line that is no field */
};

struct header_scan {
	unsigned received; /* Received fields so far */
	/* The first Subject and Message-ID: folds are one blank, blanks at both ends are
	 * gone, cut; else raw bytes, NUL as '?'. */
	char subject[LIMIT_SUBJECT_LOG + 1];
	char message_id[LIMIT_SUBJECT_LOG + 1];
	bool in_body;
	/* private: */
	bool in_value;	       /* behind the name of a field, within its line */
	bool copying;	       /* the value goes to subject or message_id */
	bool fold;	       /* at the blanks of a continuation of it */
	size_t copied, blanks; /* bytes of it; and the blanks seen behind these */
	size_t seen;	       /* bytes of header */
	char name[HEADER_NAME];
	size_t name_n;
	unsigned field, had; /* which field this is; a bit for each that came */
};
void header_scan_init(struct header_scan *h);
/* Looks at the next bytes of the message (as data_scan passed them on) and calls piece
 * for each run of bytes of one kind, in order, covering exactly the input; piece may be
 * NULL. The bytes of a field name are given with its field: KEPT pieces hold "Subject:"
 * as well. A name split over two calls is given from scan state: such a piece does not
 * point into in. A message that ends with CRLF leaves nothing ungiven. What is given as KEPT,
 * OTHER and BODY in all is the same for every split. Within the body a call is one piece.
 */
void header_scan(struct header_scan *h, struct str in,
		 void (*piece)(void *arg, enum header_part part, struct str bytes),
		 void *arg);

/* Walks the fields of a header that is there as a whole: the OTHER and KEPT pieces of a
 * header_scan one behind the other, which see the same fields. Cuts the first one off
 * *rest: name without blanks and colon, value with its folds and line ends. false: there
 * is none left (the empty line, or a line that is no field), and *rest is empty.
 * Borrows. */
bool header_next(struct str *rest, struct str *name, struct str *value);

#endif
