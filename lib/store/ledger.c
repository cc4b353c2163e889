/* Rows of the delivered ledger on their way through the journal. */
#include "lib/base/hash.h"
#include "lib/base/limits.h"
#include "lib/store/store.h"

void ledger_pair(struct str sender, struct str recipient, char out[33])
{
	char both[2 * LIMIT_ADDRESS + 16];
	uint8_t sum[32];
	size_t n = sender.n < LIMIT_ADDRESS ? sender.n : LIMIT_ADDRESS;
	size_t r = recipient.n < LIMIT_ADDRESS ? recipient.n : LIMIT_ADDRESS;

	str_lower(both, (struct str){ sender.p, n });
	both[n++] = '\0';
	str_lower(both + n, (struct str){ recipient.p, r });
	hash_sha256((struct str){ both, n + r }, sum);
	hash_hex(sum, 16, out);
}

/* The journal carries the record without stamps: they are given where it is stored. */
int ledger_encode(const struct ledger *l, struct buf *out)
{
	struct row_meta m = { 0 };

	return record_encode(&table_ledger, l, &m, out);
}

int ledger_decode(struct str in, struct ledger *out)
{
	return record_decode(&table_ledger, in, out, NULL);
}
