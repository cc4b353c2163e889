#include "lib/session/recipient.h"

#include "lib/base/limits.h"
#include "lib/session/legpool.h"
#include "shm/counters.h"

#define MAX_DELIVERIES 4000 /* targets of one mail, over all recipients */
#define WORD_KEPT 400	    /* bytes of a box's text that are kept */

/* --- verdicts --- */

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

static void recipient_say(struct transaction *tx, struct recipient *r, int code, const char *text)
{
	r->answered = true;
	r->accepted = code / 100 == 2;
	r->answer.code = code;
	r->answer.text = arena_str(&tx->arena, str_z(text));
	tx->n_accepted += r->accepted;
}

/* A recipient that is refused wants its targets no longer. */
static void recipient_let_go(struct transaction *tx, struct recipient *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		struct delivery *d = r->to[i];

		if (--d->wanted > 0)
			continue;
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): d is in there, wanted was 1 */
		HASH_DELETE(hh, tx->by_address, d);
		if (d->word.verdict == VERDICT_ACCEPTED && d->leg && d->leg->leg)
			leg_unwant(d->leg->leg, d->index);
	}
}

/* All targets of r are heard: its verdict on RCPT. All or nobody. */
static void recipient_judge(struct transaction *tx, struct recipient *r)
{
	const struct word **w = arena_alloc(&tx->arena, r->n * sizeof(struct word *));
	char text[OUTCOME_TEXT];
	enum fate fate = FATE_OK;

	if (!w) {
		recipient_say(tx, r, 452, "4.3.1 too many recipients for our memory");
		recipient_let_go(tx, r);
		return;
	}
	for (unsigned i = 0; i < r->n; i++) {
		w[i] = &r->to[i]->word;
		if (w[i]->verdict == VERDICT_PERM && fate == FATE_OK)
			fate = FATE_PERM;
		if (w[i]->verdict == VERDICT_TEMP)
			fate = FATE_TEMP;
	}
	if (fate == FATE_OK) {
		recipient_say(tx, r, 250, "2.1.5 ok");
		for (unsigned i = 0; i < r->n; i++)
			r->to[i]->told = true;
		return;
	}
	outcome_text(fate, w, r->n, text);
	recipient_say(tx, r, outcome_code(fate, w, r->n), text);
	recipient_let_go(tx, r);
	if (tx->env->shm)
		count_cluster(tx->env->shm, tx->env->slot, tx->cluster->shm, CC_refused_box, 1);
}

static bool recipient_heard(const struct recipient *r)
{
	for (unsigned i = 0; i < r->n; i++)
		if (!r->to[i]->heard)
			return false;
	return true;
}

void recipients_judge(struct transaction *tx)
{
	for (unsigned i = tx->answered; i < tx->n_recipients; i++) {
		struct recipient *r = &tx->recipients[i];

		if (!r->answered && recipient_heard(r))
			recipient_judge(tx, r);
	}
	if (tx->answered < tx->n_recipients && tx->recipients[tx->answered].answered && tx->ev)
		tx->ev->answers(tx->owner);
}

bool transaction_answer(struct transaction *tx, struct answer *out)
{
	if (tx->answered >= tx->n_recipients || !tx->recipients[tx->answered].answered)
		return false;
	*out = tx->recipients[tx->answered++].answer;
	return true;
}

bool transaction_waits(const struct transaction *tx)
{
	return tx->answered < tx->n_recipients;
}

/* --- deliveries and legs --- */

/* What the ledger holds of one target, whatever the mail. */
struct known {
	int outcome;	/* enum ledger_outcome, 0 none */
	struct str had; /* when delivered: sum of the digests */
};

static bool same_past(bool known, struct str had, int outcome, struct str other)
{
	return known == (outcome == LEDGER_DELIVERED) && (!known || str_eq(had, other));
}

static struct tx_leg *leg_for(struct transaction *tx, const struct topo_box *box, int outcome,
			      struct str had)
{
	struct list *n, *tmp;

	list_each(&tx->legs, n, tmp) {
		struct tx_leg *l = container_of(n, struct tx_leg, node);

		if (l->box == box && same_past(l->known, l->had, outcome, had))
			return l;
	}
	return NULL;
}

void delivery_assign(struct transaction *tx, struct delivery *d, const struct topo_box *box,
		     bool pooled)
{
	struct tx_leg *l = leg_for(tx, box, d->known, d->had);

	if (!l) {
		l = arena_alloc(&tx->arena, sizeof(*l));
		if (!l) {
			d->heard = true;
			delivery_word(tx, d, d->boxid, 452, STR("4.3.1"), STR("out of memory"));
			return;
		}
		l->tx = tx;
		l->box = box;
		l->known = d->known == LEDGER_DELIVERED;
		l->had = d->had;
		l->leg = (pooled ? leg_open : leg_open_new)(tx->env, tx->topology, box,
							    &transaction_leg_events, l, &tx->mail);
		list_append(&tx->legs, &l->node);
		tx->n_legs++;
	}
	d->leg = l;
	d->index = leg_add_rcpt(l->leg, d->address, d);
}

static struct delivery *find_delivery(struct transaction *tx, struct str address)
{
	struct delivery *d;

	HASH_FIND(hh, tx->by_address, address.p, address.n, d);
	return d;
}

static struct delivery *add_delivery(struct transaction *tx, const struct target *t,
				     const struct known *known)
{
	struct delivery *d = arena_alloc(&tx->arena, sizeof(*d));

	if (!d)
		return NULL;
	d->address = t->address;
	d->boxid = t->boxid;
	d->known = known->outcome;
	d->had = known->had;
	ledger_pair(tx->sender, t->address, d->pair);
	HASH_ADD_KEYPTR(hh, tx->by_address, d->address.p, d->address.n, d);
	tx->n_deliveries++;
	tx->has_done |= d->known == LEDGER_DELIVERED;
	tx->has_refused |= d->known == LEDGER_REFUSED;
	delivery_assign(tx, d, t->box, true);
	return d;
}

/* --- RCPT --- */

static const struct {
	int code;
	const char *text;
	enum cluster_counter count;
} route_answers[] = {
	[ROUTE_UNKNOWN] = { 550, "5.1.1 no such mailbox here", CC_refused_unknown },
	[ROUTE_FOREIGN] = { 550, "5.7.1 relaying denied", CC_refused_relay },
	[ROUTE_NO_BOX] = { 451, "4.3.5 the mailbox has no box; tell its administrator",
			   CC_refused_temporary },
	[ROUTE_BOX_DOWN] = { 451, "4.3.2 the box of this mailbox is not available now",
			     CC_refused_temporary },
	[ROUTE_TOO_MANY] = { 550, "5.4.6 the alias expands too far", CC_refused_limit },
	[ROUTE_ERROR] = { 451, "4.3.0 the account database cannot be read now",
			  CC_refused_temporary },
};

static void refuse_route(struct transaction *tx, struct recipient *r, enum route_result why)
{
	recipient_say(tx, r, route_answers[why].code, route_answers[why].text);
	if (tx->env->shm)
		count_cluster(tx->env->shm, tx->env->slot, tx->cluster->shm,
			      route_answers[why].count, 1);
}

/* What the ledger holds of each target. -1: it cannot be read; then who has the mail is not
 * known either. */
static int ledger_known(struct transaction *tx, const struct route_list *list, struct known *known)
{
	char pair[33];
	struct ledger row;

	for (unsigned i = 0; i < list->n && tx->env->ask->ledger; i++) {
		ledger_pair(tx->sender, list->v[i].address, pair);
		known[i].outcome =
			tx->env->ask->ledger(tx->env, str_z(pair), STR(""), &tx->arena, &row);
		if (known[i].outcome < 0)
			return -1;
		if (known[i].outcome == LEDGER_DELIVERED)
			known[i].had = row.digest;
	}
	return 0;
}

/* Legs that these targets would add, as far as that matters: up to LIMIT_LEGS + 1. */
static unsigned legs_to_add(struct transaction *tx, const struct route_list *list,
			    const struct known *known)
{
	unsigned at[LIMIT_LEGS + 1], n = 0;

	for (unsigned i = 0; i < list->n && n <= LIMIT_LEGS; i++) {
		const struct known *k = &known[i];
		bool there = leg_for(tx, list->v[i].box, k->outcome, k->had);

		for (unsigned j = 0; j < n && !there; j++)
			there = list->v[at[j]].box == list->v[i].box &&
				same_past(known[at[j]].outcome == LEDGER_DELIVERED,
					  known[at[j]].had, k->outcome, k->had);
		if (!there)
			at[n++] = i;
	}
	return n;
}

/* Does the transaction already go to another box, and does that matter? */
static const char *company(struct transaction *tx, const struct target *t)
{
	bool bad = legpool_failed_lately(tx->env->pool, t->box);
	struct list *n, *tmp;

	list_each(&tx->legs, n, tmp) {
		struct tx_leg *l = container_of(n, struct tx_leg, node);

		if (l->box == t->box)
			continue;
		if (tx->cluster->one_per_transaction)
			return "4.5.3 one box a mail here: send it again for this recipient";
		if (bad || legpool_failed_lately(tx->env->pool, l->box))
			return "4.5.3 send it again for this recipient alone";
	}
	return NULL;
}

/* Why these targets cannot join this mail now: NULL when they can. known: one a target. */
static const char *put_off(struct transaction *tx, const struct route_list *list,
			   const struct known *known, int *code)
{
	*code = 452;
	if (tx->n_legs + list->n > LIMIT_LEGS &&
	    tx->n_legs + legs_to_add(tx, list, known) > LIMIT_LEGS) {
		if (tx->n_legs > 0)
			return "4.5.3 too many boxes for one mail: send it again for this recipient";
		*code = 550; /* alone already: no retry would do better */
		return "5.4.6 the alias leads to too many boxes";
	}
	for (unsigned i = 0; i < list->n; i++) {
		const char *why = company(tx, &list->v[i]);

		if (why)
			return why;
		/* Those who have an earlier mail and those whose box refused it are answered
		 * apart, so that the refused stand alone and get their 5xx (HACKING.md). */
		*code = 450;
		if ((known[i].outcome == LEDGER_DELIVERED && tx->has_refused) ||
		    (known[i].outcome == LEDGER_REFUSED && tx->has_done))
			return "4.2.0 another recipient of this mail comes first";
		*code = 452;
	}
	return NULL;
}

/* Targets become deliveries; r is judged when their boxes have spoken. */
static void recipient_aim(struct transaction *tx, struct recipient *r,
			  const struct route_list *list, const struct known *known)
{
	for (unsigned i = 0; i < list->n; i++) {
		struct delivery *d = find_delivery(tx, list->v[i].address);

		if (!d)
			d = add_delivery(tx, &list->v[i], &known[i]);
		if (!d) {
			recipient_say(tx, r, 452, "4.3.1 too many recipients for our memory");
			recipient_let_go(tx, r);
			return;
		}
		d->wanted++;
		r->to[r->n++] = d;
	}
	if (recipient_heard(r))
		recipient_judge(tx, r);
}

static struct recipient *recipient_new(struct transaction *tx, const struct address *to)
{
	struct recipient *r;

	if (tx->n_recipients == tx->cap_recipients) {
		tx->cap_recipients = tx->cap_recipients ? tx->cap_recipients * 2 : 2;
		tx->recipients = mem_realloc(tx->recipients,
					     tx->cap_recipients * sizeof(*tx->recipients));
	}
	r = &tx->recipients[tx->n_recipients++];
	*r = (struct recipient){ .address = arena_str(&tx->arena, to->full) };
	return r;
}

/* A box that has just failed takes one session first. When a leg of this mail is that one, its
 * other recipients go with it. */
static void join_probe(struct transaction *tx, struct target *t)
{
	struct list *n, *tmp;

	list_each(&tx->legs, n, tmp) {
		struct tx_leg *l = container_of(n, struct tx_leg, node);

		if (t->result != ROUTE_BOX_DOWN || !str_eq(l->box->row.boxid, t->boxid))
			continue;
		t->box = topology_box(tx->cluster, t->boxid);
		t->result = ROUTE_OK;
	}
}

static void rcpt_route(struct transaction *tx, struct recipient *r)
{
	struct route_list list = { NULL, 0 };
	enum route_result res = tx->env->ask->recipient(tx->env, tx->cluster, r->address, tx->sender,
							&tx->arena, &list);
	struct known *known;
	const char *why;
	int code;

	if (res != ROUTE_OK) {
		refuse_route(tx, r, res);
		return;
	}
	for (unsigned i = 0; i < list.n; i++) {
		join_probe(tx, &list.v[i]);
		if (list.v[i].result != ROUTE_OK) {
			refuse_route(tx, r, list.v[i].result);
			return;
		}
	}
	known = arena_alloc(&tx->arena, list.n * sizeof(*known));
	r->to = arena_alloc(&tx->arena, list.n * sizeof(*r->to));
	if (!known || !r->to || tx->n_deliveries + list.n > MAX_DELIVERIES) {
		recipient_say(tx, r, 452, "4.5.3 too many recipients");
		return;
	}
	if (ledger_known(tx, &list, known) < 0) {
		recipient_say(tx, r, 451, "4.3.0 the delivered ledger cannot be read now");
		return;
	}
	why = put_off(tx, &list, known, &code);
	if (why)
		recipient_say(tx, r, code, why);
	else
		recipient_aim(tx, r, &list, known);
}

void transaction_rcpt(struct transaction *tx, const struct address *to)
{
	struct recipient *r = recipient_new(tx, to);

	if (!r->address.p)
		recipient_say(tx, r, 452, "4.3.1 too many recipients for our memory");
	else if (tx->n_accepted >= LIMIT_RECIPIENTS || tx->n_recipients > LIMIT_ASKED)
		recipient_say(tx, r, 452, "4.5.3 too many recipients");
	else
		rcpt_route(tx, r);
}

void transaction_rcpt_bad(struct transaction *tx, struct str given, const char *text)
{
	struct address to = { .full = given };

	recipient_say(tx, recipient_new(tx, &to), 501, text);
}
