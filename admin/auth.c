#include "admin/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "shm/penalty.h"

#define SCHEME "pbkdf2-sha256"
#define SALT_BYTES 16
#define HASH_BYTES 32
#define MOST_ROUNDS 10000000u /* a stored form that asks for more is damaged */

/* What the store holds, by its key. */
static const char *const names[] = { "password", "accesskey" };
enum { PASSWORD, ACCESSKEY, CREDENTIALS };
_Static_assert(ARRAY_LEN(names) == CREDENTIALS, "each credential has its name");

struct auth {
	struct store *store; /* borrowed */
	uint8_t random[HASH_BYTES];
	uint8_t right[HASH_BYTES]; /* mac() of the key that was right; random before */
};

static struct str bytes(const uint8_t *p, size_t n)
{
	return (struct str){ (const char *)p, n };
}

/* --- stored form --- */

void auth_hash(struct str secret, char dst[AUTH_HASH_TEXT])
{
	uint8_t salt[SALT_BYTES], hash[HASH_BYTES];
	char salt64[32], hash64[64];

	hash_random(salt, sizeof(salt));
	hash_pbkdf2(secret, bytes(salt, sizeof(salt)), AUTH_ROUNDS, hash);
	hash_b64(bytes(salt, sizeof(salt)), salt64);
	hash_b64(bytes(hash, sizeof(hash)), hash64);
	snprintf(dst, AUTH_HASH_TEXT, "%s$%u$%s$%s", SCHEME, AUTH_ROUNDS, salt64, hash64);
}

struct stored {
	uint64_t rounds;
	char salt[SALT_BYTES], hash[HASH_BYTES];
};

static int stored_parse(struct str text, struct stored *out)
{
	struct str part[4];

	for (size_t i = 0; i < ARRAY_LEN(part); i++)
		if (!str_split(&text, '$', &part[i]))
			return -1;
	if (text.p || !str_eq(part[0], STR(SCHEME)) || str_u64(part[1], 1, MOST_ROUNDS, &out->rounds))
		return -1;
	return hash_unb64(part[2], out->salt, sizeof(out->salt)) == SALT_BYTES &&
			       hash_unb64(part[3], out->hash, sizeof(out->hash)) == HASH_BYTES ?
		       0 :
		       -1;
}

bool auth_hash_fits(struct str stored, struct str secret)
{
	struct stored s;
	uint8_t hash[HASH_BYTES];

	if (stored_parse(stored, &s))
		return false;
	hash_pbkdf2(secret, (struct str){ s.salt, sizeof(s.salt) }, (unsigned)s.rounds, hash);
	return str_same_secret(bytes(hash, sizeof(hash)), (struct str){ s.hash, sizeof(s.hash) });
}

/* The stored form of that credential into dst: 0, STORE_NONE or -1. */
static int stored_get(struct store *s, const char *name, char dst[256], struct err *e)
{
	struct credential c;
	int rc;

	if (store_read_begin(s, e))
		return -1;
	rc = store_get(s, &table_credentials, str_z(name), &c, NULL, e);
	if (rc == 0)
		str_copy(dst, 256, c.hash);
	store_read_end(s);
	return rc;
}

/* --- first start --- */

struct fresh { /* what first start made */
	bool made;
	char secret[AUTH_SECRET_CHARS + 1];
	char hash[AUTH_HASH_TEXT];
};

/* No l and o, 0 and 1: people copy these by hand. */
static void secret_make(char dst[AUTH_SECRET_CHARS + 1])
{
	static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";
	uint8_t random[AUTH_SECRET_CHARS];

	_Static_assert(sizeof(alphabet) == 33, "a byte chooses without bias");
	hash_random(random, sizeof(random));
	for (size_t i = 0; i < AUTH_SECRET_CHARS; i++)
		dst[i] = alphabet[random[i] & 31];
	dst[AUTH_SECRET_CHARS] = '\0';
}

static int write_durably(const char *path, struct str text, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return err_errno(e, "%s", path);
	rc = write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0 ?
		     0 :
		     err_errno(e, "%s", path);
	close(fd);
	return rc;
}

static int sync_directory(const char *dir, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd >= 0 && fsync(fd) == 0 ? 0 : err_errno(e, "%s", dir);

	if (fd >= 0)
		close(fd);
	return rc;
}

static int first_login_write(const char *dir, const struct fresh *f, struct err *e)
{
	struct arena a = ARENA(0);
	struct str path = arena_printf(&a, "%s/first-login", dir);
	struct str temporary = arena_printf(&a, "%s/first-login.new", dir);
	struct buf text;
	int rc = -1;

	buf_init(&text, 512);
	for (int i = 0; i < CREDENTIALS; i++)
		if (f[i].made && buf_addf(&text, "%s: %s\n", names[i], f[i].secret))
			bug("no room for credentials");
	if (unlink(temporary.p) && errno != ENOENT) {
		err_errno(e, "%s", temporary.p);
		goto out;
	}
	if (write_durably(temporary.p, buf_str(&text), e))
		goto out;
	if (rename(temporary.p, path.p)) {
		err_errno(e, "%s", path.p);
		goto out;
	}
	rc = sync_directory(dir, e);
out:
	buf_release(&text);
	arena_free(&a);
	return rc;
}

static int store_fresh(struct store *s, const struct fresh *f, struct err *e)
{
	if (store_write_begin(s, clock_wall_ms(), e))
		return -1;
	for (int i = 0; i < CREDENTIALS; i++) {
		struct credential c = { str_z(names[i]), str_z(f[i].hash) };

		if (f[i].made && store_put(s, &table_credentials, &c, e)) {
			store_abort(s);
			return -1;
		}
	}
	return store_commit(s, e);
}

/* The file comes first: after a crash between the two the store still has no hashes, and the
 * next start makes new ones. The other way round would lock the administrator out. */
static int first_start(struct store *s, const char *dir, const struct fresh *f, struct err *e)
{
	if (first_login_write(dir, f, e) || store_fresh(s, f, e))
		return err_wrap(e, "cannot make the first credentials");
	fprintf(stderr,
		"protobalance: first start: console password and access key are in "
		"%s/first-login\n",
		dir);
	return 0;
}

/* What signs senders that are rewritten (lib/wire/srs.h), for a site without a sisters' key. */
static int srs_key(struct store *s, struct err *e)
{
	uint8_t random[24];
	char text[256];
	struct credential c = { STR("srskey"), { text, 0 } };
	int rc = stored_get(s, "srskey", text, e);

	if (rc != STORE_NONE)
		return rc;
	hash_random(random, sizeof(random));
	hash_hex(random, sizeof(random), text);
	c.hash = str_z(text);
	if (store_write_begin(s, clock_wall_ms(), e))
		return -1;
	if (store_put(s, &table_credentials, &c, e)) {
		store_abort(s);
		return -1;
	}
	return store_commit(s, e);
}

int auth_open(struct auth **out, struct store *accounts, const char *dir, struct err *e)
{
	struct fresh fresh[CREDENTIALS] = { 0 };
	struct stored parsed;
	struct auth *a;
	bool any = false;

	for (int i = 0; i < CREDENTIALS; i++) {
		char text[256];
		int rc = stored_get(accounts, names[i], text, e);

		if (rc < 0)
			return -1;
		if (rc == 0 && stored_parse(str_z(text), &parsed))
			return err_set(e, "credential %s: the stored hash is damaged", names[i]);
		if (rc == 0)
			continue;
		any = fresh[i].made = true;
		secret_make(fresh[i].secret);
		auth_hash(str_z(fresh[i].secret), fresh[i].hash);
	}
	if (srs_key(accounts, e) || (any && first_start(accounts, dir, fresh, e)))
		return -1;
	a = mem_zalloc(sizeof(*a));
	a->store = accounts;
	hash_random(a->random, sizeof(a->random));
	hash_random(a->right, sizeof(a->right));
	*out = a;
	return 0;
}

void auth_free(struct auth **a)
{
	if (!*a)
		return;
	explicit_bzero(*a, sizeof(**a));
	free(*a);
	*a = NULL;
}

/* --- the access key --- */

/* Of key and stored form, so that a key that was changed is no longer remembered. */
static void mac(const struct auth *a, struct str stored, struct str key, uint8_t out[HASH_BYTES])
{
	char text[256 + LIMIT_PASSWORD + 1];
	size_t n = str_copy(text, 256, stored);

	text[n++] = '\0';
	memcpy(text + n, key.p, key.n);
	hash_hmac_sha256(bytes(a->random, sizeof(a->random)), (struct str){ text, n + key.n }, out);
	explicit_bzero(text, sizeof(text));
}

void key_check_set(struct key_check *k, struct str key, bool password)
{
	*k = (struct key_check){ .password = password };
	str_copy(k->secret, sizeof(k->secret), key);
}

void key_check_wipe(struct key_check *k)
{
	explicit_bzero(k->secret, sizeof(k->secret));
}

enum auth_known auth_key_known(struct auth *a, struct key_check *k)
{
	struct str key = str_z(k->secret);
	uint8_t now[HASH_BYTES];
	struct err e = { "there is none" };

	if (key.n == 0 || key.n > LIMIT_PASSWORD)
		return AUTH_WRONG;
	if (stored_get(a->store, names[k->password ? PASSWORD : ACCESSKEY], k->stored, &e)) {
		log_error("cannot check %s: %s", k->password ? "a password" : "an access key", e.text);
		return AUTH_CANNOT;
	}
	if (k->password)
		return AUTH_ASK; /* once a session */
	mac(a, str_z(k->stored), key, now);
	return str_same_secret(bytes(now, sizeof(now)), bytes(a->right, sizeof(a->right))) ?
		       AUTH_RIGHT :
		       AUTH_ASK;
}

void key_check_run(struct key_check *k)
{
	k->fits = auth_hash_fits(str_z(k->stored), str_z(k->secret));
}

void auth_checked(struct auth *a, struct key_check *k)
{
	if (k->fits && !k->password)
		mac(a, str_z(k->stored), str_z(k->secret), a->right);
}

/* --- guessers --- */

static uint64_t penalty_key(const struct shm *shm, const struct ipaddr *client)
{
	return penalty_network(shm, PENALTY_KEYS, client);
}

int64_t auth_delay(struct shm *shm, const struct ipaddr *client, int64_t mono_ms)
{
	return penalty_now(shm, penalty_key(shm, client), mono_ms);
}

int64_t auth_failed(struct shm *shm, const struct ipaddr *client, int64_t mono_ms)
{
	return penalty_failed(shm, penalty_key(shm, client), mono_ms);
}

void auth_succeeded(struct shm *shm, const struct ipaddr *client)
{
	penalty_clear(shm, penalty_key(shm, client));
}
