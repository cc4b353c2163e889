#include "admin/trace_access.h"

#include "admin/change.h"
#include "admin/record.h"
#include "lib/base/clock.h"
#include "lib/guard/relay_limits.h"

static const char *const names[RELAY_LIMITS] = {
	[RELAY_MAILS] = "mail_from_quota",
	[RELAY_STRANGERS] = "rcpt_per_mail",
	[RELAY_SENDERS] = "distinct_from_emails",
	[RELAY_DOMAINS] = "distinct_from_domains",
	[RELAY_EXCEEDED] = "recipient_exceeded_quota",
};

/* --- the row --- */

static int write_access(struct call *c, struct str account)
{
	struct store *s = c->env->traffic;
	struct err e = { "" };
	char folded[LIMIT_ADDRESS];
	struct access row;
	int rc;

	if (!s || account.n > sizeof(folded))
		return 0;
	str_lower(folded, account);
	if (store_read_begin(s, &e) < 0)
		return change_unavailable(c, &e);
	rc = store_get(s, &table_access, (struct str){ folded, account.n }, &row, NULL, &e);
	if (rc == 0) {
		xml_out_open(&c->body, "access", -1);
		record_write(&c->body, &table_access, &row, SECRETS_MASKED);
		xml_out_close(&c->body, "access");
	}
	store_read_end(s);
	return rc < 0 ? change_unavailable(c, &e) : 0;
}

/* --- the limits, of all clusters: the cluster has a part in one of them --- */

struct limits_walk {
	struct call *c;
	struct relay_client who;
	bool account; /* else the address */
	struct settings settings;
	int64_t found;
	struct xml_out rows;
};

static void write_limit(struct limits_walk *w, enum relay_limit l, const struct cluster *cluster)
{
	struct relay_bound b = relay_bound(l, &w->settings, cluster);
	struct relay_standing n = relay_limit_standing(w->c->env->shm, l, &b, &w->who,
						       clock_mono_ms());
	unsigned used = w->account ? n.account : n.address;

	if (used == 0)
		return;
	w->found++;
	xml_out_open(&w->rows, "limit", -1);
	xml_out_text(&w->rows, "name", str_z(names[l]));
	xml_out_int(&w->rows, "used", used);
	xml_out_int(&w->rows, "most", b.most);
	xml_out_close(&w->rows, "limit");
}

static int write_cluster(void *arg, const void *rec, const struct row_meta *m)
{
	const struct cluster *row = rec;
	struct limits_walk *w = arg;

	(void)m;
	if (str_eq(row->type, STR("smtp")))
		write_limit(w, RELAY_STRANGERS, row);
	return 0;
}

static int read_limits(struct limits_walk *w, struct err *e)
{
	struct store *s = w->c->env->accounts;
	struct cluster none;
	int rc;

	record_defaults(&table_settings, &w->settings);
	record_defaults(&table_clusters, &none);
	if (store_read_begin(s, e) < 0)
		return -1;
	rc = store_get(s, &table_settings, w->settings.settingsid, &w->settings, NULL, e);
	for (unsigned l = 0; l < RELAY_LIMITS && rc >= 0; l++)
		if (l != RELAY_STRANGERS)
			write_limit(w, (enum relay_limit)l, &none);
	if (rc >= 0 && !w->account)
		rc = store_each(s, &table_clusters, STR(""), write_cluster, w, e);
	store_read_end(s);
	return rc < 0 ? -1 : 0;
}

static int write_limits(struct limits_walk *w)
{
	struct err e = { "" };
	int rc;

	xml_out_init(&w->rows, 3);
	rc = read_limits(w, &e);
	if (rc == 0 && w->found > 0) {
		xml_out_open(&w->c->body, "limits", w->found);
		xml_out_piece(&w->c->body, &w->rows);
		xml_out_close(&w->c->body, "limits");
	}
	xml_out_free(&w->rows);
	return rc < 0 ? change_unavailable(w->c, &e) : 0;
}

int trace_access(struct call *c, struct str account)
{
	struct limits_walk w = { .c = c, .who = { .account = account }, .account = true };

	return write_access(c, account) < 0 ? -1 : write_limits(&w);
}

int trace_limits(struct call *c, const struct ipaddr *client)
{
	struct limits_walk w = { .c = c, .who = { .ip = *client, .account = STR("") } };

	return write_limits(&w);
}
