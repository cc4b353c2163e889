/* trace_access: what is held about how an account, or a client, sends and logs in, for trace: the row of
 * table_access, and what it has used up of the limits of relay clients. */
#ifndef PB_ADMIN_TRACE_ACCESS_H
#define PB_ADMIN_TRACE_ACCESS_H

#include "admin/command.h"
#include "lib/base/addr.h"

/* Writes <access> where there is a row, and <limits> with those that have begun; where none has,
 * nothing. 0, or -1 after call_fail. */
MUST_CHECK int trace_access(struct call *c, struct str account);
/* The limits alone. */
MUST_CHECK int trace_limits(struct call *c, const struct ipaddr *client);

#endif
