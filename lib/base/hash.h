/* hash: digests and keyed hashes. The only user of OpenSSL besides lib/net.
 * SipHash-2-4 (Aumasson, Bernstein 2012) for keys that strangers choose, SHA-256 for digests. */
#ifndef PB_BASE_HASH_H
#define PB_BASE_HASH_H

#include "lib/base/str.h"

/* 64 bits of SipHash-2-4 under a 16-byte key. */
uint64_t hash_sip(const uint8_t key[16], struct str s);
/* A fixed, public mixing of 64 bits for the hash ring (stable between versions and machines). */
uint64_t hash_stable(struct str s, uint64_t seed);

/* One SHA-256 in progress; owned by the caller, hash_end frees it. */
struct hash;
struct hash *hash_begin(void);
void hash_more(struct hash *h, struct str s);
void hash_end(struct hash **h, uint8_t out[32]);
/* Ends without a result. NULL-safe. */
void hash_drop(struct hash **h);

void hash_sha256(struct str s, uint8_t out[32]);
/* For passwords that other programs have hashed; nothing of ours relies on SHA-1. */
void hash_sha1(struct str s, uint8_t out[20]);
void hash_sha512(struct str s, uint8_t out[64]);
void hash_hmac_sha256(struct str key, struct str s, uint8_t out[32]);
/* PBKDF2-HMAC-SHA-256 (RFC 8018), for the few credentials of administrators. */
void hash_pbkdf2(struct str password, struct str salt, unsigned rounds, uint8_t out[32]);
/* MD5, for APOP (RFC 1939 7) and passwords that others have hashed; nothing of ours relies on it. */
void hash_md5(struct str s, uint8_t out[16]);
/* Lower-case hex; dst holds 2n + 1 bytes. */
void hash_hex(const uint8_t *p, size_t n, char *dst);
/* RFC 4648 base64. Encoding writes 4*ceil(n/3) bytes and a NUL, returns the length;
 * decoding is strict (alphabet, padding), returns the length or -1; cap bytes at dst. */
size_t hash_b64(struct str s, char *dst);
MUST_CHECK ptrdiff_t hash_unb64(struct str s, char *dst, size_t cap);
/* Bytes from the kernel's generator; ends the process when there are none. */
void hash_random(void *dst, size_t n);

#endif
