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

/* Judges who can be judged; tells the owner when the next in order is among them. */
void recipients_judge(struct transaction *tx);

#endif
