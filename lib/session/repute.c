#include "lib/session/repute.h"

#include "lib/net/resolver.h"
#include "lib/wire/dnsbl.h"

static bool has_it(struct resolver *r, struct str zone, const struct ipaddr *client)
{
	uint32_t addresses[DNS_ADDRESSES];
	char name[LIMIT_DOMAIN + 1];
	unsigned n;

	if (resolver_a(r, dnsbl_name(client, zone, name), addresses, &n) != DNS_FOUND)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (dnsbl_lists(addresses[i]))
			return true;
	return false;
}

struct str repute_list(struct env *env, const struct topo_cluster *c, const struct ipaddr *client)
{
	struct str rest = c->row.dns_lists, zone;

	for (unsigned n = 0; env->resolver && n < REPUTE_LISTS && str_split(&rest, ',', &zone); n++) {
		zone = str_trim(zone);
		if (zone.n > 0 && has_it(env->resolver, zone, client))
			return zone;
	}
	return STR("");
}

bool repute_nameless(struct env *env, const struct topo_cluster *c, const struct ipaddr *client)
{
	return env->resolver && c->row.reverse_names &&
	       resolver_reverse(env->resolver, client) == DNS_NONE;
}

void repute_begin(struct env *env, const struct topo_cluster *c, const struct ipaddr *client)
{
	(void)repute_list(env, c, client);
	(void)repute_nameless(env, c, client);
}
