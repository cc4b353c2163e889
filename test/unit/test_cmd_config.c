/* exportconfig and importconfig as commands: the documents, what is published, what is logged. */
#include "admin/cmd_config.c"

#include "unit/admin_rig.h"
#include "unit/disk.h"

static void some_rows(void)
{
	ck_ok(ask("addcluster", "clusterid", "A", "type", "smtp", "listen_port", "25", "comment",
		  " a <b>\r\n", NULL));
	ck_ok(ask("addcluster", "clusterid", "P", "type", "pop3", "listen_port", "110", NULL));
	ck_ok(ask("addbox", "clusterid", "A", "boxid", "B", "connect_address", "10.0.0.1",
		  "connect_port", "25", "probe_password", "s3cret", NULL));
	ck_ok(ask("red", "clusterid", "A", "boxid", "B", NULL));
}

/* --- out --- */

START_TEST(nothing)
{
	ck_ok(ask("exportconfig", NULL));
	ck_assert(strstr(answer, "<status>ok</status>\n"
				 "  <clusters total=\"0\">\n"
				 "  </clusters>\n"
				 "  <settings>\n"
				 "    <ip_dictionary_expiry_s>3600</ip_dictionary_expiry_s>\n"));
	ck_assert(!call.publish);
	ck_ok(send_back("importconfig"));
	ck_tag("clusters", "0");
	ck_tag("boxes", "0");
}
END_TEST

/* Every field of every row but hidden ones, the light, and secrets. */
START_TEST(everything)
{
	const char *a, *p, *settings;

	some_rows();
	ck_ok(ask("exportconfig", NULL));
	ck_assert(strstr(answer, "  <clusters total=\"2\">\n    <cluster>\n      <clusterid>A</clusterid>\n"));
	a = strstr(answer, "<clusterid>A<");
	p = strstr(answer, "<clusterid>P<");
	settings = strstr(answer, "  <settings>\n");
	ck_assert(a && p && settings && a < p && p < settings);
	for (unsigned i = 0; i < table_clusters.n_fields; i++)
		if (!(table_clusters.fields[i].flags & FF_WHEN_SET))
			ck_assert_ptr_nonnull(tag_from(p, table_clusters.fields[i].name));
	ck_assert_str_eq(tag_from(a, "comment"), " a &lt;b&gt;&#13;\n");
	ck_assert(strstr(a, "      <boxes total=\"1\">\n        <box>\n          <clusterid>A</clusterid>\n"
			    "          <boxid>B</boxid>\n"));
	ck_assert(strstr(a, "          <light>red</light>\n        </box>\n      </boxes>\n    </cluster>\n"));
	for (unsigned i = 0; i < table_boxes.n_fields; i++)
		ck_assert((tag_from(a, table_boxes.fields[i].name) == NULL) ==
			  (table_boxes.fields[i].kind == FK_SECRET));
	ck_assert(strstr(p, "      <boxes total=\"0\">\n      </boxes>\n    </cluster>\n  </clusters>\n"));
	for (unsigned i = 0; i < table_settings.n_fields; i++)
		ck_assert((tag_from(settings, table_settings.fields[i].name) == NULL) ==
			  ((table_settings.fields[i].flags & FF_HIDDEN) != 0));
	ck_assert(!strstr(answer, "s3cret"));
	ck_assert(!strstr(log_text(), "exportconfig"));
	ck_ok(ask("exportconfig", "show_password", "1", NULL));
	ck_tag("probe_password", "s3cret");
	ck_assert(strstr(log_text(), "warning: exportconfig: passwords were shown\n"));
}
END_TEST

/* A URL that holds a password is left out, and stays where it is left out. */
START_TEST(password_in_a_url)
{
	ck_ok(ask("commitmodifyinfo", "nats_url", "nats://10.0.0.1", NULL));
	ck_ok(ask("exportconfig", NULL));
	ck_tag("nats_url", "nats://10.0.0.1");
	ck_ok(ask("commitmodifyinfo", "nats_url", "nats://u:hush@h", NULL));
	ck_ok(ask("exportconfig", NULL));
	ck_assert_ptr_null(tag("nats_url"));
	ck_ok(send_back("importconfig"));
	ck_ok(ask_xml("<importconfig><settings/></importconfig>"));
	ck_ok(ask_xml("<importconfig><settings><nats_url>nats://u:***@h</nats_url></settings></importconfig>"));
	ck_refused(ask_xml("<importconfig><settings><nats_url>nats://***@h</nats_url></settings></importconfig>"),
		   400, "bad_value", "nats_url: its password is hidden; name it anew");
	ck_ok(ask("exportconfig", "show_password", "1", NULL));
	ck_tag("nats_url", "nats://u:hush@h");
	ck_ok(ask_xml("<importconfig><settings><nats_url/></settings></importconfig>"));
	ck_ok(ask("exportconfig", NULL));
	ck_tag("nats_url", "");
}
END_TEST

/* --- in --- */

#define ONE_CLUSTER \
	"<importconfig><clusters><cluster><clusterid>N</clusterid><type>smtp</type>" \
	"<listen_port>2525</listen_port><boxes><box><boxid>B</boxid>" \
	"<connect_address>::1</connect_address><connect_port>25</connect_port></box></boxes>" \
	"</cluster></clusters></importconfig>"

START_TEST(imports)
{
	struct err e = { "" };
	char *before;

	some_rows();
	before = all_rows(&table_audit);
	ck_ok(ask_xml(ONE_CLUSTER));
	ck_tag("clusters", "1");
	ck_tag("boxes", "1");
	ck_assert(call.publish && call.undo);
	ck_assert_str_eq(audited(0), "importconfig clusters=...");
	ck_assert_int_eq(call.undo(&call, &e), 0);
	ck_assert_str_eq(audited(0), "importconfig taken back");
	ck_same_rows(before, &table_audit);
}
END_TEST

START_TEST(disk_full)
{
	char path[128], *before;
	struct err e = { "" };

	some_rows();
	before = all_rows(NULL);
	snprintf(path, sizeof(path), "%s/accounts.mdb", rig_dir);
	disk_watch(path);
	disk.full = true;
	ck_assert_uint_eq(ask_xml(ONE_CLUSTER), 503);
	ck_tag("code", "store_failed");
	ck_assert(!call.publish && !call.undo);
	ck_same_rows(before, NULL);
	disk.full = false;
	ck_ok(ask_xml(ONE_CLUSTER));
	before = all_rows(NULL);
	disk.full = true;
	ck_assert_int_eq(call.undo(&call, &e), -1);
	ck_assert(strstr(e.text, "No space left on device"));
	disk.full = false;
	disk.file = 0;
	snprintf(path, sizeof(path), "%s/accounts.mdb.image", rig_dir);
	unlink(path);
	ck_same_rows(before, NULL);
}
END_TEST

/* Whatever room the call has, it is done whole or not at all, and the next one is served. */
START_TEST(little_memory)
{
	unsigned refusals = 0;
	char *before, *now;
	struct err e;

	some_rows();
	before = all_rows(NULL);
	for (size_t room = 1000;; room += room / 4) {
		xml_out_free(&call.body);
		arena_free(&rig_arena);
		rig_arena.max = 0;
		ck_assert_int_eq(xml_parse(STR(ONE_CLUSTER), &rig_arena, command_nests, &rig_req, &e), 0);
		rig_arena.max = rig_arena.used + room;
		call = (struct call){ .env = &rig_env, .req = &rig_req, .arena = &rig_arena };
		command_run(&call);
		if (call.http == 200)
			break;
		ck_assert_uint_eq(call.http, 503);
		ck_assert(!call.publish && !call.undo);
		ck_assert_str_eq(call.err.text, "the request needs too much memory");
		now = all_rows(NULL);
		ck_assert_str_eq(now, before);
		free(now);
		refusals++;
	}
	ck_assert_uint_gt(refusals, 5);
	rig_arena.max = 8 << 20;
	ck_assert_int_eq(call.undo(&call, &e), 0);
	ck_ok(ask("getbox", "clusterid", "A", "boxid", "B", NULL));
	free(before);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("cmd_config");

	tcase_add_test(t, nothing);
	tcase_add_test(t, everything);
	tcase_add_test(t, password_in_a_url);
	tcase_add_test(t, imports);
	tcase_add_test(t, disk_full);
	tcase_add_test(t, little_memory);
	return rig_run(t, "cmd_config");
}
