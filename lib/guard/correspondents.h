/* correspondents: whom local senders have written to, so that replies are not held up (the
 * manual's "Whitelist"). Workers note pairs through the journal, the replicator keeps the rows
 * (table_whitelist), whoever judges incoming mail asks for one.
 * Addresses in any case; they are folded here. Never blocks.
 * Not here: who may relay (lib/session), what a known correspondent is spared. */
#ifndef PB_GUARD_CORRESPONDENTS_H
#define PB_GUARD_CORRESPONDENTS_H

#include "lib/store/store.h"
#include "shm/layout.h"

/* local has sent a mail to remote, which was accepted: once for each accepted recipient of a
 * relay client's mail. Dropped, and counted with the slot's journal, when the replicator is far
 * behind: then the next mail is noted. A null sender, and addresses of more than LIMIT_ADDRESS
 * bytes, are not noted. */
void correspondents_learn(struct shm *shm, unsigned slot, struct str local, struct str remote,
			  int64_t wall_ms);
/* Has local written to remote within max_age_ms (setting whitelist_max_age_min)? 1, 0; -1: not
 * readable (traffic NULL: not made yet), which has been logged. One look-up. Not within a read
 * of the same handle. */
MUST_CHECK int correspondents_known(struct store *traffic, struct str local, struct str remote,
				    int64_t wall_ms, int64_t max_age_ms);

#endif
