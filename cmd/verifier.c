/* verifier: checks password hashes and makes SCRAM keys for the workers, because both are slow by
 * design and a worker never waits. The queue is the kernel's: a bounded socket a worker, emptied
 * by a few threads; when it is full the worker's question is refused at once (a temporary
 * failure). An answer to a worker that has died is dropped. */
#include <crypt.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/process.h"
#include "lib/base/clock.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/session/sasl.h"
#include "lib/session/verify.h"
#include "lib/store/password.h"
#include "shm/slots.h"

#define THREADS 2 /* the cores belong to the workers */

static int check_crypt(const char *given, const char *hash, struct crypt_data *room)
{
	const char *made = crypt_r(given, hash, room);

	if (!made || made[0] == '*') {
		log_warning("a stored password is a hash that this system's crypt(3) lacks");
		return VERIFY_CANNOT;
	}
	return str_same_secret(str_z(made), str_z(hash)) ? VERIFY_YES : VERIFY_NO;
}

/* Workers ask for hashes alone, and only for such as may be checked; this is not taken on trust,
 * since a hash may be made to take hours. */
static int check_hash(const struct verify_question *q, struct crypt_data *room)
{
	struct password p;
	struct err e = { "" };
	int rc = VERIFY_CANNOT;

	if (password_read(str_z(q->stored), &p, &e) < 0)
		log_warning("a stored password cannot be checked: %s", e.text);
	else if (p.kind == PASSWORD_CRYPT)
		rc = check_crypt(q->password, p.text.p, room);
	else if (p.kind == PASSWORD_DIGEST)
		rc = password_digest_is(&p, str_z(q->password)) ? VERIFY_YES : VERIFY_NO;
	explicit_bzero(&p, sizeof(p));
	return rc;
}

static void answer(const struct verify_question *q, struct verify_answer *a,
		   struct crypt_data *room)
{
	struct str salt = { (const char *)q->salt, q->salt_n };

	a->id = q->id;
	a->result = VERIFY_CANNOT;
	if (q->kind == VERIFY_HASH)
		a->result = check_hash(q, room);
	else if (q->kind == VERIFY_SCRAM && q->salt_n <= sizeof(q->salt) && q->rounds <= 100000)
		a->result = sasl_scram_keys(str_z(q->password), salt, q->rounds, a->stored_key,
					    a->server_key) == 0 ?
				    VERIFY_YES :
				    VERIFY_CANNOT;
}

/* One question of this worker, if another thread has not taken it already. */
static void serve(int fd, struct crypt_data *room)
{
	struct verify_question q;
	struct verify_answer a = { 0 };

	if (recv(fd, &q, sizeof(q), MSG_DONTWAIT) != (ssize_t)sizeof(q))
		return;
	if (clock_mono_ms() - q.asked > TIMEOUT_VERIFY) {
		explicit_bzero(&q, sizeof(q));
		return; /* else a flood would keep us busy for nothing */
	}
	q.password[LIMIT_PASSWORD] = q.stored[LIMIT_PASSWORD] = '\0';
	answer(&q, &a, room);
	explicit_bzero(&q, sizeof(q));
	explicit_bzero(room, sizeof(*room));
	if (send(fd, &a, sizeof(a), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return; /* its worker has died, or reads nothing: its time-out tells */
	explicit_bzero(&a, sizeof(a));
}

_Noreturn static void *serve_all(void *arg)
{
	const struct process *p = arg;
	struct crypt_data *room = mem_zalloc(sizeof(*room));
	struct pollfd fds[MAX_WORKERS];
	unsigned n = p->options->workers;

	for (unsigned i = 0; i < n; i++)
		fds[i] = (struct pollfd){ .fd = p->verify_ends[i], .events = POLLIN };
	for (;;) {
		if (poll(fds, n, -1) < 0 && errno != EINTR)
			bug("poll: %s", strerror(errno));
		for (unsigned i = 0; i < n; i++)
			if (fds[i].revents & POLLIN)
				serve(fds[i].fd, room);
	}
}

/* TERM simply ends it: questions under way are answered by the workers' time-outs. HUP and the
 * beat are this thread's, since the others hash. */
int verifier_run(struct process *p)
{
	static const struct timespec beat = { .tv_nsec = BEAT_MS * 1000000L };
	pthread_t thread;
	sigset_t hup;

	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &hup, NULL);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, serve_all, p) != 0)
			return EXIT_FAILURE;
	for (;;) {
		struct err e = { "" };

		slot_beat(p->shm, p->slot, clock_mono_ms());
		if (sigtimedwait(&hup, NULL, &beat) == SIGHUP && log_reopen(&e) < 0)
			log_error("%s; writing on into the old one", e.text);
	}
}
