#include "admin/metrics.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/prometheus.h"
#include "admin/tls.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "shm/boxes.h"
#include "shm/counters.h"
#include "shm/journal.h"
#include "shm/listeners.h"
#include "shm/slots.h"

#define PREFIX "protobalance_"
#define ALONE NULL, 0 /* a sample without labels */

struct metrics {
	struct prom p;
	const struct command_env *env;
	int64_t mono_ms;
};

/* --- counters --- */

static bool ends_in(const char *z, const char *end)
{
	size_t n = strlen(z), m = strlen(end);

	return n >= m && strcmp(z + n - m, end) == 0;
}

static void counter_family(struct metrics *m, const char *of, const struct counter_info *c)
{
	char name[PROM_NAME];
	const char *end = c->gauge ? "_now" : ends_in(c->name, "_total") ? "" : "_total";

	snprintf(name, sizeof(name), PREFIX "%s_%s%s", of, c->name, end);
	prom_family(&m->p, name, c->gauge ? PROM_GAUGE : PROM_COUNTER, c->help);
}

static void cluster_counter(struct metrics *m, enum cluster_counter c)
{
	const char *cause = counter_cause(&cluster_counter_info[c]);
	struct prom_label l[] = { { "cluster", STR("") }, { "cause", str_z(cause) } };

	for (int i = 0; i < MAX_CLUSTERS; i++)
		if (clusters_name(m->env->shm, i, &l[0].value))
			prom_sample(&m->p, "", l, cause ? 2 : 1,
				    (double)counter_cluster(m->env->shm, -1, i, c));
}

static void write_listening(struct metrics *m)
{
	struct prom_label l[] = { { "cluster", STR("") } };

	prom_family(&m->p, PREFIX "cluster_listening", PROM_GAUGE, "1: its listener is open");
	for (int i = 0; i < MAX_CLUSTERS; i++)
		if (clusters_name(m->env->shm, i, &l[0].value))
			prom_sample(&m->p, "", l, 1, listeners_is_open(m->env->shm, i));
}

static void write_clusters(struct metrics *m)
{
	write_listening(m);
	for (int c = 0; c < CC_COUNT; c++) {
		if (counter_cause(&cluster_counter_info[c]))
			continue;
		counter_family(m, "cluster", &cluster_counter_info[c]);
		cluster_counter(m, (enum cluster_counter)c);
	}
	prom_family(&m->p, PREFIX "refusals_total", PROM_COUNTER, "refused, by cause");
	for (int c = 0; c < CC_COUNT; c++)
		if (counter_cause(&cluster_counter_info[c]))
			cluster_counter(m, (enum cluster_counter)c);
}

/* --- boxes --- */

/* A sample of the family for each box; value counts in parts of the unit. */
static void each_box(struct metrics *m, int64_t (*value)(struct metrics *m, int box, int arg),
		     int arg, double parts)
{
	struct prom_label l[] = { { "cluster", STR("") }, { "box", STR("") } };

	for (int i = 0; i < MAX_BOXES; i++)
		if (boxes_name(m->env->shm, i, &l[0].value, &l[1].value))
			prom_sample(&m->p, "", l, ARRAY_LEN(l), (double)value(m, i, arg) / parts);
}

static int64_t box_count(struct metrics *m, int box, int c)
{
	return counter_box(m->env->shm, -1, box, (enum box_counter)c);
}

static int64_t box_failures(struct metrics *m, int box, int arg)
{
	(void)arg;
	return boxes_health(m->env->shm, box, m->mono_ms).failures;
}

static int64_t box_passed_over(struct metrics *m, int box, int arg)
{
	(void)arg;
	return boxes_health(m->env->shm, box, m->mono_ms).passed_over_ms;
}

static int64_t box_check_took(struct metrics *m, int box, int arg)
{
	(void)arg;
	return boxes_check(m->env->shm, box).took_us;
}

static void write_checks(struct metrics *m)
{
	struct prom_label l[] = { { "cluster", STR("") }, { "box", STR("") }, { "verdict", STR("") } };

	prom_family(&m->p, PREFIX "box_check", PROM_GAUGE,
		    "1 for what the last health check found, 0 for what else it may find");
	for (int i = 0; i < MAX_BOXES; i++) {
		enum box_verdict found = boxes_check(m->env->shm, i).verdict;

		if (!boxes_name(m->env->shm, i, &l[0].value, &l[1].value))
			continue;
		for (int v = BOX_UNSEEN; v < BOX_VERDICTS; v++) {
			l[2].value = str_z(box_verdict_name((enum box_verdict)v));
			prom_sample(&m->p, "", l, ARRAY_LEN(l), v == (int)found);
		}
	}
	prom_family(&m->p, PREFIX "box_check_seconds", PROM_GAUGE, "how long the last health check took; 0: there was none");
	each_box(m, box_check_took, 0, 1000000);
}

static int write_light(void *arg, const void *rec, const struct row_meta *meta)
{
	struct metrics *m = arg;
	const struct box *b = rec;
	struct prom_label l[] = { { "cluster", b->clusterid }, { "box", b->boxid },
				  { "light", STR("") } };
	struct str words = str_z(table_field(&table_boxes, STR("light"))->words);

	(void)meta;
	while (str_split(&words, '|', &l[2].value))
		prom_sample(&m->p, "", l, ARRAY_LEN(l), str_eq(b->light, l[2].value));
	return 0;
}

/* Of what has been written, nothing is taken back when the store fails half-way: the boxes that
 * are missing tell. */
static void write_lights(struct metrics *m)
{
	struct err e;

	prom_family(&m->p, PREFIX "box_light", PROM_GAUGE,
		    "1 for the light that the box has, 0 for the others");
	if (store_read_begin(m->env->accounts, &e) < 0)
		return;
	if (store_each(m->env->accounts, &table_boxes, STR(""), write_light, m, &e) < 0)
		log_warning("metrics: %s", e.text);
	store_read_end(m->env->accounts);
}

static void write_latencies(struct metrics *m)
{
	struct prom_label l[] = { { "cluster", STR("") }, { "box", STR("") } };
	const struct shm *shm = m->env->shm;
	uint64_t counts[LATENCY_BUCKETS];
	double le[LATENCY_BUCKETS];

	for (int i = 0; i < LATENCY_BUCKETS; i++)
		le[i] = (double)(1 << i) / 1000;
	prom_family(&m->p, PREFIX "box_latency_seconds", PROM_HISTOGRAM,
		    "time that the box took for an answer");
	for (int i = 0; i < MAX_BOXES; i++) {
		if (!boxes_name(shm, i, &l[0].value, &l[1].value))
			continue;
		counter_latency(shm, -1, i, counts);
		prom_histogram(&m->p, l, ARRAY_LEN(l), le, counts, LATENCY_BUCKETS,
			       (double)counter_latency_sum(shm, -1, i) / 1000);
	}
}

static void write_boxes(struct metrics *m)
{
	for (int c = 0; c < BC_COUNT; c++) {
		counter_family(m, "box", &box_counter_info[c]);
		each_box(m, box_count, c, 1);
	}
	write_lights(m);
	prom_family(&m->p, PREFIX "box_failures_in_a_row", PROM_GAUGE,
		    "connects that failed since the last that worked");
	each_box(m, box_failures, 0, 1);
	prom_family(&m->p, PREFIX "box_passed_over_seconds", PROM_GAUGE,
		    "how long the box is still passed over for its failures; 0: it is not");
	each_box(m, box_passed_over, 0, 1000);
	write_checks(m);
	write_latencies(m);
}

/* --- stores --- */

#define STORES 2
static struct store *store_at(const struct metrics *m, int i, struct prom_label *l)
{
	*l = (struct prom_label){ "store", i ? STR("traffic") : STR("accounts") };
	return i ? m->env->traffic : m->env->accounts;
}

static void count_rows(struct metrics *m, struct store *s, struct str name,
		       const struct table *const *tables)
{
	struct prom_label l[] = { { "store", name }, { "table", STR("") } };
	struct err e;
	uint64_t n;

	if (store_read_begin(s, &e) < 0)
		return;
	for (; *tables; tables++) {
		l[1].value = str_z((*tables)->name);
		if (store_count(s, *tables, &n, &e) == 0)
			prom_sample(&m->p, "", l, ARRAY_LEN(l), (double)n);
	}
	store_read_end(s);
}

static void write_stores(struct metrics *m)
{
	static const struct table *const *const tables[STORES] = { accounts_tables, traffic_tables };
	struct store_info info[STORES];
	struct prom_label l[STORES];
	struct store *s[STORES];

	for (int i = 0; i < STORES; i++)
		if ((s[i] = store_at(m, i, &l[i])))
			store_info(s[i], &info[i]);
	prom_family(&m->p, PREFIX "store_used_bytes", PROM_GAUGE, "pages that were ever used");
	for (int i = 0; i < STORES; i++)
		if (s[i])
			prom_sample(&m->p, "", &l[i], 1,
				    (double)info[i].pages_used * (double)info[i].page_size);
	prom_family(&m->p, PREFIX "store_map_bytes", PROM_GAUGE, "what it may grow to");
	for (int i = 0; i < STORES; i++)
		if (s[i])
			prom_sample(&m->p, "", &l[i], 1, (double)info[i].map_size);
	prom_family(&m->p, PREFIX "store_rows", PROM_GAUGE, "rows of a table");
	for (int i = 0; i < STORES; i++)
		if (s[i])
			count_rows(m, s[i], l[i].value, tables[i]);
}

/* --- processes --- */

struct usage {
	bool known; /* the two below are */
	double cpu_s, resident;
};

/* The text of a small file of /proc; false when the process has gone. */
static bool read_proc(pid_t pid, const char *what, char text[1024])
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, 1023);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* The n-th number or word (from 0) of blank separated ones; -1 when it is no number. */
static int nth_number(struct str s, unsigned n, uint64_t *out)
{
	struct str word = STR("");

	for (unsigned i = 0; i <= n; i++)
		if (!str_split(&s, ' ', &word))
			return -1;
	return str_u64(str_trim(word), 0, UINT64_MAX, out);
}

/* proc(5): of stat, fields 14 and 15 (ticks), counted behind the name, which may hold anything; of
 * statm the second (pages). */
static struct usage usage_of(pid_t pid)
{
	struct usage u = { 0 };
	uint64_t user, sys, pages;
	char text[1024];
	const char *p;

	if (pid <= 0 || !read_proc(pid, "stat", text) || !(p = strrchr(text, ')')) ||
	    nth_number(str_z(p), 12, &user) < 0 || nth_number(str_z(p), 13, &sys) < 0 ||
	    !read_proc(pid, "statm", text) || nth_number(str_z(text), 1, &pages) < 0)
		return u;
	u.known = true;
	u.cpu_s = (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
	u.resident = (double)pages * (double)sysconf(_SC_PAGESIZE);
	return u;
}

struct process {
	char name[SLOT_NAME];
	struct slot_info slot;
	struct journal_stat journal;
	struct usage usage;
};

static struct process process_at(const struct shm *shm, unsigned slot)
{
	struct process p = { .slot = slot_get(shm, slot), .journal = journal_stat(shm, slot) };

	slot_name(slot, p.name);
	p.usage = usage_of(p.slot.pid);
	return p;
}

/* Of every slot that has or had a process; how many. */
static unsigned list_processes(const struct shm *shm, struct process out[MAX_SLOTS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAX_SLOTS; i++) {
		struct slot_info s = slot_get(shm, i);

		if (i < MAX_WORKERS ? i < shm_workers(shm) : s.pid || s.restarts)
			out[n++] = process_at(shm, i);
	}
	return n;
}

#define UNKNOWN (-1.0) /* no sample */

/* The two are not of one moment: what was published meanwhile may be applied already. */
static double journal_depth(const struct process *p)
{
	const struct journal_stat *j = &p->journal;

	return j->published > j->applied ? (double)(j->published - j->applied) : 0;
}

static double journal_dropped(const struct process *p)
{
	return (double)p->journal.dropped;
}

static double process_up(const struct process *p)
{
	return p->slot.pid > 0;
}

static double process_cpu(const struct process *p)
{
	return p->usage.known ? p->usage.cpu_s : UNKNOWN;
}

static double process_resident(const struct process *p)
{
	return p->usage.known ? p->usage.resident : UNKNOWN;
}

static double process_restarts(const struct process *p)
{
	return p->slot.restarts;
}

/* name, kind, value, help */
static const struct process_family {
	const char *name;
	enum prom_kind kind;
	double (*value)(const struct process *p);
	const char *help;
} process_families[] = {
	{ PREFIX "journal_bytes", PROM_GAUGE, journal_depth, "facts that wait for the replicator" },
	{ PREFIX "journal_dropped_total", PROM_COUNTER, journal_dropped, "facts that found no room" },
	{ PREFIX "process_up", PROM_GAUGE, process_up, "1: it runs" },
	{ PREFIX "process_cpu_seconds_total", PROM_COUNTER, process_cpu,
	  "processor time in its present life" },
	{ PREFIX "process_resident_memory_bytes", PROM_GAUGE, process_resident,
	  "memory, with what it shares with the others" },
	{ PREFIX "process_restarts_total", PROM_COUNTER, process_restarts,
	  "how often it died and was started anew" },
};

static void write_processes(struct metrics *m)
{
	struct process v[MAX_SLOTS];
	unsigned n = list_processes(m->env->shm, v);

	for (size_t f = 0; f < ARRAY_LEN(process_families); f++) {
		const struct process_family *row = &process_families[f];

		prom_family(&m->p, row->name, row->kind, row->help);
		for (unsigned i = 0; i < n; i++) {
			struct prom_label l = { "process", str_z(v[i].name) };
			double value = row->value(&v[i]);

			if (value >= 0)
				prom_sample(&m->p, "", &l, 1, value);
		}
	}
}

/* --- the whole --- */

static void write_self(struct metrics *m)
{
	struct prom_label version = { "version", STR(PB_VERSION) };
	int64_t up = clock_wall_ms() - shm_started(m->env->shm), ends = tls_expires();

	prom_family(&m->p, PREFIX "info", PROM_GAUGE, "1; the label tells the version");
	prom_sample(&m->p, "", &version, 1, 1);
	prom_family(&m->p, PREFIX "uptime_seconds", PROM_GAUGE, "since the supervisor began");
	prom_sample(&m->p, "", ALONE, up > 0 ? (double)up / 1000 : 0);
	if (!ends)
		return;
	prom_family(&m->p, PREFIX "http_certificate_expiry_timestamp_seconds", PROM_GAUGE,
		    "when the certificate of -http-cert ends, since 1970");
	prom_sample(&m->p, "", ALONE, (double)ends);
}

unsigned metrics_page(const struct command_env *env, int64_t mono_ms, struct buf *out)
{
	struct metrics m = { .p = { .out = out }, .env = env, .mono_ms = mono_ms };

	write_self(&m);
	write_processes(&m);
	write_stores(&m);
	write_clusters(&m);
	write_boxes(&m);
	if (!m.p.full)
		return 200;
	buf_consume(out, buf_len(out));
	if (buf_add(out, STR("# the page would be too large\n")) < 0)
		buf_release(out);
	return 503;
}
