/* The guard's records by the million: how large they are in the store, how long a look-up takes.
 *
 *   guard DIR RECORDS [USES]
 *
 * RECORDS envelopes of RECORDS / 4 networks try for the first time in random order; three of four come again and
 * become permanent; then USES (default: three times RECORDS) mails by random permanent ones, over
 * so many days that each of them is noted. At each step the size of all pages in use is printed:
 * by record, with the by-sequence index. Look-ups are of random records, warm. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/guard/gate_store.h"

#define DAY_MS INT64_C(86400000)
#define START_MS INT64_C(1795996800000)
#define COMMIT 500 /* records of one transaction */
#define LOOKS 1000000
#define BUCKETS 20000 /* of a histogram, 100 ns each */

static const struct gate_rules rules = {
	.greylist = { 300000, 21600000, 120 * DAY_MS },
	.suspicious_ms = 7200000,
	.spread_ms = 30 * DAY_MS,
	.spread_factor = 10000,
};
static struct store *store;
static uint64_t records;

static void must(int rc, const struct err *e)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "guard: %s\n", e->text);
	exit(1);
}

static uint64_t random_state = 20261126;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13; /* xorshift64, Marsaglia 2003 */
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state >> 11;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Key of record i: hashes, as keys are; networks of four records. */
static void key_of(uint64_t i, uint8_t key[ENVELOPE_KEY])
{
	uint64_t network = (i / 4) * 0x9e3779b97f4a7c15u, rest = (i + 1) * 0xd1342543de82ef95u;

	memset(key, 0, ENVELOPE_KEY);
	key[4] = 0xff;
	memcpy(key + 5, (uint8_t *)&network + 5, 3);
	memcpy(key + NETWORK_KEY, &rest, sizeof(rest));
}

static void apply(uint64_t i, enum greylist_outcome outcome, int64_t now)
{
	struct sighting s = { .now_ms = now, .window = 1, .outcome = (uint8_t)outcome,
			      .parts = SIGHTING_TRY };
	struct err e = { "" };

	key_of(i, s.greylist);
	must(sighting_store(store, &s, 7, &rules, &e), &e);
}

static void report(const char *what, double seconds)
{
	struct store_info info;

	store_info(store, &info);
	printf("%s: %.1f s, %llu bytes, %.1f a record\n", what, seconds,
	       (unsigned long long)(info.pages_used * info.page_size),
	       (double)(info.pages_used * info.page_size) / (double)records);
	fflush(stdout);
}

/* A permutation of 0 .. n-1 without a table: steps that have no divisor in common with n. */
static uint64_t shuffled(uint64_t i)
{
	uint64_t step = 2654435761u;

	while (records % step == 0)
		step += 2;
	return (uint64_t)((unsigned __int128)i * step % records);
}

static void step(const char *what, uint64_t n, void (*one)(uint64_t i))
{
	uint64_t begin = now_ns();
	struct err e = { "" };

	for (uint64_t i = 0; i < n;) {
		must(store_write_begin(store, START_MS, &e), &e);
		for (uint64_t to = i + COMMIT < n ? i + COMMIT : n; i < to; i++)
			one(i);
		must(store_commit(store, &e), &e);
	}
	report(what, (double)(now_ns() - begin) / 1e9);
}

static void first(uint64_t i)
{
	apply(shuffled(i), GREYLIST_FIRST_TRY, START_MS + (int64_t)i % 3600000);
}

static void retry(uint64_t i)
{
	if (shuffled(i) % 4)
		apply(shuffled(i), GREYLIST_PASSES, START_MS + 4000000 + (int64_t)i % 3600000);
}

static void use(uint64_t i)
{
	apply(next_random() % records / 4 * 4 + 1, GREYLIST_PERMANENT,
	      START_MS + 2 * DAY_MS + (int64_t)(i / (records / 4 + 1)) * 2 * DAY_MS);
}

/* --- look-ups --- */

static unsigned histogram[BUCKETS];

static uint64_t percentile(double p)
{
	uint64_t want = (uint64_t)(p * LOOKS), n = 0;
	unsigned i = 0;

	while (i < BUCKETS - 1 && (n += histogram[i]) < want)
		i++;
	return (i + 1) * 100;
}

static void look(void)
{
	struct greylist_record r;
	uint8_t key[ENVELOPE_KEY];
	struct err e = { "" };
	unsigned found = 0;

	for (unsigned round = 0; round < 2; round++) { /* the first one warms */
		memset(histogram, 0, sizeof(histogram));
		found = 0;
		for (unsigned i = 0; i < LOOKS; i++) {
			uint64_t begin, took;

			key_of(next_random() % records, key);
			begin = now_ns();
			must(store_read_begin(store, &e), &e);
			found += greylist_get(store, key, &r, &e) == 0;
			store_read_end(store);
			took = (now_ns() - begin) / 100;
			histogram[took < BUCKETS ? took : BUCKETS - 1]++;
		}
	}
	printf("look-up, %u of %u found: p50 %.1f us, p99 %.1f us, p99.9 %.1f us\n", found, LOOKS,
	       (double)percentile(0.5) / 1000, (double)percentile(0.99) / 1000,
	       (double)percentile(0.999) / 1000);
}

int main(int argc, char **argv)
{
	struct err e = { "" };

	records = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	if (records == 0) {
		fprintf(stderr, "usage: guard DIR RECORDS [USES]\n");
		return 2;
	}
	must(store_open(&store, argv[1], STORE_TRAFFIC, STORE_WRITE, &e), &e);
	step("first tries", records, first);
	step("retries", records, retry);
	look();
	step("uses", argc > 3 ? strtoull(argv[3], NULL, 10) : 3 * records, use);
	look();
	store_close(&store);
	return 0;
}
