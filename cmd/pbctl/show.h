/* show: an answer as people read it, or as -xml and -json want it.
 *
 * A view says what people see of an answer, a line each:
 *   clusters/cluster/boxes/box: clusterid boxid light    rows at that path, with these columns
 *   uptime_s version                                     single values
 *   +clusters/cluster: clusterid sessions mails          columns of nothing but 0 are left out
 * Without one everything is shown: values as "tag: value", lists of short rows as a
 * table, all else indented below its name. Columns in which no row has anything are left
 * out. */
#ifndef PB_CMD_PBCTL_SHOW_H
#define PB_CMD_PBCTL_SHOW_H

#include "cmd/pbctl/ctl.h"

/* The exit status. view: NULL for everything. command: of the request, for error
 * texts. */
int show(struct ctl *c, const char *command, const struct answer *a, const char *view);
/* For people, of an answer that is ok. */
void show_view(FILE *out, bool terminal, const struct answer *a, const char *view);
/* Answers about files that lost lines on the way: EXIT_PARTLY. */
int show_exit(const struct answer *a);

#endif
