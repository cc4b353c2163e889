/* claims: for a short time one process alone may do a thing. A fixed table of atomics, a word a
 * place; a claim ends by itself, so a killed process leaves nothing behind.
 * Each key has one place: two processes never both hold a claim on the same key. Keys that meet in
 * one (of CLAIM_PLACES) exclude each other. Time is an argument. */
#ifndef PB_SHM_CLAIMS_H
#define PB_SHM_CLAIMS_H

#include "shm/layout.h"

/* key: a keyed 64-bit hash. The claim, for claim_release; 0: the place is taken. now_ms:
 * monotonic; hold_ms > 0. */
MUST_CHECK uint64_t claim_take(struct shm *shm, uint64_t key, int64_t now_ms, int64_t hold_ms);
/* Frees the place if this very claim still has it. */
void claim_release(struct shm *shm, uint64_t key, uint64_t claim);

#endif
