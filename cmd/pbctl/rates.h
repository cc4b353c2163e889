/* rates: what happened between two answers of `stats`, a second. Pure. */
#ifndef PB_CMD_PBCTL_RATES_H
#define PB_CMD_PBCTL_RATES_H

#include "cmd/pbctl/answer.h"

/* What there is now as an answer of its own: <processes>, <clusters> and <boxes>, whose
 * rows hold gauges and, with one decimal, rates (..._per_s). before: NULL for none, then
 * there are no rates. ms: between them, at least 1. A counter that went down (a new
 * start) and a row that was not there count as no change. The caller frees the answer. */
void rates_between(const struct answer *before, const struct answer *now, int64_t ms,
		   struct answer *out);

#endif
