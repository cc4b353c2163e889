/* fact: what the files of the guard share: addresses folded, facts for the journal made, single
 * rows of traffic.mdb looked up. Private to lib/guard. */
#ifndef PB_GUARD_FACT_H
#define PB_GUARD_FACT_H

#include "lib/base/limits.h"
#include "lib/store/store.h"

struct folded { /* an address in lower case; s borrows text */
	char text[LIMIT_ADDRESS];
	struct str s;
};
/* 0, or -1: empty, or longer than an address may be. f stays where it is. */
MUST_CHECK int fold_address(struct folded *f, struct str address);

/* A row as the journal carries it; payload borrows bytes. */
MUST_CHECK int fact_encode(const struct table *t, const void *rec, char bytes[LIMIT_JOURNAL_ENTRY],
			   struct str *payload);

/* The row with the key fields of key, which may be rec: 1, 0 none, -1 not readable (traffic NULL:
 * without a word). Only the numbers of rec are good behind it. */
MUST_CHECK int fact_row(struct store *traffic, const struct table *t, const void *key, void *rec);

#endif
