/* cluster: what clusters and boxes must fulfil beyond the ranges of their fields. The checks look
 * at the store inside the open transaction: 0, or -1 after call_fail. Private to admin/. */
#ifndef PB_ADMIN_CLUSTER_H
#define PB_ADMIN_CLUSTER_H

#include "admin/command.h"

/* The listener meets no other cluster's. */
int cluster_check(struct call *c, const struct cluster *row);
/* Completes the row by what its cluster says (protocol), and checks that both fit. */
int box_check(struct call *c, struct box *row, const struct cluster *of);
/* Has any cluster a box of that name? true also where the store does not tell. */
bool box_known(struct call *c, struct str boxid);

#endif
