#include "admin/admin.h"

#include <stdlib.h>
#include <unistd.h>

#include "admin/exchange.h"
#include "admin/health.h"
#include "admin/metrics.h"
#include "admin/prometheus.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "shm/slots.h"

static void on_recheck(struct timer *t)
{
	struct admin *a = container_of(t, struct admin, recheck);

	exchanges_look(a);
	if (!list_empty(&a->waiting))
		timer_set(t, PUBLISH_RECHECK_MS);
}

/* --- pages --- */

static const struct page {
	enum server_what what;
	const char *type;
	size_t most;
	/* Adds the page, returns the HTTP status. */
	unsigned (*write)(const struct command_env *env, int64_t mono_ms, struct buf *out);
} pages[] = {
	{ SERVER_METRICS, PROM_TYPE, LIMIT_METRICS, metrics_page },
	{ SERVER_HEALTH, "text/plain; charset=utf-8", LIMIT_HEALTH, health_page },
};

/* true: it was one. */
static bool on_page(struct admin *a, struct server_request *r)
{
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		struct buf text;
		unsigned http;

		if (pages[i].what != r->what)
			continue;
		buf_init(&text, pages[i].most);
		http = pages[i].write(&a->env, clock_mono_ms(), &text);
		server_answer(r, http, pages[i].type, buf_str(&text), 0);
		buf_release(&text);
		return true;
	}
	return false;
}

/* --- requests --- */

static void on_request(void *arg, struct server_request *r)
{
	if (r->what == SERVER_XML)
		exchange_xml(arg, r);
	else if (r->what == SERVER_UPLOADED)
		exchange_uploaded(arg, r);
	else if (r->what == SERVER_LOGIN)
		exchange_login(arg, r);
	else if (r->what == SERVER_LOGOUT)
		exchange_logout(arg, r);
	else if (!on_page(arg, r))
		exchange_refused(arg, r);
}

static void on_gone(void *arg, struct server_request *r)
{
	(void)arg;
	exchange_gone(r);
}

/* --- the whole --- */

static int serve(struct admin *a, struct server **out, int *fd, bool local, struct err *e)
{
	struct server_config c = { .loop = a->c.loop,
				   .fd = *fd,
				   .local = local,
				   .tls = a->c.tls && !local,
				   .pages = a->c.pages,
				   .deadline_ms = a->c.deadline_ms,
				   .arg = a,
				   .files = a->c.dir,
				   .admits = exchange_admits,
				   .request = on_request,
				   .gone = on_gone };

	if (*fd < 0)
		return 0;
	*fd = -1;
	return server_start(out, &c, e);
}

static void admin_free(struct admin **out)
{
	struct admin *a = *out;

	exchanges_end(a);
	server_stop(&a->http);
	server_stop(&a->local);
	timer_stop(&a->recheck);
	auth_free(&a->auth);
	if (a->c.http_fd >= 0)
		close(a->c.http_fd);
	if (a->c.local_fd >= 0)
		close(a->c.local_fd);
	free(a);
	*out = NULL;
}

int admin_start(struct admin **out, const struct admin_config *c, struct err *e)
{
	struct admin *a = mem_zalloc(sizeof(*a));
	struct publish first;

	a->c = *c;
	a->env = (struct command_env){ .dir = c->dir, .shm = c->shm, .accounts = c->accounts,
				       .work = &a->work,
				       .traffic_daily = c->daily,
				       .traffic_monthly = c->monthly };
	list_init(&a->waiting);
	timer_init(&a->recheck, c->loop, on_recheck);
	aside_init(&a->commands, c->loop);
	aside_init(&a->keys, c->loop);
	if (auth_open(&a->auth, c->accounts, c->dir, e) ||
	    publish_start(&first, c->accounts, c->shm, e) ||
	    serve(a, &a->http, &a->c.http_fd, false, e) ||
	    serve(a, &a->local, &a->c.local_fd, true, e)) {
		admin_free(&a);
		return -1;
	}
	*out = a;
	return 0;
}

void admin_traffic(struct admin *a, struct store *traffic)
{
	a->env.traffic = traffic;
}

void admin_bell(struct admin *a)
{
	slot_answer(a->c.shm, SLOT_ADMIN);
	exchanges_look(a);
}

bool admin_writes(const struct admin *a)
{
	return a->commands.busy;
}

void admin_stop(struct admin **a)
{
	if (*a)
		admin_free(a);
}
