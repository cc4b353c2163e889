/* greylist: has this client network brought mail from this sender to this recipient before, and
 * come again as a server does (RFC 6647; the manual, section 16)?
 *
 *   first try               begins a window: 450
 *   before initial_ms       450 again; the window goes on
 *   before window_ms        passes, and the record is permanent
 *   from window_ms on       as a first try, in a new window
 *   permanent               passes, until max_age_ms have gone by without a mail
 *
 * Times count from the first try of a window, each including its first millisecond. A window that
 * would end before its initial time is over lasts twice that time, or nothing could ever pass;
 * where the initial time is 0, first tries pass.
 *
 * One machine judges with what it knows and notes what it judged; records of several meet by
 * greylist_merge: the higher window stands; within one the first try is the earliest, the last ones
 * are the latest, tries and passes add up over the machines. As a new window has a higher number,
 * what is over cannot come back from a machine that has not heard.
 *
 *   packed = first (PACK_TIME), window, last - first, 0 or 1 + last - passed, tally (tally.h)
 *
 * About 20 bytes with one machine, 5 for each other. Pure: wall ms as arguments. Not here: the key
 * (envelope_key.h), who is spared (correspondents.h, trust.h), the store. */
#ifndef PB_GUARD_GREYLIST_H
#define PB_GUARD_GREYLIST_H

#include "lib/guard/tally.h"

#define GREYLIST_PACKED (6 + 3 * 10 + TALLY_PACKED(2))
#define GREYLIST_AHEAD_MS \
	60000 /* first tries of a machine whose clock is further ahead are void */

struct greylist_record {	   /* all zero: none */
	uint32_t window;	   /* 1, 2, ...; 0: no record */
	int64_t first_ms, last_ms; /* tries of this window */
	int64_t passed_ms; /* the last that passed, which makes it permanent; 0: none */
	struct tally tally; /* of this window, by enum greylist_kind; stays when it is permanent */
};
enum greylist_kind { GREYLIST_TRIED, GREYLIST_PASSED, GREYLIST_KINDS };

struct greylist_times {	    /* ms, 0 and more */
	int64_t initial_ms; /* greylist_initial_min, or stretched (suspicion_initial_ms) */
	int64_t window_ms;  /* greylist_first_window_min */
	int64_t max_age_ms; /* greylist_max_age_min */
};

enum greylist_outcome {
	GREYLIST_FIRST_TRY,   /* no record yet: 450 */
	GREYLIST_TOO_EARLY,   /* 450 */
	GREYLIST_STARTS_ANEW, /* too late, or not seen for too long: 450 */
	GREYLIST_PASSES,      /* and will be permanent */
	GREYLIST_PERMANENT,   /* passes */
	GREYLIST_OUTCOMES,
};
/* In words, for log and trace. */
const char *greylist_text(enum greylist_outcome o);

struct greylist_judgement {
	enum greylist_outcome outcome;
	uint32_t window;      /* the try belongs to this one */
	int64_t seconds_left; /* until a try would pass, rounded up; 0 where this one does */
};
static inline bool greylist_may_pass(const struct greylist_judgement *j)
{
	return j->outcome >= GREYLIST_PASSES;
}

/* What becomes of a try at now_ms. Changes nothing. */
struct greylist_judgement greylist_judge(const struct greylist_record *r,
					 const struct greylist_times *t, int64_t now_ms);
/* Notes the try that was judged so. r may know more by now than when it was judged: a try of a
 * window that is over is forgotten. origin: this machine (tally.h). */
void greylist_note(struct greylist_record *r, const struct greylist_judgement *j,
		   uint16_t origin, int64_t now_ms);
/* From when on the record tells nothing any more and may go. t: with the longest initial time. */
int64_t greylist_expiry(const struct greylist_record *r, const struct greylist_times *t);
/* Commutative, associative, idempotent. */
void greylist_merge(struct greylist_record *into, const struct greylist_record *other);

/* Of a record that is one (window above 0); how many bytes it took. */
size_t greylist_encode(const struct greylist_record *r, uint8_t out[GREYLIST_PACKED]);
/* 0, or -1: damaged, or not as greylist_encode writes it. r is then anything. */
MUST_CHECK int greylist_decode(struct str in, struct greylist_record *r);

#endif
