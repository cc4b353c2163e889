/* Lines of email.csv and alias.csv: what is read, what is written, and back. */
#include "lib/store/csv_line.c"

#include <check.h>

#include "unit/csv_rig.h"
#include "unit/random_record.h"

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
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\tauto_reply_body=1\\t2\\n3\\r4\\\\n=5"),
	  STR_INIT(""), NULL },
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
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\temail_address=d@b.c"), STR_INIT(""), "name \"email_address\"" },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\tspam_setting=3"), STR_INIT(""),
	  "spam_setting: \"3\" is not in 0..2" },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\tauto_reply_body=a\\b"), STR_INIT(""), "a backslash" },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\tauto_reply_body=a\\"), STR_INIT(""), "a backslash" },
	{ &table_accounts, STR_INIT("a@b.c\tp\tM\tauto_reply_body=a\\\0"), STR_INIT(""), "a backslash" },
	{ &table_aliases, STR_INIT("all@b.c"), STR_INIT(""), "fewer than 2 columns" },
	{ &table_aliases, STR_INIT("all@b.c\t"), STR_INIT(""), "alias_list: \"\" is not" },
	{ &table_aliases, STR_INIT("all@b.c a@b.c"), STR_INIT(""), "alias_address: " },
	{ &table_aliases, STR_INIT("all@b.c\ta@b.c\tuser_password=x"), STR_INIT(""), "name \"user_password\"" },
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
		if (csv_line_parse(files[_i], (struct str){ buf_str(&b).p, buf_len(&b) - 1 },
				   &out, &arena, &e) < 0)
			ck_abort_msg("%s", e.text);
		must_be_same(files[_i], &in, &out);
		buf_consume(&b, buf_len(&b));
		arena_free(&arena);
	}
	buf_release(&b);
}
END_TEST

/* Every byte that a text may hold, and a character of each length, in every text field. */
static struct str every_byte(void)
{
	char *p = arena_alloc(&arena, 400);
	size_t n = 0;

	memcpy(p, "x\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbd\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 19);
	for (n = 19; n < 19 + 95; n++)
		p[n] = (char)(' ' + n - 19);
	memcpy(p + n, "\t\n\r\t\t\n\n\r\r\\\\t\\n\\r\\", 16);
	return (struct str){ p, n + 16 };
}

START_TEST(every_byte_of_texts)
{
	const struct table *t = &table_accounts;
	struct buf b;

	buf_init(&b, 1 << 20);
	for (unsigned i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];
		struct account in, out;
		struct err e = { "" };

		if (f->kind != FK_TEXT && !field_is_secret(f->kind))
			continue;
		record_defaults(t, &in);
		in.email_address = STR("a@b.c");
		ck_assert_msg(field_parse(f, &in, every_byte(), &arena, &e) == 0, "%s", e.text);
		ck_assert_int_eq(csv_line_write(t, &in, &b), 0);
		ck_assert_int_eq(str_find(buf_str(&b), '\n'), (ptrdiff_t)buf_len(&b) - 1);
		ck_assert_int_eq(csv_line_parse(t, (struct str){ buf_str(&b).p, buf_len(&b) - 1 },
						&out, &arena, &e),
				 0);
		must_be_same(t, &in, &out);
		buf_consume(&b, buf_len(&b));
	}
	buf_release(&b);
}
END_TEST

/* Any bytes are a line or an error, and what is taken comes back. */
START_TEST(any_bytes)
{
	static const char *const bits[] = {
		"\t", "=",  "\\",	"\\t",	"a@b.c",	  "x",
		",",  "\r", "\xc3\xa9", "\xff", "spam_setting=2", "auto_reply_body="
	};
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
			n += str_copy(line + n, sizeof(line) - n,
				      str_z(bits[rnd(ARRAY_LEN(bits))]));
		if (csv_line_parse(files[_i], (struct str){ line, n }, &rec, &arena, &e) == 0) {
			must(csv_line_write(files[_i], &rec, &b) == 0, "written");
			must(csv_line_parse(files[_i], (struct str){ buf_str(&b).p, buf_len(&b) - 1 },
					    &again, &arena, &e) == 0,
			     "read again");
			must_be_same(files[_i], &rec, &again);
			buf_consume(&b, buf_len(&b));
		}
		arena_free(&arena);
	}
	buf_release(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("csv_line");
	TCase *t = tcase_create("csv_line");
	SRunner *r;
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 600);
	tcase_add_loop_test(t, one_line, 0, (int)ARRAY_LEN(lines));
	tcase_add_loop_test(t, any_line, 0, (int)ARRAY_LEN(files));
	tcase_add_test(t, every_byte_of_texts);
	tcase_add_loop_test(t, any_bytes, 0, (int)ARRAY_LEN(files));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
