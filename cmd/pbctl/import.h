/* import: what the parts of an import share (import.c does it, tell.c talks of it), and the
 * files in the directory of the service (also export.c's). */
#ifndef PB_CMD_PBCTL_IMPORT_H
#define PB_CMD_PBCTL_IMPORT_H

#include <limits.h>

#include "cmd/pbctl/ctl.h"
#include "cmd/pbctl/plan.h"

struct part {
	const char *file, *noun;
	const char *since;	/* the parameter of reread that speaks of it */
	const char *given_name; /* of the FILE; NULL: none, it is what the database holds */
	char path[PATH_MAX];	/* in the directory of the service */
	struct buf given, now;
	uint64_t agreed; /* so many may be removed */
};
struct import {
	struct ctl *c;
	struct part parts[PLAN_TABLES];
	struct plan plan;
	struct answer clusters; /* of listclusters */
	bool knows_clusters, told;
	uint64_t may_move;  /* so many may get another box */
	uint64_t on_nobody; /* rows whose box no cluster has */
	char sequence[24];  /* of the first vacuum */
	bool changed;	    /* since then, by others */
};

/* --- files --- */
MUST_CHECK int part_init(struct part *p, const char *dir, const char *file, struct err *e);
/* What stands in the directory now; the service has just written it. */
MUST_CHECK int part_current(const struct part *p, struct buf *out, struct err *e);

/* --- telling --- */
bool import_knows_box(const struct import *m, struct str name);
/* On standard error: lines and boxes that are no good, and what follows from them. */
void tell_trouble(struct import *m);
/* The same of what would be removed. */
void tell_gone(const struct import *m, enum plan_table i);
/* What is done, counted by the service (reread), or NULL: what would be done, with that
 * exit status. The exit status, or -1. */
MUST_CHECK int tell_outcome(struct import *m, const struct answer *reread, int status, struct err *e);

#endif
