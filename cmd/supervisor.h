/* supervisor: makes what all share (memory, bells, sockets), then forks, reaps and respawns.
 * Opens no store, speaks no protocol, parses nothing from the network: of the configuration it
 * sees the listener table that admin writes to shared memory.
 *
 *   start   lock DIR > shared memory > admin > (admin has published) > sockets > all others
 *   TERM    close the sockets > TERM to workers (they drain) > TERM to the rest > end
 *   HUP     reopen the log, pass it on
 *
 * A child that dies is forked anew at once, one that dies at once with a growing delay. */
#ifndef PB_CMD_SUPERVISOR_H
#define PB_CMD_SUPERVISOR_H

#include "cmd/options.h"

/* Runs until TERM; the exit status. ready: a descriptor that gets one byte when all runs, then
 * is closed; -1: none. */
int supervisor_run(const struct options *o, int ready);

#endif
