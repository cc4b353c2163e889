/* publish: makes a stored change live: indices, listeners, generation, confirmations.
 *
 *   store committed -> publish_start: box and cluster indices (shm), listener table, generation
 *     -> supervisor opens or closes sockets and answers the table
 *     -> every live worker builds the new topology and confirms
 *   publish_state says how far it is; admin's bell tells when to ask again.
 */
#ifndef PB_ADMIN_PUBLISH_H
#define PB_ADMIN_PUBLISH_H

#include "lib/store/store.h"
#include "shm/layout.h"

struct publish { /* one change on its way */
	uint32_t generation;
	uint32_t listeners; /* version of the listener table it made; 0: none, or all is open */
	uint64_t opens; /* indices of clusters whose listeners are new in it: others are not its fault */
};
enum publish_state {
	PUBLISH_WAITS,
	PUBLISH_LIVE,	/* everywhere */
	PUBLISH_REFUSED, /* a listener could not be opened; the text says which and why */
};

/* Reads clusters and boxes from the store and publishes them. Assigns shm indices to every
 * cluster and box, forgets those that are gone. The listener table is replaced only when it
 * differs. -1: the store cannot be read. */
MUST_CHECK int publish_start(struct publish *p, struct store *accounts, struct shm *shm,
			     struct err *e);
/* The same wait for what is published already. */
void publish_standing(struct publish *p, struct shm *shm);
/* To be asked between the supervisor's answer and the next change of the table. */
enum publish_state publish_state(struct publish *p, struct shm *shm, struct err *why);
/* Has the supervisor answered the listener table that stands? Until then nobody should replace
 * it: it answers for the newest only, and nobody could tell whose change it refused. */
bool publish_settled(const struct shm *shm);
/* Names who has not confirmed, for the 503. */
void publish_missing(struct publish *p, struct shm *shm, struct err *why);

#endif
