/* reply: replies of boxes (SMTP, LMTP, POP3), and the composing of our own.
 * Pure and hostile-proof: boxes' replies are not trusted either. RFC 5321 4.2, RFC 2034/3463. */
#ifndef PB_WIRE_REPLY_H
#define PB_WIRE_REPLY_H

#include "lib/base/limits.h"
#include "lib/base/str.h"

enum parse_result { PARSE_MORE, PARSE_DONE, PARSE_BAD };

struct reply {
	int code;	     /* 200..599 */
	struct str enhanced; /* "2.0.0" of the last line; empty when absent */
	struct str text;     /* last line behind the code and enhanced code, no CRLF */
	struct str raw;	     /* all lines with their line ends */
};
/* One whole (multi-line) reply at the start of in. PARSE_BAD: not a reply, codes that differ
 * between lines, or longer than LIMIT_REPLY_LINE(S). LF alone ends a line of a box, too.
 * Slices borrow in. *used: bytes to take. */
enum parse_result reply_parse(struct str in, struct reply *out, size_t *used);
static inline int reply_class(const struct reply *r)
{
	return r->code / 100;
}
/* Each line of raw behind "250-" or "250 ", one a call; start with *at = 0. */
bool reply_line(const struct reply *r, size_t *at, struct str *line);

/* What a box offers in its EHLO reply. */
enum {
	OFFER_EHLO = 1u << 0, /* answered EHLO (or LHLO) at all */
	OFFER_PIPELINING = 1u << 1,
	OFFER_SIZE = 1u << 2,
	OFFER_8BITMIME = 1u << 3,
	OFFER_ENHANCED = 1u << 4,
	OFFER_SMTPUTF8 = 1u << 5,
	OFFER_DSN = 1u << 6,
	OFFER_CHUNKING = 1u << 7,
	OFFER_STARTTLS = 1u << 8,
	OFFER_PRDR = 1u << 9,
	OFFER_XCLIENT = 1u << 10,
	OFFER_XFORWARD = 1u << 11,
};
/* size: the SIZE value, 0 when none or unlimited. */
uint32_t ehlo_offer(const struct reply *r, uint64_t *size);

/* The manual's form of one box's word: "[MAIL1:250_ok_1262775853_qp_]": box name, code and
 * text with blanks as "_", control and non-ASCII bytes and ']' as "?", at most max bytes of
 * text. Returns the length written to dst (cap bytes, NUL-terminated). */
size_t reply_bracket(char *dst, size_t cap, struct str box, int code, struct str text, size_t max);

/* --- POP3 (RFC 1939) --- */
struct pop3_reply {
	bool ok;	 /* +OK, else -ERR */
	struct str text; /* behind it, no CRLF */
};
enum parse_result pop3_reply_parse(struct str in, struct pop3_reply *out, size_t *used);

#endif
