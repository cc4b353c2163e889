#include "lib/guard/correspondents.h"

#include "lib/guard/fact.h"
#include "shm/journal.h"

void correspondents_learn(struct shm *shm, unsigned slot, struct str local, struct str remote,
			  int64_t wall_ms)
{
	struct whitelist row = { .first_seen = wall_ms, .last_seen = wall_ms, .count = 1 };
	struct folded who, whom;
	char bytes[LIMIT_JOURNAL_ENTRY];
	struct str fact;

	if (fold_address(&who, local) < 0 || fold_address(&whom, remote) < 0)
		return;
	row.local_address = who.s;
	row.remote_address = whom.s;
	if (fact_encode(&table_whitelist, &row, bytes, &fact) == 0)
		journal_offer(shm, slot, JOURNAL_WHITELIST, fact); /* counts what it drops */
}

int correspondents_known(struct store *traffic, struct str local, struct str remote,
			 int64_t wall_ms, int64_t max_age_ms)
{
	struct whitelist row;
	struct folded who, whom;
	int rc;

	if (fold_address(&who, local) < 0 || fold_address(&whom, remote) < 0)
		return 0;
	row.local_address = who.s;
	row.remote_address = whom.s;
	rc = fact_row(traffic, &table_whitelist, &row, &row);
	return rc == 1 ? row.last_seen > wall_ms - max_age_ms : rc;
}
