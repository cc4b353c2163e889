/* near: what was probably meant by a word that is none. Pure. */
#ifndef PB_CMD_PBCTL_NEAR_H
#define PB_CMD_PBCTL_NEAR_H

#include "lib/base/str.h"

/* Of all words that are offered the one with the fewest letters between; start with
 * { .typed = word }. found is empty when none is near enough: a third of the letters. */
struct near {
	struct str typed, found;
	unsigned distance;
};
void near_offer(struct near *n, struct str word);

#endif
