#include "lib/session/delivery.h"

#include "lib/base/clock.h"
#include "lib/session/recipient.h"
#include "lib/wire/srs.h"

#define WORD_KEPT 400 /* bytes of a box's text that are kept */

void delivery_word(struct transaction *tx, struct delivery *d, struct str box, int code,
		   struct str enhanced, struct str text)
{
	text.n = text.n < WORD_KEPT ? text.n : WORD_KEPT;
	d->word.verdict = verdict_of(code);
	d->word.code = code;
	d->word.box = arena_str(&tx->arena, box);
	d->word.enhanced = arena_str(&tx->arena, enhanced);
	d->word.text = arena_str(&tx->arena, text);
}

/* --- who goes over which leg --- */

/* A stranger's mail that goes on to members abroad carries a sender of ours, which their servers
 * can check (SPF, RFC 7208) and bounces find back to. What cannot be rewritten stays as it is. */
static bool rewrites(struct transaction *tx, const struct target *t)
{
	const struct cluster *row = &tx->cluster->row;
	struct srs_secrets secrets = { tx->topology->srs_secrets, tx->topology->n_srs_secrets };
	char out[LIMIT_ADDRESS + 1];
	struct address sender;

	if (!t->foreign || !t->member || row->srs_domain.n == 0 || tx->policy.from.relays ||
	    tx->sender.n == 0)
		return false;
	if (!tx->forwarded.reverse_path.p) {
		tx->forwarded = tx->mail;
		if (address_parse(tx->mail.reverse_path, &sender) == ADDRESS_OK &&
		    srs_forward(&secrets, clock_wall_ms(), &sender, row->srs_domain, out) == SRS_OK)
			tx->forwarded.reverse_path = arena_str(&tx->arena, str_z(out));
	}
	return tx->forwarded.reverse_path.p != tx->mail.reverse_path.p;
}

/* May its account's reply take the place of the mail? */
static bool may_answer(const struct transaction *tx, const struct target *t)
{
	return t->replies && tx->sender.n > 0 && !tx->gathered;
}

struct leg_key leg_key_of(struct transaction *tx, const struct target *t, const struct known *k)
{
	return (struct leg_key){ .box = t->box,
				 .known = k->outcome == LEDGER_DELIVERED,
				 .had = k->had,
				 .srs = rewrites(tx, t),
				 .alone = may_answer(tx, t) && !t->keeps };
}

static struct leg_key key_of(const struct delivery *d, const struct topo_box *box)
{
	return (struct leg_key){ .box = box,
				 .known = d->known == LEDGER_DELIVERED,
				 .had = d->had,
				 .srs = d->srs,
				 .alone = d->replies && !d->keeps };
}

bool leg_key_same(const struct leg_key *a, const struct leg_key *b)
{
	return a->box == b->box && a->known == b->known && (!a->known || str_eq(a->had, b->had)) &&
	       a->srs == b->srs && !a->alone && !b->alone;
}

struct tx_leg *leg_with_key(const struct transaction *tx, const struct leg_key *key)
{
	struct list *n, *tmp;

	list_each(&tx->legs, n, tmp) {
		struct tx_leg *l = container_of(n, struct tx_leg, node);

		if (leg_key_same(&l->key, key))
			return l;
	}
	return NULL;
}

static struct tx_leg *leg_new(struct transaction *tx, const struct leg_key *key, bool pooled)
{
	struct tx_leg *l = arena_alloc(&tx->arena, sizeof(*l));

	if (!l)
		return NULL;
	l->tx = tx;
	l->key = *key;
	l->leg = (pooled ? leg_open : leg_open_new)(tx->env, tx->topology, key->box,
						    &transaction_leg_events, l,
						    key->srs ? &tx->forwarded : &tx->mail);
	list_append(&tx->legs, &l->node);
	tx->n_legs++;
	return l;
}

void delivery_assign(struct transaction *tx, struct delivery *d, const struct topo_box *box,
		     bool pooled)
{
	struct leg_key key = key_of(d, box);
	struct tx_leg *l = leg_with_key(tx, &key);

	if (!l)
		l = leg_new(tx, &key, pooled);
	if (!l) {
		d->heard = true;
		delivery_word(tx, d, d->boxid, 452, STR("4.3.1"), STR("out of memory"));
		return;
	}
	d->leg = l;
	d->index = leg_add_rcpt(l->leg, d->address, d);
}

/* --- deliveries --- */

struct delivery *delivery_find(struct transaction *tx, struct str address)
{
	struct delivery *d;

	HASH_FIND(hh, tx->by_address, address.p, address.n, d);
	return d;
}

struct delivery *delivery_add(struct transaction *tx, const struct target *t,
			      const struct known *k, struct str alias)
{
	struct delivery *d = arena_alloc(&tx->arena, sizeof(*d));

	if (!d)
		return NULL;
	d->tx = tx;
	d->address = t->address;
	d->boxid = t->boxid;
	d->alias = alias;
	d->foreign = t->foreign;
	d->srs = rewrites(tx, t);
	d->replies = may_answer(tx, t);
	d->keeps = t->keeps;
	d->known = k->outcome;
	d->had = k->had;
	tx->keep_header |= d->replies;
	ledger_pair(tx->sender, t->address, d->pair);
	HASH_ADD_KEYPTR(hh, tx->by_address, d->address.p, d->address.n, d);
	tx->n_deliveries++;
	tx->has_done |= d->known == LEDGER_DELIVERED;
	tx->has_refused |= d->known == LEDGER_REFUSED;
	delivery_assign(tx, d, t->box, true);
	return d;
}
