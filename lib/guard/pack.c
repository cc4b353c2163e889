#include "lib/guard/pack.h"

size_t pack_int(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	for (; v > 0x7f; v >>= 7)
		p[n++] = (uint8_t)(v | 0x80);
	p[n++] = (uint8_t)v;
	return n;
}

size_t pack_fixed(uint8_t *p, size_t n, uint64_t v)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
	return n;
}

int unpack_int(struct str *in, uint64_t max, uint64_t *v)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < PACK_INT && i < in->n; i++) {
		uint8_t byte = (uint8_t)in->p[i];

		if (i == PACK_INT - 1 && byte > 1)
			return -1; /* beyond 64 bits */
		sum |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte & 0x80)
			continue;
		if ((byte == 0 && i > 0) || sum > max)
			return -1;
		*in = str_skip(*in, i + 1);
		*v = sum;
		return 0;
	}
	return -1;
}

int unpack_fixed(struct str *in, size_t n, uint64_t *v)
{
	uint64_t sum = 0;

	if (in->n < n)
		return -1;
	for (size_t i = 0; i < n; i++)
		sum |= (uint64_t)(uint8_t)in->p[i] << (8 * i);
	*in = str_skip(*in, n);
	*v = sum;
	return 0;
}

int64_t pack_time(int64_t wall_ms)
{
	return wall_ms < 0 ? 0 : wall_ms > PACK_TIME_MAX ? PACK_TIME_MAX : wall_ms;
}
