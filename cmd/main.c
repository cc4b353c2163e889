/* protobalance: options, background, and then supervisor or watchdog. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/lockfile.h"
#include "cmd/options.h"
#include "cmd/process.h"
#include "cmd/supervisor.h"
#include "cmd/watchdog.h"
#include "lib/base/clock.h"
#include "lib/base/compat.h"
#include "lib/base/log.h"

static int fail(const struct err *e)
{
	fprintf(stderr, "protobalance: %s\n", e->text);
	return EXIT_CANNOT_START;
}

/* The log is opened by root first, and later by -user. A daemon has no standard error, so it logs
 * in its directory when nothing else was said. */
static int open_log(struct options *o, struct err *e)
{
	uid_t uid;
	gid_t gid;

	if (o->daemon && !o->logfile && asprintf(&o->logfile, "%s/error.log", o->directory) < 0)
		return err_set(e, "no memory");
	if (process_user(o, &uid, &gid, e) < 0)
		return -1;
	log_owner(uid, gid);
	return log_open(o->logfile, e);
}

static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close(null);
}

/* Only when this start has made it. */
static void tell_first_login(const struct options *o, time_t began)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/first-login", o->directory);
	if (stat(path, &st) == 0 && st.st_mtime >= began)
		fprintf(stderr, "protobalance: password and access key are in %s\n", path);
}

/* The parent of a daemon: waits for "all runs", or passes the failure on. */
static int await_start(const struct options *o, pid_t pid, int ready)
{
	time_t began = (time_t)(clock_wall_ms() / 1000);
	int status;
	char byte;

	if (read(ready, &byte, 1) == 1) {
		tell_first_login(o, began);
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "protobalance: cannot start; %s tells why\n", o->logfile);
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
		return await_start(o, pid, ready[0]);
	}
	close(ready[0]);
	setsid();
	if (chdir("/") < 0)
		return EXIT_FAILURE;
	leave_terminal();
	return run(o, ready[1]);
}

int main(int argc, char **argv)
{
	static struct options o;
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
	if (directory_make(&o, &e) < 0 || open_log(&o, &e) < 0)
		return fail(&e);
	return o.daemon ? run_daemon(&o) : run(&o, -1);
}
