#include "test/sim/queue.h"

#include <stdlib.h>

#include "test/sim/memory.h"

static bool before(const struct event *a, const struct event *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

void queue_put(struct queue *q, struct event e)
{
	size_t i = q->n++, up;

	if (q->n > q->room) {
		q->room = q->room ? 2 * q->room : 1024;
		q->v = must_realloc(q->v, q->room * sizeof(*q->v));
	}
	e.order = q->put++;
	for (; i > 0 && before(&e, &q->v[up = (i - 1) / 2]); i = up)
		q->v[i] = q->v[up];
	q->v[i] = e;
}

static size_t earlier_child(const struct queue *q, size_t i)
{
	size_t c = 2 * i + 1;

	return c + 1 < q->n && before(&q->v[c + 1], &q->v[c]) ? c + 1 : c;
}

bool queue_take(struct queue *q, struct event *out)
{
	struct event last;
	size_t i = 0, c;

	if (q->n == 0)
		return false;
	*out = q->v[0];
	last = q->v[--q->n];
	for (; (c = earlier_child(q, i)) < q->n && before(&q->v[c], &last); i = c)
		q->v[i] = q->v[c];
	if (q->n > 0)
		q->v[i] = last;
	return true;
}

void queue_free(struct queue *q)
{
	free(q->v);
	*q = (struct queue){ 0 };
}
