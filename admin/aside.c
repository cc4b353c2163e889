#include "admin/aside.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/buf.h"

static void *run(void *arg)
{
	struct aside *a = arg;
	uint64_t one = 1;

	a->work(a->arg);
	buf_thread_end();
	if (write(a->fd, &one, sizeof(one)) < 0)
		bug("eventfd: %s", strerror(errno));
	return NULL;
}

static void finish(struct aside *a)
{
	uint64_t n;

	pthread_join(a->thread, NULL);
	if (read(a->fd, &n, sizeof(n)) < 0)
		bug("eventfd: %s", strerror(errno));
	a->busy = false;
	a->done(a->arg);
}

static void on_ready(struct watch *w, unsigned what)
{
	(void)what;
	finish(container_of(w, struct aside, watch));
}

void aside_init(struct aside *a, struct loop *l)
{
	a->busy = false;
	a->fd = eventfd(0, EFD_CLOEXEC);
	if (a->fd < 0)
		bug("eventfd: %s", strerror(errno));
	watch_init(&a->watch, l, a->fd, on_ready);
	watch_set(&a->watch, WATCH_READ);
}

int aside_start(struct aside *a, void (*work)(void *arg), void (*done)(void *arg), void *arg,
		struct err *e)
{
	sigset_t all, old;
	int rc;

	if (a->busy)
		bug("two pieces of work at once");
	a->work = work;
	a->done = done;
	a->arg = arg;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&a->thread, NULL, run, a);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc)
		return err_set(e, "no thread: %s", strerror(rc));
	a->busy = true;
	return 0;
}

void aside_end(struct aside *a)
{
	while (a->busy)
		finish(a);
	watch_set(&a->watch, 0);
	close(a->fd);
}
