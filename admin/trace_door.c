#include "admin/trace_door.h"

#include "admin/change.h"
#include "lib/base/clock.h"
#include "shm/clients.h"
#include "shm/counters.h"
#include "shm/dictionary.h"

struct tracing {
	struct call *c;
	const struct ipaddr *ip;
	int64_t life_ms, now; /* now: monotonic */
	int64_t found;
	struct xml_out rows;
};

static int write_cluster(void *arg, const void *rec, const struct row_meta *m)
{
	const struct cluster *row = rec;
	struct tracing *t = arg;
	const struct shm *shm = t->c->env->shm;
	int cluster = clusters_find(shm, row->clusterid);
	uint64_t key = client_key(shm, cluster, t->ip), sessions = client_sessions(shm, key);
	struct dictionary_entry e = { 0 };
	bool known = dictionary_get(shm, key, decimal_s_ms(row->max_client_connections_interval_s),
				    t->life_ms, t->now, &e);

	(void)m;
	if (cluster < 0 || (!known && sessions == 0))
		return 0;
	t->found++;
	xml_out_open(&t->rows, "at_cluster", -1);
	xml_out_text(&t->rows, "clusterid", row->clusterid);
	xml_out_int(&t->rows, "open_sessions", (int64_t)sessions);
	xml_out_int(&t->rows, "tries", e.connections);
	xml_out_int(&t->rows, "interval_ends_ms", e.window_ms);
	if (known)
		xml_out_int(&t->rows, "last_try_ms", e.silent_ms);
	xml_out_close(&t->rows, "at_cluster");
	return 0;
}

static int read_rows(struct tracing *t, struct err *e)
{
	struct store *s = t->c->env->accounts;
	struct settings settings;
	int rc;

	record_defaults(&table_settings, &settings);
	if (store_read_begin(s, e) < 0)
		return -1;
	rc = store_get(s, &table_settings, settings.settingsid, &settings, NULL, e);
	t->life_ms = decimal_s_ms(settings.ip_dictionary_expiry_s);
	if (rc >= 0)
		rc = store_each(s, &table_clusters, STR(""), write_cluster, t, e);
	store_read_end(s);
	return rc < 0 ? -1 : 0;
}

int trace_door(struct call *c, const struct ipaddr *ip)
{
	struct tracing t = { .c = c, .ip = ip, .now = clock_mono_ms() };
	struct err e = { "" };
	int rc;

	xml_out_init(&t.rows, 3);
	rc = read_rows(&t, &e);
	if (rc == 0 && t.found > 0) {
		xml_out_open(&c->body, "connections", t.found);
		xml_out_piece(&c->body, &t.rows);
		xml_out_close(&c->body, "connections");
	}
	xml_out_free(&t.rows);
	return rc < 0 ? change_unavailable(c, &e) : 0;
}
