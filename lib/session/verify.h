/* verify: a worker's questions to the verifier process, which does the slow hashing.
 * One SOCK_SEQPACKET socketpair a worker, made by the supervisor; one struct a packet.
 * Bounded: VERIFY_MAX questions under way, more are refused at once (a temporary failure).
 * Memory: passwords are wiped behind the answer. */
#ifndef PB_SESSION_VERIFY_H
#define PB_SESSION_VERIFY_H

#include "lib/base/limits.h"
#include "lib/net/loop.h"

#define VERIFY_MAX 256

enum verify_kind {
	VERIFY_HASH = 1, /* does password match the stored hash (lib/store/password.h)? */
	VERIFY_SCRAM,	 /* stored and server key of password with salt and rounds (RFC 5802) */
};
enum verify_result {
	VERIFY_YES = 1,
	VERIFY_NO = 0,
	VERIFY_CANNOT = -1, /* the verifier tells its log more */
	VERIFY_LATE = -2,   /* no answer within TIMEOUT_VERIFY */
};
/* The packets; both ends are this program, so native byte order. */
struct verify_question {
	uint32_t id, kind;
	int64_t asked; /* monotonic ms: nobody waits for the answer to an old one */
	uint32_t rounds, salt_n;
	uint8_t salt[64];
	char password[LIMIT_PASSWORD + 1]; /* NUL-terminated */
	char stored[LIMIT_PASSWORD + 1];
};
struct verify_answer {
	uint32_t id;
	int32_t result; /* enum verify_result; SCRAM: YES, CANNOT */
	uint8_t stored_key[32], server_key[32];
};

struct verify;
struct verify_job;
/* Owned; borrows fd. */
struct verify *verify_new(struct loop *l, int fd);
void verify_free(struct verify **v);
/* q is copied, its id and time are set here. done is called once from the loop, after
 * TIMEOUT_VERIFY with VERIFY_LATE; arg is handed on. NULL: too many under way. */
struct verify_job *verify_ask(struct verify *v, const struct verify_question *q,
			      void (*done)(void *arg, const struct verify_answer *a), void *arg);
/* The asker is gone: done will not be called. NULL-safe. */
void verify_cancel(struct verify_job **j);
/* What VERIFY_CANNOT and VERIFY_LATE mean, for the log. */
const char *verify_trouble(int32_t result);

#endif
