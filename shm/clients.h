/* clients: how many sessions each client has open in a cluster, over all workers, exactly.
 * Each worker writes a table of its own, so nothing leaks with one that is killed: the supervisor
 * zeroes its table as it does its gauges. Readers add up.
 * A client is an IPv4 address or the /64 of an IPv6 one: a customer has all of it.
 * Not here: what has gone by (dictionary.h), who may not be refused (lib/session/door.c). */
#ifndef PB_SHM_CLIENTS_H
#define PB_SHM_CLIENTS_H

#include "lib/base/addr.h"
#include "shm/layout.h"

/* The client's key in this cluster (index of counters.h); dictionary.h takes the same. */
uint64_t client_key(const struct shm *shm, int cluster, const struct ipaddr *client);
/* Worker, own slot: one session more, unless the client has max already (0: no limit) or the table
 * is full. Never lets one too many in, whoever comes at once. Who comes while max are not reached
 * gets in, unless a process that asks for the same place stands still for CLIENT_PATIENCE
 * looks. */
MUST_CHECK bool client_enter(struct shm *shm, unsigned slot, uint64_t key, uint64_t max);
/* One less; of a client without sessions here: nothing. */
void client_leave(struct shm *shm, unsigned slot, uint64_t key);
/* Over all workers. */
uint64_t client_sessions(const struct shm *shm, uint64_t key);
/* The supervisor, for a dead worker: it has none. */
void clients_forget(struct shm *shm, unsigned slot);

#endif
