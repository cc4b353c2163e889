/* data: the first bytes say how the rest is cut; scanning must not depend on it, and
 * nothing bare may be left behind data_normalize. */
#include <stdlib.h>

#include "lib/wire/data.h"

#define CUTS 8

struct result {
	char *bytes; /* owned */
	size_t n, taken;
	unsigned seen;
	bool ended;
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* The length of the i-th piece; cuts NULL: all at once. */
static size_t piece(const uint8_t *cuts, size_t i, size_t left)
{
	size_t n = cuts ? 1 + cuts[i % CUTS] % 32u : left;

	return n < left ? n : left;
}

static struct result scan(struct str s, const uint8_t *cuts)
{
	struct result r = { .bytes = malloc(s.n + 1) };
	struct data_scan d;
	size_t at = 0, end = 0, used;

	data_scan_init(&d);
	for (size_t i = 0; end < s.n && !d.ended; i++) {
		size_t pass;

		end += piece(cuts, i, s.n - end);
		pass = data_scan(&d, (struct str){ s.p + at, end - at }, &used);
		must(pass <= used && used <= end - at &&
		     (d.ended || end - at - used <= 2));
		memcpy(r.bytes + r.n, s.p + at, pass);
		r.n += pass;
		at += used;
	}
	must(d.bytes == r.n);
	r.taken = at;
	r.seen = d.seen;
	r.ended = d.ended;
	return r;
}

static struct result normalize(struct str s, const uint8_t *cuts)
{
	struct result r = { .bytes = malloc(2 * s.n + 1) };
	struct data_norm n;
	struct buf b;
	size_t given = 0, at = 0, done = 0, turns = 0;

	data_norm_init(&n);
	buf_init(&b, cuts ? 64 : 2 * s.n + 1);
	do {
		size_t want = piece(cuts, turns++, s.n - given);

		want = want < buf_room(&b) / 2 ? want : buf_room(&b) / 2;
		must(buf_add(&b, (struct str){ s.p + given, want }) == 0);
		given += want;
		must(data_normalize(&n, &b, at, &done) == 0 || (at && done == 0));
		done += at;
		must(done <= buf_len(&b));
		at = cuts ? done / 2 : 0; /* how much stays, final, before the next */
		memcpy(r.bytes + r.n, buf_str(&b).p, done - at);
		r.n += done - at;
		buf_consume(&b, done - at);
	} while (given < s.n ? !n.ended || at : at || turns < 2);
	must(str_eq(buf_str(&b), (struct str){ s.p + given - buf_len(&b), buf_len(&b) }));
	r.taken = given - buf_len(&b);
	r.seen = n.seen;
	r.ended = n.ended;
	buf_release(&b);
	return r;
}

static void same(const struct result *a, const struct result *b)
{
	must(a->n == b->n && memcmp(a->bytes, b->bytes, a->n) == 0);
	must(a->taken == b->taken && a->seen == b->seen && a->ended == b->ended);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data + CUTS, size - CUTS };
	struct result a, b, clean, cut, c;

	if (size <= CUTS)
		return 0;
	a = scan(in, NULL);
	b = scan(in, data);
	same(&a, &b);
	clean = normalize(in, NULL);
	cut = normalize(in, data);
	same(&clean, &cut);
	must(clean.ended == a.ended && (!a.ended || clean.taken == a.taken));
	c = scan((struct str){ clean.bytes, clean.n }, data);
	must(c.ended == clean.ended && c.taken == (c.ended ? clean.n : c.n));
	must(!(c.seen & (DATA_BARE_LF | DATA_BARE_CR)));
	must(clean.seen == (a.seen & (DATA_BARE_LF | DATA_BARE_CR)));
	free(a.bytes);
	free(b.bytes);
	free(c.bytes);
	free(clean.bytes);
	free(cut.bytes);
	return 0;
}
