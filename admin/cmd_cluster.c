/* Clusters, boxes, lights. */
#include <stdlib.h>

#include "admin/change.h"
#include "admin/cluster.h"
#include "admin/handlers.h"
#include "admin/record.h"
#include "lib/base/addr.h"
#include "shm/boxes.h"

static int bad_value(struct call *c, const char *tag, struct str value, const char *reason)
{
	call_fail(c, 400, "bad_value", "%s: \"%.*s\" %s", tag, STR_ARG(value), reason);
	return -1;
}

/* -1 after call_fail; the rows that fn counts in *n otherwise. */
static int each(struct call *c, const struct table *t, struct str from, store_visit *fn, void *arg)
{
	struct err e = { "" };
	int rc = store_each(c->env->accounts, t, from, fn, arg, &e);

	return rc < 0 ? change_unavailable(c, &e) : rc;
}

static int room_for(struct call *c, const struct table *t, unsigned max, const char *code)
{
	struct err e = { "" };
	uint64_t n;

	if (store_count(c->env->accounts, t, &n, &e) < 0)
		return change_unavailable(c, &e);
	if (n < max)
		return 0;
	call_fail(c, 409, code, "there are %u %s already, and no more are possible", max, t->name);
	return -1;
}

/* --- two listeners on one address --- */

struct neighbour {
	const struct cluster *self;
	struct ipaddr ip;
	char name[LIMIT_NAME + 1]; /* whose address it is already */
};

static bool any4(const struct ipaddr *ip)
{
	static const struct ipaddr zero = { { [10] = 0xff, [11] = 0xff } };

	return ip_eq(ip, &zero);
}

static bool any6(const struct ipaddr *ip)
{
	static const struct ipaddr zero = { { 0 } };

	return ip_eq(ip, &zero);
}

/* 0.0.0.0 takes every IPv4 address, :: takes those of both families. */
static bool covers(const struct ipaddr *a, const struct ipaddr *b)
{
	return ip_eq(a, b) || any6(a) || (any4(a) && ip_is4(b));
}

static int meets(void *arg, const void *rec, const struct row_meta *m)
{
	struct neighbour *n = arg;
	const struct cluster *other = rec;
	struct ipaddr ip;

	(void)m;
	if (str_eq(other->clusterid, n->self->clusterid) || other->listen_port != n->self->listen_port ||
	    ip_parse(other->listen_address, &ip, NULL) < 0)
		return 0;
	if (!covers(&ip, &n->ip) && !covers(&n->ip, &ip))
		return 0;
	str_copy(n->name, sizeof(n->name), other->clusterid);
	return 1;
}

static int check_listener(struct call *c, const struct cluster *row)
{
	struct neighbour n = { .self = row };
	struct err e = { "" };
	int rc;

	if (ip_parse(row->listen_address, &n.ip, &e) < 0)
		return bad_value(c, "listen_address", row->listen_address, "is not an IP address");
	rc = each(c, &table_clusters, STR(""), meets, &n);
	if (rc <= 0)
		return rc;
	call_fail(c, 409, "listener_in_use", "%.*s port %d is used by cluster %s already",
		  STR_ARG(row->listen_address), (int)row->listen_port, n.name);
	return -1;
}

/* --- clusters --- */

int cluster_check(struct call *c, const struct cluster *row)
{
	if (row->default_spam_setting == 1)
		return bad_value(c, "default_spam_setting", STR("1"), "is not 0 or 2");
	return check_listener(c, row);
}

static int check_cluster(struct call *c, union record *rec, const union record *old)
{
	if (!old && room_for(c, &table_clusters, MAX_CLUSTERS, "too_many_clusters") < 0)
		return -1;
	return cluster_check(c, &rec->cluster);
}

static int is_of_cluster(void *arg, const void *rec, const struct row_meta *m)
{
	(void)m;
	return str_eq(((const struct box *)rec)->clusterid, *(const struct str *)arg);
}

static int check_delete_cluster(struct call *c, const union record *rec)
{
	struct str id = rec->cluster.clusterid;
	int rc = each(c, &table_boxes, STR(""), is_of_cluster, &id);

	if (rc <= 0)
		return rc;
	call_fail(c, 409, "cluster_in_use",
		  "cluster %.*s still has boxes; delete them first", STR_ARG(id));
	return -1;
}

/* Of what the request sets, that which means nothing to the cluster's type: " a, b". */
static struct str set_in_vain(struct call *c, const struct cluster *row)
{
	unsigned other = str_eq(row->type, STR("smtp")) ? FF_TCP :
			 str_eq(row->type, STR("tcp"))	? FF_SMTP :
							  FF_SMTP | FF_TCP;
	struct str names = STR("");

	for (unsigned i = 0; i < table_clusters.n_fields; i++) {
		const struct field *f = &table_clusters.fields[i];

		if ((f->flags & other) && xml_get(c->req, f->name) && !field_is_default(f, row))
			names = arena_printf(c->arena, "%.*s%s %s", STR_ARG(names),
					     names.n > 0 ? "," : "", f->name);
	}
	return names;
}

/* What is set, but does not do (yet) what one might expect. */
static void tell_cluster(struct call *c, const union record *rec)
{
	const struct cluster *row = &rec->cluster;
	bool demands = row->tls_required || str_eq(row->tls, STR("implicit"));
	struct str in_vain = set_in_vain(c, row);

	if (str_eq(row->type, STR("imap")))
		xml_out_text(&c->body, "warning",
			     STR("this version closes each connection to a cluster of this type"));
	else if (demands)
		xml_out_text(&c->body, "warning",
			     STR("this version has no TLS towards clients yet: what the cluster "
				 "demands nobody can give, and all are turned away"));
	else if (in_vain.n > 0)
		xml_out_text(&c->body, "warning",
			     arena_printf(c->arena, "without a meaning for a cluster of type %.*s:%.*s",
					  STR_ARG(row->type), STR_ARG(in_vain)));
}

static const struct record_kind clusters = { .table = &table_clusters,
					     .noun = "cluster",
					     .none = "no_such_cluster",
					     .exists = "cluster_exists",
					     .publish = true,
					     .undo = true,
					     .check = check_cluster,
					     .tell = tell_cluster,
					     .check_delete = check_delete_cluster };

void cmd_addcluster(struct call *c)
{
	record_add(c, &clusters);
}

void cmd_commitmodifycluster(struct call *c)
{
	record_modify(c, &clusters);
}

void cmd_getcluster(struct call *c)
{
	union record rec;

	record_get(c, &clusters, false, &rec);
}

void cmd_deletecluster(struct call *c)
{
	record_delete(c, &clusters);
}

/* --- boxes --- */

static const struct {
	struct str type, protocols;
} speaks[] = {
	{ STR_INIT("smtp"), STR_INIT("smtp|lmtp") },
	{ STR_INIT("pop3"), STR_INIT("pop3") },
	{ STR_INIT("imap"), STR_INIT("imap") },
	{ STR_INIT("tcp"), STR_INIT("tcp") },
};

static bool fits(struct str type, struct str protocol)
{
	for (size_t i = 0; i < ARRAY_LEN(speaks); i++) {
		struct str rest = speaks[i].protocols, one;

		while (str_eq(speaks[i].type, type) && str_split(&rest, '|', &one))
			if (str_eq(one, protocol))
				return true;
	}
	return false;
}

static int check_protocol(struct call *c, const struct box *b, const struct cluster *of)
{
	char reason[64 + LIMIT_NAME];

	if (fits(of->type, b->protocol))
		return 0;
	str_copy(reason, sizeof(reason), STR("does not fit a cluster of type "));
	str_copy(reason + strlen(reason), sizeof(reason) - strlen(reason), of->type);
	return bad_value(c, "protocol", b->protocol, reason);
}

/* 0 and the cluster of the box, or -1 after call_fail. */
static int load_cluster(struct call *c, struct str id, union record *out)
{
	union record key = { .cluster = { .clusterid = id } };
	int rc = record_load(c, &table_clusters, &key, out);

	if (rc != STORE_NONE)
		return rc;
	call_fail(c, 404, clusters.none, "no such %s: %.*s", clusters.noun, STR_ARG(id));
	return -1;
}

int box_check(struct call *c, struct box *row, const struct cluster *of)
{
	if (row->protocol.n == 0)
		row->protocol = of->type;
	if (str_eq(row->fallover_boxid, row->boxid))
		return bad_value(c, "fallover_boxid", row->fallover_boxid, "is the box itself");
	return check_protocol(c, row, of);
}

static int check_box(struct call *c, union record *rec, const union record *old)
{
	struct box *b = &rec->box;
	union record of;

	if (load_cluster(c, b->clusterid, &of) < 0)
		return -1;
	if (!old && room_for(c, &table_boxes, MAX_BOXES, "too_many_boxes") < 0)
		return -1;
	if (!old && !xml_get(c->req, "connect_timeout_ms"))
		b->connect_timeout_ms = of.cluster.box_connect_timeout_ms;
	return box_check(c, b, &of.cluster);
}

/* Accounts that live on a box which no cluster has any more. */
static void tell_deleted_box(struct call *c, const union record *rec)
{
	struct store_query q = { .boxid = rec->box.boxid };
	struct err e = { "" };
	uint64_t n = 0;
	int rc;

	if (box_known(c, rec->box.boxid) || store_read_begin(c->env->accounts, &e) < 0)
		return;
	rc = store_search(c->env->accounts, &table_accounts, &q, NULL, NULL, &n, &e);
	store_read_end(c->env->accounts);
	if (rc == 0 && n > 0)
		xml_out_text(&c->body, "warning",
			     arena_printf(c->arena,
					  "%llu accounts live on %.*s, which no cluster has any more: "
					  "mail to them gets a temporary error",
					  (unsigned long long)n, STR_ARG(rec->box.boxid)));
}

/* XCLIENT and XFORWARD are commands of SMTP; in a plain TCP session nobody says them. */
static void tell_box(struct call *c, const union record *rec)
{
	const struct box *b = &rec->box;

	if (str_eq(b->protocol, STR("tcp")) && (str_eq(b->client_info, STR("xclient")) ||
						str_eq(b->client_info, STR("xforward"))))
		xml_out_text(&c->body, "warning",
			     STR("client_info does nothing in plain TCP: proxy_v1 and proxy_v2 do"));
}

static const struct record_kind boxes = { .table = &table_boxes,
					  .noun = "box",
					  .none = "no_such_box",
					  .exists = "box_exists",
					  .publish = true,
					  .check = check_box,
					  .tell = tell_box,
					  .tell_deleted = tell_deleted_box };

void cmd_addbox(struct call *c)
{
	record_add(c, &boxes);
}

void cmd_commitmodifybox(struct call *c)
{
	record_modify(c, &boxes);
}

void cmd_getbox(struct call *c)
{
	union record rec;

	record_get(c, &boxes, false, &rec);
}

void cmd_deletebox(struct call *c)
{
	record_delete(c, &boxes);
}

/* --- names of boxes --- */

static int is_called(void *arg, const void *rec, const struct row_meta *m)
{
	const struct str *boxid = arg;

	(void)m;
	return str_eq(((const struct box *)rec)->boxid, *boxid);
}

bool box_known(struct call *c, struct str boxid)
{
	struct err e = { "" };
	int rc = store_read_begin(c->env->accounts, &e);

	if (rc == 0) {
		rc = store_each(c->env->accounts, &table_boxes, STR(""), is_called, &boxid, &e);
		store_read_end(c->env->accounts);
	}
	return rc != 0; /* not known to be missing */
}

/* --- lights: a command has the name of the light that it sets --- */

static int set_light(struct call *c, union record *rec, const union record *old)
{
	int box = boxes_find(c->env->shm, rec->box.clusterid, rec->box.boxid);

	(void)old;
	rec->box.light = c->req->command;
	if (str_eq(rec->box.light, STR("green"))) /* the administrator says it is well */
		boxes_worked(c->env->shm, box);
	return 0;
}

static void tell_light(struct call *c, const union record *rec)
{
	xml_out_text(&c->body, "light", rec->box.light);
}

static const struct record_kind lights = { .table = &table_boxes,
					   .noun = "box",
					   .none = "no_such_box",
					   .exists = "box_exists",
					   .publish = true,
					   .check = set_light,
					   .tell = tell_light };

void cmd_green(struct call *c)
{
	record_modify(c, &lights);
}

void cmd_yellow(struct call *c)
{
	record_modify(c, &lights);
}

void cmd_red(struct call *c)
{
	record_modify(c, &lights);
}
