/* room: what keeps the guard's tables bounded. Whoever makes up senders makes rows as well, so each table holds
 * gate_rules.rows_most of them at most. From half of that on rows are kept the shorter the fuller it is, the oldest
 * go first; at the bound no new row comes. A flood that would fill a disk costs strangers what is known of them
 * longest ago, then a longer wait, and nobody a mail.
 *
 *   rows        0 ....... most/2 ........... most
 *   kept for    as set    less and less      a day; a retry's window: twice greylist_initial_min; what networks and
 *                                            domains did: a part of its window, as slide.h knows no shorter time
 *
 * Pure. Not here: who looks (gate_store.h writes, the replicator sweeps). */
#ifndef PB_GUARD_ROOM_H
#define PB_GUARD_ROOM_H

#include "lib/guard/gate.h"

#define ROOM_LEAST_MS INT64_C(86400000)
#define ROOM_PARTS 7 /* of a window: SLIDE_PARTS - 1 */

/* The rules by which rows of a table go that has so many. */
struct gate_rules room_rules(const struct gate_rules *r, uint64_t rows);
/* May another one come? */
static inline bool room_for_more(const struct gate_rules *r, uint64_t rows)
{
	return r->rows_most == 0 || rows < r->rows_most;
}

#endif
