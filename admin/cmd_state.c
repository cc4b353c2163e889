/* What there is and how it is: listclusters and stats. Both walk the descriptions of tables
 * (settings) and counters; neither knows a field by name beyond the keys. */
#include "admin/change.h"
#include "admin/handlers.h"
#include "admin/record.h"
#include "lib/base/clock.h"
#include "shm/boxes.h"
#include "shm/counters.h"
#include "shm/flags.h"
#include "shm/history.h"
#include "shm/journal.h"
#include "shm/listeners.h"
#include "shm/slots.h"

/* --- rows --- */

struct listing {
	struct call *c;
	struct xml_out *o;
	bool settings; /* listclusters; else stats */
	int64_t mono;
	struct str cluster; /* whose boxes are walked */
	int64_t boxes;
	bool relay_box; /* one of them has smtp_relay */
	struct err err;
};

static void write_latency(struct xml_out *o, const struct shm *shm, int box)
{
	uint64_t v[LATENCY_BUCKETS];

	counter_latency(shm, -1, box, v);
	xml_out_open(o, "latency", LATENCY_BUCKETS);
	for (int i = 0; i < LATENCY_BUCKETS; i++) {
		xml_out_open(o, "bucket", -1);
		if (i < LATENCY_BUCKETS - 1)
			xml_out_int(o, "below_ms", 1LL << i);
		else
			xml_out_text(o, "below_ms", STR("")); /* all the rest */
		xml_out_int(o, "answers", (int64_t)v[i]);
		xml_out_close(o, "bucket");
	}
	xml_out_close(o, "latency");
}

static void write_health(struct listing *l, int box)
{
	struct box_health h = boxes_health(l->c->env->shm, box, l->mono);

	xml_out_int(l->o, "failures_in_a_row", h.failures);
	xml_out_int(l->o, "passed_over_ms", h.passed_over_ms);
	xml_out_text(l->o, "last_failure", str_z(h.why));
}

static void write_check(struct listing *l, int box)
{
	struct box_check k = boxes_check(l->c->env->shm, box);
	int64_t ago = k.verdict == BOX_UNSEEN ? 0 : l->mono - k.mono_ms;

	xml_out_text(l->o, "check", str_z(box_verdict_name(k.verdict)));
	xml_out_int(l->o, "check_ago_ms", ago > 0 ? ago : 0);
	xml_out_int(l->o, "check_took_us", k.took_us);
	xml_out_text(l->o, "check_text", str_z(k.text));
}

static void write_box(struct listing *l, const struct box *b)
{
	const struct shm *shm = l->c->env->shm;
	int box = boxes_find(shm, b->clusterid, b->boxid);

	xml_out_open(l->o, "box", -1);
	if (l->settings)
		record_write(l->o, &table_boxes, b, SECRETS_MASKED);
	else
		xml_out_text(l->o, "boxid", b->boxid);
	xml_out_text(l->o, "light", b->light);
	for (int i = 0; i < BC_COUNT; i++)
		xml_out_int(l->o, box_counter_info[i].name,
			    counter_box(shm, -1, box, (enum box_counter)i));
	write_health(l, box);
	write_check(l, box);
	if (!l->settings)
		write_latency(l->o, shm, box);
	xml_out_close(l->o, "box");
}

/* --- the boxes of one cluster: their keys, its name and a NUL in front, stand together, and
 * before those of a cluster whose name only begins so --- */

static int count_box_row(void *arg, const void *rec, const struct row_meta *m)
{
	struct listing *l = arg;
	const struct box *b = rec;

	(void)m;
	if (!str_eq(b->clusterid, l->cluster))
		return 1;
	l->boxes++;
	l->relay_box |= b->smtp_relay != 0;
	return 0;
}

static int write_box_row(void *arg, const void *rec, const struct row_meta *m)
{
	struct listing *l = arg;

	(void)m;
	if (!str_eq(((const struct box *)rec)->clusterid, l->cluster))
		return 1;
	write_box(l, rec);
	return 0;
}

static int each_box(struct listing *l, store_visit *fn)
{
	return store_each(l->c->env->accounts, &table_boxes, l->cluster, fn, l, &l->err);
}

/* --- clusters --- */

static void write_cluster_counters(struct listing *l)
{
	const struct shm *shm = l->c->env->shm;
	int cluster = clusters_find(shm, l->cluster);

	for (int i = 0; i < CC_COUNT; i++)
		xml_out_int(l->o, cluster_counter_info[i].name,
			    counter_cluster(shm, -1, cluster, (enum cluster_counter)i));
}

static void write_warning(struct listing *l, const struct cluster *row)
{
	bool relays = row->relay_ranges.n > 0 || row->auth_required;

	if (str_eq(row->type, STR("smtp")) && relays && row->relay_box_choice == 0 && !l->relay_box)
		xml_out_text(l->o, "warning",
			     STR("relaying is load balanced, but no box has smtp_relay: outgoing "
				 "mail gets a temporary error"));
}

static int write_cluster_row(void *arg, const void *rec, const struct row_meta *m)
{
	struct listing *l = arg;
	const struct cluster *row = rec;
	int rc;

	(void)m;
	l->cluster = row->clusterid;
	l->boxes = 0;
	l->relay_box = false;
	if (each_box(l, count_box_row) < 0)
		return -1;
	xml_out_open(l->o, "cluster", -1);
	if (l->settings) {
		record_write(l->o, &table_clusters, row, SECRETS_MASKED);
		write_warning(l, row);
	} else {
		xml_out_text(l->o, "clusterid", row->clusterid);
		xml_out_text(l->o, "type", row->type);
	}
	xml_out_int(l->o, "listening",
		    listeners_is_open(l->c->env->shm, clusters_find(l->c->env->shm, row->clusterid)));
	write_cluster_counters(l);
	xml_out_open(l->o, "boxes", l->boxes);
	rc = each_box(l, write_box_row);
	xml_out_close(l->o, "boxes");
	xml_out_close(l->o, "cluster");
	return rc < 0 ? -1 : 0;
}

static int write_clusters(struct listing *l)
{
	struct store *s = l->c->env->accounts;
	uint64_t n;

	if (store_count(s, &table_clusters, &n, &l->err) < 0)
		return -1;
	xml_out_open(l->o, "clusters", (int64_t)n);
	if (store_each(s, &table_clusters, STR(""), write_cluster_row, l, &l->err) < 0)
		return -1;
	xml_out_close(l->o, "clusters");
	return 0;
}

/* Of one state of the store: rows do not change between counting and writing. */
static void list(struct call *c, bool settings)
{
	struct listing l = { .c = c, .o = &c->body, .settings = settings, .mono = clock_mono_ms() };
	int rc = store_read_begin(c->env->accounts, &l.err);

	if (rc == 0) {
		rc = write_clusters(&l);
		store_read_end(c->env->accounts);
	}
	if (rc < 0)
		change_unavailable(c, &l.err);
}

void cmd_listclusters(struct call *c)
{
	list(c, true);
}

/* --- processes --- */

/* What one worker has counted, over all clusters. */
static int64_t worker_sum(const struct shm *shm, unsigned slot, enum cluster_counter c)
{
	int64_t sum = 0;

	for (int i = 0; i < MAX_CLUSTERS; i++)
		sum += counter_cluster(shm, (int)slot, i, c);
	return sum;
}

static void write_slot(struct xml_out *o, const struct shm *shm, const char *name, unsigned slot)
{
	struct slot_info s = slot_get(shm, slot);

	xml_out_open(o, name, -1);
	xml_out_int(o, "slot", slot);
	xml_out_int(o, "pid", s.pid);
	xml_out_text(o, "role", s.pid ? str_z(role_name(s.role)) : STR(""));
	xml_out_int(o, "restarts", s.restarts);
	for (int i = 0; i < CC_COUNT && slot < MAX_WORKERS; i++)
		xml_out_int(o, cluster_counter_info[i].name,
			    worker_sum(shm, slot, (enum cluster_counter)i));
	xml_out_close(o, name);
}

static void write_workers(struct xml_out *o, const struct shm *shm)
{
	xml_out_open(o, "workers", shm_workers(shm));
	for (unsigned i = 0; i < shm_workers(shm); i++)
		write_slot(o, shm, "worker", i);
	xml_out_close(o, "workers");
	xml_out_open(o, "processes", MAX_SLOTS - MAX_WORKERS);
	for (unsigned i = MAX_WORKERS; i < MAX_SLOTS; i++)
		write_slot(o, shm, "process", i);
	xml_out_close(o, "processes");
}

/* Sums over all rings. */
static void write_journal(struct xml_out *o, const struct shm *shm)
{
	struct journal_stat sum = { 0 };

	for (unsigned i = 0; i < MAX_SLOTS; i++) {
		struct journal_stat j = journal_stat(shm, i);

		sum.published += j.published;
		sum.applied += j.applied;
		sum.dropped += j.dropped;
	}
	xml_out_open(o, "journal", -1);
	xml_out_int(o, "published_bytes", (int64_t)sum.published);
	xml_out_int(o, "applied_bytes", (int64_t)sum.applied);
	xml_out_int(o, "dropped", (int64_t)sum.dropped);
	xml_out_close(o, "journal");
}

/* --- the traffic of the last minutes and hours --- */

static void write_sample(void *arg, const struct history_sample *h)
{
	struct xml_out *o = arg;
	char time[21];

	clock_rfc3339(h->wall_ms, time);
	xml_out_open(o, "sample", -1);
	xml_out_text(o, "time", str_z(time));
	xml_out_int(o, "ms", h->ms);
	for (int i = 0; i < HF_COUNT; i++)
		xml_out_int(o, history_info[i].name, h->v[i]);
	xml_out_close(o, "sample");
}

static void write_history(struct xml_out *o, const struct shm *shm, struct str span)
{
	xml_out_open(o, "history", -1);
	for (int i = 0; i < HISTORY_RINGS; i++) {
		if (!str_eq(span, STR("all")) && !str_eq(span, str_z(history_shapes[i].name)))
			continue;
		xml_out_open(o, history_shapes[i].name, history_count(shm, (enum history_ring)i));
		history_each(shm, (enum history_ring)i, write_sample, o);
		xml_out_close(o, history_shapes[i].name);
	}
	xml_out_close(o, "history");
}

/* --- accounts that the guard found remarkable --- */

#define FLAGS_SHOWN 50

static void write_flags(struct xml_out *o, const struct shm *shm)
{
	struct flag v[FLAGS_SHOWN];
	unsigned n = flags_newest(shm, v, FLAGS_SHOWN);
	char time[21];

	xml_out_open(o, "flags", n);
	for (unsigned i = 0; i < n; i++) {
		clock_rfc3339(v[i].time, time);
		xml_out_open(o, "flag", -1);
		xml_out_text(o, "time", str_z(time));
		xml_out_text(o, "email_address", str_z(v[i].subject));
		xml_out_text(o, "reason", str_z(v[i].reason));
		xml_out_close(o, "flag");
	}
	xml_out_close(o, "flags");
}

/* How far the long command is. */
static void write_work(struct xml_out *o, struct long_work *w)
{
	if (!w->command)
		return;
	xml_out_open(o, "work", -1);
	xml_out_text(o, "command", str_z(w->command));
	xml_out_int(o, "done", (int64_t)atomic_load(&w->rows.done));
	xml_out_int(o, "of", (int64_t)atomic_load(&w->rows.of));
	xml_out_close(o, "work");
}

void cmd_stats(struct call *c)
{
	const struct shm *shm = c->env->shm;
	int64_t up = clock_wall_ms() - shm_started(shm);

	xml_out_int(&c->body, "uptime_s", up > 0 ? up / 1000 : 0);
	xml_out_text(&c->body, "version", STR(PB_VERSION));
	write_work(&c->body, c->env->work);
	write_workers(&c->body, shm);
	write_journal(&c->body, shm);
	write_flags(&c->body, shm);
	list(c, false);
	if (!c->code)
		write_history(&c->body, shm, c->args.span);
}
