#include "lib/guard/slide.h"

#include "lib/guard/pack.h"

int64_t slide_part_ms(int64_t window_ms)
{
	int64_t most = pack_time(window_ms);

	return most / (SLIDE_PARTS - 1) + 1;
}

int64_t slide_start(int64_t now_ms, int64_t window_ms)
{
	int64_t now = pack_time(now_ms);

	return now - now % slide_part_ms(window_ms);
}

bool slide_counts(int64_t start, int64_t now_ms, int64_t window_ms)
{
	int64_t part = slide_part_ms(window_ms), now = pack_time(now_ms);

	return start + part > now - pack_time(window_ms) && start <= now + part;
}

int slide_take(struct slide *r, int64_t start, void *items, size_t size)
{
	char *item = items;
	uint32_t i = 0, behind;

	while (i < r->n && r->start[i] > start)
		i++;
	if (i < r->n && r->start[i] == start)
		return (int)i;
	if (i == SLIDE_PARTS)
		return -1;
	behind = (r->n < SLIDE_PARTS ? r->n : SLIDE_PARTS - 1) - i;
	memmove(&r->start[i + 1], &r->start[i], behind * sizeof(r->start[0]));
	memmove(item + (i + 1) * size, item + i * size, behind * size);
	r->n = i + behind + 1;
	r->start[i] = start;
	memset(item + i * size, 0, size);
	return (int)i;
}

void slide_drop_behind(struct slide *r, int64_t limit_ms, void *items, size_t size)
{
	char *item = items;
	uint32_t ahead = 0;

	while (ahead < r->n && r->start[ahead] > limit_ms)
		ahead++;
	r->n -= ahead;
	memmove(r->start, r->start + ahead, r->n * sizeof(r->start[0]));
	memmove(item, item + ahead * size, r->n * size);
}

size_t slide_pack(const struct slide *r, uint8_t *p)
{
	size_t n = 0;

	p[n++] = (uint8_t)r->n;
	for (uint32_t i = 0; i < r->n; i++)
		n += pack_fixed(p + n, PACK_TIME, (uint64_t)r->start[i]);
	return n;
}

int slide_unpack(struct str *in, struct slide *r)
{
	uint64_t n, start;

	*r = (struct slide){ 0 };
	if (unpack_fixed(in, 1, &n) < 0 || n > SLIDE_PARTS)
		return -1;
	for (; r->n < n; r->n++) {
		if (unpack_fixed(in, PACK_TIME, &start) < 0 ||
		    (r->n > 0 && (int64_t)start >= r->start[r->n - 1]))
			return -1;
		r->start[r->n] = (int64_t)start;
	}
	return 0;
}
