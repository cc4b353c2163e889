/* guard: records as sisters and a damaged store may give them. What decodes has one form, and its
 * merging with another that decodes is bounded and minds no order; senders of any bytes fold.
 * The first byte says which record, the second where the other one begins. */
#include <stdlib.h>

#include "lib/guard/conduct.h"
#include "lib/guard/envelope_key.h"
#include "lib/guard/greylist.h"
#include "lib/guard/sketch.h"
#include "lib/guard/trust.h"

#define HEAD 2
#define WINDOW INT64_C(2592000000)

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void same(const uint8_t *a, size_t n, const uint8_t *b, size_t m)
{
	must(n == m && memcmp(a, b, n) == 0);
}

#define CHECK(name, type, most) \
	static void check_##name(struct str x, struct str y) \
	{ \
		static type a, b, ab, ba; \
		static uint8_t p[most], q[most]; \
\
		if (name##_decode(x, &a) < 0) \
			return; \
		same(p, name##_encode(&a, p), (const uint8_t *)x.p, x.n); \
		use_##name(&a); \
		if (name##_decode(y, &b) < 0) \
			return; \
		ab = a; \
		ba = b; \
		name##_merge(&ab, &b); \
		name##_merge(&ba, &a); \
		same(p, name##_encode(&ab, p), q, name##_encode(&ba, q)); \
		must(name##_decode((struct str){ (const char *)p, name##_encode(&ab, p) }, &b) == 0); \
		use_##name(&ab); \
	}

static void use_greylist(const struct greylist_record *r)
{
	const struct greylist_times t = { 300000, 21600000, INT64_C(10368000000) };
	struct greylist_record copy = *r;

	for (int64_t now = r->first_ms; now < r->first_ms + 40000000; now += 10000000) {
		struct greylist_judgement j = greylist_judge(&copy, &t, now);

		must(j.seconds_left >= 0 && j.seconds_left <= 300);
		greylist_note(&copy, &j, 1, now);
	}
}

static void use_trust(const struct trust_record *r)
{
	struct trust_record copy = *r;

	trust_note(&copy, TRUST_PROOF, WINDOW, 1, r->used_ms + 1);
	trust_passes(&copy, TRUST_PROOFS, WINDOW, r->used_ms + 2);
}

static void use_sketch(const struct sketch *s)
{
	static struct sketch copy;

	copy = *s;
	for (uint32_t i = 0; i < s->slide.n; i++)
		sketch_estimate(s, s->slide.start[i], WINDOW);
	sketch_add(&copy, 0x123456789abcdef0, INT64_C(1795996800000), WINDOW);
	must(sketch_estimate(&copy, INT64_C(1795996800000), WINDOW) > 0);
}

static void use_conduct(const struct conduct *c)
{
	static struct conduct copy;

	copy = *c;
	conduct_note(&copy, CONDUCT_ESTABLISHED, 1, INT64_C(1795996800000), WINDOW);
	conduct_sum(&copy, CONDUCT_ESTABLISHED, INT64_C(1795996800000), WINDOW);
}

CHECK(greylist, struct greylist_record, GREYLIST_PACKED)
CHECK(trust, struct trust_record, TRUST_PACKED)
CHECK(sketch, struct sketch, SKETCH_PACKED)
CHECK(conduct, struct conduct, CONDUCT_PACKED)

static void check_sender(struct str s)
{
	char out[LIMIT_ADDRESS];

	must(sender_fold(s, out) <= s.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const checks[])(struct str, struct str) = { check_greylist, check_trust,
								  check_sketch, check_conduct };
	struct str all = { (const char *)data + HEAD, size - HEAD }, second;

	if (size < HEAD)
		return 0;
	second = str_skip(all, data[1]);
	all.n -= second.n;
	if (data[0] % 5 == 4)
		check_sender(all);
	else
		checks[data[0] % 5](all, second);
	return 0;
}
