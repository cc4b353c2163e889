/* repute: what the DNS says of a client: the lists that have its address (dns_lists), and whether it has a name
 * that leads back to it (reverse_names).
 * It is asked when the client connects. What is not known when it matters, some round trips later, is taken
 * for nothing: nobody waits, and who does not answer keeps no mail out. As the first mail of a stranger
 * is put off anyway, what came too late for it is there for its retry.
 * Not here: what follows from it (lib/guard/gate.h, screen.h). */
#ifndef PB_SESSION_REPUTE_H
#define PB_SESSION_REPUTE_H

#include "lib/session/env.h"

#define REPUTE_LISTS 16 /* of dns_lists are asked; further ones are not */

/* Begins to ask. Does nothing where the cluster wants nothing, or env has no resolver. */
void repute_begin(struct env *env, const struct topo_cluster *c, const struct ipaddr *client);
/* The first list that has the client, as far as is known by now; empty: none. */
struct str repute_list(struct env *env, const struct topo_cluster *c, const struct ipaddr *client);
/* Is it known by now that it has no name that leads back? */
bool repute_nameless(struct env *env, const struct topo_cluster *c, const struct ipaddr *client);

#endif
