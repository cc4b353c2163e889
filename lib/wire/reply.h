/* reply: replies of boxes (SMTP, LMTP, POP3), and the composing of our own.
 * Pure and hostile-proof: boxes' replies are not trusted either. RFC 5321 4.2, RFC
 * 2034/3463. */
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
/* One whole (multi-line) reply at the start of in. PARSE_BAD: not a reply (a NUL or a CR
 * within a line is none), codes that differ between lines, longer than
 * LIMIT_REPLY_LINE(S), or LIMIT_LEG_IN bytes without an end: a caller with a full buffer
 * never waits. LF alone ends a line of a box, too. "250" without text is a reply. An
 * enhanced code of another class than the code's counts as text. Slices borrow in; text
 * may hold other control bytes and 8-bit ones, so it goes to a client or a log only by
 * reply_clean, reply_bracket or log_escape. *used: bytes to take, 0 unless PARSE_DONE. */
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
	OFFER_AUTH_PLAIN = 1u << 12, /* mechanisms of AUTH (RFC 4954 3) */
	OFFER_AUTH_LOGIN = 1u << 13,
};
/* size: the SIZE value, 0 when none or unlimited. 0 when r is not a 2xx. The first line
 * of the reply names the box and is no keyword. */
uint32_t ehlo_offer(const struct reply *r, uint64_t *size);

/* The manual's form of one box's word: "[MAIL1:250_ok_1262775853_qp_]": box name, code
 * and text with blanks as "_", control and non-ASCII bytes and ']' as "?", at most max
 * bytes of text. Returns the length written to dst (cap bytes, NUL-terminated); what does
 * not fit is cut from the text, and if need be from the name. */
size_t reply_bracket(char *dst, size_t cap, struct str box, int code, struct str text,
		     size_t max);
/* Text fit to be quoted in a reply of ours: control and non-ASCII bytes as "?". Cut to
 * cap - 1 bytes, NUL-terminated (cap > 0); returns the length. */
size_t reply_clean(char *dst, size_t cap, struct str text);

/* --- POP3 (RFC 1939) --- */
struct pop3_reply {
	bool ok;	 /* +OK, else -ERR */
	struct str text; /* behind it, no CRLF */
};
/* One line of at most LIMIT_REPLY_LINE bytes, as above. */
enum parse_result pop3_reply_parse(struct str in, struct pop3_reply *out, size_t *used);

#endif
