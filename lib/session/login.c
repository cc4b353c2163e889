#include "lib/session/login.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/guard/access.h"
#include "lib/session/flagged.h"
#include "lib/session/patience.h"
#include "lib/store/password.h"
#include "shm/counters.h"
#include "shm/penalty.h"

/* --- the delay --- */

static uint64_t network_key(const struct login *l)
{
	return penalty_network(l->session->env->shm, PENALTY_LOGINS, &l->session->peer.ip);
}

static uint64_t account_key(const struct login *l)
{
	return penalty_account(l->session->env->shm, str_z(l->name));
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Has the account been used from here before? One that cannot be asked has not. */
static bool is_at_home(const struct login *l)
{
	struct env *env = l->session->env;

	return l->known && l->name[0] &&
	       env->ask->known(env, str_z(l->name), &l->session->peer.ip) > 0;
}

/* The same wherever it comes from: who asks from an account's own network hears no more than others.
 * But old passwords of mail programs are not taken for guesses at the whole site. */
static int64_t failure_delay(const struct login *l, int64_t now)
{
	struct env *env = l->session->env;
	struct shm *shm = env->shm;
	int64_t delay;

	if (!shm)
		return PENALTY_FIRST_MS;
	if (!is_at_home(l))
		penalty_site_failed(shm, now);
	if (l->known && l->name[0])
		access_failed(shm, env->slot, str_z(l->name),
			      (struct access_time){ clock_wall_ms(), now });
	delay = larger(penalty_failed(shm, network_key(l), now),
		       penalty_failed(shm, account_key(l), now));
	return larger(delay, penalty_site_now(shm, now));
}

/* A network that the account was used from is never held up. */
static int64_t success_delay(const struct login *l, int64_t now)
{
	struct shm *shm = l->session->env->shm;
	uint64_t account = shm ? account_key(l) : 0;
	int64_t net, acc;

	if (!shm || l->box_checks)
		return 0;
	net = larger(penalty_now(shm, network_key(l), now), penalty_site_now(shm, now));
	acc = penalty_now(shm, account, now);
	penalty_clear(shm, account);
	if (net == 0 || acc == 0 || is_at_home(l))
		return 0;
	return net < acc ? net : acc;
}

/* It was the right password. */
static void note_success(const struct login *l)
{
	struct session *s = l->session;
	struct access_time now = { clock_wall_ms(), loop_now(s->env->loop) };

	if (!s->env->shm || !l->name[0])
		return;
	access_succeeded(s->env->shm, s->env->slot, str_z(l->name), &s->peer.ip,
			 s->cluster->protocol == PROTO_SMTP ? "smtp" : "pop3", now);
	flagged_login(s, str_z(l->name));
}

static void on_delay(struct timer *t)
{
	struct login *l = container_of(t, struct login, delay);

	l->ev->done(l, l->result);
}

/* Ends the check: done() comes when the delay, counted from the question, is over. */
static void finish(struct login *l, enum login_result r)
{
	int64_t now = loop_now(l->session->env->loop), wait = 0;

	l->result = r;
	if (r == LOGIN_BAD)
		wait = failure_delay(l, now);
	else if (r == LOGIN_OK)
		wait = success_delay(l, now);
	if (r == LOGIN_OK && !l->box_checks)
		note_success(l);
	wait = wait ? patience(wait) - (now - l->asked) : 0;
	timer_set(&l->delay, larger(wait, 0));
}

/* --- why not --- */

static void say_why(struct login *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say_why(struct login *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->why, sizeof(l->why), fmt, ap);
	va_end(ap);
}

static void fail(struct login *l, enum login_result r, const char *why)
{
	say_why(l, "%s", why);
	finish(l, r);
}

#define UNKNOWN "no such account"
#define WRONG "wrong password"
#define UNFIT "the stored password has bytes that no box takes in PASS"

const char *login_shown(const struct login *l, char dst[LOGIN_SHOWN])
{
	bool quoted = !l->name[0];
	size_t n = 0;

	for (const char *c = l->name; *c; c++)
		quoted |= *c <= ' ' || *c >= 127 || *c == '"'; /* blanks may be UTF-8, too */
	if (quoted)
		dst[n++] = '"';
	for (const char *c = l->name; *c; c++) {
		if (*c == '"')
			dst[n++] = '"';
		dst[n++] = *c;
	}
	if (quoted)
		dst[n++] = '"';
	dst[n] = '\0';
	return dst;
}

/* --- looking the account up --- */

/* false: LOGIN_TEMP is under way. An unknown account goes on like a known one that nothing fits. */
static bool find_account(struct login *l, struct str name)
{
	struct env *env = l->session->env;
	enum route_result res;

	l->asked = loop_now(env->loop);
	l->why[0] = '\0';
	l->box_checks = false;
	str_copy(l->name, sizeof(l->name), name);
	arena_free(&l->arena);
	res = name.n > LIMIT_ADDRESS ? ROUTE_UNKNOWN :
				       env->ask->account(env, name, &l->arena, &l->account);
	if (res == ROUTE_ERROR) {
		fail(l, LOGIN_TEMP, "the accounts cannot be read");
		return false;
	}
	l->known = res == ROUTE_OK;
	if (l->known) /* as the box knows it */
		str_copy(l->name, sizeof(l->name), l->account.email_address);
	return true;
}

/* Control bytes (SASL can carry them, line breaks may be stored) would be commands of their own
 * on the way to the box. */
static bool fit_for_box(struct str password)
{
	for (size_t i = 0; i < password.n; i++)
		if ((unsigned char)password.p[i] < ' ' || password.p[i] == 127)
			return false;
	return password.n > 0 && password.n <= LIMIT_PASSWORD;
}

/* The plain password of the account, for methods that need it. Empty when the client cannot know
 * it; why then says the reason, else what it is when the client's proof is wrong. */
static struct str plain_password(struct login *l)
{
	static const char *const no_plain[] = {
		[PASSWORD_NONE] = "no password is stored, the box checks it",
		[PASSWORD_CRYPT] = "the password is stored as a hash",
		[PASSWORD_DIGEST] = "the password is stored as a hash",
	};
	struct password p;
	struct err e = { "" };

	if (!l->known) {
		say_why(l, UNKNOWN);
	} else if (password_read(l->account.user_password, &p, &e) < 0) {
		say_why(l, "the stored password: %s", e.text);
	} else if (p.kind != PASSWORD_PLAIN) {
		say_why(l, "%s, which %s cannot use (USER, PLAIN and LOGIN can)", no_plain[p.kind],
			l->method);
	} else if (!fit_for_box(p.text)) {
		say_why(l, UNFIT);
	} else {
		say_why(l, WRONG);
		return p.text;
	}
	return STR("");
}

static void keep_password(struct login *l, struct str password)
{
	str_copy(l->password, sizeof(l->password), password);
}

/* --- passwords --- */

static void on_verified(void *arg, const struct verify_answer *a)
{
	struct login *l = arg;

	l->job = NULL;
	if (a->result == VERIFY_YES)
		finish(l, LOGIN_OK);
	else if (a->result == VERIFY_NO)
		fail(l, LOGIN_BAD, WRONG);
	else
		fail(l, LOGIN_TEMP, verify_trouble(a->result));
}

static void ask_verifier(struct login *l, struct verify_question *q,
			 void (*done)(void *arg, const struct verify_answer *a))
{
	l->job = verify_ask(l->session->env->verify, q, done, l);
	explicit_bzero(q, sizeof(*q));
	if (!l->job)
		fail(l, LOGIN_TEMP, "too many logins are being checked");
}

/* Against what is stored. */
static void compare(struct login *l, struct str given)
{
	struct verify_question q = { .kind = VERIFY_HASH };
	struct str stored = l->account.user_password;
	struct password p;
	struct err e = { "" };

	if (password_read(stored, &p, &e) < 0) {
		say_why(l, "the stored password: %s", e.text);
		finish(l, LOGIN_TEMP);
	} else if (p.kind == PASSWORD_NONE) {
		l->box_checks = true;
		finish(l, LOGIN_OK);
	} else if (p.kind != PASSWORD_PLAIN) {
		str_copy(q.password, sizeof(q.password), given);
		str_copy(q.stored, sizeof(q.stored), stored);
		ask_verifier(l, &q, on_verified);
	} else if (str_same_secret(p.text, given)) {
		finish(l, LOGIN_OK);
	} else {
		fail(l, LOGIN_BAD, fit_for_box(p.text) ? WRONG : UNFIT);
	}
}

static void check_password(struct login *l, struct str given)
{
	keep_password(l, given);
	if (!l->known)
		fail(l, LOGIN_BAD, UNKNOWN);
	else if (!fit_for_box(given))
		fail(l, LOGIN_BAD, "the password given is empty, too long or has bytes that no box "
				   "takes in PASS");
	else
		compare(l, given);
}

void login_password(struct login *l, const char *method, struct str name, struct str password)
{
	l->method = method;
	if (find_account(l, name))
		check_password(l, password);
}

void login_apop(struct login *l, struct str stamp, struct str name, const uint8_t digest[16])
{
	char text[512 + LIMIT_PASSWORD];
	struct str plain, whole;
	uint8_t sum[16];

	l->method = "APOP";
	if (!find_account(l, name))
		return;
	plain = plain_password(l);
	whole = (struct str){ text, stamp.n + plain.n };
	if (whole.n > sizeof(text))
		bug("APOP stamp of %zu bytes", stamp.n);
	memcpy(text, stamp.p, stamp.n);
	if (plain.n) /* memcpy from NULL is undefined, even of nothing */
		memcpy(text + stamp.n, plain.p, plain.n);
	hash_md5(whole, sum);
	explicit_bzero(text, sizeof(text));
	keep_password(l, plain);
	finish(l, plain.n > 0 && str_same_secret((struct str){ (const char *)sum, 16 },
						 (struct str){ (const char *)digest, 16 }) ?
			  LOGIN_OK : LOGIN_BAD);
}

/* --- SASL --- */

int login_sasl(struct login *l, struct str mechanism)
{
	login_end(l);
	l->asked = loop_now(l->session->env->loop);
	l->sasl = sasl_new(mechanism);
	if (!l->sasl)
		return -1;
	l->method = sasl_name(l->sasl);
	return 0;
}

/* The owner may have the client's next bytes already, and they ask for the next challenge: this
 * one is out of the way by then. */
static void give_challenge(struct login *l)
{
	struct buf out = l->out;

	buf_init(&l->out, LIMIT_COMMAND_LINE);
	l->ev->challenge(l, buf_str(&out));
	buf_release(&out);
}

static void on_report(struct deferred *d)
{
	give_challenge(container_of(d, struct login, report));
}

static void say_challenge(struct login *l)
{
	loop_defer(l->session->env->loop, &l->report);
}

static void on_keys(void *arg, const struct verify_answer *a)
{
	struct login *l = arg;

	l->job = NULL;
	if (a->result != VERIFY_YES) {
		fail(l, LOGIN_TEMP, verify_trouble(a->result));
		return;
	}
	sasl_set_keys(l->sasl, a->stored_key, a->server_key);
	give_challenge(l);
}

/* SCRAM for an account that cannot have it runs to its end like any other, with keys of a
 * password that nobody knows (RFC 5802 9: no hint whether the name exists). */
static void ask_keys(struct login *l)
{
	struct verify_question q = { .kind = VERIFY_SCRAM, .rounds = SCRAM_ROUNDS };
	struct str plain, salt = sasl_salt(l->sasl);
	uint8_t noise[32];

	if (!find_account(l, sasl_user(l->sasl)))
		return;
	plain = plain_password(l);
	keep_password(l, plain);
	hash_random(noise, sizeof(noise));
	if (plain.n)
		str_copy(q.password, sizeof(q.password), plain);
	else
		hash_hex(noise, sizeof(noise), q.password);
	memcpy(q.salt, salt.p, salt.n);
	q.salt_n = (uint32_t)salt.n;
	ask_verifier(l, &q, on_keys);
}

/* CRAM-MD5 wants the secret in the middle of its step. */
static void give_secret(struct login *l, struct str in)
{
	struct str plain;

	if (!find_account(l, sasl_user(l->sasl)))
		return;
	plain = plain_password(l);
	keep_password(l, plain);
	sasl_set_secret(l->sasl, plain);
	if (sasl_step(l->sasl, in, &l->out) == SASL_OK)
		finish(l, LOGIN_OK);
	else
		finish(l, LOGIN_BAD);
}

void login_sasl_step(struct login *l, struct str in)
{
	if (l->ends) { /* the client's empty answer to the server's last word */
		finish(l, LOGIN_OK);
		return;
	}
	switch (sasl_step(l->sasl, in, &l->out)) {
	case SASL_CONTINUE:
		say_challenge(l);
		break;
	case SASL_PASSWORD:
		if (find_account(l, sasl_user(l->sasl)))
			check_password(l, sasl_password(l->sasl));
		break;
	case SASL_SECRET:
		give_secret(l, in);
		break;
	case SASL_KEYS:
		ask_keys(l);
		break;
	case SASL_OK:
		l->ends = buf_len(&l->out) > 0;
		if (l->ends) /* SCRAM's proof of the server, then one empty line of the client */
			say_challenge(l);
		else
			finish(l, LOGIN_OK);
		break;
	case SASL_BAD:
		if (!l->why[0]) /* it did not come to a proof */
			say_why(l, "not in the form of %s, or for somebody else", l->method);
		finish(l, LOGIN_BAD);
		break;
	}
}

/* --- its life --- */

void login_box_refused(struct login *l, const char *text)
{
	l->box_checks = false; /* its word has been given */
	say_why(l, "the box refuses: %s", text);
	finish(l, LOGIN_BAD);
}

void login_box_accepted(struct login *l)
{
	if (!l->box_checks || !l->session->env->shm)
		return;
	penalty_clear(l->session->env->shm, account_key(l));
	note_success(l);
}

void login_init(struct login *l, struct session *s, const struct login_events *ev)
{
	memset(l, 0, sizeof(*l));
	l->session = s;
	l->ev = ev;
	l->arena = ARENA(LIMIT_ACCOUNT_MEMORY);
	buf_init(&l->out, LIMIT_COMMAND_LINE);
	timer_init(&l->delay, s->env->loop, on_delay);
	deferred_init(&l->report, on_report);
}

void login_end(struct login *l)
{
	timer_stop(&l->delay);
	deferred_cancel(&l->report);
	verify_cancel(&l->job);
	sasl_free(&l->sasl);
	buf_release(&l->out);
	arena_free(&l->arena);
	explicit_bzero(l->password, sizeof(l->password));
	explicit_bzero(l->name, sizeof(l->name));
	l->why[0] = '\0';
	l->account = (struct account){ 0 };
	l->known = l->box_checks = l->ends = false;
}
