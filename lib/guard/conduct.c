#include "lib/guard/conduct.h"

#define PART sizeof(struct tally)

void conduct_note(struct conduct *c, enum conduct_kind kind, uint16_t origin,
		  int64_t now_ms, int64_t window_ms)
{
	int64_t start = slide_start(now_ms, window_ms);
	int i;

	slide_drop_behind(&c->slide, start + slide_part_ms(window_ms), c->part, PART);
	i = slide_take(&c->slide, start, c->part, PART);
	if (i >= 0)
		tally_add(&c->part[i], origin, kind, 1);
}

uint64_t conduct_sum(const struct conduct *c, enum conduct_kind kind, int64_t now_ms, int64_t window_ms)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < c->slide.n; i++)
		if (slide_counts(c->slide.start[i], now_ms, window_ms))
			sum += tally_sum(&c->part[i], kind);
	return sum;
}

void conduct_merge(struct conduct *into, const struct conduct *other)
{
	for (uint32_t i = 0; i < other->slide.n; i++) {
		int at = slide_take(&into->slide, other->slide.start[i], into->part, PART);

		if (at >= 0)
			tally_merge(&into->part[at], &other->part[i]);
	}
}

size_t conduct_encode(const struct conduct *c, uint8_t out[CONDUCT_PACKED])
{
	size_t n = slide_pack(&c->slide, out);

	for (uint32_t i = 0; i < c->slide.n; i++)
		n += tally_pack(&c->part[i], out + n);
	return n;
}

int conduct_decode(struct str in, struct conduct *c)
{
	if (slide_unpack(&in, &c->slide) < 0)
		return -1;
	for (uint32_t i = 0; i < c->slide.n; i++)
		if (tally_unpack(&in, CONDUCT_KINDS, &c->part[i]) < 0)
			return -1;
	return in.n > 0 ? -1 : 0;
}
