#include "lib/guard/trust.h"

#include "lib/guard/pack.h"

static bool is_alive(const struct trust_record *r, int64_t max_age_ms, int64_t now_ms)
{
	return r->round > 0 && now_ms < trust_expiry(r, max_age_ms);
}

uint64_t trust_proofs(const struct trust_record *r, int64_t max_age_ms, int64_t now_ms)
{
	return is_alive(r, max_age_ms, now_ms) ? tally_sum(&r->tally, 0) : 0;
}

bool trust_passes(const struct trust_record *r, unsigned proofs, int64_t max_age_ms,
		  int64_t now_ms)
{
	return trust_proofs(r, max_age_ms, now_ms) >= proofs;
}

void trust_note(struct trust_record *r, enum trust_use use, int64_t max_age_ms,
		uint16_t origin, int64_t now_ms)
{
	int64_t now = pack_time(now_ms);

	if (!is_alive(r, max_age_ms, now_ms)) {
		uint32_t next = r->round < UINT32_MAX ? r->round + 1 : r->round;

		if (use == TRUST_MAIL)
			return;
		*r = (struct trust_record){ .round = next };
	}
	r->used_ms = now > r->used_ms ? now : r->used_ms;
	if (use == TRUST_MAIL || (r->proved_ms && now < r->proved_ms + PROOF_APART_MS))
		return;
	r->proved_ms = now;
	tally_add(&r->tally, origin, 0, 1);
}

int64_t trust_expiry(const struct trust_record *r, int64_t max_age_ms)
{
	return r->used_ms + max_age_ms;
}

void trust_merge(struct trust_record *into, const struct trust_record *other)
{
	if (other->round > into->round)
		*into = *other;
	if (other->round < into->round || other->round == 0)
		return;
	if (other->used_ms > into->used_ms)
		into->used_ms = other->used_ms;
	if (other->proved_ms > into->proved_ms)
		into->proved_ms = other->proved_ms;
	tally_merge(&into->tally, &other->tally);
}

/* --- packed --- */

size_t trust_encode(const struct trust_record *r, uint8_t out[TRUST_PACKED])
{
	size_t n = pack_fixed(out, PACK_TIME, (uint64_t)r->used_ms);

	n += pack_int(out + n, r->round);
	n += pack_int(out + n, r->proved_ms ? (uint64_t)(r->used_ms - r->proved_ms) + 1 : 0);
	return n + tally_pack(&r->tally, out + n);
}

int trust_decode(struct str in, struct trust_record *r)
{
	uint64_t used, round, back;

	if (unpack_fixed(&in, PACK_TIME, &used) < 0 || unpack_int(&in, UINT32_MAX, &round) < 0 ||
	    round == 0 || unpack_int(&in, used, &back) < 0 ||
	    tally_unpack(&in, 1, &r->tally) < 0 || in.n > 0)
		return -1;
	r->round = (uint32_t)round;
	r->used_ms = (int64_t)used;
	r->proved_ms = back ? r->used_ms - (int64_t)(back - 1) : 0;
	return 0;
}
