/* header: watches a message's header go by, for the log, the digest and loop detection.
 * Pure and resumable; only LIMIT_HEADER_SCAN bytes are looked at as a header, what follows
 * counts as body. RFC 5322 2.2. */
#ifndef PB_WIRE_HEADER_H
#define PB_WIRE_HEADER_H

#include "lib/base/limits.h"
#include "lib/base/str.h"

enum header_part {
	HEADER_OTHER,	   /* a field nobody asked for, trace fields among them */
	HEADER_KEPT,	   /* Message-ID, Date, From, Subject: what a retry keeps */
	HEADER_BODY,	   /* behind the empty line */
};

struct header_scan {
	unsigned received;		       /* Received fields so far */
	char subject[LIMIT_SUBJECT_LOG + 1];   /* first Subject, unfolded, cut; raw bytes */
	char message_id[LIMIT_SUBJECT_LOG + 1];
	bool in_body;
	/* private: */
	unsigned state;
	size_t seen;
	char name[16];
	size_t name_n, value_n;
	int field;
};
void header_scan_init(struct header_scan *h);
/* Looks at the next bytes of the message (as data_scan passed them on) and calls piece for
 * each run of bytes of one kind, in order, covering exactly the input; piece may be NULL.
 * The bytes of a field name are given with its field, so KEPT pieces hold "Subject: ...". A
 * name split over two calls is given from scan state: such a piece does not point into in. */
void header_scan(struct header_scan *h, struct str in,
		 void (*piece)(void *arg, enum header_part part, struct str bytes), void *arg);

#endif
