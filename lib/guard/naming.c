#include "lib/guard/naming.h"

#include "lib/guard/pack.h"

void naming_note(struct naming_record *r, uint64_t network, bool established,
		 uint16_t origin, int64_t now_ms, int64_t window_ms)
{
	sketch_add(&r->networks, network, now_ms, window_ms);
	if (established)
		conduct_note(&r->established, CONDUCT_ESTABLISHED, origin, now_ms, window_ms);
}

uint64_t naming_strangers(const struct naming_record *r, int64_t now_ms, int64_t window_ms)
{
	uint64_t networks = sketch_estimate(&r->networks, now_ms, window_ms);
	uint64_t own = conduct_sum(&r->established, CONDUCT_ESTABLISHED, now_ms, window_ms) / NAMING_USUAL;

	return networks > own ? networks - own : 0;
}

int64_t naming_expiry(const struct naming_record *r, int64_t window_ms)
{
	int64_t newest = r->networks.slide.n ? r->networks.slide.start[0] : 0;

	return newest + slide_part_ms(window_ms) + window_ms;
}

void naming_merge(struct naming_record *into, const struct naming_record *other)
{
	sketch_merge(&into->networks, &other->networks);
	conduct_merge(&into->established, &other->established);
}

size_t naming_encode(const struct naming_record *r, uint8_t out[NAMING_PACKED])
{
	uint8_t sketch[SKETCH_PACKED];
	size_t len = sketch_encode(&r->networks, sketch), n = pack_int(out, len);

	memcpy(out + n, sketch, len);
	n += len;
	return n + conduct_encode(&r->established, out + n);
}

int naming_decode(struct str in, struct naming_record *r)
{
	uint64_t len;

	if (unpack_int(&in, SKETCH_PACKED, &len) < 0 || len > in.n ||
	    sketch_decode((struct str){ in.p, len }, &r->networks) < 0)
		return -1;
	return conduct_decode(str_skip(in, len), &r->established);
}
