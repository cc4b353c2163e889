#include "lib/session/env.h"

#include <stdio.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/guard/access.h"
#include "lib/guard/gate_store.h"
#include "lib/guard/replied.h"
#include "lib/session/legpool.h"
#include "lib/session/repute.h"
#include "shm/boxes.h"
#include "shm/clients.h"
#include "shm/counters.h"
#include "shm/sessions.h"

/* --- what sessions ask, answered by the real rooms --- */

static enum route_result ask_recipient(struct env *env, const struct topo_cluster *c,
				       struct str address, const struct route_from *from,
				       struct arena *a, struct route_list *out)
{
	return route_recipient(env->accounts, env->shm, c, address, from, loop_now(env->loop), a,
			       out);
}

static enum route_result ask_relay(struct env *env, const struct topo_cluster *c,
				   const struct route_from *from, struct topo_box **out)
{
	return route_relay(c, from, env->shm, loop_now(env->loop), out);
}

static enum route_result ask_sender(struct env *env, const struct topo_cluster *c,
				    struct str sender, struct str login, struct arena *a,
				    struct route_sender *out)
{
	return route_sender(env->accounts, c, sender, login, clock_wall_ms(), a, out);
}

static enum route_result ask_account(struct env *env, struct str address, struct arena *a,
				     struct account *acc)
{
	return route_account(env->accounts, address, a, acc);
}

static enum route_result ask_box(struct env *env, const struct topo_cluster *c, struct str boxid,
				 struct topo_box **out)
{
	return route_box(c, boxid, env->shm, loop_now(env->loop), out);
}

static struct topo_box *ask_balance(struct env *env, const struct topo_cluster *c,
				    const struct ipaddr *client, int failed,
				    struct balance_tried *tried)
{
	return balance_choose(c, env->shm, client, loop_now(env->loop), failed, tried);
}

static void ask_dial(struct env *env, struct dial *d, const struct topo_box *box,
		     void (*done)(struct dial *d, int fd, int error))
{
	/* Two workers may have chosen it in one moment: then both of them try it. */
	if (env->shm)
		(void)boxes_usable(env->shm, box->shm, loop_now(env->loop));
	dial_start(d, env->loop, &box->addr, box->connect_timeout_ms, done);
}

static void ask_leg_io(struct env *env, struct io *io, int fd,
		       void (*event)(struct io *io, enum io_event what))
{
	io_init_socket(io, env->loop, fd, LIMIT_LEG_IN, LIMIT_LEG_OUT, event);
}

static int ask_ledger(struct env *env, struct str pair, struct str digest, struct arena *a,
		      struct ledger *out)
{
	if (!env->traffic_db)
		return 0;
	return route_ledger(env->traffic_db, pair, digest, clock_wall_ms(), a, out);
}

static int ask_known(struct env *env, struct str account, const struct ipaddr *client)
{
	return access_knows(env->traffic_db, account, client);
}

static int ask_blocked(struct env *env, struct str subject)
{
	return env->traffic_db ? blocklist_has(&env->blocks, env->traffic_db, subject) : 0;
}

static int ask_replied(struct env *env, struct str account, struct str sender)
{
	return replied_lately(env->traffic_db, account, sender, clock_wall_ms());
}

static int ask_sight(struct env *env, const struct settings *settings,
		     const struct gate_envelope *e, const struct gate_rules *r, struct sight *known)
{
	return gate_look(env->traffic_db, e, r, decimal_min_ms(settings->whitelist_max_age_min),
			 clock_wall_ms(), known);
}

const struct asks asks_real = {
	.recipient = ask_recipient,
	.relay = ask_relay,
	.sender = ask_sender,
	.account = ask_account,
	.box = ask_box,
	.balance = ask_balance,
	.dial = ask_dial,
	.leg_io = ask_leg_io,
	.ledger = ask_ledger,
	.blocked = ask_blocked,
	.known = ask_known,
	.listed = repute_list,
	.nameless = repute_nameless,
	.replied = ask_replied,
	.sight = ask_sight,
};

/* --- the life of any session --- */

static void count(struct session *s, enum cluster_counter c, int64_t delta)
{
	if (s->env->shm)
		count_cluster(s->env->shm, s->env->slot, s->cluster->shm, c, delta);
}

static int open_row(const struct session *s)
{
	struct session_row row = { .client = s->peer.ip,
				   .cluster = (int16_t)s->cluster->shm,
				   .box = -1,
				   .id = s->env->next_id,
				   .since = clock_wall_ms() };

	return s->env->shm ? session_row_open(s->env->shm, s->env->slot, &row) : -1;
}

/* Zeros where there is no socket (tests), or one of another family. */
static struct addr local_of(int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof(ss);
	struct addr a = { .port = 0 };

	if (fd >= 0 && getsockname(fd, (struct sockaddr *)&ss, &n) == 0 &&
	    addr_from_sockaddr((struct sockaddr *)&ss, &a) == 0)
		return a;
	return (struct addr){ .port = 0 };
}

void session_begin(struct session *s, struct env *env, const struct topo_cluster *c, int fd,
		   const struct addr *peer, size_t in_max, size_t out_max,
		   void (*event)(struct io *io, enum io_event what))
{
	s->env = env;
	s->topology = topology_ref(env->topology);
	s->cluster = c;
	s->peer = *peer;
	s->local = local_of(fd);
	s->started = loop_now(env->loop);
	snprintf(s->sid, sizeof(s->sid), "%u-%x", env->slot + 1, ++env->next_id);
	list_append(&env->sessions, &s->node);
	env->n_sessions++;
	s->row = open_row(s);
	count(s, CC_sessions_total, 1);
	if (fd >= 0)
		io_init_socket(&s->io, env->loop, fd, in_max, out_max, event);
	else /* tests: nobody dials, bytes are fed */
		io_init_memory(&s->io, env->loop, in_max, out_max, event);
	traffic_line(env->traffic, clock_wall_ms(), &peer->ip, "%s connected cluster=%.*s", s->sid,
		     STR_ARG(c->row.clusterid));
}

void session_refresh(struct session *s)
{
	struct topology *now = s->env->topology;
	const struct topo_cluster *c;

	if (now == s->topology)
		return;
	c = topology_cluster(now, s->cluster->row.clusterid);
	/* With another index it is another cluster of that name, and counted as such. */
	if (!c || c->shm != s->cluster->shm || c->protocol != s->cluster->protocol)
		return;
	topology_ref(now);
	topology_unref(&s->topology);
	s->topology = now;
	s->cluster = c;
}

void session_end(struct session *s, const char *reason)
{
	struct env *env = s->env;

	io_close(&s->io);
	traffic_line(env->traffic, clock_wall_ms(), &s->peer.ip,
		     "%s disconnected reason=\"%s\" in=%llu out=%llu seconds=%.3f", s->sid, reason,
		     (unsigned long long)s->io.bytes_in, (unsigned long long)s->io.bytes_out,
		     (double)(loop_now(env->loop) - s->started) / 1000);
	count(s, CC_bytes_in, (int64_t)s->io.bytes_in);
	count(s, CC_bytes_out, (int64_t)s->io.bytes_out);
	count(s, CC_sessions, -1);
	if (env->shm)
		client_leave(env->shm, env->slot,
			     client_key(env->shm, s->cluster->shm, &s->peer.ip));
	if (s->row >= 0)
		session_row_close(env->shm, env->slot, s->row);
	list_remove(&s->node);
	env->n_sessions--;
	topology_unref(&s->topology);
	if (env->room)
		env->room(env);
}

/* --- a new topology, a bell --- */

/* Calls cut for the sessions that use this box. */
static void cut_users(struct env *env, const struct topo_box *box)
{
	struct list *n, *tmp;

	list_each(&env->sessions, n, tmp) {
		struct session *s = container_of(n, struct session, node);

		if (s->uses && s->uses(s, box->row.clusterid, box->row.boxid))
			s->cut(s, "the box was taken off, try again later");
	}
}

void sessions_reconfigured(struct env *env)
{
	struct topology *t = env->topology;

	if (env->pool)
		legpool_flush(env->pool);
	for (unsigned i = 0; i < t->n_clusters; i++)
		for (unsigned j = 0; j < t->clusters[i].n_boxes; j++)
			if (t->clusters[i].boxes[j].light == LIGHT_RED)
				cut_users(env, &t->clusters[i].boxes[j]);
}

void sessions_bell(struct env *env)
{
	struct list *n, *tmp;

	list_each(&env->sessions, n, tmp) {
		struct session *s = container_of(n, struct session, node);

		if (s->bell)
			s->bell(s);
	}
}
