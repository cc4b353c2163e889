/* envelope_key: under which key the guard keeps what it learns about an envelope. Keys are
 * 16 bytes of SHA-256, the same on every machine, with no secret: to make two meet costs 2^64
 * tries and gains nothing, as a sender may always use the same address again.
 *
 * The client counts as its network (ip_network), as servers of one sender stand side by side.
 * Addresses in any case. Of the sender's what changes from mail to mail is left out, where it is
 * certain that nothing else is lost (sender_fold). Pure. */
#ifndef PB_GUARD_ENVELOPE_KEY_H
#define PB_GUARD_ENVELOPE_KEY_H

#include "lib/base/addr.h"
#include "lib/base/limits.h"

#define ENVELOPE_KEY 16

/* sender: "" for the null reverse-path. Addresses of more than LIMIT_ADDRESS bytes, which the
 * wire refuses, are cut. */
void greylist_key(const struct ipaddr *client, struct str sender, struct str recipient,
		  uint8_t key[ENVELOPE_KEY]);
/* The client's network and the domain of the sender; null senders have an empty one. */
void trust_key(const struct ipaddr *client, struct str sender, uint8_t key[ENVELOPE_KEY]);

/* The sender as keys have it, into out; its length.
 *   SRS0=HHH=TT=domain=local@us   srs0=domain=local@us        Shevek 2004: a hash and a day
 *   SRS1=HHH=host==HHH=TT=d=l@us  srs1=d=l@us
 *   prvs=KDDDSSSSSS=local@d       local@d     draft-levine-smtp-batv-01: key, day, signature
 *   prvs=local=KDDDSSSSSS@d       local@d     the same the other way round, as some write it
 *   btv1==hex==local@d            local@d     Barracuda's form
 *   local+detail@d                local@d     RFC 5233; also the VERP senders of Mailman
 *   list-return-123-user=d@lists  list-return-#-user=d@lists  VERP (Bernstein 1997) of ezmlm
 * Tags within tags go as well. In the last kind, pieces between . - _ = that are decimal, or
 * hexadecimal of 8 and more, become "#", when "=" or a word such as "bounce" shows that a program
 * has made the address. Numbers in other addresses stay: those of qq.com are people. Senders that
 * are not known here keep theirs, and pass by their network and domain (trust.h). */
size_t sender_fold(struct str sender, char out[LIMIT_ADDRESS]);

#endif
