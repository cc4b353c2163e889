/* srs: the Sender Rewriting Scheme, for mail that goes on to a foreign member of an
 * alias: SPF there asks for a sender of ours, and bounces must find back. After Shevek,
 * "The Sender Rewriting Scheme" (2004). Pure: time and secrets are arguments.
 *
 *   SRS0=HHHHH=TT=domain=local@us                an ordinary sender, local@domain
 *   SRS1=HHHHH=first==HHHH=TT=domain=local@us    one that the host "first" has rewritten;
 *                                                its SRS0 is behind "first=", untouched
 *
 * HHHHH: 25 bits of HMAC-SHA-256 in base32 over the lower case of what follows: no worse
 * than the usual 4 digits of base64, which lose 3 bits where case is lost, and without
 * + and /. TT: days modulo 1024 in base32. SRS1 has no time of its own: "first" checks
 * the one it gave.
 *
 * Case: other hosts may lower-case a local part, so neither the hash nor the time minds
 * case; the local part then comes back in lower case. A changed case of it passes for the
 * same reason; no other changed byte does. "srs0" of another host comes back as "SRS0".
 *
 * After 1024 days an old address is young again for as long as it was at first: secrets
 * should change once in that time. */
#ifndef PB_WIRE_SRS_H
#define PB_WIRE_SRS_H

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/wire/address.h"

/* The first secret signs, all of them verify: a new one goes in front, the old one out
 * when LIMIT_SRS_DAYS have passed. Empty ones sign and verify nothing. Borrows. */
struct srs_secrets {
	const struct str *list;
	size_t n;
};

enum srs_result {
	SRS_OK,
	/* forward: nothing was rewritten, the caller keeps the sender as it is */
	SRS_NULL, /* the null reverse-path stays null */
	SRS_OURS, /* rewritten already, and by us */
	SRS_LONG, /* more than LIMIT_LOCAL_PART or LIMIT_ADDRESS bytes would come of it */
	SRS_UNFIT,     /* no valid reverse-path would come of it (domain not one) */
	SRS_NO_SECRET, /* nothing to sign with */
	/* reverse: no address */
	SRS_NONE,      /* not of this scheme: an ordinary local part */
	SRS_MALFORMED, /* of the scheme, but not as we write it: 5.1.1 */
	SRS_FORGED,    /* no secret of ours gives this hash: 5.1.1 */
	SRS_EXPIRED,   /* ours, but too old: 5.1.1 */
	SRS_RESULTS,
};
/* In words, for log lines. */
const char *srs_text(enum srs_result r);

/* The sender of a mail that goes on, into out (NUL-terminated; "" unless SRS_OK). sender:
 * as mail_args_parse gave it. domain: ours, which bounces come back to. wall_ms: since
 * 1970; what is before counts as 1970. */
enum srs_result srs_forward(const struct srs_secrets *k, int64_t wall_ms,
			    const struct address *sender, struct str domain,
			    char out[LIMIT_ADDRESS + 1]);
/* The address that srs_forward was given, from the local part that it made, into out (as
 * above); of an SRS1 the SRS0 address at the first host,
 * which may be ours again. max_days: 0..1022, usually
 * LIMIT_SRS_DAYS; a day ahead of ours passes, as clocks differ. Whether the recipient's
 * domain is ours, and whether more than bounces may come this way, is the caller's to
 * look at. Costs one HMAC a secret. */
enum srs_result srs_reverse(const struct srs_secrets *k, int64_t wall_ms,
			    struct str local, unsigned max_days,
			    char out[LIMIT_ADDRESS + 1]);

#endif
