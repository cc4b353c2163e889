/* bulk: a whole table gone through in key order, to be made what somebody else says.
 * Old rows are read from the set that was committed last, in a transaction of its own, so that
 * what is read stays where it is while rows are written. The caller says of each old row, in
 * order, whether it stays, goes or is put anew, and puts new ones between: no row may be
 * changed otherwise in this write transaction.
 *
 * Three ways: BULK_LOOK writes nothing and tells what would change. BULK_PATCH writes what
 * changes. BULK_ANEW empties the table and appends every row, which costs as much as all rows
 * are long: less than patching where more than some rows in a hundred change, because a patched
 * page is copied, and most often split, for each.
 * Only within lib/store. */
#ifndef PB_STORE_STORE_BULK_H
#define PB_STORE_STORE_BULK_H

#include "lib/store/store.h"

enum bulk_way { BULK_LOOK, BULK_PATCH, BULK_ANEW };
struct bulk;
struct bulk_row {
	struct str key; /* borrows until bulk_end */
	bool live;	/* else a tombstone */
};

/* The two ways that write need an open write transaction. Owned. */
MUST_CHECK int bulk_begin(struct bulk **out, struct store *s, const struct table *t,
			  enum bulk_way way, struct err *e);
/* All old rows have come, and what had to be put is put. Before a commit. */
MUST_CHECK int bulk_finish(struct bulk *b, struct err *e);
void bulk_end(struct bulk **b); /* NULL-safe */
/* The next old row: 0, STORE_NONE at the end, or -1. */
MUST_CHECK int bulk_next(struct bulk *b, struct bulk_row *row, struct err *e);
/* The old row that came last stays as it is, */
MUST_CHECK int bulk_keep(struct bulk *b, struct err *e);
/* or goes (leaving its tombstone): 1; 0: it is one already. */
MUST_CHECK int bulk_drop(struct bulk *b, struct err *e);
/* rec takes the place of the old row that came last (old), or comes before it: 1; 0: it is
 * what stood there. */
MUST_CHECK int bulk_put(struct bulk *b, bool old, const void *rec, struct err *e);

#endif
