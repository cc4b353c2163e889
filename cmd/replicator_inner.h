/* replicator_inner: the parts of the replicator, which is the only writer of traffic.mdb.
 * Private to cmd/replicator*.c. */
#ifndef PB_CMD_REPLICATOR_INNER_H
#define PB_CMD_REPLICATOR_INNER_H

#include "lib/guard/gate_store.h"
#include "lib/store/store.h"
#include "shm/journal.h"

/* --- replicator_apply.c --- */
struct applier {
	struct store *traffic;
	struct gate_rules rules; /* of now; its spread_factor is nobody's */
	uint16_t origin;	 /* this machine (lib/guard/tally.h) */
};
/* One fact of the journal, within a write of traffic. A damaged one is dropped with a warning: no
 * later try would do better. -1: it could not be written. */
MUST_CHECK int fact_apply(const struct applier *a, enum journal_kind kind, struct str payload,
			  struct err *e);
/* The general settings, as accounts.mdb has them; numbers only. */
MUST_CHECK int settings_read(struct store *accounts, struct settings *out, struct err *e);

/* --- replicator_sweep.c: rows that go by time, a part of each table at a time, so that facts
 * never wait long --- */
#define SWEPT 8 /* tables */
struct sweep_from { /* where the sweep of a table goes on; n 0: at its beginning */
	char key[KEY_MAX];
	size_t n;
};
struct sweeper {
	struct store *traffic;
	struct store *accounts; /* read only: the settings that say how long rows are kept */
	struct sweep_from from[SWEPT];
	bool told[SWEPT]; /* that a table is short of room */
	uint16_t origin; /* as an applier's */
	uint64_t rows_most; /* lib/guard/room.h */
};
enum swept_so_far { /* 0 or more */
	SWEPT_ALL,
	SWEPT_PART, /* some table has not been looked at to its end */
	SWEPT_MUCH, /* in some table more has to go than went */
};
/* How far it came, or -1. */
MUST_CHECK int sweep_some(struct sweeper *s, int64_t wall_ms, struct err *e);

#endif
