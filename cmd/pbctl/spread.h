/* spread: boxes for accounts that have none, the emptiest first; of equally empty ones the
 * one that is named first. Pure.
 * Memory: borrows the names; spread_free ends what it owns. */
#ifndef PB_CMD_PBCTL_SPREAD_H
#define PB_CMD_PBCTL_SPREAD_H

#include "lib/base/str.h"

struct spread {
	struct spread_box {
		struct str name;
		uint64_t accounts;
	} * v;
	size_t n;
};

/* boxes: names, comma separated; a name that stands twice counts once. */
void spread_init(struct spread *s, struct str boxes);
void spread_free(struct spread *s);
/* An account that stays on a box, be it one of these or not. */
void spread_count(struct spread *s, struct str box);
/* The box of one more account; it is counted. There is at least one name. */
struct str spread_next(struct spread *s);

#endif
