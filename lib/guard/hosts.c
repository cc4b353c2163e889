#include "lib/guard/hosts.h"

#include "lib/guard/pack.h"

void hosts_note(struct hosts *h, uint8_t host, int64_t now_ms, int64_t window_ms)
{
	int64_t start = slide_start(now_ms, window_ms);
	int i;

	slide_drop_behind(&h->slide, start + slide_part_ms(window_ms), h->part, HOSTS_BYTES);
	i = slide_take(&h->slide, start, h->part, HOSTS_BYTES);
	if (i >= 0)
		h->part[i][host / 8] |= (uint8_t)(1u << host % 8);
}

static bool has(const uint8_t *bits, unsigned host)
{
	return bits[host / 8] >> host % 8 & 1;
}

bool hosts_has(const struct hosts *h, uint8_t host, int64_t now_ms, int64_t window_ms)
{
	for (uint32_t i = 0; i < h->slide.n; i++)
		if (slide_counts(h->slide.start[i], now_ms, window_ms) && has(h->part[i], host))
			return true;
	return false;
}

void hosts_merge(struct hosts *into, const struct hosts *other)
{
	for (uint32_t i = 0; i < other->slide.n; i++) {
		int at = slide_take(&into->slide, other->slide.start[i], into->part, HOSTS_BYTES);

		for (unsigned b = 0; at >= 0 && b < HOSTS_BYTES; b++)
			into->part[at][b] |= other->part[i][b];
	}
}

/* --- packed --- */

static unsigned count(const uint8_t *bits)
{
	unsigned n = 0;

	for (unsigned b = 0; b < HOSTS_BYTES; b++)
		n += (unsigned)__builtin_popcount(bits[b]);
	return n;
}

static size_t pack_part(const uint8_t *bits, uint8_t *p)
{
	unsigned n = count(bits);
	size_t at = 1;

	if (n >= HOSTS_LISTED) {
		p[0] = HOSTS_MANY;
		memcpy(p + 1, bits, HOSTS_BYTES);
		return 1 + HOSTS_BYTES;
	}
	p[0] = (uint8_t)n;
	for (unsigned host = 0; host < 256; host++)
		if (has(bits, host))
			p[at++] = (uint8_t)host;
	return at;
}

static int unpack_list(struct str *in, unsigned n, uint8_t *bits)
{
	int last = -1;

	for (unsigned i = 0; i < n; i++) {
		uint64_t host;

		if (unpack_fixed(in, 1, &host) < 0 || (int)host <= last)
			return -1;
		bits[host / 8] |= (uint8_t)(1u << host % 8);
		last = (int)host;
	}
	return 0;
}

static int unpack_part(struct str *in, uint8_t *bits)
{
	uint64_t n;

	memset(bits, 0, HOSTS_BYTES);
	if (unpack_fixed(in, 1, &n) < 0)
		return -1;
	if (n < HOSTS_LISTED)
		return unpack_list(in, (unsigned)n, bits);
	if (n != HOSTS_MANY || in->n < HOSTS_BYTES)
		return -1;
	memcpy(bits, in->p, HOSTS_BYTES);
	*in = str_skip(*in, HOSTS_BYTES);
	return count(bits) >= HOSTS_LISTED ? 0 : -1;
}

size_t hosts_encode(const struct hosts *h, uint8_t out[HOSTS_PACKED])
{
	size_t n = slide_pack(&h->slide, out);

	for (uint32_t i = 0; i < h->slide.n; i++)
		n += pack_part(h->part[i], out + n);
	return n;
}

int hosts_decode(struct str in, struct hosts *h)
{
	if (slide_unpack(&in, &h->slide) < 0)
		return -1;
	for (uint32_t i = 0; i < h->slide.n; i++)
		if (unpack_part(&in, h->part[i]) < 0)
			return -1;
	return in.n > 0 ? -1 : 0;
}
