/* progress: a bar on standard error while a long command runs:
 *
 *   reread [##########..............]  42%  420000 of 1000000
 *
 * While the number of rows is not known yet only those done are told. */
#ifndef PB_CMD_PBCTL_PROGRESS_H
#define PB_CMD_PBCTL_PROGRESS_H

#include <stdio.h>

#include "cmd/pbctl/answer.h"

struct progress {
	FILE *out;
	bool drawn; /* a bar stands there */
};
/* What `stats` answers; without <work> nothing is drawn. */
void progress_take(struct progress *p, const struct answer *stats);
/* Takes the bar away. */
void progress_end(struct progress *p);

#endif
