#include "lib/session/settle.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/guard/correspondents.h"
#include "lib/session/auto_reply.h"
#include "lib/session/delivery.h"
#include "lib/session/flagged.h"
#include "shm/counters.h"
#include "shm/journal.h"

#define LEDGER_ROW_ROOM 256 /* bytes one row takes in the journal at most */

static void count(struct transaction *tx, enum cluster_counter c, int64_t delta)
{
	if (tx->env->shm)
		count_cluster(tx->env->shm, tx->env->slot, tx->cluster->shm, c, delta);
}

/* --- before the end marks --- */

/* Keeps room in the journal for a row of every delivery. Asked before the barrier, because
 * behind it a row that cannot be written means a mail delivered twice. */
static bool ledger_reserve(struct transaction *tx)
{
	struct env *env = tx->env;
	uint64_t want = (uint64_t)tx->n_deliveries * LEDGER_ROW_ROOM;
	struct journal_stat j;
	uint64_t waiting;

	if (!env->shm || tx->n_deliveries < 2)
		return true;
	/* Retries that cannot be told apart from new mails: they wait until the disk is well. */
	if (env->ledger_late && !journal_durable(env->shm, env->slot, env->ledger_late))
		return false;
	env->ledger_late = 0;
	j = journal_stat(env->shm, env->slot);
	waiting = j.published - j.applied;
	if (waiting < JOURNAL_OFFERED)
		waiting = JOURNAL_OFFERED; /* facts that are offered may fill this meanwhile */
	if (waiting + env->ledger_due + want >= JOURNAL_RING)
		return false;
	tx->ledger_due = want;
	env->ledger_due += want;
	return true;
}

/* Has d this very mail? 1, 0; -1: not to be learned now. */
static int ledger_has(struct transaction *tx, struct delivery *d, struct ledger *row)
{
	int known = tx->env->ask->ledger(tx->env, str_z(d->pair), str_z(tx->digest_hex), &tx->arena,
					 row);

	return known < 0 ? -1 : known == LEDGER_DELIVERED;
}

/* Who has the mail is spared; *others: somebody on this leg has not. */
static unsigned spare_deliveries(struct transaction *tx, struct tx_leg *l, bool *others)
{
	unsigned spared = 0;

	for (unsigned i = 0; i < l->leg->n_rcpts; i++) {
		struct delivery *d = l->leg->rcpts[i].ref;
		struct ledger row;
		int has;

		if (l->leg->rcpts[i].state != LR_ACCEPTED)
			continue;
		has = ledger_has(tx, d, &row);
		*others |= has <= 0;
		spared += has != 0;
		if (has < 0) { /* the leg is not for sending now */
			delivery_word(tx, d, l->key.box->row.boxid, 451, STR("4.3.0"),
				      STR("the delivered ledger cannot be read now"));
		} else if (has > 0) {
			delivery_word(tx, d, row.boxid, 250, STR("2.0.0"), STR("had it already"));
			d->word.verdict = VERDICT_SPARED;
			count(tx, CC_spared, 1);
		}
	}
	return spared;
}

/* Their pasts were the same when they were asked for and no longer are: somebody else has just
 * sent this mail to some of them. They come again, and apart. */
static void put_off_others(struct transaction *tx, struct tx_leg *l)
{
	for (unsigned i = 0; i < l->leg->n_rcpts; i++) {
		struct delivery *d = l->leg->rcpts[i].ref;

		if (l->leg->rcpts[i].state == LR_ACCEPTED && d->word.verdict == VERDICT_ACCEPTED)
			delivery_word(tx, d, l->key.box->row.boxid, 451, STR("4.3.0"),
				      STR("send it again"));
	}
}

int settle_spare(struct transaction *tx)
{
	struct list *n, *tmp;

	if (!ledger_reserve(tx))
		return -1;
	list_each(&tx->legs, n, tmp) {
		struct tx_leg *l = container_of(n, struct tx_leg, node);
		bool others = false;

		if (!l->key.known || spare_deliveries(tx, l, &others) == 0)
			continue;
		if (others)
			put_off_others(tx, l);
		tx_leg_abort(l);
	}
	return 0;
}

/* --- the log: one line a recipient, in the manual's form --- */

static void log_recipient(struct transaction *tx, const struct recipient *r,
			  const struct answer *a)
{
	char subject[2 * LIMIT_SUBJECT_LOG + 1];
	size_t n = 0;

	/* A quote in a subject must not end it in the log. */
	for (const char *p = tx->header.subject; *p; p++)
		subject[n++] = *p == '"' ? '\'' : *p;
	subject[n] = '\0';
	traffic_line(tx->env->traffic, clock_wall_ms(), &tx->client,
		     "%.*s => %.*s \"%s\":%llukB %s - %d %.*s",
		     STR_ARG(tx->mail.reverse_path), STR_ARG(r->address), subject,
		     (unsigned long long)(tx->scan.bytes / 1024),
		     a->code / 100 == 2 ? "success" : "failure", a->code, STR_ARG(a->text));
}

/* --- the answer --- */

struct settlement { /* of one mail, over its accepted recipients */
	unsigned n;
	struct recipient **r;
	enum fate *fate;
	const struct word **words; /* of all targets, in order */
	unsigned n_words;
	enum fate whole;
	bool mixed;
};

static unsigned words_of(const struct recipient *r, const struct word **out)
{
	for (unsigned i = 0; i < r->n; i++)
		out[i] = &r->to[i]->word;
	return r->n;
}

/* Not from the transaction's arena, which boxes may have filled with their words: without a
 * settlement there is no ledger row. settlement_free ends it. */
static void settlement_make(struct transaction *tx, struct settlement *s)
{
	unsigned targets = 0;

	*s = (struct settlement){ 0 };
	for (unsigned i = 0; i < tx->n_recipients; i++)
		targets += tx->recipients[i].accepted ? tx->recipients[i].n : 0;
	s->r = mem_zalloc(tx->n_accepted * sizeof(*s->r));
	s->fate = mem_zalloc(tx->n_accepted * sizeof(*s->fate));
	s->words = mem_zalloc(targets * sizeof(*s->words));
	for (unsigned i = 0; i < tx->n_recipients; i++) {
		struct recipient *r = &tx->recipients[i];
		unsigned n;

		if (!r->accepted)
			continue;
		n = words_of(r, s->words + s->n_words);
		s->fate[s->n] = fate_of(s->words + s->n_words, n);
		s->r[s->n++] = r;
		s->n_words += n;
	}
	s->whole = fate_join(s->fate, s->n, &s->mixed);
}

static void settlement_free(struct settlement *s)
{
	free(s->r);
	free(s->fate);
	free(s->words);
}

static void answer_of(struct transaction *tx, enum fate fate, const struct word *const *w,
		      unsigned n, struct answer *out)
{
	char text[OUTCOME_TEXT];

	outcome_text(fate, w, n, text);
	out->code = outcome_code(fate, w, n);
	out->text = arena_str(&tx->arena, str_z(text));
}

/* Each recipient's own word, as PRDR has it (draft-hall-prdr). */
static void answer_each(struct transaction *tx, const struct settlement *s)
{
	const struct word **w = s->words;

	tx->prdr_answers = arena_alloc(&tx->arena, s->n * sizeof(*tx->prdr_answers));
	if (!tx->prdr_answers)
		return;
	for (unsigned i = 0; i < s->n; i++) {
		answer_of(tx, s->fate[i], w, s->r[i]->n, &tx->prdr_answers[i]);
		w += s->r[i]->n;
	}
	tx->n_prdr = s->n;
	tx->answer = (struct answer){ 250, STR("2.0.0 each recipient has its own answer") };
}

/* Not all or none: some boxes have it, and the client must send again for the others. */
static void answer_mixed(struct transaction *tx, const struct settlement *s)
{
	answer_of(tx, FATE_TEMP, s->words, s->n_words, &tx->answer);
	tx->answer.code = 451;
}

static void answer_make(struct transaction *tx, const struct settlement *s)
{
	if (tx->prdr && s->mixed)
		answer_each(tx, s);
	if (tx->n_prdr > 0)
		return;
	if (s->mixed)
		answer_mixed(tx, s);
	else
		answer_of(tx, s->whole, s->words, s->n_words, &tx->answer);
}

/* What recipient i is told. */
static const struct answer *told(const struct transaction *tx, unsigned i)
{
	return tx->n_prdr ? &tx->prdr_answers[i] : &tx->answer;
}

/* --- the ledger --- */

static int ledger_row(struct transaction *tx, const struct delivery *d, enum ledger_outcome what)
{
	char mem[LIMIT_JOURNAL_ENTRY];
	struct ledger row = { .pair = str_z(d->pair),
			      .digest = str_z(tx->digest_hex),
			      .outcome = what,
			      .boxid = d->word.box,
			      .expiry = clock_wall_ms() + LEDGER_KEEP_MS };
	struct buf b = { .mem = mem, .cap = sizeof(mem), .max = sizeof(mem) };

	if (!tx->env->shm || ledger_encode(&row, &b) < 0)
		return -1;
	return journal_put(tx->env->shm, tx->env->slot, JOURNAL_LEDGER, buf_str(&b),
			   &tx->ledger_mark);
}

/* Rows for the targets of a recipient that will be sent again; *lost counts those that could
 * not be written. */
static unsigned ledger_recipient(struct transaction *tx, const struct recipient *r, unsigned *lost)
{
	unsigned rows = 0;

	for (unsigned i = 0; i < r->n; i++) {
		const struct delivery *d = r->to[i];
		enum verdict v = d->word.verdict;

		if (v != VERDICT_ACCEPTED && v != VERDICT_PERM)
			continue;
		if (ledger_row(tx, d, v == VERDICT_PERM ? LEDGER_REFUSED : LEDGER_DELIVERED) == 0)
			rows++;
		else
			++*lost;
	}
	return rows;
}

/* Will the client send this recipient again? Told 4xx; or it is no longer there to be told. */
static bool comes_again(const struct transaction *tx, unsigned i)
{
	return tx->client_gone || told(tx, i)->code / 100 == 4;
}

static bool anybody_has_it(const struct settlement *s)
{
	for (unsigned i = 0; i < s->n_words; i++)
		if (s->words[i]->verdict == VERDICT_ACCEPTED || s->words[i]->verdict == VERDICT_SPARED)
			return true;
	return false;
}

static unsigned ledger_write(struct transaction *tx, const struct settlement *s)
{
	unsigned rows = 0, lost = 0;

	if (!anybody_has_it(s))
		return 0; /* nothing to be spared, nothing to be told apart */
	for (unsigned i = 0; i < s->n; i++)
		if (comes_again(tx, i))
			rows += ledger_recipient(tx, s->r[i], &lost);
	if (lost > 0 && tx->env->shm)
		log_warning("delivered ledger: no room for %u rows, a retry may deliver twice", lost);
	return rows;
}

/* --- correspondents --- */

/* Whoever a relay client has written to may answer without delay. */
static void learn(struct transaction *tx, const struct settlement *s)
{
	unsigned n = 0;

	if (!tx->policy.from.relays || !tx->env->shm)
		return;
	for (unsigned i = 0; i < s->n; i++) {
		if (s->fate[i] != FATE_OK)
			continue;
		correspondents_learn(tx->env->shm, tx->env->slot, tx->sender, s->r[i]->address,
				     clock_wall_ms());
		n++;
	}
	flagged_mail(tx, n);
}

/* --- all is heard --- */

static void settle(struct transaction *tx)
{
	struct settlement s;
	unsigned rows;

	settlement_make(tx, &s);
	answer_make(tx, &s);
	for (unsigned i = 0; i < s.n; i++) {
		log_recipient(tx, s.r[i], told(tx, i));
		count(tx, s.fate[i] == FATE_OK ? CC_recipients : CC_refused_box, 1);
	}
	count(tx, CC_mails, tx->answer.code / 100 == 2);
	count(tx, CC_mails_mixed, s.whole != FATE_OK && anybody_has_it(&s));
	rows = ledger_write(tx, &s);
	learn(tx, &s);
	auto_reply_behind(tx);
	settlement_free(&s);
	tx->env->ledger_due -= tx->ledger_due;
	tx->ledger_due = 0;
	if (rows == 0 || !tx->ev) {
		transaction_done(tx);
		return;
	}
	transaction_enter(tx, TX_LEDGER);
	timer_set(&tx->ledger_wait, TIMEOUT_LEDGER);
	settle_bell(tx);
}

void settle_bell(struct transaction *tx)
{
	if (tx->state == TX_LEDGER &&
	    journal_durable(tx->env->shm, tx->env->slot, tx->ledger_mark))
		transaction_done(tx);
}

void settle_heard(struct transaction *tx)
{
	if (tx->state == TX_END && tx->n_legs == 0 && tx->n_responses == 0)
		settle(tx);
}
