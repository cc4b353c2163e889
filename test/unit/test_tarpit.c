/* tarpit: whose answers come late, and when nobody's do. */
#include "lib/session/tarpit.c"

#include "session/play.h"

#define SLEEPY "set error_sleep_s 15", "set max_connections 100"
#define UNKNOWN "S: 550 5.1.1 no such mailbox here"
#define ASK "C: RCPT TO:<u1@t>"

/* clang-format off */
static const struct play plays[] = {
	PLAY("a recipient that there is not", SLEEPY, SCENE_MAIL, ASK, "C is open", "count held_back 1", "pass 14999", "C is open", "pass 1", UNKNOWN,
	     "C: NOOP", "S: 250 2.0.0 ok"),
	PLAY("a bad command", SLEEPY, "S: 220 mx.t ESMTP", "C: FOO", "C is open", "pass 15000", "S: 500 5.5.1 command unknown", "count held_back 1"),
	PLAY("a bad line", SLEEPY, "S: 220 mx.t ESMTP", "C~ NOOP\n", "C is open", "pass 15000", "S: 500 5.5.2 a line ends with CR LF"),
	PLAY("a relay that is denied", SLEEPY, SCENE_MAIL, "C: RCPT TO:<f1@t>", "C is open", "pass 15000", "S: 550 5.7.1*"),
	PLAY("who is suspect", SLEEPY, "guard on", "known suspect", SCENE_MAIL, ASK, "pass 15000", UNKNOWN, "C: RCPT TO:<a1@t>", "C is open", "pass 15000",
	     "S: 550 5.7.1*"),
	PLAY("not who is put off: servers are", SLEEPY, "guard on", SCENE_MAIL, "C: RCPT TO:<a1@t>", "S: 450 4.7.1*", "count held_back 0"),
	PLAY("nor the DATA behind it", SLEEPY, "guard on", SCENE_MAIL, "C+ RCPT TO:<a1@t>", "C: DATA", "S: 450 4.7.1*",
	     "S: 554 5.5.1 no valid recipients", "count held_back 0"),
	PLAY("nothing is worked on meanwhile", SLEEPY, SCENE_MAIL, ASK, "C+ RSET", "C: NOOP", "C is open", "pass 15000", UNKNOWN, "S: 250 2.0.0 ok",
	     "S: 250 2.0.0 ok"),
	PLAY("each by itself, in their order", SLEEPY, SCENE_MAIL, "C+ RCPT TO:<u1@t>", "C+ RCPT TO:<a1@t>", "C: RCPT TO:<u2@t>", "C is open",
	     "pass 15000", UNKNOWN, "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A< 250 ok", "A< 250 ok", "S: 250 2.1.5 ok", "C is open",
	     "pass 15000", UNKNOWN, "count held_back 2"),
	PLAY("a box answers meanwhile", SLEEPY, SCENE_MAIL, "C+ RCPT TO:<a1@t>", "C+ RCPT TO:<u1@t>", "C: RCPT TO:<a2@t>", "A hello",
	     "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A> RCPT TO:<a2@t>", "A< 250 ok", "A< 250 ok", "S: 250 2.1.5 ok", "A< 250 ok", "C is open",
	     "pass 15000", UNKNOWN, "S: 250 2.1.5 ok"),
	PLAY("it is not its own time-out", "set error_sleep_s 600", "set max_connections 100", SCENE_MAIL, ASK, "pass 599999", "C is open", "pass 1",
	     UNKNOWN, "C is open", "pass 300000", "S: 421 4.4.2 time-out, closing"),
	PLAY("gone meanwhile", SLEEPY, SCENE_MAIL, ASK, "C closes", "C is open", "pass 15000", UNKNOWN, "C is closed client closed"),
	PLAY("its side closed before", SLEEPY, SCENE_MAIL, "C+ RCPT TO:<a1@t>", "C+ RCPT TO:<u1@t>", "C: RCPT TO:<a2@t>", "C closes", "A hello",
	     "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A> RCPT TO:<a2@t>", "A< 250 ok", "A< 250 ok", "S: 250 2.1.5 ok", "A< 250 ok",
	     "C is open", "pass 15000", UNKNOWN, "S: 250 2.1.5 ok", "A> RSET", "C is closed client closed"),
	PLAY("not SMTP at all", SLEEPY, "S: 220 mx.t ESMTP", "C: GET / HTTP/1.0", "S: 500 5.5.1 this is an SMTP server", "C is closed not SMTP",
	     "count held_back 0"),
	PLAY("the session's end comes first", "deadline 20", "another client", "S: 220 mx.t ESMTP", SLEEPY, "C2 hello", "pass 10000", "C2: FOO",
	     "C2 is open", "pass 10000", "S2: 500 5.5.1 command unknown", "S2: 421 4.3.2 session lasts too long", "C2 is closed session lasts too long"),
	PLAY("drained", SLEEPY, "C hello", "C: FOO", "drain", "S: 500 5.5.1 command unknown",
	     "S: 421 4.3.2 service is stopping, come back in a moment"),
	PLAY("off", "set error_sleep_s 0", "set max_connections 100", SCENE_MAIL, ASK, UNKNOWN, "count held_back 0"),

	/* --- nobody else --- */
	PLAY("not relay clients", SLEEPY, "S: 220 mx.t ESMTP", "ranges 10.0.0.0/8", "another client", "S2: 220 mx.t ESMTP", "C2: FOO",
	     "S2: 500 5.5.1 command unknown"),
	PLAY("not the whitelist", SLEEPY, "S: 220 mx.t ESMTP", "whitelist 10.0.0.0/8", "another client", "S2: 220 mx.t ESMTP", "C2: FOO",
	     "S2: 500 5.5.1 command unknown"),

	/* --- nor when it would hurt us --- */
	PLAY("not in a crowd", "set error_sleep_s 15", "set max_connections 3", SCENE_MAIL, ASK, "C is open", "another client",
	     "C2 hello", "C2: FOO", "S2: 500 5.5.1 command unknown", "count held_back 1", "pass 15000", UNKNOWN),
};
/* clang-format on */

START_TEST(play)
{
	play_run(&plays[_i]);
}
END_TEST

/* However many there are of them, no more than LIMIT_TARPIT of a worker. */
START_TEST(bounded)
{
	static struct tarpit many[LIMIT_TARPIT + 1];
	struct session s = { .env = &stage.env, .cluster = &stage.cluster };

	stage_open();
	stage.cluster.row.error_sleep_s = 150000;
	stage.cluster.row.max_connections = 1000000;
	for (unsigned i = 0; i <= LIMIT_TARPIT; i++) {
		tarpit_init(&many[i], &stage.env, NULL);
		ck_assert_int_eq(tarpit_hold(&many[i], &s), i < LIMIT_TARPIT);
		ck_assert(!tarpit_hold(&many[i], &s));
	}
	tarpit_end(&many[0]);
	tarpit_end(&many[0]);
	ck_assert_uint_eq(stage.env.n_tarpit, LIMIT_TARPIT - 1);
	ck_assert(tarpit_hold(&many[LIMIT_TARPIT], &s));
	for (unsigned i = 0; i <= LIMIT_TARPIT; i++)
		tarpit_end(&many[i]);
	ck_assert_uint_eq(stage.env.n_tarpit, 0);
	stage_close();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tarpit");
	TCase *t = tcase_create("plays");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, play, 0, (int)ARRAY_LEN(plays));
	tcase_add_test(t, bounded);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
