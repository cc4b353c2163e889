/* The replicator: facts out of a real region into a real store: who outweighs whom, what is
 * damaged, what cannot be written, what has expired. */
#include "cmd/replicator.c"

#include "unit/replicator_rig.h"

static const char pair[] = "0123456789abcdef0123456789abcdef";
static const char digest[] = "fedcba9876543210fedcba9876543210";

static struct ledger ledger_of(int outcome, const char *box)
{
	return (struct ledger){ .pair = str_z(pair),
				.digest = str_z(digest),
				.outcome = outcome,
				.boxid = str_z(box),
				.expiry = clock_wall_ms() + 100000000 };
}

/* A fact from this slot; its mark. */
static uint64_t tell(unsigned slot, const struct ledger *l)
{
	uint64_t mark = 0;
	struct buf b;

	buf_init(&b, LIMIT_JOURNAL_ENTRY);
	ck_assert_int_eq(ledger_encode(l, &b), 0);
	ck_assert_int_eq(journal_put(shm, slot, JOURNAL_LEDGER, buf_str(&b), &mark), 0);
	buf_release(&b);
	return mark;
}

static uint64_t tell_of(unsigned slot, int outcome, const char *box)
{
	struct ledger l = ledger_of(outcome, box);

	return tell(slot, &l);
}

/* "outcome box" of the row, "-" when there is none. */
static const char *row(void)
{
	static char text[80];
	struct ledger l = ledger_of(1, "");
	char key[KEY_MAX];
	size_t n;
	int rc;

	ck_assert_int_eq(record_key(&table_ledger, &l, key, &n), 0);
	read_begin();
	rc = store_get(rig, &table_ledger, (struct str){ key, n }, &l, NULL, &rig_err);
	ok(rc);
	snprintf(text, sizeof(text), "%d %.*s", (int)l.outcome, STR_ARG(l.boxid));
	store_read_end(rig);
	return rc == STORE_NONE ? "-" : text;
}

/* --- applying --- */

START_TEST(nothing)
{
	gather();
	ck_assert_uint_eq(count(&table_ledger), 0);
	ck_assert(r.gather.due == CLOCK_NEVER);
}
END_TEST

START_TEST(one_fact)
{
	uint64_t mark = tell_of(0, LEDGER_DELIVERED, "A");

	ck_assert(!journal_durable(shm, 0, mark));
	gather();
	ck_assert_str_eq(row(), "1 A");
	ck_assert(journal_durable(shm, 0, mark));
	ck_assert(!anything_waits(&r));
}
END_TEST

/* Who has it outweighs who refused it, in any order, from any process, in one commit or several;
 * among equals the last one counts. */
static const struct {
	int outcome[3];
	const char *box[3], *want;
} orders[] = {
	{ { LEDGER_REFUSED }, { "A" }, "2 A" },
	{ { LEDGER_DELIVERED, LEDGER_REFUSED }, { "A", "B" }, "1 A" },
	{ { LEDGER_REFUSED, LEDGER_DELIVERED }, { "A", "B" }, "1 B" },
	{ { LEDGER_REFUSED, LEDGER_REFUSED }, { "A", "B" }, "2 B" },
	{ { LEDGER_DELIVERED, LEDGER_DELIVERED }, { "A", "B" }, "1 B" },
	{ { LEDGER_REFUSED, LEDGER_DELIVERED, LEDGER_REFUSED }, { "A", "B", "C" }, "1 B" },
	{ { LEDGER_DELIVERED, LEDGER_REFUSED, LEDGER_REFUSED }, { "A", "B", "C" }, "1 A" },
};

/* Without a trace of the row: rows that expire leave none. */
static void forget_row(void)
{
	struct ledger l = ledger_of(1, "");
	char key[KEY_MAX];
	size_t n;

	ck_assert_int_eq(record_key(&table_ledger, &l, key, &n), 0);
	begin();
	ok(store_expire(rig, &table_ledger, (struct str){ key, n }, &rig_err));
	commit();
}

START_TEST(weights)
{
	enum { ONE_RING, MANY_RINGS, MANY_COMMITS, WAYS };

	for (int way = 0; way < WAYS; way++) {
		for (int i = 0; i < 3 && orders[_i].outcome[i]; i++) {
			tell_of(way == MANY_RINGS ? (unsigned)i : 0,
				orders[_i].outcome[i], orders[_i].box[i]);
			if (way == MANY_COMMITS)
				gather();
		}
		gather();
		ck_assert_str_eq(row(), orders[_i].want);
		forget_row();
	}
}
END_TEST

/* Killed between the commit and the mark: the next life applies all of it once more. */
START_TEST(twice)
{
	uint64_t mark[3];

	mark[0] = tell_of(0, LEDGER_REFUSED, "A");
	mark[1] = tell_of(0, LEDGER_DELIVERED, "B");
	mark[2] = tell_of(1, LEDGER_REFUSED, "C");
	for (int life = 0; life < 2; life++) {
		begin();
		for (unsigned i = 0; i < 2; i++) {
			uint64_t pos = journal_tail(shm, i);

			ck_assert_int_eq(apply_ring(&r, i, &pos, &rig_err), 0);
		}
		commit();
		ck_assert(!journal_durable(shm, 0, mark[0]));
	}
	gather();
	ck_assert_str_eq(row(), "1 B");
	ck_assert(journal_durable(shm, 0, mark[1]) && journal_durable(shm, 1, mark[2]));
}
END_TEST

/* More than one ring holds at a time, from all slots that there are. */
START_TEST(many)
{
	char name[33];
	struct ledger l = ledger_of(LEDGER_DELIVERED, "A");
	unsigned n = 0;

	l.pair = (struct str){ name, 32 };
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 1000; i++) {
			snprintf(name, sizeof(name), "%032x", n++);
			tell(i % MAX_SLOTS, &l);
		}
		gather();
		ck_assert_uint_eq(count(&table_ledger), n);
		ck_assert(!anything_waits(&r));
	}
}
END_TEST

/* --- damaged facts --- */

START_TEST(damaged)
{
	static const char noise[64] = { 0x7f, 1, 2, 3 };
	struct ledger no_pair = ledger_of(LEDGER_DELIVERED, "A");

	put_raw(JOURNAL_LEDGER, "", 0);
	put_raw(JOURNAL_LEDGER, noise, sizeof(noise));
	put_raw((enum journal_kind)99, noise, sizeof(noise));
	no_pair.pair = STR("");
	tell(0, &no_pair);
	tell_of(0, LEDGER_DELIVERED, "B");
	gather();
	ck_assert(!anything_waits(&r));
	ck_assert(!r.failing);
	ck_assert_str_eq(row(), "1 B");
}
END_TEST

/* Whatever bytes stand in the ring, the ring goes on. */
START_TEST(random_damage)
{
	struct ledger l = ledger_of(LEDGER_DELIVERED, "A");
	struct buf b;

	buf_init(&b, LIMIT_JOURNAL_ENTRY);
	ck_assert_int_eq(ledger_encode(&l, &b), 0);
	for (int i = 0; i < 3000; i++) {
		char raw[LIMIT_JOURNAL_ENTRY];
		size_t n = buf_len(&b);

		memcpy(raw, buf_str(&b).p, n);
		for (unsigned j = rnd(4); j < 4; j++)
			raw[rnd((unsigned)n)] = (char)rnd(256);
		put_raw(JOURNAL_LEDGER, raw, rnd(8) ? n : rnd((unsigned)n));
	}
	buf_release(&b);
	tell_of(0, LEDGER_DELIVERED, "Z");
	gather();
	ck_assert(!anything_waits(&r) && !r.failing);
	ck_assert_str_eq(row(), "1 Z");
	rig_check(); /* every row can be read */
	on_sweep(&r.sweep);
}
END_TEST

/* --- the store cannot be written --- */

/* Nothing is lost, nothing is called durable; it is tried again in a while, and told once. */
START_TEST(full_disk)
{
	uint64_t mark;

	disk_watch(rig_path("traffic.mdb"));
	disk.full = true;
	mark = tell_of(0, LEDGER_DELIVERED, "A");
	for (int i = 0; i < 3; i++) {
		gather();
		ck_assert(r.failing);
		ck_assert(r.gather.due != CLOCK_NEVER);
		ck_assert(!journal_durable(shm, 0, mark));
		ck_assert(anything_waits(&r));
	}
	ck_assert_str_eq(row(), "-");
	disk.full = false;
	gather();
	ck_assert(!r.failing);
	ck_assert(journal_durable(shm, 0, mark));
	ck_assert_str_eq(row(), "1 A");
	disk_unwatch();
}
END_TEST

/* Settings that cannot be read hold no ledger row up; the guard's times are those of before. */
START_TEST(blind)
{
	struct store *s = r.sweeper.accounts;
	MDB_val k = { 7, "general" }, v = { 3, "\377\377\377" };
	struct settings settings;
	struct gate_rules before;

	record_defaults(&table_settings, &settings);
	settings.greylist_initial_min = 77 * 10000;
	ok(store_write_begin(s, 1, &rig_err));
	ok(store_put(s, &table_settings, &settings, &rig_err));
	ok(store_commit(s, &rig_err));
	rules_by_default(&r);
	before = r.applier.rules;
	tell_of(0, LEDGER_REFUSED, "A");
	gather();
	ck_assert(r.applier.rules.greylist.initial_ms == 77 * 60000 && !r.blind);
	ck_assert_int_ne(before.greylist.initial_ms, 77 * 60000);
	ok(store_write_begin(s, 2, &rig_err));
	ck_assert_int_eq(mdb_put(s->wr, s->table_db[table_settings.id], &k, &v, 0), 0);
	ok(store_commit(s, &rig_err));
	tell_of(0, LEDGER_DELIVERED, "B");
	gather();
	ck_assert(r.blind && !r.failing && !anything_waits(&r));
	ck_assert_str_eq(row(), "1 B");
	ck_assert_int_eq(r.applier.rules.greylist.initial_ms, 77 * 60000);
}
END_TEST

/* What is called durable would outlive a power cut. */
START_TEST(durable)
{
	uint64_t mark = tell_of(0, LEDGER_DELIVERED, "A");

	disk_watch(rig_path("traffic.mdb"));
	gather();
	ck_assert(journal_durable(shm, 0, mark));
	ck_assert_int_gt(disk.writes, 0);
	ck_assert_uint_eq(disk.n, 0); /* written, but not synced */
	disk_unwatch();
}
END_TEST

/* --- blocked clients --- */

static uint64_t tell_blocked(const char *subject, const char *reason, bool block)
{
	struct row_meta m = { .tombstone = !block };
	struct blocked row;
	uint64_t mark = 0;
	struct buf b;

	record_defaults(&table_blocked, &row);
	row.subject = str_z(subject);
	row.reason = str_z(reason);
	row.since = 1795996800000;
	row.who = STR("key");
	buf_init(&b, LIMIT_JOURNAL_ENTRY);
	ck_assert_int_eq(record_encode(&table_blocked, &row, &m, &b), 0);
	ck_assert_int_eq(journal_put(shm, SLOT_ADMIN, JOURNAL_BLOCKED, buf_str(&b), &mark), 0);
	buf_release(&b);
	return mark;
}

/* "reason who" of that row, "-" when there is none. */
static const char *blocked_row(const char *subject)
{
	static char text[80];
	struct blocked b;
	int rc;

	read_begin();
	rc = store_get(rig, &table_blocked, str_z(subject), &b, NULL, &rig_err);
	ok(rc);
	if (rc == 0) {
		ck_assert_int_eq(b.since, 1795996800000);
		snprintf(text, sizeof(text), "%.*s %.*s", STR_ARG(b.reason), STR_ARG(b.who));
	}
	store_read_end(rig);
	return rc == STORE_NONE ? "-" : text;
}

START_TEST(blocks)
{
	uint64_t mark = tell_blocked("10.0.0.1", "why", true);

	ck_assert(!journal_durable(shm, SLOT_ADMIN, mark));
	gather();
	ck_assert(journal_durable(shm, SLOT_ADMIN, mark));
	ck_assert_str_eq(blocked_row("10.0.0.1"), "why key");
	/* again: the newest words count, in one row */
	tell_blocked("10.0.0.1", "else", true);
	tell_blocked("a@b.cc", "why", true);
	gather();
	ck_assert_str_eq(blocked_row("10.0.0.1"), "else key");
	ck_assert_uint_eq(count(&table_blocked), 2);
	rig_check();
}
END_TEST

/* In the order in which they were said, in one commit or several. */
START_TEST(unblocks)
{
	for (int commits = 0; commits < 2; commits++) {
		struct row_meta m;

		tell_blocked("10.0.0.1", "why", true);
		if (commits)
			gather();
		tell_blocked("10.0.0.1", "", false);
		gather();
		ck_assert_str_eq(blocked_row("10.0.0.1"), "-");
		/* the tombstone is what sisters hear of */
		ck_assert_int_eq(get_meta(&table_blocked, "10.0.0.1", &m), STORE_NONE);
		ck_assert_uint_gt(info().last_seq, 0);
		/* once more, and of one that was never there: nothing */
		tell_blocked("10.0.0.1", "", false);
		tell_blocked("10.0.0.2", "", false);
		gather();
		ck_assert_uint_eq(count(&table_blocked), 0);
		tell_blocked("10.0.0.1", "back", true);
		gather();
		ck_assert_str_eq(blocked_row("10.0.0.1"), "back key");
		rig_check();
	}
}
END_TEST

/* Killed between the commit and the mark: all of it once more ends the same. */
START_TEST(blocked_twice)
{
	uint64_t mark;

	tell_blocked("10.0.0.1", "why", true);
	tell_blocked("10.0.0.2", "why", true);
	mark = tell_blocked("10.0.0.1", "", false);
	for (int life = 0; life < 3; life++) {
		uint64_t pos = journal_tail(shm, SLOT_ADMIN);

		begin();
		ck_assert_int_eq(apply_ring(&r, SLOT_ADMIN, &pos, &rig_err), 0);
		commit();
		ck_assert_str_eq(blocked_row("10.0.0.1"), "-");
		ck_assert_str_eq(blocked_row("10.0.0.2"), "why key");
	}
	gather();
	ck_assert(journal_durable(shm, SLOT_ADMIN, mark));
	ck_assert_uint_eq(count(&table_blocked), 1);
	rig_check();
}
END_TEST

/* A damaged one is dropped, the others are not; what is not written is not durable. */
START_TEST(blocked_damaged)
{
	static const char noise[64] = { 0x7f, 1, 2, 3 };
	uint64_t mark;

	put_raw(JOURNAL_BLOCKED, "", 0);
	put_raw(JOURNAL_BLOCKED, noise, sizeof(noise));
	tell_blocked("", "no subject", true);
	mark = tell_blocked("10.0.0.1", "why", true);
	tell_of(0, LEDGER_DELIVERED, "A");
	disk_watch(rig_path("traffic.mdb"));
	disk.full = true;
	gather();
	ck_assert(r.failing && !journal_durable(shm, SLOT_ADMIN, mark));
	disk.full = false;
	gather();
	ck_assert(!r.failing && journal_durable(shm, SLOT_ADMIN, mark));
	disk_unwatch();
	ck_assert_str_eq(blocked_row("10.0.0.1"), "why key");
	ck_assert_str_eq(row(), "1 A");
	ck_assert_uint_eq(count(&table_blocked), 1);
}
END_TEST

START_TEST(blocked_random_damage)
{
	struct row_meta m = { 0 };
	struct blocked good;
	struct buf b;

	record_defaults(&table_blocked, &good);
	good.subject = STR("10.0.0.9");
	good.reason = STR("some reason");
	buf_init(&b, LIMIT_JOURNAL_ENTRY);
	ck_assert_int_eq(record_encode(&table_blocked, &good, &m, &b), 0);
	for (int i = 0; i < 3000; i++) {
		char raw[LIMIT_JOURNAL_ENTRY];
		size_t n = buf_len(&b);

		memcpy(raw, buf_str(&b).p, n);
		for (unsigned j = rnd(4); j < 4; j++)
			raw[rnd((unsigned)n)] = (char)rnd(256);
		put_raw(JOURNAL_BLOCKED, raw, rnd(8) ? n : rnd((unsigned)n));
	}
	buf_release(&b);
	tell_blocked("10.0.0.1", "why", true);
	gather();
	ck_assert(!anything_waits(&r) && !r.failing);
	ck_assert_str_eq(blocked_row("10.0.0.1"), "why key");
	rig_check();
}
END_TEST

/* --- waking --- */

/* A bell starts the gathering, once, a few milliseconds later. */
START_TEST(bell)
{
	uint64_t mark = tell_of(0, LEDGER_DELIVERED, "A");

	slot_ring(shm, SLOT_REPLICATOR);
	for (int i = 0; i < 10000 && !journal_durable(shm, 0, mark); i++) {
		loop_turn(r.loop);
		usleep(100);
	}
	ck_assert(journal_durable(shm, 0, mark));
	ck_assert(r.gather.due == CLOCK_NEVER);
}
END_TEST

/* --- sweeping --- */

static void keep_until(unsigned i, int64_t expiry)
{
	char name[33];
	struct ledger l = ledger_of(LEDGER_DELIVERED, "A");

	snprintf(name, sizeof(name), "%032x", i);
	l.pair = (struct str){ name, 32 };
	l.expiry = expiry;
	ok(store_put(rig, &table_ledger, &l, &rig_err));
}

START_TEST(sweeps)
{
	int64_t now = clock_wall_ms();

	begin();
	for (unsigned i = 0; i < 30; i++)
		keep_until(i, i % 3 == 0 ? now - 1 :
			      i % 3 == 1 ? now + 10000000 :
					   FIELD_EMPTY);
	commit();
	on_sweep(&r.sweep);
	ck_assert_uint_eq(count(&table_ledger), 20);
	ck_assert_int_gt(r.sweep.due - loop_now(r.loop), SWEEP_MS / 2);
	rig_check();
}
END_TEST

/* One transaction takes so many; then facts may come in between, and soon the rest goes. */
START_TEST(sweeps_in_parts)
{
	int64_t now = clock_wall_ms();

	begin();
	for (unsigned i = 0; i < SWEEP_ROWS + 10; i++)
		keep_until(i, now - 1);
	commit();
	on_sweep(&r.sweep);
	ck_assert_uint_eq(count(&table_ledger), 10);
	ck_assert_int_lt(r.sweep.due - loop_now(r.loop), SWEEP_MS / 2);
	on_sweep(&r.sweep);
	ck_assert_uint_eq(count(&table_ledger), 0);
	ck_assert_int_gt(r.sweep.due - loop_now(r.loop), SWEEP_MS / 2);
	rig_check();
}
END_TEST

START_TEST(sweeps_on_a_full_disk)
{
	begin();
	keep_until(1, clock_wall_ms() - 1);
	commit();
	disk_watch(rig_path("traffic.mdb"));
	disk.full = true;
	on_sweep(&r.sweep);
	ck_assert_uint_eq(count(&table_ledger), 1);
	disk.full = false;
	on_sweep(&r.sweep);
	ck_assert_uint_eq(count(&table_ledger), 0);
	disk_unwatch();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("replicator");
	TCase *t = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nothing);
	tcase_add_test(t, one_fact);
	tcase_add_loop_test(t, weights, 0, (int)ARRAY_LEN(orders));
	tcase_add_test(t, twice);
	tcase_add_test(t, many);
	tcase_add_test(t, damaged);
	tcase_add_test(t, random_damage);
	tcase_add_test(t, full_disk);
	tcase_add_test(t, blind);
	tcase_add_test(t, durable);
	tcase_add_test(t, blocks);
	tcase_add_test(t, unblocks);
	tcase_add_test(t, blocked_twice);
	tcase_add_test(t, blocked_damaged);
	tcase_add_test(t, blocked_random_damage);
	tcase_add_test(t, bell);
	tcase_add_test(t, sweeps);
	tcase_add_test(t, sweeps_in_parts);
	tcase_add_test(t, sweeps_on_a_full_disk);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
