/* trust: when a network and domain have proved themselves, and what merging keeps of it. */
#include "lib/guard/trust.c"

#define RECORD struct trust_record
#define PACKED TRUST_PACKED
#define ENCODE trust_encode
#define DECODE trust_decode
#define MERGE trust_merge
#include "unit/guard_pure.h"

#define DAY INT64_C(86400000)
#define AGE (120 * DAY)

static void prove(struct trust_record *r, unsigned times, int64_t from)
{
	for (unsigned i = 0; i < times; i++)
		trust_note(r, TRUST_PROOF, AGE, 1, from + (int64_t)i * PROOF_APART_MS);
}

START_TEST(enough_proofs)
{
	struct trust_record r = { 0 };

	ck_assert(!trust_passes(&r, TRUST_NETWORK_PROOFS, AGE, WALL));
	prove(&r, TRUST_NETWORK_PROOFS - 1, WALL);
	ck_assert(!trust_passes(&r, TRUST_NETWORK_PROOFS, AGE, WALL + DAY));
	prove(&r, 1, WALL + DAY);
	ck_assert(trust_passes(&r, TRUST_NETWORK_PROOFS, AGE, WALL + DAY));
	ck_assert_uint_eq(trust_proofs(&r, AGE, WALL + DAY), TRUST_NETWORK_PROOFS);
}
END_TEST

/* However many mails of one burst come again, that is one proof. */
START_TEST(burst)
{
	struct trust_record r = { 0 };

	for (int64_t i = 0; i < 100000; i++)
		trust_note(&r, TRUST_PROOF, AGE, 1, WALL + i % PROOF_APART_MS);
	ck_assert_uint_eq(trust_proofs(&r, AGE, WALL + DAY), 1);
	trust_note(&r, TRUST_PROOF, AGE, 1, WALL + PROOF_APART_MS - 1);
	ck_assert_uint_eq(trust_proofs(&r, AGE, WALL + DAY), 1);
	trust_note(&r, TRUST_PROOF, AGE, 1, WALL + PROOF_APART_MS);
	ck_assert_uint_eq(trust_proofs(&r, AGE, WALL + DAY), 2);
}
END_TEST

START_TEST(lasts_while_used)
{
	struct trust_record r = { 0 };
	int64_t now;

	trust_note(&r, TRUST_MAIL, AGE, 1, WALL);
	ck_assert_uint_eq(r.round, 0);
	prove(&r, TRUST_NETWORK_PROOFS, WALL);
	now = r.used_ms;
	for (unsigned i = 0; i < 5; i++) {
		now += AGE - 1;
		ck_assert(trust_passes(&r, TRUST_NETWORK_PROOFS, AGE, now));
		trust_note(&r, TRUST_MAIL, AGE, 1, now);
	}
	ck_assert_int_eq(trust_expiry(&r, AGE), now + AGE);
	ck_assert(!trust_passes(&r, TRUST_NETWORK_PROOFS, AGE, now + AGE));
	trust_note(&r, TRUST_MAIL, AGE, 1, now + AGE);
	ck_assert(!trust_passes(&r, TRUST_NETWORK_PROOFS, AGE, now + AGE));
	prove(&r, TRUST_NETWORK_PROOFS - 1, now + AGE);
	ck_assert_uint_eq(r.round, 2);
	ck_assert(!trust_passes(&r, TRUST_NETWORK_PROOFS, AGE, now + AGE + DAY));
}
END_TEST

/* A machine that was away brings back what is over: it stays over. */
START_TEST(old_round)
{
	struct trust_record r = { 0 }, old;

	prove(&r, 100, WALL);
	old = r;
	prove(&r, 1, r.used_ms + AGE);
	trust_merge(&r, &old);
	ck_assert(!trust_passes(&r, TRUST_NETWORK_PROOFS, AGE, r.used_ms));
	trust_merge(&old, &r);
	ck_assert(same(&old, &r));
}
END_TEST

START_TEST(over_machines)
{
	struct trust_record a = { 0 }, b = { 0 };

	for (unsigned i = 0; i < TRUST_NETWORK_PROOFS; i++)
		trust_note(i % 2 ? &a : &b, TRUST_PROOF, AGE, i % 2, WALL + i * PROOF_APART_MS);
	ck_assert(!trust_passes(&a, TRUST_NETWORK_PROOFS, AGE, WALL + DAY));
	trust_merge(&a, &b);
	trust_merge(&a, &b);
	ck_assert_uint_eq(trust_proofs(&a, AGE, WALL + DAY), TRUST_NETWORK_PROOFS);
}
END_TEST

static struct trust_record random_record(void)
{
	struct trust_record r = { 0 };
	int64_t now = WALL + rnd(1000);

	for (unsigned n = rnd(15); n > 0; n--) {
		trust_note(&r, rnd(3) ? TRUST_PROOF : TRUST_MAIL, 4 * PROOF_APART_MS,
			   machine(40), now);
		now += rnd(2 * PROOF_APART_MS);
		if (rnd(8) == 0)
			now += 3 * PROOF_APART_MS;
	}
	return r;
}

START_TEST(laws)
{
	for (unsigned run = 0; run < 20000; run++) {
		struct trust_record a = random_record(), b = random_record(), c = random_record();

		check_laws(&a, &b, &c);
	}
}
END_TEST

START_TEST(packed)
{
	struct trust_record r = { 0 };
	uint8_t bytes[TRUST_PACKED];

	prove(&r, 100, WALL);
	ck_assert_uint_eq(trust_encode(&r, bytes), 13);
	for (unsigned run = 0; run < 20000; run++) {
		r = random_record();
		if (r.round == 0)
			continue;
		check_round_trip(&r);
		check_damaged(&r);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("trust");

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_test(t, enough_proofs);
	tcase_add_test(t, burst);
	tcase_add_test(t, lasts_while_used);
	tcase_add_test(t, old_round);
	tcase_add_test(t, over_machines);
	tcase_add_test(t, laws);
	tcase_add_test(t, packed);
	return pure_run(t, "trust");
}
