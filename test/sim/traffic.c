#include "test/sim/traffic.h"

#include "test/sim/address.h"

/* --- how much --- */

unsigned traffic_weight(const struct world_rules *w, unsigned kind)
{
	return populations[kinds[kind].from].by_mailbox ? w->part_mailboxes : w->part_units;
}

/* Units are drawn, and those that are not simulated thrown away, where writers belong to mailboxes. */
static bool drawn_whole(unsigned kind)
{
	return !populations[kinds[kind].from].by_mailbox && !kinds[kind].spam;
}

static double mails_per_day(const struct world_rules *w, unsigned kind)
{
	const struct traffic *t = &traffic_of[w->mix];
	double all = t->honest_per_day;

	if (kinds[kind].spam)
		all *= t->spam_share / (1 - t->spam_share);
	all *= kinds[kind].share[w->mix] * w->mailboxes;
	return drawn_whole(kind) ? all : all / traffic_weight(w, kind);
}

/* --- units --- */

struct draw {
	double z; /* how large, in standard deviations of the logarithm */
	uint32_t rank;
};

/* A unit, drawn by how much it sends: of a lognormal distribution so weighed the logarithm is
 * normal again, and higher by sigma squared. */
static struct draw draw_unit(uint64_t hash, const struct population_rule *p)
{
	struct draw d = { .z = normal_of(hash) + p->sigma };
	double at = 0.5 * erfc(-d.z / 1.4142135623730951) * p->units;

	d.rank = at < p->units ? (uint32_t)at : p->units - 1;
	return d;
}

static uint32_t draw_big(uint64_t hash)
{
	double u = unit_of(hash);
	uint32_t i = 0;

	for (; i + 1 < BIG_PROVIDERS && u >= big_providers[i].share; i++)
		u -= big_providers[i].share;
	return i;
}

static bool simulated(const struct world_rules *w, uint32_t number)
{
	return number % w->part_units == w->part_units / 2;
}

/* Where machines come and go, the unit of this rank moves on now and then. A multiple of all
 * part_units, so that who is simulated stays so. */
static uint32_t unit_now(const struct population_rule *p, uint32_t rank, int64_t now_ms)
{
	uint32_t stride = p->units / 200 * 74;
	int64_t epoch;

	if (p->turn_days == 0)
		return rank;
	epoch = (now_ms / DAY + (int64_t)(mix64(rank) % p->turn_days)) / p->turn_days;
	return (uint32_t)((rank + (uint64_t)epoch % 1000 * stride) % p->units);
}

/* --- domains --- */

/* This organisation, or the next that is simulated. */
static uint32_t simulated_org(const struct world_rules *w, uint32_t unit)
{
	uint32_t network;

	for (; place_of(POP_ORG, unit, &network), !simulated(w, network);)
		unit = (unit + 1) % populations[POP_ORG].units;
	return unit;
}

static void forge_any(const struct world_rules *w, struct rng *r, struct mail *m)
{
	const struct population_rule all = { .units = w->forged_domains, .sigma = FORGED_SIGMA };
	uint32_t rank = draw_unit(rng_next(r), &all).rank;
	uint32_t apart = all.units / populations[POP_ORG].units;

	if (mix64(rank) % apart == 0) {
		m->domain_from = POP_ORG;
		m->domain = simulated_org(w, rank / apart);
		return;
	}
	m->domain_from = POPULATIONS;
	m->domain = rank / w->part_units;
}

static void forge(const struct world_rules *w, struct rng *r, struct mail *m)
{
	double u = rng_unit(r);

	if (u < FORGED_BIG) {
		m->domain_from = POP_BIG;
		m->domain = draw_big(rng_next(r));
	} else if (u < FORGED_BIG + FORGED_ISP) {
		m->domain_from = POP_ISP;
		m->domain = draw_unit(rng_next(r), &populations[POP_ISP]).rank;
	} else {
		forge_any(w, r, m);
	}
}

static void name_domain(const struct world_rules *w, struct rng *r, struct mail *m)
{
	m->domain_from = (uint8_t)kinds[m->kind].from;
	m->domain = m->unit;
	if (kinds[m->kind].form == FORM_FORGED)
		forge(w, r, m);
	if (kinds[m->kind].form == FORM_BORROWED) {
		m->domain_from = POP_BIG;
		m->domain = draw_big(mix64(m->sender));
	}
}

/* --- spam --- */

/* Which family the machine number bot of this network belongs to. */
static unsigned family(uint32_t unit, unsigned bot, int64_t now_ms, enum mix m)
{
	double never = kinds[KIND_BOT].share[m], retries = kinds[KIND_BOT_RETRIES].share[m];
	uint64_t h = mix(mix(unit, bot), (uint64_t)(now_ms / DAY / populations[POP_BOT].turn_days));

	return unit_of(h) * (never + retries) < never ? KIND_BOT : KIND_BOT_RETRIES;
}

static bool has_families(unsigned kind)
{
	return kind == KIND_BOT || kind == KIND_BOT_RETRIES;
}

/* A spammer's network and machine. false: none of that family there. */
static bool draw_spammer(const struct world_rules *w, struct rng *r, struct mail *m, int64_t now_ms)
{
	const struct population_rule *p = &populations[kinds[m->kind].from];
	struct draw d = draw_unit(rng_next(r), p);
	double machines = p->hosts;

	d.rank = d.rank / w->part_units * w->part_units + w->part_units / 2;
	m->unit = unit_now(p, d.rank, now_ms);
	if (kinds[m->kind].from == POP_BOT)
		machines = BOTS_OF_NETWORK * exp(p->sigma * d.z - p->sigma * p->sigma / 2);
	m->server = (uint32_t)rng_below(r, machines < 1	  ? 1 :
					   machines < 250 ? (uint64_t)machines :
							    250);
	return !has_families(m->kind) || family(m->unit, m->server, now_ms, w->mix) == m->kind;
}

/* Has this provider an account now that a spammer knows the password of? */
static bool is_phished(enum population p, uint32_t unit, int64_t now_ms)
{
	int64_t day = now_ms / DAY + (int64_t)(mix64(unit) % PHISHED_DAYS);

	return p == POP_BIG || unit_of(mix(0xf15 + unit, (uint64_t)(day / PHISHED_DAYS))) < PHISHED_PROVIDERS;
}

/* An account of somebody at an honest provider. false: none there. */
static bool draw_phished(struct rng *r, struct mail *m, int64_t now_ms)
{
	enum population p = kinds[m->kind].from;

	m->unit = p == POP_BIG ? draw_big(rng_next(r)) :
				 draw_unit(rng_next(r), &populations[p]).rank;
	m->server = (uint32_t)rng_below(r, unit_hosts(p, m->unit));
	m->sender = rng_next(r);
	return is_phished(p, m->unit, now_ms);
}

/* --- honest mail --- */

static uint64_t writer_of(const struct world_rules *w, struct rng *r, const struct mail *m, int64_t now_ms)
{
	const struct kind *k = &kinds[m->kind];
	uint64_t slot, age;

	if (k->slots == 0)
		return mix(w->seed, m->id);
	/* Of a mailbox' writers the first writes twice as often as the second, and so on. */
	slot = (uint64_t)exp(rng_unit(r) * log(k->slots + 1)) - 1;
	age = (uint64_t)(now_ms / DAY) + mix(m->mailbox, slot) % k->turn_days;
	return mix(mix(w->seed + m->kind, m->mailbox), mix(slot, age / k->turn_days));
}

static bool draw_writer(const struct world_rules *w, struct rng *r, struct mail *m, int64_t now_ms)
{
	enum population p = kinds[m->kind].from;
	const struct population_rule *rule = &populations[p];
	uint32_t network;
	enum population place;

	m->sender = writer_of(w, r, m, now_ms);
	m->unit = p == POP_BIG ? draw_big(m->sender) : draw_unit(m->sender, rule).rank;
	m->server = (uint32_t)(mix(m->sender, m->id) % unit_hosts(p, m->unit));
	place = place_of(p, m->unit, &network);
	return populations[place].by_mailbox || simulated(w, network);
}

/* A monitoring system has a few who read its mail. */
static uint32_t draw_mailbox(const struct world_rules *w, struct rng *r, unsigned kind)
{
	uint32_t part = populations[kinds[kind].from].by_mailbox ? w->part_mailboxes : 1;
	uint32_t n = w->mailboxes / part;

	if (kind == KIND_MONITOR)
		n = n / 50 + 1;
	return (uint32_t)rng_below(r, n) * part;
}

/* --- sessions --- */

static bool draw_sender(const struct world_rules *w, struct rng *r, struct mail *m, int64_t now_ms)
{
	if (!kinds[m->kind].spam)
		return draw_writer(w, r, m, now_ms);
	m->sender = rng_next(r);
	return kinds[m->kind].form == FORM_PERSON ? draw_phished(r, m, now_ms) :
						    draw_spammer(w, r, m, now_ms);
}

static bool draw(const struct world_rules *w, struct rng *r, unsigned kind,
		 int64_t now_ms, struct mail *m)
{
	*m = (struct mail){ .kind = (uint8_t)kind, .born_ms = now_ms, .id = rng_next(r) };
	m->mailbox = draw_mailbox(w, r, kind);
	if (!draw_sender(w, r, m, now_ms))
		return false;
	name_domain(w, r, m);
	return true;
}

/* Those of a mix that are not there are drawn again at once, or, if drawn_whole, are elsewhere. */
static int64_t wait_ms(struct rng *r, double per_day)
{
	return 1 + (int64_t)rng_wait(r, (double)DAY / per_day);
}

bool traffic_next(const struct world_rules *w, struct rng *r, unsigned kind,
		  int64_t from_ms, struct event *out)
{
	double per_day = mails_per_day(w, kind) / (kinds[kind].burst > 1 ? kinds[kind].burst : 1);
	bool drawn;

	if (per_day <= 0)
		return false;
	*out = (struct event){ .at_ms = from_ms, .kind = EVENT_SESSION };
	out->at_ms += wait_ms(r, per_day);
	do {
		drawn = draw(w, r, kind, out->at_ms, &out->mail);
		if (!drawn && drawn_whole(kind))
			out->at_ms += wait_ms(r, per_day);
	} while (!drawn && out->at_ms < from_ms + 100 * DAY);
	return drawn;
}

bool letter_next(const struct world_rules *w, struct rng *r, unsigned kind,
		 int64_t from_ms, struct event *out)
{
	double per_day = LETTERS_PER_DAY * w->mailboxes;
	bool drawn;

	if (kinds[kind].mutual == 0 || kinds[kind].slots == 0)
		return false;
	per_day /= drawn_whole(kind) ? 1 : w->part_mailboxes;
	*out = (struct event){ .at_ms = from_ms, .kind = EVENT_LETTER };
	do {
		out->at_ms += wait_ms(r, per_day);
		drawn = draw(w, r, kind, out->at_ms, &out->mail) &&
			mix(out->mail.sender, 5) % 100 < kinds[kind].mutual;
	} while (!drawn && out->at_ms < from_ms + 100 * DAY);
	return drawn;
}

struct mail traffic_mail(const struct world_rules *w, struct rng *r, const struct mail *session)
{
	struct mail m = *session;

	if (kinds[m.kind].spam) {
		m.id = rng_next(r);
		m.mailbox = draw_mailbox(w, r, m.kind);
	}
	m.unknown = rng_unit(r) < kinds[m.kind].unknown;
	return m;
}
