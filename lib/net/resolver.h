/* resolver: what the DNS says, as far as it is known by now. Nobody ever waits for it: a question whose
 * answer is not there yet is asked, answered DNS_UNKNOWN meanwhile, and is known the next time.
 * Who does not answer therefore delays nothing; he is told of in the error log.
 *
 * Answers are kept as long as they say, between DNS_KEEP_LEAST_MS and DNS_KEEP_MOST_MS; that there is none,
 * DNS_KEEP_NONE_MS; failures DNS_KEEP_LEAST_MS. Bounded: DNS_ENTRIES answers, the oldest go; DNS_ASKED
 * questions at once, further ones are not asked.
 * The only room that knows c-ares. One a process, on its loop.
 * Not here: names of block lists (lib/wire/dnsbl.h), what follows from it all (lib/session/repute.h). */
#ifndef PB_NET_RESOLVER_H
#define PB_NET_RESOLVER_H

#include "lib/base/addr.h"
#include "lib/net/loop.h"

#define DNS_ENTRIES 20000 /* some 6 MB a worker */
#define DNS_ASKED 256
#define DNS_TRY_MS 2000 /* a question is asked twice */
#define DNS_KEEP_LEAST_MS 60000
#define DNS_KEEP_NONE_MS 300000
#define DNS_KEEP_MOST_MS 3600000
#define DNS_ADDRESSES 8 /* of an answer are looked at */
#define DNS_NAMES 4	/* of a reverse look-up are followed */

enum dns_state {
	DNS_UNKNOWN, /* not answered yet, or not to be learned: time-out, failure, too many questions */
	DNS_NONE, /* there is none */
	DNS_FOUND,
};

struct resolver;
/* servers: "ADDR[:PORT]", several with commas, an IPv6 address with a port in brackets; NULL: those of the
 * system (resolv.conf(5), read here and now). Owned. */
MUST_CHECK int resolver_new(struct resolver **out, struct loop *l, const char *servers,
			    struct err *e);
/* NULL-safe. */
void resolver_free(struct resolver **out);

/* The IPv4 addresses of a name (at most LIMIT_DOMAIN bytes, letters in any case): with DNS_FOUND
 * *n of them, at most DNS_ADDRESSES, in host order. */
enum dns_state resolver_a(struct resolver *r, struct str name,
			  uint32_t out[DNS_ADDRESSES], unsigned *n);
/* Has this address a name that leads back to it? (RFC 1912 2.1; forward-confirmed.) */
enum dns_state resolver_reverse(struct resolver *r, const struct ipaddr *ip);

/* For tests: questions under way, answers kept. */
unsigned resolver_asked(const struct resolver *r);
unsigned resolver_kept(const struct resolver *r);

#endif
