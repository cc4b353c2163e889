/* watchdog: a parent that starts the supervisor anew whenever it ends for any reason but our own
 * TERM. Passes TERM, INT and HUP on. When the first start fails there is nothing to restart: its
 * exit status is the watchdog's. */
#ifndef PB_CMD_WATCHDOG_H
#define PB_CMD_WATCHDOG_H

#include "cmd/options.h"

/* ready: as of supervisor_run. The exit status. */
int watchdog_run(const struct options *o, int ready);

#endif
