#include "admin/publish.h"

#include <stdio.h>

#include "lib/base/addr.h"
#include "lib/base/log.h"
#include "shm/boxes.h"
#include "shm/counters.h"
#include "shm/dictionary.h"
#include "shm/listeners.h"
#include "shm/slots.h"

struct reading { /* one walk through the store */
	struct shm *shm;
	struct listener v[MAX_LISTENERS];
	unsigned n, dictionary_mb;
};

/* --- indices --- */

/* Is the row with these key fields in the store? -1: error. */
static int stored(struct store *s, const struct table *t, const void *rec, struct err *e)
{
	char key[KEY_MAX];
	_Alignas(8) char row[sizeof(struct cluster)];
	size_t n;
	int rc;

	_Static_assert(sizeof(struct box) <= sizeof(row), "room for either");
	if (record_key(t, rec, key, &n))
		return 0;
	rc = store_get(s, t, (struct str){ key, n }, row, NULL, e);
	return rc < 0 ? -1 : rc != STORE_NONE;
}

/* Before the new ones get theirs, so that a renamed cluster finds room. */
static int forget_gone(struct store *s, struct shm *shm, struct err *e)
{
	struct cluster c = { 0 };
	struct box b = { 0 };
	int rc;

	for (int i = 0; i < MAX_CLUSTERS; i++) {
		if (!clusters_name(shm, i, &c.clusterid))
			continue;
		if ((rc = stored(s, &table_clusters, &c, e)) < 0)
			return -1;
		if (rc == 0)
			clusters_forget(shm, c.clusterid);
	}
	for (int i = 0; i < MAX_BOXES; i++) {
		if (!boxes_name(shm, i, &b.clusterid, &b.boxid))
			continue;
		if ((rc = stored(s, &table_boxes, &b, e)) < 0)
			return -1;
		if (rc == 0)
			boxes_forget(shm, b.clusterid, b.boxid);
	}
	return 0;
}

static int visit_cluster(void *arg, const void *rec, const struct row_meta *m)
{
	struct reading *r = arg;
	const struct cluster *c = rec;
	struct listener *l = &r->v[r->n];
	struct err e;

	(void)m;
	if (clusters_assign(r->shm, c->clusterid) < 0 || r->n == MAX_LISTENERS) {
		log_error("cluster %.*s is not served: there are more than %d",
			  STR_ARG(c->clusterid), MAX_CLUSTERS);
		return 0;
	}
	memset(l, 0, sizeof(*l));
	str_copy(l->cluster, sizeof(l->cluster), c->clusterid);
	l->addr.port = (uint16_t)c->listen_port;
	if (ip_parse(c->listen_address, &l->addr.ip, &e)) {
		log_error("cluster %s is not served: listen_address: %s", l->cluster, e.text);
		return 0;
	}
	r->n++;
	return 0;
}

static int visit_box(void *arg, const void *rec, const struct row_meta *m)
{
	struct reading *r = arg;
	const struct box *b = rec;

	(void)m;
	if (boxes_assign(r->shm, b->clusterid, b->boxid) < 0)
		log_error("box %.*s of %.*s is not counted: there are more than %d",
			  STR_ARG(b->boxid), STR_ARG(b->clusterid), MAX_BOXES);
	return 0;
}

/* Without a row: its default. */
static int read_settings(struct reading *r, struct store *s, struct err *e)
{
	struct settings row;

	record_defaults(&table_settings, &row);
	if (store_get(s, &table_settings, row.settingsid, &row, NULL, e) < 0)
		return -1;
	r->dictionary_mb = (unsigned)row.ip_dictionary_max_mb;
	return 0;
}

static int read_store(struct reading *r, struct store *s, struct err *e)
{
	int rc;

	if (store_read_begin(s, e))
		return -1;
	rc = forget_gone(s, r->shm, e);
	if (rc == 0)
		rc = store_each(s, &table_clusters, STR(""), visit_cluster, r, e);
	if (rc == 0)
		rc = store_each(s, &table_boxes, STR(""), visit_box, r, e);
	if (rc == 0)
		rc = read_settings(r, s, e);
	store_read_end(s);
	return rc;
}

/* Smaller than it is wanted only where the system counts memory that is not used. */
static void size_dictionary(struct shm *shm, unsigned mb)
{
	unsigned before = dictionary_mb(shm), is = dictionary_resize(shm, mb);

	if (is != mb && is != before)
		log_warning("the address dictionary has %u MB: there is no room for %u", is, mb);
}

/* --- listeners --- */

static bool same_listener(const struct listener *a, const struct listener *b)
{
	return strcmp(a->cluster, b->cluster) == 0 && ip_eq(&a->addr.ip, &b->addr.ip) &&
	       a->addr.port == b->addr.port;
}

static bool stands_in(const struct listener *v, unsigned n, const struct listener *l)
{
	unsigned i = 0;

	while (i < n && !same_listener(&v[i], l))
		i++;
	return i < n;
}

/* Does the table stand as it should? An odd version is what an admin that died while writing left:
 * written again. opens: see struct publish. */
static bool table_stands(struct shm *shm, const struct reading *r, uint64_t *opens)
{
	struct listener now[MAX_LISTENERS];
	uint32_t version;
	unsigned n = listeners_get(shm, now, &version), news = 0;

	_Static_assert(MAX_CLUSTERS <= 64, "a bit each");
	for (unsigned i = 0; i < r->n; i++) {
		int cluster = clusters_find(shm, str_z(r->v[i].cluster));

		if (stands_in(now, n, &r->v[i]))
			continue;
		news++;
		if (cluster >= 0)
			*opens |= UINT64_C(1) << cluster;
	}
	return version != 0 && !(version & 1) && n == r->n && news == 0;
}

static bool all_open(const struct shm *shm, uint64_t clusters)
{
	for (int i = 0; i < MAX_CLUSTERS; i++)
		if (clusters >> i & 1 && !listeners_is_open(shm, i))
			return false;
	return true;
}

int publish_start(struct publish *p, struct store *accounts, struct shm *shm, struct err *e)
{
	struct reading r = { .shm = shm };

	*p = (struct publish){ 0 };
	if (read_store(&r, accounts, e))
		return err_wrap(e, "cannot publish");
	size_dictionary(shm, r.dictionary_mb);
	if (!table_stands(shm, &r, &p->opens)) {
		listeners_set(shm, r.v, r.n);
		p->listeners = listeners_version(shm);
	}
	p->generation = generation_bump(shm);
	return 0;
}

void publish_standing(struct publish *p, struct shm *shm)
{
	*p = (struct publish){ .generation = generation_get(shm) };
	if (!publish_settled(shm))
		p->listeners = listeners_version(shm);
}

/* --- how far it is --- */

/* 1: all open, or nothing to open; 0: not known yet; -1: refused. What is open is so for good: the
 * supervisor answers for the newest table only, and that may soon be the next change's. */
static int listeners_state(struct publish *p, struct shm *shm, struct err *why)
{
	char error[256];

	if (p->listeners == 0)
		return 1;
	if (!listeners_answered(shm, p->listeners, error))
		return 0;
	if (error[0] == '\0' || all_open(shm, p->opens)) {
		p->listeners = 0;
		return 1;
	}
	return err_set(why, "%s", error);
}

enum publish_state publish_state(struct publish *p, struct shm *shm, struct err *why)
{
	int listeners = listeners_state(p, shm, why);

	if (listeners < 0)
		return PUBLISH_REFUSED;
	return listeners && generation_missing(shm, p->generation) < 0 ? PUBLISH_LIVE : PUBLISH_WAITS;
}

bool publish_settled(const struct shm *shm)
{
	char error[256];

	return listeners_answered(shm, listeners_version(shm), error);
}

void publish_missing(struct publish *p, struct shm *shm, struct err *why)
{
	struct err ignored;
	int slot = generation_missing(shm, p->generation);

	if (listeners_state(p, shm, &ignored) == 0)
		err_set(why, "the supervisor has not opened the listeners");
	else if (slot >= 0)
		err_set(why, "worker %d (process %d) has not confirmed", slot + 1,
			(int)slot_get(shm, (unsigned)slot).pid);
	else
		err_set(why, "all have confirmed");
}
