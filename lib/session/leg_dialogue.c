#include "lib/session/leg_dialogue.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/session/legpool.h"
#include "lib/session/patience.h"
#include "shm/boxes.h"
#include "shm/counters.h"

/* --- steps ---
 * name stands in logs; a reply is waited for so long; then the handler has it. */
typedef void step_handler(struct leg *leg, const struct leg_word *w, const struct reply *r);
static step_handler got_greeting, got_hello, got_rset, got_mail, got_rcpt, got_data, got_early,
	got_end, got_idle;

static const struct step {
	const char *name;
	int64_t timeout;
	step_handler *got;
} steps[] = {
	[STEP_CONNECT] = { "connect", 0, NULL }, /* the dial has its own */
	[STEP_GREETING] = { "greeting", TIMEOUT_BOX_GREETING, got_greeting },
	[STEP_HELLO] = { "EHLO", TIMEOUT_BOX_GREETING, got_hello },
	[STEP_IDLE] = { "idle", POOL_IDLE_MS, got_idle },
	[STEP_RSET] = { "RSET", TIMEOUT_BOX_GREETING, got_rset },
	[STEP_MAIL] = { "MAIL", TIMEOUT_BOX_REPLY, got_mail },
	[STEP_RCPT] = { "RCPT", TIMEOUT_BOX_REPLY, got_rcpt },
	[STEP_DATA] = { "DATA", TIMEOUT_BOX_DATA, got_data },
	[STEP_BODY] = { "body", TIMEOUT_BOX_BLOCK, got_early },
	[STEP_END] = { "end mark", TIMEOUT_BOX_END, got_end },
};
_Static_assert(ARRAY_LEN(steps) == STEP_COUNT, "each step has its row");

const char *leg_step_name(enum leg_step s)
{
	return steps[s].name;
}

/* Replies come in the order of what was sent, and a transaction has one order: so what is
 * awaited follows from what was sent and heard, and no queue is kept. */
enum leg_step leg_expects(const struct leg *leg)
{
	if (leg->step != STEP_IDLE)
		return leg->step;
	if (leg->rsets)
		return STEP_RSET;
	if (leg->mail_state == MAIL_SENT)
		return STEP_MAIL;
	if (leg->rcpts_heard < leg->rcpts_sent)
		return STEP_RCPT;
	switch (leg->data_state) {
	case DATA_SENT:
		return STEP_DATA;
	case DATA_GO:
		return STEP_BODY;
	case DATA_END:
		return STEP_END;
	default:
		return STEP_IDLE;
	}
}

void leg_await(struct leg *leg)
{
	enum leg_step s = leg_expects(leg);

	/* While the box owes us nothing the client's time-outs rule. */
	if ((s == STEP_IDLE && leg->ev) || (s == STEP_BODY && !leg->io.blocked))
		timer_stop(&leg->timer);
	else if (s != STEP_CONNECT)
		timer_set(&leg->timer, patience(steps[s].timeout));
}

/* --- failure --- */

static void fail(struct leg *leg, const struct leg_word *w)
{
	const struct leg_events *ev = leg->ev;
	enum leg_step s = leg_expects(leg);
	struct env *env = leg->env;
	bool blame = !leg_was_stale(leg) && s != STEP_IDLE; /* between commands it may well go */
	char why[200];

	if (leg->dead)
		return;
	leg->dead = true;
	timer_stop(&leg->timer);
	snprintf(why, sizeof(why), "%s: %.*s", leg_step_name(s), STR_ARG(w->text));
	if (env->shm && blame)
		count_box(env->shm, env->slot, leg->box->shm, BC_failures, 1);
	if (leg_never_ready(leg) && env->shm && !leg->blameless) {
		log_warning("box %.*s of cluster %.*s: %s", STR_ARG(leg->box->row.boxid),
			    STR_ARG(leg->box->row.clusterid), why);
		boxes_failed(env->shm, leg->box->shm, loop_now(env->loop), why);
	}
	if (!ev) {
		legpool_lost(env->pool, leg);
		leg_abort(leg);
		return;
	}
	if (blame)
		legpool_box_failed(env->pool, leg->box);
	ev->failed(leg, w);
}

void leg_fail(struct leg *leg, int code, const char *enhanced, const char *fmt, ...)
{
	char text[160];
	struct leg_word w = { code, str_z(enhanced), { text, 0 } };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	w.text = str_z(text);
	fail(leg, &w);
}

void leg_fail_word(struct leg *leg, const struct leg_word *w)
{
	if (w->code / 100 == 4 || w->code / 100 == 5)
		fail(leg, w);
	else /* a yes to what was not asked is no yes */
		leg_fail(leg, 451, "4.5.0", "%d out of turn: %.*s", w->code, STR_ARG(w->text));
}

/* --- what is sent --- */

static int say(struct leg *leg, struct str a, struct str b, struct str c)
{
	leg->sent_at = loop_now(leg->env->loop);
	if (io_put(&leg->io, a) < 0 || io_put(&leg->io, b) < 0 || io_put(&leg->io, c) < 0) {
		leg_fail(leg, 451, "4.4.2", "box does not read");
		return -1;
	}
	return 0;
}

static int say_hello(struct leg *leg)
{
	struct str verb = leg->box->protocol == PROTO_LMTP ? STR("LHLO ") :
			  leg->helo_tried		    ? STR("HELO ") :
							      STR("EHLO ");

	return say(leg, verb, leg->box->cluster->host_name, STR("\r\n"));
}

static int say_mail(struct leg *leg)
{
	char params[80] = "";
	int n = 0;

	if (leg->mail.size && (leg->offer & OFFER_SIZE))
		n = snprintf(params, sizeof(params), " SIZE=%llu",
			     (unsigned long long)leg->mail.size);
	if (leg->mail.eight_bit && (leg->offer & OFFER_8BITMIME))
		snprintf(params + n, sizeof(params) - (size_t)n, " BODY=8BITMIME");
	leg->mail_state = MAIL_SENT;
	if (say(leg, STR("MAIL FROM:<"), leg->mail.reverse_path, STR(">")) < 0)
		return -1;
	return say(leg, str_z(params), STR("\r\n"), STR(""));
}

static int say_rcpt(struct leg *leg)
{
	struct leg_rcpt *r = &leg->rcpts[leg->rcpts_sent++];

	r->state = LR_SENT;
	return say(leg, STR("RCPT TO:<"), r->address, STR(">\r\n"));
}

static int say_rset(struct leg *leg)
{
	leg->rset_due = false;
	leg->rsets++;
	return say(leg, STR("RSET\r\n"), STR(""), STR(""));
}

static int say_data(struct leg *leg)
{
	leg->data_state = DATA_SENT;
	return say(leg, STR("DATA\r\n"), STR(""), STR(""));
}

/* What a ready box cannot take is refused here, before it is asked (RFC 6152 3, RFC 1870 6.1). */
static bool unfit(struct leg *leg)
{
	struct leg_word w = { 0, { NULL, 0 }, { NULL, 0 } };

	if (leg->mail.eight_bit && !(leg->offer & OFFER_8BITMIME))
		w = (struct leg_word){ 554, STR("5.6.3"), STR("box takes no 8-bit mail") };
	else if (leg->offer_size && leg->mail.size > leg->offer_size)
		w = (struct leg_word){ 552, STR("5.3.4"), STR("mail is too big for the box") };
	if (!w.code)
		return false;
	leg->mail_state = MAIL_REFUSED;
	leg->refusal_code = w.code;
	str_copy(leg->refusal, sizeof(leg->refusal), w.text);
	str_copy(leg->refusal_enhanced, sizeof(leg->refusal_enhanced), w.enhanced);
	return true;
}

/* The next thing to say: 1 said, 0 nothing, -1 failed. */
static int say_next(struct leg *leg)
{
	if (leg->rset_due)
		return say_rset(leg) < 0 ? -1 : 1;
	if (!leg->ev)
		return 0;
	if (leg->mail_state == MAIL_TODO && leg->n_rcpts > 0)
		return !unfit(leg) && say_mail(leg) < 0 ? -1 : 1;
	if ((leg->mail_state == MAIL_SENT || leg->mail_state == MAIL_OK) &&
	    leg->rcpts_sent < leg->n_rcpts)
		return say_rcpt(leg) < 0 ? -1 : 1;
	if (leg->data_state == DATA_TODO)
		return say_data(leg) < 0 ? -1 : 1;
	return 0;
}

/* Recipients that were not sent when MAIL was refused have their word already. */
static bool refuse_unsent(struct leg *leg)
{
	struct leg_word w = { leg->refusal_code, str_z(leg->refusal_enhanced), str_z(leg->refusal) };

	while (leg->ev && leg->mail_state == MAIL_REFUSED && leg->rcpts_heard == leg->rcpts_sent &&
	       leg->rcpts_sent < leg->n_rcpts) {
		unsigned i = leg->rcpts_sent++;

		leg->rcpts_heard++;
		leg->rcpts[i].state = LR_REFUSED;
		leg->ev->rcpt(leg, i, &w);
	}
	return leg->ev != NULL;
}

void leg_pump(struct leg *leg)
{
	bool pipelining = leg->offer & OFFER_PIPELINING;
	int said;

	if (leg->dead || leg->step != STEP_IDLE)
		return;
	do {
		if (!pipelining && leg_expects(leg) != STEP_IDLE)
			break;
		said = say_next(leg);
	} while (said > 0);
	if (leg->dead || (leg->ev && !refuse_unsent(leg)) || leg->dead)
		return;
	leg_await(leg);
}

/* --- what is heard --- */

void leg_greeted_by(struct leg *leg)
{
	leg->step = STEP_GREETING;
	leg_await(leg);
}

/* Servers that serve a long connection worse than a short one, known by a word of their greeting. */
static const struct {
	struct str word;
	unsigned uses;
} quirks[] = {
	{ STR_INIT(" Exim "), POOL_USES_EXIM },
};

static void heed_quirks(struct leg *leg, struct str greeting)
{
	leg->max_uses = POOL_USES;
	for (size_t i = 0; i < ARRAY_LEN(quirks); i++)
		if (memmem(greeting.p, greeting.n, quirks[i].word.p, quirks[i].word.n))
			leg->max_uses = quirks[i].uses;
}

static void got_greeting(struct leg *leg, const struct leg_word *w, const struct reply *r)
{
	if (w->code != 220) {
		leg_fail_word(leg, w);
		return;
	}
	heed_quirks(leg, r->raw);
	leg->step = STEP_HELLO;
	if (say_hello(leg) == 0)
		leg_await(leg);
}

static void leg_ready(struct leg *leg)
{
	struct env *env = leg->env;

	leg->step = STEP_IDLE;
	if (env->shm) {
		boxes_worked(env->shm, leg->box->shm);
		boxes_offer(env->shm, leg->box->shm, leg->offer, leg->offer_size);
	}
	leg_pump(leg);
}

static void got_hello(struct leg *leg, const struct leg_word *w, const struct reply *r)
{
	if (w->code == 250) {
		leg->offer = leg->helo_tried ? 0 : ehlo_offer(r, &leg->offer_size);
		leg_ready(leg);
	} else if (w->code / 100 == 5 && !leg->helo_tried && leg->box->protocol == PROTO_SMTP) {
		leg->helo_tried = true; /* RFC 5321 3.2: an old server */
		if (say_hello(leg) == 0)
			leg_await(leg);
	} else {
		leg_fail_word(leg, w);
	}
}

static void got_rset(struct leg *leg, const struct leg_word *w, const struct reply *r)
{
	(void)r;
	leg->rsets--;
	if (w->code != 250)
		leg_fail_word(leg, w);
	else
		leg_pump(leg);
}

static void got_mail(struct leg *leg, const struct leg_word *w, const struct reply *r)
{
	(void)r;
	if (w->code / 100 == 2) {
		leg->mail_state = MAIL_OK;
	} else {
		leg->mail_state = MAIL_REFUSED;
		leg->refusal_code = w->code;
		str_copy(leg->refusal, sizeof(leg->refusal), w->text);
		str_copy(leg->refusal_enhanced, sizeof(leg->refusal_enhanced), w->enhanced);
	}
	if (leg->mail_state == MAIL_REFUSED && leg->data_state != DATA_NONE)
		leg_fail_word(leg, w); /* rebuilding: its recipients are accepted already */
	else
		leg_pump(leg);
}

static void got_rcpt(struct leg *leg, const struct leg_word *w, const struct reply *r)
{
	unsigned i = leg->rcpts_heard++;
	struct leg_word refused = { leg->refusal_code, str_z(leg->refusal_enhanced),
				    str_z(leg->refusal) };

	(void)r;
	if (leg->mail_state == MAIL_REFUSED)
		w = &refused; /* the box only says "MAIL first" here */
	leg->rcpts[i].state = w->code / 100 == 2 ? LR_ACCEPTED : LR_REFUSED;
	if (leg->data_state != DATA_NONE) { /* rebuilding: these were accepted once */
		if (leg->rcpts[i].state == LR_REFUSED)
			leg_fail_word(leg, w);
		else
			leg_pump(leg);
		return;
	}
	leg->ev->rcpt(leg, i, w);
	if (leg->ev)
		leg_pump(leg);
}

static void got_data(struct leg *leg, const struct leg_word *w, const struct reply *r)
{
	(void)r;
	if (w->code != 354) {
		leg_fail_word(leg, w);
		return;
	}
	leg->data_state = DATA_GO;
	leg_await(leg);
	leg->ev->go(leg);
}

/* Answered before the end mark: whatever it says, it will not take this mail. */
static void got_early(struct leg *leg, const struct leg_word *w, const struct reply *r)
{
	(void)r;
	if (w->code / 100 == 4 || w->code / 100 == 5)
		leg_fail_word(leg, w);
	else
		leg_fail(leg, 451, "4.5.0", "box answered before the end of the mail");
}

/* The next recipient that the box owes a reply to the end mark. */
static bool end_owed(struct leg *leg)
{
	while (leg->ends_heard < leg->n_rcpts && leg->rcpts[leg->ends_heard].state != LR_ACCEPTED)
		leg->ends_heard++;
	return leg->ends_heard < leg->n_rcpts;
}

static void got_end(struct leg *leg, const struct leg_word *w, const struct reply *r)
{
	bool lmtp = leg->box->protocol == PROTO_LMTP;
	struct env *env = leg->env;

	(void)r;
	if (env->shm) {
		count_latency(env->shm, env->slot, leg->box->shm,
			      loop_now(env->loop) - leg->sent_at);
		count_box(env->shm, env->slot, leg->box->shm,
			  w->code / 100 == 2 ? BC_mails : BC_refused, 1);
	}
	legpool_box_worked(env->pool, leg->box);
	if (env->shm)
		boxes_worked(env->shm, leg->box->shm);
	while (end_owed(leg)) {
		leg->ev->end(leg, leg->ends_heard++, w);
		if (lmtp) /* answers once a recipient, in their order (RFC 2033 4.2) */
			break;
	}
	if (end_owed(leg)) {
		leg_await(leg);
		return;
	}
	leg->data_state = DATA_DONE;
	leg_await(leg);
	leg->ev->ended(leg);
}

static void got_idle(struct leg *leg, const struct leg_word *w, const struct reply *r)
{
	(void)r;
	leg_fail_word(leg, w);
}

/* One reply, however it was cut into packets. */
static void leg_reply(struct leg *leg, const struct reply *r)
{
	struct leg_word w = { r->code, r->enhanced, r->text };
	enum leg_step s = leg_expects(leg);
	bool closing = r->code == 421 && s != STEP_GREETING;

	/* 421 on a connection from the pool is its end, not a verdict. */
	if (closing) {
		leg_fail_word(leg, &w);
		return;
	}
	if (s != STEP_RSET && s != STEP_IDLE)
		leg->fresh = false;
	steps[s].got(leg, &w, r);
}

void leg_heard(struct leg *leg)
{
	struct reply r;
	size_t used;

	while (!leg->dead && io_is_open(&leg->io)) {
		switch (reply_parse(io_data(&leg->io), &r, &used)) {
		case PARSE_MORE:
			return;
		case PARSE_BAD:
			leg_fail(leg, 451, "4.5.0", "box does not speak SMTP");
			return;
		case PARSE_DONE:
			leg_reply(leg, &r);
			/* The reply's slices are no longer used; it goes only now. */
			if (!leg->dead && io_is_open(&leg->io))
				io_take(&leg->io, used);
			break;
		}
	}
}
