#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/limits.h"

#define DEFAULT_DIRECTORY "/var/lib/protobalance"
#define DEFAULT_HTTP "127.0.0.1:8080"
#define DEFAULT_METRICS "127.0.0.0/8,::1"
#define MOST_WORDS 128 /* of a CMDLINE file */

/* name, what its argument is (NULL: a switch, "=0" turns it off again), where, help */
enum option_kind { OPT_SWITCH, OPT_TEXT, OPT_PATH, OPT_COUNT };
static const struct option_row {
	const char *name, *arg;
	enum option_kind kind;
	size_t offset;
	const char *help;
} rows[] = {
	{ "directory", "DIR", OPT_PATH, offsetof(struct options, directory),
	  "where the databases and all state live; default " DEFAULT_DIRECTORY },
	{ "http", "ADDR:PORT", OPT_TEXT, offsetof(struct options, http_text),
	  "where the XML interface listens; default " DEFAULT_HTTP },
	{ "http-cert", "FILE", OPT_PATH, offsetof(struct options, http_cert),
	  "certificates (PEM) of the XML interface, its own first: it speaks TLS alone" },
	{ "http-key", "FILE", OPT_PATH, offsetof(struct options, http_key),
	  "private key (PEM) of -http-cert" },
	{ "metrics", "RANGES", OPT_TEXT, offsetof(struct options, metrics_text),
	  "who may read /healthz and /metrics there, or none; default " DEFAULT_METRICS },
	{ "resolver", "ADDR[:PORT],...", OPT_TEXT, offsetof(struct options, resolver),
	  "name servers for DNS lists and reverse names; default: those of /etc/resolv.conf" },
	{ "shared", NULL, OPT_SWITCH, offsetof(struct options, shared),
	  "a worker process for each core, instead of one" },
	{ "workers", "N", OPT_COUNT, offsetof(struct options, workers),
	  "that many worker processes (1 to 64); implies -shared" },
	{ "watchdog", NULL, OPT_SWITCH, offsetof(struct options, watchdog),
	  "a parent process that starts everything anew should the supervisor die" },
	{ "daemon", NULL, OPT_SWITCH, offsetof(struct options, daemon),
	  "go to the background once everything runs" },
	{ "pidfile", "FILE", OPT_PATH, offsetof(struct options, pidfile),
	  "write the process id of the process to be signalled there" },
	{ "user", "NAME", OPT_TEXT, offsetof(struct options, user),
	  "run all processes but the supervisor as this user" },
	{ "logfile", "FILE", OPT_PATH, offsetof(struct options, logfile),
	  "error log; default: standard error" },
	{ "monthly", "DIR", OPT_PATH, offsetof(struct options, monthly),
	  "traffic log there, a file a month (2026-11)" },
	{ "daily", "DIR", OPT_PATH, offsetof(struct options, daily),
	  "traffic log there, a file a day (2026-11-23)" },
	{ "version", NULL, OPT_SWITCH, offsetof(struct options, version), "print the version" },
	{ "help", NULL, OPT_SWITCH, offsetof(struct options, help), "print this text" },
};

static void *place(struct options *o, const struct option_row *r)
{
	return (char *)o + r->offset;
}

static int set_path(char **dst, const char *text, struct err *e)
{
	char cwd[PATH_MAX], whole[2 * PATH_MAX];

	if (!getcwd(cwd, sizeof(cwd)))
		return err_errno(e, "current directory");
	if (strlen(text) >= PATH_MAX || !text[0])
		return err_set(e, "path is empty or too long");
	snprintf(whole, sizeof(whole), "%s%s%s", text[0] == '/' ? "" : cwd,
		 text[0] == '/' ? "" : "/", text);
	free(*dst);
	*dst = mem_dup(str_z(whole));
	return 0;
}

static int set_value(struct options *o, const struct option_row *r, const char *text, struct err *e)
{
	uint64_t n;

	switch (r->kind) {
	case OPT_SWITCH:
		if (text && strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
			return err_set(e, "-%s is a switch: -%s, -%s=1 or -%s=0", r->name, r->name,
				       r->name, r->name);
		*(bool *)place(o, r) = !text || text[0] == '1';
		return 0;
	case OPT_COUNT:
		if (str_u64(str_z(text), 1, MAX_WORKERS, &n) < 0)
			return err_set(e, "-%s %s: a number from 1 to %d is wanted", r->name, text,
				       MAX_WORKERS);
		*(unsigned *)place(o, r) = (unsigned)n;
		o->shared = true; /* -workers is the only count; a later -shared=0 wins */
		return 0;
	case OPT_PATH:
		if (set_path(place(o, r), text, e) < 0)
			return err_wrap(e, "-%s %.60s", r->name, text);
		return 0;
	case OPT_TEXT:
		free(*(char **)place(o, r));
		*(char **)place(o, r) = mem_dup(str_z(text));
		return 0;
	}
	bug("option kind %d", (int)r->kind);
}

/* One list of words; what comes later wins. where: "" or the file, for errors. */
static int parse(struct options *o, int argc, char **argv, const char *where, struct err *e)
{
	struct option longs[ARRAY_LEN(rows) + 1] = { { 0 } };
	int at, c;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		longs[i] = (struct option){ rows[i].name,
					    rows[i].arg ? required_argument : optional_argument,
					    NULL, 0 };
	optind = 0; /* getopt starts afresh */
	opterr = 0;
	while ((c = getopt_long_only(argc, argv, ":", longs, &at)) != -1) {
		if (c == ':')
			return err_set(e, "%s%s needs an argument; see -help", where,
				       argv[optind - 1]);
		if (c != 0)
			return err_set(e, "%sno such option: %s; see -help", where,
				       argv[optind - 1]);
		if (set_value(o, &rows[at], optarg, e) < 0)
			return err_wrap(e, "%s", where[0] ? where : "command line");
	}
	if (optind < argc)
		return err_set(e, "%sno such argument: %s; see -help", where, argv[optind]);
	return 0;
}

/* DIR may be -user's, who must not tell root what to do. */
static int trusted(FILE *f, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fileno(f), &st) < 0)
		return err_errno(e, "%s", path);
	if (geteuid() == 0 && (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH))))
		return err_set(e, "%s: belongs to somebody else than root, or others may write it", path);
	return 0;
}

/* The text of a file, as long as cap at most; empty when there is none. */
static int read_text(const char *path, char *text, size_t cap, struct err *e)
{
	FILE *f = fopen(path, "re");
	size_t n;
	int rc;

	text[0] = '\0';
	if (!f)
		return errno == ENOENT ? 0 : err_errno(e, "%s", path);
	rc = trusted(f, path, e);
	n = rc < 0 ? 0 : fread(text, 1, cap, f);
	if (ferror(f))
		rc = err_errno(e, "%s", path);
	else if (n == cap)
		rc = err_set(e, "%s: too long", path);
	text[n < cap ? n : 0] = '\0';
	fclose(f);
	return rc;
}

/* Cuts text into words behind words[0], # to the end of its line is none; how many there are
 * then, at most one more than MOST_WORDS + 1. */
static int split_words(char *text, char *words[MOST_WORDS + 3])
{
	char *word;
	int n = 1;

	for (char *c = text, comment = 0; *c; c++) {
		comment = (char)(*c == '#' ? 1 : *c == '\n' ? 0 : comment);
		*c = comment ? ' ' : *c;
	}
	while ((word = strsep(&text, " \t\r\n")))
		if (*word && n <= MOST_WORDS + 1)
			words[n++] = word;
	return n;
}

/* The words of DIR/CMDLINE: blank separated, any number of lines, # to the end of its line. */
static int read_file(struct options *o, struct err *e)
{
	static char text[16384];
	char path[PATH_MAX], *words[MOST_WORDS + 3] = { "CMDLINE" };
	int n;

	snprintf(path, sizeof(path), "%s/CMDLINE", o->directory);
	if (read_text(path, text, sizeof(text), e) < 0)
		return -1;
	n = split_words(text, words);
	if (n > MOST_WORDS + 1)
		return err_set(e, "%s: too long", path);
	if (parse(o, n, words, "CMDLINE: ", e) < 0)
		return -1;
	if (strncmp(path, o->directory, strlen(o->directory)) != 0 ||
	    strcmp(path + strlen(o->directory), "/CMDLINE") != 0)
		return err_set(e, "CMDLINE: -directory cannot stand there: it is in the directory");
	return 0;
}

/* "8080" is a port on loopback. */
static int read_http(struct options *o, struct err *e)
{
	uint64_t port;

	if (str_u64(str_z(o->http_text), 1, 65535, &port) == 0) {
		char text[32];

		snprintf(text, sizeof(text), "127.0.0.1:%u", (unsigned)port);
		return addr_parse(str_z(text), 0, &o->http, e);
	}
	if (addr_parse(str_z(o->http_text), 8080, &o->http, e) < 0)
		return err_wrap(e, "-http %s", o->http_text);
	return 0;
}

static int read_metrics(struct options *o, struct err *e)
{
	const char *text = strcmp(o->metrics_text, "none") == 0 ? "" : o->metrics_text;

	if (ranges_parse(str_z(text), &o->metrics, e) < 0)
		return err_wrap(e, "-metrics %.60s", o->metrics_text);
	return 0;
}

static int check_tls(const struct options *o, struct err *e)
{
	if (!o->http_cert == !o->http_key)
		return 0;
	return err_set(e, "-http-cert and -http-key belong together: %s is missing",
		       o->http_cert ? "-http-key" : "-http-cert");
}

static void count_workers(struct options *o)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (!o->shared || (!o->workers && cores < 1))
		o->workers = 1;
	else if (!o->workers)
		o->workers = cores < MAX_WORKERS ? (unsigned)cores : MAX_WORKERS;
}

int options_read(struct options *o, int argc, char **argv, struct err *e)
{
	memset(o, 0, sizeof(*o));
	o->directory = mem_dup(STR(DEFAULT_DIRECTORY));
	o->http_text = mem_dup(STR(DEFAULT_HTTP));
	o->metrics_text = mem_dup(STR(DEFAULT_METRICS));
	if (parse(o, argc, argv, "", e) < 0)
		return -1;
	if (o->help || o->version)
		return 0;
	if (read_file(o, e) < 0 || parse(o, argc, argv, "", e) < 0 || read_http(o, e) < 0 ||
	    read_metrics(o, e) < 0 || check_tls(o, e) < 0)
		return -1;
	count_workers(o);
	return 0;
}

void options_help(void)
{
	printf("protobalance " PB_VERSION ": many mail servers behind one address\n\n"
	       "usage: protobalance [options]\n\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char left[40];

		snprintf(left, sizeof(left), "-%s%s%s", rows[i].name, rows[i].arg ? " " : "",
			 rows[i].arg ? rows[i].arg : "");
		printf("  %-20s %s\n", left, rows[i].help);
	}
	printf("\nThe same options may stand in DIR/CMDLINE; the command line wins (-shared=0).\n"
	       "TERM stops when the running sessions have ended; HUP opens the logs and reads\n"
	       "certificate and key anew.\n");
}
