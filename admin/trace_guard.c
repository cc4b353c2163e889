#include "admin/trace_guard.h"

#include "admin/change.h"
#include "lib/base/clock.h"
#include "lib/guard/gate_store.h"

#define RECORDS_SHOWN 100
#define RECORDS_COUNTED 100000 /* of one network: some 50 ms of the loop */

struct trace {
	struct call *c;
	const struct ipaddr *ip;
	struct settings settings; /* numbers only */
	struct gate_rules rules;
	int64_t now;
	struct evidence evidence;
};

static void write_time(struct xml_out *o, const char *name, int64_t wall_ms)
{
	char text[21] = "";

	if (wall_ms > 0)
		clock_rfc3339(wall_ms, text);
	xml_out_text(o, name, str_z(text));
}

/* --- suspicion --- */

static void write_evidence(struct trace *t)
{
	struct xml_out *o = &t->c->body;
	struct explanation why;
	unsigned sum = 0;

	suspicion_score(&t->evidence, 1, &why);
	xml_out_int(o, "established", (int64_t)t->evidence.established);
	xml_out_open(o, "evidence", EVIDENCE_KINDS);
	for (unsigned k = 0; k < EVIDENCE_KINDS; k++) {
		const struct evidence_rule *r = &evidence_rules[k];

		xml_out_open(o, "piece", -1);
		xml_out_text(o, "name", str_z(r->name));
		xml_out_text(o, "what", str_z(r->measured));
		xml_out_int(o, "measure", (int64_t)t->evidence.measure[k]);
		xml_out_int(o, "taken_back_thousandths_of_established", r->vouch);
		xml_out_int(o, "counted", (int64_t)why.counted[k]);
		xml_out_int(o, "saturation", r->saturation);
		xml_out_int(o, "weight", r->weight);
		xml_out_int(o, "points", why.points[k]);
		xml_out_close(o, "piece");
		sum += why.points[k];
	}
	xml_out_close(o, "evidence");
	xml_out_int(o, "points", sum);
}

/* The score depends on the cluster's spread_factor. */
static int write_score(void *arg, const void *rec, const struct row_meta *m)
{
	struct trace *t = arg;
	const struct cluster *c = rec;
	struct gate_rules r = gate_rules_of(&t->settings, c);
	unsigned score = suspicion_score(&t->evidence, r.spread_factor, NULL);
	struct xml_out *o = &t->c->body;
	int64_t wait = suspicion_initial_ms(score, r.greylist.initial_ms, r.suspicious_ms);

	(void)m;
	if (!str_eq(c->type, STR("smtp")))
		return 0;
	xml_out_open(o, "suspicion", -1);
	xml_out_text(o, "clusterid", c->clusterid);
	xml_out_text(o, "spread_factor", field_text(table_field(&table_clusters, STR("spread_factor")),
						    c, t->c->arena));
	xml_out_int(o, "score", score);
	xml_out_int(o, "refused", suspicion_refuses(score, &t->evidence));
	xml_out_int(o, "greylist_initial_s", wait / 1000);
	xml_out_close(o, "suspicion");
	return 0;
}

static int write_scores(struct trace *t, struct err *e)
{
	int rc = store_read_begin(t->c->env->accounts, e);

	if (rc < 0)
		return -1;
	rc = store_each(t->c->env->accounts, &table_clusters, STR(""), write_score, t, e);
	store_read_end(t->c->env->accounts);
	return rc < 0 ? -1 : 0;
}

/* --- records of the network --- */

struct records {
	const struct trace *t;
	uint8_t network[NETWORK_KEY];
	int64_t found;
	struct xml_out rows;
};

/* 1: the row is of the next network, or there are enough. */
static int is_behind(struct records *r, struct str key)
{
	return key.n < NETWORK_KEY || memcmp(key.p, r->network, NETWORK_KEY) != 0 ||
	       r->found == RECORDS_COUNTED;
}

static int write_greylist(void *arg, const void *rec, const struct row_meta *m)
{
	const struct greylist_row *row = rec;
	struct records *r = arg;
	struct greylist_record g;

	(void)m;
	if (is_behind(r, row->key))
		return 1;
	if (greylist_decode(row->record, &g) < 0 || r->found++ >= RECORDS_SHOWN)
		return 0;
	xml_out_open(&r->rows, "record", -1);
	xml_out_int(&r->rows, "window", g.window);
	write_time(&r->rows, "first_try", g.first_ms);
	write_time(&r->rows, "last_try", g.last_ms);
	write_time(&r->rows, "passed", g.passed_ms);
	xml_out_int(&r->rows, "tries", (int64_t)tally_sum(&g.tally, GREYLIST_TRIED));
	xml_out_int(&r->rows, "passes", (int64_t)tally_sum(&g.tally, GREYLIST_PASSED));
	xml_out_close(&r->rows, "record");
	return 0;
}

static int write_trust(void *arg, const void *rec, const struct row_meta *m)
{
	const struct trust_row *row = rec;
	struct records *r = arg;
	const struct trace *t = r->t;
	uint8_t network[ENVELOPE_KEY];
	struct trust_record trust;
	bool whole;

	(void)m;
	if (is_behind(r, row->key))
		return 1;
	if (trust_decode(row->record, &trust) < 0 || r->found++ >= RECORDS_SHOWN)
		return 0;
	network_trust_key(t->ip, network);
	whole = memcmp(row->key.p, network, ENVELOPE_KEY) == 0;
	xml_out_open(&r->rows, "record", -1);
	xml_out_text(&r->rows, "proved", whole ? STR("the network") : STR("a sender domain"));
	xml_out_int(&r->rows, "proofs",
		    (int64_t)trust_proofs(&trust, t->rules.greylist.max_age_ms, t->now));
	xml_out_int(&r->rows, "proofs_wanted", whole ? TRUST_NETWORK_PROOFS : TRUST_PROOFS);
	write_time(&r->rows, "last_mail", trust.used_ms);
	xml_out_close(&r->rows, "record");
	return 0;
}

static int write_records(struct trace *t, const struct table *table, const char *name,
			 store_visit *write, struct err *e)
{
	struct records r = { .t = t };
	int rc;

	network_key(t->ip, r.network);
	xml_out_init(&r.rows, 4);
	rc = store_each(t->c->env->traffic, table,
			(struct str){ (const char *)r.network, NETWORK_KEY }, write, &r, e);
	if (rc >= 0) {
		xml_out_open(&t->c->body, name, r.found);
		xml_out_piece(&t->c->body, &r.rows);
		xml_out_close(&t->c->body, name);
	}
	xml_out_free(&r.rows);
	return rc < 0 ? -1 : 0;
}

/* --- put together --- */

static int read_evidence(struct trace *t, struct err *e)
{
	static struct spread_record spread; /* one a process; 12 KiB */
	uint8_t key[ENVELOPE_KEY];

	spread_key(t->ip, key);
	if (spread_get(t->c->env->traffic, key, &spread, e) < 0)
		return -1;
	spread_evidence(&spread, t->now, t->rules.spread_ms, &t->evidence);
	return 0;
}

static int write_rows(struct trace *t, struct err *e)
{
	if (read_evidence(t, e) < 0)
		return -1;
	write_evidence(t);
	if (write_scores(t, e) < 0 ||
	    write_records(t, &table_greylist, "greylist", write_greylist, e) < 0)
		return -1;
	return write_records(t, &table_trust, "trust", write_trust, e);
}

static int settings_of(struct trace *t, struct err *e)
{
	struct store *s = t->c->env->accounts;
	int rc = store_read_begin(s, e);

	record_defaults(&table_settings, &t->settings);
	if (rc == 0) {
		rc = store_get(s, &table_settings, t->settings.settingsid, &t->settings, NULL, e);
		store_read_end(s);
	}
	t->rules = gate_rules_of(&t->settings, NULL);
	return rc < 0 ? -1 : 0;
}

int trace_guard(struct call *c, const struct ipaddr *ip)
{
	struct trace t = { .c = c, .ip = ip, .now = clock_wall_ms() };
	struct ipaddr network = ip_network(ip);
	struct err e = { "" };
	char text[ADDR_TEXT];
	int rc;

	if (!c->env->traffic)
		return 0;
	if (settings_of(&t, &e) < 0 || store_read_begin(c->env->traffic, &e) < 0)
		return change_unavailable(c, &e);
	xml_out_open(&c->body, "guard", -1);
	xml_out_text(&c->body, "network", str_z(ip_text(&network, text)));
	rc = write_rows(&t, &e);
	store_read_end(c->env->traffic);
	xml_out_close(&c->body, "guard");
	return rc < 0 ? change_unavailable(c, &e) : 0;
}
