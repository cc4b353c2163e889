/* suspicion: how much a client network looks like a sender of spam, from what it did
 * in the last spreadlist_max_age_min, and how much the sender's domain looks like one that is
 * forged. Nothing of a mail's text is looked at.
 *
 * A score of 0 to 1000 thousandths, to be reckoned by hand from trace:
 *
 *   counted  of each piece of evidence = its measure - established * vouch / 1000, at least 0
 *   points                             = weight * counted / saturation, at most weight
 *   score                              = spread_factor * sum of points, at most 1000
 *
 * Fractions are dropped at each "/". The table is in suspicion.c, with the reason of each weight;
 * weights add up to 1000 and come from what others have published, not from a run of our own. More
 * of a piece of evidence never lowers the score, more established mails never raise it.
 * Established is a mail that comes again from the same network and sender to the same recipient, or
 * from a correspondent: what spam hardly ever does. It vouches for what mail servers do all day, as
 * a large sender's network has many senders, domains and typing errors. That a mail was tried again
 * and so passed vouches for nothing: bots have learned to do that.
 *
 * Pure. Not here: counting (sketch.h, conduct.h, naming.h); who is exempt (spam_whitelist_ranges,
 * correspondents), who is therefore never asked about. */
#ifndef PB_GUARD_SUSPICION_H
#define PB_GUARD_SUSPICION_H

#include "lib/base/buf.h"

enum evidence_kind {
	EVIDENCE_UNKNOWN,
	EVIDENCE_FORGED,
	EVIDENCE_ABANDONED,
	EVIDENCE_DOMAINS,
	EVIDENCE_SENDERS,
	EVIDENCE_EARLY,
	EVIDENCE_NAMELESS,
	EVIDENCE_RECIPIENTS,
	EVIDENCE_ERRORS,
	EVIDENCE_KINDS,
};

struct evidence_rule {
	const char *name;     /* in words, as log and trace show it */
	const char *measured; /* how, in words */
	unsigned weight;      /* thousandths of the score */
	unsigned saturation;  /* counted so often it weighs all it can */
	unsigned vouch;	      /* thousandths of the measure that an established mail takes back */
};
extern const struct evidence_rule evidence_rules[EVIDENCE_KINDS];

struct evidence { /* of one client network in the window */
	uint64_t measure[EVIDENCE_KINDS];
	uint64_t established; /* CONDUCT_ESTABLISHED */
};

struct explanation { /* of one score, a piece of evidence each */
	uint64_t counted[EVIDENCE_KINDS];
	unsigned points[EVIDENCE_KINDS];
};

#define SUSPICION_ALL 1000u   /* the whole score */
/* Below it nobody waits longer, and a retry proves: so much even who sends for many shows, of domains,
 * senders, recipients and some errors. */
#define SUSPICION_START 200u
/* From here on the wait is full, and trust spares nobody: so much is the strongest piece alone. */
#define SUSPICION_FULL 400u
#define SUSPICION_REFUSE 800u /* from here on mail is refused, see suspicion_refuses */
#define SUSPICION_RECIPIENTS 5u

/* The score. spread_factor: of the cluster, as stored (times 10000; 0: off, then the score is 0).
 * why: filled; may be NULL. */
unsigned suspicion_score(const struct evidence *e, int64_t spread_factor, struct explanation *why);
/* The initial time of greylisting: between initial_ms and suspicious_ms as the score is between
 * SUSPICION_START and SUSPICION_FULL; never below initial_ms. */
int64_t suspicion_initial_ms(unsigned score, int64_t initial_ms, int64_t suspicious_ms);
/* Refuse for good those who have done something themselves (gate.h)? From SUSPICION_REFUSE on, and only when
 * at least SUSPICION_RECIPIENTS distinct recipients were tried: what one mailbox saw is no evidence about a
 * network. */
bool suspicion_refuses(unsigned score, const struct evidence *e);
/* "abandoned first tries 30 of 30: 250" and so on, with ", " between them; pieces without points
 * are left out. 0, or -1: out is full, and ends with a whole piece. */
MUST_CHECK int suspicion_explain(const struct explanation *why, struct buf *out);

#endif
