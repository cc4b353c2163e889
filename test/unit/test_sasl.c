/* The mechanisms as raw bytes: the examples of their RFCs, wrong proofs, and what hostile
 * clients send. */
#include "lib/session/sasl.c"

#include <check.h>

#include "lib/base/limits.h"
#include "session/sasl_client.h"

static struct sasl *s;
static struct buf out;

static void setup(void)
{
	buf_init(&out, 4096);
}

static void teardown(void)
{
	sasl_free(&s);
	buf_release(&out);
}

/* Ends the exchange before, begins another. */
static void begin(const char *mechanism)
{
	sasl_free(&s);
	s = sasl_new(str_z(mechanism));
	ck_assert_ptr_nonnull(s);
}

static enum sasl_result step_n(const char *bytes, size_t n)
{
	buf_release(&out);
	return sasl_step(s, (struct str){ bytes, n }, &out);
}

static enum sasl_result step(const char *text)
{
	return step_n(text, strlen(text));
}

#define STEP(lit) step_n(lit, sizeof(lit) - 1)

static bool is(struct str a, const char *b)
{
	return str_eq(a, str_z(b));
}

START_TEST(known_names)
{
	static const char *const wrong[] = { "",	  "LOGI",
					     "LOGINX",	  "PLAIN ",
					     "CRAM-SHA1", "SCRAM-SHA-256-PLUS",
					     "ANONYMOUS", "EXTERNAL" };
	struct str all = STR(SASL_MECHANISMS), name;

	while (str_split(&all, ' ', &name)) {
		s = sasl_new(name);
		ck_assert(s && is(name, sasl_name(s)));
		sasl_free(&s);
		ck_assert_ptr_null(s);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		ck_assert_ptr_null(sasl_new(str_z(wrong[i])));
	begin("scram-sha-256");
	ck_assert_str_eq(sasl_name(s), "SCRAM-SHA-256");
}
END_TEST

/* --- PLAIN (RFC 4616), LOGIN --- */

static const struct {
	const char *bytes;
	size_t n;
	enum sasl_result result;
	const char *user, *password;
} plains[] = {
#define ROW(lit, result, user, password) \
	{ \
		lit, sizeof(lit) - 1, result, user, password \
	}
	ROW("\0tim\0tanstaaftanstaaf", SASL_PASSWORD, "tim", "tanstaaftanstaaf"), /* RFC 4616 4 */
	ROW("\0a@t\0two  words ", SASL_PASSWORD, "a@t", "two  words "),
	ROW("\0\xc3\xbc@t\0\xe2\x82\xac", SASL_PASSWORD, "\xc3\xbc@t", "\xe2\x82\xac"),
	ROW("tim\0tim\0x", SASL_PASSWORD, "tim", "x"), /* himself, said aloud */
	ROW("Tim@T\0tim@t\0x", SASL_PASSWORD, "tim@t", "x"),
	ROW("Ursel\0Kurt\0xipj3plmq", SASL_BAD, "", ""), /* nobody acts for another here */
	ROW("tim", SASL_BAD, "", ""),
	ROW("\0tim", SASL_BAD, "", ""),
	ROW("\0\0x", SASL_PASSWORD, "", "x"), /* nobody's name */
	ROW("\0", SASL_BAD, "", ""),
	ROW("\0a@t\0se\0cret", SASL_BAD, "", ""),
#undef ROW
};

START_TEST(plain)
{
	begin("PLAIN");
	ck_assert_int_eq(step_n(plains[_i].bytes, plains[_i].n), plains[_i].result);
	if (plains[_i].result != SASL_PASSWORD)
		return;
	ck_assert(is(sasl_user(s), plains[_i].user));
	ck_assert(is(sasl_password(s), plains[_i].password));
}
END_TEST

START_TEST(plain_in_two_steps)
{
	begin("PLAIN");
	ck_assert_int_eq(step(""), SASL_CONTINUE);
	ck_assert_uint_eq(buf_len(&out), 0);
	ck_assert_int_eq(STEP("\0tim\0x"), SASL_PASSWORD);
}
END_TEST

START_TEST(login)
{
	begin("LOGIN");
	ck_assert_int_eq(step(""), SASL_CONTINUE);
	ck_assert(is(buf_str(&out), "User Name"));
	ck_assert_int_eq(step("a@t"), SASL_CONTINUE);
	ck_assert(is(buf_str(&out), "Password"));
	ck_assert_int_eq(step("two  words "), SASL_PASSWORD);
	ck_assert(is(sasl_user(s), "a@t") && is(sasl_password(s), "two  words "));
}
END_TEST

/* Some clients send the name with the command; it must not be lost, or the password would be
 * taken for the name, and logged. */
START_TEST(login_with_name_first)
{
	begin("LOGIN");
	ck_assert_int_eq(step("a@t"), SASL_CONTINUE);
	ck_assert(is(buf_str(&out), "Password"));
	ck_assert_int_eq(step("secret"), SASL_PASSWORD);
	ck_assert(is(sasl_user(s), "a@t") && is(sasl_password(s), "secret"));
}
END_TEST

START_TEST(login_faults)
{
	begin("LOGIN");
	ck_assert_int_eq(step(""), SASL_CONTINUE);
	ck_assert_int_eq(STEP("a\0b"), SASL_BAD);
	begin("LOGIN");
	ck_assert_int_eq(step(""), SASL_CONTINUE);
	ck_assert_int_eq(step("a@t"), SASL_CONTINUE);
	ck_assert_int_eq(STEP("se\0cret"), SASL_BAD);
}
END_TEST

/* Names and passwords that are too long are nobody's. */
START_TEST(long_secrets)
{
	char big[1500];

	memset(big, 'x', sizeof(big));
	big[0] = '\0';
	big[700] = '\0';
	begin("PLAIN");
	if (step_n(big, sizeof(big)) == SASL_PASSWORD)
		ck_assert(sasl_user(s).n > LIMIT_ADDRESS && sasl_password(s).n > LIMIT_PASSWORD);
}
END_TEST

/* --- CRAM-MD5 --- */

START_TEST(cram_example) /* RFC 2195 2 */
{
	ck_assert_str_eq(cram_answer("tim", "tanstaaftanstaaf",
				     STR("<1896.697170952@postoffice.reston.mci.net>")),
			 "tim b913a602c7eda7a495b4e6e7334d3890");
}
END_TEST

/* The server's verdict on the answer of a client with this password. */
static enum sasl_result cram(const char *password, const char *known)
{
	const char *answer;

	begin("CRAM-MD5");
	ck_assert_int_eq(step(""), SASL_CONTINUE);
	answer = cram_answer("tim", password, buf_str(&out));
	ck_assert_int_eq(step(answer), SASL_SECRET);
	ck_assert(is(sasl_user(s), "tim"));
	sasl_set_secret(s, str_z(known));
	return step(answer);
}

START_TEST(cram_md5)
{
	ck_assert_int_eq(cram("tanstaaftanstaaf", "tanstaaftanstaaf"), SASL_OK);
	ck_assert_int_eq(cram("tanstaaftanstaaf", "tanstaaftanstaa"), SASL_BAD);
	ck_assert_int_eq(cram("", "tanstaaftanstaaf"), SASL_BAD);
	ck_assert_int_eq(cram("", ""), SASL_BAD); /* none is not one */
}
END_TEST

START_TEST(cram_faults)
{
	static const char *const wrong[] = { "tim", "tim 0123", "b913a602c7eda7a495b4e6e7334d3890",
					     "tim b913a602c7eda7a495b4e6e7334d389" };

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		begin("CRAM-MD5");
		ck_assert_int_eq(step(""), SASL_CONTINUE);
		ck_assert_int_eq(step(wrong[i]), SASL_BAD);
	}
}
END_TEST

/* RFC 2195 2: a challenge is never used twice. */
START_TEST(cram_challenges)
{
	char first[256];

	begin("CRAM-MD5");
	ck_assert_int_eq(step(""), SASL_CONTINUE);
	str_copy(first, sizeof(first), buf_str(&out));
	begin("CRAM-MD5");
	ck_assert_int_eq(step(""), SASL_CONTINUE);
	ck_assert(!is(buf_str(&out), first));
}
END_TEST

/* --- SCRAM-SHA-256 --- */

#define FIRST_7677 \
	"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEs" \
	"UEjb6gQ==,i=4096"

START_TEST(scram_example) /* RFC 7677 3 */
{
	struct scram_client c;

	ck_assert_str_eq(scram_first(&c, "user", "pencil", "rOprNGfwEbeRWgbNEkqO"),
			 "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
	ck_assert_str_eq(scram_last(&c, STR(FIRST_7677)),
			 "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
			 "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
	ck_assert_str_eq(c.signature, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}
END_TEST

/* The keys of that example: H(ClientKey) undoes its proof. */
START_TEST(scram_keys_example)
{
	static const char *const first = "n=user,r=rOprNGfwEbeRWgbNEkqO";
	static const char *const last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
	uint8_t stored[32], server[32], sig[32], sum[32];
	char salt[16], proof[32], all[512];
	int n = snprintf(all, sizeof(all), "%s,%s,%s", first, FIRST_7677, last);
	struct str whole = { all, (size_t)n };

	ck_assert_int_eq(hash_unb64(STR("W22ZaJ0SNY7soEsUEjb6gQ=="), salt, 16), 16);
	ck_assert_int_eq(hash_unb64(STR("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), proof, 32), 32);
	ck_assert_int_eq(sasl_scram_keys(STR("pencil"), (struct str){ salt, 16 }, 4096, stored, server), 0);
	scram_hmac(server, whole, sig);
	ck_assert_str_eq(base64_of(sig, 32), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
	scram_hmac(stored, whole, sig);
	for (int i = 0; i < 32; i++)
		sig[i] ^= (uint8_t)proof[i];
	hash_sha256((struct str){ (const char *)sig, 32 }, sum);
	ck_assert_mem_eq(sum, stored, 32);
}
END_TEST

static void give_keys(const char *password)
{
	uint8_t stored[32], server[32];

	ck_assert_int_eq(sasl_scram_keys(str_z(password), sasl_salt(s), SCRAM_ROUNDS, stored, server), 0);
	sasl_set_keys(s, stored, server);
}

/* Up to the server's verdict; c is ready for its signature. */
static enum sasl_result scram(struct scram_client *c, const char *password, const char *known, bool initial)
{
	char first[512];

	begin("SCRAM-SHA-256");
	if (!initial)
		ck_assert_int_eq(step(""), SASL_CONTINUE);
	ck_assert_int_eq(step(scram_first(c, "tim@t", password, "0123456789abcdef")), SASL_KEYS);
	ck_assert(is(sasl_user(s), "tim@t"));
	ck_assert_uint_eq(sasl_salt(s).n, 16);
	str_copy(first, sizeof(first), buf_str(&out));
	give_keys(known);
	return step(scram_last(c, str_z(first)));
}

START_TEST(scram_sha_256)
{
	struct scram_client c;
	char want[80];

	ck_assert_int_eq(scram(&c, "pencil", "pencil", _i), SASL_OK);
	snprintf(want, sizeof(want), "v=%s", c.signature);
	ck_assert(is(buf_str(&out), want)); /* the server has shown that it knows, too */
	ck_assert_int_eq(scram(&c, "pencil", "pencils", _i), SASL_BAD);
	ck_assert_uint_eq(buf_len(&out), 0);
}
END_TEST

static const char *const scram_wrong[] = {
	"",
	"x",
	"n,,",
	"n,,n=tim",
	"n,,r=x",
	"n=tim,r=x",
	"y",
	"p=tls-unique,,n=tim,r=x",
	"n,a=other@t,n=tim@t,r=0123456789",
	"n,,n=ti=m,r=x",
	"n,,n=,r=0123",
};

START_TEST(scram_faults)
{
	begin("SCRAM-SHA-256");
	ck_assert_int_eq(step(""), SASL_CONTINUE);
	ck_assert_int_ne(step(scram_wrong[_i]), SASL_OK);
	if (_i > 0)
		ck_assert_int_eq(step(scram_wrong[_i]), SASL_BAD);
}
END_TEST

/* Another nonce, another channel binding: somebody is in between. */
START_TEST(scram_changed)
{
	struct scram_client c;
	char first[512], last[1024];

	begin("SCRAM-SHA-256");
	ck_assert_int_eq(step(scram_first(&c, "tim", "pencil", "0123456789")), SASL_KEYS);
	str_copy(first, sizeof(first), buf_str(&out));
	give_keys("pencil");
	str_copy(last, sizeof(last), str_z(scram_last(&c, str_z(first))));
	if (_i)
		last[strlen("c=biws,r=")] ^= 1;
	else
		memcpy(last, "c=eSws", 6);
	ck_assert_int_eq(step(last), SASL_BAD);
}
END_TEST

/* A proof without keys proves nothing. */
START_TEST(scram_without_keys)
{
	struct scram_client c;
	char first[512];

	begin("SCRAM-SHA-256");
	ck_assert_int_eq(step(scram_first(&c, "tim", "", "0123456789")), SASL_KEYS);
	str_copy(first, sizeof(first), buf_str(&out));
	ck_assert_int_eq(step(scram_last(&c, str_z(first))), SASL_BAD);
}
END_TEST

START_TEST(key_faults)
{
	uint8_t stored[32], server[32];

	ck_assert_int_eq(sasl_scram_keys(STR("x"), STR("salt"), 0, stored, server), -1);
}
END_TEST

/* --- any mechanism --- */

/* An exchange has an end, whatever the client answers. */
START_TEST(endless)
{
	static const char *const names[] = { "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256" };
	int n = 0;

	begin(names[_i]);
	while (step("") == SASL_CONTINUE)
		ck_assert_int_lt(++n, 10);
}
END_TEST

/* No answer fits where there is no room. */
START_TEST(no_room)
{
	begin("CRAM-MD5");
	buf_init(&out, 4);
	ck_assert_int_eq(step(""), SASL_BAD);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_test(t, known_names);
	tcase_add_loop_test(t, plain, 0, (int)ARRAY_LEN(plains));
	tcase_add_test(t, plain_in_two_steps);
	tcase_add_test(t, login);
	tcase_add_test(t, login_with_name_first);
	tcase_add_test(t, login_faults);
	tcase_add_test(t, long_secrets);
	tcase_add_test(t, cram_example);
	tcase_add_test(t, cram_md5);
	tcase_add_test(t, cram_faults);
	tcase_add_test(t, cram_challenges);
	tcase_add_test(t, scram_example);
	tcase_add_test(t, scram_keys_example);
	tcase_add_loop_test(t, scram_sha_256, 0, 2);
	tcase_add_loop_test(t, scram_faults, 0, (int)ARRAY_LEN(scram_wrong));
	tcase_add_loop_test(t, scram_changed, 0, 2);
	tcase_add_test(t, scram_without_keys);
	tcase_add_test(t, key_faults);
	tcase_add_loop_test(t, endless, 0, 4);
	tcase_add_test(t, no_room);
}

int main(void)
{
	Suite *suite = suite_create("sasl");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	add_tests(t);
	suite_add_tcase(suite, t);
	r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
