/* addr: IPv4 and IPv6 addresses, ports, and ranges of them.
 * Pure but for the sockaddr conversions; no resolver, ever.
 * IPv4 is kept as an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2), so one compare serves both. */
#ifndef PB_BASE_ADDR_H
#define PB_BASE_ADDR_H

#include "lib/base/err.h"
#include "lib/base/str.h"

struct sockaddr;
struct sockaddr_storage;

struct ipaddr {
	uint8_t b[16];
};

struct addr {
	struct ipaddr ip;
	uint16_t port; /* host order */
};

#define ADDR_TEXT 48 /* longest text form with its NUL, without port */

bool ip_is4(const struct ipaddr *ip);
bool ip_eq(const struct ipaddr *a, const struct ipaddr *b);
bool ip_is_loopback(const struct ipaddr *ip); /* 127.0.0.0/8, ::1 (RFC 1122 3.2.1.3, RFC 4291 2.5.3) */
/* "10.0.0.1", "::1"; nothing else (no names, no ports, no brackets). */
MUST_CHECK int ip_parse(struct str s, struct ipaddr *out, struct err *e);
/* IPv4-mapped addresses are written as IPv4. Returns dst. */
const char *ip_text(const struct ipaddr *ip, char dst[ADDR_TEXT]);
/* "127.0.0.1:8080" or "[::1]:8080"; the port may be left out when dflt_port != 0. */
MUST_CHECK int addr_parse(struct str s, uint16_t dflt_port, struct addr *out, struct err *e);
/* 0, or -1 when the family is neither AF_INET nor AF_INET6. */
MUST_CHECK int addr_from_sockaddr(const struct sockaddr *sa, struct addr *out);
/* Returns the length. IPv4 gives AF_INET; any-address "::" gives AF_INET6 (both families). */
unsigned addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out);
/* The network that counts as one client: the /24 of IPv4, the /64 of IPv6 (rest zeroed). */
struct ipaddr ip_network(const struct ipaddr *ip);

/* Ranges: comma, space or newline separated addresses, CIDR or "a.b.c.d-e.f.g.h". */
struct ip_range {
	struct ipaddr lo, hi;
};
struct ip_ranges {
	struct ip_range *v; /* owned */
	size_t n;
};
/* At most 4096 ranges. Owned result; ranges_free gives it back. On error nothing is owned. */
MUST_CHECK int ranges_parse(struct str s, struct ip_ranges *out, struct err *e);
bool ranges_contain(const struct ip_ranges *r, const struct ipaddr *ip);
void ranges_free(struct ip_ranges *r);

#endif
