#include "lib/session/leg.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/session/leg_dialogue.h"
#include "lib/session/legpool.h"
#include "lib/session/patience.h"
#include "shm/boxes.h"
#include "shm/counters.h"

static void leg_count(struct leg *leg, enum box_counter c, int64_t delta)
{
	if (leg->env->shm)
		count_box(leg->env->shm, leg->env->slot, leg->box->shm, c, delta);
}

/* --- the end of a leg --- */

static void on_reap(struct deferred *d)
{
	struct leg *leg = container_of(d, struct leg, reap);

	topology_unref(&leg->topology);
	free(leg->rcpts);
	free(leg);
}

/* Nothing of it is heard any more; its memory goes at the end of the turn, because we may
 * stand in one of its own events. */
static void leg_dispose(struct leg *leg)
{
	list_remove(&leg->node);
	if (!leg->dead && leg_never_ready(leg) && leg->env->shm)
		boxes_given_up(leg->env->shm, leg->box->shm);
	leg->ev = NULL;
	leg->dead = true;
	dial_cancel(&leg->dial);
	timer_stop(&leg->timer);
	deferred_cancel(&leg->work);
	if (leg->counted)
		leg_count(leg, BC_sessions, -1);
	leg->counted = false;
	loop_defer(leg->env->loop, &leg->reap);
}

void leg_abort(struct leg *leg)
{
	if (io_is_open(&leg->io))
		io_abort(&leg->io);
	leg_dispose(leg);
}

/* A courtesy; nobody waits for the answer. */
static void leg_quit(struct leg *leg)
{
	if (io_is_open(&leg->io)) {
		if (io_put(&leg->io, STR("QUIT\r\n")) == 0)
			io_flush(&leg->io);
		io_close(&leg->io);
	}
	leg_dispose(leg);
}

static void leg_forget_transaction(struct leg *leg)
{
	leg->ev = NULL;
	leg->owner = NULL;
	leg->mail = (struct leg_mail){ 0 };
	leg->mail_state = MAIL_NONE;
	leg->data_state = DATA_NONE;
	leg->n_rcpts = leg->rcpts_sent = leg->rcpts_heard = leg->ends_heard = 0;
	leg->rebuild = false;
}

void leg_put(struct leg *leg)
{
	bool settled = leg->mail_state != MAIL_SENT && leg->rcpts_heard == leg->rcpts_sent &&
		       (leg->data_state == DATA_NONE || leg->data_state == DATA_DONE);

	/* An answer still under way, or a body half sent: only breaking it is safe. */
	if (leg->dead || leg->step != STEP_IDLE || !settled) {
		leg_abort(leg);
		return;
	}
	if (leg->mail_state > MAIL_TODO && leg->data_state != DATA_DONE)
		leg->rset_due = true;
	list_remove(&leg->node);
	leg_forget_transaction(leg);
	if (!legpool_put(leg->env->pool, leg)) {
		leg_quit(leg);
		return;
	}
	leg_pump(leg);
}

/* --- events from below --- */

static void on_io(struct io *io, enum io_event what)
{
	struct leg *leg = container_of(io, struct leg, io);

	switch (what) {
	case IO_DATA:
		leg_heard(leg);
		break;
	case IO_DRAINED:
		if (!leg->ev || leg->data_state != DATA_GO)
			break;
		leg_await(leg);
		leg->ev->drained(leg);
		break;
	case IO_EOF:
		leg_fail(leg, 451, "4.4.2", "box closed the connection");
		break;
	case IO_FAILED:
		leg_fail(leg, 451, "4.4.2", "connection lost: %s", strerror(io->error));
		break;
	}
}

static void on_dialled(struct dial *d, int fd, int error)
{
	struct leg *leg = container_of(d, struct leg, dial);

	if (fd < 0) {
		leg->blameless = dial_own_trouble(error);
		leg_fail(leg, 451, "4.4.1", "connect: %s", strerror(error));
		return;
	}
	leg->env->ask->leg_io(leg->env, &leg->io, fd, on_io);
	leg_greeted_by(leg);
}

static void on_timeout(struct timer *t)
{
	struct leg *leg = container_of(t, struct leg, timer);

	if (!leg->ev && leg->step == STEP_IDLE && leg_expects(leg) == STEP_IDLE) {
		legpool_lost(leg->env->pool, leg);
		leg_quit(leg);
		return;
	}
	leg_fail(leg, 451, "4.4.2", "time-out");
}

static void on_work(struct deferred *d)
{
	leg_pump(container_of(d, struct leg, work));
}

/* The first thing a leg of a full box hears, from the loop like everything else. */
static void on_full(struct deferred *d)
{
	struct leg *leg = container_of(d, struct leg, work);

	leg->step = STEP_IDLE; /* not the box's failure: no other box is tried */
	leg_fail(leg, 451, "4.3.2", "box has its most sessions");
}

/* --- opening --- */

static void leg_own(struct leg *leg, const struct leg_events *ev, void *owner,
		    const struct leg_mail *mail)
{
	leg->ev = ev;
	leg->owner = owner;
	leg->mail = *mail;
	leg->mail_state = MAIL_TODO;
	leg->uses++;
}

struct leg *leg_open_new(struct env *env, struct topology *t, const struct topo_box *box,
			 const struct leg_events *ev, void *owner, const struct leg_mail *mail)
{
	struct leg *leg = mem_zalloc(sizeof(*leg));

	list_init(&leg->node);
	leg->env = env;
	leg->box = box;
	leg->topology = topology_ref(t);
	leg->step = STEP_CONNECT;
	leg->opened = loop_now(env->loop);
	deferred_init(&leg->work, on_work);
	deferred_init(&leg->reap, on_reap);
	timer_init(&leg->timer, env->loop, on_timeout);
	leg_own(leg, ev, owner, mail);
	if (env->shm && !take_box_session(env->shm, env->slot, box->shm,
					  (uint64_t)box->row.max_sessions)) {
		deferred_init(&leg->work, on_full);
		loop_defer(env->loop, &leg->work);
		return leg;
	}
	leg->counted = true;
	leg_count(leg, BC_sessions_total, 1);
	env->ask->dial(env, &leg->dial, box, on_dialled);
	return leg;
}

struct leg *leg_open(struct env *env, struct topology *t, const struct topo_box *box,
		     const struct leg_events *ev, void *owner, const struct leg_mail *mail)
{
	struct leg *leg = legpool_take(env->pool, box);

	if (!leg)
		return leg_open_new(env, t, box, ev, owner, mail);
	list_remove(&leg->node);
	leg->reused = leg->fresh = true;
	leg_count(leg, BC_reused, 1);
	leg_own(leg, ev, owner, mail);
	loop_defer(env->loop, &leg->work);
	return leg;
}

/* --- what the owner asks --- */

unsigned leg_add_rcpt(struct leg *leg, struct str address, void *ref)
{
	if (leg->n_rcpts == leg->cap_rcpts) {
		leg->cap_rcpts = leg->cap_rcpts ? leg->cap_rcpts * 2 : 2;
		leg->rcpts = mem_realloc(leg->rcpts, leg->cap_rcpts * sizeof(*leg->rcpts));
	}
	leg->rcpts[leg->n_rcpts] = (struct leg_rcpt){ .address = address, .ref = ref };
	if (leg->step == STEP_IDLE)
		loop_defer(leg->env->loop, &leg->work);
	return leg->n_rcpts++;
}

void leg_unwant(struct leg *leg, unsigned i)
{
	leg->rcpts[i].unwanted = true;
	leg->rebuild = true;
}

unsigned leg_wanted(const struct leg *leg)
{
	unsigned n = 0;

	for (unsigned i = 0; i < leg->n_rcpts; i++)
		n += leg->rcpts[i].state != LR_REFUSED && !leg->rcpts[i].unwanted;
	return n;
}

/* The box holds recipients that the owner no longer wants: begin the transaction again with
 * the others. */
static void leg_rebuild(struct leg *leg)
{
	unsigned n = 0;

	for (unsigned i = 0; i < leg->n_rcpts; i++)
		if (leg->rcpts[i].state == LR_ACCEPTED && !leg->rcpts[i].unwanted)
			leg->rcpts[n++] = leg->rcpts[i];
	leg->n_rcpts = n;
	leg->rcpts_sent = leg->rcpts_heard = 0;
	leg->mail_state = MAIL_TODO;
	leg->rset_due = true;
}

void leg_data(struct leg *leg)
{
	if (leg->rebuild)
		leg_rebuild(leg);
	leg->data_state = DATA_TODO;
	loop_defer(leg->env->loop, &leg->work);
}

int leg_preface(struct leg *leg, struct str bytes)
{
	return io_hold(&leg->io, bytes);
}

ptrdiff_t leg_body(struct leg *leg, struct str bytes)
{
	ptrdiff_t n;

	if (leg->dead)
		return -1;
	if (bytes.n == 0) /* the preface waits for company */
		return 0;
	n = io_send(&leg->io, bytes);
	if (n > 0)
		leg_count(leg, BC_bytes, n);
	/* Its time runs from the last byte that it took. */
	if (n > 0 || (n == 0 && leg->timer.due == CLOCK_NEVER))
		leg_await(leg);
	return n;
}

void leg_end_mark_sent(struct leg *leg)
{
	leg->data_state = DATA_END;
	leg->sent_at = loop_now(leg->env->loop);
	leg_await(leg);
}

void leg_end_mark(struct leg *leg)
{
	if (io_put(&leg->io, STR(".\r\n")) == 0)
		io_flush(&leg->io);
	leg_end_mark_sent(leg);
}

bool leg_was_stale(const struct leg *leg)
{
	return leg->reused && leg->fresh && leg->data_state < DATA_GO;
}
