#include "admin/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/auth.h"
#include "admin/command.h"
#include "admin/health.h"
#include "admin/publish.h"
#include "admin/server.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "shm/slots.h"

#define XML_TYPE "text/xml; charset=utf-8"
#define COMMAND_SHOWN 64 /* bytes of a stranger's command that are kept and logged */

struct admin {
	struct admin_config c;
	struct auth *auth;
	struct server *http, *local; /* local: NULL when there is none */
	struct command_env env;
	struct list waiting; /* exchanges, oldest first */
	struct timer recheck;
};

/* One request on its way:
 *
 *   request --> TURN --> command_run --> LIVE --> answer
 *          \                        \----------> answer
 *           \-> WRONG_KEY ---------------------> answer
 */
enum state {
	S_NEW,
	S_WRONG_KEY, /* until the delay of its network is over */
	S_TURN,	     /* a change: until what came of the listeners before it is known */
	S_LIVE,	     /* until all have confirmed its generation */
	S_ANSWERED,
};

struct exchange {
	struct admin *admin;
	struct server_request *http; /* borrowed: it ends with this one (on_gone) */
	enum state state;
	struct list node; /* in waiting */
	struct timer timer;
	struct arena arena;
	struct xml_request req;
	struct call call;
	struct publish publish;
	char command[COMMAND_SHOWN + 1];
	char from[ADDR_TEXT];
};

static int64_t wait_ms(const struct admin *a)
{
	return a->c.wait_ms ? a->c.wait_ms : CONFIRM_MS;
}

/* The one door of the state. ms: how long it may last. */
static void enter(struct exchange *x, enum state state, int64_t ms)
{
	x->state = state;
	list_remove(&x->node);
	timer_stop(&x->timer);
	if (state == S_ANSWERED)
		return;
	list_append(&x->admin->waiting, &x->node);
	timer_set(&x->timer, ms);
	if (x->admin->recheck.due == CLOCK_NEVER)
		timer_set(&x->admin->recheck, PUBLISH_RECHECK_MS);
}

static void answer(struct exchange *x)
{
	struct xml_out out = { 0 };
	struct str text = call_document(&x->call, &out);
	unsigned retry = 0;

	if (x->call.http == 429)
		retry = (unsigned)auth_delay(x->admin->c.shm, &x->http->client, clock_mono_ms()) / 1000 + 1;
	enter(x, S_ANSWERED, 0);
	server_answer(x->http, x->call.http, XML_TYPE, text, retry);
	xml_out_free(&out);
}

/* --- the log --- */

static const struct command *command_of(const struct exchange *x)
{
	for (const struct command *c = commands; c->name; c++)
		if (str_eq(str_z(c->name), x->req.command))
			return c;
	return NULL;
}

static bool changes(const struct exchange *x)
{
	const struct command *c = command_of(x);

	return c && !(c->flags & COMMAND_READS);
}

/* Is a parameter of this name the key of some table? Keys are what a change is told apart by,
 * and never secret. */
static bool names_a_row(struct str param)
{
	for (const struct table *const *t = accounts_tables; *t; t++) {
		const struct field *f = table_field(*t, param);

		if (f && f->flags & FF_KEY)
			return true;
	}
	return false;
}

static void log_call(const struct exchange *x)
{
	const struct command *c = command_of(x);
	char text[512] = "";
	size_t n = 0;

	if (!c || c->flags == COMMAND_READS)
		return;
	for (unsigned i = 0; i < x->req.n; i++) {
		const struct xml_param *p = &x->req.v[i];
		size_t left = sizeof(text) - n;
		int wrote;

		if (!names_a_row(p->name))
			continue;
		wrote = snprintf(text + n, left, " %.*s=%.*s", STR_ARG(p->name), STR_ARG(p->value));
		n += wrote > 0 && (size_t)wrote < left ? (size_t)wrote : left - 1;
	}
	log_info("xml %s%s from=%s status=%u%s%s", c->name, text, x->from, x->call.http,
		 x->call.code ? " code=" : "", x->call.code ? x->call.code : "");
}

/* --- making it live --- */

/* The supervisor could not open a listener: the stored change goes, and what stood before is
 * published again. */
static void take_back(struct exchange *x, const struct err *why)
{
	struct call *c = &x->call;
	struct publish again;
	struct err e;
	bool undone = c->undo && c->undo(c, &e) == 0;

	if (c->undo && !undone)
		log_error("xml %s: cannot be taken back: %s", x->command, e.text);
	if (undone && publish_start(&again, x->admin->c.accounts, x->admin->c.shm, &e))
		log_error("xml %s: taken back, but not published: %s", x->command, e.text);
	call_fail(c, 409, "listener_failed", "%s%s", why->text,
		  undone ? "" : " (the change is stored all the same)");
	log_warning("xml %s from=%s: listener failed, %s: %s", x->command, x->from,
		    undone ? "taken back" : "still stored", why->text);
	answer(x);
}

/* true: it was answered. */
static bool check_live(struct exchange *x)
{
	struct err why;

	switch (publish_state(&x->publish, x->admin->c.shm, &why)) {
	case PUBLISH_LIVE:
		answer(x);
		return true;
	case PUBLISH_REFUSED:
		take_back(x, &why);
		return true;
	case PUBLISH_WAITS:
		break;
	}
	return false;
}

static void not_confirmed(struct exchange *x)
{
	struct err why;

	publish_missing(&x->publish, x->admin->c.shm, &why);
	log_warning("xml %s from=%s: stored, but not live everywhere: %s", x->command,
		    x->from, why.text);
	call_fail(&x->call, 503, "not_confirmed", "stored, but not live everywhere: %s", why.text);
	answer(x);
}

/* --- running it --- */

static void run(struct exchange *x)
{
	struct admin *a = x->admin;
	struct err e;

	command_run(&x->call);
	log_call(x);
	if (x->call.code || !x->call.publish) {
		answer(x);
		return;
	}
	if (publish_start(&x->publish, a->c.accounts, a->c.shm, &e)) {
		log_error("xml %s: stored, but %s", x->command, e.text);
		call_fail(&x->call, 503, "not_confirmed", "stored, but %s", e.text);
		answer(x);
		return;
	}
	enter(x, S_LIVE, wait_ms(a));
	check_live(x);
}

static void look_again(struct admin *a)
{
	struct list *n, *tmp;

	list_each(&a->waiting, n, tmp) {
		struct exchange *x = container_of(n, struct exchange, node);

		if (x->state == S_LIVE)
			check_live(x);
	}
	list_each(&a->waiting, n, tmp) {
		struct exchange *x = container_of(n, struct exchange, node);

		if (!publish_settled(a->c.shm))
			break;
		if (x->state == S_TURN)
			run(x);
	}
}

static void on_recheck(struct timer *t)
{
	struct admin *a = container_of(t, struct admin, recheck);

	look_again(a);
	if (!list_empty(&a->waiting))
		timer_set(t, PUBLISH_RECHECK_MS);
}

static void on_timeout(struct timer *t)
{
	struct exchange *x = container_of(t, struct exchange, timer);

	switch (x->state) {
	case S_WRONG_KEY:
		answer(x);
		break;
	case S_TURN: /* the supervisor is silent: that must not stop accounts from changing */
		run(x);
		break;
	case S_LIVE:
		if (!check_live(x))
			not_confirmed(x);
		break;
	case S_NEW:
	case S_ANSWERED:
		bug("a timer in state %d", (int)x->state);
	}
}

/* --- keys --- */

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
	x->req.n = 0;
	x->req.command = str_z(x->command);
	arena_free(&x->arena);
}

/* true: go on. Nobody learns more by hanging up early and trying again at once, because a held
 * back answer counts until its delay is over, and above LIMIT_HTTP_HELD_BACK no key of that
 * network is looked at. */
static bool authorise(struct exchange *x)
{
	struct admin *a = x->admin;
	struct str key = take_key(&x->req);
	int64_t delay;

	if (held_back(x) >= LIMIT_HTTP_HELD_BACK) {
		call_fail(&x->call, 429, "too_many_wrong_keys",
			  "too many wrong access keys from your network; try again later");
		answer(x);
		return false;
	}
	if (auth_key_ok(a->auth, key)) {
		auth_succeeded(a->c.shm, &x->http->client);
		return true;
	}
	delay = auth_failed(a->c.shm, &x->http->client, clock_mono_ms());
	log_warning("xml %s from=%s: %s access key", x->command, x->from, key.n ? "wrong" : "no");
	call_fail(&x->call, 403, "wrong_key", "wrong or missing access key");
	forget_request(x);
	enter(x, S_WRONG_KEY, delay);
	return false;
}

/* --- requests --- */

static struct exchange *exchange_new(struct admin *a, struct server_request *r)
{
	struct exchange *x = mem_zalloc(sizeof(*x));

	x->admin = a;
	x->http = r;
	x->arena = ARENA(LIMIT_CALL_MEMORY);
	x->call.env = &a->env;
	x->call.req = &x->req;
	x->call.arena = &x->arena;
	list_init(&x->node);
	timer_init(&x->timer, a->c.loop, on_timeout);
	if (r->local)
		str_copy(x->from, sizeof(x->from), STR("local"));
	else
		ip_text(&r->client, x->from);
	r->user = x;
	return x;
}

static void on_xml(struct exchange *x)
{
	bool parsed = xml_parse(x->http->body, &x->arena, &x->req, &x->call.err) == 0;

	str_copy(x->command, sizeof(x->command), x->req.command);
	if (!parsed) {
		struct err why = x->call.err;

		call_fail(&x->call, 400, x->req.code ? x->req.code : "malformed", "%s", why.text);
		answer(x);
		return;
	}
	if (x->http->local)
		take_key(&x->req);
	else if (!authorise(x))
		return;
	if (changes(x) && !publish_settled(x->admin->c.shm))
		enter(x, S_TURN, wait_ms(x->admin));
	else
		run(x);
}

/* --- pages --- */

static const struct page {
	enum server_what what;
	const char *type;
	size_t most;
	/* Adds the page, returns the HTTP status. */
	unsigned (*write)(const struct command_env *env, int64_t mono_ms, struct buf *out);
} pages[] = {
	{ SERVER_HEALTH, "text/plain; charset=utf-8", LIMIT_HEALTH, health_page },
};

/* true: it was one. */
static bool on_page(struct admin *a, struct server_request *r)
{
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		struct buf text;
		unsigned http;

		if (pages[i].what != r->what)
			continue;
		buf_init(&text, pages[i].most);
		http = pages[i].write(&a->env, clock_mono_ms(), &text);
		server_answer(r, http, pages[i].type, buf_str(&text), 0);
		buf_release(&text);
		return true;
	}
	return false;
}

static void on_request(void *arg, struct server_request *r)
{
	struct exchange *x;

	if (on_page(arg, r))
		return;
	x = exchange_new(arg, r);
	if (r->what == SERVER_XML) {
		on_xml(x);
		return;
	}
	call_fail(&x->call, r->http, r->code, "%s", r->text);
	answer(x);
}

static void on_gone(void *arg, struct server_request *r)
{
	struct exchange *x = r->user;

	(void)arg;
	if (!x)
		return;
	timer_stop(&x->timer);
	list_remove(&x->node);
	xml_out_free(&x->call.body);
	arena_free(&x->arena);
	free(x);
}

/* --- the whole --- */

static int serve(struct admin *a, struct server **out, int *fd, bool local, struct err *e)
{
	struct server_config c = { .loop = a->c.loop,
				   .fd = *fd,
				   .local = local,
				   .pages = a->c.pages,
				   .arg = a,
				   .request = on_request,
				   .gone = on_gone };

	if (*fd < 0)
		return 0;
	*fd = -1;
	return server_start(out, &c, e);
}

static void admin_free(struct admin **out)
{
	struct admin *a = *out;

	server_stop(&a->http);
	server_stop(&a->local);
	timer_stop(&a->recheck);
	auth_free(&a->auth);
	if (a->c.http_fd >= 0)
		close(a->c.http_fd);
	if (a->c.local_fd >= 0)
		close(a->c.local_fd);
	free(a);
	*out = NULL;
}

int admin_start(struct admin **out, const struct admin_config *c, struct err *e)
{
	struct admin *a = mem_zalloc(sizeof(*a));
	struct publish first;

	a->c = *c;
	a->env = (struct command_env){ .dir = c->dir, .shm = c->shm, .accounts = c->accounts };
	list_init(&a->waiting);
	timer_init(&a->recheck, c->loop, on_recheck);
	if (auth_open(&a->auth, c->accounts, c->dir, e) ||
	    publish_start(&first, c->accounts, c->shm, e) ||
	    serve(a, &a->http, &a->c.http_fd, false, e) ||
	    serve(a, &a->local, &a->c.local_fd, true, e)) {
		admin_free(&a);
		return -1;
	}
	*out = a;
	return 0;
}

void admin_traffic(struct admin *a, struct store *traffic)
{
	a->env.traffic = traffic;
}

void admin_bell(struct admin *a)
{
	slot_answer(a->c.shm, SLOT_ADMIN);
	look_again(a);
}

static void answer_waiting(struct admin *a)
{
	struct list *n, *tmp;

	list_each(&a->waiting, n, tmp) {
		struct exchange *x = container_of(n, struct exchange, node);

		if (x->state == S_LIVE) {
			not_confirmed(x);
			continue;
		}
		if (x->state == S_TURN)
			call_fail(&x->call, 503, "stopping", "the service is being stopped");
		answer(x);
	}
}

void admin_stop(struct admin **a)
{
	if (!*a)
		return;
	answer_waiting(*a);
	admin_free(a);
}
