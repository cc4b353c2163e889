/* The logins of POP3: the client's proof (login.h), then the box's word (pop3_login.h). */
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/session/patience.h"
#include "lib/session/pop3_server.h"
#include "lib/wire/pop3_line.h"
#include "shm/penalty.h"
#include "shm/sessions.h"

#define MOST_FALLOVERS 8

static void log_login(struct pop3_session *p, const char *what, const char *text)
{
	struct str box = p->with ? p->with->row.boxid : STR("-");
	char name[LOGIN_SHOWN];

	traffic_line(p->s.env->traffic, clock_wall_ms(), &p->s.peer.ip,
		     "%s login %s user=%s method=%s box=%.*s%s%s", p->s.sid, what,
		     login_shown(&p->login, name), p->login.method, STR_ARG(box),
		     text[0] ? " - " : "", text);
}

/* --- what the client sends --- */

void pop3_pass(struct pop3_session *p, struct str args)
{
	if (!p->user[0]) {
		pop3_bad(p, "say USER first");
		return;
	}
	pop3_enter(p, P_CHECK);
	login_password(&p->login, "USER", str_z(p->user), args);
	p->user[0] = '\0';
}

void pop3_apop(struct pop3_session *p, struct str args)
{
	uint8_t digest[16];
	struct str name;

	if (pop3_apop_parse(args, &name, digest) < 0) {
		pop3_bad(p, "APOP wants a name and 32 hex digits");
		return;
	}
	pop3_enter(p, P_CHECK);
	login_apop(&p->login, str_z(p->stamp), name, digest);
}

/* One step: base64 of the client. "=" is an empty initial response (RFC 5034 4). */
static void sasl_input(struct pop3_session *p, struct str b64)
{
	char raw[LIMIT_COMMAND_LINE];
	ptrdiff_t n = str_eq(b64, STR("=")) ? 0 : hash_unb64(b64, raw, sizeof(raw));

	if (n < 0) {
		login_end(&p->login);
		pop3_enter(p, P_AUTH);
		pop3_bad(p, "not base64");
		return;
	}
	pop3_enter(p, P_CHECK);
	login_sasl_step(&p->login, (struct str){ raw, (size_t)n });
	explicit_bzero(raw, sizeof(raw));
}

/* AUTH mechanism [initial-response]; bare AUTH lists them, as old clients ask. */
void pop3_auth(struct pop3_session *p, struct str args)
{
	struct str mechanism;

	if (args.n == 0) {
		pop3_bad(p, "AUTH wants one of: " SASL_MECHANISMS);
		return;
	}
	if (!str_split(&args, ' ', &mechanism) || login_sasl(&p->login, mechanism) < 0) {
		pop3_bad(p, "mechanism unknown; there are " SASL_MECHANISMS);
		return;
	}
	if (args.n > 0) {
		sasl_input(p, args);
		return;
	}
	pop3_enter(p, P_CHECK);
	login_sasl_step(&p->login, STR(""));
}

void pop3_auth_line(struct pop3_session *p, struct str line)
{
	if (str_eq(line, STR("*"))) {
		login_end(&p->login);
		pop3_enter(p, P_AUTH);
		pop3_bad(p, "AUTH cancelled");
		return;
	}
	sasl_input(p, line);
}

static void on_challenge(struct login *l, struct str bytes)
{
	struct pop3_session *p = container_of(l, struct pop3_session, login);
	char b64[LIMIT_COMMAND_LINE * 4 / 3 + 8];

	hash_b64(bytes, b64);
	pop3_enter(p, P_SASL);
	if (io_putf(&p->s.io, "+ %s\r\n", b64) < 0)
		pop3_end(p, "reads no replies");
	else
		pop3_advance(p);
}

/* --- failures --- */

/* Back to AUTH, or out when it was the last try. */
static void again(struct pop3_session *p)
{
	login_end(&p->login);
	p->with = NULL;
	if (p->state == P_CLOSED)
		return;
	if (++p->failures >= LIMIT_LOGIN_TRIES) {
		pop3_end(p, "too many failed logins");
		return;
	}
	pop3_enter(p, P_AUTH);
	pop3_advance(p);
}

static void login_failed(struct pop3_session *p)
{
	pop3_count(p, CC_refused_login, 1);
	log_login(p, "refused", p->login.why);
	pop3_err(p, "[AUTH] wrong name or password");
	again(p);
}

/* Not the client's fault: it may try again later with the same password. */
static void login_put_off(struct pop3_session *p, const char *why)
{
	pop3_count(p, CC_refused_temporary, 1);
	log_login(p, "put off", why);
	pop3_err(p, "[SYS/TEMP] the mailbox cannot be reached now, try again later");
	again(p);
}

/* --- the box --- */

static void on_tunnel_end(struct glue *g, enum glue_end why)
{
	static const char *const reasons[] = { "closed", "time-out", "client lost", "box lost" };

	pop3_end(container_of(g, struct pop3_session, glue), reasons[why]);
}

static void mark_row(struct pop3_session *p)
{
	uint8_t sum[16];

	if (!p->s.env->shm || p->s.row < 0)
		return;
	session_account_hash(p->s.env->shm, str_z(p->login.name), sum);
	session_row_account(p->s.env->shm, p->s.env->slot, p->s.row, sum);
	session_row_box(p->s.env->shm, p->s.env->slot, p->s.row, p->with->shm);
}

static void join(struct pop3_session *p)
{
	pop3_count(p, CC_logins, 1);
	log_login(p, "ok", "");
	mark_row(p);
	login_box_accepted(&p->login);
	pop3_ok(p, "%s", p->box.text);
	login_end(&p->login);
	if (p->state == P_CLOSED)
		return;
	io_flush(&p->s.io);
	p->before_in = p->s.io.bytes_in - io_data(&p->s.io).n;
	p->before_out = p->s.io.bytes_out;
	pop3_enter(p, P_TUNNEL);
	glue_join(&p->glue, &p->s.io, &p->box.io, patience(TIMEOUT_POP3_IDLE), on_tunnel_end);
}

/* Response codes that speak of the mailbox, not of the password: the client should see them. */
static bool speaks_of_mailbox(const char *text)
{
	static const char *const codes[] = { "[IN-USE]", "[LOGIN-DELAY]", "[SYS/" };

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (str_istarts(str_z(text), str_z(codes[i])))
			return true;
	return false;
}

static void box_refused(struct pop3_session *p)
{
	if (speaks_of_mailbox(p->box.text)) {
		log_login(p, "refused by box", p->box.text);
		pop3_count(p, CC_refused_box, 1);
		pop3_err(p, "%s", p->box.text);
		again(p);
	} else if (p->login.box_checks) {
		pop3_enter(p, P_CHECK);
		login_box_refused(&p->login, p->box.text);
	} else { /* our password was right, and the box does not know it */
		log_login(p, "refused by box", p->box.text);
		pop3_count(p, CC_refused_box, 1);
		pop3_err(p, "[SYS/PERM] the mailbox refuses the login; ask your administrator");
		again(p);
	}
}

static void to_box(struct pop3_session *p);

static void on_box(struct pop3_login *l, enum pop3_login_result r)
{
	struct pop3_session *p = container_of(l, struct pop3_session, box);

	if (r == POP3_LOGIN_OK) {
		join(p);
	} else if (r == POP3_LOGIN_REFUSED) {
		box_refused(p);
	} else if (++p->fallovers < MOST_FALLOVERS && p->with->fallover >= 0) {
		log_login(p, "tries another box", l->text);
		to_box(p); /* this one is passed over now */
	} else {
		login_put_off(p, l->text);
	}
}

static void to_box(struct pop3_session *p)
{
	struct env *env = p->s.env;
	struct topo_box *box = NULL, *before = (struct topo_box *)(uintptr_t)p->with;
	enum route_result res = env->ask->box(env, p->s.cluster, p->login.account.boxid, &box);

	if (res != ROUTE_OK || box == before) {
		login_put_off(p, res == ROUTE_NO_BOX ? "the account's box is not in this cluster" :
						       "box is not in service");
		return;
	}
	p->with = box;
	pop3_enter(p, P_JOIN);
	pop3_login_start(&p->box, env, box, p->login.name, p->login.password, p->utf8, on_box);
}

static void on_login(struct login *l, enum login_result r)
{
	struct pop3_session *p = container_of(l, struct pop3_session, login);

	if (r == LOGIN_BAD) {
		login_failed(p);
	} else if (r == LOGIN_TEMP) {
		login_put_off(p, p->login.why);
	} else {
		p->fallovers = 0;
		p->with = NULL;
		session_refresh(&p->s);
		to_box(p);
	}
}

const struct login_events pop3_login_events = { .challenge = on_challenge, .done = on_login };
