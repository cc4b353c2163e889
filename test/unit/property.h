/* property: small change of the property tests: numbers that repeat with the seed, and an
 * assertion for inner loops. Each test sets property_seed and prints it in main. */
#ifndef PB_TEST_PROPERTY_H
#define PB_TEST_PROPERTY_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

static uint64_t property_seed = 20261123;

/* 0..below-1, by xorshift64 (Marsaglia 2003). */
static inline unsigned rnd(unsigned below)
{
	property_seed ^= property_seed << 13;
	property_seed ^= property_seed >> 7;
	property_seed ^= property_seed << 17;
	return (unsigned)(property_seed >> 33) % below;
}

/* As ck_assert_msg, which writes to a pipe each time, also when all is well. */
static inline void must(bool ok, const char *what)
{
	if (!ok)
		ck_abort_msg("%s", what);
}

#endif
