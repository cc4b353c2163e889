/* General settings and what getinfo tells of the whole; credentials; forgetting an address. */
#include "admin/cmd_info.c"

#include <sys/stat.h>

#include "unit/admin_rig.h"
#include "unit/disk.h"

/* --- settings --- */

/* Settings at their defaults, as XML.md and the manual have them. */
static const struct {
	const char *tag, *value;
} defaults[] = {
	{ "ip_dictionary_expiry_s", "3600" },
	{ "ip_dictionary_max_mb", "64" },
	{ "greylist_initial_min", "5" },
	{ "greylist_initial_suspicious_min", "120" },
	{ "greylist_first_window_min", "360" },
	{ "greylist_max_age_min", "172800" },
	{ "whitelist_max_age_min", "172800" },
	{ "spreadlist_max_age_min", "43200" },
	{ "recipient_exceeded_quota", "5" },
	{ "recipient_exceeded_interval_min", "5" },
	{ "mail_from_quota", "200" },
	{ "mail_from_interval_min", "5" },
	{ "distinct_from_emails", "10" },
	{ "distinct_from_emails_interval_min", "120" },
	{ "distinct_from_domains", "5" },
	{ "distinct_from_domains_interval_min", "120" },
	{ "sister_list", "" },
	{ "sister_discovery", "1" },
	{ "sister_wait", "1" },
	{ "sister_share_clusters", "0" },
	{ "sister_transport", "mesh" },
	{ "nats_url", "" },
};

static void ck_table(const char *name, const char *rows)
{
	char text[96];

	snprintf(text, sizeof(text), "<name>%s</name>\n      <rows>%s</rows>\n", name, rows);
	ck_assert_msg(strstr(answer, text) != NULL, "%s %s: %s", name, rows, answer);
}

START_TEST(at_first)
{
	ck_ok(ask("getinfo", NULL));
	ck_assert(!call.publish);
	ck_assert_uint_eq(ARRAY_LEN(defaults) + 1, table_settings.n_fields); /* and the key */
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		ck_tag(defaults[i].tag, defaults[i].value);
	ck_assert_ptr_null(tag("settingsid"));
	ck_tag("version", PB_VERSION);
	ck_tag("sisters", "");
	ck_assert_int_le(atoll(tag("uptime_s")), 60);
	ck_assert(strstr(answer, "  <tables total=\"7\">\n    <table>\n      <name>accounts</name>\n"));
	ck_table("accounts", "0");
	ck_table("audit", "0");
	ck_assert(!strstr(answer, "blocked")); /* the replicator has made nothing yet */
}
END_TEST

START_TEST(changed)
{
	ck_ok(ask("commitmodifyinfo", "greylist_initial_min", "0.05", "mail_from_quota", "1000000",
		  "sister_discovery", "", "sister_list", "10.0.0.1, 10.0.0.2", NULL));
	ck_assert(call.publish && !call.undo);
	ck_ok(ask("getinfo", NULL));
	ck_tag("greylist_initial_min", "0.05");
	ck_tag("mail_from_quota", "1000000");
	ck_tag("sister_discovery", "0");
	ck_tag("sister_list", "10.0.0.1, 10.0.0.2");
	ck_tag("mail_from_interval_min", "5"); /* not named: as it was */
	ck_assert_str_eq(audited(0), "commitmodifyinfo greylist_initial_min=0.05 mail_from_quota=1000000 "
				     "sister_discovery= sister_list=10.0.0.1, 10.0.0.2");
	/* the same again, or nothing, is no change */
	ck_ok(ask("commitmodifyinfo", "greylist_initial_min", "0.0500", NULL));
	ck_assert(!call.publish);
	ck_ok(ask("commitmodifyinfo", NULL));
	ck_assert(!call.publish);
	ck_assert_str_eq(audited(1), "-");
	/* back to the default */
	ck_ok(ask("commitmodifyinfo", "mail_from_quota", "200", NULL));
	ck_ok(ask("getinfo", NULL));
	ck_tag("greylist_initial_min", "0.05");
	ck_tag("mail_from_quota", "200");
}
END_TEST

/* Each is within its range; together they make no sense. */
START_TEST(times_that_contradict)
{
	static const struct {
		const char *initial, *suspicious, *window, *age, *why;
	} rows[] = {
		{ "5", "120", "360", "172800", NULL },
		{ "5", "5", "5.1", "5.2", NULL },
		{ "121", "120", "360", "172800", "greylist_initial_suspicious_min is shorter" },
		{ "5", "120", "120", "172800", "greylist_first_window_min is over before" },
		{ "0", "0", "0", "172800", "greylist_first_window_min is over before" },
		{ "5", "120", "360", "360", "greylist_max_age_min is not longer" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_ok(ask("commitmodifyinfo", "greylist_initial_min", rows[i].initial, "greylist_initial_suspicious_min",
			  rows[i].suspicious, "greylist_first_window_min", rows[i].window, "greylist_max_age_min",
			  rows[i].age, NULL));
		if (rows[i].why)
			ck_assert_msg(strstr(tag("warning"), rows[i].why) != NULL, "%s", answer);
		else
			ck_assert_ptr_null(tag("warning"));
	}
}
END_TEST

START_TEST(after_a_restart)
{
	ck_ok(ask("commitmodifyinfo", "nats_url", "nats://10.0.0.1:4222", NULL));
	store_close(&rig_env.accounts);
	rig_store_open();
	ck_ok(ask("getinfo", NULL));
	ck_tag("nats_url", "nats://10.0.0.1:4222");
	ck_table("settings", "1");
}
END_TEST

/* A password is never shown; what is shown may be sent back, and no password is lost by it. */
START_TEST(password_in_a_url)
{
	char long_one[1100] = "nats://u:hush@h";

	ck_ok(ask("commitmodifyinfo", "nats_url", "nats://u:hush@h", NULL));
	ck_ok(ask("getinfo", NULL));
	ck_tag("nats_url", "nats://u:***@h");
	ck_ok(ask("commitmodifyinfo", "nats_url", tag("nats_url"), "mail_from_quota", "7", NULL));
	ck_ok(ask("exportconfig", "show_password", "1", NULL));
	ck_tag("nats_url", "nats://u:hush@h");
	ck_tag("mail_from_quota", "7");
	ck_refused(ask("commitmodifyinfo", "nats_url", "nats://u:***@other", NULL), 400, "bad_value",
		   "nats_url: its password is hidden; name it anew");
	memset(long_one + strlen(long_one), 'x', 1000);
	ck_refused(ask("commitmodifyinfo", "nats_url", long_one, NULL), 400, "bad_value",
		   "nats_url: the value is not 0..1000 bytes long");
	ck_ok(ask("commitmodifyinfo", "nats_url", "", NULL));
	ck_ok(ask("getinfo", NULL));
	ck_tag("nats_url", "");
}
END_TEST

/* Each setting at both ends of its range, and one beyond. */
START_TEST(ranges)
{
	unsigned tried = 0;

	for (unsigned i = 1; i < table_settings.n_fields; i++) {
		const struct field *f = &table_settings.fields[i];
		struct settings row;
		struct arena a = ARENA(0);

		if (f->kind != FK_INT && f->kind != FK_DECIMAL)
			continue;
		for (int over = 0; over < 2; over++)
			for (int end = 0; end < 2; end++) {
				int64_t v = (end ? f->max : f->min) + (end ? over : -over);
				uint64_t before = last_seq();

				if (v < 0) /* FK_DECIMAL's text has no sign */
					continue;
				memcpy((char *)&row + f->offset, &v, sizeof(v));
				ask("commitmodifyinfo", f->name, field_text(f, &row, &a).p, NULL);
				ck_assert_msg(call.http == (over ? 400 : 200), "%s", answer);
				ck_assert(!over || (!strcmp(call.code, "bad_value") && last_seq() == before));
				tried++;
			}
		arena_free(&a);
	}
	ck_assert_uint_gt(tried, 50);
	ck_refused(ask("commitmodifyinfo", "greylist_initial_min", "-1", NULL), 400, "bad_value",
		   "greylist_initial_min: \"-1\" is not in 0..1440 (at most 4 decimals)");
	ck_refused(ask("commitmodifyinfo", "sister_transport", "pigeons", NULL), 400, "bad_value",
		   "sister_transport: \"pigeons\" is not one of mesh|nats");
	ck_refused(ask("commitmodifyinfo", "settingsid", "x", NULL), 400, "unknown_parameter",
		   "unknown parameter of commitmodifyinfo: settingsid");
}
END_TEST

START_TEST(answers_may_be_sent_back)
{
	static const char *const others[] = { "version", "uptime_s", "sisters", "tables" };
	char *end;
	uint64_t before;

	ck_ok(ask("commitmodifyinfo", "sister_list", "<a> & b", NULL));
	before = last_seq();
	ck_ok(ask("getinfo", NULL));
	for (size_t i = 0; i < ARRAY_LEN(others); i++) /* no setting has such a name */
		ck_assert_ptr_null(table_field(&table_settings, str_z(others[i])));
	end = strstr(answer, "  <version>");
	strcpy(end, "</response>\n");
	ck_ok(send_back("commitmodifyinfo"));
	ck_assert_uint_eq(last_seq(), before);
}
END_TEST

static unsigned tables_in(const struct table *const *tables)
{
	unsigned n = 0;

	while (tables[n])
		n++;
	return n;
}

START_TEST(table_sizes)
{
	unsigned tables = tables_in(accounts_tables) + tables_in(traffic_tables);
	char total[64];

	snprintf(total, sizeof(total), "  <tables total=\"%u\">\n", tables);
	ck_ok(ask("addnewemail", "email_address", "a@b.cc", NULL));
	ck_ok(ask("addnewemail", "email_address", "b@b.cc", NULL));
	ck_ok(ask("deleteemail", "email_address", "b@b.cc", NULL));
	ck_ok(ask("addnewalias", "alias_address", "s@b.cc", "alias_list", "a@b.cc", NULL));
	rig_traffic_open();
	ck_ok(ask("setblockip", "block_email", "1", "address", "10.0.0.1", NULL));
	rig_replicate();
	ck_ok(ask("getinfo", NULL));
	ck_assert(strstr(answer, total));
	ck_assert_uint_eq(times(answer, "<table>"), tables);
	ck_table("accounts", "1");
	ck_table("aliases", "1");
	ck_table("clusters", "0");
	ck_table("audit", "5");
	ck_table("ledger", "0");
	ck_table("blocked", "1");
}
END_TEST

START_TEST(sisters)
{
	ck_ok(ask("listsisters", NULL));
	ck_assert(strstr(answer, "<status>ok</status>\n  <sisters total=\"0\">\n  </sisters>\n"));
}
END_TEST

/* --- credentials --- */

/* Its stored form, "" when there is none. */
static const char *stored(const char *name)
{
	struct err e = { "" };
	struct credential row;
	const char *text = "";

	ck_assert_int_eq(store_read_begin(rig_env.accounts, &e), 0);
	if (store_get(rig_env.accounts, &table_credentials, str_z(name), &row, NULL, &e) == 0)
		text = arena_str(&rig_arena, row.hash).p;
	store_read_end(rig_env.accounts);
	return text;
}

static bool fits(const char *name, const char *secret)
{
	return auth_hash_fits(str_z(stored(name)), str_z(secret));
}

static const char *path_of(const char *file)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", rig_dir, file);
	return path;
}

static void make_first_login(void)
{
	FILE *f = fopen(path_of("first-login"), "w");

	ck_assert(f && fputs("password: x\n", f) >= 0 && fclose(f) == 0);
}

START_TEST(passwords)
{
	make_first_login();
	ck_ok(ask("changepassword", "password", "correct-horse", NULL));
	ck_assert(!call.publish);
	ck_assert(fits("password", "correct-horse") && !fits("password", "correct-horsf"));
	ck_assert_str_eq(stored("accesskey"), ""); /* not named */
	ck_assert_int_eq(access(path_of("first-login"), F_OK), -1);
	ck_ok(ask("changepassword", "new_accesskey", "battery-staple", "password", "", NULL));
	ck_assert(fits("accesskey", "battery-staple") && fits("password", "correct-horse"));
	ck_ok(ask("changepassword", "new_accesskey", "sixbyt", "password", "sixbyu", NULL));
	ck_assert(fits("accesskey", "sixbyt") && fits("password", "sixbyu"));
	ck_assert(!fits("accesskey", "battery-staple"));
	ck_assert_str_eq(audited(0), "changepassword new_accesskey=... password=...");
	ck_assert(!strstr(stored("password"), "sixbyu"));
	ck_assert(!strstr(log_text(), "sixby"));
	ck_assert(!strstr(answer, "sixby"));
}
END_TEST

START_TEST(bad_passwords)
{
	char long_one[257];

	make_first_login();
	memset(long_one, 'x', 256);
	long_one[256] = '\0';
	ck_refused(ask("changepassword", NULL), 400, "missing_parameter",
		   "changepassword needs password, new_accesskey, or both");
	ck_refused(ask("changepassword", "password", "", NULL), 400, "missing_parameter",
		   "changepassword needs password, new_accesskey, or both");
	ck_refused(ask("changepassword", "password", "short", NULL), 400, "bad_value",
		   "password: the value is not 6..255 bytes long");
	ck_refused(ask("changepassword", "password", "good-enough", "new_accesskey", long_one, NULL),
		   400, "bad_value", "new_accesskey: the value is not 6..255 bytes long");
	ck_assert_str_eq(stored("password"), "");
	ck_assert_str_eq(audited(0), "-");
	ck_assert_int_eq(access(path_of("first-login"), F_OK), 0);
	long_one[255] = '\0';
	ck_ok(ask("changepassword", "new_accesskey", long_one, NULL));
	ck_assert(fits("accesskey", long_one));
}
END_TEST

/* The change counts, and what is left is told. */
START_TEST(first_login_stays)
{
	ck_assert_int_eq(mkdir(path_of("first-login"), 0700), 0);
	ck_ok(ask("changepassword", "password", "correct-horse", NULL));
	ck_assert(fits("password", "correct-horse"));
	ck_assert(strstr(log_text(), "/first-login cannot be removed: "));
	ck_assert_int_eq(rmdir(path_of("first-login")), 0);
}
END_TEST

START_TEST(disk_full)
{
	ck_ok(ask("changepassword", "password", "correct-horse", NULL));
	make_first_login();
	disk_watch(path_of("accounts.mdb"));
	disk.full = true;
	ck_assert_uint_eq(ask("changepassword", "password", "another-one", NULL), 503);
	ck_tag("code", "store_failed");
	ck_assert_uint_eq(ask("commitmodifyinfo", "mail_from_quota", "7", NULL), 503);
	ck_assert(!call.publish);
	disk.full = false;
	disk.file = 0;
	unlink(path_of("accounts.mdb.image"));
	ck_assert(fits("password", "correct-horse"));
	ck_assert_int_eq(access(path_of("first-login"), F_OK), 0);
	ck_ok(ask("getinfo", NULL));
	ck_tag("mail_from_quota", "200");
}
END_TEST

START_TEST(sister_key)
{
	ck_ok(ask("setsisterkey", "sister_key", "0123456789abcdef", NULL));
	ck_assert(call.publish && !call.undo); /* workers sign rewritten senders with it */
	ck_assert_str_eq(stored("sisterkey"), "0123456789abcdef"); /* it must be used */
	ck_assert(strstr(log_text(), "the sisters' key was set"));
	ck_assert(!strstr(log_text(), "0123456789") && !strstr(answer, "0123456789"));
	ck_refused(ask("setsisterkey", "sister_key", "0123456789abcde", NULL), 400, "bad_value",
		   "sister_key: the value is not 16..255 bytes long");
	ck_refused(ask("setsisterkey", NULL), 400, "missing_parameter",
		   "setsisterkey needs the parameter sister_key");
	ck_assert_str_eq(stored("sisterkey"), "0123456789abcdef");
}
END_TEST

/* --- clearip --- */

static void connect_once(int cluster, const struct ipaddr *ip)
{
	struct shm *shm = rig_env.shm;

	ck_assert_uint_eq(dictionary_try(shm, client_key(shm, cluster, ip), 60000, 60000,
					 clock_mono_ms()), 1);
}

static bool has_connected(int cluster, const struct ipaddr *ip)
{
	const struct shm *shm = rig_env.shm;
	struct dictionary_entry e;

	return dictionary_get(shm, client_key(shm, cluster, ip), 60000, 60000, clock_mono_ms(), &e);
}

START_TEST(clears)
{
	struct shm *shm = rig_env.shm;
	struct ipaddr guilty, other;
	uint64_t keys[4];

	ck_assert_int_eq(ip_parse(STR("192.0.2.7"), &guilty, NULL), 0);
	ck_assert_int_eq(ip_parse(STR("198.51.100.1"), &other, NULL), 0);
	keys[0] = penalty_network(shm, PENALTY_LOGINS, &guilty);
	keys[1] = penalty_network(shm, PENALTY_KEYS, &guilty);
	keys[2] = penalty_network(shm, PENALTY_LOGINS, &other);
	keys[3] = penalty_network(shm, PENALTY_KEYS, &other);
	for (int i = 0; i < 4; i++)
		ck_assert_int_gt(penalty_failed(shm, keys[i], clock_mono_ms()), 0);
	for (int i = 0; i < MAX_CLUSTERS; i++) {
		connect_once(i, &guilty);
		connect_once(i, &other);
	}
	ck_ok(ask("clearip", "address", "192.0.2.7", NULL));
	for (int i = 0; i < MAX_CLUSTERS; i++) {
		ck_assert(!has_connected(i, &guilty));
		ck_assert(has_connected(i, &other));
	}
	ck_tag("address", "192.0.2.7");
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(penalty_now(shm, keys[i], clock_mono_ms()) > 0, i >= 2);
	ck_ok(ask("clearip", "address", "2001:DB8::0:1", NULL)); /* nothing held: fine */
	ck_tag("address", "2001:db8::1");
	ck_assert_str_eq(audited(0), "clearip address=2001:DB8::0:1");
	ck_refused(ask("clearip", "address", "10.0.0.0/8", NULL), 400, "bad_value",
		   "address: \"10.0.0.0/8\" is not an IP address");
	ck_refused(ask("clearip", NULL), 400, "missing_parameter", "clearip needs the parameter address");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("cmd_info");

	tcase_add_test(t, at_first);
	tcase_add_test(t, changed);
	tcase_add_test(t, times_that_contradict);
	tcase_add_test(t, after_a_restart);
	tcase_add_test(t, password_in_a_url);
	tcase_add_test(t, ranges);
	tcase_add_test(t, answers_may_be_sent_back);
	tcase_add_test(t, table_sizes);
	tcase_add_test(t, sisters);
	tcase_add_test(t, passwords);
	tcase_add_test(t, bad_passwords);
	tcase_add_test(t, first_login_stays);
	tcase_add_test(t, disk_full);
	tcase_add_test(t, sister_key);
	tcase_add_test(t, clears);
	return rig_run(t, "cmd_info");
}
