#include "lib/route/topology.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/hash.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/route/ring.h"
#include "shm/boxes.h"
#include "shm/counters.h"

#define BOX_ROWS MAX_BOXES

/* --- copying rows out of the store --- */

/* Every text of a record moves into the arena. */
static void own_texts(const struct table *t, void *rec, struct arena *a)
{
	for (unsigned i = 0; i < t->n_fields; i++)
		if (field_is_text(t->fields[i].kind)) {
			struct str *s = (struct str *)(void *)((char *)rec + t->fields[i].offset);

			*s = arena_str(a, *s);
		}
}

struct rows {
	struct arena *arena;
	struct cluster clusters[MAX_CLUSTERS];
	unsigned n_clusters;
	struct box boxes[BOX_ROWS];
	unsigned n_boxes;
};

static int take_cluster(void *arg, const void *rec, const struct row_meta *m)
{
	struct rows *r = arg;

	(void)m;
	if (r->n_clusters == MAX_CLUSTERS)
		return 1;
	r->clusters[r->n_clusters] = *(const struct cluster *)rec;
	own_texts(&table_clusters, &r->clusters[r->n_clusters++], r->arena);
	return 0;
}

static int take_box(void *arg, const void *rec, const struct row_meta *m)
{
	struct rows *r = arg;

	(void)m;
	if (r->n_boxes == BOX_ROWS)
		return 1;
	r->boxes[r->n_boxes] = *(const struct box *)rec;
	own_texts(&table_boxes, &r->boxes[r->n_boxes++], r->arena);
	return 0;
}

static int read_settings(struct store *s, struct settings *out, struct arena *a, struct err *e)
{
	int rc;

	record_defaults(&table_settings, out);
	rc = store_get(s, &table_settings, out->settingsid, out, NULL, e);
	if (rc >= 0)
		own_texts(&table_settings, out, a);
	return rc < 0 ? -1 : 0;
}

/* A key of its own for each purpose. */
static int read_srs_secret(struct store *s, struct topology *t, const char *credential, struct err *e)
{
	struct credential c;
	uint8_t sum[32];
	char hex[sizeof(sum) * 2 + 1];
	int rc = store_get(s, &table_credentials, str_z(credential), &c, NULL, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (t->n_srs_secrets == 0) {
		hash_hmac_sha256(c.hash, STR("protobalance sketches"), sum);
		memcpy(t->sketch_key, sum, sizeof(t->sketch_key));
	}
	hash_hmac_sha256(c.hash, STR("protobalance SRS"), sum);
	hash_hex(sum, sizeof(sum), hex);
	t->srs_secrets[t->n_srs_secrets++] = arena_str(&t->arena, str_z(hex));
	return 0;
}

static int read_rows(struct store *s, struct rows *r, struct topology *t, struct err *e)
{
	int rc;

	if (store_read_begin(s, e) < 0)
		return -1;
	rc = read_settings(s, &t->settings, r->arena, e);
	if (rc >= 0)
		rc = store_each(s, &table_clusters, STR(""), take_cluster, r, e);
	if (rc >= 0)
		rc = store_each(s, &table_boxes, STR(""), take_box, r, e);
	if (rc >= 0)
		rc = read_srs_secret(s, t, "sisterkey", e);
	if (rc >= 0)
		rc = read_srs_secret(s, t, "srskey", e);
	store_read_end(s);
	return rc < 0 ? -1 : 0;
}

/* --- compiling --- */

/* The place of a word in its list, as the enums of topology.h have it. */
static int word_index(struct str words, struct str word, int unknown)
{
	struct str one;

	for (int i = 0; str_split(&words, '|', &one); i++)
		if (str_eq(one, word))
			return i;
	return unknown;
}

static enum protocol protocol_of(struct str word)
{
	return (enum protocol)word_index(STR("smtp|lmtp|pop3|imap|tcp"), word, PROTO_SMTP);
}

static enum light light_of(struct str word)
{
	return (enum light)word_index(STR("green|yellow|red"), word, LIGHT_RED);
}

static int build_box(struct topo_box *b, const struct box *row, struct topo_cluster *c,
		     struct shm *shm, struct err *e)
{
	b->row = *row;
	b->cluster = c;
	b->fallover = -1;
	b->light = light_of(row->light);
	b->protocol = row->protocol.n ? protocol_of(row->protocol) : c->protocol;
	b->client_info = (enum client_info)word_index(
		STR("none|xclient|xforward|proxy_v1|proxy_v2"), row->client_info, INFO_NONE);
	b->connect_timeout_ms = row->connect_timeout_ms != FIELD_EMPTY ?
					row->connect_timeout_ms :
					c->row.box_connect_timeout_ms;
	b->shm = shm ? boxes_find(shm, row->clusterid, row->boxid) : -1;
	b->addr.port = (uint16_t)row->connect_port;
	return ip_parse(row->connect_address, &b->addr.ip, e);
}

static unsigned count_boxes(const struct rows *r, struct str clusterid)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_boxes; i++)
		n += str_eq(r->boxes[i].clusterid, clusterid);
	return n;
}

static void link_fallovers(struct topo_cluster *c)
{
	for (unsigned i = 0; i < c->n_boxes; i++) {
		struct topo_box *next = topology_box(c, c->boxes[i].row.fallover_boxid);

		if (next)
			c->boxes[i].fallover = (int)(next - c->boxes);
	}
}

static struct ring *ring_of(const struct topo_cluster *c, bool relays_only)
{
	struct ring_member m[MAX_BOXES];
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_boxes; i++) {
		const struct topo_box *b = &c->boxes[i];

		if ((b->row.smtp_relay || !relays_only) && b->light == LIGHT_GREEN)
			m[n++] = (struct ring_member){ b->row.boxid, (unsigned)b->row.weight,
						       (int)i };
	}
	return ring_build(m, n);
}

/* Where users send through their own boxes, any box relays: one without smtp_relay, too, serves
 * those who have no box. */
static void build_ring(struct topo_cluster *c)
{
	c->relay_ring = ring_of(c, true);
	if (!c->relay_ring && c->row.relay_box_choice == RELAY_OWN_BOX)
		c->relay_ring = ring_of(c, false);
}

/* What a plain TCP cluster has beyond the others. */
static void build_balance(struct topo_cluster *c)
{
	c->method = (enum method)word_index(STR("round_robin|least_sessions|client_hash"),
					    c->row.method, METHOD_ROUND_ROBIN);
	c->affinity_ms = decimal_s_ms(c->row.affinity_s);
	c->idle_ms = decimal_s_ms(c->row.idle_timeout_s);
	if (c->protocol == PROTO_TCP)
		c->client_ring = ring_of(c, false);
}

static struct str machine_name(struct arena *a)
{
	char name[256] = "localhost";

	if (gethostname(name, sizeof(name) - 1) < 0)
		str_copy(name, sizeof(name), STR("localhost"));
	return arena_str(a, str_z(name));
}

static int build_ranges(struct topo_cluster *c, struct err *e)
{
	if (ranges_parse(c->row.relay_ranges, &c->relay, e) < 0 ||
	    ranges_parse(c->row.block_ranges, &c->block, e) < 0 ||
	    ranges_parse(c->row.spam_whitelist_ranges, &c->spam_whitelist, e) < 0 ||
	    ranges_parse(c->row.accept_proxy_protocol, &c->proxy, e) < 0)
		return -1;
	return 0;
}

static int build_cluster(struct topology *t, struct topo_cluster *c, const struct cluster *row,
			 const struct rows *r, struct shm *shm, struct err *e)
{
	unsigned n = count_boxes(r, row->clusterid);

	c->row = *row;
	c->protocol = protocol_of(row->type);
	c->host_name = row->smtp_host_name.n ? row->smtp_host_name : machine_name(&t->arena);
	c->normalize = str_eq(row->bare_newline, STR("normalize"));
	c->one_per_transaction = str_eq(row->multi_box, STR("one_per_transaction"));
	c->shm = shm ? clusters_find(shm, row->clusterid) : -1;
	c->boxes = arena_alloc(&t->arena, (n ? n : 1) * sizeof(*c->boxes));
	if (build_ranges(c, e) < 0)
		return -1;
	for (unsigned i = 0; i < r->n_boxes; i++)
		if (str_eq(r->boxes[i].clusterid, row->clusterid) &&
		    build_box(&c->boxes[c->n_boxes++], &r->boxes[i], c, shm, e) < 0)
			return -1;
	link_fallovers(c);
	build_ring(c);
	build_balance(c);
	return 0;
}

static int build_all(struct topology *t, const struct rows *r, struct shm *shm, struct err *e)
{
	t->clusters = arena_alloc(&t->arena,
				  (r->n_clusters ? r->n_clusters : 1) * sizeof(*t->clusters));
	for (unsigned i = 0; i < r->n_clusters; i++) {
		t->n_clusters++;
		if (build_cluster(t, &t->clusters[i], &r->clusters[i], r, shm, e) < 0)
			return err_wrap(e, "cluster %.*s", STR_ARG(r->clusters[i].clusterid));
	}
	return 0;
}

int topology_build(struct topology **out, struct store *s, struct shm *shm, uint32_t generation,
		   struct err *e)
{
	struct topology *t = mem_zalloc(sizeof(*t));
	struct rows *r = mem_zalloc(sizeof(*r));
	int rc;

	t->refs = 1;
	t->generation = generation;
	t->arena = ARENA(0);
	r->arena = &t->arena;
	rc = read_rows(s, r, t, e);
	if (rc == 0)
		rc = build_all(t, r, shm, e);
	free(r);
	if (rc < 0)
		topology_unref(&t);
	else
		*out = t;
	return rc;
}

struct topology *topology_ref(struct topology *t)
{
	t->refs++;
	return t;
}

void topology_unref(struct topology **tp)
{
	struct topology *t = *tp;

	*tp = NULL;
	if (!t || --t->refs > 0)
		return;
	for (unsigned i = 0; i < t->n_clusters; i++) {
		struct topo_cluster *c = &t->clusters[i];

		ranges_free(&c->relay);
		ranges_free(&c->block);
		ranges_free(&c->spam_whitelist);
		ranges_free(&c->proxy);
		ring_free(&c->relay_ring);
		ring_free(&c->client_ring);
	}
	arena_free(&t->arena);
	free(t);
}

struct topo_cluster *topology_cluster(struct topology *t, struct str clusterid)
{
	for (unsigned i = 0; i < t->n_clusters; i++)
		if (str_eq(t->clusters[i].row.clusterid, clusterid))
			return &t->clusters[i];
	return NULL;
}

struct topo_box *topology_box(const struct topo_cluster *c, struct str boxid)
{
	for (unsigned i = 0; i < c->n_boxes; i++)
		if (str_eq(c->boxes[i].row.boxid, boxid))
			return &c->boxes[i];
	return NULL;
}

bool topology_has_box(const struct topology *t, const struct ipaddr *ip, bool smtp)
{
	if (ip_is_loopback(ip))
		return false;
	for (unsigned i = 0; i < t->n_clusters; i++) {
		const struct topo_cluster *c = &t->clusters[i];

		for (unsigned j = 0; j < c->n_boxes && (!smtp || c->protocol == PROTO_SMTP); j++)
			if (ip_eq(&c->boxes[j].addr.ip, ip))
				return true;
	}
	return false;
}
