/* pbctl: protobalance for people at a shell. */
#include <errno.h>

#include "admin/command.h"
#include "cmd/pbctl/complete.h"
#include "cmd/pbctl/help.h"
#include "cmd/pbctl/near.h"
#include "cmd/pbctl/show.h"
#include "cmd/pbctl/verbs.h"

static int usage(void)
{
	help_usage(stderr);
	return EXIT_NOT_ASKED;
}

static int help(int n, char *const *words)
{
	if (n == 0) {
		help_all(stdout);
		return EXIT_DONE;
	}
	if (help_words(stdout, n, words))
		return EXIT_DONE;
	fprintf(stderr, "pbctl: no such verb or command: %s\n", words[0]);
	return EXIT_NOT_ASKED;
}

/* The verb or command that was probably meant. */
static struct str nearest(int n, char *const *words, struct arena *a)
{
	struct str typed = n > 1 ? arena_printf(a, "%s %s", words[0], words[1]) : str_z(words[0]);
	struct near near = { .typed = typed }, first = { .typed = str_z(words[0]) };

	for (const struct verb *v = verbs; v->words; v++) {
		near_offer(&near, str_z(v->words));
		near_offer(&first, str_z(v->words));
	}
	for (const struct command *c = commands; c->name; c++)
		near_offer(&first, str_z(c->name));
	return near.found.n ? near.found : first.found;
}

static int no_such(int n, char *const *words)
{
	struct arena a = ARENA(0);
	struct str near = nearest(n, words, &a);

	fprintf(stderr, "pbctl: no such verb or command: %s%s%s%s%.*s%s (pbctl help lists them)\n",
		words[0], n > 1 ? " " : "", n > 1 ? words[1] : "",
		near.n ? "; did you mean " : "", STR_ARG(near), near.n ? "?" : "");
	arena_free(&a);
	return EXIT_NOT_ASKED;
}

static int run_verb(struct ctl *c, const struct verb *v, int n, char *const *words)
{
	struct call_words w;
	struct err e = { "" };
	int status;

	c->verb = v->words;
	status = call_parse(v, &c->o, n, words, &w, &e) ? -1 : v->run(c, &w, &e);

	request_free(&w.request);
	return status < 0 ? ctl_complain(&e) : status;
}

/* A command of the XML interface, and tag=value words. */
static int run_raw(struct ctl *c, int n, char *const *words)
{
	const struct verb raw = { .words = words[0], .slots = "", .options = "", .command = words[0] };
	struct call_words w = { .verb = &raw };
	struct err e = { "" };
	int status = 0;

	request_init(&w.request, words[0]);
	for (int i = 1; i < n && status == 0; i++)
		status = request_word(&w.request, words[i], &e);
	if (status == 0)
		status = verb_ask(c, &w, &e);
	request_free(&w.request);
	return status < 0 ? ctl_complain(&e) : status;
}

static int run(struct ctl *c, int n, char *const *words)
{
	int used;
	const struct verb *v = verb_find(n, words, &used);

	if (v)
		return run_verb(c, v, n - used, words + used);
	if (command_find(str_z(words[0])))
		return run_raw(c, n, words);
	return no_such(n, words);
}

static int serve(const struct options *o, int n, char *const *words)
{
	struct ctl c;
	struct err e;
	int status;

	if (options_check(o, &e) || ctl_open(&c, o, &e))
		return ctl_complain(&e);
	status = run(&c, n, words);
	ctl_close(&c);
	return status;
}

static int dispatch(const struct options *o, int n, char *const *words)
{
	if (o->version) {
		printf("pbctl %s\n", PB_VERSION);
		return EXIT_DONE;
	}
	if (o->help)
		return help(n, words);
	if (n == 0)
		return usage();
	if (strcmp(words[0], "help") == 0)
		return help(n - 1, words + 1);
	if (n >= 2 && strcmp(words[0], "completion") == 0 && strcmp(words[1], "words") == 0)
		return complete_words(stdout, n - 2, words + 2);
	return serve(o, n, words);
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	int first, status;

	if (options_parse(argc, argv, &o, &first))
		return usage();
	status = dispatch(&o, argc - first, argv + first);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "pbctl: standard output: %s\n", strerror(errno));
		return EXIT_NOT_ASKED;
	}
	return status;
}
