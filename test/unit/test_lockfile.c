/* One process a directory, whoever dies how; and the pid file. */
#include "cmd/lockfile.c"

#include <check.h>
#include <pwd.h>
#include <stdlib.h>

#include "unit/child.h"

static char dir[64];
static struct options o;

/* cmd/process.c has a test of its own. */
int process_user(const struct options *opt, uid_t *uid, gid_t *gid, struct err *e)
{
	struct passwd *pw = opt->user ? getpwnam(opt->user) : NULL;

	*uid = pw ? pw->pw_uid : (uid_t)-1;
	*gid = pw ? pw->pw_gid : (gid_t)-1;
	return opt->user && !pw ? err_set(e, "no such user") : 0;
}

static char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void setup(void)
{
	strcpy(dir, "/tmp/pb_lock_XXXXXX");
	must(mkdtemp(dir) != NULL, "mkdtemp");
	memset(&o, 0, sizeof(o));
	o.directory = dir;
}

static void teardown(void)
{
	unlink(path_of("lock"));
	unlink(path_of("pid"));
	rmdir(path_of("made"));
	must(rmdir(dir) == 0, "nothing else is left");
}

static bool locks_and_waits(void *arg)
{
	struct err e;
	int *told = arg;
	char c = (char)(directory_lock(&o, &e) == 0);

	if (write(told[1], &c, 1) != 1)
		return false;
	pause();
	return false;
}

/* Another process that has the lock. */
static pid_t other(void)
{
	int told[2];
	char c = 0;
	pid_t pid;

	must(pipe(told) == 0, "pipe");
	pid = child_start(locks_and_waits, told);
	must(read(told[0], &c, 1) == 1 && c == 1, "the other one has the lock");
	close(told[0]);
	close(told[1]);
	return pid;
}

START_TEST(free_directory)
{
	struct err e = { "" };

	ck_assert_int_eq(directory_lock(&o, &e), 0);
	ck_assert_int_eq(directory_lock(&o, &e), 0); /* one's own lock is no obstacle */
}
END_TEST

/* The error names the process to be stopped. */
START_TEST(taken)
{
	pid_t pid = other();
	struct err e = { "" };
	char want[160];

	ck_assert_int_eq(directory_lock(&o, &e), -1);
	snprintf(want, sizeof(want), "another protobalance (process %d) runs on %s", (int)pid, dir);
	ck_assert_msg(strncmp(e.text, want, strlen(want)) == 0, "%s", e.text);
	child_kill(pid);
}
END_TEST

/* kill -9 leaves the file, and no lock. */
START_TEST(killed)
{
	struct err e = { "" };

	for (int i = 0; i < 5; i++)
		child_kill(other());
	ck_assert_int_eq(access(path_of("lock"), F_OK), 0);
	ck_assert_int_eq(directory_lock(&o, &e), 0);
}
END_TEST

static bool does_nothing(void *arg)
{
	(void)arg;
	pause();
	return false;
}

/* Children of the one that has it do not hold it on. */
static bool locks_and_forks(void *arg)
{
	struct err e;
	int *told = arg;
	pid_t grandchild;

	if (directory_lock(&o, &e) < 0)
		return false;
	grandchild = fork();
	if (grandchild == 0)
		return does_nothing(NULL);
	return write(told[1], &grandchild, sizeof(grandchild)) == sizeof(grandchild);
}

START_TEST(orphans)
{
	struct err e = { "" };
	int told[2];
	pid_t orphan;

	must(pipe(told) == 0, "pipe");
	ck_assert(child_ended_well(child_start(locks_and_forks, told)));
	must(read(told[0], &orphan, sizeof(orphan)) == sizeof(orphan), "orphan");
	ck_assert_int_eq(directory_lock(&o, &e), 0);
	kill(orphan, SIGKILL);
	close(told[0]);
	close(told[1]);
}
END_TEST

/* A race for it has one winner. */
static bool tries(void *arg)
{
	int *told = arg;
	struct err e;
	char c = (char)(directory_lock(&o, &e) == 0);

	if (write(told[1], &c, 1) != 1)
		return false;
	pause();
	return false;
}

START_TEST(race)
{
	pid_t pids[10];
	int told[2], winners = 0;
	char c;

	must(pipe(told) == 0, "pipe");
	for (int i = 0; i < 10; i++)
		pids[i] = child_start(tries, told);
	for (int i = 0; i < 10; i++) {
		must(read(told[0], &c, 1) == 1, "told");
		winners += c;
	}
	for (int i = 0; i < 10; i++)
		child_kill(pids[i]);
	ck_assert_int_eq(winners, 1);
	close(told[0]);
	close(told[1]);
}
END_TEST

START_TEST(no_directory)
{
	struct err e = { "" };

	o.directory = path_of("missing");
	ck_assert_int_eq(directory_lock(&o, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "missing/lock"));
}
END_TEST

START_TEST(makes_directory)
{
	struct err e = { "" };
	struct stat st;

	o.directory = strdup(path_of("made"));
	ck_assert_int_eq(directory_make(&o, &e), 0);
	ck_assert_int_eq(stat(o.directory, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(directory_make(&o, &e), 0); /* it may be there */
	free(o.directory);
	o.directory = path_of("no/made");
	ck_assert_int_eq(directory_make(&o, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "no/made (give another with -directory)"));
	o.directory = path_of("made");
	o.user = (char *)(uintptr_t) "no such user";
	ck_assert_int_eq(directory_make(&o, &e), -1);
}
END_TEST

/* Only root can give it away; others do not try. */
START_TEST(gives_directory)
{
	struct err e = { "" };
	struct stat st;
	struct passwd *pw = getpwnam("nobody");

	o.directory = path_of("made");
	o.user = (char *)(uintptr_t) "nobody";
	ck_assert_int_eq(directory_make(&o, &e), 0);
	ck_assert_int_eq(stat(o.directory, &st), 0);
	ck_assert_uint_eq(st.st_uid, geteuid() == 0 ? pw->pw_uid : geteuid());
}
END_TEST

START_TEST(pid_files)
{
	struct err e = { "" };
	FILE *f;
	int pid = 0;

	ck_assert_int_eq(pidfile_write(&o, &e), 0); /* not asked for */
	pidfile_remove(&o);
	o.pidfile = path_of("pid");
	ck_assert_int_eq(pidfile_write(&o, &e), 0);
	f = fopen(o.pidfile, "r");
	ck_assert_int_eq(fscanf(f, "%d", &pid), 1);
	fclose(f);
	ck_assert_int_eq(pid, getpid());
	pidfile_remove(&o);
	ck_assert_int_lt(access(o.pidfile, F_OK), 0);
	o.pidfile = path_of("no/pid");
	ck_assert_int_eq(pidfile_write(&o, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "-pidfile "));
	o.pidfile = (char *)(uintptr_t) "/dev/full";
	ck_assert_int_eq(pidfile_write(&o, &e), -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lockfile");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, free_directory);
	tcase_add_test(t, taken);
	tcase_add_test(t, killed);
	tcase_add_test(t, orphans);
	tcase_add_test(t, race);
	tcase_add_test(t, no_directory);
	tcase_add_test(t, makes_directory);
	tcase_add_test(t, gives_directory);
	tcase_add_test(t, pid_files);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
