/* legpool: connections to boxes that wait for their next transaction, one pool a worker.
 * Bounds: POOL_IDLE_MS, POOL_AGE_MS, POOL_USES, POOL_PER_BOX (lib/base/limits.h).
 * Also remembers which box failed lately, so that its recipients get a transaction of their own.
 * Memory: owns the legs that wait. */
#ifndef PB_SESSION_LEGPOOL_H
#define PB_SESSION_LEGPOOL_H

#include "lib/session/leg.h"

struct legpool;
struct legpool *legpool_new(struct env *env); /* owned */
void legpool_free(struct legpool **p);
/* The leg that waited last, or NULL. */
struct leg *legpool_take(struct legpool *p, const struct topo_box *box);
/* true: taken into the pool. */
bool legpool_put(struct legpool *p, struct leg *leg);
/* A waiting leg died or timed out. */
void legpool_lost(struct legpool *p, struct leg *leg);
/* A new topology: every waiting leg goes, and old failures are forgotten: the administrator has
 * just looked after the boxes. */
void legpool_flush(struct legpool *p);

void legpool_box_failed(struct legpool *p, const struct topo_box *box);
void legpool_box_worked(struct legpool *p, const struct topo_box *box);
bool legpool_failed_lately(struct legpool *p, const struct topo_box *box);

#endif
