#include "lib/session/pop3_login.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/limits.h"
#include "lib/session/patience.h"
#include "lib/wire/reply.h"
#include "shm/boxes.h"
#include "shm/counters.h"

enum { STEP_CONNECT, STEP_GREETING, STEP_UTF8, STEP_USER, STEP_PASS, STEP_COUNT };

/* What is sent, how long its answer may take, and what a -ERR to it means. UTF8 is asked for as
 * the client did; a box that has it not gives mail as it always did. */
static const struct step {
	const char *name;
	const char *verb; /* NULL: nothing is sent */
	int64_t timeout_ms;
	enum pop3_login_result refused;
} steps[STEP_COUNT] = {
	[STEP_CONNECT] = { "connect", NULL, 0, POP3_LOGIN_FAILED },
	[STEP_GREETING] = { "greeting", NULL, TIMEOUT_BOX_GREETING, POP3_LOGIN_FAILED },
	[STEP_UTF8] = { "UTF8", "UTF8", TIMEOUT_POP3_LOGIN, POP3_LOGIN_OK },
	[STEP_USER] = { "USER", "USER ", TIMEOUT_POP3_LOGIN, POP3_LOGIN_REFUSED },
	[STEP_PASS] = { "PASS", "PASS ", TIMEOUT_POP3_LOGIN, POP3_LOGIN_REFUSED },
};

const char *pop3_login_step(const struct pop3_login *l)
{
	return steps[l->step].name;
}

static void count(struct pop3_login *l, enum box_counter c, int64_t delta)
{
	if (l->env->shm)
		count_box(l->env->shm, l->env->slot, l->box->shm, c, delta);
}

/* --- its end --- */

static void report(struct pop3_login *l, enum pop3_login_result r)
{
	timer_stop(&l->timer);
	l->result = r;
	if (r != POP3_LOGIN_OK)
		pop3_login_end(l);
	l->done(l, r);
}

static void failed(struct pop3_login *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void failed(struct pop3_login *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->text, sizeof(l->text), fmt, ap);
	va_end(ap);
	count(l, BC_failures, 1);
	/* Behind the greeting it may be this mailbox alone; nobody else is to suffer for it. */
	if (l->env->shm && l->step <= STEP_GREETING && !l->blameless)
		boxes_failed(l->env->shm, l->box->shm, loop_now(l->env->loop), l->text);
	report(l, POP3_LOGIN_FAILED);
}

void pop3_login_end(struct pop3_login *l)
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

/* --- the dialogue --- */

static void say(struct pop3_login *l)
{
	const struct step *s = &steps[l->step];
	const char *arg = l->step == STEP_USER ? l->name : l->step == STEP_PASS ? l->password : "";

	l->sent_at = loop_now(l->env->loop);
	timer_set(&l->timer, patience(s->timeout_ms));
	/* The out buffer is empty and larger than name and password may be. */
	if (s->verb && io_putf(&l->io, "%s%s\r\n", s->verb, arg) < 0)
		failed(l, "box takes no command");
}

static void next_step(struct pop3_login *l)
{
	if (l->step == STEP_GREETING && l->env->shm) /* whatever becomes of this login */
		boxes_worked(l->env->shm, l->box->shm);
	l->step++;
	if (l->step == STEP_UTF8 && !l->utf8)
		l->step++;
	say(l);
}

static void logged_in(struct pop3_login *l)
{
	struct shm *shm = l->env->shm;

	if (shm)
		count_latency(shm, l->env->slot, l->box->shm, loop_now(l->env->loop) - l->sent_at);
	count(l, BC_logins, 1);
	report(l, POP3_LOGIN_OK);
}

static void refused(struct pop3_login *l, enum pop3_login_result r)
{
	if (r == POP3_LOGIN_FAILED) {
		char text[sizeof(l->text)];

		memcpy(text, l->text, sizeof(text));
		failed(l, "box refuses at the %s: %.160s", pop3_login_step(l), text);
		return;
	}
	count(l, BC_refused, 1);
	report(l, r);
}

static void heard(struct pop3_login *l, const struct pop3_reply *r, size_t used)
{
	reply_clean(l->text, sizeof(l->text), r->text);
	io_take(&l->io, used);
	if (!r->ok && steps[l->step].refused != POP3_LOGIN_OK)
		refused(l, steps[l->step].refused);
	else if (l->step == STEP_PASS)
		logged_in(l);
	else
		next_step(l);
}

static void on_io(struct io *io, enum io_event what)
{
	struct pop3_login *l = container_of(io, struct pop3_login, io);
	struct pop3_reply r;
	size_t used;

	if (what == IO_DRAINED)
		return;
	if (what == IO_EOF) {
		failed(l, "box closed the connection, while=\"%s\"", pop3_login_step(l));
		return;
	}
	if (what == IO_FAILED) {
		failed(l, "%s, while=\"%s\"", strerror(io->error), pop3_login_step(l));
		return;
	}
	switch (pop3_reply_parse(io_data(io), &r, &used)) {
	case PARSE_MORE:
		break;
	case PARSE_BAD:
		failed(l, "box does not speak POP3, while=\"%s\"", pop3_login_step(l));
		break;
	case PARSE_DONE:
		/* Behind the answer to PASS comes the client's mail, before it nothing may. */
		if (l->step != STEP_PASS && io_data(io).n > used) {
			failed(l, "box speaks out of turn, while=\"%s\"", pop3_login_step(l));
			break;
		}
		heard(l, &r, used);
		break;
	}
}

/* --- the connection --- */

static void on_timeout(struct timer *t)
{
	struct pop3_login *l = container_of(t, struct pop3_login, timer);

	failed(l, "time-out, while=\"%s\"", pop3_login_step(l));
}

static void on_dial(struct dial *d, int fd, int error)
{
	struct pop3_login *l = container_of(d, struct pop3_login, dial);

	if (error) {
		l->blameless = dial_own_trouble(error);
		failed(l, "%s, while=\"connect\"", strerror(error));
		return;
	}
	l->env->ask->leg_io(l->env, &l->io, fd, on_io);
	next_step(l);
}

static void on_full(struct deferred *d)
{
	report(container_of(d, struct pop3_login, report), POP3_LOGIN_FAILED);
}

void pop3_login_start(struct pop3_login *l, struct env *env, const struct topo_box *box,
		      const char *name, const char *password, bool utf8,
		      void (*done)(struct pop3_login *l, enum pop3_login_result r))
{
	memset(l, 0, sizeof(*l));
	l->env = env;
	l->box = box;
	l->name = name;
	l->password = password;
	l->utf8 = utf8;
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
