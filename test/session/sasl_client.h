/* sasl_client: the client's side of CRAM-MD5 (RFC 2195) and SCRAM-SHA-256 (RFC 5802, 7677), for
 * tests. It is judged by the examples of those RFCs (test_sasl.c) before it judges the server.
 * Header-only; texts live in static memory until the next call. */
#ifndef PB_TEST_SASL_CLIENT_H
#define PB_TEST_SASL_CLIENT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/hash.h"

static inline const char *base64_of(const void *p, size_t n)
{
	static char text[8192];

	hash_b64((struct str){ p, n }, text);
	return text;
}

/* "user hex-of-HMAC-MD5(password, challenge)" (RFC 2104; keys up to 64 bytes). */
static inline const char *cram_answer(const char *user, const char *password, struct str challenge)
{
	static char text[512];
	char inner[1024], outer[64 + 16], hex[33];
	uint8_t sum[16];

	memset(inner, 0x36, 64);
	memset(outer, 0x5c, 64);
	for (size_t i = 0; password[i]; i++) {
		inner[i] ^= password[i];
		outer[i] ^= password[i];
	}
	memcpy(inner + 64, challenge.p, challenge.n);
	hash_md5((struct str){ inner, 64 + challenge.n }, sum);
	memcpy(outer + 64, sum, 16);
	hash_md5((struct str){ outer, sizeof(outer) }, sum);
	hash_hex(sum, 16, hex);
	snprintf(text, sizeof(text), "%s %s", user, hex);
	return text;
}

/* One exchange. bare: the client's first message without "n,,". */
struct scram_client {
	const char *password;
	char bare[256], final[1024], signature[64]; /* what v= of the server must be */
};

static inline const char *scram_first(struct scram_client *c, const char *user,
				      const char *password, const char *nonce)
{
	static char text[300];

	c->password = password;
	snprintf(c->bare, sizeof(c->bare), "n=%s,r=%s", user, nonce);
	snprintf(text, sizeof(text), "n,,%s", c->bare);
	return text;
}

/* The value of "name=..." in a message of comma separated attributes. */
static inline struct str scram_attribute(struct str message, char name)
{
	struct str part;

	while (str_split(&message, ',', &part))
		if (part.n > 2 && part.p[0] == name && part.p[1] == '=')
			return str_skip(part, 2);
	ck_abort_msg("no %c= in the server's message", name);
}

static inline void scram_hmac(const uint8_t key[32], struct str s, uint8_t out[32])
{
	hash_hmac_sha256((struct str){ (const char *)key, 32 }, s, out);
}

static inline const char *scram_last(struct scram_client *c, struct str server_first)
{
	uint8_t salted[32], key[32], stored[32], sig[32];
	char salt[64], all[2048];
	struct str whole = { all, 0 }, nonce = scram_attribute(server_first, 'r');
	ptrdiff_t n = hash_unb64(scram_attribute(server_first, 's'), salt, sizeof(salt));
	uint64_t rounds;

	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(str_u64(scram_attribute(server_first, 'i'), 1, 100000, &rounds), 0);
	hash_pbkdf2(str_z(c->password), (struct str){ salt, (size_t)n }, (unsigned)rounds, salted);
	whole.n = (size_t)snprintf(all, sizeof(all), "%s,%.*s,c=biws,r=%.*s", c->bare,
				   STR_ARG(server_first), STR_ARG(nonce));
	scram_hmac(salted, STR("Client Key"), key);
	hash_sha256((struct str){ (const char *)key, 32 }, stored);
	scram_hmac(stored, whole, sig);
	for (int i = 0; i < 32; i++)
		key[i] ^= sig[i];
	snprintf(c->final, sizeof(c->final), "c=biws,r=%.*s,p=%.44s", STR_ARG(nonce),
		 base64_of(key, 32));
	scram_hmac(salted, STR("Server Key"), key);
	scram_hmac(key, whole, sig);
	str_copy(c->signature, sizeof(c->signature), str_z(base64_of(sig, 32)));
	return c->final;
}

#endif
