#include "lib/session/tarpit.h"

#include "lib/base/limits.h"
#include "shm/counters.h"

static void on_timer(struct timer *timer)
{
	struct tarpit *t = container_of(timer, struct tarpit, timer);

	tarpit_end(t);
	t->over(t);
}

void tarpit_init(struct tarpit *t, struct env *env, void (*over)(struct tarpit *t))
{
	*t = (struct tarpit){ .env = env, .over = over };
	timer_init(&t->timer, env->loop, on_timer);
}

static bool is_crowded(const struct session *s)
{
	const struct env *env = s->env;

	if (env->n_tarpit >= LIMIT_TARPIT)
		return true;
	return env->shm && counter_cluster(env->shm, -1, s->cluster->shm, CC_sessions) >
				   s->cluster->row.max_connections / 2;
}

bool tarpit_hold(struct tarpit *t, const struct session *s)
{
	int64_t ms = decimal_s_ms(s->cluster->row.error_sleep_s);

	if (t->holds || ms == 0 || is_crowded(s))
		return false;
	t->holds = true;
	t->env->n_tarpit++;
	timer_set(&t->timer, ms);
	if (t->env->shm)
		count_cluster(t->env->shm, t->env->slot, s->cluster->shm, CC_held_back, 1);
	return true;
}

void tarpit_end(struct tarpit *t)
{
	if (!t->holds)
		return;
	t->holds = false;
	t->env->n_tarpit--;
	timer_stop(&t->timer);
}
