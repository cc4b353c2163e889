/* mail_policy: who may send what: relay clients, and what a reverse-path may do here.
 *
 *   relay client   logged in, or of relay_ranges: may send to foreign addresses
 *   mail program   a relay client that is no box of ours: it does not retry, so its mail goes
 *                  whole through one relay box where it would need several
 *   stranger       anybody else: to local addresses only
 *
 * Asked at MAIL, when nothing has gone to a box yet, and at RCPT for what an account refuses.
 * Relay clients that pass a limit are blocked here; boxes of ours and accounts with mail_unlimited pass
 * none. Not here: greylisting, how it is counted (lib/guard), which box (lib/route). */
#ifndef PB_SESSION_MAIL_POLICY_H
#define PB_SESSION_MAIL_POLICY_H

#include "lib/session/env.h"

struct mail_policy {
	struct route_from from; /* texts in the arena given */
	bool program;		/* of a mail program, see above */
	bool inside;		/* of a relay client, or of a box that hands on what one has sent */
	int64_t rcpt_max;	/* recipients it may have; 0: no limit but the product's */
	struct str account;	/* the login, else the account or alias of the sender; empty: none */
	bool counted;		/* the limits of relay clients hold for it (lib/guard/relay_limits.h) */
	bool over;		/* it has passed one meanwhile */
	bool early;		/* a stranger that has talked before its turn, and shall not (screen.h) */
	bool caught; /* one that has done what mail servers do not (screen.h) */
};

struct policy_refusal {
	int code;
	const char *text; /* with its enhanced code in front */
	int counter;	  /* enum cluster_counter */
};

/* MAIL of session s, by login ("" none), with this reverse-path (folded; empty: null; it must
 * outlive *out). NULL: it may, and *out is filled. Static. */
const struct policy_refusal *policy_mail(const struct session *s, const char *login,
					 struct str sender, struct arena *a,
					 struct mail_policy *out);
/* What the account that the client named refuses. NULL: nothing. Static. */
const struct policy_refusal *policy_rcpt(const struct mail_policy *p, const struct target *t);

/* The answer to a recipient beyond rcpt_max. It counts, and who has heard it too often is blocked.
 * Static. */
struct transaction;
const struct policy_refusal *policy_too_many(struct transaction *tx);

#endif
