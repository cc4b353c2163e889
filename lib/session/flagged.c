#include "lib/session/flagged.h"

#include "lib/base/clock.h"
#include "lib/guard/access.h"
#include "lib/guard/remarks.h"
#include "shm/counters.h"
#include "shm/flags.h"

static void flag(struct env *env, const struct topo_cluster *c, const struct ipaddr *client,
		 const char *sid, struct str account, const char *why)
{
	int64_t wall = clock_wall_ms();

	traffic_line(env->traffic, wall, client, "%s flagged %.*s - %s", sid, STR_ARG(account), why);
	flag_put(env->shm, env->slot, account, str_z(why), wall);
	count_cluster(env->shm, env->slot, c->shm, CC_flagged, 1);
}

void flagged_login(const struct session *s, struct str name)
{
	char why[REMARK_TEXT];

	if (remark_login(s->env->shm, name, &s->peer.ip, loop_now(s->env->loop), why))
		flag(s->env, s->cluster, &s->peer.ip, s->sid, name, why);
}

void flagged_mail(struct transaction *tx, unsigned recipients)
{
	struct env *env = tx->env;
	struct access_time now = { clock_wall_ms(), loop_now(env->loop) };
	struct str account = tx->policy.account;
	char why[REMARK_TEXT];
	unsigned n;

	if (!env->shm || account.n == 0 || recipients == 0 || !tx->policy.program)
		return;
	n = access_sent(env->shm, env->slot, account, recipients, now);
	if (remark_is_many(n) &&
	    remark_sent(env->shm, account, n, access_average(env->traffic_db, account), now.mono_ms, why))
		flag(env, tx->cluster, &tx->client, tx->sid, account, why);
}
