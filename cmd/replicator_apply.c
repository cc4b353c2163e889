/* What each kind of fact becomes: a row that is put, changed, or left as it is. */
#include "cmd/replicator_inner.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/guard/access.h"
#include "lib/guard/blocklist.h"

/* Is every value one that its description takes? A key that is not could never be read again. */
static bool is_sound(const struct table *t, const void *rec)
{
	union {
		struct ledger ledger;
		struct blocked blocked;
		struct whitelist whitelist;
		struct replied replied;
		struct access access;
	} copy;
	struct arena a = ARENA(0);
	bool sound = true;

	for (unsigned i = 0; i < t->n_fields && sound; i++) {
		const struct field *f = &t->fields[i];

		sound = field_parse(f, &copy, field_text(f, rec, &a), &a, NULL) == 0;
	}
	arena_free(&a);
	return sound;
}

/* A fact as it came: its row, and the key of that. */
struct fact {
	const struct table *table;
	struct str key;
	char bytes[KEY_MAX];
};

/* -1: damaged, which is told; nothing can be done about it. */
static int fact_decode(struct fact *f, const struct table *t, struct str payload, void *rec,
		       struct row_meta *m)
{
	f->table = t;
	f->key.p = f->bytes;
	if (record_decode(t, payload, rec, m) == 0 && is_sound(t, rec) &&
	    record_key(t, rec, f->bytes, &f->key.n) == 0)
		return 0;
	log_warning("a damaged fact for %s was dropped", t->name);
	return -1;
}

/* The row that stands: 0, STORE_NONE or -1. */
static int standing(const struct applier *a, const struct fact *f, void *old, struct err *e)
{
	return store_get(a->traffic, f->table, f->key, old, NULL, e);
}

static int apply_ledger(const struct applier *a, struct str payload, struct err *e)
{
	struct ledger row, old;
	struct fact f;
	int rc;

	if (fact_decode(&f, &table_ledger, payload, &row, NULL) < 0)
		return 0;
	/* Who has it outweighs who refused it, in any order of arrival. */
	rc = standing(a, &f, &old, e);
	if (rc == 0 && old.outcome == LEDGER_DELIVERED && row.outcome == LEDGER_REFUSED)
		return 0;
	return rc < 0 ? -1 : store_put(a->traffic, f.table, &row, e);
}

/* A block by the guard leaves a row that stands as it is, also an administrator's. */
static int apply_blocked(const struct applier *a, struct str payload, struct err *e)
{
	struct blocked row, old;
	struct row_meta m;
	struct fact f;
	int rc;

	if (fact_decode(&f, &table_blocked, payload, &row, &m) < 0)
		return 0;
	if (m.tombstone)
		return store_delete(a->traffic, f.table, f.key, e) < 0 ? -1 : 0;
	if (!str_eq(row.who, STR(BLOCKED_BY_GUARD)))
		return store_put(a->traffic, f.table, &row, e);
	rc = standing(a, &f, &old, e);
	return rc == STORE_NONE ? store_put(a->traffic, f.table, &row, e) : rc;
}

/* Tries since the block. Counted, so not to be applied twice: see table_applied. */
static int apply_tried(const struct applier *a, struct str payload, struct err *e)
{
	struct blocked row, old;
	struct fact f;
	int rc;

	if (fact_decode(&f, &table_blocked, payload, &row, NULL) < 0)
		return 0;
	rc = standing(a, &f, &old, e);
	if (rc != 0) /* unblocked meanwhile */
		return rc < 0 ? -1 : 0;
	old.count = old.count < INT64_MAX - row.count ? old.count + row.count : INT64_MAX;
	return store_put(a->traffic, f.table, &old, e);
}

static int apply_access(const struct applier *a, struct str payload, struct err *e)
{
	char networks[ACCESS_NETWORKS_TEXT];
	struct access row, old;
	struct fact f;
	int rc;

	if (fact_decode(&f, &table_access, payload, &row, NULL) < 0)
		return 0;
	rc = standing(a, &f, &old, e);
	if (rc < 0)
		return -1;
	if (rc == STORE_NONE) {
		record_defaults(&table_access, &old);
		old.email_address = row.email_address;
	}
	access_merge(&old, &row, networks);
	return store_put(a->traffic, f.table, &old, e);
}

/* Is a time so much later than the one stored that it is worth a write? Or was that one taken from
 * a clock that ran ahead: it would stand for ever. */
static bool is_news(int64_t stored, int64_t time, int64_t step_ms)
{
	return stored < 0 || stored > clock_wall_ms() + WHITELIST_REFRESH_MS ||
	       (time >= 0 && stored <= time - step_ms);
}

/* One write an hour and pair. A fact that comes twice is never news the second time. */
static int apply_whitelist(const struct applier *a, struct str payload, struct err *e)
{
	struct whitelist row, old;
	struct fact f;
	int rc;

	if (fact_decode(&f, &table_whitelist, payload, &row, NULL) < 0)
		return 0;
	rc = standing(a, &f, &old, e);
	if (rc < 0 || (rc == 0 && !is_news(old.last_seen, row.last_seen, WHITELIST_REFRESH_MS)))
		return rc;
	if (rc == 0) {
		row.count = old.count < INT64_MAX ? old.count + 1 : old.count;
		if (old.first_seen < row.first_seen)
			row.first_seen = old.first_seen;
	}
	return store_put(a->traffic, f.table, &row, e);
}

static int apply_replied(const struct applier *a, struct str payload, struct err *e)
{
	struct replied row, old;
	struct fact f;
	int rc;

	if (fact_decode(&f, &table_replied, payload, &row, NULL) < 0)
		return 0;
	rc = standing(a, &f, &old, e);
	if (rc < 0 || (rc == 0 && !is_news(old.replied_at, row.replied_at, 1)))
		return rc;
	return store_put(a->traffic, f.table, &row, e);
}

/* Counted, so not to be applied twice: see table_applied. */
static int apply_sighting(const struct applier *a, struct str payload, struct err *e)
{
	struct sighting s;

	if (payload.n != sizeof(s)) {
		log_warning("a damaged sighting was dropped");
		return 0;
	}
	memcpy(&s, payload.p, sizeof(s));
	return sighting_store(a->traffic, &s, a->origin, &a->rules, e);
}

/* kind, what applies it */
static const struct {
	enum journal_kind kind;
	int (*apply)(const struct applier *a, struct str payload, struct err *e);
} kinds[] = {
	{ JOURNAL_LEDGER, apply_ledger },
	{ JOURNAL_BLOCKED, apply_blocked },
	{ JOURNAL_WHITELIST, apply_whitelist },
	{ JOURNAL_REPLIED, apply_replied },
	{ JOURNAL_SIGHTING, apply_sighting },
	{ JOURNAL_TRIED, apply_tried },
	{ JOURNAL_ACCESS, apply_access },
};

int fact_apply(const struct applier *a, enum journal_kind kind, struct str payload, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].apply(a, payload, e);
	log_warning("journal entry of unknown kind %d dropped", (int)kind);
	return 0;
}

int settings_read(struct store *accounts, struct settings *out, struct err *e)
{
	int rc;

	record_defaults(&table_settings, out);
	if (store_read_begin(accounts, e) < 0)
		return -1;
	rc = store_get(accounts, &table_settings, out->settingsid, out, NULL, e);
	store_read_end(accounts);
	return rc < 0 ? -1 : 0;
}
