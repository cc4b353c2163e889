/* Accounts and aliases as the manual's examples have them, tag for tag. */
#include "admin/cmd_account.c"

#include "unit/admin_rig.h"

#define MANUAL_ACCOUNT(command, address) \
	"<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<" command "><accesskey>qwerty</accesskey>" \
	"<email_address>" address "</email_address><user_password>Qrlhax7IMF</user_password>" \
	"<boxid>MAILSERVER001</boxid><to_equals_from>1</to_equals_from>" \
	"<null_reverse_path>1</null_reverse_path><spam_setting>1</spam_setting>" \
	"<rcpt_per_mail>50</rcpt_per_mail><auto_reply_subject></auto_reply_subject>" \
	"<auto_reply_body></auto_reply_body><auto_reply_copy>1</auto_reply_copy>" \
	"<auto_reply_expiry></auto_reply_expiry><mail_unlimited></mail_unlimited>" \
	"<mail_unlimited_expiry></mail_unlimited_expiry>" \
	"<allow_remote_deliveries>1</allow_remote_deliveries></" command ">"

#define MANUAL_ALIAS(command) \
	"<" command "><accesskey>qwerty</accesskey><alias_address>sales@example.com</alias_address>" \
	"<alias_list>abigail@example.com,yolanda@example.com</alias_list>" \
	"<rcpt_per_mail>50</rcpt_per_mail><mail_unlimited></mail_unlimited>" \
	"<mail_unlimited_expiry></mail_unlimited_expiry><spam_setting>1</spam_setting>" \
	"<allow_remote_deliveries>1</allow_remote_deliveries></" command ">"

#define AB "abigail@example.com"

/* --- accounts --- */

START_TEST(the_manuals_account)
{
	ck_ok(ask_xml(MANUAL_ACCOUNT("addnewemail", "Abigail@Example.com")));
	ck_tag("email_address", AB);
	ck_assert(!call.publish);
	ck_ok(ask("getemail", "email_address", "ABIGAIL@example.com", NULL));
	ck_assert_ptr_nonnull(strstr(answer, "  <email_address>" AB "</email_address>\n"
					     "  <boxid>MAILSERVER001</boxid>\n"
					     "  <to_equals_from>1</to_equals_from>\n"
					     "  <null_reverse_path>1</null_reverse_path>\n"
					     "  <spam_setting>1</spam_setting>\n"
					     "  <rcpt_per_mail>50</rcpt_per_mail>\n"
					     "  <auto_reply_subject></auto_reply_subject>\n"
					     "  <auto_reply_body></auto_reply_body>\n"
					     "  <auto_reply_copy>1</auto_reply_copy>\n"
					     "  <auto_reply_expiry></auto_reply_expiry>\n"
					     "  <mail_unlimited>0</mail_unlimited>\n"
					     "  <mail_unlimited_expiry></mail_unlimited_expiry>\n"
					     "  <allow_remote_deliveries>1</allow_remote_deliveries>\n"
					     "</response>\n"));
	ck_ok(ask_xml(MANUAL_ACCOUNT("commitmodifyemail", AB)));
	ck_ok(ask("deleteemail", "accesskey", "qwerty", "email_address", AB, NULL));
	ck_refused(ask("getemail", "email_address", AB, NULL), 404, "no_such_email",
		   "no such email address: " AB);
	ck_refused(ask("deleteemail", "email_address", AB, NULL), 404, "no_such_email",
		   "no such email address: " AB);
	/* what was deleted may come again */
	ck_ok(ask_xml(MANUAL_ACCOUNT("addnewemail", AB)));
}
END_TEST

START_TEST(defaults)
{
	ck_ok(ask("addnewemail", "email_address", AB, NULL));
	ck_ok(ask("getemail", "email_address", AB, NULL));
	ck_tag("boxid", "");
	ck_tag("to_equals_from", "1");
	ck_tag("null_reverse_path", "1");
	ck_tag("spam_setting", "1");
	ck_tag("rcpt_per_mail", "");
	ck_tag("auto_reply_copy", "1");
	ck_tag("mail_unlimited", "0");
	ck_tag("allow_remote_deliveries", "1");
}
END_TEST

START_TEST(empty_is_not_absent)
{
	ck_ok(ask_xml(MANUAL_ACCOUNT("addnewemail", AB)));
	/* absent: as it was */
	ck_ok(ask("commitmodifyemail", "email_address", AB, "auto_reply_expiry",
		  "2026-11-23T00:00:00Z", NULL));
	ck_ok(ask("getemail", "email_address", AB, NULL));
	ck_tag("rcpt_per_mail", "50");
	ck_tag("to_equals_from", "1");
	ck_tag("auto_reply_expiry", "2026-11-23T00:00:00Z");
	/* empty: empty, never, 0 */
	ck_ok(ask("commitmodifyemail", "email_address", AB, "rcpt_per_mail", "",
		  "to_equals_from", "", "auto_reply_expiry", "", "boxid", "", NULL));
	ck_ok(ask("getemail", "email_address", AB, NULL));
	ck_tag("rcpt_per_mail", "");
	ck_tag("to_equals_from", "0");
	ck_tag("auto_reply_expiry", "");
	ck_tag("boxid", "");
	/* on add as well */
	ck_ok(ask("addnewemail", "email_address", "b@example.com", "to_equals_from", "", NULL));
	ck_ok(ask("getemail", "email_address", "b@example.com", NULL));
	ck_tag("to_equals_from", "0");
}
END_TEST

static const struct {
	const char *tag, *value, *text;
} bad[] = {
	{ "spam_setting", "3", "spam_setting: \"3\" is not in 0..2" },
	{ "spam_setting", "", "spam_setting: \"\" is not in 0..2" },
	{ "rcpt_per_mail", "0", "rcpt_per_mail: \"0\" is not in 1..100000" },
	{ "rcpt_per_mail", "100001", "rcpt_per_mail: \"100001\" is not in 1..100000" },
	{ "mail_unlimited", "yes", "mail_unlimited: \"yes\" is not 0 or 1" },
	{ "auto_reply_expiry", "tomorrow",
	  "auto_reply_expiry: \"tomorrow\" is not a date like 2026-11-23T00:00:00Z, or empty for never" },
	{ "boxid", "MAIL 1", "boxid: \"MAIL 1\" is not printable ASCII without blanks and &lt; &gt; &amp; \" ' / \\" },
};

START_TEST(bad_values)
{
	uint64_t before;

	ck_ok(ask_xml(MANUAL_ACCOUNT("addnewemail", AB)));
	before = last_seq();
	ck_refused(ask("commitmodifyemail", "email_address", AB, "to_equals_from", "0",
		       bad[_i].tag, bad[_i].value, NULL),
		   400, "bad_value", bad[_i].text);
	ck_refused(ask("addnewemail", "email_address", "b@example.com", bad[_i].tag, bad[_i].value, NULL),
		   400, "bad_value", bad[_i].text);
	ck_assert_uint_eq(last_seq(), before);
	ck_ok(ask("getemail", "email_address", AB, NULL));
	ck_tag("to_equals_from", "1");
}
END_TEST

START_TEST(bad_keys)
{
	static const char *const commands_of[] = { "addnewemail", "commitmodifyemail",
						   "getemail", "deleteemail" };

	for (size_t i = 0; i < ARRAY_LEN(commands_of); i++) {
		char text[80];

		snprintf(text, sizeof(text), "%s needs the parameter email_address", commands_of[i]);
		ck_refused(ask(commands_of[i], NULL), 400, "missing_parameter", text);
		ck_refused(ask(commands_of[i], "email_address", "nobody", NULL), 400, "bad_value",
			   "email_address: \"nobody\" is not a valid address (address without a domain)");
		ck_refused(ask(commands_of[i], "email_address", "", NULL), 400,
			   "bad_value", "email_address: \"\" is not 1..254 bytes long");
	}
	ck_refused(ask("commitmodifyemail", "email_address", AB, NULL), 404,
		   "no_such_email", "no such email address: " AB);
}
END_TEST

START_TEST(an_address_is_one_thing)
{
	ck_ok(ask_xml(MANUAL_ACCOUNT("addnewemail", AB)));
	ck_ok(ask_xml(MANUAL_ALIAS("addnewalias")));
	ck_refused(ask("addnewemail", "email_address", "ABIGAIL@example.com", NULL), 409,
		   "email_exists", "email address exists already: " AB);
	ck_refused(ask("addnewemail", "email_address", "sales@example.com", NULL), 409,
		   "alias_exists", "alias exists already: sales@example.com");
	ck_refused(ask("addnewalias", "alias_address", "Sales@example.com", "alias_list", "a@b.cc", NULL),
		   409, "alias_exists", "alias exists already: sales@example.com");
	ck_refused(ask("addnewalias", "alias_address", AB, "alias_list", "a@b.cc", NULL),
		   409, "email_exists", "email address exists already: " AB);
	/* and is not read as the other */
	ck_refused(ask("getemail", "email_address", "sales@example.com", NULL), 404,
		   "no_such_email", "no such email address: sales@example.com");
	ck_refused(ask("getalias", "alias_address", AB, NULL), 404, "no_such_alias",
		   "no such alias: " AB);
}
END_TEST

START_TEST(catch_alls)
{
	ck_ok(ask("addnewemail", "email_address", "@Example.com", "boxid", "B", NULL));
	ck_tag("email_address", "@example.com");
	ck_ok(ask("getemail", "email_address", "@example.com", NULL));
	ck_ok(ask("addnewalias", "alias_address", "@org.us", "alias_list", AB, NULL));
	ck_ok(ask("deletealias", "email_address", "@ORG.us", NULL));
	ck_tag("alias_address", "@org.us");
}
END_TEST

START_TEST(nothing_new_writes_nothing)
{
	uint64_t before;

	ck_ok(ask_xml(MANUAL_ACCOUNT("addnewemail", AB)));
	before = last_seq();
	ck_ok(ask_xml(MANUAL_ACCOUNT("commitmodifyemail", AB)));
	ck_ok(ask("commitmodifyemail", "email_address", AB, NULL));
	ck_assert_uint_eq(last_seq(), before);
	ck_ok(ask("commitmodifyemail", "email_address", AB, "rcpt_per_mail", "51", NULL));
	ck_assert_uint_eq(last_seq(), before + 1);
}
END_TEST

START_TEST(durable)
{
	ck_ok(ask_xml(MANUAL_ACCOUNT("addnewemail", AB)));
	store_close(&rig_env.accounts);
	rig_store_open();
	ck_ok(ask("getemail", "email_address", AB, NULL));
	ck_tag("boxid", "MAILSERVER001");
}
END_TEST

/* What getemail answers is what commitmodifyemail takes, and changes nothing. */
START_TEST(answers_may_be_sent_back)
{
	uint64_t before;

	ck_ok(ask_xml(MANUAL_ACCOUNT("addnewemail", AB)));
	ck_ok(ask("commitmodifyemail", "email_address", AB, "auto_reply_body", "Dear <you> & \"all\",\r\n\tgone\n",
		  "auto_reply_expiry", "2026-11-23T01:02:03Z", NULL));
	before = last_seq();
	ck_ok(ask("getemail", "email_address", AB, NULL));
	ck_ok(send_back("commitmodifyemail"));
	ck_assert_uint_eq(last_seq(), before);
	ck_ok(ask_xml(MANUAL_ALIAS("addnewalias")));
	before = last_seq();
	ck_ok(ask("getalias", "alias_address", "sales@example.com", NULL));
	ck_ok(send_back("commitmodifyalias"));
	ck_assert_uint_eq(last_seq(), before);
}
END_TEST

/* --- passwords --- */

START_TEST(passwords)
{
	ck_ok(ask_xml(MANUAL_ACCOUNT("addnewemail", AB)));
	ck_assert(!strstr(answer, "Qrlhax7IMF"));
	ck_ok(ask("getemail", "email_address", AB, NULL));
	ck_assert_ptr_null(tag("user_password"));
	ck_ok(ask("getemail", "email_address", AB, "show_password", "0", NULL));
	ck_assert_ptr_null(tag("user_password"));
	ck_ok(ask("getemail", "email_address", AB, "show_password", "", NULL));
	ck_assert_ptr_null(tag("user_password"));
	ck_assert(!strstr(log_text(), AB));
	ck_ok(ask("getemail", "email_address", "ABIGAIL@example.com", "show_password", "1", NULL));
	ck_tag("user_password", "Qrlhax7IMF");
	ck_assert_uint_eq(times(log_text(), "getemail: the password of " AB " was shown"), 1);
	ck_assert(!strstr(log_text(), "Qrlhax7IMF"));
	ck_refused(ask("getemail", "email_address", AB, "show_password", "yes", NULL),
		   400, "bad_value", "show_password: \"yes\" is not 0 or 1");
	/* one that does not exist has none to log */
	ask("getemail", "email_address", "b@example.com", "show_password", "1", NULL);
	ck_assert(!strstr(log_text(), "b@example.com"));
	/* the change of a password alone; a bad one stands nowhere */
	ck_ok(ask("commitmodifyemail", "email_address", AB, "user_password", "45b4a9216f9f", NULL));
	ck_ok(ask("getemail", "email_address", AB, "show_password", "1", NULL));
	ck_tag("user_password", "45b4a9216f9f");
	ck_tag("boxid", "MAILSERVER001");
	ask("commitmodifyemail", "email_address", AB, "user_password", "bad\x7fsecret", NULL);
	ck_tag("code", "bad_value");
	ck_assert(!strstr(answer, "secret") && !strstr(log_text(), "secret"));
}
END_TEST

/* --- boxes that are not there --- */

START_TEST(warnings)
{
	ck_ok(ask("addnewemail", "email_address", AB, "boxid", "B", NULL));
	ck_tag("warning", "no cluster has a box B: mail to the account gets a temporary error");
	ck_ok(ask("commitmodifyemail", "email_address", AB, "boxid", "", NULL));
	ck_tag("warning", "the account has no box: mail to it gets a temporary error");
	ck_ok(ask("addcluster", "clusterid", "C", "type", "smtp", "listen_port", "25", NULL));
	ck_ok(ask("addbox", "clusterid", "C", "boxid", "B", "connect_address", "10.0.0.1",
		  "connect_port", "25", NULL));
	ck_ok(ask("commitmodifyemail", "email_address", AB, "boxid", "B", NULL));
	ck_assert_ptr_null(tag("warning"));
	ck_ok(ask("commitmodifyemail", "email_address", AB, "auto_reply_body", "gone", NULL));
	ck_tag("warning", "automatic replies are off: they need auto_reply_subject and auto_reply_body");
	ck_ok(ask("commitmodifyemail", "email_address", AB, "auto_reply_subject", "away", NULL));
	ck_assert_ptr_null(tag("warning"));
	ck_ok(ask("commitmodifyemail", "email_address", AB, "boxid", "b", NULL));
	ck_assert_ptr_nonnull(tag("warning"));
}
END_TEST

/* --- aliases --- */

START_TEST(the_manuals_alias)
{
	ck_ok(ask_xml(MANUAL_ALIAS("addnewalias")));
	ck_tag("alias_address", "sales@example.com");
	ck_ok(ask("getalias", "alias_address", "SALES@example.com", NULL));
	ck_assert_ptr_nonnull(strstr(answer, "  <alias_address>sales@example.com</alias_address>\n"
					     "  <alias_list>abigail@example.com,yolanda@example.com</alias_list>\n"
					     "  <rcpt_per_mail>50</rcpt_per_mail>\n"
					     "  <mail_unlimited>0</mail_unlimited>\n"
					     "  <mail_unlimited_expiry></mail_unlimited_expiry>\n"
					     "  <spam_setting>1</spam_setting>\n"
					     "  <allow_remote_deliveries>1</allow_remote_deliveries>\n"
					     "</response>\n"));
	ck_ok(ask_xml(MANUAL_ALIAS("commitmodifyalias")));
	/* the manual's own example names it so */
	ck_ok(ask("deletealias", "accesskey", "qwerty", "email_address", "sales@example.com", NULL));
	ck_refused(ask("getalias", "alias_address", "sales@example.com", NULL), 404,
		   "no_such_alias", "no such alias: sales@example.com");
	ck_ok(ask_xml(MANUAL_ALIAS("addnewalias")));
	ck_ok(ask("deletealias", "alias_address", "sales@example.com", NULL));
	ck_refused(ask("deletealias", "email_address", "sales@example.com", NULL), 404,
		   "no_such_alias", "no such alias: sales@example.com");
	ck_refused(ask("deletealias", NULL), 400, "missing_parameter",
		   "deletealias needs the parameter alias_address");
	ck_refused(ask("deletealias", "alias_address", "a@b.cc", "email_address", "a@b.cc", NULL),
		   400, "repeated_parameter",
		   "alias_address and email_address name the same; one is enough");
}
END_TEST

START_TEST(alias_lists)
{
	ck_refused(ask("addnewalias", "alias_address", "sales@example.com", NULL), 400,
		   "missing_parameter", "addnewalias needs the parameter alias_list");
	ck_refused(ask("addnewalias", "alias_address", "sales@example.com", "alias_list", "", NULL),
		   400, "bad_value", "alias_list: \"\" is not 1..65536 bytes long");
	ck_refused(ask("addnewalias", "alias_address", "sales@example.com", "alias_list",
		       AB ",nobody", NULL),
		   400, "bad_value",
		   "alias_list: \"nobody\" is not a valid address (the list is separated by commas)");
	ck_ok(ask("addnewalias", "alias_address", "sales@example.com", "alias_list",
		  "Abigail@Example.com,far@elsewhere.org", NULL));
	ck_ok(ask("commitmodifyalias", "alias_address", "sales@example.com", "spam_setting", "0", NULL));
	ck_ok(ask("getalias", "alias_address", "sales@example.com", NULL));
	ck_tag("alias_list", AB ",far@elsewhere.org");
	ck_tag("spam_setting", "0");
	ck_refused(ask("commitmodifyalias", "alias_address", "b@example.com", NULL), 404,
		   "no_such_alias", "no such alias: b@example.com");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("cmd_account");

	tcase_add_test(t, the_manuals_account);
	tcase_add_test(t, defaults);
	tcase_add_test(t, empty_is_not_absent);
	tcase_add_loop_test(t, bad_values, 0, (int)ARRAY_LEN(bad));
	tcase_add_test(t, bad_keys);
	tcase_add_test(t, an_address_is_one_thing);
	tcase_add_test(t, catch_alls);
	tcase_add_test(t, nothing_new_writes_nothing);
	tcase_add_test(t, durable);
	tcase_add_test(t, answers_may_be_sent_back);
	tcase_add_test(t, passwords);
	tcase_add_test(t, warnings);
	tcase_add_test(t, the_manuals_alias);
	tcase_add_test(t, alias_lists);
	return rig_run(t, "cmd_account");
}
