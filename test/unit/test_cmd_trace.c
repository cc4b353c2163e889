/* trace: every record held about an address of a client or of mail, and none about others. */
#include "admin/cmd_trace.c"

#include <expat.h>

#include "shm/clients.h"
#include "shm/dictionary.h"
#include "unit/admin_rig.h"

static void check_document(void)
{
	XML_Parser p = XML_ParserCreate(NULL);

	ck_assert_int_eq(XML_Parse(p, answer, (int)strlen(answer), 1), XML_STATUS_OK);
	XML_ParserFree(p);
	ck_assert(!strstr(answer, "s3cret"));
}

static void trace(const char *name, const char *value)
{
	ck_ok(ask("trace", name, value, NULL));
	check_document();
	ck_assert(!call.publish);
}

static struct ipaddr ip_of(const char *text)
{
	struct ipaddr ip;

	ck_assert_int_eq(ip_parse(str_z(text), &ip, NULL), 0);
	return ip;
}

/* A session of that client; account: who has logged in, or NULL. */
static void open_session(unsigned slot, const char *client, const char *cluster, const char *account)
{
	struct session_row r = { .client = ip_of(client),
				 .cluster = (int16_t)clusters_find(rig_env.shm, str_z(cluster)),
				 .box = -1,
				 .since = 1795996800000 };
	uint8_t sum[16];
	int row = session_row_open(rig_env.shm, slot, &r);

	ck_assert_int_ge(row, 0);
	if (!account)
		return;
	session_account_hash(rig_env.shm, str_z(account), sum);
	session_row_account(rig_env.shm, slot, row, sum);
}

/* --- clients --- */

START_TEST(unknown_client)
{
	trace("address", "2001:DB8::0:7");
	ck_assert_str_eq(strstr(answer, "  <status>"), "  <status>ok</status>\n"
						       "  <client>\n"
						       "    <address>2001:db8::7</address>\n"
						       "    <login_delay_ms>0</login_delay_ms>\n"
						       "    <key_delay_ms>0</key_delay_ms>\n"
						       "    <sessions total=\"0\">\n"
						       "    </sessions>\n"
						       "  </client>\n"
						       "</response>\n");
}
END_TEST

START_TEST(delays)
{
	struct ipaddr ip = ip_of("192.0.2.7");
	struct shm *shm = rig_env.shm;

	penalty_failed(shm, penalty_network(shm, PENALTY_LOGINS, &ip), clock_mono_ms());
	trace("address", "192.0.2.7");
	ck_assert_int_gt(atoll(tag("login_delay_ms")), 0);
	ck_assert_int_le(atoll(tag("login_delay_ms")), PENALTY_FIRST_MS);
	ck_tag("key_delay_ms", "0");
	penalty_failed(shm, penalty_network(shm, PENALTY_KEYS, &ip), clock_mono_ms());
	trace("address", "192.0.2.99"); /* of the same network */
	ck_assert_int_gt(atoll(tag("key_delay_ms")), 0);
	trace("address", "198.51.100.1");
	ck_tag("login_delay_ms", "0");
	ck_tag("key_delay_ms", "0");
	/* an account's is its own, in any case */
	penalty_failed(shm, penalty_account(shm, STR("A@b.cc")), clock_mono_ms());
	trace("email_address", "a@B.cc");
	ck_assert_int_gt(atoll(tag("login_delay_ms")), 0);
	trace("email_address", "b@b.cc");
	ck_tag("login_delay_ms", "0");
}
END_TEST

#define SESSION(address, cluster) \
	"      <session>\n" \
	"        <address>" address "</address>\n" \
	"        <clusterid>" cluster "</clusterid>\n" \
	"        <since>2026-11-30T00:00:00Z</since>\n" \
	"      </session>\n"

START_TEST(sessions)
{
	ck_assert_int_ge(clusters_assign(rig_env.shm, STR("MX")), 0);
	ck_assert_int_ge(clusters_assign(rig_env.shm, STR("POP")), 0);
	open_session(0, "10.0.0.1", "MX", NULL);
	open_session(1, "10.0.0.1", "POP", "a@b.cc");
	open_session(0, "10.0.0.2", "POP", "a@b.cc");
	open_session(1, "10.0.0.2", "POP", "b@b.cc");
	open_session(0, "10.0.0.3", "gone", NULL);
	trace("address", "10.0.0.1");
	ck_assert(strstr(answer, "    <sessions total=\"2\">\n" SESSION("10.0.0.1", "MX")
					 SESSION("10.0.0.1", "POP") "    </sessions>\n"));
	trace("email_address", "A@b.cc");
	ck_assert(strstr(answer, "    <sessions total=\"2\">\n" SESSION("10.0.0.2", "POP")
					 SESSION("10.0.0.1", "POP") "    </sessions>\n"));
	trace("email_address", "c@b.cc");
	ck_assert(strstr(answer, "    <sessions total=\"0\">\n"));
	trace("address", "10.0.0.3");
	ck_assert(strstr(answer, "    <sessions total=\"1\">\n" SESSION("10.0.0.3", "")));
	/* an address of the same network is another one */
	trace("address", "10.0.0.9");
	ck_assert(strstr(answer, "    <sessions total=\"0\">\n"));
}
END_TEST

/* All are counted, so many are shown. */
START_TEST(many_sessions)
{
	for (unsigned i = 0; i < SESSIONS_SHOWN + 7; i++)
		open_session(i % 2, "10.0.0.1", "MX", NULL);
	trace("address", "10.0.0.1");
	ck_assert(strstr(answer, "    <sessions total=\"107\">\n"));
	ck_assert_uint_eq(times(answer, "<session>"), SESSIONS_SHOWN);
}
END_TEST

/* What is held at the door, by cluster: tries in the running interval, and sessions of any worker. */
START_TEST(connections)
{
	struct shm *shm = rig_env.shm;
	struct ipaddr ip = ip_of("10.0.0.1");
	uint64_t a, b;

	ck_ok(ask("addcluster", "clusterid", "A", "type", "smtp", "listen_port", "25",
		  "max_client_connections_interval_s", "100", NULL));
	ck_ok(ask("addcluster", "clusterid", "B", "type", "pop3", "listen_port", "110", NULL));
	a = client_key(shm, clusters_assign(shm, STR("A")), &ip);
	b = client_key(shm, clusters_assign(shm, STR("B")), &ip);
	trace("address", "10.0.0.1");
	ck_assert_ptr_null(strstr(answer, "<connections"));
	for (int i = 0; i < 3; i++)
		dictionary_try(shm, a, 100000, 3600000, clock_mono_ms() - 30000);
	ck_assert(client_enter(shm, 0, b, 5) && client_enter(shm, 1, b, 5));
	trace("address", "10.0.0.1");
	ck_assert_ptr_nonnull(strstr(answer, "    <connections total=\"2\">\n"
					     "      <at_cluster>\n"
					     "        <clusterid>A</clusterid>\n"
					     "        <open_sessions>0</open_sessions>\n"
					     "        <tries>3</tries>\n"
					     "        <interval_ends_ms>"));
	ck_assert_int_gt(atoll(tag("interval_ends_ms")), 40000);
	ck_assert_int_le(atoll(tag("interval_ends_ms")), 70000);
	ck_assert_int_ge(atoll(tag("last_try_ms")), 29996);
	ck_assert_ptr_nonnull(strstr(answer, "      <at_cluster>\n"
					     "        <clusterid>B</clusterid>\n"
					     "        <open_sessions>2</open_sessions>\n"
					     "        <tries>0</tries>\n"
					     "        <interval_ends_ms>0</interval_ends_ms>\n"
					     "      </at_cluster>\n"
					     "    </connections>\n"));
	trace("address", "10.0.0.2");
	ck_assert_ptr_null(strstr(answer, "<connections"));
}
END_TEST

#define RANGE(cluster, name) \
	"    <range>\n" \
	"      <clusterid>" cluster "</clusterid>\n" \
	"      <name>" name "</name>\n" \
	"    </range>\n"

START_TEST(ranges)
{
	ck_ok(ask("addcluster", "clusterid", "A", "type", "smtp", "listen_port", "25", "relay_ranges",
		  "10.0.0.0/8,::1", "block_ranges", "10.0.0.5", "spam_whitelist_ranges", "192.0.2.0/24", NULL));
	ck_ok(ask("addcluster", "clusterid", "B", "type", "pop3", "listen_port", "110",
		  "accept_proxy_protocol", "10.0.0.1-10.0.0.9", NULL));
	ck_ok(ask("addcluster", "clusterid", "C", "type", "smtp", "listen_port", "26", NULL));
	trace("address", "10.0.0.5");
	ck_assert(strstr(answer, "    </sessions>\n" RANGE("A", "relay_ranges") RANGE("A", "block_ranges")
					 RANGE("B", "accept_proxy_protocol") "  </client>\n"));
	trace("address", "10.0.0.10");
	ck_assert(strstr(answer, "    </sessions>\n" RANGE("A", "relay_ranges") "  </client>\n"));
	trace("address", "::1");
	ck_assert_uint_eq(times(answer, "<range>"), 1);
	trace("address", "198.51.100.1");
	ck_assert_uint_eq(times(answer, "<range>"), 0);
	trace("email_address", "a@b.cc");
	ck_assert_uint_eq(times(answer, "<range>"), 0);
}
END_TEST

START_TEST(blocks)
{
	trace("address", "10.0.0.1"); /* without a store of traffic: nothing is known, which is no error */
	rig_traffic_open();
	ck_ok(ask("setblockip", "block_email", "1", "email_address", "a@b.cc", "address", "2001:DB8::1", NULL));
	rig_replicate();
	trace("address", "2001:db8:0::1");
	ck_assert(strstr(answer, "    <blockedip>\n"
				 "      <address>2001:db8::1</address>\n"
				 "      <email_address></email_address>\n"
				 "      <reason>blocked by an administrator</reason>\n"));
	trace("email_address", "A@b.cc");
	ck_assert(strstr(answer, "      <email_address>a@b.cc</email_address>\n      <reason>"));
	trace("address", "2001:db8::2");
	ck_assert_uint_eq(times(answer, "<blockedip>"), 0);
	trace("email_address", "b@b.cc");
	ck_assert_uint_eq(times(answer, "<blockedip>"), 0);
	ck_ok(ask("setblockip", "block_email", "0", "address", "2001:db8::1", NULL));
	rig_replicate();
	trace("address", "2001:db8::1");
	ck_assert_uint_eq(times(answer, "<blockedip>"), 0);
}
END_TEST

/* --- mail addresses --- */

START_TEST(unknown_mail)
{
	trace("email_address", "Nobody@b.cc");
	ck_assert_str_eq(strstr(answer, "  <status>"), "  <status>ok</status>\n"
						       "  <mail>\n"
						       "    <email_address>nobody@b.cc</email_address>\n"
						       "    <login_delay_ms>0</login_delay_ms>\n"
						       "    <sessions total=\"0\">\n"
						       "    </sessions>\n"
						       "    <warning>neither account nor alias, and its domain has "
						       "no catch-all</warning>\n"
						       "  </mail>\n"
						       "</response>\n");
}
END_TEST

/* "account alias ...": the rows that an answer has. */
static void ck_rows(const char *address, const char *names)
{
	static const char *const all[] = { "account", "alias", "catch_all_account", "catch_all_alias" };
	char got[128] = "", open[32];

	trace("email_address", address);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		snprintf(open, sizeof(open), "    <%s>\n", all[i]);
		if (strstr(answer, open))
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", got[0] ? " " : "", all[i]);
	}
	ck_assert_str_eq(got, names);
}

START_TEST(rows)
{
	ck_ok(ask("addnewemail", "email_address", "a@b.cc", "user_password", "s3cret", "boxid", "B", NULL));
	ck_ok(ask("addnewalias", "alias_address", "s@b.cc", "alias_list", "a@b.cc,c@d.ee", NULL));
	ck_rows("A@b.cc", "account");
	for (unsigned i = 0; i < table_accounts.n_fields; i++)
		ck_assert((tag_from(strstr(answer, "<account>"), table_accounts.fields[i].name) == NULL) ==
			  field_is_secret(table_accounts.fields[i].kind));
	ck_rows("s@b.cc", "alias");
	ck_tag("alias_list", "a@b.cc,c@d.ee");
	ck_rows("c@d.ee", "");
	/* what catches all catches these as well */
	ck_ok(ask("addnewemail", "email_address", "@b.cc", "boxid", "C", NULL));
	ck_ok(ask("addnewalias", "alias_address", "@d.ee", "alias_list", "a@b.cc", NULL));
	ck_rows("a@b.cc", "account catch_all_account");
	ck_rows("nobody@b.cc", "catch_all_account");
	ck_assert_str_eq(tag_from(strstr(answer, "<catch_all_account>"), "boxid"), "C");
	ck_rows("nobody@d.ee", "catch_all_alias");
	ck_rows("@b.cc", "account");
	ck_rows("@d.ee", "alias");
	ck_rows("nobody@x.b.cc", "");
}
END_TEST

/* --- pairs --- */

static void put_traffic(const struct table *t, const void *row)
{
	struct err e = { "" };

	ck_assert_int_eq(store_write_begin(rig_env.traffic, 1000, &e), 0);
	ck_assert_int_eq(store_put(rig_env.traffic, t, row, &e), 0);
	ck_assert_int_eq(store_commit(rig_env.traffic, &e), 0);
}

static void put_pair(const char *local, const char *remote)
{
	struct whitelist w = { .local_address = str_z(local), .remote_address = str_z(remote),
			       .first_seen = 1795996800000, .last_seen = 1796083200000, .count = 2 };

	put_traffic(&table_whitelist, &w);
}

#define PAIR(local, remote) \
	"      <correspondent>\n" \
	"        <local_address>" local "</local_address>\n" \
	"        <remote_address>" remote "</remote_address>\n" \
	"        <first_seen>2026-11-30T00:00:00Z</first_seen>\n" \
	"        <last_seen>2026-12-01T00:00:00Z</last_seen>\n" \
	"        <count>2</count>\n" \
	"      </correspondent>\n"

/* Whom it has written to, and who has written to it; nobody else. */
START_TEST(correspondents)
{
	trace("email_address", "a@b.cc"); /* without a store of traffic: nothing is known */
	ck_assert(!strstr(answer, "<correspondents"));
	rig_traffic_open();
	trace("email_address", "a@b.cc");
	ck_assert(strstr(answer, "    <correspondents total=\"0\">\n    </correspondents>\n"));
	put_pair("a@b.cc", "r@d.ee");
	put_pair("a@b.cc", "s@d.ee");
	put_pair("a@b.c", "r@d.ee");
	put_pair("b@b.cc", "a@b.cc");
	put_pair("a@b.ccc", "r@d.eee");
	trace("email_address", "A@b.cc");
	ck_assert(strstr(answer, "    <correspondents total=\"3\">\n" PAIR("a@b.cc", "r@d.ee")
				 PAIR("a@b.cc", "s@d.ee") PAIR("b@b.cc", "a@b.cc")
				 "    </correspondents>\n"));
	trace("email_address", "R@d.ee");
	ck_assert(strstr(answer, "    <correspondents total=\"2\">\n" PAIR("a@b.c", "r@d.ee")
				 PAIR("a@b.cc", "r@d.ee") "    </correspondents>\n"));
	trace("email_address", "z@d.ee");
	ck_assert_uint_eq(times(answer, "<correspondent>"), 0);
	trace("address", "10.0.0.1");
	ck_assert(!strstr(answer, "<correspondents"));
}
END_TEST

/* So many are shown, more are counted, and at some point that ends as well. */
static const struct {
	unsigned to, from;
	const char *total;
} crowds[] = {
	{ PAIRS_SHOWN + 7, 0, "107" },
	{ 0, PAIRS_SHOWN + 7, "107" },
	{ PAIRS_SHOWN - 1, 2, "101" },
	{ PAIRS_COUNTED, 5, "10000" },
	{ 5, PAIRS_COUNTED, "10000" },
};

START_TEST(many_correspondents)
{
	struct err e = { "" };
	char other[32], open[64];

	rig_traffic_open();
	ck_assert_int_eq(store_write_begin(rig_env.traffic, 1000, &e), 0);
	for (unsigned i = 0; i < crowds[_i].to + crowds[_i].from; i++) {
		struct str it = STR("a@b.cc"), them = { other, 0 };
		struct whitelist w = { .local_address = it, .remote_address = it };

		them.n = (size_t)snprintf(other, sizeof(other), "r%u@d.ee", i);
		*(i < crowds[_i].to ? &w.remote_address : &w.local_address) = them;
		ck_assert_int_eq(store_put(rig_env.traffic, &table_whitelist, &w, &e), 0);
	}
	ck_assert_int_eq(store_commit(rig_env.traffic, &e), 0);
	trace("email_address", "a@b.cc");
	snprintf(open, sizeof(open), "<correspondents total=\"%s\">", crowds[_i].total);
	ck_assert_msg(strstr(answer, open) != NULL, "%s", open);
	ck_assert_uint_eq(times(answer, "<correspondent>"), PAIRS_SHOWN);
}
END_TEST

/* The replies of an account; and, by its hash, those that an address got. */
START_TEST(replies)
{
	static const char *const accounts[] = { "a@b.cc", "b@b.cc" };
	char hash[REPLIED_HASH], row[512];

	rig_traffic_open();
	replied_hash(STR("mary@gmail.com"), hash);
	for (size_t i = 0; i < ARRAY_LEN(accounts); i++) {
		struct replied p = { .email_address = str_z(accounts[i]), .sender_hash = str_z(hash),
				     .replied_at = 1795996800000 };

		put_traffic(&table_replied, &p);
	}
	trace("email_address", "a@b.cc");
	snprintf(row, sizeof(row),
		 "    <replies total=\"1\">\n      <reply>\n"
		 "        <email_address>a@b.cc</email_address>\n"
		 "        <sender_hash>%s</sender_hash>\n"
		 "        <replied_at>2026-11-30T00:00:00Z</replied_at>\n"
		 "      </reply>\n    </replies>\n", hash);
	ck_assert_msg(strstr(answer, row) != NULL, "%s", answer);
	trace("email_address", "Mary@gmail.com");
	ck_assert(strstr(answer, "<replies total=\"2\">"));
	ck_assert(strstr(answer, "<email_address>b@b.cc</email_address>"));
	trace("email_address", "c@b.cc");
	ck_assert(strstr(answer, "<replies total=\"0\">"));
}
END_TEST

/* --- both, and neither --- */

START_TEST(both)
{
	ck_ok(ask("trace", "email_address", "a@b.cc", "address", "10.0.0.1", NULL));
	check_document();
	ck_assert(strstr(answer, "  </client>\n  <mail>\n"));
	ck_refused(ask("trace", NULL), 400, "missing_parameter",
		   "trace needs address, email_address, or both");
	ck_refused(ask("trace", "address", "", "email_address", "", NULL), 400, "missing_parameter",
		   "trace needs address, email_address, or both");
	ck_refused(ask("trace", "address", "10.0.0.0/8", NULL), 400, "bad_value",
		   "address: \"10.0.0.0/8\" is not an IP address");
	ck_assert_str_eq(audited(0), "-");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("cmd_trace");

	tcase_add_test(t, unknown_client);
	tcase_add_test(t, delays);
	tcase_add_test(t, sessions);
	tcase_add_test(t, many_sessions);
	tcase_add_test(t, connections);
	tcase_add_test(t, ranges);
	tcase_add_test(t, blocks);
	tcase_add_test(t, unknown_mail);
	tcase_add_test(t, rows);
	tcase_add_test(t, correspondents);
	tcase_add_loop_test(t, many_correspondents, 0, (int)ARRAY_LEN(crowds));
	tcase_add_test(t, replies);
	tcase_add_test(t, both);
	return rig_run(t, "cmd_trace");
}
