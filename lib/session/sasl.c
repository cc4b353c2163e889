#include "lib/session/sasl.h"

#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/hash.h"

/* Of one exchange; SCRAM has the most, 3 with an empty one in front. */
#define MOST_STEPS 6

struct sasl {
	Gsasl_session *gs;
	const char *name;
	enum { M_PLAIN, M_LOGIN, M_CRAM, M_SCRAM } kind;
	unsigned steps;
	char user[512], password[512]; /* of PLAIN and LOGIN */
	char *secret;		       /* CRAM-MD5; NULL: not set yet */
	bool wants_secret, wants_keys, keys_asked;
	uint8_t salt[16];
};

static const struct {
	const char *name;
	int kind;
} mechanisms[] = {
	{ "PLAIN", M_PLAIN },
	{ "LOGIN", M_LOGIN },
	{ "CRAM-MD5", M_CRAM },
	{ "SCRAM-SHA-256", M_SCRAM },
};

static void keep(char *dst, size_t cap, Gsasl_session *gs, Gsasl_property p)
{
	const char *v = gsasl_property_fast(gs, p);

	str_copy(dst, cap, str_z(v ? v : ""));
}

static int give_secret(struct sasl *s, Gsasl_session *gs)
{
	keep(s->user, sizeof(s->user), gs, GSASL_AUTHID);
	if (!s->secret) {
		s->wants_secret = true;
		return GSASL_NO_PASSWORD;
	}
	return gsasl_property_set(gs, GSASL_PASSWORD, s->secret);
}

/* PLAIN can ask to act for another (RFC 4616 2): here nobody may. */
static bool for_himself(const struct sasl *s, Gsasl_session *gs)
{
	struct str other = str_z(gsasl_property_fast(gs, GSASL_AUTHZID));

	return other.n == 0 || str_ieq(other, str_z(s->user));
}

static int callback(Gsasl *ctx, Gsasl_session *gs, Gsasl_property p)
{
	struct sasl *s = gsasl_session_hook_get(gs);

	(void)ctx;
	switch (p) {
	case GSASL_VALIDATE_SIMPLE: /* PLAIN, LOGIN: the caller checks */
		keep(s->user, sizeof(s->user), gs, GSASL_AUTHID);
		keep(s->password, sizeof(s->password), gs, GSASL_PASSWORD);
		return for_himself(s, gs) ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
	case GSASL_PASSWORD:
		return s->kind == M_CRAM ? give_secret(s, gs) : GSASL_NO_PASSWORD;
	default:
		return GSASL_NO_CALLBACK;
	}
}

/* One library context a process, made at the first use. */
static Gsasl *library(void)
{
	static Gsasl *ctx;

	if (!ctx) {
		if (gsasl_init(&ctx) != GSASL_OK)
			bug("libgsasl does not start");
		gsasl_callback_set(ctx, callback);
	}
	return ctx;
}

static void scram_prepare(struct sasl *s)
{
	char b64[32], rounds[16];

	hash_random(s->salt, sizeof(s->salt));
	hash_b64((struct str){ (const char *)s->salt, sizeof(s->salt) }, b64);
	snprintf(rounds, sizeof(rounds), "%d", SCRAM_ROUNDS);
	gsasl_property_set(s->gs, GSASL_SCRAM_SALT, b64);
	gsasl_property_set(s->gs, GSASL_SCRAM_ITER, rounds);
}

struct sasl *sasl_new(struct str mechanism)
{
	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
		struct sasl *s;

		if (!str_ieq(mechanism, str_z(mechanisms[i].name)))
			continue;
		s = mem_zalloc(sizeof(*s));
		s->kind = mechanisms[i].kind;
		s->name = mechanisms[i].name;
		if (gsasl_server_start(library(), mechanisms[i].name, &s->gs) != GSASL_OK) {
			free(s);
			return NULL;
		}
		gsasl_session_hook_set(s->gs, s);
		if (s->kind == M_SCRAM)
			scram_prepare(s);
		return s;
	}
	return NULL;
}

void sasl_free(struct sasl **sp)
{
	struct sasl *s = *sp;

	*sp = NULL;
	if (!s)
		return;
	gsasl_finish(s->gs);
	if (s->secret)
		explicit_bzero(s->secret, strlen(s->secret));
	free(s->secret);
	explicit_bzero(s, sizeof(*s));
	free(s);
}

static enum sasl_result judge(struct sasl *s, int rc)
{
	if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
		return s->wants_secret ? SASL_SECRET : SASL_BAD;
	if (s->kind == M_SCRAM && !s->keys_asked) {
		keep(s->user, sizeof(s->user), s->gs, GSASL_AUTHID);
		if (s->user[0]) { /* the client's first message is in */
			s->keys_asked = true;
			return SASL_KEYS;
		}
	}
	if (rc == GSASL_NEEDS_MORE)
		return SASL_CONTINUE;
	return s->kind == M_PLAIN || s->kind == M_LOGIN ? SASL_PASSWORD : SASL_OK;
}

/* Some clients of LOGIN send the name at once, and the library, which knows no initial response
 * of LOGIN, would drop it and take the password for the name: the first prompt is skipped. */
static void skip_prompt(struct sasl *s)
{
	char *prompt = NULL;
	size_t n;

	if (gsasl_step(s->gs, NULL, 0, &prompt, &n) == GSASL_NEEDS_MORE)
		gsasl_free(prompt);
}

enum sasl_result sasl_step(struct sasl *s, struct str in, struct buf *out)
{
	char *answer = NULL;
	size_t n = 0;
	int rc;

	if (++s->steps > MOST_STEPS) /* empty answers alone would go on for ever */
		return SASL_BAD;
	if (s->steps == 1 && s->kind == M_LOGIN && in.n > 0)
		skip_prompt(s);
	s->wants_secret = false;
	rc = gsasl_step(s->gs, in.n ? in.p : NULL, in.n, &answer, &n);
	if ((rc == GSASL_OK || rc == GSASL_NEEDS_MORE) && n > 0 &&
	    buf_add(out, (struct str){ answer, n }) < 0)
		rc = GSASL_MALLOC_ERROR;
	gsasl_free(answer);
	return judge(s, rc);
}

const char *sasl_name(const struct sasl *s)
{
	return s->name;
}

struct str sasl_user(const struct sasl *s)
{
	return str_z(s->user);
}

struct str sasl_password(const struct sasl *s)
{
	return str_z(s->password);
}

void sasl_set_secret(struct sasl *s, struct str secret)
{
	uint8_t noise[32];
	char hex[65];

	if (secret.n == 0) { /* the same work, and nobody can match it */
		hash_random(noise, sizeof(noise));
		hash_hex(noise, sizeof(noise), hex);
		secret = str_z(hex);
	}
	free(s->secret);
	s->secret = mem_dup(secret);
}

struct str sasl_salt(const struct sasl *s)
{
	return (struct str){ (const char *)s->salt, sizeof(s->salt) };
}

void sasl_set_keys(struct sasl *s, const uint8_t stored_key[32], const uint8_t server_key[32])
{
	char b64[64];

	hash_b64((struct str){ (const char *)stored_key, 32 }, b64);
	gsasl_property_set(s->gs, GSASL_SCRAM_STOREDKEY, b64);
	hash_b64((struct str){ (const char *)server_key, 32 }, b64);
	gsasl_property_set(s->gs, GSASL_SCRAM_SERVERKEY, b64);
}

int sasl_scram_keys(struct str password, struct str salt, unsigned rounds,
		    uint8_t stored_key[32], uint8_t server_key[32])
{
	char *z = mem_dup(password);
	char salted[GSASL_HASH_MAX_SIZE], client[GSASL_HASH_MAX_SIZE];
	int rc = gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, z, rounds, salt.p,
						   salt.n, salted, client,
						   (char *)server_key, (char *)stored_key);

	explicit_bzero(z, password.n);
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(client, sizeof(client));
	free(z);
	return rc == GSASL_OK ? 0 : -1;
}
