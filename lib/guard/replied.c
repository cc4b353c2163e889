#include "lib/guard/replied.h"

#include "lib/base/hash.h"
#include "lib/guard/fact.h"
#include "shm/claims.h"
#include "shm/journal.h"
#include "shm/penalty.h"

void replied_hash(struct str sender, char out[REPLIED_HASH])
{
	char folded[LIMIT_ADDRESS];
	uint8_t sum[32];

	sender.n = sender.n < sizeof(folded) ? sender.n : sizeof(folded);
	str_lower(folded, sender);
	hash_sha256((struct str){ folded, sender.n }, sum);
	hash_hex(sum, 16, out);
}

/* The key of a row: what it points at. */
struct pair {
	struct folded account;
	char sender[REPLIED_HASH];
};

static int pair_make(struct pair *p, struct replied *row, struct str account, struct str sender)
{
	if (fold_address(&p->account, account) < 0 || sender.n == 0)
		return -1;
	replied_hash(sender, p->sender);
	row->email_address = p->account.s;
	row->sender_hash = str_z(p->sender);
	return 0;
}

int replied_lately(struct store *traffic, struct str account, struct str sender, int64_t wall_ms)
{
	struct replied row;
	struct pair p;
	int rc;

	if (pair_make(&p, &row, account, sender) < 0)
		return -1;
	rc = fact_row(traffic, &table_replied, &row, &row);
	return rc == 1 ? row.replied_at > wall_ms - REPLIED_KEEP_MS : rc;
}

int replied_note(struct shm *shm, unsigned slot, struct str account, struct str sender,
		 int64_t wall_ms)
{
	struct replied row = { .replied_at = wall_ms };
	struct pair p;
	char bytes[LIMIT_JOURNAL_ENTRY];
	struct str fact;

	if (pair_make(&p, &row, account, sender) < 0 ||
	    fact_encode(&table_replied, &row, bytes, &fact) < 0)
		return -1;
	return journal_offer(shm, slot, JOURNAL_REPLIED, fact);
}

/* --- claims --- */

/* Both hashes side by side have one length, so two pairs never look the same. */
static uint64_t claim_key(const struct shm *shm, struct str account, struct str sender)
{
	char both[2 * REPLIED_HASH];

	replied_hash(account, both);
	replied_hash(sender, both + REPLIED_HASH);
	return hash_sip(shm_secret(shm), (struct str){ both, sizeof(both) });
}

uint64_t replied_claim(struct shm *shm, struct str account, struct str sender, int64_t now_ms,
		       int64_t hold_ms)
{
	return claim_take(shm, claim_key(shm, account, sender), now_ms, hold_ms);
}

void replied_release(struct shm *shm, struct str account, struct str sender, uint64_t claim)
{
	claim_release(shm, claim_key(shm, account, sender), claim);
}
