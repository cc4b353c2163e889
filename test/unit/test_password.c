/* The forms of stored passwords: what is plain, what is a hash, what has no meaning, and what
 * would take too long. crypt(3) itself is shown in test_verifier.c. */
#include "lib/store/password.c"

#include <check.h>

/* --- what is plain --- */

static const struct {
	const char *stored, *plain;
} plain[] = {
	{ "secret", "secret" },
	{ "{PLAIN}secret", "secret" },
	{ "{plain}secret", "secret" }, /* names of schemes know no case */
	{ "{CLEARTEXT}secret", "secret" },
	{ "{Clear}secret", "secret" },
	{ "{PLAIN}{PLAIN}x", "{PLAIN}x" },
	{ "{PLAIN}$6$x", "$6$x" }, /* the way to say that it is none */
	{ "{PLAIN} ", " " },
	{ "$", "$" },
	{ "$ecret", "$ecret" },
	{ "$$", "$$" },
	{ "$6", "$6" },
	{ "$6x$salt$hash", "$6x$salt$hash" },
	{ "$9$salt$hash", "$9$salt$hash" },
	{ "$Y$j9T$salt$hash", "$Y$j9T$salt$hash" },
	{ "$md5", "$md5" },
	{ "{", "{" },
	{ "}", "}" },
	{ "{}", "{}" },
	{ "{}x", "{}x" },
	{ "{A", "{A" },
	{ "{abc", "{abc" },
	{ "{A B}x", "{A B}x" },
	{ "{so: (}", "{so: (}" },
	{ "{crypt", "{crypt" },
	{ "{\xc3\xa9}x", "{\xc3\xa9}x" },
	{ " {CRYPT}x", " {CRYPT}x" },
	{ "x{CRYPT}", "x{CRYPT}" },
	{ "sec$ret", "sec$ret" },
	{ "abMbH7WsHr7wQ", "abMbH7WsHr7wQ" }, /* DES's form has no id: it needs its scheme */
};

START_TEST(plain_forms)
{
	struct password p;
	struct err e = { "" };

	ck_assert_msg(password_read(str_z(plain[_i].stored), &p, &e) == 0, "%s: %s",
		      plain[_i].stored, e.text);
	ck_assert_int_eq(p.kind, PASSWORD_PLAIN);
	ck_assert_msg(str_eq(p.text, str_z(plain[_i].plain)), "%s", plain[_i].stored);
}
END_TEST

START_TEST(nothing_is_no_password)
{
	struct password p;

	ck_assert_int_eq(password_read(STR(""), &p, NULL), 0);
	ck_assert_int_eq(p.kind, PASSWORD_NONE);
	ck_assert_int_eq(password_read((struct str){ NULL, 0 }, &p, NULL), 0);
	ck_assert_int_eq(p.kind, PASSWORD_NONE);
}
END_TEST

/* --- digests: each of "secret", made by doveadm(1) and openssl(1) --- */

static const char *const digests[] = {
	"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
	"{sha1}5en6G6MezRroT3XKqkdPOmY/BfQ=",
	"{SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4",
	"{SHA1.HEX}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4",
	"{SHA1.hex}E5E9FA1BA31ECD1AE84F75CAAA474F3A663F05F4",
	"{SSHA}AmmDOECf2mnXs5Dttc3gZXd6YSSGfFql",
	"{SSHA.BASE64}nsLZARv9wxu+vK/H8sp7jWRZAU0LbKWG",
	"{SSHA.hex}fbe24a0307211534fe4b8e0573974364db3bf885744faf98",
	"{SHA256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=",
	"{SHA256.b64}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=",
	"{SSHA256}zNfSb9Mj1qWQlBGR4Qak3kMtWmw9hlnTTyU8WqvOha7dronE",
	"{SHA512}vSsar3708Jvp9Szi2NWZZ02Bqp1qRCFpbcTZPdBhnWgs5WtNZKnvCXdhztmeD2cmW192CF5bDufKRpayrW/isg==",
	"{SSHA512}eejxON+dD27egru7auJVlrb+xqfSbaInGDgoYz5lrasMLeQP/353aTmDp3NTJ0UC0mhV6IdoLlpkLGumvIsyM0kwRvs=",
	"{PLAIN-MD5}5ebe2294ecd0e0f08eab7690d2a6ee69",
	"{PLAIN-MD5.b64}Xr4ilOzQ4PCOq3aQ0qbuaQ==",
	"{LDAP-MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==",
	"{MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==", /* as LDAP has it */
	"{MD5}5ebe2294ecd0e0f08eab7690d2a6ee69",
	"{SMD5}/H7RMo3p//aRM51mMna8DR6c9j4=",
	"{SMD5.HEX}cca7ac7a61a3dfcac61b3131bf2db79778c3fc12",
};

START_TEST(digest_forms)
{
	struct str stored = str_z(digests[_i]);
	struct password p;
	struct err e = { "" };

	ck_assert_msg(password_read(stored, &p, &e) == 0, "%s: %s", digests[_i], e.text);
	ck_assert_int_eq(p.kind, PASSWORD_DIGEST);
	ck_assert(password_digest_is(&p, STR("secret")));
	ck_assert(!password_digest_is(&p, STR("Secret")));
	ck_assert(!password_digest_is(&p, STR("secre")));
	ck_assert(!password_digest_is(&p, STR("")));
	ck_assert(!password_digest_is(&p, (struct str){ NULL, 0 }));
	ck_assert(!password_digest_is(&p, stored));
}
END_TEST

/* The longest salt and the longest password; one more is nobody's. */
START_TEST(long_ones)
{
	char given[LIMIT_PASSWORD + 1], text[600] = "{SSHA}", whole[LIMIT_PASSWORD + 192];
	uint8_t raw[20 + 193];
	struct password p;

	memset(given, 'g', sizeof(given));
	memset(raw, 's', sizeof(raw));
	memcpy(whole, given, LIMIT_PASSWORD);
	memset(whole + LIMIT_PASSWORD, 's', 192);
	hash_sha1((struct str){ whole, sizeof(whole) }, raw);
	hash_b64((struct str){ (const char *)raw, 20 + 192 }, text + 6);
	ck_assert_int_eq(password_read(str_z(text), &p, NULL), 0);
	ck_assert(password_digest_is(&p, (struct str){ given, LIMIT_PASSWORD }));
	ck_assert(!password_digest_is(&p, (struct str){ given, LIMIT_PASSWORD + 1 }));
	ck_assert(!password_digest_is(&p, (struct str){ given, LIMIT_PASSWORD - 1 }));
	hash_b64((struct str){ (const char *)raw, 20 + 193 }, text + 6);
	ck_assert_int_eq(password_read(str_z(text), &p, NULL), -1);
}
END_TEST

/* --- crypt(3) --- */

#define H43 "B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5."
#define H86 \
	"svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI" \
	"68u4OTLiBFdcbYEdFCoEOfaS35inz1"
#define H22 "YMyguxXMBpd2TEZ.vS/3q1"
#define H53 "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"

static const char *const crypts[] = {
	"$1$saltsalt$" H22,
	"$1$$" H22,
	"{MD5}$1$saltsalt$" H22,
	"{MD5-CRYPT}$1$saltsalt$" H22,
	"$5$saltsaltsaltsalt$" H43,
	"$5$rounds=1000$s$" H43,
	"$5$rounds=1000000$s$" H43,
	"{SHA256-CRYPT}$5$s$" H43,
	"$6$s,-_@#%$" H86,
	"$6$rounds=656000$saltsaltsaltsalt$" H86,
	"{sha512-crypt}$6$s$" H86,
	"$2a$04$" H53,
	"$2b$12$" H53,
	"$2y$13$" H53,
	"{BLF-CRYPT}$2y$05$" H53,
	"$y$j9T$saltsalt$" H43,
	"$y$j75$saltsalt$" H43,
	"$y$jBT$saltsalt$" H43, /* 64 MiB */
	"{YESCRYPT}$y$j9T$saltsalt$" H43,
	"$gy$j9T$saltsalt$" H43,
	"{CRYPT}$gy$j9T$saltsalt$" H43,
	"{CRYPT}$6$s$" H86,
	"{crypt}$1$s$" H22,
	"{CRYPT}abMbH7WsHr7wQ",
	"{DES-CRYPT}abMbH7WsHr7wQ",
};

START_TEST(crypt_forms)
{
	const char *hash = strchr(crypts[_i], '}');
	struct password p;
	struct err e = { "" };

	ck_assert_msg(password_read(str_z(crypts[_i]), &p, &e) == 0, "%s: %s", crypts[_i], e.text);
	ck_assert_int_eq(p.kind, PASSWORD_CRYPT);
	ck_assert(str_eq(p.text, str_z(hash ? hash + 1 : crypts[_i])));
}
END_TEST

/* --- what has no meaning --- */

static const struct {
	const char *stored, *why;
} meaningless[] = {
	{ "{XYZ}abc", "unknown {SCHEME}; known: PLAIN CLEARTEXT " },
	{ "{x}", "unknown" },
	{ "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$aGFzaA", "unknown" },
	{ "{SCRAM-SHA-256}4096,x", "unknown" },
	{ "{SHA512-CRYPT.b64}x", "unknown" }, /* only digests have encodings */
	{ "{PLAIN.b64}eA==", "unknown" },
	{ "{SHA.x}5en6G6MezRroT3XKqkdPOmY/BfQ=", "unknown" },
	{ "{SHA.hex.b64}x", "unknown" },
	{ "{.hex}x", "unknown" },
	{ "{PLAIN}", "not a well-formed hash of its {SCHEME}" },
	/* digests */
	{ "{SHA}", "not a well-formed" },
	{ "{SHA}x", "not a well-formed" },
	{ "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ", "not a well-formed" },
	{ "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ= ", "not a well-formed" },
	{ "{SHA}AmmDOECf2mnXs5Dttc3gZXd6YSSGfFql", "not a well-formed" }, /* has a salt */
	{ "{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "not a well-formed" },	   /* has none */
	{ "{SHA256}5en6G6MezRroT3XKqkdPOmY/BfQ=", "not a well-formed" },
	{ "{SHA.hex}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f", "not a well-formed" },
	{ "{SHA.hex}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05", "not a well-formed" },
	{ "{SHA.hex}g5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4", "not a well-formed" },
	{ "{SHA.b64}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4", "not a well-formed" },
	{ "{MD5}x", "not a well-formed" },
	{ "{MD5}$1$s$" H43, "not a well-formed" },
	/* crypt(3) behind a name */
	{ "{CRYPT}", "not a well-formed" },
	{ "{CRYPT}x", "not a well-formed" },
	{ "{CRYPT}*0", "not a well-formed" },
	{ "{CRYPT}{CRYPT}x", "not a well-formed" },
	{ "{CRYPT}ab:bH7WsHr7wQ", "not a well-formed" },
	{ "{CRYPT}$9$s$" H86, "not a well-formed" },
	{ "{DES-CRYPT}abMbH7WsHr7w", "not a well-formed" },
	{ "{DES-CRYPT}$6$s$" H86, "not a well-formed" },
	{ "{SHA512-CRYPT}abMbH7WsHr7wQ", "not a well-formed" },
	{ "{SHA512-CRYPT}$5$s$" H43, "not a well-formed" },
	{ "{SHA512-CRYPT}$6$s$" H43, "begins like a hash" },
	{ "{YESCRYPT}$gy$j9T$s$" H43, "not a well-formed" },
	{ "{BLF-CRYPT}$2x$05$" H53, "cannot be checked here" },
	/* and bare */
	{ "$6$", "begins like a hash" },
	{ "$6$salt", "begins like a hash" },
	{ "$6$" H86, "begins like a hash" },
	{ "$6$salt$hash", "begins like a hash" },
	{ "$6$s$" H86 "x", "begins like a hash" },
	{ "$6$s$x$" H86, "begins like a hash" },
	{ "$6$saltsaltsaltsalts$" H86, "begins like a hash" },
	{ "$6$sa lt$" H86, "begins like a hash" },
	{ "$6$s\xc3\xa9$" H86, "begins like a hash" },
	{ "$6$s:t$" H86, "begins like a hash" },
	{ "$1$saltsalts$" H22, "begins like a hash" },
	{ "$5$rounds=999$s$" H43, "begins like a hash" },
	{ "$5$rounds=05000$s$" H43, "begins like a hash" },
	{ "$5$rounds=$s$" H43, "begins like a hash" },
	{ "$5$rounds=+5000$s$" H43, "begins like a hash" },
	{ "$5$rounds=1000000000$s$" H43, "begins like a hash" },
	{ "$5$rounds=5000", "begins like a hash" },
	{ "$2b$3$" H53, "begins like a hash" },
	{ "$2b$03$" H53, "begins like a hash" },
	{ "$2b$32$" H53, "begins like a hash" },
	{ "$2b$12" H53, "begins like a hash" },
	{ "$2b$12$" H53 "x", "begins like a hash" },
	{ "$2b$12$CCCCCCCCCCCCCCCCCCCCC$E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "begins like a hash" },
	{ "$y$$s$" H43, "begins like a hash" },
	{ "$y$j9$s$" H43, "begins like a hash" },
	{ "$y$j9T9$s$" H43, "begins like a hash" },
	{ "$y$k9T$s$" H43, "begins like a hash" },
	{ "$y$jkT$s$" H43, "begins like a hash" },
	{ "$y$j9k$s$" H43, "begins like a hash" },
	{ "$y$j9T$s", "begins like a hash" },
	{ "$7$CU..../....s$" H43, "cannot be checked here" },
	{ "$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$aGFzaA", "cannot be checked here" },
	{ "$pbkdf2-sha256$29000$x$y", "cannot be checked here" },
	{ "$sha1$40000$x$y", "cannot be checked here" },
	/* minutes and hours */
	{ "$5$rounds=1000001$s$" H43, "takes too long to check: at most 1000000 rounds of SHA" },
	{ "$6$rounds=999999999$s$" H86, "takes too long" },
	{ "{CRYPT}$6$rounds=999999999$s$" H86, "takes too long" },
	{ "{SHA512-CRYPT}$6$rounds=999999999$s$" H86, "takes too long" },
	{ "$2b$14$" H53, "takes too long" },
	{ "{BLF-CRYPT}$2y$31$" H53, "takes too long" },
	{ "$y$jCT$s$" H43, "takes too long" },
	{ "$y$jBj$s$" H43, "takes too long" },
	{ "$y$jj.$s$" H43, "takes too long" },
	{ "$gy$jjj$s$" H43, "takes too long" },
};

/* The error says what is wrong, and nothing of what is stored. */
START_TEST(without_meaning)
{
	const char *stored = meaningless[_i].stored, *hash;
	struct password p;
	struct err e = { "" };

	ck_assert_msg(password_read(str_z(stored), &p, &e) == -1, "%s", stored);
	ck_assert_msg(strstr(e.text, meaningless[_i].why) != NULL, "%s: %s", stored, e.text);
	hash = strchr(stored, '}') ? strchr(stored, '}') : stored;
	for (const char *s = hash; strlen(s) >= 8; s++) {
		char some[9];

		str_copy(some, sizeof(some), (struct str){ s, 8 });
		ck_assert_msg(!strstr(e.text, some), "%s: %s", stored, e.text);
	}
}
END_TEST

/* Behind the longest tag nothing of it is cut off. */
START_TEST(errors_fit)
{
	static const char *const longest[] = { "{XYZ}abc", "$6$rounds=999999999$s$" H86, "$6$" };
	struct password p;
	struct err e = { "" };

	for (size_t i = 0; i < ARRAY_LEN(longest); i++) {
		ck_assert_int_eq(password_read(str_z(longest[i]), &p, &e), -1);
		ck_assert_uint_lt(strlen(e.text) + strlen("user_password: "), sizeof(e.text) - 1);
	}
	ck_assert_int_eq(password_read(str_z(longest[0]), &p, NULL), -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("password");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, plain_forms, 0, (int)ARRAY_LEN(plain));
	tcase_add_test(t, nothing_is_no_password);
	tcase_add_loop_test(t, digest_forms, 0, (int)ARRAY_LEN(digests));
	tcase_add_test(t, long_ones);
	tcase_add_loop_test(t, crypt_forms, 0, (int)ARRAY_LEN(crypts));
	tcase_add_loop_test(t, without_meaning, 0, (int)ARRAY_LEN(meaningless));
	tcase_add_test(t, errors_fit);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
