/* proxy: the PROXY protocol header, by which a box learns who its client is.
 *
 *   v1   "PROXY TCP4 192.0.2.7 192.0.2.1 51000 25" CRLF
 *   v2   signature (12), version and command, family, length (2), then the
 *        addresses (4 or 16 each) and ports (2 each) of source and destination
 *
 * Pure: addresses in, bytes out. haproxy's proxy-protocol.txt, 2.1 (v1) and 2.2 (v2).
 * Not here: reading such a header from a client. */
#ifndef PB_WIRE_PROXY_H
#define PB_WIRE_PROXY_H

#include "lib/base/addr.h"

#define PROXY_HEADER 108 /* longest header: of v1 with its NUL; 2.1 */

enum proxy_version { PROXY_NONE, PROXY_V1, PROXY_V2 };

/* The header of a connection from client that came to our address local; bytes at dst,
 * 0 for PROXY_NONE. IPv4-mapped addresses are IPv4. Where the families differ v1 says
 * UNKNOWN, and v2 gives both as IPv6. */
size_t proxy_header(enum proxy_version v, const struct addr *client,
		    const struct addr *local, char dst[PROXY_HEADER]);

#endif
