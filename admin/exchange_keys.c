/* Keys of the XML interface: from the request to the right to be served. */
#include "admin/exchange_inner.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#define LATE_KEY " (of so large a request it must stand in the first 1048576 bytes)"
_Static_assert(LIMIT_XML_BODY == 1048576, "as the text says");

/* Takes the access key out of the parameters: handlers and log never see it. */
static struct str take_key(struct xml_request *r)
{
	struct str key = STR("");

	for (unsigned i = 0; i < r->n; i++) {
		if (!str_eq(r->v[i].name, STR("accesskey")))
			continue;
		key = r->v[i].value;
		memmove(&r->v[i], &r->v[i + 1], (--r->n - i) * sizeof(r->v[0]));
		break;
	}
	return key;
}

/* --- guessers --- */

/* How many answers this client's network is waiting for because of wrong keys. */
static unsigned held_back(const struct exchange *x)
{
	struct ipaddr mine = ip_network(&x->http->client);
	struct list *n, *tmp;
	unsigned held = 0;

	list_each(&x->admin->waiting, n, tmp) {
		const struct exchange *other = container_of(n, struct exchange, node);
		struct ipaddr net = ip_network(&other->http->client);

		held += other->state == S_WRONG_KEY && ip_eq(&net, &mine);
	}
	return held;
}

/* Keeps the command's name alone: what a stranger sent need not stay for the delay. */
static void forget_request(struct exchange *x)
{
	key_check_wipe(&x->key);
	x->req.n = 0;
	x->req.command = str_z(x->command);
	x->unread = STR("");
	arena_free(&x->arena);
}

/* The answer comes behind the delay of its network. */
static void hold_back(struct exchange *x)
{
	int64_t delay = auth_failed(x->admin->c.shm, &x->http->client, clock_mono_ms());

	forget_request(x);
	exchange_enter(x, S_WRONG_KEY, delay);
}

static void wrong_key(struct exchange *x)
{
	bool none = x->key.secret[0] == '\0', late = none && x->unread.n > 0;

	if (x->key.password) {
		log_warning("login from=%s: %s password", x->from, none ? "no" : "wrong");
		call_fail(&x->call, 403, "wrong_password", "wrong or missing password");
	} else {
		log_warning("xml %s from=%s: %s access key", x->command, x->from, none ? "no" : "wrong");
		call_fail(&x->call, 403, "wrong_key", "wrong or missing access key%s", late ? LATE_KEY : "");
	}
	hold_back(x);
}

void exchange_wrong_session(struct exchange *x)
{
	log_warning("xml %s from=%s: no such session", x->command, x->from);
	call_fail(&x->call, 403, "wrong_session", "no such session, or it is over: log in again");
	hold_back(x);
}

static void right_key(struct exchange *x)
{
	key_check_wipe(&x->key);
	auth_succeeded(x->admin->c.shm, &x->http->client);
	if (x->key.password) {
		exchange_logged_in(x);
		return;
	}
	if (x->unread.n > 0) {
		if (!exchange_read(x, x->unread))
			return;
		(void)take_key(&x->req);
	}
	exchange_admitted(x);
}

/* --- comparing it --- */

/* In the thread. */
static void work_key(void *arg)
{
	struct exchange *x = arg;

	key_check_run(&x->key);
}

static void key_done(void *arg)
{
	struct exchange *x = arg;
	struct admin *a = x->admin;

	auth_checked(a->auth, &x->key);
	if (x->key.fits)
		right_key(x);
	else
		wrong_key(x);
	if (!a->stopping)
		exchanges_look(a);
}

/* Bytes that requests hold whose key is not known yet: strangers may send them. */
static size_t held_by_strangers(const struct admin *a)
{
	const struct list *n;
	size_t sum = 0;

	for (n = a->waiting.next; n != &a->waiting; n = n->next) {
		const struct exchange *x = container_of(n, struct exchange, node);

		sum += x->state == S_KEY || x->state == S_KEY_ASIDE ? x->arena.used : 0;
	}
	return sum;
}

static void put_off(struct exchange *x, const char *code, const char *why)
{
	call_fail(&x->call, 503, code, "%s", why);
	exchange_answer(x);
}

static void too_busy(struct exchange *x, const char *why)
{
	put_off(x, "busy", why);
}

static void compare(struct exchange *x)
{
	struct admin *a = x->admin;
	struct err e = { "" };

	if (a->keys.busy) {
		if (held_by_strangers(a) > LIMIT_HTTP_BODIES)
			too_busy(x, "too many large requests at once; try again");
		return;
	}
	exchange_enter(x, S_KEY_ASIDE, CLOCK_NEVER);
	if (aside_start(&a->keys, work_key, key_done, x, &e) == 0)
		return;
	too_busy(x, e.text);
}

/* Nobody learns more by hanging up early and trying again at once, because a held back answer
 * counts until its delay is over, and above LIMIT_HTTP_HELD_BACK no key of that network is looked
 * at. */
bool exchange_turned_away(struct exchange *x)
{
	if (x->http->local || held_back(x) < LIMIT_HTTP_HELD_BACK)
		return false;
	call_fail(&x->call, 429, "too_many_wrong_keys",
		  "too many wrong access keys from your network; try again later");
	exchange_answer(x);
	return true;
}

void exchange_look_at_key(struct exchange *x)
{
	if (exchange_turned_away(x))
		return;
	switch (auth_key_known(x->admin->auth, &x->key)) {
	case AUTH_RIGHT:
		right_key(x);
		return;
	case AUTH_WRONG:
		wrong_key(x);
		return;
	case AUTH_ASK:
		compare(x);
		return;
	case AUTH_CANNOT:
		put_off(x, "store_failed", "access keys cannot be checked now");
		return;
	}
}

static void look_for(struct exchange *x, struct str key, bool password)
{
	key_check_set(&x->key, key, password);
	exchange_enter(x, S_KEY, CLOCK_NEVER);
	exchange_look_at_key(x);
}

void exchange_ask_key(struct exchange *x)
{
	struct str key = take_key(&x->req);

	if (x->http->local) {
		exchange_admitted(x);
		return;
	}
	look_for(x, key, false);
}

void exchange_ask_password(struct exchange *x, struct str password)
{
	look_for(x, password, true);
}

void exchange_ask_key_first(struct exchange *x)
{
	struct str key;

	x->unread = arena_str(&x->arena, x->http->body);
	key = xml_key(x->unread, &x->arena, command_nests, &x->req);
	x->req.n = 0;
	x->req.command = str_z(x->command);
	look_for(x, key, false);
}
