/* auto_reply: where a transaction meets accounts that answer their mail (responder.h).
 * Part of transaction.h. */
#ifndef PB_SESSION_AUTO_REPLY_H
#define PB_SESSION_AUTO_REPLY_H

#include "lib/session/transaction.h"

/* The whole message is in, no end mark is out: those who keep no copy answer in its place. Their
 * legs are closed without an end mark; the mail is settled when the replies are sent. */
void auto_reply_instead(struct transaction *tx);
/* All is settled: those who have got the mail and keep it answer behind it. */
void auto_reply_behind(struct transaction *tx);

#endif
