#include "cmd/pbctl/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/limits.h"

/* --- signals that would end us with the terminal in disorder --- */

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

/* Blocked but while ppoll(2) waits, so that none comes unnoticed just before. */
struct guard {
	struct sigaction old[ARRAY_LEN(signals)];
	sigset_t unblocked;
};

static void guard_begin(struct guard *g)
{
	struct sigaction catch = { .sa_handler = on_signal };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		sigaddset(&set, signals[i]);
		sigaction(signals[i], &catch, &g->old[i]);
	}
	sigprocmask(SIG_BLOCK, &set, &g->unblocked);
}

static void guard_end(const struct guard *g, int but)
{
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &g->old[i], NULL);
	sigprocmask(SIG_SETMASK, &g->unblocked, NULL);
	if (caught && caught != but)
		raise(caught);
	caught = 0;
}

/* ms < 0: for ever. 1: there is something to read; 0: not in time; -1 with errno. fd: -1
 * for time and signals alone. */
static int guard_wait(const struct guard *g, int fd, int64_t ms)
{
	struct pollfd in = { .fd = fd, .events = POLLIN };
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	return ppoll(&in, 1, ms < 0 ? NULL : &t, &g->unblocked);
}

/* --- a secret --- */

/* A line, which is what a terminal gives at once; -1 with errno. */
static ssize_t read_line(const struct guard *g, char *dst, size_t cap)
{
	return guard_wait(g, STDIN_FILENO, -1) < 0 ? -1 : read(STDIN_FILENO, dst, cap);
}

int terminal_ask(const char *prompt, struct arena *a, struct str *out, struct err *e)
{
	struct termios shown, hidden;
	char line[LIMIT_PASSWORD + 2];
	struct guard g;
	ssize_t n = -1;

	guard_begin(&g);
	if (tcgetattr(STDIN_FILENO, &shown) == 0) {
		hidden = shown;
		hidden.c_lflag &= ~(tcflag_t)ECHO;
		fprintf(stderr, "%s: ", prompt);
		if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0)
			n = read_line(&g, line, sizeof(line));
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
		fprintf(stderr, "\n");
	}
	guard_end(&g, 0);
	if (n < 0)
		return err_errno(e, "terminal");
	if (n == 0 || line[n - 1] != '\n')
		return err_set(e, n ? "%s: longer than %d bytes" : "%s: nothing was entered",
			       prompt, LIMIT_PASSWORD);
	*out = arena_str(a, (struct str){ line, (size_t)n - 1 });
	explicit_bzero(line, sizeof(line));
	return 0;
}

int terminal_ask_twice(const char *prompt, struct arena *a, struct str *out, struct err *e)
{
	struct str again = { NULL, 0 };

	if (terminal_ask(prompt, a, out, e) || terminal_ask("once more", a, &again, e))
		return -1;
	return str_eq(*out, again) ? 0 : err_set(e, "the two are not the same; nothing was changed");
}

bool terminal_confirm(const char *question)
{
	char line[256];

	fprintf(stderr, "%s [y/N] ", question);
	return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

/* --- a screen --- */

/* Alternate screen, no cursor, no line wrapped (xterm's control sequences). */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

struct screen {
	struct guard guard;
	struct termios shown;
	bool keys; /* standard input is a terminal, in the mode of ours */
};

struct screen *screen_open(void)
{
	struct screen *s = mem_zalloc(sizeof(*s));
	struct termios raw;

	guard_begin(&s->guard);
	if (tcgetattr(STDIN_FILENO, &s->shown) == 0) {
		raw = s->shown;
		raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
		raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* nobody would put the screen back */
		s->keys = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	}
	fputs(ENTER, stdout);
	fflush(stdout);
	return s;
}

static unsigned lines_of_screen(void)
{
	struct winsize w;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 1 ? w.ws_row : 24;
}

void screen_draw(struct screen *s, struct str text)
{
	unsigned left = lines_of_screen();
	struct str line;

	(void)s;
	if (text.n > 0 && text.p[text.n - 1] == '\n')
		text.n--;
	fputs("\033[H", stdout);
	while (left-- > 0 && str_split(&text, '\n', &line))
		printf("%.*s\033[K%s", STR_ARG(line), left > 0 ? "\r\n" : "");
	fputs("\033[J", stdout);
	fflush(stdout);
}

int screen_key(struct screen *s, int64_t ms)
{
	int rc = guard_wait(&s->guard, s->keys ? STDIN_FILENO : -1, ms);
	char key;

	if (caught)
		return -1;
	if (rc <= 0)
		return rc < 0 && errno != EINTR ? -1 : 0;
	return read(STDIN_FILENO, &key, 1) == 1 ? (unsigned char)key : -1;
}

void screen_close(struct screen **out)
{
	struct screen *s = *out;
	struct guard g;

	if (!s)
		return;
	fputs(LEAVE, stdout);
	fflush(stdout);
	if (s->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &s->shown);
	g = s->guard;
	free(s);
	*out = NULL;
	guard_end(&g, SIGINT);
}
