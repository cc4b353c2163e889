/* pbctl: one command of the XML interface from a shell. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/pbctl/answer.h"
#include "cmd/pbctl/help.h"
#include "cmd/pbctl/http.h"
#include "cmd/pbctl/request.h"

enum { EXIT_DONE, EXIT_REFUSED, EXIT_NOT_ASKED };

struct options {
	const char *directory, *url, *key;
	int xml;
};

static int complain(const struct err *e)
{
	fprintf(stderr, "pbctl: %s\n", e->text);
	return EXIT_NOT_ASKED;
}

/* -1: go on; else the exit status. */
static int options_parse(int argc, char **argv, struct options *o)
{
	enum { O_DIRECTORY = 1, O_URL, O_KEY, O_HELP, O_VERSION };
	const struct option rows[] = {
		{ "directory", required_argument, NULL, O_DIRECTORY },
		{ "url", required_argument, NULL, O_URL },
		{ "key", required_argument, NULL, O_KEY },
		{ "xml", no_argument, &o->xml, 1 },
		{ "help", no_argument, NULL, O_HELP },
		{ "version", no_argument, NULL, O_VERSION },
		{ NULL, 0, NULL, 0 },
	};
	const char **const texts[] = { NULL, &o->directory, &o->url, &o->key };
	int c;

	while ((c = getopt_long_only(argc, argv, "", rows, NULL)) != -1) {
		if (c == '?') {
			help_usage(stderr);
			return EXIT_NOT_ASKED;
		}
		if (c == O_HELP)
			help_commands(stdout);
		if (c == O_VERSION)
			printf("pbctl %s\n", PB_VERSION);
		if (c == O_HELP || c == O_VERSION)
			return EXIT_DONE;
		if (c > 0)
			*texts[c] = optarg;
	}
	return -1;
}

static int options_check(const struct options *o, struct err *e)
{
	if (o->url && o->directory)
		return err_set(e, "-directory is of this machine, -url of another: one of them");
	if (o->url && !o->key)
		return err_set(e, "-url needs -key, the access key of that service");
	if (o->key && !o->url)
		return err_set(e, "-key needs -url; on this machine no key is needed");
	return 0;
}

static int help(int n, char *const *words)
{
	if (n == 0) {
		help_commands(stdout);
		return EXIT_DONE;
	}
	if (n == 1 && help_command(stdout, str_z(words[0])))
		return EXIT_DONE;
	fprintf(stderr, "pbctl: no such command: %s\n", words[n - 1]);
	return EXIT_NOT_ASKED;
}

/* What came back, to people or as it is. */
static int show(const struct options *o, const char *command, const struct http_answer *a)
{
	enum answer_status status = ANSWER_ERROR;
	struct err why;
	int rc = answer_print(a->body, o->xml ? NULL : stdout, &status, &why);

	if (rc) {
		fprintf(stderr, "pbctl: %s (HTTP %u)\n", why.text, a->status);
		return EXIT_NOT_ASKED;
	}
	if (o->xml)
		(void)fwrite(a->body.p, 1, a->body.n, stdout); /* main looks at ferror */
	if (status == ANSWER_OK)
		return EXIT_DONE;
	fprintf(stderr, "pbctl: %s: %s\n", command, why.text);
	return EXIT_REFUSED;
}

static int ask(const struct options *o, const char *command, char *const *words, int n)
{
	struct arena arena = ARENA(0);
	struct http_answer answer = { 0 };
	struct buf document = { 0 };
	struct str key = { 0 };
	struct err e;
	int fd, status = EXIT_NOT_ASKED;

	if (o->key && value_read("accesskey", o->key, &arena, &key, &e))
		goto out;
	key = arena_str(&arena, key);
	if (request_build(command, words, n, o->key ? key.p : NULL, &document, &e))
		goto out;
	fd = o->url ? http_tcp(o->url, &e) :
		      http_local(o->directory ? o->directory : "/var/lib/protobalance", &e);
	if (fd < 0 || http_post(fd, buf_str(&document), &answer, &e))
		goto out;
	status = show(o, command, &answer);
	e.text[0] = '\0';
out:
	if (e.text[0])
		complain(&e);
	buf_release(&document);
	buf_release(&answer.text);
	arena_free(&arena);
	return status;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct err e;
	int status = options_parse(argc, argv, &o);

	if (status >= 0)
		return status;
	if (options_check(&o, &e))
		return complain(&e);
	if (optind == argc) {
		help_usage(stderr);
		return EXIT_NOT_ASKED;
	}
	if (strcmp(argv[optind], "help") == 0)
		status = help(argc - optind - 1, argv + optind + 1);
	else
		status = ask(&o, argv[optind], argv + optind + 1, argc - optind - 1);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "pbctl: standard output: %s\n", strerror(errno));
		return EXIT_NOT_ASKED;
	}
	return status;
}
