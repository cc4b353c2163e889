/* hash: the vectors of the papers and RFCs, and a base64 that reads one text one way. */
#include "lib/base/hash.c"

#include "unit/property.h"

/* --- SipHash-2-4: key 00..0f, input 00..n-1; the table of the authors' reference code --- */

static const struct {
	size_t n;
	uint64_t want;
} sips[] = {
	{ 0, 0x726fdb47dd0e0e31u },  { 1, 0x74f839c593dc67fdu },  { 2, 0x0d6c8009d9a94f5au },
	{ 3, 0x85676696d7fb7e2du },  { 4, 0xcf2794e0277187b7u },  { 5, 0x18765564cd99a68du },
	{ 6, 0xcbc9466e58fee3ceu },  { 7, 0xab0200f58b01d137u },  { 8, 0x93f5f5799a932462u },
	{ 15, 0xa129ca6149be45e5u }, { 63, 0x958a324ceb064572u },
};

START_TEST(siphash)
{
	uint8_t key[16], in[64];

	for (int i = 0; i < 64; i++) {
		in[i] = (uint8_t)i;
		key[i % 16] = (uint8_t)(i % 16);
	}
	ck_assert_uint_eq(hash_sip(key, (struct str){ (char *)in, sips[_i].n }), sips[_i].want);
}
END_TEST

/* The ring of every installation stands on these numbers: they never change. */
START_TEST(stable)
{
	ck_assert_uint_eq(hash_stable(STR(""), 0), 0x1e924b9d737700d7u);
	ck_assert_uint_eq(hash_stable((struct str){ NULL, 0 }, 0), 0x1e924b9d737700d7u);
	ck_assert_uint_eq(hash_stable(STR("mail1"), 1), 0xfcd9a209983c349cu);
	ck_assert_uint_ne(hash_stable(STR("mail1"), 1), hash_stable(STR("mail1"), 2));
	ck_assert_uint_ne(hash_stable(STR("mail1"), 1), hash_stable(STR("mail1"), 1ull << 63));
}
END_TEST

/* --- digests --- */

static const char *hex(const uint8_t *p, size_t n)
{
	static char text[65];

	memset(text, '#', sizeof(text));
	hash_hex(p, n, text);
	return text;
}

static const struct {
	struct str in;
	const char *sha256, *md5;
} digests[] = { /* FIPS 180-4 examples; RFC 1321 A.5, RFC 1939 7 */
	{ STR_INIT(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	  "d41d8cd98f00b204e9800998ecf8427e" },
	{ { NULL, 0 }, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	  "d41d8cd98f00b204e9800998ecf8427e" },
	{ STR_INIT("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	  "900150983cd24fb0d6963f7d28e17f72" },
	{ STR_INIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
	  "8215ef0796a20bcaaae116d3876c664a" },
	{ STR_INIT("<1896.697170952@dbc.mtview.ca.us>tanstaaf"), NULL,
	  "c4c9334bac560ecc979e58001b3e22fb" },
};

START_TEST(digesting)
{
	struct str in = digests[_i].in;
	uint8_t out[32];

	hash_md5(in, out);
	ck_assert_str_eq(hex(out, 16), digests[_i].md5);
	if (!digests[_i].sha256)
		return;
	hash_sha256(in, out);
	ck_assert_str_eq(hex(out, 32), digests[_i].sha256);
	for (size_t cut = 0; cut <= in.n; cut++) {
		struct hash *h = hash_begin();

		hash_more(h, (struct str){ in.p, cut });
		hash_more(h, str_skip(in, cut));
		hash_end(&h, out);
		ck_assert_ptr_null(h);
		ck_assert_str_eq(hex(out, 32), digests[_i].sha256);
	}
}
END_TEST

START_TEST(other_digests) /* FIPS 180-4 examples */
{
	uint8_t out[64];
	char text[129];

	hash_sha1(STR("abc"), out);
	ck_assert_str_eq(hex(out, 20), "a9993e364706816aba3e25717850c26c9cd0d89d");
	hash_sha512(STR("abc"), out);
	hash_hex(out, 64, text);
	ck_assert_str_eq(text, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
			       "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}
END_TEST

START_TEST(a_million)
{
	struct hash *h = hash_begin(), *none = NULL;
	char a[1000];
	uint8_t out[32];

	memset(a, 'a', sizeof(a));
	for (int i = 0; i < 1000; i++)
		hash_more(h, (struct str){ a, sizeof(a) });
	hash_end(&h, out);
	ck_assert_str_eq(hex(out, 32),
			 "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	h = hash_begin();
	hash_more(h, STR("never ended"));
	hash_drop(&h);
	ck_assert_ptr_null(h);
	hash_drop(&h);
	hash_drop(&none);
}
END_TEST

#define AA10 "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
#define AA131 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 "\xaa"
#define DD10 "\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
#define OB10 "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"

static const struct {
	struct str key, in;
	const char *want;
} macs[] = { /* RFC 4231 4.2, 4.3, 4.4, 4.7, 4.8; and the empty of both */
	{ STR_INIT(OB10 OB10), STR_INIT("Hi There"),
	  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ STR_INIT("Jefe"), STR_INIT("what do ya want for nothing?"),
	  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ STR_INIT(AA10 AA10), STR_INIT(DD10 DD10 DD10 DD10 DD10),
	  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
	{ STR_INIT(AA131), STR_INIT("Test Using Larger Than Block-Size Key - Hash Key First"),
	  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
	{ STR_INIT(AA131),
	  STR_INIT("This is a test using a larger than block-size key and a larger than "
		   "block-size data. The key needs to be hashed before being used by the HMAC "
		   "algorithm."),
	  "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
	{ { NULL, 0 }, { NULL, 0 },
	  "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
};

START_TEST(hmac)
{
	uint8_t out[32];

	hash_hmac_sha256(macs[_i].key, macs[_i].in, out);
	ck_assert_str_eq(hex(out, 32), macs[_i].want);
}
END_TEST

static const struct {
	struct str password, salt;
	unsigned rounds;
	const char *want;
} derived[] = { /* RFC 7914 11, first block; RFC 6070's inputs under SHA-256 */
	{ STR_INIT("passwd"), STR_INIT("salt"), 1,
	  "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc" },
	{ STR_INIT("Password"), STR_INIT("NaCl"), 80000,
	  "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56" },
	{ STR_INIT("password"), STR_INIT("salt"), 2,
	  "ae4d0c95af6b46d32d0adff928f06dd02a303f8ef3c251dfd6e2d85a95474c43" },
	{ STR_INIT("pass\0word"), STR_INIT("sa\0lt"), 4096,
	  "89b69d0516f829893c696226650a86878c029ac13ee276509d5ae58b6466a724" },
};

START_TEST(pbkdf2)
{
	uint8_t out[32];

	hash_pbkdf2(derived[_i].password, derived[_i].salt, derived[_i].rounds, out);
	ck_assert_str_eq(hex(out, 32), derived[_i].want);
	hash_pbkdf2((struct str){ NULL, 0 }, (struct str){ NULL, 0 }, 1, out); /* is no bug */
}
END_TEST

START_TEST(hexing)
{
	ck_assert_str_eq(hex((const uint8_t *)"\x00\x0f\xf0\xff\x9a", 5), "000ff0ff9a");
	ck_assert_str_eq(hex(NULL, 0), "");
}
END_TEST

/* --- base64 --- */

static const struct {
	struct str bytes;
	const char *text;
} b64s[] = { /* RFC 4648 10, and every digit */
	{ STR_INIT(""), "" },
	{ STR_INIT("f"), "Zg==" },
	{ STR_INIT("fo"), "Zm8=" },
	{ STR_INIT("foo"), "Zm9v" },
	{ STR_INIT("foob"), "Zm9vYg==" },
	{ STR_INIT("fooba"), "Zm9vYmE=" },
	{ STR_INIT("foobar"), "Zm9vYmFy" },
	{ STR_INIT("\0user\0pass"), "AHVzZXIAcGFzcw==" },
	{ STR_INIT("\xff\xff\xff\xfb\xef\xbe"), "////++++" },
	{ STR_INIT("\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51\x55\x97\x61"
		   "\x96\x9b\x71\xd7\x9f\x82\x18\xa3\x92\x59\xa7\xa2\x9a\xab\xb2\xdb\xaf\xc3\x1c"
		   "\xb3\xd3\x5d\xb7\xe3\x9e\xbb\xf3\xdf\xbf"),
	  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" },
};

START_TEST(base64)
{
	struct str bytes = b64s[_i].bytes, text = str_z(b64s[_i].text);
	char dst[80];

	memset(dst, '#', sizeof(dst));
	ck_assert_uint_eq(hash_b64(bytes, dst), text.n);
	ck_assert_str_eq(dst, b64s[_i].text);
	ck_assert_int_eq(dst[text.n + 1], '#');
	memset(dst, '#', sizeof(dst));
	ck_assert_int_eq(hash_unb64(text, dst, bytes.n), (int)bytes.n);
	ck_assert(str_eq((struct str){ dst, bytes.n }, bytes));
	ck_assert_int_eq(dst[bytes.n], '#');
	if (bytes.n > 0)
		ck_assert_int_eq(hash_unb64(text, dst, bytes.n - 1), -1);
}
END_TEST

static const struct str not_base64[] = {
	STR_INIT("Z"),	      STR_INIT("Zg"),	   STR_INIT("Zg="),	 STR_INIT("Zm9vYg"),
	STR_INIT("="),	      STR_INIT("===="),	   STR_INIT("Z==="),	 STR_INIT("=Zg="),
	STR_INIT("Z=g="),     STR_INIT("Zg=v"),	   STR_INIT("Zg==Zg=="), STR_INIT("Zm8=Zm9v"),
	STR_INIT("Zm9vYg==="), STR_INIT("Zm9v===="), STR_INIT("Zm9 "),	 STR_INIT(" Zm9"),
	STR_INIT("Zm9v\r\n"), STR_INIT("Zm\r\n"),  STR_INIT("Zm-_"),	 STR_INIT("Zm9\0"),
	STR_INIT("\0\0\0\0"), STR_INIT("Zm9\xe4"), STR_INIT("Zm9."),
	/* bits behind the end that are not zero: "Zg==" and "Zm8=" in disguise */
	STR_INIT("Zh=="),     STR_INIT("Zv=="),	   STR_INIT("Zm9="),	 STR_INIT("Zm+="),
};

START_TEST(strict)
{
	char dst[16];

	ck_assert_msg(hash_unb64(not_base64[_i], dst, sizeof(dst)) == -1, "%s",
		      not_base64[_i].p);
}
END_TEST

/* Does not look behind its end for the rest of a group. */
START_TEST(whole_groups)
{
	char dst[16];

	for (size_t n = 0; n <= 8; n++)
		ck_assert_int_eq(hash_unb64((struct str){ "Zm9vZm9v", n }, dst, sizeof(dst)),
				 n % 4 ? -1 : (int)n / 4 * 3);
}
END_TEST

/* What decodes, encodes to the same text; what was encoded, decodes to the same bytes. */
START_TEST(to_and_fro)
{
	static const char digits[] = "ABCDwxyz0189+/==";

	for (int i = 0; i < 50000; i++) {
		char in[48], text[65], back[65];
		size_t n = rnd(sizeof(in) + 1);
		ptrdiff_t got;

		for (size_t j = 0; j < n; j++)
			in[j] = (char)rnd(256);
		got = (ptrdiff_t)hash_b64((struct str){ in, n }, text);
		must(hash_unb64((struct str){ text, (size_t)got }, back, n) == (ptrdiff_t)n &&
			     memcmp(back, in, n) == 0, text);
		for (int j = 0; j < 8; j++)
			text[j] = digits[rnd(16)];
		got = hash_unb64((struct str){ text, 8 }, in, sizeof(in));
		if (got < 0)
			continue;
		text[8] = '\0';
		hash_b64((struct str){ in, (size_t)got }, back);
		must(strcmp(back, text) == 0, text);
	}
}
END_TEST

START_TEST(random_bytes)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 }, zero[32] = { 0 };

	hash_random(a, sizeof(a));
	hash_random(b, sizeof(b));
	ck_assert_mem_ne(a, b, sizeof(a));
	ck_assert_mem_ne(a, zero, sizeof(a));
	hash_random(zero, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hash");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, siphash, 0, (int)ARRAY_LEN(sips));
	tcase_add_test(t, stable);
	tcase_add_loop_test(t, digesting, 0, (int)ARRAY_LEN(digests));
	tcase_add_test(t, other_digests);
	tcase_add_test(t, a_million);
	tcase_add_loop_test(t, hmac, 0, (int)ARRAY_LEN(macs));
	tcase_add_loop_test(t, pbkdf2, 0, (int)ARRAY_LEN(derived));
	tcase_add_test(t, hexing);
	tcase_add_loop_test(t, base64, 0, (int)ARRAY_LEN(b64s));
	tcase_add_loop_test(t, strict, 0, (int)ARRAY_LEN(not_base64));
	tcase_add_test(t, whole_groups);
	tcase_add_test(t, to_and_fro);
	tcase_add_test(t, random_bytes);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
