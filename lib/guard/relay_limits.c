#include "lib/guard/relay_limits.h"

#include "lib/base/hash.h"
#include "shm/penalty.h"
#include "shm/quota.h"

#define BY_BOTH (RELAY_BY_ADDRESS | RELAY_BY_ACCOUNT)
#define OF_CLUSTER \
	SIZE_MAX /* how many: not a setting, but rcpt_per_mail of the cluster */

/* kind, are distinct values counted, subjects, how many (setting), minutes (setting), words */
#define MOST(field) offsetof(struct settings, field)
static const struct {
	enum quota_kind kind;
	bool distinct;
	unsigned by;
	size_t most, interval;
	const char *words, *reason;
} limits[RELAY_LIMITS] = {
	[RELAY_MAILS] = { QUOTA_MAILS, false, BY_BOTH, MOST(mail_from_quota),
			  MOST(mail_from_interval_min), "MAIL commands", "too many MAIL commands" },
	[RELAY_STRANGERS] = { QUOTA_STRANGERS, true, RELAY_BY_ADDRESS, OF_CLUSTER,
			      MOST(distinct_from_emails_interval_min), "sender addresses without an account",
			      "too many sender addresses without an account" },
	[RELAY_SENDERS] = { QUOTA_SENDERS, true, BY_BOTH, MOST(distinct_from_emails),
			    MOST(distinct_from_emails_interval_min), "sender addresses",
			    "too many sender addresses" },
	[RELAY_DOMAINS] = { QUOTA_DOMAINS, true, BY_BOTH, MOST(distinct_from_domains),
			    MOST(distinct_from_domains_interval_min), "sender domains",
			    "too many sender domains" },
	[RELAY_EXCEEDED] = { QUOTA_EXCEEDED, false, BY_BOTH, MOST(recipient_exceeded_quota),
			     MOST(recipient_exceeded_interval_min), "recipients beyond those of a mail",
			     "too many recipients beyond those of a mail" },
};

static int64_t setting(const struct settings *s, size_t offset)
{
	int64_t v;

	memcpy(&v, (const char *)s + offset, sizeof(v));
	return v;
}

struct relay_bound relay_bound(enum relay_limit l, const struct settings *s, const struct cluster *c)
{
	return (struct relay_bound){ limits[l].most == OF_CLUSTER ? c->rcpt_per_mail :
								    setting(s, limits[l].most),
				     decimal_min_ms(setting(s, limits[l].interval)) };
}

const char *relay_limit_words(enum relay_limit l)
{
	return limits[l].words;
}

const char *relay_limit_reason(enum relay_limit l)
{
	return limits[l].reason;
}

/* --- subjects and values, as keyed hashes --- */

/* One customer has a whole /64 of IPv6, and takes another address of it when he likes. */
static uint64_t subject_of_address(const struct shm *shm, const struct ipaddr *client)
{
	struct ipaddr ip = ip_is4(client) ? *client : ip_network(client);

	return hash_sip(shm_secret(shm), (struct str){ (const char *)ip.b, sizeof(ip.b) });
}

/* None has the length of an address, so no text is the same subject as one. */
static uint64_t hash_of_text(const struct shm *shm, struct str text)
{
	char folded[1 + LIMIT_ADDRESS] = { '@' };

	text.n = text.n < LIMIT_ADDRESS ? text.n : LIMIT_ADDRESS;
	str_lower(folded + 1, text);
	return hash_sip(shm_secret(shm), (struct str){ folded, 1 + text.n });
}

/* --- counting --- */

static unsigned most_of(const struct relay_bound *b)
{
	return b->most > UINT32_MAX / 2 ? UINT32_MAX / 2 :
	       b->most > 0		? (unsigned)b->most :
					  0;
}

static bool exceeds(struct shm *shm, enum relay_limit l, const struct relay_bound *b,
		    uint64_t subject, struct str value, int64_t now_ms)
{
	unsigned most = most_of(b);

	if (!limits[l].distinct)
		return quota_add(shm, limits[l].kind, subject, 1, b->window_ms, now_ms) > most;
	return quota_distinct(shm, limits[l].kind, subject, hash_of_text(shm, value),
			      most, b->window_ms, now_ms) > most;
}

unsigned relay_limit_count(struct shm *shm, enum relay_limit l, const struct relay_bound *b,
			   const struct relay_client *who, struct str value, int64_t now_ms)
{
	unsigned over = 0;

	if (exceeds(shm, l, b, subject_of_address(shm, &who->ip), value, now_ms))
		over |= RELAY_BY_ADDRESS;
	if (who->account.n > 0 && limits[l].by & RELAY_BY_ACCOUNT &&
	    exceeds(shm, l, b, hash_of_text(shm, who->account), value, now_ms))
		over |= RELAY_BY_ACCOUNT;
	return over;
}

static unsigned standing(struct shm *shm, enum relay_limit l, const struct relay_bound *b,
			 uint64_t subject, int64_t now_ms)
{
	if (!limits[l].distinct)
		return quota_sum(shm, limits[l].kind, subject, b->window_ms, now_ms);
	return quota_standing(shm, limits[l].kind, subject, most_of(b), b->window_ms, now_ms);
}

struct relay_standing relay_limit_standing(struct shm *shm, enum relay_limit l,
					   const struct relay_bound *b,
					   const struct relay_client *who, int64_t now_ms)
{
	struct relay_standing s = { 0, 0 };

	s.address = standing(shm, l, b, subject_of_address(shm, &who->ip), now_ms);
	if (who->account.n > 0 && limits[l].by & RELAY_BY_ACCOUNT)
		s.account = standing(shm, l, b, hash_of_text(shm, who->account), now_ms);
	return s;
}

/* --- forgetting --- */

static void forget(struct shm *shm, uint64_t subject)
{
	for (unsigned l = 0; l < RELAY_LIMITS; l++)
		quota_forget(shm, limits[l].kind, subject);
}

void relay_limits_forget_address(struct shm *shm, const struct ipaddr *client)
{
	forget(shm, subject_of_address(shm, client));
}

void relay_limits_forget_account(struct shm *shm, struct str account)
{
	forget(shm, hash_of_text(shm, account));
}
