/* rows: lines of email.csv and alias.csv (lib/store/csv.h) in the order of their keys, as
 * far as an import looks at them before the service does. Pure.
 * Memory: borrows the text; rows_free ends what it owns. */
#ifndef PB_CMD_PBCTL_ROWS_H
#define PB_CMD_PBCTL_ROWS_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"

struct row {
	struct str line; /* without its end */
	uint64_t number; /* of the line, from 1 */
	struct str bad;	 /* why it is not taken; empty: it is */
	bool yields;	 /* a bad alias, to the account of that address */
	struct str box;	 /* of a good account; empty: none */
};
struct rows {
	struct row *v;
	size_t n, cap;
	struct arena arena;
};

/* All lines of the text that are not empty: by key, without regard to case, and those of
 * one key as they stand in the text. */
void rows_take(struct rows *r, struct str text);
void rows_free(struct rows *r);
/* The first of that key; NULL: none. */
struct row *rows_find(const struct rows *r, struct str key);

/* Its address. */
struct str row_key(struct str line);
int row_key_order(struct str a, struct str b);
/* The third column, as the service writes it; empty: none. */
struct str row_box(struct str line);
/* The line with that box in the third column, and an end. */
void row_put(struct buf *out, struct str line, struct str box);

#endif
