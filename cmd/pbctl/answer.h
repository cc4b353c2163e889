/* answer: an answer document as people read it:
 *
 *   tag: value
 *   emails (total 2):
 *     email:
 *       email_address: a@b.cc
 *
 * Control characters that a terminal would act upon become '?'. */
#ifndef PB_CMD_PBCTL_ANSWER_H
#define PB_CMD_PBCTL_ANSWER_H

#include <stdio.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

enum answer_status { ANSWER_OK, ANSWER_ERROR };
/* Prints the values of an answer that is ok ("ok" when there are none), nowhere when out is
 * NULL; of an error its text goes into why. -1: this is no answer of ours. */
MUST_CHECK int answer_print(struct str document, FILE *out, enum answer_status *status,
			    struct err *why);

#endif
