/* pbctl/complete, help: what may stand next, and what is told about it. */
#include "cmd/pbctl/complete.c"
#include "cmd/pbctl/answer.c"
#include "cmd/pbctl/help.c"
#include "cmd/pbctl/tree.c"
#include "cmd/pbctl/words.c"
#include "cmd/pbctl/near.c"
#include "pbctl_verbs.h"

#include <check.h>
#include <stdlib.h>

NOT_RUN(verb_completion)

/* --- a service that knows three boxes, at -directory there --- */

static unsigned asked;

int ctl_open(struct ctl *c, const struct options *o, struct err *e)
{
	*c = (struct ctl){ .o = *o };
	ck_assert(!o->key || strcmp(o->key, "-") != 0); /* it would be asked for on the terminal */
	return (o->directory && strcmp(o->directory, "there") == 0) || o->key ? 0 : err_set(e, "nobody");
}

void ctl_close(struct ctl *c)
{
	(void)c;
}

void http_patience(struct http *h, unsigned ms)
{
	(void)h;
	ck_assert_uint_le(ms, 1000);
}

int ctl_ask(struct ctl *c, const struct request *r, struct answer *out, struct err *e)
{
	struct buf b;

	(void)c;
	ck_assert_str_eq(r->command, "listclusters");
	asked++;
	buf_init(&b, 4096);
	ck_assert_int_eq(buf_add(&b, STR("<response><status>ok</status><clusters total=\"2\"><cluster><clusterid>MX"
					 "</clusterid><boxes total=\"2\"><box><clusterid>MX</clusterid><boxid>M1"
					 "</boxid></box><box><clusterid>MX</clusterid><boxid>N2</boxid></box>"
					 "<box><clusterid>MX</clusterid><boxid>$(id)</boxid></box></boxes>"
					 "</cluster><cluster><clusterid>POP</clusterid><boxes total=\"1\"><box>"
					 "<clusterid>POP</clusterid><boxid>M1</boxid></box></boxes></cluster>"
					 "</clusters></response>")),
			 0);
	return answer_parse(&b, out, e);
}

/* "_" stands for an empty last word. */
static char *complete_line(const char *line)
{
	char copy[256], *argv[16], *text = NULL, *rest;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	int argc = 0;

	strcpy(copy, line);
	for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		argv[argc++] = strcmp(w, "_") == 0 ? w + 1 : w;
	ck_assert_int_eq(complete_words(out, argc, argv), EXIT_DONE);
	fclose(out);
	for (char *p = text; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	return text;
}

static const struct {
	const char *line, *want;
} completions[] = {
	{ "acc", "account " },
	{ "account _", "add show set delete list move " },
	{ "account s", "show set " },
	{ "config _", "export import " },
	{ "searchem", "searchemail " },
	{ "stat", "stats " }, /* a verb and a command of one name */
	{ "nosuch _", "" },
	{ "-dir", "-directory " },
	{ "--key", "--key " },
	{ "account list --b", "--box " },
	{ "account list -a", "-all " },
	{ "cluster list -a", "" },
	{ "light _", "" }, /* nobody to ask */
	{ "-directory there light _", "MX POP " },
	{ "-directory there light MX _", "M1 N2 " },
	{ "-directory there light MX M1 _", "green yellow red " },
	{ "light MX M1 y", "yellow " },
	{ "-directory there box show POP N", "N2 " },
	{ "--directory there account list --box N", "N2 " },
	{ "account list --box _", "" },
	{ "-directory there account add a@b.cc M", "M1 " },
	{ "account add a@b.cc M1 mail_", "mail_unlimited= mail_unlimited_expiry= " },
	{ "-directory there account add boxid=M", "boxid=M1 " },
	{ "-directory there box add POP M", "M1 " },
	{ "cluster add MX _", "smtp pop3 imap tcp smtp_host_name= listen_address= " },
	{ "cluster set MX tls=_", "" },
	{ "cluster set MX tls=", "tls=none tls=starttls tls=implicit " },
	{ "cluster set MX tls=s", "tls=starttls " },
	{ "cluster set MX tls_required=", "tls_required=0 tls_required=1 " },
	{ "addcluster type=p", "type=pop3 " },
	{ "addcluster type=pop3 ty", "" }, /* given already */
	{ "-directory there green clusterid=", "clusterid=MX clusterid=POP " },
	{ "-directory there cluster add clusterid=", "" }, /* a new one */
	{ "import _", "" },
	{ "import f --sp", "--spread " },
	{ "completion _", "bash " },
	{ "alias list p", "" },
};

START_TEST(completion)
{
	char *got = complete_line(completions[_i].line);
	size_t n = strlen(completions[_i].want);

	/* a long list of tags is compared at its beginning */
	if (n < 40 || strlen(got) < n)
		n = strlen(got) + 1;
	if (strncmp(completions[_i].want, "smtp pop3", 9) == 0)
		n = strlen(completions[_i].want);
	ck_assert_msg(strncmp(got, completions[_i].want, n) == 0, "%s: \"%s\"",
		      completions[_i].line, got);
	free(got);
}
END_TEST

START_TEST(asks_only_when_names_are_wanted)
{
	free(complete_line("-directory there account _"));
	free(complete_line("-directory there cluster set MX tls="));
	ck_assert_uint_eq(asked, 0);
	free(complete_line("-directory there light _"));
	ck_assert_uint_eq(asked, 1);
}
END_TEST

static const struct {
	const char *key;
	unsigned asks;
} keys[] = { { "k", 1 }, { "@@k", 1 }, { "@/etc/passwd", 1 },
	     { "-", 0 }, { "@/dev/stdin", 0 }, { "@/nonexistent/key", 0 } };

START_TEST(asks_nobody_for_the_key)
{
	char line[128];

	asked = 0;
	snprintf(line, sizeof(line), "-url http://there -key %s light _", keys[_i].key);
	free(complete_line(line));
	ck_assert_uint_eq(asked, keys[_i].asks);
}
END_TEST

/* --- help --- */

static char *help_of(const char *line)
{
	char copy[128], *argv[8], *text = NULL, *rest;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	int argc = 0;
	bool found;

	strcpy(copy, line);
	for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		argv[argc++] = w;
	found = argc == 0 || help_words(out, argc, argv);
	if (argc == 0)
		help_all(out);
	fclose(out);
	if (found)
		return text;
	free(text);
	return NULL;
}

static const struct {
	const char *words, *says[4];
} helps[] = {
	{ "", { "account add ADDRESS [BOX]", "\n  searchemail\n", "-cacert FILE", "3 done" } },
	{ "account", { "account add", "account move [ADDRESS] BOX [-from BOX]", "account list [PATTERN]" } },
	{ "account add",
	  { "pbctl account add ADDRESS [BOX] [tag=value ...]\n", "  user_password\n",
	    "  rcpt_per_mail\n", "; 0 or 1; default 1\n" } },
	{ "box set", { "weight", "share when load is balanced", "1 to 1000" } },
	{ "addcluster", { "  listen_port (required)\n", "default 0.0.0.0", "one of none, starttls,", "  type (required)" } },
	{ "getemail", { "  email_address (required)\n", "show_password", "0 or 1" } },
	{ "stats", { "pbctl stats [SECONDS] [-watch]", "pbctl stats [tag=value ...]", "-watch\n" } },
	{ "light", { "pbctl light CLUSTER BOX green|yellow|red\n", "Examples:" } },
};

START_TEST(help)
{
	char *got = help_of(helps[_i].words);

	ck_assert_ptr_nonnull(got);
	for (size_t i = 0; i < ARRAY_LEN(helps[0].says) && helps[_i].says[i]; i++)
		ck_assert_msg(strstr(got, helps[_i].says[i]) != NULL, "%s\nlacks: %s",
			      got, helps[_i].says[i]);
	free(got);
}
END_TEST

START_TEST(help_in_columns)
{
	char *got = help_of("account"), *rest;

	for (char *line = strtok_r(got, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (!strstr(line, "pbctl "))
			ck_assert_msg(strlen(line) <= 78, "%s", line);
	free(got);
}
END_TEST

START_TEST(no_help)
{
	ck_assert_ptr_null(help_of("nosuch"));
	ck_assert_ptr_null(help_of("account nosuch"));
	ck_assert_ptr_null(help_of("account add more"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pbctl_complete");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, completion, 0, ARRAY_LEN(completions));
	tcase_add_test(t, asks_only_when_names_are_wanted);
	tcase_add_loop_test(t, asks_nobody_for_the_key, 0, ARRAY_LEN(keys));
	tcase_add_loop_test(t, help, 0, ARRAY_LEN(helps));
	tcase_add_test(t, help_in_columns);
	tcase_add_test(t, no_help);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
