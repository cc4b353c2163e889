/* All clusters, boxes and settings as one value: what is read is what was written, whatever the
 * rows hold; what is refused changes nothing; what is taken back is as it was. */
#include "admin/config.c"

#include "lib/base/clock.h"
#include "unit/admin_rig.h"
#include "unit/random_record.h"

#define CLUSTERS(x) "<importconfig><clusters>" x "</clusters></importconfig>"
#define CLUSTER(name, port, x) \
	"<cluster><clusterid>" name "</clusterid><type>smtp</type><listen_port>" port \
	"</listen_port>" x "</cluster>"
#define BOXES(x) "<boxes>" x "</boxes>"
#define BOX(name, x) \
	"<box><boxid>" name "</boxid><connect_address>10.0.0.1</connect_address>" \
	"<connect_port>25</connect_port>" x "</box>"
#define A(x) CLUSTERS(CLUSTER("A", "25", x))

/* Clusters A (boxes B, C) and P (box B), a setting, an account. */
static void some_rows(void)
{
	ck_ok(ask("addcluster", "clusterid", "A", "type", "smtp", "listen_port", "25",
		  "comment", "one", NULL));
	ck_ok(ask("addcluster", "clusterid", "P", "type", "pop3", "listen_port", "110", NULL));
	for (int i = 0; i < 3; i++)
		ck_ok(ask("addbox", "clusterid", i == 2 ? "P" : "A", "boxid",
			  i == 1 ? "C" : "B", "connect_address", "10.0.0.1",
			  "connect_port", "25", "probe_password", "s3cret", NULL));
	ck_ok(ask("green", "clusterid", "A", "boxid", "B", NULL));
	ck_ok(ask("commitmodifyinfo", "mail_from_quota", "7", NULL));
	ck_ok(ask("addnewemail", "email_address", "a@b.cc", "boxid", "C", NULL));
}

/* What a box is, as text; "-": it is not there. */
static const char *box_text(const char *cluster, const char *box, const char *field)
{
	union record key = { .box = { .clusterid = str_z(cluster), .boxid = str_z(box) } }, out;
	struct str text = STR("-");

	ck_assert_int_eq(store_read_begin(rig_env.accounts, NULL), 0);
	if (record_load(&call, &table_boxes, &key, &out) == 0)
		text = field_text(table_field(&table_boxes, str_z(field)), &out, &rig_arena);
	store_read_end(rig_env.accounts);
	return arena_str(&rig_arena, text).p;
}

/* --- rows at random: written and read again they are the same --- */

static struct str name_of(struct arena *a, const char *what, unsigned i)
{
	return arena_printf(a, "%s%u%c", what, i, 'a' + (char)rnd(26));
}

static void random_box(struct box *b, const struct cluster *of, unsigned i, struct arena *a)
{
	random_record(&table_boxes, b, a);
	b->clusterid = of->clusterid;
	b->boxid = name_of(a, "box", i);
	b->protocol = str_eq(of->type, STR("smtp")) && rnd(2) ? STR("lmtp") : of->type;
	b->fallover_boxid = rnd(2) ? STR("") : STR("other");
	if (str_eq(of->type, STR("tcp")) && str_starts(b->client_info, STR("x")))
		b->client_info = STR("proxy_v1");
}

/* A name always has the same type, so that any set may follow any other. */
static void random_cluster(struct cluster *c, unsigned i, struct arena *a)
{
	static const struct str types[] = { STR_INIT("smtp"), STR_INIT("pop3"), STR_INIT("imap"),
					    STR_INIT("tcp") };

	random_record(&table_clusters, c, a);
	c->clusterid = name_of(a, "cluster", i);
	c->type = types[i % ARRAY_LEN(types)];
	c->listen_port = 1000 + i;
	c->default_spam_setting = rnd(2) ? 0 : 2;
}

/* n clusters and some boxes each, right into the store. */
static void random_rows(unsigned n)
{
	struct arena a = ARENA(0);
	struct err e = { "" };
	struct settings s;

	ck_assert_int_eq(store_write_begin(rig_env.accounts, clock_wall_ms(), &e), 0);
	for (unsigned i = 0; i < n; i++) {
		struct cluster c;
		struct box b;

		random_cluster(&c, i, &a);
		ck_assert_int_eq(store_put(rig_env.accounts, &table_clusters, &c, &e), 0);
		for (unsigned j = rnd(6); j > 0; j--) {
			random_box(&b, &c, j, &a);
			ck_assert_int_eq(store_put(rig_env.accounts, &table_boxes, &b, &e), 0);
		}
	}
	random_record(&table_settings, &s, &a);
	s.settingsid = STR("general");
	ck_assert_int_eq(store_put(rig_env.accounts, &table_settings, &s, &e), 0);
	ck_assert_int_eq(store_commit(rig_env.accounts, &e), 0);
	arena_free(&a);
}

static void empty_store(void)
{
	ck_ok(ask_xml("<importconfig><clusters/><settings/></importconfig>"));
}

START_TEST(identity)
{
	for (unsigned round = 0; round < 40; round++) {
		char *before, *document;
		uint64_t seq;

		empty_store();
		random_rows(rnd(12));
		before = all_rows(&table_audit);
		ck_ok(ask("exportconfig", "show_password", "1", NULL));
		document = mem_dup(str_z(answer));
		/* into the store it came from: nothing changes, passwords or not */
		seq = last_seq();
		ck_ok(send_back("importconfig"));
		ck_ok(ask("exportconfig", NULL));
		ck_ok(send_back("importconfig"));
		ck_assert_uint_eq(last_seq(), seq);
		/* into another one */
		empty_store();
		random_rows(rnd(12));
		free(answer);
		answer = document;
		ck_ok(send_back("importconfig"));
		ck_same_rows(before, &table_audit);
	}
}
END_TEST

/* As many of each as there may be, and one more. */
static void full_document(struct buf *b, unsigned clusters, unsigned boxes)
{
	buf_init(b, 1 << 20);
	ck_assert_int_eq(buf_addf(b, "<importconfig><clusters>"), 0);
	for (unsigned i = 0; i < clusters; i++) {
		ck_assert_int_eq(buf_addf(b,
					  "<cluster><clusterid>c%u</clusterid><type>smtp</type>"
					  "<listen_port>%u</listen_port><boxes>",
					  i, 1000 + i),
				 0);
		for (unsigned j = 0; j < boxes / clusters + (i < boxes % clusters); j++)
			ck_assert_int_eq(buf_addf(b, BOX("b%u", ""), j), 0);
		ck_assert_int_eq(buf_addf(b, "</boxes></cluster>"), 0);
	}
	ck_assert_int_eq(buf_addf(b, "</clusters></importconfig>%c", '\0'), 0);
}

START_TEST(as_many_as_fit)
{
	struct buf b;

	full_document(&b, MAX_CLUSTERS, MAX_BOXES);
	ck_ok(ask_xml(b.mem));
	ck_tag("clusters", "64");
	ck_tag("boxes", "512");
	buf_release(&b);
	full_document(&b, MAX_CLUSTERS + 1, 0);
	ck_refused(ask_xml(b.mem), 409, "too_many", "more than 64 clusters");
	buf_release(&b);
	full_document(&b, 2, MAX_BOXES + 1);
	ck_refused(ask_xml(b.mem), 409, "too_many", "more than 512 boxes");
	buf_release(&b);
	ck_ok(ask("exportconfig", NULL));
	ck_assert_uint_eq(times(answer, "<cluster>"), MAX_CLUSTERS);
	ck_assert_uint_eq(times(answer, "<box>"), MAX_BOXES);
	ck_ok(send_back("importconfig"));
}
END_TEST

/* --- refused, and nothing applied --- */

static const struct {
	const char *xml;
	unsigned http;
	const char *code, *text;
} refused[] = {
	/* forms */
	{ "<importconfig/>", 400, "missing_parameter", "importconfig needs clusters, settings, or both" },
	{ CLUSTERS("<box/>"), 400, "unknown_parameter", "unknown element in clusters: box" },
	{ CLUSTERS("<cluster/>"), 400, "missing_parameter", "a row of clusters lacks clusterid" },
	{ CLUSTERS("<cluster>A</cluster>"), 400, "missing_parameter", "a row of clusters lacks clusterid" },
	{ CLUSTERS("<cluster><clusterid>A</clusterid><listen_port>25</listen_port></cluster>"),
	  400, "missing_parameter", "cluster A: a row of clusters lacks type" },
	{ CLUSTERS("<cluster><clusterid>A</clusterid><type>smtp</type></cluster>"), 400,
	  "missing_parameter", "cluster A: a row of clusters lacks listen_port" },
	{ A("<colour>red</colour>"), 400, "unknown_parameter", "cluster A: unknown element in a row of clusters: colour" },
	{ A("<xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/>"),
	  400, "unknown_parameter",
	  "cluster A: unknown element in a row of clusters: "
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
	{ A("<comment>a</comment><comment>b</comment>"), 400, "repeated_parameter",
	  "cluster A: &lt;comment&gt; stands twice in a row of clusters" },
	{ A("<comment><b>1</b></comment>"), 400, "malformed",
	  "cluster A: &lt;comment&gt; holds elements of its own, and must not" },
	{ A(BOXES("") BOXES("")), 400, "repeated_parameter", "cluster A: &lt;boxes&gt; stands twice in a row of clusters" },
	{ A(BOXES("B")), 400, "malformed", "cluster A: &lt;boxes&gt; holds text" },
	{ A(BOXES("<cluster/>")), 400, "unknown_parameter", "unknown element in boxes: cluster" },
	{ A(BOXES("<box/>")), 400, "missing_parameter", "cluster A: a row of boxes lacks boxid" },
	{ A(BOXES("<box><boxid>B</boxid><connect_port>1</connect_port></box>")), 400,
	  "missing_parameter", "box A/B: a row of boxes lacks connect_address" },
	{ A(BOXES(BOX("B", "<boxes/>"))), 400, "unknown_parameter", "box A/B: unknown element in a row of boxes: boxes" },
	{ A(BOXES(BOX("B", "<weight>1</weight><weight>1</weight>"))), 400,
	  "repeated_parameter", "box A/B: &lt;weight&gt; stands twice in a row of boxes" },
	{ "<importconfig><settings><settingsid>x</settingsid></settings></importconfig>",
	  400, "unknown_parameter", "unknown element in a row of settings: settingsid" },
	{ "<importconfig><settings><boxes/></settings></importconfig>", 400,
	  "unknown_parameter", "unknown element in a row of settings: boxes" },
	{ "<importconfig><settings>x</settings></importconfig>", 400, "bad_value",
	  "settings: \"x\" is not 0..0 bytes long" },
	/* values */
	{ A("<max_mail_size_kb>0</max_mail_size_kb>"), 400, "bad_value",
	  "cluster A: max_mail_size_kb: \"0\" is not in 1..4000000" },
	{ A("<default_spam_setting>1</default_spam_setting>"), 400, "bad_value",
	  "cluster A: default_spam_setting: \"1\" is not 0 or 2" },
	{ A(BOXES(BOX("B", "<light>purple</light>"))), 400, "bad_value",
	  "box A/B: light: \"purple\" is not one of green|yellow|red" },
	{ A(BOXES(BOX("B", "<clusterid>P</clusterid>"))), 400, "bad_value",
	  "box A/B: clusterid: \"P\" is not the cluster around the box" },
	{ A(BOXES(BOX("B", "<fallover_boxid>B</fallover_boxid>"))), 400, "bad_value",
	  "box A/B: fallover_boxid: \"B\" is the box itself" },
	{ A(BOXES(BOX("B", "<protocol>pop3</protocol>"))), 400, "bad_value",
	  "box A/B: protocol: \"pop3\" does not fit a cluster of type smtp" },
	{ CLUSTERS(CLUSTER("P", "110", "")), 400, "bad_value",
	  "cluster P: type: it is of type pop3, and that cannot be changed; delete it first" },
	/* rows against each other */
	{ CLUSTERS(CLUSTER("A", "25", "") CLUSTER("A", "26", "")), 400,
	  "repeated_parameter", "the cluster A stands twice" },
	{ A(BOXES(BOX("B", "") BOX("B", ""))), 400, "repeated_parameter", "the box A/B stands twice" },
	{ CLUSTERS(CLUSTER("A", "25", "") CLUSTER("D", "25", "")), 409, "listener_in_use",
	  "cluster A: 0.0.0.0 port 25 is used by cluster D already" },
	{ CLUSTERS(CLUSTER("A", "25", "<listen_address>10.0.0.1</listen_address>")
			   CLUSTER("D", "25", "<listen_address>::</listen_address>")),
	  409, "listener_in_use", "cluster A: 10.0.0.1 port 25 is used by cluster D already" },
	/* the last of many */
	{ "<importconfig><clusters>" CLUSTER("N", "2525", BOXES(BOX("B", ""))) "</clusters>"
									       "<settings><mail_from_quota>8</mail_from_quota><ip_dictionary_max_mb>0"
									       "</ip_dictionary_max_mb></settings></importconfig>",
	  400, "bad_value", "ip_dictionary_max_mb: \"0\" is not in 1..4096" },
};

START_TEST(refusals)
{
	uint64_t seq;
	char *before;

	some_rows();
	seq = last_seq();
	before = all_rows(NULL);
	ck_refused(ask_xml(refused[_i].xml), refused[_i].http, refused[_i].code,
		   refused[_i].text);
	ck_assert(!call.publish && !call.undo);
	ck_assert_uint_eq(last_seq(), seq);
	ck_same_rows(before, NULL);
}
END_TEST

/* Documents broken anywhere: refused or done, and where refused nothing is applied. */
START_TEST(random_documents)
{
	unsigned n_refused = 0, done = 0;

	for (unsigned round = 0; round < 200; round++) {
		char *before, *xml;
		size_t n;

		empty_store();
		random_rows(1 + rnd(4));
		ck_ok(ask("exportconfig", "show_password", "1", NULL));
		xml = mem_dup(str_z(answer));
		random_rows(rnd(3));
		before = all_rows(&table_audit);
		/* some byte of the document is another one; tags that no longer match are the parser's */
		n = strlen(xml);
		for (unsigned i = 1 + rnd(3); i > 0; i--)
			xml[rnd((unsigned)n)] = "0189a<>/x:. "[rnd(12)];
		free(answer);
		answer = xml;
		if (!strstr(xml, "<status>ok</status>") || !strstr(xml, "</response>")) {
			free(before);
			continue;
		}
		if (send_back("importconfig") == 200) {
			done++;
			free(before);
			continue;
		}
		must(!call.publish && !call.undo, "refused, yet published");
		n_refused++;
		ck_same_rows(before, &table_audit);
	}
	ck_assert(n_refused > 20 && done > 5);
}
END_TEST

/* --- what a document does not say --- */

START_TEST(defaults)
{
	some_rows();
	ck_ok(ask_xml(A(BOXES(BOX("B", "")))));
	ck_ok(ask("getcluster", "clusterid", "A", NULL));
	ck_tag("comment", "");
	ck_tag("max_mail_size_kb", "9000");
	ck_assert_str_eq(box_text("A", "B", "light"), "yellow");
	ck_assert_str_eq(box_text("A", "B", "protocol"), "smtp");
	ck_assert_str_eq(box_text("A", "B", "connect_timeout_ms"), "5000");
	ck_assert_str_eq(box_text("A", "B", "weight"), "1");
	/* but for secrets, which an export does not show */
	ck_assert_str_eq(box_text("A", "B", "probe_password"), "s3cret");
	/* what is not named at all is gone, boxes with their cluster */
	ck_assert_str_eq(box_text("A", "C", "light"), "-");
	ck_assert_str_eq(box_text("P", "B", "light"), "-");
	ck_assert_uint_eq(ask("getcluster", "clusterid", "P", NULL), 404);
	/* accounts stay, and so do settings that were not there to be named */
	ck_ok(ask("getemail", "email_address", "a@b.cc", NULL));
	ck_tag("boxid", "C");
	ck_ok(ask("getinfo", NULL));
	ck_tag("mail_from_quota", "7");
	/* a box that came, went and comes again has no secret left */
	ck_ok(ask_xml(A("")));
	ck_ok(ask_xml(A(BOXES(BOX("B", "")))));
	ck_assert_str_eq(box_text("A", "B", "probe_password"), "");
}
END_TEST

START_TEST(secrets)
{
	some_rows();
	ck_ok(ask_xml(A(BOXES(BOX("B", "<probe_password/>") BOX("C", "<probe_password>n3w</probe_password>")
				      BOX("D", "")))));
	ck_assert_str_eq(box_text("A", "B", "probe_password"), "");
	ck_assert_str_eq(box_text("A", "C", "probe_password"), "n3w");
	ck_assert_str_eq(box_text("A", "D", "probe_password"), "");
	/* the same name in another cluster is another row */
	ck_ok(ask_xml(CLUSTERS(CLUSTER("D", "26", BOXES(BOX("C", ""))))));
	ck_assert_str_eq(box_text("D", "C", "probe_password"), "");
}
END_TEST

START_TEST(time_outs_of_boxes)
{
	/* the cluster's, wherever it stands in its row; empty is a value */
	ck_ok(ask_xml(A(BOXES(BOX("B", "") BOX("C", "<connect_timeout_ms/>") BOX(
		"D", "<connect_timeout_ms>70</connect_timeout_ms>")) "<box_connect_timeout_ms>90</box_connect_timeout_ms>")));
	ck_assert_str_eq(box_text("A", "B", "connect_timeout_ms"), "90");
	ck_assert_str_eq(box_text("A", "C", "connect_timeout_ms"), "");
	ck_assert_str_eq(box_text("A", "D", "connect_timeout_ms"), "70");
}
END_TEST

START_TEST(lights)
{
	ck_ok(ask_xml(A(BOXES(BOX("B", "<light>red</light>") BOX("C", "<light>green</light>")))));
	ck_assert_str_eq(box_text("A", "B", "light"), "red");
	ck_assert_str_eq(box_text("A", "C", "light"), "green");
}
END_TEST

/* Settings alone leave the clusters, and what they do not name is at its default. */
START_TEST(settings_alone)
{
	some_rows();
	ck_ok(ask("commitmodifyinfo", "greylist_initial_min", "9", NULL));
	ck_ok(ask_xml("<importconfig><settings><mail_from_quota>8</mail_from_quota></settings></importconfig>"));
	ck_ok(ask("getinfo", NULL));
	ck_tag("mail_from_quota", "8");
	ck_tag("greylist_initial_min", "5");
	ck_assert_str_eq(box_text("A", "C", "probe_password"), "s3cret");
}
END_TEST

/* Listeners may change places: only the whole must fit. */
START_TEST(places_change)
{
	ck_ok(ask_xml(CLUSTERS(CLUSTER("A", "25", "") CLUSTER("D", "26", ""))));
	ck_ok(ask_xml(CLUSTERS(CLUSTER("A", "26", "") CLUSTER("D", "25", ""))));
	ck_ok(ask_xml(CLUSTERS(CLUSTER("E", "25", "") CLUSTER("F", "26", ""))));
	/* another type under an old name, when the old one is gone */
	ck_ok(ask_xml("<importconfig><clusters/></importconfig>"));
	ck_ok(ask_xml(CLUSTERS("<cluster><clusterid>E</clusterid><type>pop3</type>"
			       "<listen_port>25</listen_port></cluster>")));
}
END_TEST

/* --- taking it back --- */

START_TEST(undo)
{
	for (unsigned round = 0; round < 30; round++) {
		struct err e = { "" };
		char *before, *document;

		empty_store();
		random_rows(rnd(8));
		ck_ok(ask("exportconfig", rnd(2) ? "show_password" : "accesskey", "1", NULL));
		document = mem_dup(str_z(answer));
		empty_store();
		random_rows(rnd(8));
		before = all_rows(&table_audit);
		free(answer);
		answer = document;
		ck_ok(send_back("importconfig"));
		ck_assert(call.publish && call.undo);
		ck_assert_msg(call.undo(&call, &e) == 0, "%s", e.text);
		ck_same_rows(before, &table_audit);
	}
	ck_assert_str_eq(audited(0), "importconfig taken back");
}
END_TEST

/* Only what the document named is taken back. */
START_TEST(undo_of_a_part)
{
	struct err e = { "" };
	struct call first;
	struct arena kept;
	char *before;

	some_rows();
	before = all_rows(&table_audit);
	ck_ok(ask_xml(A("")));
	first = hold(&kept);
	ck_ok(ask("commitmodifyinfo", "mail_from_quota", "9", NULL));
	ck_assert_msg(first.undo(&first, &e) == 0, "%s", e.text);
	ck_ok(ask("getinfo", NULL));
	ck_tag("mail_from_quota", "9");
	ck_ok(ask("commitmodifyinfo", "mail_from_quota", "7", NULL));
	ck_same_rows(before, &table_audit);
	let_go(&first);
}
END_TEST

START_TEST(undo_of_the_other_part)
{
	struct err e = { "" };
	struct call first;
	struct arena kept;

	some_rows();
	ck_ok(ask_xml("<importconfig><settings/></importconfig>"));
	first = hold(&kept);
	ck_ok(ask("commitmodifycluster", "clusterid", "A", "comment", "two", NULL));
	ck_assert_msg(first.undo(&first, &e) == 0, "%s", e.text);
	ck_ok(ask("getcluster", "clusterid", "A", NULL));
	ck_tag("comment", "two");
	ck_ok(ask("getinfo", NULL));
	ck_tag("mail_from_quota", "7");
	let_go(&first);
}
END_TEST

/* A store that is not as it was then: the old set no longer fits, and nothing is done. */
START_TEST(undo_that_fails)
{
	struct err e = { "" };
	struct call first;
	struct arena kept;
	char *before;

	some_rows();
	ck_ok(ask_xml("<importconfig><clusters/></importconfig>"));
	first = hold(&kept);
	((struct config *)first.undo_arg)->clusters[0].default_spam_setting = 1;
	before = all_rows(NULL);
	ck_assert_int_eq(first.undo(&first, &e), -1);
	ck_assert_str_eq(e.text, "cluster A: default_spam_setting: \"1\" is not 0 or 2");
	ck_same_rows(before, NULL);
	let_go(&first);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("config");

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_test(t, identity);
	tcase_add_test(t, as_many_as_fit);
	tcase_add_loop_test(t, refusals, 0, (int)ARRAY_LEN(refused));
	tcase_add_test(t, random_documents);
	tcase_add_test(t, defaults);
	tcase_add_test(t, secrets);
	tcase_add_test(t, time_outs_of_boxes);
	tcase_add_test(t, lights);
	tcase_add_test(t, settings_alone);
	tcase_add_test(t, places_change);
	tcase_add_test(t, undo);
	tcase_add_test(t, undo_of_a_part);
	tcase_add_test(t, undo_of_the_other_part);
	tcase_add_test(t, undo_that_fails);
	return rig_run(t, "config");
}
