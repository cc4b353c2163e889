#include "lib/guard/gate.h"

#include "lib/base/hash.h"

#define SEEN (SIGHTING_ENVELOPE | SIGHTING_NAMING)
#define ESTABLISHED (1u << CONDUCT_ESTABLISHED)
static const struct {
	const char *text;
	bool passes;
	uint8_t parts; /* of its sighting */
	uint8_t kinds;
} outcomes[GATE_OUTCOMES] = {
	[GATE_OFF] = { "greylisting is off for the recipient", true, 0, 0 },
	[GATE_SPARED] = { "in spam_whitelist_ranges", true, 0, 0 },
	[GATE_CORRESPONDENT] = { "the recipient has written to the sender", true, SEEN, ESTABLISHED },
	[GATE_PERMANENT] = { "permanent record", true, SEEN | SIGHTING_TRY | SIGHTING_MAIL, ESTABLISHED },
	[GATE_EARLY] = { "refused for talking before its turn", false, SEEN, 0 },
	[GATE_LISTED] = { "refused as a DNS list has its address", false, SEEN, 0 },
	[GATE_REFUSED] = { "refused for suspicion", false, SEEN, 0 },
	[GATE_TRUSTED] = { "network and sender domain are trusted", true, SEEN | SIGHTING_MAIL, ESTABLISHED },
	[GATE_NETWORK_TRUSTED] = { "network is trusted", true, SEEN | SIGHTING_MAIL, 0 },
	[GATE_RETRIED] = { "retry within the window", true, SEEN | SIGHTING_TRY | SIGHTING_PROOF, 0 },
	[GATE_PUT_OFF] = { "put off", false, SEEN | SIGHTING_TRY, 0 },
};

bool gate_passes(const struct gate_judgement *j)
{
	return outcomes[j->outcome].passes;
}

const char *gate_text(enum gate_outcome o)
{
	return outcomes[o].text;
}

/* --- judging --- */

static bool pair_is_trusted(const struct sight *known, const struct gate_rules *r, int64_t now_ms)
{
	return trust_passes(&known->trust, TRUST_PROOFS, r->greylist.max_age_ms, now_ms);
}

/* A bounce names no domain, so that its network proves itself by what else it sends. */
static bool network_is_trusted(const struct sight *known, const struct gate_rules *r, int64_t now_ms)
{
	return trust_passes(&known->network_trust, known->bounce ? TRUST_PROOFS : TRUST_NETWORK_PROOFS,
			    r->greylist.max_age_ms, now_ms);
}

static enum gate_outcome outcome_of(const struct sight *known, const struct gate_judgement *j,
				    const struct gate_rules *r, int64_t now_ms)
{
	if (known->off)
		return GATE_OFF;
	if (known->spared)
		return GATE_SPARED;
	if (known->correspondent)
		return GATE_CORRESPONDENT;
	if (j->greylist.outcome == GREYLIST_PERMANENT)
		return GATE_PERMANENT;
	if (known->early)
		return GATE_EARLY;
	if (known->listed)
		return GATE_LISTED;
	if (known->caught && suspicion_refuses(j->score, &known->evidence))
		return GATE_REFUSED;
	/* Before trust: who was put off and comes again proves himself. */
	if (greylist_may_pass(&j->greylist))
		return GATE_RETRIED;
	if (j->score < SUSPICION_FULL && pair_is_trusted(known, r, now_ms))
		return GATE_TRUSTED;
	if (j->score < SUSPICION_START && network_is_trusted(known, r, now_ms))
		return GATE_NETWORK_TRUSTED;
	return GATE_PUT_OFF;
}

/* Passes without a look at its greylist record. */
static bool passes_anyway(enum gate_outcome o)
{
	return o == GATE_CORRESPONDENT || o == GATE_TRUSTED || o == GATE_NETWORK_TRUSTED;
}

/* A record that waits for its retry: whatever lets that pass, it has not been abandoned. */
static bool is_put_off(const struct greylist_record *r)
{
	return r->window > 0 && r->passed_ms == 0;
}

/* A mail that was tried over and over need not wait longer than any: bots have learned to retry, but
 * not to go on. */
static bool is_persistent(const struct greylist_record *r, const struct gate_rules *rules)
{
	return is_put_off(r) && tally_sum(&r->tally, GREYLIST_TRIED) >= GATE_PERSISTENT &&
	       r->last_ms - r->first_ms >= rules->greylist.initial_ms;
}

/* A network of the domain's own: it brings many mails, of few domains, and is under no suspicion. A server that
 * gives up before a full wait is over could otherwise never prove itself, once its domain is forged. */
static bool is_its_own(const struct evidence *network, unsigned network_score)
{
	uint64_t domains = network->measure[EVIDENCE_DOMAINS];

	return network_score < SUSPICION_START &&
	       network->measure[EVIDENCE_RECIPIENTS] >= NAMING_USUAL * (domains > 0 ? domains : 1);
}

struct gate_judgement gate_judge(const struct sight *known, const struct gate_rules *r, int64_t now_ms)
{
	struct greylist_times times = r->greylist;
	struct evidence own = known->evidence;
	struct gate_judgement j;

	own.measure[EVIDENCE_FORGED] = 0;
	j.network_score = suspicion_score(&own, r->spread_factor, NULL);
	/* That others forge the domain says nothing about its own networks, nor about who has proved
	 * himself with it. */
	if (!pair_is_trusted(known, r, now_ms) && !is_its_own(&own, j.network_score))
		own.measure[EVIDENCE_FORGED] = known->evidence.measure[EVIDENCE_FORGED];
	j.score = suspicion_score(&own, r->spread_factor, &j.why);
	if (is_persistent(&known->greylist, r))
		j.initial_ms = times.initial_ms;
	else
		j.initial_ms = suspicion_initial_ms(j.score, times.initial_ms, r->suspicious_ms);
	times.initial_ms = j.initial_ms;
	j.greylist = greylist_judge(&known->greylist, &times, now_ms);
	j.outcome = outcome_of(known, &j, r, now_ms);
	if (passes_anyway(j.outcome) && is_put_off(&known->greylist)) {
		j.greylist.outcome = GREYLIST_PASSES;
		j.greylist.window = known->greylist.window;
	}
	j.abandoned = j.outcome == GATE_PUT_OFF && is_put_off(&known->greylist) &&
		      j.greylist.outcome == GREYLIST_STARTS_ANEW;
	return j;
}

/* --- learning --- */

static uint64_t hash_folded(const uint8_t key[16], struct str s)
{
	char text[LIMIT_ADDRESS];

	s.n = s.n < LIMIT_ADDRESS ? s.n : LIMIT_ADDRESS;
	if (s.n > 0)
		str_lower(text, s);
	return hash_sip(key, (struct str){ text, s.n });
}

static void take_distinct(const struct gate_envelope *e, struct sighting *out)
{
	char folded[LIMIT_ADDRESS];
	struct str sender = { folded, sender_fold(e->sender, folded) };

	out->distinct[SPREAD_RECIPIENTS] = hash_folded(e->sketch_key, e->recipient);
	out->distinct[SPREAD_SENDERS] = hash_folded(e->sketch_key, sender);
	out->distinct[SPREAD_DOMAINS] = hash_folded(e->sketch_key, sender_domain(sender));
}

/* A mail that has been seen before: it is counted once. */
static bool is_retry(const struct gate_judgement *j)
{
	return j->outcome == GATE_RETRIED || j->greylist.outcome == GREYLIST_TOO_EARLY ||
	       j->greylist.outcome == GREYLIST_STARTS_ANEW;
}

bool gate_sighting(const struct gate_judgement *j, const struct gate_envelope *e,
		   int64_t now_ms, struct sighting *out)
{
	*out = (struct sighting){ .now_ms = now_ms,
				  .window = j->greylist.window,
				  .outcome = (uint8_t)j->greylist.outcome,
				  .parts = outcomes[j->outcome].parts,
				  .kinds = outcomes[j->outcome].kinds };
	if (passes_anyway(j->outcome) && j->greylist.outcome == GREYLIST_PASSES)
		out->parts |= SIGHTING_TRY;
	if (j->outcome == GATE_RETRIED && j->network_score >= SUSPICION_START)
		out->parts &= (uint8_t)~SIGHTING_PROOF; /* bots have learned to retry */
	if (e->sender.n == 0 || is_retry(j))
		out->parts &= (uint8_t)~SIGHTING_NAMING;
	if (j->abandoned)
		out->kinds |= 1u << CONDUCT_ABANDONED;
	network_key(&e->client, out->network);
	greylist_key(&e->client, e->sender, e->recipient, out->greylist);
	trust_key(&e->client, e->sender, out->trust);
	network_trust_key(&e->client, out->network_trust);
	naming_key(e->sender, out->naming);
	out->network_hash = hash_sip(e->sketch_key,
				     (struct str){ (const char *)out->network, NETWORK_KEY });
	take_distinct(e, out);
	return out->parts || out->kinds;
}
