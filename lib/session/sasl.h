/* sasl: the server's side of one SASL exchange: PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-256.
 * The only user of libgsasl. Protocol-neutral: steps are raw bytes; base64 and line forms are
 * the protocol's. Nothing slow runs here: SCRAM's keys come from the verifier process.
 * Memory: owned; sasl_free wipes what was secret. */
#ifndef PB_SESSION_SASL_H
#define PB_SESSION_SASL_H

#include "lib/base/buf.h"
#include "lib/base/str.h"

#define SASL_MECHANISMS "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256"
#define SCRAM_ROUNDS 4096 /* RFC 7677 4: at least */

struct sasl;
enum sasl_result {
	SASL_CONTINUE,	/* out holds the next challenge */
	SASL_PASSWORD,	/* sasl_user and sasl_password are to be checked by the caller */
	SASL_SECRET,	/* the plain password of sasl_user is wanted: sasl_set_secret, step again
			 * with the same bytes */
	SASL_KEYS,	/* SCRAM keys of sasl_user are wanted before the next step; out holds the
			 * challenge, which may be sent at once */
	SASL_OK,	/* sasl_user has shown that it knows the secret */
	SASL_BAD,	/* wrong, or not in the form of the mechanism */
};

/* NULL: no such mechanism (any case). */
struct sasl *sasl_new(struct str mechanism);
void sasl_free(struct sasl **s);
/* The first step may be empty where the client sent no initial response. */
enum sasl_result sasl_step(struct sasl *s, struct str in, struct buf *out);
const char *sasl_name(const struct sasl *s); /* "PLAIN": static */
struct str sasl_user(const struct sasl *s);
struct str sasl_password(const struct sasl *s);
/* CRAM-MD5. An empty secret never matches. */
void sasl_set_secret(struct sasl *s, struct str secret);
/* SCRAM: what the verifier computed for sasl_salt and SCRAM_ROUNDS. */
struct str sasl_salt(const struct sasl *s);
void sasl_set_keys(struct sasl *s, const uint8_t stored_key[32], const uint8_t server_key[32]);

/* The verifier's part: RFC 5802 3. 0 or -1. Slow by design. */
MUST_CHECK int sasl_scram_keys(struct str password, struct str salt, unsigned rounds,
			       uint8_t stored_key[32], uint8_t server_key[32]);

#endif
