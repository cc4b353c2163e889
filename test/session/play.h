/* play: SMTP sessions on the stage (stage.h), as scripts of lines.
 *
 *   C: line    the client says it, once it has read all answers     S: line   we answer
 *   C+ line    the same in one packet with the next line of it      A> line   we say to box A
 *   C~ bytes   without a CRLF, and at once                          A< line   box A answers
 *                                                                   A~ bytes  half a line to A
 *   C closes | resets | takes N | takes all | is closed [reason]    A is closed | broken
 *   C bounces to f1@t, as it was rewritten
 *   pass MS, count ..., ledger ..., logged ...: play_words below
 *
 * A wanted line that ends with "*" is a beginning. What is written and not named by the script
 * fails the test, as does what is named and does not come. Boxes are A, B, X and Y; "A" alone
 * is its newest connection, "A1" its first; "C2" and "S2" are a second client.
 * Header-only: for the tests of lib/session alone. */
#ifndef PB_TEST_PLAY_H
#define PB_TEST_PLAY_H

#include "lib/wire/srs.h"
#include "session/stage.h"

static const char *play_name, *play_at; /* what is being played */

/* An assertion that names play and line; silent when all is well. */
PRINTF_LIKE(2, 3) static void play_must(bool ok, const char *fmt, ...)
{
	char text[20000];
	va_list ap;

	if (ok)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ck_abort_msg("\"%s\", at \"%s\": %s", play_name, play_at, text);
}

static struct str play_written(const struct stage_end *e)
{
	return e->io ? io_memory_written(e->io) : (struct str){ e->kept, e->kept_n };
}

/* The next unread line of what was written; fails the test when there is none. */
static struct str play_next(struct stage_end *e)
{
	struct str all = str_skip(play_written(e), e->read);
	ptrdiff_t end = str_find(all, '\n');

	play_must(end > 0 && all.p[end - 1] == '\r', "came \"%.*s\"", STR_ARG(all));
	e->read += (size_t)end + 1;
	return (struct str){ all.p, (size_t)end - 1 };
}

static void play_expect(struct stage_end *e, const char *want)
{
	struct str came = play_next(e);
	size_t n = strlen(want);
	bool same = n > 0 && want[n - 1] == '*' ? str_starts(came, (struct str){ want, n - 1 }) :
						  str_eq(came, str_z(want));

	play_must(same, "came \"%.*s\"", STR_ARG(came));
}

static void play_quiet(const struct stage_end *e)
{
	struct str rest = str_skip(play_written(e), e->read);

	play_must(rest.n == 0, "unexpected \"%.*s\"", STR_ARG(rest));
}

static void play_feed(struct stage_end *e, const char *text, const char *end)
{
	play_must(e->io, "it has gone");
	io_memory_feed(e->io, str_z(text));
	io_memory_feed(e->io, str_z(end));
}

/* "A", "A2", "C", "S2", ...: NULL when the line begins otherwise. */
static struct stage_end *play_who(const char **line)
{
	const char *z = *line, *box = strchr("ABXY", *z);
	bool client = *z == 'C' || *z == 'S';
	unsigned nth = z[1] >= '1' && z[1] <= '9' ? (unsigned)(z[1] - '0') : 0;
	struct stage_end *found = NULL;
	unsigned seen = 0;

	if (!client && !box)
		return NULL;
	*line = z + 1 + (nth > 0);
	if (client)
		return &stage.clients[nth ? nth - 1 : 0];
	for (unsigned i = 0; i < stage.n_legs; i++)
		if (stage.legs[i].box == box - "ABXY" && stage.legs[i].how != END_NONE &&
		    (++seen == nth || nth == 0))
			found = &stage.legs[i];
	return found ? found : &stage.legs[STAGE_LEGS - 1];
}

/* --- words about connections: "A closes" --- */

typedef void play_end_word(struct stage_end *e, const char *rest);

static void w_closes(struct stage_end *e, const char *rest)
{
	(void)rest;
	play_must(e->io, "it has gone");
	io_memory_feed_eof(e->io);
}

static void w_resets(struct stage_end *e, const char *rest)
{
	(void)rest;
	play_must(e->io, "it has gone");
	io_memory_fail(e->io, ECONNRESET);
}

static void w_takes(struct stage_end *e, const char *rest)
{
	play_must(e->io, "it has gone");
	io_memory_window(e->io, *rest == 'a' ? SIZE_MAX / 2 : (size_t)atoi(rest));
}

static void w_is_closed(struct stage_end *e, const char *rest)
{
	char reason[200];

	play_quiet(e);
	play_must(e->how == END_CLOSED, "it is %d", e->how);
	snprintf(reason, sizeof(reason), "disconnected reason=\"%s\"", rest);
	play_must(!*rest || strstr(stage.log, reason), "%s", stage.log);
}

static void w_is_broken(struct stage_end *e, const char *rest)
{
	(void)rest;
	play_quiet(e);
	play_must(e->how == END_BROKEN, "it is %d", e->how);
}

static void w_is_open(struct stage_end *e, const char *rest)
{
	(void)rest;
	play_quiet(e);
	play_must(e->how == END_OPEN, "it is %d", e->how);
}

/* Open, with the beginning of a line under way. */
static void w_is_slow(struct stage_end *e, const char *rest)
{
	(void)rest;
	play_must(e->how == END_OPEN, "it is %d", e->how);
}

static void w_is_none(struct stage_end *e, const char *rest)
{
	(void)rest;
	play_must(e->how == END_NONE, "it is %d", e->how);
}

/* A dial that hangs goes on, as "dial" says now. */
static void w_connects(struct stage_end *e, const char *rest)
{
	(void)e;
	(void)rest;
	ck_assert_ptr_nonnull(stage.hanging);
	timer_set(&stage.hanging->timeout, 0);
}

/* Greeting and EHLO, of the client or of a box that pipelines (or does not: "hello plain"). */
static void w_hello(struct stage_end *e, const char *rest)
{
	bool client = e >= stage.clients && e < stage.clients + STAGE_CLIENTS;

	if (client) {
		play_expect(e, "220 mx.t ESMTP");
		play_feed(e, "EHLO me.example", "\r\n");
		stage_turn();
		while (play_next(e).p[3] == '-')
			;
		return;
	}
	play_feed(e, "220 box ESMTP", "\r\n");
	stage_turn();
	play_expect(e, "EHLO mx.t");
	play_feed(e, *rest ? "250-box\r\n250 SIZE" : "250-box\r\n250-PIPELINING\r\n250-SIZE 50000\r\n250 8BITMIME",
		  "\r\n");
}

/* RCPT for what the address is rewritten as. */
static void w_bounces_to(struct stage_end *e, const char *rest)
{
	struct srs_secrets secrets = { stage.topology.srs_secrets, stage.topology.n_srs_secrets };
	char out[LIMIT_ADDRESS + 1], line[LIMIT_ADDRESS + 20];
	struct address a;

	ck_assert_int_eq(address_parse(str_z(rest), &a), ADDRESS_OK);
	ck_assert_int_eq(srs_forward(&secrets, clock_wall_ms(), &a, stage.cluster.row.srs_domain, out),
			 SRS_OK);
	snprintf(line, sizeof(line), "RCPT TO:<%s>", out);
	play_feed(e, line, "\r\n");
}

static const struct {
	const char *word;
	play_end_word *run;
} play_end_words[] = {
	{ " closes", w_closes },       { " resets", w_resets },
	{ " takes ", w_takes },	       { " is closed", w_is_closed },
	{ " is broken", w_is_broken }, { " is open", w_is_open },
	{ " is slow", w_is_slow },     { " is none", w_is_none },
	{ " hello", w_hello },	       { " connects", w_connects },
	{ " bounces to ", w_bounces_to },
};

#include "session/play_world.h"

static const struct {
	const char *word;
	play_word *run;
} play_words[] = {
	{ "pass ", w_pass },
	{ "another client", w_client },
	{ "deadline ", w_deadline },
	{ "pace ", w_pace },
	{ "drain", w_drain },
	{ "red ", w_red },
	{ "yellow ", w_yellow },
	{ "offer ", w_offer },
	{ "from ", w_from },
	{ "lmtp ", w_lmtp },
	{ "dial ", w_dial }, /* A refused | hangs | works */
	{ "fall ", w_falls_to },
	{ "down ", w_down },
	{ "one box a mail", w_one },
	{ "normalize", w_normalize },
	{ "received", w_received },
	{ "ledger durable", w_ledger_durable },
	{ "ledger broken", w_ledger_broken },
	{ "ledger rows ", w_ledger_rows },
	{ "ledger ", w_ledger_row },
	{ "past ", w_past },
	{ "has ", w_has },
	{ "ranges ", w_ranges },
	{ "relay ", w_relay_box },
	{ "sender ", w_sender },
	{ "login gone", w_login_gone },
	{ "set ", w_setting },
	{ "general ", w_general },
	{ "lives ", w_lives }, /* A address */
	{ "srs ", w_srs },
	{ "blocked ", w_blocked },
	{ "mailboxes refuse ", w_refuse },
	{ "everybody at A answers ", w_answers },
	{ "answered ", w_answered },
	{ "guard ", w_guard },
	{ "whitelist ", w_whitelist },
	{ "known ", w_known },
	{ "listed ", w_listed },
	{ "nameless", w_nameless },
	{ "saw ", w_saw },
	{ "fits ", w_fits },
	{ "bell", w_bell },
	{ "logged ", w_logged },
	{ "count ", w_count },
};

static void play_world_line(const char *line)
{
	for (size_t i = 0; i < ARRAY_LEN(play_words); i++) {
		if (str_starts(str_z(line), str_z(play_words[i].word))) {
			play_words[i].run(line + strlen(play_words[i].word));
			return;
		}
	}
	play_must(false, "not understood");
}

static void play_end_line(struct stage_end *e, const char *line, const char *at)
{
	bool says = line[0] == 'S' || *at == '>';

	for (size_t i = 0; i < ARRAY_LEN(play_end_words); i++) {
		if (str_starts(str_z(at), str_z(play_end_words[i].word))) {
			at += strlen(play_end_words[i].word);
			play_end_words[i].run(e, *at == ' ' ? at + 1 : at);
			return;
		}
	}
	play_must(strchr(":+~<>", *at), "not understood");
	if (says) {
		play_expect(e, at + 2);
		return;
	}
	if (*at == '~' && line[0] != 'C') {
		play_must(str_eq(str_skip(play_written(e), e->read), str_z(at + 2)), "not so");
		e->read += strlen(at + 2);
		return;
	}
	if (*at == ':' || *at == '<')
		play_quiet(e);
	play_feed(e, at + 2, *at == '~' ? "" : "\r\n");
}

static void play_line(const char *line)
{
	const char *at = play_at = line;
	struct stage_end *e = play_who(&at);

	if (e)
		play_end_line(e, line, at);
	else
		play_world_line(line);
	if (!e || *at != '+')
		stage_turn();
}

/* Plays a NULL-terminated script. */
static inline void play_lines(const char *const *script)
{
	while (*script)
		play_line(*script++);
}

/* The same; at its end everything that was written has been named. */
static inline void play_script(const char *const *script)
{
	play_lines(script);
	play_at = "the end";
	for (unsigned i = 0; i < stage.n_legs; i++)
		play_quiet(&stage.legs[i]);
	for (unsigned i = 0; i < stage.n_clients; i++)
		play_quiet(&stage.clients[i]);
}

/* A play: its name and its lines. */
struct play {
	const char *name;
	const char *const *lines;
};
#define PLAY(name, ...) \
	{ \
		name, (const char *const[]) \
		{ \
			__VA_ARGS__, NULL \
		} \
	}

/* Scenes that many plays begin with: a mail to A, to A and B; their 354; a body. */
#define SCENE_MAIL "C hello", "C: MAIL FROM:<s@t>", "S: 250 2.1.0 ok"
#define SCENE_RCPT(box, to) \
	"C: RCPT TO:<" to ">", box " hello", box "> MAIL FROM:<s@t>", \
		box "> RCPT TO:<" to ">", box "< 250 ok", box "< 250 ok", "S: 250 2.1.5 ok"
#define SCENE_GO "S: 354 Start mail input; end with <CRLF>.<CRLF>"
#define SCENE_RCPT_X SCENE_MAIL, SCENE_RCPT("X", "x1@t")
#define SCENE_A SCENE_MAIL, SCENE_RCPT("A", "a1@t")
#define SCENE_AB SCENE_A, SCENE_RCPT("B", "b1@t")
#define SCENE_DATA_A SCENE_A, "C: DATA", "A> DATA", "A< 354 go", SCENE_GO
#define SCENE_DATA_AB \
	SCENE_AB, "C: DATA", "A> DATA", "B> DATA", "A< 354 go", "B< 354 go", SCENE_GO
#define SCENE_BODY_A SCENE_DATA_A, "C: hi", "A> hi", "C: .", "A> ."
#define SCENE_BODY_AB SCENE_DATA_AB, "C: hi", "A> hi", "B> hi", "C: .", "A> .", "B> ."

/* One client has connected when it begins. */
static inline void play_run(const struct play *p)
{
	play_name = p->name;
	stage_open();
	stage_client();
	play_script(p->lines);
	stage_close();
}

/* The rest of a program that is a table of plays. */
#define PLAYS_MAIN(name, plays) \
	START_TEST(play) \
	{ \
		play_run(&(plays)[_i]); \
	} \
	END_TEST \
	int main(void) \
	{ \
		Suite *s = suite_create(name); \
		TCase *t = tcase_create("plays"); \
		SRunner *r = srunner_create(s); \
		int failed; \
		tcase_add_loop_test(t, play, 0, (int)ARRAY_LEN(plays)); \
		suite_add_tcase(s, t); \
		srunner_run_all(r, CK_NORMAL); \
		failed = srunner_ntests_failed(r); \
		srunner_free(r); \
		return failed != 0; \
	}

#endif
