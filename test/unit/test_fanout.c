/* fanout: one body through 1..4 legs at their own paces, and the barrier before the end marks. */
#include "lib/session/fanout.c"

#include "session/play.h"
#include "unit/property.h"

#define TRACE_10 \
	"Received: a\r\nReceived: b\r\nreceived: c\r\nReceived: d\r\nReceived: e\r\n" \
	"Received: f\r\nReceived: g\r\nReceived: h\r\nReceived: i\r\nReceived: j"
#define TO_A(line) \
	"C: " line, "A> Received: a", "A> Received: b", "A> received: c", \
		"A> Received: d", "A> Received: e", "A> Received: f", "A> Received: g", \
		"A> Received: h", "A> Received: i", "A> Received: j"

/* clang-format off */
static const struct play plays[] = {
	/* --- the end mark --- */
	PLAY("an empty mail", SCENE_DATA_AB, "C: .", "A> .", "B> .", "A< 250 ok", "B< 250 ok", "S: 250*"),
	PLAY("dots pass as they came",
	     SCENE_DATA_A, "C: ..", "A> ..", "C: ..x", "A> ..x", "C: x.", "A> x.", "C: .x", "A> .x",
	     "C: .", "A> .", "A< 250 ok", "S: 250*"),
	PLAY("an end mark in pieces goes out whole",
	     SCENE_DATA_AB, "C: hi", "A> hi", "B> hi", "C~ .", "C~ \r", "A is open", "C~ \n", "A> .", "B> .",
	     "A< 250 ok", "B< 250 ok", "S: 250*"),
	PLAY("an end mark in pieces, and one leg",
	     SCENE_DATA_A, "C~ hi\r", "C~ \n", "A> hi", "C~ .", "C~ \r", "A is open", "C~ \nNOOP\r\n", "A> .",
	     "A< 250 ok", "S: 250*", "S: 250 2.0.0 ok"),
	PLAY("what looked like an end mark is body",
	     SCENE_DATA_AB, "C~ .\r", "A is open", "C~ .\r\n", "C: .",
	     "A is broken", "B is broken", "S: 554 5.5.2 bare CR in mail is refused, RFC 5321 2.3.8"),
	PLAY("LF . LF ends no mail",
	     SCENE_DATA_A, "C~ hi\n.\nMAIL FROM:<x@t>\r\n.\r\n", "A is broken",
	     "S: 554 5.5.2 bare LF in mail is refused, RFC 5321 2.3.8", "C: NOOP", "S: 250 2.0.0 ok"),
	PLAY("CR LF . LF ends no mail",
	     SCENE_DATA_A, "C~ hi\r\n.\n", "A is broken", "C~ .\r\n", "C: .",
	     "S: 554 5.5.2 bare LF in mail is refused, RFC 5321 2.3.8"),

	/* --- the barrier --- */
	PLAY("no end mark before the slowest has all",
	     SCENE_DATA_AB, "B takes 1", "C+ hi", "C: .", "A> hi", "A is open", "B takes 2", "A is open",
	     "B takes 3", "B> hi", "A> .", "B takes all", "B> .", "A< 250 ok", "B< 250 ok", "S: 250*"),
	PLAY("no end mark when one dies with all but a byte",
	     SCENE_DATA_AB, "B takes 3", "C+ hi", "C: .", "A> hi", "A is open", "B closes", "A is broken",
	     "B~ hi\r", "S: 451 4.4.2 [B:451_box_closed_the_connection]"),
	PLAY("no end mark when one dies that has all",
	     SCENE_DATA_AB, "B takes 3", "C+ hi", "C: .", "A> hi", "A closes", "B~ hi\r", "B is broken",
	     "S: 451 4.4.2 [A:451_box_closed_the_connection]"),
	PLAY("one leg: the mark goes with the body",
	     SCENE_DATA_A, "A takes 0", "C+ hi", "C: .", "A takes all", "A> hi", "A> .", "A< 250 ok",
	     "S: 250*"),
	PLAY("one leg that takes the mark in pieces",
	     SCENE_DATA_A, "A takes 5", "C+ hi", "C: .", "A takes 1", "A takes 0", "A takes 10", "A> hi",
	     "A> .", "A< 250 ok", "S: 250*"),
	PLAY("LMTP with two recipients waits at the barrier, too",
	     "lmtp A", SCENE_MAIL, "C: RCPT TO:<ab@t>", "A< 220 box", "A> LHLO mx.t", "A< 250 box",
	     "A> MAIL FROM:<s@t>", "A< 250 ok", "A> RCPT TO:<a@t>", "A< 250 ok", "B hello",
	     "B> MAIL FROM:<s@t>", "B> RCPT TO:<b@t>", "B< 250 ok", "B< 250 ok", "S: 250*", "C: DATA",
	     "A> DATA", "B> DATA", "A< 354 go", "B< 354 go", SCENE_GO, "B takes 0", "C: .",
	     "A> .", "B takes all", "B> .", "A< 250 ok", "B< 250 ok", "S: 250*"),

	/* --- boxes that do not wait for the end --- */
	PLAY("a box that refuses in mid-mail: its word",
	     SCENE_DATA_A, "C: hi", "A> hi", "A< 552 5.3.4 too big", "A is broken", "C: .",
	     "S: 552 5.3.4 [A:552_too_big]"),
	PLAY("a box that accepts in mid-mail is not believed",
	     SCENE_DATA_AB, "C: hi", "A> hi", "B> hi", "A< 250 ok", "A is broken", "B is broken", "C: .",
	     "S: 451 4.5.0 [A:451_box_answered_before_the_end_of_the_mail]", "count mails 0"),
	PLAY("a box that stalls in mid-mail",
	     SCENE_DATA_AB, "A takes 0", "C: hi", "B> hi", "pass 170000", "C: ho", "B> ho", "pass 20000",
	     "A is broken", "B is broken", "C: .", "S: 451 4.4.2 [A:451_time-out]", "count A failures 1"),
	PLAY("a box that trickles is alive",
	     SCENE_DATA_AB, "A takes 0", "C: hi", "B> hi", "pass 170000", "A takes 1", "pass 170000",
	     "A takes 1", "pass 170000", "A is slow", "C: .", "A takes all", "A> hi", "A> .", "B> .",
	     "A< 250 ok", "B< 250 ok", "A> QUIT", "B> QUIT", "S: 250*"),
	PLAY("it is the client that is slow: no box is blamed",
	     SCENE_DATA_AB, "C: hi", "A> hi", "B> hi", "pass 170000", "C: ho", "A> ho", "B> ho", "pass 170000",
	     "C: .", "A> .", "B> .", "A< 250 ok", "B< 250 ok", "A> QUIT", "B> QUIT", "S: 250*"),

	/* --- what a mail may not be --- */
	PLAY("bare newlines made good",
	     "normalize", SCENE_DATA_AB, "C~ a\nb\rc\r\n", "A> a", "A> b c", "B> a", "B> b c", "C: .", "A> .",
	     "B> .", "A< 250 ok", "B< 250 ok", "S: 250*"),
	PLAY("bare newlines made good: no end mark arises",
	     "normalize", SCENE_DATA_A, "C~ a\n.\n", "A> a", "A> ..", "C~ .\n", "A> ..", "C: b", "A> b",
	     "C~ .\r\nNOOP\r\n", "A> .", "A< 250 ok", "S: 250 2.0.0 [A:250_ok]", "S: 250 2.0.0 ok"),
	PLAY("fifty Received fields pass",
	     SCENE_DATA_A, TO_A(TRACE_10), TO_A(TRACE_10), TO_A(TRACE_10), TO_A(TRACE_10), TO_A(TRACE_10),
	     "C: ", "A> ", "C: Received: in the body", "A> Received: in the body", "C: .", "A> .",
	     "A< 250 ok", "S: 250*"),
	PLAY("one more is a loop",
	     SCENE_DATA_A, TO_A(TRACE_10), TO_A(TRACE_10), TO_A(TRACE_10), TO_A(TRACE_10), TO_A(TRACE_10),
	     "C: Received: k", "A is broken", "C: .",
	     "S: 554 5.4.6 more than 50 Received fields: a mail loop", "count mails 0"),

	/* --- the Received field --- */
	PLAY("our Received field stands in front",
	     "received", SCENE_DATA_A, "A is open", "C: hi",
	     "A> Received: from me.example ([10.11.12.13])", "A> \tby mx.t with ESMTP id 1-1",
	     "A> \tfor <a1@t>;", "A> \t*", "A> hi", "C: .", "A> .", "A< 250 ok", "S: 250*"),
	PLAY("it names nobody when there are two, and goes to each leg",
	     "received", SCENE_DATA_AB, "C: .", "A> Received: from me.example ([10.11.12.13])",
	     "A> \tby mx.t with ESMTP id 1-1;", "A> \t*", "A> .",
	     "B> Received: from me.example ([10.11.12.13])", "B> \tby mx.t with ESMTP id 1-1;", "B> \t*",
	     "B> .", "A< 250 ok", "B< 250 ok", "S: 250*"),
};
/* clang-format on */

START_TEST(play)
{
	play_run(&plays[_i]);
}
END_TEST

START_TEST(nul)
{
	static const char *const before[] = { SCENE_DATA_A, NULL };
	static const char *const after[] = { "A is broken", "C: .",
					     "S: 554 5.6.0 mail with NUL bytes is refused", NULL };

	stage_open();
	stage_client();
	play_script(before);
	io_memory_feed(stage.clients[0].io, (struct str){ "a\0b\r\n", 5 });
	stage_turn();
	play_script(after);
	stage_close();
}
END_TEST

/* One leg that answers for each of two recipients: the mark waits for the ledger's word. */
START_TEST(lmtp_asks_the_ledger)
{
	static const char *const script[] = { "lmtp A",
					      SCENE_MAIL,
					      "C: RCPT TO:<a1@t>",
					      "A< 220 box",
					      "A> LHLO mx.t",
					      "A< 250 box",
					      "A> MAIL FROM:<s@t>",
					      "A< 250 ok",
					      "A> RCPT TO:<a1@t>",
					      "A< 250 ok",
					      "S: 250*",
					      "C: RCPT TO:<a2@t>",
					      "A> RCPT TO:<a2@t>",
					      "A< 250 ok",
					      "S: 250*",
					      "C: DATA",
					      "A> DATA",
					      "A< 354 go",
					      SCENE_GO,
					      "C+ hi",
					      "C: .",
					      "A> hi",
					      "A is broken",
					      "S: 451 4.3.1 the ledger is full, send it again later",
					      NULL };

	stage_open();
	stage_client();
	stage.env.ledger_due = JOURNAL_RING;
	play_script(script);
	stage.env.ledger_due = 0;
	stage_close();
}
END_TEST

/* --- size --- */

static void feed_lines(size_t bytes)
{
	static char line[1024];

	memset(line, 'x', sizeof(line));
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	for (; bytes > 0; bytes -= sizeof(line)) {
		io_memory_feed(stage.clients[0].io, (struct str){ line, sizeof(line) });
		if (bytes % (256 * sizeof(line)) == 0)
			stage_turn();
	}
	stage_turn();
}

static void to_body(void)
{
	static const char *const before[] = { SCENE_DATA_A, NULL };

	stage_open();
	stage_client();
	play_script(before);
}

START_TEST(size_limit)
{
	static const char *const whole[] = { "C: .", "A> .", "A< 250 ok", "S: 250*", NULL };
	static const char *const more[] = { "C~ y",
					    "A is broken",
					    "C: ",
					    "C: .",
					    "S: 552 5.3.4 mail is larger than 100 kB",
					    NULL };

	to_body();
	feed_lines(100 * 1024);
	ck_assert_uint_eq(play_written(&stage.legs[0]).n - stage.legs[0].read, 100 * 1024);
	stage.legs[0].read = play_written(&stage.legs[0]).n;
	play_script(_i ? more : whole);
	stage_close();
}
END_TEST

/* A client that sends on and on is read for 16 MiB more, and then no longer. */
START_TEST(size_without_end)
{
	to_body();
	feed_lines((16 << 20) + 100 * 1024);
	ck_assert_int_eq(stage.legs[0].how, END_BROKEN);
	ck_assert_int_eq(stage.clients[0].how, END_OPEN);
	feed_lines(1024);
	play_line("S: 552 5.3.4 mail is larger than 100 kB");
	ck_assert_int_eq(stage.clients[0].how, END_CLOSED);
	ck_assert_ptr_nonnull(strstr(stage.log, "reason=\"mail without end\""));
	stage.legs[0].read = stage.legs[0].kept_n;
	stage_close();
}
END_TEST

/* --- property: whatever the splits and paces, each leg gets the same bytes, and none an end
 * mark before all of them have all --- */

#define BODY_MAX 200000

static char body[BODY_MAX + 8]; /* with the end mark */
static size_t body_n;		/* without */
static char want[2 * BODY_MAX]; /* what a leg gets before the mark */
static size_t want_n;
static size_t base[4]; /* of the body in what each leg was written */

/* Lines with dots and all bytes; with bare newlines when they are to be repaired. */
static void make_body(bool bare)
{
	size_t most = rnd(4) ? rnd(3000) : rnd(BODY_MAX - 100);

	body_n = 0;
	while (body_n < most) {
		unsigned what = rnd(12);

		if (what == 0 || (body_n > 0 && body[body_n - 1] == '\r')) {
			memcpy(body + body_n, "\r\n", 2);
			body_n += 2;
			if (rnd(3) == 0) { /* a stuffed line */
				memcpy(body + body_n, "..", 2);
				body_n += 2;
			}
		} else if (bare && what == 1) {
			body[body_n++] = "\n\r"[rnd(2)];
			body[body_n++] = ". x"[rnd(3)];
		} else {
			if (body_n < 2 || body[body_n - 1] == '\n')
				body[body_n++] = 'x'; /* no end mark by chance */
			for (unsigned n = rnd(40) + 1; n > 0; n--)
				body[body_n++] = (char)(32 + rnd(224) % 223);
		}
	}
	memcpy(body + body_n, "\r\n.\r\n", 5);
	body_n += 2;
}

/* The module's own word for what repairing makes of it, all at once. */
static void make_want(bool normalize)
{
	struct data_norm n;
	struct buf b;
	size_t done;

	want_n = body_n;
	memcpy(want, body, body_n);
	if (!normalize)
		return;
	data_norm_init(&n);
	buf_init(&b, 4 * BODY_MAX);
	must(buf_add(&b, (struct str){ body, body_n + 3 }) == 0, "room");
	must(data_normalize(&n, &b, 0, &done) == 0 && n.ended && done == buf_len(&b), "normal");
	want_n = done - 3;
	memcpy(want, buf_str(&b).p, want_n);
	buf_release(&b);
}

static struct str got(unsigned leg)
{
	return str_skip(play_written(&stage.legs[leg]), base[leg]);
}

static void check_legs(unsigned legs)
{
	bool all = true, mark = false;

	for (unsigned i = 0; i < legs; i++) {
		struct str s = got(i);
		size_t n = s.n < want_n ? s.n : want_n;

		must(memcmp(s.p, want, n) == 0, "the bytes of the mail");
		all &= s.n >= want_n;
		mark |= s.n > want_n;
		must(s.n <= want_n + 3 && memcmp(s.p + n, DATA_END_MARK, s.n - n) == 0, "the end mark");
	}
	must(all || !mark, "no end mark before all have all");
	if (stage.clients[0].io)
		must(buf_len(&stage.clients[0].io->in) <= 2 * LIMIT_SESSION_IN + 16, "a bound");
}

static void to_legs(unsigned legs)
{
	char line[100];

	play_line("C hello");
	play_line("C: MAIL FROM:<s@t>");
	play_line("S: 250*");
	for (unsigned i = 0; i < legs; i++) {
		snprintf(line, sizeof(line), "C: RCPT TO:<%c@t>", "abxy"[i]);
		play_line(line);
		io_memory_feed(stage.legs[i].io, STR("220 box\r\n"));
		stage_turn();
		io_memory_feed(stage.legs[i].io, STR("250-box\r\n250 PIPELINING\r\n"));
		io_memory_feed(stage.legs[i].io, STR("250 ok\r\n250 ok\r\n"));
		stage_turn();
		play_line("S: 250*");
	}
	play_line("C: DATA");
	for (unsigned i = 0; i < legs; i++) {
		io_memory_feed(stage.legs[i].io, STR("354 go\r\n"));
		base[i] = play_written(&stage.legs[i]).n;
		io_memory_window(stage.legs[i].io, 0);
	}
	stage_turn();
	play_line("S: 354*");
}

static size_t feed_some(size_t at)
{
	size_t left = body_n + 3 - at;
	size_t n = rnd(3) ? rnd(60) : rnd(30000);

	n = n < left ? n : left;
	io_memory_feed(stage.clients[0].io, (struct str){ body + at, n });
	return at + n;
}

static void open_some(unsigned legs, bool all)
{
	for (unsigned i = 0; i < legs; i++)
		if (all || rnd(4) == 0)
			io_memory_window(stage.legs[i].io,
					 all ? SIZE_MAX / 2 : rnd(rnd(2) ? 50 : 20000));
}

static bool finished(unsigned legs)
{
	for (unsigned i = 0; i < legs; i++)
		if (got(i).n != want_n + 3)
			return false;
	return true;
}

/* One leg dies somewhere in mid-mail: then no leg ever gets an end mark. */
static void one_dies(unsigned legs, size_t at)
{
	bool in_time = false;

	for (unsigned i = 0; i < legs; i++) /* what was on its way gets no further */
		io_memory_window(stage.legs[i].io, 0);
	stage_turn();
	for (unsigned i = 0; i < legs; i++)
		in_time |= got(i).n < want_n;
	if (!in_time)
		return;
	io_memory_fail(stage.legs[rnd(legs)].io, ECONNRESET);
	stage_turn();
	io_memory_feed(stage.clients[0].io, (struct str){ body + at, body_n + 3 - at });
	for (int i = 0; i < 20; i++)
		stage_turn();
	for (unsigned i = 0; i < legs; i++) {
		must(stage.legs[i].how == END_BROKEN, "all legs are broken");
		must(got(i).n <= want_n, "no end mark");
	}
	play_line("S: 451*");
}

static void one_mail(unsigned legs, bool normalize, bool dies)
{
	size_t at = 0;
	unsigned turns = rnd(40);

	stage_open();
	stage.cluster.normalize = normalize;
	stage.cluster.row.max_mail_size_kb = 1000;
	stage_client();
	to_legs(legs);
	make_body(normalize);
	make_want(normalize);
	for (unsigned i = 0; !finished(legs); i++) {
		at = feed_some(at);
		open_some(legs, i > 400);
		for (unsigned n = rnd(5); n > 0; n--)
			loop_turn(stage.env.loop);
		check_legs(legs);
		if (dies && i == turns) {
			one_dies(legs, at);
			break;
		}
		must(i < 5000, "it comes to an end");
	}
	for (unsigned i = 0; i < legs && stage.legs[i].io; i++)
		io_memory_feed(stage.legs[i].io, STR("250 ok\r\n"));
	stage_turn();
	if (stage.legs[0].io || finished(legs))
		play_line("S: 250*");
	stage_close();
}

/* 0..3: that many legs more than one; 4..7: repaired; 8..15: and one dies */
START_TEST(any_mail)
{
	property_seed += (unsigned)_i;
	for (int i = 0; i < 25; i++)
		one_mail((unsigned)_i % 4 + 1, _i / 4 % 2, _i / 8);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fanout");
	TCase *t = tcase_create("plays");
	SRunner *r = srunner_create(s);
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_loop_test(t, play, 0, (int)ARRAY_LEN(plays));
	tcase_add_test(t, nul);
	tcase_add_test(t, lmtp_asks_the_ledger);
	tcase_add_loop_test(t, size_limit, 0, 2);
	suite_add_tcase(s, t);
	t = tcase_create("any mail");
	tcase_set_timeout(t, 300);
	tcase_add_test(t, size_without_end);
	tcase_add_loop_test(t, any_mail, 0, 16);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
