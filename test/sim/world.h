/* world: weeks of mail in virtual time, at two doors, and what came of it. */
#ifndef PB_SIM_WORLD_H
#define PB_SIM_WORLD_H

#include "test/sim/traffic.h"

#define DOORS 2		   /* protobalance, postgrey */
#define DELAY_BUCKETS 7201 /* whole minutes, the last: and more */

struct outcome { /* at one door, of one kind, of mails that were first tried behind the warm-up */
	uint64_t mails;	  /* to mailboxes that there are */
	uint64_t put_off; /* at their first try */
	uint64_t taken;
	uint64_t refused; /* for good, by the door */
	uint64_t lost;	  /* put off until the sender gave up */
	uint64_t unknown; /* for addresses that there are not; in no other count */
	uint32_t delay[DELAY_BUCKETS]; /* of those taken */
};

struct result {
	struct outcome at[DOORS][KINDS];
};

/* Borrows. out is overwritten. */
void world_run(const struct world_rules *w, struct result *out);
const char *door_name(unsigned door);

#endif
