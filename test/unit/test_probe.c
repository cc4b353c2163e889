/* probe: dialogues with boxes of every kind over real sockets, played line by line, and what is found. */
#include "lib/session/probe.c"

#include <stdlib.h>

#include "unit/sockets.h"
#include "unit/virtual_time.h"

static struct probe *p; /* allocated, so that a use after the end is seen */
static struct topo_cluster cluster;
static struct topo_box box;
static struct sockaddr_in at;
static int listener, conn, dones;
static char heard[4096]; /* what the box has heard and the play has not named yet */
static size_t heard_n;

static void on_done(struct probe *x)
{
	ck_assert_ptr_eq(x, p);
	ck_assert_ptr_null(x->loop);
	dones++;
}

static void up(void)
{
	skew_mono_ms = skew_wall_ms = 0;
	l = loop_new();
	listener = loopback(&at, 4);
	set_nonblocking(listener);
	conn = -1;
	dones = 0;
	heard_n = 0;
	p = mem_zalloc(sizeof(*p));
	cluster = (struct topo_cluster){ .host_name = STR("mx.t") };
	box = (struct topo_box){ .cluster = &cluster, .connect_timeout_ms = AGE };
	ck_assert_int_eq(addr_from_sockaddr((const struct sockaddr *)&at, &box.addr), 0);
}

static void down(void)
{
	probe_end(p);
	probe_end(p); /* it may be repeated */
	if (conn >= 0)
		close(conn);
	if (listener >= 0)
		close(listener);
	free(p);
	loop_free(&l);
}

static void begin(enum protocol protocol, const char *name, const char *password)
{
	box.protocol = protocol;
	box.row.probe_address = str_z(name);
	box.row.probe_password = str_z(password);
	probe_start(p, l, &box, on_done);
	ck_assert_int_eq(dones, 0); /* never from inside */
}

static bool box_accepts(void)
{
	conn = conn < 0 ? accept(listener, NULL, NULL) : conn;
	return conn >= 0;
}

static void box_says(const char *text, size_t n)
{
	int on = 1;

	until(box_accepts());
	setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	ck_assert_int_eq(send(conn, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

static bool box_has_line(void)
{
	ssize_t n = recv(conn, heard + heard_n, sizeof(heard) - 1 - heard_n, MSG_DONTWAIT);

	heard_n += n > 0 ? (size_t)n : 0;
	return memchr(heard, '\n', heard_n) != NULL;
}

static void box_hears(const char *want)
{
	size_t n;

	until(box_accepts());
	until(box_has_line());
	n = (size_t)((char *)memchr(heard, '\n', heard_n) - heard) + 1;
	ck_assert_msg(n >= 2 && n - 2 == strlen(want) && memcmp(heard, want, n - 2) == 0,
		      "%.*s, not %s", (int)n, heard, want);
	memmove(heard, heard + n, heard_n - n);
	heard_n -= n;
}

/* "< what the box says", "> what it hears", "!" it closes, "%" with a reset, "T" 30 s pass */
static void play(const char *const *script)
{
	char line[600];

	for (; *script; script++) {
		const char *s = *script;

		if (*s == '<')
			box_says(line, (size_t)snprintf(line, sizeof(line), "%s\r\n", s + 2));
		else if (*s == '>')
			box_hears(s + 2);
		else if (*s == 'T')
			pass(BOX_CHECK_MS + AGE);
		else {
			until(box_accepts());
			*s == '!' ? (void)close(conn) : reset(conn);
			conn = -1;
		}
	}
}

static const struct {
	enum protocol protocol;
	const char *name;
	const char *script[12];
	enum box_verdict verdict;
	const char *text;
} plays[] = {
	{ PROTO_SMTP,
	  "",
	  { "< 220 b", "> EHLO mx.t", "< 250-b", "< 250-SIZE 1000", "< 250-PIPELINING",
	    "< 250 XFORWARD NAME", "> QUIT" },
	  BOX_WELL,
	  "PIPELINING SIZE XFORWARD" },
	{ PROTO_SMTP,
	  "",
	  { "< 220-b", "< 220 b", "> EHLO mx.t", "< 500 what?", "> HELO mx.t", "< 250 b", "> QUIT" },
	  BOX_WELL,
	  "" },
	{ PROTO_SMTP, "", { "< 220 b", "> EHLO mx.t", "< 500 what?", "> HELO mx.t", "< 502 no" }, BOX_REFUSES, "EHLO: 502 no" },
	{ PROTO_SMTP, "", { "< 220 b", "> EHLO mx.t", "< 421 busy" }, BOX_REFUSES, "EHLO: 421 busy" },
	{ PROTO_SMTP, "", { "< 421 too many" }, BOX_REFUSES, "greeting: 421 too many" },
	{ PROTO_SMTP, "", { "< +OK pop" }, BOX_REFUSES, "greeting: the box does not speak its protocol" },
	{ PROTO_SMTP, "", { "< 554 \x1b[2Jgo\x80" }, BOX_REFUSES, "greeting: 554 ?[2Jgo?" },
	{ PROTO_SMTP, "", { "!" }, BOX_REFUSES, "greeting: the box closed the connection" },
	{ PROTO_SMTP, "", { "< 220 b", "> EHLO mx.t", "%" }, BOX_ILL, "EHLO: Connection reset by peer" },
	{ PROTO_SMTP, "", { "< 220 b", "> EHLO mx.t", "!" }, BOX_REFUSES, "EHLO: the box closed the connection" },
	{ PROTO_SMTP, "", { "< 220 b", "> EHLO mx.t", "T" }, BOX_ILL, "EHLO: no answer in time" },
	{ PROTO_SMTP,
	  "a@t",
	  { "< 220 b", "> EHLO mx.t", "< 250-b", "< 250 AUTH LOGIN PLAIN",
	    "> AUTH PLAIN AGFAdABwdw==", "< 235 ok", "> QUIT" },
	  BOX_WELL,
	  "" },
	{ PROTO_SMTP,
	  "a@t",
	  { "< 220 b", "> EHLO mx.t", "< 250-b", "< 250 AUTH PLAIN", "> AUTH PLAIN AGFAdABwdw==", "< 535 5.7.8 no" },
	  BOX_LOGIN,
	  "AUTH: 535 no" },
	{ PROTO_SMTP, "a@t", { "< 220 b", "> EHLO mx.t", "< 250 b" }, BOX_LOGIN, "AUTH: the box does not offer AUTH PLAIN" },
	{ PROTO_LMTP, "a@t", { "< 220 b", "> LHLO mx.t", "< 250-b", "< 250 8BITMIME", "> QUIT" }, BOX_WELL, "8BITMIME" },
	{ PROTO_LMTP, "", { "< 220 b", "> LHLO mx.t", "< 500 what?" }, BOX_REFUSES, "EHLO: 500 what?" },
	{ PROTO_POP3, "", { "< +OK <1@b>", "> QUIT" }, BOX_WELL, "" },
	{ PROTO_POP3, "", { "< -ERR [SYS/TEMP] full" }, BOX_REFUSES, "greeting: [SYS/TEMP] full" },
	{ PROTO_POP3, "a@t", { "< +OK", "> USER a@t", "< +OK", "> PASS pw", "< +OK 0", "> QUIT" }, BOX_WELL, "" },
	{ PROTO_POP3, "a@t", { "< +OK", "> USER a@t", "< +OK", "> PASS pw", "< -ERR wrong" }, BOX_LOGIN, "PASS: wrong" },
	{ PROTO_POP3, "a@t", { "< +OK", "> USER a@t", "!" }, BOX_LOGIN, "USER: the box closed the connection" },
	{ PROTO_POP3, "a@t", { "< +OK", "> USER a@t", "< +OK", "> PASS pw", "T" }, BOX_LOGIN, "PASS: no answer in time" },
	{ PROTO_IMAP, "a@t", { "< * OK [CAPABILITY IMAP4rev1] b", "> a LOGOUT" }, BOX_WELL, "" },
	{ PROTO_IMAP, "", { "< * PREAUTH b", "> a LOGOUT" }, BOX_WELL, "" },
	{ PROTO_IMAP, "", { "< * BYE full" }, BOX_REFUSES, "greeting: * BYE full" },
	{ PROTO_IMAP, "", { "< 220 b" }, BOX_REFUSES, "greeting: the box does not speak its protocol" },
	{ PROTO_TCP, "", { NULL }, BOX_WELL, "" },
};

START_TEST(what_is_found)
{
	begin(plays[_i].protocol, plays[_i].name, "pw");
	play(plays[_i].script);
	until(dones > 0);
	ck_assert_int_eq(dones, 1);
	ck_assert_int_eq(p->found.verdict, plays[_i].verdict);
	ck_assert_str_eq(p->found.text, plays[_i].text);
	ck_assert_int_gt(p->found.mono_ms, 0);
	ck_assert_int_ge(p->found.took_us, 0);
}
END_TEST

/* A box's answer may come in pieces. */
START_TEST(piecemeal)
{
	static const char greeting[] = "220-one\r\n220 two\r\n", hello[] = "250-b\r\n250 SIZE 77\r\n";

	begin(PROTO_SMTP, "", "");
	for (const char *s = greeting; *s; s++)
		box_says(s, 1);
	box_hears("EHLO mx.t");
	for (const char *s = hello; *s; s++)
		box_says(s, 1);
	until(dones > 0);
	ck_assert_int_eq(p->found.verdict, BOX_WELL);
	ck_assert_uint_eq(p->offer_size, 77);
	ck_assert(p->offer & OFFER_SIZE);
}
END_TEST

START_TEST(nobody_listens)
{
	close(listener);
	listener = -1;
	begin(PROTO_TCP, "", "");
	until(dones > 0);
	ck_assert_int_eq(p->found.verdict, BOX_ILL);
	ck_assert_str_eq(p->found.text, "connect: Connection refused");
}
END_TEST

START_TEST(does_not_connect)
{
	begin(PROTO_SMTP, "", "");
	dial_cancel(&p->dial);
	on_dial(&p->dial, -1, ETIMEDOUT);
	ck_assert_int_eq(p->found.verdict, BOX_ILL);
	ck_assert_str_eq(p->found.text, "connect: Connection timed out");
}
END_TEST

/* We have no descriptor left: that says nothing of the box. */
START_TEST(trouble_of_ours)
{
	begin(PROTO_SMTP, "", "");
	dial_cancel(&p->dial);
	on_dial(&p->dial, -1, EMFILE);
	ck_assert_int_eq(p->found.verdict, BOX_UNSEEN);
	ck_assert_str_eq(p->found.text, "Too many open files");
}
END_TEST

/* Lines without end fill nothing. */
START_TEST(floods)
{
	char big[LIMIT_LEG_IN];

	memset(big, 'x', sizeof(big));
	memcpy(big, _i == 0 ? "220-" : _i == 1 ? "+OK " : "* OK", 4);
	begin(_i == 0 ? PROTO_SMTP : _i == 1 ? PROTO_POP3 : PROTO_IMAP, "", "");
	box_says(big, sizeof(big));
	until(dones > 0);
	ck_assert_int_eq(p->found.verdict, BOX_REFUSES);
	ck_assert_str_eq(p->found.text, "greeting: the box does not speak its protocol");
}
END_TEST

/* A reply longer than the room for it, behind a name and password as long as they may be. */
START_TEST(long_words)
{
	static char name[LIMIT_ADDRESS + 1], password[LIMIT_PASSWORD + 1], line[1100];

	memset(name, 'n', sizeof(name) - 1);
	memset(password, 'p', sizeof(password) - 1);
	begin(PROTO_SMTP, name, password);
	play((const char *const[]){ "< 220 b", "> EHLO mx.t", "< 250-b", "< 250 AUTH PLAIN", NULL });
	until(box_has_line());
	ck_assert_int_eq(memcmp(heard, "AUTH PLAIN ", 11), 0);
	ck_assert_uint_eq(heard_n, 11 + (LIMIT_ADDRESS + LIMIT_PASSWORD + 2 + 2) / 3 * 4 + 2);
	memset(line, 'e', sizeof(line));
	memcpy(line, "535 ", 4);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	box_says(line, sizeof(line));
	until(dones > 0);
	ck_assert_int_eq(p->found.verdict, BOX_LOGIN);
	ck_assert_uint_eq(strlen(p->found.text), BOX_CHECK_TEXT - 1);
}
END_TEST

/* Ended at any point: done() does not come. */
START_TEST(ended)
{
	static const char *const script[] = { "< 220 b", "> EHLO mx.t", "< 250-b",
					      "< 250 AUTH PLAIN", NULL };

	begin(PROTO_SMTP, "a@t", "pw");
	for (int i = 0; i < _i; i++)
		play((const char *const[]){ script[i], NULL });
	probe_end(p);
	memset(p, 0, sizeof(*p));
	pass(10 * AGE);
	for (int i = 0; i < 100; i++)
		loop_turn(l);
	ck_assert_int_eq(dones, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("probe");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed_n;

	tcase_add_checked_fixture(t, up, down);
	tcase_add_loop_test(t, what_is_found, 0, (int)ARRAY_LEN(plays));
	tcase_add_test(t, piecemeal);
	tcase_add_test(t, nobody_listens);
	tcase_add_test(t, does_not_connect);
	tcase_add_test(t, trouble_of_ours);
	tcase_add_loop_test(t, floods, 0, 3);
	tcase_add_test(t, long_words);
	tcase_add_loop_test(t, ended, 0, 5);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed_n = srunner_ntests_failed(r);
	srunner_free(r);
	return failed_n ? EXIT_FAILURE : EXIT_SUCCESS;
}
