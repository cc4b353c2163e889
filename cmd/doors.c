#include "cmd/doors.h"

#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/net/listen.h"
#include "shm/counters.h"

#define PATIENCE_MS 600	   /* before admin is told; below CONFIRM_MS */
#define RETRY_FAST_MS 30
#define RETRY_SLOW_MS 1000

/* shutdown, because workers hold copies of the socket: this ends it for all at once. */
static void shut(struct doors *d, struct doors_row *row)
{
	if (row->fd < 0)
		return;
	d->changed(d, row->cluster, -1);
	listeners_opened(d->shm, row->cluster, false);
	shutdown(row->fd, SHUT_RDWR);
	close(row->fd);
	row->fd = -1;
}

static bool same_listener(const struct listener *a, const struct listener *b)
{
	return strcmp(a->cluster, b->cluster) == 0 && ip_eq(&a->addr.ip, &b->addr.ip) &&
	       a->addr.port == b->addr.port;
}

static void add_reason(struct err *e, const struct err *why)
{
	size_t n = strlen(e->text);

	if (n > 0)
		n += str_copy(e->text + n, sizeof(e->text) - n, STR("; "));
	str_copy(e->text + n, sizeof(e->text) - n, str_z(why->text));
}

/* Opens what is not open; how many are still missing, and since when the newest of them is wanted.
 * All reasons go into e, and how many when they are more than one. */
static unsigned open_missing(struct doors *d, int64_t *newest, struct err *e)
{
	unsigned missing = 0;
	struct err all = { "" }, why;

	*newest = INT64_MIN;
	for (unsigned i = 0; i < d->n; i++) {
		if (d->v[i].fd >= 0)
			continue;
		d->v[i].cluster = clusters_find(d->shm, str_z(d->v[i].want.cluster));
		d->v[i].fd = listen_open(&d->v[i].want.addr, &why);
		if (d->v[i].fd >= 0) {
			d->changed(d, d->v[i].cluster, d->v[i].fd);
			listeners_opened(d->shm, d->v[i].cluster, true);
			continue;
		}
		missing++;
		if (d->v[i].since > *newest)
			*newest = d->v[i].since;
		add_reason(&all, &why);
	}
	if (missing > 1)
		err_set(e, "%u listeners: %.200s", missing, all.text);
	else
		*e = all;
	return missing;
}

static void answer(struct doors *d, const char *error)
{
	if (d->answered && strcmp(error, d->said) == 0)
		return;
	if (error[0])
		log_error("%s; trying on", error);
	else if (d->said[0])
		log_info("all listeners are open now");
	d->answered = true;
	str_copy(d->said, sizeof(d->said), str_z(error));
	listeners_answer(d->shm, d->version, error);
}

/* Patience is with each for itself: one that has failed for long does not hold up the others. */
static void try(struct doors *d)
{
	int64_t newest, waited;
	struct err e = { "" };

	if (open_missing(d, &newest, &e) == 0) {
		answer(d, "");
		return;
	}
	waited = clock_mono_ms() - newest;
	if (waited >= PATIENCE_MS)
		answer(d, e.text);
	timer_set(&d->retry, waited < PATIENCE_MS ? RETRY_FAST_MS : RETRY_SLOW_MS);
}

static void on_retry(struct timer *t)
{
	try(container_of(t, struct doors, retry));
}

void doors_init(struct doors *d, struct loop *l, struct shm *shm,
		void (*changed)(struct doors *d, int cluster, int fd))
{
	memset(d, 0, sizeof(*d));
	d->loop = l;
	d->shm = shm;
	d->changed = changed;
	timer_init(&d->retry, l, on_retry);
}

/* Keeps what stays, closes what is gone, notes what is to be opened. */
static void take_over(struct doors *d, const struct listener *want, unsigned n)
{
	struct doors_row old[MAX_LISTENERS];
	int64_t now = clock_mono_ms();
	unsigned n_old = d->n;

	memcpy(old, d->v, sizeof(old));
	d->n = n;
	for (unsigned i = 0; i < n; i++) {
		d->v[i] = (struct doors_row){ .want = want[i], .fd = -1, .cluster = -1, .since = now };
		for (unsigned j = 0; j < n_old && d->v[i].fd < 0; j++) {
			if (same_listener(&old[j].want, &want[i])) {
				d->v[i] = old[j];
				old[j].fd = -1;
			}
		}
	}
	for (unsigned j = 0; j < n_old; j++)
		shut(d, &old[j]);
}

/* The table is ours, but range-checked all the same: admin parses what strangers send. */
static bool sound(const struct listener *l)
{
	return l->cluster[0] && l->addr.port > 0;
}

void doors_look(struct doors *d)
{
	struct listener want[MAX_LISTENERS];
	uint32_t version;
	unsigned n = listeners_get(d->shm, want, &version), kept = 0;

	if ((version & 1) || version == d->version)
		return;
	for (unsigned i = 0; i < n; i++)
		if (sound(&want[i]))
			want[kept++] = want[i];
	take_over(d, want, kept);
	d->version = version;
	d->answered = false;
	try(d);
}

unsigned doors_list(const struct doors *d, struct door out[MAX_LISTENERS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < d->n; i++)
		if (d->v[i].fd >= 0)
			out[n++] = (struct door){ d->v[i].cluster, d->v[i].fd };
	return n;
}

void doors_shut(struct doors *d)
{
	timer_stop(&d->retry);
	for (unsigned i = 0; i < d->n; i++)
		shut(d, &d->v[i]);
	d->n = 0;
}

void doors_forget(struct doors *d)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->v[i].fd >= 0)
			close(d->v[i].fd);
	d->n = 0;
}
