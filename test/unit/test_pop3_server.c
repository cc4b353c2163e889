/* The dialogue of POP3 before the tunnel, verb by verb and state by state, and how a session
 * ends: quit, closed, broken, idle, cut, drained. */
#include "lib/session/pop3_server.c"

#include "unit/virtual_time.h"

#include "session/pop_stage.h"

#define LOGGED_IN \
	"C: USER a@t", "S: +OK", "C: PASS secret", "A< +OK box", "A> USER a@t", \
		"A< +OK", "A> PASS secret", "A< +OK 2 messages", "S: +OK 2 messages"

static void setup(void)
{
	stage_open();
	stage_client("10.11.12.13");
}

START_TEST(capabilities)
{
	PLAY("C: CAPA", "S: +OK what we can", "S: TOP", "S: UIDL", "S: USER", "S: UTF8",
	     "S: RESP-CODES", "S: AUTH-RESP-CODE", "S: SASL PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256",
	     "S: IMPLEMENTATION protobalance", "S: .", "C: quit", "S: +OK bye", "S!");
}
END_TEST

START_TEST(small_verbs)
{
	PLAY("C: NOOP", "S: +OK", "C: UTF8", "S: +OK UTF8 is on", "C: user", /* any case */
	     "S: -ERR USER wants your e-mail address", "C: USER", /* and a name */
	     "S: -ERR USER wants your e-mail address", "C: PASS secret", "S: -ERR say USER first",
	     "C: AUTH", "S: -ERR AUTH wants one of: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256",
	     "C: STAT", "S: -ERR command unknown, or it needs a login first",
	     "C: ", "S: -ERR command unknown, or it needs a login first", "C: USERNAME x",
	     "S: -ERR command unknown, or it needs a login first", "C: QUIT", "S: +OK bye", "S!");
}
END_TEST

/* RFC 1939 7: the stamp of each greeting is another. */
START_TEST(stamps)
{
	char first[320];

	str_copy(first, sizeof(first), str_z(stage.stamp));
	ck_assert(strstr(first, "@pop.t>") != NULL && strchr(first, ' ') == NULL);
	PLAY("C: QUIT", "S: +OK bye", "S!");
	stage_client("10.11.12.13");
	ck_assert_str_ne(first, stage.stamp);
}
END_TEST

START_TEST(pipelined)
{
	PLAY("C~ NOOP\r\nUTF8\r\nNOOP\r\nQUIT\r\nNOOP\r\n", "S: +OK", "S: +OK UTF8 is on",
	     "S: +OK", "S: +OK bye", "S!");
}
END_TEST

START_TEST(piecemeal)
{
	PLAY("C~ NO", "S=", "C~ OP\r", "S=", "C~ \nNOOP\nQ", "S: +OK", "S: +OK",
	     "S=", "C~ UIT\n", "S: +OK bye", "S!");
}
END_TEST

START_TEST(second_user_counts)
{
	PLAY("C: USER u@t", "S: +OK", "C: USER a@t", "S: +OK", "C: PASS secret", "A< +OK",
	     "A> USER a@t", "C%", "A#", "S!");
}
END_TEST

/* --- lines that are no lines --- */

START_TEST(nul_and_cr)
{
	io_memory_feed(stage.pipes[0].io, STR("NO\0OP\r\n"));
	stage_turn();
	PLAY("S: -ERR NUL or CR within a line", "C~ NO\rOP\r\n",
	     "S: -ERR NUL or CR within a line", "C: NOOP", "S: +OK");
}
END_TEST

static const char *filled(size_t n)
{
	static char text[8000];

	memset(text, 'x', n);
	text[n] = '\0';
	return text;
}

/* The longest line passes; one byte more ends the session, whether its end is there or not:
 * the rest must not be taken for a command. */
START_TEST(long_lines)
{
	stage_feed(&stage.pipes[0], filled(LIMIT_COMMAND_LINE - 2), "\r\n");
	PLAY("S: -ERR command unknown, or it needs a login first");
	stage_feed(&stage.pipes[0], filled(LIMIT_COMMAND_LINE - 1), _i ? "\r\nNOOP\r\n" : "");
	if (!_i)
		stage_feed(&stage.pipes[0], "x", "");
	PLAY("S: -ERR line too long", "S!");
}
END_TEST

START_TEST(too_many_errors)
{
	for (int i = 1; i < LIMIT_BAD_COMMANDS; i++)
		PLAY("C: DELE 1", "S: -ERR command unknown, or it needs a login first");
	PLAY("C: NOOP", "S: +OK", "C~ DELE 1\r\nNOOP\r\n",
	     "S: -ERR command unknown, or it needs a login first", "S!");
	ck_assert_int_eq(stage_counter(CC_refused_syntax), LIMIT_BAD_COMMANDS);
}
END_TEST

/* Whatever is wrong with a command counts: none of them may go on for ever. */
static const char *const faulty[][2] = {
	{ "PASS secret", "S: -ERR say USER first" },
	{ "USER", "S: -ERR USER wants your e-mail address" },
	{ "APOP a@t x", "S: -ERR APOP wants a name and 32 hex digits" },
	{ "AUTH", "S: -ERR AUTH wants one of: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256" },
	{ "AUTH NTLM", "S: -ERR mechanism unknown; there are PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256" },
	{ "AUTH PLAIN !", "S: -ERR not base64" },
};

START_TEST(cancelled_count)
{
	for (int i = 0; i < LIMIT_BAD_COMMANDS; i++)
		PLAY("C: AUTH PLAIN", "S: + ", "C: *", "S: -ERR AUTH cancelled");
	PLAY("S!");
}
END_TEST

START_TEST(faults_count)
{
	for (int i = 0; i < LIMIT_BAD_COMMANDS; i++) {
		stage_feed(&stage.pipes[0], faulty[_i][0], "\r\n");
		PLAY(faulty[_i][1]);
	}
	PLAY("S!");
}
END_TEST

/* --- ends --- */

START_TEST(closed_by_client)
{
	PLAY("C! ", "S!");
}
END_TEST

/* What came before the end is answered. */
START_TEST(closed_behind_commands)
{
	io_memory_feed(stage.pipes[0].io, STR("NOOP\r\nNOOP\r\nNO"));
	PLAY("C!", "S: +OK", "S: +OK", "S!");
}
END_TEST

START_TEST(broken_by_client)
{
	PLAY("C: USER a@t", "S: +OK", "C%", "S!");
}
END_TEST

START_TEST(idle)
{
	PLAY("C: NOOP", "S: +OK", "T 100000", "S=", "T 30000",
	     "S: -ERR [SYS/TEMP] time-out, closing", "S!");
	ck_assert_int_eq(stage_counter(CC_timeouts), 1);
}
END_TEST

/* One who talks without end but never logs in is idle all the same. */
START_TEST(idle_talker)
{
	for (int i = 0; i < 11; i++)
		PLAY("T 10000", "C: NOOP", "S: +OK");
	PLAY("T 20000", "S: -ERR [SYS/TEMP] time-out, closing", "S!");
}
END_TEST

START_TEST(idle_within_auth)
{
	PLAY("C: AUTH LOGIN", "S: + VXNlciBOYW1l", "T 130000",
	     "S: -ERR [SYS/TEMP] time-out, closing", "S!");
}
END_TEST

/* The limit of the whole time before a login, which no command makes longer: a name that is given and
 * taken back starts the idle time anew, and nothing else. */
START_TEST(deadline_before_login)
{
	stage_close();
	stage_open();
	stage.cluster.row.session_max_s = 3000000; /* 300 s */
	stage_client("10.0.0.1");
	for (int i = 0; i < 3; i++)
		PLAY("C: AUTH LOGIN", "S: + VXNlciBOYW1l", "T 90000", "C: *", "S: -ERR AUTH cancelled");
	PLAY("S=", "T 25000", "S=", "T 10000", "S: -ERR [SYS/TEMP] no login for too long", "S!");
	ck_assert_int_eq(stage_counter(CC_timeouts), 1);
}
END_TEST

START_TEST(no_deadline_behind_it)
{
	stage_close();
	stage_open();
	stage.cluster.row.session_max_s = 3000000;
	stage_client("10.0.0.1");
	PLAY(LOGGED_IN, "T 200000", "C: NOOP", "A> NOOP", "T 200000", "C: NOOP", "A> NOOP");
	ck_assert_int_eq(stage_counter(CC_timeouts), 0);
}
END_TEST

static void cut(void)
{
	stage.session->s.cut(&stage.session->s, "enough");
	stage_turn();
}

START_TEST(cut_before_login)
{
	cut();
	PLAY("S: -ERR [SYS/TEMP] enough", "S!");
}
END_TEST

/* While the verifier thinks, while the box is waited for. */
START_TEST(cut_in_check)
{
	PLAY("V-", "C: USER h@t", "S: +OK", "C: PASS secret", "S=");
	cut();
	PLAY("S: -ERR [SYS/TEMP] enough", "S!");
}
END_TEST

START_TEST(cut_in_join)
{
	PLAY("C: USER a@t", "S: +OK", "C: PASS secret", "A< +OK", "A> USER a@t");
	cut();
	PLAY("S: -ERR [SYS/TEMP] enough", "S!", "A#");
}
END_TEST

/* Nobody knows where in an answer the box is: nothing may be said. */
START_TEST(cut_in_tunnel)
{
	PLAY(LOGGED_IN);
	cut();
	PLAY("S!", "A#");
}
END_TEST

START_TEST(uses)
{
	const struct session *s = &stage.session->s;

	ck_assert(!s->uses(s, STR("POP"), STR("A")));
	PLAY("C: USER a@t", "S: +OK", "C: PASS secret", "A< +OK");
	ck_assert(s->uses(s, STR("POP"), STR("A"))); /* on its way there, too */
	PLAY("A> USER a@t", "A< +OK", "A> PASS secret", "A< +OK 2", "S: +OK 2");
	ck_assert(s->uses(s, STR("POP"), STR("A")));
	ck_assert(!s->uses(s, STR("POP"), STR("B")) && !s->uses(s, STR("MX"), STR("A")));
}
END_TEST

static void drain(void)
{
	stage.session->s.drain(&stage.session->s);
	stage_turn();
}

#define STOPPING "S: -ERR [SYS/TEMP] service is stopping, come back in a moment", "S!"

START_TEST(drain_before_login)
{
	drain();
	PLAY(STOPPING);
}
END_TEST

START_TEST(drain_within_auth)
{
	PLAY("C: AUTH PLAIN", "S: + ");
	drain();
	PLAY(STOPPING);
}
END_TEST

/* A login under way may end well, */
START_TEST(drain_in_join)
{
	PLAY("C: USER a@t", "S: +OK", "C: PASS secret", "A< +OK");
	drain();
	PLAY("S=", "A> USER a@t", "A< +OK", "A> PASS secret", "A< +OK 2", "S: +OK 2",
	     "C: STAT", "A> STAT");
}
END_TEST

/* one that fails is the last one. */
START_TEST(drain_in_failing_join)
{
	PLAY("C: USER a@t", "S: +OK", "C: PASS secret", "A< +OK", "A> USER a@t");
	drain();
	PLAY("A< -ERR [IN-USE] no", "S: -ERR [IN-USE] no", "A#", STOPPING);
}
END_TEST

/* A mailbox that is being read may be read to its end. */
START_TEST(drain_in_tunnel)
{
	PLAY(LOGGED_IN);
	drain();
	PLAY("C: RETR 1", "A> RETR 1", "A+ +OK\r\nmail\r\n.\r\n", "S: +OK", "S: mail",
	     "S: .", "C: QUIT", "A> QUIT", "A< +OK", "S: +OK", "A!", "S=", "C!", "S!", "A#");
}
END_TEST

/* A client that reads none of its replies does not fill our memory. */
START_TEST(reads_nothing)
{
	io_memory_window(stage.pipes[0].io, 0);
	for (int i = 0; i < 400 && stage.pipes[0].io; i++)
		stage_feed(&stage.pipes[0], "CAPA\r\nCAPA", "\r\n");
	ck_assert_ptr_null(stage.pipes[0].io);
}
END_TEST

/* --- the tunnel --- */

/* Nothing of ours is said any more; half-closes pass. */
START_TEST(tunnel)
{
	PLAY(LOGGED_IN, "C: APOP x y", "A> APOP x y", "A+ +OK part", "C~ ", "A+ \r\nmore\r\n",
	     "S: +OK part", "S: more", "C!", "A+ last\r\n", "S: last", "A!", "S!", "A#");
}
END_TEST

START_TEST(tunnel_idle)
{
	PLAY(LOGGED_IN, "T 590000", "C: NOOP", "A> NOOP", "T 590000", "A< +OK", "S: +OK",
	     "T 610000", "S!", "A#");
}
END_TEST

START_TEST(tunnel_box_lost)
{
	PLAY(LOGGED_IN, "A%", "S!", "A#");
}
END_TEST

START_TEST(tunnel_client_lost)
{
	PLAY(LOGGED_IN, "C%", "S!", "A#");
}
END_TEST

/* Bytes are counted once, those before the tunnel and those within. */
START_TEST(bytes)
{
	int64_t greeting = (int64_t)strlen(stage.stamp) + 6;

	PLAY(LOGGED_IN, "C: STAT", "A> STAT", "A< +OK 2 320", "S: +OK 2 320", "A!", "C!", "S!", "A#");
	ck_assert_int_eq(stage_counter(CC_bytes_in), 10 + 13 + 6);
	ck_assert_int_eq(stage_counter(CC_bytes_out), greeting + 5 + 16 + 11);
	ck_assert_int_eq(stage_counter(CC_logins), 1);
	ck_assert_int_eq(stage_counter(CC_sessions_total), 1);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_test(t, capabilities);
	tcase_add_test(t, small_verbs);
	tcase_add_test(t, stamps);
	tcase_add_test(t, pipelined);
	tcase_add_test(t, piecemeal);
	tcase_add_test(t, second_user_counts);
	tcase_add_test(t, nul_and_cr);
	tcase_add_loop_test(t, long_lines, 0, 2);
	tcase_add_test(t, too_many_errors);
	tcase_add_loop_test(t, faults_count, 0, (int)ARRAY_LEN(faulty));
	tcase_add_test(t, cancelled_count);
	tcase_add_test(t, closed_by_client);
	tcase_add_test(t, closed_behind_commands);
	tcase_add_test(t, broken_by_client);
	tcase_add_test(t, idle);
	tcase_add_test(t, idle_talker);
	tcase_add_test(t, idle_within_auth);
	tcase_add_test(t, deadline_before_login);
	tcase_add_test(t, no_deadline_behind_it);
	tcase_add_test(t, cut_before_login);
	tcase_add_test(t, cut_in_check);
	tcase_add_test(t, cut_in_join);
	tcase_add_test(t, cut_in_tunnel);
	tcase_add_test(t, uses);
	tcase_add_test(t, drain_before_login);
	tcase_add_test(t, drain_within_auth);
	tcase_add_test(t, drain_in_join);
	tcase_add_test(t, drain_in_failing_join);
	tcase_add_test(t, drain_in_tunnel);
	tcase_add_test(t, reads_nothing);
	tcase_add_test(t, tunnel);
	tcase_add_test(t, tunnel_idle);
	tcase_add_test(t, tunnel_box_lost);
	tcase_add_test(t, tunnel_client_lost);
	tcase_add_test(t, bytes);
}

int main(void)
{
	Suite *s = suite_create("pop3_server");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, stage_close);
	add_tests(t);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
