/* vacuum and reread: the files, the report, and what is refused. */
#include "admin/cmd_files.c"

#include "unit/admin_rig.h"
#include "unit/disk.h"

#define AB "abigail@example.com"

static void file_is(const char *name, const char *text)
{
	char path[128], got[1024];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", rig_dir, name);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	n = fread(got, 1, sizeof(got) - 1, f);
	got[n] = '\0';
	fclose(f);
	ck_assert_str_eq(got, text);
}

static void file_make(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", rig_dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	fclose(f);
}

START_TEST(vacuums)
{
	uint64_t before;

	ck_ok(ask("addnewemail", "email_address", AB, "user_password", "Qrlhax7IMF", "boxid",
		  "MAILSERVER001", "rcpt_per_mail", "50", NULL));
	ck_ok(ask("addnewalias", "alias_address", "sales@example.com", "alias_list", AB, NULL));
	before = last_seq();
	ck_ok(ask("vacuum", "accesskey", "qwerty", NULL));
	ck_assert_uint_eq(strtoull(tag("sequence"), NULL, 10), before);
	file_is("email.csv", AB "\tQrlhax7IMF\tMAILSERVER001\trcpt_per_mail=50\n");
	file_is("alias.csv", "sales@example.com\t" AB "\n");
	/* no change, and none to be told of */
	ck_assert(!call.publish);
	ck_assert_uint_eq(last_seq(), before);
	ck_assert(str_starts(str_z(audited(0)), STR("addnewalias")));
	/* what it wrote is what stands there */
	ck_ok(ask("reread", NULL));
	ck_tag("read", "2");
	ck_tag("skipped", "0");
	ck_assert_uint_eq(last_seq(), before);
	ck_assert_str_eq(audited(0), "reread added 0, changed 0, removed 0 rows; skipped 0 lines");
}
END_TEST

START_TEST(rereads)
{
	uint64_t before;

	ck_ok(ask("addnewemail", "email_address", "gone@org.us", NULL));
	ck_ok(ask("addnewemail", "email_address", "henry@org.us", "boxid", "MAIL9", NULL));
	file_make("email.csv", "henry@org.us\tjdfu2bnc\tMAIL1\n"
			       "bob@dutchcorp.nl\thgew352i\tMAIL3\n"
			       "nobody\tx\tMAIL1\n"
			       "alice@org.us\tpjdyw4f1\tMAIL3\n");
	file_make("alias.csv", "sales@org.us\thenry@org.us\nbob@dutchcorp.nl\thenry@org.us\n");
	ck_ok(ask("reread", NULL));
	ck_tag("read", "6");
	ck_tag("skipped", "2");
	ck_tag("added", "3");
	ck_tag("changed", "1");
	ck_tag("removed", "1");
	ck_assert_ptr_nonnull(strstr(answer, "<badlines total=\"2\">"));
	ck_tag("badline", "\n      <file>email.csv</file>\n      <line>3</line>\n      <reason>"
			  "email_address: \"nobody\" is not a valid address (address without a domain)</reason>\n    ");
	ck_assert_ptr_nonnull(strstr(answer, "<file>alias.csv</file>\n      <line>2</line>"));
	ck_assert_str_eq(audited(0), "reread added 3, changed 1, removed 1 rows; skipped 2 lines");
	ck_ok(ask("getemail", "email_address", "henry@org.us", NULL));
	ck_tag("boxid", "MAIL1");
	ck_assert_uint_eq(ask("getemail", "email_address", "gone@org.us", NULL), 404);
	/* the same again is no difference */
	before = last_seq();
	ck_ok(ask("reread", NULL));
	ck_tag("added", "0");
	ck_tag("changed", "0");
	ck_tag("removed", "0");
	ck_assert_uint_eq(last_seq(), before);
}
END_TEST

/* Files that were made from what is no longer so: refused when asked to, and nothing is changed. */
START_TEST(rereads_what_was_seen)
{
	char sequence[32], later[32];
	uint64_t before;

	ck_ok(ask("addnewemail", "email_address", AB, NULL));
	ck_ok(ask("vacuum", NULL));
	str_copy(sequence, sizeof(sequence), str_z(tag("sequence")));
	ck_ok(ask("addcluster", "clusterid", "C", "type", "smtp", "listen_port", "25", NULL));
	ck_ok(ask("reread", "accounts_since", sequence, "aliases_since", sequence, NULL));

	ck_ok(ask("addnewalias", "alias_address", "sales@example.com", "alias_list", AB, NULL));
	before = last_seq();
	ck_ok(ask("reread", "accounts_since", sequence, "aliases_since", "", NULL));
	ck_ok(ask("addnewalias", "alias_address", "sales@example.com", "alias_list", AB, NULL));
	ck_refused(ask("reread", "accounts_since", sequence, "aliases_since", sequence, NULL), 409,
		   "changed_since", "aliases have changed since");
	ck_ok(ask("getalias", "alias_address", "sales@example.com", NULL));

	ck_ok(ask("vacuum", NULL));
	str_copy(later, sizeof(later), str_z(tag("sequence")));
	ck_assert_uint_gt(strtoull(later, NULL, 10), before);
	ck_ok(ask("deleteemail", "email_address", AB, NULL));
	before = last_seq();
	ck_refused(ask("reread", "accounts_since", later, NULL), 409, "changed_since",
		   "accounts have changed since");
	ck_refused(ask("reread", "aliases_since", "99999999", NULL), 409, "changed_since",
		   "aliases have changed since"); /* another store */
	ck_assert_uint_eq(last_seq(), before);
	ck_ok(ask("reread", "aliases_since", later, NULL)); /* the file brings the account back */
	ck_ok(ask("getemail", "email_address", AB, NULL));
}
END_TEST

/* What was deleted a day ago has left no trace: the file would bring it back. */
START_TEST(rereads_what_was_seen_long_ago)
{
	char long_ago[32], now[32];
	struct err e = { "" };

	ck_ok(ask("addnewemail", "email_address", AB, NULL));
	ck_ok(ask("vacuum", NULL));
	str_copy(long_ago, sizeof(long_ago), str_z(tag("sequence")));
	ck_ok(ask("deleteemail", "email_address", AB, NULL));
	ck_assert_int_eq(store_write_begin(rig_env.accounts, clock_wall_ms(), &e), 0);
	ck_assert_int_eq(store_collect(rig_env.accounts, clock_wall_ms() + 2000, 1000, 10, &e), 1);
	ck_assert_int_eq(store_commit(rig_env.accounts, &e), 0);
	ck_refused(ask("reread", "accounts_since", long_ago, NULL), 409, "changed_since",
		   "accounts have changed since");
	ck_assert_uint_eq(ask("getemail", "email_address", AB, NULL), 404);
	ck_ok(ask("vacuum", NULL));
	str_copy(now, sizeof(now), str_z(tag("sequence")));
	ck_ok(ask("reread", "accounts_since", now, "aliases_since", now, NULL));
}
END_TEST

START_TEST(many_bad_lines)
{
	char text[512] = "";

	for (int i = 0; i < 25; i++)
		strcat(text, "nobody\tx\tB\n");
	file_make("alias.csv", "");
	file_make("email.csv", text);
	ck_refused(ask("reread", NULL), 409, "unreadable_file",
		   "no line of email.csv can be read (columns are separated by tabs, see "
		   "protobalance(8)); nothing was changed: email_address: \"nobody\" is not "
		   "a valid address (address without a domain)");
	ck_assert_str_eq(audited(0), "-");
	strcat(text, AB "\n");
	file_make("email.csv", text);
	ck_ok(ask("reread", NULL));
	ck_assert_ptr_nonnull(strstr(answer, "<badlines total=\"25\">"));
	ck_assert_uint_eq(times(answer, "<badline>"), 20);
}
END_TEST

START_TEST(files_that_are_not_there)
{
	ck_ok(ask("addnewemail", "email_address", AB, NULL));
	file_make("email.csv", "");
	ck_assert_uint_eq(ask("reread", NULL), 503);
	ck_tag("code", "store_failed");
	ck_assert_ptr_nonnull(strstr(tag("error"), "alias.csv: No such file or directory"));
	ck_assert_ptr_nonnull(strstr(log_text(), "warning: reread: "));
	ck_ok(ask("getemail", "email_address", AB, NULL));
	rig_env.dir = "/nonexistent";
	ck_assert_uint_eq(ask("vacuum", NULL), 503);
	ck_tag("code", "store_failed");
}
END_TEST

/* The store is full: it stays as it was, the files too. */
START_TEST(disk_full)
{
	char path[128], *before;

	ck_ok(ask("addnewemail", "email_address", "gone@org.us", NULL));
	file_make("email.csv", "henry@org.us\tjdfu2bnc\tMAIL1\n");
	file_make("alias.csv", "");
	before = all_rows(NULL);
	snprintf(path, sizeof(path), "%s/accounts.mdb", rig_dir);
	disk_watch(path);
	disk.full = true;
	ck_assert_uint_eq(ask("reread", NULL), 503);
	ck_tag("code", "store_failed");
	ck_assert_ptr_null(tag("added"));
	disk.full = false;
	disk.file = 0;
	snprintf(path, sizeof(path), "%s/accounts.mdb.image", rig_dir);
	unlink(path);
	ck_same_rows(before, NULL);
	file_is("email.csv", "henry@org.us\tjdfu2bnc\tMAIL1\n");
	ck_ok(ask("reread", NULL));
	ck_tag("added", "1");
	ck_tag("removed", "1");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("cmd_files");

	tcase_add_test(t, vacuums);
	tcase_add_test(t, rereads);
	tcase_add_test(t, rereads_what_was_seen);
	tcase_add_test(t, rereads_what_was_seen_long_ago);
	tcase_add_test(t, many_bad_lines);
	tcase_add_test(t, files_that_are_not_there);
	tcase_add_test(t, disk_full);
	return rig_run(t, "cmd_files");
}
