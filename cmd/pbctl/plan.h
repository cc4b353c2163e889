/* plan: what an import will do, before anything is done. Pure.
 *
 *   was (what the database holds) --\
 *   given (the FILE)  -- checked ----+--> the text that takes the place of both
 *
 * Lines are read by the product's own csv_line_parse. The text holds none that cannot be
 * taken: where such a line names a row that is there, that row stands in its place. A row
 * without a box keeps the box that the account has. While lines are bad nothing is
 * removed, but where that was wanted and fewer than half of the lines are.
 * Not here: files, asking, the service (import.c).
 * Memory: borrows the texts; plan_free ends the rest. */
#ifndef PB_CMD_PBCTL_PLAN_H
#define PB_CMD_PBCTL_PLAN_H

#include "cmd/pbctl/rows.h"
#include "lib/store/schema.h"

#define PLAN_NAMED 20 /* bad lines, and addresses that go, that are told */

enum plan_table { PLAN_ACCOUNTS, PLAN_ALIASES, PLAN_TABLES };

struct plan_bad {
	uint64_t line;
	struct str reason;
};
struct plan_part {
	/* in; before the first plan_make */
	bool given;	 /* a FILE is to take the place of what there is */
	struct str file; /* its text */
	struct str now;	 /* what the database holds, as the service writes it */
	/* out */
	struct rows was, rows;
	bool replaced; /* by text */
	struct buf text;
	bool from_now;		/* text depends on the rows that are there */
	uint64_t before, after; /* rows */
	uint64_t lines, skipped, added, changed, removed;
	uint64_t stay; /* rows that were removed, were no line bad */
	struct str gone[PLAN_NAMED];
	unsigned n_gone;
	struct plan_bad bad[PLAN_NAMED]; /* in the order of the file */
	unsigned n_bad;
};
struct plan {
	struct plan_part parts[PLAN_TABLES];
	/* in */
	const char *spread; /* box names; NULL: rows without a box have none */
	bool respread;	    /* no row keeps its box but one that names it */
	bool yes;	    /* remove although lines are bad */
	/* out */
	bool keep;	    /* nothing is removed */
	uint64_t got_a_box; /* accounts that had none, or are new */
	uint64_t moved;	    /* accounts that had another, by respread */
	uint64_t boxless;   /* rows of the FILE that have none in the end */
};

/* -1: no line of a FILE can be taken; bad and skipped tell why. */
MUST_CHECK int plan_make(struct plan *p, struct err *e);
void plan_free(struct plan *p);
/* The boxes that good rows of the FILE have in the end, in the order of their names, with
 * the number of these. */
void plan_each_box(const struct plan *p,
		   void (*fn)(void *arg, struct str box, uint64_t rows), void *arg);

#endif
