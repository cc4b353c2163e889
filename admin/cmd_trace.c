/* Everything that is held about a client address or a mail address: "why was my mail delayed?" */
#include "admin/change.h"
#include "admin/handlers.h"
#include "admin/record.h"
#include "admin/trace_access.h"
#include "admin/trace_door.h"
#include "admin/trace_guard.h"
#include "lib/base/addr.h"
#include "lib/base/clock.h"
#include "lib/guard/replied.h"
#include "shm/boxes.h"
#include "shm/counters.h"
#include "shm/penalty.h"
#include "shm/sessions.h"

#define SESSIONS_SHOWN 100
#define PAIRS_SHOWN 100
#define PAIRS_COUNTED 10000 /* a few milliseconds of the loop */

/* --- the boxes of an account, and what stands against mail for it --- */

struct boxes_walk {
	struct call *c;
	struct str boxid;
	int64_t mono;
	unsigned found;
};

static int write_box(void *arg, const void *rec, const struct row_meta *m)
{
	const struct box *b = rec;
	struct boxes_walk *w = arg;
	struct xml_out *o = &w->c->body;
	const struct shm *shm = w->c->env->shm;
	struct box_health h;

	(void)m;
	if (!str_eq(b->boxid, w->boxid))
		return 0;
	w->found++;
	h = boxes_health(shm, boxes_find(shm, b->clusterid, b->boxid), w->mono);
	xml_out_open(o, "box", -1);
	xml_out_text(o, "clusterid", b->clusterid);
	xml_out_text(o, "boxid", b->boxid);
	xml_out_text(o, "light", b->light);
	xml_out_text(o, "fallover_boxid", b->fallover_boxid);
	xml_out_int(o, "failures_in_a_row", h.failures);
	xml_out_int(o, "passed_over_ms", h.passed_over_ms);
	xml_out_text(o, "last_failure", str_z(h.why));
	xml_out_close(o, "box");
	return 0;
}

static int write_boxes(struct call *c, struct str boxid)
{
	struct boxes_walk w = { .c = c, .boxid = boxid, .mono = clock_mono_ms() };
	struct err e = { "" };

	if (store_each(c->env->accounts, &table_boxes, STR(""), write_box, &w, &e) < 0)
		return change_unavailable(c, &e);
	if (w.found == 0)
		xml_out_text(&c->body, "warning",
			     STR("no cluster has the account's box: mail to it gets a temporary error"));
	return 0;
}

/* --- the stores --- */

/* One row as an element of that name, if there is one, and the boxes of an account. 0, STORE_NONE,
 * or -1 after call_fail. */
static int write_row(struct call *c, const struct table *t, const char *name, struct str key)
{
	union record rec;
	int rc = record_load_key(c, t, key, &rec);

	if (rc != 0)
		return rc;
	xml_out_open(&c->body, name, -1);
	record_write(&c->body, t, &rec, SECRETS_MASKED);
	xml_out_close(&c->body, name);
	return t == &table_accounts ? write_boxes(c, rec.account.boxid) : 0;
}

/* The ways of an address, in the order in which mail tries them. */
static int write_ways(struct call *c, struct str address)
{
	ptrdiff_t at = str_find(address, '@');
	struct str domain = str_skip(address, at > 0 ? (size_t)at : address.n);
	const struct way {
		const struct table *table;
		const char *name;
		struct str key;
	} ways[] = {
		{ &table_accounts, "account", address },
		{ &table_aliases, "alias", address },
		{ &table_accounts, "catch_all_account", domain },
		{ &table_aliases, "catch_all_alias", domain },
	};
	unsigned found = 0;

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		int rc = write_row(c, ways[i].table, ways[i].name, ways[i].key);

		if (rc < 0)
			return -1;
		found += rc == 0;
	}
	if (found == 0)
		xml_out_text(&c->body, "warning",
			     STR("neither account nor alias, and its domain has no catch-all"));
	return 0;
}

static int write_rows(struct call *c, struct str address)
{
	struct err e = { "" };
	int rc = store_read_begin(c->env->accounts, &e);

	if (rc < 0)
		return change_unavailable(c, &e);
	rc = write_ways(c, address);
	store_read_end(c->env->accounts);
	return rc;
}

static int write_blocked(struct call *c, struct str subject)
{
	struct store *s = c->env->traffic;
	struct err e = { "" };
	struct blocked row;
	int rc;

	if (!s)
		return 0;
	if (store_read_begin(s, &e) < 0)
		return change_unavailable(c, &e);
	rc = store_get(s, &table_blocked, subject, &row, NULL, &e);
	if (rc == 0)
		block_write(&c->body, &row);
	store_read_end(s);
	return rc < 0 ? change_unavailable(c, &e) : 0;
}

/* --- pairs of addresses: correspondents, automatic replies --- */

struct pairs_walk {
	const struct table *table;
	const char *name;
	struct str first; /* the first key field has to be this; empty: any */
	int64_t found;
	struct xml_out rows;
};

static int write_pair(void *arg, const void *rec, const struct row_meta *m)
{
	struct pairs_walk *w = arg;

	(void)m;
	if (w->first.n > 0 && !str_eq(field_str(&w->table->fields[0], rec), w->first))
		return 1;
	if (w->found++ < PAIRS_SHOWN) {
		xml_out_open(&w->rows, w->name, -1);
		record_write(&w->rows, w->table, rec, false);
		xml_out_close(&w->rows, w->name);
	}
	return w->found == PAIRS_COUNTED;
}

/* The rows whose first key field is the address, then those whose second one is as given. */
static int walk_pairs(struct pairs_walk *w, struct store *s, struct str address, struct str second,
		      struct err *e)
{
	w->first = address;
	if (store_each(s, w->table, address, write_pair, w, e) < 0)
		return -1;
	w->first = STR("");
	if (w->found == PAIRS_COUNTED)
		return 0;
	return store_mirror(s, w->table, second, write_pair, w, e) < 0 ? -1 : 0;
}

static int write_pairs(struct call *c, struct pairs_walk *w, const char *list, struct str address,
		       struct str second)
{
	struct store *s = c->env->traffic;
	struct err e = { "" };
	int rc;

	if (!s)
		return 0;
	if (store_read_begin(s, &e) < 0)
		return change_unavailable(c, &e);
	xml_out_init(&w->rows, 3);
	rc = walk_pairs(w, s, address, second, &e);
	store_read_end(s);
	if (rc == 0) {
		xml_out_open(&c->body, list, w->found);
		xml_out_piece(&c->body, &w->rows);
		xml_out_close(&c->body, list);
	}
	xml_out_free(&w->rows);
	return rc < 0 ? change_unavailable(c, &e) : 0;
}

static int write_correspondents(struct call *c, struct str address)
{
	struct pairs_walk w = { .table = &table_whitelist, .name = "correspondent" };

	return write_pairs(c, &w, "correspondents", address, address);
}

static int write_replies(struct call *c, struct str address)
{
	struct pairs_walk w = { .table = &table_replied, .name = "reply" };
	char hash[REPLIED_HASH];

	replied_hash(address, hash);
	return write_pairs(c, &w, "replies", address, str_z(hash));
}

/* --- ranges of clusters that hold the address --- */

struct ranges_walk {
	struct call *c;
	const struct ipaddr *ip;
};

static void write_range(struct ranges_walk *w, const struct cluster *row, const struct field *f)
{
	struct ip_ranges r;
	bool inside;

	if (ranges_parse(field_str(f, row), &r, NULL) < 0)
		return;
	inside = ranges_contain(&r, w->ip);
	ranges_free(&r);
	if (!inside)
		return;
	xml_out_open(&w->c->body, "range", -1);
	xml_out_text(&w->c->body, "clusterid", row->clusterid);
	xml_out_text(&w->c->body, "name", str_z(f->name));
	xml_out_close(&w->c->body, "range");
}

static int walk_ranges(void *arg, const void *rec, const struct row_meta *m)
{
	(void)m;
	for (unsigned i = 0; i < table_clusters.n_fields; i++)
		if (table_clusters.fields[i].kind == FK_RANGES)
			write_range(arg, rec, &table_clusters.fields[i]);
	return 0;
}

static int write_ranges(struct call *c, const struct ipaddr *ip)
{
	struct ranges_walk w = { c, ip };
	struct err e = { "" };
	int rc = store_read_begin(c->env->accounts, &e);

	if (rc == 0) {
		rc = store_each(c->env->accounts, &table_clusters, STR(""), walk_ranges, &w, &e);
		store_read_end(c->env->accounts);
	}
	return rc < 0 ? change_unavailable(c, &e) : 0;
}

/* --- shared memory --- */

struct sessions_walk {
	struct call *c;
	const struct ipaddr *ip;  /* of this client, or NULL */
	const uint8_t *account;	  /* of this account (keyed hash), or NULL */
	int64_t found;
	struct xml_out rows;
};

static void write_session(void *arg, const struct session_row *r)
{
	struct sessions_walk *w = arg;
	struct str cluster = STR("");
	char text[ADDR_TEXT], since[21];

	if ((w->ip && !ip_eq(w->ip, &r->client)) ||
	    (w->account && memcmp(w->account, r->account, sizeof(r->account)) != 0))
		return;
	if (w->found++ >= SESSIONS_SHOWN)
		return;
	if (r->cluster >= 0)
		clusters_name(w->c->env->shm, r->cluster, &cluster);
	clock_rfc3339(r->since, since);
	xml_out_open(&w->rows, "session", -1);
	xml_out_text(&w->rows, "address", str_z(ip_text(&r->client, text)));
	xml_out_text(&w->rows, "clusterid", cluster);
	xml_out_text(&w->rows, "since", str_z(since));
	xml_out_close(&w->rows, "session");
}

static void write_sessions(struct call *c, const struct ipaddr *ip, const uint8_t *account)
{
	struct sessions_walk w = { .c = c, .ip = ip, .account = account };

	xml_out_init(&w.rows, 3);
	for (unsigned i = 0; i < shm_workers(c->env->shm); i++)
		session_rows_each(c->env->shm, i, write_session, &w);
	xml_out_open(&c->body, "sessions", w.found);
	xml_out_piece(&c->body, &w.rows);
	xml_out_close(&c->body, "sessions");
	xml_out_free(&w.rows);
}

/* --- one subject --- */

static int trace_client(struct call *c, struct str address)
{
	struct shm *shm = c->env->shm;
	int64_t now = clock_mono_ms();
	char text[ADDR_TEXT];
	struct ipaddr ip;
	struct err e;

	if (ip_parse(address, &ip, &e) < 0)
		return change_unavailable(c, &e); /* the dispatcher has parsed it */
	xml_out_text(&c->body, "address", str_z(ip_text(&ip, text)));
	xml_out_int(&c->body, "login_delay_ms",
		    penalty_now(shm, penalty_network(shm, PENALTY_LOGINS, &ip), now));
	xml_out_int(&c->body, "key_delay_ms",
		    penalty_now(shm, penalty_network(shm, PENALTY_KEYS, &ip), now));
	write_sessions(c, &ip, NULL);
	if (trace_door(c, &ip) < 0 || trace_limits(c, &ip) < 0 || write_ranges(c, &ip) < 0 || trace_guard(c, &ip) < 0)
		return -1;
	return write_blocked(c, str_z(text));
}

static int trace_mail(struct call *c, struct str address)
{
	struct shm *shm = c->env->shm;
	uint8_t sum[16];

	xml_out_text(&c->body, "email_address", address);
	xml_out_int(&c->body, "login_delay_ms",
		    penalty_now(shm, penalty_account(shm, address), clock_mono_ms()));
	session_account_hash(shm, address, sum);
	write_sessions(c, NULL, sum);
	if (write_rows(c, address) < 0 || trace_access(c, address) < 0 || write_blocked(c, address) < 0 ||
	    write_correspondents(c, address) < 0)
		return -1;
	return write_replies(c, address);
}

void cmd_trace(struct call *c)
{
	struct str address = c->args.address, mail = call_text(c, "email_address");

	if (address.n == 0 && mail.n == 0) {
		call_fail(c, 400, "missing_parameter", "trace needs address, email_address, or both");
		return;
	}
	if (address.n > 0) {
		xml_out_open(&c->body, "client", -1);
		if (trace_client(c, address) < 0)
			return;
		xml_out_close(&c->body, "client");
	}
	if (mail.n > 0) {
		xml_out_open(&c->body, "mail", -1);
		if (trace_mail(c, mail) < 0)
			return;
		xml_out_close(&c->body, "mail");
	}
}
