/* All clusters, boxes and general settings as one document. */
#include "admin/change.h"
#include "admin/config.h"
#include "admin/handlers.h"
#include "lib/base/log.h"

/* --- out --- */

static int64_t count_boxes(const struct config *k, struct str cluster)
{
	int64_t n = 0;

	for (unsigned i = 0; i < k->n_boxes; i++)
		n += str_eq(k->boxes[i].clusterid, cluster);
	return n;
}

static void write_boxes(struct xml_out *o, const struct config *k, struct str cluster,
			enum record_secrets secrets)
{
	xml_out_open(o, "boxes", count_boxes(k, cluster));
	for (unsigned i = 0; i < k->n_boxes; i++) {
		if (!str_eq(k->boxes[i].clusterid, cluster))
			continue;
		xml_out_open(o, "box", -1);
		record_write(o, &table_boxes, &k->boxes[i], secrets);
		xml_out_text(o, "light", k->boxes[i].light);
		xml_out_close(o, "box");
	}
	xml_out_close(o, "boxes");
}

static void write_config(struct xml_out *o, const struct config *k, enum record_secrets secrets)
{
	xml_out_open(o, "clusters", k->n_clusters);
	for (unsigned i = 0; i < k->n_clusters; i++) {
		xml_out_open(o, "cluster", -1);
		record_write(o, &table_clusters, &k->clusters[i], secrets);
		write_boxes(o, k, k->clusters[i].clusterid, secrets);
		xml_out_close(o, "cluster");
	}
	xml_out_close(o, "clusters");
	xml_out_open(o, "settings", -1);
	record_write(o, &table_settings, &k->settings, secrets);
	xml_out_close(o, "settings");
}

void cmd_exportconfig(struct call *c)
{
	struct config k;
	struct err e = { "" };
	int rc;

	if (store_read_begin(c->env->accounts, &e) < 0) {
		change_unavailable(c, &e);
		return;
	}
	rc = config_load(c, &k);
	store_read_end(c->env->accounts);
	if (rc < 0)
		return;
	write_config(&c->body, &k, c->args.show_password ? SECRETS_SHOWN : SECRETS_LEFT_OUT);
	if (c->args.show_password)
		log_warning("exportconfig: passwords were shown");
}

/* --- in --- */

static int undo(struct call *c, struct err *e)
{
	if (change_begin(c) < 0)
		return err_set(e, "%s", c->err.text);
	if (config_apply(c, c->undo_arg) < 0) {
		change_abort(c);
		return err_set(e, "%s", c->err.text);
	}
	return change_commit(c, STR("taken back")) < 0 ? err_set(e, "%s", c->err.text) : 0;
}

static int import(struct call *c, struct config *was)
{
	struct config to;

	if (config_load(c, was) < 0 || config_parse(c, was, &to) < 0)
		return -1;
	if (!to.has_clusters && !to.has_settings) {
		call_fail(c, 400, "missing_parameter", "importconfig needs clusters, settings, or both");
		return -1;
	}
	if (config_apply(c, &to) < 0)
		return -1;
	was->has_clusters = to.has_clusters;
	was->has_settings = to.has_settings;
	xml_out_int(&c->body, "clusters", to.n_clusters);
	xml_out_int(&c->body, "boxes", to.n_boxes);
	return 0;
}

void cmd_importconfig(struct call *c)
{
	static const struct err full = { "the request needs too much memory" };
	struct config *was = arena_alloc(c->arena, sizeof(*was));

	if (!was) {
		change_unavailable(c, &full);
		return;
	}
	if (change_begin(c) < 0)
		return;
	if (import(c, was) < 0) {
		change_abort(c);
		return;
	}
	if (change_commit(c, STR("")) < 0)
		return;
	c->publish = true;
	c->undo = undo;
	c->undo_arg = was;
}
