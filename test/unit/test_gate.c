/* gate: every outcome, and lives of mails over what the gate itself has learned of them. */
#include "lib/guard/gate.c"

#include "unit/guard_pure.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define HERE 7 /* this machine */

static const struct gate_rules rules = {
	.greylist = { 5 * MINUTE, 6 * HOUR, 120 * DAY },
	.suspicious_ms = 2 * HOUR,
	.spread_ms = 30 * DAY,
	.spread_factor = 10000,
};
static const uint8_t key[16] = "not for the ones";

/* --- outcomes --- */

#define PERMANENT { 1, WALL - DAY, WALL - HOUR, WALL - HOUR, { 0 } }
#define WAITS { 1, WALL - MINUTE, WALL - MINUTE, 0, { 0 } }
#define DUE { 1, WALL - HOUR, WALL - HOUR, 0, { 0 } }
#define LATE { 1, WALL - DAY, WALL - DAY, 0, { 0 } }
#define PROOFS(n) { 1, WALL - HOUR, WALL - HOUR, { 1, { { HERE, { n } } } } }
#define SUSPECT(n) { { [EVIDENCE_UNKNOWN] = 100, [EVIDENCE_FORGED] = 100, \
		       [EVIDENCE_ABANDONED] = 100, [EVIDENCE_EARLY] = 100, \
		       [EVIDENCE_RECIPIENTS] = n }, 0 } /* 800 and more */
#define NO_FORGERY(n) { { [EVIDENCE_UNKNOWN] = 100, [EVIDENCE_ABANDONED] = 100, \
			  [EVIDENCE_EARLY] = 100, [EVIDENCE_RECIPIENTS] = n }, 0 } /* 400 */
#define FORGED { { [EVIDENCE_FORGED] = 100 }, 0 } /* 400 */
#define FORGED_FROM(recipients, domains) { { [EVIDENCE_FORGED] = 100, [EVIDENCE_RECIPIENTS] = recipients, \
					     [EVIDENCE_DOMAINS] = domains }, 0 }
#define DOUBTFUL { { [EVIDENCE_UNKNOWN] = 100 }, 0 } /* 200 */

static const struct {
	struct sight known;
	enum gate_outcome outcome;
} cases[] = {
	{ { .off = false }, GATE_PUT_OFF },
	{ { .off = true, .evidence = SUSPECT(9) }, GATE_OFF },
	{ { .spared = true, .evidence = SUSPECT(9) }, GATE_SPARED },
	{ { .correspondent = true, .evidence = SUSPECT(9) }, GATE_CORRESPONDENT },
	{ { .greylist = PERMANENT, .evidence = SUSPECT(9) }, GATE_PERMANENT },
	{ { .evidence = SUSPECT(9), .caught = true }, GATE_REFUSED },
	{ { .evidence = SUSPECT(9) }, GATE_PUT_OFF }, /* others have done it */
	{ { .caught = true }, GATE_PUT_OFF },	      /* a typing error */
	{ { .evidence = SUSPECT(4), .caught = true }, GATE_PUT_OFF }, /* too few have seen it */
	{ { .evidence = SUSPECT(9), .caught = true, .network_trust = PROOFS(99) }, GATE_REFUSED },
	{ { .evidence = NO_FORGERY(9), .trust = PROOFS(99) }, GATE_PUT_OFF },
	{ { .evidence = FORGED, .trust = PROOFS(TRUST_PROOFS) }, GATE_TRUSTED },
	{ { .evidence = FORGED, .network_trust = PROOFS(99) }, GATE_PUT_OFF },
	{ { .evidence = SUSPECT(9), .caught = true, .greylist = DUE }, GATE_REFUSED },
	{ { .evidence = FORGED, .greylist = DUE }, GATE_PUT_OFF },
	{ { .evidence = FORGED_FROM(4, 1), .greylist = DUE }, GATE_RETRIED }, /* by its own network */
	{ { .evidence = FORGED_FROM(3, 1), .greylist = DUE }, GATE_PUT_OFF },
	{ { .evidence = FORGED_FROM(20, 6), .greylist = DUE }, GATE_PUT_OFF },
	{ { .evidence = FORGED_FROM(4, 0), .greylist = DUE }, GATE_RETRIED },
	{ { .evidence = { { [EVIDENCE_FORGED] = 100, [EVIDENCE_UNKNOWN] = 10, [EVIDENCE_RECIPIENTS] = 50,
			    [EVIDENCE_DOMAINS] = 1 }, 0 }, .greylist = DUE }, GATE_PUT_OFF }, /* which is suspect */
	{ { .early = true }, GATE_EARLY },
	{ { .listed = true }, GATE_LISTED },
	{ { .listed = true, .greylist = DUE, .trust = PROOFS(9) }, GATE_LISTED },
	{ { .listed = true, .correspondent = true }, GATE_CORRESPONDENT },
	{ { .listed = true, .greylist = PERMANENT }, GATE_PERMANENT },
	{ { .listed = true, .off = true }, GATE_OFF },
	{ { .early = true, .greylist = DUE, .trust = PROOFS(9) }, GATE_EARLY },
	{ { .early = true, .off = true }, GATE_OFF },
	{ { .early = true, .spared = true }, GATE_SPARED },
	{ { .early = true, .correspondent = true }, GATE_CORRESPONDENT },
	{ { .early = true, .greylist = PERMANENT }, GATE_PERMANENT },
	{ { .trust = PROOFS(TRUST_PROOFS) }, GATE_TRUSTED },
	{ { .trust = PROOFS(TRUST_PROOFS - 1) }, GATE_PUT_OFF },
	{ { .trust = PROOFS(9), .evidence = DOUBTFUL }, GATE_TRUSTED },
	{ { .network_trust = PROOFS(9), .evidence = DOUBTFUL }, GATE_PUT_OFF },
	{ { .network_trust = PROOFS(TRUST_NETWORK_PROOFS) }, GATE_NETWORK_TRUSTED },
	{ { .network_trust = PROOFS(TRUST_NETWORK_PROOFS - 1) }, GATE_PUT_OFF },
	{ { .bounce = true, .network_trust = PROOFS(TRUST_PROOFS) }, GATE_NETWORK_TRUSTED },
	{ { .bounce = true, .network_trust = PROOFS(TRUST_PROOFS - 1) }, GATE_PUT_OFF },
	{ { .bounce = true, .network_trust = PROOFS(9), .evidence = DOUBTFUL }, GATE_PUT_OFF },
	{ { .greylist = WAITS }, GATE_PUT_OFF },
	{ { .greylist = DUE }, GATE_RETRIED },
	{ { .greylist = DUE, .trust = PROOFS(9) }, GATE_RETRIED },
	{ { .greylist = DUE, .evidence = SUSPECT(4) }, GATE_PUT_OFF }, /* waits longer */
	{ { .greylist = LATE }, GATE_PUT_OFF },
};

START_TEST(outcome)
{
	struct gate_judgement j = gate_judge(&cases[_i].known, &rules, WALL);

	ck_assert_msg(j.outcome == cases[_i].outcome, "%s", gate_text(j.outcome));
	ck_assert(gate_passes(&j) == (j.outcome != GATE_PUT_OFF && j.outcome != GATE_REFUSED &&
				      j.outcome != GATE_EARLY && j.outcome != GATE_LISTED));
	ck_assert((j.greylist.seconds_left > 0) == !greylist_may_pass(&j.greylist));
	ck_assert_int_ge(j.initial_ms, rules.greylist.initial_ms);
	ck_assert_int_le(j.initial_ms, rules.suspicious_ms);
}
END_TEST

START_TEST(texts)
{
	for (enum gate_outcome o = 0; o < GATE_OUTCOMES; o++)
		ck_assert(gate_text(o) && gate_text(o)[0]);
}
END_TEST

/* --- lives: one network, its records as the replicator would keep them --- */

static struct {
	struct greylist_record greylist;
	struct trust_record trust, network_trust;
	struct spread_record spread;
	struct naming_record naming;
} kept;

static void forget(void)
{
	memset(&kept, 0, sizeof(kept));
}

static struct gate_judgement judge(int64_t now, bool correspondent, const struct gate_envelope *e)
{
	struct sight known = { .correspondent = correspondent, .greylist = kept.greylist,
			       .trust = kept.trust, .network_trust = kept.network_trust };
	struct gate_judgement j;
	struct sighting s;

	spread_evidence(&kept.spread, now, rules.spread_ms, &known.evidence);
	known.evidence.measure[EVIDENCE_FORGED] =
		naming_strangers(&kept.naming, now, rules.spread_ms);
	j = gate_judge(&known, &rules, now);
	if (gate_sighting(&j, e, now, &s)) {
		sighting_of_greylist(&s, &kept.greylist, HERE, rules.greylist.max_age_ms);
		if (s.parts & (SIGHTING_PROOF | SIGHTING_MAIL)) {
			sighting_of_trust(&s, &kept.trust, HERE, rules.greylist.max_age_ms);
			sighting_of_trust(&s, &kept.network_trust, HERE, rules.greylist.max_age_ms);
		}
		sighting_of_spread(&s, &kept.spread, HERE, rules.spread_ms);
		sighting_of_naming(&s, &kept.naming, HERE, rules.spread_ms);
	}
	return j;
}

static struct gate_envelope envelope(const char *recipient)
{
	struct gate_envelope e = { .sender = STR("me@far.org"), .recipient = str_z(recipient),
				   .sketch_key = key };
	struct err err;

	must(ip_parse(STR("192.0.2.7"), &e.client, &err) == 0, "address");
	return e;
}

static uint64_t abandoned(int64_t now)
{
	return conduct_sum(&kept.spread.conduct, CONDUCT_ABANDONED, now, rules.spread_ms);
}

START_TEST(life_of_a_mail)
{
	struct gate_envelope e = envelope("anna@x.org");

	forget();
	ck_assert_int_eq(judge(WALL, false, &e).outcome, GATE_PUT_OFF);
	ck_assert_int_eq(judge(WALL + MINUTE, false, &e).outcome, GATE_PUT_OFF);
	ck_assert_int_eq(judge(WALL + 5 * MINUTE, false, &e).outcome, GATE_RETRIED);
	for (int64_t day = 0; day < 300; day += 60)
		ck_assert_int_eq(judge(WALL + HOUR + day * DAY, false, &e).outcome, GATE_PERMANENT);
	ck_assert_uint_eq(abandoned(WALL + 300 * DAY), 0);
}
END_TEST

/* Proofs lie 15 minutes apart; two trust the domain, five the network. */
START_TEST(life_of_a_network)
{
	static const struct {
		const char *sender;
		enum gate_outcome first;
	} mails[] = {
		{ "a@one.org", GATE_PUT_OFF },	 { "b@one.org", GATE_PUT_OFF },
		{ "c@one.org", GATE_TRUSTED },	 { "a@two.org", GATE_PUT_OFF },
		{ "a@three.org", GATE_PUT_OFF }, { "a@four.org", GATE_PUT_OFF },
		{ "a@five.org", GATE_NETWORK_TRUSTED },
	};
	int64_t now = WALL;

	forget();
	for (size_t i = 0; i < ARRAY_LEN(mails); i++) {
		struct gate_envelope e = envelope("anna@x.org");

		e.sender = str_z(mails[i].sender);
		memset(&kept.greylist, 0, sizeof(kept.greylist)); /* each has a record of its own */
		if (i >= 3) /* and each domain */
			memset(&kept.trust, 0, sizeof(kept.trust));
		ck_assert_msg(judge(now, false, &e).outcome == mails[i].first, "%zu", i);
		if (mails[i].first == GATE_PUT_OFF)
			ck_assert_int_eq(judge(now + 6 * MINUTE, false, &e).outcome, GATE_RETRIED);
		now += 20 * MINUTE;
	}
}
END_TEST

static uint64_t established(void)
{
	return conduct_sum(&kept.naming.established, CONDUCT_ESTABLISHED, WALL, rules.spread_ms);
}

/* Tries that do not come again are counted when the next one begins anew. */
START_TEST(abandoned_tries)
{
	struct gate_envelope e = envelope("anna@x.org");

	forget();
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(abandoned(WALL + i * DAY), i > 0 ? i - 1 : 0);
		ck_assert_int_eq(judge(WALL + i * DAY, false, &e).outcome, GATE_PUT_OFF);
	}
	ck_assert_uint_eq(abandoned(WALL + 4 * DAY), 4);
}
END_TEST

/* 60 networks bring four mails each. */
static struct gate_judgement of_many_networks(bool correspondent)
{
	struct gate_envelope e = envelope("anna@x.org");
	char recipient[32];

	forget();
	for (unsigned i = 0; i < 240; i++) {
		snprintf(recipient, sizeof(recipient), "u%u@x.org", i);
		e.recipient = str_z(recipient);
		e.client.b[13] = (uint8_t)(i / 4);
		judge(WALL + i, correspondent, &e);
		memset(&kept.greylist, 0, sizeof(kept.greylist));
		memset(&kept.spread, 0, sizeof(kept.spread));
	}
	return judge(WALL + 240, false, &e);
}

/* A domain that many networks name is forged, however often; one whose mail is established is not. */
START_TEST(forged_domain)
{
	struct gate_judgement j = of_many_networks(false);

	ck_assert_uint_ge(j.score, SUSPICION_FULL);
	ck_assert_uint_lt(j.network_score, SUSPICION_START);
	ck_assert_uint_lt(of_many_networks(true).score, SUSPICION_FULL / 2);
}
END_TEST

/* Neither a try nor its retry is established; mail that comes again is. Nobody has no domain. */
START_TEST(named_once)
{
	struct gate_envelope e = envelope("anna@x.org");

	forget();
	for (int64_t t = 0; t < 3; t++)
		judge(WALL + t * MINUTE, false, &e);
	judge(WALL + 6 * MINUTE, false, &e);
	ck_assert_uint_eq(established(), 0);
	judge(WALL + 7 * MINUTE, false, &e);
	ck_assert_uint_eq(established(), 1);
	forget();
	e.sender = STR("");
	judge(WALL, false, &e);
	ck_assert_uint_eq(kept.naming.networks.slide.n, 0);
}
END_TEST

/* Bots that retry from a network under suspicion prove nothing. */
START_TEST(no_proof)
{
	struct gate_envelope e = envelope("anna@x.org");

	forget();
	for (unsigned i = 0; i < 10; i++)
		conduct_note(&kept.spread.conduct, CONDUCT_UNKNOWN, HERE, WALL, rules.spread_ms);
	judge(WALL, false, &e);
	ck_assert_int_eq(judge(WALL + 3 * HOUR, false, &e).outcome, GATE_RETRIED);
	ck_assert_uint_eq(kept.trust.round, 0);
	ck_assert_uint_eq(kept.network_trust.round, 0);
}
END_TEST

/* Under the worst suspicion a mail passes at its fourth try, if the first three took as long as anybody has to
 * wait: servers go on, bots try three times at most. */
START_TEST(goes_on)
{
	struct gate_envelope e = envelope("anna@x.org");

	for (int hasty = 0; hasty < 2; hasty++) {
		int64_t step = hasty ? MINUTE : 3 * MINUTE;

		forget();
		for (unsigned k = 0; k < 3; k++)
			for (unsigned i = 0; i < 100; i++)
				conduct_note(&kept.spread.conduct, k == 2 ? CONDUCT_EARLY : k, HERE,
					     WALL, rules.spread_ms);
		for (int64_t i = 0; i < 3; i++)
			ck_assert_int_eq(judge(WALL + i * step, false, &e).outcome, GATE_PUT_OFF);
		ck_assert_int_eq(judge(WALL + 10 * MINUTE, false, &e).outcome,
				 hasty ? GATE_PUT_OFF : GATE_RETRIED);
	}
	ck_assert_uint_eq(kept.trust.round, 0); /* it proves nothing */
}
END_TEST

/* What waits for its retry and passes for another reason was not abandoned. */
START_TEST(passes_by_another_way)
{
	struct gate_envelope e = envelope("anna@x.org");

	forget();
	judge(WALL, false, &e);
	ck_assert_int_eq(judge(WALL + MINUTE, true, &e).outcome, GATE_CORRESPONDENT);
	ck_assert_int_gt(kept.greylist.passed_ms, 0);
	ck_assert_int_eq(judge(WALL + 2 * MINUTE, false, &e).outcome, GATE_PERMANENT);
	forget();
	judge(WALL, true, &e);
	ck_assert_uint_eq(kept.greylist.window, 0); /* and none is made for it */
}
END_TEST

/* Whatever is known: allow lists pass; a refusal has evidence of several recipients; more
 * trust never makes an answer worse. */
START_TEST(any_sight)
{
	for (unsigned run = 0; run < 100000; run++) {
		struct sight k = { .spared = rnd(8) == 0, .correspondent = rnd(8) == 0,
				   .bounce = rnd(2), .caught = rnd(2) };
		struct gate_judgement j, more;

		for (unsigned i = 0; i < EVIDENCE_KINDS; i++)
			k.evidence.measure[i] = rnd(3) ? rnd(150) : 0;
		k.evidence.established = rnd(50);
		k.greylist = (struct greylist_record){ .window = rnd(3), .first_ms = WALL - rnd(40000000) };
		k.greylist.last_ms = k.greylist.first_ms;
		if (k.greylist.window && rnd(3) == 0)
			k.greylist.passed_ms = k.greylist.last_ms;
		k.trust = (struct trust_record)PROOFS(rnd(5));
		j = gate_judge(&k, &rules, WALL);
		must(!(k.spared || k.correspondent) || gate_passes(&j), "allow lists win");
		must(j.outcome != GATE_REFUSED || k.caught, "not for its neighbours");
		must(j.outcome != GATE_REFUSED ||
			     k.evidence.measure[EVIDENCE_RECIPIENTS] >= SUSPICION_RECIPIENTS,
		     "not for one mailbox");
		k.trust = (struct trust_record)PROOFS(9);
		more = gate_judge(&k, &rules, WALL);
		must(!gate_passes(&j) || gate_passes(&more), "trust helps");
		must(j.network_score <= j.score, "the domain only adds");
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("gate");

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_loop_test(t, outcome, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(t, texts);
	tcase_add_test(t, life_of_a_mail);
	tcase_add_test(t, life_of_a_network);
	tcase_add_test(t, abandoned_tries);
	tcase_add_test(t, forged_domain);
	tcase_add_test(t, named_once);
	tcase_add_test(t, no_proof);
	tcase_add_test(t, goes_on);
	tcase_add_test(t, passes_by_another_way);
	tcase_add_test(t, any_sight);
	return pure_run(t, "gate");
}
