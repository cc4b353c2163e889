/* listclusters and stats: every row, every figure, and nothing that is secret. */
#include "admin/cmd_state.c"

#include <expat.h>

#include "unit/admin_rig.h"

static void add_cluster(const char *id, const char *type, const char *port)
{
	ck_ok(ask("addcluster", "clusterid", id, "type", type, "listen_port", port, NULL));
	ck_assert_int_ge(clusters_assign(rig_env.shm, str_z(id)), 0);
}

static void add_box(const char *cluster, const char *box)
{
	ck_ok(ask("addbox", "clusterid", cluster, "boxid", box, "connect_address",
		  "10.0.0.1", "connect_port", "25", "probe_password", "s3cret", NULL));
	ck_assert_int_ge(boxes_assign(rig_env.shm, str_z(cluster), str_z(box)), 0);
}

/* Of this cluster, or this box of it, to the end of the answer. */
static const char *from_cluster(const char *id)
{
	char text[128];
	const char *at;

	snprintf(text, sizeof(text), "<cluster>\n      <clusterid>%s</clusterid>", id);
	at = strstr(answer, text);
	ck_assert_msg(at != NULL, "no cluster %s in %s", id, answer);
	return at;
}

static const char *from_box(const char *cluster, const char *box)
{
	char text[128];
	const char *at;

	snprintf(text, sizeof(text), "<boxid>%s</boxid>", box);
	at = strstr(from_cluster(cluster), text);
	ck_assert_msg(at != NULL, "no box %s in %s", box, answer);
	return at;
}

#define ck_at(from, name, want) ck_assert_str_eq(tag_from(from, name), want)

static void check_document(void)
{
	XML_Parser p = XML_ParserCreate(NULL);

	ck_assert_int_eq(XML_Parse(p, answer, (int)strlen(answer), 1), XML_STATUS_OK);
	XML_ParserFree(p);
	ck_assert(!strstr(answer, "s3cret"));
}

/* --- listclusters --- */

START_TEST(empty)
{
	ck_ok(ask("listclusters", NULL));
	ck_assert_str_eq(strstr(answer, "  <status>"), "  <status>ok</status>\n"
						       "  <clusters total=\"0\">\n"
						       "  </clusters>\n"
						       "</response>\n");
}
END_TEST

START_TEST(rows)
{
	add_cluster("C", "smtp", "25");
	add_cluster("CC", "pop3", "110");
	add_cluster("E", "tcp", "80");
	add_box("CC", "B2");
	add_box("CC", "B1");
	add_box("C", "B1");
	ck_ok(ask("green", "clusterid", "CC", "boxid", "B1", NULL));
	ck_ok(ask("red", "clusterid", "CC", "boxid", "B2", NULL));
	ck_ok(ask("listclusters", NULL));
	check_document();
	ck_assert_ptr_nonnull(strstr(answer, "\n  <clusters total=\"3\">\n    <cluster>\n"));
	ck_assert_uint_eq(times(answer, "<cluster>"), 3);
	ck_assert_uint_eq(times(answer, "<box>"), 3);
	/* each with its own boxes, though the names begin alike */
	ck_assert(str_starts(str_z(strstr(from_cluster("C"), "<boxes ")), STR("<boxes total=\"1\">")));
	ck_assert(str_starts(str_z(strstr(from_cluster("CC"), "<boxes ")), STR("<boxes total=\"2\">")));
	ck_assert_uint_eq(times(from_cluster("C"), "<box>") - times(from_cluster("CC"), "<box>"), 1);
	ck_assert_uint_eq(times(from_cluster("E"), "<box>"), 0);
	ck_assert_ptr_nonnull(strstr(from_cluster("E"), "<boxes total=\"0\">"));
	ck_at(from_box("C", "B1"), "light", "yellow");
	ck_at(from_box("CC", "B1"), "light", "green");
	ck_at(from_box("CC", "B2"), "light", "red");
	ck_at(from_box("CC", "B2"), "protocol", "pop3");
}
END_TEST

/* Every setting and every counter stands in its row. */
START_TEST(columns)
{
	const char *cluster, *box;

	add_cluster("C", "smtp", "25");
	add_box("C", "B");
	ck_ok(ask("listclusters", NULL));
	cluster = from_cluster("C");
	box = from_box("C", "B") - 100;
	for (unsigned i = 0; i < table_clusters.n_fields; i++)
		if (!(table_clusters.fields[i].flags & FF_WHEN_SET))
			ck_assert_ptr_nonnull(tag_from(cluster, table_clusters.fields[i].name));
	for (unsigned i = 0; i < CC_COUNT; i++)
		ck_at(cluster, cluster_counter_info[i].name, "0");
	for (unsigned i = 0; i < table_boxes.n_fields; i++)
		if (table_boxes.fields[i].kind != FK_SECRET)
			ck_assert_ptr_nonnull(tag_from(box, table_boxes.fields[i].name));
	for (unsigned i = 0; i < BC_COUNT; i++)
		ck_at(box, box_counter_info[i].name, "0");
}
END_TEST

/* Settings and figures share a row, so no name may mean both. */
START_TEST(names)
{
	static const char *const more[] = {
		"failures_in_a_row", "passed_over_ms", "last_failure",
		"warning",	     "boxes",	       "latency",
		"check",	     "check_ago_ms",   "check_took_us",
		"check_text"
	};

	for (unsigned i = 0; i < CC_COUNT; i++)
		ck_assert_ptr_null(
			table_field(&table_clusters, str_z(cluster_counter_info[i].name)));
	for (unsigned i = 0; i < BC_COUNT; i++)
		ck_assert_ptr_null(table_field(&table_boxes, str_z(box_counter_info[i].name)));
	for (size_t m = 0; m < ARRAY_LEN(more); m++) {
		ck_assert_ptr_null(table_field(&table_boxes, str_z(more[m])));
		ck_assert_ptr_null(table_field(&table_clusters, str_z(more[m])));
		for (unsigned i = 0; i < BC_COUNT; i++)
			ck_assert_str_ne(more[m], box_counter_info[i].name);
		for (unsigned i = 0; i < CC_COUNT; i++)
			ck_assert_str_ne(more[m], cluster_counter_info[i].name);
	}
}
END_TEST

static void warned(bool yes)
{
	ck_ok(ask("listclusters", NULL));
	ck_assert_msg((tag("warning") != NULL) == yes, "%s", answer);
}

START_TEST(relay_warning)
{
	add_cluster("C", "smtp", "25");
	add_box("C", "B");
	warned(false);
	ck_ok(ask("commitmodifycluster", "clusterid", "C", "relay_ranges", "10.0.0.0/8", NULL));
	warned(true);
	ck_ok(ask("commitmodifycluster", "clusterid", "C", "relay_box_choice", "1", NULL));
	warned(false);
	ck_ok(ask("commitmodifycluster", "clusterid", "C", "relay_box_choice", "0", NULL));
	ck_ok(ask("commitmodifybox", "clusterid", "C", "boxid", "B", "smtp_relay", "1", NULL));
	warned(false);
	/* another cluster's box is none of ours */
	add_cluster("D", "smtp", "587");
	ck_ok(ask("commitmodifycluster", "clusterid", "D", "auth_required", "1", NULL));
	warned(true);
}
END_TEST

/* --- figures --- */

START_TEST(counters)
{
	struct shm *shm = rig_env.shm;
	int c, b;

	add_cluster("A", "smtp", "24");
	add_cluster("C", "smtp", "25");
	add_box("C", "A");
	add_box("C", "B");
	c = clusters_find(shm, STR("C"));
	b = boxes_find(shm, STR("C"), STR("B"));
	for (int i = 0; i < CC_COUNT; i++) /* of two workers: summed */
		for (int slot = 0; slot < 2; slot++)
			count_cluster(shm, (unsigned)slot, c, (enum cluster_counter)i,
				      10 * i + slot + 1);
	for (int i = 0; i < BC_COUNT; i++)
		for (int slot = 0; slot < 2; slot++)
			count_box(shm, (unsigned)slot, b, (enum box_counter)i, 100 * i + slot + 1);
	for (int turn = 0; turn < 2; turn++) {
		char want[32];

		ck_ok(ask(turn ? "stats" : "listclusters", NULL));
		for (int i = 0; i < CC_COUNT; i++) {
			snprintf(want, sizeof(want), "%d", 20 * i + 3);
			ck_at(from_cluster("C"), cluster_counter_info[i].name, want);
			ck_at(from_cluster("A"), cluster_counter_info[i].name, "0");
		}
		for (int i = 0; i < BC_COUNT; i++) {
			snprintf(want, sizeof(want), "%d", 200 * i + 3);
			ck_at(from_box("C", "B"), box_counter_info[i].name, want);
			ck_at(from_box("C", "A"), box_counter_info[i].name, "0");
		}
	}
}
END_TEST

/* Clusters and boxes that no worker has heard of yet. */
START_TEST(unpublished)
{
	ck_ok(ask("addcluster", "clusterid", "C", "type", "smtp", "listen_port", "25", NULL));
	ck_ok(ask("addbox", "clusterid", "C", "boxid", "B", "connect_address", "10.0.0.1",
		  "connect_port", "25", NULL));
	ck_ok(ask("stats", NULL));
	ck_at(from_cluster("C"), "sessions", "0");
	ck_at(from_box("C", "B"), "mails", "0");
	ck_at(from_box("C", "B"), "failures_in_a_row", "0");
	ck_at(from_box("C", "B"), "last_failure", "");
}
END_TEST

START_TEST(health)
{
	int64_t left;
	int b;

	add_cluster("C", "smtp", "25");
	add_box("C", "B");
	ck_ok(ask("stats", NULL));
	ck_at(from_box("C", "B"), "passed_over_ms", "0");
	b = boxes_find(rig_env.shm, STR("C"), STR("B"));
	boxes_failed(rig_env.shm, b, clock_mono_ms(), "connect: <refused>");
	for (int turn = 0; turn < 2; turn++) {
		ck_ok(ask(turn ? "stats" : "listclusters", NULL));
		ck_at(from_box("C", "B"), "failures_in_a_row", "1");
		ck_at(from_box("C", "B"), "last_failure", "connect: &lt;refused&gt;");
		ck_at(from_box("C", "B"), "failures", "0"); /* what workers counted is another thing */
		ck_at(from_box("C", "B"), "check", "none");
		ck_at(from_box("C", "B"), "check_ago_ms", "0");
		left = atoll(tag_from(from_box("C", "B"), "passed_over_ms"));
		ck_assert_int_ge(left, 0);
		ck_assert_int_le(left, BOX_PASSOVER_FIRST_MS);
	}
}
END_TEST

START_TEST(check)
{
	struct box_check c = { BOX_ILL, 0, 1700, "connect: <refused>" };
	int64_t ago;
	int b;

	add_cluster("C", "smtp", "25");
	add_box("C", "B");
	b = boxes_find(rig_env.shm, STR("C"), STR("B"));
	c.mono_ms = clock_mono_ms() - 5000;
	boxes_checked(rig_env.shm, b, &c);
	for (int turn = 0; turn < 2; turn++) {
		ck_ok(ask(turn ? "stats" : "listclusters", NULL));
		ck_at(from_box("C", "B"), "check", "ill");
		ck_at(from_box("C", "B"), "check_took_us", "1700");
		ck_at(from_box("C", "B"), "check_text", "connect: &lt;refused&gt;");
		ago = atoll(tag_from(from_box("C", "B"), "check_ago_ms"));
		ck_assert_int_ge(ago, 5000);
		ck_assert_int_lt(ago, 60000);
	}
}
END_TEST

START_TEST(latency)
{
	static const int64_t ms[] = { 0, 1, 3, 3, 1 << 20 };
	int b;

	add_cluster("C", "smtp", "25");
	add_box("C", "B");
	b = boxes_find(rig_env.shm, STR("C"), STR("B"));
	for (size_t i = 0; i < ARRAY_LEN(ms); i++)
		count_latency(rig_env.shm, i % 2, b, ms[i]);
	ck_ok(ask("stats", NULL));
	check_document();
	ck_assert_uint_eq(times(answer, "<bucket>"), LATENCY_BUCKETS);
	ck_assert_ptr_nonnull(strstr(answer, "<latency total=\"16\">"));
#define BUCKET(below, answers) \
	"<below_ms>" below "</below_ms>\n              <answers>" answers "</answers>"
	ck_assert_ptr_nonnull(strstr(answer, BUCKET("1", "1")));
	ck_assert_ptr_nonnull(strstr(answer, BUCKET("2", "1")));
	ck_assert_ptr_nonnull(strstr(answer, BUCKET("4", "2")));
	ck_assert_ptr_nonnull(strstr(answer, BUCKET("8", "0")));
	ck_assert_ptr_nonnull(strstr(answer, BUCKET("16384", "0")));
	ck_assert_ptr_nonnull(strstr(answer, BUCKET("", "1")));
	ck_ok(ask("listclusters", NULL));
	ck_assert_uint_eq(times(answer, "<bucket>"), 0);
}
END_TEST

/* --- processes --- */

/* The row of this process, to the end of the answer. */
static const char *from_slot(const char *row, unsigned slot)
{
	char text[64];
	const char *at;

	snprintf(text, sizeof(text), "<%s>\n      <slot>%u</slot>\n", row, slot);
	at = strstr(answer, text);
	ck_assert_msg(at != NULL, "no %s %u in %s", row, slot, answer);
	return at;
}

/* Every counter of a worker, summed over all clusters; it is i + 1 times n in each. */
static void check_worker(unsigned slot, int64_t n)
{
	for (int i = 0; i < CC_COUNT; i++)
		ck_assert_int_eq(atoll(tag_from(from_slot("worker", slot), cluster_counter_info[i].name)),
				 n * (i + 1));
}

START_TEST(workers)
{
	struct shm *shm = rig_env.shm;
	int a, b;

	add_cluster("A", "smtp", "25");
	add_cluster("B", "pop3", "110");
	a = clusters_find(shm, STR("A"));
	b = clusters_find(shm, STR("B"));
	slot_enter(shm, 1, ROLE_WORKER, 4711);
	for (int i = 0; i < CC_COUNT; i++) {
		count_cluster(shm, 0, a, (enum cluster_counter)i, i + 1);
		count_cluster(shm, 1, a, (enum cluster_counter)i, 10 * (i + 1));
		count_cluster(shm, 1, b, (enum cluster_counter)i, 200 * (i + 1));
	}
	ck_ok(ask("stats", NULL));
	check_document();
	ck_assert_ptr_nonnull(strstr(answer, "  <workers total=\"2\">\n    <worker>\n"));
	ck_assert_uint_eq(times(answer, "<worker>"), 2);
	ck_at(from_slot("worker", 0), "pid", "0");
	ck_at(from_slot("worker", 0), "role", "");
	check_worker(0, 1);
	ck_at(from_slot("worker", 1), "pid", "4711");
	ck_at(from_slot("worker", 1), "role", "worker");
	ck_at(from_slot("worker", 1), "restarts", "0");
	check_worker(1, 210);
	/* its gauges go with it, what it has counted stays */
	slot_reap(shm, 1);
	slot_enter(shm, 1, ROLE_WORKER, 4712);
	ck_ok(ask("stats", NULL));
	ck_at(from_slot("worker", 1), "pid", "4712");
	ck_at(from_slot("worker", 1), "restarts", "1");
	ck_at(from_slot("worker", 1), "sessions", "0");
	ck_assert_int_eq(atoll(tag_from(from_slot("worker", 1), "mails")), 210 * (CC_mails + 1));
}
END_TEST

/* All others, which have no counters. */
START_TEST(processes)
{
	char total[48];

	slot_enter(rig_env.shm, SLOT_ADMIN, ROLE_ADMIN, 4710);
	ck_ok(ask("stats", NULL));
	snprintf(total, sizeof(total), "<processes total=\"%d\">", MAX_SLOTS - MAX_WORKERS);
	ck_assert_ptr_nonnull(strstr(answer, total));
	ck_assert_uint_eq(times(answer, "<process>"), MAX_SLOTS - MAX_WORKERS);
	ck_assert(str_starts(str_z(from_slot("process", SLOT_ADMIN)),
			     STR("<process>\n"
				 "      <slot>64</slot>\n"
				 "      <pid>4710</pid>\n"
				 "      <role>admin</role>\n"
				 "      <restarts>0</restarts>\n"
				 "    </process>\n")));
}
END_TEST

START_TEST(version_and_uptime)
{
	ck_ok(ask("stats", NULL));
	ck_tag("version", PB_VERSION);
	ck_assert_int_ge(atoll(tag("uptime_s")), 0);
	ck_assert_int_le(atoll(tag("uptime_s")), 60);
}
END_TEST

START_TEST(journal)
{
	struct shm *shm = rig_env.shm;
	uint64_t mark, pos = journal_tail(shm, 0), sum;
	enum journal_kind kind;
	struct str payload;
	static const char huge[LIMIT_JOURNAL_ENTRY + 1];

	ck_assert_int_eq(journal_put(shm, 0, JOURNAL_LEDGER, STR("one"), &mark), 0);
	sum = mark;
	ck_assert_int_eq(journal_put(shm, 1, JOURNAL_LEDGER, STR("two"), &mark), 0);
	sum += mark;
	ck_assert_int_eq(journal_put(shm, 1, JOURNAL_LEDGER, (struct str){ huge, sizeof(huge) }, &mark),
			 -1);
	ck_assert(journal_next(shm, 0, &pos, &kind, &payload));
	journal_applied(shm, 0, pos);
	ck_ok(ask("stats", NULL));
	ck_assert_uint_eq((uint64_t)atoll(tag("published_bytes")), sum);
	ck_assert_uint_eq((uint64_t)atoll(tag("applied_bytes")), pos);
	ck_tag("dropped", "1");
}
END_TEST

/* --- long commands --- */

START_TEST(work)
{
	ck_ok(ask("stats", NULL));
	ck_assert_ptr_null(tag("work"));
	rig_work.command = "reread";
	atomic_store(&rig_work.rows.done, 3);
	atomic_store(&rig_work.rows.of, 7);
	ck_ok(ask("stats", NULL));
	check_document();
	ck_assert_ptr_nonnull(strstr(answer, "  <work>\n"
					     "    <command>reread</command>\n"
					     "    <done>3</done>\n"
					     "    <of>7</of>\n"
					     "  </work>\n"));
	rig_work.command = NULL;
	ck_ok(ask("stats", NULL));
	ck_assert_ptr_null(tag("work"));
}
END_TEST

/* --- history --- */

/* Of this ring, to the end of the answer. */
static const char *from_ring(const char *name, unsigned total)
{
	char text[48];
	const char *at;

	snprintf(text, sizeof(text), "    <%s total=\"%u\">\n", name, total);
	at = strstr(strstr(answer, "  <history>\n"), text);
	ck_assert_msg(at != NULL, "no %s of %u in %s", name, total, answer);
	return at;
}

START_TEST(history)
{
	struct shm *shm = rig_env.shm;
	int64_t mono = 1000, wall = 1795996800000; /* 2026-11-30T00:00:00Z */
	const char *at;
	int c;

	add_cluster("C", "smtp", "25");
	c = clusters_find(shm, STR("C"));
	ck_ok(ask("stats", NULL));
	check_document();
	from_ring("recent", 0);
	from_ring("day", 0);
	history_take(shm, mono, wall);
	for (int i = 1; i <= 3; i++) { /* i mails and 10 i bytes each */
		count_cluster(shm, 0, c, CC_mails, i);
		count_cluster(shm, 1, c, CC_bytes_in, 10 * i);
		mono += history_shapes[HISTORY_RECENT].interval_ms;
		wall += history_shapes[HISTORY_RECENT].interval_ms;
		history_take(shm, mono, wall);
	}
	ck_ok(ask("stats", NULL));
	check_document();
	at = from_ring("recent", 3);
	ck_assert_uint_eq(times(at, "<sample>"), 3);
	for (int i = 1; i <= 3; i++) { /* the oldest first, each with all figures */
		char mails[8], bytes[8], time[21];

		snprintf(mails, sizeof(mails), "%d", i);
		snprintf(bytes, sizeof(bytes), "%d", 10 * i);
		clock_rfc3339(wall - (3 - i) * history_shapes[HISTORY_RECENT].interval_ms, time);
		at = strstr(at, "<sample>");
		ck_at(at, "time", time);
		ck_at(at, "ms", "5000");
		ck_at(at, "mails", mails);
		ck_at(at, "bytes_in", bytes);
		for (int f = 0; f < HF_COUNT; f++)
			ck_assert_ptr_nonnull(tag_from(at, history_info[f].name));
		at++;
	}
	from_ring("day", 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("cmd_state");

	tcase_add_test(t, empty);
	tcase_add_test(t, rows);
	tcase_add_test(t, columns);
	tcase_add_test(t, names);
	tcase_add_test(t, relay_warning);
	tcase_add_test(t, counters);
	tcase_add_test(t, unpublished);
	tcase_add_test(t, health);
	tcase_add_test(t, check);
	tcase_add_test(t, latency);
	tcase_add_test(t, workers);
	tcase_add_test(t, processes);
	tcase_add_test(t, version_and_uptime);
	tcase_add_test(t, journal);
	tcase_add_test(t, work);
	tcase_add_test(t, history);
	return rig_run(t, "cmd_state");
}
