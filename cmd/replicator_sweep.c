/* Rows whose time is over go: whoever reads one looks at its age himself, so a late sweep costs
 * room alone. */
#include <stdlib.h>

#include "cmd/replicator_inner.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/guard/access.h"
#include "lib/guard/replied.h"
#include "lib/guard/room.h"

#define SWEEP_ROWS 2000	 /* in one transaction */
#define SWEEP_LOOK 20000 /* rows of a table looked at in one go: 10 ms */
#define LONGEST(a, b) ((a) > (b) ? (a) : (b))

struct sweep {
	const struct swept *what;
	int64_t now;
	struct settings settings;      /* numbers only */
	struct gate_rules rules, kept; /* as set; as long as there is room for */
	struct sweep_from *next;
	unsigned looked, n;
	size_t len[SWEEP_ROWS];
	char keys[SWEEP_ROWS][KEY_MAX];
};

static bool ledger_is_over(const void *rec, const struct sweep *s)
{
	const struct ledger *l = rec;

	return l->expiry != FIELD_EMPTY && l->expiry <= s->now;
}

static bool whitelist_is_over(const void *rec, const struct sweep *s)
{
	const struct whitelist *w = rec;

	return w->last_seen <= s->now - decimal_min_ms(s->settings.whitelist_max_age_min);
}

static bool replied_is_over(const void *rec, const struct sweep *s)
{
	const struct replied *p = rec;

	return p->replied_at <= s->now - REPLIED_KEEP_MS;
}

/* A wait that is stretched may end later than the window. */
static int64_t greylist_end(const struct greylist_record *r, const struct gate_rules *rules)
{
	struct greylist_times times = rules->greylist;

	times.initial_ms = LONGEST(times.initial_ms, rules->suspicious_ms);
	return greylist_expiry(r, &times);
}

/* Damaged ones go as well. */
static bool greylist_is_over(const void *rec, const struct sweep *s)
{
	const struct greylist_row *row = rec;
	struct greylist_record r;

	return greylist_decode(row->record, &r) < 0 || greylist_end(&r, &s->kept) <= s->now;
}

static bool trust_is_over(const void *rec, const struct sweep *s)
{
	const struct trust_row *row = rec;
	struct trust_record r;

	return trust_decode(row->record, &r) < 0 ||
	       trust_expiry(&r, s->kept.greylist.max_age_ms) <= s->now;
}

static bool spread_is_over(const void *rec, const struct sweep *s)
{
	static struct spread_record r; /* 12 KiB */
	const struct spread_row *row = rec;

	return spread_decode(row->record, &r) < 0 || spread_expiry(&r, s->kept.spread_ms) <= s->now;
}

static bool naming_is_over(const void *rec, const struct sweep *s)
{
	static struct naming_record r; /* 8 KiB */
	const struct naming_row *row = rec;

	return naming_decode(row->record, &r) < 0 || naming_expiry(&r, s->kept.spread_ms) <= s->now;
}

static bool access_is_over(const void *rec, const struct sweep *s)
{
	return access_last(rec) <= s->now - ACCESS_KEEP_MS;
}

/* A mail that was put off and did not come again counts against its network; one that goes for want of room may come
 * yet. Sisters have the same record: the one with the smallest number of those that saw it counts for all. */
static int count_abandoned(struct sweeper *r, struct str key, const struct sweep *s, struct err *e)
{
	struct sighting abandoned = { .now_ms = s->now, .kinds = 1u << CONDUCT_ABANDONED };
	uint8_t bytes[ENVELOPE_KEY];
	struct greylist_record rec;
	int rc;

	if (key.n != sizeof(bytes))
		return 0;
	memcpy(bytes, key.p, sizeof(bytes));
	rc = greylist_get(r->traffic, bytes, &rec, e);
	if (rc != 0 || rec.passed_ms > 0 || rec.tally.n == 0 || rec.tally.slot[0].origin != r->origin)
		return rc < 0 ? -1 : 0;
	if (greylist_end(&rec, &s->rules) > s->now)
		return 0;
	memcpy(abandoned.network, bytes, NETWORK_KEY);
	return sighting_store(r->traffic, &abandoned, r->origin, &s->rules, e);
}

static const struct swept {
	const struct table *table;
	bool (*is_over)(const void *rec, const struct sweep *s);
	/* Within the write, before the row goes; or NULL. */
	int (*goes)(struct sweeper *r, struct str key, const struct sweep *s, struct err *e);
} swept[] = {
	{ &table_ledger, ledger_is_over, NULL },
	{ &table_whitelist, whitelist_is_over, NULL },
	{ &table_replied, replied_is_over, NULL },
	{ &table_greylist, greylist_is_over, count_abandoned },
	{ &table_trust, trust_is_over, NULL },
	{ &table_spread, spread_is_over, NULL },
	{ &table_naming, naming_is_over, NULL },
	{ &table_access, access_is_over, NULL },
};
_Static_assert(ARRAY_LEN(swept) == SWEPT, "each has its place to go on from");

static int note_expired(void *arg, const void *rec, const struct row_meta *m)
{
	struct sweep *s = arg;
	const struct table *t = s->what->table;

	(void)m;
	if (s->looked == SWEEP_LOOK || s->n == SWEEP_ROWS)
		return record_key(t, rec, s->next->key, &s->next->n) == 0 ? 1 : -1;
	s->looked++;
	if (s->what->is_over(rec, s) && record_key(t, rec, s->keys[s->n], &s->len[s->n]) == 0)
		s->n++;
	return 0;
}

static void tell_room(struct sweeper *r, const struct sweep *s, uint64_t rows)
{
	bool *told = &r->told[s->what - swept];
	bool short_of_room = r->rows_most > 0 && rows > r->rows_most / 2;

	if (short_of_room && !*told)
		log_warning("table %s has %llu rows of %llu: they are kept for shorter than is set; does somebody make up senders?",
			    s->what->table->name, (unsigned long long)rows,
			    (unsigned long long)r->rows_most);
	*told = short_of_room;
}

/* Rows of tables that strangers fill may have to go sooner than is set. Those are compact, and their rows counted. */
static int look_for_room(struct sweeper *r, struct sweep *s, struct err *e)
{
	uint64_t rows = 0;

	if (s->what->table->compact && store_count(r->traffic, s->what->table, &rows, e) < 0)
		return -1;
	s->kept = room_rules(&s->rules, rows);
	tell_room(r, s, rows);
	return 0;
}

static int find_expired(struct sweeper *r, struct sweep *s, struct err *e)
{
	struct sweep_from from = *s->next;
	int rc;

	s->looked = s->n = 0;
	s->next->n = 0;
	if (store_read_begin(r->traffic, e) < 0)
		return -1;
	rc = look_for_room(r, s, e);
	if (rc == 0)
		rc = store_each(r->traffic, s->what->table,
				(struct str){ from.key, from.n }, note_expired, s, e);
	store_read_end(r->traffic);
	return rc;
}

static int expire(struct sweeper *r, const struct sweep *s, struct err *e)
{
	if (store_write_begin(r->traffic, s->now, e) < 0)
		return -1;
	for (unsigned i = 0; i < s->n; i++) {
		struct str key = { s->keys[i], s->len[i] };

		if ((s->what->goes && s->what->goes(r, key, s, e) < 0) ||
		    store_expire(r->traffic, s->what->table, key, e) < 0) {
			store_abort(r->traffic);
			return -1;
		}
	}
	return store_commit(r->traffic, e);
}

static int sweep_all(struct sweeper *r, struct sweep *s, struct err *e)
{
	enum swept_so_far so_far = SWEPT_ALL;

	if (settings_read(r->accounts, &s->settings, e) < 0)
		return -1;
	s->rules = gate_rules_of(&s->settings, NULL);
	s->rules.rows_most = r->rows_most;
	for (size_t i = 0; i < ARRAY_LEN(swept); i++) {
		s->what = &swept[i];
		s->next = &r->from[i];
		if (find_expired(r, s, e) < 0 || (s->n > 0 && expire(r, s, e) < 0))
			return -1;
		if (s->next->n > 0 && so_far != SWEPT_MUCH)
			so_far = s->n == SWEEP_ROWS ? SWEPT_MUCH : SWEPT_PART;
	}
	return so_far;
}

int sweep_some(struct sweeper *r, int64_t wall_ms, struct err *e)
{
	struct sweep *s = mem_zalloc(sizeof(*s));
	int rc;

	s->now = wall_ms;
	rc = sweep_all(r, s, e);
	free(s);
	return rc;
}
