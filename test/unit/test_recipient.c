/* recipient: where recipients lead, which of them may share a mail, and their bounds. */
#include "lib/session/recipient.c"

#include "lib/session/smtp_server.h"
#include "session/play.h"
#include "unit/property.h"

#define ANEW_A \
	"A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A< 250 ok", "A< 250 ok"

/* clang-format off */
static const struct play plays[] = {
	/* --- where a recipient leads --- */
	PLAY("refused by the route, and counted",
	     SCENE_MAIL,
	     "C: RCPT TO:<u@t>", "S: 550 5.1.1 no such mailbox here", "count refused_unknown 1",
	     "C: RCPT TO:<f@t>", "S: 550 5.7.1 relaying denied", "count refused_relay 1",
	     "C: RCPT TO:<n@t>", "S: 451 4.3.5 the mailbox has no box; tell its administrator",
	     "C: RCPT TO:<d@t>", "S: 451 4.3.2 the box of this mailbox is not available now",
	     "C: RCPT TO:<e@t>", "S: 451 4.3.0 the account database cannot be read now",
	     "count refused_temporary 3",
	     "C: RCPT TO:<m@t>", "S: 550 5.4.6 the alias expands too far", "count refused_limit 1",
	     "C: DATA", "S: 554 5.5.1 no valid recipients", "count refused_data 1",
	     "logged s@t => u@t refused - 550 5.1.1 no such mailbox here"),
	PLAY("refused by the box, and counted",
	     SCENE_A, "C: RCPT TO:<a2@t>", "A> RCPT TO:<a2@t>", "A< 550 5.1.1 nobody",
	     "S: 550 5.1.1 [A:550_nobody]", "count refused_box 1",
	     "C: RCPT TO:<a3@t>", "A> RCPT TO:<a3@t>", "A< 452 full", "S: 452 4.3.0 [A:452_full]",
	     "logged s@t => a2@t refused - 550 5.1.1 [A:550_nobody]"),
	PLAY("the same recipient twice is one delivery",
	     SCENE_A, "C: RCPT TO:<a1@t>", "S: 250 2.1.5 ok", "C: DATA", "A> DATA", "A< 354 go",
	     SCENE_GO, "C: .", "A> .", "A< 250 ok", "S: 250 2.0.0 [A:250_ok]", "count recipients 2"),
	PLAY("the same recipient twice before the box has answered",
	     SCENE_MAIL, "C+ RCPT TO:<a1@t>", "C: RCPT TO:<a1@t>", "A hello", "A> MAIL FROM:<s@t>",
	     "A> RCPT TO:<a1@t>", "A< 250 ok", "A< 550 no", "S: 550 5.0.0 [A:550_no]",
	     "S: 550 5.0.0 [A:550_no]"),
	PLAY("refused, and asked for again: the box is asked again",
	     SCENE_MAIL, "C: RCPT TO:<a1@t>", "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>",
	     "A< 250 ok", "A< 451 later", "S: 451 4.3.0 [A:451_later]", "C: RCPT TO:<a1@t>",
	     "A> RCPT TO:<a1@t>", "A< 250 ok", "S: 250 2.1.5 ok"),

	/* --- aliases: all or nobody --- */
	PLAY("an alias waits for all of its boxes",
	     SCENE_MAIL, "C: RCPT TO:<ab@t>", "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a@t>",
	     "A< 250 ok", "A< 250 ok", "B hello", "B> MAIL FROM:<s@t>", "B> RCPT TO:<b@t>",
	     "B< 250 ok", "C is open", "B< 250 ok", "S: 250 2.1.5 ok"),
	PLAY("one of its boxes refuses: the other's leg is let go at DATA",
	     SCENE_RCPT_X, "C: RCPT TO:<ab@t>", "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a@t>",
	     "A< 250 ok", "A< 250 ok", "B hello", "B> MAIL FROM:<s@t>", "B> RCPT TO:<b@t>",
	     "B< 250 ok", "B< 550 no", "S: 550 5.0.0 [A:250_ok][B:550_no]",
	     "C: DATA", "A> RSET", "B> RSET", "X> DATA", "A< 250 ok", "B< 250 ok",
	     "X< 354 go", SCENE_GO, "count A idle 1", "count B idle 1", "C: .", "X> .",
	     "X< 250 ok", "S: 250 2.0.0 [X:250_ok]"),
	PLAY("one puts off and one refuses: put off",
	     SCENE_MAIL, "C: RCPT TO:<ab@t>", "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a@t>",
	     "A< 250 ok", "A< 452 full", "B hello", "B> MAIL FROM:<s@t>", "B> RCPT TO:<b@t>",
	     "B< 250 ok", "B< 550 no", "S: 452 4.3.0 [A:452_full][B:550_no]"),
	PLAY("it refuses before the other has spoken: what comes then is not wanted",
	     SCENE_RCPT_X, "C+ RCPT TO:<ab@t>", "C: RCPT TO:<a1@t>",
	     "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a@t>", "A> RCPT TO:<a1@t>",
	     "B hello", "B> MAIL FROM:<s@t>", "B> RCPT TO:<b@t>", "B< 250 ok", "B< 550 no",
	     "A< 250 ok", "A< 250 ok", "S: 550 5.0.0 [A:250_ok][B:550_no]", "A< 250 ok",
	     "S: 250 2.1.5 ok",
	     "C: DATA", "X> DATA", "B> RSET", "A> RSET", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>",
	     "A> DATA", "A< 250 reset", "A< 250 ok", "A< 250 ok", "A< 354 go", "X< 354 go", SCENE_GO,
	     "C: .", "A> .", "X> .", "A< 250 ok", "X< 250 ok", "S: 250 2.0.0 [X:250_ok][A:250_ok]",
	     "count recipients 2"),
	PLAY("a member that is a recipient too is one delivery, and stays when the alias goes",
	     SCENE_MAIL, "C: RCPT TO:<a@t>", "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a@t>",
	     "A< 250 ok", "A< 250 ok", "S: 250 2.1.5 ok", "C: RCPT TO:<ab@t>", "B hello",
	     "B> MAIL FROM:<s@t>", "B> RCPT TO:<b@t>", "B< 250 ok", "B< 550 no",
	     "S: 550 5.0.0 [A:250_ok][B:550_no]", "C: DATA", "B> RSET", "A> DATA", "A< 354 go",
	     SCENE_GO, "C: .", "A> .", "A< 250 ok", "S: 250 2.0.0 [A:250_ok]"),
	PLAY("an alias with a member whose box is down",
	     "down B", SCENE_MAIL, "C: RCPT TO:<ab@t>",
	     "S: 451 4.3.2 the box of this mailbox is not available now", "A is none"),

	/* --- MAIL refused by a box --- */
	PLAY("a refused MAIL is the word to each of its recipients",
	     SCENE_MAIL, "C+ RCPT TO:<a1@t>", "C: RCPT TO:<a2@t>", "A hello", "A> MAIL FROM:<s@t>",
	     "A> RCPT TO:<a1@t>", "A> RCPT TO:<a2@t>", "A< 550 5.7.1 not you", "A< 503 MAIL first",
	     "S: 550 5.7.1 [A:550_not_you]", "A< 503 MAIL first", "S: 550 5.7.1 [A:550_not_you]",
	     "C: RCPT TO:<a3@t>", "S: 550 5.7.1 [A:550_not_you]",
	     "C: DATA", "S: 554 5.5.1 no valid recipients"),

	/* --- who may share a mail --- */
	PLAY("one box a mail",
	     "one box a mail", SCENE_A, "C: RCPT TO:<b1@t>",
	     "S: 452 4.5.3 one box a mail here: send it again for this recipient",
	     "C: RCPT TO:<a2@t>", "A> RCPT TO:<a2@t>", "A< 250 ok", "S: 250 2.1.5 ok"),
	PLAY("one box a mail, and an alias over two",
	     "one box a mail", SCENE_MAIL, "C: RCPT TO:<ab@t>", "A hello", "A> MAIL FROM:<s@t>",
	     "A> RCPT TO:<a@t>", "A< 250 ok", "A< 250 ok", "B hello", "B> MAIL FROM:<s@t>",
	     "B> RCPT TO:<b@t>", "B< 250 ok", "B< 250 ok", "S: 250 2.1.5 ok"),
	PLAY("a box that failed lately stands alone, first or second, for ten minutes",
	     SCENE_DATA_A, "A closes", "C: .",
	     "S: 451 4.4.2 [A:451_box_closed_the_connection]",
	     "C: MAIL FROM:<s@t>", "S: 250 2.1.0 ok", SCENE_RCPT("B", "b1@t"),
	     "C: RCPT TO:<a1@t>", "S: 452 4.5.3 send it again for this recipient alone",
	     "C: RSET", "B> RSET", "S: 250 2.0.0 ok", "B< 250 ok",
	     "C: MAIL FROM:<s@t>", "S: 250 2.1.0 ok", "C: RCPT TO:<a1@t>", ANEW_A, "S: 250 2.1.5 ok",
	     "C: RCPT TO:<b1@t>", "S: 452 4.5.3 send it again for this recipient alone",
	     "C: RSET", "A> RSET", "S: 250 2.0.0 ok", "A< 250 ok",
	     "pass 290000", "B> QUIT", "A> QUIT", "C: NOOP", "S: 250*", "pass 290000", "C: NOOP",
	     "S: 250*", "pass 40000", "C: MAIL FROM:<s@t>", "S: 250*",
	     SCENE_RCPT("B", "b1@t"), SCENE_RCPT("A", "a1@t")),

	/* --- the ledger before the body --- */
	PLAY("the ledger cannot be read",
	     "ledger broken", SCENE_MAIL, "C: RCPT TO:<a1@t>",
	     "S: 451 4.3.0 the delivered ledger cannot be read now", "A is none"),
	PLAY("who has had an earlier mail gets a leg of its own; the same past, the same leg",
	     "past a1@t delivered 1", "past a2@t delivered 2", "past a3@t delivered 1",
	     SCENE_MAIL,
	     "C+ RCPT TO:<a1@t>", "C+ RCPT TO:<a2@t>", "C+ RCPT TO:<a3@t>", "C: RCPT TO:<a4@t>",
	     "A1 hello", "A1> MAIL FROM:<s@t>", "A1> RCPT TO:<a1@t>", "A1> RCPT TO:<a3@t>",
	     "A2 hello", "A2> MAIL FROM:<s@t>", "A2> RCPT TO:<a2@t>",
	     "A3 hello", "A3> MAIL FROM:<s@t>", "A3> RCPT TO:<a4@t>",
	     "A1< 250 ok", "A1< 250 ok", "S: 250*", "A1< 250 ok", "A2< 250 ok", "A2< 250 ok", "S: 250*",
	     "S: 250*", "A3< 250 ok", "A3< 250 ok", "S: 250*"),
	PLAY("who has it and who was refused come apart, in both orders",
	     "past a1@t delivered 1", "past a2@t refused 1", SCENE_MAIL, SCENE_RCPT("A", "a1@t"),
	     "C: RCPT TO:<a2@t>", "S: 450 4.2.0 another recipient of this mail comes first",
	     "C: RSET", "A> RSET", "S: 250*", "A< 250 ok", "C: MAIL FROM:<s@t>", "S: 250*",
	     "C: RCPT TO:<a2@t>", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a2@t>", "A< 250 ok", "A< 250 ok",
	     "S: 250*", "C: RCPT TO:<a1@t>", "S: 450 4.2.0 another recipient of this mail comes first"),
};
/* clang-format on */

START_TEST(play)
{
	play_run(&plays[_i]);
}
END_TEST

/* --- bounds --- */

static void client_says(const char *line, unsigned times)
{
	while (times-- > 0)
		io_memory_feed(stage.clients[0].io, str_z(line));
	for (int i = 0; i < 8; i++)
		stage_turn();
}

static unsigned answers(const char *prefix)
{
	struct str all = str_skip(play_written(&stage.clients[0]), stage.clients[0].read);
	struct str line;
	unsigned n = 0;

	while (str_split(&all, '\n', &line))
		n += str_starts(line, str_z(prefix));
	stage.clients[0].read = play_written(&stage.clients[0]).n;
	return n;
}

START_TEST(recipients_accepted)
{
	static const char *const before[] = { SCENE_A, NULL };
	char line[64];

	stage_open();
	stage_client();
	play_script(before);
	for (int i = 2; i <= LIMIT_RECIPIENTS + 1; i++) {
		snprintf(line, sizeof(line), "RCPT TO:<a%d@t>\r\n", i);
		client_says(line, 1);
		if (i <= LIMIT_RECIPIENTS)
			io_memory_feed(stage.legs[0].io, STR("250 ok\r\n"));
	}
	stage_turn();
	ck_assert_uint_eq(answers("250 2.1.5 ok"), LIMIT_RECIPIENTS - 1);
	play_line("C: RCPT TO:<a1@t>");
	play_line("S: 452 4.5.3 too many recipients");
	stage.legs[0].read = play_written(&stage.legs[0]).n;
	play_line("C: DATA");
	play_line("A> DATA");
	stage_close();
}
END_TEST

START_TEST(recipients_refused)
{
	static const char *const before[] = { SCENE_MAIL, NULL };

	stage_open();
	stage_client();
	play_script(before);
	client_says("RCPT TO:<u@t>\r\n", LIMIT_ASKED);
	ck_assert_uint_eq(answers("550 5.1.1"), LIMIT_ASKED);
	play_line("C: RCPT TO:<a1@t>");
	play_line("S: 452 4.5.3 too many recipients");
	ck_assert_uint_eq(stage.n_legs, 0);
	stage_close();
}
END_TEST

/* LIMIT_LEGS is 64; a box that the mail goes to anyway is none more. */
static const struct {
	const char *first, *then, *answer; /* NULL: it is asked */
	unsigned legs;
} crowds[] = {
	{ NULL, "zz64@t", NULL, 64 },
	{ NULL, "zh128@t", NULL, 64 }, /* two members a box */
	{ NULL, "zh130@t", "S: 550 5.4.6 the alias leads to too many boxes", 0 },
	{ NULL, "zz65@t", "S: 550 5.4.6 the alias leads to too many boxes", 0 },
	{ "a1@t", "zz64@t", NULL, 64 },
	{ "a1@t", "zz65@t",
	  "S: 452 4.5.3 too many boxes for one mail: send it again for this recipient", 1 },
	{ "zz64@t", "q64@t",
	  "S: 452 4.5.3 too many boxes for one mail: send it again for this recipient", 64 },
	{ "zz64@t", "q7@t", NULL, 64 },
};

START_TEST(crowd)
{
	static const char *const before[] = { SCENE_MAIL, NULL };
	char line[64];

	stage_open();
	stage_client();
	play_script(before);
	if (crowds[_i].first) {
		snprintf(line, sizeof(line), "C+ RCPT TO:<%s>", crowds[_i].first);
		play_line(line);
	}
	snprintf(line, sizeof(line), "C: RCPT TO:<%s>", crowds[_i].then);
	play_line(line);
	ck_assert_uint_eq(stage.n_legs, crowds[_i].legs);
	for (unsigned i = 0; i < stage.n_legs && crowds[_i].answer && crowds[_i].first; i++)
		io_memory_feed(stage.legs[i].io, STR("554 no\r\n"));
	stage_turn();
	if (crowds[_i].first && crowds[_i].answer)
		play_line("S: 451*");
	if (crowds[_i].answer)
		play_line(crowds[_i].answer);
	stage_close();
}
END_TEST

/* Wherever the memory of a mail ends, its recipients are put off and nothing breaks. */
START_TEST(memory)
{
	static const char *const before[] = { SCENE_A, NULL };
	unsigned put_off = 0, asked = 0;

	for (size_t more = 0; more < 2800; more += 20) {
		struct transaction *tx;
		struct str said;

		stage_open();
		stage_client();
		play_script(before);
		tx = ((struct smtp_session *)(void *)stage.sessions[0])->tx;
		tx->arena.max = tx->arena.used + more;
		client_says("RCPT TO:<ab@t>\r\nRCPT TO:<bx@t>\r\n", 1);
		for (unsigned i = 0; i < stage.n_legs; i++)
			io_memory_feed(stage.legs[i].io, i ? STR("554 no\r\n") : STR("250 ok\r\n"));
		stage_turn();
		put_off += answers("45") == 2;
		asked += stage.n_legs > 1;
		tx->arena.max = 0;
		client_says("DATA\r\n", 1); /* and nobody is left with a part of it */
		said = str_skip(play_written(&stage.legs[0]), stage.legs[0].read);
		must(!memmem(said.p, said.n, "RCPT TO:<a@t>", 13) == !memmem(said.p, said.n, "RSET", 4),
		     "who was put off is taken back");
		stage.legs[0].read += said.n;
		stage_close();
	}
	ck_assert_uint_eq(put_off, 140);
	ck_assert_uint_gt(asked, 0);
	ck_assert_uint_lt(asked, 140);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("recipient");
	TCase *t = tcase_create("plays");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, play, 0, (int)ARRAY_LEN(plays));
	suite_add_tcase(s, t);
	t = tcase_create("bounds");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, recipients_accepted);
	tcase_add_test(t, recipients_refused);
	tcase_add_loop_test(t, crowd, 0, (int)ARRAY_LEN(crowds));
	tcase_add_test(t, memory);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
