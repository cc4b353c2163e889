#include "lib/session/legpool.h"

#include <stdlib.h>

#include "lib/base/limits.h"
#include "shm/counters.h"

#define FAILED_LATELY_MS 600000 /* longer than most senders' first retry */

/* What a worker remembers of one box; rows by the box's index in shared memory. */
struct boxpool {
	struct list idle;
	unsigned n;
	int64_t failed_at; /* monotonic ms, 0: not */
};

struct legpool {
	struct env *env;
	struct boxpool boxes[MAX_BOXES + 1]; /* the last: boxes without an index (tests) */
};

struct legpool *legpool_new(struct env *env)
{
	struct legpool *p = mem_zalloc(sizeof(*p));

	p->env = env;
	for (size_t i = 0; i < ARRAY_LEN(p->boxes); i++)
		list_init(&p->boxes[i].idle);
	return p;
}

static struct boxpool *row(struct legpool *p, const struct topo_box *box)
{
	bool known = box->shm >= 0 && box->shm < MAX_BOXES;

	return &p->boxes[known ? box->shm : MAX_BOXES];
}

static void unlist(struct legpool *p, struct leg *leg)
{
	struct env *env = p->env;

	list_remove(&leg->node);
	row(p, leg->box)->n--;
	if (env->shm)
		count_box(env->shm, env->slot, leg->box->shm, BC_idle, -1);
}

void legpool_flush(struct legpool *p)
{
	struct list *n, *tmp;

	for (size_t i = 0; i < ARRAY_LEN(p->boxes); i++) {
		list_each(&p->boxes[i].idle, n, tmp) {
			struct leg *leg = container_of(n, struct leg, node);

			unlist(p, leg);
			leg_abort(leg);
		}
		p->boxes[i].failed_at = 0;
	}
}

void legpool_free(struct legpool **p)
{
	if (!*p)
		return;
	legpool_flush(*p);
	free(*p);
	*p = NULL;
}

struct leg *legpool_take(struct legpool *p, const struct topo_box *box)
{
	struct boxpool *b = row(p, box);
	struct list *n, *tmp;

	/* The last one in is the warmest; the others may time out. */
	list_each(&b->idle, n, tmp) {
		struct leg *leg = container_of(n, struct leg, node);

		if (str_eq(leg->box->row.boxid, box->row.boxid) &&
		    str_eq(leg->box->row.clusterid, box->row.clusterid)) {
			unlist(p, leg);
			return leg;
		}
	}
	return NULL;
}

/* A box that bounds its sessions: waiting legs must not take them from other workers. */
static bool crowded(struct legpool *p, const struct topo_box *box)
{
	return box->row.max_sessions > 0 && p->env->shm &&
	       counter_box(p->env->shm, -1, box->shm, BC_sessions) * 2 >= box->row.max_sessions;
}

bool legpool_put(struct legpool *p, struct leg *leg)
{
	struct boxpool *b = row(p, leg->box);
	struct env *env = p->env;

	if (env->draining || leg->topology != env->topology || leg->box->light != LIGHT_GREEN ||
	    leg->uses >= leg->max_uses || loop_now(env->loop) - leg->opened > POOL_AGE_MS ||
	    b->n >= POOL_PER_BOX || crowded(p, leg->box))
		return false;
	list_prepend(&b->idle, &leg->node);
	b->n++;
	if (env->shm)
		count_box(env->shm, env->slot, leg->box->shm, BC_idle, 1);
	return true;
}

void legpool_lost(struct legpool *p, struct leg *leg)
{
	if (!list_empty(&leg->node))
		unlist(p, leg);
}

void legpool_box_failed(struct legpool *p, const struct topo_box *box)
{
	row(p, box)->failed_at = loop_now(p->env->loop);
}

void legpool_box_worked(struct legpool *p, const struct topo_box *box)
{
	row(p, box)->failed_at = 0;
}

bool legpool_failed_lately(struct legpool *p, const struct topo_box *box)
{
	int64_t at = row(p, box)->failed_at;

	return at != 0 && loop_now(p->env->loop) - at < FAILED_LATELY_MS;
}
