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

/* --- tries of the blocked --- */

static bool is_due(const struct blocklist_tried *t, int64_t now_ms)
{
	return t->written == 0 || now_ms - t->written >= TRIED_MS;
}

/* What does not fit in the journal waits for its next turn. */
static void write_tries(struct blocklist *b, struct blocklist_tried *t, int64_t now_ms)
{
	char bytes[LIMIT_JOURNAL_ENTRY];
	struct blocked row;
	struct str fact;

	record_defaults(&table_blocked, &row);
	row.subject = (struct str){ t->subject, t->n };
	row.since = 0; /* the row that stands has its own */
	row.count = t->tries;
	t->written = now_ms;
	if (fact_encode(&table_blocked, &row, bytes, &fact) == 0 &&
	    journal_offer(b->shm, b->slot, JOURNAL_TRIED, fact) == 0)
		t->tries = 0;
}

/* Its place, else a free one, else that of one whose tries are all written and whose time is over;
 * NULL: none. */
static struct blocklist_tried *place_of(struct blocklist *b, struct str subject, int64_t now_ms)
{
	struct blocklist_tried *place = NULL;

	for (unsigned i = 0; i < BLOCKLIST_TRIED; i++) {
		struct blocklist_tried *t = &b->tried[i];

		if (t->n > 0 && str_eq((struct str){ t->subject, t->n }, subject))
			return t;
		if (t->n == 0 || (t->tries == 0 && is_due(t, now_ms)))
			place = t;
	}
	if (place)
		*place = (struct blocklist_tried){ .n = 0 };
	return place;
}

void blocklist_tried(struct blocklist *b, struct str subject, int64_t now_ms)
{
	struct blocklist_tried *t;
	struct folded f;

	if (fold_address(&f, subject) < 0)
		return;
	t = place_of(b, f.s, now_ms);
	if (!t)
		return;
	memcpy(t->subject, f.s.p, f.s.n);
	t->n = f.s.n;
	t->tries++;
	if (is_due(t, now_ms))
		write_tries(b, t, now_ms);
}

void blocklist_flush(struct blocklist *b, int64_t now_ms)
{
	for (unsigned i = 0; i < BLOCKLIST_TRIED; i++)
		if (b->tried[i].tries > 0 && is_due(&b->tried[i], now_ms))
			write_tries(b, &b->tried[i], now_ms);
}
