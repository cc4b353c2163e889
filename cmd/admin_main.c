/* admin: the process around admin/: its sockets, its store, its signals. Opens the sockets while
 * it still may (a port below 1024, a socket only root can reach), then becomes -user. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/tls.h"
#include "cmd/process.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/net/listen.h"
#include "shm/history.h"
#include "shm/slots.h"

#define TRAFFIC_LOOK_MS 20 /* at the first start */
#define TRAFFIC_TRIES 4 /* it may be in the making */
#define COLLECT_MS 600000 /* tombstones are looked for that often */
#define COLLECT_ROWS 1000 /* so many at once: a transaction of some milliseconds */
#define BIND_PATIENCE_MS 3000 /* an earlier admin is just ending */
#define BIND_RETRY_US 20000

struct admin_main {
	struct process *p;
	struct loop *loop;
	struct store *accounts, *traffic; /* traffic: NULL until it is there */
	struct admin *admin;
	unsigned traffic_tries; /* to open a traffic.mdb that is there */
	struct watch bell;
	struct timer beat, collect;
	struct sigwatch term, hup;
};

/* --- the certificate --- */

static int load_certificate(const struct options *o, struct err *e)
{
	struct tls_files f = { o->http_cert, o->http_key };
	char ends[21];

	if (!o->http_cert)
		return 0;
	if (tls_load(&f, e) < 0)
		return err_wrap(e, "-http-cert, -http-key");
	clock_rfc3339(tls_expires() * 1000, ends);
	if (tls_expires() * 1000 < clock_wall_ms())
		log_warning("the certificate in %s has ended: %s", o->http_cert, ends);
	else
		log_info("serving HTTPS with %s, good until %s", o->http_cert, ends);
	return 0;
}

/* Read as -user by now: a file that only root may read is read at the start alone. */
static void reload_certificate(const struct options *o)
{
	struct err e = { "" };

	if (load_certificate(o, &e) == 0)
		return;
	if (o->user)
		log_error("%s; the old certificate stays (HUP reads as user %s)", e.text, o->user);
	else
		log_error("%s; the old certificate stays", e.text);
}

static bool is_loopback(const struct ipaddr *ip)
{
	static const struct ipaddr one = { { [15] = 1 } };

	return ip_is4(ip) ? ip->b[12] == 127 : ip_eq(ip, &one);
}

static void warn_of_plain(const struct options *o)
{
	if (!o->http_cert && !is_loopback(&o->http.ip))
		log_warning("-http %s: access keys and passwords cross the network in plain; give "
			    "-http-cert and -http-key, or listen on 127.0.0.1", o->http_text);
}

/* --- sockets --- */

static int open_http(const struct options *o, struct err *e)
{
	int64_t until = clock_mono_ms() + BIND_PATIENCE_MS;
	int fd;

	while ((fd = listen_open(&o->http, e)) < 0 && clock_mono_ms() < until)
		usleep(BIND_RETRY_US);
	if (fd < 0)
		err_wrap(e, "-http %s", o->http_text);
	return fd;
}

static int open_local(const struct options *o, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	uid_t uid;
	gid_t gid;
	int fd, n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/admin.sock", o->directory);
	mode_t old;

	if (n < 0 || (size_t)n >= sizeof(sa.sun_path))
		return err_set(e, "%s/admin.sock: longer than the %zu bytes of a socket's name; "
				  "give a shorter -directory",
			       o->directory, sizeof(sa.sun_path) - 1);
	if (process_user(o, &uid, &gid, e) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	unlink(sa.sun_path); /* of an earlier life: DIR is locked, so nobody else listens there */
	old = umask(0177);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 64) < 0 ||
	    (geteuid() == 0 && chown(sa.sun_path, uid, gid) < 0)) {
		err_errno(e, "cannot listen on %s", sa.sun_path);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	umask(old);
	return fd;
}

/* --- events --- */

static void on_bell(struct watch *w, unsigned what)
{
	struct admin_main *m = container_of(w, struct admin_main, bell);

	(void)what;
	slot_answer(m->p->shm, m->p->slot);
	admin_bell(m->admin);
}

/* The replicator makes traffic.mdb, and is born after us. */
static void look_for_traffic(struct admin_main *m)
{
	const char *dir = m->p->options->directory;
	char path[PATH_MAX];
	struct err e;

	snprintf(path, sizeof(path), "%s/traffic.mdb", dir);
	if (m->traffic || access(path, F_OK) < 0)
		return;
	if (store_open(&m->traffic, dir, STORE_TRAFFIC, STORE_READ, &e) == 0)
		admin_traffic(m->admin, m->traffic);
	else if (++m->traffic_tries == TRAFFIC_TRIES)
		log_error("%s; trying on", e.text);
}

static void on_beat(struct timer *t)
{
	struct admin_main *m = container_of(t, struct admin_main, beat);

	slot_beat(m->p->shm, m->p->slot, clock_mono_ms());
	history_take(m->p->shm, clock_mono_ms(), clock_wall_ms());
	store_reader_check(m->accounts); /* a reader that died must not pin old pages */
	look_for_traffic(m);
	timer_set(t, m->traffic ? BEAT_MS : TRAFFIC_LOOK_MS);
}

static int collect(struct admin_main *m, struct err *e)
{
	int64_t now = clock_wall_ms();
	int n;

	if (store_write_begin(m->accounts, now, e) < 0)
		return -1;
	n = store_collect(m->accounts, now, TOMBSTONE_KEEP_MS, COLLECT_ROWS, e);
	if (n <= 0) {
		store_abort(m->accounts);
		return n;
	}
	return store_commit(m->accounts, e) < 0 ? -1 : n;
}

static void on_collect(struct timer *t)
{
	struct admin_main *m = container_of(t, struct admin_main, collect);
	struct err e = { "" };

	if (!admin_writes(m->admin) && collect(m, &e) < 0)
		log_error("collecting tombstones: %s", e.text);
	timer_set(t, COLLECT_MS);
}

static void on_term(struct sigwatch *s)
{
	struct admin_main *m = container_of(s, struct admin_main, term);

	loop_stop(m->loop);
}

static void on_hup(struct sigwatch *s)
{
	const struct options *o = container_of(s, struct admin_main, hup)->p->options;
	struct err e = { "" };

	if (log_reopen(&e) < 0)
		log_error("%s; writing on into the old one", e.text);
	reload_certificate(o);
}

/* --- start --- */

static int start(struct admin_main *m, struct err *e)
{
	const struct options *o = m->p->options;
	struct admin_config c = { .dir = o->directory, .shm = m->p->shm, .loop = m->loop,
				  .tls = o->http_cert, .pages = &o->metrics,
				  .daily = o->daily, .monthly = o->monthly };

	c.http_fd = open_http(o, e);
	if (c.http_fd < 0 || load_certificate(o, e) < 0)
		return -1;
	warn_of_plain(o);
	c.local_fd = open_local(o, e);
	if (c.local_fd < 0 || process_drop(m->p, e) < 0 ||
	    store_open(&m->accounts, o->directory, STORE_ACCOUNTS, STORE_WRITE, e) < 0)
		return -1;
	c.accounts = m->accounts;
	return admin_start(&m->admin, &c, e);
}

int admin_run(struct process *p)
{
	static struct admin_main self; /* one a process */
	struct admin_main *m = &self;
	struct err e = { "" };

	m->p = p;
	m->loop = loop_new();
	if (start(m, &e) < 0) {
		log_error("%s", e.text);
		return EXIT_CANNOT_START;
	}
	watch_init(&m->bell, m->loop, slot_bell(p->shm, p->slot), on_bell);
	watch_set(&m->bell, WATCH_READ);
	timer_init(&m->beat, m->loop, on_beat);
	timer_set(&m->beat, 0);
	timer_init(&m->collect, m->loop, on_collect);
	timer_set(&m->collect, COLLECT_MS);
	sigwatch_start(&m->term, m->loop, SIGTERM, on_term);
	sigwatch_start(&m->hup, m->loop, SIGHUP, on_hup);
	loop_run(m->loop);
	admin_stop(&m->admin);
	store_close(&m->traffic);
	store_close(&m->accounts);
	return EXIT_SUCCESS;
}
