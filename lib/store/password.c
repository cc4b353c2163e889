#include "lib/store/password.h"

#include <stdio.h>

#include "lib/base/hash.h"
#include "lib/base/limits.h"

#define TO_PLAIN "{PLAIN} goes before a password that begins so"

/* --- crypt(3) ---
 *
 *   $1$salt$hash    $5$[rounds=N$]salt$hash    $2b$NN$salthash    $y$jNr$salt$hash */

static bool in_alphabet(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '.' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
			return false;
	}
	return true;
}

/* What libxcrypt takes in a salt. */
static bool in_salt(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 127 || strchr("!$*:;\\", s.p[i]))
			return false;
	return true;
}

/* Cuts the bytes before the next '$' off *rest; false when there is none. */
static bool part(struct str *rest, struct str *head)
{
	ptrdiff_t end = str_find(*rest, '$');

	if (end < 0)
		return false;
	*head = (struct str){ rest->p, (size_t)end };
	*rest = str_skip(*rest, (size_t)end + 1);
	return true;
}

/* A cost is read off the front: its form is wrong, it is too high, or it will do. */
enum cost { COST_NONE, COST_HIGH, COST_OK };

/* Optional. crypt(3) itself would clamp what is below 1000, and then nothing ever matches. */
static enum cost sha_cost(struct str *rest)
{
	struct str head;
	uint64_t rounds;

	if (!str_starts(*rest, STR("rounds=")))
		return COST_OK;
	if (!part(rest, &head) ||
	    str_u64(str_skip(head, 7), 1000, 999999999, &rounds) < 0 || head.p[7] == '0')
		return COST_NONE;
	return rounds > LIMIT_CRYPT_ROUNDS ? COST_HIGH : COST_OK;
}

static enum cost bcrypt_cost(struct str *rest)
{
	struct str head;
	uint64_t cost;

	if (!part(rest, &head) || head.n != 2 || str_u64(head, 4, 31, &cost) < 0)
		return COST_NONE;
	return cost > LIMIT_BCRYPT_COST ? COST_HIGH : COST_OK;
}

/* One digit of crypt(3)'s base 64; numbers of several digits begin with a higher one. */
static int digit(char c)
{
	static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* "j9T": crypt(3)'s own flavour, 2^(9) blocks, their size; both count from one. */
static enum cost yescrypt_cost(struct str *rest)
{
	struct str head;
	int n, r;

	if (!part(rest, &head) || head.n != 3 || head.p[0] != 'j')
		return COST_NONE;
	n = digit(head.p[1]) + 1;
	r = digit(head.p[2]) + 1;
	if (n <= 0 || r <= 0)
		return COST_NONE;
	return n > 30 || (128ull * (unsigned)r) << n > LIMIT_YESCRYPT_BYTES ? COST_HIGH : COST_OK;
}

static enum cost no_cost(struct str *rest)
{
	(void)rest;
	return COST_OK;
}

#define JOINED SIZE_MAX /* salt and hash are one word */

/* The ids of crypt(3) that are common; then those whose hashes we cannot check, and which all
 * the same are no passwords. */
static const struct crypt_id {
	const char *id;
	enum cost (*cost)(struct str *rest);
	size_t salt, hash; /* at most, and exactly so many bytes */
} crypt_ids[] = {
	/* clang-format off */
	{ "$1$",     no_cost,	    8,	    22 },
	{ "$5$",     sha_cost,	    16,	    43 },
	{ "$6$",     sha_cost,	    16,	    86 },
	{ "$2a$",    bcrypt_cost,   JOINED, 53 },
	{ "$2b$",    bcrypt_cost,   JOINED, 53 },
	{ "$2y$",    bcrypt_cost,   JOINED, 53 },
	{ "$y$",     yescrypt_cost, 86,	    43 },
	{ "$gy$",    yescrypt_cost, 86,	    43 },
	{ "$2$",     NULL, 0, 0 },
	{ "$2x$",    NULL, 0, 0 },
	{ "$3$",     NULL, 0, 0 },
	{ "$7$",     NULL, 0, 0 },
	{ "$md5$",   NULL, 0, 0 },
	{ "$md5,",   NULL, 0, 0 },
	{ "$sha1$",  NULL, 0, 0 },
	{ "$apr1$",  NULL, 0, 0 },
	{ "$argon2", NULL, 0, 0 },
	{ "$scrypt$", NULL, 0, 0 },
	{ "$pbkdf2", NULL, 0, 0 },
	/* clang-format on */
};

static const struct crypt_id *crypt_id_of(struct str hash)
{
	for (size_t i = 0; i < ARRAY_LEN(crypt_ids); i++)
		if (str_starts(hash, str_z(crypt_ids[i].id)))
			return &crypt_ids[i];
	return NULL;
}

static bool salt_and_hash(const struct crypt_id *id, struct str rest)
{
	struct str salt = STR("");

	if (id->salt != JOINED && !part(&rest, &salt))
		return false;
	return salt.n <= id->salt && in_salt(salt) && rest.n == id->hash && in_alphabet(rest);
}

static int crypt_ok(const struct crypt_id *id, struct str hash, struct err *e)
{
	struct str rest = str_skip(hash, strlen(id->id));
	enum cost cost = id->cost ? id->cost(&rest) : COST_NONE;

	if (!id->cost)
		return err_set(e, "a hash of a kind that cannot be checked here; " TO_PLAIN);
	if (cost == COST_NONE || !salt_and_hash(id, rest))
		return err_set(e, "begins like a hash of crypt(3) and is none; " TO_PLAIN);
	if (cost == COST_HIGH)
		return err_set(e,
			       "the hash takes too long to check: at most %d rounds of SHA, "
			       "cost %d of bcrypt, %u MiB of yescrypt",
			       LIMIT_CRYPT_ROUNDS, LIMIT_BCRYPT_COST, LIMIT_YESCRYPT_BYTES >> 20);
	return 0;
}

/* --- schemes --- */

struct password_scheme {
	const char *name;
	enum password_kind kind;
	const char *id; /* CRYPT: what it begins with; "": all; "des": those without an id */
	void (*digest)(struct str s, uint8_t *sum); /* DIGEST */
	size_t size;
	bool salted;
};

/* The names are Dovecot's. One that stands twice may be either. */
static const struct password_scheme schemes[] = {
	/* clang-format off */
	{ "PLAIN",	  PASSWORD_PLAIN,  NULL,  NULL,	       0,  false },
	{ "CLEARTEXT",	  PASSWORD_PLAIN,  NULL,  NULL,	       0,  false },
	{ "CLEAR",	  PASSWORD_PLAIN,  NULL,  NULL,	       0,  false },
	{ "CRYPT",	  PASSWORD_CRYPT,  "",	  NULL,	       0,  false },
	{ "SHA512-CRYPT", PASSWORD_CRYPT,  "$6$", NULL,	       0,  false },
	{ "SHA256-CRYPT", PASSWORD_CRYPT,  "$5$", NULL,	       0,  false },
	{ "MD5-CRYPT",	  PASSWORD_CRYPT,  "$1$", NULL,	       0,  false },
	{ "BLF-CRYPT",	  PASSWORD_CRYPT,  "$2",  NULL,	       0,  false },
	{ "DES-CRYPT",	  PASSWORD_CRYPT,  "des", NULL,	       0,  false },
	{ "YESCRYPT",	  PASSWORD_CRYPT,  "$y$", NULL,	       0,  false },
	{ "MD5",	  PASSWORD_CRYPT,  "$1$", NULL,	       0,  false },
	{ "MD5",	  PASSWORD_DIGEST, NULL,  hash_md5,    16, false },
	{ "PLAIN-MD5",	  PASSWORD_DIGEST, NULL,  hash_md5,    16, false },
	{ "LDAP-MD5",	  PASSWORD_DIGEST, NULL,  hash_md5,    16, false },
	{ "SMD5",	  PASSWORD_DIGEST, NULL,  hash_md5,    16, true },
	{ "SHA",	  PASSWORD_DIGEST, NULL,  hash_sha1,   20, false },
	{ "SHA1",	  PASSWORD_DIGEST, NULL,  hash_sha1,   20, false },
	{ "SSHA",	  PASSWORD_DIGEST, NULL,  hash_sha1,   20, true },
	{ "SHA256",	  PASSWORD_DIGEST, NULL,  hash_sha256, 32, false },
	{ "SSHA256",	  PASSWORD_DIGEST, NULL,  hash_sha256, 32, true },
	{ "SHA512",	  PASSWORD_DIGEST, NULL,  hash_sha512, 64, false },
	{ "SSHA512",	  PASSWORD_DIGEST, NULL,  hash_sha512, 64, true },
	/* clang-format on */
};

static bool in_name(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/* Splits "{NAME.encoding}rest"; false when it is no such thing. */
static bool split_scheme(struct str stored, struct str *name, struct str *encoding,
			 struct str *rest)
{
	ptrdiff_t end = str_find(stored, '}');

	if (end < 2 || stored.p[0] != '{')
		return false;
	for (ptrdiff_t i = 1; i < end; i++)
		if (!in_name(stored.p[i]))
			return false;
	*rest = str_skip(stored, (size_t)end + 1);
	*encoding = (struct str){ stored.p + 1, (size_t)end - 1 };
	if (!str_split(encoding, '.', name) || !encoding->p)
		*encoding = STR("");
	return true;
}

static int unknown_scheme(struct err *e)
{
	char names[200];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (i == 0 || strcmp(schemes[i].name, schemes[i - 1].name) != 0)
			n += (size_t)snprintf(names + n, sizeof(names) - n, " %s",
					      schemes[i].name);
	return err_set(e, "unknown {SCHEME}; known:%s; " TO_PLAIN, names);
}

/* --- digests --- */

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 :
				      -1;
}

static ptrdiff_t unhex(struct str s, char *dst, size_t cap)
{
	if (s.n % 2 != 0 || s.n / 2 > cap)
		return -1;
	for (size_t i = 0; i < s.n; i += 2) {
		int high = hex_value(s.p[i]), low = hex_value(s.p[i + 1]);

		if (high < 0 || low < 0)
			return -1;
		dst[i / 2] = (char)(high << 4 | low);
	}
	return (ptrdiff_t)(s.n / 2);
}

/* What names no encoding tells it by its length, as with Dovecot. */
static ptrdiff_t decode(const struct password_scheme *s, struct str encoding,
			struct str text, char *dst, size_t cap)
{
	bool hex = str_ieq(encoding, STR("hex"));

	if (encoding.n == 0)
		hex = !s->salted && text.n == 2 * s->size;
	return hex ? unhex(text, dst, cap) : hash_unb64(text, dst, cap);
}

static bool encoding_known(struct str encoding)
{
	return encoding.n == 0 || str_ieq(encoding, STR("hex")) ||
	       str_ieq(encoding, STR("b64")) || str_ieq(encoding, STR("base64"));
}

static bool read_digest(const struct password_scheme *s, struct str encoding,
			struct str text, struct password *out)
{
	char raw[sizeof(out->sum) + sizeof(out->salt)];
	ptrdiff_t n = decode(s, encoding, text, raw, s->size + sizeof(out->salt));

	if (n < (ptrdiff_t)s->size || (n > (ptrdiff_t)s->size) != s->salted)
		return false;
	out->salt_n = (size_t)n - s->size;
	memcpy(out->sum, raw, s->size);
	memcpy(out->salt, raw + s->size, out->salt_n);
	return true;
}

bool password_digest_is(const struct password *p, struct str given)
{
	char text[LIMIT_PASSWORD + sizeof(p->salt)];
	uint8_t sum[sizeof(p->sum)];
	bool same;

	if (given.n > LIMIT_PASSWORD)
		return false;
	if (given.n > 0) /* memcpy from NULL is undefined, even of nothing */
		memcpy(text, given.p, given.n);
	memcpy(text + given.n, p->salt, p->salt_n);
	p->scheme->digest((struct str){ text, given.n + p->salt_n }, sum);
	same = str_same_secret((struct str){ (const char *)sum, p->scheme->size },
			       (struct str){ (const char *)p->sum, p->scheme->size });
	explicit_bzero(text, sizeof(text));
	return same;
}

/* --- the whole --- */

static bool des_ok(struct str hash)
{
	return hash.n == 13 && in_alphabet(hash);
}

static int read_crypt(const struct password_scheme *s, struct str hash, struct err *e)
{
	const struct crypt_id *id = crypt_id_of(hash);

	if (id && str_starts(hash, str_z(s->id)))
		return crypt_ok(id, hash, e);
	if (!id && s->id[0] != '$' && des_ok(hash))
		return 0;
	return err_set(e, "not a well-formed hash of its {SCHEME}");
}

static int read_as(const struct password_scheme *s, struct str encoding, struct str rest,
		   struct password *out, struct err *e)
{
	out->kind = s->kind;
	out->text = rest;
	out->scheme = s;
	if (s->kind == PASSWORD_CRYPT)
		return read_crypt(s, rest, e);
	if (s->kind == PASSWORD_PLAIN ? rest.n > 0 : read_digest(s, encoding, rest, out))
		return 0;
	return err_set(e, "not a well-formed hash of its {SCHEME}");
}

static int read_scheme(struct str name, struct str encoding, struct str rest,
		       struct password *out, struct err *e)
{
	int rc = 1; /* no such scheme */

	for (size_t i = 0; i < ARRAY_LEN(schemes) && rc != 0; i++)
		if (str_ieq(name, str_z(schemes[i].name)) &&
		    (encoding.n == 0 || schemes[i].kind == PASSWORD_DIGEST))
			rc = read_as(&schemes[i], encoding, rest, out, e);
	return rc > 0 ? unknown_scheme(e) : rc;
}

int password_read(struct str stored, struct password *out, struct err *e)
{
	struct str name, encoding, rest;
	const struct crypt_id *id = crypt_id_of(stored);

	memset(out, 0, sizeof(*out));
	out->kind = stored.n == 0 ? PASSWORD_NONE : id ? PASSWORD_CRYPT : PASSWORD_PLAIN;
	out->text = stored;
	if (id)
		return crypt_ok(id, stored, e);
	if (!split_scheme(stored, &name, &encoding, &rest))
		return 0;
	return encoding_known(encoding) ? read_scheme(name, encoding, rest, out, e) :
					  unknown_scheme(e);
}
