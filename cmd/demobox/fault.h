/* fault: what the box does wrong on purpose, where, and how often.
 * Pure but for faults_read; it only says what is due, conn.c does it.
 *
 *   STEP[=WHO]:ACTION[:ARG][:COUNT]
 *
 * STEP    connect greeting ehlo mail rcpt data body end quit rset user pass retr
 * WHO     only for this address (mail, rcpt, end) or login (user, pass); of an SMTP
 *         end the first recipient counts, LMTP has an end for each
 * ACTION  refuse4 refuse5   a temporary, a lasting refusal; at body: early, the rest is
 *                           swallowed and the end gets no answer
 *         stall             no answer any more; at body nothing is read any more either
 *         drop, reset       closes instead of working, with FIN, with RST
 *         drop_after        works (at end: stores the mail), then closes unanswered
 *         slow:MS           works, answers MS milliseconds later
 *         garbage           a line that is no reply, instead of working
 * body takes ARG = bytes behind 354 (or of the answer to RETR) after which it happens;
 * body:slow:BYTES/MS pauses after every BYTES. An action without ARG has COUNT in its
 * place. COUNT: how many times, then never again; without it, always. First match wins.
 */
#ifndef PB_DEMOBOX_FAULT_H
#define PB_DEMOBOX_FAULT_H

#include "lib/base/err.h"
#include "lib/base/limits.h"

enum step {
	STEP_CONNECT,
	STEP_GREETING,
	STEP_EHLO,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_BODY,
	STEP_END,
	STEP_QUIT,
	STEP_RSET,
	STEP_USER,
	STEP_PASS,
	STEP_RETR,
	STEPS,
	STEP_OTHER = STEPS, /* commands that never fail on purpose */
};
enum action {
	ACT_NONE,
	ACT_REFUSE4,
	ACT_REFUSE5,
	ACT_STALL,
	ACT_DROP,
	ACT_DROP_AFTER,
	ACT_SLOW,
	ACT_GARBAGE,
	ACT_RESET,
	ACTIONS,
};

struct fault {
	enum step step;
	enum action action;
	uint64_t bytes; /* body: after so many */
	uint64_t ms;	/* slow */
	uint64_t left;	/* times it still applies; UINT64_MAX: always */
	char who[LIMIT_ADDRESS + 1];
};
struct faults {
	struct fault *v; /* owned */
	size_t n;
};

const char *step_name(enum step s);
const char *action_name(enum action a);

MUST_CHECK int faults_add(struct faults *f, struct str spec, struct err *e);
/* Makes f what the lines of text say ('#' begins a comment line); on error f stays. */
MUST_CHECK int faults_set(struct faults *f, struct str text, struct err *e);
void faults_free(struct faults *f);

/* What is to happen at this step (ACT_NONE: nothing), which counts as one time. bytes:
 * of the body so far, else 0. */
struct fault faults_take(struct faults *f, enum step s, struct str who, uint64_t bytes);
/* Bytes that may pass before a body fault is due, after `bytes` have; UINT64_MAX: none.
 */
uint64_t faults_body_left(const struct faults *f, uint64_t bytes);

#endif
