#include "lib/guard/spread.h"

#include "lib/guard/pack.h"
#include "lib/guard/sighting.h"

/* --- evidence --- */

/* Which sketch or count measures a piece of evidence. */
static const struct {
	bool distinct;
	unsigned which;
} measures[EVIDENCE_KINDS] = {
	[EVIDENCE_UNKNOWN] = { false, CONDUCT_UNKNOWN },
	[EVIDENCE_ABANDONED] = { false, CONDUCT_ABANDONED },
	[EVIDENCE_DOMAINS] = { true, SPREAD_DOMAINS },
	[EVIDENCE_SENDERS] = { true, SPREAD_SENDERS },
	[EVIDENCE_EARLY] = { false, CONDUCT_EARLY },
	[EVIDENCE_NAMELESS] = { false, CONDUCT_NAMELESS },
	[EVIDENCE_RECIPIENTS] = { true, SPREAD_RECIPIENTS },
	[EVIDENCE_ERRORS] = { false, CONDUCT_ERROR },
};

void spread_evidence(const struct spread_record *r, int64_t now_ms, int64_t window_ms,
		     struct evidence *out)
{
	for (unsigned k = 0; k < EVIDENCE_KINDS; k++) {
		unsigned which = measures[k].which;

		if (k == EVIDENCE_FORGED)
			continue; /* of the domain, not of the network: naming.h */
		out->measure[k] = measures[k].distinct ?
					  sketch_estimate(&r->distinct[which], now_ms, window_ms) :
					  conduct_sum(&r->conduct, which, now_ms, window_ms);
	}
	out->established = conduct_sum(&r->conduct, CONDUCT_ESTABLISHED, now_ms, window_ms);
}

int64_t spread_expiry(const struct spread_record *r, int64_t window_ms)
{
	int64_t newest = r->conduct.slide.n ? r->conduct.slide.start[0] : 0;

	for (unsigned i = 0; i < SPREAD_SKETCHES; i++)
		if (r->distinct[i].slide.n && r->distinct[i].slide.start[0] > newest)
			newest = r->distinct[i].slide.start[0];
	return newest + slide_part_ms(window_ms) + window_ms;
}

void spread_merge(struct spread_record *into, const struct spread_record *other)
{
	for (unsigned i = 0; i < SPREAD_SKETCHES; i++)
		sketch_merge(&into->distinct[i], &other->distinct[i]);
	conduct_merge(&into->conduct, &other->conduct);
}

/* --- packed --- */

size_t spread_encode(const struct spread_record *r, uint8_t out[SPREAD_PACKED])
{
	uint8_t sketch[SKETCH_PACKED];
	size_t n = 0;

	for (unsigned i = 0; i < SPREAD_SKETCHES; i++) {
		size_t len = sketch_encode(&r->distinct[i], sketch);

		n += pack_int(out + n, len);
		memcpy(out + n, sketch, len);
		n += len;
	}
	return n + conduct_encode(&r->conduct, out + n);
}

int spread_decode(struct str in, struct spread_record *r)
{
	uint64_t len;

	for (unsigned i = 0; i < SPREAD_SKETCHES; i++) {
		if (unpack_int(&in, SKETCH_PACKED, &len) < 0 || len > in.n ||
		    sketch_decode((struct str){ in.p, len }, &r->distinct[i]) < 0)
			return -1;
		in = str_skip(in, len);
	}
	return conduct_decode(in, &r->conduct);
}

void spread_saw(struct shm *shm, unsigned slot, const struct ipaddr *client,
		enum conduct_kind kind, int64_t wall_ms)
{
	struct sighting s = { .now_ms = wall_ms, .kinds = (uint8_t)(1u << kind) };

	network_key(client, s.network);
	if (shm)
		sighting_report(shm, slot, &s);
}
