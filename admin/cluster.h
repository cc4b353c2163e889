/* cluster: what clusters and boxes must fulfil beyond the ranges of their fields. Both look at the
 * store inside the open transaction. 0, or -1 after call_fail. Private to admin/. */
#ifndef PB_ADMIN_CLUSTER_H
#define PB_ADMIN_CLUSTER_H

#include "admin/command.h"

/* The listener meets no other cluster's. */
int cluster_check(struct call *c, const struct cluster *row);
/* Completes the row by what its cluster says (protocol), and checks that both fit. */
int box_check(struct call *c, struct box *row, const struct cluster *of);

#endif
