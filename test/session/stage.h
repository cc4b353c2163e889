/* stage: what a session needs, made for one process and no network: connections over memory
 * whose other ends the test holds, boxes A, B, X, Y (and Q4.. for crowds), a route by first
 * letters, a ledger. Clocks are virtual; shared memory and its journal are real, and the
 * replicator is stage_replicate. What is asked of it as a script stands in play.h.
 *
 * A recipient goes to the box of its first letter ("a1@t" to A), "ab@t" is an alias of a@t and
 * b@t; u... is unknown, f... and s... foreign, n... without a box, d... down, m... too many, e... an
 * error; "q17@t" is at box 17, "zz12@t" an alias over the first 12 boxes, "zh12@t" one of 12
 * members at the first 6.
 * Header-only: for the tests of lib/session alone. */
#ifndef PB_TEST_STAGE_H
#define PB_TEST_STAGE_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/session/env.h"
#include "lib/session/legpool.h"
#include "lib/session/responder.h"
#include "shm/boxes.h"
#include "shm/counters.h"
#include "lib/guard/gate.h"
#include "shm/journal.h"
#include "unit/virtual_time.h"

#define STAGE_BOXES 70
#define STAGE_LEGS 256
#define STAGE_CLIENTS 4
#define STAGE_ROWS 16
#define STAGE_PASSED 36 /* turns until everything that can move has moved */

enum { END_NONE, END_OPEN, END_CLOSED, END_BROKEN };

/* The other end of one connection: what a client or a box sees. */
struct stage_end {
	struct io *io; /* NULL unless END_OPEN */
	int how;
	int box;    /* of a leg */
	char *kept; /* what had been written when it ended */
	size_t kept_n;
	size_t read; /* bytes of it that the script has seen */
};

struct stage_row {
	char pair[33], digest[33], box[8];
	int outcome;
	bool durable;
};

enum stage_dial { DIAL_WORKS, DIAL_REFUSED, DIAL_HANGS };

static struct stage {
	struct env env;
	struct shm *shm;
	struct topology topology;
	struct topo_cluster cluster;
	struct topo_box boxes[STAGE_BOXES];
	char names[STAGE_BOXES][8];
	struct stage_end legs[STAGE_LEGS], clients[STAGE_CLIENTS];
	struct session *sessions[STAGE_CLIENTS];
	unsigned n_legs, n_clients;
	struct dial *hanging; /* the last one */
	enum stage_dial dial[STAGE_BOXES];
	int fallover[STAGE_BOXES]; /* what ask->box says; -1: it is down */
	bool down[STAGE_BOXES];	   /* what a target says */
	bool fits[STAGE_BOXES];	   /* ask->box gives the box itself */
	struct stage_row ledger[STAGE_ROWS];
	unsigned n_ledger;
	uint64_t journal_at;
	bool ledger_broken;
	const char *from; /* address of the next client */
	bool no_null, no_self; /* what mailboxes refuse */
	bool replies, keeps; /* the mailboxes at A answer their mail; and get it as well */
	const char *home; /* who has been here before; NULL: nobody */
	const char *blocked; /* who may send no more; NULL: nobody */
	int replied;	  /* has been answered lately */
	const char *answered; /* he alone; NULL: everybody */
	int64_t spam_setting; /* of all mailboxes */
	struct sight known;   /* of strangers */
	bool sight_broken;
	const char *list; /* the DNS list that has all clients; NULL: none */
	bool nameless;
	uint64_t sightings_at; /* facts before this place in the journal have been looked at */
	int relay;	  /* the relay box of all senders; -1: there is none */
	struct route_sender sender; /* what any reverse-path may do */
	bool sender_broken, login_gone;
	struct io_ops ops;
	const struct io_ops *memory;
	char log[65536]; /* traffic lines */
	size_t log_n;
} stage;

/* The traffic log of these programs: the linker takes it in place of traffic.o. */
void traffic_line(struct traffic *t, int64_t wall_ms, const struct ipaddr *client, const char *fmt, ...)
{
	va_list ap;

	(void)t;
	(void)wall_ms;
	(void)client;
	if (stage.log_n + 4096 > sizeof(stage.log))
		return;
	va_start(ap, fmt);
	stage.log_n += (size_t)vsnprintf(stage.log + stage.log_n, 4000, fmt, ap);
	va_end(ap);
	stage.log_n += (size_t)snprintf(stage.log + stage.log_n, 2, "\n");
}

/* --- what sessions ask --- */

static bool stage_target(struct arena *a, struct route_list *out, int box, struct str address)
{
	struct target *t = &out->v[out->n++];

	*t = (struct target){ .box = &stage.boxes[box], .boxid = stage.boxes[box].row.boxid };
	t->address = arena_str(a, address);
	t->replies = stage.replies && box == 0;
	t->keeps = stage.keeps;
	t->no_null = stage.no_null;
	t->no_self = stage.no_self;
	if (stage.down[box])
		t->result = ROUTE_BOX_DOWN;
	return t->address.p;
}

static int stage_box_of(char letter)
{
	const char *at = letter ? strchr("abxy", letter) : NULL;

	return at ? (int)(at - "abxy") : -1;
}

static const enum route_result stage_refusals[256] = {
	['u'] = ROUTE_UNKNOWN,	['f'] = ROUTE_FOREIGN,	['n'] = ROUTE_NO_BOX,
	['d'] = ROUTE_BOX_DOWN, ['m'] = ROUTE_TOO_MANY, ['e'] = ROUTE_ERROR,
};

/* "ab@t": members a@t and b@t; "zz12@t": one at each of the first 12 boxes. */
static bool stage_alias(struct arena *a, struct str address, struct route_list *out)
{
	char one[16] = "?@t";
	unsigned n = 0;

	if (address.p[0] == 'z') {
		for (int i = 0; i < atoi(address.p + 2); i++) {
			snprintf(one, sizeof(one), "q%d@t", i);
			if (!stage_target(a, out, address.p[1] == 'h' ? i / 2 : i, str_z(one)))
				return false;
		}
		return true;
	}
	for (; n < 4 && stage_box_of(address.p[n]) >= 0; n++) {
		one[0] = address.p[n];
		if (!stage_target(a, out, stage_box_of(one[0]), str_z(one)))
			return false;
	}
	return true;
}

/* "f1@t" is elsewhere. */
static bool stage_foreign(struct arena *a, struct str address, struct route_list *out)
{
	out->v = arena_alloc(a, sizeof(*out->v));
	if (!out->v || !stage_target(a, out, stage.relay < 0 ? 0 : stage.relay, address))
		return false;
	out->v[0].foreign = true;
	if (stage.relay < 0)
		out->v[0].result = ROUTE_NO_RELAY;
	return true;
}

/* "q17@t" is at box 17. */
static enum route_result stage_recipient(struct env *env, const struct topo_cluster *c,
					 struct str address, const struct route_from *from,
					 struct arena *a, struct route_list *out)
{
	enum route_result no = stage_refusals[(unsigned char)address.p[0]];
	int box = stage_box_of(address.p[0]);
	bool ok;

	if (!no && box < 0 && !strchr("qz", address.p[0])) /* "s@t" */
		no = ROUTE_FOREIGN;

	(void)env;
	(void)c;
	if (no == ROUTE_FOREIGN && from->relays)
		return stage_foreign(a, address, out) ? ROUTE_OK : ROUTE_ERROR;
	if (no)
		return no;
	out->v = arena_alloc(a, (address.p[0] == 'z' ? 2 * STAGE_BOXES : 4) * sizeof(*out->v));
	if (!out->v)
		return ROUTE_ERROR;
	if (address.p[0] == 'q')
		ok = stage_target(a, out, atoi(address.p + 1), address);
	else if (address.p[0] == 'z' || stage_box_of(address.p[1]) >= 0)
		ok = stage_alias(a, address, out);
	else
		ok = stage_target(a, out, box, address);
	out->spam_setting = stage.spam_setting;
	return ok ? ROUTE_OK : ROUTE_ERROR;
}

static enum route_result stage_relay(struct env *env, const struct topo_cluster *c,
				     const struct route_from *from, struct topo_box **out)
{
	(void)env;
	(void)c;
	(void)from;
	*out = stage.relay >= 0 ? &stage.boxes[stage.relay] : NULL;
	return *out ? ROUTE_OK : ROUTE_NO_RELAY;
}

static enum route_result stage_sender(struct env *env, const struct topo_cluster *c,
				      struct str sender, struct str login, struct arena *a,
				      struct route_sender *out)
{
	(void)env;
	(void)c;
	(void)a;
	*out = stage.sender;
	if (login.n > 0 && str_eq(sender, login))
		out->own = !stage.login_gone;
	out->name = out->ours || out->own ? sender : STR("");
	return stage.sender_broken ? ROUTE_ERROR : ROUTE_OK;
}

static enum route_result stage_box(struct env *env, const struct topo_cluster *c,
				   struct str boxid, struct topo_box **out)
{
	struct topo_box *b = topology_box(c, boxid);

	if (!b)
		return ROUTE_NO_BOX;
	if (stage.fits[b - stage.boxes] && boxes_fit(stage.shm, b->shm, loop_now(env->loop))) {
		*out = b;
		return ROUTE_OK;
	}
	if (stage.fallover[b - stage.boxes] < 0)
		return ROUTE_BOX_DOWN;
	*out = &stage.boxes[stage.fallover[b - stage.boxes]];
	return ROUTE_OK;
}

/* Who can log in: a@t and c@t with "secret", b@t with what box B says, o@t with what a box that
 * is not here would say; e@t cannot be read. All answer their mail. */
static enum route_result stage_account(struct env *env, struct str address, struct arena *a,
				       struct account *acc)
{
	(void)env;
	(void)a;
	record_defaults(&table_accounts, acc);
	if (str_ieq(address, STR("e@t")))
		return ROUTE_ERROR;
	if (address.n < 3 || !strchr("abco", address.p[0]))
		return ROUTE_UNKNOWN;
	acc->email_address = address;
	acc->user_password = strchr("ac", address.p[0]) ? STR("secret") : STR("");
	acc->boxid = address.p[0] == 'b' ? STR("B") : address.p[0] == 'o' ? STR("Z") : STR("A");
	acc->auto_reply_subject = STR("Away");
	acc->auto_reply_body = STR(".gone");
	return ROUTE_OK;
}

/* As route_ledger, over the rows that have become durable. */
static int stage_ledger(struct env *env, struct str pair, struct str digest,
			struct arena *a, struct ledger *out)
{
	uint64_t sum = 0;

	(void)env;
	if (stage.ledger_broken)
		return -1;
	*out = (struct ledger){ .outcome = 0 };
	for (unsigned i = 0; i < stage.n_ledger; i++) {
		const struct stage_row *r = &stage.ledger[i];

		if (!r->durable || !str_eq(pair, str_z(r->pair)) ||
		    (digest.n > 0 && !str_eq(digest, str_z(r->digest))))
			continue;
		if (r->outcome == LEDGER_DELIVERED)
			sum = hash_stable(str_z(r->digest), sum);
		if (out->outcome != LEDGER_DELIVERED)
			out->outcome = r->outcome;
		out->boxid = str_z(r->box);
	}
	out->digest = arena_printf(a, "%016llx", (unsigned long long)sum);
	return (int)out->outcome;
}

/* --- connections --- */

static struct stage_end *stage_end_of(const struct io *io)
{
	for (unsigned i = 0; i < stage.n_legs; i++)
		if (stage.legs[i].io == io)
			return &stage.legs[i];
	for (unsigned i = 0; i < stage.n_clients; i++)
		if (stage.clients[i].io == io)
			return &stage.clients[i];
	ck_abort_msg("an io that nobody knows");
	return NULL;
}

static void stage_ends(struct io *io, int how)
{
	struct stage_end *e = stage_end_of(io);
	struct str all = io_memory_written(io);

	e->kept = mem_dup(all);
	e->kept_n = all.n;
	e->io = NULL;
	e->how = how;
	stage.memory->close(io);
}

static void stage_on_close(struct io *io)
{
	stage_ends(io, END_CLOSED);
}

static void stage_on_abort(struct io *io)
{
	stage_ends(io, END_BROKEN);
}

/* Memory, but what was written outlives the connection, and how it ended is known. */
static void stage_watch(struct io *io, struct stage_end *e)
{
	stage.memory = io->ops;
	stage.ops = *io->ops;
	stage.ops.close = stage_on_close;
	stage.ops.abort = stage_on_abort;
	io->ops = &stage.ops;
	e->io = io;
	e->how = END_OPEN;
}

static void stage_dialled(struct timer *t)
{
	struct dial *d = container_of(t, struct dial, timeout);
	int leg = d->error;
	bool refused = stage.dial[stage.legs[leg].box] == DIAL_REFUSED;

	d->error = 0;
	d->done(d, refused ? -1 : leg, refused ? ECONNREFUSED : 0);
}

/* Its end comes in the next turn, or with the box's connect time-out. */
static void stage_dial(struct env *env, struct dial *d, const struct topo_box *box,
		       void (*done)(struct dial *d, int fd, int error))
{
	int i = (int)(box - stage.boxes);

	ck_assert_uint_lt(stage.n_legs, STAGE_LEGS);
	d->fd = -1;
	d->done = done;
	d->error = (int)stage.n_legs;
	timer_init(&d->timeout, env->loop, stage_dialled);
	watch_init(&d->watch, env->loop, -1, NULL);
	timer_set(&d->timeout, stage.dial[i] == DIAL_HANGS ? CLOCK_NEVER : 0);
	stage.legs[stage.n_legs++].box = i;
	stage.hanging = d;
}

static void stage_leg_io(struct env *env, struct io *io, int fd,
			 void (*event)(struct io *io, enum io_event what))
{
	io_init_memory(io, env->loop, LIMIT_LEG_IN, LIMIT_LEG_OUT, event);
	stage_watch(io, &stage.legs[fd]);
}

static int stage_blocked(struct env *env, struct str subject)
{
	(void)env;
	return stage.blocked && str_eq(subject, str_z(stage.blocked));
}

static int stage_replied(struct env *env, struct str account, struct str sender)
{
	(void)env;
	(void)account;
	return !stage.answered || str_eq(sender, str_z(stage.answered)) ? stage.replied : 0;
}

static struct str stage_listed(struct env *env, const struct topo_cluster *c, const struct ipaddr *client)
{
	(void)env;
	(void)c;
	(void)client;
	return str_z(stage.list ? stage.list : "");
}

static bool stage_nameless(struct env *env, const struct topo_cluster *c, const struct ipaddr *client)
{
	(void)env;
	(void)c;
	(void)client;
	return stage.nameless;
}

static int stage_sight(struct env *env, const struct settings *settings,
		       const struct gate_envelope *e, const struct gate_rules *r, struct sight *known)
{
	(void)env;
	(void)settings;
	(void)e;
	(void)r;
	known->correspondent = stage.known.correspondent;
	known->greylist = stage.known.greylist;
	known->trust = stage.known.trust;
	known->evidence = stage.known.evidence;
	return stage.sight_broken ? -1 : 0;
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
	.recipient = stage_recipient,
	.relay = stage_relay,
	.sender = stage_sender,
	.box = stage_box,
	.account = stage_account,
	.dial = stage_dial,
	.leg_io = stage_leg_io,
	.ledger = stage_ledger,
	.blocked = stage_blocked,
	.replied = stage_replied,
	.sight = stage_sight,
	.listed = stage_listed,
	.nameless = stage_nameless,
};

/* --- raising and striking the stage --- */

static void stage_box_open(int i)
{
	struct topo_box *b = &stage.boxes[i];

	if (i < 4)
		snprintf(stage.names[i], sizeof(stage.names[i]), "%c", "ABXY"[i]);
	else
		snprintf(stage.names[i], sizeof(stage.names[i]), "Q%d", i);
	b->row.boxid = str_z(stage.names[i]);
	b->row.clusterid = STR("MX");
	b->cluster = &stage.cluster;
	b->fallover = stage.fallover[i] = -1;
	b->shm = boxes_assign(stage.shm, b->row.clusterid, b->row.boxid);
}

static void stage_open(void)
{
	struct err e;

	memset(&stage, 0, sizeof(stage));
	ck_assert_int_eq(log_open("/dev/null", &e), 0);
	stage.shm = stage.env.shm = shm_create(1);
	stage.from = "10.11.12.13";
	stage.relay = -1;
	stage.sender = (struct route_sender){ .rcpt_per_mail = FIELD_EMPTY, .boxid = STR("") };
	stage.env.ask = &stage_asks;
	stage.env.loop = loop_new();
	list_init(&stage.env.sessions);
	stage.env.topology = &stage.topology;
	stage.topology = (struct topology){ .clusters = &stage.cluster, .n_clusters = 1, .refs = 1 };
	stage.cluster.row.clusterid = STR("MX");
	stage.cluster.row.max_mail_size_kb = 100;
	stage.cluster.row.rcpt_per_mail = 100;
	stage.cluster.row.spread_factor = 10000;
	stage.cluster.row.session_max_s = 36000000; /* one hour */
	stage.cluster.row.max_client_connections = 600;
	stage.cluster.row.max_client_connections_interval_s = 600000;
	stage.cluster.row.max_client_concurrent = 50;
	stage.cluster.host_name = STR("mx.t");
	stage.cluster.protocol = PROTO_SMTP;
	stage.cluster.boxes = stage.boxes;
	stage.cluster.n_boxes = STAGE_BOXES;
	stage.cluster.shm = clusters_assign(stage.shm, STR("MX"));
	for (int i = 0; i < STAGE_BOXES; i++)
		stage_box_open(i);
	stage.env.pool = legpool_new(&stage.env);
	blocklist_init(&stage.env.blocks, stage.shm, 0);
	record_defaults(&table_settings, &stage.topology.settings);
}

static void stage_turn(void)
{
	for (int i = 0; i < STAGE_PASSED; i++)
		loop_turn(stage.env.loop);
}

static void stage_client(void)
{
	struct addr peer = { .port = 1 };
	struct err e;
	unsigned i = stage.n_clients++;

	ck_assert_uint_lt(i, STAGE_CLIENTS);
	ck_assert_int_eq(ip_parse(str_z(stage.from), &peer.ip, &e), 0);
	ck_assert(take_cluster_session(stage.shm, 0, stage.cluster.shm, 0));
	smtp_session_start(&stage.env, &stage.cluster, -1, &peer);
	stage.sessions[i] = container_of(stage.env.sessions.prev, struct session, node);
	stage_watch(&stage.sessions[i]->io, &stage.clients[i]);
	stage_turn();
}

/* The replicator: takes the rows that have come. */
static void stage_replicate(bool durable)
{
	uint64_t pos = journal_tail(stage.shm, 0);
	enum journal_kind kind;
	struct str payload;
	struct ledger row;

	while (journal_next(stage.shm, 0, &pos, &kind, &payload)) {
		struct stage_row *r = &stage.ledger[stage.n_ledger];

		if (pos <= stage.journal_at)
			continue;
		if (kind != JOURNAL_LEDGER) {
			stage.journal_at = pos;
			continue;
		}
		ck_assert_int_eq(ledger_decode(payload, &row), 0);
		ck_assert_uint_lt(stage.n_ledger++, STAGE_ROWS);
		str_copy(r->pair, sizeof(r->pair), row.pair);
		str_copy(r->digest, sizeof(r->digest), row.digest);
		str_copy(r->box, sizeof(r->box), row.boxid);
		r->outcome = (int)row.outcome;
		stage.journal_at = pos;
	}
	if (!durable)
		return;
	for (unsigned i = 0; i < stage.n_ledger; i++)
		stage.ledger[i].durable = true;
	journal_applied(stage.shm, 0, pos);
	sessions_bell(&stage.env);
	stage_turn();
}

static void stage_nothing_left(void)
{
	for (unsigned i = 0; i < stage.n_legs; i++) {
		ck_assert_msg(stage.legs[i].how != END_OPEN, "a connection to %s is left",
			      stage.names[stage.legs[i].box]);
		ck_assert_int_eq(counter_box(stage.shm, -1, stage.boxes[stage.legs[i].box].shm, BC_sessions),
				 0);
		ck_assert_int_eq(counter_box(stage.shm, -1, stage.boxes[stage.legs[i].box].shm, BC_idle), 0);
		free(stage.legs[i].kept);
	}
	for (unsigned i = 0; i < stage.n_clients; i++) {
		ck_assert_int_eq(stage.clients[i].how, END_CLOSED);
		free(stage.clients[i].kept);
	}
	ck_assert_int_eq(counter_cluster(stage.shm, -1, stage.cluster.shm, CC_sessions), 0);
	ck_assert_uint_eq(stage.env.n_sessions, 0);
	ck_assert_uint_eq(stage.env.ledger_due + stage.env.n_settling, 0);
	ck_assert_uint_eq(stage.topology.refs, 1);
}

/* Wherever the play stopped, nothing may stay behind. */
static void stage_close(void)
{
	struct list *n, *tmp;

	list_each(&stage.env.sessions, n, tmp)
		container_of(n, struct session, node)->cut(container_of(n, struct session, node), "the end");
	stage_turn();
	for (unsigned i = 0; i < stage.n_legs; i++)
		if (stage.legs[i].io)
			io_memory_feed_eof(stage.legs[i].io);
	stage_turn();
	stage_replicate(true);
	responder_free(&stage.env.responder);
	stage_turn();
	legpool_free(&stage.env.pool);
	stage_turn();
	stage_nothing_left();
	ranges_free(&stage.cluster.spam_whitelist);
	ranges_free(&stage.cluster.relay);
	loop_free(&stage.env.loop);
	shm_destroy(&stage.shm);
}

#endif
