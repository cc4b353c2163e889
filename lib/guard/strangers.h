/* strangers: how many sender addresses without an account one client of the relay ranges has
 * used (the manual's "Recipients per MAIL FROM" of a cluster, which serves twice).
 * Counted exactly over all workers (shm/quota.h), an IPv6 client with its /64. A window begins
 * with the count at nothing; all windows of one length begin together. Never blocks.
 * Not here: who is a stranger, and the answer (lib/session); the list (blocklist.h). */
#ifndef PB_GUARD_STRANGERS_H
#define PB_GUARD_STRANGERS_H

#include "lib/base/addr.h"
#include "shm/layout.h"

/* Counts this sender (folded; in any case it is the same one) and tells whether the client has now
 * used more than rcpt_per_mail of them in a window of window_ms (setting
 * distinct_from_emails_interval_min). now: monotonic ms. */
bool strangers_exceeded(struct shm *shm, const struct ipaddr *client, struct str sender_folded,
			int64_t rcpt_per_mail, int64_t window_ms, int64_t now_ms);
/* An administrator unblocked it: its count begins anew. */
void strangers_forget(struct shm *shm, const struct ipaddr *client);

#endif
