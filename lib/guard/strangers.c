#include "lib/guard/strangers.h"

#include "lib/base/hash.h"
#include "shm/penalty.h"
#include "shm/quota.h"

/* One customer has a whole /64 of IPv6, and takes another address of it when he likes. */
static uint64_t subject_of(const struct shm *shm, const struct ipaddr *client)
{
	struct ipaddr ip = ip_is4(client) ? *client : ip_network(client);

	return hash_sip(shm_secret(shm), (struct str){ (const char *)ip.b, sizeof(ip.b) });
}

static uint64_t value_of(const struct shm *shm, struct str sender)
{
	char folded[LIMIT_ADDRESS];

	sender.n = sender.n < sizeof(folded) ? sender.n : sizeof(folded);
	str_lower(folded, sender);
	return hash_sip(shm_secret(shm), (struct str){ folded, sender.n });
}

bool strangers_exceeded(struct shm *shm, const struct ipaddr *client, struct str sender_folded,
			int64_t rcpt_per_mail, int64_t window_ms, int64_t now_ms)
{
	unsigned most = rcpt_per_mail > UINT32_MAX / 2 ? UINT32_MAX / 2 :
			rcpt_per_mail > 0		? (unsigned)rcpt_per_mail :
							  0;

	return quota_distinct(shm, QUOTA_STRANGERS, subject_of(shm, client),
			      value_of(shm, sender_folded), most, window_ms, now_ms) > most;
}

void strangers_forget(struct shm *shm, const struct ipaddr *client)
{
	quota_forget(shm, QUOTA_STRANGERS, subject_of(shm, client));
}
