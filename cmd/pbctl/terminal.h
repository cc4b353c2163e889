/* terminal: asks a person for a secret. */
#ifndef PB_CMD_PBCTL_TERMINAL_H
#define PB_CMD_PBCTL_TERMINAL_H

#include "lib/base/arena.h"
#include "lib/base/err.h"

/* One line from standard input, which is a terminal, without showing it; the prompt goes to
 * standard error. Interrupted, it puts the terminal in order before the process ends. */
MUST_CHECK int terminal_ask(const char *prompt, struct arena *a, struct str *out, struct err *e);

#endif
