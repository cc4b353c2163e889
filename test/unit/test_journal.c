/* The journal: wrap-around, full rings, marks, and what is left when either side is killed. */
#include "shm/journal.c"

#include <check.h>
#include <poll.h>
#include <sched.h>

#include "unit/child.h"

#define WORKERS 3
#define SLOT 1

static struct shm *shm;

static void setup(void)
{
	shm = shm_create(WORKERS);
}

static void teardown(void)
{
	shm_destroy(&shm);
}

/* --- entries that can be told apart --- */

static char bytes[LIMIT_JOURNAL_ENTRY + 1];

/* The payload of number n with len bytes (8 or more): n, and bytes that follow from it. */
static struct str payload_of(uint64_t n, size_t len)
{
	memset(bytes, (int)(n & 255), len);
	memcpy(bytes, &n, sizeof(n));
	return (struct str){ bytes, len };
}

static uint64_t number_of(struct str payload)
{
	uint64_t n;

	must(payload.n >= sizeof(n), "a payload of ours");
	memcpy(&n, payload.p, sizeof(n));
	for (size_t i = sizeof(n); i < payload.n; i++)
		must((unsigned char)payload.p[i] == (n & 255), "a whole payload");
	return n;
}

static int put(uint64_t n, size_t len, uint64_t *mark)
{
	return journal_put(shm, SLOT, JOURNAL_LEDGER, payload_of(n, len), mark);
}

static bool next(uint64_t *pos, struct str *payload)
{
	enum journal_kind kind;
	bool res = journal_next(shm, SLOT, pos, &kind, payload);

	must(!res || kind == JOURNAL_LEDGER, "kind");
	return res;
}

static bool bell_rings(unsigned slot)
{
	struct pollfd p = { .fd = slot_bell(shm, slot), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* --- one after the other --- */

START_TEST(life_of_an_entry)
{
	uint64_t mark = 0, second, pos = journal_tail(shm, SLOT);
	struct str p;

	ck_assert(!next(&pos, &p));
	ck_assert_int_eq(put(42, 11, &mark), 0);
	ck_assert(bell_rings(SLOT_REPLICATOR));
	ck_assert_int_eq(put(43, 8, &second), 0);
	ck_assert_uint_gt(second, mark);
	ck_assert(!journal_durable(shm, SLOT, mark));
	ck_assert(next(&pos, &p));
	ck_assert_uint_eq(number_of(p), 42);
	ck_assert_uint_eq(p.n, 11);
	ck_assert(!bell_rings(SLOT));
	journal_applied(shm, SLOT, pos);
	ck_assert(bell_rings(SLOT));
	ck_assert(journal_durable(shm, SLOT, mark));
	ck_assert(!journal_durable(shm, SLOT, second));
	ck_assert(next(&pos, &p));
	ck_assert_uint_eq(number_of(p), 43);
	ck_assert(!next(&pos, &p));
	journal_applied(shm, SLOT, pos);
	ck_assert(journal_durable(shm, SLOT, second));
	ck_assert_uint_eq(journal_stat(shm, SLOT).published, journal_stat(shm, SLOT).applied);
	ck_assert_uint_eq(journal_stat(shm, 0).published, 0);
}
END_TEST

/* It rings when the replicator may sleep, and not for each entry while it has work. */
START_TEST(rings_once)
{
	uint64_t mark, pos = 0;
	struct str p;

	ck_assert_int_eq(put(1, 8, &mark), 0);
	ck_assert(bell_rings(SLOT_REPLICATOR));
	slot_answer(shm, SLOT_REPLICATOR);
	ck_assert_int_eq(put(2, 8, &mark), 0);
	ck_assert(!bell_rings(SLOT_REPLICATOR));
	while (next(&pos, &p))
		;
	ck_assert_int_eq(put(3, 8, &mark), 0);
	ck_assert(!bell_rings(SLOT_REPLICATOR));
	while (next(&pos, &p))
		;
	journal_applied(shm, SLOT, pos);
	ck_assert_int_eq(put(4, 8, &mark), 0);
	ck_assert(bell_rings(SLOT_REPLICATOR));
}
END_TEST

static const struct {
	size_t len;
	int rc;
} lengths[] = {
	{ 0, 0 }, { 1, 0 }, { 7, 0 }, { 8, 0 }, { 9, 0 }, { LIMIT_JOURNAL_ENTRY, 0 },
	{ LIMIT_JOURNAL_ENTRY + 1, -1 }, { SIZE_MAX, -1 }, { SIZE_MAX - 14, -1 },
};

START_TEST(entry_lengths)
{
	struct str in = { bytes, lengths[_i].len }, p;
	uint64_t mark = 77, pos = 0;
	enum journal_kind kind;

	memset(bytes, 'x', sizeof(bytes));
	ck_assert_int_eq(journal_put(shm, SLOT, JOURNAL_LEDGER, in, &mark), lengths[_i].rc);
	ck_assert_uint_eq(journal_stat(shm, SLOT).dropped, lengths[_i].rc ? 1 : 0);
	if (lengths[_i].rc) {
		ck_assert_uint_eq(mark, 77);
		ck_assert_uint_eq(journal_stat(shm, SLOT).published, 0);
		return;
	}
	ck_assert(journal_next(shm, SLOT, &pos, &kind, &p));
	ck_assert(str_eq(p, in));
	ck_assert_uint_eq(pos, mark);
	ck_assert_uint_eq(pos % 8, 0);
}
END_TEST

/* Nothing is lost or overwritten when the ring is full; room comes back with what is applied. */
START_TEST(full_ring)
{
	uint64_t mark, last = 0, pos = 0, n = 0;
	struct str p;

	while (put(n, 100, &mark) == 0) {
		last = mark;
		n++;
	}
	ck_assert_uint_eq(n, JOURNAL_RING / 112);
	ck_assert_uint_eq(journal_stat(shm, SLOT).dropped, 1);
	ck_assert_uint_eq(journal_stat(shm, SLOT).published, last);
	for (uint64_t i = 0; i < n; i++)
		must(next(&pos, &p) && number_of(p) == i, "what was put before stays");
	ck_assert(!next(&pos, &p));
	ck_assert_int_eq(put(n, 100, &mark), -1);
	/* a few applied: room for a few, behind the end and a filler */
	pos = 0;
	for (int i = 0; i < 3; i++)
		must(next(&pos, &p), "next");
	journal_applied(shm, SLOT, pos);
	ck_assert_int_eq(put(n, 100, &mark), 0);
	ck_assert_int_eq(put(n + 1, 100, &mark), 0);
	ck_assert_int_eq(put(n + 2, 100, &mark), 0);
	ck_assert_int_eq(put(n + 3, 100, &mark), -1);
	for (uint64_t i = 3; i < n + 3; i++)
		must(next(&pos, &p) && number_of(p) == i, "in order over the end");
	ck_assert(!next(&pos, &p));
}
END_TEST

/* What is offered is taken while little waits; the rest of the ring is for those who need it. */
START_TEST(offers)
{
	uint64_t mark, pos = 0, n = 0, dropped;
	struct str p;

	while (journal_offer(shm, SLOT, JOURNAL_LEDGER, payload_of(n, 100)) == 0)
		n++;
	ck_assert_uint_eq(n, JOURNAL_OFFERED / 112);
	ck_assert_uint_eq(journal_stat(shm, SLOT).dropped, 1);
	ck_assert_int_eq(put(n, 100, &mark), 0);
	while (put(n, 100, &mark) == 0)
		;
	ck_assert_uint_gt(mark, JOURNAL_RING - 112);
	dropped = journal_stat(shm, SLOT).dropped;
	ck_assert_int_eq(journal_offer(shm, SLOT, JOURNAL_LEDGER, STR("x")), -1);
	ck_assert_uint_eq(journal_stat(shm, SLOT).dropped, dropped + 1);
	for (uint64_t i = 0; i < n; i++)
		must(next(&pos, &p) && number_of(p) == i, "in order, whole");
	while (next(&pos, &p))
		;
	journal_applied(shm, SLOT, pos);
	ck_assert_int_eq(journal_offer(shm, SLOT, JOURNAL_LEDGER, STR("x")), 0);
}
END_TEST

/* The filler counts as well: it may not push an entry over what waits at the beginning. */
START_TEST(filler_needs_room)
{
	uint64_t mark, pos = 0, first;
	struct str p;

	for (uint64_t i = 0; i < JOURNAL_RING / 1024 - 1; i++)
		must(put(i, 1016, &mark) == 0, "put");
	ck_assert_int_eq(put(0, 1000, &mark), 0);
	ck_assert_uint_eq(mark, JOURNAL_RING - 16);
	ck_assert(next(&pos, &p));
	first = pos;
	journal_applied(shm, SLOT, first);
	ck_assert_int_eq(put(1, 1017, &mark), -1);
	ck_assert_int_eq(put(1, 1016, &mark), 0);
	ck_assert_uint_eq(mark - first, JOURNAL_RING);
	ck_assert(next(&pos, &p));
	ck_assert_uint_eq(number_of(p), 1);
}
END_TEST

/* Entries that end exactly where the ring ends leave no gap and overtake nothing. */
START_TEST(ring_filled_to_the_byte)
{
	uint64_t mark, pos = 0;
	struct str p;

	for (unsigned round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < JOURNAL_RING / 1024; i++)
			must(put(i, 1016, &mark) == 0, "room for all");
		ck_assert_int_eq(put(0, 8, &mark), -1);
		ck_assert_uint_eq(mark, (round + 1) * (uint64_t)JOURNAL_RING);
		for (uint64_t i = 0; i < JOURNAL_RING / 1024; i++)
			must(next(&pos, &p) && number_of(p) == i, "all come back");
		ck_assert(!next(&pos, &p));
		journal_applied(shm, SLOT, pos);
	}
}
END_TEST

/* What no writer of ours leaves: the reader gives up that ring's rest and goes on after it. */
START_TEST(overwritten_ring)
{
	static const uint32_t bad[] = { UINT32_MAX, JOURNAL_RING, 100, UINT32_MAX - 14 };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		uint64_t mark, pos = journal_tail(shm, SLOT);
		struct str p;

		ck_assert_int_eq(put(1, 8, &mark), 0);
		memcpy(shm->rings[SLOT].bytes + pos, &bad[i], sizeof(bad[i]));
		ck_assert(!next(&pos, &p));
		ck_assert_uint_eq(pos, mark);
		journal_applied(shm, SLOT, pos);
		ck_assert_int_eq(put(7, 8, &mark), 0);
		ck_assert(next(&pos, &p));
		ck_assert_uint_eq(number_of(p), 7);
		journal_applied(shm, SLOT, pos);
	}
}
END_TEST

/* --- against a model --- */

/* What was put and not applied, oldest first. */
struct model {
	struct model_entry {
		uint64_t n, mark;
		size_t len;
	} v[JOURNAL_RING / 16];
	size_t first, applied, end; /* of v: oldest in the ring, oldest unread, behind the newest */
	uint64_t numbers, dropped;
};

static void model_put(struct model *m)
{
	size_t len = 8 + rnd(rnd(10) ? 300 : LIMIT_JOURNAL_ENTRY - 8 + 2);
	uint64_t mark, waiting = journal_stat(shm, SLOT).published - journal_tail(shm, SLOT);

	if (put(m->numbers, len, &mark) < 0) {
		m->dropped++;
		/* never without a reason: an entry and a filler find no room */
		must(len > LIMIT_JOURNAL_ENTRY ||
		     waiting + 2 * (len + 16) > JOURNAL_RING, "dropped without need");
		return;
	}
	must(len <= LIMIT_JOURNAL_ENTRY, "too long");
	m->v[m->end++] = (struct model_entry){ m->numbers++, mark, len };
}

/* Reads up to most of them; then either says so or dies before it could. */
static void model_read(struct model *m, unsigned most, bool dies)
{
	uint64_t pos = journal_tail(shm, SLOT);
	size_t i = m->first;
	struct str p;

	while (i < m->end && i - m->first < most) {
		must(next(&pos, &p), "what waits is read");
		must(number_of(p) == m->v[i].n && p.n == m->v[i].len, "in order, whole");
		must(pos == m->v[i].mark, "its mark is where it ends");
		i++;
	}
	must(i < m->end || !next(&pos, &p), "no more than was put");
	if (dies)
		return;
	journal_applied(shm, SLOT, pos);
	m->first = i;
}

static void model_check(const struct model *m)
{
	struct journal_stat s = journal_stat(shm, SLOT);

	must(s.dropped == m->dropped, "dropped");
	must((s.published == s.applied) == (m->first == m->end), "does anything wait");
	must(s.published - s.applied <= JOURNAL_RING, "never more than the ring holds");
	if (m->first > 0)
		must(journal_durable(shm, SLOT, m->v[m->first - 1].mark), "applied is durable");
	if (m->first < m->end)
		must(!journal_durable(shm, SLOT, m->v[m->first].mark), "no other is");
}

static void model_forget_old(struct model *m)
{
	if (m->first < 40000)
		return;
	memmove(m->v, m->v + m->first - 1, (m->end - m->first + 1) * sizeof(*m->v));
	m->end -= m->first - 1;
	m->first = 1;
}

START_TEST(as_a_queue)
{
	static struct model m;

	memset(&m, 0, sizeof(m));
	for (unsigned i = 0; i < 60000; i++) {
		/* long floods and long droughts: the ring is full at times and empty at times */
		unsigned reads = i / 8000 % 2 ? 60 : 1;

		if (rnd(100) >= reads)
			model_put(&m);
		else
			model_read(&m, rnd(200), rnd(4) == 0);
		model_check(&m);
		model_forget_old(&m);
	}
	ck_assert_uint_gt(m.dropped, 0);
	ck_assert_uint_gt(journal_stat(shm, SLOT).published, 4ull * JOURNAL_RING);
}
END_TEST

/* --- processes --- */

/* Shared by the children: a ring that nothing here uses. */
struct board {
	_Atomic uint64_t put[WORKERS];	   /* how many each writer has put */
	_Atomic uint8_t committed[100000]; /* was it, by number? */
};

static struct board *board(void)
{
	return (struct board *)(void *)shm->rings[SLOT_PROBER].bytes;
}

static void wait_for_bell(unsigned slot)
{
	struct pollfd p = { .fd = slot_bell(shm, slot), .events = POLLIN };

	poll(&p, 1, -1);
	slot_answer(shm, slot);
}

#define ENTRIES 20000

/* Puts ENTRIES in order. Where the ring is full, and now and then for its own sake, waits for
 * a bell: one that is lost leaves it waiting for ever. */
static bool write_all(void *arg)
{
	unsigned slot = *(unsigned *)arg;
	uint64_t mark = 0;

	for (uint64_t n = 0; n < ENTRIES; n++) {
		struct str p = payload_of(n, 8 + rnd(LIMIT_JOURNAL_ENTRY - 8));

		while (journal_put(shm, slot, JOURNAL_LEDGER, p, &mark) < 0)
			wait_for_bell(slot);
		if (rnd(8) == 0)
			while (!journal_durable(shm, slot, mark))
				wait_for_bell(slot);
		if (rnd(64) == 0)
			usleep(rnd(100));
	}
	while (!journal_durable(shm, slot, mark))
		wait_for_bell(slot);
	return true;
}

/* Takes what waits in one ring, in order; how many that were. */
static uint64_t take_all(unsigned slot, uint64_t *expected)
{
	uint64_t pos = journal_tail(shm, slot), n = 0;
	enum journal_kind kind;
	struct str p;

	while (journal_next(shm, slot, &pos, &kind, &p)) {
		must(number_of(p) == *expected, "in order");
		++*expected;
		n++;
	}
	if (n > 0)
		journal_applied(shm, slot, pos);
	return n;
}

/* As the replicator does it: answer, take until nothing waits, sleep until the next bell. */
START_TEST(no_bell_is_lost)
{
	unsigned slots[WORKERS] = { 0, 1, 2 };
	uint64_t expected[WORKERS] = { 0 };
	pid_t pid[WORKERS];

	for (int i = 0; i < WORKERS; i++)
		pid[i] = child_start(write_all, &slots[i]);
	while (expected[0] + expected[1] + expected[2] < WORKERS * ENTRIES) {
		uint64_t taken = 1;

		wait_for_bell(SLOT_REPLICATOR);
		while (taken > 0) {
			taken = 0;
			for (unsigned i = 0; i < WORKERS; i++)
				taken += take_all(i, &expected[i]);
			if (rnd(16) == 0)
				usleep(rnd(100));
		}
	}
	for (int i = 0; i < WORKERS; i++)
		ck_assert(child_ended_well(pid[i]));
}
END_TEST

/* Numbers in order, going on where the one before it died. */
static bool write_on(void *arg)
{
	uint64_t mark;

	while (!arg) {
		/* a published entry that was not noted is put again: told apart by its number */
		uint64_t n = atomic_load(&board()->put[SLOT]);

		if (journal_put(shm, SLOT, JOURNAL_LEDGER, payload_of(n, 8 + n % 200), &mark) == 0)
			atomic_store(&board()->put[SLOT], n + 1);
	}
	return false;
}

static bool take_at_least_in_order(uint64_t *expected)
{
	uint64_t pos = journal_tail(shm, SLOT), from = pos;
	struct str p;

	while (next(&pos, &p)) {
		uint64_t n = number_of(p);

		must(n == *expected || n + 1 == *expected, "in order, none left out");
		*expected = n + 1;
	}
	if (pos != from)
		journal_applied(shm, SLOT, pos);
	return pos != from;
}

START_TEST(killed_writer)
{
	uint64_t expected = 0;

	for (int i = 0; i < 300; i++) {
		pid_t pid = child_start(write_on, NULL);

		for (unsigned rounds = 1 + rnd(20); rounds > 0; rounds--) {
			wait_for_bell(SLOT_REPLICATOR);
			while (take_at_least_in_order(&expected))
				;
		}
		child_kill(pid);
		slot_reap(shm, SLOT);
		while (take_at_least_in_order(&expected))
			;
		must(expected >= atomic_load(&board()->put[SLOT]), "nothing is lost");
		must(expected <= atomic_load(&board()->put[SLOT]) + 1, "nothing is made up");
	}
	ck_assert_uint_gt(expected, 0);
}
END_TEST

static void spin(unsigned most)
{
	for (volatile unsigned i = rnd(most); i > 0; i--)
		;
}

/* Puts one when told to. */
static bool put_one(void *arg)
{
	uint64_t mark;

	property_seed += *(unsigned *)arg;
	while (!atomic_load(&board()->put[SLOT]))
		;
	spin(3000);
	return put(1, 8, &mark) == 0;
}

/* Killed between putting and ringing: its death is heard instead. */
START_TEST(killed_before_it_rings)
{
	for (unsigned i = 0; i < 500; i++) {
		uint64_t expected = 1;
		pid_t pid = child_start(put_one, &i);

		slot_answer(shm, SLOT_REPLICATOR);
		atomic_store(&board()->put[SLOT], 1);
		spin(3000);
		child_kill(pid);
		atomic_store(&board()->put[SLOT], 0);
		slot_reap(shm, SLOT);
		must(bell_rings(SLOT_REPLICATOR) ||
		     journal_stat(shm, SLOT).published == journal_tail(shm, SLOT),
		     "nothing waits unheard");
		take_all(SLOT, &expected);
	}
}
END_TEST

/* A replicator: commits what waits (notes each number), then says so. */
static bool commit_on(void *arg)
{
	while (!arg) {
		uint64_t pos = journal_tail(shm, SLOT);
		struct str p;

		while (next(&pos, &p))
			atomic_store(&board()->committed[number_of(p)], 1);
		if (pos != journal_tail(shm, SLOT))
			journal_applied(shm, SLOT, pos);
	}
	return false;
}

/* Killed at any moment, it applies again, but leaves nothing out; and what is called durable
 * was committed. */
START_TEST(killed_reader)
{
	static uint64_t mark[100000];
	uint64_t n = 0, seen = 0;

	while (n < 20000) {
		pid_t pid = child_start(commit_on, NULL);
		uint64_t tail = journal_tail(shm, SLOT);

		for (unsigned i = rnd(500); i > 0; i--) {
			if (put(n, 8 + rnd(200), &mark[n]) == 0)
				n++;
			for (; seen < n && journal_durable(shm, SLOT, mark[seen]); seen++)
				must(atomic_load(&board()->committed[seen]) > 0, "durable");
		}
		while (rnd(100) > 0 && tail == journal_tail(shm, SLOT))
			sched_yield(); /* most get on before they die */
		child_kill(pid);
		must(journal_tail(shm, SLOT) <= journal_stat(shm, SLOT).published, "tail");
		must(journal_durable(shm, SLOT, journal_tail(shm, SLOT)), "what left is durable");
	}
	while (seen < n && journal_durable(shm, SLOT, mark[seen]))
		seen++;
	take_all(SLOT, &seen); /* what the dead left, from where the last one got to */
	ck_assert_uint_eq(seen, n);
	ck_assert_uint_eq(journal_tail(shm, SLOT), mark[n - 1]);
}
END_TEST

static bool apply_for_ever(void *arg)
{
	for (uint64_t pos = 8; !arg; pos += 8)
		journal_applied(shm, SLOT, pos);
	return false;
}

/* What has left the ring is never read again, so it must be called durable before: a
 * replicator killed in between would leave somebody waiting for it. */
START_TEST(durable_before_it_leaves)
{
	pid_t pid = child_start(apply_for_ever, NULL);
	uint64_t changes = 0, last = 0;

	for (unsigned i = 1; changes < 20000; i++) {
		uint64_t tail = journal_tail(shm, SLOT);

		must(journal_durable(shm, SLOT, tail), "durable first");
		changes += tail != last;
		last = tail;
		if (i % 64 == 0)
			sched_yield();
	}
	child_kill(pid);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("journal");
	TCase *t = tcase_create("journal");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, life_of_an_entry);
	tcase_add_test(t, rings_once);
	tcase_add_loop_test(t, entry_lengths, 0, (int)ARRAY_LEN(lengths));
	tcase_add_test(t, full_ring);
	tcase_add_test(t, offers);
	tcase_add_test(t, filler_needs_room);
	tcase_add_test(t, ring_filled_to_the_byte);
	tcase_add_test(t, overwritten_ring);
	tcase_add_test(t, as_a_queue);
	tcase_add_test(t, no_bell_is_lost);
	tcase_add_test(t, killed_writer);
	tcase_add_test(t, killed_before_it_rings);
	tcase_add_test(t, killed_reader);
	tcase_add_test(t, durable_before_it_leaves);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
