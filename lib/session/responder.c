#include "lib/session/responder.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/limits.h"
#include "lib/guard/replied.h"
#include "lib/session/patience.h"
#include "lib/wire/autoreply.h"

struct response {
	struct list node; /* of responder->waiting */
	struct responder *responder;
	struct env *env;
	struct topology *topology; /* a reference; later tries take the newest */
	const struct topo_cluster *cluster;
	char clusterid[LIMIT_NAME + 1], sid[16];
	struct ipaddr client;
	char account[LIMIT_ADDRESS + 1], boxid[LIMIT_NAME + 1], sender[LIMIT_ADDRESS + 1];
	char person[LIMIT_ADDRESS + 1]; /* the sender, as he is remembered */
	uint64_t claim; /* nobody else answers this sender meanwhile */
	struct buf message;
	struct outmail *mail;
	struct timer again;
	int64_t since, wait; /* monotonic ms */
	void (*done)(void *arg, enum outmail_result res, const char *text);
	void *arg;
};

struct responder {
	struct env *env;
	struct list waiting;
	unsigned n;
	size_t bytes;
};

static void say(const struct response *r, const char *what, const char *text)
{
	traffic_line(r->env->traffic, clock_wall_ms(), &r->client, "%s auto-reply %s => %s %s - %s",
		     r->sid, r->account, r->sender, what, text);
}

/* --- writing one --- */

static bool replies_now(const struct account *acc, int64_t wall_ms)
{
	return acc->auto_reply_subject.n > 0 && acc->auto_reply_body.n > 0 &&
	       (acc->auto_reply_expiry == FIELD_EMPTY || acc->auto_reply_expiry > wall_ms);
}

/* Why not, in words; NULL: it may be answered. */
static const char *forbidden(const struct response_to *to, const struct address *sender)
{
	struct str own[] = { to->account, to->alias };
	struct autoreply_mail m = { .sender = *sender, .header = to->header, .own = own,
				    .n_own = to->alias.n > 0 ? 2 : 1 };
	enum autoreply_verdict v = autoreply_decide(&m);

	return v == AUTOREPLY_SEND ? NULL : autoreply_text(v);
}

/* Claims the sender for this account. NULL when it is got. */
static const char *claim(struct response *r)
{
	struct env *env = r->env;
	int lately;

	r->claim = env->shm ? replied_claim(env->shm, str_z(r->account), str_z(r->person),
					    loop_now(env->loop), RESPONDER_MS + REPLIED_HOLD_MS) : 1;
	if (r->claim == 0)
		return "this sender is being answered, or was a moment ago";
	lately = env->ask->replied(env, str_z(r->account), str_z(r->person));
	if (lately == 0)
		return NULL;
	return lately < 0 ? "who was answered lately cannot be read now" :
			    "this sender was answered within seven days";
}

static int compose(struct response *r, const struct account *acc, struct str header, struct err *e)
{
	uint8_t noise[12];
	char hex[sizeof(noise) * 2 + 1], id[LIMIT_AUTOREPLY_ID];
	struct autoreply_letter l = { .from = str_z(r->account), .to = str_z(r->sender),
				      .subject = acc->auto_reply_subject,
				      .body = acc->auto_reply_body, .wall_ms = clock_wall_ms(),
				      .header = header };

	hash_random(noise, sizeof(noise));
	hash_hex(noise, sizeof(noise), hex);
	snprintf(id, sizeof(id), "<%s@%.*s>", hex, STR_ARG(r->cluster->host_name));
	l.message_id = str_z(id);
	return autoreply_compose(&l, &r->message, e);
}

static void response_free(struct response *r)
{
	timer_stop(&r->again);
	outmail_cancel(&r->mail);
	if (r->claim && r->env->shm)
		replied_release(r->env->shm, str_z(r->account), str_z(r->person), r->claim);
	buf_release(&r->message);
	topology_unref(&r->topology);
	free(r);
}

void response_drop(struct response **rp)
{
	struct response *r = *rp;

	*rp = NULL;
	if (r)
		response_free(r);
}

static void on_again(struct timer *t);

static struct response *response_of(struct env *env, const struct response_to *to)
{
	struct response *r = mem_zalloc(sizeof(*r));

	list_init(&r->node);
	r->env = env;
	r->topology = topology_ref(to->topology);
	r->cluster = to->cluster;
	r->client = to->client;
	str_copy(r->clusterid, sizeof(r->clusterid), to->cluster->row.clusterid);
	str_copy(r->sid, sizeof(r->sid), str_z(to->sid));
	str_copy(r->account, sizeof(r->account), to->account);
	str_copy(r->sender, sizeof(r->sender), to->sender);
	buf_init(&r->message, LIMIT_AUTOREPLY_MESSAGE);
	timer_init(&r->again, env->loop, on_again);
	return r;
}

/* Why there is none; NULL: it is written. */
static const char *write_reply(struct response *r, const struct response_to *to, struct err *e)
{
	struct arena a = ARENA(LIMIT_ACCOUNT_MEMORY);
	struct account acc = { .boxid = STR_INIT("") };
	struct address sender = { .full = STR_INIT("") };
	const char *why = NULL;

	if (to->sender.n > 0 && address_parse(to->sender, &sender) != ADDRESS_OK)
		why = "its sender has no address that can be answered";
	else if (r->env->ask->account(r->env, to->account, &a, &acc) != ROUTE_OK)
		why = "the account cannot be read now";
	else if (!replies_now(&acc, clock_wall_ms()))
		why = "the account replies no longer";
	else
		why = forbidden(to, &sender);
	if (!why) {
		autoreply_sender(&sender, r->person);
		why = claim(r);
	}
	if (!why) {
		str_copy(r->boxid, sizeof(r->boxid), acc.boxid);
		why = compose(r, &acc, to->header, e) < 0 ? e->text : NULL;
	}
	arena_free(&a);
	return why;
}

struct response *response_new(struct env *env, const struct response_to *to)
{
	struct response *r = response_of(env, to);
	struct err e = { "" };
	const char *why = write_reply(r, to, &e);

	if (!why)
		return r;
	say(r, "none", why);
	response_free(r);
	return NULL;
}

/* --- sending one --- */

/* A sender that a box refuses for good is not tried with each of his mails. */
static void remember(struct response *r)
{
	if (r->env->shm && replied_note(r->env->shm, r->env->slot, str_z(r->account),
					str_z(r->person), clock_wall_ms()) == 0)
		r->claim = 0; /* it runs out when the row is on disk */
}

static void try(struct response *r, void (*done)(void *arg, enum outmail_result res, const char *text))
{
	struct route_from from = { str_z(r->account), str_z(r->boxid), true };

	r->mail = outmail_start(r->env, r->topology, r->cluster, &from, str_z(r->sender),
				buf_str(&r->message), done, r);
}

static void on_sent_once(void *arg, enum outmail_result res, const char *text)
{
	struct response *r = arg;
	void (*done)(void *arg, enum outmail_result res, const char *text) = r->done;

	r->mail = NULL;
	say(r, res == OUTMAIL_SENT ? "success" : "failure", text);
	if (res != OUTMAIL_LATER)
		remember(r);
	arg = r->arg;
	response_free(r);
	done(arg, res, text);
}

void response_send(struct response *r, void (*done)(void *arg, enum outmail_result res, const char *text),
		   void *arg)
{
	r->done = done;
	r->arg = arg;
	try(r, on_sent_once);
}

/* --- a copy is kept: until it is sent, or too late --- */

static void leave(struct response *r)
{
	r->responder->n--;
	r->responder->bytes -= buf_len(&r->message);
	list_remove(&r->node);
	response_free(r);
}

static void on_sent(void *arg, enum outmail_result res, const char *text)
{
	struct response *r = arg;
	int64_t gone = loop_now(r->env->loop) - r->since;

	r->mail = NULL;
	if (res == OUTMAIL_LATER && gone + r->wait < patience(RESPONDER_MS)) {
		timer_set(&r->again, r->wait);
		r->wait = 2 * r->wait < patience(RESPONDER_WAIT_MAX_MS) ?
				  2 * r->wait : patience(RESPONDER_WAIT_MAX_MS);
		return;
	}
	say(r, res == OUTMAIL_SENT ? "success" : "failure", text);
	if (res != OUTMAIL_LATER)
		remember(r);
	leave(r);
}

/* With the boxes as they are now. */
static void on_again(struct timer *t)
{
	struct response *r = container_of(t, struct response, again);
	struct topology *now = r->env->topology;
	const struct topo_cluster *c = topology_cluster(now, str_z(r->clusterid));

	if (!c) {
		say(r, "failure", "its cluster is gone");
		leave(r);
		return;
	}
	topology_ref(now);
	topology_unref(&r->topology);
	r->topology = now;
	r->cluster = c;
	try(r, on_sent);
}

void responder_take(struct responder *p, struct response **rp)
{
	struct response *r = *rp;

	*rp = NULL;
	if (!p || p->n >= LIMIT_RESPONSES || p->bytes + buf_len(&r->message) > LIMIT_RESPONSE_BYTES) {
		say(r, "failure", "too many replies are waiting to be sent");
		response_free(r);
		return;
	}
	r->responder = p;
	p->n++;
	p->bytes += buf_len(&r->message);
	list_append(&p->waiting, &r->node);
	r->since = loop_now(r->env->loop);
	r->wait = patience(RESPONDER_WAIT_MS);
	try(r, on_sent);
}

/* --- the worker's --- */

struct responder *responder_new(struct env *env)
{
	struct responder *p = mem_zalloc(sizeof(*p));

	p->env = env;
	list_init(&p->waiting);
	return p;
}

void responder_free(struct responder **pp)
{
	struct responder *p = *pp;
	struct list *n, *tmp;

	*pp = NULL;
	if (!p)
		return;
	list_each(&p->waiting, n, tmp) {
		struct response *r = container_of(n, struct response, node);

		say(r, "failure", "the server stops");
		leave(r);
	}
	free(p);
}

unsigned responder_waiting(const struct responder *p)
{
	return p->n;
}
