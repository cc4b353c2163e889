/* trace_door: what is held about a client's connections, for trace: its tries in the dictionary of
 * addresses and its open sessions, by cluster. */
#ifndef PB_ADMIN_TRACE_DOOR_H
#define PB_ADMIN_TRACE_DOOR_H

#include "admin/command.h"
#include "lib/base/addr.h"

/* Writes <connections>, where there are any. 0, or -1 after call_fail. */
MUST_CHECK int trace_door(struct call *c, const struct ipaddr *ip);

#endif
