/* options: what may stand on the command line of pbctl beside words, one table; parsing,
 * help, the manual page and completion walk it. Options may stand anywhere; "-name" and
 * "--name" are the same. */
#ifndef PB_CMD_PBCTL_OPTIONS_H
#define PB_CMD_PBCTL_OPTIONS_H

#include "lib/base/err.h"

/*  X(member, name, argument or NULL, for all commands, help) */
#define PBCTL_OPTIONS(X) \
	X(directory, "directory", "DIR", 1, \
	  "directory of the service on this machine; default /var/lib/protobalance") \
	X(url, "url", "URL", 1, "a service elsewhere: http://host[:port] or https://host[:port]; the default port is 8080") \
	X(key, "key", "KEY", 1, "its access key; @FILE takes what the file holds, - what comes on standard input") \
	X(cacert, "cacert", "FILE", 1, \
	  "who signed the certificate of an https:// service (PEM), instead of whom the system trusts") \
	X(json, "json", NULL, 1, "print the answer for programs, in one line") \
	X(xml, "xml", NULL, 1, "print the answer as it comes") \
	X(help, "help", NULL, 1, "the same as the word help in front") \
	X(version, "version", NULL, 1, "print the version") \
	X(box, "box", "BOX", 0, "only accounts of this box") \
	X(limit, "limit", "N", 0, "at most so many rows") \
	X(all, "all", NULL, 0, "all rows") \
	X(from, "from", "BOX", 0, "all accounts of this box") \
	X(aliases, "aliases", "FILE", 0, "a file in the form of alias.csv") \
	X(spread, "spread", "BOX,BOX...", 0, "boxes for accounts that have none, the emptiest first") \
	X(respread, "respread", NULL, 0, "with -spread: a new box for every row that names none, also where the account has one") \
	X(dry_run, "dry-run", NULL, 0, "only say what would be done") \
	X(yes, "yes", NULL, 0, "do not ask before anything is removed or gets another box") \
	X(watch, "watch", NULL, 0, "again and again, every SECONDS (default 2), until interrupted")

#define OPTION_MEMBER(member, name, argument, all, help) const char *member;
/* NULL: not given; switches that are given are "". */
struct options {
	PBCTL_OPTIONS(OPTION_MEMBER)
};

struct option_info {
	const char *name, *argument, *help;
	int all; /* else only of verbs that name it */
	size_t offset;
};
/* Terminated by name == NULL. */
extern const struct option_info option_infos[];
static inline const char *option_value(const struct options *o, const struct option_info *i)
{
	return *(const char *const *)(const void *)((const char *)o + i->offset);
}

/* Puts the other words behind the options, the first of them at *first. -1: getopt has
 * told on standard error what is wrong. Borrows the texts. */
MUST_CHECK int options_parse(int argc, char **argv, struct options *o, int *first);
/* What does not go together. */
MUST_CHECK int options_check(const struct options *o, struct err *e);

#endif
