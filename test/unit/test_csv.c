/* email.csv and alias.csv: lines, both files there and back, what a reread changes, what it
 * reports, and what a failure leaves. */
#include "lib/store/csv.c"

#include <check.h>
#include <dlfcn.h>
#include <signal.h>
#include <sys/resource.h>

#include "unit/random_record.h"
#include "unit/store_rig.h"

static struct arena arena;
static struct csv_report report;

static void setup(void)
{
	rig_setup();
	arena = ARENA(0);
}

static void teardown(void)
{
	arena_free(&arena);
	rig_teardown();
}

/* --- lines --- */

static const struct {
	const struct table *t;
	struct str line, again; /* as it is written; empty: like line */
	const char *reason;	/* NULL: a good line */
} lines[] = {
	{ &table_accounts, STR_INIT("joe@example.com\tsecret\tMAIL1"), STR_INIT(""), NULL },
	{ &table_accounts, STR_INIT("@example.com\t\tMAIL1"), STR_INIT(""), NULL },
	{ &table_accounts, STR_INIT("joe@example.com"), STR_INIT("joe@example.com\t\t"), NULL },
	{ &table_accounts, STR_INIT("joe@example.com\tpw"), STR_INIT("joe@example.com\tpw\t"), NULL },
	{ &table_accounts, STR_INIT("Joe@Example.COM\tPw\tMail1"),
	  STR_INIT("joe@example.com\tPw\tMail1"), NULL },
	/* literal: backslashes, quotes, blanks, equals */
	{ &table_accounts, STR_INIT("a@b.c\t \\t\\n\"a=b, \\ \tM"), STR_INIT(""), NULL },
	{ &table_accounts, STR_INIT("a@b.c\tp\xc3\xa4ss\tM"), STR_INIT(""), NULL },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\tspam_setting=2\trcpt_per_mail=7"), STR_INIT(""), NULL },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\tspam_setting=1"), STR_INIT("a@b.c\tp\tM"), NULL },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\tauto_reply_body=1\\t2\\n3\\r4\\\\n=5"), STR_INIT(""),
	  NULL },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\tauto_reply_expiry=2026-11-23T00:00:00Z"),
	  STR_INIT(""), NULL },
	{ &table_accounts, STR_INIT("a@b.c\t\tM\tuser_password=1\\t2\\n3\\r4\\\\5"), STR_INIT(""), NULL },
	{ &table_accounts, STR_INIT("a@b.c\t1\r2\tM"), STR_INIT("a@b.c\t\tM\tuser_password=1\\r2"), NULL },
	{ &table_aliases, STR_INIT("all@b.c\ta@b.c,d@e.f"), STR_INIT(""), NULL },
	{ &table_aliases, STR_INIT("@b.c\tA@b.c\tspam_setting=0"),
	  STR_INIT("@b.c\ta@b.c\tspam_setting=0"), NULL },

	{ &table_accounts, STR_INIT(""), STR_INIT(""), "email_address: \"\" is not 1..254 bytes" },
	{ &table_accounts, STR_INIT("joe"), STR_INIT(""), "email_address: \"joe\" is not a valid" },
	{ &table_accounts, STR_INIT("joe@example.com secret MAIL1"), STR_INIT(""),
	  "email_address: \"joe@example.com secret MAIL1\"" },
	{ &table_accounts, STR_INIT("a@b.c\tl\xe4tin\tM"), STR_INIT(""), "user_password: the value" },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM 1"), STR_INIT(""), "boxid: \"M 1\" is not" },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\t"), STR_INIT(""), "is not name=value" },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\tspam"), STR_INIT(""), "is not name=value" },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\tnosuch=1"), STR_INIT(""), "name \"nosuch\"" },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\t=1"), STR_INIT(""), "name \"\"" },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\temail_address=d@b.c"), STR_INIT(""),
	  "name \"email_address\"" },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\tspam_setting=3"), STR_INIT(""),
	  "spam_setting: \"3\" is not in 0..2" },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\tauto_reply_body=a\\b"), STR_INIT(""), "a backslash" },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\tauto_reply_body=a\\"), STR_INIT(""), "a backslash" },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\tauto_reply_body=a\\\0"), STR_INIT(""), "a backslash" },
	{ &table_aliases, STR_INIT("all@b.c"), STR_INIT(""), "fewer than 2 columns" },
	{ &table_aliases, STR_INIT("all@b.c\t"), STR_INIT(""), "alias_list: \"\" is not" },
	{ &table_aliases, STR_INIT("all@b.c a@b.c"), STR_INIT(""), "alias_address: " },
	{ &table_aliases, STR_INIT("all@b.c\ta@b.c\tuser_password=x"), STR_INIT(""),
	  "name \"user_password\"" },
};

START_TEST(one_line)
{
	union any_record rec;
	struct str again = lines[_i].again.n ? lines[_i].again : lines[_i].line;
	struct buf b;
	struct err e = { "" };
	int rc = csv_line_parse(lines[_i].t, lines[_i].line, &rec, &arena, &e);

	ck_assert_msg(rc == (lines[_i].reason ? -1 : 0), "%s", e.text);
	if (rc < 0) {
		ck_assert_msg(strstr(e.text, lines[_i].reason) != NULL, "%s", e.text);
		return;
	}
	buf_init(&b, 4096);
	ck_assert_int_eq(csv_line_write(lines[_i].t, &rec, &b), 0);
	ck_assert_msg(buf_len(&b) == again.n + 1 && memcmp(buf_str(&b).p, again.p, again.n) == 0,
		      "%.*s", STR_ARG(buf_str(&b)));
	ck_assert_int_eq(buf_str(&b).p[again.n], '\n');
	buf_release(&b);
}
END_TEST

static const struct table *const files[] = { &table_accounts, &table_aliases };

/* Whatever the fields hold: one line, and from that the same record. */
START_TEST(any_line)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < 3000; i++) {
		union any_record in, out;
		struct err e = { "" };

		random_record(files[_i], &in, &arena);
		must(csv_line_write(files[_i], &in, &b) == 0, "written");
		must(str_find(buf_str(&b), '\n') == (ptrdiff_t)buf_len(&b) - 1, "one line");
		if (csv_line_parse(files[_i], (struct str){ buf_str(&b).p, buf_len(&b) - 1 }, &out,
				   &arena, &e) < 0)
			ck_abort_msg("%s", e.text);
		must_be_same(files[_i], &in, &out);
		buf_consume(&b, buf_len(&b));
		arena_free(&arena);
	}
	buf_release(&b);
}
END_TEST

/* Any bytes are a line or an error, and what is taken comes back. */
START_TEST(any_bytes)
{
	static const char *const bits[] = { "\t", "=", "\\", "\\t", "a@b.c", "x", ",", "\r", "\xc3\xa9",
					    "\xff", "spam_setting=2", "auto_reply_body=" };
	char line[256];
	struct buf b;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < 30000; i++) {
		union any_record rec, again;
		struct err e;
		size_t n = 0;

		if (rnd(2))
			n += str_copy(line, sizeof(line), STR("a@b.c\td@e.f\t"));
		for (unsigned k = rnd(12); k > 0; k--)
			n += str_copy(line + n, sizeof(line) - n, str_z(bits[rnd(ARRAY_LEN(bits))]));
		if (csv_line_parse(files[_i], (struct str){ line, n }, &rec, &arena, &e) == 0) {
			must(csv_line_write(files[_i], &rec, &b) == 0, "written");
			must(csv_line_parse(files[_i], (struct str){ buf_str(&b).p, buf_len(&b) - 1 },
					    &again, &arena, &e) == 0, "read again");
			must_be_same(files[_i], &rec, &again);
			buf_consume(&b, buf_len(&b));
		}
		arena_free(&arena);
	}
	buf_release(&b);
}
END_TEST

/* --- files --- */

static void write_bytes(const char *file, struct str text)
{
	FILE *f = fopen(rig_path(file), "w");

	must(f && fwrite(text.p, 1, text.n, f) == text.n && fclose(f) == 0, file);
}

static void write_file(const char *file, const char *text)
{
	write_bytes(file, str_z(text));
}

static const char *read_file(const char *file)
{
	static char text[65536];
	FILE *f = fopen(rig_path(file), "r");

	must(f != NULL, file);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

/* As admin does it: one transaction, all or nothing. */
static int reread_all(struct store *s, const char *dir, int64_t wall, struct csv_report *r,
		      struct err *e)
{
	struct csv_files *read = NULL;
	int rc = csv_files_open(&read, dir, NULL, e);

	if (rc == 0)
		rc = store_write_begin(s, wall, e);
	if (rc == 0 && (rc = csv_apply(s, read, r, NULL, e)) < 0)
		store_abort(s);
	else if (rc == 0)
		rc = store_commit(s, e);
	csv_files_close(&read);
	return rc;
}

static void vacuum(void)
{
	ok(csv_vacuum(rig, rig_dir, NULL, &rig_err));
}

static void reread(void)
{
	rig_wall += 1000;
	ok(reread_all(rig, rig_dir, rig_wall, &report, &rig_err));
	rig_check();
}

static void reported(uint64_t read, uint64_t skipped, uint64_t added, uint64_t changed,
		     uint64_t removed)
{
	ck_assert_uint_eq(report.read, read);
	ck_assert_uint_eq(report.skipped, skipped);
	ck_assert_uint_eq(report.added, added);
	ck_assert_uint_eq(report.changed, changed);
	ck_assert_uint_eq(report.removed, removed);
}

static uint64_t last_txn(void)
{
	MDB_envinfo i;

	mdb_env_info(rig->env, &i);
	return i.me_last_txnid;
}

START_TEST(vacuum_writes)
{
	struct account a = account_of("b@one.org", "two words");

	a.boxid = STR("MAIL1");
	a.auto_reply_body = STR("line\n\tline \\");
	put(&table_accounts, &a);
	put_account("@one.org", "tab\there");
	put_account("gone@one.org", "x");
	delete(&table_accounts, "gone@one.org");
	put_alias("all@one.org", "b@one.org,c@two.org");
	vacuum();
	ck_assert_str_eq(read_file("email.csv"),
			 "@one.org\t\t\tuser_password=tab\\there\n"
			 "b@one.org\ttwo words\tMAIL1\tauto_reply_body=line\\n\\tline \\\\\n");
	ck_assert_str_eq(read_file("alias.csv"), "all@one.org\tb@one.org,c@two.org\n");
}
END_TEST

START_TEST(an_empty_store)
{
	vacuum();
	ck_assert_str_eq(read_file("email.csv"), "");
	ck_assert_str_eq(read_file("alias.csv"), "");
	reread();
	reported(0, 0, 0, 0, 0);
}
END_TEST

START_TEST(files_are_private)
{
	struct stat st;

	umask(0);
	/* what a crash, or somebody else, left */
	write_file("email.csv.new", "a@b.c\tleft\n");
	ck_assert_int_eq(chmod(rig_path("email.csv.new"), 0666), 0);
	write_file("email.csv", "old");
	ck_assert_int_eq(chmod(rig_path("email.csv"), 0644), 0);
	put_account("a@b.c", "x");
	vacuum();
	ck_assert_int_eq(stat(rig_path("email.csv"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(rig_path("alias.csv"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_str_eq(read_file("email.csv"), "a@b.c\tx\t\n");
}
END_TEST

/* Who has the old file open keeps it whole: it is replaced, not written over. */
START_TEST(files_are_replaced)
{
	char text[64] = "";
	FILE *f;

	write_file("email.csv", "the old file\n");
	f = fopen(rig_path("email.csv"), "r");
	put_account("a@b.c", "x");
	vacuum();
	ck_assert_uint_eq(fread(text, 1, sizeof(text) - 1, f), 13);
	ck_assert_str_eq(text, "the old file\n");
	fclose(f);
	ck_assert_int_eq(access(rig_path("email.csv.new"), F_OK), -1);
	ck_assert_int_eq(access(rig_path("alias.csv.new"), F_OK), -1);
}
END_TEST

/* No room for the new file: the old one stays, and nothing else. */
START_TEST(a_failed_vacuum_leaves_the_old_file)
{
	struct rlimit all, some;
	struct err e = { "" };
	int rc;

	put_account("a@b.c", "0123456789012345678901234567890123456789");
	write_file("email.csv", "the old file\n");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &all);
	some = all;
	some.rlim_cur = 20;
	setrlimit(RLIMIT_FSIZE, &some);
	rc = csv_vacuum(rig, rig_dir, NULL, &e);
	setrlimit(RLIMIT_FSIZE, &all);
	ck_assert_int_eq(rc, -1);
	ck_assert_ptr_nonnull(strstr(e.text, "/email.csv: writing: File too large"));
	ck_assert_str_eq(read_file("email.csv"), "the old file\n");
	ck_assert_int_eq(access(rig_path("email.csv.new"), F_OK), -1);
	vacuum(); /* no read was left open */
}
END_TEST

START_TEST(no_directory)
{
	struct err e = { "" };

	ck_assert_int_eq(csv_vacuum(rig, "/nowhere", NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "/nowhere/email.csv"));
	ck_assert_ptr_nonnull(strstr(e.text, "No such file"));
	vacuum();
}
END_TEST

/* --- there and back --- */

static void random_rows(unsigned n)
{
	begin();
	for (unsigned i = 0; i < n; i++) {
		union any_record rec;
		const struct table *t = files[rnd(2)];
		struct account a;

		random_record(t, &rec, &arena);
		if (t == &table_aliases &&
		    store_account(rig, rec.account.email_address, &a, &rig_err) == 0)
			continue; /* an address is an account or an alias */
		if (t == &table_accounts)
			ok(store_delete(rig, &table_aliases, rec.account.email_address, &rig_err));
		ok(store_put(rig, t, &rec, &rig_err));
	}
	commit();
}

struct twin {
	struct store *other;
	const struct table *t;
	uint64_t rows;
};

static int same_in_other(void *arg, const void *rec, const struct row_meta *m)
{
	struct twin *w = arg;
	union any_record got;

	(void)m;
	must(store_get(w->other, w->t, *(const struct str *)rec, &got, NULL, &rig_err) == 0,
	     "the row is in the other store");
	must_be_same(w->t, rec, &got);
	w->rows++;
	return 0;
}

/* Both stores show the same accounts and aliases. */
static void must_be_twins(struct store *other)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct twin w = { other, files[i], 0 };
		uint64_t n;

		read_begin();
		ok(store_read_begin(other, &rig_err));
		ok(store_each(rig, files[i], STR(""), same_in_other, &w, &rig_err));
		ok(store_count(other, files[i], &n, &rig_err));
		store_read_end(other);
		store_read_end(rig);
		must(n == w.rows, "as many rows");
	}
}

/* Whatever the records hold, the two files carry them into another store, and reading them
 * where they were written changes nothing at all. */
START_TEST(there_and_back)
{
	char home[sizeof(rig_dir)];
	struct store *other;
	uint64_t txn, rows;

	property_seed += (uint64_t)_i * 7919;
	random_rows(600);
	rows = count(&table_accounts) + count(&table_aliases);
	ck_assert_uint_gt(rows, 300);
	vacuum();
	txn = last_txn();
	reread();
	reported(rows, 0, 0, 0, 0);
	ck_assert_uint_eq(last_txn(), txn);

	strcpy(home, rig_dir);
	other = rig;
	rig_make_dir();
	rig_open_env(STORE_ACCOUNTS);
	put_account("not.in@the.file", "x");
	ok(reread_all(rig, home, rig_wall, &report, &rig_err));
	reported(rows, 0, rows, 0, 1);
	rig_check();
	must_be_twins(other);
	rig_teardown();
	strcpy(rig_dir, home);
	rig = other;
}
END_TEST

/* --- what a reread changes --- */

START_TEST(only_differences_are_written)
{
	struct row_meta same, was, is;
	struct account other = account_of("other@b.c", "x");

	put_account("same@b.c", "x");
	other.boxid = STR("M");
	put(&table_accounts, &other);
	put_account("gone@b.c", "x");
	put_alias("all@b.c", "same@b.c");
	put_alias("none@b.c", "same@b.c");
	get_meta(&table_accounts, "same@b.c", &same);
	get_meta(&table_accounts, "other@b.c", &was);
	write_file("email.csv", "new@b.c\tx\t\nOTHER@b.c\ty\tM\nsame@b.c\tx\n");
	write_file("alias.csv", "all@b.c\tsame@b.c,new@b.c\n");
	reread();
	reported(4, 0, 1, 2, 2);
	ck_assert_str_eq(password_of("new@b.c"), "x");
	ck_assert_str_eq(password_of("other@b.c"), "y");
	ck_assert_str_eq(password_of("gone@b.c"), "-");
	ck_assert_uint_eq(count(&table_accounts), 3);
	ck_assert_uint_eq(count(&table_aliases), 1);
	get_meta(&table_accounts, "same@b.c", &is);
	ck_assert_mem_eq(&is, &same, sizeof(is));
	get_meta(&table_accounts, "other@b.c", &is);
	ck_assert_uint_gt(is.stamp, was.stamp);
	ck_assert_uint_eq(is.field_stamp[2], is.stamp); /* the password ... */
	ck_assert_uint_eq(is.field_stamp[3], was.stamp); /* ... and nothing else */
}
END_TEST

/* In one transaction: no look-up sees an empty table. */
START_TEST(one_transaction)
{
	uint64_t txn;

	put_account("a@b.c", "x");
	put_account("d@b.c", "x");
	write_file("email.csv", "a@b.c\ty\t\ne@b.c\tz\t\n");
	write_file("alias.csv", "all@b.c\ta@b.c\n");
	txn = last_txn();
	reread();
	ck_assert_uint_eq(last_txn(), txn + 1);
}
END_TEST

static const struct {
	const char *email, *alias; /* NULL: missing */
	const char *names;
} absent[] = {
	{ NULL, "all@b.c\ta@b.c\n", "email.csv" },
	{ "new@b.c\tx\t\n", NULL, "alias.csv" },
	{ NULL, NULL, "email.csv" },
};

START_TEST(a_missing_file_changes_nothing)
{
	struct err e = { "" };
	uint64_t txn;

	put_account("a@b.c", "x");
	txn = last_txn();
	if (absent[_i].email)
		write_file("email.csv", absent[_i].email);
	if (absent[_i].alias)
		write_file("alias.csv", absent[_i].alias);
	ck_assert_int_eq(reread_all(rig, rig_dir, rig_wall, &report, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, absent[_i].names));
	ck_assert_ptr_nonnull(strstr(e.text, "No such file"));
	ck_assert_uint_eq(last_txn(), txn);
	ck_assert_str_eq(password_of("a@b.c"), "x");
	put_account("a@b.c", "y"); /* no transaction was left open */
}
END_TEST

/* Something else under the name is no empty file. */
static int make_dir(const char *path)
{
	return mkdir(path, 0700);
}

static int make_fifo(const char *path)
{
	return mkfifo(path, 0600);
}

static int make_null(const char *path)
{
	return symlink("/dev/null", path);
}

static int (*const odd_files[])(const char *path) = { make_dir, make_fifo, make_null };

START_TEST(only_files_are_read)
{
	struct err e = { "" };

	put_account("a@b.c", "x");
	vacuum();
	unlink(rig_path("email.csv"));
	ck_assert_int_eq(odd_files[_i](rig_path("email.csv")), 0);
	ck_assert_int_eq(reread_all(rig, rig_dir, rig_wall, &report, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "email.csv is not a file"));
	ck_assert_str_eq(password_of("a@b.c"), "x");
	rmdir(rig_path("email.csv"));
}
END_TEST

/* An address in both files is an account, whatever it was before. */
START_TEST(an_address_in_both_files)
{
	struct alias al;

	if (_i == 1)
		put_account("a@b.c", "old");
	if (_i == 2)
		put_alias("a@b.c", "old@b.c");
	write_file("email.csv", "a@b.c\tnew\t\nx@b.c\t\t\n");
	write_file("alias.csv", "first@b.c\tx@b.c\nA@b.c\tx@b.c\n");
	reread();
	reported(4, 1, _i == 1 ? 2 : 3, _i == 1, _i == 2);
	ck_assert_uint_eq(report.n_bad, 1);
	ck_assert_str_eq(report.bad[0].file, "alias.csv");
	ck_assert_uint_eq(report.bad[0].line, 2);
	ck_assert_str_eq(report.bad[0].reason, "the address is an account of email.csv already");
	ck_assert_str_eq(password_of("a@b.c"), "new");
	read_begin();
	ck_assert_int_eq(store_alias(rig, STR("a@b.c"), &al, &rig_err), STORE_NONE);
	ck_assert_int_eq(store_alias(rig, STR("first@b.c"), &al, &rig_err), 0);
	store_read_end(rig);
}
END_TEST

START_TEST(accounts_and_aliases_change_places)
{
	put_account("a@b.c", "x");
	put_alias("d@b.c", "a@b.c");
	write_file("email.csv", "d@b.c\ty\t\n");
	write_file("alias.csv", "a@b.c\td@b.c\n");
	reread();
	reported(2, 0, 2, 0, 2);
	ck_assert_str_eq(password_of("a@b.c"), "-");
	ck_assert_str_eq(password_of("d@b.c"), "y");
}
END_TEST

/* Also when the line that would keep the alias is bad. */
START_TEST(an_account_takes_the_place_of_an_alias)
{
	put_alias("a@b.c", "x@b.c");
	write_file("email.csv", "a@b.c\ty\t\n");
	write_file("alias.csv", "a@b.c\tno address\n");
	reread();
	reported(2, 1, 1, 0, 1);
	ck_assert_uint_eq(count(&table_aliases), 0);
	ck_assert_str_eq(password_of("a@b.c"), "y");
}
END_TEST

START_TEST(the_first_of_two_lines_counts)
{
	write_file("email.csv", "z@b.c\t\t\na@b.c\tone\t\nA@B.c\ttwo\t\na@b.c\tthree\t\n");
	write_file("alias.csv", "");
	reread();
	reported(4, 2, 2, 0, 0);
	ck_assert_str_eq(password_of("a@b.c"), "one");
	ck_assert_uint_eq(report.bad[0].line, 3);
	ck_assert_uint_eq(report.bad[1].line, 4);
	ck_assert_str_eq(report.bad[1].reason, "the address stands in an earlier line");
}
END_TEST

/* A row whose line is bad stays as it was. */
START_TEST(a_bad_line_takes_nothing_away)
{
	put_account("a@b.c", "x");
	write_file("email.csv", "a@b.c\ty\tM 1\n");
	write_file("alias.csv", "");
	reread();
	reported(1, 1, 0, 0, 0);
	ck_assert_str_eq(password_of("a@b.c"), "x");
}
END_TEST

START_TEST(line_ends)
{
	write_file("email.csv", "\r\n\na@b.c\tx\tM\r\n\n\r\nd@b.c\ty\r\ne@b.c\tz\tN");
	write_file("alias.csv", "\n\n");
	reread();
	reported(3, 0, 3, 0, 0);
	ck_assert_str_eq(password_of("a@b.c"), "x");
	ck_assert_str_eq(password_of("d@b.c"), "y");
	ck_assert_str_eq(password_of("e@b.c"), "z");
}
END_TEST

/* A file with commas would read as "every row is gone". */
START_TEST(a_file_of_another_form)
{
	struct err e;

	write_file("email.csv", "a@b.c\tx\tM\n");
	write_file("alias.csv", "");
	reread();
	write_file("email.csv", "a@b.c,x,M\nd@b.c,y,M\n");
	ck_assert_int_eq(reread_all(rig, rig_dir, rig_wall, &report, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "separated by tabs"));
	ck_assert_str_eq(password_of("a@b.c"), "x");
}
END_TEST

START_TEST(a_byte_order_mark)
{
	write_file("email.csv", "\xef\xbb\xbf" "a@b.c\tx\tM\n");
	write_file("alias.csv", "\xef\xbb\xbf");
	reread();
	reported(1, 0, 1, 0, 0);
	ck_assert_str_eq(password_of("a@b.c"), "x");
}
END_TEST

/* --- the report --- */

/* The first twenty by their place in the files, whatever order they are worked through. */
START_TEST(the_first_bad_lines_are_told)
{
	FILE *f = fopen(rig_path("email.csv"), "w");

	for (int i = 0; i < 100; i++)
		fprintf(f, i % 10 ? "u%d@b.c\t\tM\n" : "u%d\t\tM\n", 999 - i);
	fclose(f);
	f = fopen(rig_path("alias.csv"), "w");
	for (int i = 0; i < 100; i++)
		fprintf(f, "list%d@b.c\n", 999 - i);
	fclose(f);
	reread();
	reported(200, 110, 90, 0, 0);
	ck_assert_uint_eq(report.n_bad, CSV_BAD_KEPT);
	for (unsigned i = 0; i < CSV_BAD_KEPT; i++) {
		ck_assert_str_eq(report.bad[i].file, i < 10 ? "email.csv" : "alias.csv");
		ck_assert_uint_eq(report.bad[i].line, i < 10 ? 1 + 10 * i : 1 + i - 10);
	}
}
END_TEST

/* Reasons go into logs and documents: the file's bytes do not. */
START_TEST(reasons_are_printable)
{
	write_file("email.csv", "a@b.c\tp\tM\t\x1b[2J\xff<=1\n\xff\x01@b.c\tp\tM\n");
	write_file("alias.csv", "");
	reread();
	ck_assert_uint_eq(report.n_bad, 2);
	for (unsigned i = 0; i < 2; i++)
		for (const char *p = report.bad[i].reason; *p; p++)
			ck_assert_msg(*p >= ' ' && *p < 127, "%s", report.bad[i].reason);
}
END_TEST

START_TEST(a_line_too_long)
{
	size_t n = LINE_MAX_BYTES + 100;
	char *text = malloc(n + 20);

	memset(text, 'x', n);
	memcpy(text, "a@b.c\t", 6);
	memcpy(text + n, "\nd@b.c\ty\t\n", 10);
	put_account("a@b.c", "x");
	write_bytes("email.csv", (struct str){ text, n + 10 });
	write_file("alias.csv", "");
	reread();
	ck_assert_uint_eq(report.skipped, 1);
	ck_assert_uint_eq(report.bad[0].line, 1);
	ck_assert_str_eq(report.bad[0].reason, "line too long");
	ck_assert_str_eq(password_of("a@b.c"), "x"); /* as with any bad line */
	ck_assert_str_eq(password_of("d@b.c"), "y");
	free(text);
}
END_TEST

/* Any bytes in the files: no harm, and what was taken is written and read the same. */
START_TEST(any_files)
{
	static const char *const bits[] = { "\t", "\n", "\r\n", "a@b.c", "d@b.c", "x", "\\", "\xff",
					    "=", ",", "spam_setting=2", "\n@b.c\t" };
	char text[2000];

	for (int i = 0; i < 60; i++) {
		uint64_t txn;

		for (size_t f = 0; f < 2; f++) {
			/* a tab at least: without any it is no file of ours (below) */
			size_t n = str_copy(text, sizeof(text), STR("\t\n"));

			for (unsigned k = rnd(100); k > 0; k--)
				n += str_copy(text + n, sizeof(text) - n, str_z(bits[rnd(ARRAY_LEN(bits))]));
			write_bytes(f ? "alias.csv" : "email.csv", (struct str){ text, n });
		}
		reread();
		must(report.skipped <= report.read, "as many lines as there are");
		vacuum();
		txn = last_txn();
		reread();
		must(report.skipped == 0 && last_txn() == txn, "what was taken is read the same");
	}
}
END_TEST

/* --- many --- */

#define MANY 100000
#define MANY_KIB (200L << 10)
#define MANY_KIB_ASAN (900L << 10) /* it keeps what was freed for a while */

static long peak_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void write_many(const char *password)
{
	FILE *f = fopen(rig_path("email.csv"), "w");

	for (int i = 0; i < MANY; i++)
		fprintf(f, "user.%d@domain%d.example.com\t%s%d\tMAIL%d\n", i * 7919 % MANY, i % 500,
			password, i % 1000 ? 0 : i, i % 4);
	fclose(f);
}

/* No room half-way through: the old set stays whole. */
START_TEST(a_failed_reread_changes_nothing)
{
	struct err e = { "" };

	put_account("a@b.c", "x");
	put_account("gone@b.c", "x");
	write_many("p");
	write_file("alias.csv", "");
	ck_assert_int_eq(mdb_env_set_mapsize(rig->env, 1 << 20), 0);
	ck_assert_int_eq(reread_all(rig, rig_dir, rig_wall, &report, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "the database has reached its largest size"));
	ck_assert_uint_eq(count(&table_accounts), 2);
	ck_assert_str_eq(password_of("gone@b.c"), "x");
	rig_check();
	put_account("a@b.c", "y"); /* no transaction was left open */
}
END_TEST

/* In, the same again, all changed, out, in, all gone. Memory: the file and the pages of one
 * transaction, about 1 KiB a row; not the rows in every form they pass through. */
START_TEST(many_rows)
{
	long before = peak_kib();
	long most = dlsym(RTLD_DEFAULT, "__asan_init") ? MANY_KIB_ASAN : MANY_KIB;

	write_many("p");
	write_file("alias.csv", "");
	reread();
	reported(MANY, 0, MANY, 0, 0);
	reread();
	reported(MANY, 0, 0, 0, 0);
	write_many("q");
	reread();
	reported(MANY, 0, 0, MANY, 0);
	vacuum();
	reread();
	reported(MANY, 0, 0, 0, 0);
	ck_assert_uint_eq(count(&table_accounts), MANY);
	ck_assert_int_lt(peak_kib() - before, most);
	write_file("email.csv", "");
	reread();
	reported(0, 0, 0, 0, MANY);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("csv");
	TCase *t = tcase_create("csv");
	SRunner *r;
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 600);
	tcase_add_loop_test(t, one_line, 0, (int)ARRAY_LEN(lines));
	tcase_add_loop_test(t, any_line, 0, (int)ARRAY_LEN(files));
	tcase_add_loop_test(t, any_bytes, 0, (int)ARRAY_LEN(files));
	tcase_add_test(t, vacuum_writes);
	tcase_add_test(t, an_empty_store);
	tcase_add_test(t, files_are_private);
	tcase_add_test(t, files_are_replaced);
	tcase_add_test(t, a_failed_vacuum_leaves_the_old_file);
	tcase_add_test(t, no_directory);
	tcase_add_loop_test(t, there_and_back, 0, 3);
	tcase_add_test(t, only_differences_are_written);
	tcase_add_test(t, one_transaction);
	tcase_add_loop_test(t, a_missing_file_changes_nothing, 0, (int)ARRAY_LEN(absent));
	tcase_add_loop_test(t, only_files_are_read, 0, (int)ARRAY_LEN(odd_files));
	tcase_add_loop_test(t, an_address_in_both_files, 0, 3);
	tcase_add_test(t, accounts_and_aliases_change_places);
	tcase_add_test(t, an_account_takes_the_place_of_an_alias);
	tcase_add_test(t, the_first_of_two_lines_counts);
	tcase_add_test(t, a_bad_line_takes_nothing_away);
	tcase_add_test(t, line_ends);
	tcase_add_test(t, a_byte_order_mark);
	tcase_add_test(t, a_file_of_another_form);
	tcase_add_test(t, the_first_bad_lines_are_told);
	tcase_add_test(t, reasons_are_printable);
	tcase_add_test(t, a_line_too_long);
	tcase_add_test(t, any_files);
	tcase_add_test(t, a_failed_reread_changes_nothing);
	tcase_add_test(t, many_rows);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
