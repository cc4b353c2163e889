/* mask: what may be shown of a URL, or of a list of them: scheme://user:***@host.
 * Pure. Of user@host nothing is left: NATS takes such a user for a token. What is no good URL (a
 * password with '/', '@' or ',' in it) loses rather more than less.
 * Memory: the arena's, or the URL itself when there is nothing to hide. */
#ifndef PB_STORE_MASK_H
#define PB_STORE_MASK_H

#include "lib/base/arena.h"

/* Is there anything to hide? */
static inline bool mask_hides(struct str url)
{
	return str_find(url, '@') >= 0;
}
/* p == NULL past the arena's cap. */
struct str mask_url(struct str url, struct arena *a);
/* Does it look like what mask_url makes, so that what was hidden is not known from it? */
static inline bool mask_is_on(struct str url, struct arena *a)
{
	return mask_hides(url) && str_eq(mask_url(url, a), url);
}

#endif
