/* delivery: one address that gets the mail of a transaction, and the leg it goes over.
 * Deliveries share a leg where they can (struct leg_key); a box may have several legs of one
 * mail.
 * Memory: deliveries live in the transaction's arena.
 * Not here: which addresses (recipient.h), what becomes of a leg that is lost (transaction.c). */
#ifndef PB_SESSION_DELIVERY_H
#define PB_SESSION_DELIVERY_H

#include "lib/session/transaction.h"

/* What the ledger holds of one target, whatever the mail. */
struct known {
	int outcome;	/* enum ledger_outcome, 0 none */
	struct str had; /* when delivered: sum of the digests */
};

/* The leg that this target would go over, and whether there is one already. */
struct leg_key leg_key_of(struct transaction *tx, const struct target *t, const struct known *k);
bool leg_key_same(const struct leg_key *a, const struct leg_key *b);
struct tx_leg *leg_with_key(const struct transaction *tx, const struct leg_key *key);

struct delivery *delivery_find(struct transaction *tx, struct str address);
/* alias: the address that was asked for, where it leads to this target alone. NULL: no memory. */
struct delivery *delivery_add(struct transaction *tx, const struct target *t,
			      const struct known *k, struct str alias);
/* Gives d a place on a leg to box. pooled: a leg that waits in the pool will do. */
void delivery_assign(struct transaction *tx, struct delivery *d, const struct topo_box *box,
		     bool pooled);
/* A box's word, kept in the transaction. */
void delivery_word(struct transaction *tx, struct delivery *d, struct str box, int code,
		   struct str enhanced, struct str text);

#endif
