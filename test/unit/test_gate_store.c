/* gate_store: what workers see of what the replicator has kept; and sightings on their way. */
#include "lib/guard/gate_store.c"

#include "unit/guard_rig.h"

#define MINUTE INT64_C(60000)
#define DAY (1440 * MINUTE)
#define HERE 7

static struct gate_rules rules;
static const uint8_t sketch_key[16] = "sixteen bytes ..";

static void setup(void)
{
	struct settings s;
	struct cluster c;

	guard_setup();
	record_defaults(&table_settings, &s);
	record_defaults(&table_clusters, &c);
	rules = gate_rules_of(&s, &c);
}

static struct gate_envelope envelope(const char *client, const char *recipient)
{
	struct gate_envelope e = { .sender = STR("me@far.org"), .recipient = str_z(recipient),
				   .sketch_key = sketch_key };
	struct err err;

	must(ip_parse(str_z(client), &e.client, &err) == 0, "address");
	return e;
}

static struct sight look_at(const struct gate_envelope *e, int64_t now)
{
	struct sight known = { .off = false };

	ck_assert_int_eq(gate_look(rig, e, &rules, DAY, now, &known), 0);
	return known;
}

/* As a worker does: judged, told, and stored by the replicator from the journal. */
static enum gate_outcome mail(const struct gate_envelope *e, int64_t now)
{
	struct sight known = look_at(e, now);
	struct gate_judgement j = gate_judge(&known, &rules, now);
	uint64_t pos = journal_tail(shm, SLOT);
	enum journal_kind kind;
	struct sighting s;
	struct str payload;

	if (gate_sighting(&j, e, now, &s))
		sighting_report(shm, SLOT, &s);
	begin();
	while (journal_next(shm, SLOT, &pos, &kind, &payload)) {
		must(kind == JOURNAL_SIGHTING && payload.n == sizeof(s), "a sighting");
		memcpy(&s, payload.p, sizeof(s));
		ok(sighting_store(rig, &s, HERE, &rules, &rig_err));
	}
	commit();
	journal_applied(shm, SLOT, pos);
	return j.outcome;
}

START_TEST(defaults)
{
	ck_assert_int_eq(rules.greylist.initial_ms, 5 * MINUTE);
	ck_assert_int_eq(rules.suspicious_ms, 120 * MINUTE);
	ck_assert_int_eq(rules.greylist.window_ms, 360 * MINUTE);
	ck_assert_int_eq(rules.greylist.max_age_ms, 120 * DAY);
	ck_assert_int_eq(rules.spread_ms, 30 * DAY);
	ck_assert_int_eq(rules.spread_factor, 10000);
	ck_assert_int_eq(gate_rules_of(&(struct settings){ 0 }, NULL).spread_factor, 0);
}
END_TEST

START_TEST(life)
{
	struct gate_envelope e = envelope("192.0.2.1", "anna@x.org");
	struct gate_envelope near = envelope("192.0.2.200", "anna@x.org");
	struct gate_envelope other = envelope("192.0.2.1", "bert@x.org");
	struct sight known;

	ck_assert_int_eq(mail(&e, NOW), GATE_PUT_OFF);
	ck_assert_int_eq(mail(&near, NOW + MINUTE), GATE_PUT_OFF);
	ck_assert_int_eq(mail(&near, NOW + 6 * MINUTE), GATE_RETRIED);
	ck_assert_int_eq(mail(&e, NOW + DAY), GATE_PERMANENT);
	ck_assert_int_eq(mail(&other, NOW + DAY), GATE_PUT_OFF);
	known = look_at(&other, NOW + DAY);
	ck_assert_uint_eq(known.evidence.established, 1);
	ck_assert_uint_eq(known.evidence.measure[EVIDENCE_RECIPIENTS], 2);
	ck_assert_uint_eq(known.evidence.measure[EVIDENCE_SENDERS], 1);
	ck_assert_uint_eq(trust_proofs(&known.trust, rules.greylist.max_age_ms, NOW + DAY), 1);
	ck_assert_uint_eq(trust_proofs(&known.network_trust, rules.greylist.max_age_ms, NOW + DAY), 1);
	rig_check();
}
END_TEST

/* Where nothing more matters nothing more is asked. */
START_TEST(spared)
{
	struct gate_envelope e = envelope("192.0.2.1", "anna@x.org");
	struct sight known = { .spared = true };

	mail(&e, NOW);
	ck_assert_int_eq(gate_look(rig, &e, &rules, DAY, NOW, &known), 0);
	ck_assert_uint_eq(known.greylist.window, 0);
	known = (struct sight){ .off = false };
	ck_assert_int_eq(gate_look(NULL, &e, &rules, DAY, NOW, &known), 0); /* not made yet */
	ck_assert_uint_eq(known.greylist.window, 0);
}
END_TEST

START_TEST(correspondent)
{
	struct whitelist w = { .local_address = STR("anna@x.org"), .remote_address = STR("me@far.org"),
			       .last_seen = NOW, .first_seen = NOW };
	struct gate_envelope e = envelope("192.0.2.1", "Anna@X.org");

	put(&table_whitelist, &w);
	ck_assert_int_eq(mail(&e, NOW), GATE_CORRESPONDENT);
	ck_assert_int_eq(mail(&e, NOW + DAY), GATE_PUT_OFF); /* too long ago */
}
END_TEST

/* Uses of a permanent record are written once a day. */
START_TEST(seldom_written)
{
	struct gate_envelope e = envelope("192.0.2.1", "anna@x.org");
	uint8_t key[ENVELOPE_KEY];
	struct greylist_record r;
	int64_t last = 0;
	unsigned writes = 0;

	mail(&e, NOW);
	mail(&e, NOW + 6 * MINUTE);
	greylist_key(&e.client, e.sender, e.recipient, key);
	for (int64_t t = NOW + 7 * MINUTE; t < NOW + 10 * DAY; t += 60 * MINUTE) {
		ck_assert_int_eq(mail(&e, t), GATE_PERMANENT);
		read_begin();
		ok(greylist_get(rig, key, &r, &rig_err));
		store_read_end(rig);
		writes += r.last_ms != last;
		last = r.last_ms;
	}
	ck_assert_uint_le(writes, 11);
	ck_assert_uint_ge(writes, 9);
}
END_TEST

START_TEST(saw)
{
	struct ipaddr ip = envelope("2001:db8::7", "x").client;
	struct gate_envelope e = envelope("2001:db8::ffff", "anna@x.org");

	for (unsigned k = 0; k < CONDUCT_KINDS; k++)
		for (unsigned n = 0; n <= k; n++)
			spread_saw(shm, SLOT, &ip, k, NOW);
	mail(&e, NOW); /* stores them all */
	ck_assert_uint_eq(look_at(&e, NOW).evidence.measure[EVIDENCE_UNKNOWN], CONDUCT_UNKNOWN + 1);
	ck_assert_uint_eq(look_at(&e, NOW).evidence.measure[EVIDENCE_NAMELESS], CONDUCT_NAMELESS + 1);
	ck_assert_uint_eq(look_at(&e, NOW + 40 * DAY).evidence.measure[EVIDENCE_UNKNOWN], 0);
	spread_saw(NULL, SLOT, &ip, CONDUCT_ERROR, NOW);
}
END_TEST

/* Records that do not decode are none, and are written anew; rows that do not are an error. */
START_TEST(damaged)
{
	struct gate_envelope e = envelope("192.0.2.1", "anna@x.org");
	uint8_t key[ENVELOPE_KEY];
	struct packed_row row = { .record = STR("\x01\x02\x03") };
	struct sight known = { .off = false };

	greylist_key(&e.client, e.sender, e.recipient, key);
	row.key = key_str(key);
	put(&table_greylist, &row);
	spread_key(&e.client, key);
	put(&table_spread, &row);
	ck_assert_int_eq(mail(&e, NOW), GATE_PUT_OFF);
	ck_assert_int_eq(mail(&e, NOW + 6 * MINUTE), GATE_RETRIED);
	greylist_key(&e.client, e.sender, e.recipient, key);
	row.key = key_str(key);
	put_damaged(&table_greylist, &row);
	ck_assert_int_eq(gate_look(rig, &e, &rules, DAY, NOW, &known), -1);
}
END_TEST

START_TEST(full_journal)
{
	struct gate_envelope e = envelope("192.0.2.1", "anna@x.org");
	uint64_t dropped = journal_stat(shm, SLOT).dropped;

	fill_journal();
	spread_saw(shm, SLOT, &e.client, CONDUCT_ERROR, NOW);
	ck_assert_uint_gt(journal_stat(shm, SLOT).dropped, dropped);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("gate_store");
	Suite *s = suite_create("gate_store");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, guard_teardown);
	tcase_add_test(t, defaults);
	tcase_add_test(t, life);
	tcase_add_test(t, spared);
	tcase_add_test(t, correspondent);
	tcase_add_test(t, seldom_written);
	tcase_add_test(t, saw);
	tcase_add_test(t, damaged);
	tcase_add_test(t, full_journal);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
