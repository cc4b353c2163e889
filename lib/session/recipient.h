/* recipient: one RCPT, from the address that the client gives to its verdict.
 *
 *   address -> targets (route) -> may they join this mail? -> deliveries on legs
 *           -> what each box says -> the answer: 250 when all of them accept, else for nobody
 *
 * The RCPT half of transaction.h, which declares transaction_rcpt and its answers.
 * Not here: what becomes of a leg that is lost (transaction.c), DATA and behind it. */
#ifndef PB_SESSION_RECIPIENT_H
#define PB_SESSION_RECIPIENT_H

#include "lib/session/transaction.h"

extern const struct leg_events transaction_leg_events; /* transaction.c */

/* A box's word, kept in the transaction. */
void delivery_word(struct transaction *tx, struct delivery *d, struct str box, int code,
		   struct str enhanced, struct str text);
/* Gives d a place on a leg to box: one for all of which the ledger knows nothing, and one for
 * each past that it knows, because those who share it have this mail or not together, and only
 * a whole leg can be spared. pooled: a leg that waits in the pool will do. */
void delivery_assign(struct transaction *tx, struct delivery *d, const struct topo_box *box,
		     bool pooled);
/* Judges who can be judged; tells the owner when the next in order is among them. */
void recipients_judge(struct transaction *tx);

#endif
