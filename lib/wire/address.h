/* address: mail addresses and SMTP paths (RFC 5321 4.1.2), by the manual's strict rules.
 * Pure: bytes in, slices out.
 *
 *   Path    = "<" [ A-d-l ":" ] Mailbox ">"     a source route (A-d-l) is dropped
 *   Mailbox = Local-part "@" Domain
 *
 * Manual, section 6: the domain has only 0-9 a-z . - _ ; the local part anything but
 * @ ( ) [ ] \ ; : , < > " ' , bytes 0-32 and 127-159, and no two adjacent punctuation
 * characters (ASCII ones; "a..b" and "a.-b" are out, "user+tag" and "a-b_c.d" are fine);
 * of rewritten senders (SRS0=, SRS1=; srs.h) only adjacent dots are refused.
 * RFC 5321 adds: no dot at either end; labels of a domain are 1..63 bytes without "-" at
 * either end. Hence refused: quoted local parts and address literals; UUCP and percent
 * hacks get no meaning. Bytes of 160 and above pass in the local part as they are. */
#ifndef PB_WIRE_ADDRESS_H
#define PB_WIRE_ADDRESS_H

#include "lib/base/str.h"

struct address {
	struct str full;  /* local@domain as it came, no source route; empty: null */
	struct str local; /* before the last @ */
	struct str domain;
};

enum address_fault {
	ADDRESS_OK,
	ADDRESS_EMPTY,
	ADDRESS_TOO_LONG,
	ADDRESS_NO_DOMAIN, /* no @ or nothing behind it */
	ADDRESS_BAD_LOCAL,
	ADDRESS_BAD_DOMAIN,
	ADDRESS_BAD_BRACKETS,
	ADDRESS_FAULTS,
};
/* In words, for replies and error texts. */
const char *address_fault_text(enum address_fault f);

/* A bare mailbox "local@domain"; out may be NULL. out is written only on ADDRESS_OK, here
 * and below. */
enum address_fault address_parse(struct str s, struct address *out);
/* Also "@domain" (a catch-all of the account tables); local is then empty. */
enum address_fault address_parse_account(struct str s, struct address *out);
/* "<...>" at the start of *in; *in moves behind ">" on success. null_ok: "<>" is the null
 * reverse-path; bare_ok: "<postmaster>" may lack its domain (RFC 5321 4.1.1.3). */
enum address_fault address_path(struct str *in, bool null_ok, bool bare_ok,
				struct address *out);
/* Lower case of full into dst (LIMIT_ADDRESS + 1 bytes with NUL); the length. Accounts
 * are keyed and compared by this. */
size_t address_fold(const struct address *a, char *dst);

#endif
