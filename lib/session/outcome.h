/* outcome: many boxes' words made into one answer ("One answer for several boxes").
 * Pure: verdicts in, codes and texts out; no connection, no clock, no store.
 *
 *   per target (delivery)   ACCEPTED now | SPARED: had it already | TEMP | PERM | NONE
 *   per recipient (client)  all accepted or spared -> OK; any TEMP -> TEMP;
 *                           PERM beside one accepted only now -> TEMP (the ledger first);
 *                           else PERM
 *   the mail                all OK -> 250; none OK -> 4xx if any TEMP, else 5xx; mixed -> 451,
 *                           or each recipient's own word when the client asked for PRDR
 *
 * Not here: writing the ledger, speaking (transaction.h). */
#ifndef PB_SESSION_OUTCOME_H
#define PB_SESSION_OUTCOME_H

#include "lib/base/str.h"

enum verdict { VERDICT_NONE, VERDICT_ACCEPTED, VERDICT_SPARED, VERDICT_TEMP, VERDICT_PERM };

/* What is known of one target. Borrowed texts. */
struct word {
	enum verdict verdict;
	struct str box; /* the box that spoke */
	int code;
	struct str enhanced, text;
};

enum fate { FATE_OK, FATE_TEMP, FATE_PERM };

/* 2xx, 4xx and 5xx of a box; anything else counts as temporary. */
enum verdict verdict_of(int code);
/* One client recipient from its n > 0 targets. */
enum fate fate_of(const struct word *const *targets, unsigned n);
/* The whole mail from its recipients' fates. *mixed: some got it and some did not. */
enum fate fate_join(const enum fate *v, unsigned n, bool *mixed);

#define OUTCOME_TEXT 480 /* with code and CRLF below the 512 of RFC 5321 4.5.3.1.5 */

/* Code for that fate: the boxes' own where those of its kind agree, else 250, 451, 554. */
int outcome_code(enum fate fate, const struct word *const *targets, unsigned n);
/* "2.0.0 [MAIL1:250_ok][MAIL2:250_ok]": enhanced code and a bracket each distinct word; cut
 * with "..." when long. A single refusing box's own enhanced code is kept. Returns dst. */
const char *outcome_text(enum fate fate, const struct word *const *targets, unsigned n,
			 char dst[OUTCOME_TEXT]);

#endif
