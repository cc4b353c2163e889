#include "lib/session/transaction.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/limits.h"
#include "lib/session/delivery.h"
#include "lib/session/recipient.h"
#include "lib/session/settle.h"
#include "shm/counters.h"

#define MAX_TRIES 4 /* boxes that one delivery is tried at: a fall-over chain */

static void on_rcpt(struct leg *leg, unsigned i, const struct leg_word *w);
static void on_go(struct leg *leg);
static void on_drained(struct leg *leg);
static void on_end(struct leg *leg, unsigned i, const struct leg_word *w);
static void on_ended(struct leg *leg);
static void on_failed(struct leg *leg, const struct leg_word *w);

const struct leg_events transaction_leg_events = {
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
	tx->sid = arena_str(&tx->arena, (struct str){ s->sid, strlen(s->sid) + 1 }).p;
	tx->sender = arena_str(&tx->arena, (struct str){ folded, n });
	tx->mail.reverse_path = arena_str(&tx->arena, mail->reverse_path.full);
	tx->mail.size = mail->size;
	tx->mail.eight_bit = mail->body == BODY_8BITMIME;
	tx->prdr = mail->prdr;
	tx->max_bytes = (uint64_t)s->cluster->row.max_mail_size_kb * 1024;
	list_init(&tx->legs);
	buf_init(&tx->header_copy, LIMIT_HEADER_SCAN);
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
	buf_release(&tx->header_copy);
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

/* --- what the legs say before the body --- */

static void on_rcpt(struct leg *leg, unsigned i, const struct leg_word *w)
{
	struct tx_leg *l = leg->owner;
	struct delivery *d = leg->rcpts[i].ref;

	d->heard = true;
	l->tx->broken |= d->told && w->code / 100 != 2; /* moved there, and not taken */
	delivery_word(l->tx, d, l->key.box->row.boxid, w->code, w->enhanced, w->text);
	if (d->wanted == 0) /* its recipient was refused before its box had spoken */
		leg_unwant(leg, i);
	recipients_judge(l->tx);
}

/* What goes out takes the sender's next relay box, a mailbox its fall-over. */
static bool another_box(struct transaction *tx, const struct delivery *d, struct topo_box **box)
{
	const struct asks *ask = tx->env->ask;

	if (d->foreign || tx->gathered) {
		bool found = ask->relay(tx->env, tx->cluster, &tx->policy.from, box) == ROUTE_OK;

		if (found && tx->gathered) /* those still to come go there at once */
			tx->gathered = *box;
		return found;
	}
	return d->boxid.n > 0 && ask->box(tx->env, tx->cluster, d->boxid, box) == ROUTE_OK;
}

/* A leg died while recipients were collected: each of its deliveries goes elsewhere, or is
 * put off. Nothing was sent, so nothing can be doubled. */
static void move_delivery(struct transaction *tx, struct delivery *d, const struct topo_box *same,
			  bool never_ready, const struct leg_word *w)
{
	struct topo_box *box = NULL;

	if (same) { /* the pooled connection had died: a new one to the same box */
		delivery_assign(tx, d, same, false);
		return;
	}
	if (never_ready && ++d->tries < MAX_TRIES && another_box(tx, d, &box)) {
		delivery_assign(tx, d, box, true);
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
	const struct topo_box *same = leg_was_stale(leg) ? l->key.box : NULL;

	tx_leg_unlist(l);
	for (unsigned i = 0; i < leg->n_rcpts; i++) {
		struct delivery *d = leg->rcpts[i].ref;

		if (!leg->rcpts[i].unwanted && leg->rcpts[i].state != LR_REFUSED)
			move_delivery(tx, d, same, never_ready, w);
	}
	leg_abort(leg);
	recipients_judge(tx);
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
	struct word one = { verdict_of(w->code), l->key.box->row.boxid, w->code, w->enhanced, w->text };
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
				delivery_word(tx, d, l->key.box->row.boxid, 451, STR("4.4.2"), w->text);
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

/* The relay box has refused somebody whom his own box had accepted: its word is the answer. */
static void fail_moved(struct transaction *tx)
{
	for (struct delivery *d = tx->by_address; d; d = d->hh.next) {
		const struct word *w = &d->word;
		char text[OUTCOME_TEXT];
		enum fate fate = w->verdict == VERDICT_PERM ? FATE_PERM : FATE_TEMP;

		if (!d->told || w->verdict == VERDICT_ACCEPTED)
			continue;
		outcome_text(fate, &w, 1, text);
		tx->answer.code = outcome_code(fate, &w, 1);
		tx->answer.text = arena_str(&tx->arena, str_z(text));
		break;
	}
	transaction_stop(tx);
}

/* Somebody who was moved to a leg, and is not heard there yet. That happens when the recipient he
 * was moved for had its answer at once. */
static bool unheard(const struct transaction *tx)
{
	struct list *n, *tmp;

	list_each(&tx->legs, n, tmp) {
		const struct leg *leg = container_of(n, struct tx_leg, node)->leg;

		if (leg->rcpts_heard < leg->n_rcpts)
			return true;
	}
	return false;
}

void transaction_data(struct transaction *tx)
{
	struct list *n, *tmp;

	drop_idle_legs(tx);
	if (tx->broken && tx->gathered) {
		fail_moved(tx);
		return;
	}
	if (tx->broken) {
		transaction_fail(tx, 451, "4.4.2", "a box of this mail was lost, send it again");
		return;
	}
	if (unheard(tx)) { /* a leg that begins its mail anew would forget him */
		transaction_fail(tx, 451, "4.4.2", "a box is slow, send it again");
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

	delivery_word(l->tx, leg->rcpts[i].ref, l->key.box->row.boxid, w->code, w->enhanced, w->text);
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
		const struct topo_box *b = container_of(n, struct tx_leg, node)->key.box;

		if (str_eq(b->row.clusterid, clusterid) &&
		    (str_empty(boxid) || str_eq(b->row.boxid, boxid)))
			return true;
	}
	return false;
}
