#include "lib/session/stranger.h"

#include "lib/base/clock.h"
#include "lib/guard/gate_store.h"
#include "shm/counters.h"

#define EXPLAINED 1000 /* bytes of an explanation in the log */

/* What each judgement counts as; -1: as nothing. */
static const int counters[GATE_OUTCOMES] = {
	[GATE_OFF] = -1,
	[GATE_SPARED] = -1,
	[GATE_EARLY] = CC_refused_early,
	[GATE_LISTED] = CC_refused_listed,
	[GATE_CORRESPONDENT] = CC_passed_known,
	[GATE_PERMANENT] = CC_passed_known,
	[GATE_REFUSED] = CC_refused_suspicion,
	[GATE_TRUSTED] = CC_passed_trust,
	[GATE_NETWORK_TRUSTED] = CC_passed_trust,
	[GATE_RETRIED] = CC_passed_retry,
	[GATE_PUT_OFF] = CC_refused_greylist,
};

static const struct policy_refusal no_memory = { 452, "4.3.1 too many recipients for our memory",
						 CC_refused_temporary };

static bool wants_greylisting(const struct transaction *tx, const struct route_list *list)
{
	if (list->v[0].foreign && !list->v[0].member)
		return false; /* a bounce that comes back by an address we have signed */
	return gate_is_wanted(list->spam_setting, &tx->cluster->row);
}

/* Nothing is noted of those. */
static bool is_spared(const struct transaction *tx)
{
	return tx->policy.inside || ranges_contain(&tx->cluster->spam_whitelist, &tx->client);
}

/* --- the log: whatever an administrator is asked about --- */

/* Of what passes, the first time alone: later mails of the same kind tell nothing new. */
static bool is_told(const struct gate_judgement *j)
{
	return !gate_passes(j) || j->outcome == GATE_RETRIED;
}

static void tell(const struct transaction *tx, struct str recipient, const struct gate_judgement *j)
{
	char text[EXPLAINED];
	const char *more;
	struct buf why = { .mem = text, .cap = sizeof(text), .max = sizeof(text) };

	if (!is_told(j))
		return;
	more = suspicion_explain(&j->why, &why) < 0 ? ", ..." : "";
	traffic_line(tx->env->traffic, clock_wall_ms(), &tx->client,
		     "%s guard %.*s => %.*s %s: %s, %lld s left, suspicion %u%s%.*s%s", tx->sid,
		     STR_ARG(tx->mail.reverse_path), STR_ARG(recipient), gate_text(j->outcome),
		     greylist_text(j->greylist.outcome), (long long)j->greylist.seconds_left,
		     j->score, buf_len(&why) > 0 ? " of " : "", STR_ARG(buf_str(&why)), more);
}

/* --- judging --- */

static struct str words_of(struct transaction *tx, const struct gate_judgement *j, struct str zone)
{
	struct ipaddr network = ip_network(&tx->client);
	char text[ADDR_TEXT];

	switch (j->outcome) {
	case GATE_PUT_OFF:
		return arena_printf(&tx->arena, "4.7.1 greylisted, try again in %lld seconds",
				    (long long)j->greylist.seconds_left);
	case GATE_EARLY:
		return STR("5.5.0 your server talks before its turn, RFC 5321 3.1 and RFC 2920 3.1");
	case GATE_LISTED:
		return arena_printf(&tx->arena, "5.7.1 %s is listed by %.*s",
				    ip_text(&tx->client, text), STR_ARG(zone));
	default:
		return arena_printf(&tx->arena,
				    "5.7.1 too much from your network %s looks like spam - contact "
				    "our site administrators for more info",
				    ip_text(&network, text));
	}
}

static const struct policy_refusal *answer(struct transaction *tx, const struct gate_judgement *j,
					   struct str zone)
{
	struct policy_refusal *no = arena_alloc(&tx->arena, sizeof(*no));
	struct str words = words_of(tx, j, zone);

	if (!no || !words.p)
		return &no_memory;
	*no = (struct policy_refusal){ j->outcome == GATE_PUT_OFF ? 450 : 550, words.p,
				       counters[j->outcome] };
	return no;
}

static void learn(const struct transaction *tx, const struct gate_judgement *j,
		  const struct gate_envelope *e, int64_t wall_ms)
{
	struct env *env = tx->env;
	struct sighting s;

	if (!env->shm)
		return;
	if (gate_sighting(j, e, wall_ms, &s))
		sighting_report(env->shm, env->slot, &s);
	if (gate_passes(j) && counters[j->outcome] >= 0)
		count_cluster(env->shm, env->slot, tx->cluster->shm,
			      (enum cluster_counter)counters[j->outcome], 1);
}

const struct policy_refusal *stranger_rcpt(struct transaction *tx, struct str recipient,
					   const struct route_list *list)
{
	struct gate_rules rules = gate_rules_of(&tx->topology->settings, &tx->cluster->row);
	struct gate_envelope e = { tx->client, tx->sender, recipient, tx->topology->sketch_key };
	struct sight known = { .off = !wants_greylisting(tx, list),
			       .early = tx->policy.early,
			       .caught = tx->policy.caught };
	int64_t wall = clock_wall_ms();
	struct gate_judgement j;
	struct str zone;

	if (known.off || is_spared(tx))
		return NULL;
	/* A guard that cannot be asked keeps no mail out. */
	if (tx->env->ask->sight(tx->env, &tx->topology->settings, &e, &rules, &known) < 0)
		return NULL;
	zone = tx->env->ask->listed(tx->env, tx->cluster, &tx->client);
	known.listed = zone.n > 0;
	j = gate_judge(&known, &rules, wall);
	tell(tx, recipient, &j);
	learn(tx, &j, &e, wall);
	return gate_passes(&j) ? NULL : answer(tx, &j, zone);
}

void stranger_missed(struct transaction *tx)
{
	if (is_spared(tx))
		return;
	tx->policy.caught = true;
	spread_saw(tx->env->shm, tx->env->slot, &tx->client, CONDUCT_UNKNOWN, clock_wall_ms());
}

bool stranger_by_address(const struct session *s)
{
	const struct topo_cluster *c = s->cluster;
	const struct ipaddr *ip = &s->peer.ip;

	return !ranges_contain(&c->relay, ip) && !ranges_contain(&c->spam_whitelist, ip) &&
	       !ranges_contain(&c->proxy, ip) && !topology_has_box(s->topology, ip, true);
}
