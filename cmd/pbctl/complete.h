/* complete: what may stand next on a command line of pbctl, for a shell. */
#ifndef PB_CMD_PBCTL_COMPLETE_H
#define PB_CMD_PBCTL_COMPLETE_H

#include <stdio.h>

/* The words behind "pbctl", the last of them being typed ("" when it is not begun yet):
 * what it may become, a line each; nothing where only a file name or free text fits.
 * Names of clusters and boxes come from the service, if it answers within a second. The
 * exit status. */
int complete_words(FILE *out, int n, char *const *words);
/* The script for bash, which asks complete_words. */
void complete_bash(FILE *out);

#endif
