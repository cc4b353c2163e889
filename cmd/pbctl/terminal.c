#include "cmd/pbctl/terminal.h"

#include <errno.h>
#include <poll.h>
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

/* Blocked but while ppoll(2) waits, so that none comes unnoticed just before. */
static void catch_signals(struct sigaction old[], sigset_t *unblocked)
{
	struct sigaction catch = { .sa_handler = on_signal };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		sigaddset(&set, signals[i]);
		sigaction(signals[i], &catch, &old[i]);
	}
	sigprocmask(SIG_BLOCK, &set, unblocked);
}

static void release_signals(const struct sigaction old[], const sigset_t *unblocked)
{
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &old[i], NULL);
	sigprocmask(SIG_SETMASK, unblocked, NULL);
	if (caught)
		raise(caught);
}

/* A line, which is what a terminal gives at once; -1 with errno. */
static ssize_t read_line(char *dst, size_t cap, const sigset_t *unblocked)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	return ppoll(&in, 1, NULL, unblocked) < 0 ? -1 : read(STDIN_FILENO, dst, cap);
}

int terminal_ask(const char *prompt, struct arena *a, struct str *out, struct err *e)
{
	struct sigaction old[ARRAY_LEN(signals)];
	struct termios shown, hidden;
	char line[LIMIT_PASSWORD + 2];
	sigset_t unblocked;
	ssize_t n = -1;

	catch_signals(old, &unblocked);
	if (tcgetattr(STDIN_FILENO, &shown) == 0) {
		hidden = shown;
		hidden.c_lflag &= ~(tcflag_t)ECHO;
		fprintf(stderr, "%s: ", prompt);
		if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0)
			n = read_line(line, sizeof(line), &unblocked);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
		fprintf(stderr, "\n");
	}
	release_signals(old, &unblocked);
	if (n < 0)
		return err_errno(e, "terminal");
	if (n == 0 || line[n - 1] != '\n')
		return err_set(e, n ? "%s: longer than %d bytes" : "%s: nothing was entered",
			       prompt, LIMIT_PASSWORD);
	*out = arena_str(a, (struct str){ line, (size_t)n - 1 });
	explicit_bzero(line, sizeof(line));
	return 0;
}
