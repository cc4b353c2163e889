#include "lib/session/recipient.h"

#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/session/delivery.h"
#include "lib/session/legpool.h"
#include "lib/session/stranger.h"
#include "lib/wire/srs.h"
#include "shm/counters.h"

#define MAX_DELIVERIES 4000 /* targets of one mail, over all recipients */

/* --- verdicts --- */

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

/* Accepted recipients that the mail may have. */
static unsigned most_recipients(const struct transaction *tx)
{
	int64_t own = tx->policy.rcpt_max;

	return own > 0 && own < LIMIT_RECIPIENTS ? (unsigned)own : LIMIT_RECIPIENTS;
}

bool transaction_full(const struct transaction *tx)
{
	return tx->n_accepted + tx->n_recipients - tx->answered >= most_recipients(tx);
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
	[ROUTE_NO_RELAY] = { 451, "4.3.5 there is no relay box in service",
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
	struct leg_key keys[LIMIT_LEGS + 1];
	unsigned n = 0;

	for (unsigned i = 0; i < list->n && n <= LIMIT_LEGS; i++) {
		bool there;

		keys[n] = leg_key_of(tx, &list->v[i], &known[i]);
		there = leg_with_key(tx, &keys[n]);
		for (unsigned j = 0; j < n && !there; j++)
			there = leg_key_same(&keys[j], &keys[n]);
		n += !there;
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

		if (l->key.box == t->box)
			continue;
		if (tx->cluster->one_per_transaction)
			return "4.5.3 one box a mail here: send it again for this recipient";
		if (bad || legpool_failed_lately(tx->env->pool, l->key.box))
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
		struct delivery *d = delivery_find(tx, list->v[i].address);

		if (!d)
			d = delivery_add(tx, &list->v[i], &known[i],
					 list->n == 1 && list->v[i].member ? r->address : STR(""));
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

		if (t->result != ROUTE_BOX_DOWN || !str_eq(l->key.box->row.boxid, t->boxid))
			continue;
		t->box = topology_box(tx->cluster, t->boxid);
		t->result = ROUTE_OK;
	}
}

/* --- mail programs: whole through one relay box ---
 * They do not retry, so nothing may end mixed: what would need several boxes, or one that is
 * down, goes to one that queues it. */

/* Do the targets, with what the mail has already, need more than one box, or one that is down? */
static bool wants_queue(struct transaction *tx, const struct route_list *list)
{
	const struct topo_box *one = NULL;
	struct list *n, *tmp;

	list_each(&tx->legs, n, tmp) {
		struct tx_leg *l = container_of(n, struct tx_leg, node);

		if (leg_wanted(l->leg) > 0)
			one = l->key.box;
	}
	for (unsigned i = 0; i < list->n; i++) {
		const struct topo_box *b = list->v[i].box;

		if (list->v[i].result != ROUTE_OK || (one && b != one))
			return true;
		one = b;
	}
	return false;
}

/* All deliveries so far move to the relay box. What a box has refused stays refused. */
static void move_to(struct transaction *tx, const struct topo_box *relay)
{
	struct list *n, *tmp;

	tx->gathered = relay;
	list_each(&tx->legs, n, tmp) {
		struct tx_leg *l = container_of(n, struct tx_leg, node);
		struct leg *leg = l->leg;

		if (l->key.box == relay && !l->key.known && !l->key.alone)
			continue;
		for (unsigned i = 0; i < leg->n_rcpts; i++) {
			struct delivery *d = leg->rcpts[i].ref;

			if (leg->rcpts[i].unwanted || leg->rcpts[i].state == LR_REFUSED)
				continue;
			d->known = 0;
			d->replies = false; /* when it comes back to its mailbox */
			d->heard = false;
			delivery_assign(tx, d, relay, true);
		}
		tx_leg_put(l);
	}
}

/* Sends the whole mail through a relay box when it needs that and there is one. */
static void gather(struct transaction *tx, struct route_list *list)
{
	struct topo_box *relay = NULL;

	if (!tx->policy.program || (!tx->gathered && !wants_queue(tx, list)))
		return;
	if (!tx->gathered &&
	    tx->env->ask->relay(tx->env, tx->cluster, &tx->policy.from, &relay) == ROUTE_OK)
		move_to(tx, relay);
	for (unsigned i = 0; i < list->n && tx->gathered; i++) {
		list->v[i].box = (struct topo_box *)(uintptr_t)tx->gathered;
		list->v[i].result = ROUTE_OK;
	}
}

/* --- RCPT, put together --- */

static void refuse_policy(struct transaction *tx, struct recipient *r,
			  const struct policy_refusal *no)
{
	recipient_say(tx, r, no->code, no->text);
	if (tx->env->shm)
		count_cluster(tx->env->shm, tx->env->slot, tx->cluster->shm,
			      (enum cluster_counter)no->counter, 1);
}

/* May these targets have it, and can they be reached? false: r has its answer. */
static bool rcpt_may(struct transaction *tx, struct recipient *r, struct route_list *list)
{
	const struct policy_refusal *no = policy_rcpt(&tx->policy, &list->v[0]);

	if (!no)
		no = stranger_rcpt(tx, r->address, list);
	if (no) {
		refuse_policy(tx, r, no);
		return false;
	}
	for (unsigned i = 0; i < list->n; i++)
		join_probe(tx, &list->v[i]);
	gather(tx, list);
	for (unsigned i = 0; i < list->n; i++)
		if (list->v[i].result != ROUTE_OK) {
			refuse_route(tx, r, list->v[i].result);
			return false;
		}
	return true;
}

#define SRS_HOPS 2 /* SRS1, then the SRS0 that it holds, when both are ours */

static const struct policy_refusal no_bounce = { 550, "5.7.1 bounces alone come back this way",
						 CC_refused_relay };

/* A bounce to a sender that was rewritten here goes back to him, wherever he is. Whoever is a
 * member abroad sees such addresses, and can have any address made one: taken from everybody,
 * they would be open relays. false: r has its answer. */
static bool find_back(struct transaction *tx, struct recipient *r, struct route_from *from)
{
	struct srs_secrets secrets = { tx->topology->srs_secrets, tx->topology->n_srs_secrets };
	struct str domain = tx->cluster->row.srs_domain;
	char out[LIMIT_ADDRESS + 1], text[160];

	for (int hop = 0; hop < SRS_HOPS && domain.n > 0; hop++) {
		ptrdiff_t at = str_find(r->address, '@');
		struct str local = { r->address.p, at > 0 ? (size_t)at : 0 };
		enum srs_result res;

		if (at < 0 || !str_ieq(str_skip(r->address, (size_t)at + 1), domain))
			break;
		res = srs_reverse(&secrets, clock_wall_ms(), local, LIMIT_SRS_DAYS, out);
		if (res == SRS_NONE)
			break;
		if (tx->sender.n > 0 && !tx->policy.from.relays) {
			refuse_policy(tx, r, &no_bounce);
			return false;
		}
		if (res != SRS_OK) {
			snprintf(text, sizeof(text), "5.1.1 %s", srs_text(res));
			refuse_policy(tx, r,
				      &(struct policy_refusal){ 550, text, CC_refused_unknown });
			return false;
		}
		from->relays = true;
		r->address = arena_str(&tx->arena, str_z(out));
	}
	return true;
}

static void rcpt_route(struct transaction *tx, struct recipient *r)
{
	struct route_list list = { .n = 0 };
	struct route_from from = tx->policy.from;
	enum route_result res;
	struct known *known;
	const char *why;
	int code;

	if (!find_back(tx, r, &from))
		return;
	res = tx->env->ask->recipient(tx->env, tx->cluster, r->address, &from, &tx->arena, &list);
	if (res == ROUTE_UNKNOWN)
		stranger_missed(tx);
	if (res != ROUTE_OK) {
		refuse_route(tx, r, res);
		return;
	}
	if (!rcpt_may(tx, r, &list))
		return;
	known = arena_alloc(&tx->arena, list.n * sizeof(*known));
	r->to = arena_alloc(&tx->arena, list.n * sizeof(*r->to));
	if (!known || !r->to || tx->n_deliveries + list.n > MAX_DELIVERIES) {
		recipient_say(tx, r, 452, "4.5.3 too many recipients");
		return;
	}
	/* One leg has one outcome: the ledger has no part in it. */
	if (!tx->gathered && ledger_known(tx, &list, known) < 0) {
		recipient_say(tx, r, 451, "4.3.0 the delivered ledger cannot be read now");
		return;
	}
	why = tx->gathered ? NULL : put_off(tx, &list, known, &code);
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
	else if (tx->n_accepted >= most_recipients(tx))
		refuse_policy(tx, r, policy_too_many(tx));
	else
		rcpt_route(tx, r);
}

void transaction_rcpt_bad(struct transaction *tx, struct str given, int code, const char *text)
{
	struct address to = { .full = given };

	recipient_say(tx, recipient_new(tx, &to), code, text);
}
