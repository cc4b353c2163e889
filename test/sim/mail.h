/* mail: one mail to one mailbox, as the simulator carries it about. Its addresses are made anew,
 * and the same, from its numbers at each try. */
#ifndef PB_SIM_MAIL_H
#define PB_SIM_MAIL_H

#include "lib/base/str.h"

#define MINUTE INT64_C(60000)
#define DAY (1440 * MINUTE)

struct mail {
	uint64_t id; /* of this mail: what changes from one to the next is made from it */
	uint64_t sender; /* of who writes */
	int64_t born_ms; /* its first try */
	uint32_t unit; /* of its population (senders.h): organisation, provider, network */
	uint32_t domain; /* the sender's: that of the unit of this number of domain_from */
	uint32_t server; /* of the unit, that tries now */
	uint32_t mailbox;
	uint16_t tries;	     /* made */
	uint8_t domain_from; /* a population; POPULATIONS: of nobody who sends to us */
	uint8_t kind;	     /* row of the senders' table */
	uint8_t door;	     /* at which it tries */
	bool unknown;	     /* there is no such mailbox */
	bool early; /* its session has talked before the greeting, which pauses */
	bool caught; /* its session has asked for an unknown mailbox before, or sent bad commands */
};

#endif
