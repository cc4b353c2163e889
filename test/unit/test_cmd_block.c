/* setblockip: what is named and said decides which facts go to the replicator. */
#include "admin/cmd_block.c"

#include "unit/admin_rig.h"
#include "unit/disk.h"

/* What the journal holds, "anna@example.com+ 10.0.0.1-": blocked and unblocked. */
static const char *facts(void)
{
	uint64_t pos = journal_tail(rig_env.shm, SLOT_ADMIN);
	enum journal_kind kind;
	struct str payload, out = STR("");

	while (journal_next(rig_env.shm, SLOT_ADMIN, &pos, &kind, &payload)) {
		struct blocked row;
		struct row_meta m;

		ck_assert_int_eq(kind, JOURNAL_BLOCKED);
		ck_assert_int_eq(record_decode(&table_blocked, payload, &row, &m), 0);
		out = arena_printf(&rig_arena, "%.*s%s%.*s%c", STR_ARG(out), out.n ? " " : "",
				   STR_ARG(row.subject), m.tombstone ? '-' : '+');
	}
	return out.p;
}

#define MISSING "setblockip needs the parameter block_email"

static const struct {
	const char *params; /* block_email, block_ip, email_address, address; "-": absent */
	const char *facts;  /* or the refusal */
} table[] = {
	{ "1 - anna@example.com -", "anna@example.com+" },
	{ "0 - Anna@Example.com -", "anna@example.com-" },
	{ "1 - - 10.0.0.1", "10.0.0.1+" },
	{ "0 - - 2001:DB8::0:1", "2001:db8::1-" },
	{ "0 - a@b.cc 1.2.3.4", "a@b.cc- 1.2.3.4-" }, /* the manual's example */
	{ "1 - a@b.cc 1.2.3.4", "a@b.cc+ 1.2.3.4+" },
	{ "1 0 a@b.cc 1.2.3.4", "a@b.cc+ 1.2.3.4-" },
	{ "0 1 a@b.cc 1.2.3.4", "a@b.cc- 1.2.3.4+" },
	{ "1 0 a@b.cc -", "a@b.cc+" },
	{ "1 0 - 1.2.3.4", "1.2.3.4-" },
	{ "- 1 - 1.2.3.4", "1.2.3.4+" },
	/* empty is 0, and present */
	{ "~ - a@b.cc 1.2.3.4", "a@b.cc- 1.2.3.4-" },
	{ "1 ~ a@b.cc 1.2.3.4", "a@b.cc+ 1.2.3.4-" },
	{ "- ~ - 1.2.3.4", "1.2.3.4-" },
	{ "~ 1 ~ 1.2.3.4", "1.2.3.4+" },
	/* what is not decided */
	{ "- - a@b.cc -", MISSING },
	{ "- 1 a@b.cc -", MISSING },
	{ "- 1 a@b.cc 1.2.3.4", MISSING },
	{ "- - - 1.2.3.4", MISSING " or block_ip" },
	{ "1 1 - -", "setblockip needs email_address, address, or both" },
	{ "1 1 ~ ~", "setblockip needs email_address, address, or both" },
};

static const char *const tags[] = { "block_email", "block_ip", "email_address", "address" };

START_TEST(said_and_named)
{
	struct str rest = str_z(table[_i].params), word;
	struct xml_out o;
	unsigned http;

	xml_out_init(&o, 0);
	xml_out_open(&o, "setblockip", -1);
	for (size_t i = 0; str_split(&rest, ' ', &word); i++)
		if (!str_eq(word, STR("-")))
			xml_out_text(&o, tags[i], str_eq(word, STR("~")) ? STR("") : word);
	xml_out_close(&o, "setblockip");
	ck_assert_int_eq(buf_addc(&o.buf, '\0'), 0);
	http = ask_xml(o.buf.mem);
	xml_out_free(&o);
	if (http == 200) {
		ck_assert_str_eq(facts(), table[_i].facts);
		ck_assert_uint_ne(call.journal_mark, 0);
		return;
	}
	ck_refused(http, 400, "missing_parameter", table[_i].facts);
	ck_assert_str_eq(facts(), "");
	ck_assert_uint_eq(call.journal_mark, 0);
}
END_TEST

/* More than one MAIL: by what has it passed that? */
static unsigned one_more(void)
{
	static const struct relay_bound one = { 1, 60000 };
	struct relay_client who = { .account = STR("anna@example.com") };

	ck_assert_int_eq(ip_parse(STR("10.0.0.1"), &who.ip, NULL), 0);
	return relay_limit_count(rig_env.shm, RELAY_MAILS, &one, &who, STR(""), 1);
}

/* Who is unblocked has used up nothing, or the next mail would block it again. */
START_TEST(unblocked_counts_anew)
{
	ck_assert_uint_eq(one_more(), 0);
	ck_assert_uint_eq(one_more(), RELAY_BY_ADDRESS | RELAY_BY_ACCOUNT);
	ck_ok(ask("setblockip", "block_email", "1", "address", "10.0.0.1", NULL));
	ck_ok(ask("setblockip", "block_email", "1", "email_address", "anna@example.com", NULL));
	ck_assert_uint_eq(one_more(), RELAY_BY_ADDRESS | RELAY_BY_ACCOUNT);
	ck_ok(ask("setblockip", "block_email", "0", "address", "10.0.0.2", NULL));
	ck_ok(ask("setblockip", "block_email", "0", "email_address", "bert@example.com", NULL));
	ck_assert_uint_eq(one_more(), RELAY_BY_ADDRESS | RELAY_BY_ACCOUNT);
	ck_ok(ask("setblockip", "block_email", "0", "address", "10.0.0.1", NULL));
	ck_assert_uint_eq(one_more(), RELAY_BY_ACCOUNT);
	ck_ok(ask("setblockip", "block_email", "0", "email_address", "Anna@example.com", NULL));
	ck_assert_uint_eq(one_more(), RELAY_BY_ADDRESS);
}
END_TEST

/* A replicator that takes nothing any more: told, not lost. */
START_TEST(full_journal)
{
	char much[LIMIT_JOURNAL_ENTRY / 2] = { 0 };
	struct str entry = { much, sizeof(much) };
	uint64_t mark;

	for (; entry.n > 0; entry.n /= 2)
		while (journal_put(rig_env.shm, SLOT_ADMIN, JOURNAL_BLOCKED, entry, &mark) == 0)
			continue;
	ck_assert_uint_eq(ask("setblockip", "block_email", "1", "address", "10.0.0.1", NULL), 503);
	ck_tag("code", "store_failed");
	ck_assert_uint_eq(call.journal_mark, 0);
}
END_TEST

static unsigned rows(void)
{
	unsigned n = 0;

	for (const char *at = answer; (at = strstr(at, "<blockedip>")); at++)
		n++;
	return n;
}

/* Who asks as the manual does gets the whole list. */
START_TEST(whole_list)
{
	struct err e = { "" };
	char subject[16];

	rig_traffic_open();
	ck_assert_int_eq(store_write_begin(rig_env.traffic, clock_wall_ms(), &e), 0);
	for (int i = 0; i < 1100; i++) {
		struct blocked b;

		record_defaults(&table_blocked, &b);
		snprintf(subject, sizeof(subject), "10.0.%d.%d", i / 100, i % 100);
		b.subject = str_z(subject);
		ck_assert_int_eq(store_put(rig_env.traffic, &table_blocked, &b, &e), 0);
	}
	ck_assert_int_eq(store_commit(rig_env.traffic, &e), 0);
	ck_assert_uint_eq(ask("blockedips", NULL), 200);
	ck_assert_uint_eq(rows(), 1100);
	ck_assert_uint_eq(ask("blockedips", "limit", "", NULL), 200);
	ck_assert_uint_eq(rows(), 1100);
	ck_assert_uint_eq(ask("blockedips", "limit", "7", "after", "10.0.9.9", NULL), 200);
	ck_assert_uint_eq(rows(), 7);
	ck_assert_ptr_nonnull(strstr(answer, "total=\"1100\""));
}
END_TEST

/* --- through the journal into the list --- */

/* Says it, and the replicator has it. */
static void block(const char *tag_name, const char *subject, const char *how)
{
	ck_ok(ask("setblockip", "block_email", how, tag_name, subject, NULL));
	ck_assert_ptr_nonnull(tag(tag_name));
	ck_assert_uint_ne(call.journal_mark, 0);
	ck_assert(!journal_durable(rig_env.shm, SLOT_ADMIN, call.journal_mark));
	rig_replicate();
	ck_assert(journal_durable(rig_env.shm, SLOT_ADMIN, call.journal_mark));
}

START_TEST(blocked_and_unblocked)
{
	int64_t before = clock_wall_ms() / 1000 * 1000, since;

	rig_traffic_open();
	rig_who = "uid 0";
	block("address", "2001:DB8:0::1", "1");
	ck_tag("address", "2001:db8::1");
	block("email_address", "Abigail@Example.com", "1");
	ck_tag("email_address", "abigail@example.com");
	ck_ok(ask("blockedips", NULL));
	ck_assert(strstr(answer, "  <blockedips total=\"2\">\n"
				 "    <blockedip>\n"
				 "      <address>2001:db8::1</address>\n"
				 "      <email_address></email_address>\n"
				 "      <reason>blocked by an administrator</reason>\n"
				 "      <since>"));
	ck_assert(strstr(answer, "    <blockedip>\n"
				 "      <address></address>\n"
				 "      <email_address>abigail@example.com</email_address>\n"));
	ck_tag("count", "0");
	ck_tag("by", "uid 0");
	ck_assert_int_eq(clock_parse_rfc3339(str_z(tag("since")), &since), 0);
	ck_assert(since >= before && since <= clock_wall_ms());
	/* again is still once; another spelling is the same address */
	block("address", "2001:db8:0:0:0:0:0:1", "1");
	ck_ok(ask("blockedips", NULL));
	ck_assert_uint_eq(rows(), 2);
	block("address", "2001:db8::0001", "0");
	ck_ok(ask("blockedips", NULL));
	ck_assert_uint_eq(rows(), 1);
	ck_tag("email_address", "abigail@example.com");
	block("address", "2001:db8::1", "0"); /* which is not there any more */
	block("email_address", "abigail@example.com", "0");
	ck_ok(ask("blockedips", NULL));
	ck_assert(strstr(answer, "  <blockedips total=\"0\">\n  </blockedips>\n"));
	/* and may come back */
	block("email_address", "abigail@example.com", "1");
	ck_ok(ask("blockedips", NULL));
	ck_assert_uint_eq(rows(), 1);
	ck_assert_str_eq(audited(0), "setblockip block_email=1 email_address=abigail@example.com");
}
END_TEST

START_TEST(pages)
{
	rig_traffic_open();
	block("address", "10.0.0.1", "1");
	block("address", "10.0.0.2", "1");
	block("email_address", "a@b.cc", "1");
	ck_ok(ask("blockedips", "limit", "1", NULL));
	ck_assert_uint_eq(rows(), 1);
	ck_tag("address", "10.0.0.1");
	ck_ok(ask("blockedips", "limit", "1", "after", "10.0.0.1", NULL));
	ck_assert_uint_eq(rows(), 1);
	ck_tag("address", "10.0.0.2");
	ck_ok(ask("blockedips", "after", "10.0.0.2", NULL));
	ck_assert_uint_eq(rows(), 1);
	ck_tag("email_address", "a@b.cc");
	ck_ok(ask("blockedips", "after", "a@b.cc", NULL));
	ck_assert(strstr(answer, "  <blockedips total=\"3\">\n  </blockedips>\n"));
}
END_TEST

START_TEST(both_at_once)
{
	rig_traffic_open();
	ck_ok(ask("setblockip", "block_email", "1", "email_address", "a@b.cc", "address",
		  "::ffff:10.0.0.1", NULL));
	ck_tag("email_address", "a@b.cc");
	ck_tag("address", "10.0.0.1");
	rig_replicate();
	/* the mark is that of the second fact: both are on disk */
	ck_assert(journal_durable(rig_env.shm, SLOT_ADMIN, call.journal_mark));
	ck_ok(ask("blockedips", NULL));
	ck_assert_uint_eq(rows(), 2);
	ck_ok(ask("setblockip", "block_email", "0", "email_address", "a@b.cc", "address", "10.0.0.1",
		  "block_ip", "1", NULL));
	rig_replicate();
	ck_ok(ask("blockedips", NULL));
	ck_assert_uint_eq(rows(), 1);
	ck_tag("address", "10.0.0.1");
}
END_TEST

/* What the guard writes has other words, and may lack a date. */
START_TEST(of_the_guard)
{
	struct err e = { "" };
	struct blocked b;

	rig_traffic_open();
	record_defaults(&table_blocked, &b);
	b.subject = STR("10.0.0.1");
	b.reason = STR("too many <senders>");
	b.count = 7;
	b.who = STR("guard");
	ck_assert_int_eq(store_write_begin(rig_env.traffic, clock_wall_ms(), &e), 0);
	ck_assert_int_eq(store_put(rig_env.traffic, &table_blocked, &b, &e), 0);
	ck_assert_int_eq(store_commit(rig_env.traffic, &e), 0);
	ck_ok(ask("blockedips", NULL));
	ck_assert(strstr(answer, "      <reason>too many &lt;senders&gt;</reason>\n"
				 "      <since></since>\n"
				 "      <count>7</count>\n"
				 "      <by>guard</by>\n"));
	block("address", "10.0.0.1", "0");
	ck_ok(ask("blockedips", NULL));
	ck_assert_uint_eq(rows(), 0);
}
END_TEST

/* Told to the replicator, but who did it cannot be written down: said so. */
START_TEST(disk_full)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/accounts.mdb", rig_dir);
	ck_ok(ask("clearip", "address", "10.0.0.1", NULL));
	disk_watch(path);
	disk.full = true;
	ck_assert_uint_eq(ask("setblockip", "block_email", "1", "address", "10.0.0.1", NULL), 503);
	ck_tag("code", "store_failed");
	ck_assert_uint_eq(call.journal_mark, 0);
	disk.full = false;
	disk.file = 0;
	snprintf(path, sizeof(path), "%s/accounts.mdb.image", rig_dir);
	unlink(path);
	ck_assert_str_eq(facts(), "10.0.0.1+");
}
END_TEST

START_TEST(no_list_yet)
{
	ck_assert_uint_eq(ask("blockedips", NULL), 503);
	ck_tag("code", "store_failed");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, said_and_named, 0, (int)ARRAY_LEN(table));
	tcase_add_test(t, unblocked_counts_anew);
	tcase_add_test(t, full_journal);
	tcase_add_test(t, blocked_and_unblocked);
	tcase_add_test(t, pages);
	tcase_add_test(t, both_at_once);
	tcase_add_test(t, of_the_guard);
	tcase_add_test(t, disk_full);
	tcase_add_test(t, whole_list);
	tcase_add_test(t, no_list_yet);
	return rig_run(t, "cmd_block");
}
