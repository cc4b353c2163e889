#include "lib/guard/room.h"

/* From ms at half of most on down to least at most. */
static int64_t squeezed(int64_t ms, int64_t least, uint64_t rows, uint64_t most)
{
	uint64_t half = most / 2, left = rows < most ? most - rows : 0;

	if (ms <= least || left >= most - half)
		return ms;
	return least + (int64_t)((double)(ms - least) * (double)left / (double)(most - half));
}

struct gate_rules room_rules(const struct gate_rules *r, uint64_t rows)
{
	struct gate_rules s = *r;

	if (r->rows_most == 0)
		return s;
	s.greylist.window_ms = squeezed(r->greylist.window_ms, 2 * r->greylist.initial_ms,
					rows, r->rows_most);
	s.greylist.max_age_ms = squeezed(r->greylist.max_age_ms, ROOM_LEAST_MS, rows, r->rows_most);
	s.suspicious_ms = squeezed(r->suspicious_ms, r->greylist.initial_ms, rows, r->rows_most);
	s.spread_ms = squeezed(r->spread_ms, r->spread_ms / ROOM_PARTS, rows, r->rows_most);
	return s;
}
