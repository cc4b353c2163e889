#include "lib/session/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uthash.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"

struct verify_job {
	UT_hash_handle hh;
	struct verify *v;
	struct timer timeout;
	uint32_t id;
	void (*done)(void *arg, const struct verify_answer *a);
	void *arg;
};

struct verify {
	struct loop *loop;
	struct watch watch;
	struct verify_job *jobs; /* by id */
	uint32_t next_id;
};

static void job_end(struct verify_job *j)
{
	HASH_DEL(j->v->jobs, j);
	timer_stop(&j->timeout);
	free(j);
}

static void job_done(struct verify_job *j, const struct verify_answer *a)
{
	void (*done)(void *arg, const struct verify_answer *a) = j->done;
	void *arg = j->arg;

	job_end(j);
	done(arg, a);
}

static void on_timeout(struct timer *t)
{
	struct verify_job *j = container_of(t, struct verify_job, timeout);
	struct verify_answer a = { .id = j->id, .result = VERIFY_LATE };

	job_done(j, &a);
}

static void on_ready(struct watch *w, unsigned what)
{
	struct verify *v = container_of(w, struct verify, watch);
	struct verify_answer a;
	struct verify_job *j;
	ssize_t n = recv(w->fd, &a, sizeof(a), MSG_DONTWAIT);

	(void)what;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		watch_set(w, 0); /* the supervisor is gone; time-outs answer the rest */
		return;
	}
	if (n != (ssize_t)sizeof(a))
		return;
	HASH_FIND(hh, v->jobs, &a.id, sizeof(a.id), j);
	if (j) /* else its asker has left, or an earlier life of this worker asked */
		job_done(j, &a);
}

struct verify *verify_new(struct loop *l, int fd)
{
	struct verify *v = mem_zalloc(sizeof(*v));

	v->loop = l;
	/* Answers to an earlier worker in this slot must meet no question of ours. */
	v->next_id = (uint32_t)clock_mono_us();
	watch_init(&v->watch, l, fd, on_ready);
	watch_set(&v->watch, WATCH_READ);
	return v;
}

void verify_free(struct verify **vp)
{
	struct verify *v = *vp;
	struct verify_job *j, *tmp;

	*vp = NULL;
	if (!v)
		return;
	watch_set(&v->watch, 0);
	HASH_ITER(hh, v->jobs, j, tmp) {
		job_end(j);
	}
	free(v);
}

struct verify_job *verify_ask(struct verify *v, const struct verify_question *q,
			      void (*done)(void *arg, const struct verify_answer *a), void *arg)
{
	struct verify_question copy = *q;
	struct verify_job *j;
	ssize_t n;

	if (!v || HASH_COUNT(v->jobs) >= VERIFY_MAX)
		return NULL;
	copy.id = ++v->next_id;
	copy.asked = clock_mono_ms();
	n = send(v->watch.fd, &copy, sizeof(copy), MSG_DONTWAIT | MSG_NOSIGNAL);
	explicit_bzero(&copy, sizeof(copy));
	if (n != (ssize_t)sizeof(copy))
		return NULL;
	j = mem_zalloc(sizeof(*j));
	j->v = v;
	j->id = v->next_id;
	j->done = done;
	j->arg = arg;
	timer_init(&j->timeout, v->loop, on_timeout);
	timer_set(&j->timeout, TIMEOUT_VERIFY);
	HASH_ADD(hh, v->jobs, id, sizeof(j->id), j);
	return j;
}

void verify_cancel(struct verify_job **j)
{
	if (*j)
		job_end(*j);
	*j = NULL;
}

const char *verify_trouble(int32_t result)
{
	return result == VERIFY_LATE ? "the verifier has not answered in time" :
				       "the stored password is of a kind that cannot be checked";
}
