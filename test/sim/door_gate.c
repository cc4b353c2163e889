/* The guard of protobalance: gate.h with records in memory where the product has rows of a store
 * (gate_store.c), each step as there: look up, judge, answer, note. Settings are the defaults. */
#include "test/sim/door.h"

#include <uthash.h>
#include <utlist.h>

#include "lib/base/hash.h"

#include "test/sim/mail.h"
#include "test/sim/memory.h"
#include "test/sim/rng.h"

#define ORIGIN 1 /* one machine */
#define WHITELIST_MS (172800 * MINUTE)

static const struct gate_rules rules = {
	.greylist = { 5 * MINUTE, 360 * MINUTE, 172800 * MINUTE },
	.suspicious_ms = 120 * MINUTE,
	.spread_ms = 43200 * MINUTE,
	.spread_factor = 10000,
};

struct record { /* packed, as in the store */
	uint8_t key[ENVELOPE_KEY];
	uint8_t *packed; /* owned */
	size_t n;
	int64_t due_ms;		    /* of those that wait: look then whether it is over */
	struct record *prev, *next; /* in gate.waiting */
	UT_hash_handle hh;
};

struct pair { /* a user of ours has written to somebody */
	uint64_t key;
	int64_t at_ms;
	UT_hash_handle hh;
};

struct gate {
	struct record *greylist, *trust, *spread, *naming; /* hash tables */
	struct record *waiting; /* greylist records, the oldest first */
	struct pair *pairs;
	uint8_t sketch_key[16];
	int64_t spread_swept_ms;
	struct spread_record work; /* one at a time; 12 KiB */
	struct naming_record domain;
};

/* --- records --- */

static struct record *find(struct record *table, const uint8_t *key)
{
	struct record *r;

	HASH_FIND(hh, table, key, ENVELOPE_KEY, r);
	return r;
}

/* Makes it where there is none. */
static struct record *put(struct record **table, const uint8_t *key, const uint8_t *packed, size_t n)
{
	struct record *r = find(*table, key);

	if (!r) {
		r = must_zalloc(sizeof(*r));
		memcpy(r->key, key, ENVELOPE_KEY);
		HASH_ADD(hh, *table, key, ENVELOPE_KEY, r);
	}
	if (n != r->n)
		r->packed = must_realloc(r->packed, n);
	memcpy(r->packed, packed, n);
	r->n = n;
	return r;
}

static void drop(struct record **table, struct record *r)
{
	HASH_DEL(*table, r);
	free(r->packed);
	free(r);
}

static void drop_all(struct record **table)
{
	struct record *r, *next;

	HASH_ITER(hh, *table, r, next)
	drop(table, r);
}

static void damaged(void)
{
	fprintf(stderr, "mailworld: a record cannot be read again\n");
	exit(2);
}

/* name_get(): all zero where there is none. */
#define GETTER(name) \
	static void name##_get(struct record *table, const uint8_t *key, struct name##_record *out) \
	{ \
		struct record *r = find(table, key); \
\
		if (!r) \
			memset(out, 0, sizeof(*out)); \
		else if (name##_decode((struct str){ (const char *)r->packed, r->n }, out) < 0) \
			damaged(); \
	}
GETTER(greylist)
GETTER(trust)
GETTER(spread)
GETTER(naming)

/* --- correspondents --- */

static uint64_t pair_key(struct gate *g, struct str local, struct str remote)
{
	return mix(hash_sip(g->sketch_key, local), hash_sip(g->sketch_key, remote));
}

static struct pair *find_pair(struct gate *g, uint64_t key)
{
	struct pair *p;

	HASH_FIND(hh, g->pairs, &key, sizeof(key), p);
	return p;
}

static void gate_letter(void *self, struct str local, struct str remote, int64_t now_ms)
{
	struct gate *g = self;
	uint64_t key = pair_key(g, local, remote);
	struct pair *p = find_pair(g, key);

	if (!p) {
		p = must_zalloc(sizeof(*p));
		p->key = key;
		HASH_ADD(hh, g->pairs, key, sizeof(key), p);
	}
	p->at_ms = now_ms;
}

static bool has_written(struct gate *g, struct str local, struct str remote, int64_t now_ms)
{
	struct pair *p = find_pair(g, pair_key(g, local, remote));

	return p && p->at_ms > now_ms - WHITELIST_MS;
}

/* --- a mail --- */

static void look(struct gate *g, const struct gate_envelope *e, int64_t now_ms, struct sight *out)
{
	uint8_t key[ENVELOPE_KEY];

	memset(out, 0, sizeof(*out));
	out->bounce = e->sender.n == 0;
	out->correspondent = has_written(g, e->recipient, e->sender, now_ms);
	greylist_key(&e->client, e->sender, e->recipient, key);
	greylist_get(g->greylist, key, &out->greylist);
	if (greylist_judge(&out->greylist, &rules.greylist, now_ms).outcome == GREYLIST_PERMANENT)
		return;
	trust_key(&e->client, e->sender, key);
	trust_get(g->trust, key, &out->trust);
	network_trust_key(&e->client, key);
	trust_get(g->trust, key, &out->network_trust);
	spread_key(&e->client, key);
	spread_get(g->spread, key, &g->work);
	spread_evidence(&g->work, now_ms, rules.spread_ms, &out->evidence);
	if (e->sender.n == 0)
		return;
	naming_key(e->sender, key);
	naming_get(g->naming, key, &g->domain);
	out->evidence.measure[EVIDENCE_FORGED] = naming_strangers(&g->domain, now_ms, rules.spread_ms);
}

static void note_greylist(struct gate *g, const struct sighting *s)
{
	struct greylist_record rec;
	uint8_t packed[GREYLIST_PACKED];
	struct greylist_times longest = rules.greylist;
	struct record *r;

	if (!(s->parts & SIGHTING_TRY))
		return;
	greylist_get(g->greylist, s->greylist, &rec);
	sighting_of_greylist(s, &rec, ORIGIN, rules.greylist.max_age_ms);
	if (rec.window == 0)
		return;
	r = put(&g->greylist, s->greylist, packed, greylist_encode(&rec, packed));
	longest.initial_ms = rules.suspicious_ms;
	if (r->due_ms == 0) {
		r->due_ms = greylist_expiry(&rec, &longest);
		DL_APPEND(g->waiting, r);
	}
}

static void note_trust(struct gate *g, const struct sighting *s, const uint8_t *key)
{
	struct trust_record rec;
	uint8_t packed[TRUST_PACKED];

	if (!(s->parts & (SIGHTING_PROOF | SIGHTING_MAIL)))
		return;
	trust_get(g->trust, key, &rec);
	sighting_of_trust(s, &rec, ORIGIN, rules.greylist.max_age_ms);
	if (rec.round > 0)
		put(&g->trust, key, packed, trust_encode(&rec, packed));
}

static void note_spread(struct gate *g, const struct sighting *s)
{
	static uint8_t packed[SPREAD_PACKED];
	uint8_t key[ENVELOPE_KEY] = { 0 };

	if (!(s->parts & SIGHTING_ENVELOPE) && s->kinds == 0)
		return;
	memcpy(key, s->network, NETWORK_KEY);
	spread_get(g->spread, key, &g->work);
	sighting_of_spread(s, &g->work, ORIGIN, rules.spread_ms);
	put(&g->spread, key, packed, spread_encode(&g->work, packed));
}

static void note_naming(struct gate *g, const struct sighting *s)
{
	static uint8_t packed[NAMING_PACKED];

	if (!(s->parts & SIGHTING_NAMING))
		return;
	naming_get(g->naming, s->naming, &g->domain);
	sighting_of_naming(s, &g->domain, ORIGIN, rules.spread_ms);
	put(&g->naming, s->naming, packed, naming_encode(&g->domain, packed));
}

static void note(struct gate *g, const struct sighting *s)
{
	note_greylist(g, s);
	note_trust(g, s, s->trust);
	note_trust(g, s, s->network_trust);
	note_spread(g, s);
	note_naming(g, s);
}

static enum answer gate_knock(void *self, const struct knock *k, int64_t now_ms)
{
	struct gate *g = self;
	struct gate_envelope e = { k->client, k->sender, k->recipient, g->sketch_key };
	struct gate_judgement j;
	struct sighting s;
	struct sight known;

	look(g, &e, now_ms, &known);
	known.early = k->early;
	known.caught = k->caught;
	j = gate_judge(&known, &rules, now_ms);
	if (gate_sighting(&j, &e, now_ms, &s))
		note(g, &s);
	if (gate_passes(&j))
		return ANSWER_YES;
	return j.outcome == GATE_PUT_OFF ? ANSWER_LATER : ANSWER_NO;
}

/* As spread_saw has it. */
static void gate_conduct(void *self, const struct ipaddr *client, enum conduct_kind what, int64_t now_ms)
{
	struct sighting s = { .now_ms = now_ms, .kinds = (uint8_t)(1u << what) };

	network_key(client, s.network);
	note(self, &s);
}

/* --- sweeping --- */

/* A record that was put off, and nobody came again in its window, tells of its network. */
static void abandon(struct gate *g, struct record *r, int64_t now_ms)
{
	struct ipaddr client = network_of_key(r->key);

	gate_conduct(g, &client, CONDUCT_ABANDONED, now_ms);
}

static void sweep_greylist(struct gate *g, int64_t now_ms)
{
	struct greylist_times longest = rules.greylist;
	struct greylist_record rec;
	struct record *r;

	longest.initial_ms = rules.suspicious_ms;
	while ((r = g->waiting) && r->due_ms <= now_ms) {
		DL_DELETE(g->waiting, r);
		greylist_get(g->greylist, r->key, &rec);
		r->due_ms = greylist_expiry(&rec, &longest);
		if (rec.passed_ms > 0 && r->due_ms > now_ms)
			continue; /* permanent for longer than we simulate */
		if (r->due_ms > now_ms) {
			DL_APPEND(g->waiting, r); /* another window has begun */
			continue;
		}
		if (rec.passed_ms == 0)
			abandon(g, r, now_ms);
		drop(&g->greylist, r);
	}
}

static void sweep_spread(struct gate *g, int64_t now_ms)
{
	struct record *r, *next;

	if (now_ms < g->spread_swept_ms + DAY)
		return;
	g->spread_swept_ms = now_ms;
	HASH_ITER(hh, g->spread, r, next)
	{
		spread_get(g->spread, r->key, &g->work);
		if (spread_expiry(&g->work, rules.spread_ms) <= now_ms)
			drop(&g->spread, r);
	}
	HASH_ITER(hh, g->naming, r, next)
	{
		naming_get(g->naming, r->key, &g->domain);
		if (naming_expiry(&g->domain, rules.spread_ms) <= now_ms)
			drop(&g->naming, r);
	}
}

static void gate_sweep(void *self, int64_t now_ms)
{
	sweep_greylist(self, now_ms);
	sweep_spread(self, now_ms);
}

/* --- life --- */

static void *gate_open(uint64_t seed)
{
	struct gate *g = must_zalloc(sizeof(*g));

	for (size_t i = 0; i < sizeof(g->sketch_key); i++)
		g->sketch_key[i] = (uint8_t)mix(seed, i);
	return g;
}

static void gate_shut(void *self)
{
	struct gate *g = self;
	struct pair *p, *next;

	drop_all(&g->greylist);
	drop_all(&g->trust);
	drop_all(&g->spread);
	drop_all(&g->naming);
	HASH_ITER(hh, g->pairs, p, next)
	{
		HASH_DEL(g->pairs, p);
		free(p);
	}
	free(g);
}

const struct door door_gate = {
	"protobalance", gate_open,   gate_shut,	 gate_knock,
	gate_conduct,	gate_letter, gate_sweep,
};
