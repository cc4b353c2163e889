#include "lib/session/mail_policy.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/guard/envelope_key.h"
#include "lib/guard/relay_limits.h"
#include "lib/session/transaction.h"
#include "shm/counters.h"

static const struct policy_refusal
	login_wanted = { 530, "5.7.0 log in first", CC_refused_login },
	no_notifications = { 550, "5.7.1 mail without a sender is not taken from here",
			     CC_refused_sender },
	not_yours = { 553, "5.7.1 this sender address is not yours", CC_refused_sender },
	inside_only = { 550, "5.7.1 mail of this sender is not taken from outside",
			CC_refused_sender },
	blocked = { 550, "you have exceeded your mail quota - contact our site administrators for "
			 "more info", CC_refused_blocked },
	too_many = { 452, "4.5.3 more recipients than you may send one mail to", CC_refused_limit },
	not_now = { 451, "4.3.0 the account database cannot be read now", CC_refused_temporary },
	no_null = { 550, "5.7.1 this mailbox takes no mail without a sender", CC_refused_sender },
	no_self = { 550, "5.7.1 this mailbox takes no mail from itself", CC_refused_sender };

/* An account that has logged in stands for a sender that is none of ours. */
static const struct route_sender *counted_as(const struct route_sender *sender,
					     const struct route_sender *login)
{
	return !sender->ours && login->ours ? login : sender;
}

/* Who has logged in is exempt by his own account, or by an alias of it. */
static bool is_unlimited(const struct route_sender *sender, const struct route_sender *login,
			 bool logged_in)
{
	return logged_in ? login->unlimited || (sender->own && sender->unlimited) :
			   sender->unlimited;
}

static int64_t most_recipients(const struct topo_cluster *c, const struct route_sender *s)
{
	if (s->unlimited)
		return 0;
	return s->rcpt_per_mail != FIELD_EMPTY ? s->rcpt_per_mail : c->row.rcpt_per_mail;
}

/* --- limits of relay clients --- */

/* Where an event is counted. */
struct counting {
	struct env *env;
	const struct topology *topology;
	const struct topo_cluster *cluster;
	struct relay_client who;
	const char *sid;
};

static void block(const struct counting *c, enum relay_limit l, const struct relay_bound *b,
		  struct str subject)
{
	traffic_line(c->env->traffic, clock_wall_ms(), &c->who.ip,
		     "%s blocked %.*s - more than %lld %s in %lld min", c->sid, STR_ARG(subject),
		     (long long)b->most, relay_limit_words(l), (long long)(b->window_ms / 60000));
	if (blocklist_put(&c->env->blocks, subject, relay_limit_reason(l), clock_wall_ms()) < 0)
		log_warning("%.*s is to be blocked, but the journal is full", STR_ARG(subject));
}

/* Counts one event; NULL: it is within its limits, else who passed one is blocked now. */
static const struct policy_refusal *count_event(const struct counting *c, enum relay_limit l,
						struct str value)
{
	struct relay_bound b = relay_bound(l, &c->topology->settings, &c->cluster->row);
	char client[ADDR_TEXT];
	unsigned over;

	if (!c->env->shm)
		return NULL;
	over = relay_limit_count(c->env->shm, l, &b, &c->who, value, loop_now(c->env->loop));
	if (over & RELAY_BY_ADDRESS)
		block(c, l, &b, str_z(ip_text(&c->who.ip, client)));
	if (over & RELAY_BY_ACCOUNT)
		block(c, l, &b, c->who.account);
	return over ? &blocked : NULL;
}

/* A MAIL that is answered with 250 unless this refuses it. */
static const struct policy_refusal *count_mail(const struct session *s, const struct mail_policy *p)
{
	struct counting c = { s->env, s->topology, s->cluster, { s->peer.ip, p->account }, s->sid };
	struct str sender = p->from.sender;
	const struct policy_refusal *no = count_event(&c, RELAY_MAILS, STR(""));

	if (sender.n == 0)
		return no;
	/* The manual's count of senders without an account, which a client of the relay ranges
	 * uses when a robot on it makes them up. */
	if (!no && p->account.n == 0)
		no = count_event(&c, RELAY_STRANGERS, sender);
	if (!no)
		no = count_event(&c, RELAY_SENDERS, sender);
	return no ? no : count_event(&c, RELAY_DOMAINS, sender_domain(sender));
}

const struct policy_refusal *policy_too_many(struct transaction *tx)
{
	struct counting c = { tx->env, tx->topology, tx->cluster,
			      { tx->client, tx->policy.account }, tx->sid };

	if (tx->policy.counted && !tx->policy.over)
		tx->policy.over = count_event(&c, RELAY_EXCEEDED, STR("")) != NULL;
	return tx->policy.over ? &blocked : &too_many;
}

/* --- MAIL --- */

static bool is_blocked(const struct session *s, struct str subject)
{
	struct env *env = s->env;

	if (env->ask->blocked(env, subject) <= 0)
		return false;
	if (env->shm)
		blocklist_tried(&env->blocks, subject, loop_now(env->loop));
	return true;
}

/* What the rows of sender and login say. */
static const struct policy_refusal *ask_rows(const struct session *s, const char *login,
					     struct arena *a, struct mail_policy *p, bool box)
{
	const struct topo_cluster *c = s->cluster;
	struct route_sender sender = { .rcpt_per_mail = FIELD_EMPTY, .name = STR("") };
	struct route_sender own = sender;
	const struct route_sender *by;
	struct str name = str_z(login);

	if (p->from.sender.n > 0 &&
	    s->env->ask->sender(s->env, c, p->from.sender, name, a, &sender) != ROUTE_OK)
		return &not_now;
	if (sender.ours && !sender.remote && !p->inside)
		return &inside_only;
	if (name.n > 0) {
		if (s->env->ask->sender(s->env, c, name, name, a, &own) != ROUTE_OK)
			return &not_now;
		if (!own.own) /* deleted since it logged in; an alias may have its name now */
			return &login_wanted;
		if (!sender.own && p->from.sender.n > 0 && c->row.sender_must_match)
			return &not_yours;
	}
	p->account = name.n > 0 ? arena_str(a, name) : sender.name;
	p->counted = p->program && !is_unlimited(&sender, &own, name.n > 0);
	if (!p->account.p)
		return &not_now;
	if (p->account.n > 0 && p->program && is_blocked(s, p->account))
		return &blocked; /* also when the sender has a tag */
	by = counted_as(&sender, &own);
	/* An alias has no box; its member that has logged in has one. */
	p->from.boxid = sender.boxid.n > 0 ? sender.boxid : own.boxid;
	p->rcpt_max = p->from.relays && !box ? most_recipients(c, by) : 0;
	return NULL;
}

/* The blocked list, for relay clients: by address, and by account, which is the login's or, of who
 * has none, the sender's. */
static const struct policy_refusal *ask_blocks(const struct session *s, const char *login,
					       struct str sender)
{
	char client[ADDR_TEXT];
	struct str subjects[] = { str_z(ip_text(&s->peer.ip, client)), str_z(login), sender };

	/* A list that cannot be read blocks nobody: mail goes on. */
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
		if (subjects[i].n > 0 && is_blocked(s, subjects[i]))
			return &blocked;
	return NULL;
}

const struct policy_refusal *policy_mail(const struct session *s, const char *login,
					 struct str sender, struct arena *a,
					 struct mail_policy *out)
{
	const struct topo_cluster *c = s->cluster;
	bool ranged = ranges_contain(&c->relay, &s->peer.ip);
	/* A box sends as a server does: it retries. */
	bool box = topology_has_box(s->topology, &s->peer.ip, true);
	const struct policy_refusal *no;

	*out = (struct mail_policy){ .from = { sender, STR_INIT(""), login[0] || ranged } };
	out->program = out->from.relays && !box;
	out->inside = out->from.relays || box;
	if (c->row.auth_required && !login[0])
		return &login_wanted;
	if (out->program && sender.n == 0 && !c->row.allow_relay_notifications)
		return &no_notifications;
	no = out->program || login[0] ? ask_blocks(s, login, sender) : NULL;
	if (!no)
		no = ask_rows(s, login, a, out, box);
	return no || !out->counted ? no : count_mail(s, out);
}

const struct policy_refusal *policy_rcpt(const struct mail_policy *p, const struct target *t)
{
	if (p->inside || t->member || t->foreign)
		return NULL;
	if (t->no_null && p->from.sender.n == 0)
		return &no_null;
	return t->no_self && str_eq(t->address, p->from.sender) ? &no_self : NULL;
}
