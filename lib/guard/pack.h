/* pack: numbers in as few bytes as they need, for the records of the guard, of which a store
 * holds millions. LEB128: seven bits a byte, the lowest first, the highest bit says that more
 * follow. There is one form for each number, so that equal records have equal bytes.
 * Private to lib/guard; test/unit/test_pack.c. */
#ifndef PB_GUARD_PACK_H
#define PB_GUARD_PACK_H

#include "lib/base/str.h"

#define PACK_INT 10 /* bytes of the largest number */
#define PACK_TIME 6 /* a time: ms since 1970, 0 to PACK_TIME_MAX, in a fixed width */
#define PACK_TIME_MAX ((INT64_C(1) << 48) - 1)

/* Writes v at p, which has PACK_INT bytes; how many it took. */
size_t pack_int(uint8_t *p, uint64_t v);
/* The n lowest bytes of v, the lowest first; n. */
size_t pack_fixed(uint8_t *p, size_t n, uint64_t v);

/* Take a number off the front of *in: 0, or -1 when it is cut off, not in its shortest form, or
 * larger than max; *in is then anywhere. */
MUST_CHECK int unpack_int(struct str *in, uint64_t max, uint64_t *v);
MUST_CHECK int unpack_fixed(struct str *in, size_t n, uint64_t *v);

/* A time that can be packed: the nearest there is. */
int64_t pack_time(int64_t wall_ms);

#endif
