/* The snapshot of clusters and boxes, built from a real store. */
#include "lib/route/topology.c"

#include <check.h>
#include <stdio.h>

#include "unit/store_rig.h"

static struct topology *topo;
static struct shm *shm;

static void setup(void)
{
	rig_setup();
	shm = shm_create(1);
}

static void teardown(void)
{
	topology_unref(&topo);
	shm_destroy(&shm);
	rig_teardown();
}

static struct cluster cluster_of(const char *id, const char *type)
{
	struct cluster c;

	record_defaults(&table_clusters, &c);
	c.clusterid = str_z(id);
	c.type = str_z(type);
	c.listen_port = 25;
	return c;
}

static void put_cluster(const char *id, const char *type)
{
	struct cluster c = cluster_of(id, type);

	put(&table_clusters, &c);
}

static struct box box_of(const char *cluster, const char *id, const char *light)
{
	struct box b;

	record_defaults(&table_boxes, &b);
	b.clusterid = str_z(cluster);
	b.boxid = str_z(id);
	b.connect_address = STR("10.1.2.3");
	b.connect_port = 2525;
	b.light = str_z(light);
	return b;
}

static void put_box(const char *cluster, const char *id, const char *light)
{
	struct box b = box_of(cluster, id, light);

	put(&table_boxes, &b);
}

static void build(void)
{
	topology_unref(&topo);
	ok(topology_build(&topo, rig, shm, 7, &rig_err));
}

static struct topo_cluster *cluster(const char *id)
{
	return topology_cluster(topo, str_z(id));
}

static struct topo_box *box(const char *id, const char *boxid)
{
	return topology_box(cluster(id), str_z(boxid));
}

/* --- the whole --- */

START_TEST(empty_store)
{
	build();
	ck_assert_uint_eq(topo->n_clusters, 0);
	ck_assert_uint_eq(topo->generation, 7);
	ck_assert_ptr_null(cluster("smtp"));
}
END_TEST

START_TEST(clusters_and_boxes)
{
	put_cluster("smtp", "smtp");
	put_cluster("pop3", "pop3");
	put_cluster("bare", "tcp");
	put_box("smtp", "MAIL2", "green");
	put_box("smtp", "MAIL1", "yellow");
	put_box("pop3", "MAIL1", "red");
	put_box("gone", "MAIL9", "green"); /* of no cluster */
	build();
	ck_assert_uint_eq(topo->n_clusters, 3);
	ck_assert_uint_eq(cluster("smtp")->n_boxes, 2);
	ck_assert_uint_eq(cluster("pop3")->n_boxes, 1);
	ck_assert_uint_eq(cluster("bare")->n_boxes, 0);
	ck_assert_ptr_null(cluster("gone"));
	ck_assert_ptr_null(cluster("smt"));
	ck_assert_ptr_null(box("smtp", "MAIL9"));
	ck_assert_ptr_null(box("bare", "MAIL1"));
	ck_assert_ptr_ne(box("smtp", "MAIL1"), box("pop3", "MAIL1"));
	ck_assert_ptr_eq(box("smtp", "MAIL1")->cluster, cluster("smtp"));
	ck_assert_int_eq(box("smtp", "MAIL2")->light, LIGHT_GREEN);
	ck_assert_int_eq(box("smtp", "MAIL1")->light, LIGHT_YELLOW);
	ck_assert_int_eq(box("pop3", "MAIL1")->light, LIGHT_RED);
}
END_TEST

/* General settings: the defaults where none were stored; texts outlive the read. */
START_TEST(general_settings)
{
	struct settings s;

	build();
	ck_assert_int_eq(decimal_min_ms(topo->settings.whitelist_max_age_min), 172800 * 60000LL);
	ck_assert_int_eq(decimal_min_ms(topo->settings.distinct_from_emails_interval_min), 120 * 60000LL);
	record_defaults(&table_settings, &s);
	s.whitelist_max_age_min = DEC(3);
	s.nats_url = STR("nats://10.0.0.1");
	put(&table_settings, &s);
	ck_assert_int_eq(topo->settings.whitelist_max_age_min, DEC(172800)); /* of its time */
	build();
	ck_assert_int_eq(topo->settings.whitelist_max_age_min, DEC(3));
	ck_assert_int_eq(topo->settings.distinct_from_emails_interval_min, DEC(120));
	for (int i = 0; i < 20; i++) { /* pages are used again */
		s.nats_url = i % 2 ? STR("nats://10.0.0.2") : STR("nats://10.0.0.3");
		put(&table_settings, &s);
	}
	ck_assert(str_eq(topo->settings.nats_url, STR("nats://10.0.0.1")));
	ck_assert(str_eq(topo->settings.settingsid, STR("general")));
}
END_TEST

/* A light of a later version: nobody sends mail where he does not know that he may. */
START_TEST(unknown_light)
{
	put_cluster("c", "smtp");
	put_box("c", "b", "flashing");
	build();
	ck_assert_int_eq(box("c", "b")->light, LIGHT_RED);
}
END_TEST

/* The snapshot owns its texts: what the store does later does not reach it. */
START_TEST(stays_as_it_was)
{
	struct cluster c = cluster_of("smtp", "smtp");
	struct topology *old;

	c.comment = STR("before");
	put(&table_clusters, &c);
	put_box("smtp", "MAIL1", "green");
	build();
	old = topology_ref(topo);
	c.comment = STR("after, and longer than that");
	put(&table_clusters, &c);
	put_box("smtp", "MAIL1", "red");
	for (int i = 0; i < 50; i++)
		put_account("x@example.org", i % 2 ? "one" : "other");
	build();
	ck_assert(str_eq(cluster("smtp")->row.comment, STR("after, and longer than that")));
	ck_assert_int_eq(box("smtp", "MAIL1")->light, LIGHT_RED);
	ck_assert(str_eq(topology_cluster(old, STR("smtp"))->row.comment, STR("before")));
	ck_assert_int_eq(topology_box(&old->clusters[0], STR("MAIL1"))->light, LIGHT_GREEN);
	topology_unref(&old);
	ck_assert_ptr_null(old);
	topology_unref(&old);
}
END_TEST

START_TEST(references)
{
	struct topology *second;

	put_cluster("smtp", "smtp");
	build();
	second = topology_ref(topo);
	ck_assert_uint_eq(topo->refs, 2);
	topology_unref(&topo);
	ck_assert_ptr_null(topo);
	ck_assert_uint_eq(second->refs, 1);
	ck_assert_ptr_nonnull(topology_cluster(second, STR("smtp")));
	topology_unref(&second);
}
END_TEST

/* --- settings of boxes --- */

static const struct {
	const char *type, *protocol;
	enum protocol cluster, box;
} protocols[] = {
	{ "smtp", "", PROTO_SMTP, PROTO_SMTP },	   { "pop3", "", PROTO_POP3, PROTO_POP3 },
	{ "imap", "", PROTO_IMAP, PROTO_IMAP },	   { "tcp", "", PROTO_TCP, PROTO_TCP },
	{ "smtp", "lmtp", PROTO_SMTP, PROTO_LMTP }, { "smtp", "smtp", PROTO_SMTP, PROTO_SMTP },
	{ "tcp", "pop3", PROTO_TCP, PROTO_POP3 },  { "pop3", "imap", PROTO_POP3, PROTO_IMAP },
};

START_TEST(protocols_of_boxes)
{
	struct box b = box_of("c", "b", "green");

	put_cluster("c", protocols[_i].type);
	b.protocol = str_z(protocols[_i].protocol);
	put(&table_boxes, &b);
	build();
	ck_assert_int_eq(cluster("c")->protocol, protocols[_i].cluster);
	ck_assert_int_eq(box("c", "b")->protocol, protocols[_i].box);
}
END_TEST

START_TEST(timeouts_and_addresses)
{
	struct cluster c = cluster_of("c", "smtp");
	struct box b = box_of("c", "own", "green");
	char text[ADDR_TEXT];

	c.box_connect_timeout_ms = 1234;
	put(&table_clusters, &c);
	b.connect_timeout_ms = 99;
	b.connect_address = STR("2001:db8::7");
	b.connect_port = 65535;
	put(&table_boxes, &b);
	put_box("c", "clusters", "green");
	build();
	ck_assert_int_eq(box("c", "own")->connect_timeout_ms, 99);
	ck_assert_int_eq(box("c", "clusters")->connect_timeout_ms, 1234);
	ck_assert_str_eq(ip_text(&box("c", "own")->addr.ip, text), "2001:db8::7");
	ck_assert_uint_eq(box("c", "own")->addr.port, 65535);
	ck_assert_str_eq(ip_text(&box("c", "clusters")->addr.ip, text), "10.1.2.3");
}
END_TEST

START_TEST(fallovers)
{
	static const char *const to[][2] = {
		{ "a", "b" }, { "b", "a" }, { "self", "self" }, { "lost", "nowhere" },
		{ "other", "MAIL" }, { "none", "" },
	};

	put_cluster("c", "smtp");
	put_cluster("d", "smtp");
	put_box("d", "MAIL", "green");
	for (size_t i = 0; i < ARRAY_LEN(to); i++) {
		struct box b = box_of("c", to[i][0], "green");

		b.fallover_boxid = str_z(to[i][1]);
		put(&table_boxes, &b);
	}
	build();
	for (size_t i = 0; i < ARRAY_LEN(to); i++) {
		struct topo_box *b = box("c", to[i][0]), *next = box("c", to[i][1]);

		ck_assert_int_eq(b->fallover, next ? next - cluster("c")->boxes : -1);
	}
}
END_TEST

static const struct {
	const char *word;
	enum client_info info;
} infos[] = {
	{ "none", INFO_NONE },		{ "xclient", INFO_XCLIENT },   { "xforward", INFO_XFORWARD },
	{ "proxy_v1", INFO_PROXY_V1 }, { "proxy_v2", INFO_PROXY_V2 },
};

START_TEST(who_the_client_is)
{
	struct box b = box_of("c", "b", "green");

	put_cluster("c", "smtp");
	b.client_info = str_z(infos[_i].word);
	put(&table_boxes, &b);
	build();
	ck_assert_int_eq(box("c", "b")->client_info, infos[_i].info);
}
END_TEST

/* --- settings of clusters --- */

static const struct {
	const char *word;
	enum method method;
} methods[] = { { "round_robin", METHOD_ROUND_ROBIN },
		{ "least_sessions", METHOD_LEAST_SESSIONS },
		{ "client_hash", METHOD_CLIENT_HASH } };

START_TEST(balancing)
{
	struct cluster c = cluster_of("c", "tcp");

	c.method = str_z(methods[_i].word);
	c.affinity_s = DEC(3) / 2;
	c.idle_timeout_s = DEC(1) / 10;
	put(&table_clusters, &c);
	put_box("c", "a", "green");
	put_box("c", "b", "yellow");
	put_cluster("d", "tcp");
	put_cluster("e", "smtp");
	put_box("e", "a", "green");
	build();
	ck_assert_int_eq(cluster("c")->method, methods[_i].method);
	ck_assert_int_eq(cluster("c")->affinity_ms, 1500);
	ck_assert_int_eq(cluster("c")->idle_ms, 100);
	/* over what is green, relay or not */
	for (int i = 0; i < 10; i++) {
		char key[2] = { (char)('a' + i), '\0' };

		ck_assert_int_eq(ring_pick(cluster("c")->client_ring, str_z(key), NULL, NULL),
				 box("c", "a") - cluster("c")->boxes);
	}
	ck_assert_ptr_null(cluster("d")->client_ring);
	ck_assert_int_eq(cluster("d")->affinity_ms, 0);
	ck_assert_int_eq(cluster("d")->idle_ms, 1800000);
	ck_assert_ptr_null(cluster("e")->client_ring);
}
END_TEST

START_TEST(names_and_words)
{
	struct cluster c = cluster_of("named", "smtp");
	char name[256];

	c.smtp_host_name = STR("mx.example.org");
	c.bare_newline = STR("normalize");
	c.multi_box = STR("one_per_transaction");
	put(&table_clusters, &c);
	put_cluster("plain", "smtp");
	build();
	ck_assert(str_eq(cluster("named")->host_name, STR("mx.example.org")));
	ck_assert(cluster("named")->normalize && cluster("named")->one_per_transaction);
	ck_assert_int_eq(gethostname(name, sizeof(name)), 0);
	ck_assert(str_eq(cluster("plain")->host_name, str_z(name)));
	ck_assert(!cluster("plain")->normalize && !cluster("plain")->one_per_transaction);
}
END_TEST

static bool in(const struct ip_ranges *r, const char *ip)
{
	struct ipaddr a;

	ok(ip_parse(str_z(ip), &a, &rig_err));
	return ranges_contain(r, &a);
}

START_TEST(ranges)
{
	struct cluster c = cluster_of("c", "smtp");

	c.relay_ranges = STR("10.0.0.0/8, ::1");
	c.block_ranges = STR("192.0.2.1");
	c.spam_whitelist_ranges = STR("198.51.100.1-198.51.100.9");
	c.accept_proxy_protocol = STR("203.0.113.0/24");
	put(&table_clusters, &c);
	build();
	ck_assert(in(&cluster("c")->relay, "10.255.0.1") && in(&cluster("c")->relay, "::1"));
	ck_assert(!in(&cluster("c")->relay, "11.0.0.1"));
	ck_assert(in(&cluster("c")->block, "192.0.2.1"));
	ck_assert(in(&cluster("c")->spam_whitelist, "198.51.100.9"));
	ck_assert(in(&cluster("c")->proxy, "203.0.113.77"));
	ck_assert(!in(&cluster("c")->proxy, "10.0.0.1"));
}
END_TEST

/* --- the relay ring --- */

START_TEST(relay_ring)
{
	static const char *const lights[] = { "green", "yellow", "red" };
	unsigned hits[8] = { 0 };

	put_cluster("c", "smtp");
	put_cluster("none", "smtp");
	put_box("none", "plain", "green");
	for (int i = 0; i < 6; i++) {
		char name[8];
		struct box b;

		snprintf(name, sizeof(name), "B%d", i);
		b = box_of("c", name, lights[i % 3]);
		b.smtp_relay = i != 3;
		b.weight = 1 + i;
		put(&table_boxes, &b);
	}
	put_box("c", "also", "green");
	build();
	ck_assert_ptr_null(cluster("none")->relay_ring);
	for (int i = 0; i < 200; i++) {
		char key[32];
		struct str k = { key, (size_t)snprintf(key, sizeof(key), "s%d@example.org", i) };
		int at = ring_pick(cluster("c")->relay_ring, k, NULL, NULL);

		must(at >= 0 && at < (int)cluster("c")->n_boxes, "one of its boxes");
		must(str_eq(cluster("c")->boxes[at].row.boxid, STR("B0")), "green, with smtp_relay");
		hits[at]++;
	}
}
END_TEST

/* --- shared memory --- */

START_TEST(indices)
{
	put_cluster("smtp", "smtp");
	put_cluster("new", "smtp");
	put_box("smtp", "MAIL1", "green");
	put_box("smtp", "MAIL2", "green");
	clusters_assign(shm, STR("other"));
	ck_assert_int_eq(clusters_assign(shm, STR("smtp")), 1);
	boxes_assign(shm, STR("other"), STR("MAIL1"));
	ck_assert_int_eq(boxes_assign(shm, STR("smtp"), STR("MAIL1")), 1);
	build();
	ck_assert_int_eq(cluster("smtp")->shm, 1);
	ck_assert_int_eq(cluster("new")->shm, -1);
	ck_assert_int_eq(box("smtp", "MAIL1")->shm, 1);
	ck_assert_int_eq(box("smtp", "MAIL2")->shm, -1);
	topology_unref(&topo);
	ok(topology_build(&topo, rig, NULL, 1, &rig_err));
	ck_assert_int_eq(cluster("smtp")->shm, -1);
	ck_assert_int_eq(box("smtp", "MAIL1")->shm, -1);
}
END_TEST

/* --- what cannot be built --- */

/* Nobody checks it on the way in: a sister of another version may have sent it. */
static const struct {
	const char *relay, *block, *address, *error;
} bad[] = {
	{ "10.0.0.0/99", "", "10.1.2.3", "cluster c: " },
	{ "10.0.0.0/8", "nonsense", "10.1.2.3", "cluster c: " },
	{ "10.0.0.0/8", "", "mail.example.org", "cluster c: " },
	{ "10.0.0.0/8", "", "", "cluster c: " },
};

START_TEST(refused)
{
	struct cluster c = cluster_of("c", "smtp");
	struct box b = box_of("c", "b", "green");
	struct topology *kept;

	put_cluster("good", "smtp");
	build();
	kept = topo;
	c.relay_ranges = str_z(bad[_i].relay);
	c.block_ranges = str_z(bad[_i].block);
	b.connect_address = str_z(bad[_i].address);
	put(&table_clusters, &c);
	put(&table_boxes, &b);
	ck_assert_int_eq(topology_build(&topo, rig, shm, 8, &rig_err), -1);
	ck_assert_msg(strncmp(rig_err.text, bad[_i].error, strlen(bad[_i].error)) == 0, "%s",
		      rig_err.text);
	ck_assert_ptr_eq(topo, kept);
}
END_TEST

/* More rows than there may be: what fits, and no more. */
START_TEST(as_many_as_there_can_be)
{
	unsigned boxes = 0;

	begin();
	for (unsigned i = 0; i < MAX_CLUSTERS + 2; i++) {
		char name[32];
		struct cluster c;

		snprintf(name, sizeof(name), "c%03u", i);
		c = cluster_of(name, "smtp");
		ok(store_put(rig, &table_clusters, &c, &rig_err));
		for (unsigned j = 0; j < MAX_BOXES / MAX_CLUSTERS + 1; j++) {
			char boxname[32];
			struct box b;

			snprintf(boxname, sizeof(boxname), "b%03u", j);
			b = box_of(name, boxname, "green");
			b.smtp_relay = 1;
			ok(store_put(rig, &table_boxes, &b, &rig_err));
		}
	}
	commit();
	build();
	ck_assert_uint_eq(topo->n_clusters, MAX_CLUSTERS);
	for (unsigned i = 0; i < topo->n_clusters; i++)
		boxes += topo->clusters[i].n_boxes;
	ck_assert_uint_eq(boxes, MAX_BOXES);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("topology");
	TCase *t = tcase_create("topology");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, empty_store);
	tcase_add_test(t, clusters_and_boxes);
	tcase_add_test(t, general_settings);
	tcase_add_test(t, unknown_light);
	tcase_add_test(t, stays_as_it_was);
	tcase_add_test(t, references);
	tcase_add_loop_test(t, protocols_of_boxes, 0, (int)ARRAY_LEN(protocols));
	tcase_add_test(t, timeouts_and_addresses);
	tcase_add_test(t, fallovers);
	tcase_add_loop_test(t, who_the_client_is, 0, (int)ARRAY_LEN(infos));
	tcase_add_loop_test(t, balancing, 0, (int)ARRAY_LEN(methods));
	tcase_add_test(t, names_and_words);
	tcase_add_test(t, ranges);
	tcase_add_test(t, relay_ring);
	tcase_add_test(t, indices);
	tcase_add_loop_test(t, refused, 0, (int)ARRAY_LEN(bad));
	tcase_add_test(t, as_many_as_there_can_be);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
