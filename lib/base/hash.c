#include "lib/base/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "lib/base/err.h"

/* --- SipHash-2-4 --- */

static uint64_t rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static uint64_t load64(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static void sip_rounds(uint64_t v[4], int rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[0] = rotl(v[0], 32);
		v[2] += v[3];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[2] = rotl(v[2], 32);
	}
}

uint64_t hash_sip(const uint8_t key[16], struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	uint64_t k0 = load64(key, 8), k1 = load64(key + 8, 8), m;
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
			  k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u };
	size_t left = s.n;

	for (; left >= 8; left -= 8, p += 8) {
		m = load64(p, 8);
		v[3] ^= m;
		sip_rounds(v, 2);
		v[0] ^= m;
	}
	m = (uint64_t)s.n << 56 | load64(p, left);
	v[3] ^= m;
	sip_rounds(v, 2);
	v[0] ^= m;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_stable(struct str s, uint64_t seed)
{
	uint8_t key[16] = { 0 };

	for (int i = 0; i < 8; i++)
		key[i] = (uint8_t)(seed >> (8 * i));
	return hash_sip(key, s);
}

/* --- digests --- */

struct hash {
	EVP_MD_CTX *ctx;
};

/* OpenSSL fails here only for want of memory or of the algorithm: both are our surroundings at
 * their end. */
static void assure(int ok)
{
	if (ok != 1)
		bug("OpenSSL cannot digest");
}

/* Looked up once: OpenSSL's own look-up at each use takes locks and more time than a short
 * digest. One a process, never given back. */
static const EVP_MD *sha256(void)
{
	static const EVP_MD *md;

	if (!md)
		md = EVP_MD_fetch(NULL, "SHA256", NULL);
	assure(md != NULL);
	return md;
}

struct hash *hash_begin(void)
{
	struct hash *h = mem_alloc(sizeof(*h));

	h->ctx = EVP_MD_CTX_new();
	assure(h->ctx && EVP_DigestInit_ex(h->ctx, sha256(), NULL));
	return h;
}

void hash_more(struct hash *h, struct str s)
{
	assure(EVP_DigestUpdate(h->ctx, s.p, s.n));
}

void hash_drop(struct hash **h)
{
	if (!*h)
		return;
	EVP_MD_CTX_free((*h)->ctx);
	free(*h);
	*h = NULL;
}

void hash_end(struct hash **h, uint8_t out[32])
{
	assure(EVP_DigestFinal_ex((*h)->ctx, out, NULL));
	hash_drop(h);
}

void hash_sha256(struct str s, uint8_t out[32])
{
	assure(EVP_Digest(s.p, s.n, out, NULL, sha256(), NULL));
}

void hash_sha1(struct str s, uint8_t out[20])
{
	assure(EVP_Digest(s.p, s.n, out, NULL, EVP_sha1(), NULL));
}

void hash_sha512(struct str s, uint8_t out[64])
{
	assure(EVP_Digest(s.p, s.n, out, NULL, EVP_sha512(), NULL));
}

void hash_md5(struct str s, uint8_t out[16])
{
	assure(EVP_Digest(s.p, s.n, out, NULL, EVP_md5(), NULL));
}

void hash_hmac_sha256(struct str key, struct str s, uint8_t out[32])
{
	unsigned n = 32;

	assure(HMAC(EVP_sha256(), key.n ? key.p : "", (int)key.n, (const uint8_t *)s.p, s.n, out,
		  &n) != NULL);
}

void hash_pbkdf2(struct str password, struct str salt, unsigned rounds, uint8_t out[32])
{
	assure(PKCS5_PBKDF2_HMAC(password.n ? password.p : "", (int)password.n,
			       (const uint8_t *)salt.p, (int)salt.n, (int)rounds, EVP_sha256(), 32,
			       out));
}

void hash_random(void *dst, size_t n)
{
	if (RAND_bytes(dst, (int)n) != 1)
		bug("no random bytes");
}

/* --- text forms --- */

void hash_hex(const uint8_t *p, size_t n, char *dst)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		dst[2 * i] = digits[p[i] >> 4];
		dst[2 * i + 1] = digits[p[i] & 15];
	}
	dst[2 * n] = '\0';
}

static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t hash_b64(struct str s, char *dst)
{
	size_t at = 0;

	for (size_t i = 0; i < s.n; i += 3) {
		size_t n = s.n - i < 3 ? s.n - i : 3;
		uint32_t v = 0;

		for (size_t j = 0; j < 3; j++)
			v = v << 8 | (j < n ? (uint8_t)s.p[i + j] : 0u);
		for (size_t j = 0; j < 4; j++)
			dst[at++] = j <= n ? b64[v >> (18 - 6 * j) & 63] : '=';
	}
	dst[at] = '\0';
	return at;
}

static int b64_value(char c)
{
	const char *at = c ? strchr(b64, c) : NULL;

	return at ? (int)(at - b64) : -1;
}

/* One group of four; the bytes it gives, or -1. */
static int unb64_group(const char *in, bool last, uint8_t out[3])
{
	int pad = last ? (in[3] == '=') + (in[3] == '=' && in[2] == '=') : 0;
	uint32_t v = 0;

	for (int j = 0; j < 4; j++) {
		int d = j >= 4 - pad ? 0 : b64_value(in[j]);

		if (d < 0)
			return -1;
		v = v << 6 | (uint32_t)d;
	}
	for (int j = 0; j < 3; j++)
		out[j] = (uint8_t)(v >> (16 - 8 * j));
	/* Bits that padding cuts off must be zero: one text, one meaning. */
	if ((pad == 1 && out[2]) || (pad == 2 && (out[1] || out[2])))
		return -1;
	return 3 - pad;
}

ptrdiff_t hash_unb64(struct str s, char *dst, size_t cap)
{
	size_t n = 0;

	if (s.n % 4 != 0)
		return -1;
	for (size_t i = 0; i < s.n; i += 4) {
		uint8_t out[3];
		int got = unb64_group(s.p + i, i + 4 == s.n, out);

		if (got < 0 || n + (size_t)got > cap)
			return -1;
		memcpy(dst + n, out, (size_t)got);
		n += (size_t)got;
	}
	return (ptrdiff_t)n;
}
