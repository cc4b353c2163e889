#include "cmd/pbctl/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/limits.h"

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

static void catch_signals(struct sigaction old[])
{
	struct sigaction catch = { .sa_handler = on_signal }; /* no SA_RESTART: read(2) ends */

	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &catch, &old[i]);
}

static void release_signals(const struct sigaction old[])
{
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &old[i], NULL);
	if (caught)
		raise(caught);
}

int terminal_ask(const char *prompt, struct arena *a, struct str *out, struct err *e)
{
	struct sigaction old[ARRAY_LEN(signals)];
	struct termios shown, hidden;
	char line[LIMIT_PASSWORD + 2];
	ssize_t n = -1;

	catch_signals(old);
	if (tcgetattr(STDIN_FILENO, &shown) == 0) {
		hidden = shown;
		hidden.c_lflag &= ~(tcflag_t)ECHO;
		fprintf(stderr, "%s: ", prompt);
		if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0)
			n = read(STDIN_FILENO, line, sizeof(line)); /* a terminal gives a line */
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
		fprintf(stderr, "\n");
	}
	release_signals(old);
	if (n < 0)
		return err_errno(e, "terminal");
	if (n == 0 || line[n - 1] != '\n')
		return err_set(e, n ? "%s: longer than %d bytes" : "%s: nothing was entered", prompt,
			       LIMIT_PASSWORD);
	*out = arena_str(a, (struct str){ line, (size_t)n - 1 });
	explicit_bzero(line, sizeof(line));
	return 0;
}
