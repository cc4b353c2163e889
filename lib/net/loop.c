#include "lib/net/loop.h"

#include <ev.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"

/* Deferred work may ask for more of it; beyond this many rounds it waits for the next turn. */
#define DEFER_ROUNDS 16

struct loop {
	struct ev_loop *ev;
	struct ev_prepare before_wait;
	struct ev_check after_wait;
	struct ev_idle no_wait; /* active: deferred work is left, do not sleep on it */
	struct list deferred;
	int64_t now;
};

_Static_assert(sizeof(struct ev_timer) <= sizeof(((struct timer *)NULL)->ev), "room for ev_timer");
_Static_assert(sizeof(struct ev_io) <= sizeof(((struct watch *)NULL)->ev), "room for ev_io");
_Static_assert(sizeof(struct ev_signal) <= sizeof(((struct sigwatch *)NULL)->ev),
	       "room for ev_signal");

static void run_deferred(struct loop *l)
{
	for (int round = 0; round < DEFER_ROUNDS && !list_empty(&l->deferred); round++) {
		struct list now;

		list_append(&l->deferred, &now); /* takes the whole list over */
		list_remove(&l->deferred);
		while (!list_empty(&now)) {
			struct deferred *d = container_of(now.next, struct deferred, node);

			list_remove(&d->node);
			d->run(d);
		}
	}
}

static void on_before_wait(struct ev_loop *ev, struct ev_prepare *p, int events)
{
	struct loop *l = p->data;

	(void)events;
	run_deferred(l);
	if (list_empty(&l->deferred))
		ev_idle_stop(ev, &l->no_wait);
	else
		ev_idle_start(ev, &l->no_wait);
}

/* The first callback of a turn. ev_now() would not do: it follows the wall clock's jumps. */
static void on_after_wait(struct ev_loop *ev, struct ev_check *c, int events)
{
	(void)ev;
	(void)events;
	((struct loop *)c->data)->now = clock_mono_ms();
}

static void on_no_wait(struct ev_loop *ev, struct ev_idle *i, int events)
{
	(void)ev;
	(void)i;
	(void)events;
}

struct loop *loop_new(void)
{
	struct loop *l = mem_zalloc(sizeof(*l));

	l->ev = ev_loop_new(EVFLAG_AUTO);
	if (!l->ev)
		bug("no event loop");
	list_init(&l->deferred);
	l->now = clock_mono_ms();
	ev_prepare_init(&l->before_wait, on_before_wait);
	ev_check_init(&l->after_wait, on_after_wait);
	ev_set_priority(&l->after_wait, EV_MAXPRI);
	ev_idle_init(&l->no_wait, on_no_wait);
	l->before_wait.data = l->after_wait.data = l;
	ev_prepare_start(l->ev, &l->before_wait);
	ev_check_start(l->ev, &l->after_wait);
	return l;
}

/* Between two runs of the loop time has passed, too. */
static void catch_up(struct loop *l)
{
	ev_now_update(l->ev);
	l->now = clock_mono_ms();
}

void loop_free(struct loop **l)
{
	if (!*l)
		return;
	run_deferred(*l);
	ev_loop_destroy((*l)->ev);
	free(*l);
	*l = NULL;
}

void loop_run(struct loop *l)
{
	catch_up(l);
	ev_run(l->ev, 0);
}

void loop_turn(struct loop *l)
{
	catch_up(l);
	run_deferred(l);
	ev_run(l->ev, EVRUN_NOWAIT);
	run_deferred(l);
}

void loop_stop(struct loop *l)
{
	ev_break(l->ev, EVBREAK_ALL);
}

int64_t loop_now(const struct loop *l)
{
	return l->now;
}

/* --- timers ---
 * A timer moved to later keeps its place in libev's heap: when that fires too early it is
 * started anew for what is left. */

static struct ev_timer *timer_ev(struct timer *t)
{
	return (struct ev_timer *)(void *)t->ev;
}

static void timer_arm(struct timer *t, int64_t ms)
{
	struct ev_timer *w = timer_ev(t);

	ev_timer_stop(t->loop->ev, w);
	ev_timer_set(w, (double)ms / 1000.0, 0.0);
	ev_timer_start(t->loop->ev, w);
}

static void on_timer(struct ev_loop *ev, struct ev_timer *w, int events)
{
	struct timer *t = w->data;
	int64_t left = t->due - loop_now(t->loop);

	(void)ev;
	(void)events;
	if (left > 0) {
		timer_arm(t, left);
		return;
	}
	t->due = CLOCK_NEVER;
	t->fire(t);
}

void timer_init(struct timer *t, struct loop *l, void (*fire)(struct timer *t))
{
	t->loop = l;
	t->fire = fire;
	t->due = CLOCK_NEVER;
	ev_timer_init(timer_ev(t), on_timer, 0.0, 0.0);
	timer_ev(t)->data = t;
}

void timer_set(struct timer *t, int64_t ms)
{
	int64_t due;
	bool later;

	if (ms >= CLOCK_NEVER - loop_now(t->loop)) {
		timer_stop(t);
		return;
	}
	ms = ms < 0 ? 0 : ms;
	due = loop_now(t->loop) + ms;
	later = ev_is_active(timer_ev(t)) && t->due != CLOCK_NEVER && due >= t->due;
	t->due = due;
	if (!later)
		timer_arm(t, ms);
}

void timer_stop(struct timer *t)
{
	if (!t->loop)
		return;
	ev_timer_stop(t->loop->ev, timer_ev(t));
	t->due = CLOCK_NEVER;
}

/* --- descriptors --- */

static struct ev_io *watch_ev(struct watch *w)
{
	return (struct ev_io *)(void *)w->ev;
}

static void on_ready(struct ev_loop *ev, struct ev_io *io, int events)
{
	struct watch *w = io->data;

	(void)ev;
	w->ready(w, (events & EV_READ ? (unsigned)WATCH_READ : 0) |
			    (events & EV_WRITE ? (unsigned)WATCH_WRITE : 0));
}

void watch_init(struct watch *w, struct loop *l, int fd,
		void (*ready)(struct watch *w, unsigned what))
{
	w->loop = l;
	w->fd = fd;
	w->want = 0;
	w->ready = ready;
	ev_io_init(watch_ev(w), on_ready, fd, EV_READ);
	watch_ev(w)->data = w;
}

void watch_set(struct watch *w, unsigned want)
{
	int events = (want & WATCH_READ ? EV_READ : 0) | (want & WATCH_WRITE ? EV_WRITE : 0);

	if (!w->loop || want == w->want)
		return;
	w->want = want;
	ev_io_stop(w->loop->ev, watch_ev(w));
	if (!want)
		return;
	ev_io_set(watch_ev(w), w->fd, events);
	ev_io_start(w->loop->ev, watch_ev(w));
}

/* --- deferred work --- */

void deferred_init(struct deferred *d, void (*run)(struct deferred *d))
{
	list_init(&d->node);
	d->run = run;
}

void loop_defer(struct loop *l, struct deferred *d)
{
	if (list_empty(&d->node))
		list_append(&l->deferred, &d->node);
}

void deferred_cancel(struct deferred *d)
{
	if (d->node.next)
		list_remove(&d->node);
}

/* --- signals --- */

static struct ev_signal *sig_ev(struct sigwatch *s)
{
	return (struct ev_signal *)(void *)s->ev;
}

static void on_signal(struct ev_loop *ev, struct ev_signal *w, int events)
{
	struct sigwatch *s = w->data;

	(void)ev;
	(void)events;
	s->got(s);
}

void sigwatch_start(struct sigwatch *s, struct loop *l, int signum,
		    void (*got)(struct sigwatch *s))
{
	s->loop = l;
	s->got = got;
	ev_signal_init(sig_ev(s), on_signal, signum);
	sig_ev(s)->data = s;
	ev_signal_start(l->ev, sig_ev(s));
}

void sigwatch_stop(struct sigwatch *s)
{
	if (s->loop)
		ev_signal_stop(s->loop->ev, sig_ev(s));
	s->loop = NULL;
}
