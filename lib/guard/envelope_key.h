/* envelope_key: under which key the guard keeps what it learns about an envelope: 8 bytes of the
 * client's network, in clear, so that a network's rows stand side by side and are found by it, and
 * 8 of SHA-256. The same on every machine, with no secret: to make two keys of one network
 * meet costs 2^32 tries and gains nothing, as a sender may always use the same address again.
 *
 * The client counts as its network (ip_network), as servers of one sender stand side by side.
 * Addresses in any case. Of the sender's what changes from mail to mail is left out, where it is
 * certain that nothing else is lost (sender_fold). Pure. */
#ifndef PB_GUARD_ENVELOPE_KEY_H
#define PB_GUARD_ENVELOPE_KEY_H

#include "lib/base/addr.h"
#include "lib/base/limits.h"

#define ENVELOPE_KEY 16
#define NETWORK_KEY 8

/* The first 64 bits of an IPv6 address. IPv4 networks are numbered within ::/8, which no client
 * comes from (RFC 4291 2.4): 00 00 00 00 ff a b c. */
void network_key(const struct ipaddr *client, uint8_t key[NETWORK_KEY]);
/* The network that this key, or any key below, begins with. */
struct ipaddr network_of_key(const uint8_t key[NETWORK_KEY]);
/* Under which a network alone has its row (spread.h): the rest is zero. */
void spread_key(const struct ipaddr *client, uint8_t key[ENVELOPE_KEY]);
/* sender: "" for the null reverse-path. Addresses of more than LIMIT_ADDRESS bytes, which the
 * wire refuses, are cut. */
void greylist_key(const struct ipaddr *client, struct str sender, struct str recipient,
		  uint8_t key[ENVELOPE_KEY]);
/* The client's network and the domain of the sender; null senders have an empty one. */
void trust_key(const struct ipaddr *client, struct str sender, uint8_t key[ENVELOPE_KEY]);
/* The client's network, whatever the sender. */
void network_trust_key(const struct ipaddr *client, uint8_t key[ENVELOPE_KEY]);
/* A sender domain, whatever the client (naming.h): in place of the network ff and zeros, which no
 * client has (RFC 4291 2.7: multicast). */
void naming_key(struct str sender, uint8_t key[ENVELOPE_KEY]);
/* The part behind the @, in any case; "" for the null reverse-path. Borrows. */
struct str sender_domain(struct str sender);

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
