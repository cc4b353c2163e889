/* penalty: growing delays for those who guess passwords, by client network and by account.
 * A fixed table of atomics, shared by all workers; a killed process leaves it sound. When
 * full, the oldest entry of the bucket goes. Time is an argument. */
#ifndef PB_SHM_PENALTY_H
#define PB_SHM_PENALTY_H

#include "lib/base/addr.h"
#include "shm/layout.h"

/* One more failure of this key (a keyed 64-bit hash of network or account); returns the delay
 * in ms that the next answer to it should take: PENALTY_FIRST_MS doubling to PENALTY_MAX_MS. */
int64_t penalty_failed(struct shm *shm, uint64_t key, int64_t mono_ms);
/* The delay that stands now, 0 when none. */
int64_t penalty_now(const struct shm *shm, uint64_t key, int64_t mono_ms);
/* A success of this key forgets its failures. */
void penalty_clear(struct shm *shm, uint64_t key);
/* Guessing that is spread over many networks: failures of the whole site, but those of networks
 * that the account knows. Counts one; then the delay of now: 0 up to PENALTY_SITE_FREE of them in
 * PENALTY_SITE_MS (this window or the last), then PENALTY_FIRST_MS, doubling with their number. */
void penalty_site_failed(struct shm *shm, int64_t mono_ms);
int64_t penalty_site_now(struct shm *shm, int64_t mono_ms);
/* Keys: of a client's network for guesses at one kind of thing (a program with a wrong access key
 * does not slow its neighbours' mail), and of an account (in any case). */
enum penalty_kind { PENALTY_LOGINS = 'n', PENALTY_KEYS = 'k' };
uint64_t penalty_network(const struct shm *shm, enum penalty_kind kind, const struct ipaddr *client);
uint64_t penalty_account(const struct shm *shm, struct str address);
/* The random SipHash key of this region, for hashing what strangers choose. */
const uint8_t *shm_secret(const struct shm *shm);

#endif
