#include "cmd/pbctl/rates.h"

#include <inttypes.h>
#include <stdio.h>

#include "admin/xml_out.h"

/* A legend: kept as it is, or the sum of counters (blank separated) a second, divided. */
struct rate {
	const char *tag, *counters;
	int64_t divide;
};
static const struct rate of_clusters[] = {
	{ "clusterid", NULL, 0 },
	{ "type", NULL, 0 },
	{ "sessions", NULL, 0 },
	{ "sessions_per_s", "sessions_total", 1 },
	{ "mails_per_s", "mails", 1 },
	{ "recipients_per_s", "recipients", 1 },
	{ "logins_per_s", "logins", 1 },
	{ "refused_per_s",
	  "refused_connections refused_client_rate refused_client_sessions refused_syntax refused_sender "
	  "refused_blocked refused_unknown refused_relay refused_greylist refused_suspicion refused_early "
	  "refused_listed refused_foreign refused_temporary refused_box refused_data refused_limit refused_login",
	  1 },
	{ "in_kb_per_s", "bytes_in", 1000 },
	{ "out_kb_per_s", "bytes_out", 1000 },
};
static const struct rate of_boxes[] = {
	{ "clusterid", NULL, 0 },
	{ "boxid", NULL, 0 },
	{ "light", NULL, 0 },
	{ "sessions", NULL, 0 },
	{ "idle", NULL, 0 },
	{ "mails_per_s", "mails", 1 },
	{ "refused_per_s", "refused", 1 },
	{ "logins_per_s", "logins", 1 },
	{ "failures_per_s", "failures", 1 },
	{ "kb_per_s", "bytes", 1000 },
	{ "last_failure", NULL, 0 },
};

/* --- rows --- */

static int64_t sum(const struct node *row, const char *counters)
{
	struct str rest = str_z(counters), one;
	int64_t n = 0;

	while (str_split(&rest, ' ', &one)) {
		const struct node *c = node_child(row, one);
		int64_t v;

		if (c && str_i64(c->text, 0, INT64_MAX, &v) == 0)
			n += v;
	}
	return n;
}

/* clusterid of a box is that of the cluster around it. */
static struct str value(const struct node *row, const char *tag)
{
	const struct node *c = node_child(row, str_z(tag));

	for (; !c && row->up; row = row->up)
		c = node_child(row->up, str_z(tag));
	return c ? c->text : STR("");
}

static void write_rate(struct xml_out *o, const struct rate *r, const struct node *before,
		       const struct node *now, int64_t ms)
{
	int64_t d = before ? sum(now, r->counters) - sum(before, r->counters) : 0, tenths;
	char text[40];

	tenths = d > 0 ? d * 10000 / ms / r->divide : 0;
	snprintf(text, sizeof(text), "%" PRId64 ".%" PRId64, tenths / 10, tenths % 10);
	xml_out_text(o, r->tag, str_z(text));
}

/* The row at that path with the same key. */
static const struct node *same_row(const struct answer *in, const char *path, const struct node *row)
{
	const struct node *r = NULL;

	while (in && (r = node_each(in->root, path, r)))
		if (str_eq(value(r, "clusterid"), value(row, "clusterid")) &&
		    str_eq(value(r, "boxid"), value(row, "boxid")))
			break;
	return r;
}

static int64_t count(const struct answer *a, const char *path)
{
	int64_t n = 0;

	for (const struct node *r = NULL; (r = node_each(a->root, path, r));)
		n++;
	return n;
}

struct rows {
	const char *list, *row, *path;
	const struct rate *rates;
	size_t n;
};
static const struct rows lists[] = {
	{ "clusters", "cluster", "clusters/cluster", of_clusters, ARRAY_LEN(of_clusters) },
	{ "boxes", "box", "clusters/cluster/boxes/box", of_boxes, ARRAY_LEN(of_boxes) },
};

static void write_list(struct xml_out *o, const struct rows *l,
		       const struct answer *before, const struct answer *now, int64_t ms)
{
	xml_out_open(o, l->list, count(now, l->path));
	for (const struct node *r = NULL; (r = node_each(now->root, l->path, r));) {
		xml_out_open(o, l->row, -1);
		for (size_t i = 0; i < l->n; i++)
			if (!l->rates[i].counters)
				xml_out_text(o, l->rates[i].tag, value(r, l->rates[i].tag));
			else if (before)
				write_rate(o, &l->rates[i], same_row(before, l->path, r), r, ms);
		xml_out_close(o, l->row);
	}
	xml_out_close(o, l->list);
}

/* --- processes --- */

static void write_process(struct xml_out *o, const struct node *p)
{
	static const char *const tags[] = { "slot", "role", "pid", "sessions", "restarts" };

	xml_out_open(o, "process", -1);
	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		xml_out_text(o, tags[i], node_text(p, tags[i]));
	xml_out_close(o, "process");
}

static void write_processes(struct xml_out *o, const struct answer *now)
{
	static const char *const paths[] = { "workers/worker", "processes/process" };
	int64_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		for (const struct node *p = NULL; (p = node_each(now->root, paths[i], p));)
			n += node_int(p, "pid") > 0;
	xml_out_open(o, "processes", n);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		for (const struct node *p = NULL; (p = node_each(now->root, paths[i], p));)
			if (node_int(p, "pid") > 0)
				write_process(o, p);
	xml_out_close(o, "processes");
}

void rates_between(const struct answer *before, const struct answer *now, int64_t ms, struct answer *out)
{
	struct xml_out o;
	struct err e;

	xml_out_begin(&o, STR("top"));
	xml_out_text(&o, "status", STR("ok"));
	xml_out_text(&o, "version", node_text(now->root, "version"));
	xml_out_text(&o, "uptime_s", node_text(now->root, "uptime_s"));
	write_processes(&o, now);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		write_list(&o, &lists[i], before, now, ms);
	xml_out_end(&o);
	if (answer_parse(&o.buf, out, &e))
		bug("our own document: %s", e.text);
}
