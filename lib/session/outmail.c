#include "lib/session/outmail.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/limits.h"
#include "lib/session/leg.h"

#define OUTMAIL_TRIES 4	     /* boxes, one after the other */
#define OUTMAIL_MEMORY 65536 /* of one look for a box; an account row has 64 KiB at most */

struct outmail {
	struct env *env;
	struct topology *topology; /* a reference */
	const struct topo_cluster *cluster;
	struct route_from from;
	char sender[LIMIT_ADDRESS + 1], boxid[LIMIT_NAME + 1], to[LIMIT_ADDRESS + 1];
	struct buf message; /* dot-stuffed */
	size_t sent;
	const struct topo_box *box;
	struct leg *leg;
	struct deferred homeless; /* there is no box: told by the loop */
	unsigned tries;
	bool unknown; /* the recipient is ours, and there is no such mailbox */
	char text[200]; /* the last word about it */
	int code;
	void (*done)(void *arg, enum outmail_result r, const char *text);
	void *arg;
};

static void on_rcpt(struct leg *leg, unsigned i, const struct leg_word *w);
static void on_go(struct leg *leg);
static void on_drained(struct leg *leg);
static void on_end(struct leg *leg, unsigned i, const struct leg_word *w);
static void on_ended(struct leg *leg);
static void on_failed(struct leg *leg, const struct leg_word *w);

static const struct leg_events events = {
	.rcpt = on_rcpt,
	.go = on_go,
	.drained = on_drained,
	.end = on_end,
	.ended = on_ended,
	.failed = on_failed,
};

/* --- its end --- */

static void outmail_free(struct outmail *m)
{
	deferred_cancel(&m->homeless);
	buf_release(&m->message);
	topology_unref(&m->topology);
	free(m);
}

void outmail_cancel(struct outmail **mp)
{
	struct outmail *m = *mp;

	*mp = NULL;
	if (!m)
		return;
	if (m->leg)
		leg_abort(m->leg);
	outmail_free(m);
}

/* By the last code heard. */
static void finish(struct outmail *m)
{
	enum outmail_result r = m->code / 100 == 2 ? OUTMAIL_SENT :
				m->code / 100 == 5 ? OUTMAIL_REFUSED :
						     OUTMAIL_LATER;
	void (*done)(void *arg, enum outmail_result r, const char *text) = m->done;
	void *arg = m->arg;
	char text[sizeof(m->text)];

	memcpy(text, m->text, sizeof(text));
	outmail_free(m);
	done(arg, r, text);
}

static void note(struct outmail *m, const struct leg_word *w)
{
	struct str box = m->box ? m->box->row.boxid : STR("");
	char said[120];

	reply_clean(said, sizeof(said), w->text);
	m->code = w->code;
	snprintf(m->text, sizeof(m->text), "%.*s%s%d %s", STR_ARG(box), box.n ? ": " : "", w->code,
		 said);
}

/* --- its box --- */

/* One of ours has his box; for all others, and for an alias of many, there is a relay box. NULL:
 * there is none now, or, when unknown is set, never will be. */
static const struct topo_box *choose(struct outmail *m)
{
	const struct asks *ask = m->env->ask;
	struct arena a = ARENA(OUTMAIL_MEMORY);
	struct route_list list = { .n = 0 };
	struct topo_box *box = NULL;
	enum route_result res =
		ask->recipient(m->env, m->cluster, str_z(m->to), &m->from, &a, &list);

	m->unknown = res == ROUTE_UNKNOWN;
	if (res == ROUTE_OK && list.n == 1 && list.v[0].result == ROUTE_OK)
		box = list.v[0].box;
	else if (m->unknown || ask->relay(m->env, m->cluster, &m->from, &box) != ROUTE_OK)
		box = NULL;
	arena_free(&a);
	return box;
}

static void on_homeless(struct deferred *d)
{
	struct outmail *m = container_of(d, struct outmail, homeless);
	struct leg_word none = { 451, STR("4.3.5"), STR("there is no relay box in service") };
	struct leg_word unknown = { 550, STR("5.1.1"), STR("there is no such mailbox here") };

	note(m, m->unknown ? &unknown : &none);
	finish(m);
}

static void open_leg(struct outmail *m, bool pooled)
{
	static const struct leg_mail mail = { .reverse_path = STR_INIT("") };

	m->sent = 0;
	if (!m->box) {
		loop_defer(m->env->loop, &m->homeless);
		return;
	}
	m->leg = (pooled ? leg_open : leg_open_new)(m->env, m->topology, m->box, &events, m, &mail);
	leg_add_rcpt(m->leg, str_z(m->to), m);
}

/* --- what the leg says --- */

static void on_rcpt(struct leg *leg, unsigned i, const struct leg_word *w)
{
	struct outmail *m = leg->owner;

	(void)i;
	note(m, w);
	if (w->code / 100 == 2) {
		leg_data(leg);
		return;
	}
	leg_put(leg);
	finish(m);
}

static void pump(struct outmail *m)
{
	struct str rest = str_skip(buf_str(&m->message), m->sent);
	ptrdiff_t n = leg_body(m->leg, rest);

	if (n < 0) /* failed() comes */
		return;
	m->sent += (size_t)n;
	if (m->sent == buf_len(&m->message))
		leg_end_mark(m->leg);
}

static void on_go(struct leg *leg)
{
	pump(leg->owner);
}

static void on_drained(struct leg *leg)
{
	struct outmail *m = leg->owner;

	if (m->sent < buf_len(&m->message))
		pump(m);
}

static void on_end(struct leg *leg, unsigned i, const struct leg_word *w)
{
	(void)i;
	note(leg->owner, w);
}

static void on_ended(struct leg *leg)
{
	struct outmail *m = leg->owner;

	leg_put(leg);
	finish(m);
}

/* Before the box had heard of it another may serve; behind its end mark it may be delivered. */
static void on_failed(struct leg *leg, const struct leg_word *w)
{
	struct outmail *m = leg->owner;
	bool stale = leg_was_stale(leg), anew = leg_never_ready(leg) && ++m->tries < OUTMAIL_TRIES;

	note(m, w);
	if (m->code / 100 != 5 || leg->data_state == DATA_END)
		m->code = 451;
	leg_abort(leg);
	m->leg = NULL;
	if (stale) {
		open_leg(m, false);
	} else if (anew) {
		m->box = choose(m);
		open_leg(m, true);
	} else {
		finish(m);
	}
}

/* --- its beginning --- */

/* RFC 5321 4.5.2. */
static void stuff(struct buf *out, struct str message)
{
	struct str line;

	while (str_split(&message, '\n', &line)) {
		bool last = message.p == NULL;

		if ((last && line.n == 0) || (line.n > 0 && line.p[0] == '.' && buf_addc(out, '.') < 0))
			break;
		if (buf_add(out, line) < 0 || (!last && buf_addc(out, '\n') < 0))
			bug("a message of our own is too long");
	}
}

struct outmail *outmail_start(struct env *env, struct topology *t, const struct topo_cluster *c,
			      const struct route_from *from, struct str to, struct str message,
			      void (*done)(void *arg, enum outmail_result r, const char *text),
			      void *arg)
{
	struct outmail *m = mem_zalloc(sizeof(*m));

	m->env = env;
	m->topology = topology_ref(t);
	m->cluster = c;
	str_copy(m->sender, sizeof(m->sender), from->sender);
	str_copy(m->boxid, sizeof(m->boxid), from->boxid);
	str_copy(m->to, sizeof(m->to), to);
	m->from = (struct route_from){ str_z(m->sender), str_z(m->boxid), true };
	buf_init(&m->message, 2 * message.n + 16);
	stuff(&m->message, message);
	deferred_init(&m->homeless, on_homeless);
	m->done = done;
	m->arg = arg;
	m->box = choose(m);
	open_leg(m, true);
	return m;
}
