/* The check of a login by itself: its delays, told by the timer that holds the answer back, and
 * that they say nothing about the account. The methods are played in test_pop3_auth.c. */
#include "lib/session/login.c"

#include "lib/base/clock.h"

#include "unit/virtual_time.h"

#include "session/pop_stage.h"
#include "session/sasl_client.h"

static struct session session;
static struct login login;
static int results[LOGIN_TEMP + 1], challenges;
static char challenge[2048];

static void on_done(struct login *l, enum login_result r)
{
	ck_assert_ptr_eq(l, &login);
	results[r]++;
}

static void on_challenge_of(struct login *l, struct str bytes)
{
	ck_assert_ptr_eq(l, &login);
	str_copy(challenge, sizeof(challenge), bytes);
	challenges++;
}

static const struct login_events events = { on_challenge_of, on_done };

/* From now on the clients are of this address. */
static void from(const char *ip)
{
	struct err e;

	ck_assert_int_eq(ip_parse(str_z(ip), &session.peer.ip, &e), 0);
}

static void setup(void)
{
	stage_open();
	session.env = &stage.env;
	from("10.11.12.13");
	memset(results, 0, sizeof(results));
	challenges = 0;
	login_init(&login, &session, &events);
}

static void teardown(void)
{
	login_end(&login);
	stage_close();
}

static int64_t held_for(void)
{
	return login.delay.due - login.asked;
}

/* Asks and gives how long after the question the answer will come; -1: it is not known yet. Then
 * lets it come. */
static int64_t answer_to(const char *name, const char *password)
{
	int64_t held;

	loop_turn(stage.env.loop);
	login_password(&login, "USER", str_z(name), str_z(password));
	held = login.delay.due == CLOCK_NEVER ? -1 : held_for();
	pass(2 * AGE);
	stage_turn();
	login_end(&login);
	return held;
}

#define FAIL(name) answer_to(name, "wrong")
#define WIN(name) answer_to(name, "secret")

START_TEST(right_at_once)
{
	ck_assert_int_eq(WIN("a@t"), 0);
	ck_assert_int_eq(results[LOGIN_OK], 1);
}
END_TEST

/* done() comes from the loop, never from inside the call. */
START_TEST(from_the_loop)
{
	login_password(&login, "USER", STR("a@t"), STR("secret"));
	ck_assert_int_eq(results[LOGIN_OK], 0);
	stage_turn();
	ck_assert_int_eq(results[LOGIN_OK], 1);
	ck_assert_str_eq(login.password, "secret");
	ck_assert_str_eq(login.name, "a@t");
}
END_TEST

static const char *const names[] = { "a@t", "u@t", "n@t", "l@t" };

/* The first failure and the next ones take the same time, known or not. */
START_TEST(failures_double)
{
	int64_t want = PENALTY_FIRST_MS;

	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(FAIL(names[_i]), want);
		want = want * 2 < PENALTY_MAX_MS ? want * 2 : PENALTY_MAX_MS;
	}
	ck_assert_int_eq(results[LOGIN_BAD], 6);
}
END_TEST

/* The delay counts from the question: what the verifier took is part of it. */
START_TEST(verifier_time_is_no_sign)
{
	login_password(&login, "USER", STR("h@t"), STR("wrong"));
	ck_assert_int_eq(login.delay.due, CLOCK_NEVER);
	login.asked += AGE; /* as if, so that this test's own time does not count */
	stage_turn();
	ck_assert_int_eq(held_for(), PENALTY_FIRST_MS);
	pass(2 * AGE);
	stage_turn();
	ck_assert_int_eq(results[LOGIN_BAD], 1);
}
END_TEST

/* One that took longer than the delay is answered at once, and never before now. */
START_TEST(slow_verifier)
{
	stage.verifier_mute = true;
	login_password(&login, "USER", STR("h@t"), STR("wrong"));
	stage_turn();
	pass(4000);
	stage.verifier_mute = false;
	stage_turn();
	stage_turn();
	ck_assert_int_eq(results[LOGIN_BAD], 1);
}
END_TEST

/* By account, wherever the guesses come from; by network, whatever they guess. */
START_TEST(two_reasons)
{
	ck_assert_int_eq(FAIL("a@t"), 1000);
	from("10.11.13.13");
	ck_assert_int_eq(FAIL("A@T"), 2000);
	from("10.11.13.99"); /* the network is the /24 */
	ck_assert_int_eq(FAIL("n@t"), 2000);
	ck_assert_int_eq(FAIL("u@t"), 4000);
	from("10.11.14.1");
	ck_assert_int_eq(FAIL("u2@t"), 1000);
}
END_TEST

/* Addresses are no text: these differ in the bit that tells 'A' from 'a'. */
START_TEST(networks_are_not_letters)
{
	from("10.65.66.1");
	ck_assert_int_eq(FAIL("u1@t"), 1000);
	from("10.97.98.1");
	ck_assert_int_eq(FAIL("u2@t"), 1000);
}
END_TEST

START_TEST(ipv6_networks)
{
	from("2001:db8::1");
	ck_assert_int_eq(FAIL("u1@t"), 1000);
	from("2001:db8::ffff:1");
	ck_assert_int_eq(FAIL("u2@t"), 2000);
	from("2001:db8:0:1::1");
	ck_assert_int_eq(FAIL("u3@t"), 1000);
}
END_TEST

/* A success waits only where both have failed: not a neighbour of the guesser, */
START_TEST(neighbours)
{
	FAIL("u@t");
	FAIL("u@t");
	from("10.11.12.99");
	ck_assert_int_eq(WIN("a@t"), 0);
}
END_TEST

/* not his victim elsewhere, */
START_TEST(victims)
{
	FAIL("a@t");
	FAIL("a@t");
	from("192.168.1.1");
	ck_assert_int_eq(WIN("a@t"), 0);
}
END_TEST

/* but he himself, for the smaller of both delays; and then the account is clear again. */
START_TEST(guessers)
{
	FAIL("a@t");
	FAIL("a@t");
	FAIL("u@t");
	ck_assert_int_eq(WIN("a@t"), 2000);
	ck_assert_int_eq(WIN("a@t"), 0);
	ck_assert_int_eq(FAIL("a@t"), 8000); /* the network is not */
	from("192.168.1.1");
	ck_assert_int_eq(FAIL("a@t"), 2000);
}
END_TEST

START_TEST(forgotten)
{
	FAIL("a@t");
	FAIL("a@t");
	pass(PENALTY_FORGET_MS + AGE);
	ck_assert_int_eq(FAIL("a@t"), 1000);
}
END_TEST

/* What could not be checked is nobody's fault. */
START_TEST(temporary)
{
	struct verify *v = stage.env.verify;

	ck_assert_int_eq(WIN("e@t"), 0);
	stage.env.verify = NULL;
	ck_assert_int_eq(WIN("h@t"), 0);
	stage.env.verify = v;
	ck_assert_int_eq(results[LOGIN_TEMP], 2);
	ck_assert_int_eq(FAIL("a@t"), 1000);
}
END_TEST

START_TEST(verifier_is_silent)
{
	stage.verifier_mute = true;
	login_password(&login, "USER", STR("h@t"), STR("secret"));
	stage_turn();
	pass(TIMEOUT_VERIFY + AGE);
	stage_turn();
	ck_assert_int_eq(results[LOGIN_TEMP], 1);
}
END_TEST

/* --- the box checks --- */

START_TEST(box_accepts)
{
	struct shm *shm = stage.env.shm;
	int64_t now = loop_now(stage.env.loop);

	login_password(&login, "USER", STR("b@t"), STR("some"));
	stage_turn();
	ck_assert_int_gt(penalty_failed(shm, account_key(&login), now), 0);
	ck_assert_int_gt(penalty_now(shm, account_key(&login), now), 0);
	login_box_accepted(&login);
	ck_assert_int_eq(penalty_now(shm, account_key(&login), now), 0);
}
END_TEST

START_TEST(box_refuses)
{
	ck_assert_int_eq(answer_to("b@t", "some"), 0); /* its word decides */
	ck_assert_int_eq(results[LOGIN_OK], 1);
	loop_turn(stage.env.loop);
	login_password(&login, "USER", STR("b@t"), STR("some"));
	stage_turn();
	ck_assert(login.box_checks);
	login.asked += AGE;
	login_box_refused(&login);
	ck_assert(!login.box_checks);
	ck_assert_int_eq(held_for(), PENALTY_FIRST_MS); /* from the question, not from its word */
	pass(2 * AGE);
	stage_turn();
	ck_assert_int_eq(results[LOGIN_BAD], 1);
}
END_TEST

START_TEST(no_password_for_the_box)
{
	ck_assert_int_eq(answer_to("b@t", ""), 1000);
	ck_assert_int_eq(answer_to("b@t", "a\nb"), 2000);
	ck_assert_int_eq(results[LOGIN_BAD], 2);
}
END_TEST

/* --- exchanges --- */

static void step(const char *text)
{
	login_sasl_step(&login, str_z(text));
	stage_turn();
}

static void cram(const char *name, const char *password)
{
	ck_assert_int_eq(login_sasl(&login, STR("cram-md5")), 0);
	ck_assert_str_eq(login.method, "CRAM-MD5");
	step("");
	step(cram_answer(name, password, str_z(challenge)));
}

START_TEST(cram_delays)
{
	static const char *const who[] = { "tim", "u@t", "h@t", "b@t" };

	cram(who[_i], "wrong");
	ck_assert_int_eq(held_for(), PENALTY_FIRST_MS);
	pass(AGE);
	stage_turn();
	ck_assert_int_eq(results[LOGIN_BAD], 1);
}
END_TEST

/* Nonsense is a failed login, too, though of nobody. */
START_TEST(nonsense_is_held)
{
	ck_assert_int_eq(login_sasl(&login, STR("CRAM-MD5")), 0);
	step("");
	step("nonsense");
	ck_assert_int_eq(held_for(), PENALTY_FIRST_MS);
}
END_TEST

START_TEST(unknown_mechanism)
{
	ck_assert_int_eq(login_sasl(&login, STR("NTLM")), -1);
	ck_assert_int_eq(login_sasl(&login, STR("")), -1);
	ck_assert_int_eq(WIN("a@t"), 0);
}
END_TEST

/* --- ends --- */

/* Nothing comes any more, at whatever point it ends; the secrets are gone. */
START_TEST(ended)
{
	switch (_i) {
	case 0:
		login_password(&login, "USER", STR("a@t"), STR("secret"));
		break;
	case 1:
		login_password(&login, "USER", STR("a@t"), STR("wrong"));
		break;
	case 2:
		login_password(&login, "USER", STR("h@t"), STR("secret"));
		break;
	default:
		ck_assert_int_eq(login_sasl(&login, STR("LOGIN")), 0);
		login_sasl_step(&login, STR(""));
	}
	login_end(&login);
	login_end(&login);
	for (size_t i = 0; i < sizeof(login.password); i++)
		ck_assert_int_eq(login.password[i], 0);
	pass(2 * AGE);
	stage_turn();
	ck_assert_int_eq(results[LOGIN_OK] + results[LOGIN_BAD] + results[LOGIN_TEMP], 0);
	ck_assert_int_eq(challenges, 0);
}
END_TEST

/* One after the other in one struct. */
START_TEST(again)
{
	cram("tim", "tanstaaftanstaaf");
	ck_assert_str_eq(login.password, "tanstaaftanstaaf");
	login_end(&login);
	ck_assert_int_eq(WIN("a@t"), 0);
	cram("tim", "tanstaaftanstaaf");
	ck_assert_int_eq(results[LOGIN_OK], 3);
}
END_TEST

/* Without shared memory there is one delay, always the same. */
START_TEST(without_memory)
{
	struct shm *shm = stage.env.shm;

	stage.env.shm = NULL;
	ck_assert_int_eq(FAIL("a@t"), PENALTY_FIRST_MS);
	ck_assert_int_eq(FAIL("a@t"), PENALTY_FIRST_MS);
	ck_assert_int_eq(WIN("a@t"), 0);
	stage.env.shm = shm;
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_test(t, right_at_once);
	tcase_add_test(t, from_the_loop);
	tcase_add_loop_test(t, failures_double, 0, (int)ARRAY_LEN(names));
	tcase_add_test(t, verifier_time_is_no_sign);
	tcase_add_test(t, slow_verifier);
	tcase_add_test(t, two_reasons);
	tcase_add_test(t, networks_are_not_letters);
	tcase_add_test(t, ipv6_networks);
	tcase_add_test(t, neighbours);
	tcase_add_test(t, victims);
	tcase_add_test(t, guessers);
	tcase_add_test(t, forgotten);
	tcase_add_test(t, temporary);
	tcase_add_test(t, verifier_is_silent);
	tcase_add_test(t, box_accepts);
	tcase_add_test(t, box_refuses);
	tcase_add_test(t, no_password_for_the_box);
	tcase_add_loop_test(t, cram_delays, 0, 4);
	tcase_add_test(t, nonsense_is_held);
	tcase_add_test(t, unknown_mechanism);
	tcase_add_loop_test(t, ended, 0, 4);
	tcase_add_test(t, again);
	tcase_add_test(t, without_memory);
}

int main(void)
{
	Suite *s = suite_create("login");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	add_tests(t);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
