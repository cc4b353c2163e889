/* password: the forms in which a password may be stored. The one place that knows them.
 *
 *   (nothing)            the account's box checks
 *   secret               plain text
 *   {PLAIN}secret        the same; {CLEARTEXT} too. Needed where the secret looks like another form
 *   $6$salt$hash         crypt(3), told by its id: $1$ $5$ $6$ $2a$ $2b$ $2y$ $y$ $gy$
 *   {SCHEME}hash         crypt(3)'s forms and plain or salted digests under Dovecot's names, in any
 *                        case; digests in hex or base64, or as .hex or .b64 behind the name says
 *
 * Only {WORD} is a scheme: "{abc" and "{a b}" are plain. What names an unknown scheme, or begins
 * with the id of a hash and is none that we can check, has no meaning: a hash that was taken for
 * a password would be a key for whoever has seen it. So has a hash that is too dear to check.
 * Pure and quick: crypt(3) itself is called by cmd/verifier.c alone.
 * Memory: borrows. */
#ifndef PB_STORE_PASSWORD_H
#define PB_STORE_PASSWORD_H

#include "lib/base/err.h"
#include "lib/base/str.h"

enum password_kind {
	PASSWORD_NONE,
	PASSWORD_PLAIN,
	PASSWORD_CRYPT,
	PASSWORD_DIGEST,
};

struct password_scheme;
struct password {
	enum password_kind kind;
	struct str text; /* PLAIN: the secret, not empty; CRYPT: what crypt(3) takes; else unused */
	const struct password_scheme *scheme; /* DIGEST; static */
	uint8_t sum[64];		      /* DIGEST: the digest in its first bytes, */
	uint8_t salt[192];		      /* which is made of secret and salt */
	size_t salt_n;
};

/* -1: the stored form has no meaning. The error fits behind a tag's name, says what would be
 * right and tells nothing of what is stored. */
MUST_CHECK int password_read(struct str stored, struct password *out, struct err *e);
/* DIGEST: is it given's? The time depends on lengths alone. */
bool password_digest_is(const struct password *p, struct str given);

#endif
