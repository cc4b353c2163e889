/* rows: lines of email.csv and alias.csv (lib/store/csv.h) as far as an import looks at
 * them before the service does: their keys and boxes. Pure.
 * Memory: borrows the texts. */
#ifndef PB_CMD_PBCTL_ROWS_H
#define PB_CMD_PBCTL_ROWS_H

#include "lib/base/buf.h"

struct rows_difference {
	uint64_t before, after;		  /* different keys of each */
	uint64_t added, removed, changed; /* changed: the line is another one */
};
/* What replacing the one text by the other would do. */
void rows_compare(struct str before, struct str after, struct rows_difference *out);

/* Gives each account without a box one of these, comma separated, in turn in the order of
 * the file; everything else stays byte for byte. *given: how many got one. out is
 * initialised here; owned. boxes holds at least one name. */
void rows_spread(struct str text, struct str boxes, struct buf *out, uint64_t *given);

#endif
