/* The check of a login by itself: its delays, told by the timer that holds the answer back, and
 * that they say nothing about the account. The methods are played in test_pop3_auth.c. */
#include "lib/session/login.c"

#include "lib/base/clock.h"
#include "shm/quota.h"

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
	session.cluster = &stage.cluster;
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

/* nor anybody at a network that the account was used from, whatever others do there. */
START_TEST(at_home)
{
	FAIL("a@t");
	FAIL("a@t");
	stage.home = "a@t";
	ck_assert_int_eq(WIN("a@t"), 0);
	FAIL("a@t");
	stage.home = "b@t";
	ck_assert_int_gt(WIN("a@t"), 0);
}
END_TEST

/* Where the whole site is guessed at, each failure waits, known or not, and a success of a new network
 * where the account has failed. */
START_TEST(site)
{
	for (unsigned i = 0; i < 2 * PENALTY_SITE_FREE + 2; i++)
		penalty_site_failed(stage.env.shm, loop_now(stage.env.loop));
	from("172.16.1.1");
	ck_assert_int_eq(FAIL("u@t"), 2000);
	from("172.16.2.1");
	ck_assert_int_eq(FAIL("a@t"), 2000);
	from("172.16.3.1");
	ck_assert_int_eq(WIN("a@t"), 1000);
	from("172.16.4.1");
	ck_assert_int_eq(WIN("a@t"), 0); /* it has not failed since */
	from("172.16.5.1");
	FAIL("a@t");
	from("172.16.6.1");
	stage.home = "a@t";
	ck_assert_int_eq(WIN("a@t"), 0);
}
END_TEST

/* Failures of unknown networks count for the site, whether the account exists; old passwords do not. */
START_TEST(counted_for_the_site)
{
	int64_t begun = loop_now(stage.env.loop);
	unsigned n = 0;

	FAIL("a@t");
	FAIL("u@t");
	stage.home = "a@t";
	FAIL("a@t");
	for (int64_t at = begun; at < loop_now(stage.env.loop) + PENALTY_SITE_MS; at += PENALTY_SITE_MS)
		n += quota_sum(stage.env.shm, QUOTA_GUESSES, 0, PENALTY_SITE_MS, at);
	ck_assert_uint_eq(n, 2);
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
	login_box_refused(&login, "no such user");
	ck_assert_str_eq(login.why, "the box refuses: no such user");
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

/* --- the reason, which the log alone hears --- */

static void say_user(const char *name, const char *password)
{
	login_password(&login, "USER", str_z(name), str_z(password));
}

/* The client's digest is right, as far as it can be. */
static void say_apop(const char *name, const char *password)
{
	char text[300];
	uint8_t sum[16];

	snprintf(text, sizeof(text), "<1@t>%s", password);
	hash_md5(str_z(text), sum);
	login_apop(&login, STR("<1@t>"), str_z(name), sum);
}

static void say_scram(const char *name, const char *password)
{
	struct scram_client c;

	ck_assert_int_eq(login_sasl(&login, STR("SCRAM-SHA-256")), 0);
	step(scram_first(&c, name, password, "rOprNGfwEbeRWgbNEkqO"));
	step(scram_last(&c, str_z(challenge)));
}

static void say_plain(const char *name, const char *password)
{
	char text[300];
	int n = snprintf(text, sizeof(text), "%s%c%s%c%s", "", 0, name, 0, password);

	ck_assert_int_eq(login_sasl(&login, STR("PLAIN")), 0);
	login_sasl_step(&login, (struct str){ text, (size_t)n });
	stage_turn();
}

static void say_nonsense(const char *name, const char *password)
{
	(void)password;
	ck_assert_int_eq(login_sasl(&login, STR("PLAIN")), 0);
	step(name);
}

#define CANNOT(method) ", which " method " cannot use (USER, PLAIN and LOGIN can)"
#define HASH "the password is stored as a hash"
#define NONE "no password is stored, the box checks it"
#define STRANGE "the stored password: not a well-formed hash of its {SCHEME}"
#define GIVEN "the password given is empty, too long or has bytes that no box takes in PASS"
#define STORED "the stored password has bytes that no box takes in PASS"
#define SILENT "the verifier has not answered in time"

static const struct {
	void (*say)(const char *name, const char *password);
	const char *name, *password, *why;
	enum login_result result;
} reasons[] = {
	/* clang-format off */
	{ say_user,  "u@t", "secret", "no such account",	     LOGIN_BAD },
	{ say_user,  "a@t", "wrong",  "wrong password",	     LOGIN_BAD },
	{ say_user,  "h@t", "wrong",  "wrong password",	     LOGIN_BAD },
	{ say_user,  "a@t", "",	      GIVEN,		     LOGIN_BAD },
	{ say_user,  "b@t", "a\nb",   GIVEN,		     LOGIN_BAD },
	{ say_user,  "l@t", "line",   STORED,		     LOGIN_BAD },
	{ say_user,  "s@t", "secret", STRANGE,		     LOGIN_TEMP },
	{ say_user,  "e@t", "secret", "the accounts cannot be read", LOGIN_TEMP },
	{ say_apop,  "u@t", "secret", "no such account",	     LOGIN_BAD },
	{ say_apop,  "a@t", "wrong",  "wrong password",	     LOGIN_BAD },
	{ say_apop,  "h@t", "secret", HASH CANNOT("APOP"),	     LOGIN_BAD },
	{ say_apop,  "b@t", "",	      NONE CANNOT("APOP"),	     LOGIN_BAD },
	{ say_apop,  "l@t", "line",   STORED,		     LOGIN_BAD },
	{ say_apop,  "s@t", "secret", STRANGE,		     LOGIN_BAD },
	{ cram,	     "u@t", "secret", "no such account",	     LOGIN_BAD },
	{ cram,	     "a@t", "wrong",  "wrong password",	     LOGIN_BAD },
	{ cram,	     "h@t", "secret", HASH CANNOT("CRAM-MD5"),     LOGIN_BAD },
	{ cram,	     "b@t", "",	      NONE CANNOT("CRAM-MD5"),     LOGIN_BAD },
	{ say_scram, "u@t", "secret", "no such account",	     LOGIN_BAD },
	{ say_scram, "a@t", "wrong",  "wrong password",	     LOGIN_BAD },
	{ say_scram, "h@t", "secret", HASH CANNOT("SCRAM-SHA-256"), LOGIN_BAD },
	{ say_plain, "h@t", "wrong",  "wrong password",	     LOGIN_BAD },
	{ say_plain, "u@t", "wrong",  "no such account",	     LOGIN_BAD },
	{ say_nonsense, "nonsense", "", "not in the form of PLAIN, or for somebody else", LOGIN_BAD },
	/* clang-format on */
};

/* Whatever the reason is, the answer is one and takes as long. */
START_TEST(reason)
{
	reasons[_i].say(reasons[_i].name, reasons[_i].password);
	stage_turn();
	ck_assert_str_eq(login.why, reasons[_i].why);
	if (reasons[_i].result == LOGIN_BAD)
		ck_assert_int_eq(held_for(), PENALTY_FIRST_MS);
	pass(AGE);
	stage_turn();
	ck_assert_int_eq(results[reasons[_i].result], 1);
	login_end(&login);
	ck_assert_str_eq(login.why, "");
}
END_TEST

START_TEST(reason_of_the_verifier)
{
	struct verify *v = stage.env.verify;

	stage.env.verify = NULL;
	say_user("h@t", "secret");
	ck_assert_str_eq(login.why, "too many logins are being checked");
	stage_turn();
	stage.env.verify = v;
	stage.verifier_mute = true;
	say_user("h@t", "secret");
	stage_turn();
	pass(TIMEOUT_VERIFY + AGE);
	stage_turn();
	ck_assert_str_eq(login.why, SILENT);
	ck_assert_int_eq(results[LOGIN_TEMP], 2);
}
END_TEST

static const char *const shown[][2] = {
	{ "a@t", "a@t" },
	{ "", "\"\"" },
	{ "a b", "\"a b\"" },
	{ "u method=APOP box=MAIL1 - ok", "\"u method=APOP box=MAIL1 - ok\"" },
	{ "x\" box=MAIL1", "\"x\"\" box=MAIL1\"" },
	{ "\"", "\"\"\"\"" },
	{ "u@t\t", "\"u@t\t\"" },
	{ "u\x7f", "\"u\x7f\"" },
	{ "u\xc2\xa0x", "\"u\xc2\xa0x\"" }, /* a blank, too */
};

START_TEST(names_in_the_log)
{
	char text[LOGIN_SHOWN];

	str_copy(login.name, sizeof(login.name), str_z(shown[_i][0]));
	ck_assert_str_eq(login_shown(&login, text), shown[_i][1]);
	memset(login.name, '"', LIMIT_ADDRESS);
	login.name[LIMIT_ADDRESS] = '\0';
	ck_assert_uint_eq(strlen(login_shown(&login, text)), LOGIN_SHOWN - 1);
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
	tcase_add_test(t, at_home);
	tcase_add_test(t, site);
	tcase_add_test(t, counted_for_the_site);
	tcase_add_test(t, temporary);
	tcase_add_test(t, verifier_is_silent);
	tcase_add_test(t, box_accepts);
	tcase_add_test(t, box_refuses);
	tcase_add_test(t, no_password_for_the_box);
	tcase_add_loop_test(t, cram_delays, 0, 4);
	tcase_add_test(t, nonsense_is_held);
	tcase_add_test(t, unknown_mechanism);
	tcase_add_loop_test(t, reason, 0, (int)ARRAY_LEN(reasons));
	tcase_add_test(t, reason_of_the_verifier);
	tcase_add_loop_test(t, names_in_the_log, 0, (int)ARRAY_LEN(shown));
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
