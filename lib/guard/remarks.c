#include "lib/guard/remarks.h"

#include <stdio.h>

#include "lib/base/hash.h"
#include "lib/guard/access.h"
#include "shm/penalty.h"
#include "shm/quota.h"

/* Of each kind one an hour, whichever worker comes first. */
static bool is_first(struct shm *shm, enum quota_kind kind, struct str account, int64_t mono_ms)
{
	return quota_add(shm, kind, access_subject(shm, account), 1, ACCESS_HOUR_MS, mono_ms) == 1;
}

bool remark_login(struct shm *shm, struct str account, const struct ipaddr *client,
		  int64_t mono_ms, char why[REMARK_TEXT])
{
	struct ipaddr net = ip_network(client);
	uint64_t value = hash_sip(shm_secret(shm),
				  (struct str){ (const char *)net.b, sizeof(net.b) });
	unsigned n = quota_distinct(shm, QUOTA_NETWORKS, access_subject(shm, account),
				    value, REMARK_NETWORKS, ACCESS_HOUR_MS, mono_ms);

	if (n <= REMARK_NETWORKS || !is_first(shm, QUOTA_REMARKED_LOGIN, account, mono_ms))
		return false;
	snprintf(why, REMARK_TEXT, "logins from more than %d networks in an hour", REMARK_NETWORKS);
	return true;
}

bool remark_is_many(unsigned recipients)
{
	return recipients > REMARK_RECIPIENTS;
}

bool remark_sent(struct shm *shm, struct str account, unsigned recipients,
		 int64_t average, int64_t mono_ms, char why[REMARK_TEXT])
{
	if (!remark_is_many(recipients) || (int64_t)recipients * 1000 <= average * REMARK_TIMES ||
	    !is_first(shm, QUOTA_REMARKED_SENT, account, mono_ms))
		return false;
	snprintf(why, REMARK_TEXT, "%u recipients in an hour, %lld on average",
		 recipients, (long long)((average + 500) / 1000));
	return true;
}
