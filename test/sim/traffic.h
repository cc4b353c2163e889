/* traffic: when which sender brings mail for whom, in one world of one seed. Sessions of a kind
 * come independently of each other. What they are like is made from hashes of the seed, so that
 * a mailbox' writers, say, need no memory.
 *
 * A world of a large site may be simulated in part: as a guard knows a client by its network,
 * one unit in part_units stands for all, with all mailboxes and so the full rate of each
 * network; or, where a population has few, large units, one mailbox in part_mailboxes. Counts
 * are then weighed by these numbers (traffic_weight). Forged senders name one domain in
 * part_units, so that each is named as often, and by as many networks, as in the whole. */
#ifndef PB_SIM_TRAFFIC_H
#define PB_SIM_TRAFFIC_H

#include "test/sim/queue.h"
#include "test/sim/rng.h"
#include "test/sim/senders.h"

struct world_rules {
	uint32_t mailboxes;
	unsigned days, warm_days; /* the first are not counted */
	uint64_t seed;
	enum mix mix;
	uint32_t forged_domains; /* senders.h; a multiple of the number of organisations */
	bool pregreet;		 /* the guard notices who talks before the greeting */
	unsigned part_units;	 /* divide 200 */
	unsigned part_mailboxes;
};

/* The first session of this kind behind from_ms; false: no such kind in this mix. */
bool traffic_next(const struct world_rules *w, struct rng *r, unsigned kind,
		  int64_t from_ms, struct event *out);
/* The next letter of a user of ours to somebody of a mutual kind. */
bool letter_next(const struct world_rules *w, struct rng *r, unsigned kind,
		 int64_t from_ms, struct event *out);
/* One of the mails of a session; the first is like all others. */
struct mail traffic_mail(const struct world_rules *w, struct rng *r, const struct mail *session);
/* So many mails of the whole world a mail of this kind stands for. */
unsigned traffic_weight(const struct world_rules *w, unsigned kind);

#endif
