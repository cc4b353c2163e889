/* dnsbl: DNS lists of addresses: under which name a list has a client, and what its answer means (RFC 5782).
 * Pure. Not here: asking (lib/net/resolver.h). */
#ifndef PB_WIRE_DNSBL_H
#define PB_WIRE_DNSBL_H

#include "lib/base/addr.h"
#include "lib/base/limits.h"

/* "192.0.2.99" in "list.example" is "99.2.0.192.list.example"; an IPv6 address has its 32 digits in place of
 * the four numbers (2.1, 2.4). Returns the name, in dst; empty: the zone is empty or too long. */
struct str dnsbl_name(const struct ipaddr *ip, struct str zone, char dst[LIMIT_DOMAIN + 1]);
/* Does a list that answers this address have the client? Answers lie in 127.0.0.0/8 (2.1); those in
 * 127.255.255.0/24 tell of a query that was refused, which must not keep mail out, as do answers from
 * elsewhere, of a domain that was sold. address in host order. */
bool dnsbl_lists(uint32_t address);

#endif
