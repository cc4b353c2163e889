#include "lib/wire/dnsbl.h"

#include <stdio.h>

#define REVERSED (32 * 2) /* the longest: a digit and a dot each */

static size_t reverse4(const struct ipaddr *ip, char *dst)
{
	return (size_t)snprintf(dst, REVERSED + 1, "%u.%u.%u.%u.", ip->b[15], ip->b[14],
				ip->b[13], ip->b[12]);
}

static size_t reverse6(const struct ipaddr *ip, char *dst)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	for (int i = 15; i >= 0; i--) {
		dst[n++] = digits[ip->b[i] & 15];
		dst[n++] = '.';
		dst[n++] = digits[ip->b[i] >> 4];
		dst[n++] = '.';
	}
	return n;
}

struct str dnsbl_name(const struct ipaddr *ip, struct str zone, char dst[LIMIT_DOMAIN + 1])
{
	size_t n;

	if (zone.n == 0 || zone.n + REVERSED > LIMIT_DOMAIN)
		return STR("");
	n = ip_is4(ip) ? reverse4(ip, dst) : reverse6(ip, dst);
	memcpy(dst + n, zone.p, zone.n);
	return (struct str){ dst, n + zone.n };
}

bool dnsbl_lists(uint32_t address)
{
	return address >> 24 == 127 && address >> 8 != 0x7fffff;
}
