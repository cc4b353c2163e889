/* replicator: drains the journal into traffic.mdb, of which it is the only writer, and sweeps
 * what has expired.
 *
 *   bell > (a few ms, so that many facts share one commit) > apply > commit > sync > applied
 *
 * A fact may be applied twice (killed between the commit and the mark): all of them are
 * idempotent. What cannot be written stays in the ring and is tried again; a full ring means
 * 451 for those who need a durable row, which is told where it happens. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/process.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/guard/blocklist.h"
#include "lib/net/loop.h"
#include "lib/store/store.h"
#include "shm/journal.h"
#include "shm/slots.h"

#define GATHER_MS 5	  /* facts that come within this share a commit */
#define RETRY_MS 1000	  /* after a failed write */
#define SWEEP_MS 60000
#define SWEEP_ROWS 2000	  /* in one transaction */
#define SWEEP_LOOK 20000  /* rows of a table looked at in one go: 10 ms */
#define SWEPT 3		  /* tables whose rows go by time */

/* Where the sweep of a table goes on; n 0: at its beginning. */
struct sweep_from {
	char key[KEY_MAX];
	size_t n;
};

struct replicator {
	struct process *p;
	struct loop *loop;
	struct store *traffic;
	struct store *accounts; /* read only: the settings that say how long rows are kept */
	struct sweep_from from[SWEPT];
	struct watch bell;
	struct timer gather, sweep, beat;
	struct sigwatch term, hup;
	bool failing; /* told once, until it works again */
};

/* --- applying --- */

/* Is every value one that its description takes? A key that is not could never be read again. */
static bool is_sound(const struct table *t, const void *rec)
{
	union {
		struct ledger ledger;
		struct blocked blocked;
		struct whitelist whitelist;
		struct replied replied;
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
static int standing(struct replicator *r, const struct fact *f, void *old, struct err *e)
{
	return store_get(r->traffic, f->table, f->key, old, NULL, e);
}

static int apply_ledger(struct replicator *r, struct str payload, struct err *e)
{
	struct ledger row, old;
	struct fact f;
	int rc;

	if (fact_decode(&f, &table_ledger, payload, &row, NULL) < 0)
		return 0;
	/* Who has it outweighs who refused it, in any order of arrival. */
	rc = standing(r, &f, &old, e);
	if (rc == 0 && old.outcome == LEDGER_DELIVERED && row.outcome == LEDGER_REFUSED)
		return 0;
	return rc < 0 ? -1 : store_put(r->traffic, f.table, &row, e);
}

/* A block by the guard leaves a row that stands as it is, also an administrator's. */
static int apply_blocked(struct replicator *r, struct str payload, struct err *e)
{
	struct blocked row, old;
	struct row_meta m;
	struct fact f;
	int rc;

	if (fact_decode(&f, &table_blocked, payload, &row, &m) < 0)
		return 0;
	if (m.tombstone)
		return store_delete(r->traffic, f.table, f.key, e) < 0 ? -1 : 0;
	if (!str_eq(row.who, STR(BLOCKED_BY_GUARD)))
		return store_put(r->traffic, f.table, &row, e);
	rc = standing(r, &f, &old, e);
	return rc == STORE_NONE ? store_put(r->traffic, f.table, &row, e) : rc;
}

/* Is a time so much later than the one stored that it is worth a write? Or was that one taken from
 * a clock that ran ahead: it would stand for ever. */
static bool is_news(int64_t stored, int64_t time, int64_t step_ms)
{
	return stored < 0 || stored > clock_wall_ms() + WHITELIST_REFRESH_MS ||
	       (time >= 0 && stored <= time - step_ms);
}

/* One write an hour and pair. A fact that comes twice is never news the second time. */
static int apply_whitelist(struct replicator *r, struct str payload, struct err *e)
{
	struct whitelist row, old;
	struct fact f;
	int rc;

	if (fact_decode(&f, &table_whitelist, payload, &row, NULL) < 0)
		return 0;
	rc = standing(r, &f, &old, e);
	if (rc < 0 || (rc == 0 && !is_news(old.last_seen, row.last_seen, WHITELIST_REFRESH_MS)))
		return rc;
	if (rc == 0) {
		row.count = old.count < INT64_MAX ? old.count + 1 : old.count;
		if (old.first_seen < row.first_seen)
			row.first_seen = old.first_seen;
	}
	return store_put(r->traffic, f.table, &row, e);
}

static int apply_replied(struct replicator *r, struct str payload, struct err *e)
{
	struct replied row, old;
	struct fact f;
	int rc;

	if (fact_decode(&f, &table_replied, payload, &row, NULL) < 0)
		return 0;
	rc = standing(r, &f, &old, e);
	if (rc < 0 || (rc == 0 && !is_news(old.replied_at, row.replied_at, 1)))
		return rc;
	return store_put(r->traffic, f.table, &row, e);
}

/* kind, what applies it */
static const struct {
	enum journal_kind kind;
	int (*apply)(struct replicator *r, struct str payload, struct err *e);
} kinds[] = {
	{ JOURNAL_LEDGER, apply_ledger },
	{ JOURNAL_BLOCKED, apply_blocked },
	{ JOURNAL_WHITELIST, apply_whitelist },
	{ JOURNAL_REPLIED, apply_replied },
};

static int apply(struct replicator *r, enum journal_kind kind, struct str payload, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].apply(r, payload, e);
	log_warning("journal entry of unknown kind %d dropped", (int)kind);
	return 0;
}

/* All that waits in one ring; *pos is where it ends. */
static int apply_ring(struct replicator *r, unsigned slot, uint64_t *pos, struct err *e)
{
	enum journal_kind kind;
	struct str payload;

	while (journal_next(r->p->shm, slot, pos, &kind, &payload))
		if (apply(r, kind, payload, e) < 0)
			return -1;
	return 0;
}

static bool anything_waits(const struct replicator *r)
{
	for (unsigned i = 0; i < MAX_SLOTS; i++) {
		struct journal_stat s = journal_stat(r->p->shm, i);

		if (s.published != s.applied)
			return true;
	}
	return false;
}

static int drain(struct replicator *r, struct err *e)
{
	uint64_t pos[MAX_SLOTS];

	if (store_write_begin(r->traffic, clock_wall_ms(), e) < 0)
		return -1;
	for (unsigned i = 0; i < MAX_SLOTS; i++) {
		pos[i] = journal_tail(r->p->shm, i);
		if (apply_ring(r, i, &pos[i], e) < 0) {
			store_abort(r->traffic);
			return -1;
		}
	}
	if (store_commit(r->traffic, e) < 0 || store_sync(r->traffic, e) < 0)
		return -1;
	for (unsigned i = 0; i < MAX_SLOTS; i++)
		if (pos[i] != journal_tail(r->p->shm, i))
			journal_applied(r->p->shm, i, pos[i]);
	return 0;
}

/* Until nothing waits; what came meanwhile rang the bell again, or is seen here. */
static void on_gather(struct timer *t)
{
	struct replicator *r = container_of(t, struct replicator, gather);
	struct err e = { "" };

	while (anything_waits(r)) {
		if (drain(r, &e) < 0) {
			if (!r->failing)
				log_error("traffic.mdb: %s; trying again", e.text);
			r->failing = true;
			timer_set(t, RETRY_MS);
			return;
		}
		if (r->failing)
			log_info("traffic.mdb can be written again");
		r->failing = false;
	}
}

static void on_bell(struct watch *w, unsigned what)
{
	struct replicator *r = container_of(w, struct replicator, bell);

	(void)what;
	slot_answer(r->p->shm, r->p->slot);
	if (r->gather.due == CLOCK_NEVER)
		timer_set(&r->gather, GATHER_MS);
}

/* --- sweeping: a part of each table at a time, so that facts never wait long --- */

struct sweep {
	const struct swept *what;
	int64_t now;
	struct settings settings; /* numbers only */
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

static const struct swept {
	const struct table *table;
	bool (*is_over)(const void *rec, const struct sweep *s);
} swept[] = {
	{ &table_ledger, ledger_is_over },
	{ &table_whitelist, whitelist_is_over },
	{ &table_replied, replied_is_over },
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

static int find_expired(struct replicator *r, struct sweep *s, struct err *e)
{
	struct sweep_from from = *s->next;
	int rc;

	s->looked = s->n = 0;
	s->next->n = 0;
	if (store_read_begin(r->traffic, e) < 0)
		return -1;
	rc = store_each(r->traffic, s->what->table, (struct str){ from.key, from.n }, note_expired,
			s, e);
	store_read_end(r->traffic);
	return rc;
}

static int expire(struct replicator *r, const struct sweep *s, struct err *e)
{
	if (store_write_begin(r->traffic, s->now, e) < 0)
		return -1;
	for (unsigned i = 0; i < s->n; i++) {
		struct str key = { s->keys[i], s->len[i] };

		if (store_expire(r->traffic, s->what->table, key, e) < 0) {
			store_abort(r->traffic);
			return -1;
		}
	}
	return store_commit(r->traffic, e);
}

static int read_settings(struct replicator *r, struct settings *out, struct err *e)
{
	int rc;

	record_defaults(&table_settings, out);
	if (store_read_begin(r->accounts, e) < 0)
		return -1;
	rc = store_get(r->accounts, &table_settings, out->settingsid, out, NULL, e);
	store_read_end(r->accounts);
	return rc < 0 ? -1 : 0;
}

/* 1: a full batch of one table went, there is more. */
static int sweep_all(struct replicator *r, struct sweep *s, struct err *e)
{
	bool more = false;

	if (read_settings(r, &s->settings, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(swept); i++) {
		s->what = &swept[i];
		s->next = &r->from[i];
		if (find_expired(r, s, e) < 0 || (s->n > 0 && expire(r, s, e) < 0))
			return -1;
		more |= s->n == SWEEP_ROWS;
	}
	return more;
}

static void on_sweep(struct timer *t)
{
	struct replicator *r = container_of(t, struct replicator, sweep);
	struct sweep *s = mem_zalloc(sizeof(*s));
	struct err e = { "" };
	int rc;

	s->now = clock_wall_ms();
	rc = sweep_all(r, s, &e);
	if (rc < 0)
		log_error("sweeping traffic.mdb: %s", e.text);
	/* More: but others come in between. */
	timer_set(t, rc == 1 ? GATHER_MS : SWEEP_MS);
	free(s);
}

/* --- its life --- */

static void on_beat(struct timer *t)
{
	struct replicator *r = container_of(t, struct replicator, beat);

	slot_beat(r->p->shm, r->p->slot, loop_now(r->loop));
	store_reader_check(r->traffic);
	timer_set(t, BEAT_MS);
}

static void on_term(struct sigwatch *s)
{
	struct replicator *r = container_of(s, struct replicator, term);

	on_gather(&r->gather);
	loop_stop(r->loop);
}

static void on_hup(struct sigwatch *s)
{
	struct err e = { "" };

	(void)s;
	if (log_reopen(&e) < 0)
		log_error("%s; writing on into the old one", e.text);
}

int replicator_run(struct process *p)
{
	static struct replicator self; /* one a process */
	struct replicator *r = &self;
	struct err e = { "" };

	r->p = p;
	r->loop = loop_new();
	if (store_open(&r->accounts, p->options->directory, STORE_ACCOUNTS, STORE_READ, &e) < 0 ||
	    store_open(&r->traffic, p->options->directory, STORE_TRAFFIC, STORE_WRITE, &e) < 0) {
		log_error("%s", e.text);
		return EXIT_FAILURE;
	}
	timer_init(&r->gather, r->loop, on_gather);
	timer_init(&r->sweep, r->loop, on_sweep);
	timer_init(&r->beat, r->loop, on_beat);
	watch_init(&r->bell, r->loop, slot_bell(p->shm, p->slot), on_bell);
	watch_set(&r->bell, WATCH_READ);
	sigwatch_start(&r->term, r->loop, SIGTERM, on_term);
	sigwatch_start(&r->hup, r->loop, SIGHUP, on_hup);
	timer_set(&r->gather, 0); /* what an earlier life left */
	timer_set(&r->sweep, SWEEP_MS);
	timer_set(&r->beat, 0);
	loop_run(r->loop);
	store_close(&r->traffic);
	store_close(&r->accounts);
	return EXIT_SUCCESS;
}
