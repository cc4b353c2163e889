/* pop_stage: a play of one POP3 session over memory, as a script of lines.
 *
 *   C: line of the client, CRLF is added         S: what we answer, line by line
 *   C+ the same behind unread answers            S! we have closed, and said no more
 *   C~ bytes without CRLF                        S= nothing more is said
 *   C! the client closes its side                C% its connection breaks
 *   A> what we say to box A                      A< what box A answers (A+ bytes as they are)
 *   A! box A closes (A% with a reset)            A# we have closed the connection to box A
 *   A- the next connection to box A is refused   A? nobody has connected to box A since
 *   T 10000 so many milliseconds pass            V- the verifier answers no more
 *
 * Accounts: a, h, b, s, o, n, l @t, on box A, b on B, o on X:
 *   "a" plain password "secret"; "h" hashed "secret"; "b" none: its box checks;
 *   "s" a scheme nobody knows; "o" its box is not here; "n" plain "{PLAIN}two  words "; "l"
 *   plain with a line break; those of the RFCs' examples; "e@t": the store cannot be read;
 *   others are unknown.
 *   Box A falls over to D, and D to A.
 * Shared memory, box choice and penalties are real; the verifier is played here.
 * A line of output that the script does not name fails the test, and so does a missing one.
 * Header-only: used by the POP3 tests alone. Include it behind virtual_time.h. */
#ifndef PB_TEST_POP_STAGE_H
#define PB_TEST_POP_STAGE_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/hash.h"
#include "lib/session/pop3_server.h"
#include "lib/store/password.h"
#include "shm/boxes.h"
#include "shm/slots.h"

#define STAGE_BOXES 3
#define STAGE_PIPES 32

/* One end of a connection. What was written outlives its close. */
struct stage_pipe {
	struct io *io; /* NULL: closed */
	char *last;    /* all that was written, once it is closed */
	size_t last_n, read;
};

static struct pop_stage {
	struct env env;
	struct topology topology;
	struct topo_cluster cluster;
	struct topo_box boxes[STAGE_BOXES];
	struct stage_pipe pipes[STAGE_PIPES]; /* the last client first, then connections to boxes */
	unsigned n_pipes;
	int current[STAGE_BOXES]; /* the pipe a box's lines speak of; -1 none */
	bool refuses[STAGE_BOXES];
	const char *home; /* who has been here before */
	int verifier[2]; /* the worker's end and its other end */
	bool verifier_mute;
	struct pop3_session *session;
	char stamp[320]; /* of the greeting, with its brackets */
} stage;

static const struct {
	const char *address, *password, *boxid;
} stage_accounts[] = {
	{ "a@t", "secret", "A" },
	{ "h@t", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "A" },
	{ "b@t", "", "B" },
	{ "s@t", "{SSHA}secret", "A" },
	{ "o@t", "secret", "X" },
	{ "n@t", "{PLAIN}two  words ", "A" },
	{ "l@t", "line\nDELE 1", "A" },
	{ "mrose", "tanstaaf", "A" }, /* of the examples in RFC 1939, 2195, 7677 */
	{ "tim", "tanstaaftanstaaf", "A" },
	{ "user", "pencil", "A" },
};

/* --- what sessions ask --- */

static enum route_result stage_account(struct env *env, struct str address,
				       struct arena *a, struct account *acc)
{
	(void)env;
	if (str_ieq(address, STR("e@t")))
		return ROUTE_ERROR;
	for (size_t i = 0; i < ARRAY_LEN(stage_accounts); i++) {
		if (!str_ieq(address, str_z(stage_accounts[i].address)))
			continue;
		memset(acc, 0, sizeof(*acc));
		acc->email_address = arena_str(a, str_z(stage_accounts[i].address));
		acc->user_password = arena_str(a, str_z(stage_accounts[i].password));
		acc->boxid = arena_str(a, str_z(stage_accounts[i].boxid));
		return ROUTE_OK;
	}
	return ROUTE_UNKNOWN;
}

static enum route_result stage_box(struct env *env, const struct topo_cluster *c,
				   struct str boxid, struct topo_box **out)
{
	return asks_real.box(env, c, boxid, out);
}

/* Connected, or refused, in the next turn; the timer is where dial_cancel finds it. */
static void stage_dialled(struct timer *t)
{
	struct dial *d = container_of(t, struct dial, timeout);
	void (*done)(struct dial * d, int fd, int error) = d->done;
	int box = d->error, pipe;

	d->done = NULL;
	if (stage.refuses[box]) {
		stage.refuses[box] = false;
		done(d, -1, ECONNREFUSED);
		return;
	}
	ck_assert_uint_lt(stage.n_pipes, STAGE_PIPES);
	pipe = (int)stage.n_pipes++;
	stage.current[box] = pipe;
	done(d, pipe, 0);
}

static void stage_dial(struct env *env, struct dial *d, const struct topo_box *box,
		       void (*done)(struct dial *d, int fd, int error))
{
	(void)boxes_usable(env->shm, box->shm, loop_now(env->loop));
	memset(d, 0, sizeof(*d));
	watch_init(&d->watch, env->loop, -1, NULL);
	timer_init(&d->timeout, env->loop, stage_dialled);
	timer_set(&d->timeout, 0);
	d->fd = -1;
	d->error = (int)(box - stage.boxes);
	d->done = done;
}

/* --- connections that remember --- */

static void (*stage_memory_close)(struct io *io);

static void stage_pipe_close(struct io *io)
{
	struct stage_pipe *p = stage.pipes;

	while (p->io != io)
		p++;
	p->last_n = io_memory_written(io).n;
	p->last = malloc(p->last_n + 1);
	if (p->last_n)
		memcpy(p->last, io_memory_written(io).p, p->last_n);
	p->io = NULL;
	stage_memory_close(io);
}

static void stage_pipe_of(int i, struct io *io)
{
	static struct io_ops ops;

	ops = *io->ops;
	if (ops.close != stage_pipe_close)
		stage_memory_close = ops.close;
	ops.close = ops.abort = stage_pipe_close;
	io->ops = &ops;
	stage.pipes[i] = (struct stage_pipe){ .io = io };
}

static void stage_leg_io(struct env *env, struct io *io, int fd,
			 void (*event)(struct io *io, enum io_event what))
{
	io_init_memory(io, env->loop, LIMIT_LEG_IN, LIMIT_LEG_OUT, event);
	stage_pipe_of(fd, io);
}

/* "a@t": used from here before. */
static int stage_known(struct env *env, struct str account, const struct ipaddr *client)
{
	(void)env;
	(void)client;
	return stage.home && str_eq(account, str_z(stage.home));
}

static const struct asks stage_asks = {
	.known = stage_known,
	.account = stage_account,
	.box = stage_box,
	.dial = stage_dial,
	.leg_io = stage_leg_io,
};

/* --- the verifier --- */

static bool stage_verify(void)
{
	struct verify_question q;
	struct verify_answer a = { 0 };
	struct password p;
	struct str salt = { (const char *)q.salt, 0 };

	if (stage.verifier_mute || recv(stage.verifier[1], &q, sizeof(q), MSG_DONTWAIT) < 0)
		return false;
	salt.n = q.salt_n;
	a.id = q.id;
	if (q.kind == VERIFY_SCRAM)
		a.result = sasl_scram_keys(str_z(q.password), salt, q.rounds,
					   a.stored_key, a.server_key) == 0 ?
				   1 :
				   -1;
	else
		a.result = password_read(str_z(q.stored), &p, NULL) == 0 &&
			   password_digest_is(&p, str_z(q.password));
	ck_assert_int_eq(send(stage.verifier[1], &a, sizeof(a), 0), sizeof(a));
	return true;
}

static void stage_turn(void)
{
	do {
		for (int i = 0; i < 12; i++)
			loop_turn(stage.env.loop);
	} while (stage_verify());
}

/* --- its life --- */

static void stage_box_open(int i, const char *name, int fallover)
{
	stage.boxes[i].row.boxid = str_z(name);
	stage.boxes[i].row.clusterid = stage.cluster.row.clusterid;
	stage.boxes[i].cluster = &stage.cluster;
	stage.boxes[i].protocol = PROTO_POP3;
	stage.boxes[i].fallover = fallover;
	stage.boxes[i].shm = boxes_assign(stage.env.shm, STR("POP"), str_z(name));
	stage.current[i] = -1;
}

static void stage_open(void)
{
	memset(&stage, 0, sizeof(stage));
	stage.env.ask = &stage_asks;
	stage.env.loop = loop_new();
	stage.env.shm = shm_create(1);
	list_init(&stage.env.sessions);
	stage.env.topology = &stage.topology;
	stage.topology.refs = 1000;
	stage.topology.clusters = &stage.cluster;
	stage.topology.n_clusters = 1;
	stage.cluster.row.clusterid = STR("POP");
	stage.cluster.host_name = STR("pop.t");
	stage.cluster.row.session_max_s = 36000000; /* one hour */
	stage.cluster.protocol = PROTO_POP3;
	stage.cluster.boxes = stage.boxes;
	stage.cluster.n_boxes = STAGE_BOXES;
	stage.cluster.shm = clusters_assign(stage.env.shm, STR("POP"));
	stage_box_open(0, "A", 2);
	stage_box_open(1, "B", -1);
	stage_box_open(2, "D", 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, stage.verifier), 0);
	stage.env.verify = verify_new(stage.env.loop, stage.verifier[0]);
}

static struct str stage_written(const struct stage_pipe *p)
{
	return p->io ? io_memory_written(p->io) : (struct str){ p->last, p->last_n };
}

/* The next unread line; fails the test when there is none. */
static struct str stage_line(struct stage_pipe *p, const char *who)
{
	struct str all = str_skip(stage_written(p), p->read);
	ptrdiff_t end = str_find(all, '\n');

	ck_assert_msg(end > 0 && all.p[end - 1] == '\r',
		      "%s: no line came (rest \"%.*s\")", who, STR_ARG(all));
	p->read += (size_t)end + 1;
	return (struct str){ all.p, (size_t)end - 1 };
}

/* A client of the network of ip; its greeting is read. */
static inline void stage_client(const char *ip)
{
	struct addr peer = { .port = 1 };
	struct err e;
	struct str line;

	ck_assert_int_eq(ip_parse(str_z(ip), &peer.ip, &e), 0);
	ck_assert(take_cluster_session(stage.env.shm, 0, stage.cluster.shm, 0));
	pop3_session_start(&stage.env, &stage.cluster, -1, &peer);
	stage.session = container_of(container_of(stage.env.sessions.prev, struct session, node),
				     struct pop3_session, s);
	free(stage.pipes[0].last);
	stage_pipe_of(0, &stage.session->s.io);
	stage.n_pipes = stage.n_pipes ? stage.n_pipes : 1;
	stage_turn();
	line = stage_line(&stage.pipes[0], "greeting");
	ck_assert(str_starts(line, STR("+OK <")) && line.p[line.n - 1] == '>');
	str_copy(stage.stamp, sizeof(stage.stamp), str_skip(line, 4));
}

/* Nothing is left behind: no session, no box's session, no descriptor. */
static void stage_close(void)
{
	struct list *n, *tmp;

	list_each(&stage.env.sessions, n, tmp) {
		struct session *s = container_of(n, struct session, node);

		s->cut(s, "the end");
	}
	stage_turn();
	ck_assert_uint_eq(stage.env.n_sessions, 0);
	ck_assert_uint_eq(stage.topology.refs, 1000);
	ck_assert_int_eq(counter_cluster(stage.env.shm, -1, stage.cluster.shm, CC_sessions), 0);
	for (int i = 0; i < STAGE_BOXES; i++)
		ck_assert_int_eq(counter_box(stage.env.shm, -1, stage.boxes[i].shm, BC_sessions), 0);
	for (unsigned i = 0; i < STAGE_PIPES; i++) {
		ck_assert_ptr_null(stage.pipes[i].io);
		free(stage.pipes[i].last);
	}
	verify_free(&stage.env.verify);
	close(stage.verifier[0]);
	close(stage.verifier[1]);
	loop_free(&stage.env.loop);
	shm_destroy(&stage.env.shm);
}

/* --- scripts --- */

static void stage_expect(struct stage_pipe *p, const char *want)
{
	struct str line = stage_line(p, want);

	ck_assert_msg(str_eq(line, str_z(want + 3)), "came \"%.*s\", wanted \"%s\"",
		      STR_ARG(line), want);
}

static void stage_quiet(const struct stage_pipe *p, const char *line)
{
	struct str rest = str_skip(stage_written(p), p->read);

	ck_assert_msg(rest.n == 0, "%s: unexpected \"%.*s\"", line, STR_ARG(rest));
}

static void stage_ended(const struct stage_pipe *p, const char *line)
{
	stage_quiet(p, line);
	ck_assert_msg(!p->io, "%s: still open", line);
}

static void stage_feed(struct stage_pipe *p, const char *text, const char *end)
{
	char line[8192];
	int n = snprintf(line, sizeof(line), "%s%s", text, end);

	ck_assert_msg(p->io, "closed before: %s", text);
	io_memory_feed(p->io, (struct str){ line, (size_t)n });
	stage_turn();
}

static void stage_actor(struct stage_pipe *p, const char *line)
{
	const char *rest = line[2] ? line + 3 : "";

	switch (line[1]) {
	case ':':
	case '<':
		stage_quiet(p, line);
		stage_feed(p, rest, "\r\n");
		break;
	case '+':
		stage_feed(p, rest, line[0] == 'C' ? "\r\n" : "");
		break;
	case '~':
		stage_feed(p, rest, "");
		break;
	case '>':
		stage_expect(p, line);
		break;
	case '!':
		io_memory_feed_eof(p->io);
		stage_turn();
		break;
	case '%':
		io_memory_fail(p->io, ECONNRESET);
		stage_turn();
		break;
	default:
		ck_abort_msg("line not understood: %s", line);
	}
}

static void stage_server_line(const char *line)
{
	if (line[1] == ':')
		stage_expect(&stage.pipes[0], line);
	else if (line[1] == '=')
		stage_quiet(&stage.pipes[0], line);
	else
		stage_ended(&stage.pipes[0], line);
}

static void stage_box_line(const char *line)
{
	int box = line[0] == 'D' ? 2 : line[0] - 'A'; /* C is the client */

	if (line[1] == '-') {
		stage.refuses[box] = true;
		return;
	}
	if (line[1] == '?') {
		ck_assert_msg(stage.current[box] < 0, "%s: there is a connection", line);
		return;
	}
	ck_assert_msg(stage.current[box] >= 0, "%s: no connection to that box", line);
	if (line[1] != '#') {
		stage_actor(&stage.pipes[stage.current[box]], line);
		return;
	}
	stage_ended(&stage.pipes[stage.current[box]], line);
	stage.current[box] = -1;
}

static void stage_time(const char *line)
{
	pass(atoi(line + 2));
	stage_turn();
}

/* Plays a NULL-terminated script in the open session. */
static inline void stage_play(const char *const *script)
{
	for (; *script; script++) {
		const char *line = *script;

		if (line[0] == 'S')
			stage_server_line(line);
		else if (line[0] == 'C')
			stage_actor(&stage.pipes[0], line);
		else if (line[0] == 'T')
			stage_time(line);
		else if (line[0] == 'V')
			stage.verifier_mute = true;
		else
			stage_box_line(line);
	}
}

#define PLAY(...) stage_play((const char *const[]){ __VA_ARGS__, NULL })

static inline int64_t stage_counter(enum cluster_counter c)
{
	return counter_cluster(stage.env.shm, -1, stage.cluster.shm, c);
}

#endif
