#include "lib/session/smtp_login.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/hash.h"
#include "lib/base/limits.h"
#include "lib/session/patience.h"
#include "lib/wire/reply.h"
#include "shm/boxes.h"
#include "shm/counters.h"

enum { STEP_CONNECT, STEP_GREETING, STEP_EHLO, STEP_PLAIN, STEP_LOGIN, STEP_NAME, STEP_PASSWORD };

#define B64_MAX ((LIMIT_ADDRESS + LIMIT_PASSWORD + 2 + 2) / 3 * 4 + 1)

typedef void say_step(struct smtp_login *l);
static say_step say_ehlo, say_plain, say_login, say_name, say_password;

/* What is said, how long its answer may take, the code that leads on, and to which step;
 * 0: the login is right. */
static const struct step {
	const char *name;
	say_step *say;
	int64_t timeout_ms;
	int code;
	unsigned next;
} steps[] = {
	[STEP_CONNECT] = { "connect", NULL, 0, 0, STEP_GREETING },
	[STEP_GREETING] = { "greeting", NULL, TIMEOUT_BOX_GREETING, 220, STEP_EHLO },
	[STEP_EHLO] = { "EHLO", say_ehlo, TIMEOUT_BOX_GREETING, 250, STEP_PLAIN },
	[STEP_PLAIN] = { "AUTH PLAIN", say_plain, TIMEOUT_POP3_LOGIN, 235, 0 },
	[STEP_LOGIN] = { "AUTH LOGIN", say_login, TIMEOUT_POP3_LOGIN, 334, STEP_NAME },
	[STEP_NAME] = { "AUTH LOGIN, name", say_name, TIMEOUT_POP3_LOGIN, 334, STEP_PASSWORD },
	[STEP_PASSWORD] = { "AUTH LOGIN, password", say_password, TIMEOUT_POP3_LOGIN, 235, 0 },
};

static void count(struct smtp_login *l, enum box_counter c, int64_t delta)
{
	if (l->env->shm)
		count_box(l->env->shm, l->env->slot, l->box->shm, c, delta);
}

/* --- its end --- */

void smtp_login_end(struct smtp_login *l)
{
	if (!l->env)
		return;
	dial_cancel(&l->dial);
	timer_stop(&l->timer);
	deferred_cancel(&l->report);
	if (l->io.ops)
		io_close(&l->io);
	if (l->counted && l->step <= STEP_GREETING) /* without it, another may try the box */
		boxes_given_up(l->env->shm, l->box->shm);
	if (l->counted)
		count(l, BC_sessions, -1);
	l->counted = false;
}

static void report(struct smtp_login *l, enum smtp_login_result r)
{
	if (l->step > STEP_GREETING && io_is_open(&l->io) && io_put(&l->io, STR("QUIT\r\n")) == 0)
		io_flush(&l->io); /* a courtesy; nobody waits for the answer */
	smtp_login_end(l);
	l->done(l, r);
}

static void failed(struct smtp_login *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void failed(struct smtp_login *l, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(l->text, sizeof(l->text), "%s, while=\"%s\"", text, steps[l->step].name);
	count(l, BC_failures, 1);
	/* Behind the greeting it may be this login alone; nobody else is to suffer for it. */
	if (l->env->shm && l->step <= STEP_GREETING && !l->blameless)
		boxes_failed(l->env->shm, l->box->shm, loop_now(l->env->loop), l->text);
	report(l, SMTP_LOGIN_FAILED);
}

/* --- what is said --- */

static void say(struct smtp_login *l, const char *verb, const char *arg)
{
	/* The out buffer is empty and larger than any of these lines. */
	if (io_putf(&l->io, "%s%s\r\n", verb, arg) < 0)
		failed(l, "box takes no command");
}

static void say_ehlo(struct smtp_login *l)
{
	struct str host = l->box->cluster->host_name;

	if (io_putf(&l->io, "EHLO %.*s\r\n", STR_ARG(host)) < 0)
		failed(l, "box takes no command");
}

/* RFC 4616 2: authorization identity (none), NUL, name, NUL, password. */
static void say_plain(struct smtp_login *l)
{
	char raw[LIMIT_ADDRESS + LIMIT_PASSWORD + 2], b64[B64_MAX];
	size_t name = strlen(l->name), password = strlen(l->password);

	raw[0] = '\0';
	memcpy(raw + 1, l->name, name);
	raw[name + 1] = '\0';
	memcpy(raw + name + 2, l->password, password);
	hash_b64((struct str){ raw, name + password + 2 }, b64);
	say(l, "AUTH PLAIN ", b64);
	explicit_bzero(raw, sizeof(raw));
	explicit_bzero(b64, sizeof(b64));
}

static void say_login(struct smtp_login *l)
{
	say(l, "AUTH LOGIN", "");
}

static void say_b64(struct smtp_login *l, const char *text)
{
	char b64[B64_MAX];

	hash_b64(str_z(text), b64);
	say(l, b64, "");
	explicit_bzero(b64, sizeof(b64));
}

static void say_name(struct smtp_login *l)
{
	say_b64(l, l->name);
}

static void say_password(struct smtp_login *l)
{
	say_b64(l, l->password);
}

static void enter(struct smtp_login *l, unsigned step)
{
	l->step = step;
	timer_set(&l->timer, patience(steps[step].timeout_ms));
	if (steps[step].say)
		steps[step].say(l);
}

/* --- what is heard --- */

/* One that offers no login cannot be asked: the administrator's to mend. */
static unsigned by_offer(uint32_t offer)
{
	return offer & OFFER_AUTH_PLAIN ? STEP_PLAIN : offer & OFFER_AUTH_LOGIN ? STEP_LOGIN : 0;
}

/* l->text has the words. Only a 5xx to the login itself is the box's no. */
static void refused(struct smtp_login *l, int code)
{
	char text[160];

	if (l->step > STEP_EHLO && code / 100 == 5) {
		count(l, BC_refused, 1);
		report(l, SMTP_LOGIN_REFUSED);
		return;
	}
	str_copy(text, sizeof(text), str_z(l->text));
	failed(l, "box says %d %s", code, text);
}

/* offer: of a reply to EHLO. */
static void heard(struct smtp_login *l, int code, uint32_t offer)
{
	const struct step *s = &steps[l->step];
	unsigned next = l->step == STEP_EHLO ? by_offer(offer) : s->next;

	if (code != s->code) {
		refused(l, code);
	} else if (next > 0) {
		if (l->step == STEP_GREETING && l->env->shm) /* whatever becomes of this login */
			boxes_worked(l->env->shm, l->box->shm);
		enter(l, next);
	} else if (l->step == STEP_EHLO) {
		failed(l, "box offers neither AUTH PLAIN nor AUTH LOGIN");
	} else {
		count(l, BC_logins, 1);
		report(l, SMTP_LOGIN_OK);
	}
}

static void on_io(struct io *io, enum io_event what)
{
	struct smtp_login *l = container_of(io, struct smtp_login, io);
	struct reply r;
	uint64_t size;
	uint32_t offer;
	size_t used;

	if (what == IO_DRAINED)
		return;
	if (what == IO_EOF) {
		failed(l, "box closed the connection");
		return;
	}
	if (what == IO_FAILED) {
		failed(l, "%s", strerror(io->error));
		return;
	}
	switch (reply_parse(io_data(io), &r, &used)) {
	case PARSE_MORE:
		break;
	case PARSE_BAD:
		failed(l, "box does not speak SMTP");
		break;
	case PARSE_DONE:
		if (io_data(io).n > used) {
			failed(l, "box speaks out of turn");
			break;
		}
		reply_clean(l->text, sizeof(l->text), r.text);
		offer = ehlo_offer(&r, &size);
		io_take(&l->io, used);
		heard(l, r.code, offer);
		break;
	}
}

/* --- the connection --- */

static void on_timeout(struct timer *t)
{
	failed(container_of(t, struct smtp_login, timer), "time-out");
}

static void on_dial(struct dial *d, int fd, int error)
{
	struct smtp_login *l = container_of(d, struct smtp_login, dial);

	if (error) {
		l->blameless = dial_own_trouble(error);
		failed(l, "%s", strerror(error));
		return;
	}
	l->env->ask->leg_io(l->env, &l->io, fd, on_io);
	enter(l, STEP_GREETING);
}

static void on_full(struct deferred *d)
{
	report(container_of(d, struct smtp_login, report), SMTP_LOGIN_FAILED);
}

void smtp_login_start(struct smtp_login *l, struct env *env, const struct topo_box *box,
		      const char *name, const char *password,
		      void (*done)(struct smtp_login *l, enum smtp_login_result r))
{
	memset(l, 0, sizeof(*l));
	l->env = env;
	l->box = box;
	l->name = name;
	l->password = password;
	l->done = done;
	timer_init(&l->timer, env->loop, on_timeout);
	deferred_init(&l->report, on_full);
	if (env->shm && !take_box_session(env->shm, env->slot, box->shm,
					  (uint64_t)box->row.max_sessions)) {
		str_copy(l->text, sizeof(l->text), STR("box has as many sessions as it may"));
		loop_defer(env->loop, &l->report);
		return;
	}
	l->counted = env->shm != NULL;
	count(l, BC_sessions_total, 1);
	env->ask->dial(env, &l->dial, box, on_dial);
}
