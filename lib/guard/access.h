/* access: what is known of an account's logins and mails (table_access): the last login, the networks
 * that it was used from, failures, recipients an hour.
 * Written coarsely, through the journal: once an hour (of shm/quota.h) for each account and network,
 * for an account's failures, and for its mails. A network is a /24 of IPv4 or a /64 of IPv6.
 * Not here: delays (shm/penalty.h); what is remarkable about it (remarks.h). */
#ifndef PB_GUARD_ACCESS_H
#define PB_GUARD_ACCESS_H

#include "lib/base/addr.h"
#include "lib/store/store.h"
#include "shm/layout.h"

#define ACCESS_NETWORKS 8
#define ACCESS_NETWORKS_TEXT (ACCESS_NETWORKS * ADDR_TEXT)
#define ACCESS_HOUR_MS 3600000
#define ACCESS_AVERAGE_HOURS \
	8 /* of recipients an hour: an hour's weight is one of so many */

/* When something happens: both clocks. */
struct access_time {
	int64_t wall_ms, mono_ms;
};

/* --- workers; account in any case --- */
/* A login has succeeded. protocol: "smtp", "pop3". */
void access_succeeded(struct shm *shm, unsigned slot, struct str account,
		      const struct ipaddr *client, const char *protocol, struct access_time now);
/* One has failed; the account exists. */
void access_failed(struct shm *shm, unsigned slot, struct str account, struct access_time now);
/* Its mail was accepted for so many recipients: returns how many it has in this hour. */
unsigned access_sent(struct shm *shm, unsigned slot, struct str account,
		     unsigned recipients, struct access_time now);
/* Has it been used from this client's network: 1, 0; -1 not readable (traffic NULL: 0). One
 * look-up. Not within a read of the same handle. */
MUST_CHECK int access_knows(struct store *traffic, struct str account, const struct ipaddr *client);
/* Its recipients an hour, in thousandths; 0 where nothing is known. One look-up. */
int64_t access_average(struct store *traffic, struct str account);

/* --- the replicator --- */
/* Adds what a fact says to the row that stands (the same key; defaults where there is none).
 * networks: room for the text of *row. Pure. */
void access_merge(struct access *row, const struct access *fact, char networks[ACCESS_NETWORKS_TEXT]);
/* Nothing has happened since this wall time: -1 when the row is empty. */
int64_t access_last(const struct access *row);

/* Keyed hash of an account, as the kinds of shm/quota.h that concern it count it. */
uint64_t access_subject(const struct shm *shm, struct str account);

#endif
