/* relay_limits: what a relay client may do in a time before it is blocked: MAIL commands, distinct
 * senders and domains, mails with too many recipients, senders without an account.
 * Each is counted by the client's address (an IPv6 client with its /64) and by the account, exactly
 * over all workers (shm/quota.h). A window begins with the count at nothing; all windows of one length
 * begin together. Never blocks. Whoever is killed has counted an event or not.
 * Not here: who is a relay client, who is exempt, and the answer (lib/session/mail_policy.h); the list
 * (blocklist.h). */
#ifndef PB_GUARD_RELAY_LIMITS_H
#define PB_GUARD_RELAY_LIMITS_H

#include "lib/base/addr.h"
#include "lib/store/tables.h"
#include "shm/layout.h"

enum relay_limit {
	RELAY_MAILS, /* mail_from_quota */
	RELAY_STRANGERS, /* rcpt_per_mail of the cluster, which serves twice; by address alone */
	RELAY_SENDERS,	/* distinct_from_emails */
	RELAY_DOMAINS,	/* distinct_from_domains */
	RELAY_EXCEEDED, /* recipient_exceeded_quota */
	RELAY_LIMITS,
};

/* Who has done it. */
struct relay_client {
	struct ipaddr ip;
	struct str account; /* in any case; empty: none */
};
enum { RELAY_BY_ADDRESS = 1, RELAY_BY_ACCOUNT = 2 };

/* How many of them, in what time: more are too many. */
struct relay_bound {
	int64_t most, window_ms;
};
struct relay_bound relay_bound(enum relay_limit l, const struct settings *s, const struct cluster *c);
/* "MAIL commands"; what is counted, in words. */
const char *relay_limit_words(enum relay_limit l);
/* "too many MAIL commands": the reason of a block. */
const char *relay_limit_reason(enum relay_limit l);

/* Counts one event. value: of what is counted distinct (a sender, a domain; in any case), else not
 * looked at. Returns by which it has now passed the bound: RELAY_BY_ADDRESS, RELAY_BY_ACCOUNT, both,
 * or 0. now: monotonic ms. */
unsigned relay_limit_count(struct shm *shm, enum relay_limit l, const struct relay_bound *b,
			   const struct relay_client *who, struct str value, int64_t now_ms);
/* How much stands in this window: by address, by account (0 where that is not counted). */
struct relay_standing {
	unsigned address, account;
};
struct relay_standing relay_limit_standing(struct shm *shm, enum relay_limit l,
					   const struct relay_bound *b,
					   const struct relay_client *who, int64_t now_ms);
/* An administrator unblocked it: its counts begin anew. */
void relay_limits_forget_address(struct shm *shm, const struct ipaddr *client);
void relay_limits_forget_account(struct shm *shm, struct str account);

#endif
