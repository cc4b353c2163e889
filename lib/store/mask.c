#include "lib/store/mask.h"

#include "lib/base/buf.h"

#define MASK "***@"

/* How much of what stands before an '@' may be shown. */
static size_t open_part(struct str s, bool first)
{
	const char *scheme = s.n ? memmem(s.p, s.n, "://", 3) : NULL;
	size_t begin = scheme ? (size_t)(scheme - s.p) + 3 : 0;
	ptrdiff_t colon = str_find(str_skip(s, begin), ':');

	/* Without a scheme it may be the rest of a password with an '@' in it. */
	return (scheme || first) && colon >= 0 ? begin + (size_t)colon + 1 : begin;
}

struct str mask_url(struct str url, struct arena *a)
{
	struct str rest = url, out;
	ptrdiff_t at;
	struct buf b;
	int rc = 0;

	if (!mask_hides(url))
		return url;
	buf_init(&b, url.n * strlen(MASK)); /* if it is all '@' */
	for (; rc == 0 && (at = str_find(rest, '@')) >= 0; rest = str_skip(rest, (size_t)at + 1)) {
		struct str before = { rest.p, (size_t)at };

		before.n = open_part(before, rest.p == url.p);
		rc = buf_addf(&b, "%.*s" MASK, STR_ARG(before));
	}
	out = rc == 0 && buf_add(&b, rest) == 0 ? arena_str(a, buf_str(&b)) : (struct str){ NULL, 0 };
	buf_release(&b);
	return out;
}
