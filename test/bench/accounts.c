/* What a worker does all day, as fast as it goes: random look-ups of accounts, in a process of
 * its own, for as long as standard input stays open. Beside them a reread may run: of each set of
 * look-ups that one reading transaction makes, all must be of the same file.
 *
 *   accounts DIR ROWS DOMAINS <pipe
 *
 * The rows are those of test/bench/accounts: passwords begin with the word of their file.
 * Prints "key value" lines. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/store/store.h"

#define SET 16	       /* look-ups of one transaction */
#define BUCKETS 10000  /* of a histogram, a microsecond each */
#define LOOK_EVERY 256 /* sets between two looks at standard input */

static uint64_t random_state = 20261123;

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

static bool input_is_open(void)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

struct tally {
	uint64_t look_ups, missing, mixed;
	uint64_t bucket[BUCKETS], slowest;
};

static void note(struct tally *t, uint64_t ns)
{
	uint64_t us = ns / 1000;

	t->look_ups++;
	t->bucket[us < BUCKETS ? us : BUCKETS - 1]++;
	if (ns > t->slowest)
		t->slowest = ns;
}

/* One transaction; word: the first letter of the first password. */
static int look_up_set(struct store *s, uint64_t rows, uint64_t domains, struct tally *t, struct err *e)
{
	char word = 0;
	int mixed = 0;

	if (store_read_begin(s, e) < 0)
		return -1;
	for (int i = 0; i < SET; i++) {
		char address[64];
		uint64_t n = next_random() % rows, begun = now_ns();
		struct account a;
		int rc;

		snprintf(address, sizeof(address), "user.%llu@domain%llu.example.com",
			 (unsigned long long)n, (unsigned long long)(n % domains));
		rc = store_account(s, str_z(address), &a, e);
		note(t, now_ns() - begun);
		if (rc < 0)
			return -1;
		t->missing += rc == STORE_NONE;
		if (rc == 0 && a.user_password.n > 0) {
			mixed |= word && word != a.user_password.p[0];
			word = a.user_password.p[0];
		}
	}
	store_read_end(s);
	t->mixed += (unsigned)mixed;
	return 0;
}

static unsigned percentile(const struct tally *t, double part)
{
	uint64_t want = (uint64_t)((double)t->look_ups * part), n = 0;
	unsigned us = 0;

	while (us < BUCKETS - 1 && (n += t->bucket[us]) <= want)
		us++;
	return us;
}

static void tell(const struct tally *t, uint64_t ns)
{
	printf("look-ups %llu\n", (unsigned long long)t->look_ups);
	printf("per_s %.0f\n", (double)t->look_ups * 1e9 / (double)ns);
	printf("p50_us %u\n", percentile(t, 0.5));
	printf("p99_us %u\n", percentile(t, 0.99));
	printf("slowest_us %llu\n", (unsigned long long)(t->slowest / 1000));
	printf("missing %llu\n", (unsigned long long)t->missing);
	printf("mixed %llu\n", (unsigned long long)t->mixed);
}

int main(int argc, char **argv)
{
	static struct tally t;
	struct store *s;
	struct err e = { "" };
	uint64_t rows, domains, begun;
	int rc = 0;

	if (argc != 4 || str_u64(str_z(argv[2]), 1, UINT32_MAX, &rows) < 0 ||
	    str_u64(str_z(argv[3]), 1, UINT32_MAX, &domains) < 0) {
		fprintf(stderr, "usage: accounts DIR ROWS DOMAINS <pipe\n");
		return 2;
	}
	rc = store_open(&s, argv[1], STORE_ACCOUNTS, STORE_READ, &e);
	begun = now_ns();
	for (uint64_t i = 0; rc == 0 && (i % LOOK_EVERY || input_is_open()); i++)
		rc = look_up_set(s, rows, domains, &t, &e);
	if (rc < 0) {
		fprintf(stderr, "accounts: %s\n", e.text);
		return 1;
	}
	tell(&t, now_ns() - begun);
	store_close(&s);
	return 0;
}
