/* tally: a few counts that several machines add to, each in a slot of its own, so that states may
 * meet in any order and any number of times: of a slot the larger count is the later one, and the
 * count is the sum over the slots (a G-counter; Shapiro et al., INRIA RR-7506, 2011, section 3.1).
 *
 *   packed = slots (1 byte), then a slot, in rising order of its origin:
 *            origin (2 bytes), kinds that are not 0 (a bit each, 1 byte), their counts (pack.h)
 *
 * An origin is 16 bits of a machine's node id. Of 20 machines two have the same once in 345
 * meshes: then the larger of their counts stands for both.
 * Bounded: the TALLY_ORIGINS smallest origins are kept. What is left out is the same whoever
 * merges first, and makes counts too low, never too high. Pure. Private to lib/guard. */
#ifndef PB_GUARD_TALLY_H
#define PB_GUARD_TALLY_H

#include "lib/base/str.h"

#define TALLY_ORIGINS 24 /* a mesh has about 20 machines at most */
#define TALLY_KINDS 7
#define TALLY_PACKED(kinds) (1 + TALLY_ORIGINS * (3 + 5 * (kinds)))

struct tally { /* all zero: nothing counted */
	uint32_t n;
	struct tally_slot {
		uint16_t origin; /* of a machine, the same over its restarts */
		uint32_t count[TALLY_KINDS];
	} slot[TALLY_ORIGINS]; /* by rising origin; none has all counts 0 */
};

/* Counts stop at UINT32_MAX. kind < TALLY_KINDS. */
void tally_add(struct tally *t, uint16_t origin, unsigned kind, uint32_t n);
uint64_t tally_sum(const struct tally *t, unsigned kind);
/* Commutative, associative, idempotent. */
void tally_merge(struct tally *into, const struct tally *other);

/* p has TALLY_PACKED(kinds) bytes, kinds of which may be other than 0; how many it took. */
size_t tally_pack(const struct tally *t, uint8_t *p);
/* Takes a tally with no more than so many kinds off the front of *in: 0, or -1: damaged. */
MUST_CHECK int tally_unpack(struct str *in, unsigned kinds, struct tally *t);

#endif
