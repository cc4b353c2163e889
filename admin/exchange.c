#include "admin/exchange_inner.h"

#include <stdio.h>
#include <stdlib.h>

#include "admin/change.h"
#include "admin/xml_root.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "shm/journal.h"
#include "shm/listeners.h"

#define XML_TYPE "text/xml; charset=utf-8"

static const char *const state_names[] = { "new",	"key",	"key aside",
					   "wrong key", "turn", "aside",
					   "durable",	"live", "answered" };
_Static_assert(ARRAY_LEN(state_names) == S_COUNT, "each state has its name");

static int64_t wait_ms(const struct admin *a)
{
	return a->c.wait_ms ? a->c.wait_ms : CONFIRM_MS;
}

void exchange_enter(struct exchange *x, enum exchange_state state, int64_t ms)
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

void exchange_answer(struct exchange *x)
{
	struct xml_out out = { 0 };
	struct str text = call_document(&x->call, &out);
	unsigned retry = 0;

	if (x->call.http == 429)
		retry = (unsigned)auth_delay(x->admin->c.shm, &x->http->client, clock_mono_ms()) / 1000 + 1;
	exchange_enter(x, S_ANSWERED, 0);
	server_answer(x->http, x->call.http, XML_TYPE, text, retry);
	xml_out_free(&out);
}

/* --- the log --- */

/* What was named comes last: its values may look like fields. */
static void log_call(struct exchange *x)
{
	const struct command *c = command_find(x->req.command);
	struct str what;

	if (!c || c->flags == COMMAND_READS)
		return;
	what = change_named(&x->call);
	log_info("xml %s who=\"%s\" from=%s status=%u%s%s%s%.*s", c->name, x->who, x->from,
		 x->call.http, x->call.code ? " code=" : "",
		 x->call.code ? x->call.code : "", what.n ? ": " : "", STR_ARG(what));
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
	exchange_answer(x);
}

/* false: it is not known yet. */
static bool check_live(struct exchange *x)
{
	struct err why;

	switch (publish_state(&x->publish, x->admin->c.shm, &why)) {
	case PUBLISH_LIVE:
		exchange_answer(x);
		return true;
	case PUBLISH_REFUSED:
		if (x->admin->commands.busy) /* it writes; this one is taken back behind it */
			timer_set(&x->timer, TIMEOUT_LONG_TURN);
		else
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
	exchange_answer(x);
}

/* --- behind the command --- */

/* Stored; now until all serve it. */
static void make_live(struct exchange *x)
{
	struct admin *a = x->admin;
	struct err e;

	if (!x->call.publish && !x->call.stands) {
		exchange_answer(x);
		return;
	}
	if (x->call.stands) {
		publish_standing(&x->publish, a->c.shm);
	} else if (publish_start(&x->publish, a->c.accounts, a->c.shm, &e)) {
		log_error("xml %s: stored, but %s", x->command, e.text);
		call_fail(&x->call, 503, "not_confirmed", "stored, but %s", e.text);
		exchange_answer(x);
		return;
	}
	exchange_enter(x, S_LIVE, wait_ms(a));
	check_live(x);
}

/* true: it went on. */
static bool check_durable(struct exchange *x)
{
	if (!journal_durable(x->admin->c.shm, SLOT_ADMIN, x->call.journal_mark))
		return false;
	make_live(x);
	return true;
}

static void not_durable(struct exchange *x)
{
	log_warning("xml %s from=%s: not on disk yet: the replicator does not answer",
		    x->command, x->from);
	call_fail(&x->call, 503, "not_durable",
		  "taken, but not on disk yet: the replicator does not answer");
	exchange_answer(x);
}

static void behind_command(struct exchange *x)
{
	log_call(x);
	if (!x->call.code && str_eq(x->req.command, STR("changepassword")) && x->call.args.password.n > 0)
		console_end_others(&x->admin->console, x->http->session);
	if (x->call.code) {
		exchange_answer(x);
	} else if (x->call.journal_mark) {
		exchange_enter(x, S_DURABLE, TIMEOUT_JOURNAL);
		check_durable(x);
	} else {
		make_live(x);
	}
}

/* --- long commands --- */

/* In the thread. */
static void work_aside(void *arg)
{
	struct exchange *x = arg;

	command_run(&x->call);
}

static void aside_done(void *arg)
{
	struct exchange *x = arg;
	struct admin *a = x->admin;

	store_branch_end(a->c.accounts, &x->branch);
	x->call.env = &a->env;
	a->work.command = NULL;
	behind_command(x);
	if (!a->stopping)
		exchanges_look(a);
}

/* -1: not to be had; the reason stands in e. */
static int start_aside(struct exchange *x, struct err *e)
{
	struct admin *a = x->admin;

	if (store_branch(a->c.accounts, &x->branch, e) < 0)
		return -1;
	x->env = a->env;
	x->env.accounts = x->branch;
	x->env.traffic = NULL; /* the loop's own */
	x->call.env = &x->env;
	atomic_store(&a->work.rows.done, 0);
	atomic_store(&a->work.rows.of, 0);
	a->work.command = command_find(x->req.command)->name;
	if (aside_start(&a->commands, work_aside, aside_done, x, e) == 0)
		return 0;
	a->work.command = NULL;
	x->call.env = &a->env;
	store_branch_end(a->c.accounts, &x->branch);
	return -1;
}

static void run_aside(struct exchange *x)
{
	struct err e = { "" };

	exchange_enter(x, S_ASIDE, CLOCK_NEVER);
	if (start_aside(x, &e) == 0)
		return;
	log_warning("xml %s: %s", x->command, e.text);
	call_fail(&x->call, 503, "busy", "%s", e.text);
	exchange_answer(x);
}

/* --- its turn --- */

static bool is_flagged(const struct exchange *x, unsigned flag)
{
	const struct command *c = command_find(x->req.command);

	return c && c->flags & flag;
}

static void run(struct exchange *x)
{
	if (is_flagged(x, COMMAND_LONG)) {
		run_aside(x);
		return;
	}
	command_run(&x->call);
	behind_command(x);
}

/* Has what the supervisor answered been looked at by all whom it concerns? A refused change is
 * taken back before anything else happens. */
static bool is_told(const struct admin *a)
{
	struct list *n, *tmp;
	struct err why;

	list_each(&a->waiting, n, tmp) {
		struct exchange *x = container_of(n, struct exchange, node);

		if (x->state == S_LIVE &&
		    publish_state(&x->publish, a->c.shm, &why) == PUBLISH_REFUSED)
			return false;
	}
	return true;
}

/* May something be changed now? */
static bool turn_comes(const struct admin *a)
{
	return publish_settled(a->c.shm) && !a->commands.busy && is_told(a);
}

/* Has somebody come before? */
static bool queue_stands(struct admin *a)
{
	struct list *n, *tmp;

	list_each(&a->waiting, n, tmp)
		if (container_of(n, struct exchange, node)->state == S_TURN)
			return true;
	return false;
}

void exchange_admitted(struct exchange *x)
{
	struct admin *a = x->admin;
	bool changes = command_find(x->req.command) && !is_flagged(x, COMMAND_READS);

	x->patient = a->commands.busy;
	x->table = listeners_version(a->c.shm);
	x->turn_ends = loop_now(a->c.loop) + TIMEOUT_LONG_TURN;
	if (changes && (!turn_comes(a) || queue_stands(a)))
		exchange_enter(x, S_TURN, x->patient ? TIMEOUT_LONG_TURN : wait_ms(a));
	else
		run(x);
}

/* Those before it have their turns. */
static bool queue_moves(struct exchange *x)
{
	uint32_t now = listeners_version(x->admin->c.shm);
	bool moves = now != x->table;

	x->table = now;
	return moves && loop_now(x->admin->c.loop) < x->turn_ends;
}

/* The supervisor is silent: that must not stop accounts from changing. But while a long command
 * writes nobody else can. */
static void turn_is_late(struct exchange *x)
{
	struct admin *a = x->admin;

	if (queue_moves(x) && !a->commands.busy) {
		timer_set(&x->timer, wait_ms(a));
	} else if (!a->commands.busy) {
		run(x);
	} else if (!x->patient) {
		x->patient = true;
		exchange_enter(x, S_TURN, TIMEOUT_LONG_TURN);
	} else {
		call_fail(&x->call, 503, "busy",
			  "%s is under way; try again when it has ended", a->work.command);
		exchange_answer(x);
	}
}

/* --- waiting --- */

static void look_at(struct exchange *x)
{
	if (x->state == S_LIVE)
		check_live(x);
	else if (x->state == S_DURABLE)
		check_durable(x);
	else if (x->state == S_KEY)
		exchange_look_at_key(x);
}

/* Turns come last: what came of the listeners must be known, and taken back, before. */
void exchanges_look(struct admin *a)
{
	struct list *n, *tmp;

	list_each(&a->waiting, n, tmp)
		look_at(container_of(n, struct exchange, node));
	list_each(&a->waiting, n, tmp) {
		struct exchange *x = container_of(n, struct exchange, node);

		if (!turn_comes(a))
			break;
		if (x->state == S_TURN)
			run(x);
	}
}

static void on_timeout(struct timer *t)
{
	struct exchange *x = container_of(t, struct exchange, timer);

	switch (x->state) {
	case S_WRONG_KEY:
		exchange_answer(x);
		break;
	case S_TURN:
		turn_is_late(x);
		break;
	case S_DURABLE:
		if (!check_durable(x))
			not_durable(x);
		break;
	case S_LIVE:
		if (!check_live(x))
			not_confirmed(x);
		break;
	default:
		bug("a timer in state %s", state_names[x->state]);
	}
}

static void stopping(struct exchange *x)
{
	call_fail(&x->call, 503, "stopping", "the service is being stopped");
	exchange_answer(x);
}

/* The service stops: what was done is answered so, what was not done, too. */
static void end(struct exchange *x)
{
	switch (x->state) {
	case S_LIVE:
		if (!check_live(x))
			not_confirmed(x);
		return;
	case S_DURABLE:
		if (!check_durable(x))
			not_durable(x);
		return;
	case S_TURN:
	case S_KEY:
		stopping(x);
		return;
	default:
		exchange_answer(x);
	}
}

void exchanges_end(struct admin *a)
{
	a->stopping = true;
	aside_end(&a->keys);
	aside_end(&a->commands);
	while (!list_empty(&a->waiting))
		end(container_of(a->waiting.next, struct exchange, node));
}

/* --- requests --- */

static void name_caller(struct exchange *x)
{
	const struct server_request *r = x->http;

	if (r->local)
		str_copy(x->from, sizeof(x->from), STR("local"));
	else
		ip_text(&r->client, x->from);
	if (r->local)
		snprintf(x->who, sizeof(x->who), "uid %d", r->uid);
	else
		str_copy(x->who, sizeof(x->who), STR("key"));
}

struct exchange *exchange_new(struct admin *a, struct server_request *r, struct str command)
{
	struct exchange *x = mem_zalloc(sizeof(*x));

	x->admin = a;
	x->http = r;
	x->arena = ARENA(LIMIT_CALL_MEMORY);
	x->call = (struct call){ .env = &a->env,
				 .req = &x->req,
				 .arena = &x->arena,
				 .who = x->who,
				 .from = x->from };
	list_init(&x->node);
	timer_init(&x->timer, a->c.loop, on_timeout);
	name_caller(x);
	r->user = x;
	str_copy(x->command, sizeof(x->command), command);
	x->req.command = str_z(x->command);
	if (!a->stopping || r->what == SERVER_REFUSED)
		return x;
	stopping(x); /* its last bytes came together with the end */
	return NULL;
}

bool exchange_read(struct exchange *x, struct str body)
{
	bool parsed = xml_parse(body, &x->arena, command_nests, &x->req, &x->call.err) == 0;

	str_copy(x->command, sizeof(x->command), x->req.command);
	if (!parsed) {
		struct err why = x->call.err;

		call_fail(&x->call, 400, x->req.code ? x->req.code : "malformed", "%s", why.text);
		exchange_answer(x);
	}
	return parsed;
}

/* A browser of the console. */
static void by_session(struct exchange *x)
{
	const struct server_request *r = x->http;

	if (!console_knows(&x->admin->console, r->session, r->csrf, clock_mono_ms())) {
		exchange_wrong_session(x);
		return;
	}
	str_copy(x->who, sizeof(x->who), STR("console"));
	if (exchange_read(x, r->body))
		exchange_admitted(x);
}

void exchange_xml(struct admin *a, struct server_request *r)
{
	struct exchange *x = exchange_new(a, r, xml_root(r->body));

	if (!x || exchange_turned_away(x))
		return;
	if (!r->local && r->csrf.n > 0)
		by_session(x);
	else if (!r->local && r->body.n > LIMIT_XML_BODY)
		exchange_ask_key_first(x);
	else if (exchange_read(x, r->body))
		exchange_ask_key(x);
}

void exchange_refused(struct admin *a, struct server_request *r)
{
	struct exchange *x = exchange_new(a, r, STR(""));

	call_fail(&x->call, r->http, r->code, "%s", r->text);
	exchange_answer(x);
}

void exchange_gone(struct server_request *r)
{
	struct exchange *x = r->user;

	if (!x)
		return;
	timer_stop(&x->timer);
	list_remove(&x->node);
	key_check_wipe(&x->key);
	xml_out_free(&x->call.body);
	arena_free(&x->arena);
	free(x);
}
