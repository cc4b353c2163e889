#include "lib/wire/proxy.h"

#include <stdio.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define SIGNATURE_BYTES 12
#define VERSION_2_PROXY '\x21' /* on behalf of another, 2.2 */
#define STREAM_IP4 '\x11'
#define STREAM_IP6 '\x21'
#define MAPPED 12 /* bytes before the IPv4 address of a mapped one */

static bool both4(const struct addr *a, const struct addr *b)
{
	return ip_is4(&a->ip) && ip_is4(&b->ip);
}

static size_t text_header(const struct addr *client, const struct addr *local, char *dst)
{
	char from[ADDR_TEXT], to[ADDR_TEXT];
	bool four = both4(client, local);
	int n;

	if (ip_is4(&client->ip) != ip_is4(&local->ip))
		return (size_t)snprintf(dst, PROXY_HEADER, "PROXY UNKNOWN\r\n");
	n = snprintf(dst, PROXY_HEADER, "PROXY %s %s %s %u %u\r\n",
		     four ? "TCP4" : "TCP6", ip_text(&client->ip, from),
		     ip_text(&local->ip, to), client->port, local->port);
	return (size_t)n;
}

static char *put(char *at, const void *p, size_t n)
{
	memcpy(at, p, n);
	return at + n;
}

static char *put16(char *at, unsigned v)
{
	at[0] = (char)(v >> 8);
	at[1] = (char)v;
	return at + 2;
}

static size_t binary_header(const struct addr *client, const struct addr *local,
			    char *dst)
{
	bool four = both4(client, local);
	size_t skip = four ? MAPPED : 0, n = sizeof(client->ip.b) - skip;
	char *at = put(dst, SIGNATURE, SIGNATURE_BYTES);

	*at++ = VERSION_2_PROXY;
	*at++ = four ? STREAM_IP4 : STREAM_IP6;
	at = put16(at, (unsigned)(2 * n + 4));
	at = put(at, client->ip.b + skip, n);
	at = put(at, local->ip.b + skip, n);
	at = put16(at, client->port);
	at = put16(at, local->port);
	return (size_t)(at - dst);
}

size_t proxy_header(enum proxy_version v, const struct addr *client,
		    const struct addr *local, char dst[PROXY_HEADER])
{
	if (v == PROXY_V1)
		return text_header(client, local, dst);
	return v == PROXY_V2 ? binary_header(client, local, dst) : 0;
}
