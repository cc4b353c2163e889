#include "lib/session/tcp_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/wire/proxy.h"
#include "shm/boxes.h"
#include "shm/counters.h"
#include "shm/sessions.h"

static struct tcp_session *of(struct session *s)
{
	return container_of(s, struct tcp_session, s);
}

static void count(struct tcp_session *t, enum cluster_counter c)
{
	count_cluster(t->s.env->shm, t->s.env->slot, t->s.cluster->shm, c, 1);
}

static void count_with(struct tcp_session *t, enum box_counter c, int64_t delta)
{
	count_box(t->s.env->shm, t->s.env->slot, t->with->shm, c, delta);
}

/* "1-4f2a tcp WHAT box=NAME - text" */
static void log_tcp(struct tcp_session *t, const char *what, const char *text)
{
	struct str box = t->with ? t->with->row.boxid : STR("-");

	traffic_line(t->s.env->traffic, clock_wall_ms(), &t->s.peer.ip,
		     "%s tcp %s box=%.*s%s%s", t->s.sid, what, STR_ARG(box),
		     text[0] ? " - " : "", text);
}

/* --- its end --- */

static void on_reap(struct deferred *d)
{
	free(container_of(d, struct tcp_session, reap));
}

/* The box's side, wherever it stands: its place there is free again. */
static void leave_box(struct tcp_session *t)
{
	if (!t->with)
		return;
	dial_cancel(&t->dial);
	if (t->state == T_CONNECT) /* without its word: another may try it */
		boxes_given_up(t->s.env->shm, t->with->shm);
	count_with(t, BC_sessions, -1);
	t->with = NULL;
}

static void end(struct tcp_session *t, const char *reason)
{
	if (t->state == T_CLOSED)
		return;
	glue_cut(&t->glue);
	if (t->state == T_TUNNEL)
		count_with(t, BC_bytes, (int64_t)t->box.bytes_out);
	leave_box(t);
	t->state = T_CLOSED;
	session_end(&t->s, reason);
	loop_defer(t->s.env->loop, &t->reap);
}

/* --- the tunnel --- */

static void on_tunnel_end(struct glue *g, enum glue_end why)
{
	static const char *const reasons[] = { "closed", "time-out", "client lost",
					       "box lost" };
	struct tcp_session *t = container_of(g, struct tcp_session, glue);

	if (why == GLUE_IDLE)
		count(t, CC_timeouts);
	end(t, reasons[why]);
}

/* Before the glue has taken it over nothing is awaited of it. */
static void on_box_io(struct io *io, enum io_event what)
{
	(void)io;
	(void)what;
}

/* The header must be the first bytes. It goes with what the client has said already; a
 * client that waits for the box to speak first has said nothing, and the box waits for
 * the header. */
static void introduce(struct tcp_session *t)
{
	static const enum proxy_version versions[] = {
		[INFO_PROXY_V1] = PROXY_V1,
		[INFO_PROXY_V2] = PROXY_V2,
	};
	char header[PROXY_HEADER];
	size_t n;

	n = proxy_header(versions[t->with->client_info], &t->s.peer, &t->s.local, header);
	if (n == 0)
		return;
	/* The out buffer is empty, and larger. */
	if (io_hold(&t->box, (struct str){ header, n }) < 0)
		bug("no room for %zu bytes of PROXY header", n);
	if (io_data(&t->s.io).n == 0)
		io_flush(&t->box);
}

static void join(struct tcp_session *t, int fd)
{
	struct env *env = t->s.env;

	count_latency(env->shm, env->slot, t->with->shm,
		      loop_now(env->loop) - t->dialled_at);
	log_tcp(t, "joined", "");
	t->state = T_TUNNEL;
	env->ask->leg_io(env, &t->box, fd, on_box_io);
	introduce(t);
	glue_join(&t->glue, &t->s.io, &t->box, t->s.cluster->idle_ms, on_tunnel_end);
}

/* --- a box --- */

static void next_box(struct tcp_session *t, int failed);

/* A light that changed while we were connecting: the session has not begun there, and
 * begins elsewhere. */
static bool still_green(const struct tcp_session *t)
{
	struct topology *now = t->s.env->topology;
	const struct topo_cluster *c;
	const struct topo_box *b;

	if (now == t->s.topology)
		return true;
	c = topology_cluster(now, t->s.cluster->row.clusterid);
	b = c ? topology_box(c, t->with->row.boxid) : NULL;
	return b && b->light == LIGHT_GREEN;
}

static void connected(struct tcp_session *t, int fd)
{
	boxes_worked(t->s.env->shm, t->with->shm);
	if (still_green(t)) {
		join(t, fd);
		return;
	}
	close(fd);
	log_tcp(t, "tries another", "its light has changed");
	leave_box(t);
	next_box(t, -1);
}

static void on_dial(struct dial *d, int fd, int error)
{
	struct tcp_session *t = container_of(d, struct tcp_session, dial);
	struct env *env = t->s.env;
	int box = t->with->shm;
	char why[100];

	if (!error) {
		connected(t, fd);
		return;
	}
	snprintf(why, sizeof(why), "%s, while=\"connect\"", strerror(error));
	log_tcp(t, "tries another", why);
	count_with(t, BC_failures, 1);
	if (!dial_own_trouble(error))
		boxes_failed(env->shm, box, loop_now(env->loop), why);
	leave_box(t);
	next_box(t, box);
}

/* -1: it has as many sessions as it may, since a moment ago. */
static int take_place(struct tcp_session *t, const struct topo_box *box)
{
	struct env *env = t->s.env;

	if (!take_box_session(env->shm, env->slot, box->shm,
			      (uint64_t)box->row.max_sessions))
		return -1;
	t->with = box;
	count_with(t, BC_sessions_total, 1);
	session_row_box(env->shm, env->slot, t->s.row, box->shm);
	return 0;
}

/* With the configuration of now: a box that went yellow while we waited for another
 * gets nothing. Each turn tries a box that was not tried. */
static void next_box(struct tcp_session *t, int failed)
{
	struct env *env = t->s.env;
	struct topo_box *box;

	session_refresh(&t->s);
	do {
		box = env->ask->balance(env, t->s.cluster, &t->s.peer.ip, failed,
					&t->tried);
	} while (box && take_place(t, box) < 0);
	if (box) {
		t->dialled_at = loop_now(env->loop);
		env->ask->dial(env, &t->dial, box, on_dial);
		return;
	}
	log_tcp(t, "put off", "no box is in service");
	count(t, CC_refused_temporary);
	end(t, "no box is in service");
}

/* --- the client, before the tunnel --- */

/* What it sends waits. Its end of stream waits behind that: the glue finds both. */
static void on_io(struct io *io, enum io_event what)
{
	struct tcp_session *t = of(container_of(io, struct session, io));

	if (what == IO_FAILED)
		end(t, "client lost");
}

/* --- called by the worker --- */

static void on_cut(struct session *s, const char *why)
{
	struct tcp_session *t = of(s);

	io_abort(&t->s.io);
	io_abort(&t->box);
	end(t, why);
}

/* One that is still connecting will see the light by itself. */
static bool on_uses(const struct session *s, struct str clusterid, struct str boxid)
{
	const struct tcp_session *t = (const struct tcp_session *)(const void *)s;

	return t->state == T_TUNNEL && str_eq(s->cluster->row.clusterid, clusterid) &&
	       str_eq(t->with->row.boxid, boxid);
}

void tcp_session_start(struct env *env, const struct topo_cluster *cluster, int fd,
		       const struct addr *peer)
{
	struct tcp_session *t = mem_zalloc(sizeof(*t));

	deferred_init(&t->reap, on_reap);
	session_begin(&t->s, env, cluster, fd, peer, LIMIT_SESSION_IN, LIMIT_SESSION_OUT,
		      on_io);
	t->s.cut = on_cut;
	t->s.uses = on_uses;
	next_box(t, -1);
}
