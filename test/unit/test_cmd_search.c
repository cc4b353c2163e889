/* Pages of accounts and aliases, and moving: one account, or a box in many steps of one change. */
#include "admin/cmd_search.c"

#include "lib/base/clock.h"
#include "unit/admin_rig.h"
#include "unit/disk.h"

/* n accounts "a0000@b.cc" and on, each with the next of the boxes. */
static void put_accounts(unsigned n, const char *const *boxes, unsigned n_boxes)
{
	struct err e = { "" };

	ck_assert_int_eq(store_write_begin(rig_env.accounts, clock_wall_ms(), &e), 0);
	for (unsigned i = 0; i < n; i++) {
		struct account acc;
		char address[32];

		record_defaults(&table_accounts, &acc);
		snprintf(address, sizeof(address), "a%04u@b.cc", i);
		acc.email_address = str_z(address);
		acc.user_password = STR("s3cret");
		acc.boxid = str_z(boxes[i % n_boxes]);
		ck_assert_int_eq(store_put(rig_env.accounts, &table_accounts, &acc, &e), 0);
	}
	ck_assert_int_eq(store_commit(rig_env.accounts, &e), 0);
}

static void add_box(const char *box)
{
	ask("addcluster", "clusterid", "C", "type", "smtp", "listen_port", "25", NULL);
	ck_ok(ask("addbox", "clusterid", "C", "boxid", box, "connect_address", "10.0.0.1",
		  "connect_port", "25", NULL));
}

/* "seq box" of an account; "-": there is none. */
static const char *state_of(const char *address)
{
	struct err e = { "" };
	struct row_meta m;
	struct account acc;
	const char *text = "-";

	ck_assert_int_eq(store_read_begin(rig_env.accounts, &e), 0);
	if (store_get(rig_env.accounts, &table_accounts, str_z(address), &acc, &m, &e) == 0)
		text = arena_printf(&rig_arena, "%llu %.*s", (unsigned long long)m.seq,
				    STR_ARG(acc.boxid)).p;
	store_read_end(rig_env.accounts);
	return text;
}

static uint64_t in_box(const char *box)
{
	struct store_query q = { .boxid = str_z(box) };
	struct err e = { "" };
	uint64_t total = 0;

	ck_assert_int_eq(store_read_begin(rig_env.accounts, &e), 0);
	ck_assert_int_eq(store_search(rig_env.accounts, &table_accounts, &q, NULL, NULL, &total, &e), 0);
	store_read_end(rig_env.accounts);
	return total;
}

/* --- pages --- */

static const char *const two_boxes[] = { "A", "B" };

/* addresses: those of the page, one behind the other. */
static void ck_page(const char *total, const char *addresses)
{
	const char *at = answer;
	char got[512] = "", open[64];

	snprintf(open, sizeof(open), "<emails total=\"%s\">", total);
	ck_assert_msg(strstr(answer, open) != NULL, "%s", answer);
	while ((at = strstr(at, "<email>"))) {
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", got[0] ? " " : "",
			 tag_from(at, "email_address"));
		at++;
	}
	ck_assert_str_eq(got, addresses);
}

START_TEST(nothing)
{
	ck_ok(ask("searchemail", NULL));
	ck_assert(strstr(answer, "<status>ok</status>\n  <emails total=\"0\">\n  </emails>\n</response>\n"));
	ck_ok(ask("searchalias", "query", "x*", NULL));
	ck_assert(strstr(answer, "  <aliases total=\"0\">\n  </aliases>\n"));
}
END_TEST

START_TEST(pages)
{
	put_accounts(12, two_boxes, 2);
	ck_ok(ask("searchemail", "limit", "3", NULL));
	ck_page("12", "a0000@b.cc a0001@b.cc a0002@b.cc");
	ck_ok(ask("searchemail", "limit", "3", "after", "a0002@b.cc", NULL));
	ck_page("12", "a0003@b.cc a0004@b.cc a0005@b.cc");
	ck_ok(ask("searchemail", "limit", "3", "offset", "10", NULL));
	ck_page("12", "a0010@b.cc a0011@b.cc");
	ck_ok(ask("searchemail", "limit", "2", "after", "a0002@b.cc", "offset", "1", NULL));
	ck_page("12", "a0004@b.cc a0005@b.cc");
	ck_ok(ask("searchemail", "after", "zzz", NULL));
	ck_page("12", "");
	ck_ok(ask("searchemail", "boxid", "B", "limit", "2", NULL));
	ck_page("6", "a0001@b.cc a0003@b.cc");
	ck_ok(ask("searchemail", "query", "A001*", NULL));
	ck_page("2", "a0010@b.cc a0011@b.cc");
	ck_ok(ask("searchemail", "query", "01", "boxid", "A", NULL));
	ck_page("1", "a0010@b.cc");
	ck_ok(ask("searchemail", "boxid", "X", NULL));
	ck_page("0", "");
	ck_ok(ask("searchemail", "no_box", "1", NULL));
	ck_page("0", "");
	ck_ok(ask("commitmodifyemail", "email_address", "a0004@b.cc", "boxid", "", NULL));
	ck_ok(ask("searchemail", "no_box", "1", NULL));
	ck_page("1", "a0004@b.cc");
	ck_ok(ask("searchemail", "no_box", "0", "limit", "1", NULL));
	ck_page("12", "a0000@b.cc");
	ck_refused(ask("searchemail", "no_box", "1", "boxid", "A", NULL), 400, "bad_value",
		   "no_box: 1 goes with no boxid");
	ck_ok(ask("commitmodifyemail", "email_address", "a0004@b.cc", "boxid", "A", NULL));
	/* the default is fifty, the most a thousand */
	put_accounts(1100, two_boxes, 2);
	ck_ok(ask("searchemail", NULL));
	ck_assert_uint_eq(times(answer, "<email>"), 50);
	ck_ok(ask("searchemail", "limit", "1000", NULL));
	ck_assert_uint_eq(times(answer, "<email>"), 1000);
	ck_refused(ask("searchemail", "limit", "1001", NULL), 400, "bad_value",
		   "limit: \"1001\" is not in 1..1000");
}
END_TEST

/* What a page has no room for comes with the next one: nothing is left out, nothing twice. */
START_TEST(pages_of_large_rows)
{
	enum { ROWS = 450 };
	struct err e = { "" };
	char body[65536], after[32] = "", expected[32];
	unsigned n = 0, asked = 0;

	memset(body, '&', sizeof(body)); /* five bytes each in an answer */
	ck_assert_int_eq(store_write_begin(rig_env.accounts, clock_wall_ms(), &e), 0);
	for (unsigned i = 0; i < ROWS; i++) {
		struct account acc;

		record_defaults(&table_accounts, &acc);
		snprintf(expected, sizeof(expected), "a%04u@b.cc", i);
		acc.email_address = str_z(expected);
		acc.auto_reply_body = (struct str){ body, sizeof(body) };
		ck_assert_int_eq(store_put(rig_env.accounts, &table_accounts, &acc, &e), 0);
	}
	ck_assert_int_eq(store_commit(rig_env.accounts, &e), 0);
	for (; n < ROWS && asked < ROWS; asked++) {
		ck_ok(ask("searchemail", "limit", "1000", "after", after, NULL));
		ck_assert_ptr_nonnull(strstr(answer, "<emails total=\"450\">"));
		ck_assert_ptr_nonnull(strstr(answer, "  </emails>\n</response>\n"));
		for (const char *at = answer; (at = strstr(at, "<email_address>")); n++) {
			at += strlen("<email_address>");
			snprintf(expected, sizeof(expected), "a%04u@b.cc", n);
			ck_assert(str_starts(str_z(at), str_z(expected)));
			memcpy(after, expected, sizeof(after));
		}
		ck_assert_uint_eq(times(answer, "<email>"), times(answer, "</email>"));
	}
	ck_assert_uint_eq(n, ROWS);
	ck_assert_uint_eq(asked, 3); /* each as full as it may be */
}
END_TEST

/* A row is what getemail answers, and may be sent back. */
START_TEST(rows)
{
	const char *from;

	put_accounts(1, two_boxes, 1);
	ck_ok(ask("searchemail", NULL));
	from = strstr(answer, "  <emails total=\"1\">\n    <email>\n      <email_address>a0000@b.cc<");
	ck_assert_ptr_nonnull(from);
	for (unsigned i = 0; i < table_accounts.n_fields; i++)
		ck_assert((tag_from(from, table_accounts.fields[i].name) == NULL) ==
			  field_is_secret(table_accounts.fields[i].kind));
	ck_assert(!strstr(answer, "s3cret"));
}
END_TEST

START_TEST(aliases)
{
	ck_ok(ask("addnewalias", "alias_address", "s@b.cc", "alias_list", "a@b.cc,b@b.cc", NULL));
	ck_ok(ask("addnewalias", "alias_address", "t@b.cc", "alias_list", "a@b.cc", NULL));
	ck_ok(ask("searchalias", "limit", "1", NULL));
	ck_assert(strstr(answer, "  <aliases total=\"2\">\n    <alias>\n      <alias_address>s@b.cc<"));
	ck_tag("alias_list", "a@b.cc,b@b.cc");
	ck_assert_uint_eq(times(answer, "<alias>"), 1);
	ck_ok(ask("searchalias", "after", "s@b.cc", NULL));
	ck_tag("alias_address", "t@b.cc");
	/* aliases have no box */
	ck_refused(ask("searchalias", "boxid", "A", NULL), 400, "unknown_parameter",
		   "unknown parameter of searchalias: boxid");
}
END_TEST

/* --- moving --- */

START_TEST(one_account)
{
	put_accounts(3, two_boxes, 2);
	add_box("B");
	ck_ok(ask("moveemail", "email_address", "A0000@B.cc", "boxid", "B", NULL));
	ck_tag("moved", "1");
	ck_assert_ptr_null(tag("warning"));
	ck_assert(!call.publish);
	ck_assert_str_eq(audited(0), "moveemail email_address=a0000@b.cc boxid=B");
	ck_ok(ask("getemail", "email_address", "a0000@b.cc", "show_password", "1", NULL));
	ck_tag("boxid", "B");
	ck_tag("user_password", "s3cret"); /* nothing else has changed */
	/* where it is already: no change, no stamp, no audit */
	ck_ok(ask("moveemail", "email_address", "a0000@b.cc", "boxid", "B", NULL));
	ck_tag("moved", "0");
	ck_assert_uint_eq(last_seq(), 3 + 2 + 1);
	ck_assert(str_starts(str_z(audited(1)), STR("addbox")));
	ck_refused(ask("moveemail", "email_address", "b@b.cc", "boxid", "B", NULL), 404,
		   "no_such_email", "no such email address: b@b.cc");
	/* an alias is none */
	ck_ok(ask("addnewalias", "alias_address", "s@b.cc", "alias_list", "a@b.cc", NULL));
	ck_refused(ask("moveemail", "email_address", "s@b.cc", "boxid", "B", NULL), 404,
		   "no_such_email", "no such email address: s@b.cc");
	ck_ok(ask("moveemail", "email_address", "a0001@b.cc", "boxid", "Z", NULL));
	ck_tag("moved", "1");
	ck_tag("warning", "no cluster has a box of that name: mail to the accounts gets a temporary error");
}
END_TEST

/* Accounts of a box, among others: none, some, as many as one batch takes, and more. */
START_TEST(a_whole_box)
{
	static const unsigned counts[] = { 0, 1, 2 * MOVE_BATCH - 1, 2 * MOVE_BATCH, 2 * MOVE_BATCH + 1,
					   5 * MOVE_BATCH };
	unsigned n = counts[_i];
	uint64_t before;
	char moved[16], *other;

	put_accounts(n, two_boxes, 2);
	add_box("C");
	other = mem_dup(str_z(state_of("a0001@b.cc")));
	before = last_seq();
	ck_ok(ask("moveemail", "from_boxid", "A", "boxid", "C", NULL));
	snprintf(moved, sizeof(moved), "%u", (n + 1) / 2);
	ck_tag("moved", moved);
	ck_assert_uint_eq(in_box("A"), 0);
	ck_assert_uint_eq(in_box("B"), n / 2);
	ck_assert_uint_eq(in_box("C"), (n + 1) / 2);
	/* one change of so many rows; the others keep their place */
	ck_assert_uint_eq(last_seq(), before + (n + 1) / 2);
	ck_assert_str_eq(state_of("a0001@b.cc"), other);
	free(other);
	if (n > 0)
		ck_assert_str_eq(audited(0), "moveemail from_boxid=A boxid=C");
	ck_assert_str_eq(audited(n > 0 ? 1 : 0), "addbox clusterid=C boxid=C connect_address=10.0.0.1 "
						 "connect_port=25");
	ck_assert_uint_eq(atomic_load(&rig_work.rows.done), (n + 1) / 2);
	ck_assert_uint_eq(atomic_load(&rig_work.rows.of), (n + 1) / 2);
}
END_TEST

START_TEST(to_where_they_are)
{
	uint64_t before;

	put_accounts(10, two_boxes, 2);
	before = last_seq();
	ck_ok(ask("moveemail", "from_boxid", "A", "boxid", "A", NULL));
	ck_tag("moved", "0");
	ck_ok(ask("moveemail", "from_boxid", "Z", "boxid", "A", NULL));
	ck_tag("moved", "0");
	ck_assert_uint_eq(last_seq(), before);
	ck_assert_str_eq(audited(0), "-");
}
END_TEST

START_TEST(one_or_the_other)
{
	static const char text[] = "moveemail needs either email_address or from_boxid";

	put_accounts(1, two_boxes, 1);
	ck_refused(ask("moveemail", "boxid", "B", NULL), 400, "missing_parameter", text);
	ck_refused(ask("moveemail", "boxid", "B", "email_address", "", "from_boxid", "", NULL), 400,
		   "missing_parameter", text);
	ck_refused(ask("moveemail", "boxid", "B", "email_address", "a0000@b.cc", "from_boxid", "A", NULL),
		   400, "bad_value", text);
	ck_refused(ask("moveemail", "email_address", "a0000@b.cc", NULL), 400, "missing_parameter",
		   "moveemail needs the parameter boxid");
	ck_refused(ask("moveemail", "email_address", "a0000@b.cc", "boxid", "", NULL), 400, "bad_value",
		   "boxid: \"\" is not 1..63 bytes long");
	ck_ok(ask("moveemail", "boxid", "B", "email_address", "a0000@b.cc", "from_boxid", "", NULL));
	ck_tag("moved", "1");
}
END_TEST

/* All of them or none. */
START_TEST(disk_full)
{
	char path[128], *before;

	put_accounts(2 * MOVE_BATCH, two_boxes, 2);
	before = all_rows(NULL);
	snprintf(path, sizeof(path), "%s/accounts.mdb", rig_dir);
	disk_watch(path);
	disk.full = true;
	ck_assert_uint_eq(ask("moveemail", "from_boxid", "A", "boxid", "C", NULL), 503);
	ck_tag("code", "store_failed");
	disk.full = false;
	disk.file = 0;
	snprintf(path, sizeof(path), "%s/accounts.mdb.image", rig_dir);
	unlink(path);
	ck_same_rows(before, NULL);
	ck_ok(ask("moveemail", "from_boxid", "A", "boxid", "C", NULL));
	ck_tag("moved", "1000");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("cmd_search");

	tcase_add_test(t, nothing);
	tcase_add_test(t, pages);
	tcase_add_test(t, pages_of_large_rows);
	tcase_add_test(t, rows);
	tcase_add_test(t, aliases);
	tcase_add_test(t, one_account);
	tcase_add_loop_test(t, a_whole_box, 0, 6);
	tcase_add_test(t, to_where_they_are);
	tcase_add_test(t, one_or_the_other);
	tcase_add_test(t, disk_full);
	return rig_run(t, "cmd_search");
}
