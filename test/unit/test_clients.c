/* Sessions of each client: against a model, over processes that come for the same places, and after
 * deaths at any instruction. */
#include "shm/clients.c"

#include <check.h>
#include <sched.h>
#include <sys/mman.h>

#include "shm/slots.h"
#include "unit/child.h"

#define WORKERS 8

static struct shm *shm;

static void setup(void)
{
	shm = shm_create(WORKERS);
}

static void teardown(void)
{
	shm_destroy(&shm);
}

static uint64_t key_of(int cluster, const char *ip)
{
	struct ipaddr a;

	ck_assert_int_eq(ip_parse(str_z(ip), &a, NULL), 0);
	return client_key(shm, cluster, &a);
}

static size_t used(unsigned slot)
{
	size_t n = 0;

	for (size_t i = 0; i < CLIENT_PLACES; i++)
		n += look(&shm->clients[slot][i]) != 0;
	return n;
}

static const struct {
	int cluster;
	const char *ip;
	bool same; /* as 10.1.2.3 in cluster 1, or as the network below for IPv6 */
} keys[] = {
	{ 1, "10.1.2.3", true },  { 1, "::ffff:10.1.2.3", true },
	{ 2, "10.1.2.3", false }, { 1, "10.1.2.4", false },
	{ 1, "10.1.2.0", false }, { 1, "::1", false },
};

START_TEST(key)
{
	uint64_t four = key_of(1, "10.1.2.3"), six = key_of(3, "2001:db8:1:2::1");
	struct shm *other = shm_create(1);
	struct ipaddr ip;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		ck_assert_int_eq(key_of(keys[i].cluster, keys[i].ip) == four, keys[i].same);
	ck_assert(key_of(3, "2001:db8:1:2:ffff::9") == six);
	ck_assert(key_of(3, "2001:db8:1:3::1") != six);
	ck_assert(key_of(4, "2001:db8:1:2::1") != six);
	ck_assert_int_eq(ip_parse(STR("10.1.2.3"), &ip, NULL), 0);
	ck_assert(client_key(other, 1, &ip) != four); /* nobody can choose who meets whom */
	shm_destroy(&other);
}
END_TEST

START_TEST(up_to_max)
{
	uint64_t a = key_of(1, "10.0.0.1"), b = key_of(1, "10.0.0.2");

	for (unsigned i = 0; i < 5; i++)
		ck_assert(client_enter(shm, i % 3, a, 5));
	for (unsigned i = 0; i < WORKERS; i++)
		ck_assert(!client_enter(shm, i, a, 5));
	ck_assert(client_enter(shm, 7, b, 5));
	ck_assert_uint_eq(client_sessions(shm, a), 5);
	client_leave(shm, 2, a);
	ck_assert(client_enter(shm, 6, a, 5));
	ck_assert(!client_enter(shm, 2, a, 5));
	/* a lower limit cuts nobody, and nobody comes before it is met */
	ck_assert(!client_enter(shm, 2, a, 1));
	for (unsigned i = 0; i < 4; i++)
		client_leave(shm, i == 2 ? 6 : i == 3 ? 0 : i, a);
	ck_assert_uint_eq(client_sessions(shm, a), 1);
	ck_assert(!client_enter(shm, 2, a, 1));
	ck_assert(client_enter(shm, 2, a, 0));
	client_leave(shm, 5, a); /* nothing there */
	ck_assert_uint_eq(client_sessions(shm, a), 2);
}
END_TEST

/* A refused client leaves nothing behind, nor does one that has gone. */
START_TEST(nothing_stays)
{
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t k = (uint64_t)rnd(1u << 31) << 33 ^ (uint64_t)rnd(1u << 31) << 7;

		must(client_enter(shm, 1, k, 1), "in");
		must(!client_enter(shm, 2, k, 1) && !client_enter(shm, 1, k, 1), "one too many");
		client_leave(shm, 1, k);
	}
	ck_assert_uint_eq(used(1) + used(2), 0);
}
END_TEST

/* As many clients as there may be rows, coming and going in any order, and homes that crowd together:
 * what the tables say is what a plain array says, and walks stay short. */
#define MODEL 20000

static uint64_t model_key(unsigned i)
{
	uint64_t k = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	k = (k ^ k >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	return k ^ k >> 27;
}

static unsigned walk_of(unsigned slot, uint64_t k)
{
	unsigned n = 0;

	while (n < CLIENT_PLACES && look(&shm->clients[slot][(k + n) % CLIENT_PLACES]) != 0)
		n++;
	return n;
}

START_TEST(as_a_model)
{
	static uint8_t n[2][MODEL];
	uint64_t walked = 0;

	for (unsigned i = 0; i < 3000000; i++) {
		unsigned c = rnd(MODEL), slot = rnd(2);
		uint64_t k = model_key(c);

		if (rnd(2) && n[slot][c] > 0) {
			client_leave(shm, slot, k);
			n[slot][c]--;
		} else {
			bool room = n[0][c] + n[1][c] < 3;

			must(client_enter(shm, slot, k, 3) == room, "room");
			n[slot][c] = (uint8_t)(n[slot][c] + room);
		}
		walked += i % 100 ? 0 : walk_of(slot, model_key(rnd(MODEL)));
	}
	for (unsigned c = 0; c < MODEL; c++)
		must(client_sessions(shm, model_key(c)) == n[0][c] + n[1][c], "as the model");
	must(walked < 30000 * 8, "short walks");
	for (unsigned c = 0; c < MODEL; c++)
		for (unsigned slot = 0; slot < 2; slot++)
			while (n[slot][c]-- > 0)
				client_leave(shm, slot, model_key(c));
	ck_assert_uint_eq(client_sessions(shm, model_key(1)), 0);
}
END_TEST

/* All at home in the last places of the table. */
START_TEST(crowded_homes)
{
	static uint8_t n[200];

	memset(n, 0, sizeof(n));
	for (unsigned i = 0; i < 300000; i++) {
		unsigned c = rnd(200);
		uint64_t k = (uint64_t)(c + 1) << 32 | (CLIENT_PLACES - 1 - c % 3);

		if (rnd(3) && n[c]) {
			client_leave(shm, 0, k);
			n[c]--;
		} else if (n[c] < 2) {
			must(client_enter(shm, 0, k, 2), "room");
			n[c]++;
		}
		must(client_sessions(shm, k) == n[c], "as the model");
	}
	for (unsigned c = 0; c < 200; c++)
		while (n[c] > 0 && n[c]--)
			client_leave(shm, 0, (uint64_t)(c + 1) << 32 | (CLIENT_PLACES - 1 - c % 3));
	ck_assert_uint_eq(used(0), 0);
}
END_TEST

/* Odd keys: of which all counted bits are 0, or 1. */
START_TEST(odd_keys)
{
	static const uint64_t odd[] = { 0, UINT64_MAX, UINT64_C(1) << 63, UINT64_MAX >> 20 };

	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		ck_assert(client_enter(shm, 0, odd[i], 2));
		ck_assert(client_enter(shm, 1, odd[i], 2));
		ck_assert(!client_enter(shm, 0, odd[i], 2));
	}
	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		ck_assert_uint_eq(client_sessions(shm, odd[i]), 2);
}
END_TEST

/* More clients than a worker can have sessions: refused, and those inside are not touched. */
START_TEST(full_table)
{
	for (unsigned i = 0; i < CLIENT_PLACES; i++)
		atomic_store(&shm->clients[0][i], tag_of((uint64_t)(i + 1) << 32) | 1);
	ck_assert(!client_enter(shm, 0, 5, 9));
	ck_assert(client_enter(shm, 0, UINT64_C(70) << 32 | 69, 9));
	ck_assert(client_enter(shm, 1, 5, 9));
	client_leave(shm, 0, 5);
	ck_assert_uint_eq(client_sessions(shm, UINT64_C(70) << 32 | 69), 2);
	client_leave(shm, 0, UINT64_C(9) << 32 | 8);
	ck_assert(client_enter(shm, 0, 6, 9)); /* a place that has been left */
	clients_forget(shm, 0);
	ck_assert_uint_eq(used(0), 0);
}
END_TEST

/* --- over processes --- */

struct crowd {
	_Atomic unsigned inside[4], refused_empty;
	_Atomic bool over;
	unsigned max;
};
static struct crowd *crowd; /* shared */

/* Comes and goes; whoever is let in counts himself, and nobody may ever count more than max. */
static bool come_and_go(void *arg)
{
	unsigned slot = (unsigned)(uintptr_t)arg;

	property_seed += slot * 77;
	for (unsigned i = 0; i < 300000; i++) {
		unsigned c = rnd(4);

		if (client_enter(shm, slot, model_key(c), crowd->max)) {
			if (atomic_fetch_add(&crowd->inside[c], 1) >= crowd->max)
				crowd->over = true;
			if (i % 16 == 0)
				sched_yield();
			atomic_fetch_sub(&crowd->inside[c], 1);
			client_leave(shm, slot, model_key(c));
		}
	}
	return !crowd->over;
}

static void make_crowd(unsigned max)
{
	crowd = mmap(NULL, sizeof(*crowd), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(crowd != MAP_FAILED, "mmap");
	crowd->max = max;
}

START_TEST(never_over)
{
	pid_t pids[WORKERS];

	make_crowd((unsigned)_i);
	for (unsigned w = 0; w < WORKERS; w++)
		pids[w] = child_start(come_and_go, (void *)(uintptr_t)w);
	for (unsigned w = 0; w < WORKERS; w++)
		ck_assert(child_ended_well(pids[w]));
	for (unsigned c = 0; c < 4; c++)
		ck_assert_uint_eq(client_sessions(shm, model_key(c)), 0);
}
END_TEST

/* Eight come for fewer places at once and stay: exactly so many get in. */
static bool come_and_stay(void *arg)
{
	unsigned slot = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < 20000; i++)
		if (client_enter(shm, slot, model_key(0), crowd->max))
			atomic_fetch_add(&crowd->inside[0], 1);
	return true;
}

START_TEST(all_places_are_taken)
{
	pid_t pids[WORKERS];

	make_crowd(33333);
	for (unsigned w = 0; w < WORKERS; w++)
		pids[w] = child_start(come_and_stay, (void *)(uintptr_t)w);
	for (unsigned w = 0; w < WORKERS; w++)
		ck_assert(child_ended_well(pids[w]));
	ck_assert_uint_eq(atomic_load(&crowd->inside[0]), 33333);
	ck_assert_uint_eq(client_sessions(shm, model_key(0)), 33333);
}
END_TEST

/* Of two who ask at once for the last place, the lower one gets it when the other has withdrawn; one
 * that stands still is not waited for without end. */
START_TEST(who_asks_first)
{
	uint64_t k = model_key(1);
	au64 *low = place_for(shm->clients[2], k);

	ck_assert(client_enter(shm, 5, k, 2));
	atomic_store(low, tag_of(k) | ASKING);
	ck_assert(!client_enter(shm, 4, k, 2));
	ck_assert(client_enter(shm, 4, k, 3));
	ck_assert_uint_eq(client_sessions(shm, k), 2);
	ck_assert(!client_enter(shm, 0, k, 3)); /* waits in vain for 2 to withdraw */
	slot_reap(shm, 2);			/* it has died */
	ck_assert(client_enter(shm, 0, k, 3));
	ck_assert_uint_eq(client_sessions(shm, k), 3);
}
END_TEST

/* --- death --- */

static bool churn(void *arg)
{
	unsigned slot = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0;; i++) {
		uint64_t k = model_key(i % 50);

		if (client_enter(shm, slot, k, 20) && i % 3)
			client_leave(shm, slot, k);
		if (i > 100)
			client_leave(shm, slot, model_key((i - 100) % 50));
	}
	return false;
}

/* A worker is killed at any instruction beside one that lives: its sessions are gone, the others' are
 * as they were, all places can be had again. */
START_TEST(killed_worker)
{
	for (unsigned c = 0; c < 50; c++)
		for (unsigned i = 0; i < c % 3; i++)
			must(client_enter(shm, 0, model_key(c), 0), "of the one that lives");
	for (unsigned round = 0; round < 300; round++) {
		pid_t one = child_start(churn, (void *)(uintptr_t)1);
		pid_t two = child_start(churn, (void *)(uintptr_t)2);

		child_kill_within(one, 500);
		slot_reap(shm, 1);
		child_kill_within(two, 500);
		slot_reap(shm, 2);
		for (unsigned c = 0; c < 50; c++)
			must(client_sessions(shm, model_key(c)) == c % 3, "those of the living");
		must(used(1) == 0 && used(2) == 0, "nothing of the dead");
		for (unsigned i = 0; i < 20; i++)
			must(client_enter(shm, 1, model_key(0), 20), "all places");
		must(!client_enter(shm, 2, model_key(0), 20), "and no more");
		slot_reap(shm, 1);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("clients");
	TCase *t = tcase_create("clients");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, key);
	tcase_add_test(t, up_to_max);
	tcase_add_test(t, nothing_stays);
	tcase_add_test(t, as_a_model);
	tcase_add_test(t, crowded_homes);
	tcase_add_test(t, odd_keys);
	tcase_add_test(t, full_table);
	tcase_add_loop_test(t, never_over, 1, 4);
	tcase_add_test(t, all_places_are_taken);
	tcase_add_test(t, who_asks_first);
	tcase_add_test(t, killed_worker);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
