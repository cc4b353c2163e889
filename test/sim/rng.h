/* rng: numbers for the simulator, the same on every machine for the same seed: SplitMix64 (Steele,
 * Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), as a generator and,
 * by its mixing function, as a hash: what is derived from hashes needs no memory. Pure. */
#ifndef PB_SIM_RNG_H
#define PB_SIM_RNG_H

#include <math.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t mix64(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	return mix64(a + UINT64_C(0x9e3779b97f4a7c15) + mix64(b ^ UINT64_C(0xd1b54a32d192ed03)));
}

static inline uint64_t rng_next(struct rng *r)
{
	r->state += UINT64_C(0x9e3779b97f4a7c15);
	return mix64(r->state);
}

/* Above 0, below 1. */
static inline double unit_of(uint64_t hash)
{
	return ((double)(hash >> 11) + 0.5) / 9007199254740992.0; /* 2^53 */
}

static inline double rng_unit(struct rng *r)
{
	return unit_of(rng_next(r));
}

/* 0 to n - 1, n small beside 2^64. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
	return rng_next(r) % n;
}

/* The wait for the next of events that come independently. */
static inline double rng_wait(struct rng *r, double mean)
{
	return -mean * log(rng_unit(r));
}

/* 1, 2, ... with this mean. */
static inline unsigned rng_count(struct rng *r, double mean)
{
	return mean > 1 ? 1 + (unsigned)(log(rng_unit(r)) / log(1 - 1 / mean)) : 1;
}

/* Normal, by Box and Muller. */
static inline double normal_of(uint64_t hash)
{
	return sqrt(-2 * log(unit_of(hash))) * cos(6.283185307179586 * unit_of(mix64(hash + 1)));
}

#endif
