/* What processes say to each other, with and without descriptors; the table of roles; users. */
#include "cmd/process.c"

#include <check.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "unit/child.h"

/* The roles' mains are not tested here. */
int admin_run(struct process *p)
{
	return p->slot == 99;
}
int worker_run(struct process *p)
{
	return admin_run(p);
}
int replicator_run(struct process *p)
{
	return admin_run(p);
}
int verifier_run(struct process *p)
{
	return admin_run(p);
}
int prober_run(struct process *p)
{
	return admin_run(p);
}

static int near, far;

static void setup(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	near = fds[0];
	far = fds[1];
}

static void teardown(void)
{
	close(near);
	close(far);
}

/* Open descriptors of this process. */
static int descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(without_descriptor)
{
	struct message out = { .what = MESSAGE_UNLISTEN, .slot = 3, .fd = -1, .arg = -7 }, in;

	ck_assert_int_eq(message_send(near, &out), 0);
	ck_assert_int_eq(message_recv(far, &in), 1);
	ck_assert(in.what == MESSAGE_UNLISTEN && in.slot == 3 && in.fd == -1 && in.arg == -7);
	ck_assert_int_eq(message_recv(far, &in), -1);
	ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

/* The other end gets a descriptor of its own for the same file, and its children do not. */
START_TEST(with_descriptor)
{
	int pipes[2], before;
	struct message out = { .what = MESSAGE_LISTEN, .arg = 5 }, in;
	char c = 0;

	ck_assert_int_eq(pipe(pipes), 0);
	before = descriptors();
	out.fd = pipes[1];
	ck_assert_int_eq(message_send(near, &out), 0);
	ck_assert_int_eq(message_recv(far, &in), 1);
	ck_assert_int_eq(descriptors(), before + 1);
	ck_assert(in.fd >= 0 && in.fd != out.fd);
	ck_assert(fcntl(in.fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(in.arg, 5);
	close(out.fd);
	ck_assert_int_eq(write(in.fd, "x", 1), 1);
	ck_assert_int_eq(read(pipes[0], &c, 1), 1);
	ck_assert_int_eq(c, 'x');
	close(in.fd);
	close(pipes[0]);
}
END_TEST

START_TEST(in_order)
{
	struct message out = { .fd = -1 }, in;

	for (int i = 0; i < 10; i++) {
		out.arg = i;
		out.fd = i & 1 ? near : -1;
		ck_assert_int_eq(message_send(near, &out), 0);
	}
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(message_recv(far, &in), 1);
		ck_assert_int_eq(in.arg, i);
		ck_assert_int_eq(in.fd >= 0, i & 1);
		if (in.fd >= 0)
			close(in.fd);
	}
}
END_TEST

/* Nobody reads: an error, no waiting, the descriptor stays ours. */
START_TEST(full)
{
	struct message out = { .fd = -1 };
	int n = 0;

	while (message_send(near, &out) == 0)
		ck_assert_int_lt(n++, 100000);
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

START_TEST(other_side_gone)
{
	struct message m = { .fd = -1 };

	signal(SIGPIPE, SIG_DFL);
	close(far);
	far = -1;
	ck_assert_int_eq(message_recv(near, &m), 0);
	ck_assert_int_eq(message_send(near, &m), -1);
	ck_assert_int_eq(errno, EPIPE);
	ck_assert_int_eq(message_recv(-1, &m), -1);
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

/* A packet of n bytes with this many descriptors. */
static void send_raw(size_t n, int fds)
{
	struct message m[2] = { { 0 } };
	union {
		char room[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} c = { { 0 } };
	struct iovec v = { m, n };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };

	if (fds) {
		h.msg_control = c.room;
		h.msg_controllen = CMSG_SPACE((size_t)fds * sizeof(int));
		c.align.cmsg_level = SOL_SOCKET;
		c.align.cmsg_type = SCM_RIGHTS;
		c.align.cmsg_len = CMSG_LEN((size_t)fds * sizeof(int));
		for (int i = 0; i < fds; i++)
			memcpy(CMSG_DATA(&c.align) + (size_t)i * sizeof(int), &near, sizeof(int));
	}
	ck_assert_int_eq(sendmsg(near, &h, 0), (ssize_t)n);
}

/* Packets of another size are refused, and no descriptor of theirs stays open; the next one is
 * read as ever. */
static const struct {
	size_t n;
	int fds;
} misshapes[] = {
	{ 1, 0 }, { sizeof(struct message) - 1, 0 }, { sizeof(struct message) + 1, 0 },
	{ 1, 1 }, { sizeof(struct message) - 1, 1 }, { sizeof(struct message) + 1, 1 },
	{ 1, 2 }, { sizeof(struct message), 2 },     { sizeof(struct message), 4 },
};

START_TEST(misshapen)
{
	struct message out = { .fd = -1, .arg = 1 }, in;
	int before = descriptors();

	send_raw(misshapes[_i].n, misshapes[_i].fds);
	ck_assert_int_eq(message_recv(far, &in), -1);
	ck_assert_int_eq(errno, EPROTO);
	ck_assert_int_eq(descriptors(), before);
	ck_assert_int_eq(message_send(near, &out), 0);
	ck_assert_int_eq(message_recv(far, &in), 1);
	ck_assert_int_eq(in.arg, 1);
}
END_TEST

START_TEST(roles_table)
{
	static const enum role all[] = { ROLE_ADMIN, ROLE_WORKER, ROLE_REPLICATOR, ROLE_VERIFIER, ROLE_PROBER };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		const struct role_row *r = role_row(all[i]);

		ck_assert(r && r->role == all[i] && r->run);
		ck_assert_int_eq(r->privileges == PRIV_DROP, all[i] != ROLE_ADMIN);
	}
	ck_assert_ptr_null(role_row(ROLE_SUPERVISOR));
}
END_TEST

START_TEST(users)
{
	struct options o = { .user = NULL };
	struct err e = { "" };
	uid_t uid = 1;
	gid_t gid = 1;

	ck_assert_int_eq(process_user(&o, &uid, &gid, &e), 0);
	ck_assert(uid == (uid_t)-1 && gid == (gid_t)-1);
	o.user = (char *)(uintptr_t) "root";
	ck_assert_int_eq(process_user(&o, &uid, &gid, &e), 0);
	ck_assert(uid == 0 && gid == 0);
	o.user = (char *)(uintptr_t) "no such user";
	ck_assert_int_eq(process_user(&o, &uid, &gid, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "-user no such user: no such user"));
}
END_TEST

/* --- birth, in a process of its own --- */

static struct shm *shm;

static bool is_born(void *arg)
{
	struct process p = { .shm = shm, .role = ROLE_WORKER, .slot = 1 };
	sigset_t set;
	int death = 0;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGTERM, SIG_IGN);
	process_begin(&p, *(pid_t *)arg);
	sigprocmask(SIG_SETMASK, NULL, &set);
	prctl(PR_GET_PDEATHSIG, &death);
	return !sigismember(&set, SIGTERM) && signal(SIGTERM, SIG_DFL) == SIG_DFL &&
	       signal(SIGPIPE, SIG_IGN) == SIG_IGN && death == SIGKILL &&
	       slot_get(shm, 1).pid == getpid() && slot_get(shm, 1).role == ROLE_WORKER;
}

START_TEST(begins)
{
	pid_t me = getpid();

	shm = shm_create(2);
	ck_assert(child_ended_well(child_start(is_born, &me)));
	ck_assert_int_ne(slot_get(shm, 1).pid, 0); /* until the supervisor reaps it */
	shm_destroy(&shm);
}
END_TEST

/* Its parent died while it was being born: nobody would ever end it. */
START_TEST(orphan)
{
	pid_t other = 1;
	pid_t child;
	int status;

	shm = shm_create(2);
	child = child_start(is_born, &other);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE);
	ck_assert_int_eq(slot_get(shm, 1).pid, 0);
	shm_destroy(&shm);
}
END_TEST

static bool drops(void *user)
{
	struct options o = { .user = user };
	struct process p = { .options = &o };
	struct err e = { "" };
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct has[2] = { { .permitted = 1 }, { .permitted = 1 } };

	if (process_drop(&p, &e) < 0)
		return false;
	syscall(SYS_capget, &head, has);
	return geteuid() != 0 && getegid() != 0 && setuid(0) < 0 &&
	       has[0].permitted == 0 && has[1].permitted == 0 &&
	       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && prctl(PR_GET_DUMPABLE) == 0;
}

/* As root it becomes another, for good; who is another already gives up what is left. */
START_TEST(drop)
{
	char name[] = "nobody";

	ck_assert(child_ended_well(child_start(drops, geteuid() == 0 ? name : NULL)));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("process");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, without_descriptor);
	tcase_add_test(t, with_descriptor);
	tcase_add_test(t, in_order);
	tcase_add_test(t, full);
	tcase_add_test(t, other_side_gone);
	tcase_add_loop_test(t, misshapen, 0, (int)ARRAY_LEN(misshapes));
	tcase_add_test(t, roles_table);
	tcase_add_test(t, users);
	tcase_add_test(t, begins);
	tcase_add_test(t, orphan);
	tcase_add_test(t, drop);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
