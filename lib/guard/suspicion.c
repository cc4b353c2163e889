#include "lib/guard/suspicion.h"

#define FACTOR_ONE 10000 /* of spread_factor as stored */

/* What the weights rest on. Sources support their order of size; that they are round numbers
 * shows that nothing was fitted.
 *
 * Unknown recipients, 200: lists of spam are harvested, guessed and old; a server of people
 * meets an unknown address when one of them mistypes. Refusals before the body, of which this
 * is the first kind, tell senders of spam apart so well that they can be read from traffic alone
 * (Schatzmann, Burkhart, Spyropoulos, "Inferring spammers in the network core", PAM 2009).
 * Forged domain, 400: bots name domains of others, by thousands of networks, a mail or two each; a
 * domain's own mail comes from few, and each brings many (SPF, RFC 7208 1, rests on the former;
 * Taylor, "Sender reputation in a large webmail service", CEAS 2006, keeps domain and
 * address apart for it). It says more than the rest, as it needs no history of the network; so it
 * makes the wait full, but does not refuse. Who has proved himself with the domain is spared it, and so is
 * a network that brings many mails of few domains, as the domain's own do (gate.c). Only established mail
 * shows that a domain is in use: bots name those of large providers several times from each network.
 * Abandoned tries, 100: what greylisting rests on (Harris 2003; RFC 6647). Of Levine's
 * new clients 36 % never came again and 32 % too early ("Greylisting still works, part II"). But
 * large senders retry from other addresses, one of ten from seven (Pagani and others, "Measuring
 * the role of greylisting and nolisting in fighting spam", DSN 2016), which leaves abandoned tries
 * behind with honest networks too: less than the former.
 * Sender domains, 75: the network of a sender has his domains, spam names others'. Hosts of
 * many customers have many as well: less.
 * Senders, 25: the same, but lists (VERP) and forwarders have many by nature.
 * Early talking, 100: RFC 5321 3.1 has the server speak first. Spamware that only has lines to
 * send does not wait (Postfix, postscreen: "pregreet test"; Stringhini and others, "B@bel:
 * leveraging email delivery for spam mitigation", USENIX Security 2012, on such dialects). Nothing
 * takes it back, but one broken client says little of its neighbours: no more than this.
 * No reverse name, 50: RFC 1912 2.1 asks for one, large receivers refuse without; but it is often
 * the carrier's fault. Only where a cluster looks for it (reverse_names).
 * Recipients and protocol errors, 25 each: what newsletters and old servers have in common with
 * spam: a hint.
 *
 * No three pieces reach SUSPICION_REFUSE.
 * Saturations: what a server of people does not reach in a window without established mails.
 * A vouch of 1000: a mail that is established takes one back. */
const struct evidence_rule evidence_rules[EVIDENCE_KINDS] = {
	[EVIDENCE_UNKNOWN] = { "unknown recipients",
			       "tries to addresses of ours that there are not", 200, 10, 100 },
	[EVIDENCE_FORGED] = { "forged domain",
			      "networks that name the sender's domain, less one for four "
			      "established mails",
			      400, 20, 0 },
	[EVIDENCE_ABANDONED] = { "abandoned tries", "mails that were put off and did not come again",
				 100, 10, 1000 },
	[EVIDENCE_DOMAINS] = { "sender domains", "distinct domains of senders", 75, 20, 1000 },
	[EVIDENCE_SENDERS] = { "senders", "distinct senders", 25, 40, 1000 },
	[EVIDENCE_EARLY] = { "early talking", "sessions that talked before their turn", 100, 3, 0 },
	[EVIDENCE_NAMELESS] = { "no reverse name",
				"sessions without a reverse name that leads back", 50, 5, 100 },
	[EVIDENCE_RECIPIENTS] = { "recipients", "distinct recipients", 25, 100, 1000 },
	[EVIDENCE_ERRORS] = { "protocol errors", "commands that no mail server sends", 25, 20, 100 },
};

/* value * factor / by, where the product may be large: then more than any limit here. */
static uint64_t scaled(uint64_t value, uint64_t factor, uint64_t by)
{
	uint64_t product;

	return __builtin_mul_overflow(value, factor, &product) ? UINT64_MAX : product / by;
}

static uint64_t counted(const struct evidence_rule *r, uint64_t measure, uint64_t established)
{
	uint64_t vouched = scaled(established, r->vouch, 1000);

	return measure > vouched ? measure - vouched : 0;
}

static unsigned points(const struct evidence_rule *r, uint64_t n)
{
	return n < r->saturation ? (unsigned)(n * r->weight / r->saturation) : r->weight;
}

unsigned suspicion_score(const struct evidence *e, int64_t spread_factor, struct explanation *why)
{
	uint64_t sum = 0, score;

	for (unsigned k = 0; k < EVIDENCE_KINDS; k++) {
		const struct evidence_rule *r = &evidence_rules[k];
		uint64_t c = counted(r, e->measure[k], e->established);
		unsigned p = points(r, c);

		if (why) {
			why->counted[k] = c;
			why->points[k] = p;
		}
		sum += p;
	}
	score = spread_factor > 0 ? scaled(sum, (uint64_t)spread_factor, FACTOR_ONE) : 0;
	return score < SUSPICION_ALL ? (unsigned)score : SUSPICION_ALL;
}

int64_t suspicion_initial_ms(unsigned score, int64_t initial_ms, int64_t suspicious_ms)
{
	int64_t above = (int64_t)score - (int64_t)SUSPICION_START;

	if (suspicious_ms <= initial_ms || above <= 0)
		return initial_ms;
	if (score >= SUSPICION_FULL)
		return suspicious_ms;
	return initial_ms + (suspicious_ms - initial_ms) * above /
				    (int64_t)(SUSPICION_FULL - SUSPICION_START);
}

bool suspicion_refuses(unsigned score, const struct evidence *e)
{
	return score >= SUSPICION_REFUSE && e->measure[EVIDENCE_RECIPIENTS] >= SUSPICION_RECIPIENTS;
}

int suspicion_explain(const struct explanation *why, struct buf *out)
{
	const char *between = "";

	for (unsigned k = 0; k < EVIDENCE_KINDS; k++) {
		const struct evidence_rule *r = &evidence_rules[k];

		if (why->points[k] == 0)
			continue;
		if (buf_addf(out, "%s%s %llu of %u: %u", between, r->name,
			     (unsigned long long)why->counted[k], r->saturation, why->points[k]) < 0)
			return -1;
		between = ", ";
	}
	return 0;
}
