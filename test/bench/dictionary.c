/* Clients beat on the dictionary of addresses and on the tables of open sessions from eight
 * processes: is memory bounded, are counts exact, how long does a check take?
 *
 *   dictionary CLIENTS MB
 *
 * Each process goes through the whole crowd, and tries a hot client in front of each. A check is what the
 * door does: the key, a try, a session more; one less is not timed. Exit 1 where a count is wrong or
 * memory is not as set. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "shm/clients.h"
#include "shm/dictionary.h"
#include "shm/region.h"

#define PROCESSES 8
#define HOT 64
#define BUCKETS 2000 /* of 100 ns */
#define INTERVAL INT64_C(86400000)
#define PAGE 4096

static struct shm *shm;
static unsigned (*histogram)[BUCKETS]; /* shared; a row each process */
static unsigned clients;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Of the crowd, 10.x.y.z; of the hot ones, 192.x.y.z. */
static struct ipaddr client(unsigned i, bool hot)
{
	return (struct ipaddr){
		{ [10] = 0xff, [11] = 0xff, [12] = hot ? 192 : 10, [13] = (uint8_t)(i >> 16), [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i }
	};
}

static uint64_t key_of(unsigned i, bool hot)
{
	struct ipaddr ip = client(i, hot);

	return client_key(shm, 3, &ip);
}

static void check(unsigned slot, unsigned i, bool hot)
{
	int64_t now = clock_mono_ms(); /* the door has it from its loop */
	uint64_t begin = now_ns(), key = key_of(i, hot), took;
	bool in;

	dictionary_try(shm, key, INTERVAL, INTERVAL, now);
	in = client_enter(shm, slot, key, 1000);
	took = (now_ns() - begin) / 100;
	histogram[slot][took < BUCKETS ? took : BUCKETS - 1]++;
	if (in)
		client_leave(shm, slot, key);
}

static void beat(unsigned slot)
{
	unsigned from = (unsigned)((uint64_t)clients * slot / PROCESSES);

	for (unsigned i = 0; i < clients; i++) {
		check(slot, i % HOT, true);
		check(slot, (from + i) % clients, false);
	}
}

static unsigned wrong_counts(void)
{
	struct dictionary_entry e;
	unsigned wrong = 0;

	for (unsigned h = 0; h < HOT; h++) {
		unsigned each = clients / HOT + (h < clients % HOT);
		uint64_t key = key_of(h, true);

		wrong += !dictionary_get(shm, key, INTERVAL, INTERVAL, clock_mono_ms(), &e) ||
			 e.connections != PROCESSES * each || client_sessions(shm, key) != 0;
	}
	return wrong;
}

/* Megabytes of the dictionary that take memory. */
static double taken_mb(void)
{
	static unsigned char in[(1u << 20) / PAGE];
	uint64_t pages = 0;

	for (unsigned mb = 0; mb < shm->dictionary_most; mb++) {
		if (mincore((char *)shm->dictionary + ((size_t)mb << 20), 1u << 20, in) < 0)
			return -1;
		for (size_t i = 0; i < sizeof(in); i++)
			pages += in[i] & 1;
	}
	return (double)pages * PAGE / (1 << 20);
}

static double percentile(double p)
{
	double want = p * 2 * PROCESSES * clients, n = 0;
	unsigned b = 0;

	for (; b < BUCKETS; b++) {
		for (unsigned s = 0; s < PROCESSES; s++)
			n += histogram[s][b];
		if (n >= want)
			break;
	}
	return (b + 1) * 0.1;
}

static bool run(void)
{
	bool well = true;
	int status;

	for (unsigned s = 0; s < PROCESSES; s++)
		if (fork() == 0) {
			beat(s);
			_exit(0);
		}
	while (wait(&status) > 0)
		well &= status == 0;
	return well;
}

int main(int argc, char **argv)
{
	unsigned mb = argc > 2 ? (unsigned)atoi(argv[2]) : 0, wrong;
	uint64_t begin;
	bool well;

	clients = argc > 2 ? (unsigned)atoi(argv[1]) : 0;
	if (clients == 0 || clients > 8000000 || mb == 0) {
		fprintf(stderr, "usage: dictionary CLIENTS MB\n");
		return 2;
	}
	shm = shm_create(PROCESSES);
	mb = dictionary_resize(shm, mb);
	histogram = mmap(NULL, sizeof(*histogram) * PROCESSES, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (histogram == MAP_FAILED)
		return 2;
	begin = now_ns();
	well = run();
	wrong = wrong_counts();
	printf("dictionary: %u clients, %u processes, %.1f s; %.1f of %u MB taken; counts of %u hot "
	       "clients %s\na check: p50 %.1f us, p99 %.1f us, p99.9 %.1f us\n",
	       clients, PROCESSES, (double)(now_ns() - begin) / 1e9, taken_mb(), mb, HOT,
	       wrong ? "WRONG" : "exact", percentile(0.5), percentile(0.99), percentile(0.999));
	return well && wrong == 0 && taken_mb() <= mb ? 0 : 1;
}
