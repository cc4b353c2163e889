#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/session/fanout.h"
#include "lib/session/patience.h"
#include "lib/session/smtp_server.h"
#include "shm/boxes.h"

static void on_answers(void *owner);
static void on_go(void *owner);
static void on_room(void *owner);
static void on_done(void *owner);

static const struct transaction_events tx_events = {
	.answers = on_answers,
	.go = on_go,
	.room = on_room,
	.done = on_done,
};

/* --- what we say we can --- */

/* Calls for each box of the cluster whose EHLO has been seen. */
static uint32_t offers_of(const struct smtp_session *c, uint64_t *size)
{
	const struct topo_cluster *cl = c->s.cluster;
	uint32_t all = ~0u;

	for (unsigned i = 0; i < cl->n_boxes && c->s.env->shm; i++) {
		uint32_t offer = 0;
		uint64_t box_size = 0;

		if (cl->boxes[i].light != LIGHT_GREEN)
			continue;
		boxes_get_offer(c->s.env->shm, cl->boxes[i].shm, &offer, &box_size);
		if (offer)
			all &= offer;
		if (box_size && box_size < *size)
			*size = box_size;
	}
	return all;
}

uint64_t smtp_size_limit(const struct smtp_session *c)
{
	uint64_t size = (uint64_t)c->s.cluster->row.max_mail_size_kb * 1024;

	offers_of(c, &size);
	return size;
}

bool smtp_offers_8bit(const struct smtp_session *c)
{
	uint64_t size = UINT64_MAX;

	return offers_of(c, &size) & OFFER_8BITMIME;
}

/* --- MAIL and RCPT --- */

static void bad_args(struct smtp_session *c, const char *verb, enum args_fault f,
		     enum address_fault af, const char *address_code)
{
	switch (f) {
	case ARGS_ADDRESS:
		smtp_refuse(c, CC_refused_syntax, 501, "%s %s", address_code, address_fault_text(af));
		break;
	case ARGS_PARAM:
		smtp_refuse(c, CC_refused_syntax, 555, "5.5.4 a parameter of %s is not known", verb);
		break;
	case ARGS_PARAM_VALUE:
		smtp_refuse(c, CC_refused_syntax, 501, "5.5.4 a parameter of %s has a bad value", verb);
		break;
	default:
		smtp_refuse(c, CC_refused_syntax, 501, "5.5.4 %s is not understood", verb);
		break;
	}
	smtp_error(c);
}

/* The line names the sender: who reads it wants to know whose mail that was. */
static void refuse_sender(struct smtp_session *c, struct str sender, const struct policy_refusal *no)
{
	struct env *env = c->s.env;

	traffic_line(env->traffic, clock_wall_ms(), &c->s.peer.ip, "%s refused from=<%.*s> - %d %s",
		     c->s.sid, STR_ARG(sender), no->code, no->text);
	if (env->shm)
		count_cluster(env->shm, env->slot, c->s.cluster->shm,
			      (enum cluster_counter)no->counter, 1);
	if (no->counter != CC_refused_login)
		smtp_hold_back(c, no->code);
	smtp_reply(c, no->code, "%s", no->text);
}

void smtp_mail(struct smtp_session *c, struct str args)
{
	struct mail_args m;
	enum address_fault af = ADDRESS_OK;
	enum args_fault f = mail_args_parse(args, &m, &af);
	const struct policy_refusal *no;

	session_refresh(&c->s);
	if (f != ARGS_OK) {
		bad_args(c, "MAIL", f, af, "5.1.7");
		return;
	}
	if (m.size > smtp_size_limit(c)) {
		smtp_refuse(c, CC_refused_data, 552, "5.3.4 mail is larger than %llu kB",
			    (unsigned long long)smtp_size_limit(c) / 1024);
		return;
	}
	if (!c->esmtp && (m.size || m.prdr || m.auth || m.body != BODY_7BIT)) {
		bad_args(c, "MAIL", ARGS_PARAM, af, "");
		return;
	}
	c->tx = transaction_new(&c->s, &m, &tx_events, c);
	no = policy_mail(&c->s, c->auth, c->tx->sender, &c->tx->arena, &c->tx->policy);
	if (no) {
		transaction_free(&c->tx);
		refuse_sender(c, m.reverse_path.full, no);
		return;
	}
	c->tx->policy.early = screen_refuses(&c->screen) && !c->auth[0];
	c->tx->policy.caught = c->screen.caught;
	smtp_enter(c, S_MAIL);
	smtp_reply(c, 250, "2.1.0 ok");
}

/* Log and answer of one RCPT. */
static void answer_rcpt(struct smtp_session *c, const struct recipient *r)
{
	const struct answer *a = &r->answer;

	if (a->code / 100 == 2) {
		if (c->state == S_MAIL)
			smtp_enter(c, S_RCPT);
	} else {
		traffic_line(c->s.env->traffic, clock_wall_ms(), &c->s.peer.ip,
			     "%.*s => %.*s refused - %d %.*s", STR_ARG(c->tx->mail.reverse_path),
			     STR_ARG(r->address), a->code, STR_ARG(a->text));
		smtp_hold_back(c, a->code);
	}
	smtp_reply(c, a->code, "%.*s", STR_ARG(a->text));
}

static void answer_rcpts(struct smtp_session *c)
{
	struct answer a;

	while (c->state != S_CLOSED && !c->tarpit.holds && transaction_answer(c->tx, &a))
		answer_rcpt(c, &c->tx->recipients[c->tx->answered - 1]);
}

/* Quotes, address literals, bangs, percent signs and a second @ tell a server where to send a
 * mail on. Nobody is sent on from here, and who asks for it hears so (RFC 5321 3.6.1, F.2). */
static bool asks_for_route(struct str args)
{
	size_t at = 0;

	for (size_t i = 0; i < args.n; i++) {
		if (args.p[i] && strchr("\"[!%", args.p[i]))
			return true;
		at += args.p[i] == '@';
	}
	return at > 1;
}

#define NO_ROUTES "5.7.1 relaying denied: no routes, quotes or literals in addresses"

static void bad_rcpt(struct smtp_session *c, struct str args, enum args_fault f, enum address_fault af)
{
	bool route = f == ARGS_ADDRESS && asks_for_route(args);

	/* Its answer would overtake those of the RCPTs before it: they keep their order. */
	if (transaction_waits(c->tx))
		transaction_rcpt_bad(c->tx, args, route ? 550 : 501,
				     route	       ? NO_ROUTES :
				     f == ARGS_ADDRESS ? "5.1.3 the address is not valid" :
							 "5.5.4 RCPT is not understood");
	else if (route)
		smtp_refuse(c, CC_refused_relay, 550, NO_ROUTES);
	else
		bad_args(c, "RCPT", f, af, "5.1.3");
}

void smtp_rcpt(struct smtp_session *c, struct str args)
{
	struct rcpt_args r;
	enum address_fault af = ADDRESS_OK;
	enum args_fault f = rcpt_args_parse(args, &r, &af);

	if (c->tx->n_recipients >= LIMIT_ASKED) { /* not remembered; nobody waits before it */
		smtp_refuse(c, CC_refused_limit, 452, "4.5.3 too many recipients");
		return;
	}
	if (f != ARGS_OK) {
		bad_rcpt(c, args, f, af);
		return;
	}
	if (!c->tx->policy.inside)
		screen_name(&c->screen);
	transaction_rcpt(c->tx, &r.forward_path);
	answer_rcpts(c);
}

void smtp_answers(struct smtp_session *c)
{
	answer_rcpts(c);
	if (c->state != S_CLOSED) /* the time that a box took is not the client's */
		timer_set(&c->idle, patience(TIMEOUT_COMMAND));
	if (c->state != S_CLOSED && !transaction_waits(c->tx))
		smtp_advance(c);
}

static void on_answers(void *owner)
{
	smtp_answers(owner);
}

/* --- DATA --- */

void smtp_data(struct smtp_session *c, struct str args)
{
	(void)args;
	if (c->tx->n_accepted == 0) {
		smtp_refuse(c, CC_refused_data, 554, "5.5.1 no valid recipients");
		return;
	}
	smtp_enter(c, S_WAIT);
	transaction_data(c->tx);
}

/* RFC 3848. */
static const char *protocol_name(const struct smtp_session *c)
{
	return c->auth[0] ? "ESMTPA" : c->esmtp ? "ESMTP" : "SMTP";
}

/* RFC 5321 4.4. Only what was checked stands here: helo passed helo_name_ok, addresses are
 * numeric, the recipient passed the grammar, and is named only when it is alone. */
static struct str received_field(struct smtp_session *c, char *dst, size_t cap)
{
	const struct transaction *tx = c->tx;
	char ip[ADDR_TEXT], date[40], clause[LIMIT_ADDRESS + 16] = "";
	int n;

	if (!c->s.cluster->row.received_header)
		return STR("");
	for (unsigned i = 0; i < tx->n_recipients && tx->n_recipients == 1; i++)
		snprintf(clause, sizeof(clause), "\r\n\tfor <%.*s>",
			 STR_ARG(tx->recipients[i].address));
	ip_text(&c->s.peer.ip, ip);
	clock_rfc5322(clock_wall_ms(), date);
	n = snprintf(dst, cap, "Received: from %s ([%s%s])\r\n\tby %.*s with %s id %s%s;\r\n\t%s\r\n",
		     c->helo[0] ? c->helo : "unknown", ip_is4(&c->s.peer.ip) ? "" : "IPv6:", ip,
		     STR_ARG(c->s.cluster->host_name), protocol_name(c), c->s.sid, clause, date);
	return (struct str){ dst, (size_t)n < cap ? (size_t)n : cap - 1 };
}

static void on_go(void *owner)
{
	struct smtp_session *c = owner;
	char received[1200];

	if (io_data(&c->s.io).n > 0)
		screen_early(&c->screen, "before the answer to DATA");
	fanout_start(c->tx, received_field(c, received, sizeof(received)));
	smtp_reply(c, 354, "Start mail input; end with <CRLF>.<CRLF>");
	if (c->state == S_CLOSED)
		return;
	smtp_enter(c, S_BODY);
	smtp_advance(c); /* an impatient client may have sent some already */
}

void smtp_body(struct smtp_session *c)
{
	timer_set(&c->idle, patience(TIMEOUT_DATA_BLOCK));
	fanout_pump(c->tx, &c->s.io);
	if (fanout_complete(c->tx) &&
	    (c->tx->state == TX_END || c->tx->state == TX_DONE || c->tx->state == TX_LEDGER))
		smtp_enter(c, S_END);
	if (c->state == S_BODY) /* what a box has not taken yet is not the client's delay */
		pace_note(&c->pace, c->s.io.bytes_in, c->tx->final == 0 && !fanout_complete(c->tx));
	if (c->eof && !fanout_complete(c->tx))
		smtp_end(c, "client left in mid-mail");
	else if (c->eof)
		c->tx->client_gone = true; /* it may still read; else the ledger helps */
}

static void on_room(void *owner)
{
	struct smtp_session *c = owner;

	if (c->state == S_BODY)
		smtp_body(c);
}

/* The answer to the whole mail, or to DATA when no box would take it. */
static void final_answer(struct smtp_session *c)
{
	const struct transaction *tx = c->tx;

	if (tx->scan.seen & (DATA_BARE_LF | DATA_BARE_CR))
		screen_error(&c->screen);
	if (tx->n_prdr > 0) {
		/* Who is cut off here sends a mail again that boxes have taken. */
		c->s.io.out.max = LIMIT_SESSION_OUT + (size_t)tx->n_prdr * (OUTCOME_TEXT + 32);
		smtp_reply(c, 353, "each recipient has its own answer");
	}
	for (unsigned i = 0; i < tx->n_prdr && c->state != S_CLOSED; i++)
		smtp_reply(c, tx->prdr_answers[i].code, "%.*s",
			   STR_ARG(tx->prdr_answers[i].text));
	if (tx->n_prdr == 0 && tx->answer.code / 100 != 2 && tx->digest_hex[0] == '\0')
		smtp_refuse(c, CC_refused_data, tx->answer.code, "%.*s",
			    STR_ARG(tx->answer.text));
	else
		smtp_reply(c, tx->answer.code, "%.*s", STR_ARG(tx->answer.text));
}

static void on_done(void *owner)
{
	struct smtp_session *c = owner;
	bool hang_up = c->tx->hang_up;

	final_answer(c);
	if (c->state == S_CLOSED)
		return;
	smtp_reset(c);
	if (hang_up)
		smtp_bye(c, "mail without end");
	else
		smtp_advance(c);
}
