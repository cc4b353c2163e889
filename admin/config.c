#include "admin/config.h"

#include <stdio.h>

#include "admin/change.h"
#include "admin/cluster.h"
#include "lib/store/mask.h"

static int no_memory(struct call *c)
{
	static const struct err full = { "the request needs too much memory" };

	return change_unavailable(c, &full);
}

static int make_room(struct call *c, struct config *k)
{
	*k = (struct config){ 0 };
	k->clusters = arena_alloc(c->arena, MAX_CLUSTERS * sizeof(*k->clusters));
	k->boxes = arena_alloc(c->arena, MAX_BOXES * sizeof(*k->boxes));
	record_defaults(&table_settings, &k->settings);
	if (k->clusters && k->boxes)
		return 0;
	(void)no_memory(c);
	return -1;
}

/* --- from the store --- */

struct loading {
	struct call *c;
	struct config *to;
};

static int load_cluster(void *arg, const void *rec, const struct row_meta *m)
{
	struct loading *l = arg;
	union record row;

	(void)m;
	if (l->to->n_clusters == MAX_CLUSTERS)
		return 0;
	row.cluster = *(const struct cluster *)rec;
	if (record_own(l->c, &table_clusters, &row, l->c->arena) < 0)
		return -1;
	l->to->clusters[l->to->n_clusters++] = row.cluster;
	return 0;
}

static int load_box(void *arg, const void *rec, const struct row_meta *m)
{
	struct loading *l = arg;
	union record row;

	(void)m;
	if (l->to->n_boxes == MAX_BOXES)
		return 0;
	row.box = *(const struct box *)rec;
	if (record_own(l->c, &table_boxes, &row, l->c->arena) < 0)
		return -1;
	l->to->boxes[l->to->n_boxes++] = row.box;
	return 0;
}

static int load_settings(struct call *c, struct settings *out)
{
	union record row;
	int rc = record_load_key(c, &table_settings, STR("general"), &row);

	if (rc == 0)
		*out = row.settings;
	return rc < 0 ? -1 : 0;
}

int config_load(struct call *c, struct config *out)
{
	struct loading l = { c, out };
	struct err e = { "" };
	int rc;

	if (make_room(c, out) < 0)
		return -1;
	out->has_clusters = out->has_settings = true;
	rc = store_each(c->env->accounts, &table_clusters, STR(""), load_cluster, &l, &e);
	if (rc == 0)
		rc = store_each(c->env->accounts, &table_boxes, STR(""), load_box, &l, &e);
	if (rc < 0)
		return c->code ? -1 : change_unavailable(c, &e);
	return load_settings(c, &out->settings);
}

/* --- from the request --- */

static struct str cut(struct str s)
{
	return (struct str){ s.p, s.n < 64 ? s.n : 64 };
}

static int unknown(struct call *c, const char *where, struct str name)
{
	struct str shown = cut(name);

	call_fail(c, 400, "unknown_parameter", "unknown element in %s: %.*s", where, STR_ARG(shown));
	return -1;
}

/* Whose trouble it is goes in front. -1, to hand on. */
static int about(struct call *c, struct str cluster, struct str box)
{
	struct str a = cut(cluster), b = cut(box);

	if (a.n > 0 && c->http < 500)
		err_wrap(&c->err, "%s %.*s%s%.*s", b.n ? "box" : "cluster", STR_ARG(a), b.n ? "/" : "",
			 STR_ARG(b));
	return -1;
}

/* A value of a row that may be no good otherwise. */
static struct str value_of(const struct xml_row *rows, const char *name)
{
	for (; rows; rows = rows->next)
		if (str_eq(rows->name, str_z(name)))
			return str_trim(rows->value);
	return STR("");
}

/* The fields of one row. Rows that it holds are left to the caller: boxes, where it may have
 * them. seen: bit i for field i. */
struct fields {
	struct call *c;
	const struct table *table;
	void *rec;
	uint64_t seen;
	const struct xml_row *boxes;
	bool may_have_boxes;
};

static int twice_in_row(const struct fields *f, const char *name)
{
	call_fail(f->c, 400, "repeated_parameter", "<%s> stands twice in a row of %s",
		  name, f->table->name);
	return -1;
}

static int take_one(struct fields *f, const struct xml_row *e)
{
	const struct field *d = table_field(f->table, e->name);
	struct err why = { "" };
	char where[32];
	uint64_t bit;

	snprintf(where, sizeof(where), "a row of %s", f->table->name);
	if (!d || (d->flags & FF_HIDDEN && d->flags & FF_KEY))
		return unknown(f->c, where, e->name);
	bit = UINT64_C(1) << (d - f->table->fields);
	if (f->seen & bit)
		return twice_in_row(f, d->name);
	f->seen |= bit;
	if (e->rows)
		call_fail(f->c, 400, "malformed",
			  "<%s> holds elements of its own, and must not", d->name);
	else if (field_parse(d, f->rec, e->value, f->c->arena, &why) < 0)
		call_fail(f->c, 400, "bad_value", "%s", why.text);
	else
		return 0;
	return -1;
}

static int take_boxes(struct fields *f, const struct xml_row *e)
{
	if (f->boxes)
		return twice_in_row(f, "boxes");
	f->boxes = e;
	if (str_trim(e->value).n == 0)
		return 0;
	call_fail(f->c, 400, "malformed", "<boxes> holds text");
	return -1;
}

/* It is not at its default although no element says so: the caller has set it. */
static bool field_is_given(const struct fields *f, const struct field *d)
{
	return !field_is_default(d, f->rec);
}

static int check_required(const struct fields *f)
{
	for (unsigned i = 0; i < f->table->n_fields; i++) {
		const struct field *d = &f->table->fields[i];

		/* A box need not name the cluster around it. */
		bool given = f->seen & UINT64_C(1) << i || field_is_given(f, d);

		if (given || !(d->flags & FF_REQUIRED) || d->flags & FF_HIDDEN)
			continue;
		call_fail(f->c, 400, "missing_parameter", "a row of %s lacks %s",
			  f->table->name, d->name);
		return -1;
	}
	return 0;
}

static int take_fields(struct fields *f, const struct xml_row *rows)
{
	for (const struct xml_row *e = rows; e; e = e->next) {
		bool boxes = f->may_have_boxes && str_eq(e->name, STR("boxes"));

		if ((boxes ? take_boxes(f, e) : take_one(f, e)) < 0)
			return -1;
	}
	return check_required(f);
}

static const struct box *find_box(const struct config *k, struct str cluster, struct str box)
{
	for (unsigned i = 0; i < k->n_boxes; i++)
		if (str_eq(k->boxes[i].clusterid, cluster) && str_eq(k->boxes[i].boxid, box))
			return &k->boxes[i];
	return NULL;
}

static const struct cluster *find_cluster(const struct config *k, struct str id)
{
	for (unsigned i = 0; i < k->n_clusters; i++)
		if (str_eq(k->clusters[i].clusterid, id))
			return &k->clusters[i];
	return NULL;
}

static bool has_seen(const struct fields *f, const char *name)
{
	return f->seen >> (table_field(f->table, str_z(name)) - f->table->fields) & 1;
}

static int twice(struct call *c, const char *noun, struct str a, struct str b)
{
	call_fail(c, 400, "repeated_parameter", "the %s %.*s%s%.*s stands twice", noun,
		  STR_ARG(a), b.n ? "/" : "", STR_ARG(b));
	return -1;
}

static int too_many(struct call *c, const char *what, unsigned max)
{
	call_fail(c, 409, "too_many", "more than %u %s", max, what);
	return -1;
}

static int parse_box(struct call *c, const struct config *was, struct config *k,
		     const struct cluster *of, const struct xml_row *e)
{
	struct fields f = { .c = c, .table = &table_boxes };
	const struct box *old;
	struct box *b;

	if (k->n_boxes == MAX_BOXES)
		return too_many(c, "boxes", MAX_BOXES);
	b = f.rec = &k->boxes[k->n_boxes];
	record_defaults(&table_boxes, b);
	b->clusterid = of->clusterid;
	if (take_fields(&f, e->rows) < 0)
		return about(c, of->clusterid, value_of(e->rows, "boxid"));
	if (!str_eq(b->clusterid, of->clusterid)) {
		call_fail(c, 400, "bad_value", "clusterid: \"%.*s\" is not the cluster around the box",
			  STR_ARG(b->clusterid));
		return about(c, of->clusterid, b->boxid);
	}
	if (find_box(k, of->clusterid, b->boxid))
		return twice(c, "box", of->clusterid, b->boxid);
	old = find_box(was, of->clusterid, b->boxid);
	if (old && !has_seen(&f, "probe_password"))
		b->probe_password = old->probe_password;
	if (!has_seen(&f, "connect_timeout_ms"))
		b->connect_timeout_ms = of->box_connect_timeout_ms;
	k->n_boxes++;
	return 0;
}

static int parse_boxes(struct call *c, const struct config *was, struct config *k,
		       const struct cluster *of, const struct xml_row *list)
{
	for (const struct xml_row *e = list ? list->rows : NULL; e; e = e->next) {
		if (!str_eq(e->name, STR("box")))
			return unknown(c, "boxes", e->name);
		if (parse_box(c, was, k, of, e) < 0)
			return -1;
	}
	return 0;
}

static int parse_cluster(struct call *c, const struct config *was, struct config *k,
			 const struct xml_row *e)
{
	struct fields f = { .c = c, .table = &table_clusters, .may_have_boxes = true };
	const struct cluster *old;
	struct cluster *row;

	if (k->n_clusters == MAX_CLUSTERS)
		return too_many(c, "clusters", MAX_CLUSTERS);
	row = f.rec = &k->clusters[k->n_clusters];
	record_defaults(&table_clusters, row);
	if (take_fields(&f, e->rows) < 0)
		return about(c, value_of(e->rows, "clusterid"), STR(""));
	if (find_cluster(k, row->clusterid))
		return twice(c, "cluster", row->clusterid, STR(""));
	old = find_cluster(was, row->clusterid);
	if (old && !str_eq(old->type, row->type)) {
		call_fail(c, 400, "bad_value",
			  "type: it is of type %.*s, and that cannot be changed; delete it first",
			  STR_ARG(old->type));
		return about(c, old->clusterid, STR(""));
	}
	k->n_clusters++;
	return parse_boxes(c, was, k, row, f.boxes);
}

static int parse_clusters(struct call *c, const struct config *was, struct config *k,
			  const struct xml_row *rows)
{
	k->has_clusters = true;
	for (const struct xml_row *e = rows; e; e = e->next) {
		if (!str_eq(e->name, STR("cluster")))
			return unknown(c, "clusters", e->name);
		if (parse_cluster(c, was, k, e) < 0)
			return -1;
	}
	return 0;
}

/* As with other secrets, a URL that holds one stays where it is not named, or is named as shown. */
static int parse_settings(struct call *c, const struct config *was, struct config *k,
			  const struct xml_row *rows)
{
	struct fields f = { .c = c, .table = &table_settings, .rec = &k->settings };

	k->has_settings = true;
	if (take_fields(&f, rows) < 0)
		return -1;
	if (!has_seen(&f, "nats_url") && mask_hides(was->settings.nats_url))
		k->settings.nats_url = was->settings.nats_url;
	return record_unmask(c, table_field(f.table, STR("nats_url")), f.rec, &was->settings);
}

int config_parse(struct call *c, const struct config *was, struct config *out)
{
	if (make_room(c, out) < 0)
		return -1;
	for (unsigned i = 0; i < c->req->n; i++) {
		const struct xml_param *p = &c->req->v[i];

		if (str_eq(p->name, STR("clusters")) && parse_clusters(c, was, out, p->rows) < 0)
			return -1;
		if (str_eq(p->name, STR("settings")) && parse_settings(c, was, out, p->rows) < 0)
			return -1;
	}
	return 0;
}

/* --- into the store --- */

static int put(struct call *c, const struct table *t, const void *rec)
{
	struct err e = { "" };

	return store_put(c->env->accounts, t, rec, &e) < 0 ? change_unavailable(c, &e) : 0;
}

static int drop_others(struct call *c, const struct config *now, const struct config *to)
{
	for (unsigned i = 0; i < now->n_boxes; i++) {
		const struct box *b = &now->boxes[i];

		if (!find_box(to, b->clusterid, b->boxid) &&
		    record_drop(c, &table_boxes, &(union record){ .box = *b }) < 0)
			return -1;
	}
	for (unsigned i = 0; i < now->n_clusters; i++) {
		const struct cluster *k = &now->clusters[i];

		if (!find_cluster(to, k->clusterid) &&
		    record_drop(c, &table_clusters, &(union record){ .cluster = *k }) < 0)
			return -1;
	}
	return 0;
}

static int put_clusters(struct call *c, struct config *to)
{
	for (unsigned i = 0; i < to->n_clusters; i++)
		if (put(c, &table_clusters, &to->clusters[i]) < 0)
			return -1;
	for (unsigned i = 0; i < to->n_clusters; i++)
		if (cluster_check(c, &to->clusters[i]) < 0)
			return about(c, to->clusters[i].clusterid, STR(""));
	for (unsigned i = 0; i < to->n_boxes; i++) {
		const struct cluster *of = find_cluster(to, to->boxes[i].clusterid);

		if (box_check(c, &to->boxes[i], of) < 0)
			return about(c, of->clusterid, to->boxes[i].boxid);
		if (put(c, &table_boxes, &to->boxes[i]) < 0)
			return -1;
	}
	return 0;
}

int config_apply(struct call *c, struct config *to)
{
	struct config now;

	if (config_load(c, &now) < 0)
		return -1;
	if (to->has_clusters && (drop_others(c, &now, to) < 0 || put_clusters(c, to) < 0))
		return -1;
	return to->has_settings ? put(c, &table_settings, &to->settings) : 0;
}
