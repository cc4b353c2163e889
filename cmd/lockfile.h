/* lockfile: one protobalance a directory, and the pid file. */
#ifndef PB_CMD_LOCKFILE_H
#define PB_CMD_LOCKFILE_H

#include "cmd/options.h"

/* Makes DIR (0700, of -user) when it is missing. */
MUST_CHECK int directory_make(const struct options *o, struct err *e);
/* Locks it for this process; the lock ends with it, however it ends. */
MUST_CHECK int directory_lock(const struct options *o, struct err *e);
/* Writes our process id to -pidfile. */
MUST_CHECK int pidfile_write(const struct options *o, struct err *e);
void pidfile_remove(const struct options *o);

#endif
