/* leg_dialogue: what a leg says to its box and what it makes of the answers, as a table of steps.
 * The inner half of leg.h; used by leg.c alone. */
#ifndef PB_SESSION_LEG_DIALOGUE_H
#define PB_SESSION_LEG_DIALOGUE_H

#include "lib/session/leg.h"

/* Sends what may be sent now; sets the timer for what is awaited. */
void leg_pump(struct leg *leg);
/* Bytes came from the box. */
void leg_heard(struct leg *leg);
/* The connection is up. */
void leg_greeted_by(struct leg *leg);
/* Ends it with our own word on what failed; tells the owner. */
void leg_fail(struct leg *leg, int code, const char *enhanced, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* The same with the box's word; one that is no refusal becomes a 451 of ours. */
void leg_fail_word(struct leg *leg, const struct leg_word *w);
void leg_await(struct leg *leg); /* timer for leg_expects() */

#endif
