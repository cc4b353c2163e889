/* door: who lets mail in: the guard of protobalance, and beside it a plain greylister, behind one
 * interface. Both see the same senders; what these do next depends on the answer. */
#ifndef PB_SIM_DOOR_H
#define PB_SIM_DOOR_H

#include "lib/guard/gate.h"

enum answer { ANSWER_YES, ANSWER_LATER, ANSWER_NO }; /* 250, 450, 550 */

struct knock { /* RCPT; borrowed */
	struct ipaddr client;
	struct str sender, recipient;
	bool shipped; /* the client is on the list of clients that postgrey ships */
	bool early, caught; /* its session, see mail.h */
};

struct door {
	const char *name;
	/* Owned result, which shut gives back. seed: for what is secret to a machine. */
	void *(*open)(uint64_t seed);
	void (*shut)(void *self);
	enum answer (*knock)(void *self, const struct knock *k, int64_t now_ms);
	/* A client did this: no mail of a mailbox of ours. */
	void (*conduct)(void *self, const struct ipaddr *client, enum conduct_kind what, int64_t now_ms);
	/* A user of ours has written to somebody. */
	void (*letter)(void *self, struct str local, struct str remote, int64_t now_ms);
	/* Drops what is over; every SWEEP_MS. */
	void (*sweep)(void *self, int64_t now_ms);
};
#define SWEEP_MS 600000

extern const struct door door_gate, door_postgrey;

#endif
