#include "lib/session/smtp_server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/session/patience.h"
#include "lib/session/settle.h"
#include "lib/session/smtp_auth.h"
#include "shm/sessions.h"

/* --- speaking --- */

static void put_line(struct smtp_session *c, int code, char sep, const char *fmt, va_list ap)
{
	char line[LIMIT_REPLY_LINE + 8];
	int n = snprintf(line, 5, "%03d%c", code, sep);
	int text = vsnprintf(line + n, LIMIT_REPLY_LINE, fmt, ap);
	int (*put)(struct io *io, struct str s);

	n += text < LIMIT_REPLY_LINE ? text : LIMIT_REPLY_LINE - 1;
	memcpy(line + n, "\r\n", 2);
	if (c->state == S_CLOSED)
		return;
	put = c->tarpit.holds ? io_hold : io_put;
	/* A client that reads nothing while it asks on and on. */
	if (put(&c->s.io, (struct str){ line, (size_t)n + 2 }) < 0)
		smtp_end(c, "reads no replies");
}

void smtp_reply(struct smtp_session *c, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(c, code, ' ', fmt, ap);
	va_end(ap);
}

void smtp_reply_more(struct smtp_session *c, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(c, code, '-', fmt, ap);
	va_end(ap);
}

/* Who has logged in is no stranger, and a failed login has a delay of its own. */
void smtp_hold_back(struct smtp_session *c, int code)
{
	if (code / 100 != 5 || !c->screen.judged || c->auth[0] || c->state == S_CLOSED ||
	    !tarpit_hold(&c->tarpit, &c->s))
		return;
	io_flush(&c->s.io); /* what was answered before is not held back with it */
	io_read(&c->s.io, false);
	timer_stop(&c->idle);
}

/* Not: failed logins, which have a delay of their own; other protocols, which end at once; mails as a whole,
 * and DATA without recipients: each of those that were refused has been heard late already, and a server
 * whose recipients were put off sends DATA behind them (RFC 2920 3.1). */
static bool is_held(enum cluster_counter why)
{
	return why != CC_refused_login && why != CC_refused_foreign && why != CC_refused_data;
}

void smtp_refuse(struct smtp_session *c, enum cluster_counter why, int code, const char *fmt, ...)
{
	struct env *env = c->s.env;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	traffic_line(env->traffic, clock_wall_ms(), &c->s.peer.ip, "%s refused - %d %s", c->s.sid,
		     code, text);
	if (env->shm)
		count_cluster(env->shm, env->slot, c->s.cluster->shm, why, 1);
	if (is_held(why))
		smtp_hold_back(c, code);
	smtp_reply(c, code, "%s", text);
}

/* --- the life of a session --- */

void smtp_enter(struct smtp_session *c, enum smtp_state s)
{
	c->state = s;
	if (s == S_BODY)
		pace_begin(&c->pace, c->s.cluster->row.data_min_bytes_per_s, c->s.io.bytes_in);
	else
		pace_end(&c->pace);
	if (s & (S_WAIT | S_END | S_CHECK))
		timer_stop(&c->idle); /* the boxes' and the verifier's time-outs rule */
	else if (s != S_CLOSED)
		timer_set(&c->idle, patience(s == S_BODY ? TIMEOUT_DATA_BLOCK : TIMEOUT_COMMAND));
}

static void on_reap(struct deferred *d)
{
	free(container_of(d, struct smtp_session, reap));
}

void smtp_end(struct smtp_session *c, const char *reason)
{
	if (c->state == S_CLOSED)
		return;
	smtp_enter(c, S_CLOSED);
	timer_stop(&c->idle);
	timer_stop(&c->deadline);
	screen_greeted(&c->screen);
	tarpit_end(&c->tarpit);
	transaction_free(&c->tx);
	login_end(&c->login);
	smtp_login_end(&c->box);
	session_end(&c->s, reason);
	loop_defer(c->s.env->loop, &c->reap);
}

void smtp_bye(struct smtp_session *c, const char *reason)
{
	io_flush(&c->s.io);
	smtp_end(c, reason);
}

void smtp_reset(struct smtp_session *c)
{
	if (c->tx && c->tx->policy.caught)
		c->screen.caught = true;
	transaction_free(&c->tx);
	if (c->state > S_HELO && c->state != S_CLOSED)
		smtp_enter(c, S_HELO);
}

void smtp_error(struct smtp_session *c)
{
	screen_error(&c->screen);
	if (++c->errors < LIMIT_BAD_COMMANDS || c->state == S_CLOSED)
		return;
	smtp_refuse(c, CC_refused_limit, 421, "4.7.0 too many errors");
	smtp_bye(c, "too many errors");
}

void smtp_foreign(struct smtp_session *c)
{
	smtp_refuse(c, CC_refused_foreign, 500, "5.5.1 this is an SMTP server");
	smtp_bye(c, "not SMTP");
}

/* --- lines --- */

static void bad_line(struct smtp_session *c, enum line_result why)
{
	if (c->state == S_AUTH) { /* it ends the login that waited for a line */
		login_end(&c->login);
		smtp_enter(c, S_HELO);
	}
	if (why == LINE_BARE)
		smtp_refuse(c, CC_refused_syntax, 500, "5.5.2 a line ends with CR LF");
	else if (why == LINE_NUL)
		smtp_refuse(c, CC_refused_syntax, 500, "5.5.2 NUL or CR within a line");
	else
		smtp_refuse(c, CC_refused_syntax, 500, "5.5.2 line too long");
	smtp_error(c);
}

/* Drops the rest of a line that was too long: it must not be taken for a command. */
static bool skip_line(struct smtp_session *c)
{
	struct str in = io_data(&c->s.io);
	ptrdiff_t lf = str_find(in, '\n');

	if (in.n == 0)
		return false;
	c->skipping = lf < 0;
	io_take(&c->s.io, lf < 0 ? in.n : (size_t)lf + 1);
	return true;
}

/* RCPTs may overtake the answers to others, up to as many as are remembered (a client must not
 * fill our memory while a box is slow) and as a mail may have (what is unanswered is not counted). */
static bool must_wait(const struct smtp_session *c, enum line_result res, struct str line)
{
	if (!c->tx || !transaction_waits(c->tx))
		return false;
	return res != LINE_OK || !smtp_may_overtake(line) || c->tx->n_recipients >= LIMIT_ASKED ||
	       transaction_full(c->tx);
}

/* One command of what has arrived: false when there is none, or it has to wait. */
static bool next_command(struct smtp_session *c)
{
	struct str line, in = io_data(&c->s.io);
	enum line_result res;
	size_t used;

	if (c->skipping)
		return skip_line(c);
	res = line_next(in, LIMIT_COMMAND_LINE, &line, &used);
	if (res == LINE_MORE)
		return false;
	if (must_wait(c, res, line))
		return false;
	c->skipping = res == LINE_LONG && in.p[used - 1] != '\n';
	if (res != LINE_OK)
		bad_line(c, res);
	else if (c->state == S_AUTH)
		smtp_auth_line(c, line);
	else
		smtp_command(c, line, in.n > used);
	if (c->state == S_CLOSED)
		return false;
	io_take(&c->s.io, used);
	return true;
}

/* --- the greeting, and what a client shows of itself --- */

static void greet(struct smtp_session *c)
{
	screen_greeted(&c->screen);
	smtp_enter(c, S_GREETED);
	smtp_reply(c, 220, "%.*s ESMTP", STR_ARG(c->s.cluster->host_name));
}

static void on_greet(struct timer *t)
{
	struct smtp_session *c = container_of(container_of(t, struct screen, greeting),
					      struct smtp_session, screen);

	greet(c);
	smtp_advance(c);
}

/* The first bytes: not SMTP, or too early? */
static void look_at_first_bytes(struct smtp_session *c)
{
	struct str in = io_data(&c->s.io);

	if (!(c->state & (S_PAUSE | S_GREETED)) || in.n == 0)
		return;
	if (screen_is_foreign(in)) {
		smtp_foreign(c);
	} else if (c->state == S_PAUSE) {
		screen_early(&c->screen, "before the greeting");
		greet(c);
	}
}

/* --- going on --- */

/* Between mails: whoever has to leave goes now. */
static bool leave(struct smtp_session *c)
{
	if (c->leaving && (c->state & (S_GREETED | S_HELO))) {
		smtp_reply(c, 421, "4.3.2 %s", c->farewell);
		smtp_bye(c, c->farewell);
		return true;
	}
	return false;
}

void smtp_advance(struct smtp_session *c)
{
	look_at_first_bytes(c);
	while (c->state & (S_ANY | S_AUTH)) {
		if (leave(c) || c->tarpit.holds || !next_command(c))
			break;
		if (c->state & (S_ANY | S_AUTH))
			timer_set(&c->idle, patience(TIMEOUT_COMMAND));
	}
	if (c->state == S_BODY)
		smtp_body(c);
	if (c->eof && !c->tarpit.holds && (c->state & (S_ANY | S_AUTH | S_PAUSE)) &&
	    !(c->tx && transaction_waits(c->tx)))
		smtp_end(c, "client closed");
}

static void on_io(struct io *io, enum io_event what)
{
	struct smtp_session *c = container_of(container_of(io, struct session, io),
					      struct smtp_session, s);

	switch (what) {
	case IO_DATA:
		smtp_advance(c);
		break;
	case IO_DRAINED:
		break;
	case IO_EOF: /* of its side: it may have sent all and wait for our answers */
		c->eof = true;
		if (c->state == S_END && c->tx)
			c->tx->client_gone = true;
		else if (c->state != S_WAIT)
			smtp_advance(c);
		break;
	case IO_FAILED:
		smtp_end(c, c->state & (S_WAIT | S_BODY) ? "client lost in mid-mail" :
							   strerror(io->error));
		break;
	}
}

/* --- time --- */

#define DEADLINE_AGAIN_MS 1000

static void count_timeout(struct smtp_session *c)
{
	if (c->s.env->shm)
		count_cluster(c->s.env->shm, c->s.env->slot, c->s.cluster->shm, CC_timeouts, 1);
}

static void on_idle(struct timer *t)
{
	struct smtp_session *c = container_of(t, struct smtp_session, idle);

	/* It is we who make it wait, or a box that is slow, and its own time-outs will tell. */
	if (c->tarpit.holds || (c->tx && (c->state == S_BODY ? c->tx->final > 0 : transaction_waits(c->tx)))) {
		timer_set(&c->idle, patience(TIMEOUT_COMMAND));
		return;
	}
	count_timeout(c);
	smtp_reply(c, 421, "4.4.2 time-out, closing");
	smtp_bye(c, c->state == S_BODY ? "time-out in data" : "time-out");
}

/* What was held back goes out, and what has come meanwhile is worked on. */
static void on_awake(struct tarpit *t)
{
	struct smtp_session *c = container_of(t, struct smtp_session, tarpit);

	io_flush(&c->s.io);
	io_read(&c->s.io, true);
	timer_set(&c->idle, patience(TIMEOUT_COMMAND));
	if (c->tx)
		smtp_answers(c);
	else
		smtp_advance(c);
}

static void on_slow(struct pace *p)
{
	struct smtp_session *c = container_of(p, struct smtp_session, pace);

	count_timeout(c);
	smtp_reply(c, 421, "4.4.2 the mail comes too slowly, closing");
	smtp_bye(c, "too slow in data");
}

static void on_deadline(struct timer *t)
{
	struct smtp_session *c = container_of(t, struct smtp_session, deadline);

	c->leaving = true;
	c->farewell = "session lasts too long";
	if (c->state & (S_GREETED | S_HELO)) {
		smtp_advance(c);
	} else if (c->state & (S_AUTH | S_MAIL | S_RCPT | S_BODY)) { /* nobody gets what trickles */
		count_timeout(c);
		smtp_reply(c, 421, "4.4.2 %s", c->farewell);
		smtp_bye(c, c->farewell);
	} else if (c->state == S_WAIT) { /* what comes of it may trickle, too */
		timer_set(&c->deadline, DEADLINE_AGAIN_MS);
	}
}

/* --- called by the worker --- */

static struct smtp_session *of(struct session *s)
{
	return container_of(s, struct smtp_session, s);
}

/* Red light. Behind the end marks the boxes' word is awaited: cutting then would double mails. */
static void on_cut(struct session *s, const char *why)
{
	struct smtp_session *c = of(s);

	if (c->state == S_END) {
		c->leaving = true;
		c->farewell = why;
		return;
	}
	smtp_reply(c, 421, "4.3.2 %s", why);
	smtp_bye(c, why);
}

static bool on_uses(const struct session *s, struct str clusterid, struct str boxid)
{
	const struct smtp_session *c = (const struct smtp_session *)(const void *)s;

	return c->tx && transaction_uses(c->tx, clusterid, boxid);
}

static void on_bell(struct session *s)
{
	struct smtp_session *c = of(s);

	if (c->tx)
		settle_bell(c->tx);
}

/* TERM: no new transaction; one under way is finished. */
static void on_drain(struct session *s)
{
	struct smtp_session *c = of(s);

	c->leaving = true;
	c->farewell = "service is stopping, come back in a moment";
	if (c->state & (S_GREETED | S_HELO))
		smtp_advance(c);
}

void smtp_session_start(struct env *env, const struct topo_cluster *cluster, int fd,
			const struct addr *peer)
{
	struct smtp_session *c = mem_zalloc(sizeof(*c));

	timer_init(&c->idle, env->loop, on_idle);
	timer_init(&c->deadline, env->loop, on_deadline);
	pace_init(&c->pace, env->loop, on_slow);
	deferred_init(&c->reap, on_reap);
	session_begin(&c->s, env, cluster, fd, peer, LIMIT_SESSION_IN, LIMIT_SESSION_OUT, on_io);
	c->s.cut = on_cut;
	c->s.uses = on_uses;
	c->s.bell = on_bell;
	c->s.drain = on_drain;
	login_init(&c->login, &c->s, &smtp_login_events);
	screen_init(&c->screen, &c->s, on_greet);
	tarpit_init(&c->tarpit, env, on_awake);
	timer_set(&c->deadline, decimal_s_ms(cluster->row.session_max_s));
	if (screen_pauses(&c->screen)) {
		smtp_enter(c, S_PAUSE);
		smtp_reply_more(c, 220, "%.*s ESMTP", STR_ARG(cluster->host_name));
	} else {
		greet(c);
	}
}
