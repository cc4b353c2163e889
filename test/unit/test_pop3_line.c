/* pop3_line: commands before the tunnel. */
#include "lib/wire/pop3_line.c"

#include <check.h>

#define HEX32 "c4c9334bac560ecc979e58001b3e22fb"

static const struct {
	struct str line, verb, args;
} splits[] = {
	{ STR_INIT("USER henry@org.us"), STR_INIT("USER"), STR_INIT("henry@org.us") },
	{ STR_INIT("PASS  two blanks "), STR_INIT("PASS"), STR_INIT(" two blanks ") },
	{ STR_INIT("PASS a\tb"), STR_INIT("PASS"), STR_INIT("a\tb") },
	{ STR_INIT("CAPA"), STR_INIT("CAPA"), STR_INIT("") },
	{ STR_INIT("CAPA "), STR_INIT("CAPA"), STR_INIT("") },
	{ STR_INIT(""), STR_INIT(""), STR_INIT("") },
	{ STR_INIT(" x"), STR_INIT(""), STR_INIT("x") },
};

START_TEST(split)
{
	struct pop3_line l;

	pop3_line_split(splits[_i].line, &l);
	ck_assert(str_eq(l.verb, splits[_i].verb));
	ck_assert(str_eq(l.args, splits[_i].args));
}
END_TEST

static const struct {
	struct str args;
	int want;
	struct str name;
} apops[] = {
	{ STR_INIT("mrose " HEX32), 0, STR_INIT("mrose") },
	{ STR_INIT("mrose C4C9334BAC560ECC979E58001B3E22FB"), 0, STR_INIT("mrose") },
	{ STR_INIT("m r " HEX32), 0, STR_INIT("m r") },
	{ STR_INIT(HEX32), -1, STR_INIT("") },
	{ STR_INIT(" " HEX32), -1, STR_INIT("") },
	{ STR_INIT("mrose"), -1, STR_INIT("") },
	{ STR_INIT(""), -1, STR_INIT("") },
	{ STR_INIT("mrose " HEX32 " "), -1, STR_INIT("") },
	{ STR_INIT("mrose " HEX32 "0"), -1, STR_INIT("") },
	{ STR_INIT("mrose 4c9334bac560ecc979e58001b3e22fb"), -1, STR_INIT("") },
	{ STR_INIT("mrose g4c9334bac560ecc979e58001b3e22fb"), -1, STR_INIT("") },
	{ STR_INIT("mrose c4c9334bac560ecc979e58001b3e22f:"), -1, STR_INIT("") },
};

START_TEST(apop)
{
	static const uint8_t want[16] = {
		0xc4, 0xc9, 0x33, 0x4b, 0xac, 0x56, 0x0e, 0xcc,
		0x97, 0x9e, 0x58, 0x00, 0x1b, 0x3e, 0x22, 0xfb
	};
	uint8_t digest[16];
	struct str name;

	ck_assert_msg(pop3_apop_parse(apops[_i].args, &name, digest) == apops[_i].want,
		      "%s", apops[_i].args.p);
	if (apops[_i].want == 0) {
		ck_assert(str_eq(name, apops[_i].name));
		ck_assert(memcmp(digest, want, sizeof(want)) == 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pop3_line");
	TCase *t = tcase_create("all");
	SRunner *run = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, split, 0, (int)ARRAY_LEN(splits));
	tcase_add_loop_test(t, apop, 0, (int)ARRAY_LEN(apops));
	srunner_run_all(run, CK_NORMAL);
	failed = srunner_ntests_failed(run);
	srunner_free(run);
	return failed != 0;
}
