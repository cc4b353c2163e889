#include "lib/guard/blocklist.h"

#include "lib/base/hash.h"
#include "lib/guard/fact.h"
#include "shm/journal.h"
#include "shm/penalty.h"

#define REASON_MAX 200 /* of BLOCKED_FIELDS */

void blocklist_init(struct blocklist *b, struct shm *shm, unsigned slot)
{
	*b = (struct blocklist){ .shm = shm, .slot = slot };
}

/* --- rows on their way to the disk --- */

static uint64_t hash_of(const struct blocklist *b, struct str subject)
{
	return hash_sip(shm_secret(b->shm), subject);
}

/* Those that have arrived are forgotten: from then on the row is what counts, and it may be gone
 * again. */
static bool is_on_the_way(struct blocklist *b, struct str subject)
{
	uint64_t hash = hash_of(b, subject);

	for (unsigned i = 0; i < BLOCKLIST_ON_THE_WAY; i++) {
		if (b->v[i].mark == 0 || b->v[i].subject != hash)
			continue;
		if (!journal_durable(b->shm, b->slot, b->v[i].mark))
			return true;
		b->v[i].mark = 0;
	}
	return false;
}

static void send_off(struct blocklist *b, struct str subject, uint64_t mark)
{
	b->v[b->next].subject = hash_of(b, subject);
	b->v[b->next].mark = mark;
	b->next = (b->next + 1) % BLOCKLIST_ON_THE_WAY;
}

/* --- asking and blocking --- */

/* The memory is asked first: what leaves it is in the store by then. */
int blocklist_has(struct blocklist *b, struct store *traffic, struct str subject)
{
	struct blocked row;
	struct folded f;

	if (fold_address(&f, subject) < 0)
		return 0;
	if (is_on_the_way(b, f.s))
		return 1;
	row.subject = f.s;
	return fact_row(traffic, &table_blocked, &row, &row);
}

int blocklist_put(struct blocklist *b, struct str subject, const char *reason, int64_t wall_ms)
{
	struct blocked row;
	struct folded f;
	char bytes[LIMIT_JOURNAL_ENTRY];
	struct str fact;
	uint64_t mark;

	if (fold_address(&f, subject) < 0)
		return -1;
	record_defaults(&table_blocked, &row);
	row.subject = f.s;
	row.reason = str_z(reason);
	row.reason.n = row.reason.n < REASON_MAX ? row.reason.n : REASON_MAX;
	row.since = wall_ms;
	row.who = STR(BLOCKED_BY_GUARD);
	if (fact_encode(&table_blocked, &row, bytes, &fact) < 0 ||
	    journal_put(b->shm, b->slot, JOURNAL_BLOCKED, fact, &mark) < 0)
		return -1;
	send_off(b, f.s, mark);
	return 0;
}
