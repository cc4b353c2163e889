/* auth: who may use the interface: the access key, the console password, and their first start.
 * Keys are stored as salted PBKDF2 (lib/base/hash.h); a key that was right is remembered in this
 * process as an HMAC under a random key of its own, so that a program's thousandth request does
 * not pay the rounds again. A wrong key costs its network a growing delay (shm/penalty.h) and is
 * logged. */
#ifndef PB_ADMIN_AUTH_H
#define PB_ADMIN_AUTH_H

#include "lib/base/addr.h"
#include "lib/store/store.h"
#include "shm/layout.h"

struct auth;

/* Reads the credentials; when the store has none, makes a random password and access key,
 * stores their hashes, writes DIR/first-login (0600, atomic) and says so on standard error.
 * Owned. */
MUST_CHECK int auth_open(struct auth **out, struct store *accounts, const char *dir, struct err *e);
void auth_free(struct auth **a);

/* The stored form of a password or key, "pbkdf2-sha256$rounds$salt$hash" (salt and hash in
 * base64), NUL-terminated; what changepassword puts into table_credentials. */
#define AUTH_HASH_TEXT 128
void auth_hash(struct str secret, char dst[AUTH_HASH_TEXT]);
/* Does the secret fit the stored form? false for a stored form that is damaged. */
bool auth_hash_fits(struct str stored, struct str secret);

/* One key on its way to being known: filled by key_check_set, then auth_key_known. */
struct key_check {
	char secret[LIMIT_PASSWORD + 2]; /* "": none; longer than LIMIT_PASSWORD: cut, and wrong */
	char stored[256];		 /* what it is compared with */
	bool password, fits;		 /* of the console; else an access key */
};
void key_check_set(struct key_check *k, struct str key, bool password);
void key_check_wipe(struct key_check *k);
/* Is this the access key, or the password? RIGHT or WRONG at once, or ASK: only the rounds of the hash can tell, or
 * CANNOT: the store does not tell now, which is logged and nobody's fault.
 * Then key_check_run in a thread, then auth_checked in the loop, which remembers a right key. The
 * store is read each time, so that a change holds from the next request on. */
enum auth_known { AUTH_RIGHT, AUTH_WRONG, AUTH_ASK, AUTH_CANNOT };
enum auth_known auth_key_known(struct auth *a, struct key_check *k);
void key_check_run(struct key_check *k);
void auth_checked(struct auth *a, struct key_check *k);
/* The delay in ms that the next answer to this client must take: 0, or growing after failures. */
int64_t auth_delay(struct shm *shm, const struct ipaddr *client, int64_t mono_ms);
/* One more wrong key from there: the delay of its answer. */
int64_t auth_failed(struct shm *shm, const struct ipaddr *client, int64_t mono_ms);
void auth_succeeded(struct shm *shm, const struct ipaddr *client);

#endif
