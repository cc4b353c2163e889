/* health: what /healthz says: is all there that makes the service?
 *
 *   every worker, replicator, verifier, supervisor   runs, beats, and (workers) has confirmed
 *   the listeners                                    the supervisor has acted on the table
 *   accounts.mdb, traffic.mdb                        can be read
 *
 * Only reads. Not asked: admin, whose answer this is; boxes, which fail for reasons of their own;
 * whether each listener could be opened, which may be another service's fault (log, stats). */
#ifndef PB_ADMIN_HEALTH_H
#define PB_ADMIN_HEALTH_H

#include "admin/command.h"

/* Adds "ok\n", or a line for each thing that is wrong, processes by name as in ps; the HTTP
 * status, 200 or 503. out has room for LIMIT_HEALTH bytes: what does not fit is left out. */
unsigned health_page(const struct command_env *env, int64_t mono_ms, struct buf *out);

#endif
