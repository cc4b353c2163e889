/* Logins of POP3: each method, right and wrong, cancelled and broken; then the box: what it says,
 * how it fails at each step, and who takes over. */
#include "lib/session/pop3_auth.c"

#include <dirent.h>
#include <unistd.h>

#include "unit/virtual_time.h"

#include "session/pop_stage.h"
#include "session/sasl_client.h"

#define WRONG "S: -ERR [AUTH] wrong name or password"
#define PUT_OFF "S: -ERR [SYS/TEMP] the mailbox cannot be reached now, try again later"
#define JOINS(user, password) \
	"A< +OK box", "A> USER " user, "A< +OK", "A> PASS " password, "A< +OK 2", "S: +OK 2"
#define USER_A "C: USER a@t", "S: +OK", "C: PASS secret"

static void setup(void)
{
	stage_open();
	stage_client("10.11.12.13");
}

/* --- USER and PASS --- */

static const struct {
	const char *user, *password, *account, *gets; /* gets NULL: refused */
} passwords[] = {
	{ "a@t", "secret", "a@t", "secret" },
	{ "A@T", "secret", "a@t", "secret" }, /* the box gets the name that it knows */
	{ "h@t", "secret", "h@t", "secret" },
	{ "n@t", "two  words ", "n@t", "two  words " }, /* blanks count */
	{ "a@t", "Secret", "", NULL },
	{ "a@t", "secret ", "", NULL },
	{ "a@t", "secre", "", NULL },
	{ "h@t", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "", NULL },
	{ "n@t", "two words ", "", NULL },
	{ "n@t", "{PLAIN}two  words ", "", NULL },
	{ "u@t", "secret", "", NULL },
	{ " a@t", "secret", "", NULL },
	{ "a@t", "se\tcret", "", NULL },
};

static void say(const char *verb, const char *rest)
{
	char line[1024];

	snprintf(line, sizeof(line), "%s %.900s", verb, rest);
	stage_feed(&stage.pipes[0], line, "\r\n");
}

static void hear(const char *who, const char *what)
{
	char line[1024];

	snprintf(line, sizeof(line), "%s %s", who, what);
	PLAY(line);
}

START_TEST(user_pass)
{
	say("USER", passwords[_i].user);
	PLAY("S: +OK");
	say("PASS", passwords[_i].password);
	if (!passwords[_i].gets) {
		PLAY("A?", "S=", "T 10000", WRONG, "C: NOOP", "S: +OK");
		return;
	}
	PLAY("A< +OK box");
	hear("A> USER", passwords[_i].account);
	PLAY("A< +OK");
	hear("A> PASS", passwords[_i].gets);
	PLAY("A< +OK 2", "S: +OK 2", "C: STAT", "A> STAT");
}
END_TEST

/* Nothing is no password, also where the box would check. */
START_TEST(empty_passwords)
{
	PLAY("C: USER b@t", "S: +OK", "C: PASS ", "T 10000", WRONG, "C: USER b@t",
	     "S: +OK", "C: PASS", "T 10000", WRONG, "B?");
}
END_TEST

START_TEST(long_names_and_passwords)
{
	char big[400];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	say("USER", big);
	PLAY("S: +OK", "C: PASS secret", "T 10000", WRONG, "C: USER b@t", "S: +OK");
	say("PASS", big);
	PLAY("T 10000", WRONG, "B?");
}
END_TEST

START_TEST(user_is_forgotten)
{
	PLAY("C: USER a@t", "S: +OK", "C: PASS x", "T 10000", WRONG, "C: PASS secret",
	     "S: -ERR say USER first");
}
END_TEST

/* Nothing of the client waits for an answer: what is behind PASS is the box's. */
START_TEST(pipelined)
{
	PLAY("C~ USER a@t\r\nPASS secret\r\nSTAT\r\nRE", "S: +OK", "A< +OK", "A> USER a@t", "A< +OK",
	     "A> PASS secret", "A< +OK 2", "S: +OK 2", "A> STAT", "C~ TR 1\r\n", "A> RETR 1");
}
END_TEST

/* Behind a PASS that fails they are ours. */
START_TEST(pipelined_behind_failure)
{
	PLAY("C~ USER a@t\r\nPASS x\r\nSTAT\r\nUSER a@t\r\nPASS secret\r\nSTAT\r\n", "S: +OK",
	     "S=", "T 10000", WRONG, "S: -ERR command unknown, or it needs a login first",
	     "S: +OK", "T 10000", JOINS("a@t", "secret"), "A> STAT");
}
END_TEST

/* The box's mail may come in one piece with its answer to PASS. */
START_TEST(box_talks_on)
{
	PLAY(USER_A, "A< +OK", "A> USER a@t", "A< +OK", "A> PASS secret",
	     "A+ +OK 2\r\nmore\r\n", "S: +OK 2", "S: more");
}
END_TEST

START_TEST(client_ends_behind_pass)
{
	PLAY("C~ USER a@t\r\nPASS secret\r\nQUIT\r\n", "C!", "S: +OK", "A< +OK",
	     "A> USER a@t", "A< +OK", "A> PASS secret", "A< +OK 2", "S: +OK 2", "A> QUIT",
	     "A< +OK", "S: +OK", "A!", "S!", "A#");
}
END_TEST

START_TEST(utf8)
{
	PLAY("C: UTF8", "S: +OK UTF8 is on", USER_A, "A< +OK", "A> UTF8", "A< -ERR what?",
	     "A> USER a@t", "A< +OK", "A> PASS secret", "A< +OK 2", "S: +OK 2");
}
END_TEST

/* --- tries --- */

START_TEST(tries)
{
	for (int i = 1; i < LIMIT_LOGIN_TRIES; i++)
		PLAY("C: USER a@t", "S: +OK", "C: PASS x", "T 20000", WRONG);
	PLAY("C: USER a@t", "S: +OK", "C: PASS x", "T 20000", WRONG, "S!");
	ck_assert_int_eq(stage_counter(CC_refused_login), LIMIT_LOGIN_TRIES);
}
END_TEST

START_TEST(cannot_be_checked)
{
	PLAY("C: USER e@t", "S: +OK", "C: PASS secret", PUT_OFF, "C: USER s@t", "S: +OK",
	     "C: PASS secret", PUT_OFF, "V-", "C: USER h@t", "S: +OK", "C: PASS secret",
	     "S=", "T 15000", PUT_OFF);
	ck_assert_int_eq(stage_counter(CC_refused_temporary), 3);
	ck_assert_int_eq(stage_counter(CC_refused_login), 0);
}
END_TEST

/* Ended while the password is checked, or while the answer to a wrong one is held back. */
START_TEST(client_leaves)
{
	if (_i)
		PLAY("V-", "C: USER h@t", "S: +OK", "C: PASS secret", "C%", "S!");
	else
		PLAY("C: USER a@t", "S: +OK", "C: PASS x", "S=", "C%", "S!");
}
END_TEST

START_TEST(client_leaves_in_join)
{
	PLAY(USER_A, "A< +OK", "A> USER a@t", "C%", "S!", "A#");
}
END_TEST

/* --- APOP --- */

static void apop(const char *name, const char *password)
{
	char text[512], hex[33];
	uint8_t sum[16];
	int n = snprintf(text, sizeof(text), "%s%s", stage.stamp, password);

	hash_md5((struct str){ text, (size_t)n }, sum);
	hash_hex(sum, 16, hex);
	snprintf(text, sizeof(text), "%s %s", name, hex);
	say("APOP", text);
}

START_TEST(apop_example) /* RFC 1939 7 */
{
	str_copy(stage.session->stamp, sizeof(stage.session->stamp),
		 STR("<1896.697170952@dbc.mtview.ca.us>"));
	PLAY("C: APOP mrose c4c9334bac560ecc979e58001b3e22fb", JOINS("mrose", "tanstaaf"));
}
END_TEST

START_TEST(apop_real)
{
	apop("A@t", "secret");
	PLAY(JOINS("a@t", "secret"));
}
END_TEST

START_TEST(apop_prefixed)
{
	apop("n@t", "two  words ");
	PLAY(JOINS("n@t", "two  words "));
}
END_TEST

/* Hashed, none, and one that would be two commands: no plain password, no APOP. */
static const char *const apop_wrong[][2] = {
	{ "a@t", "Secret" },
	{ "u@t", "secret" },
	{ "h@t", "secret" },
	{ "b@t", "" },
	{ "h@t", "" },
	{ "u@t", "" },
	{ "h@t", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=" },
	{ "l@t", "line\nDELE 1" },
};

START_TEST(apop_faults)
{
	apop(apop_wrong[_i][0], apop_wrong[_i][1]);
	PLAY("S=", "T 10000", WRONG, "A?", "B?");
}
END_TEST

/* --- AUTH --- */

/* A line with the base64 of bytes behind what. */
static void say64(const char *what, const void *bytes, size_t n)
{
	char line[8400];

	snprintf(line, sizeof(line), "%s%s", what, base64_of(bytes, n));
	stage_feed(&stage.pipes[0], line, "\r\n");
}
#define SAY64(what, lit) say64(what, lit, sizeof(lit) - 1)

/* What the server's challenge holds. */
static struct str challenge(void)
{
	static char raw[4096];
	struct str line = stage_line(&stage.pipes[0], "challenge");
	ptrdiff_t n;

	ck_assert_msg(str_starts(line, STR("+ ")), "no challenge: %.*s", STR_ARG(line));
	n = hash_unb64(str_skip(line, 2), raw, sizeof(raw));
	ck_assert_int_ge(n, 0);
	return (struct str){ raw, (size_t)n };
}

START_TEST(plain)
{
	if (_i == 0) {
		SAY64("AUTH PLAIN ", "\0a@t\0secret");
	} else {
		PLAY(_i == 1 ? "C: auth plain" : "C: AUTH PLAIN =", "S: + ");
		SAY64("", "\0a@t\0secret");
	}
	PLAY(JOINS("a@t", "secret"));
}
END_TEST

START_TEST(plain_hashed)
{
	SAY64("AUTH PLAIN ", "h@t\0h@t\0secret");
	PLAY(JOINS("h@t", "secret"));
}
END_TEST

static const struct {
	const char *bytes;
	size_t n;
} plain_wrong[] = {
#define ROW(lit) \
	{ \
		lit, sizeof(lit) - 1 \
	}
	ROW("\0a@t\0Secret"),
	ROW("\0a@t\0"),
	ROW("\0u@t\0secret"),
	ROW("a@t secret"),
	ROW("b@t\0a@t\0secret"),
	ROW("\0b@t\0x\r\nDELE 1"), /* two commands, for the box */
	ROW("\0b@t\0x\nDELE 1"),
	ROW("\0b@t\0x\x7f"),
	ROW("\0b@t\0x\tx"),
	ROW("\0l@t\0line\nDELE 1"),
	ROW("\0a@t\r\nx\0secret"),
#undef ROW
};

START_TEST(plain_faults)
{
	say64("AUTH PLAIN ", plain_wrong[_i].bytes, plain_wrong[_i].n);
	PLAY("S=", "T 10000", WRONG, "A?", "B?", "C: NOOP", "S: +OK");
}
END_TEST

START_TEST(login)
{
	PLAY("C: AUTH LOGIN", "S: + VXNlciBOYW1l", "C: YUB0",
	     "S: + UGFzc3dvcmQ=", "C: c2VjcmV0", JOINS("a@t", "secret"));
}
END_TEST

START_TEST(login_name_first)
{
	PLAY("C: AUTH LOGIN YUB0", "S: + UGFzc3dvcmQ=", "C: c2VjcmV0", JOINS("a@t", "secret"));
}
END_TEST

/* All at once, without waiting for the challenges: each has its own. */
START_TEST(login_pipelined)
{
	PLAY("C~ AUTH LOGIN\r\nYUB0\r\nc2VjcmV0\r\nSTAT\r\n", "S: + VXNlciBOYW1l",
	     "S: + UGFzc3dvcmQ=", JOINS("a@t", "secret"), "A> STAT");
}
END_TEST

START_TEST(login_wrong)
{
	PLAY("C: AUTH LOGIN", "S: + VXNlciBOYW1l", "C: YUB0", "S: + UGFzc3dvcmQ=", "C: YUB0",
	     "S=", "T 10000", WRONG, USER_A, "T 10000", JOINS("a@t", "secret"));
}
END_TEST

START_TEST(cancelled)
{
	PLAY("C: AUTH LOGIN", "S: + VXNlciBOYW1l", "C: *", "S: -ERR AUTH cancelled",
	     "C: AUTH LOGIN", "S: + VXNlciBOYW1l", "C: YUB0", "S: + UGFzc3dvcmQ=", "C: *",
	     "S: -ERR AUTH cancelled", USER_A, JOINS("a@t", "secret"));
}
END_TEST

static const char *const not_base64[] = { "YUB",   "YUB=", "Y=B0", "YU B0", "YUB0=",
					  "YUB0 ", "YR==", "====", "**",    "-ERR" };

START_TEST(base64_faults)
{
	PLAY("C: AUTH LOGIN", "S: + VXNlciBOYW1l");
	stage_feed(&stage.pipes[0], not_base64[_i], "\r\n");
	PLAY("S: -ERR not base64", "C: NOOP", "S: +OK", USER_A, JOINS("a@t", "secret"));
}
END_TEST

/* The longest line that is one; what it says is nobody's password. */
START_TEST(long_exchange)
{
	char raw[1533], *line;

	memset(raw, 'x', sizeof(raw));
	raw[0] = '\0';
	raw[4] = '\0';
	line = strdup(base64_of(raw, sizeof(raw)));
	ck_assert_uint_lt(strlen(line), LIMIT_COMMAND_LINE - 2);
	PLAY("C: AUTH PLAIN", "S: + ");
	stage_feed(&stage.pipes[0], line, "\r\n");
	PLAY("S=", "T 10000", WRONG);
	free(line);
}
END_TEST

START_TEST(cram_md5)
{
	const char *answer;

	PLAY("C: AUTH CRAM-MD5");
	answer = cram_answer("tim", _i ? "tanstaaf" : "tanstaaftanstaaf", challenge());
	say64("", answer, strlen(answer));
	if (_i)
		PLAY("S=", "T 10000", WRONG, "A?");
	else
		PLAY(JOINS("tim", "tanstaaftanstaaf"));
}
END_TEST

/* Who has no plain password fails as one with another. */
static const char *const not_plain[][2] = {
	{ "u@t", "" }, { "h@t", "secret" },	  { "h@t", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=" },
	{ "b@t", "" }, { "l@t", "line\nDELE 1" },
};

START_TEST(cram_not_plain)
{
	const char *answer;

	PLAY("C: AUTH CRAM-MD5");
	answer = cram_answer(not_plain[_i][0], not_plain[_i][1], challenge());
	say64("", answer, strlen(answer));
	PLAY("S=", "T 10000", WRONG, "A?", "B?");
}
END_TEST

/* Up to the client's proof. */
static void scram(struct scram_client *c, const char *user, const char *password, bool initial)
{
	const char *text = scram_first(c, user, password, "rOprNGfwEbeRWgbNEkqO");

	if (initial) {
		say64("AUTH SCRAM-SHA-256 ", text, strlen(text));
	} else {
		PLAY("C: AUTH SCRAM-SHA-256", "S: + ");
		say64("", text, strlen(text));
	}
	text = scram_last(c, challenge());
	say64("", text, strlen(text));
}

START_TEST(scram_right)
{
	struct scram_client c;
	char want[100];

	scram(&c, "user", "pencil", _i & 1);
	snprintf(want, sizeof(want), "v=%s", c.signature);
	ck_assert(str_eq(challenge(), str_z(want)));
	PLAY("A?"); /* the client has the last word: it may not believe us */
	if (_i & 2)
		PLAY("C: *", "S: -ERR AUTH cancelled");
	else
		PLAY("C: ", JOINS("user", "pencil"));
}
END_TEST

/* Unknown names run the same course to the same end. */
START_TEST(scram_wrong)
{
	static const char *const wrong[][2] = { { "user", "pencils" },
						{ "u@t", "" },
						{ "h@t", "secret" },
						{ "b@t", "" },
						{ "l@t", "line\nDELE 1" } };
	struct scram_client c;

	scram(&c, wrong[_i][0], wrong[_i][1], true);
	PLAY("S=", "T 10000", WRONG, "A?", "B?");
}
END_TEST

START_TEST(scram_without_verifier)
{
	const char *text;
	struct scram_client c;

	PLAY("V-");
	text = scram_first(&c, _i ? "user" : "e@t", "pencil", "rOprNGfwEbeRWgbNEkqO");
	say64("AUTH SCRAM-SHA-256 ", text, strlen(text));
	PLAY("T 15000", PUT_OFF);
}
END_TEST

/* --- the box --- */

/* What goes wrong at box A; then D takes over. */
static const char *const trouble[][8] = {
	{ "A-" },
	{ "A< -ERR too busy", "A#" },
	{ "A< 220 smtp here", "A#" },
	{ "A+ +OK\r\n+OK\r\n", "A#" },
	{ "A!", "A#" },
	{ "A%", "A#" },
	{ "T 70000", "A#" },
};

/* The same behind its greeting: it may be this mailbox alone. */
static const char *const mailbox_trouble[][8] = {
	{ "A< +OK", "A> USER a@t", "A!", "A#" },
	{ "A< +OK", "A> USER a@t", "A< 250", "A#" },
	{ "A< +OK", "A> USER a@t", "T 130000", "A#" },
	{ "A< +OK", "A> USER a@t", "A+ +OK\r\n+OK\r\n", "A#" },
	{ "A< +OK", "A> USER a@t", "A< +OK", "A> PASS secret", "A%", "A#" },
	{ "A< +OK", "A> USER a@t", "A< +OK", "A> PASS secret", "A+ +O", "A!", "A#" },
	{ "A< +OK", "A> USER a@t", "A< +OK", "A> PASS secret", "T 130000", "A#" },
};

START_TEST(fall_over)
{
	if (trouble[_i][0][1] == '-')
		stage.refuses[0] = true;
	PLAY(USER_A);
	if (trouble[_i][0][1] != '-')
		stage_play(trouble[_i]);
	PLAY("S=", "D< +OK", "D> USER a@t", "D< +OK", "D> PASS secret", "D< +OK 3",
	     "S: +OK 3", "C: STAT", "D> STAT");
	ck_assert_int_eq(counter_box(stage.env.shm, -1, stage.boxes[0].shm, BC_failures), 1);
}
END_TEST

/* The login is put off; the box stays fit for others. */
START_TEST(one_mailbox_fails)
{
	PLAY(USER_A);
	stage_play(mailbox_trouble[_i]);
	PLAY(PUT_OFF, "D?", USER_A, JOINS("a@t", "secret"));
}
END_TEST

/* The next session knows it at once. */
START_TEST(passed_over)
{
	PLAY("A-", USER_A, "D< +OK", "D> USER a@t", "C%", "S!", "D#");
	stage_client("10.11.12.13");
	PLAY(USER_A, "A?", "D< +OK");
}
END_TEST

/* Nobody is left; the client may come back in the same session when one is. */
START_TEST(all_down)
{
	PLAY("A-", "D-", USER_A, PUT_OFF, USER_A, PUT_OFF, "T 10000", USER_A, JOINS("a@t", "secret"));
	ck_assert_int_eq(stage_counter(CC_refused_temporary), 2);
}
END_TEST

START_TEST(no_fallover)
{
	PLAY("B-", "C: USER b@t", "S: +OK", "C: PASS x", PUT_OFF);
}
END_TEST

START_TEST(no_such_box)
{
	PLAY("C: USER o@t", "S: +OK", "C: PASS secret", PUT_OFF);
}
END_TEST

START_TEST(box_is_full)
{
	stage.boxes[1].row.max_sessions = 1;
	ck_assert(take_box_session(stage.env.shm, 0, stage.boxes[1].shm, 1));
	PLAY("C: USER b@t", "S: +OK", "C: PASS x", PUT_OFF, "B?");
	count_box(stage.env.shm, 0, stage.boxes[1].shm, BC_sessions, -1);
	PLAY("C: USER b@t", "S: +OK", "C: PASS x", "B< +OK");
}
END_TEST

/* Words about the mailbox are the client's, whoever checked the password; at any step. */
static const char *const of_mailbox[] = { "[IN-USE] locked", "[LOGIN-DELAY] wait",
					  "[SYS/TEMP] full", "[sys/perm] gone" };

START_TEST(mailbox_words)
{
	char box[80], client[80];

	snprintf(box, sizeof(box), "A< -ERR %s", of_mailbox[_i]);
	snprintf(client, sizeof(client), "S: -ERR %s", of_mailbox[_i]);
	PLAY(USER_A, "A< +OK", "A> USER a@t", box, client, "A#", USER_A, "A< +OK",
	     "A> USER a@t", "A< +OK", "A> PASS secret", box, client, "A#");
	ck_assert_int_eq(stage_counter(CC_refused_box), 2);
}
END_TEST

/* We know the password, the box knows another: not the client's fault, and no delay. */
START_TEST(box_disagrees)
{
	PLAY(USER_A, "A< +OK", "A> USER a@t", "A< +OK", "A> PASS secret", "A< -ERR [AUTH] no",
	     "S: -ERR [SYS/PERM] the mailbox refuses the login; ask your administrator",
	     "A#", "C: NOOP", "S: +OK");
	ck_assert_int_eq(stage_counter(CC_refused_box), 1);
	ck_assert_int_eq(stage_counter(CC_refused_login), 0);
}
END_TEST

#define BOX_CHECKS "C: USER b@t", "S: +OK", "C: PASS some thing", "B< +OK", "B> USER b@t"

START_TEST(box_checks)
{
	PLAY(BOX_CHECKS, "B< +OK", "B> PASS some thing", "B< +OK 2", "S: +OK 2", "C: STAT", "B> STAT");
}
END_TEST

/* Its refusal is a failed login like any: same words, same delay. */
START_TEST(box_checks_refused)
{
	PLAY(BOX_CHECKS, "B< -ERR who?", "S=", "B#", "T 10000", WRONG, BOX_CHECKS,
	     "B< +OK", "B> PASS some thing", "B< -ERR no", "S=", "B#", "T 10000", WRONG);
	ck_assert_int_eq(stage_counter(CC_refused_login), 2);
}
END_TEST

START_TEST(box_checks_in_use)
{
	PLAY(BOX_CHECKS, "B< +OK", "B> PASS some thing", "B< -ERR [IN-USE] locked",
	     "S: -ERR [IN-USE] locked", "B#");
}
END_TEST

/* Control bytes of a box do not reach the client's line or the log. */
START_TEST(box_words_are_clean)
{
	PLAY(USER_A, "A< +OK", "A> USER a@t", "A< -ERR [IN-USE] a\x1b[31mb\tc",
	     "S: -ERR [IN-USE] a?[31mb c");
}
END_TEST

/* --- the traffic log --- */

static char logged[4096];

/* The one file in dir, and no trace of it. */
static void read_log(const char *dir)
{
	char path[300];
	DIR *d = opendir(dir);
	struct dirent *f;
	FILE *in;

	while ((f = readdir(d)) && f->d_name[0] == '.')
		;
	snprintf(path, sizeof(path), "%s/%s", dir, f->d_name);
	in = fopen(path, "r");
	logged[fread(logged, 1, sizeof(logged) - 1, in)] = '\0';
	fclose(in);
	unlink(path);
	closedir(d);
	rmdir(dir);
}

/* Plays with a log, which is then in logged. */
#define PLAY_LOGGED(...)                                                                          \
	do {                                                                                      \
		char dir[] = "/tmp/pb_pop_XXXXXX";                                                \
		struct err e;                                                                     \
                                                                                                  \
		ck_assert_ptr_nonnull(mkdtemp(dir));                                              \
		ck_assert_int_eq(traffic_open(&stage.env.traffic, NULL, dir, &e), 0);             \
		PLAY(__VA_ARGS__);                                                                \
		traffic_close(&stage.env.traffic);                                                \
		read_log(dir);                                                                    \
	} while (0)
#define LOGGED(text) ck_assert_msg(strstr(logged, text) != NULL, "%s", logged)

START_TEST(log_lines)
{
	PLAY_LOGGED("C: USER o@t", "S: +OK", "C: PASS secret", PUT_OFF, "A-", USER_A, "D< +OK",
		    "D> USER a@t", "D< -ERR [IN-USE] x", "S: -ERR [IN-USE] x", "D#", USER_A,
		    "D< +OK", "D> USER a@t", "D< +OK", "D> PASS secret", "D< +OK", "S: +OK", "D!",
		    "C!", "S!");
	LOGGED("login put off user=o@t method=USER box=- - the account's box is not in this cluster\n");
	LOGGED("login tries another box user=a@t method=USER box=A - Connection refused, "
	       "while=\"connect\"\n");
	LOGGED("login refused by box user=a@t method=USER box=D - [IN-USE] x\n");
	LOGGED("login ok user=a@t method=USER box=D\n");
	LOGGED("disconnected reason=\"closed\"");
	ck_assert_ptr_null(strstr(logged, "secret"));
}
END_TEST

/* The client hears the same; the reasons are all in test_login.c. */
START_TEST(refusals_in_the_log)
{
	PLAY_LOGGED("C: USER u@t\x1b", "S: +OK", "C: PASS x", "T 10000", WRONG,
		    "C: USER u@t method=APOP box=A", "S: +OK", "C: PASS x", "T 10000", WRONG,
		    "C: APOP h@t 0123456789abcdef0123456789abcdef", "T 10000", WRONG,
		    "C: USER s@t", "S: +OK", "C: PASS x", PUT_OFF, BOX_CHECKS, "B< -ERR who?",
		    "T 10000", "B#", WRONG);
	LOGGED("login refused user=\"u@t\\x1b\" method=USER box=- - no such account\n");
	LOGGED("login refused user=\"u@t method=APOP box=A\" method=USER box=- - no such account\n");
	LOGGED("login refused user=h@t method=APOP box=- - the password is stored as a hash, which "
	       "APOP cannot use (USER, PLAIN and LOGIN can)\n");
	LOGGED("login put off user=s@t method=USER box=- - the stored password: not a well-formed");
	LOGGED("login refused user=b@t method=USER box=B - the box refuses: who?\n");
}
END_TEST

static void add_login_tests(TCase *t)
{
	tcase_add_loop_test(t, user_pass, 0, (int)ARRAY_LEN(passwords));
	tcase_add_test(t, empty_passwords);
	tcase_add_test(t, long_names_and_passwords);
	tcase_add_test(t, user_is_forgotten);
	tcase_add_test(t, pipelined);
	tcase_add_test(t, pipelined_behind_failure);
	tcase_add_test(t, box_talks_on);
	tcase_add_test(t, client_ends_behind_pass);
	tcase_add_test(t, utf8);
	tcase_add_test(t, tries);
	tcase_add_test(t, cannot_be_checked);
	tcase_add_loop_test(t, client_leaves, 0, 2);
	tcase_add_test(t, client_leaves_in_join);
	tcase_add_test(t, apop_example);
	tcase_add_test(t, apop_real);
	tcase_add_test(t, apop_prefixed);
	tcase_add_loop_test(t, apop_faults, 0, (int)ARRAY_LEN(apop_wrong));
}

static void add_sasl_tests(TCase *t)
{
	tcase_add_loop_test(t, plain, 0, 3);
	tcase_add_test(t, plain_hashed);
	tcase_add_loop_test(t, plain_faults, 0, (int)ARRAY_LEN(plain_wrong));
	tcase_add_test(t, login);
	tcase_add_test(t, login_name_first);
	tcase_add_test(t, login_pipelined);
	tcase_add_test(t, login_wrong);
	tcase_add_test(t, cancelled);
	tcase_add_loop_test(t, base64_faults, 0, (int)ARRAY_LEN(not_base64));
	tcase_add_test(t, long_exchange);
	tcase_add_loop_test(t, cram_md5, 0, 2);
	tcase_add_loop_test(t, cram_not_plain, 0, (int)ARRAY_LEN(not_plain));
	tcase_add_loop_test(t, scram_right, 0, 4);
	tcase_add_loop_test(t, scram_wrong, 0, 5);
	tcase_add_loop_test(t, scram_without_verifier, 0, 2);
}

static void add_box_tests(TCase *t)
{
	tcase_add_loop_test(t, fall_over, 0, (int)ARRAY_LEN(trouble));
	tcase_add_loop_test(t, one_mailbox_fails, 0, (int)ARRAY_LEN(mailbox_trouble));
	tcase_add_test(t, passed_over);
	tcase_add_test(t, all_down);
	tcase_add_test(t, no_fallover);
	tcase_add_test(t, no_such_box);
	tcase_add_test(t, box_is_full);
	tcase_add_loop_test(t, mailbox_words, 0, (int)ARRAY_LEN(of_mailbox));
	tcase_add_test(t, box_disagrees);
	tcase_add_test(t, box_checks);
	tcase_add_test(t, box_checks_refused);
	tcase_add_test(t, box_checks_in_use);
	tcase_add_test(t, box_words_are_clean);
	tcase_add_test(t, log_lines);
	tcase_add_test(t, refusals_in_the_log);
}

int main(void)
{
	Suite *s = suite_create("pop3_auth");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, stage_close);
	add_login_tests(t);
	add_sasl_tests(t);
	add_box_tests(t);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
