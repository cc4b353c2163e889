/* address: the manual's section 6, and paths with their brackets. */
#include "lib/wire/address.c"

#include <check.h>

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10
#define LABEL63 A60 "aaa"

static const struct {
	struct str in;
	enum address_fault want;
} cases[] = {
	{ STR_INIT("henry@org.us"), ADDRESS_OK },
	{ STR_INIT("HENRY@ORG.US"), ADDRESS_OK },
	{ STR_INIT("h@localhost"), ADDRESS_OK },
	{ STR_INIT("h@1.2.3.4"), ADDRESS_OK },
	{ STR_INIT("h@a_b-c.d"), ADDRESS_OK },
	{ STR_INIT("h@_dmarc.d"), ADDRESS_OK },
	{ STR_INIT(""), ADDRESS_EMPTY },
	{ STR_INIT("henry"), ADDRESS_NO_DOMAIN },
	{ STR_INIT("henry@"), ADDRESS_NO_DOMAIN },
	{ STR_INIT("@"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("@org.us"), ADDRESS_BAD_LOCAL },
	/* the local part */
	{ STR_INIT("user+tag@d"), ADDRESS_OK },
	{ STR_INIT("a-b_c.d@d"), ADDRESS_OK },
	{ STR_INIT("o=x@d"), ADDRESS_OK },
	{ STR_INIT("a!b@d"), ADDRESS_OK },
	{ STR_INIT("a%b@d"), ADDRESS_OK },
	{ STR_INIT("a/b#c$d&e*f?g^h`i{j|k}l~m@d"), ADDRESS_OK },
	{ STR_INIT("-a@d"), ADDRESS_OK },
	{ STR_INIT("a-@d"), ADDRESS_OK },
	{ STR_INIT("1@d"), ADDRESS_OK },
	{ STR_INIT("\xe4\xff\xa0@d"), ADDRESS_OK },
	{ STR_INIT("\xe4.\xe4@d"), ADDRESS_OK },
	{ STR_INIT("bounce+user=example.com@list.org"), ADDRESS_OK },
	{ STR_INIT("prvs=0123=user@d"), ADDRESS_OK },
	{ STR_INIT("SRS0=HHH=TT=domain=user@fwd"), ADDRESS_OK },
	{ STR_INIT("SRS1=HHH=first.example==HHH=TT=domain=user@fwd"), ADDRESS_OK },
	{ STR_INIT("srs1+HHH=first.example=-HHH=TT=domain=user@fwd"), ADDRESS_OK },
	{ STR_INIT("SRS0=+H/=TT=domain=-user@fwd"), ADDRESS_OK },
	{ STR_INIT("SRS0=HHH=TT=domain=a..b@fwd"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("SRS0=HHH=TT=domain=a;b@fwd"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("SRS0=HHH=TT=domain=a.@fwd"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("SRS2=HHH==TT@fwd"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("SRS0.a==b@fwd"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("XSRS0=a==b@fwd"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("b--x_y@list.org"), ADDRESS_BAD_LOCAL }, /* the price of the rule */
	{ STR_INIT("brad@@org.us"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a@b@c"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a..b@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a.-b@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a__b@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT(".a@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a.@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT(".@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("\"a\"@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a(b)@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a[b@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a]b@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a\\b@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a;b@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a:b@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a,b@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a<b@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a>b@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a'b@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a b@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT(" a@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a\tb@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a\0b@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a\r\nb@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a\x7f@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a\x80@d"), ADDRESS_BAD_LOCAL },
	{ STR_INIT("a\x9f@d"), ADDRESS_BAD_LOCAL },
	/* the domain */
	{ STR_INIT("a@d "), ADDRESS_BAD_DOMAIN },
	{ STR_INIT("a@ d"), ADDRESS_BAD_DOMAIN },
	{ STR_INIT("a@.d"), ADDRESS_BAD_DOMAIN },
	{ STR_INIT("a@d."), ADDRESS_BAD_DOMAIN },
	{ STR_INIT("a@d..e"), ADDRESS_BAD_DOMAIN },
	{ STR_INIT("a@-d"), ADDRESS_BAD_DOMAIN },
	{ STR_INIT("a@d-"), ADDRESS_BAD_DOMAIN },
	{ STR_INIT("a@d.-e"), ADDRESS_BAD_DOMAIN },
	{ STR_INIT("a@d-.e"), ADDRESS_BAD_DOMAIN },
	{ STR_INIT("a@d\0.e"), ADDRESS_BAD_DOMAIN },
	{ STR_INIT("a@d+e"), ADDRESS_BAD_DOMAIN },
	{ STR_INIT("a@[1.2.3.4]"), ADDRESS_BAD_DOMAIN },
	{ STR_INIT("a@\xe4"), ADDRESS_BAD_DOMAIN },
	/* lengths */
	{ STR_INIT(A60 "aaaa@d"), ADDRESS_OK },
	{ STR_INIT(A60 "aaaaa@d"), ADDRESS_TOO_LONG },
	{ STR_INIT("a@" LABEL63 ".d"), ADDRESS_OK },
	{ STR_INIT("a@" LABEL63 "a.d"), ADDRESS_BAD_DOMAIN },
	{ STR_INIT("a@" A60 "." A60 "." A60 "." A60 "."
		   "aaaaaaaa"),
	  ADDRESS_OK }, /* 254 */
	{ STR_INIT("a@" A60 "." A60 "." A60 "." A60 "."
		   "aaaaaaaaa"),
	  ADDRESS_TOO_LONG },
};

START_TEST(mailbox)
{
	struct address a = { STR("x"), STR("x"), STR("x") };
	enum address_fault f = address_parse(cases[_i].in, &a);

	ck_assert_msg(f == cases[_i].want, "<%.*s>: %s", STR_ARG(cases[_i].in),
		      address_fault_text(f));
	ck_assert_int_eq(address_parse(cases[_i].in, NULL), f);
	if (f == ADDRESS_OK) {
		ck_assert(str_eq(a.full, cases[_i].in));
		ck_assert_uint_eq(a.local.n + 1 + a.domain.n, a.full.n);
		ck_assert(a.local.p == a.full.p &&
			  a.domain.p == a.local.p + a.local.n + 1);
	} else {
		ck_assert_msg(str_eq(a.full, STR("x")), "a fault writes nothing");
	}
}
END_TEST

START_TEST(each_byte)
{
	for (int c = 0; c < 256; c++) {
		char local[] = "aXb@d", domain[] = "a@dXe";
		bool forbidden =
			c <= 32 || (c >= 127 && c <= 159) || strchr("@()[]\\;:,<>\"'", c);
		bool host = c && c < 128 && (char_alnum((char)c) || strchr(".-_", c));

		local[1] = domain[3] = (char)c;
		ck_assert_msg((address_parse(STR(local), NULL) == ADDRESS_OK) ==
				      !forbidden,
			      "byte %d before the @", c);
		ck_assert_msg((address_parse(STR(domain), NULL) == ADDRESS_OK) == host,
			      "byte %d behind the @", c);
	}
}
END_TEST

START_TEST(account)
{
	struct address a;

	ck_assert_int_eq(address_parse_account(STR("@example.com"), &a), ADDRESS_OK);
	ck_assert(str_empty(a.local) && str_eq(a.domain, STR("example.com")));
	ck_assert_int_eq(address_parse_account(STR("a@example.com"), &a), ADDRESS_OK);
	ck_assert_int_eq(address_parse_account(STR("@"), &a), ADDRESS_NO_DOMAIN);
	ck_assert_int_eq(address_parse_account(STR("@a..b"), &a), ADDRESS_BAD_DOMAIN);
	ck_assert_int_eq(address_parse_account(STR("@@b"), &a), ADDRESS_BAD_LOCAL);
	ck_assert_int_eq(address_parse_account(STR(""), &a), ADDRESS_EMPTY);
}
END_TEST

enum { NULL_OK = 1, BARE_OK = 2 };

static const struct {
	struct str in;
	int may;
	enum address_fault want;
	struct str full, rest;
} paths[] = {
	{ STR_INIT("<a@b> SIZE=1"), 0, ADDRESS_OK, STR_INIT("a@b"), STR_INIT(" SIZE=1") },
	{ STR_INIT("<a@b>"), 0, ADDRESS_OK, STR_INIT("a@b"), STR_INIT("") },
	{ STR_INIT("<>"), NULL_OK, ADDRESS_OK, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("<> X"), NULL_OK, ADDRESS_OK, STR_INIT(""), STR_INIT(" X") },
	{ STR_INIT("<>"), BARE_OK, ADDRESS_EMPTY, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("<PostMaster>"), BARE_OK, ADDRESS_OK, STR_INIT("PostMaster"),
	  STR_INIT("") },
	{ STR_INIT("<postmaster>"), NULL_OK, ADDRESS_NO_DOMAIN, STR_INIT(""),
	  STR_INIT("") },
	{ STR_INIT("<henry>"), BARE_OK, ADDRESS_NO_DOMAIN, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("a@b"), 0, ADDRESS_BAD_BRACKETS, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("<a@b"), 0, ADDRESS_BAD_BRACKETS, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("a@b>"), 0, ADDRESS_BAD_BRACKETS, STR_INIT(""), STR_INIT("") },
	{ STR_INIT(""), NULL_OK, ADDRESS_BAD_BRACKETS, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("<"), NULL_OK, ADDRESS_BAD_BRACKETS, STR_INIT(""), STR_INIT("") },
	{ STR_INIT(">"), NULL_OK, ADDRESS_BAD_BRACKETS, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("<<a@b>>"), 0, ADDRESS_BAD_LOCAL, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("< a@b>"), 0, ADDRESS_BAD_LOCAL, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("<a@b >"), 0, ADDRESS_BAD_DOMAIN, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("<\"a>b\"@c>"), 0, ADDRESS_NO_DOMAIN, STR_INIT(""), STR_INIT("") },
	/* source routes */
	{ STR_INIT("<@a,@b:user@c> X"), 0, ADDRESS_OK, STR_INIT("user@c"),
	  STR_INIT(" X") },
	{ STR_INIT("<@a.b:user@c>"), NULL_OK, ADDRESS_OK, STR_INIT("user@c"),
	  STR_INIT("") },
	{ STR_INIT("<@a:>"), NULL_OK, ADDRESS_EMPTY, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("<@a:postmaster>"), BARE_OK, ADDRESS_NO_DOMAIN, STR_INIT(""),
	  STR_INIT("") },
	{ STR_INIT("<@a user@c>"), 0, ADDRESS_BAD_DOMAIN, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("<@:user@c>"), 0, ADDRESS_BAD_DOMAIN, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("<@a,:user@c>"), 0, ADDRESS_BAD_DOMAIN, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("<@a,bc:user@c>"), 0, ADDRESS_BAD_DOMAIN, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("<@a,@:user@c>"), 0, ADDRESS_BAD_DOMAIN, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("<@a,,@b:user@c>"), 0, ADDRESS_BAD_DOMAIN, STR_INIT(""),
	  STR_INIT("") },
	{ STR_INIT("<@a-:user@c>"), 0, ADDRESS_BAD_DOMAIN, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("<a:user@c>"), 0, ADDRESS_BAD_LOCAL, STR_INIT(""), STR_INIT("") },
	{ STR_INIT("<@a:@b:user@c>"), 0, ADDRESS_BAD_LOCAL, STR_INIT(""), STR_INIT("") },
};

START_TEST(path)
{
	struct str in = paths[_i].in;
	struct address a;
	enum address_fault f =
		address_path(&in, paths[_i].may & NULL_OK, paths[_i].may & BARE_OK, &a);

	ck_assert_msg(f == paths[_i].want, "%s: %s", paths[_i].in.p,
		      address_fault_text(f));
	if (f != ADDRESS_OK) {
		ck_assert_msg(in.p == paths[_i].in.p && in.n == paths[_i].in.n,
			      "it stays");
		return;
	}
	ck_assert(str_eq(a.full, paths[_i].full));
	ck_assert(str_eq(in, paths[_i].rest));
}
END_TEST

START_TEST(fold)
{
	char dst[LIMIT_ADDRESS + 1];
	struct address a;

	ck_assert_int_eq(address_parse(STR("Henry.X\xc4@ORG.us"), &a), ADDRESS_OK);
	ck_assert_uint_eq(address_fold(&a, dst), 15);
	ck_assert_str_eq(dst, "henry.x\xc4@org.us");
	a = (struct address){ { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };
	ck_assert_uint_eq(address_fold(&a, dst), 0);
	ck_assert_str_eq(dst, "");
}
END_TEST

START_TEST(texts)
{
	for (int f = 0; f < ADDRESS_FAULTS; f++)
		ck_assert(strlen(address_fault_text((enum address_fault)f)) > 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("address");
	TCase *t = tcase_create("all");
	SRunner *run = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, mailbox, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(t, each_byte);
	tcase_add_test(t, account);
	tcase_add_loop_test(t, path, 0, (int)ARRAY_LEN(paths));
	tcase_add_test(t, fold);
	tcase_add_test(t, texts);
	srunner_run_all(run, CK_NORMAL);
	failed = srunner_ntests_failed(run);
	srunner_free(run);
	return failed != 0;
}
