/* help: the commands and their parameters, from admin's own table. */
#ifndef PB_CMD_PBCTL_HELP_H
#define PB_CMD_PBCTL_HELP_H

#include <stdio.h>

#include "lib/base/str.h"

void help_usage(FILE *out);
/* All commands, each with the names of its parameters. */
void help_commands(FILE *out);
/* One command: each parameter with its meaning, range and default. false: there is none. */
bool help_command(FILE *out, struct str name);

#endif
