/* header: the first bytes say how the rest is cut; what is given must not depend on it.
 */
#include <stdlib.h>

#include "lib/wire/header.h"

#define CUTS 8

/* The bytes as they were given, and the part of each. */
struct given {
	char *bytes, *parts;
	size_t n, cap;
};

static void take(void *arg, enum header_part part, struct str s)
{
	struct given *g = arg;

	if (s.n == 0 || s.n > g->cap - g->n)
		abort();
	memcpy(g->bytes + g->n, s.p, s.n);
	memset(g->parts + g->n, (int)part, s.n);
	g->n += s.n;
}

static struct given scan(struct str s, const uint8_t *cuts, struct header_scan *h)
{
	struct given g = { malloc(s.n + 1), malloc(s.n + 1), 0, s.n };

	header_scan_init(h);
	for (size_t i = 0; s.n; i++) {
		size_t n = cuts ? 1 + cuts[i % CUTS] % 32u : s.n;

		n = n < s.n ? n : s.n;
		header_scan(h, (struct str){ s.p, n }, take, &g);
		s = str_skip(s, n);
	}
	return g;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data + CUTS, size - CUTS };
	struct header_scan ha, hb;
	struct given a, b;

	if (size <= CUTS)
		return 0;
	a = scan(in, NULL, &ha);
	b = scan(in, data, &hb);
	if (a.n != b.n || memcmp(a.bytes, b.bytes, a.n) || memcmp(a.parts, b.parts, a.n))
		abort();
	if (a.n > in.n || memcmp(a.bytes, in.p, a.n) ||
	    (in.p[in.n - 1] == '\n' && a.n != in.n))
		abort();
	if (ha.received != hb.received || ha.in_body != hb.in_body)
		abort();
	if (strcmp(ha.subject, hb.subject) || strcmp(ha.message_id, hb.message_id))
		abort();
	if (strlen(ha.subject) > LIMIT_SUBJECT_LOG || strpbrk(ha.subject, "\r\n"))
		abort();
	free(a.bytes);
	free(a.parts);
	free(b.bytes);
	free(b.parts);
	return 0;
}
