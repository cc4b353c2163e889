#include "shm/claims.h"

#include "shm/region.h"

/* A place is one word: tag (24 bits of the key) | end (mono ms, 40 bits: 34 years). 0: free. */
#define END_BITS 40
#define END_MASK ((UINT64_C(1) << END_BITS) - 1)

static au64 *place_of(struct shm *shm, uint64_t key)
{
	return &shm->claims[key % CLAIM_PLACES];
}

uint64_t claim_take(struct shm *shm, uint64_t key, int64_t now_ms, int64_t hold_ms)
{
	au64 *place = place_of(shm, key);
	uint64_t old = atomic_load(place);
	uint64_t made = (key & ~END_MASK) | ((uint64_t)(now_ms + hold_ms) & END_MASK);

	do {
		if ((int64_t)(old & END_MASK) > now_ms)
			return 0;
	} while (!atomic_compare_exchange_weak(place, &old, made));
	return made;
}

void claim_release(struct shm *shm, uint64_t key, uint64_t claim)
{
	atomic_compare_exchange_strong(place_of(shm, key), &claim, 0);
}
