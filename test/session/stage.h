/* stage: a play of one SMTP session over memory, as a script of lines.
 *
 *   C: bytes of the client (CRLF is added)       S: what we answer, line by line
 *   A> what we say to box A                      A< what box A answers
 *   C! the client closes its side                S! we have closed
 *   A! box A closes                              A# we have broken the connection to box A
 *   C~ bytes without CRLF                        T 1000 (nothing; the clock is real)
 *
 * Boxes are named A, B, C, D. A recipient goes to the box of its first letter in upper case
 * ("a1@t" to A); "ab@t" is an alias over A and B; "u..." is unknown, "f..." foreign, "d..." down.
 * A line of output that the script does not name fails the test, and so does one that is
 * missing. A box connection is greeted by the script's own "A< 220 ..." line.
 * Header-only: used by the session tests alone. */
#ifndef PB_TEST_STAGE_H
#define PB_TEST_STAGE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/limits.h"
#include "lib/session/env.h"
#include "lib/session/legpool.h"

#define STAGE_BOXES 4
#define STAGE_LEGS 64

struct stage_leg {
	struct io *io; /* NULL: not connected */
	size_t read;   /* bytes of what was written that the script has seen */
	int box;
};

struct stage {
	struct env env;
	struct topology topology;
	struct topo_cluster cluster;
	struct topo_box boxes[STAGE_BOXES];
	struct stage_leg legs[STAGE_LEGS];
	unsigned n_legs;
	int current[STAGE_BOXES]; /* the leg a box's script lines speak of; -1 none */
	size_t read;		  /* of the client's output */
	struct session *session;
	struct { /* fake ledger */
		char pair[33], digest[33];
		int outcome;
	} ledger[8];
	unsigned n_ledger;
};

static struct stage stage;

static const char *const stage_names[STAGE_BOXES] = { "A", "B", "C", "D" };

static enum route_result stage_recipient(struct env *env, const struct topo_cluster *c,
					 struct str address, struct str sender, struct arena *a,
					 struct route_list *out)
{
	unsigned n = 0;

	(void)env;
	(void)c;
	(void)sender;
	if (address.p[0] == 'u')
		return ROUTE_UNKNOWN;
	if (address.p[0] == 'f')
		return ROUTE_FOREIGN;
	out->v = arena_alloc(a, STAGE_BOXES * sizeof(*out->v));
	for (; n < STAGE_BOXES && address.p[n] >= 'a' && address.p[n] <= 'd'; n++) {
		int box = address.p[n] - 'a';
		bool alias = address.p[1] >= 'a' && address.p[1] <= 'd';

		out->v[n] = (struct target){ .box = &stage.boxes[box],
					     .boxid = stage.boxes[box].row.boxid,
					     .result = ROUTE_OK };
		out->v[n].address = alias ? arena_printf(a, "%c@t", address.p[n]) :
					    arena_str(a, address);
	}
	out->n = n;
	if (n == 0)
		return ROUTE_BOX_DOWN;
	return ROUTE_OK;
}

static enum route_result stage_box(struct env *env, const struct topo_cluster *c, struct str boxid,
				   struct topo_box **out)
{
	(void)env;
	(void)c;
	(void)boxid;
	(void)out;
	return ROUTE_BOX_DOWN;
}

static int stage_ledger(struct env *env, struct str pair, struct str digest, struct arena *a,
			struct ledger *out)
{
	(void)env;
	(void)a;
	for (unsigned i = 0; i < stage.n_ledger; i++) {
		if (!str_eq(pair, str_z(stage.ledger[i].pair)))
			continue;
		if (digest.n > 0 && !str_eq(digest, str_z(stage.ledger[i].digest)))
			continue;
		*out = (struct ledger){ .boxid = STR("L"), .outcome = stage.ledger[i].outcome };
		return stage.ledger[i].outcome;
	}
	return 0;
}

/* A dial succeeds in the next turn. */
struct stage_dial {
	struct deferred d;
	struct dial *dial;
	void (*done)(struct dial *d, int fd, int error);
	int leg;
};

static void stage_dialled(struct deferred *d)
{
	struct stage_dial *s = container_of(d, struct stage_dial, d);

	s->done(s->dial, s->leg, 0);
	free(s);
}

static void stage_dial(struct env *env, struct dial *d, const struct topo_box *box,
		       void (*done)(struct dial *d, int fd, int error))
{
	struct stage_dial *s = mem_zalloc(sizeof(*s));

	ck_assert_uint_lt(stage.n_legs, STAGE_LEGS);
	memset(d, 0, sizeof(*d));
	d->fd = -1;
	s->dial = d;
	s->done = done;
	s->leg = (int)stage.n_legs++;
	stage.legs[s->leg].box = (int)(box - stage.boxes);
	stage.current[box - stage.boxes] = s->leg;
	deferred_init(&s->d, stage_dialled);
	loop_defer(env->loop, &s->d);
}

static void stage_leg_io(struct env *env, struct io *io, int fd,
			 void (*event)(struct io *io, enum io_event what))
{
	io_init_memory(io, env->loop, LIMIT_LEG_IN, LIMIT_LEG_OUT, event);
	stage.legs[fd].io = io;
}

static const struct asks stage_asks = {
	.recipient = stage_recipient,
	.box = stage_box,
	.dial = stage_dial,
	.leg_io = stage_leg_io,
	.ledger = stage_ledger,
};

static void stage_open(void)
{
	memset(&stage, 0, sizeof(stage));
	stage.env.ask = &stage_asks;
	stage.env.loop = loop_new();
	list_init(&stage.env.sessions);
	stage.env.topology = &stage.topology;
	stage.topology.refs = 1000;
	stage.topology.clusters = &stage.cluster;
	stage.topology.n_clusters = 1;
	stage.cluster.row.clusterid = STR("MX");
	stage.cluster.row.max_mail_size_kb = 100;
	stage.cluster.row.session_max_s = 36000000;
	stage.cluster.host_name = STR("mx.t");
	stage.cluster.protocol = PROTO_SMTP;
	stage.cluster.boxes = stage.boxes;
	stage.cluster.n_boxes = STAGE_BOXES;
	stage.cluster.shm = -1;
	for (int i = 0; i < STAGE_BOXES; i++) {
		stage.boxes[i].row.boxid = str_z(stage_names[i]);
		stage.boxes[i].row.clusterid = STR("MX");
		stage.boxes[i].cluster = &stage.cluster;
		stage.boxes[i].shm = i; /* no shared memory: rows of the pool only */
		stage.current[i] = -1;
	}
	stage.env.pool = legpool_new(&stage.env);
}

static void stage_turn(void)
{
	for (int i = 0; i < 6; i++)
		loop_turn(stage.env.loop);
}

static void stage_client(void)
{
	struct addr peer = { .port = 1 };
	struct err e;

	ck_assert_int_eq(ip_parse(STR("10.11.12.13"), &peer.ip, &e), 0);
	smtp_session_start(&stage.env, &stage.cluster, -1, &peer);
	stage.session = container_of(stage.env.sessions.prev, struct session, node);
	stage.read = 0;
	stage_turn();
}

static void stage_close(void)
{
	while (!list_empty(&stage.env.sessions)) {
		struct session *s = container_of(stage.env.sessions.next, struct session, node);

		s->cut(s, "the end");
		stage_turn();
		if (!list_empty(&stage.env.sessions) && stage.env.sessions.next == &s->node)
			break;
	}
	legpool_free(&stage.env.pool);
	stage_turn();
	loop_free(&stage.env.loop);
}

/* The next unread line of what was written; fails the test when there is none. */
static void stage_expect(const struct io *io, size_t *read, const char *want, const char *who)
{
	struct str all = str_skip(io_memory_written(io), *read);
	ptrdiff_t end = str_find(all, '\n');
	struct str line;

	ck_assert_msg(end >= 0, "%s: nothing came, wanted \"%s\" (rest \"%.*s\")", who, want,
		      STR_ARG(all));
	line = str_trim((struct str){ all.p, (size_t)end });
	*read += (size_t)end + 1;
	ck_assert_msg(str_eq(line, str_z(want)), "%s: came \"%.*s\", wanted \"%s\"", who,
		      STR_ARG(line), want);
}

static void stage_quiet(const struct io *io, size_t read, const char *who)
{
	struct str rest = str_skip(io_memory_written(io), read);

	ck_assert_msg(rest.n == 0, "%s: unexpected \"%.*s\"", who, STR_ARG(rest));
}

static void stage_feed(struct io *io, const char *text, bool crlf)
{
	char line[4096];
	int n = snprintf(line, sizeof(line), "%s%s", text, crlf ? "\r\n" : "");

	io_memory_feed(io, (struct str){ line, (size_t)n });
	stage_turn();
}

static void stage_box_line(const char *line)
{
	int box = line[0] - 'A';
	struct stage_leg *l;

	ck_assert_msg(stage.current[box] >= 0, "%s: no connection to that box", line);
	l = &stage.legs[stage.current[box]];
	switch (line[1]) {
	case '>':
		stage_expect(l->io, &l->read, line + 3, line);
		break;
	case '<':
		stage_quiet(l->io, l->read, line);
		stage_feed(l->io, line + 3, true);
		break;
	case '!':
		io_memory_feed_eof(l->io);
		stage_turn();
		break;
	default:
		ck_abort_msg("line not understood: %s", line);
	}
}

static void stage_client_line(const char *line)
{
	switch (line[1]) {
	case ':':
		stage_quiet(&stage.session->io, stage.read, line);
		stage_feed(&stage.session->io, line + 3, true);
		break;
	case '+': /* without waiting for earlier answers: pipelined */
		stage_feed(&stage.session->io, line + 3, true);
		break;
	case '~':
		stage_feed(&stage.session->io, line + 3, false);
		break;
	case '!':
		io_memory_feed_eof(&stage.session->io);
		stage_turn();
		break;
	default:
		ck_abort_msg("line not understood: %s", line);
	}
}

/* Plays a NULL-terminated script in an open session. */
static void stage_play(const char *const *script)
{
	for (; *script; script++) {
		const char *line = *script;

		if (line[0] == 'S' && line[1] == ':')
			stage_expect(&stage.session->io, &stage.read, line + 3, "server");
		else if (line[0] == 'C' && line[1] != '<' && line[1] != '>')
			stage_client_line(line);
		else
			stage_box_line(line);
	}
}

#endif
