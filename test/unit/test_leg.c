/* leg: what its owner asks and hears, and how it is let go. The dialogue is test_leg_dialogue.c. */
#include "lib/session/leg.c"

#include "session/play.h"

static struct leg *leg;
static char trace[200];
static bool inside; /* a call of ours is under way: no event may come */
static unsigned owner;

static void note(const struct leg *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void note(const struct leg *l, const char *fmt, ...)
{
	size_t n = strlen(trace);
	va_list ap;

	ck_assert(!inside);
	ck_assert_ptr_eq(l->owner, &owner);
	va_start(ap, fmt);
	vsnprintf(trace + n, sizeof(trace) - n, fmt, ap);
	va_end(ap);
}

static void h_rcpt(struct leg *l, unsigned i, const struct leg_word *w)
{
	note(l, "rcpt %u %d,", i, w->code);
}

static void h_go(struct leg *l)
{
	note(l, "go,");
}

static void h_drained(struct leg *l)
{
	note(l, "drained,");
}

static void h_end(struct leg *l, unsigned i, const struct leg_word *w)
{
	note(l, "end %u %d,", i, w->code);
}

static void h_ended(struct leg *l)
{
	note(l, "ended,");
}

static void h_failed(struct leg *l, const struct leg_word *w)
{
	note(l, "failed %d %.*s,", w->code, STR_ARG(w->text));
}

static const struct leg_events events = { h_rcpt, h_go,	   h_drained,
					  h_end,  h_ended, h_failed };
static const struct leg_mail mail = { .reverse_path = STR_INIT("s@t") };

static void up(void)
{
	stage_open();
	play_name = "leg";
	owner = 0;
	trace[0] = '\0';
}

static void down(void)
{
	stage_close();
}

static void open_leg(int box)
{
	inside = true;
	leg = leg_open(&stage.env, &stage.topology, &stage.boxes[box], &events, &owner, &mail);
	inside = false;
}

static void rcpt(const char *address)
{
	inside = true;
	leg_add_rcpt(leg, str_z(address), NULL);
	inside = false;
}

static void ask_data(void)
{
	inside = true;
	leg_data(leg);
	inside = false;
	stage_turn();
}

static void play(const char *const *lines)
{
	play_script(lines);
}
#define PLAYED(...) play((const char *const[]){ __VA_ARGS__, NULL })

static void heard(const char *want)
{
	ck_assert_str_eq(trace, want);
	trace[0] = '\0';
}

/* Two recipients, both accepted. */
static void to_rcpt(void)
{
	open_leg(0);
	rcpt("a1@t");
	rcpt("a2@t");
	stage_turn();
	PLAYED("A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A> RCPT TO:<a2@t>",
	       "A< 250 ok", "A< 250 ok", "A< 250 ok");
	heard("rcpt 0 250,rcpt 1 250,");
}

static void to_go(void)
{
	to_rcpt();
	ask_data();
	PLAYED("A> DATA", "A< 354 go");
	heard("go,");
}

static void send_all(const char *bytes)
{
	inside = true;
	ck_assert_int_eq((int)leg_body(leg, str_z(bytes)), (int)strlen(bytes));
	inside = false;
}

START_TEST(a_mail)
{
	to_go();
	ck_assert_uint_eq(leg_wanted(leg), 2);
	send_all("hi\r\n");
	leg_end_mark(leg);
	stage_turn();
	PLAYED("A> hi", "A> .", "A< 250 kept");
	heard("end 0 250,end 1 250,ended,");
	ck_assert(!leg_was_stale(leg) && !leg_never_ready(leg));
	leg_put(leg);
	stage_turn();
	PLAYED("A is open", "count A idle 1", "count A mails 1", "count A bytes 4",
	       "count A sessions_total 1");
}
END_TEST

/* It moves into the pool and out again with nothing left of its last mail. */
START_TEST(reuse)
{
	struct leg *first;

	to_go();
	leg_end_mark(leg);
	stage_turn();
	PLAYED("A> .", "A< 250 kept");
	heard("end 0 250,end 1 250,ended,");
	first = leg;
	leg_put(leg);
	open_leg(0);
	ck_assert_ptr_eq(leg, first);
	ck_assert(leg_was_stale(leg));
	ck_assert_uint_eq(leg_wanted(leg), 0);
	rcpt("a3@t");
	stage_turn();
	PLAYED("A> MAIL FROM:<s@t>", "A> RCPT TO:<a3@t>", "A< 250 ok");
	ck_assert(!leg_was_stale(leg));
	PLAYED("A< 452 full", "count A reused 1", "count A sessions_total 1");
	heard("rcpt 0 452,");
	leg_abort(leg);
}
END_TEST

START_TEST(never_from_the_pool)
{
	to_rcpt();
	leg_put(leg);
	stage_turn();
	PLAYED("A> RSET", "A< 250 ok", "count A idle 1");
	leg = leg_open_new(&stage.env, &stage.topology, &stage.boxes[0], &events, &owner, &mail);
	stage_turn();
	PLAYED("A2 is open", "count A idle 1", "count A sessions 2");
	leg_abort(leg);
}
END_TEST

/* --- the body --- */

START_TEST(slow_box)
{
	to_go();
	PLAYED("A takes 3");
	inside = true;
	ck_assert_int_eq((int)leg_body(leg, STR("hello\r\n")), 3);
	ck_assert_int_eq((int)leg_body(leg, STR("lo\r\n")), 0);
	inside = false;
	stage_turn();
	heard("");
	PLAYED("A~ hel", "A takes all");
	heard("drained,");
	send_all("lo\r\n.\r\n");
	leg_end_mark_sent(leg);
	PLAYED("A> lo", "A> .", "A< 250 ok");
	heard("end 0 250,end 1 250,ended,");
	leg_put(leg);
}
END_TEST

START_TEST(preface)
{
	to_go();
	inside = true;
	ck_assert_int_eq(leg_preface(leg, STR("X: y\r\n")), 0);
	ck_assert_int_eq((int)leg_body(leg, STR("")), 0);
	inside = false;
	stage_turn();
	PLAYED("A is open"); /* it waits for company */
	send_all("hi\r\n");
	PLAYED("A> X: y", "A> hi");
	leg_abort(leg);
	PLAYED("A is broken");
}
END_TEST

START_TEST(preface_and_nothing_else)
{
	to_go();
	ck_assert_int_eq(leg_preface(leg, STR("X: y\r\n")), 0);
	leg_end_mark(leg);
	PLAYED("A> X: y", "A> .");
	leg_abort(leg);
}
END_TEST

/* After failed() it takes nothing more. */
START_TEST(dead)
{
	to_go();
	PLAYED("A resets");
	heard("failed 451 connection lost: Connection reset by peer,");
	ck_assert_int_eq((int)leg_body(leg, STR("x")), -1);
	leg_put(leg);
	PLAYED("A is broken", "count A idle 0");
}
END_TEST

/* --- recipients that are not wanted after all --- */

START_TEST(unwanted)
{
	to_rcpt();
	leg_unwant(leg, 0);
	ck_assert_uint_eq(leg_wanted(leg), 1);
	ask_data();
	PLAYED("A> RSET", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a2@t>", "A> DATA",
	       "A< 250 ok", "A< 250 ok", "A< 250 ok", "A< 354 go");
	heard("go,");
	leg_end_mark(leg);
	PLAYED("A> .", "A< 250 ok");
	heard("end 0 250,ended,");
	ck_assert(str_eq(leg->rcpts[0].address, STR("a2@t")));
	leg_put(leg);
}
END_TEST

/* Who was accepted once and is refused the second time is a failure of the leg. */
static const struct {
	const char *mail, *rcpt, *want;
} second_times[] = {
	{ "A< 451 4.7.1 later", NULL, "failed 451 later," },
	{ "A< 250 ok", "A< 550 no", "failed 550 no," },
	{ "A< 250 ok", "A< 354 no", "failed 451 354 out of turn: no," },
};

START_TEST(unwanted_and_refused)
{
	to_rcpt();
	leg_unwant(leg, 0);
	ask_data();
	PLAYED("A> RSET", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a2@t>", "A> DATA",
	       "A< 250 ok", second_times[_i].mail);
	if (second_times[_i].rcpt)
		PLAYED(second_times[_i].rcpt);
	heard(second_times[_i].want);
	leg_abort(leg);
	PLAYED("A is broken");
}
END_TEST

/* --- letting go --- */

START_TEST(put_while_connecting)
{
	open_leg(0);
	rcpt("a1@t");
	leg_put(leg);
	stage_turn();
	PLAYED("A is none", "count A sessions 0");
	heard("");
}
END_TEST

static const struct {
	const char *line;
	bool pooled;
} moments[] = {
	{ "A hello", false },	/* MAIL and RCPT are out */
	{ "A< 250 ok", false }, /* RCPT is */
	{ "A< 250 ok", true },	/* all is answered */
};

START_TEST(put_at)
{
	open_leg(0);
	rcpt("a1@t");
	stage_turn();
	for (int i = 0; i <= _i; i++) {
		stage.legs[0].read = play_written(&stage.legs[0]).n;
		play_line(moments[i].line);
	}
	trace[0] = '\0';
	leg_put(leg);
	stage_turn();
	stage.legs[0].read = play_written(&stage.legs[0]).n;
	PLAYED(moments[_i].pooled ? "A is open" : "A is broken");
}
END_TEST

START_TEST(put_in_the_body)
{
	to_go();
	leg_put(leg);
	PLAYED("A is broken");
}
END_TEST

/* A leg that was opened and given no recipient has sent nothing that must be reset. */
START_TEST(put_unused)
{
	open_leg(0);
	stage_turn();
	PLAYED("A hello", "A is open");
	leg_put(leg);
	stage_turn();
	PLAYED("A is open", "count A idle 1");
	heard("");
}
END_TEST

/* The owner lets go in each event. */
static void let_go_rcpt(struct leg *l, unsigned i, const struct leg_word *w)
{
	h_rcpt(l, i, w);
	leg_abort(l);
}

static void let_go(struct leg *l)
{
	note(l, "gone,");
	leg_abort(l);
}

static void let_go_end(struct leg *l, unsigned i, const struct leg_word *w)
{
	h_end(l, i, w);
}

static void let_go_failed(struct leg *l, const struct leg_word *w)
{
	h_failed(l, w);
	leg_abort(l);
}

static const struct leg_events rash = { let_go_rcpt, let_go, let_go,
					let_go_end,  let_go, let_go_failed };

START_TEST(aborted_in_its_event)
{
	static const char *const answers[] = { "A< 250 ok\r\n250 ok\r\n250 ok",
					       "A< 550 no\r\n550 no", "A< garbage", "A closes" };
	static const char *const want[] = { "rcpt 0 250,", "rcpt 0 550,",
					    "failed 451 box does not speak SMTP,",
					    "failed 451 box closed the connection," };

	leg = leg_open(&stage.env, &stage.topology, &stage.boxes[0], &rash, &owner, &mail);
	rcpt("a1@t");
	stage_turn();
	PLAYED("A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", answers[_i], "A is broken");
	heard(want[_i]);
}
END_TEST

/* --- a box with its most sessions --- */

START_TEST(full)
{
	struct leg *first;

	stage.boxes[0].row.max_sessions = 1;
	open_leg(0);
	stage_turn();
	PLAYED("A is open");
	first = leg;
	open_leg(0);
	rcpt("a1@t");
	heard("");
	stage_turn();
	heard("failed 451 box has its most sessions,");
	ck_assert(!leg_never_ready(leg) && !leg_was_stale(leg)); /* it is well: no fall-over */
	PLAYED("A2 is none", "count A sessions 1", "count A failures 0");
	ck_assert(!legpool_failed_lately(stage.env.pool, &stage.boxes[0]));
	leg_abort(leg);
	stage_turn();
	PLAYED("count A sessions 1");
	io_memory_feed_eof(stage.legs[0].io);
	stage_turn();
	heard("failed 451 box closed the connection,");
	PLAYED("A is open"); /* until its owner lets go */
	leg_abort(first);
}
END_TEST

START_TEST(refused)
{
	PLAYED("dial A refused");
	open_leg(0);
	heard("");
	stage_turn();
	heard("failed 451 connect: Connection refused,");
	ck_assert(leg_never_ready(leg));
	PLAYED("count A failures 1");
	ck_assert(!boxes_fit(stage.shm, stage.boxes[0].shm, loop_now(stage.env.loop)));
	ck_assert(legpool_failed_lately(stage.env.pool, &stage.boxes[0]));
	leg_abort(leg);
}
END_TEST

/* A box that has answered is fit again, and what it offers is known to all. */
START_TEST(worked)
{
	uint32_t offer;
	uint64_t size;

	boxes_failed(stage.shm, stage.boxes[0].shm, loop_now(stage.env.loop), "test");
	open_leg(0);
	stage_turn();
	PLAYED("A hello");
	ck_assert(boxes_fit(stage.shm, stage.boxes[0].shm, loop_now(stage.env.loop)));
	boxes_get_offer(stage.shm, stage.boxes[0].shm, &offer, &size);
	ck_assert_uint_eq(offer, OFFER_EHLO | OFFER_PIPELINING | OFFER_SIZE | OFFER_8BITMIME);
	ck_assert_uint_eq(size, 50000);
	leg_put(leg);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("leg");
	TCase *t = tcase_create("leg");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, up, down);
	tcase_add_test(t, a_mail);
	tcase_add_test(t, reuse);
	tcase_add_test(t, never_from_the_pool);
	tcase_add_test(t, slow_box);
	tcase_add_test(t, preface);
	tcase_add_test(t, preface_and_nothing_else);
	tcase_add_test(t, dead);
	tcase_add_test(t, unwanted);
	tcase_add_loop_test(t, unwanted_and_refused, 0, (int)ARRAY_LEN(second_times));
	tcase_add_test(t, put_while_connecting);
	tcase_add_loop_test(t, put_at, 0, (int)ARRAY_LEN(moments));
	tcase_add_test(t, put_in_the_body);
	tcase_add_test(t, put_unused);
	tcase_add_loop_test(t, aborted_in_its_event, 0, 4);
	tcase_add_test(t, full);
	tcase_add_test(t, refused);
	tcase_add_test(t, worked);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
