#include "cmd/watchdog.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd/lockfile.h"
#include "cmd/process.h"
#include "cmd/supervisor.h"
#include "lib/base/clock.h"
#include "lib/base/compat.h"
#include "lib/base/log.h"

#define DELAY_FIRST_MS 100
#define DELAY_MAX_MS 10000
#define SHORT_LIFE_MS 5000

/* No loop here: it waits for signals one by one, which are blocked otherwise. */
static void signals_wanted(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGCHLD);
}

static pid_t start(const struct options *o, int ready)
{
	pid_t parent = getpid(), pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* without its watchdog it drains and ends */
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	_exit(supervisor_run(o, ready));
}

/* The next signal within ms (-1: any time); 0: time-out. */
static int wait_signal(int64_t ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };
	sigset_t set;
	int sig;

	signals_wanted(&set);
	sig = ms < 0 ? sigwaitinfo(&set, NULL) : sigtimedwait(&set, NULL, &t);
	return sig < 0 ? 0 : sig;
}

/* Until the supervisor ends; true when we asked it to. */
static bool attend(pid_t pid, int *status)
{
	bool asked = false;

	for (;;) {
		int sig = wait_signal(-1);
		struct err e = { "" };

		if (sig == SIGTERM || sig == SIGINT) {
			asked = true;
			kill(pid, SIGTERM);
		} else if (sig == SIGHUP) {
			if (log_reopen(&e) < 0)
				log_error("%s; writing on into the old one", e.text);
			kill(pid, SIGHUP);
		}
		if (waitpid(pid, status, WNOHANG) == pid)
			return asked;
	}
}

static void say_end(int status)
{
	if (WIFSIGNALED(status))
		log_error("the supervisor was killed by signal %d; starting it anew",
			  WTERMSIG(status));
	else
		log_error("the supervisor ended with status %d; starting it anew",
			  WEXITSTATUS(status));
}

/* Between two lives; true: we are to stop. */
static bool pause_ms(int64_t ms)
{
	int64_t until = clock_mono_ms() + ms;

	for (int64_t left = ms; left > 0; left = until - clock_mono_ms()) {
		int sig = wait_signal(left);

		if (sig == SIGTERM || sig == SIGINT)
			return true;
	}
	return false;
}

static int keep_running(const struct options *o, int ready)
{
	int64_t delay = DELAY_FIRST_MS;
	bool first = true;

	for (;; first = false) {
		int64_t born = clock_mono_ms();
		pid_t pid = start(o, ready);
		int status = 0;

		if (ready >= 0)
			close(ready);
		ready = -1;
		if (pid < 0)
			log_error("cannot fork the supervisor: %s", strerror(errno));
		else if (attend(pid, &status))
			return EXIT_SUCCESS;
		if (first && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CANNOT_START)
			return EXIT_CANNOT_START;
		say_end(status);
		delay = clock_mono_ms() - born < SHORT_LIFE_MS ? 2 * delay : DELAY_FIRST_MS;
		delay = delay < DELAY_MAX_MS ? delay : DELAY_MAX_MS;
		if (pause_ms(delay))
			return EXIT_SUCCESS;
	}
}

int watchdog_run(const struct options *o, int ready)
{
	struct err e = { "" };
	sigset_t set;
	int status;

	proc_title("protobalance: watchdog");
	log_role("watchdog");
	signals_wanted(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (pidfile_write(o, &e) < 0) {
		log_error("%s", e.text);
		return EXIT_CANNOT_START;
	}
	status = keep_running(o, ready);
	pidfile_remove(o);
	return status;
}
