/* A plain greylister: what postgrey(8) 1.37 does by its manual page and its defaults, observed, not
 * copied. The client is its /24 or /64 in a triplet, and its address in the list of clients that
 * have proved themselves. Records of triplets that never passed are looked at once a night. */
#include "test/sim/door.h"

#include <uthash.h>

#include "lib/base/hash.h"
#include "test/sim/mail.h"
#include "test/sim/memory.h"
#include "test/sim/rng.h"

#define DELAY_MS (5 * MINUTE) /* --delay=300 */
#define RETRY_MS (2 * DAY)    /* --retry-window=2 */
#define MAX_AGE_MS (35 * DAY) /* --max-age=35 */
#define CLIENT_PROOFS 5	      /* --auto-whitelist-clients=5 */
#define CLIENT_APART_MS (60 * MINUTE)

struct entry {
	uint64_t key;
	int64_t first_ms, last_ms; /* tries of a triplet */
	unsigned proofs;	   /* of a client */
	UT_hash_handle hh;
};

struct postgrey {
	struct entry *triplets, *clients;
	int64_t swept_ms;
};

static struct entry *find(struct entry *table, uint64_t key)
{
	struct entry *e;

	HASH_FIND(hh, table, &key, sizeof(key), e);
	return e;
}

static struct entry *add(struct entry **table, uint64_t key, int64_t now_ms)
{
	struct entry *e = must_zalloc(sizeof(*e));

	*e = (struct entry){ .key = key, .first_ms = now_ms, .last_ms = now_ms };
	HASH_ADD(hh, *table, key, sizeof(key), e);
	return e;
}

/* --- the sender, without what changes from mail to mail --- */

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Words that are digits become "#". In place; the length. */
static size_t without_numbers(char *p, size_t n)
{
	size_t out = 0, end;
	bool digits;

	for (size_t i = 0; i < n; i = end) {
		digits = is_word(p[i]);
		for (end = i; end < n && is_word(p[end]) == is_word(p[i]); end++)
			digits = digits && is_digit(p[end]);
		if (digits) {
			p[out++] = '#';
			continue;
		}
		memmove(p + out, p + i, end - i);
		out += end - i;
	}
	return out;
}

/* BATV tags are left out: no sender of the simulator has one. */
static size_t fold(struct str sender, char out[LIMIT_ADDRESS])
{
	ptrdiff_t at, plus;
	size_t local;

	sender.n = sender.n < LIMIT_ADDRESS ? sender.n : LIMIT_ADDRESS;
	str_lower(out, sender);
	at = str_find((struct str){ out, sender.n }, '@');
	if (at < 0)
		return sender.n;
	plus = str_find((struct str){ out, (size_t)at }, '+');
	local = without_numbers(out, (size_t)(plus >= 0 ? plus : at));
	memmove(out + local, out + at, sender.n - (size_t)at);
	return local + sender.n - (size_t)at;
}

static uint64_t hash_of(struct str s)
{
	return hash_stable(s, 1);
}

static uint64_t triplet_key(const struct knock *k)
{
	struct ipaddr network = ip_network(&k->client);
	char sender[LIMIT_ADDRESS];
	struct str folded = { sender, fold(k->sender, sender) };

	return mix(mix(hash_of((struct str){ (char *)network.b, 16 }), hash_of(folded)),
		   hash_of(k->recipient));
}

/* --- judging --- */

static bool proven(struct entry *client, int64_t now_ms)
{
	if (!client || client->proofs < CLIENT_PROOFS)
		return false;
	if (now_ms >= client->last_ms + CLIENT_APART_MS)
		client->last_ms = now_ms;
	return true;
}

static void prove(struct postgrey *g, struct entry *client, uint64_t key, int64_t now_ms)
{
	if (client && now_ms < client->last_ms + CLIENT_APART_MS)
		return;
	if (!client)
		client = add(&g->clients, key, now_ms);
	client->proofs++;
	client->last_ms = now_ms;
}

static enum answer postgrey_knock(void *self, const struct knock *k, int64_t now_ms)
{
	struct postgrey *g = self;
	uint64_t client_key = hash_of((struct str){ (const char *)k->client.b, 16 });
	struct entry *client = find(g->clients, client_key), *t;
	uint64_t key;
	bool passed_before;

	if (k->shipped || proven(client, now_ms))
		return ANSWER_YES;
	key = triplet_key(k);
	t = find(g->triplets, key);
	if (!t)
		t = add(&g->triplets, key, now_ms);
	passed_before = t->last_ms - t->first_ms >= DELAY_MS;
	if (!passed_before && now_ms - t->first_ms > RETRY_MS)
		t->first_ms = now_ms;
	t->last_ms = now_ms;
	if (now_ms - t->first_ms < DELAY_MS)
		return ANSWER_LATER;
	if (!passed_before)
		prove(g, client, client_key, now_ms);
	return ANSWER_YES;
}

static void postgrey_conduct(void *self, const struct ipaddr *client, enum conduct_kind what, int64_t now_ms)
{
	(void)self, (void)client, (void)what, (void)now_ms; /* it does not look at these */
}

static void postgrey_letter(void *self, struct str local, struct str remote, int64_t now_ms)
{
	(void)self, (void)local, (void)remote, (void)now_ms;
}

/* --- sweeping --- */

static bool over(const struct entry *t, int64_t now_ms)
{
	return now_ms - t->last_ms > MAX_AGE_MS ||
	       (t->last_ms - t->first_ms < DELAY_MS && now_ms - t->last_ms > RETRY_MS);
}

static void drop(struct entry **table, struct entry *e)
{
	HASH_DEL(*table, e);
	free(e);
}

static void postgrey_sweep(void *self, int64_t now_ms)
{
	struct postgrey *g = self;
	struct entry *e, *next;

	if (now_ms < g->swept_ms + DAY)
		return;
	g->swept_ms = now_ms;
	HASH_ITER(hh, g->triplets, e, next)
	if (over(e, now_ms))
		drop(&g->triplets, e);
	HASH_ITER(hh, g->clients, e, next)
	if (now_ms - e->last_ms > MAX_AGE_MS)
		drop(&g->clients, e);
}

/* --- life --- */

static void *postgrey_open(uint64_t seed)
{
	(void)seed;
	return must_zalloc(sizeof(struct postgrey));
}

static void postgrey_shut(void *self)
{
	struct postgrey *g = self;
	struct entry *e, *next;

	HASH_ITER(hh, g->triplets, e, next)
	drop(&g->triplets, e);
	HASH_ITER(hh, g->clients, e, next)
	drop(&g->clients, e);
	free(g);
}

const struct door door_postgrey = {
	"postgrey",	  postgrey_open,   postgrey_shut,  postgrey_knock,
	postgrey_conduct, postgrey_letter, postgrey_sweep,
};
