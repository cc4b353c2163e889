#include "lib/base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define MAX_RANGES 4096

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool ip_is4(const struct ipaddr *ip)
{
	return memcmp(ip->b, mapped, sizeof(mapped)) == 0;
}

bool ip_eq(const struct ipaddr *a, const struct ipaddr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool ip_is_loopback(const struct ipaddr *ip)
{
	static const struct ipaddr one = { .b = { [15] = 1 } };

	return ip_is4(ip) ? ip->b[12] == 127 : ip_eq(ip, &one);
}

int ip_parse(struct str s, struct ipaddr *out, struct err *e)
{
	char text[ADDR_TEXT];

	if (s.n > 0 && s.n < sizeof(text) && !memchr(s.p, '\0', s.n)) {
		str_copy(text, sizeof(text), s);
		if (inet_pton(AF_INET, text, out->b + 12) == 1) {
			memcpy(out->b, mapped, sizeof(mapped));
			return 0;
		}
		if (inet_pton(AF_INET6, text, out->b) == 1)
			return 0;
	}
	return err_set(e, "\"%.*s\" is not an IP address", s.n < 60 ? (int)s.n : 60, s.p);
}

const char *ip_text(const struct ipaddr *ip, char dst[ADDR_TEXT])
{
	if (ip_is4(ip))
		inet_ntop(AF_INET, ip->b + 12, dst, ADDR_TEXT);
	else
		inet_ntop(AF_INET6, ip->b, dst, ADDR_TEXT);
	return dst;
}

/* Splits "host:port", "[host]:port" or "host". port->p is NULL when there is none. */
static void split_port(struct str s, struct str *host, struct str *port)
{
	ptrdiff_t close = str_find(s, ']'), colon = str_find(s, ':');

	*host = s;
	*port = (struct str){ NULL, 0 };
	if (s.n > 0 && s.p[0] == '[' && close > 0) {
		struct str behind = str_skip(s, (size_t)close + 1);

		*host = (struct str){ s.p + 1, (size_t)close - 1 };
		if (behind.n > 0 && behind.p[0] == ':')
			*port = str_skip(behind, 1);
		else if (behind.n > 0)
			*host = (struct str){ NULL, 0 }; /* rubbish behind the bracket */
	} else if (colon >= 0 && str_find(str_skip(s, (size_t)colon + 1), ':') < 0) {
		*host = (struct str){ s.p, (size_t)colon };
		*port = str_skip(s, (size_t)colon + 1);
	}
}

int addr_parse(struct str s, uint16_t dflt_port, struct addr *out, struct err *e)
{
	struct str host, port;
	uint64_t n = dflt_port;

	split_port(s, &host, &port);
	if (ip_parse(host, &out->ip, e) < 0)
		return -1;
	if (!port.p && dflt_port == 0)
		return err_set(e, "\"%.*s\" has no port", STR_ARG(s));
	if (port.p && str_u64(port, 1, 65535, &n) < 0)
		return err_set(e, "\"%.*s\" is not a port (1..65535)", STR_ARG(port));
	out->port = (uint16_t)n;
	return 0;
}

int addr_from_sockaddr(const struct sockaddr *sa, struct addr *out)
{
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

		memcpy(out->ip.b, mapped, sizeof(mapped));
		memcpy(out->ip.b + 12, &in->sin_addr, 4);
		out->port = ntohs(in->sin_port);
		return 0;
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

		memcpy(out->ip.b, &in6->sin6_addr, 16);
		out->port = ntohs(in6->sin6_port);
		return 0;
	}
	return -1;
}

unsigned addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (ip_is4(&a->ip)) {
		struct sockaddr_in *in = (struct sockaddr_in *)(void *)out;

		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip.b + 12, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)out;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(a->port);
	memcpy(&in6->sin6_addr, a->ip.b, 16);
	return sizeof(*in6);
}

/* Keeps the first bits of ip, sets the others to all zeros or all ones. */
static struct ipaddr masked(const struct ipaddr *ip, unsigned bits, bool ones)
{
	struct ipaddr out = *ip;

	for (unsigned i = bits; i < 128; i++) {
		uint8_t bit = (uint8_t)(0x80 >> i % 8);

		out.b[i / 8] = (uint8_t)(ones ? out.b[i / 8] | bit : out.b[i / 8] & ~bit);
	}
	return out;
}

struct ipaddr ip_network(const struct ipaddr *ip)
{
	return masked(ip, ip_is4(ip) ? 96 + 24 : 64, false);
}

/* --- ranges --- */

static int no_range(struct str s, struct err *e)
{
	return err_set(e, "\"%.*s\" is not an address, a prefix (/n) or a range (low-high)",
		       s.n < 60 ? (int)s.n : 60, s.p);
}

static int range_parse(struct str s, struct ip_range *out, struct err *e)
{
	ptrdiff_t slash = str_find(s, '/'), dash = str_find(s, '-');
	struct str first = s, rest = { NULL, 0 };
	uint64_t bits;

	if (slash >= 0 || dash >= 0) {
		size_t at = (size_t)(slash >= 0 ? slash : dash);

		first = (struct str){ s.p, at };
		rest = str_skip(s, at + 1);
	}
	if (ip_parse(first, &out->lo, NULL) < 0)
		return no_range(s, e);
	out->hi = out->lo;
	if (slash >= 0) {
		unsigned base = ip_is4(&out->lo) ? 96 : 0;

		if (str_u64(rest, 0, 128 - base, &bits) < 0)
			return err_set(e, "\"%.*s\" has no valid prefix length", STR_ARG(s));
		out->hi = masked(&out->lo, base + (unsigned)bits, true);
		out->lo = masked(&out->lo, base + (unsigned)bits, false);
	} else if (dash >= 0) {
		if (ip_parse(rest, &out->hi, NULL) < 0)
			return no_range(s, e);
		if (ip_is4(&out->lo) != ip_is4(&out->hi) ||
		    memcmp(out->lo.b, out->hi.b, sizeof(out->lo.b)) > 0)
			return err_set(e, "\"%.*s\" is not a range from low to high", STR_ARG(s));
	}
	return 0;
}

/* Cuts the next item off at a comma, a newline or a blank. */
static bool next_item(struct str *rest, struct str *item)
{
	size_t n = 0;

	*rest = str_trim(*rest);
	while (rest->n > 0 && rest->p[0] == ',')
		*rest = str_trim(str_skip(*rest, 1));
	if (rest->n == 0)
		return false;
	while (n < rest->n && !strchr(", \t\r\n", rest->p[n]))
		n++;
	*item = (struct str){ rest->p, n };
	*rest = str_skip(*rest, n);
	return true;
}

int ranges_parse(struct str s, struct ip_ranges *out, struct err *e)
{
	struct ip_range r;
	struct str item;

	*out = (struct ip_ranges){ NULL, 0 };
	while (next_item(&s, &item)) {
		if (out->n == MAX_RANGES || range_parse(item, &r, e) < 0) {
			if (out->n == MAX_RANGES)
				err_set(e, "more than %d ranges", MAX_RANGES);
			ranges_free(out);
			return -1;
		}
		if ((out->n & (out->n - 1)) == 0) /* room for the next power of two */
			out->v = mem_realloc(out->v, (out->n ? out->n * 2 : 1) * sizeof(*out->v));
		out->v[out->n++] = r;
	}
	return 0;
}

bool ranges_contain(const struct ip_ranges *r, const struct ipaddr *ip)
{
	for (size_t i = 0; i < r->n; i++)
		if (memcmp(r->v[i].lo.b, ip->b, sizeof(ip->b)) <= 0 &&
		    memcmp(ip->b, r->v[i].hi.b, sizeof(ip->b)) <= 0)
			return true;
	return false;
}

void ranges_free(struct ip_ranges *r)
{
	free(r->v);
	*r = (struct ip_ranges){ NULL, 0 };
}
