/* guard_pure: for tests of the guard's records: laws of merging, what decoders must take and
 * refuse, and main. The test defines, before it includes this, RECORD (struct), PACKED,
 * encode, decode and merge as those of the module. */
#ifndef PB_TEST_GUARD_PURE_H
#define PB_TEST_GUARD_PURE_H

#include <stdio.h>
#include <stdlib.h>

#include "unit/property.h"

#define WALL INT64_C(1795996800000)

/* One of so many machines. */
static inline uint16_t machine(unsigned below)
{
	return (uint16_t)rnd(below);
}

static inline int pure_run(TCase *t, const char *name)
{
	Suite *s = suite_create(name);
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}

#ifdef RECORD

/* Equal states have equal bytes, so bytes are what is compared. */
static inline bool same(const RECORD *a, const RECORD *b)
{
	uint8_t x[PACKED], y[PACKED];
	size_t n = ENCODE(a, x);

	return n == ENCODE(b, y) && memcmp(x, y, n) == 0;
}

static inline RECORD merged(RECORD a, const RECORD *b)
{
	MERGE(&a, b);
	return a;
}

static inline void check_laws(const RECORD *a, const RECORD *b, const RECORD *c)
{
	RECORD ab = merged(*a, b), ba = merged(*b, a), bc = merged(*b, c), none = { 0 };
	RECORD left = merged(ab, c), right = merged(*a, &bc), again = merged(left, b);

	must(same(&ab, &ba), "commutative");
	must(same(&left, &right), "associative");
	must(same(&again, &left), "idempotent");
	again = merged(*a, a);
	must(same(&again, a), "idempotent with itself");
	again = merged(*a, &none);
	must(same(&again, a), "nothing adds nothing");
	again = merged(none, a);
	must(same(&again, a), "to nothing");
}

static inline struct str bytes_str(const uint8_t *p, size_t n)
{
	return (struct str){ (const char *)p, n };
}

/* Comes back as it was, and is refused when a byte is missing or one too many. */
static inline void check_round_trip(const RECORD *a)
{
	uint8_t bytes[PACKED + 1];
	size_t n = ENCODE(a, bytes);
	RECORD back;

	must(n <= PACKED, "bounded");
	must(DECODE(bytes_str(bytes, n), &back) == 0, "decodes");
	must(same(a, &back), "as it was");
	for (size_t i = 0; i < n; i++)
		must(DECODE(bytes_str(bytes, i), &back) < 0, "cut off");
	bytes[n] = 0;
	must(DECODE(bytes_str(bytes, n + 1), &back) < 0, "a byte too many");
}

/* Whatever decodes has this one form. */
static inline void check_damaged(const RECORD *a)
{
	uint8_t bytes[PACKED], again[PACKED];
	size_t n = ENCODE(a, bytes);
	RECORD back;

	for (unsigned i = 1 + rnd(4); i > 0; i--)
		bytes[rnd((unsigned)n)] ^= (uint8_t)(1u << rnd(8));
	if (DECODE(bytes_str(bytes, n), &back) < 0)
		return;
	must(ENCODE(&back, again) == n && memcmp(bytes, again, n) == 0, "one form");
}

#endif
#endif
