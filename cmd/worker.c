/* worker: one loop that serves all sessions. Reads the stores, never writes, never waits.
 *
 *   bell     a new generation: builds its topology, confirms; ledger rows became durable
 *   channel  listening sockets that came or went
 *   beat     now and then: is alive; looks for a traffic.mdb that was not there yet
 *   TERM     takes nobody in, lets sessions end, cuts what is left at the limit */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/process.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/net/listen.h"
#include "lib/net/resolver.h"
#include "lib/session/env.h"
#include "lib/session/legpool.h"
#include "lib/session/responder.h"
#include "lib/session/verify.h"
#include "shm/counters.h"
#include "shm/slots.h"

#define TRAFFIC_LOOK_MS 20 /* at the first start: rows that cannot be read yet spare nobody */
#define DRAIN_LOOK_MS 50
#define TRAFFIC_TRIES 4 /* it may be in the making */

struct entrance {
	struct acceptor acceptor;
	struct worker *w;
	int cluster, fd;
	bool open;
};

struct worker {
	struct process *p;
	struct env env;
	struct entrance entrances[MAX_LISTENERS];
	struct watch bell, channel;
	struct timer beat, drain;
	struct sigwatch term, hup;
	int64_t drain_until;
	unsigned traffic_tries; /* to open a traffic.mdb that is there */
};

/* --- configuration --- */

/* Builds what the store holds now. On an error the old one stays, and the change that wanted the
 * new one is answered with an error that names this worker. */
static void rebuild(struct worker *w)
{
	uint32_t generation = generation_get(w->p->shm);
	struct topology *t;
	struct err e = { "" };

	if (w->env.topology && w->env.topology->generation == generation)
		return;
	if (topology_build(&t, w->env.accounts, w->p->shm, generation, &e) < 0) {
		log_error("generation %u: %s; the old one stays", generation, e.text);
		return;
	}
	topology_unref(&w->env.topology);
	w->env.topology = t;
	sessions_reconfigured(&w->env);
	generation_confirm(w->p->shm, w->p->slot, generation);
}

static void on_bell(struct watch *watch, unsigned what)
{
	struct worker *w = container_of(watch, struct worker, bell);

	(void)what;
	slot_answer(w->p->shm, w->p->slot);
	rebuild(w);
	sessions_bell(&w->env);
}

/* --- entrances --- */

static const struct topo_cluster *cluster_at(struct worker *w, int index)
{
	struct topology *t = w->env.topology;

	for (unsigned i = 0; i < t->n_clusters; i++)
		if (t->clusters[i].shm == index)
			return &t->clusters[i];
	return NULL;
}

static void on_connection(struct acceptor *a, int fd, const struct addr *peer)
{
	struct entrance *en = container_of(a, struct entrance, acceptor);
	const struct topo_cluster *c = cluster_at(en->w, en->cluster);

	if (!c) { /* the socket came before the generation that explains it */
		rebuild(en->w);
		c = cluster_at(en->w, en->cluster);
	}
	if (c)
		session_accept(&en->w->env, c, fd, peer);
	else
		close(fd); /* the cluster has just been deleted */
}

static bool on_share(struct acceptor *a)
{
	struct worker *w = container_of(a, struct entrance, acceptor)->w;

	return worker_over_share(w->p->shm, w->p->slot);
}

static void on_room(struct env *env)
{
	struct worker *w = container_of(env, struct worker, env);

	for (size_t i = 0; i < MAX_LISTENERS; i++)
		if (w->entrances[i].open)
			acceptor_look(&w->entrances[i].acceptor);
}

static void entrance_close(struct entrance *en)
{
	if (!en->open)
		return;
	acceptor_stop(&en->acceptor);
	close(en->fd);
	en->open = false;
}

static void entrance_open(struct worker *w, int cluster, int fd)
{
	for (size_t i = 0; i < MAX_LISTENERS; i++) {
		struct entrance *en = &w->entrances[i];

		if (en->open)
			continue;
		*en = (struct entrance){ .w = w, .cluster = cluster, .fd = fd, .open = true };
		en->acceptor.got = on_connection;
		en->acceptor.sated = on_share;
		acceptor_start(&en->acceptor, w->env.loop, fd);
		return;
	}
	close(fd); /* more listeners than there may be clusters: none of ours */
}

static void entrances_close(struct worker *w, int cluster)
{
	for (size_t i = 0; i < MAX_LISTENERS; i++)
		if (cluster < 0 || w->entrances[i].cluster == cluster)
			entrance_close(&w->entrances[i]);
}

static void on_channel(struct watch *watch, unsigned what)
{
	struct worker *w = container_of(watch, struct worker, channel);
	struct message m;
	int rc;

	(void)what;
	while ((rc = message_recv(watch->fd, &m)) > 0) {
		if (m.what == MESSAGE_LISTEN && m.fd < 0) { /* no descriptor was free for it */
			log_error("a listening socket was lost; starting anew with all of them");
			exit(EXIT_FAILURE);
		}
		if (m.what == MESSAGE_LISTEN && m.fd >= 0 && !w->env.draining)
			entrance_open(w, m.arg, m.fd);
		else if (m.fd >= 0)
			close(m.fd);
		if (m.what == MESSAGE_UNLISTEN && m.arg >= 0)
			entrances_close(w, m.arg);
	}
	if (rc == 0) /* the supervisor is gone, and so are we in a moment */
		watch_set(watch, 0);
}

/* --- the end --- */

static void all_sessions(struct worker *w, const char *cut)
{
	struct list *n, *tmp;

	list_each(&w->env.sessions, n, tmp) {
		struct session *s = container_of(n, struct session, node);

		if (cut)
			s->cut(s, cut);
		else if (s->drain)
			s->drain(s);
	}
}

static void on_drain(struct timer *t)
{
	struct worker *w = container_of(t, struct worker, drain);
	bool late = loop_now(w->env.loop) >= w->drain_until;

	if (w->env.n_sessions > 0 && late)
		all_sessions(w, "service is stopping");
	if (w->env.n_sessions + w->env.n_settling == 0)
		loop_stop(w->env.loop);
	else if (loop_now(w->env.loop) < w->drain_until + 10 * DRAIN_LOOK_MS)
		timer_set(t, DRAIN_LOOK_MS);
	else
		loop_stop(w->env.loop); /* a box that does not answer the end mark: no more time */
}

static void on_term(struct sigwatch *s)
{
	struct worker *w = container_of(s, struct worker, term);

	if (w->env.draining)
		return;
	w->env.draining = true;
	w->drain_until = loop_now(w->env.loop) + DRAIN_MS;
	entrances_close(w, -1);
	all_sessions(w, NULL);
	timer_set(&w->drain, 0);
}

static void on_hup(struct sigwatch *s)
{
	struct worker *w = container_of(s, struct worker, hup);
	struct err e = { "" };

	traffic_reopen(w->env.traffic);
	if (log_reopen(&e) < 0)
		log_error("%s; writing on into the old one", e.text);
}

/* --- the beginning --- */

/* The replicator makes it; a worker of the first start may be faster. Without it nobody is known
 * to have a mail already, so anything else than "not there yet" is told, once. */
static void look_for_traffic(struct worker *w)
{
	const char *dir = w->p->options->directory;
	char path[PATH_MAX];
	struct err e = { "" };

	snprintf(path, sizeof(path), "%s/traffic.mdb", dir);
	if (w->env.traffic_db || access(path, F_OK) < 0)
		return;
	if (store_open(&w->env.traffic_db, dir, STORE_TRAFFIC, STORE_READ, &e) == 0)
		return;
	w->env.traffic_db = NULL;
	if (++w->traffic_tries == TRAFFIC_TRIES)
		log_error("%s; mail may be doubled after mixed answers until it can be read", e.text);
}

static void on_beat(struct timer *t)
{
	struct worker *w = container_of(t, struct worker, beat);

	slot_beat(w->p->shm, w->p->slot, loop_now(w->env.loop));
	blocklist_flush(&w->env.blocks, loop_now(w->env.loop));
	look_for_traffic(w);
	rebuild(w); /* one that failed before */
	timer_set(t, w->env.traffic_db ? BEAT_MS : TRAFFIC_LOOK_MS);
}

static int open_stores(struct worker *w, struct err *e)
{
	if (store_open(&w->env.accounts, w->p->options->directory, STORE_ACCOUNTS, STORE_READ,
		       e) < 0)
		return -1;
	look_for_traffic(w);
	return 0;
}

static int open_traffic_log(struct worker *w, struct err *e)
{
	const struct options *o = w->p->options;

	if (!o->monthly && !o->daily)
		return 0;
	return traffic_open(&w->env.traffic, o->monthly, o->daily, e);
}

/* Mail goes on without one. */
static void open_resolver(struct worker *w)
{
	struct err e = { "" };

	if (resolver_new(&w->env.resolver, w->env.loop, w->p->options->resolver, &e) < 0)
		log_error("%s; no DNS list and no reverse name is looked up", e.text);
}

static void set_up(struct worker *w)
{
	struct process *p = w->p;

	list_init(&w->env.sessions);
	w->env.ask = &asks_real;
	w->env.shm = p->shm;
	w->env.room = on_room;
	w->env.slot = p->slot;
	w->env.loop = loop_new();
	w->env.pool = legpool_new(&w->env);
	blocklist_init(&w->env.blocks, p->shm, p->slot);
	w->env.responder = responder_new(&w->env);
	open_resolver(w);
	w->env.verify = verify_new(w->env.loop, p->verify);
	timer_init(&w->beat, w->env.loop, on_beat);
	timer_init(&w->drain, w->env.loop, on_drain);
	watch_init(&w->bell, w->env.loop, slot_bell(p->shm, p->slot), on_bell);
	watch_init(&w->channel, w->env.loop, p->channel, on_channel);
	sigwatch_start(&w->term, w->env.loop, SIGTERM, on_term);
	sigwatch_start(&w->hup, w->env.loop, SIGHUP, on_hup);
}

static void start(struct worker *w)
{
	watch_set(&w->bell, WATCH_READ);
	watch_set(&w->channel, WATCH_READ);
	for (unsigned i = 0; i < w->p->n_doors; i++)
		entrance_open(w, w->p->doors[i].cluster, w->p->doors[i].fd);
	timer_set(&w->beat, 0);
}

int worker_run(struct process *p)
{
	static struct worker self; /* one a process */
	struct worker *w = &self;
	struct err e = { "" };

	w->p = p;
	set_up(w);
	if (open_traffic_log(w, &e) < 0) {
		log_error("%s", e.text);
		return EXIT_CANNOT_START;
	}
	if (open_stores(w, &e) < 0) {
		log_error("%s", e.text);
		return EXIT_FAILURE;
	}
	rebuild(w);
	if (!w->env.topology)
		return EXIT_FAILURE; /* told already; the next life may find it better */
	start(w);
	loop_run(w->env.loop);
	responder_free(&w->env.responder);
	legpool_free(&w->env.pool);
	resolver_free(&w->env.resolver);
	traffic_close(&w->env.traffic);
	store_close(&w->env.traffic_db);
	store_close(&w->env.accounts);
	return EXIT_SUCCESS;
}
