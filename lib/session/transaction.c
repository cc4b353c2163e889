#include "lib/session/transaction.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/limits.h"
#include "lib/session/legpool.h"
#include "lib/session/settle.h"
#include "shm/counters.h"

#define MAX_TRIES 4	     /* boxes that one delivery is tried at: a fall-over chain */
#define MAX_DELIVERIES 4000  /* targets of one mail, over all recipients */
#define MAX_ASKED LIMIT_ASKED
#define WORD_KEPT 400	     /* bytes of a box's text that are kept */

static void on_rcpt(struct leg *leg, unsigned i, const struct leg_word *w);
static void on_go(struct leg *leg);
static void on_drained(struct leg *leg);
static void on_end(struct leg *leg, unsigned i, const struct leg_word *w);
static void on_ended(struct leg *leg);
static void on_failed(struct leg *leg, const struct leg_word *w);

static const struct leg_events leg_events = {
	.rcpt = on_rcpt,
	.go = on_go,
	.drained = on_drained,
	.end = on_end,
	.ended = on_ended,
	.failed = on_failed,
};

/* --- birth, state and death --- */

static void on_finish(struct deferred *d)
{
	struct transaction *tx = container_of(d, struct transaction, finish);

	if (tx->ev) {
		tx->ev->done(tx->owner);
		return;
	}
	tx->env->n_settling--;
	transaction_free(&tx); /* went on in the background; nobody else holds it */
}

static void on_ledger_wait(struct timer *t)
{
	struct transaction *tx = container_of(t, struct transaction, ledger_wait);

	tx->env->ledger_late = tx->ledger_mark;
	transaction_done(tx);
}

struct transaction *transaction_new(struct session *s, const struct mail_args *mail,
				    const struct transaction_events *ev, void *owner)
{
	struct transaction *tx = mem_zalloc(sizeof(*tx));
	char folded[LIMIT_ADDRESS + 1];
	size_t n = address_fold(&mail->reverse_path, folded);

	tx->env = s->env;
	tx->cluster = s->cluster;
	tx->topology = topology_ref(s->topology);
	tx->client = s->peer.ip;
	tx->arena = ARENA(LIMIT_TRANSACTION_MEMORY);
	tx->ev = ev;
	tx->owner = owner;
	tx->sender = arena_str(&tx->arena, (struct str){ folded, n });
	tx->mail.reverse_path = arena_str(&tx->arena, mail->reverse_path.full);
	tx->mail.size = mail->size;
	tx->mail.eight_bit = mail->body == BODY_8BITMIME;
	tx->prdr = mail->prdr;
	tx->max_bytes = (uint64_t)s->cluster->row.max_mail_size_kb * 1024;
	list_init(&tx->legs);
	deferred_init(&tx->finish, on_finish);
	timer_init(&tx->ledger_wait, s->env->loop, on_ledger_wait);
	return tx;
}

void transaction_enter(struct transaction *tx, enum tx_state s)
{
	tx->state = s;
}

void transaction_done(struct transaction *tx)
{
	timer_stop(&tx->ledger_wait);
	transaction_enter(tx, TX_DONE);
	loop_defer(tx->env->loop, &tx->finish);
}

static void tx_leg_unlist(struct tx_leg *l)
{
	list_remove(&l->node);
	l->tx->n_legs--;
	l->leg = NULL;
}

void tx_leg_put(struct tx_leg *l)
{
	struct leg *leg = l->leg;

	tx_leg_unlist(l);
	leg_put(leg);
}

void tx_leg_abort(struct tx_leg *l)
{
	struct leg *leg = l->leg;

	tx_leg_unlist(l);
	leg_abort(leg);
}

void transaction_break(struct transaction *tx)
{
	struct list *n, *tmp;

	list_each(&tx->legs, n, tmp)
		tx_leg_abort(container_of(n, struct tx_leg, node));
}

static void put_all_legs(struct transaction *tx)
{
	struct list *n, *tmp;

	list_each(&tx->legs, n, tmp)
		tx_leg_put(container_of(n, struct tx_leg, node));
}

void transaction_free(struct transaction **txp)
{
	struct transaction *tx = *txp;

	*txp = NULL;
	if (!tx)
		return;
	if (tx->state == TX_END) { /* the boxes may have it: their word is still wanted */
		tx->ev = NULL;
		tx->owner = NULL;
		tx->client_gone = true;
		tx->env->n_settling++;
		return;
	}
	if (tx->state == TX_RCPT)
		put_all_legs(tx);
	else
		transaction_break(tx);
	timer_stop(&tx->ledger_wait);
	deferred_cancel(&tx->finish);
	HASH_CLEAR(hh, tx->by_address);
	hash_drop(&tx->digest);
	topology_unref(&tx->topology);
	arena_free(&tx->arena);
	free(tx->recipients);
	free(tx);
}

/* tx->answer stands and nobody gets the mail. */
static void transaction_stop(struct transaction *tx)
{
	transaction_break(tx);
	if (tx->state == TX_BODY)
		transaction_enter(tx, TX_DISCARD);
	else
		transaction_done(tx);
}

void transaction_fail(struct transaction *tx, int code, const char *enhanced, const char *fmt, ...)
{
	char text[OUTCOME_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	tx->answer.code = code;
	tx->answer.text = arena_printf(&tx->arena, "%s %s", enhanced, text);
	transaction_stop(tx);
}

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

/* Judges who can be judged; tells the owner when the next in order is among them. */
static void judge_all(struct transaction *tx)
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

/* Gives d a place on a leg to box: one for all of which the ledger knows nothing, and one for
 * each past that it knows, because those who share it have this mail or not together, and only
 * a whole leg can be spared. */
static void assign(struct transaction *tx, struct delivery *d, const struct topo_box *box,
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
							    &leg_events, l, &tx->mail);
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
	assign(tx, d, t->box, true);
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
	else if (tx->n_accepted >= LIMIT_RECIPIENTS || tx->n_recipients > MAX_ASKED)
		recipient_say(tx, r, 452, "4.5.3 too many recipients");
	else
		rcpt_route(tx, r);
}

void transaction_rcpt_bad(struct transaction *tx, struct str given, const char *text)
{
	struct address to = { .full = given };

	recipient_say(tx, recipient_new(tx, &to), 501, text);
}

/* --- what the legs say before the body --- */

static void on_rcpt(struct leg *leg, unsigned i, const struct leg_word *w)
{
	struct tx_leg *l = leg->owner;
	struct delivery *d = leg->rcpts[i].ref;

	d->heard = true;
	delivery_word(l->tx, d, l->box->row.boxid, w->code, w->enhanced, w->text);
	if (d->wanted == 0) /* its recipient was refused before its box had spoken */
		leg_unwant(leg, i);
	judge_all(l->tx);
}

/* A leg died while recipients were collected: each of its deliveries goes elsewhere, or is
 * put off. Nothing was sent, so nothing can be doubled. */
static void move_delivery(struct transaction *tx, struct delivery *d, const struct topo_box *same,
			  bool never_ready, const struct leg_word *w)
{
	struct topo_box *box = NULL;

	if (same) { /* the pooled connection had died: a new one to the same box */
		assign(tx, d, same, false);
		return;
	}
	if (never_ready && ++d->tries < MAX_TRIES && d->boxid.n > 0 &&
	    tx->env->ask->box(tx->env, tx->cluster, d->boxid, &box) == ROUTE_OK) {
		assign(tx, d, box, true);
		return;
	}
	tx->broken |= d->told;
	d->heard = true;
	d->leg = NULL;
	delivery_word(tx, d, box ? box->row.boxid : d->boxid, w->code / 100 == 5 ? 451 : w->code,
		      STR("4.4.1"), w->text);
}

static void leg_lost_early(struct tx_leg *l, const struct leg_word *w)
{
	struct transaction *tx = l->tx;
	struct leg *leg = l->leg;
	bool never_ready = leg_never_ready(leg);
	const struct topo_box *same = leg_was_stale(leg) ? l->box : NULL;

	tx_leg_unlist(l);
	for (unsigned i = 0; i < leg->n_rcpts; i++) {
		struct delivery *d = leg->rcpts[i].ref;

		if (!leg->rcpts[i].unwanted && leg->rcpts[i].state != LR_REFUSED)
			move_delivery(tx, d, same, never_ready, w);
	}
	leg_abort(leg);
	judge_all(tx);
}

/* Has every recipient a target on this leg? A single leg; an alias, which goes to all or none. */
static bool all_need(const struct transaction *tx, const struct tx_leg *l)
{
	for (unsigned i = 0; i < tx->n_recipients; i++) {
		const struct recipient *r = &tx->recipients[i];
		bool needs = !r->accepted;

		for (unsigned j = 0; j < r->n && !needs; j++)
			needs = r->to[j]->leg == l;
		if (!needs)
			return false;
	}
	return true;
}

/* Before the barrier: nobody has it. The box's own word is passed on as it is when it is the
 * word on every recipient; else those of other boxes shall come again, and then alone. */
static void leg_lost(struct tx_leg *l, const struct leg_word *w)
{
	struct transaction *tx = l->tx;
	struct word one = { verdict_of(w->code), l->box->row.boxid, w->code, w->enhanced, w->text };
	const struct word *only = &one;
	bool all = all_need(tx, l);
	enum fate fate = all && one.verdict == VERDICT_PERM ? FATE_PERM : FATE_TEMP;
	char text[OUTCOME_TEXT];

	outcome_text(fate, &only, 1, text);
	tx->answer.code = all ? outcome_code(fate, &only, 1) : 451;
	tx->answer.text = arena_str(&tx->arena, str_z(text));
	transaction_stop(tx);
	if (tx->state == TX_DISCARD && tx->ev) /* the rest may be in the buffer already */
		tx->ev->room(tx->owner);
}

static void on_failed(struct leg *leg, const struct leg_word *w)
{
	struct tx_leg *l = leg->owner;
	struct transaction *tx = l->tx;

	switch (tx->state) {
	case TX_RCPT:
		leg_lost_early(l, w);
		break;
	case TX_DATA:
	case TX_BODY:
		leg_lost(l, w);
		break;
	default: /* TX_END: it may have the mail or not; that is temporary, and not for the ledger */
		for (unsigned i = 0; i < leg->n_rcpts; i++) {
			struct delivery *d = leg->rcpts[i].ref;

			if (i >= leg->ends_heard && leg->rcpts[i].state == LR_ACCEPTED)
				delivery_word(tx, d, l->box->row.boxid, 451, STR("4.4.2"), w->text);
		}
		tx_leg_abort(l);
		settle_heard(tx);
		break;
	}
}

/* --- DATA --- */

static void drop_idle_legs(struct transaction *tx)
{
	struct list *n, *tmp;

	list_each(&tx->legs, n, tmp) {
		struct tx_leg *l = container_of(n, struct tx_leg, node);

		if (leg_wanted(l->leg) == 0)
			tx_leg_put(l);
	}
}

void transaction_data(struct transaction *tx)
{
	struct list *n, *tmp;

	drop_idle_legs(tx);
	if (tx->broken) {
		transaction_fail(tx, 451, "4.4.2", "a box of this mail was lost, send it again");
		return;
	}
	if (tx->n_accepted == 0 || tx->n_legs == 0) {
		transaction_fail(tx, 554, "5.5.1", "no valid recipients");
		return;
	}
	transaction_enter(tx, TX_DATA);
	list_each(&tx->legs, n, tmp)
		leg_data(container_of(n, struct tx_leg, node)->leg);
}

static void on_go(struct leg *leg)
{
	struct tx_leg *l = leg->owner;
	struct transaction *tx = l->tx;
	struct list *n, *tmp;

	l->go = true;
	list_each(&tx->legs, n, tmp)
		if (!container_of(n, struct tx_leg, node)->go)
			return;
	transaction_enter(tx, TX_BODY);
	if (tx->ev)
		tx->ev->go(tx->owner);
}

static void on_drained(struct leg *leg)
{
	struct transaction *tx = ((struct tx_leg *)leg->owner)->tx;

	if (tx->ev)
		tx->ev->room(tx->owner);
}

static void on_end(struct leg *leg, unsigned i, const struct leg_word *w)
{
	struct tx_leg *l = leg->owner;

	delivery_word(l->tx, leg->rcpts[i].ref, l->box->row.boxid, w->code, w->enhanced, w->text);
}

static void on_ended(struct leg *leg)
{
	struct tx_leg *l = leg->owner;
	struct transaction *tx = l->tx;

	tx_leg_put(l);
	settle_heard(tx);
}

bool transaction_uses(const struct transaction *tx, struct str clusterid, struct str boxid)
{
	struct list *n, *tmp;

	list_each(&tx->legs, n, tmp) {
		const struct topo_box *b = container_of(n, struct tx_leg, node)->box;

		if (str_eq(b->row.clusterid, clusterid) &&
		    (str_empty(boxid) || str_eq(b->row.boxid, boxid)))
			return true;
	}
	return false;
}
