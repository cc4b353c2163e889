/* The audit: a row for each change, in the transaction of the change; none for what was not;
 * bounded, in order, without secrets, sound in every byte. */
#include "lib/base/limits.h"
#undef LIMIT_AUDIT_ROWS
#define LIMIT_AUDIT_ROWS 20 /* so that its end is soon reached */
#include "admin/change.c"

#include <lmdb.h>

#include "lib/store/store_inner.h"
#include "unit/admin_rig.h"
#include "unit/disk.h"
#include "unit/random_record.h"

static const char *path_of(const char *file)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", rig_dir, file);
	return path;
}

static uint64_t audit_rows(void)
{
	struct err e = { "" };
	uint64_t n = 0;

	ck_assert_int_eq(store_read_begin(rig_env.accounts, &e), 0);
	ck_assert_int_eq(store_count(rig_env.accounts, &table_audit, &n, &e), 0);
	store_read_end(rig_env.accounts);
	return n;
}

/* --- keys of rows --- */

START_TEST(keys)
{
	static const uint64_t numbers[] = {
		1, 2, 9, 10, 11, 10000, AUDIT_LAST - 1, AUDIT_LAST
	};
	static const char *const none[] = { "",
					    "1",
					    "000000000000000x",
					    "-000000000000001",
					    "00000000000000001",
					    " 000000000000001" };
	char key[AUDIT_KEY + 1], before[AUDIT_KEY + 1] = "x";

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		audit_key(numbers[i], key);
		ck_assert_uint_eq(strlen(key), AUDIT_KEY);
		ck_assert_uint_eq(audit_number(str_z(key)), numbers[i]);
		ck_assert_int_lt(strcmp(key, before), 0); /* the newest comes first */
		strcpy(before, key);
	}
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		ck_assert_uint_eq(audit_number(str_z(none[i])), 0);
}
END_TEST

/* --- one row a change --- */

static const struct {
	const char *xml, *row; /* NULL: no change, no row */
} calls[] = {
	{ "<addnewemail><email_address>A@b.cc</email_address><user_password>hush</user_password>"
	  "<boxid>MAIL1</boxid></addnewemail>",
	  "addnewemail email_address=a@b.cc user_password=... boxid=MAIL1" },
	{ "<getemail><email_address>a@b.cc</email_address><show_password>1</show_password></getemail>", NULL },
	{ "<commitmodifyemail><email_address>a@b.cc</email_address><boxid/></commitmodifyemail>",
	  "commitmodifyemail email_address=a@b.cc boxid=" },
	{ "<commitmodifyemail><email_address>a@b.cc</email_address><boxid/></commitmodifyemail>", NULL },
	{ "<addnewemail><email_address>a@b.cc</email_address></addnewemail>", NULL },
	{ "<addnewemail><email_address>nobody</email_address></addnewemail>", NULL },
	{ "<addcluster><clusterid>C</clusterid><type>smtp</type><listen_port>25</listen_port>"
	  "</addcluster>",
	  "addcluster clusterid=C type=smtp listen_port=25" },
	{ "<addbox><clusterid>C</clusterid><boxid>B</boxid><connect_address>::1</connect_address>"
	  "<connect_port>25</connect_port><probe_password>hush</probe_password></addbox>",
	  "addbox clusterid=C boxid=B connect_address=::1 connect_port=25 probe_password=..." },
	{ "<green><clusterid>C</clusterid><boxid>B</boxid></green>", "green clusterid=C boxid=B" },
	{ "<green><clusterid>C</clusterid><boxid>B</boxid></green>", NULL },
	{ "<green><clusterid>C</clusterid><boxid>X</boxid></green>", NULL },
	{ "<deletecluster><clusterid>C</clusterid></deletecluster>", NULL },
	{ "<setsisterkey><sister_key>hush-hush-hush-hush</sister_key></setsisterkey>",
	  "setsisterkey sister_key=..." },
	{ "<setsisterkey><sister_key>short</sister_key></setsisterkey>", NULL },
	{ "<clearip><address>192.0.2.7</address></clearip>", "clearip address=192.0.2.7" },
	{ "<changepassword><password>hush-hush</password><new_accesskey>hush-hush</new_accesskey>"
	  "</changepassword>",
	  "changepassword password=... new_accesskey=..." },
	{ "<importconfig><settings><mail_from_quota>7</mail_from_quota></settings></importconfig>",
	  "importconfig settings=..." },
	{ "<commitmodifyinfo><nats_url>nats://u:hush@h</nats_url></commitmodifyinfo>",
	  "commitmodifyinfo nats_url=nats://u:***@h" },
	{ "<commitmodifyinfo><nats_url>nats://u:***@h</nats_url></commitmodifyinfo>", NULL },
	{ "<vacuum/>", NULL },
	{ "<reread/>", "reread added 0, changed 0, removed 0 rows; skipped 0 lines" },
	{ "<moveemail><email_address>a@b.cc</email_address><boxid>M</boxid><from_boxid/></moveemail>",
	  "moveemail email_address=a@b.cc boxid=M from_boxid=" },
	{ "<moveemail><email_address>a@b.cc</email_address><boxid>M</boxid></moveemail>", NULL },
	{ "<deleteemail><email_address>a@b.cc</email_address></deleteemail>", "deleteemail email_address=a@b.cc" },
	{ "<deleteemail><email_address>a@b.cc</email_address></deleteemail>", NULL },
};

START_TEST(a_row_a_change)
{
	unsigned rows = 0;

	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		ask_xml(calls[i].xml);
		rows += calls[i].row != NULL;
		ck_assert_msg(audit_rows() == rows, "%s: %s", calls[i].xml, audited(0));
		if (calls[i].row)
			ck_assert_str_eq(audited(0), calls[i].row);
	}
	/* the newest first */
	for (size_t i = 0, n = rows; i < ARRAY_LEN(calls); i++)
		if (calls[i].row)
			ck_assert_str_eq(audited((unsigned)--n), calls[i].row);
}
END_TEST

static int only_row(void *arg, const void *rec, const struct row_meta *m)
{
	(void)m;
	*(struct audit *)arg = *(const struct audit *)rec;
	return 1;
}

static void ck_who(const char *who, const char *from)
{
	struct err e = { "" };
	struct audit a;

	ck_assert_int_eq(store_read_begin(rig_env.accounts, &e), 0);
	ck_assert_int_eq(store_each(rig_env.accounts, &table_audit, STR(""), only_row, &a, &e), 1);
	ck_assert(str_eq(a.who, str_z(who)) && str_eq(a.from, str_z(from)));
	ck_assert_int_le(a.time, clock_wall_ms());
	ck_assert_int_ge(a.time, clock_wall_ms() - 60000);
	store_read_end(rig_env.accounts);
}

START_TEST(who_and_from)
{
	ck_ok(ask("clearip", "address", "192.0.2.7", NULL));
	ck_who("key", "192.0.2.1");
	rig_who = "uid 0";
	rig_from = "local";
	ck_ok(ask("clearip", "address", "192.0.2.7", NULL));
	ck_who("uid 0", "local");
	rig_who = rig_from = NULL;
	ck_ok(ask("clearip", "address", "192.0.2.7", NULL));
	ck_who("", "");
}
END_TEST

/* What is taken back is a change of its own. */
START_TEST(taken_back)
{
	struct err e = { "" };

	ck_ok(ask("addcluster", "clusterid", "C", "type", "smtp", "listen_port", "25", NULL));
	ck_assert_msg(call.undo(&call, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(audit_rows(), 2);
	ck_assert_str_eq(audited(0), "addcluster taken back");
}
END_TEST

/* --- what fails leaves no row --- */

START_TEST(aborted)
{
	ck_ok(ask("addnewemail", "email_address", "a@b.cc", NULL));
	ck_assert_int_eq(change_begin(&call), 0);
	change_abort(&call);
	change_abort(&call); /* once more is nothing */
	ck_assert_uint_eq(audit_rows(), 1);
	ck_assert_int_eq(change_note(&call), 0);
	ck_assert_uint_eq(audit_rows(), 2);
	ck_assert_str_eq(audited(0), audited(1));
}
END_TEST

START_TEST(disk_full)
{
	uint64_t before;

	ck_ok(ask("addnewemail", "email_address", "a@b.cc", NULL));
	before = last_seq();
	disk_watch(path_of("accounts.mdb"));
	disk.full = true;
	ck_assert_uint_eq(ask("addnewemail", "email_address", "b@b.cc", NULL), 503);
	ck_tag("code", "store_failed");
	ck_assert(strstr(tag("error"), "No space left on device"));
	ck_assert(strstr(log_text(), "warning: addnewemail: "));
	ck_assert_uint_eq(ask("clearip", "address", "192.0.2.7", NULL), 503);
	ck_assert_uint_eq(ask("setsisterkey", "sister_key", "0123456789abcdef", NULL), 503);
	ck_assert_uint_eq(ask("moveemail", "email_address", "a@b.cc", "boxid", "B", NULL), 503);
	disk.full = false;
	disk.file = 0;
	unlink(path_of("accounts.mdb.image"));
	ck_assert_uint_eq(audit_rows(), 1);
	ck_assert_uint_eq(last_seq(), before);
	ck_assert_uint_eq(ask("getemail", "email_address", "b@b.cc", NULL), 404);
	/* and goes on, with the next number */
	ck_ok(ask("addnewemail", "email_address", "b@b.cc", NULL));
	ck_ok(ask("audit", NULL));
	ck_tag("number", "2");
}
END_TEST

/* The audit cannot be written: neither is the change. */
START_TEST(audit_fails)
{
	struct store *s = rig_env.accounts;
	MDB_val k = { 3, (void *)(uintptr_t) "000" },
		v = { 4, (void *)(uintptr_t) "\x7f\x7f\x7f\x7f" };
	struct err e = { "" };

	ck_assert_int_eq(store_write_begin(s, clock_wall_ms(), &e), 0);
	ck_assert_int_eq(mdb_put(s->wr, s->table_db[table_audit.id], &k, &v, 0), 0);
	ck_assert_int_eq(store_commit(s, &e), 0);
	ck_assert_uint_eq(ask("addnewemail", "email_address", "a@b.cc", NULL), 503);
	ck_tag("code", "store_failed");
	ck_assert_uint_eq(ask("getemail", "email_address", "a@b.cc", NULL), 404);
	ck_assert_uint_eq(ask("clearip", "address", "192.0.2.7", NULL), 503);
	ck_assert_uint_eq(ask("changepassword", "password", "new-one", NULL), 503);
	ck_assert_int_eq(store_write_begin(s, clock_wall_ms(), &e), 0);
	ck_assert_int_eq(mdb_del(s->wr, s->table_db[table_audit.id], &k, NULL), 0);
	ck_assert_int_eq(store_commit(s, &e), 0);
	ck_ok(ask("addnewemail", "email_address", "a@b.cc", NULL));
	ck_assert_uint_eq(audit_rows(), 1);
}
END_TEST

/* --- order and number --- */

START_TEST(numbers_go_on)
{
	for (int i = 0; i < 3; i++) {
		ck_ok(ask("clearip", "address", i % 2 ? "::1" : "::2", NULL));
		store_close(&rig_env.accounts);
		rig_store_open();
	}
	ck_ok(ask("audit", NULL));
	ck_tag("number", "3");
	ck_assert_str_eq(audited(0), "clearip address=::2");
	ck_assert_str_eq(audited(1), "clearip address=::1");
}
END_TEST

START_TEST(bounded)
{
	char address[32], want[64];

	for (unsigned i = 1; i <= 3 * LIMIT_AUDIT_ROWS; i++) {
		snprintf(address, sizeof(address), "10.0.0.%u", i);
		ck_ok(ask("clearip", "address", address, NULL));
		ck_assert_uint_eq(audit_rows(), i < LIMIT_AUDIT_ROWS ? i : LIMIT_AUDIT_ROWS);
	}
	/* the oldest have gone */
	for (unsigned i = 0; i < LIMIT_AUDIT_ROWS; i++) {
		snprintf(want, sizeof(want), "clearip address=10.0.0.%u", 3 * LIMIT_AUDIT_ROWS - i);
		ck_assert_str_eq(audited(i), want);
	}
	ck_ok(ask("audit", NULL));
	ck_tag("number", "60");
}
END_TEST

/* --- what: cut, and sound --- */

static const struct field *what_field(void)
{
	return table_field(&table_audit, STR("what"));
}

/* Every field of every row is one that its description takes. */
static int sound(void *arg, const void *rec, const struct row_meta *m)
{
	struct arena a = ARENA(0);
	struct err e = { "" };
	struct audit copy;

	(void)arg;
	(void)m;
	for (unsigned i = 0; i < table_audit.n_fields; i++) {
		const struct field *f = &table_audit.fields[i];

		if (field_parse(f, &copy, field_text(f, rec, &a), &a, &e) < 0)
			ck_abort_msg("%s", e.text);
	}
	must(((const struct audit *)rec)->what.n <= LIMIT_AUDIT_WHAT, "what: too long");
	arena_free(&a);
	return 0;
}

static void ck_sound(void)
{
	struct err e = { "" };

	ck_assert_int_eq(store_read_begin(rig_env.accounts, &e), 0);
	ck_assert_int_eq(store_each(rig_env.accounts, &table_audit, STR(""), sound, NULL, &e), 0);
	store_read_end(rig_env.accounts);
	ck_assert_int_le(LIMIT_AUDIT_WHAT, what_field()->max);
}

START_TEST(long_values)
{
	static const char *const units[] = { "x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
	char value[200];

	ck_ok(ask("addcluster", "clusterid", "C", "type", "smtp", "listen_port", "25", NULL));
	for (size_t u = 0; u < ARRAY_LEN(units); u++)
		for (unsigned shift = 0; shift < 4; shift++) {
			size_t unit = strlen(units[u]), fits = (LIMIT_AUDIT_VALUE - shift) / unit;
			char want[LIMIT_AUDIT_WHAT + 1];

			memset(value, '.', shift);
			value[shift] = '\0';
			while (strlen(value) <= LIMIT_AUDIT_VALUE)
				strcat(value, units[u]);
			ck_ok(ask("commitmodifycluster", "clusterid", "C", "comment", value, NULL));
			snprintf(want, sizeof(want), "commitmodifycluster clusterid=C comment=%.*s...",
				 (int)(shift + fits * unit), value);
			ck_assert_str_eq(audited(0), want);
			/* one that just fits is whole */
			value[shift + fits * unit] = '\0';
			ck_ok(ask("commitmodifycluster", "clusterid", "C", "comment", value, NULL));
			want[strlen(want) - 3] = '\0';
			ck_assert_str_eq(audited(0), want);
		}
	ck_sound();
}
END_TEST

START_TEST(many_values)
{
	char address[LIMIT_AUDIT_VALUE + 20] = "10.0.0.1";

	for (unsigned i = 2; strlen(address) <= LIMIT_AUDIT_VALUE; i++)
		snprintf(address + strlen(address), 12, ",10.0.0.%u", i);
	ck_ok(ask("addcluster", "clusterid", "C", "type", "smtp", "listen_port", "25",
		  "relay_ranges", address, "spam_whitelist_ranges", address, "block_ranges",
		  address, "accept_proxy_protocol", address, "comment", "no room", NULL));
	ck_assert(str_starts(str_z(audited(0)),
			     STR("addcluster clusterid=C type=smtp listen_port=25 relay_ranges=10.0.0.1,")));
	ck_assert(strstr(audited(0), " spam_whitelist_ranges=10.0.0.1,"));
	ck_assert_str_eq(audited(0) + strlen(audited(0)) - 4, " ...");
	ck_assert(!strstr(audited(0), "comment"));
	ck_sound();
}
END_TEST

/* Any values that a cluster may have. */
START_TEST(random_values)
{
	ck_ok(ask("addcluster", "clusterid", "C", "type", "smtp", "listen_port", "25", NULL));
	for (int round = 0; round < 300; round++) {
		struct arena a = ARENA(0);
		struct xml_out o;

		xml_out_init(&o, 0);
		xml_out_open(&o, "commitmodifycluster", -1);
		xml_out_text(&o, "clusterid", STR("C"));
		for (unsigned i = 4; i < table_clusters.n_fields; i++) {
			const struct field *f = &table_clusters.fields[i];
			struct cluster row;

			if (rnd(3))
				continue;
			random_field(f, &row, &a);
			xml_out_text(&o, f->name, field_text(f, &row, &a));
		}
		xml_out_close(&o, "commitmodifycluster");
		ck_assert_int_eq(buf_addc(&o.buf, '\0'), 0);
		ask_xml(o.buf.mem);
		must(call.http == 200 || strstr(answer, "default_spam_setting"), answer);
		xml_out_free(&o);
		arena_free(&a);
		ck_sound();
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("change");

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_test(t, keys);
	tcase_add_test(t, a_row_a_change);
	tcase_add_test(t, who_and_from);
	tcase_add_test(t, taken_back);
	tcase_add_test(t, aborted);
	tcase_add_test(t, disk_full);
	tcase_add_test(t, audit_fails);
	tcase_add_test(t, numbers_go_on);
	tcase_add_test(t, bounded);
	tcase_add_test(t, long_values);
	tcase_add_test(t, many_values);
	tcase_add_test(t, random_values);
	return rig_run(t, "change");
}
