/* publish: what of the store becomes indices and listeners, and whose answers are waited for.
 * The test plays the workers and the supervisor. */
#include "admin/publish.c"

#include <check.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "shm/region.h"

#define WORKERS 3

static char dir[64];
static struct store *store;
static struct shm *shm;
static struct err e;
static struct publish p;

static void setup(void)
{
	strcpy(dir, "/tmp/pb_test_publish.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(store_open(&store, dir, STORE_ACCOUNTS, STORE_WRITE, &e), 0);
	shm = shm_create(WORKERS);
}

static void teardown(void)
{
	char command[128];

	store_close(&store);
	shm_destroy(&shm);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void commit(const struct table *t, const void *rec)
{
	ck_assert_int_eq(store_write_begin(store, clock_wall_ms(), &e), 0);
	ck_assert_int_eq(store_put(store, t, rec, &e), 0);
	ck_assert_int_eq(store_commit(store, &e), 0);
}

static void add_cluster(const char *name, const char *address, int port)
{
	struct cluster c;

	record_defaults(&table_clusters, &c);
	c.clusterid = str_z(name);
	c.type = STR("smtp");
	c.listen_address = str_z(address);
	c.listen_port = port;
	commit(&table_clusters, &c);
}

static void add_box(const char *cluster, const char *name)
{
	struct box b;

	record_defaults(&table_boxes, &b);
	b.clusterid = str_z(cluster);
	b.boxid = str_z(name);
	b.connect_address = STR("127.0.0.1");
	b.connect_port = 25;
	commit(&table_boxes, &b);
}

static void drop(const struct table *t, const void *rec)
{
	char key[KEY_MAX];
	size_t n;

	ck_assert_int_eq(record_key(t, rec, key, &n), 0);
	ck_assert_int_eq(store_write_begin(store, clock_wall_ms(), &e), 0);
	ck_assert_int_eq(store_delete(store, t, (struct str){ key, n }, &e), 0);
	ck_assert_int_eq(store_commit(store, &e), 0);
}

static void start(void)
{
	ck_assert_int_eq(publish_start(&p, store, shm, &e), 0);
}

static void confirm_all(void)
{
	for (unsigned i = 0; i < WORKERS; i++)
		generation_confirm(shm, i, generation_get(shm));
}

static void enter_all(void)
{
	for (unsigned i = 0; i < WORKERS; i++)
		slot_enter(shm, i, ROLE_WORKER, 1000 + (pid_t)i);
}

static enum publish_state state(void)
{
	e.text[0] = '\0';
	return publish_state(&p, shm, &e);
}

START_TEST(empty_store)
{
	struct listener v[MAX_LISTENERS];
	uint32_t version;

	start();
	ck_assert_uint_eq(listeners_get(shm, v, &version), 0);
	ck_assert_uint_eq(version, p.listeners);
	ck_assert_uint_ne(version, 0);
	ck_assert_uint_eq(generation_get(shm), p.generation);
}
END_TEST

/* Without a row at its default; at each start anew. */
START_TEST(size_of_the_dictionary)
{
	struct settings row;

	start();
	ck_assert_uint_eq(dictionary_mb(shm), 64);
	record_defaults(&table_settings, &row);
	row.ip_dictionary_max_mb = 7;
	commit(&table_settings, &row);
	start();
	ck_assert_uint_eq(dictionary_mb(shm), 7);
	dictionary_resize(shm, 3);
	start();
	ck_assert_uint_eq(dictionary_mb(shm), 7);
	row.ip_dictionary_max_mb = 4096;
	shm->dictionary_most = 1000; /* of a system that counts what is not used */
	commit(&table_settings, &row);
	start();
	ck_assert_uint_eq(dictionary_mb(shm), 1000);
	shm->dictionary_most = DICTIONARY_MB_MOST;
}
END_TEST

START_TEST(listeners)
{
	struct listener v[MAX_LISTENERS];
	uint32_t version, first;
	char text[ADDR_TEXT];

	add_cluster("pop", "::1", 110);
	add_cluster("mail", "0.0.0.0", 25);
	start();
	ck_assert_uint_eq(listeners_get(shm, v, &first), 2);
	ck_assert_str_eq(v[0].cluster, "mail");
	ck_assert_str_eq(ip_text(&v[0].addr.ip, text), "0.0.0.0");
	ck_assert_uint_eq(v[0].addr.port, 25);
	ck_assert_str_eq(v[1].cluster, "pop");
	ck_assert_str_eq(ip_text(&v[1].addr.ip, text), "::1");
	ck_assert_uint_eq(v[1].addr.port, 110);

	/* A box changes nothing here: the table stands, the generation moves. */
	add_box("mail", "a");
	first = generation_get(shm);
	start();
	ck_assert_uint_eq(p.listeners, 0);
	ck_assert_uint_eq(p.generation, first + 1);

	/* A port does, and an address, and one that goes. */
	listeners_get(shm, v, &first);
	add_cluster("mail", "0.0.0.0", 26);
	start();
	ck_assert_uint_eq(listeners_get(shm, v, &version), 2);
	ck_assert_uint_ne(version, first);
	ck_assert_uint_eq(v[0].addr.port, 26);
	add_cluster("mail", "10.0.0.1", 26);
	start();
	ck_assert_uint_ne(p.listeners, 0);
	ck_assert_uint_ne(p.listeners, version);
	drop(&table_clusters, &(struct cluster){ .clusterid = STR("mail") });
	start();
	ck_assert_uint_ne(p.listeners, 0);
	ck_assert_uint_eq(listeners_get(shm, v, &version), 1);
	ck_assert_str_eq(v[0].cluster, "pop");
}
END_TEST

/* An admin that is started again finds the table as it should be. */
START_TEST(second_admin)
{
	add_cluster("mail", "0.0.0.0", 25);
	start();
	start();
	ck_assert_uint_eq(p.listeners, 0);
}
END_TEST

START_TEST(indices)
{
	struct str cluster, name;
	int one;

	add_cluster("mail", "0.0.0.0", 25);
	add_box("mail", "a");
	add_box("mail", "b");
	start();
	one = boxes_find(shm, STR("mail"), STR("a"));
	ck_assert_int_ge(clusters_find(shm, STR("mail")), 0);
	ck_assert_int_ge(one, 0);
	ck_assert_int_ge(boxes_find(shm, STR("mail"), STR("b")), 0);
	ck_assert(boxes_name(shm, one, &cluster, &name));
	ck_assert(str_eq(cluster, STR("mail")) && str_eq(name, STR("a")));

	drop(&table_boxes, &(struct box){ .clusterid = STR("mail"), .boxid = STR("b") });
	start();
	ck_assert_int_eq(boxes_find(shm, STR("mail"), STR("a")), one);
	ck_assert_int_eq(boxes_find(shm, STR("mail"), STR("b")), -1);

	drop(&table_boxes, &(struct box){ .clusterid = STR("mail"), .boxid = STR("a") });
	drop(&table_clusters, &(struct cluster){ .clusterid = STR("mail") });
	start();
	ck_assert_int_eq(boxes_find(shm, STR("mail"), STR("a")), -1);
	ck_assert_int_eq(clusters_find(shm, STR("mail")), -1);
	ck_assert(!boxes_name(shm, one, &cluster, &name));
}
END_TEST

/* A cluster too many is left out; the others live. */
START_TEST(too_many)
{
	struct listener v[MAX_LISTENERS];
	uint32_t version;
	char name[32];

	for (int i = 0; i <= MAX_CLUSTERS; i++) {
		snprintf(name, sizeof(name), "c%02d", i);
		add_cluster(name, "0.0.0.0", 1000 + i);
	}
	start();
	ck_assert_uint_eq(listeners_get(shm, v, &version), MAX_LISTENERS);
	/* One that goes makes room for the last in the same step. */
	drop(&table_clusters, &(struct cluster){ .clusterid = STR("c00") });
	start();
	ck_assert_uint_eq(listeners_get(shm, v, &version), MAX_LISTENERS);
	ck_assert_str_eq(v[MAX_LISTENERS - 1].cluster, "c64");
	ck_assert_int_ge(clusters_find(shm, STR("c64")), 0);
}
END_TEST

START_TEST(live_when_all_confirmed)
{
	enter_all();
	add_cluster("mail", "0.0.0.0", 25);
	start();
	ck_assert(!publish_settled(shm));
	confirm_all();
	ck_assert_int_eq(state(), PUBLISH_WAITS);
	publish_missing(&p, shm, &e);
	ck_assert_str_eq(e.text, "the supervisor has not opened the listeners");
	listeners_answer(shm, p.listeners, "");
	ck_assert(publish_settled(shm));
	ck_assert_int_eq(state(), PUBLISH_LIVE);

	add_box("mail", "a");
	start();
	for (unsigned i = 0; i < WORKERS; i++) {
		char missing[80];

		ck_assert_int_eq(state(), PUBLISH_WAITS);
		publish_missing(&p, shm, &e);
		snprintf(missing, sizeof(missing),
			 "worker %u (process %u) has not confirmed", i + 1, 1000 + i);
		ck_assert_str_eq(e.text, missing);
		generation_confirm(shm, i, p.generation);
	}
	ck_assert_int_eq(state(), PUBLISH_LIVE);
	/* Older ones are covered by the newer, not the other way round. */
	start();
	ck_assert_int_eq(state(), PUBLISH_WAITS);
	p.generation--;
	ck_assert_int_eq(state(), PUBLISH_LIVE);
}
END_TEST

/* What was published before, by whomever. */
START_TEST(standing)
{
	uint32_t generation;

	enter_all();
	add_cluster("mail", "0.0.0.0", 25);
	start();
	generation = generation_get(shm);
	publish_standing(&p, shm);
	confirm_all();
	ck_assert_int_eq(state(), PUBLISH_WAITS);
	listeners_answer(shm, listeners_version(shm), "mail: in use");
	ck_assert_int_eq(state(), PUBLISH_LIVE); /* another's fault, who was told */
	publish_standing(&p, shm);
	ck_assert_int_eq(state(), PUBLISH_LIVE);
	ck_assert_uint_eq(generation_get(shm), generation);
}
END_TEST

START_TEST(dead_workers_do_not_count)
{
	enter_all();
	start();
	listeners_answer(shm, p.listeners, "");
	generation_confirm(shm, 0, p.generation);
	generation_confirm(shm, 2, p.generation);
	ck_assert_int_eq(state(), PUBLISH_WAITS);
	slot_reap(shm, 1);
	ck_assert_int_eq(state(), PUBLISH_LIVE);
}
END_TEST

START_TEST(refused)
{
	enter_all();
	add_cluster("mail", "0.0.0.0", 25);
	start();
	listeners_answer(shm, p.listeners, "mail: 0.0.0.0:25: Address already in use");
	ck_assert_int_eq(state(), PUBLISH_REFUSED);
	ck_assert_str_eq(e.text, "mail: 0.0.0.0:25: Address already in use");
	confirm_all();
	ck_assert_int_eq(state(), PUBLISH_REFUSED);
}
END_TEST

static void is_open(const char *cluster)
{
	listeners_opened(shm, clusters_find(shm, str_z(cluster)), true);
}

/* What was wrong before is not this change's fault; what comes with it is. */
START_TEST(refused_before)
{
	enter_all();
	add_cluster("mail", "0.0.0.0", 25);
	start();
	listeners_answer(shm, p.listeners, "mail: in use");

	add_box("mail", "a"); /* does not touch the table at all */
	start();
	confirm_all();
	ck_assert_int_eq(state(), PUBLISH_LIVE);

	add_cluster("pop", "0.0.0.0", 110);
	start();
	confirm_all();
	is_open("pop");
	listeners_answer(shm, p.listeners, "mail: in use");
	ck_assert_int_eq(state(), PUBLISH_LIVE);

	add_cluster("imap", "0.0.0.0", 143);
	start();
	confirm_all();
	listeners_answer(shm, p.listeners, "imap: in use; mail: in use");
	ck_assert_int_eq(state(), PUBLISH_REFUSED);

	drop(&table_clusters, &(struct cluster){ .clusterid = STR("imap") });
	start(); /* one less: not the same words, and nobody's fault */
	confirm_all();
	listeners_answer(shm, p.listeners, "mail: in use");
	ck_assert_int_eq(state(), PUBLISH_LIVE);
}
END_TEST

/* An admin was killed in the middle of writing the table. */
START_TEST(half_written_table)
{
	struct listener v[MAX_LISTENERS];
	uint32_t version;

	for (unsigned n = 0; n < 2; n++) { /* also when nothing is to be opened */
		if (n > 0)
			add_cluster("mail", "0.0.0.0", 25);
		start();
		atomic_fetch_add(&shm->listeners.seq, 1);
		listeners_get(shm, v, &version);
		ck_assert_uint_eq(version & 1, 1);
		start();
		ck_assert_uint_ne(p.listeners, 0);
		ck_assert_uint_eq(listeners_get(shm, v, &version), n);
		ck_assert_uint_eq(version, p.listeners);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("publish");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, empty_store);
	tcase_add_test(t, size_of_the_dictionary);
	tcase_add_test(t, listeners);
	tcase_add_test(t, second_admin);
	tcase_add_test(t, indices);
	tcase_add_test(t, too_many);
	tcase_add_test(t, live_when_all_confirmed);
	tcase_add_test(t, standing);
	tcase_add_test(t, dead_workers_do_not_count);
	tcase_add_test(t, refused);
	tcase_add_test(t, refused_before);
	tcase_add_test(t, half_written_table);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
