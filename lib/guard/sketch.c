#include "lib/guard/sketch.h"

#include "lib/guard/pack.h"

#define PART sizeof(((struct sketch *)0)->rank[0])
#define RANK_BITS 6
#define ESTIMATE_MAX 1e18		      /* only a made-up sketch says more */
#define INVERSE_2_LN_2 0.72134752044448170368 /* 1 / (2 ln 2) */

_Static_assert(SKETCH_REGISTERS == 1 << SKETCH_BITS, "a register for each index");
_Static_assert(SKETCH_RANK_MAX < 1 << RANK_BITS, "ranks fit");
_Static_assert(SKETCH_DENSE <= UINT8_MAX, "a count of pairs fits its byte");

/* The first 1 of what is behind the index: n with a chance of 2^-n. */
static uint8_t rank_of(uint64_t hash)
{
	uint64_t rest = hash << SKETCH_BITS;

	return rest ? (uint8_t)(__builtin_clzll(rest) + 1) : SKETCH_RANK_MAX;
}

void sketch_add(struct sketch *s, uint64_t hash, int64_t now_ms, int64_t window_ms)
{
	int64_t start = slide_start(now_ms, window_ms);
	uint8_t rank = rank_of(hash), *at;
	int i;

	slide_drop_behind(&s->slide, start + slide_part_ms(window_ms), s->rank, PART);
	i = slide_take(&s->slide, start, s->rank, PART);
	if (i < 0)
		return;
	at = &s->rank[i][hash >> (64 - SKETCH_BITS)];
	*at = rank > *at ? rank : *at;
}

static void join(uint8_t *into, const uint8_t *other)
{
	for (unsigned i = 0; i < SKETCH_REGISTERS; i++)
		into[i] = other[i] > into[i] ? other[i] : into[i];
}

void sketch_merge(struct sketch *into, const struct sketch *other)
{
	for (uint32_t i = 0; i < other->slide.n; i++) {
		int at = slide_take(&into->slide, other->slide.start[i], into->rank, PART);

		if (at >= 0)
			join(into->rank[at], other->rank[i]);
	}
}

/* --- the estimate --- */

/* x + sum of x^(2^k) 2^(k-1), for the share x < 1 of registers that are still 0. */
static double sigma(double x)
{
	double sum = x, before = -1, factor = 1;

	while (sum > before) {
		x *= x;
		before = sum;
		sum += x * factor;
		factor *= 2;
	}
	return sum;
}

/* Registers at their greatest rank count as those one below: there are none before 2^50 values. */
static double estimate(const uint8_t rank[SKETCH_REGISTERS])
{
	unsigned with[SKETCH_RANK_MAX + 1] = { 0 };
	double z = 0, n;

	for (unsigned i = 0; i < SKETCH_REGISTERS; i++)
		with[rank[i]]++;
	if (with[0] == SKETCH_REGISTERS)
		return 0;
	for (unsigned k = SKETCH_RANK_MAX; k >= 1; k--)
		z = 0.5 * (z + with[k]);
	z += SKETCH_REGISTERS * sigma((double)with[0] / SKETCH_REGISTERS);
	n = INVERSE_2_LN_2 * SKETCH_REGISTERS * SKETCH_REGISTERS / z;
	return n < ESTIMATE_MAX ? n : ESTIMATE_MAX;
}

uint64_t sketch_estimate(const struct sketch *s, int64_t now_ms, int64_t window_ms)
{
	uint8_t all[SKETCH_REGISTERS] = { 0 };

	for (uint32_t i = 0; i < s->slide.n; i++)
		if (slide_counts(s->slide.start[i], now_ms, window_ms))
			join(all, s->rank[i]);
	return (uint64_t)(estimate(all) + 0.5);
}

/* --- packed --- */

static unsigned used_registers(const uint8_t *rank)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SKETCH_REGISTERS; i++)
		n += rank[i] != 0;
	return n;
}

static size_t pack_pairs(const uint8_t *rank, unsigned used, uint8_t *p)
{
	size_t n = 0;

	p[n++] = (uint8_t)used;
	for (unsigned i = 0; i < SKETCH_REGISTERS; i++)
		if (rank[i]) {
			p[n++] = (uint8_t)i;
			p[n++] = rank[i];
		}
	return n;
}

static size_t pack_dense(const uint8_t *rank, uint8_t *p)
{
	size_t n = 0;

	p[n++] = 0;
	for (unsigned i = 0; i < SKETCH_REGISTERS; i += 4) /* four ranks are three bytes */
		n += pack_fixed(p + n, 3,
				rank[i] | (uint64_t)rank[i + 1] << 6 | (uint64_t)rank[i + 2] << 12 |
					(uint64_t)rank[i + 3] << 18);
	return n;
}

size_t sketch_encode(const struct sketch *s, uint8_t out[SKETCH_PACKED])
{
	size_t n = slide_pack(&s->slide, out);

	for (uint32_t i = 0; i < s->slide.n; i++) {
		unsigned used = used_registers(s->rank[i]);

		n += used < SKETCH_DENSE ? pack_pairs(s->rank[i], used, out + n) :
					   pack_dense(s->rank[i], out + n);
	}
	return n;
}

static int unpack_pairs(struct str *in, uint64_t used, uint8_t *rank)
{
	uint64_t at, value, next = 0;

	for (; used > 0; used--) {
		if (unpack_fixed(in, 1, &at) < 0 || unpack_fixed(in, 1, &value) < 0 ||
		    at < next || value == 0 || value > SKETCH_RANK_MAX)
			return -1;
		rank[at] = (uint8_t)value;
		next = at + 1;
	}
	return 0;
}

static int unpack_dense(struct str *in, uint8_t *rank)
{
	uint64_t four;

	for (unsigned i = 0; i < SKETCH_REGISTERS; i++) {
		if (i % 4 == 0 && unpack_fixed(in, 3, &four) < 0)
			return -1;
		rank[i] = four >> (RANK_BITS * (i % 4)) & ((1 << RANK_BITS) - 1);
		if (rank[i] > SKETCH_RANK_MAX)
			return -1;
	}
	return used_registers(rank) < SKETCH_DENSE ? -1 : 0;
}

static int unpack_part(struct str *in, uint8_t *rank)
{
	uint64_t used;

	if (unpack_fixed(in, 1, &used) < 0 || used >= SKETCH_DENSE)
		return -1;
	return used > 0 ? unpack_pairs(in, used, rank) : unpack_dense(in, rank);
}

int sketch_decode(struct str in, struct sketch *s)
{
	memset(s->rank, 0, sizeof(s->rank));
	if (slide_unpack(&in, &s->slide) < 0)
		return -1;
	for (uint32_t i = 0; i < s->slide.n; i++)
		if (unpack_part(&in, s->rank[i]) < 0)
			return -1;
	return in.n > 0 ? -1 : 0;
}
