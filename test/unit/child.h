/* child: helper processes of a test: start, kill at any moment, wait for. A child inherits the
 * shared region and ends with its function; its failed must() is an exit code, because Check
 * hears its own process only. */
#ifndef PB_TEST_CHILD_H
#define PB_TEST_CHILD_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/property.h"

/* Runs fn, which returns true when all was well, in a new process; back when that runs. It
 * dies with the test. */
static inline pid_t child_start(bool (*fn)(void *arg), void *arg)
{
	int up[2];
	char byte = 0;
	pid_t pid;

	must(pipe(up) == 0, "pipe");
	pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(write(up[1], &byte, 1) == 1 && fn(arg) ? 0 : 1);
	}
	close(up[1]);
	must(read(up[0], &byte, 1) == 1, "the child runs");
	close(up[0]);
	return pid;
}

/* Did it end by itself and find all well? */
static inline bool child_ended_well(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The way a process ends that nobody can prepare for. */
static inline void child_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Lets it run for a moment of random length, up to max_us, and kills it. */
static inline void child_kill_within(pid_t pid, unsigned max_us)
{
	usleep(rnd(max_us));
	child_kill(pid);
}

#endif
