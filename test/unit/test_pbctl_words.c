/* pbctl/words, verbs, options: what a command line says. */
#include "cmd/pbctl/words.c"
#include "cmd/pbctl/near.c"
#include "pbctl_verbs.h"

#include <check.h>
#include <stdlib.h>

NOT_RUN(verb_completion)

#define MOST 12

/* Words into argv; the count. */
static int split(const char *line, char *copy, char **argv)
{
	int n = 0;
	char *rest;

	strcpy(copy, line);
	for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		argv[n++] = w;
	argv[n] = NULL;
	return n;
}

static const struct {
	const char *line, *want; /* command tag=value ... word, or the error */
	bool fails;
} lines[] = {
	{ "account add a@b.cc M1", "addnewemail email_address=a@b.cc boxid=M1", false },
	{ "account add a@b.cc", "addnewemail email_address=a@b.cc", false },
	{ "account add user_password=x a@b.cc M1 spam_setting=2",
	  "addnewemail email_address=a@b.cc boxid=M1 user_password=x spam_setting=2", false },
	{ "account add boxid=M2 a@b.cc", "addnewemail email_address=a@b.cc boxid=M2", false },
	{ "account add email_address=a@b.cc M1", "addnewemail boxid=M1 email_address=a@b.cc", false },
	{ "account add x=y@b.cc", "addnewemail email_address=x=y@b.cc", false },
	{ "account add", "account add: ADDRESS is missing", true },
	{ "account add a@b.cc M1 more", "account add: too many words: more", true },
	{ "account add a@b.cc M1 colour=red", "account add takes no parameter colour", true },
	{ "account add a@b.cc M1 spam_seting=2",
	  "account add takes no parameter spam_seting; did you mean spam_setting?", true },
	{ "alias add t@b.cc x@b.cc y@b.cc",
	  "alias add: too many words: y@b.cc (members are separated by commas)", true },
	{ "forget 192.0.2.7", "clearip address=192.0.2.7", false },
	{ "account add a@b.cc boxid=1 boxid=2", "boxid is given twice", true },
	{ "account add a@b.cc -box M1", "account add has no option -box", true },
	{ "account move a@b.cc M2", "moveemail email_address=a@b.cc boxid=M2", false },
	{ "account move --from M1 M2", "moveemail from_boxid=M1 boxid=M2", false },
	{ "account move M2 -from M1", "moveemail from_boxid=M1 boxid=M2", false },
	{ "account move", "account move: BOX is missing", true },
	{ "account list", "searchemail", false },
	{ "account list abc* --box=M1 -all", "searchemail boxid=M1 query=abc*", false },
	{ "alias set t@b.cc rcpt_per_mail=5",
	  "commitmodifyalias alias_address=t@b.cc rcpt_per_mail=5", false },
	{ "alias set t@b.cc x@b.cc,y@b.cc",
	  "commitmodifyalias alias_address=t@b.cc alias_list=x@b.cc,y@b.cc", false },
	{ "cluster add MX smtp 25", "addcluster clusterid=MX type=smtp listen_port=25", false },
	{ "cluster add MX type=smtp 25", "addcluster clusterid=MX listen_port=25 type=smtp", false },
	{ "cluster add MX smtp", "cluster add: PORT is missing", true },
	{ "light MX M1 green", "green clusterid=MX boxid=M1 (green)", false },
	{ "light MX M1", "light: green|yellow|red is missing", true },
	{ "import f.csv --spread A,B -aliases g.csv", " (f.csv)", false },
	{ "import", "", false },
	{ "block 192.0.2.7", "setblockip (192.0.2.7)", false },
	{ "stats", "stats", false },
	{ "trace address=1.2.3.4", "trace address=1.2.3.4", false },
	{ "completion bash", " (bash)", false },
	{ "config export", "exportconfig", false },
	{ "config import -", "importconfig (-)", false },
	{ "set greylist_initial_min=1 nats_url=", "commitmodifyinfo greylist_initial_min=1 nats_url=", false },
};

static void write_call(const struct call_words *w, char *dst, size_t cap)
{
	size_t n = (size_t)snprintf(dst, cap, "%s", w->request.command);

	for (unsigned i = 0; i < w->request.n; i++)
		n += (size_t)snprintf(dst + n, cap - n, " %.*s=%.*s",
				      STR_ARG(w->request.params[i].tag),
				      STR_ARG(w->request.params[i].value));
	if (w->word)
		snprintf(dst + n, cap - n, " (%s)", w->word);
}

START_TEST(one_line)
{
	char copy[256], *argv[MOST + 2] = { (char *)(uintptr_t) "pbctl" }, got[512];
	int argc = 1 + split(lines[_i].line, copy, argv + 1), first, used, rc;
	struct options o = { 0 };
	struct call_words w;
	struct err e = { "" };
	const struct verb *v;

	optind = 0; /* getopt starts anew */
	ck_assert_int_eq(options_parse(argc, argv, &o, &first), 0);
	v = verb_find(argc - first, argv + first, &used);
	ck_assert_ptr_nonnull(v);
	rc = call_parse(v, &o, argc - first - used, argv + first + used, &w, &e);
	ck_assert_msg((rc != 0) == lines[_i].fails, "%s", e.text);
	if (rc == 0)
		write_call(&w, got, sizeof(got));
	ck_assert_str_eq(rc ? e.text : got, lines[_i].want);
	request_free(&w.request);
}
END_TEST

static const struct {
	const char *line, *why; /* NULL: good */
} options[] = {
	{ "-url http://h -key k stats", NULL },
	{ "--url=http://h --key=k stats --json", NULL },
	{ "stats -url https://h -key k -cacert f", NULL },
	{ "-directory d -xml stats", NULL },
	{ "-url http://h", "-url needs -key" },
	{ "-key k", "-key needs -url" },
	{ "-url http://h -key k -directory d", "one of them" },
	{ "-url http://h -key k -cacert f", "-cacert needs -url https://" },
	{ "-cacert f", "-cacert needs" },
	{ "-xml --json", "one of them" },
};

START_TEST(one_option)
{
	char copy[256], *argv[MOST + 2] = { (char *)(uintptr_t) "pbctl" };
	int argc = 1 + split(options[_i].line, copy, argv + 1), first;
	struct options o = { 0 };
	struct err e = { "" };

	optind = 0;
	ck_assert_int_eq(options_parse(argc, argv, &o, &first), 0);
	ck_assert_int_eq(options_check(&o, &e), options[_i].why ? -1 : 0);
	if (options[_i].why)
		ck_assert_msg(strstr(e.text, options[_i].why) != NULL, "%s", e.text);
}
END_TEST

START_TEST(unknown_option)
{
	char *argv[] = { (char *)(uintptr_t) "pbctl", (char *)(uintptr_t) "-colour", NULL };
	struct options o = { 0 };
	int first;

	optind = 0;
	ck_assert_int_eq(options_parse(2, argv, &o, &first), -1);
}
END_TEST

/* --- the table itself --- */

static void check_slots(const struct verb *v)
{
	struct slot s = { .rest = str_z(v->slots) };
	unsigned words = 0;

	while (slot_next(&s)) {
		words += s.tag.n == 0;
		ck_assert_msg(s.tag.n == 0 || command_has(v->command, s.tag), "%s: %.*s",
			      v->words, STR_ARG(s.tag));
	}
	ck_assert_msg(words <= 1, "%s has two slots without a tag", v->words);
}

static void check_options_exist(const struct verb *v)
{
	struct str rest = str_z(v->options), one;

	while (rest.n && str_split(&rest, ' ', &one)) {
		const struct option_info *i = option_infos;

		while (i->name && !str_eq(str_z(i->name), one))
			i++;
		ck_assert_msg(i->name && !i->all, "%s: %.*s", v->words, STR_ARG(one));
	}
}

static void check_examples(const struct verb *v)
{
	struct str rest = str_z(v->examples), line;

	while (str_split(&rest, '\n', &line))
		ck_assert_msg(str_starts(line, str_z(v->words)) || v->words[0] == '\0', "%s", v->words);
}

START_TEST(rows)
{
	for (const struct verb *v = verbs; v->words; v++) {
		ck_assert_msg(!v->command || command_find(str_z(v->command)), "%s", v->words);
		ck_assert_ptr_nonnull(v->run);
		check_slots(v);
		check_options_exist(v);
		check_examples(v);
	}
}
END_TEST

/* Verbs that begin with the same word stand together: help and completion rely upon it. */
START_TEST(together)
{
	for (const struct verb *v = verbs; v->words; v++)
		for (const struct verb *w = v + 1; w->words; w++) {
			size_t n = strcspn(v->words, " ");
			bool same = strncmp(v->words, w->words, n + 1) == 0 && v->words[n];

			if (same)
				ck_assert_msg(strncmp(w[-1].words, w->words, n + 1) == 0,
					      "%s", w->words);
		}
}
END_TEST

START_TEST(finding)
{
	char *words[] = { (char *)(uintptr_t) "account", (char *)(uintptr_t) "add", NULL };
	int used;

	ck_assert_str_eq(verb_find(2, words, &used)->words, "account add");
	ck_assert_int_eq(used, 2);
	ck_assert_ptr_null(verb_find(1, words, &used));
	ck_assert_ptr_null(verb_find(0, words, &used));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pbctl_words");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, one_line, 0, ARRAY_LEN(lines));
	tcase_add_loop_test(t, one_option, 0, ARRAY_LEN(options));
	tcase_add_test(t, unknown_option);
	tcase_add_test(t, rows);
	tcase_add_test(t, together);
	tcase_add_test(t, finding);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
