/* smtp_line: one SMTP command line: the verb, its argument, its ESMTP parameters.
 * Pure. RFC 5321 4.1.1, RFC 1870 (SIZE), RFC 6152 (BODY), PRDR (draft-hall-prdr-00).
 * Not here: what a verb does (lib/session). */
#ifndef PB_WIRE_SMTP_LINE_H
#define PB_WIRE_SMTP_LINE_H

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/wire/address.h"

/* Finds one line in what has arrived. LINE_MORE: not complete yet; LINE_LONG: longer than
 * max (> 0, the end included), drop it: when the used bytes do not end with LF, the rest
 * of that line is still to come and is to be dropped as well; LINE_BARE: ended by LF
 * without CR (line is without either); LINE_NUL: holds a NUL or a CR within. *used: bytes
 * to take, end included; 0 when LINE_MORE. */
enum line_result { LINE_OK, LINE_MORE, LINE_LONG, LINE_BARE, LINE_NUL };
enum line_result line_next(struct str in, size_t max, struct str *line, size_t *used);

struct smtp_line {
	struct str verb; /* as it came; compare with str_ieq */
	struct str args; /* without the space between and blanks at the end */
};
/* Never fails; an unknown verb is the dispatcher's business. */
void smtp_line_split(struct str line, struct smtp_line *out);

enum smtp_body { BODY_7BIT, BODY_8BITMIME };
struct mail_args {
	struct address reverse_path; /* full empty: null */
	uint64_t size;		     /* SIZE=, 0 when absent */
	enum smtp_body body;
	bool prdr;
	bool auth; /* AUTH=: who submitted it, as the client says; heeded by nobody (RFC 4954 5) */
	bool smtputf8; /* false: not offered, so ARGS_PARAM */
};
struct rcpt_args {
	struct address forward_path;
};
enum args_fault {
	ARGS_OK,
	ARGS_SYNTAX,	  /* 501 5.5.4 */
	ARGS_ADDRESS,	  /* 501 5.1.7 (MAIL) or 5.1.3 (RCPT); *af has the reason */
	ARGS_PARAM,	  /* 555 5.5.4: a parameter unknown, not offered, or repeated */
	ARGS_PARAM_VALUE, /* 501 5.5.4: its value */
};
/* args of MAIL: "FROM:<...> SIZE=... BODY=... PRDR". Blanks after the colon are accepted.
 * *af is ADDRESS_OK unless ARGS_ADDRESS is returned. A SIZE past 2^64 is UINT64_MAX. */
enum args_fault mail_args_parse(struct str args, struct mail_args *out,
				enum address_fault *af);
/* args of RCPT: "TO:<...>"; "<postmaster>" may stand without a domain. */
enum args_fault rcpt_args_parse(struct str args, struct rcpt_args *out,
				enum address_fault *af);
/* The argument of EHLO/HELO: a domain or address literal, loosely (letters digits . - _ :
 * [ ]), 1..253 bytes. Only what passes here is ever quoted in a Received field or log. */
bool helo_name_ok(struct str name);

#endif
