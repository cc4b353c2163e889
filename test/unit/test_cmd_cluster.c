/* Clusters, boxes and lights: settings and their bounds, what must fit, what is published. */
#include "admin/cmd_cluster.c"

#include "unit/admin_rig.h"

static void add_cluster(const char *id, const char *type, const char *port)
{
	ck_ok(ask("addcluster", "clusterid", id, "type", type, "listen_port", port, NULL));
}

static unsigned add_box(const char *cluster, const char *box)
{
	return ask("addbox", "clusterid", cluster, "boxid", box, "connect_address",
		   "10.0.0.1", "connect_port", "25", NULL);
}

/* Of the box itself; no command but the lists shows it. */
static const char *light_of(const char *cluster, const char *box)
{
	union record key = { .box = { .clusterid = str_z(cluster), .boxid = str_z(box) } }, out;

	ck_assert_int_eq(store_read_begin(rig_env.accounts, NULL), 0);
	ck_assert_int_eq(record_load(&call, &table_boxes, &key, &out), 0);
	store_read_end(rig_env.accounts);
	return out.box.light.p;
}

/* --- clusters --- */

static const struct {
	const char *tag, *value;
} cluster_defaults[] = {
	{ "listen_address", "0.0.0.0" },
	{ "comment", "" },
	{ "relay_box_choice", "0" },
	{ "max_mail_size_kb", "9000" },
	{ "allow_relay_notifications", "0" },
	{ "default_spam_setting", "2" },
	{ "error_sleep_s", "15" },
	{ "relay_ranges", "" },
	{ "rcpt_per_mail", "100" },
	{ "spread_factor", "1" },
	{ "box_connect_timeout_ms", "5000" },
	{ "max_connections", "2000" },
	{ "max_client_connections", "600" },
	{ "max_client_connections_interval_s", "60" },
	{ "max_client_concurrent", "50" },
	{ "tls", "none" },
	{ "plus_addressing", "0" },
	{ "sender_must_match", "1" },
	{ "pregreet_ms", "0" },
	{ "session_max_s", "3600" },
	{ "data_min_bytes_per_s", "64" },
	{ "method", "round_robin" },
	{ "affinity_s", "0" },
	{ "idle_timeout_s", "1800" },
};

START_TEST(defaults)
{
	add_cluster("MAIL", "smtp", "25");
	ck_tag("clusterid", "MAIL");
	ck_assert(call.publish && call.undo);
	ck_ok(ask("getcluster", "clusterid", "MAIL", NULL));
	ck_assert(!call.publish);
	ck_tag("type", "smtp");
	ck_tag("listen_port", "25");
	for (size_t i = 0; i < ARRAY_LEN(cluster_defaults); i++)
		ck_tag(cluster_defaults[i].tag, cluster_defaults[i].value);
	for (unsigned i = 0; i < table_clusters.n_fields; i++)
		ck_assert_msg(!tag(table_clusters.fields[i].name) ==
				      !!(table_clusters.fields[i].flags & FF_WHEN_SET),
			      "%s", table_clusters.fields[i].name);
	ck_ok(ask("commitmodifycluster", "clusterid", "MAIL", "srs_domain", "srs.example.com", NULL));
	ck_ok(ask("getcluster", "clusterid", "MAIL", NULL));
	ck_tag("srs_domain", "srs.example.com");
}
END_TEST

static const struct {
	const char *tag, *value, *text; /* NULL: accepted */
} bounds[] = {
	{ "max_mail_size_kb", "1", NULL },
	{ "max_mail_size_kb", "4000000", NULL },
	{ "max_mail_size_kb", "0", "max_mail_size_kb: \"0\" is not in 1..4000000" },
	{ "max_mail_size_kb", "4000001", "max_mail_size_kb: \"4000001\" is not in 1..4000000" },
	{ "max_mail_size_kb", "", "max_mail_size_kb: \"\" is not in 1..4000000" },
	{ "max_mail_size_kb", "9k", "max_mail_size_kb: \"9k\" is not in 1..4000000" },
	{ "listen_port", "65535", NULL },
	{ "listen_port", "65536", "listen_port: \"65536\" is not in 1..65535" },
	{ "listen_port", "0", "listen_port: \"0\" is not in 1..65535" },
	{ "default_spam_setting", "0", NULL },
	{ "default_spam_setting", "1", "default_spam_setting: \"1\" is not 0 or 2" },
	{ "error_sleep_s", "0.05", NULL },
	{ "error_sleep_s", "600", NULL },
	{ "error_sleep_s", "600.1", "error_sleep_s: \"600.1\" is not in 0..600 (at most 4 decimals)" },
	{ "spread_factor", "100", NULL },
	{ "spread_factor", "-1", "spread_factor: \"-1\" is not in 0..100 (at most 4 decimals)" },
	{ "pregreet_ms", "10000", NULL },
	{ "pregreet_ms", "10001", "pregreet_ms: \"10001\" is not in 0..10000" },
	{ "box_connect_timeout_ms", "9", "box_connect_timeout_ms: \"9\" is not in 10..120000" },
	{ "max_connections", "1000001", "max_connections: \"1000001\" is not in 1..1000000" },
	{ "tls", "implicit", NULL },
	{ "tls", "on", "tls: \"on\" is not one of none|starttls|implicit" },
	{ "tls", "", "tls: \"\" is not one of none|starttls|implicit" },
	{ "sender_must_match", "", NULL },
	{ "auth_required", "2", "auth_required: \"2\" is not 0 or 1" },
	{ "relay_ranges", "10.0.0.0/8,192.168.0.1-192.168.0.9\n::1", NULL },
	{ "listen_address", "::", NULL },
	{ "listen_address", "localhost", "listen_address: \"localhost\" is not an IP address" },
	{ "listen_address", "", "listen_address: \"\" is not 1..45 bytes long" },
	{ "smtp_host_name", "mail.example.com", NULL },
	{ "smtp_host_name", "mail example", "smtp_host_name: \"mail example\" is not a host name" },
	{ "tls_certificate", "cert.pem", "tls_certificate: \"cert.pem\" is not an absolute path" },
	{ "multi_box", "one_per_transaction", NULL },
	{ "comment", "a & b <c>", NULL },
};

START_TEST(values)
{
	const char *tag_name = bounds[_i].tag, *v = bounds[_i].value;
	uint64_t before;

	add_cluster("C", "smtp", "25");
	before = last_seq();
	if (!bounds[_i].text) {
		ck_ok(ask("commitmodifycluster", "clusterid", "C", tag_name, v, NULL));
		ck_assert(call.publish && call.undo);
		return;
	}
	ck_refused(ask("commitmodifycluster", "clusterid", "C", "comment", "new", tag_name, v, NULL),
		   400, "bad_value", bounds[_i].text);
	ck_assert(!call.publish && !call.undo);
	ck_assert_uint_eq(last_seq(), before);
}
END_TEST

START_TEST(required)
{
	ck_refused(ask("addcluster", "clusterid", "C", "listen_port", "25", NULL), 400,
		   "missing_parameter", "addcluster needs the parameter type");
	ck_refused(ask("addcluster", "clusterid", "C", "type", "smtp", NULL), 400,
		   "missing_parameter", "addcluster needs the parameter listen_port");
	ck_refused(ask("addcluster", "type", "smtp", "listen_port", "25", NULL), 400,
		   "missing_parameter", "addcluster needs the parameter clusterid");
	ck_refused(ask("addcluster", "clusterid", "C", "type", "", "listen_port", "25", NULL),
		   400, "bad_value", "type: \"\" is not one of smtp|pop3|imap|tcp");
	ck_refused(ask("addcluster", "clusterid", "C", "type", "smtp", "listen_port", "", NULL),
		   400, "bad_value", "listen_port: \"\" is not in 1..65535");
	ck_refused(ask("addcluster", "clusterid", "a/b", "type", "smtp", "listen_port", "1", NULL),
		   400, "bad_value",
		   "clusterid: \"a/b\" is not printable ASCII without blanks and &lt; &gt; &amp; \" ' / \\");
}
END_TEST

START_TEST(there_or_not)
{
	static const char *const of_one[] = { "getcluster", "commitmodifycluster", "deletecluster" };

	add_cluster("C", "smtp", "25");
	ck_refused(ask("addcluster", "clusterid", "C", "type", "smtp", "listen_port", "26", NULL),
		   409, "cluster_exists", "cluster exists already: C");
	for (size_t i = 0; i < ARRAY_LEN(of_one); i++) /* names have their case */
		ck_refused(ask(of_one[i], "clusterid", "c", NULL), 404, "no_such_cluster",
			   "no such cluster: c");
	ck_ok(ask("deletecluster", "clusterid", "C", NULL));
	ck_assert(call.publish && !call.undo);
	ck_refused(ask("deletecluster", "clusterid", "C", NULL), 404, "no_such_cluster",
		   "no such cluster: C");
	ck_assert(!call.publish);
}
END_TEST

START_TEST(fixed)
{
	add_cluster("C", "smtp", "25");
	ck_refused(ask("commitmodifycluster", "clusterid", "C", "type", "pop3", NULL),
		   400, "bad_value", "type: cannot be changed once it is set");
	ck_ok(ask("commitmodifycluster", "clusterid", "C", "type", "smtp", "comment", "x", NULL));
	ck_assert(call.publish);
}
END_TEST

/* --- listeners --- */

static const struct {
	const char *a, *b;
	bool meet;
} pairs[] = {
	{ "0.0.0.0", "0.0.0.0", true },
	{ "0.0.0.0", "10.0.0.1", true },
	{ "10.0.0.1", "0.0.0.0", true },
	{ "10.0.0.1", "10.0.0.1", true },
	{ "10.0.0.1", "10.0.0.2", false },
	{ "::", "::", true },
	{ "::", "0.0.0.0", true },
	{ "0.0.0.0", "::", true },
	{ "::", "10.0.0.1", true },
	{ "10.0.0.1", "::", true },
	{ "::", "::1", true },
	{ "::1", "::", true },
	{ "::1", "0.0.0.0", false },
	{ "0.0.0.0", "::1", false },
	{ "::1", "::2", false },
	{ "::ffff:10.0.0.1", "10.0.0.1", true },
	{ "::1", "0:0:0:0:0:0:0:1", true },
};

START_TEST(listeners)
{
	const char *a = pairs[_i].a, *b = pairs[_i].b;
	char text[128];

	snprintf(text, sizeof(text), "%s port 25 is used by cluster A already", b);
	ck_ok(ask("addcluster", "clusterid", "A", "type", "smtp", "listen_address", a,
		  "listen_port", "25", NULL));
	/* another port, and its own address, are no conflict */
	ck_ok(ask("addcluster", "clusterid", "B", "type", "pop3", "listen_address", b,
		  "listen_port", "26", NULL));
	ck_ok(ask("commitmodifycluster", "clusterid", "B", "listen_address", b,
		  "listen_port", "26", NULL));
	if (!pairs[_i].meet) {
		ck_ok(ask("commitmodifycluster", "clusterid", "B", "listen_port", "25", NULL));
		return;
	}
	ck_refused(ask("commitmodifycluster", "clusterid", "B", "listen_port", "25", NULL),
		   409, "listener_in_use", text);
	ck_refused(ask("addcluster", "clusterid", "D", "type", "pop3", "listen_address",
		       b, "listen_port", "25", NULL),
		   409, "listener_in_use", text);
	/* who goes leaves the address */
	ck_ok(ask("deletecluster", "clusterid", "A", NULL));
	ck_ok(ask("commitmodifycluster", "clusterid", "B", "listen_port", "25", NULL));
}
END_TEST

/* --- taking back what the supervisor could not open --- */

START_TEST(undo_add)
{
	struct err e = { "" };

	add_cluster("C", "smtp", "25");
	ck_assert_int_eq(call.undo(&call, &e), 0);
	ck_refused(ask("getcluster", "clusterid", "C", NULL), 404, "no_such_cluster", "no such cluster: C");
}
END_TEST

/* Boxes that came meanwhile are not left without their cluster. */
START_TEST(undo_add_with_boxes)
{
	struct err e = { "" };
	struct arena kept;
	struct call first;

	add_cluster("C", "smtp", "25");
	first = hold(&kept);
	ck_ok(add_box("C", "B"));
	ck_assert_int_eq(first.undo(&first, &e), -1);
	ck_assert_str_eq(e.text, "cluster C still has boxes; delete them first");
	ck_ok(ask("getcluster", "clusterid", "C", NULL));
	let_go(&first);
}
END_TEST

START_TEST(undo_modify)
{
	struct err e = { "" };
	struct call first;
	struct arena kept;

	add_cluster("C", "smtp", "25");
	ck_ok(ask("commitmodifycluster", "clusterid", "C", "listen_port", "26",
		  "max_mail_size_kb", "1", "comment", "mine", NULL));
	first = hold(&kept);
	/* what another changed since stays, also where it changed the same field */
	ck_ok(ask("commitmodifycluster", "clusterid", "C", "comment", "theirs",
		  "pregreet_ms", "7", NULL));
	ck_assert_int_eq(first.undo(&first, &e), 0);
	ck_ok(ask("getcluster", "clusterid", "C", NULL));
	ck_tag("listen_port", "25");
	ck_tag("max_mail_size_kb", "9000");
	ck_tag("comment", "theirs");
	ck_tag("pregreet_ms", "7");
	let_go(&first);
}
END_TEST

START_TEST(undo_of_what_is_gone)
{
	struct err e = { "" };
	struct call first;
	struct arena kept;

	add_cluster("C", "smtp", "25");
	ck_ok(ask("commitmodifycluster", "clusterid", "C", "listen_port", "26", NULL));
	first = hold(&kept);
	ck_ok(ask("deletecluster", "clusterid", "C", NULL));
	ck_assert_int_eq(first.undo(&first, &e), 0);
	ck_assert_uint_eq(ask("getcluster", "clusterid", "C", NULL), 404);
	let_go(&first);
}
END_TEST

/* --- publishing --- */

START_TEST(only_changes_are_published)
{
	add_cluster("C", "smtp", "25");
	ck_ok(add_box("C", "B"));
	ck_assert(call.publish && !call.stands && !call.undo);
	ck_ok(ask("commitmodifycluster", "clusterid", "C", NULL));
	ck_assert(!call.publish && call.stands && !call.undo);
	ck_ok(ask("commitmodifycluster", "clusterid", "C", "listen_port", "25", "tls", "none", NULL));
	ck_assert(!call.publish && !call.undo);
	ck_ok(ask("commitmodifybox", "clusterid", "C", "boxid", "B", "weight", "1", NULL));
	ck_assert(!call.publish);
	ck_ok(ask("commitmodifybox", "clusterid", "C", "boxid", "B", "weight", "2", NULL));
	ck_assert(call.publish && !call.undo);
	ck_ok(ask("yellow", "clusterid", "C", "boxid", "B", NULL));
	ck_assert(!call.publish && call.stands);
	ck_ok(ask("green", "clusterid", "C", "boxid", "B", NULL));
	ck_assert(call.publish && !call.undo);
	ck_ok(ask("deletebox", "clusterid", "C", "boxid", "B", NULL));
	ck_assert(call.publish && !call.undo);
}
END_TEST

/* --- boxes --- */

START_TEST(box_defaults)
{
	ck_ok(ask("addcluster", "clusterid", "C", "type", "pop3", "listen_port", "110",
		  "box_connect_timeout_ms", "1234", NULL));
	ck_ok(add_box("C", "B"));
	ck_tag("clusterid", "C");
	ck_tag("boxid", "B");
	ck_ok(ask("getbox", "clusterid", "C", "boxid", "B", NULL));
	ck_tag("connect_address", "10.0.0.1");
	ck_tag("connect_timeout_ms", "1234");
	ck_tag("protocol", "pop3");
	ck_tag("weight", "1");
	ck_tag("max_sessions", "0");
	ck_tag("tls", "none");
	ck_tag("client_info", "none");
	ck_tag("ehlo_name", "ours");
	ck_tag("probe_interval_s", "10");
	ck_assert_ptr_null(tag("probe_password"));
	ck_assert_ptr_null(tag("light"));
	ck_assert_str_eq(light_of("C", "B"), "yellow");
	/* a later change of the cluster's time is for new boxes; empty follows it */
	ck_ok(ask("commitmodifycluster", "clusterid", "C", "box_connect_timeout_ms", "99", NULL));
	ck_ok(ask("getbox", "clusterid", "C", "boxid", "B", NULL));
	ck_tag("connect_timeout_ms", "1234");
	ck_ok(ask("commitmodifybox", "clusterid", "C", "boxid", "B", "connect_timeout_ms",
		  "", "protocol", "", NULL));
	ck_ok(ask("getbox", "clusterid", "C", "boxid", "B", NULL));
	ck_tag("connect_timeout_ms", "");
	ck_tag("protocol", "pop3");
}
END_TEST

static const struct {
	const char *type, *fits;
} types[] = { { "smtp", "smtp|lmtp" }, { "pop3", "pop3" }, { "imap", "imap" }, { "tcp", "tcp" } };

START_TEST(protocols)
{
	static const char *const all[] = { "smtp", "lmtp", "pop3", "imap", "tcp" };
	char text[128];

	add_cluster("C", types[_i].type, "25");
	ck_ok(add_box("C", "B"));
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		unsigned http = ask("addbox", "clusterid", "C", "boxid", all[i], "connect_address",
				    "::1", "connect_port", "25", "protocol", all[i], NULL);

		if (strstr(types[_i].fits, all[i])) {
			ck_ok(http);
			continue;
		}
		snprintf(text, sizeof(text), "protocol: \"%s\" does not fit a cluster of type %s",
			 all[i], types[_i].type);
		ck_refused(http, 400, "bad_value", text);
		ck_refused(ask("commitmodifybox", "clusterid", "C", "boxid", "B",
			       "protocol", all[i], NULL),
			   400, "bad_value", text);
	}
}
END_TEST

static const struct {
	const char *type, *info;
	bool fits;
} infos[] = {
	{ "tcp", "none", true },      { "tcp", "proxy_v1", true },  { "tcp", "proxy_v2", true },
	{ "tcp", "xclient", false },  { "tcp", "xforward", false }, { "smtp", "xclient", true },
	{ "smtp", "xforward", true }, { "smtp", "proxy_v1", true },
};

/* Commands of SMTP are not for boxes whose protocol nobody knows. */
START_TEST(client_infos)
{
	add_cluster("C", infos[_i].type, "25");
	ck_ok(add_box("C", "B"));
	for (int i = 0; i < 2; i++) {
		unsigned http = i == 0 ? ask("commitmodifybox", "clusterid", "C", "boxid", "B",
					     "client_info", infos[_i].info, NULL) :
					 ask("addbox", "clusterid", "C", "boxid", "D", "connect_address",
					     "::1", "connect_port", "25", "client_info", infos[_i].info,
					     NULL);

		ck_ok(http);
		if (infos[_i].fits)
			ck_assert_ptr_null(tag("warning"));
		else
			ck_tag("warning", "client_info does nothing in plain TCP: proxy_v1 and proxy_v2 do");
	}
}
END_TEST

/* What is set for another type of cluster. */
START_TEST(set_for_another_type)
{
	ck_ok(ask("addcluster", "clusterid", "S", "type", "smtp", "listen_port", "25", "dns_lists", "a.org", NULL));
	ck_assert_ptr_null(tag("warning"));
	ck_ok(ask("addcluster", "clusterid", "P", "type", "pop3", "listen_port", "110", "dns_lists", "a.org", "method",
		  "client_hash", "block_ranges", "10.0.0.0/8", "error_sleep_s", "15", NULL));
	ck_tag("warning", "without a meaning for a cluster of type pop3: dns_lists, method");
	ck_ok(ask("commitmodifycluster", "clusterid", "P", "comment", "x", NULL));
	ck_assert_ptr_null(tag("warning")); /* nothing of this request */
	ck_ok(ask("addcluster", "clusterid", "T", "type", "tcp", "listen_port", "80", "method", "client_hash", NULL));
	ck_assert_ptr_null(tag("warning"));
	ck_ok(ask("commitmodifycluster", "clusterid", "T", "pregreet_ms", "5", NULL));
	ck_tag("warning", "without a meaning for a cluster of type tcp: pregreet_ms");
	ck_ok(ask("commitmodifycluster", "clusterid", "S", "affinity_s", "5", NULL));
	ck_tag("warning", "without a meaning for a cluster of type smtp: affinity_s");
}
END_TEST

START_TEST(box_values)
{
	add_cluster("C", "smtp", "25");
	ck_ok(add_box("C", "B"));
	ck_refused(ask("addbox", "clusterid", "C", "boxid", "D", "connect_port", "25", NULL),
		   400, "missing_parameter", "addbox needs the parameter connect_address");
	ck_refused(ask("addbox", "clusterid", "C", "boxid", "D", "connect_address",
		       "mail1", "connect_port", "25", NULL),
		   400, "bad_value", "connect_address: \"mail1\" is not an IP address");
	ck_refused(ask("commitmodifybox", "clusterid", "C", "boxid", "B", "weight", "0", NULL),
		   400, "bad_value", "weight: \"0\" is not in 1..1000");
	ck_refused(ask("commitmodifybox", "clusterid", "C", "boxid", "B", "connect_timeout_ms", "9", NULL),
		   400, "bad_value", "connect_timeout_ms: \"9\" is not in 10..120000");
	ck_refused(ask("commitmodifybox", "clusterid", "C", "boxid", "B", "fallover_boxid", "B", NULL),
		   400, "bad_value", "fallover_boxid: \"B\" is the box itself");
	ck_refused(ask("addbox", "clusterid", "C", "boxid", "D", "connect_address", "::1",
		       "connect_port", "25", "fallover_boxid", "D", NULL),
		   400, "bad_value", "fallover_boxid: \"D\" is the box itself");
	ck_ok(ask("commitmodifybox", "clusterid", "C", "boxid", "B", "fallover_boxid", "D", NULL));
}
END_TEST

START_TEST(boxes_there_or_not)
{
	static const char *const of_one[] = { "getbox", "commitmodifybox", "deletebox",
					      "green",	"yellow",	   "red" };

	ck_refused(add_box("C", "B"), 404, "no_such_cluster", "no such cluster: C");
	ck_assert(!call.publish);
	add_cluster("C", "smtp", "25");
	add_cluster("D", "pop3", "110");
	ck_ok(add_box("C", "B"));
	ck_refused(add_box("C", "B"), 409, "box_exists", "box exists already: C/B");
	/* the same name in another cluster is another row */
	ck_ok(add_box("D", "B"));
	for (size_t i = 0; i < ARRAY_LEN(of_one); i++) {
		char text[80];

		ck_refused(ask(of_one[i], "clusterid", "C", "boxid", "X", NULL), 404,
			   "no_such_box", "no such box: C/X");
		snprintf(text, sizeof(text), "%s needs the parameter boxid", of_one[i]);
		ck_refused(ask(of_one[i], "clusterid", "C", NULL), 400, "missing_parameter", text);
		ck_assert(!call.publish);
	}
	/* an account that names it does not hold it */
	ck_ok(ask("addnewemail", "email_address", "a@b.cc", "boxid", "B", NULL));
	ck_ok(ask("deletebox", "clusterid", "C", "boxid", "B", NULL));
	ck_ok(ask("getbox", "clusterid", "D", "boxid", "B", NULL));
}
END_TEST

START_TEST(clusters_in_use)
{
	add_cluster("C", "smtp", "25");
	add_cluster("CC", "smtp", "26");
	ck_ok(add_box("CC", "B"));
	ck_refused(ask("deletecluster", "clusterid", "CC", NULL), 409, "cluster_in_use",
		   "cluster CC still has boxes; delete them first");
	ck_ok(ask("deletecluster", "clusterid", "C", NULL));
	ck_ok(ask("deletebox", "clusterid", "CC", "boxid", "B", NULL));
	ck_ok(ask("deletecluster", "clusterid", "CC", NULL));
}
END_TEST

START_TEST(as_many_as_fit)
{
	char id[32], port[16];

	for (unsigned i = 0; i <= MAX_CLUSTERS; i++) {
		snprintf(id, sizeof(id), "C%u", i);
		snprintf(port, sizeof(port), "%u", 1000 + i);
		if (i < MAX_CLUSTERS)
			add_cluster(id, "tcp", port);
		else
			ck_refused(ask("addcluster", "clusterid", id, "type", "tcp",
				       "listen_port", port, NULL),
				   409, "too_many_clusters",
				   "there are 64 clusters already, and no more are possible");
	}
	ck_ok(ask("commitmodifycluster", "clusterid", "C1", "comment", "full, but not shut", NULL));
	for (unsigned i = 0; i <= MAX_BOXES; i++) {
		snprintf(id, sizeof(id), "B%u", i);
		if (i < MAX_BOXES)
			ck_ok(add_box("C7", id));
		else
			ck_refused(add_box("C8", id), 409, "too_many_boxes",
				   "there are 512 boxes already, and no more are possible");
	}
	ck_ok(ask("commitmodifybox", "clusterid", "C7", "boxid", "B1", "weight", "9", NULL));
}
END_TEST

/* What get answers is what modify takes, and changes nothing. */
START_TEST(answers_may_be_sent_back)
{
	uint64_t before;

	ck_ok(ask("addcluster", "clusterid", "C", "type", "smtp", "listen_port", "25", "relay_ranges",
		  "10.0.0.0/8,\n::1", "comment", "<&>", "error_sleep_s", "0.0001", NULL));
	ck_ok(ask("addbox", "clusterid", "C", "boxid", "B", "connect_address", "::1", "connect_port",
		  "25", "probe_address", "Probe@example.com", "probe_password", "s3cret", NULL));
	before = last_seq();
	ck_ok(ask("getcluster", "clusterid", "C", NULL));
	ck_ok(send_back("commitmodifycluster"));
	ck_assert(!call.publish);
	ck_ok(ask("getbox", "clusterid", "C", "boxid", "B", NULL));
	ck_assert(!strstr(answer, "s3cret"));
	ck_ok(send_back("commitmodifybox"));
	ck_assert(!call.publish);
	ck_assert_uint_eq(last_seq(), before);
}
END_TEST

/* --- lights --- */

START_TEST(lights_change)
{
	static const char *const order[] = { "green", "yellow", "red",
					     "green", "red",	"yellow" };

	add_cluster("C", "smtp", "25");
	ck_ok(add_box("C", "A"));
	ck_ok(add_box("C", "B"));
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		ck_ok(ask(order[i], "clusterid", "C", "boxid", "B", NULL));
		ck_tag("light", order[i]);
		ck_tag("boxid", "B");
		ck_assert(call.publish);
		ck_assert_str_eq(light_of("C", "B"), order[i]);
		ck_assert_str_eq(light_of("C", "A"), "yellow");
	}
	/* a change of settings leaves the light; a new box of an old name is yellow again */
	ck_ok(ask("green", "clusterid", "C", "boxid", "B", NULL));
	ck_ok(ask("commitmodifybox", "clusterid", "C", "boxid", "B", "weight", "3", NULL));
	ck_assert_str_eq(light_of("C", "B"), "green");
	ck_ok(ask("deletebox", "clusterid", "C", "boxid", "B", NULL));
	ck_ok(add_box("C", "B"));
	ck_assert_str_eq(light_of("C", "B"), "yellow");
}
END_TEST

/* Whoever turns a box green says that it is well: it is not passed over any more. */
START_TEST(green_forgives)
{
	int box;

	add_cluster("C", "smtp", "25");
	ck_ok(add_box("C", "A"));
	box = boxes_assign(rig_env.shm, STR("C"), STR("A"));
	boxes_failed(rig_env.shm, box, 1000, "refused");
	ck_ok(ask("red", "clusterid", "C", "boxid", "A", NULL));
	ck_assert(!boxes_usable(rig_env.shm, box, 1000));
	ck_ok(ask("green", "clusterid", "C", "boxid", "A", NULL));
	ck_assert(boxes_usable(rig_env.shm, box, 1000));
}
END_TEST

/* The manual's script, as it is sent. */
START_TEST(the_manuals_script)
{
	add_cluster("Cluster001", "tcp", "25");
	ck_ok(add_box("Cluster001", "BOX001"));
	ck_ok(ask("green", "clusterid", "Cluster001", "boxid", "BOX001", NULL));
	ck_ok(ask_xml("\n<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<yellow>\n"
		      "  <accesskey>qwerty12345</accesskey>\n  <clusterid>Cluster001</clusterid>\n"
		      "  <boxid>BOX001</boxid>\n</yellow>\n"));
	ck_assert_str_eq(light_of("Cluster001", "BOX001"), "yellow");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("cmd_cluster");

	tcase_add_test(t, defaults);
	tcase_add_loop_test(t, values, 0, (int)ARRAY_LEN(bounds));
	tcase_add_test(t, required);
	tcase_add_test(t, there_or_not);
	tcase_add_test(t, fixed);
	tcase_add_loop_test(t, listeners, 0, (int)ARRAY_LEN(pairs));
	tcase_add_test(t, undo_add);
	tcase_add_test(t, undo_add_with_boxes);
	tcase_add_test(t, undo_modify);
	tcase_add_test(t, undo_of_what_is_gone);
	tcase_add_test(t, only_changes_are_published);
	tcase_add_test(t, box_defaults);
	tcase_add_loop_test(t, protocols, 0, (int)ARRAY_LEN(types));
	tcase_add_loop_test(t, client_infos, 0, (int)ARRAY_LEN(infos));
	tcase_add_test(t, set_for_another_type);
	tcase_add_test(t, box_values);
	tcase_add_test(t, boxes_there_or_not);
	tcase_add_test(t, clusters_in_use);
	tcase_add_test(t, as_many_as_fit);
	tcase_add_test(t, answers_may_be_sent_back);
	tcase_add_test(t, lights_change);
	tcase_add_test(t, green_forgives);
	tcase_add_test(t, the_manuals_script);
	return rig_run(t, "cmd_cluster");
}
