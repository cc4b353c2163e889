/* The dispatcher: what it knows, what it refuses, and the form of every answer. */
#include "admin/command.c"

#include "admin/record.h"
#include "unit/admin_rig.h"
#include "unit/random_record.h"

START_TEST(unknown_commands)
{
	ck_refused(ask("frobnicate", NULL), 404, "unknown_command", "unknown command: frobnicate");
	ck_tag("command", "frobnicate");
	/* a name is a whole name, and as it is written */
	ck_refused(ask("GETEMAIL", NULL), 404, "unknown_command", "unknown command: GETEMAIL");
	ck_refused(ask("getemai", NULL), 404, "unknown_command", "unknown command: getemai");
	/* the longest names are cut */
	ask("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL);
	ck_tag("command", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}
END_TEST

START_TEST(unknown_parameters)
{
	ck_refused(ask("getemail", "email_address", "a@b.cc", "colour", "red", NULL), 400,
		   "unknown_parameter", "unknown parameter of getemail: colour");
	/* of this command: another's do not count */
	ck_refused(ask("getalias", "email_address", "a@b.cc", NULL), 400,
		   "unknown_parameter", "unknown parameter of getalias: email_address");
	ck_refused(ask("vacuum", "email_address", "a@b.cc", NULL), 400,
		   "unknown_parameter", "unknown parameter of vacuum: email_address");
	/* several listed parameters are not one */
	ck_refused(ask_xml("<getemail><email_address.show_password/></getemail>"), 400,
		   "unknown_parameter", "unknown parameter of getemail: email_address.show_password");
	/* hidden fields are nobody's to send */
	ck_refused(ask("addbox", "light", "green", NULL), 400, "unknown_parameter",
		   "unknown parameter of addbox: light");
}
END_TEST

START_TEST(nothing_is_applied)
{
	ck_refused(ask("addnewemail", "email_address", "a@b.cc", "colour", "red", NULL),
		   400, "unknown_parameter", "unknown parameter of addnewemail: colour");
	ck_refused(ask("getemail", "email_address", "a@b.cc", NULL), 404, "no_such_email",
		   "no such email address: a@b.cc");
}
END_TEST

/* Every command takes the key, and no answer has it. */
START_TEST(access_keys)
{
	for (const struct command *cmd = commands; cmd->name; cmd++) {
		ask(cmd->name, "accesskey", "qwerty", NULL);
		ck_assert_msg(!call.code || strcmp(call.code, "unknown_parameter") != 0,
			      "%s", cmd->name);
		ck_assert_msg(!strstr(answer, "qwerty"), "%s", answer);
	}
	ask("getemail", "accesskey", "qwerty", "colour", "red", NULL);
	ck_assert(!strstr(answer, "qwerty"));
	ck_assert(!strstr(log_text(), "qwerty"));
}
END_TEST

START_TEST(documents)
{
	ck_ok(ask("addnewemail", "email_address", "a@b.cc", "boxid", "B", NULL));
	ck_ok(ask("deleteemail", "email_address", "A@b.cc", NULL));
	ck_assert_str_eq(answer, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
				 "<response>\n"
				 "  <command>deleteemail</command>\n"
				 "  <status>ok</status>\n"
				 "  <email_address>a@b.cc</email_address>\n"
				 "</response>\n");
	ask("getemail", "email_address", "a@b.cc", NULL);
	ck_assert_str_eq(answer, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
				 "<response>\n"
				 "  <command>getemail</command>\n"
				 "  <status>error</status>\n"
				 "  <code>no_such_email</code>\n"
				 "  <error>no such email address: a@b.cc</error>\n"
				 "</response>\n");
	ck_assert_uint_eq(call.http, 404);
}
END_TEST

/* A call that failed has nothing else in it, whatever the handler had written. */
START_TEST(failing)
{
	struct xml_out out;

	ck_ok(ask("stats", NULL));
	ck_assert_ptr_null(call.code);
	call.publish = true;
	call_fail(&call, 503, "store_failed", "<%d>", 7);
	ck_assert_uint_eq(buf_len(&call.body.buf), 0);
	ck_assert(!call.publish);
	free(answer);
	answer = mem_dup(call_document(&call, &out));
	xml_out_free(&out);
	ck_tag("error", "&lt;7&gt;");
	ck_assert_ptr_null(tag("version"));
	/* without any request: the server's own refusals */
	call.req = NULL;
	free(answer);
	answer = mem_dup(call_document(&call, &out));
	xml_out_free(&out);
	ck_tag("command", "");
	ck_tag("code", "store_failed");
}
END_TEST

START_TEST(answers_too_large)
{
	struct xml_out out;

	ck_ok(ask("stats", NULL));
	call.body.full = true;
	free(answer);
	answer = mem_dup(call_document(&call, &out));
	xml_out_free(&out);
	ck_assert_uint_eq(call.http, 503);
	ck_tag("code", "answer_too_large");
}
END_TEST

START_TEST(malformed)
{
	ck_refused(ask_xml("<getemail><email_address>a@b.cc</email_address>"
			   "<email_address>b@b.cc</email_address></getemail>"),
		   400, "repeated_parameter", "&lt;email_address&gt; stands twice (line 1)");
	ck_tag("command", "getemail");
	ck_refused(ask_xml("<getemail><a><b/></a></getemail>"), 400, "malformed",
		   "&lt;a&gt; holds elements of its own, and must not (line 1)");
}
END_TEST

/* --- parameters: their kinds, their forms --- */

static const struct {
	enum field_kind kind;
	const char *command, *key; /* another parameter that must be named, with value c@d.ee */
	const char *tag, *good, *kept; /* kept: NULL for numbers, which stay as sent */
	const char *bad, *text;
} kinds[] = {
	{ FK_TEXT, "commitmodifycluster", "clusterid", "comment", " a\n\tb ", " a\n\tb ",
	  "a\x7f", "comment: \"a?\" is not UTF-8 text without control characters" },
	{ FK_TEXT, "audit", NULL, "after", "12", "12", "1\x7f",
	  "after: \"1?\" is not UTF-8 text without control characters" },
	{ FK_URL, "commitmodifyinfo", NULL, "nats_url", "nats://u:p@H", "nats://u:p@H", "u:p@\x7f",
	  "nats_url: the value is not UTF-8 text without control characters" },
	{ FK_NAME, "getcluster", NULL, "clusterid", "Mx-1.a", "Mx-1.a", "m x",
	  "clusterid: \"m x\" is not printable ASCII without blanks and < > & \" ' / \\" },
	{ FK_ADDRESS, "getemail", NULL, "email_address", "A.B@C.dd", "a.b@c.dd", "a@b@c",
	  "email_address: \"a@b@c\" is not a valid address (invalid characters before the @)" },
	{ FK_ADDRESS, "trace", NULL, "email_address", "@C.dd", "@c.dd", "a b@c.dd",
	  "email_address: \"a b@c.dd\" is not a valid address (invalid characters before the @)" },
	{ FK_MEMBERS, "addnewalias", "alias_address", "alias_list", "A@b.cc,B@c.DD", "a@b.cc,b@c.dd",
	  "a@b.cc,b", "alias_list: \"b\" is not a valid address (the list is separated by commas)" },
	{ FK_SECRET, "setsisterkey", NULL, "sister_key", "Sixteen-bytes-16", "Sixteen-bytes-16",
	  "fifteen-bytes-1", "sister_key: the value is not 16..255 bytes long" },
	{ FK_PASSWORD, "commitmodifyemail", "email_address", "user_password", "Plain<1>", "Plain<1>",
	  "a\x7f", "user_password: the value is not UTF-8 text without control characters" },
	{ FK_RANGES, "commitmodifycluster", "clusterid", "relay_ranges", "10.0.0.0/8,\n::1", "10.0.0.0/8,\n::1",
	  "10.0.0.0/33", "relay_ranges: \"10.0.0.0/33\" has no valid prefix length" },
	{ FK_IP, "clearip", NULL, "address", "2001:DB8::1", "2001:DB8::1", "10.0.0",
	  "address: \"10.0.0\" is not an IP address" },
	{ FK_HOST, "commitmodifycluster", "clusterid", "smtp_host_name", "Mail.example.com",
	  "Mail.example.com", "a b", "smtp_host_name: \"a b\" is not a host name" },
	{ FK_PATH, "commitmodifycluster", "clusterid", "tls_key", "/a b.pem", "/a b.pem",
	  "a.pem", "tls_key: \"a.pem\" is not an absolute path" },
	{ FK_ENUM, "addcluster", "clusterid", "type", "smtp", "smtp", "SMTP",
	  "type: \"SMTP\" is not one of smtp|pop3|imap|tcp" },
	{ FK_HOSTS, "commitmodifycluster", "clusterid", "dns_lists", "bl.example.com, a.example", NULL,
	  "bl.example.com;a", "dns_lists: \"bl.example.com;a\" is not host names with commas between them" },
	{ FK_BOOL, "exportconfig", NULL, "show_password", "1", NULL, "true",
	  "show_password: \"true\" is not 0 or 1" },
	{ FK_INT, "searchemail", NULL, "limit", "1000", NULL, "1001", "limit: \"1001\" is not in 1..1000" },
	{ FK_INT, "searchemail", NULL, "offset", "007", NULL, "+7", "offset: \"+7\" is not in 0..100000000" },
	{ FK_DECIMAL, "commitmodifyinfo", NULL, "greylist_initial_min", "0.05", NULL, "1440.0001",
	  "greylist_initial_min: \"1440.0001\" is not in 0..1440 (at most 4 decimals)" },
	{ FK_DATE, "commitmodifyemail", "email_address", "auto_reply_expiry",
	  "2026-11-23T00:00:00Z", NULL, "2026-11-23",
	  "auto_reply_expiry: \"2026-11-23\" is not a date like 2026-11-23T00:00:00Z, or empty for never" },
};

/* Only the dispatcher: whatever the handler says then. */
static bool passes(void)
{
	return !call.code || (strcmp(call.code, "bad_value") != 0 &&
			      strcmp(call.code, "unknown_parameter") != 0);
}

START_TEST(each_kind)
{
	bool seen[FK_DATE + 1] = { false };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct command *cmd = command_find(str_z(kinds[i].command));
		struct param p = { .command = cmd };

		while (param_next(&p) && !str_eq(p.name, str_z(kinds[i].tag)))
			;
		ck_assert_int_eq(p.field->kind, kinds[i].kind);
		seen[kinds[i].kind] = true;
		ask(kinds[i].command, kinds[i].tag, kinds[i].good, kinds[i].key, "c@d.ee", NULL);
		ck_assert_msg(passes(), "%s", answer);
		if (kinds[i].kept)
			ck_assert(str_eq(call_text(&call, kinds[i].tag), str_z(kinds[i].kept)));
		ask(kinds[i].command, kinds[i].tag, kinds[i].bad, kinds[i].key, "c@d.ee", NULL);
		ck_assert_str_eq(call.err.text, kinds[i].text);
		ck_assert_str_eq(call.code, "bad_value");
		ck_assert_uint_eq(call.http, 400);
	}
	for (size_t i = 0; i < ARRAY_LEN(seen); i++)
		if (i != FK_BYTES) /* of packed rows, which no request names */
			ck_assert_msg(seen[i], "no parameter of kind %zu", i);
}
END_TEST

/* What is parsed into struct args, and where nothing is named, their defaults. */
START_TEST(arguments)
{
	struct args plain;

	record_defaults(&table_args, &plain);
	ck_assert_int_eq(plain.limit, 50);
	ask("searchemail", NULL);
	ck_assert_mem_eq(&call.args, &plain, sizeof(plain));
	ask("searchemail", "query", "Abi*", "after", "A@b.cc", "offset", "7", "limit", "9", NULL);
	ck_assert(str_eq(call.args.query, STR("Abi*")) && str_eq(call.args.after, STR("A@b.cc")));
	ck_assert_int_eq(call.args.offset, 7);
	ck_assert_int_eq(call.args.limit, 9);
	/* of one call nothing stays for the next */
	ask("searchemail", NULL);
	ck_assert_mem_eq(&call.args, &plain, sizeof(plain));
	ask("setblockip", "block_email", "1", "block_ip", "0", NULL);
	ck_assert_int_eq(call.args.block_email, 1);
	ck_assert_int_eq(call.args.block_ip, 0);
}
END_TEST

/* A call of cmd with a good value for each parameter but without; NULL: with all. */
static const char *whole_call(const struct command *cmd, const char *without, struct arena *a)
{
	struct xml_out o;
	struct str text;

	xml_out_init(&o, 0);
	xml_out_open(&o, cmd->name, -1);
	for (struct param p = { .command = cmd }; param_next(&p);) {
		union scratch row;

		if ((without && str_eq(p.name, str_z(without))) || p.field->flags & FF_ROWS)
			continue;
		random_field(p.field, &row, a);
		xml_out_text(&o, p.field->name, field_text(p.field, &row, a));
	}
	xml_out_close(&o, cmd->name);
	text = arena_str(a, buf_str(&o.buf));
	xml_out_free(&o);
	return text.p;
}

/* Each parameter that must be named, left out of a call that is otherwise good. */
START_TEST(required)
{
	unsigned n = 0;

	for (const struct command *cmd = commands; cmd->name; cmd++)
		for (struct param p = { .command = cmd }; param_next(&p);) {
			struct arena a = ARENA(0);
			char want[160];

			snprintf(want, sizeof(want), "%s needs the parameter %s",
				 cmd->name, p.field->name);
			ask_xml(whole_call(cmd, p.field->name, &a));
			arena_free(&a);
			if (!p.required)
				continue;
			ck_assert_msg(call.code && !strcmp(call.err.text, want), "%s", answer);
			ck_assert_str_eq(call.code, "missing_parameter");
			n++;
		}
	ck_assert_uint_ge(n, 30);
}
END_TEST

/* The further parameters that need not be named: empty is at the default. */
START_TEST(empty_is_the_default)
{
	for (const struct command *cmd = commands; cmd->name; cmd++)
		for (struct param p = { .command = cmd }; param_next(&p);) {
			struct args plain;
			char *want;

			if (!p.words.p || p.required || p.field->flags & FF_ROWS)
				continue;
			ask(cmd->name, NULL);
			plain = call.args;
			want = mem_dup(str_z(answer));
			ask(cmd->name, p.field->name, "", NULL);
			ck_assert_str_eq(answer, want);
			ck_assert_mem_eq(&call.args, &plain, sizeof(plain));
			free(want);
		}
	/* of a row's own fields, and of those that must be named, it is a value */
	ck_refused(ask("getemail", "email_address", "", NULL), 400, "bad_value",
		   "email_address: \"\" is not 1..254 bytes long");
	ck_refused(ask("setsisterkey", "sister_key", "", NULL), 400, "bad_value",
		   "sister_key: the value is not 16..255 bytes long");
	ck_refused(ask("commitmodifyinfo", "mail_from_quota", "", NULL), 400, "bad_value",
		   "mail_from_quota: \"\" is not in 1..1000000");
	/* two names of one thing */
	ck_ok(ask("addnewalias", "alias_address", "s@b.cc", "alias_list", "a@b.cc", NULL));
	ck_refused(ask("deletealias", "alias_address", "", "email_address", "", NULL), 400,
		   "missing_parameter", "deletealias needs the parameter alias_address");
	ck_ok(ask("deletealias", "alias_address", "", "email_address", "s@b.cc", NULL));
}
END_TEST

START_TEST(rows)
{
	struct xml_row row = { STR_INIT("x"), STR_INIT("y"), NULL, NULL };

	ck_refused(ask("importconfig", "clusters", "text", NULL), 400, "bad_value",
		   "clusters: \"text\" is not 0..0 bytes long");
	/* empty, with or without blanks in it, is a list with nothing in it */
	ck_ok(ask_xml("<importconfig><clusters/></importconfig>"));
	ck_ok(ask_xml("<importconfig><clusters>\n \t</clusters><settings>\n</settings></importconfig>"));
	ck_ok(ask_xml("<importconfig><settings><mail_from_quota>7</mail_from_quota></settings></importconfig>"));
	/* however they came, no other parameter may hold them */
	ck_ok(ask("searchemail", "query", "", NULL));
	rig_req.v[0].rows = &row;
	xml_out_free(&call.body);
	command_run(&call);
	ck_assert_str_eq(call.code, "malformed");
	ck_assert_str_eq(call.err.text, "<query> holds elements of its own, and must not");
	ck_assert(command_nests(STR("importconfig")) &&
		  !command_nests(STR("exportconfig")) && !command_nests(STR("nonsense")));
}
END_TEST

/* Every parameter of every command, once each, the required ones of a row first. */
START_TEST(walking)
{
	for (const struct command *cmd = commands; cmd->name; cmd++) {
		struct param p = { .command = cmd };
		struct str seen[64];
		unsigned n = 0, fields = 0, words = cmd->params != NULL;

		while (param_next(&p)) {
			ck_assert_uint_lt(n, ARRAY_LEN(seen));
			ck_assert_msg(str_eq(p.name, str_z(p.field->name)), "%s", p.field->name);
			ck_assert(!(p.field->flags & FF_HIDDEN));
			for (unsigned i = 0; i < n; i++)
				ck_assert_msg(!str_eq(seen[i], p.name), "%s: %s twice",
					      cmd->name, p.field->name);
			seen[n++] = p.name;
		}
		ck_assert(!param_next(&p)); /* and stays at its end */
		for (unsigned i = 0; cmd->table && i < cmd->table->n_fields; i++)
			fields += !(cmd->table->fields[i].flags & FF_HIDDEN);
		for (const char *c = cmd->params; c && *c; c++)
			words += *c == ' ';
		ck_assert_msg(n == fields + words, "%s: %u", cmd->name, n);
	}
	/* of stored rows only what names a row may be a further one */
	ck_assert_ptr_nonnull(describes(STR("alias_address")));
	ck_assert_ptr_null(describes(STR("comment")));
	ck_assert_ptr_null(describes(STR("light")));
}
END_TEST

/* --- the examples of the documentation --- */

/* "tag=value tag=value" as a document. */
static const char *example(const struct command *cmd)
{
	struct str rest = str_z(cmd->example), one;
	struct xml_out o;
	const char *text;

	xml_out_init(&o, 0);
	xml_out_open(&o, cmd->name, -1);
	while (rest.n > 0 && str_split(&rest, ' ', &one)) {
		ptrdiff_t at = str_find(one, '=');
		struct str name = { one.p, (size_t)at };

		ck_assert_msg(at > 0, "%s: %s", cmd->name, cmd->example);
		xml_out_text(&o, arena_str(&rig_arena, name).p, str_skip(one, (size_t)at + 1));
	}
	xml_out_close(&o, cmd->name);
	ck_assert_int_eq(buf_addc(&o.buf, '\0'), 0);
	text = mem_dup(str_z(o.buf.mem));
	xml_out_free(&o);
	return text;
}

/* One after the other, each of them works. */
START_TEST(examples)
{
	rig_traffic_open();
	for (const struct command *cmd = commands; cmd->name; cmd++) {
		const char *xml = example(cmd);

		if (cmd->flags & COMMAND_ROWS) /* its document is what exportconfig has just answered */
			ck_ok(send_back(cmd->name));
		else if (strcmp(cmd->name, "sendtest") != 0) /* it would reach whoever listens there */
			ck_ok(ask_xml(xml));
		free((void *)(uintptr_t)xml);
	}
}
END_TEST

/* The table itself: no command twice, no parameter that says two things. */
START_TEST(table)
{
	for (const struct command *a = commands; a->name; a++) {
		ck_assert_ptr_nonnull(a->run);
		ck_assert(a->help[0] && a->group[0]);
		for (struct param p = { .command = a }; param_next(&p);)
			ck_assert_msg(p.field && p.field->help[0], "%s %.*s", a->name,
				      STR_ARG(p.name));
		for (const struct command *b = a + 1; b->name; b++)
			ck_assert_str_ne(a->name, b->name);
	}
	ck_assert(command_find(STR("getemail"))->flags & COMMAND_SECRETS);
	ck_assert(!(command_find(STR("red"))->flags & COMMAND_READS));
}
END_TEST

/* A command that reads writes nothing: the store's sequence stands. */
START_TEST(reading)
{
	ck_ok(ask("addnewemail", "email_address", "a@b.cc", NULL));
	for (const struct command *cmd = commands; cmd->name; cmd++) {
		uint64_t before = last_seq();

		if (!(cmd->flags & COMMAND_READS))
			continue;
		ask(cmd->name, NULL);
		ck_assert_msg(!call.publish && last_seq() == before, "%s", cmd->name);
	}
}
END_TEST

/* However little memory a call may take: done or refused, and the next call is served. */
START_TEST(small_arenas)
{
	static const char *const calls[] = {
		"<addnewemail><email_address>a@b.cc</email_address><boxid>B</boxid></addnewemail>",
		"<getemail><email_address>a@b.cc</email_address></getemail>",
		"<addcluster><clusterid>C</clusterid><type>smtp</type><listen_port>25</listen_port>"
		"</addcluster>",
		"<commitmodifycluster><clusterid>C</clusterid><comment>x</comment></commitmodifycluster>",
		"<addbox><clusterid>C</clusterid><boxid>B</boxid><connect_address>::1</connect_address>"
		"<connect_port>25</connect_port></addbox>",
		"<red><clusterid>C</clusterid><boxid>B</boxid></red>",
		"<deletebox><clusterid>C</clusterid><boxid>X</boxid></deletebox>",
	};
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		unsigned refusals = 0;

		for (size_t room = 16;; room += 16) {
			xml_out_free(&call.body);
			arena_free(&rig_arena);
			rig_arena.max = 0;
			ck_assert_int_eq(xml_parse(str_z(calls[i]), &rig_arena,
						   command_nests, &rig_req, &e),
					 0);
			rig_arena.max = rig_arena.used + room;
			call = (struct call){ .env = &rig_env, .req = &rig_req, .arena = &rig_arena };
			command_run(&call);
			if (call.http == 200 || call.http == 404)
				break;
			must(call.http == 503 || call.http == 400, call.err.text);
			must(!call.publish && !call.undo, "refused, yet published");
			refusals++;
		}
		must(refusals > 0, calls[i]);
	}
	rig_arena.max = 8 << 20;
	ck_ok(ask("getbox", "clusterid", "C", "boxid", "B", NULL));
	ck_tag("protocol", "smtp");
}
END_TEST

/* Any command with any parameters at random: an answer, never a crash. */
START_TEST(at_random)
{
	static const char *const values[] = { "",
					      "0",
					      "1",
					      "MAIL1",
					      "@b.cc",
					      "a@b.cc",
					      "10.0.0.1",
					      "::",
					      "x,y",
					      "-1",
					      "99999999999999999999",
					      "smtp",
					      "2026-11-23T00:00:00Z",
					      "\xc3\xa4",
					      "0.05",
					      "tcp" };
	static const struct table *const tables[] = { &table_accounts, &table_aliases,
						      &table_clusters, &table_boxes };
	unsigned n_commands = 0;

	while (commands[n_commands].name)
		n_commands++;
	for (int round = 0; round < 2000; round++) {
		const struct command *cmd = &commands[rnd(n_commands)];
		const struct table *t = cmd->table ? cmd->table : tables[rnd(4)];
		const char *v[16] = { 0 };

		for (int i = 0; i < 7; i++) {
			v[2 * i] = t->fields[i < 3 ? (unsigned)i : rnd(t->n_fields)].name;
			v[2 * i + 1] = values[rnd(ARRAY_LEN(values))];
			for (int j = 0; j < i; j++)
				if (v[2 * j] && !strcmp(v[2 * j], v[2 * i]))
					v[2 * i] = "accesskey";
			if (rnd(4) == 0)
				break;
		}
		ask(cmd->name, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], NULL);
		must(call.http == 200 || call.http == 400 || call.http == 404 || call.http == 409, answer);
		must((call.http == 200) == (call.code == NULL), answer);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("command");

	tcase_add_test(t, unknown_commands);
	tcase_add_test(t, unknown_parameters);
	tcase_add_test(t, nothing_is_applied);
	tcase_add_test(t, access_keys);
	tcase_add_test(t, documents);
	tcase_add_test(t, failing);
	tcase_add_test(t, answers_too_large);
	tcase_add_test(t, malformed);
	tcase_add_test(t, each_kind);
	tcase_add_test(t, arguments);
	tcase_add_test(t, required);
	tcase_add_test(t, empty_is_the_default);
	tcase_add_test(t, rows);
	tcase_add_test(t, walking);
	tcase_add_test(t, examples);
	tcase_add_test(t, table);
	tcase_add_test(t, reading);
	tcase_add_test(t, small_arenas);
	tcase_add_test(t, at_random);
	return rig_run(t, "command");
}
