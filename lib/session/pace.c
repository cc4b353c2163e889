#include "lib/session/pace.h"

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/session/patience.h"

static void on_timer(struct timer *t)
{
	struct pace *p = container_of(t, struct pace, timer);

	p->late(p);
}

void pace_init(struct pace *p, struct loop *l, void (*late)(struct pace *p))
{
	*p = (struct pace){ .late = late, .since = CLOCK_NEVER };
	timer_init(&p->timer, l, on_timer);
}

void pace_begin(struct pace *p, int64_t rate, uint64_t bytes)
{
	p->rate = rate;
	p->left = patience(PACE_MS) * rate;
	p->since = CLOCK_NEVER;
	p->bytes = bytes;
	pace_note(p, bytes, true);
}

void pace_note(struct pace *p, uint64_t bytes, bool client_waited_for)
{
	int64_t now = loop_now(p->timer.loop), most = patience(PACE_MS) * p->rate;

	if (p->rate == 0)
		return;
	if (p->since != CLOCK_NEVER)
		p->left -= (now - p->since) * p->rate;
	/* More than this is more than it may have; so nothing overflows. */
	p->left = bytes - p->bytes > (uint64_t)most ? most : p->left + (int64_t)(bytes - p->bytes) * 1000;
	p->left = p->left < most ? p->left : most;
	p->bytes = bytes;
	p->since = client_waited_for ? now : CLOCK_NEVER;
	if (client_waited_for)
		timer_set(&p->timer, p->left < 0 ? 0 : p->left / p->rate + 1);
	else
		timer_stop(&p->timer);
}

void pace_end(struct pace *p)
{
	timer_stop(&p->timer);
	p->rate = 0;
}
