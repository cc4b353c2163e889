#include "lib/session/mail_policy.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/guard/strangers.h"
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
	not_now = { 451, "4.3.0 the account database cannot be read now", CC_refused_temporary },
	no_null = { 550, "5.7.1 this mailbox takes no mail without a sender", CC_refused_sender },
	no_self = { 550, "5.7.1 this mailbox takes no mail from itself", CC_refused_sender };

/* A box sends as a server does: it retries. Loopback addresses tell nobody apart: there a mail
 * program may be on the same machine. */
static bool is_box(const struct topology *t, const struct ipaddr *ip)
{
	if (ip_is_loopback(ip))
		return false;
	for (unsigned i = 0; i < t->n_clusters; i++) {
		const struct topo_cluster *c = &t->clusters[i];

		for (unsigned j = 0; j < c->n_boxes && c->protocol == PROTO_SMTP; j++)
			if (ip_eq(&c->boxes[j].addr.ip, ip))
				return true;
	}
	return false;
}

/* An account that has logged in stands for a sender that is none of ours. */
static const struct route_sender *counted_as(const struct route_sender *sender,
					     const struct route_sender *login)
{
	return !sender->ours && login->ours ? login : sender;
}

static int64_t most_recipients(const struct topo_cluster *c, const struct route_sender *s)
{
	if (s->unlimited)
		return 0;
	return s->rcpt_per_mail != FIELD_EMPTY ? s->rcpt_per_mail : c->row.rcpt_per_mail;
}

/* The manual's count of senders without an account, which a client of the relay ranges uses
 * when a robot on it makes them up. */
static bool too_many_strangers(const struct session *s, struct str sender)
{
	struct env *env = s->env;
	char client[ADDR_TEXT];
	int64_t window = decimal_min_ms(s->topology->settings.distinct_from_emails_interval_min);

	if (!env->shm || !strangers_exceeded(env->shm, &s->peer.ip, sender, s->cluster->row.rcpt_per_mail,
					     window, loop_now(env->loop)))
		return false;
	ip_text(&s->peer.ip, client);
	traffic_line(env->traffic, clock_wall_ms(), &s->peer.ip,
		     "%s blocked %s - more than %lld sender addresses without an account in %lld min",
		     s->sid, client, (long long)s->cluster->row.rcpt_per_mail,
		     (long long)(window / 60000));
	if (blocklist_put(&env->blocks, str_z(client), "too many sender addresses without an account",
			  clock_wall_ms()) < 0)
		log_warning("%s is to be blocked, but the journal is full", client);
	return true;
}

/* What the rows of sender and login say. */
static const struct policy_refusal *ask_rows(const struct session *s, const char *login,
					     struct arena *a, struct mail_policy *p, bool box)
{
	const struct topo_cluster *c = s->cluster;
	struct route_sender sender = { .rcpt_per_mail = FIELD_EMPTY }, own = sender;
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
	if (p->program && name.n == 0 && !sender.ours && p->from.sender.n > 0 &&
	    too_many_strangers(s, p->from.sender))
		return &blocked;
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
		if (subjects[i].n > 0 && s->env->ask->blocked(s->env, subjects[i]) > 0)
			return &blocked;
	return NULL;
}

const struct policy_refusal *policy_mail(const struct session *s, const char *login,
					 struct str sender, struct arena *a,
					 struct mail_policy *out)
{
	const struct topo_cluster *c = s->cluster;
	bool ranged = ranges_contain(&c->relay, &s->peer.ip);
	bool box = is_box(s->topology, &s->peer.ip);
	const struct policy_refusal *no;

	*out = (struct mail_policy){ .from = { sender, STR_INIT(""), login[0] || ranged } };
	out->program = out->from.relays && !box;
	out->inside = out->from.relays || box;
	if (c->row.auth_required && !login[0])
		return &login_wanted;
	if (out->program && sender.n == 0 && !c->row.allow_relay_notifications)
		return &no_notifications;
	no = out->program || login[0] ? ask_blocks(s, login, sender) : NULL;
	return no ? no : ask_rows(s, login, a, out, box);
}

const struct policy_refusal *policy_rcpt(const struct mail_policy *p, const struct target *t)
{
	if (p->inside || t->member || t->foreign)
		return NULL;
	if (t->no_null && p->from.sender.n == 0)
		return &no_null;
	return t->no_self && str_eq(t->address, p->from.sender) ? &no_self : NULL;
}
