/* protobalance: options, background, and then supervisor or watchdog. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/options.h"
#include "cmd/process.h"
#include "cmd/supervisor.h"
#include "cmd/watchdog.h"
#include "lib/base/compat.h"
#include "lib/base/log.h"

static int fail(const struct err *e)
{
	fprintf(stderr, "protobalance: %s\n", e->text);
	return EXIT_CANNOT_START;
}

/* The log is opened as root, and later written and reopened by -user. */
static int open_log(const struct options *o, struct err *e)
{
	uid_t uid;
	gid_t gid;

	if (process_user(o, &uid, &gid, e) < 0 || log_open(o->logfile, e) < 0)
		return -1;
	if (o->logfile && o->user && geteuid() == 0 && chown(o->logfile, uid, gid) < 0)
		return err_errno(e, "cannot give %s to user %s", o->logfile, o->user);
	return 0;
}

/* Standard error stays with the terminal until all runs, then goes, too. */
static void leave_terminal(bool keep_error)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (!keep_error)
		dup2(null, STDERR_FILENO);
	close(null);
}

/* The parent of a daemon: waits for "all runs", or passes the failure on. */
static int await_start(pid_t pid, int ready)
{
	int status;
	char byte;

	if (read(ready, &byte, 1) == 1)
		return EXIT_SUCCESS;
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		return WEXITSTATUS(status);
	return EXIT_FAILURE;
}

static int run(const struct options *o, int ready)
{
	return o->watchdog ? watchdog_run(o, ready) : supervisor_run(o, ready);
}

static int run_daemon(const struct options *o)
{
	int ready[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		perror("protobalance: -daemon");
		return EXIT_FAILURE;
	}
	if (pid > 0) {
		close(ready[1]);
		return await_start(pid, ready[0]);
	}
	close(ready[0]);
	setsid();
	if (chdir("/") < 0)
		return EXIT_FAILURE;
	/* Without a log file errors of the start are still seen; later ones need -logfile. */
	leave_terminal(!o->logfile);
	return run(o, ready[1]);
}

int main(int argc, char **argv)
{
	struct options o;
	struct err e = { "" };

	proc_title_init(argc, argv);
	if (options_read(&o, argc, argv, &e) < 0)
		return fail(&e);
	if (o.help) {
		options_help();
		return EXIT_SUCCESS;
	}
	if (o.version) {
		puts("protobalance " PB_VERSION);
		return EXIT_SUCCESS;
	}
	if (open_log(&o, &e) < 0)
		return fail(&e);
	return o.daemon ? run_daemon(&o) : run(&o, -1);
}
