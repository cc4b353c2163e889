/* flagged: an account was found remarkable (lib/guard/remarks.h): into the traffic log, the counters and
 * what stats shows. */
#ifndef PB_SESSION_FLAGGED_H
#define PB_SESSION_FLAGGED_H

#include "lib/session/env.h"
#include "lib/session/transaction.h"

/* A login has succeeded. name: the account. */
void flagged_login(const struct session *s, struct str name);
/* A relay client's mail was accepted for so many recipients. */
void flagged_mail(struct transaction *tx, unsigned recipients);

#endif
