#include "cmd/process.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/compat.h"
#include "lib/base/log.h"
#include "shm/slots.h"

static const struct role_row roles[] = {
	{ ROLE_ADMIN, admin_run, 0 }, /* opens its sockets first, then drops by itself */
	{ ROLE_WORKER, worker_run, PRIV_DROP },
	{ ROLE_REPLICATOR, replicator_run, PRIV_DROP },
	{ ROLE_VERIFIER, verifier_run, PRIV_DROP },
	{ ROLE_PROBER, prober_run, PRIV_DROP },
};

const struct role_row *role_row(enum role r)
{
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if (roles[i].role == r)
			return &roles[i];
	return NULL;
}

/* --- messages --- */

union control {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int message_send(int channel, const struct message *m)
{
	union control c = { { 0 } };
	struct iovec v = { (void *)(uintptr_t)m, sizeof(*m) };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };

	if (m->fd >= 0) {
		h.msg_control = c.room;
		h.msg_controllen = sizeof(c.room);
		c.align.cmsg_level = SOL_SOCKET;
		c.align.cmsg_type = SCM_RIGHTS;
		c.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&c.align), &m->fd, sizeof(int));
	}
	return sendmsg(channel, &h, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(*m) ? 0 : -1;
}

/* Alignment leaves room for more than one. */
#define MOST_DESCRIPTORS ((sizeof(union control) - CMSG_LEN(0)) / sizeof(int))

/* The descriptors that came with a packet; how many. */
static size_t take_descriptors(struct msghdr *h, int fds[MOST_DESCRIPTORS])
{
	struct cmsghdr *got = CMSG_FIRSTHDR(h);
	size_t n;

	if (!got || got->cmsg_level != SOL_SOCKET || got->cmsg_type != SCM_RIGHTS)
		return 0;
	n = (got->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(got), n * sizeof(int));
	return n;
}

int message_recv(int channel, struct message *m)
{
	union control c = { { 0 } };
	struct iovec v = { m, sizeof(*m) };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c.room,
			    .msg_controllen = sizeof(c.room) };
	int fds[MOST_DESCRIPTORS] = { -1 };
	ssize_t n = recvmsg(channel, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	size_t n_fds;

	if (n <= 0)
		return n == 0 ? 0 : -1;
	n_fds = take_descriptors(&h, fds);
	m->fd = fds[0];
	if (n == (ssize_t)sizeof(*m) && n_fds <= 1 && !(h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return 1;
	while (n_fds > 0) /* of no message: nobody would close them */
		close(fds[--n_fds]);
	errno = EPROTO;
	return -1;
}

/* --- birth --- */

int process_user(const struct options *o, uid_t *uid, gid_t *gid, struct err *e)
{
	struct passwd *pw;

	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	if (!o->user)
		return 0;
	pw = getpwnam(o->user);
	if (!pw)
		return err_set(e, "-user %s: no such user (adduser --system --group %s)", o->user,
			       o->user);
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return 0;
}

static void die_with_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE); /* it died while we were being born */
}

/* Also those that a service manager gave: only the supervisor opens low ports. */
static int drop_capabilities(struct err *e)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, none) < 0)
		return err_errno(e, "cannot give up capabilities");
	return 0;
}

int process_drop(const struct process *p, struct err *e)
{
	pid_t parent = getppid();
	uid_t uid;
	gid_t gid;

	if (process_user(p->options, &uid, &gid, e) < 0)
		return -1;
	if (p->options->user && geteuid() == 0 &&
	    (initgroups(p->options->user, gid) < 0 || setgid(gid) < 0 || setuid(uid) < 0))
		return err_errno(e, "cannot become user %s", p->options->user);
	if (geteuid() != 0 && drop_capabilities(e) < 0)
		return -1;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	die_with_parent(parent); /* the kernel forgets it where the user changes */
	return 0;
}

void process_begin(struct process *p, pid_t parent)
{
	static const int reset[] = { SIGTERM, SIGHUP, SIGCHLD };
	char name[SLOT_NAME];
	sigset_t none;

	die_with_parent(parent);
	for (size_t i = 0; i < ARRAY_LEN(reset); i++)
		signal(reset[i], SIG_DFL);
	signal(SIGINT, SIG_IGN); /* of a terminal: the supervisor decides */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	slot_name(p->slot, name);
	proc_title("protobalance: %s", name);
	log_role(name);
	slot_enter(p->shm, p->slot, p->role, getpid());
}
