/* reply: a hostile box; a reply is found in its prefixes only when it is whole, and what
 * we compose of it is printable. */
#include <stdlib.h>

#include "lib/wire/reply.h"

static void within(struct str s, struct str in)
{
	if (s.n && (s.p < in.p || s.p + s.n > in.p + in.n))
		abort();
}

static void compose(const struct reply *r)
{
	char dst[64];

	for (size_t cap = 0; cap <= sizeof(dst); cap += 7) {
		size_t n = reply_bracket(dst, cap, STR("MAIL1"), r->code, r->text, 40);

		if (cap && (n >= cap || dst[n] != '\0'))
			abort();
		for (size_t i = 0; i < n; i++)
			if (dst[i] <= ' ' || dst[i] > '~' ||
			    (dst[i] == ']') != (i == n - 1))
				abort();
	}
}

static void check(const struct reply *r, struct str in, size_t used)
{
	struct reply again;
	struct str line;
	uint64_t size;
	size_t at = 0, u;
	unsigned lines = 0;

	if (r->code < 200 || r->code > 599 || used == 0 || used > in.n ||
	    in.p[used - 1] != '\n')
		abort();
	within(r->text, r->raw);
	within(r->enhanced, r->raw);
	while (reply_line(r, &at, &line)) {
		within(line, r->raw);
		lines++;
	}
	if (lines == 0 || lines > LIMIT_REPLY_LINES || at != used)
		abort();
	(void)ehlo_offer(r, &size);
	compose(r);
	for (size_t n = 0; n < used; n++)
		if (reply_parse((struct str){ in.p, n }, &again, &u) != PARSE_MORE || u)
			abort();
	if (reply_parse((struct str){ in.p, used }, &again, &u) != PARSE_DONE ||
	    u != used)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct pop3_reply p;
	struct reply r;
	size_t used;

	if (reply_parse(in, &r, &used) == PARSE_DONE)
		check(&r, in, used);
	if (pop3_reply_parse(in, &p, &used) == PARSE_DONE)
		within(p.text, (struct str){ in.p, used });
	return 0;
}
