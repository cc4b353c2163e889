/* The dialogue with a POP3 box by itself: its steps and their names, what is kept of the box's
 * words, what the box's health learns. The client's part is played in test_pop3_auth.c. */
#include "lib/session/pop3_login.c"

#include "unit/virtual_time.h"

#include "session/pop_stage.h"

static struct pop3_login l;
static int dones;

static void setup(void)
{
	stage_open();
	stage.n_pipes = 1;
	memset(&l, 0, sizeof(l));
	dones = 0;
}

static void teardown(void)
{
	pop3_login_end(&l);
	pop3_login_end(&l); /* it may be repeated */
	stage_turn();
	stage_close();
}

static void on_done(struct pop3_login *login, enum pop3_login_result r)
{
	ck_assert_ptr_eq(login, &l);
	ck_assert_int_eq(r, login->result);
	ck_assert_int_eq(io_is_open(&l.io), r == POP3_LOGIN_OK);
	dones++;
}

static void start(bool utf8)
{
	pop3_login_start(&l, &stage.env, &stage.boxes[0], "me@t", "pass word", utf8, on_done);
	ck_assert_int_eq(dones, 0); /* never from inside */
	stage_turn();
}

static int64_t box_counter(enum box_counter c)
{
	return counter_box(stage.env.shm, -1, stage.boxes[0].shm, c);
}

static struct box_health health(void)
{
	return boxes_health(stage.env.shm, stage.boxes[0].shm, loop_now(stage.env.loop));
}

START_TEST(steps_and_names)
{
	pop3_login_start(&l, &stage.env, &stage.boxes[0], "me@t", "pass word", true, on_done);
	ck_assert_str_eq(pop3_login_step(&l), "connect");
	stage_turn();
	ck_assert_str_eq(pop3_login_step(&l), "greeting");
	PLAY("A< +OK ready", "A> UTF8");
	ck_assert_str_eq(pop3_login_step(&l), "UTF8");
	PLAY("A< +OK", "A> USER me@t");
	ck_assert_str_eq(pop3_login_step(&l), "USER");
	PLAY("A< +OK", "A> PASS pass word");
	ck_assert_str_eq(pop3_login_step(&l), "PASS");
	ck_assert_int_eq(dones, 0);
	ck_assert_int_eq(box_counter(BC_sessions), 1);
	PLAY("A+ +OK 7 messages\r\n+OK");
	ck_assert_int_eq(dones, 1);
	ck_assert_int_eq(l.result, POP3_LOGIN_OK);
	ck_assert_str_eq(l.text, "7 messages");
	ck_assert(str_eq(io_data(&l.io), STR("+OK"))); /* what follows is the client's */
	ck_assert_int_eq(box_counter(BC_logins), 1);
	ck_assert_int_eq(box_counter(BC_sessions_total), 1);
}
END_TEST

/* The box's line may come in pieces. */
START_TEST(piecemeal)
{
	start(false);
	PLAY("A+ +O", "A+ K rea", "A+ dy\r", "A+ \n", "A> USER me@t", "A+ +OK\r\n",
	     "A> PASS pass word", "A+ +", "A+ OK\r\n");
	ck_assert_int_eq(l.result, POP3_LOGIN_OK);
	ck_assert_str_eq(l.text, "");
}
END_TEST

/* What the box does, what becomes of it, our word on it, whether the box is to blame. */
static const struct {
	const char *script[8];
	enum pop3_login_result result;
	const char *text;
	bool blamed;
} ends[] = {
	{ { "A< -ERR too busy" }, POP3_LOGIN_FAILED, "box refuses at the greeting: too busy", true },
	{ { "A< * OK imap" }, POP3_LOGIN_FAILED, "box does not speak POP3, while=\"greeting\"", true },
	{ { "A+ +OK\r\n+OK\r\n" }, POP3_LOGIN_FAILED, "box speaks out of turn, while=\"greeting\"", true },
	{ { "A!" }, POP3_LOGIN_FAILED, "box closed the connection, while=\"greeting\"", true },
	{ { "A%" }, POP3_LOGIN_FAILED, "Connection reset by peer, while=\"greeting\"", true },
	{ { "T 70000" }, POP3_LOGIN_FAILED, "time-out, while=\"greeting\"", true },
	{ { "A< +OK", "A> USER me@t", "A< -ERR [IN-USE] no" }, POP3_LOGIN_REFUSED, "[IN-USE] no", false },
	{ { "A< +OK", "A> USER me@t", "A!" }, POP3_LOGIN_FAILED, "box closed the connection, while=\"USER\"", false },
	{ { "A< +OK", "A> USER me@t", "T 130000" }, POP3_LOGIN_FAILED, "time-out, while=\"USER\"", false },
	{ { "A< +OK", "A> USER me@t", "A< +OK", "A> PASS pass word", "A< -ERR wrong" }, POP3_LOGIN_REFUSED, "wrong", false },
	{ { "A< +OK", "A> USER me@t", "A< +OK", "A> PASS pass word", "A< -ERR" }, POP3_LOGIN_REFUSED, "", false },
	{ { "A< +OK", "A> USER me@t", "A< +OK", "A> PASS pass word", "A< what?" },
	  POP3_LOGIN_FAILED,
	  "box does not speak POP3, while=\"PASS\"",
	  false },
};

START_TEST(how_it_ends)
{
	start(false);
	stage_play(ends[_i].script);
	ck_assert_int_eq(dones, 1);
	ck_assert_int_eq(l.result, ends[_i].result);
	ck_assert_str_eq(l.text, ends[_i].text);
	PLAY("A#");
	ck_assert_int_eq(health().failures > 0, ends[_i].blamed);
	if (ends[_i].blamed)
		ck_assert(strncmp(health().why, ends[_i].text, 50) == 0);
	ck_assert_int_eq(box_counter(BC_failures), ends[_i].result == POP3_LOGIN_FAILED);
	ck_assert_int_eq(box_counter(BC_refused), ends[_i].result == POP3_LOGIN_REFUSED);
	ck_assert_int_eq(box_counter(BC_sessions), 0);
}
END_TEST

START_TEST(no_connection)
{
	PLAY("A-");
	start(false);
	ck_assert_int_eq(dones, 1);
	ck_assert_str_eq(l.text, "Connection refused, while=\"connect\"");
	ck_assert_int_eq(health().failures, 1);
}
END_TEST

/* A box that sends lines without end fills nothing. */
START_TEST(long_words)
{
	char big[5000];

	memset(big, 'x', sizeof(big) - 1);
	memcpy(big, "+OK ", 4);
	big[sizeof(big) - 1] = '\0';
	start(false);
	stage_feed(&stage.pipes[stage.current[0]], big, "");
	ck_assert_int_eq(l.result, POP3_LOGIN_FAILED);
	ck_assert_int_eq(dones, 1);
}
END_TEST

/* Our limit is not the box's fault. */
START_TEST(full)
{
	stage.boxes[0].row.max_sessions = 1;
	ck_assert(take_box_session(stage.env.shm, 0, stage.boxes[0].shm, 1));
	start(false);
	ck_assert_int_eq(dones, 1);
	ck_assert_str_eq(l.text, "box has as many sessions as it may");
	ck_assert_int_eq(health().failures, 0);
	ck_assert_int_eq(box_counter(BC_sessions), 1);
	count_box(stage.env.shm, 0, stage.boxes[0].shm, BC_sessions, -1);
}
END_TEST

/* Ended at any point: done() does not come, the box's place is given back. */
START_TEST(ended)
{
	static const char *const script[] = { "A< +OK", "A> USER me@t", "A< +OK",
					      "A> PASS pass word", NULL };

	pop3_login_start(&l, &stage.env, &stage.boxes[0], "me@t", "pass word", false, on_done);
	if (_i > 0)
		stage_turn();
	for (int i = 0; i < _i - 1; i++)
		PLAY(script[i]);
	pop3_login_end(&l);
	ck_assert_int_eq(box_counter(BC_sessions), 0);
	pass(10 * AGE);
	stage_turn();
	ck_assert_int_eq(dones, 0);
}
END_TEST

START_TEST(never_begun)
{
	pop3_login_end(&l);
	pop3_login_end(&l);
}
END_TEST

/* --- a box that comes back: one login at a time tries it --- */

static bool others_may_try(void)
{
	return boxes_fit(stage.env.shm, stage.boxes[0].shm, loop_now(stage.env.loop));
}

static void come_back(void)
{
	boxes_failed(stage.env.shm, stage.boxes[0].shm, loop_now(stage.env.loop), "down");
	pass(AGE);
	stage_turn();
	ck_assert(others_may_try());
	start(false);
	ck_assert(!others_may_try());
}

/* It has greeted: it is back, though this mailbox be refused. */
START_TEST(back_with_greeting)
{
	come_back();
	PLAY("A< +OK", "A> USER me@t");
	ck_assert(others_may_try());
	ck_assert_int_eq(health().failures, 0);
	PLAY("A< -ERR [IN-USE] no");
	ck_assert_int_eq(health().failures, 0);
}
END_TEST

/* Who tried has gone: the next one may at once. */
START_TEST(given_up)
{
	come_back();
	pop3_login_end(&l);
	ck_assert(others_may_try());
	ck_assert_int_eq(health().failures, 1);
}
END_TEST

START_TEST(still_down)
{
	come_back();
	PLAY("A!");
	ck_assert(!others_may_try());
	ck_assert_int_eq(health().failures, 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pop3_login");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed_n;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, steps_and_names);
	tcase_add_test(t, piecemeal);
	tcase_add_loop_test(t, how_it_ends, 0, (int)ARRAY_LEN(ends));
	tcase_add_test(t, no_connection);
	tcase_add_test(t, long_words);
	tcase_add_test(t, full);
	tcase_add_loop_test(t, ended, 0, 6);
	tcase_add_test(t, never_begun);
	tcase_add_test(t, back_with_greeting);
	tcase_add_test(t, given_up);
	tcase_add_test(t, still_down);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed_n = srunner_ntests_failed(r);
	srunner_free(r);
	return failed_n != 0;
}
