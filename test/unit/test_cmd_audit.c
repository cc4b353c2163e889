/* audit: who changed what, in pages from the newest to the oldest. */
#include "admin/cmd_audit.c"

#include "unit/admin_rig.h"

/* n changes, the ith of address 10.0.0.i. */
static void changes(unsigned n)
{
	char address[16];

	for (unsigned i = 1; i <= n; i++) {
		snprintf(address, sizeof(address), "10.0.0.%u", i);
		ck_ok(ask("clearip", "address", address, NULL));
	}
}

/* numbers: those of the page, one behind the other. */
static void ck_page(const char *total, const char *numbers)
{
	const char *at = answer;
	char got[256] = "", open[64];

	snprintf(open, sizeof(open), "  <changes total=\"%s\">\n", total);
	ck_assert_msg(strstr(answer, open) != NULL, "%s", answer);
	while ((at = strstr(at, "<change>"))) {
		const char *number = tag_from(at, "number");
		char want[32];

		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", got[0] ? " " : "", number);
		snprintf(want, sizeof(want), "address=10.0.0.%s", number);
		ck_assert_str_eq(tag_from(at, "what"), want);
		at++;
	}
	ck_assert_str_eq(got, numbers);
}

START_TEST(nothing)
{
	ck_ok(ask("audit", NULL));
	ck_assert(strstr(answer, "<status>ok</status>\n  <changes total=\"0\">\n  </changes>\n</response>\n"));
}
END_TEST

START_TEST(a_row)
{
	int64_t before = clock_wall_ms() / 1000 * 1000, time;

	rig_who = "uid 0";
	rig_from = "local";
	ck_ok(ask("addnewemail", "email_address", "a@b.cc", "auto_reply_subject", "<gone>", NULL));
	ck_ok(ask("audit", NULL));
	ck_tag("number", "1");
	ck_assert_int_eq(clock_parse_rfc3339(str_z(tag("time")), &time), 0);
	ck_assert(time >= before && time <= clock_wall_ms());
	ck_tag("who", "uid 0");
	ck_tag("from", "local");
	ck_assert(strstr(answer, "      <command>addnewemail</command>\n"
				 "      <what>email_address=a@b.cc auto_reply_subject=&lt;gone&gt;</what>\n"
				 "    </change>\n"));
}
END_TEST

START_TEST(pages)
{
	changes(12);
	ck_ok(ask("audit", NULL));
	ck_page("12", "12 11 10 9 8 7 6 5 4 3 2 1");
	ck_ok(ask("audit", "limit", "3", NULL));
	ck_page("12", "12 11 10");
	ck_ok(ask("audit", "limit", "3", "after", "10", NULL));
	ck_page("12", "9 8 7");
	ck_ok(ask("audit", "after", "2", NULL));
	ck_page("12", "1");
	ck_ok(ask("audit", "after", "1", NULL));
	ck_page("12", "");
	/* before the newest: nobody is there yet */
	ck_ok(ask("audit", "limit", "1", "after", "13", NULL));
	ck_page("12", "12");
	ck_ok(ask("audit", "limit", "1", "after", "9999999999999999", NULL));
	ck_page("12", "12");
	ck_ok(ask("audit", "limit", "2", "after", "", NULL));
	ck_page("12", "12 11");
	/* fifty are the default */
	changes(60);
	ck_ok(ask("audit", NULL));
	ck_assert_uint_eq(times(answer, "<change>"), 50);
	ck_assert(strstr(answer, "<changes total=\"72\">"));
}
END_TEST

static const struct {
	const char *after, *shown;
} bad[] = {
	{ "0", "0" },
	{ "-1", "-1" },
	{ "x", "x" },
	{ "10000000000000000", "10000000000000000" },
	{ "99999999999999999999", "99999999999999999999" },
	{ "1234567890123456789012345678901234567890x", "1234567890123456789012345678901234567890" },
};

START_TEST(bad_after)
{
	char text[128];

	changes(1);
	snprintf(text, sizeof(text), "after: \"%s\" is not the number of a row", bad[_i].shown);
	ck_refused(ask("audit", "after", bad[_i].after, NULL), 400, "bad_value", text);
}
END_TEST

/* What it answers is of one state; reading leaves no row of its own. */
START_TEST(reading)
{
	changes(2);
	ck_ok(ask("audit", NULL));
	ck_ok(ask("audit", NULL));
	ck_page("2", "2 1");
	ck_assert(!call.publish);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("cmd_audit");

	tcase_add_test(t, nothing);
	tcase_add_test(t, a_row);
	tcase_add_test(t, pages);
	tcase_add_loop_test(t, bad_after, 0, (int)ARRAY_LEN(bad));
	tcase_add_test(t, reading);
	return rig_run(t, "cmd_audit");
}
