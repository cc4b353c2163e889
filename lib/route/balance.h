/* balance: which box of a plain TCP cluster takes the next session.
 *
 *   fall-overs of a box that failed --> the client's last box --> the cluster's method
 *
 * A candidate is green, fit (shm/boxes.h), below its max_sessions, and not tried by
 * this session yet. The methods themselves are pure; what they weigh is shared by all
 * workers, so that many workers choose as one would.
 * Memory: borrows everything, keeps nothing but rows of shared memory.
 * Not here: connecting (lib/session/tcp_server.h), mailboxes' boxes (route.h). */
#ifndef PB_ROUTE_BALANCE_H
#define PB_ROUTE_BALANCE_H

#include "lib/route/topology.h"

/* --- pure --- */

/* Round robin by weight (1..1000): which of n has the turn with this number. Of any as
 * many turns in a row as the weights sum up to, each has exactly its weight, and they
 * are spread evenly over them: any run of turns gives each its share but for one or
 * two. n > 0. */
unsigned balance_turn(const unsigned *weight, unsigned n, uint64_t number);

struct balance_load {
	unsigned weight;
	uint64_t sessions;
};
/* Which of n has the fewest sessions for its weight; equal ones take turns. n > 0. */
unsigned balance_least(const struct balance_load *v, unsigned n, uint64_t number);

/* What a client's box follows from, in its address: all of IPv4, the /64 of IPv6,
 * whose hosts change the rest as they like. */
struct str balance_client(const struct ipaddr *client);

/* --- over shared memory --- */

/* Boxes (indices of shm/boxes.h) that a session has tried already; begin with zeros. */
struct balance_tried {
	uint64_t bits[MAX_BOXES / 64];
};

/* The box to connect to now, marked as tried; NULL when there is none. failed is the
 * box (index of shm/boxes.h) that could not be connected to just before, -1: none. */
struct topo_box *balance_choose(const struct topo_cluster *c, struct shm *shm,
				const struct ipaddr *client, int64_t mono_ms, int failed,
				struct balance_tried *tried);

#endif
