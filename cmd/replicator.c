/* replicator: drains the journal into traffic.mdb, of which it is the only writer, and sweeps
 * what has expired.
 *
 *   bell > (a few ms, so that many facts share one commit) > apply > commit > sync > applied
 *
 * Parts: replicator_apply.c (what facts become), replicator_sweep.c (what has expired).
 *
 * A fact is applied once: how far each journal is applied stands in the same transaction
 * (table_applied), in case we are killed between the commit and the mark. What cannot be written
 * stays in the ring and is tried again; a full ring means 451 for those who need a durable row,
 * which is told where it happens. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/process.h"
#include "cmd/replicator_inner.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/net/loop.h"
#include "shm/slots.h"

#define GATHER_MS 5	  /* facts that come within this share a commit */
#define RETRY_MS 1000	  /* after a failed write */
#define SWEEP_MS 60000
#define SWEEP_HURRY_MS 20 /* where rows come as fast as they go */
#define SWEEP_ON_MS 500 /* where a table is not at its end: 10,000,000 rows take five minutes */

struct replicator {
	struct process *p;
	struct loop *loop;
	struct sweeper sweeper;
	struct applier applier;
	struct store *traffic;
	struct watch bell;
	struct timer gather, sweep, beat;
	struct sigwatch term, hup;
	bool failing, blind; /* told once, until it works again */
};

/* All that waits in one ring; *pos is where it ends. */
static int apply_ring(struct replicator *r, unsigned slot, uint64_t *pos, struct err *e)
{
	enum journal_kind kind;
	struct str payload;

	while (journal_next(r->p->shm, slot, pos, &kind, &payload))
		if (fact_apply(&r->applier, kind, payload, e) < 0)
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

/* --- how far each journal is applied --- */

#define SLOT_TEXT 12

static struct applied applied_row(const struct replicator *r, unsigned slot, char text[SLOT_TEXT])
{
	snprintf(text, SLOT_TEXT, "%u", slot);
	return (struct applied){ .slot = str_z(text), .started = shm_started(r->p->shm) };
}

static int put_applied(struct replicator *r, unsigned slot, uint64_t pos, struct err *e)
{
	char text[SLOT_TEXT];
	struct applied row = applied_row(r, slot, text);

	row.position = (int64_t)pos;
	return store_put(r->traffic, &table_applied, &row, e);
}

/* An earlier life was killed before it said what it had committed. */
static int take_over(struct replicator *r, struct err *e)
{
	if (store_sync(r->traffic, e) < 0 || store_read_begin(r->traffic, e) < 0)
		return -1;
	for (unsigned i = 0; i < MAX_SLOTS; i++) {
		char text[SLOT_TEXT];
		struct applied want = applied_row(r, i, text), row;
		int rc = store_get(r->traffic, &table_applied, want.slot, &row, NULL, e);

		if (rc < 0) {
			store_read_end(r->traffic);
			return -1;
		}
		if (rc == 0 && row.started == want.started &&
		    (uint64_t)row.position > journal_tail(r->p->shm, i))
			journal_applied(r->p->shm, i, (uint64_t)row.position);
	}
	store_read_end(r->traffic);
	return 0;
}

/* One ring, and how far that is. */
static int drain_ring(struct replicator *r, unsigned slot, uint64_t *pos, struct err *e)
{
	*pos = journal_tail(r->p->shm, slot);
	if (apply_ring(r, slot, pos, e) < 0)
		return -1;
	return *pos != journal_tail(r->p->shm, slot) ? put_applied(r, slot, *pos, e) : 0;
}

/* The guard's times of now. Where they cannot be read, those of before hold on: ledger rows and blocks
 * must not wait for them. */
static void read_rules(struct replicator *r)
{
	struct settings settings;
	struct err e = { "" };

	if (settings_read(r->sweeper.accounts, &settings, &e) == 0) {
		r->applier.rules = gate_rules_of(&settings, NULL);
		r->blind = false;
		return;
	}
	if (!r->blind)
		log_warning("accounts.mdb: %s; the guard's times stay as they were", e.text);
	r->blind = true;
}

static void rules_by_default(struct replicator *r)
{
	struct settings settings;

	record_defaults(&table_settings, &settings);
	r->applier.rules = gate_rules_of(&settings, NULL);
}

static int drain(struct replicator *r, struct err *e)
{
	uint64_t pos[MAX_SLOTS];

	read_rules(r);
	if (store_write_begin(r->traffic, clock_wall_ms(), e) < 0)
		return -1;
	for (unsigned i = 0; i < MAX_SLOTS; i++)
		if (drain_ring(r, i, &pos[i], e) < 0) {
			store_abort(r->traffic);
			return -1;
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

/* --- its life --- */

static void on_sweep(struct timer *t)
{
	struct replicator *r = container_of(t, struct replicator, sweep);
	struct err e = { "" };
	int rc = sweep_some(&r->sweeper, clock_wall_ms(), &e);

	if (rc < 0)
		log_error("sweeping traffic.mdb: %s", e.text);
	/* More: but others come in between. */
	timer_set(t, rc == SWEPT_MUCH ? SWEEP_HURRY_MS : rc == SWEPT_PART ? SWEEP_ON_MS : SWEEP_MS);
}

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
	struct store_info info;
	struct err e = { "" };

	r->sweeper.rows_most = GUARD_ROWS;
	r->p = p;
	r->loop = loop_new();
	if (store_open(&r->sweeper.accounts, p->options->directory, STORE_ACCOUNTS, STORE_READ, &e) < 0 ||
	    store_open(&r->traffic, p->options->directory, STORE_TRAFFIC, STORE_WRITE, &e) < 0) {
		log_error("%s", e.text);
		return EXIT_FAILURE;
	}
	store_info(r->traffic, &info);
	r->sweeper.traffic = r->applier.traffic = r->traffic;
	r->sweeper.origin = r->applier.origin = (uint16_t)info.origin.node;
	rules_by_default(r);
	if (take_over(r, &e) < 0) {
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
	store_close(&r->sweeper.accounts);
	return EXIT_SUCCESS;
}
