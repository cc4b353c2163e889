/* help: verbs, commands and their parameters, from the tables that make them work. */
#ifndef PB_CMD_PBCTL_HELP_H
#define PB_CMD_PBCTL_HELP_H

#include <stdio.h>

#include "admin/command.h"
#include "cmd/pbctl/verbs.h"

void help_usage(FILE *out);
/* All verbs and commands, a line each. */
void help_all(FILE *out);
/* What these words name: a verb, the beginning of some ("account"), a command, or several
 * of them. false: nothing of the name. */
bool help_words(FILE *out, int n, char *const *words);

/* --- pieces of it, also for documents --- */

/* "account add ADDRESS [BOX] [tag=value ...]"; owned by the caller's arena. */
struct str help_synopsis(const struct verb *v, struct arena *a);
/* Does it take tag=value beside what slots and options stand for? */
bool help_takes_params(const struct verb *v);
/* What a value may be: "1 to 65535", "IP address". Lives in the arena. */
struct str help_form(const struct field *f, struct arena *a);
/* Is the default of a parameter worth telling? Not where what is not named stays as it
 * is. */
bool help_tells_default(const struct command *cmd, const struct field *f);

#endif
