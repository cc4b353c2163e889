#include "lib/session/pop3_server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/session/patience.h"
#include "lib/wire/pop3_line.h"
#include "lib/wire/smtp_line.h"

/* --- speaking --- */

static void put_line(struct pop3_session *p, const char *sign, const char *fmt, va_list ap)
{
	char text[LIMIT_REPLY_LINE];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (p->state == P_CLOSED || p->state == P_TUNNEL)
		return;
	if (io_putf(&p->s.io, "%s%s%s\r\n", sign, text[0] && sign[0] ? " " : "", text) < 0)
		pop3_end(p, "reads no replies");
}

void pop3_ok(struct pop3_session *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(p, "+OK", fmt, ap);
	va_end(ap);
}

void pop3_err(struct pop3_session *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(p, "-ERR", fmt, ap);
	va_end(ap);
}

static void pop3_line(struct pop3_session *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void pop3_line(struct pop3_session *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(p, "", fmt, ap);
	va_end(ap);
}

void pop3_count(struct pop3_session *p, enum cluster_counter c, int64_t delta)
{
	if (p->s.env->shm)
		count_cluster(p->s.env->shm, p->s.env->slot, p->s.cluster->shm, c, delta);
}

/* --- its life --- */

void pop3_enter(struct pop3_session *p, enum pop3_state s)
{
	p->state = s;
	if (s == P_AUTH || s == P_SASL)
		timer_set(&p->idle, patience(TIMEOUT_POP3_LOGIN));
	else
		timer_stop(&p->idle); /* others' time-outs rule */
	if (s == P_TUNNEL || s == P_CLOSED)
		timer_stop(&p->deadline);
}

static void on_reap(struct deferred *d)
{
	free(container_of(d, struct pop3_session, reap));
}

void pop3_end(struct pop3_session *p, const char *reason)
{
	bool tunnel = p->state == P_TUNNEL;

	if (p->state == P_CLOSED)
		return;
	pop3_enter(p, P_CLOSED);
	if (tunnel) {
		glue_cut(&p->glue);
		p->s.io.bytes_in = p->before_in + p->glue.a_to_b;
		p->s.io.bytes_out = p->before_out + p->glue.b_to_a;
	} else {
		io_flush(&p->s.io);
	}
	login_end(&p->login);
	pop3_login_end(&p->box);
	session_end(&p->s, reason);
	loop_defer(p->s.env->loop, &p->reap);
}

/* --- verbs --- */

typedef void verb_handler(struct pop3_session *p, struct str args);

void pop3_bad(struct pop3_session *p, const char *text)
{
	pop3_err(p, "%s", text);
	pop3_count(p, CC_refused_syntax, 1);
	if (++p->errors >= LIMIT_BAD_COMMANDS)
		pop3_end(p, "too many errors");
}

static void v_capa(struct pop3_session *p, struct str args)
{
	static const char *const offers[] = { "TOP", "UIDL", "USER", "UTF8", "RESP-CODES",
					      "AUTH-RESP-CODE", ("SASL " SASL_MECHANISMS) };

	(void)args;
	pop3_ok(p, "what we can");
	for (size_t i = 0; i < ARRAY_LEN(offers); i++)
		pop3_line(p, "%s", offers[i]);
	pop3_line(p, "IMPLEMENTATION protobalance");
	pop3_line(p, ".");
}

static void v_user(struct pop3_session *p, struct str args)
{
	if (args.n == 0) {
		pop3_bad(p, "USER wants your e-mail address");
		return;
	}
	/* Longer ones exist nowhere: kept cut, they fit no account. */
	str_copy(p->user, sizeof(p->user), args);
	pop3_ok(p, "%s", "");
}

static void v_utf8(struct pop3_session *p, struct str args)
{
	(void)args;
	p->utf8 = true;
	pop3_ok(p, "UTF8 is on");
}

static void v_quit(struct pop3_session *p, struct str args)
{
	(void)args;
	pop3_ok(p, "bye");
	pop3_end(p, "quit");
}

static void v_noop(struct pop3_session *p, struct str args)
{
	(void)args;
	pop3_ok(p, "%s", "");
}

static const struct verb {
	struct str name;
	verb_handler *run;
} verbs[] = {
	{ STR_INIT("CAPA"), v_capa },	 { STR_INIT("USER"), v_user },
	{ STR_INIT("PASS"), pop3_pass }, { STR_INIT("APOP"), pop3_apop },
	{ STR_INIT("AUTH"), pop3_auth }, { STR_INIT("UTF8"), v_utf8 },
	{ STR_INIT("NOOP"), v_noop },	 { STR_INIT("QUIT"), v_quit },
};

static void command(struct pop3_session *p, struct str line)
{
	struct pop3_line l;

	pop3_line_split(line, &l);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (str_ieq(verbs[i].name, l.verb)) {
			verbs[i].run(p, l.args);
			return;
		}
	}
	pop3_bad(p, "command unknown, or it needs a login first");
}

/* --- lines --- */

/* What is wrong with a line's form; LINE_BARE is forgiven: scripts with netcat end lines so. */
static void bad_line(struct pop3_session *p, enum line_result why)
{
	pop3_bad(p, why == LINE_LONG ? "line too long" : "NUL or CR within a line");
	if (why == LINE_LONG) /* its rest must not be taken for a command */
		pop3_end(p, "line too long");
}

static bool next_line(struct pop3_session *p)
{
	struct str line;
	size_t used;
	enum line_result res = line_next(io_data(&p->s.io), LIMIT_COMMAND_LINE, &line, &used);

	if (res == LINE_MORE)
		return false;
	if (res == LINE_LONG || res == LINE_NUL)
		bad_line(p, res);
	else if (p->state == P_SASL)
		pop3_auth_line(p, line);
	else
		command(p, line);
	if (p->state == P_CLOSED)
		return false;
	io_take(&p->s.io, used);
	return true;
}

void pop3_advance(struct pop3_session *p)
{
	while (p->state == P_AUTH || p->state == P_SASL) {
		if (p->leaving) {
			pop3_err(p, "[SYS/TEMP] %s", p->farewell);
			pop3_end(p, p->farewell);
		} else if (!next_line(p)) {
			break;
		}
	}
	if (p->eof && (p->state == P_AUTH || p->state == P_SASL))
		pop3_end(p, "client closed");
}

static void on_io(struct io *io, enum io_event what)
{
	struct pop3_session *p = container_of(container_of(io, struct session, io),
					      struct pop3_session, s);

	if (what == IO_FAILED) {
		pop3_end(p, strerror(io->error));
	} else if (what != IO_DRAINED) {
		p->eof |= what == IO_EOF;
		pop3_advance(p);
	}
}

static void on_idle(struct timer *t)
{
	struct pop3_session *p = container_of(t, struct pop3_session, idle);

	pop3_count(p, CC_timeouts, 1);
	pop3_err(p, "[SYS/TEMP] time-out, closing");
	pop3_end(p, "time-out");
}

/* A login that is being checked is answered first. */
static void on_deadline(struct timer *t)
{
	struct pop3_session *p = container_of(t, struct pop3_session, deadline);

	pop3_count(p, CC_timeouts, 1);
	p->leaving = true;
	p->farewell = "no login for too long";
	pop3_advance(p);
}

/* --- called by the worker --- */

static struct pop3_session *of(struct session *s)
{
	return container_of(s, struct pop3_session, s);
}

/* Within a tunnel nothing may be said: we do not know where in an answer the box is. */
static void on_cut(struct session *s, const char *why)
{
	pop3_err(of(s), "[SYS/TEMP] %s", why);
	pop3_end(of(s), why);
}

static bool on_uses(const struct session *s, struct str clusterid, struct str boxid)
{
	const struct pop3_session *p = (const struct pop3_session *)(const void *)s;

	if (!str_eq(s->cluster->row.clusterid, clusterid))
		return false;
	return p->with && str_eq(p->with->row.boxid, boxid);
}

/* TERM: a mailbox that is being read may be read to its end. */
static void on_drain(struct session *s)
{
	of(s)->leaving = true;
	of(s)->farewell = "service is stopping, come back in a moment";
	pop3_advance(of(s));
}

/* Unique in time and place: RFC 1939 7. */
static void make_stamp(struct pop3_session *p)
{
	uint8_t noise[8];
	char hex[17];

	hash_random(noise, sizeof(noise));
	hash_hex(noise, sizeof(noise), hex);
	snprintf(p->stamp, sizeof(p->stamp), "<%s.%lld@%.*s>", hex, (long long)clock_wall_ms(),
		 STR_ARG(p->s.cluster->host_name));
}

void pop3_session_start(struct env *env, const struct topo_cluster *cluster, int fd,
			const struct addr *peer)
{
	struct pop3_session *p = mem_zalloc(sizeof(*p));

	timer_init(&p->idle, env->loop, on_idle);
	timer_init(&p->deadline, env->loop, on_deadline);
	deferred_init(&p->reap, on_reap);
	session_begin(&p->s, env, cluster, fd, peer, LIMIT_SESSION_IN, LIMIT_SESSION_OUT, on_io);
	p->s.cut = on_cut;
	p->s.uses = on_uses;
	p->s.drain = on_drain;
	login_init(&p->login, &p->s, &pop3_login_events);
	pop3_enter(p, P_AUTH);
	timer_set(&p->deadline, decimal_s_ms(cluster->row.session_max_s));
	make_stamp(p);
	pop3_ok(p, "%s", p->stamp);
}
