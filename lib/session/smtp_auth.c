#include "lib/session/smtp_auth.h"

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "shm/penalty.h"
#include "shm/sessions.h"

#define MOST_FALLOVERS 8

static void log_login(struct smtp_session *c, const char *what, const char *text)
{
	struct str box = c->with ? c->with->row.boxid : STR("-");
	char name[LOGIN_SHOWN];

	traffic_line(c->s.env->traffic, clock_wall_ms(), &c->s.peer.ip,
		     "%s login %s user=%s method=%s box=%.*s%s%s", c->s.sid, what,
		     login_shown(&c->login, name), c->login.method, STR_ARG(box),
		     text[0] ? " - " : "", text);
}

static void count(struct smtp_session *c, enum cluster_counter what)
{
	if (c->s.env->shm)
		count_cluster(c->s.env->shm, c->s.env->slot, c->s.cluster->shm, what, 1);
}

/* --- what the client sends --- */

static void give_up(struct smtp_session *c, const char *text)
{
	login_end(&c->login);
	smtp_enter(c, S_HELO);
	smtp_refuse(c, CC_refused_syntax, 501, "%s", text);
	smtp_error(c);
}

/* One step: base64 of the client. "=" is an empty initial response (RFC 4954 4). */
static void sasl_input(struct smtp_session *c, struct str b64)
{
	char raw[LIMIT_COMMAND_LINE];
	ptrdiff_t n = str_eq(b64, STR("=")) ? 0 : hash_unb64(b64, raw, sizeof(raw));

	if (n < 0) {
		give_up(c, "5.5.2 not base64");
	} else {
		smtp_enter(c, S_CHECK);
		login_sasl_step(&c->login, (struct str){ raw, (size_t)n });
	}
	explicit_bzero(raw, sizeof(raw)); /* of a bad line, too: the better part of a password */
}

void smtp_auth(struct smtp_session *c, struct str args)
{
	struct str mechanism;

	if (c->auth[0] || !c->esmtp) {
		smtp_refuse(c, CC_refused_syntax, 503, "5.5.1 %s",
			    c->auth[0] ? "you have logged in already" : "say EHLO first");
		smtp_error(c);
	} else if (args.n == 0 || !str_split(&args, ' ', &mechanism)) {
		smtp_refuse(c, CC_refused_syntax, 501, "5.5.4 AUTH wants one of " SASL_MECHANISMS);
		smtp_error(c);
	} else if (login_sasl(&c->login, mechanism) < 0) {
		smtp_refuse(c, CC_refused_syntax, 504, "5.5.4 mechanism unknown, there are "
						       SASL_MECHANISMS);
		smtp_error(c);
	} else if (args.n > 0) {
		sasl_input(c, args);
	} else {
		smtp_enter(c, S_CHECK);
		login_sasl_step(&c->login, STR(""));
	}
}

void smtp_auth_line(struct smtp_session *c, struct str line)
{
	if (str_eq(line, STR("*")))
		give_up(c, "5.7.0 AUTH cancelled");
	else
		sasl_input(c, line);
}

static void on_challenge(struct login *l, struct str bytes)
{
	struct smtp_session *c = container_of(l, struct smtp_session, login);
	char b64[LIMIT_COMMAND_LINE * 4 / 3 + 8];

	hash_b64(bytes, b64);
	smtp_enter(c, S_AUTH);
	smtp_reply(c, 334, "%s", b64);
	smtp_advance(c);
}

/* --- what comes of it --- */

static void back(struct smtp_session *c)
{
	login_end(&c->login);
	c->with = NULL;
	if (c->state == S_CLOSED)
		return;
	smtp_enter(c, S_HELO);
	smtp_advance(c);
}

static void logged_in(struct smtp_session *c)
{
	uint8_t sum[16];

	count(c, CC_logins);
	log_login(c, "ok", "");
	login_box_accepted(&c->login);
	str_copy(c->auth, sizeof(c->auth), str_z(c->login.name));
	if (c->s.env->shm && c->s.row >= 0) {
		session_account_hash(c->s.env->shm, str_z(c->auth), sum);
		session_row_account(c->s.env->shm, c->s.env->slot, c->s.row, sum);
	}
	smtp_reply(c, 235, "2.7.0 welcome");
	back(c);
}

static void refused(struct smtp_session *c)
{
	count(c, CC_refused_login);
	log_login(c, "refused", c->login.why);
	smtp_reply(c, 535, "5.7.8 wrong name or password");
	if (++c->failures < LIMIT_LOGIN_TRIES) {
		back(c);
		return;
	}
	smtp_reply(c, 421, "4.7.0 too many failed logins");
	smtp_bye(c, "too many failed logins");
}

/* Not the client's fault: it may try again later with the same password. */
static void put_off(struct smtp_session *c, const char *why)
{
	count(c, CC_refused_temporary);
	log_login(c, "put off", why);
	smtp_reply(c, 454, "4.7.0 logins cannot be checked now, try again later");
	back(c);
}

/* --- the box --- */

static void ask_box(struct smtp_session *c);

static void on_box(struct smtp_login *l, enum smtp_login_result r)
{
	struct smtp_session *c = container_of(l, struct smtp_session, box);

	if (r == SMTP_LOGIN_OK) {
		logged_in(c);
	} else if (r == SMTP_LOGIN_REFUSED) {
		login_box_refused(&c->login, l->text);
	} else if (++c->fallovers < MOST_FALLOVERS && l->box->fallover >= 0) {
		log_login(c, "tries another box", l->text);
		ask_box(c); /* this one is passed over now */
	} else {
		put_off(c, l->text);
	}
}

static void ask_box(struct smtp_session *c)
{
	struct env *env = c->s.env;
	struct topo_box *box = NULL;
	enum route_result res = env->ask->box(env, c->s.cluster, c->login.account.boxid, &box);

	if (res != ROUTE_OK || box == c->with) {
		put_off(c, res == ROUTE_NO_BOX ? "no password is stored, and the account's box is not "
						 "in this cluster" :
						 "no password is stored, and the account's box is not "
						 "in service");
		return;
	}
	c->with = box;
	smtp_login_start(&c->box, env, box, c->login.name, c->login.password, on_box);
}

static void on_login(struct login *l, enum login_result r)
{
	struct smtp_session *c = container_of(l, struct smtp_session, login);

	if (r == LOGIN_BAD) {
		refused(c);
	} else if (r == LOGIN_TEMP) {
		put_off(c, l->why);
	} else if (l->box_checks) {
		c->fallovers = 0;
		c->with = NULL;
		session_refresh(&c->s);
		ask_box(c);
	} else {
		logged_in(c);
	}
}

const struct login_events smtp_login_events = { .challenge = on_challenge, .done = on_login };
