/* The dispatcher: what it knows, what it refuses, and the form of every answer. */
#include "admin/command.c"

#include "admin/record.h"
#include "unit/admin_rig.h"

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
			ck_assert_int_eq(xml_parse(str_z(calls[i]), &rig_arena, command_nests, &rig_req, &e), 0);
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
	tcase_add_test(t, table);
	tcase_add_test(t, reading);
	tcase_add_test(t, small_arenas);
	tcase_add_test(t, at_random);
	return rig_run(t, "command");
}
