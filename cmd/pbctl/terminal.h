/* terminal: asks a person for a secret, or whether to go on; a whole screen that is drawn
 * again and again. Whatever ends them, signals included, the terminal is put in order. */
#ifndef PB_CMD_PBCTL_TERMINAL_H
#define PB_CMD_PBCTL_TERMINAL_H

#include "lib/base/arena.h"
#include "lib/base/err.h"

/* One line from standard input, which is a terminal, without showing it; the prompt goes
 * to standard error. */
MUST_CHECK int terminal_ask(const char *prompt, struct arena *a, struct str *out, struct err *e);
/* The same, and once more; -1 when the two differ. */
MUST_CHECK int terminal_ask_twice(const char *prompt, struct arena *a, struct str *out, struct err *e);
/* The question, and a line from standard input: true when it begins with y or Y. */
bool terminal_confirm(const char *question);

/* The alternate screen of standard output; keys come at once and are not shown. Signals
 * that end a program wait until screen_key. */
struct screen;
struct screen *screen_open(void);
/* Draws the lines from the top, as many as fit; long ones are cut by the terminal. */
void screen_draw(struct screen *s, struct str text);
/* Waits for a key that long: the key; 0: none came (or the window has a new size); -1: it
 * is to end (a signal, no terminal any more). */
int screen_key(struct screen *s, int64_t ms);
/* Ends the process by the signal that came, but for SIGINT, which ends the screen
 * alone. */
void screen_close(struct screen **out);

#endif
