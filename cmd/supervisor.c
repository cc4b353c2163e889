#include "cmd/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/doors.h"
#include "cmd/lockfile.h"
#include "cmd/process.h"
#include "lib/base/clock.h"
#include "lib/base/compat.h"
#include "lib/base/log.h"
#include "lib/net/loop.h"
#include "shm/listeners.h"
#include "shm/slots.h"

#define RESPAWN_FIRST_MS 50
#define RESPAWN_MAX_MS 5000
#define SHORT_LIFE_MS 1000	/* it died at once */
#define STOP_GRACE_MS 5000	/* beyond DRAIN_MS, and for admin and replicator: then KILL */
#define DESCRIPTORS 20000

struct supervisor;
struct child {
	struct supervisor *s;
	enum role role;
	unsigned slot;
	pid_t pid;	  /* 0: not running */
	int64_t born;
	int64_t delay;	  /* of the next respawn */
	struct timer respawn;
	int channel[2];	  /* workers: ours, theirs */
	int verify[2];	  /* workers: the verifier's end, theirs */
};

enum phase { STARTING, RUNNING, DRAINING, STOPPING };
static const char *const phase_names[] = { "starting", "running", "draining", "stopping" };

struct supervisor {
	const struct options *o;
	struct loop *loop;
	struct shm *shm;
	struct doors doors;
	struct watch bell;
	struct sigwatch term, intr, hup, chld;
	struct timer limit; /* of a phase that ends the service */
	struct timer beat;
	enum phase phase;
	struct child children[MAX_SLOTS];
	unsigned n_children, n_running;
	int ready;
	bool announced; /* that all runs */
	int status;
};

static void spawn(struct child *c);
static void enter(struct supervisor *s, enum phase p);
static void look_for_end(struct supervisor *s);

/* --- children --- */

static struct child *child_add(struct supervisor *s, enum role role, unsigned slot)
{
	struct child *c = &s->children[s->n_children++];

	*c = (struct child){ .s = s, .role = role, .slot = slot,
			     .channel = { -1, -1 }, .verify = { -1, -1 } };
	return c;
}

static void pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		bug("socketpair: %s", strerror(errno));
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* In the child: what belongs to the supervisor and to its other children. */
static void child_forget(struct child *me, int *verify_ends)
{
	struct supervisor *s = me->s;

	sigwatch_stop(&s->term);
	sigwatch_stop(&s->intr);
	sigwatch_stop(&s->hup);
	sigwatch_stop(&s->chld);
	loop_free(&s->loop);
	close_fd(&s->ready);
	for (unsigned i = 0; i < s->n_children; i++) {
		struct child *c = &s->children[i];

		close_fd(&c->channel[0]);
		if (me->role == ROLE_VERIFIER && c->role == ROLE_WORKER)
			*verify_ends++ = c->verify[0];
		else
			close_fd(&c->verify[0]);
		if (c != me) {
			close_fd(&c->channel[1]);
			close_fd(&c->verify[1]);
		}
	}
	if (me->role != ROLE_WORKER)
		doors_forget(&s->doors);
}

_Noreturn static void child_main(struct child *c, pid_t parent)
{
	const struct role_row *r = role_row(c->role);
	int verify_ends[MAX_WORKERS];
	struct process p = { .options = c->s->o, .shm = c->s->shm, .role = c->role,
			     .slot = c->slot, .channel = c->channel[1], .verify = c->verify[1],
			     .verify_ends = verify_ends };
	struct err e = { "" };

	if (c->role == ROLE_WORKER)
		p.n_doors = doors_list(&c->s->doors, p.doors);
	child_forget(c, verify_ends);
	process_begin(&p, parent);
	if ((r->privileges & PRIV_DROP) && process_drop(&p, &e) < 0) {
		log_error("%s", e.text);
		exit(EXIT_CANNOT_START);
	}
	exit(r->run(&p));
}

/* Signals wait until the child has its own handlers, so that none of ours runs in it. */
static void spawn(struct child *c)
{
	pid_t parent = getpid();
	sigset_t all, old;

	if (c->role == ROLE_WORKER) { /* messages of an earlier life are worth nothing */
		close_fd(&c->channel[0]);
		close_fd(&c->channel[1]);
		pair(c->channel);
	}
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	c->born = clock_mono_ms();
	c->pid = fork();
	if (c->pid == 0)
		child_main(c, parent);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (c->pid < 0) {
		c->pid = 0;
		log_error("cannot fork the %s: %s; trying again", role_name(c->role),
			  strerror(errno));
		timer_set(&c->respawn, RESPAWN_MAX_MS);
		return;
	}
	c->s->n_running++;
}

static void on_respawn(struct timer *t)
{
	struct child *c = container_of(t, struct child, respawn);

	if (c->s->phase <= RUNNING && c->pid == 0)
		spawn(c);
}

static void say_death(const struct child *c, int status)
{
	char name[SLOT_NAME];

	slot_name(c->slot, name);
	if (WIFSIGNALED(status))
		log_error("%s was killed by signal %d; starting it anew", name, WTERMSIG(status));
	else
		log_error("%s ended with status %d; starting it anew", name, WEXITSTATUS(status));
}

/* Until all run, one that cannot start (and has said why) ends the whole: there is no service
 * without it, and an administrator waits for the answer. */
static bool cannot_start(const struct child *c, int status)
{
	return !c->s->announced && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CANNOT_START;
}

static void child_died(struct child *c, int status)
{
	struct supervisor *s = c->s;
	int64_t lived = clock_mono_ms() - c->born;

	c->pid = 0;
	s->n_running--;
	slot_reap(s->shm, c->slot);
	if (s->phase > RUNNING)
		return;
	if (cannot_start(c, status)) {
		s->status = EXIT_CANNOT_START;
		enter(s, STOPPING);
		return;
	}
	say_death(c, status);
	if (lived >= SHORT_LIFE_MS)
		c->delay = 0;
	timer_set(&c->respawn, c->delay);
	c->delay = c->delay ? 2 * c->delay : RESPAWN_FIRST_MS;
	if (c->delay > RESPAWN_MAX_MS)
		c->delay = RESPAWN_MAX_MS;
}

static struct child *child_of(struct supervisor *s, pid_t pid)
{
	for (unsigned i = 0; i < s->n_children; i++)
		if (s->children[i].pid == pid)
			return &s->children[i];
	return NULL;
}

static unsigned running(const struct supervisor *s, enum role role)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_children; i++)
		n += s->children[i].role == role && s->children[i].pid;
	return n;
}

static void signal_children(struct supervisor *s, int sig, bool workers, bool others)
{
	for (unsigned i = 0; i < s->n_children; i++) {
		struct child *c = &s->children[i];

		if (c->pid && (c->role == ROLE_WORKER ? workers : others))
			kill(c->pid, sig);
	}
}

/* --- phases --- */

static void on_limit(struct timer *t)
{
	struct supervisor *s = container_of(t, struct supervisor, limit);

	log_warning("children that do not end while %s are killed", phase_names[s->phase]);
	signal_children(s, SIGKILL, true, s->phase == STOPPING);
}

/* Goes on when those whose end is awaited have ended, or did not run at all. */
/* NOLINTNEXTLINE(misc-no-recursion): from DRAINING to STOPPING, and no further */
static void look_for_end(struct supervisor *s)
{
	if (s->phase == DRAINING && running(s, ROLE_WORKER) == 0)
		enter(s, STOPPING);
	else if (s->phase == STOPPING && s->n_running == 0)
		loop_stop(s->loop);
}

/* NOLINTNEXTLINE(misc-no-recursion): see look_for_end */
static void enter(struct supervisor *s, enum phase p)
{
	s->phase = p;
	if (p == DRAINING) {
		doors_shut(&s->doors);
		signal_children(s, SIGTERM, true, false);
		timer_set(&s->limit, DRAIN_MS + STOP_GRACE_MS);
	} else if (p == STOPPING) {
		doors_shut(&s->doors);
		signal_children(s, SIGTERM, true, true);
		timer_set(&s->limit, STOP_GRACE_MS);
	}
	look_for_end(s);
}

static void on_chld(struct sigwatch *w)
{
	struct supervisor *s = container_of(w, struct supervisor, chld);
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *c = child_of(s, pid);

		if (c)
			child_died(c, status);
	}
	look_for_end(s);
}

static void stop(struct supervisor *s)
{
	if (s->phase > RUNNING) { /* asked twice: no more patience */
		signal_children(s, SIGKILL, true, s->phase == STOPPING);
	} else {
		log_info("stopping: running sessions may end within %d s", DRAIN_MS / 1000);
		enter(s, s->phase == RUNNING ? DRAINING : STOPPING);
	}
}

static void on_term(struct sigwatch *w)
{
	stop(container_of(w, struct supervisor, term));
}

static void on_intr(struct sigwatch *w)
{
	stop(container_of(w, struct supervisor, intr));
}

static void on_hup(struct sigwatch *w)
{
	struct supervisor *s = container_of(w, struct supervisor, hup);
	struct err e = { "" };

	if (log_reopen(&e) < 0)
		log_error("%s; writing on into the old one", e.text);
	signal_children(s, SIGHUP, true, true);
}

/* --- doors --- */

static void on_door(struct doors *d, int cluster, int fd)
{
	struct supervisor *s = container_of(d, struct supervisor, doors);
	struct message m = { .what = fd >= 0 ? MESSAGE_LISTEN : MESSAGE_UNLISTEN, .fd = fd,
			     .arg = cluster };

	for (unsigned i = 0; i < s->n_children; i++) {
		struct child *c = &s->children[i];

		m.slot = c->slot;
		/* A worker that reads nothing for hundreds of changes is not well: its next life
		 * is born with the sockets. */
		if (c->role == ROLE_WORKER && c->pid && message_send(c->channel[0], &m) < 0)
			kill(c->pid, SIGKILL);
	}
}

/* admin has published for the first time: the store is there, so all others may come. */
static void go(struct supervisor *s)
{
	enter(s, RUNNING);
	for (unsigned i = 0; i < s->n_children; i++)
		if (s->children[i].role != ROLE_ADMIN)
			spawn(&s->children[i]);
}

/* Every worker has confirmed a generation: it serves. Said once. */
static void announce(struct supervisor *s)
{
	for (unsigned i = 0; i < s->o->workers; i++)
		if (slot_get(s->shm, i).generation == 0)
			return;
	s->announced = true;
	log_info("running: %u worker%s, directory %s", s->o->workers,
		 s->o->workers > 1 ? "s" : "", s->o->directory);
	if (s->ready >= 0 && write(s->ready, "+", 1) < 0)
		log_warning("nobody waits for the start");
	close_fd(&s->ready);
}

static void on_bell(struct watch *w, unsigned what)
{
	struct supervisor *s = container_of(w, struct supervisor, bell);

	(void)what;
	slot_answer(s->shm, SLOT_SUPERVISOR);
	if (s->phase > RUNNING)
		return;
	doors_look(&s->doors);
	if (s->phase == STARTING && s->doors.version)
		go(s);
	else if (!s->announced)
		announce(s);
}

/* --- start and end --- */

static void on_beat(struct timer *t)
{
	struct supervisor *s = container_of(t, struct supervisor, beat);

	slot_beat(s->shm, SLOT_SUPERVISOR, clock_mono_ms());
	timer_set(t, BEAT_MS);
}

static void make_children(struct supervisor *s)
{
	child_add(s, ROLE_ADMIN, SLOT_ADMIN);
	child_add(s, ROLE_REPLICATOR, SLOT_REPLICATOR);
	child_add(s, ROLE_VERIFIER, SLOT_VERIFIER);
	child_add(s, ROLE_PROBER, SLOT_PROBER);
	for (unsigned i = 0; i < s->o->workers; i++)
		pair(child_add(s, ROLE_WORKER, i)->verify);
	for (unsigned i = 0; i < s->n_children; i++)
		timer_init(&s->children[i].respawn, s->loop, on_respawn);
}

static void more_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max < DESCRIPTORS ? r.rlim_max : DESCRIPTORS;
	if (setrlimit(RLIMIT_NOFILE, &r) < 0)
		log_warning("cannot have %d descriptors: %s", DESCRIPTORS, strerror(errno));
}

static void set_up(struct supervisor *s)
{
	more_descriptors();
	s->shm = shm_create(s->o->workers);
	s->loop = loop_new();
	slot_enter(s->shm, SLOT_SUPERVISOR, ROLE_SUPERVISOR, getpid());
	doors_init(&s->doors, s->loop, s->shm, on_door);
	timer_init(&s->limit, s->loop, on_limit);
	timer_init(&s->beat, s->loop, on_beat);
	timer_set(&s->beat, 0);
	watch_init(&s->bell, s->loop, slot_bell(s->shm, SLOT_SUPERVISOR), on_bell);
	watch_set(&s->bell, WATCH_READ);
	sigwatch_start(&s->term, s->loop, SIGTERM, on_term);
	sigwatch_start(&s->intr, s->loop, SIGINT, on_intr);
	sigwatch_start(&s->hup, s->loop, SIGHUP, on_hup);
	sigwatch_start(&s->chld, s->loop, SIGCHLD, on_chld);
	make_children(s);
}

int supervisor_run(const struct options *o, int ready)
{
	struct supervisor *s = mem_zalloc(sizeof(*s));
	struct err e = { "" };
	int status;

	s->o = o;
	s->ready = ready;
	proc_title("protobalance: supervisor");
	log_role("supervisor");
	signal(SIGPIPE, SIG_IGN);
	if (directory_lock(o, &e) < 0 ||
	    (!o->watchdog && pidfile_write(o, &e) < 0)) {
		log_error("%s", e.text);
		free(s);
		return EXIT_CANNOT_START;
	}
	set_up(s);
	spawn(&s->children[0]);
	loop_run(s->loop);
	log_info("stopped");
	if (!o->watchdog)
		pidfile_remove(o);
	status = s->status;
	loop_free(&s->loop);
	shm_destroy(&s->shm);
	free(s);
	return status;
}
