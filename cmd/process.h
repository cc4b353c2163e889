/* process: what every process of protobalance is born with, and the table of their roles.
 *
 *   supervisor --fork--> process_begin: name, slot, parent's death, user --> role's run() --> exit
 *
 * Messages between the supervisor and a worker have four fields; anything bigger lives in shared
 * memory or in the store. */
#ifndef PB_CMD_PROCESS_H
#define PB_CMD_PROCESS_H

#include <sys/types.h>

#include "cmd/options.h"
#include "shm/layout.h"

#define EXIT_CANNOT_START 78 /* EX_CONFIG: starting anew would not help */

enum message_what {
	MESSAGE_LISTEN = 1, /* fd: a listening socket of the cluster with index arg */
	MESSAGE_UNLISTEN,   /* that cluster's socket is closed */
};
struct message {
	uint32_t what, slot;
	int fd; /* -1: none; travels as SCM_RIGHTS */
	int32_t arg;
};
/* 0, or -1 with errno (EAGAIN: the other side does not read). Keeps fd open here. */
MUST_CHECK int message_send(int channel, const struct message *m);
/* 1 one message, 0 the other side is gone, -1 with errno. A descriptor is the caller's. */
MUST_CHECK int message_recv(int channel, struct message *m);

/* A listening socket that is open at the time of the fork. */
struct door {
	int cluster; /* index of shm/counters.h */
	int fd;
};

struct process {
	const struct options *options;
	struct shm *shm;
	enum role role;
	unsigned slot;
	int channel;	 /* workers: messages; else -1 */
	int verify;	 /* workers: to the verifier; else -1 */
	const int *verify_ends; /* verifier: one a worker */
	struct door doors[MAX_LISTENERS]; /* workers */
	unsigned n_doors;
};

enum { /* what a role needs of its parent */
	PRIV_DROP = 1, /* runs as -user */
};
struct role_row {
	enum role role;
	int (*run)(struct process *p); /* returns the exit status */
	unsigned privileges;
};
/* NULL: this role has no process (yet). */
const struct role_row *role_row(enum role r);

int worker_run(struct process *p);
int admin_run(struct process *p);
int replicator_run(struct process *p);
int verifier_run(struct process *p);
int prober_run(struct process *p);

/* In the child, first thing: its name in ps and log, its slot, dies with parent (pid). */
void process_begin(struct process *p, pid_t parent);
/* Becomes -user, if there is one, for good. With the few things that need it done before. */
MUST_CHECK int process_drop(const struct process *p, struct err *e);
/* -user exists? Fills uid and gid; both are -1 without the option. */
MUST_CHECK int process_user(const struct options *o, uid_t *uid, gid_t *gid, struct err *e);

#endif
