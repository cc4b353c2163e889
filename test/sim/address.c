#include "test/sim/address.h"

#include <inttypes.h>
#include <stdio.h>

#include "test/sim/rng.h"

#define OUR_DOMAIN "ours.test"
#define WEEK (7 * DAY)

static struct str text(char *out, int n)
{
	return (struct str){ out, (size_t)(n < ADDRESS_MAX ? n : ADDRESS_MAX - 1) };
}

struct str recipient_of(const struct mail *m, char out[ADDRESS_MAX])
{
	int n = m->unknown ? snprintf(out, ADDRESS_MAX, "x%" PRIx64 "@" OUR_DOMAIN, m->id) :
			     snprintf(out, ADDRESS_MAX, "user%" PRIu32 "@" OUR_DOMAIN, m->mailbox);

	return text(out, n);
}

/* --- senders --- */

/* Half of the customers of a newsletter service have senders in their own domains. */
static struct str domain_of(const struct mail *m, char out[ADDRESS_MAX])
{
	int n;

	if (m->domain_from == POP_BIG)
		n = snprintf(out, ADDRESS_MAX, "%s", big_providers[m->domain].domain);
	else if (m->domain_from == POP_ESP && m->sender & 1)
		n = snprintf(out, ADDRESS_MAX, "mail.customer%" PRIx64 ".test", m->sender);
	else
		n = snprintf(out, ADDRESS_MAX, "d%u-%" PRIu32 ".test", m->domain_from, m->domain);
	return text(out, n);
}

/* 20 domains a network at a time, new ones each week; assumption. */
static int own_domain(const struct mail *m, char out[ADDRESS_MAX])
{
	return snprintf(out, ADDRESS_MAX, "offer@s%" PRIu32 "-%" PRId64 "-%" PRIu64 ".test",
			m->unit, m->born_ms / WEEK, m->sender % 20);
}

static int honest_sender(const struct mail *m, char out[ADDRESS_MAX])
{
	char name[ADDRESS_MAX];
	const char *domain = domain_of(m, name).p;

	switch (kinds[m->kind].form) {
	case FORM_VERP_NUMBER:
		return snprintf(out, ADDRESS_MAX,
				"news%" PRIx64 "-return-%" PRIu64 "-user%" PRIu32 "=ours.test@%s",
				m->sender % 100000, m->id % 1000000, m->mailbox, domain);
	case FORM_VERP_HEX:
		return snprintf(out, ADDRESS_MAX, "%016" PRIx64 "-%08" PRIx64 "a@%s",
				m->id, mix64(m->id) >> 32, domain);
	case FORM_FIXED:
		return snprintf(out, ADDRESS_MAX, "service@%s", domain);
	default:
		return snprintf(out, ADDRESS_MAX, "p%" PRIx64 "@%s", m->sender % 1000000, domain);
	}
}

struct str sender_of(const struct mail *m, char out[ADDRESS_MAX])
{
	switch (kinds[m->kind].form) {
	case FORM_NULL:
		return text(out, snprintf(out, ADDRESS_MAX, "%s", ""));
	case FORM_OWN_DOMAINS:
		return text(out, own_domain(m, out));
	default:
		return text(out, honest_sender(m, out));
	}
}

/* --- clients --- */

enum population place_of(enum population p, uint32_t unit, uint32_t *network)
{
	uint64_t h = mix(0x91ace, unit);
	double u = unit_of(h);

	*network = unit;
	if (p != POP_ORG || u >= ORGS_AT_HOSTING + ORGS_BESIDE_BOTS)
		return p;
	p = u < ORGS_AT_HOSTING ? POP_HOSTING : POP_BOT;
	*network = (uint32_t)(mix64(h) % populations[p].units);
	return p;
}

/* Each population has 2^20 networks /24, so that two never meet by chance. */
struct ipaddr client_of(const struct mail *m)
{
	enum population p = kinds[m->kind].from, place;
	uint32_t networks = unit_networks(p, m->unit), network, host;

	place = place_of(p, m->unit, &network);
	/* Big providers have different numbers of them. */
	network = network * (p == POP_BIG ? BIG_NETWORKS : networks) + m->server % networks;
	host = 1 + m->server / networks % 200;
	if (place != p) /* organisations among others */
		host = 201 + (uint32_t)(mix(3, m->unit) % 50);
	network += (uint32_t)(place + 1) << 20;
	return (struct ipaddr){
		{ [10] = 0xff, [11] = 0xff, [12] = (uint8_t)(network >> 16), [13] = (uint8_t)(network >> 8), [14] = (uint8_t)network, [15] = (uint8_t)host }
	};
}
