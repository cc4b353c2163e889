/* settle: from the boxes' answers to the end mark to the one answer, by way of the ledger.
 * Used by transaction.c and fanout.c; the rules are outcome.h's. */
#ifndef PB_SESSION_SETTLE_H
#define PB_SESSION_SETTLE_H

#include "lib/session/transaction.h"

/* Before the end marks: lets go of the legs whose target has this very mail already.
 * -1: the ledger cannot take what might have to be written; nothing was sent. */
MUST_CHECK int settle_spare(struct transaction *tx);
/* A leg has answered or died behind its end mark; when it was the last, the mail is settled. */
void settle_heard(struct transaction *tx);
/* The bell rang: rows may be durable. */
void settle_bell(struct transaction *tx);

#endif
