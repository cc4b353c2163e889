/* conduct: how often a client network did what the guard looks at, in a sliding window of time, by
 * machine (tally.h) and part of the window (slide.h), so that the counts of several machines
 * can be put together in any order and any number of times.
 *
 *   packed = slide, then a tally for each part
 *
 * 12 bytes for a client that tried once. Pure: time is an argument, wall ms. Memory: struct
 * conduct is the caller's, 4.6 KiB. Not here: distinct values (sketch.h), what the
 * counts mean (suspicion.h). */
#ifndef PB_GUARD_CONDUCT_H
#define PB_GUARD_CONDUCT_H

#include "lib/guard/slide.h"
#include "lib/guard/tally.h"

enum conduct_kind {		     /* the order is that of stored rows */
		    CONDUCT_UNKNOWN, /* RCPT for an address of ours that there is not */
		    CONDUCT_ABANDONED, /* a mail that was put off, and not tried again in its window */
		    CONDUCT_ESTABLISHED, /* a mail by a permanent record, or of a correspondent */
		    CONDUCT_ERROR, /* a protocol error that a mail server does not make */
		    CONDUCT_EARLY, /* talked before it was its turn */
		    CONDUCT_NAMELESS, /* a session without a reverse name that leads back to it */
		    CONDUCT_KINDS,
};
_Static_assert(CONDUCT_KINDS <= TALLY_KINDS, "a count for each kind");

#define CONDUCT_PACKED (SLIDE_PACKED + SLIDE_PARTS * TALLY_PACKED(CONDUCT_KINDS))

struct conduct { /* all zero: nothing seen */
	struct slide slide;
	struct tally part[SLIDE_PARTS];
};

/* window_ms: as conduct_sum will ask. origin: this machine. */
void conduct_note(struct conduct *c, enum conduct_kind kind, uint16_t origin,
		  int64_t now_ms, int64_t window_ms);
/* In the window that ends now, over all machines. */
uint64_t conduct_sum(const struct conduct *c, enum conduct_kind kind, int64_t now_ms, int64_t window_ms);
/* Commutative, associative, idempotent. */
void conduct_merge(struct conduct *into, const struct conduct *other);

/* How many bytes it took. */
size_t conduct_encode(const struct conduct *c, uint8_t out[CONDUCT_PACKED]);
/* 0, or -1: damaged, or not as conduct_encode writes it. c is then anything. */
MUST_CHECK int conduct_decode(struct str in, struct conduct *c);

#endif
