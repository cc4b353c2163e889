/* pbctl/request: from words to a document; values from files, standard input, a terminal. */
#include "cmd/pbctl/request.c"
#include "cmd/pbctl/file.c"
#include "cmd/pbctl/tags.c"
#include "cmd/pbctl/terminal.c"

#include <check.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <utmp.h>

#define LONGER "x234567890123456789012345678901234567890123456789012345678901234567890"

static char file[] = "/tmp/pb_test_pbctl.XXXXXX";

static void write_file(struct str s)
{
	int fd = open(file, O_WRONLY | O_TRUNC);

	ck_assert_int_eq(write(fd, s.p, s.n), (ssize_t)s.n);
	close(fd);
}

/* --- requests --- */

static const struct {
	const char *command, *key;
	const char *words[5];
	const char *want; /* the document; or with failure, part of the text */
	bool fails;
} requests[] = {
	{ "vacuum", NULL, { 0 }, "<vacuum>\n</vacuum>\n", false },
	{ "getemail",
	  "k&y",
	  { "email_address=@example.com" },
	  "<getemail>\n  <accesskey>k&amp;y</accesskey>\n"
	  "  <email_address>@example.com</email_address>\n</getemail>\n",
	  false },
	{ "green", NULL, { "clusterid=C", "boxid=" }, "<green>\n  <clusterid>C</clusterid>\n  <boxid></boxid>\n</green>\n", false },
	{ "searchemail", NULL, { "query=@a=b<c" }, "<searchemail>\n  <query>@a=b&lt;c</query>\n</searchemail>\n", false },
	{ "addbox", NULL, { "boxid=-" }, "<addbox>\n  <boxid>-</boxid>\n</addbox>\n", false },
	{ "addbox", NULL, { "comment=@@home" }, "<addbox>\n  <comment>@home</comment>\n</addbox>\n", false },
	{ "addbox", NULL, { "comment=\xc3\xa4 \xef\xbf\xbd" }, "<addbox>\n  <comment>\xc3\xa4 \xef\xbf\xbd</comment>\n</addbox>\n", false },
	{ "", NULL, { 0 }, "not a command", true },
	{ "a b", NULL, { 0 }, "not a command: a b", true },
	{ "1a", NULL, { 0 }, "not a command: 1a", true },
	{ "green", NULL, { "clusterid" }, "not of the form tag=value: clusterid", true },
	{ "green", NULL, { "a", "=b" }, "not of the form tag=value: a", true },
	{ "green", NULL, { "a=1", "b=2", "a=3" }, "a is given twice", true },
	{ "green", NULL, { "=b" }, "not of the form tag=value: =b", true },
	{ "green", NULL, { "a><b=c" }, "not of the form tag=value", true },
	{ "green", NULL, { "a=\x01" }, "a: the value is not plain text", true },
	{ "green", NULL, { "a=\xe4" }, "a: the value is not plain text", true },
	{ "addbox", NULL, { "comment=@/nonexistent/file" }, "/nonexistent/file: No such file", true },
};

/* The document that the words make; -1 and the reason. */
static int build(const char *command, const char *const *words, const char *key,
		 struct buf *out, struct err *e)
{
	struct request r;
	int rc = 0;

	request_init(&r, command);
	for (; *words && rc == 0; words++)
		rc = request_word(&r, *words, e);
	if (rc == 0)
		rc = request_document(&r, str_z(key), out, e);
	request_free(&r);
	return rc;
}

START_TEST(request)
{
	struct err e = { "" };
	struct buf out;
	int rc = build(requests[_i].command, requests[_i].words, requests[_i].key, &out, &e);

	ck_assert_msg((rc != 0) == requests[_i].fails, "%s", e.text);
	if (rc) {
		ck_assert_msg(strstr(e.text, requests[_i].want) != NULL, "%s", e.text);
		return;
	}
	ck_assert_int_eq(buf_addc(&out, '\0'), 0);
	ck_assert_str_eq(out.mem, requests[_i].want);
	buf_release(&out);
}
END_TEST

START_TEST(set_and_get)
{
	struct request r;
	char text[] = "MAIL1";

	request_init(&r, "addbox");
	ck_assert_ptr_null(request_get(&r, STR("boxid")));
	request_set(&r, "boxid", str_z(text));
	text[4] = '9'; /* it was copied */
	ck_assert(str_eq(*request_get(&r, STR("boxid")), STR("MAIL1")));
	request_set(&r, "boxid", STR("MAIL2"));
	ck_assert(str_eq(*request_get(&r, STR("boxid")), STR("MAIL2")));
	ck_assert_uint_eq(r.n, 1);
	request_free(&r);
}
END_TEST

START_TEST(too_many)
{
	struct request r;
	struct err e = { "" };
	char word[32];
	int rc = 0, n = 0;

	request_init(&r, "addbox");
	while (rc == 0 && n < 1000) {
		snprintf(word, sizeof(word), "t%d=", n++);
		rc = request_word(&r, word, &e);
	}
	ck_assert_int_eq(n, LIMIT_XML_CHILDREN + 1);
	ck_assert_ptr_nonnull(strstr(e.text, "more than 128 parameters"));
	request_free(&r);
}
END_TEST

static const struct {
	const char *tag;
	struct str in, want;
} files[] = {
	{ "user_password", STR_INIT("secret\n"), STR_INIT("secret") },
	{ "user_password", STR_INIT("secret"), STR_INIT("secret") },
	{ "auto_reply_body", STR_INIT("one\ntwo\n\n"), STR_INIT("one\ntwo\n") },
	{ "relay_ranges", STR_INIT(""), STR_INIT("") },
	{ "alias_list", STR_INIT("a@b.cc,\nc@d.ee\n"), STR_INIT("a@b.cc,\nc@d.ee") },
	{ "accesskey", STR_INIT("k\n"), STR_INIT("k") },
	{ "new_accesskey", STR_INIT("k\n"), STR_INIT("k") },
};

static void check_value(const char *tag, const char *text, struct str want)
{
	struct arena a = ARENA(0);
	struct str got = { 0 };
	struct err e = { "" };

	ck_assert_msg(value_read(tag, text, &a, &got, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(got.n, want.n);
	ck_assert_mem_eq(got.p, want.p, want.n);
	arena_free(&a);
}

START_TEST(value_from_file)
{
	char text[64];
	int fd;

	write_file(files[_i].in);
	snprintf(text, sizeof(text), "@%s", file);
	check_value(files[_i].tag, text, files[_i].want);
	fd = open(file, O_RDONLY);
	ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	close(fd);
	check_value(files[_i].tag, "-", files[_i].want);
}
END_TEST

/* Keys of rows, addresses and queries stand as they are. */
START_TEST(value_as_it_stands)
{
	static const char *const tags[] = { "email_address", "alias_address", "clusterid",
					    "query",	     "match",	      "address",
					    "listen_port" };

	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		check_value(tags[i], "@/etc/passwd", STR("@/etc/passwd"));
		check_value(tags[i], "-", STR("-"));
		check_value(tags[i], "@@a", STR("@@a"));
	}
}
END_TEST

START_TEST(value_too_long)
{
	struct arena a = ARENA(0);
	struct str got, most = { mem_zalloc(LIMIT_XML_BODY + 1), LIMIT_XML_BODY + 1 };
	struct err e = { "" };
	struct buf out;
	const char *words[] = { NULL, NULL };
	char word[64];

	memset((char *)(uintptr_t)most.p, 'x', most.n);
	write_file(most);
	snprintf(word, sizeof(word), "@%s", file);
	ck_assert_int_eq(value_read("comment", word, &a, &got, &e), -1);
	most.n = LIMIT_XML_BODY - 10;
	write_file(most);
	snprintf(word, sizeof(word), "comment=@%s", file);
	words[0] = word;
	ck_assert_int_eq(build("addbox", words, NULL, &out, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "longer than a request may be"));
	free((char *)(uintptr_t)most.p);
	arena_free(&a);
}
END_TEST

/* --- a person at a terminal --- */

static const struct {
	const char *typed;
	int exit, signal;
} typing[] = {
	{ "s3cret\n", 0, 0 },
	{ "other\n", 1, 0 },
	{ LONGER LONGER LONGER LONGER "\n", 2, 0 }, /* longer than any password */
	{ "\x04", 2, 0 },			    /* end of file */
	{ "s3c\x03", 0, SIGINT },
};

/* The child, whose standard streams are the terminal. */
static void answer_prompt(void)
{
	struct arena a = ARENA(0);
	struct str got;
	struct err e;

	if (value_read("accesskey", "-", &a, &got, &e))
		_exit(2);
	_exit(!str_eq(got, STR("s3cret")));
}

START_TEST(asked_without_echo)
{
	char shown[256] = "", c;
	struct termios t;
	int master, slave, status;
	size_t n = 0;
	pid_t pid;

	ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
	pid = fork();
	if (pid == 0) {
		close(master);
		signal(SIGINT, SIG_DFL); /* Check has its own */
		if (login_tty(slave) == 0)
			answer_prompt();
		_exit(3);
	}
	while (n < 200 && !strstr(shown, ": ") && read(master, &c, 1) == 1)
		shown[n++] = c;
	do /* the prompt comes first */
		ck_assert_int_eq(tcgetattr(slave, &t), 0);
	while (t.c_lflag & ECHO);
	ck_assert_int_gt(write(master, typing[_i].typed, strlen(typing[_i].typed)), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WIFSIGNALED(status) ? WTERMSIG(status) : 0, typing[_i].signal);
	if (!typing[_i].signal)
		ck_assert_int_eq(WEXITSTATUS(status), typing[_i].exit);
	ck_assert_int_eq(tcgetattr(slave, &t), 0);
	ck_assert(t.c_lflag & ECHO);
	n += (size_t)read(master, shown + n, sizeof(shown) - n - 1);
	ck_assert_str_eq(shown, "accesskey: \r\n");
	close(master);
	close(slave);
}
END_TEST

/* --- files --- */

START_TEST(file_of_another)
{
	char name[64];
	struct buf b;
	struct err e = { "" };

	write_file(STR("text"));
	ck_assert_msg(file_read_of_other(file, 4, &b, &e) == 0, "%s", e.text);
	ck_assert(str_eq(buf_str(&b), STR("text")));
	buf_release(&b);
	ck_assert_int_eq(file_read_of_other(file, 3, &b, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "longer than 3 bytes"));
	snprintf(name, sizeof(name), "%s.link", file);
	ck_assert_int_eq(symlink(file, name), 0);
	ck_assert_int_eq(file_read_of_other(name, 4, &b, &e), -1);
	unlink(name);
	ck_assert_int_eq(mkfifo(name, 0600), 0);
	ck_assert_int_eq(file_read_of_other(name, 4, &b, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "is not a file"));
	unlink(name);
	ck_assert_int_eq(file_read_of_other(name, 4, &b, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "No such file"));
}
END_TEST

START_TEST(file_in_place_of_another)
{
	char name[64];
	struct stat st;
	struct buf b;
	struct err e = { "" };

	write_file(STR("old"));
	chmod(file, 0644);
	ck_assert_msg(file_replace(file, STR("new"), NULL, &e) == 0, "%s", e.text);
	ck_assert_int_eq(stat(file, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(file_read(file, 100, &b, &e), 0);
	ck_assert(str_eq(buf_str(&b), STR("new")));
	buf_release(&b);
	snprintf(name, sizeof(name), "%s.link", file); /* as /dev/stdout is one to a terminal */
	ck_assert_int_eq(symlink("/dev/null", name), 0);
	ck_assert_int_eq(file_replace(name, STR("new"), NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "is not a file"));
	ck_assert_int_eq(lstat(name, &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	unlink(name);
	ck_assert_int_eq(file_replace("/nonexistent/file", STR("new"), NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "/nonexistent/file: No such file"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pbctl_request");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	close(mkstemp(file));
	tcase_add_loop_test(t, request, 0, ARRAY_LEN(requests));
	tcase_add_test(t, set_and_get);
	tcase_add_test(t, too_many);
	tcase_add_loop_test(t, value_from_file, 0, ARRAY_LEN(files));
	tcase_add_test(t, value_as_it_stands);
	tcase_add_test(t, value_too_long);
	tcase_add_loop_test(t, asked_without_echo, 0, ARRAY_LEN(typing));
	tcase_add_test(t, file_of_another);
	tcase_add_test(t, file_in_place_of_another);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	unlink(file);
	return failed ? 1 : 0;
}
