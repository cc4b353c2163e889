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
#include "lib/net/loop.h"
#include "lib/store/store.h"
#include "shm/journal.h"
#include "shm/slots.h"

#define GATHER_MS 5	  /* facts that come within this share a commit */
#define RETRY_MS 1000	  /* after a failed write */
#define SWEEP_MS 60000
#define SWEEP_ROWS 2000	  /* in one transaction */

struct replicator {
	struct process *p;
	struct loop *loop;
	struct store *traffic;
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

static int apply_ledger(struct replicator *r, struct str payload, struct err *e)
{
	struct ledger row, old;
	char key[KEY_MAX];
	size_t n;
	int rc;

	if (ledger_decode(payload, &row) < 0 || !is_sound(&table_ledger, &row) ||
	    record_key(&table_ledger, &row, key, &n) < 0) {
		log_warning("a damaged ledger fact was dropped");
		return 0;
	}
	/* Who has it outweighs who refused it, in any order of arrival. */
	rc = store_get(r->traffic, &table_ledger, (struct str){ key, n }, &old, NULL, e);
	if (rc == 0 && old.outcome == LEDGER_DELIVERED && row.outcome == LEDGER_REFUSED)
		return 0;
	return rc < 0 ? -1 : store_put(r->traffic, &table_ledger, &row, e);
}

static int apply_blocked(struct replicator *r, struct str payload, struct err *e)
{
	struct blocked row;
	struct row_meta m;
	char key[KEY_MAX];
	size_t n;

	if (record_decode(&table_blocked, payload, &row, &m) < 0 || !is_sound(&table_blocked, &row) ||
	    record_key(&table_blocked, &row, key, &n) < 0) {
		log_warning("a damaged fact about a blocked client was dropped");
		return 0;
	}
	if (m.tombstone)
		return store_delete(r->traffic, &table_blocked, (struct str){ key, n }, e) < 0 ? -1 : 0;
	return store_put(r->traffic, &table_blocked, &row, e);
}

/* kind, what applies it */
static const struct {
	enum journal_kind kind;
	int (*apply)(struct replicator *r, struct str payload, struct err *e);
} kinds[] = {
	{ JOURNAL_LEDGER, apply_ledger },
	{ JOURNAL_BLOCKED, apply_blocked },
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

/* --- sweeping --- */

struct sweep {
	int64_t now;
	unsigned n;
	size_t len[SWEEP_ROWS];
	char keys[SWEEP_ROWS][KEY_MAX];
};

static int note_expired(void *arg, const void *rec, const struct row_meta *m)
{
	const struct ledger *l = rec;
	struct sweep *s = arg;

	(void)m;
	if (l->expiry == FIELD_EMPTY || l->expiry > s->now)
		return 0;
	if (record_key(&table_ledger, rec, s->keys[s->n], &s->len[s->n]) == 0)
		s->n++;
	return s->n == SWEEP_ROWS;
}

static int expire(struct replicator *r, const struct sweep *s, struct err *e)
{
	if (store_write_begin(r->traffic, s->now, e) < 0)
		return -1;
	for (unsigned i = 0; i < s->n; i++) {
		struct str key = { s->keys[i], s->len[i] };

		if (store_expire(r->traffic, &table_ledger, key, e) < 0) {
			store_abort(r->traffic);
			return -1;
		}
	}
	return store_commit(r->traffic, e);
}

static void on_sweep(struct timer *t)
{
	struct replicator *r = container_of(t, struct replicator, sweep);
	struct sweep *s = mem_zalloc(sizeof(*s));
	struct err e = { "" };
	int rc;

	s->now = clock_wall_ms();
	rc = store_read_begin(r->traffic, &e);
	if (rc == 0) {
		rc = store_each(r->traffic, &table_ledger, STR(""), note_expired, s, &e);
		store_read_end(r->traffic);
	}
	if (rc >= 0 && s->n > 0)
		rc = expire(r, s, &e);
	if (rc < 0)
		log_error("sweeping traffic.mdb: %s", e.text);
	/* A full batch: there is more, but others come in between. */
	timer_set(t, s->n == SWEEP_ROWS ? GATHER_MS : SWEEP_MS);
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
	if (store_open(&r->traffic, p->options->directory, STORE_TRAFFIC, STORE_WRITE, &e) < 0) {
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
	return EXIT_SUCCESS;
}
