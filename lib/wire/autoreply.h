/* autoreply: whether a mail may be answered by itself, and the answer (RFC 3834).
 * Pure: header and addresses in, a verdict or a message out.
 * Not here: how often a sender is answered (RFC 3834 2: once in several days; the caller
 * remembers autoreply_sender), dot-stuffing (RFC 5321 4.5.2), and the envelope: MAIL FROM:<>
 * (RFC 3834 3.3) and RCPT TO the sender. Memory: borrows everything, keeps nothing.
 * test/unit/test_autoreply.c has a row for each verdict. */
#ifndef PB_WIRE_AUTOREPLY_H
#define PB_WIRE_AUTOREPLY_H

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/wire/address.h"

struct autoreply_mail {
	struct address sender; /* envelope; full empty: null */
	struct str header;     /* the OTHER and KEPT pieces of header_scan, in order */
	const struct str *own; /* addresses of the account, and aliases of it: */
	size_t n_own;	       /* a handful, each is compared with all in To and Cc */
};

enum autoreply_verdict {
	AUTOREPLY_SEND,
	AUTOREPLY_NULL_SENDER,	 /* MUST NOT, RFC 3834 2; also "Return-Path: <>" */
	AUTOREPLY_OWN_SENDER,	 /* one of own, also where rewritten (BATV, SRS) */
	AUTOREPLY_ROBOT,	 /* local part of a program, RFC 3834 2 (MAY) */
	AUTOREPLY_NOT_ASCII,	 /* a sender whom only SMTPUTF8 could reach */
	AUTOREPLY_LONG_HEADER,	 /* not seen as a whole: what forbids may be missing */
	AUTOREPLY_SUBMITTED,	 /* Auto-Submitted other than "no", RFC 3834 2 and 5 */
	AUTOREPLY_LIST,		 /* a List-* field, RFC 3834 2 (MAY), RFC 2369, 2919 */
	AUTOREPLY_PRECEDENCE,	 /* bulk, list, junk; RFC 3834 2 (MAY) */
	AUTOREPLY_SUPPRESS,	 /* X-Auto-Response-Suppress: All, AutoReply, OOF, DR */
	AUTOREPLY_LOOP,		 /* X-Loop or Return-Path names one of own */
	AUTOREPLY_NOT_ADDRESSED, /* none of own in To, Cc, Bcc, Resent-*; RFC 3834 2 */
	AUTOREPLY_VERDICTS,
};
/* In words, for log lines. */
const char *autoreply_text(enum autoreply_verdict v);

/* Whether m may be answered. Senders come first, then the first field of the header that
 * forbids it. "postmaster" is answered: RFC 3834 2 does not name it, and RFC 5321 4.5.1
 * has people behind it; what programs send in its name has a null sender or says
 * Auto-Submitted. Comments and quoted text (display names) are no addresses. */
enum autoreply_verdict autoreply_decide(const struct autoreply_mail *m);

/* What answers to sender are remembered by: his address in lower case, without the tags of
 * BATV (prvs=TAG=local@d) and of SRS, which change from day to day. In dst. */
struct str autoreply_sender(const struct address *sender, char dst[LIMIT_ADDRESS + 1]);

struct autoreply_letter {
	struct str from;    /* address of the account */
	struct str to;	    /* envelope sender of the mail that is answered */
	struct str subject; /* UTF-8; empty: "Auto: " and the Subject that is answered */
	struct str body;    /* UTF-8, any line ends, at most LIMIT_AUTOREPLY_BODY bytes */
	struct str message_id; /* ours, with its brackets; at most LIMIT_AUTOREPLY_ID */
	int64_t wall_ms;       /* Date */
	struct str header;     /* of the mail that is answered, as above */
};
/* Adds the whole message to out, lines of at most 998 bytes that end with CRLF, not
 * dot-stuffed: Date, From, To, Subject, Message-ID, In-Reply-To, References (RFC 5322
 * 3.6.4), Auto-Submitted: auto-replied (RFC 3834 5), and a text/plain in UTF-8. Nothing
 * of the letter or of the header it answers can begin a line of its own: line breaks and
 * control bytes in subjects are blanks, addresses and our identifier are refused with
 * anything but visible ASCII, identifiers of others are left out (mime.h has the text).
 * Of a thread its first and its newest identifiers are kept, LIMIT_AUTOREPLY_REFERENCES.
 * 0; -1 (and out is as before): an address or identifier is invalid, the body is too
 * long, or out has not the room; LIMIT_AUTOREPLY_MESSAGE bytes always do. */
MUST_CHECK int autoreply_compose(const struct autoreply_letter *l, struct buf *out,
				 struct err *e);

#endif
