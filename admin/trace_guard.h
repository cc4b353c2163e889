/* trace_guard: what the guard has learned about a client's network, for trace: the evidence with all
 * that its score is reckoned from, greylist records, trust.
 * Not here: what stands in shared memory, who is blocked (cmd_trace.c). */
#ifndef PB_ADMIN_TRACE_GUARD_H
#define PB_ADMIN_TRACE_GUARD_H

#include "admin/command.h"
#include "lib/base/addr.h"

/* Writes <guard>. 0, or -1 after call_fail. */
MUST_CHECK int trace_guard(struct call *c, const struct ipaddr *ip);

#endif
