/* address: the addresses of a mail's tries, made from its numbers (mail.h). Pure. */
#ifndef PB_SIM_ADDRESS_H
#define PB_SIM_ADDRESS_H

#include "lib/base/addr.h"
#include "test/sim/senders.h"

#define ADDRESS_MAX 160

/* Mailboxes of ours are named by their numbers, others by that of the mail. Both write a text with
 * its NUL, and return it as a slice. */
struct str recipient_of(const struct mail *m, char out[ADDRESS_MAX]);
struct str sender_of(const struct mail *m, char out[ADDRESS_MAX]);
/* The address of the server that tries. */
struct ipaddr client_of(const struct mail *m);
/* The /24 of a unit, where there is but one; populations share some (senders.h). */
enum population place_of(enum population p, uint32_t unit, uint32_t *network);

#endif
