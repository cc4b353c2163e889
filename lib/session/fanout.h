/* fanout: one body through all legs of a transaction, at the pace of the slowest.
 * The client's in buffer is the one buffer; each leg has its own offset into it; what all legs
 * have taken is dropped, and so the client is read again. The stream is scanned once.
 * The barrier: no end mark before the whole message is in, every leg has taken all of it and
 * is healthy. With a single leg those are one and the same, and the mark goes with the body. */
#ifndef PB_SESSION_FANOUT_H
#define PB_SESSION_FANOUT_H

#include "lib/session/transaction.h"

/* All legs said 354: puts the Received field in front. */
void fanout_start(struct transaction *tx, struct str received);
/* Takes what the client's buffer holds as far as the legs go. Call on new bytes and on room. */
void fanout_pump(struct transaction *tx, struct io *from);
/* All of the message has come from the client. */
bool fanout_complete(const struct transaction *tx);

#endif
