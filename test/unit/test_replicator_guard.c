/* The replicator and the guard: correspondents, automatic replies, blocks that workers set: what is
 * written, how often, what comes twice, what goes by time. */
#include "unit/random_record.h"
#include "cmd/replicator.c"

#include "unit/replicator_rig.h"

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)

/* --- facts --- */

static void tell(unsigned slot, enum journal_kind kind, const struct table *t, const void *row)
{
	struct row_meta m = { 0 };
	uint64_t mark;
	struct buf b;

	buf_init(&b, LIMIT_JOURNAL_ENTRY);
	must(record_encode(t, row, &m, &b) == 0, "encode");
	must(journal_put(shm, slot, kind, buf_str(&b), &mark) == 0, "put");
	buf_release(&b);
}

static void wrote(unsigned slot, const char *local, const char *remote, int64_t at)
{
	struct whitelist w = { .local_address = str_z(local), .remote_address = str_z(remote),
			       .first_seen = at, .last_seen = at, .count = 1 };

	tell(slot, JOURNAL_WHITELIST, &table_whitelist, &w);
}

static struct replied reply_of(const char *account, int64_t at)
{
	return (struct replied){ .email_address = str_z(account), .replied_at = at,
				 .sender_hash = STR("0123456789abcdef0123456789abcdef") };
}

static void replied(unsigned slot, const char *account, int64_t at)
{
	struct replied p = reply_of(account, at);

	tell(slot, JOURNAL_REPLIED, &table_replied, &p);
}

static void guard_blocks(unsigned slot, const char *subject, int64_t at)
{
	struct blocked b = { .subject = str_z(subject), .reason = STR("quota"), .since = at,
			     .who = STR("guard") };

	tell(slot, JOURNAL_BLOCKED, &table_blocked, &b);
}

/* --- rows --- */

/* Of the row with the key fields of key: its numbers and sequence in rec and m. */
static int look(const struct table *t, const void *key, void *rec, struct row_meta *m)
{
	char bytes[KEY_MAX];
	size_t n;
	int rc;

	must(record_key(t, key, bytes, &n) == 0, "key");
	read_begin();
	rc = store_get(rig, t, (struct str){ bytes, n }, rec, m, &rig_err);
	store_read_end(rig);
	ok(rc);
	return rc;
}

static int64_t base; /* now; times below count from it */

/* "first last count", from base in hours; "-": no row. */
static const char *pair(const char *local, const char *remote)
{
	static char text[80];
	struct whitelist w = { .local_address = str_z(local), .remote_address = str_z(remote) };
	struct row_meta m;

	if (look(&table_whitelist, &w, &w, &m) == STORE_NONE)
		return "-";
	snprintf(text, sizeof(text), "%.1f %.1f %d", (double)(w.first_seen - base) / (double)HOUR,
		 (double)(w.last_seen - base) / (double)HOUR, (int)w.count);
	return text;
}

static int64_t replied_at(const char *account)
{
	struct replied p = reply_of(account, 0);
	struct row_meta m;

	return look(&table_replied, &p, &p, &m) == STORE_NONE ? -1 : p.replied_at;
}

static void guard_setup(void)
{
	setup();
	base = clock_wall_ms() - 100 * HOUR;
}

/* --- correspondents --- */

START_TEST(first_mail)
{
	wrote(0, "a@b.cc", "r@d.ee", base);
	gather();
	ck_assert_str_eq(pair("a@b.cc", "r@d.ee"), "0.0 0.0 1");
	ck_assert_str_eq(pair("r@d.ee", "a@b.cc"), "-");
	ck_assert_uint_eq(info().last_seq, 1); /* sisters hear of it */
	rig_check();
}
END_TEST

/* Mails in hours from base, tenths; what the row says in the end. */
static const struct {
	int at[5]; /* tenths of an hour from base; -1: no more */
	const char *want;
	unsigned writes;
} mails[] = {
	{ { 0, 0, 0, 0, 0 }, "0.0 0.0 1", 1 },
	{ { 0, 5, 9, -1 }, "0.0 0.0 1", 1 },
	{ { 0, 10, -1 }, "0.0 1.0 2", 2 },
	{ { 0, 9, 18, 27, -1 }, "0.0 1.8 2", 2 },
	{ { 0, 100, 200, 300, 400 }, "0.0 40.0 5", 5 },
	/* told late by another process */
	{ { 100, 0, -1 }, "10.0 10.0 1", 1 },
	{ { 100, 105, 95, 110, -1 }, "10.0 11.0 2", 2 },
	/* a clock that ran ahead does not keep the row for ever */
	{ { 5000, 990, -1 }, "99.0 99.0 2", 2 },
	{ { 1005, 990, -1 }, "100.5 100.5 1", 1 }, /* half an hour is not ahead */
};

START_TEST(refreshed_by_the_hour)
{
	for (int one_commit = 0; one_commit < 2; one_commit++) {
		uint64_t before = info().last_seq;
		struct whitelist w = { .local_address = STR("a@b.cc"), .remote_address = STR("r@d.ee") };
		char key[KEY_MAX];
		size_t n;

		for (int i = 0; i < 5 && mails[_i].at[i] >= 0; i++) {
			wrote(one_commit ? 0 : (unsigned)i % 2, "a@b.cc", "r@d.ee",
			      base + mails[_i].at[i] * (HOUR / 10));
			if (!one_commit)
				gather();
		}
		gather();
		ck_assert_str_eq(pair("a@b.cc", "r@d.ee"), mails[_i].want);
		ck_assert_uint_eq(info().last_seq - before, mails[_i].writes);
		must(record_key(&table_whitelist, &w, key, &n) == 0, "key");
		begin();
		ok(store_expire(rig, &table_whitelist, (struct str){ key, n }, &rig_err));
		commit();
	}
	rig_check();
}
END_TEST

/* Killed between the commit and the mark: all of it once more, and nothing is written. */
START_TEST(twice)
{
	uint64_t seq = 0;

	for (unsigned i = 0; i < 50; i++) {
		wrote(i % 2, "a@b.cc", i % 3 ? "r@d.ee" : "s@d.ee", base + i * HOUR);
		replied(i % 2, "a@b.cc", base + i * HOUR);
		guard_blocks(i % 2, "10.0.0.1", base + i * HOUR);
	}
	for (int life = 0; life < 3; life++) {
		begin();
		for (unsigned i = 0; i < 2; i++) {
			uint64_t pos = journal_tail(shm, i);

			ck_assert_int_eq(apply_ring(&r, i, &pos, &rig_err), 0);
		}
		commit();
		if (life > 0)
			ck_assert_uint_eq(info().last_seq, seq);
		seq = info().last_seq;
	}
	ck_assert_int_eq(replied_at("a@b.cc"), base + 49 * HOUR);
	rig_check();
}
END_TEST

START_TEST(damaged)
{
	struct arena a = ARENA(0);

	put_raw(JOURNAL_WHITELIST, "", 0);
	put_raw(JOURNAL_REPLIED, "x", 1);
	wrote(0, "", "r@d.ee", base);
	wrote(0, "a@b.cc", "", base);
	wrote(0, "a@b.cc", "r\nd.ee", base);
	for (int i = 0; i < 4000; i++) {
		const struct table *t = i % 2 ? &table_whitelist : &table_replied;
		struct row_meta m = { 0 };
		union any_record row;
		struct buf b;

		random_record(t, &row, &a);
		buf_init(&b, LIMIT_JOURNAL_ENTRY);
		must(record_encode(t, &row, &m, &b) == 0, "encode");
		for (unsigned j = rnd(4); j > 0; j--)
			b.mem[rnd((unsigned)buf_len(&b))] = (char)rnd(256);
		put_raw(i % 2 ? JOURNAL_WHITELIST : JOURNAL_REPLIED, b.mem,
			rnd(8) ? buf_len(&b) : rnd((unsigned)buf_len(&b)));
		buf_release(&b);
		if (i % 500 == 499)
			gather();
	}
	arena_free(&a);
	wrote(0, "a@b.cc", "z@d.ee", base);
	gather();
	ck_assert(!anything_waits(&r) && !r.failing);
	ck_assert_str_eq(pair("a@b.cc", "z@d.ee"), "0.0 0.0 1");
	rig_check();
	on_sweep(&r.sweep);
	rig_check();
}
END_TEST

/* --- automatic replies --- */

START_TEST(latest_reply)
{
	replied(0, "a@b.cc", base + 5);
	gather();
	ck_assert_int_eq(replied_at("a@b.cc"), base + 5);
	replied(1, "a@b.cc", base + 3);
	gather();
	ck_assert_int_eq(replied_at("a@b.cc"), base + 5);
	replied(1, "a@b.cc", base + 6);
	replied(1, "b@b.cc", base + 1);
	gather();
	ck_assert_int_eq(replied_at("a@b.cc"), base + 6);
	ck_assert_int_eq(replied_at("b@b.cc"), base + 1);
	ck_assert_uint_eq(count(&table_replied), 2);
	rig_check();
}
END_TEST

/* --- blocks by workers --- */

static const char *blocked(const char *subject)
{
	static char text[80];
	struct blocked b = { .subject = str_z(subject) };
	int rc;

	read_begin();
	rc = store_get(rig, &table_blocked, b.subject, &b, NULL, &rig_err);
	ok(rc);
	if (rc == 0)
		snprintf(text, sizeof(text), "%.*s %.*s %d", STR_ARG(b.who), STR_ARG(b.reason),
			 (int)(b.since - base));
	store_read_end(rig);
	return rc == STORE_NONE ? "-" : text;
}

/* A row that stands stays as it is; an administrator's word counts over it, and he may take it away. */
START_TEST(guard_keeps_what_stands)
{
	struct blocked by_hand = { .subject = STR("10.0.0.1"), .reason = STR("because"),
				   .since = base + 9, .who = STR("key") };
	struct row_meta gone = { .tombstone = true };
	uint64_t mark;
	struct buf b;

	guard_blocks(0, "10.0.0.1", base + 1);
	guard_blocks(1, "10.0.0.1", base + 2);
	gather();
	guard_blocks(1, "10.0.0.1", base + 3);
	gather();
	ck_assert_str_eq(blocked("10.0.0.1"), "guard quota 1");
	tell(SLOT_ADMIN, JOURNAL_BLOCKED, &table_blocked, &by_hand);
	guard_blocks(1, "10.0.0.1", base + 10);
	gather();
	ck_assert_str_eq(blocked("10.0.0.1"), "key because 9");
	guard_blocks(1, "10.0.0.1", base + 11);
	gather();
	ck_assert_str_eq(blocked("10.0.0.1"), "key because 9");
	/* unblocked in the commit in which a worker blocks it once more: what he saw is gone */
	guard_blocks(1, "10.0.0.1", base + 12);
	buf_init(&b, LIMIT_JOURNAL_ENTRY);
	must(record_encode(&table_blocked, &by_hand, &gone, &b) == 0, "encode");
	must(journal_put(shm, SLOT_ADMIN, JOURNAL_BLOCKED, buf_str(&b), &mark) == 0, "put");
	buf_release(&b);
	gather();
	ck_assert_str_eq(blocked("10.0.0.1"), "-");
	guard_blocks(0, "10.0.0.1", base + 13);
	gather();
	ck_assert_str_eq(blocked("10.0.0.1"), "guard quota 13");
	rig_check();
}
END_TEST

/* Tries add up in the row that stands; without a row they are nobody's. Logins make an account's row. */
START_TEST(tries_and_logins)
{
	struct blocked tried = { .subject = STR("10.0.0.1"), .count = 3, .since = 0 }, row;
	struct access login, seen;

	tell(0, JOURNAL_TRIED, &table_blocked, &tried);
	gather();
	ck_assert_str_eq(blocked("10.0.0.1"), "-");
	guard_blocks(0, "10.0.0.1", base + 1);
	gather();
	record_defaults(&table_access, &login);
	login.email_address = STR("a@b.cc");
	login.last_login = base;
	login.last_network = STR("10.0.0.0");
	login.last_protocol = STR("smtp");
	login.successes = 1;
	for (int i = 0; i < 2; i++) {
		tell(0, JOURNAL_TRIED, &table_blocked, &tried);
		tell(0, JOURNAL_ACCESS, &table_access, &login);
	}
	gather();
	ck_assert_str_eq(blocked("10.0.0.1"), "guard quota 1");
	row = tried;
	ck_assert_int_eq(look(&table_blocked, &row, &row, NULL), 0);
	ck_assert_int_eq(row.count, 6);
	seen = login;
	ck_assert_int_eq(look(&table_access, &seen, &seen, NULL), 0);
	ck_assert_int_eq(seen.successes, 2);
	ck_assert_int_eq(seen.last_login, base);
	ck_assert_int_eq(seen.failures, 0);
}
END_TEST

/* --- sweeping --- */

static void keep_days(int64_t whitelist_max_age_days)
{
	struct settings s;

	record_defaults(&table_settings, &s);
	s.whitelist_max_age_min = DEC(whitelist_max_age_days * DAY_MIN);
	ok(store_write_begin(r.sweeper.accounts, base, &rig_err));
	ok(store_put(r.sweeper.accounts, &table_settings, &s, &rig_err));
	ok(store_commit(r.sweeper.accounts, &rig_err));
}

/* A pair and a reply of their own, seen last then. */
static void put_seen(const char *name, unsigned i, int64_t at)
{
	char local[32], other[33];
	struct whitelist w = { .local_address = { local, 0 }, .remote_address = { other, 32 },
			       .last_seen = at };
	struct replied p = { .sender_hash = w.remote_address, .replied_at = at };

	w.local_address.n = (size_t)snprintf(local, sizeof(local), "%s%u@b.cc", name, i);
	snprintf(other, sizeof(other), "%032x", i);
	p.email_address = w.local_address;
	ok(store_put(rig, &table_whitelist, &w, &rig_err));
	ok(store_put(rig, &table_replied, &p, &rig_err));
}

static void seen(unsigned from, unsigned n, int64_t ago)
{
	int64_t now = clock_wall_ms();

	begin();
	for (unsigned i = from; i < from + n; i++)
		put_seen("l", i, now - ago);
	commit();
}

static void sweep(void)
{
	on_sweep(&r.sweep);
}

START_TEST(goes_by_its_own_time)
{
	seen(0, 10, 6 * DAY);
	seen(10, 10, 8 * DAY);
	seen(20, 10, 119 * DAY);
	seen(30, 10, 121 * DAY);
	sweep();
	ck_assert_uint_eq(count(&table_whitelist), 30); /* the default */
	ck_assert_uint_eq(count(&table_replied), 10);
	rig_check();
	keep_days(100);
	sweep();
	ck_assert_uint_eq(count(&table_whitelist), 20);
	keep_days(0);
	sweep();
	ck_assert_uint_eq(count(&table_whitelist), 0);
	ck_assert_uint_eq(count(&table_replied), 10);
	rig_check();
}
END_TEST

/* One sweep looks at so many rows and no more; the next ones go on there, and begin anew behind the
 * last one. */
START_TEST(looks_at_a_part)
{
	seen(0, SWEEP_LOOK, DAY);
	begin();
	for (unsigned i = 0; i < 10; i++)
		put_seen("z", i, 0); /* the last ones of the tables */
	commit();
	sweep();
	ck_assert_uint_eq(count(&table_whitelist), SWEEP_LOOK + 10);
	ck_assert_int_lt(r.sweep.due - loop_now(r.loop), SWEEP_MS / 2); /* not at its end */
	sweep();
	ck_assert_uint_eq(count(&table_whitelist), SWEEP_LOOK);
	keep_days(0);
	timer_set(&r.sweep, 0);
	for (unsigned i = 0; i < SWEEP_LOOK / SWEEP_ROWS; i++) {
		ck_assert_uint_eq(count(&table_whitelist), SWEEP_LOOK - i * SWEEP_ROWS);
		ck_assert_int_lt(r.sweep.due - loop_now(r.loop), SWEEP_MS / 2);
		sweep(); /* a full batch: the next one soon */
	}
	ck_assert_uint_eq(count(&table_whitelist), 0); /* and nothing behind it */
	ck_assert_int_gt(r.sweep.due - loop_now(r.loop), SWEEP_MS / 2);
	rig_check();
}
END_TEST

/* Rows that go while it pauses, also the one it wanted to go on with, are no obstacle. */
START_TEST(goes_on_behind_what_went)
{
	char key[KEY_MAX];
	size_t n;

	seen(0, SWEEP_LOOK + 100, DAY);
	sweep();
	n = r.sweeper.from[1].n;
	ck_assert_uint_gt(n, 0);
	memcpy(key, r.sweeper.from[1].key, n);
	begin();
	ok(store_expire(rig, &table_whitelist, (struct str){ key, n }, &rig_err));
	commit();
	keep_days(0);
	sweep();
	ck_assert_uint_eq(count(&table_whitelist), SWEEP_LOOK); /* the 99 behind it */
	rig_check();
}
END_TEST

START_TEST(full_disk)
{
	seen(0, 5, 200 * DAY);
	disk_watch(rig_path("traffic.mdb"));
	disk.full = true;
	sweep();
	ck_assert_uint_eq(count(&table_whitelist), 5);
	disk.full = false;
	sweep();
	ck_assert_uint_eq(count(&table_whitelist), 0);
	ck_assert_uint_eq(count(&table_replied), 0);
	disk_unwatch();
}
END_TEST

/* --- tables that strangers fill --- */

static struct sighting put_off(unsigned i, int64_t at)
{
	struct sighting s = { .now_ms = at, .window = 1, .outcome = GREYLIST_FIRST_TRY,
			      .parts = SIGHTING_TRY | SIGHTING_ENVELOPE | SIGHTING_NAMING };

	memcpy(s.network, &i, sizeof(i));
	memcpy(s.greylist, &i, sizeof(i));
	memcpy(s.naming, &i, sizeof(i));
	return s;
}

static void put_offs(unsigned from, unsigned n, int64_t at)
{
	struct gate_rules rules = r.applier.rules;

	begin();
	for (unsigned i = from; i < from + n; i++) {
		struct sighting s = put_off(i, at);

		ok(sighting_store(rig, &s, 1, &rules, &rig_err));
	}
	commit();
}

static void ck_rows(uint64_t greylist, uint64_t spread, uint64_t naming)
{
	ck_assert_uint_eq(count(&table_greylist), greylist);
	ck_assert_uint_eq(count(&table_spread), spread);
	ck_assert_uint_eq(count(&table_naming), naming);
	rig_check();
}

/* The oldest go; those that are young enough for a retry stay, and nobody has abandoned anything. */
START_TEST(short_of_room)
{
	static struct spread_record spread;
	uint8_t key[ENVELOPE_KEY] = { 0 };
	int64_t now = clock_wall_ms();

	rules_by_default(&r);
	r.sweeper.origin = 1;
	r.sweeper.rows_most = 100;
	put_offs(0, 20, now - 3 * HOUR);
	put_offs(20, 30, now - HOUR / 12);
	sweep();
	ck_rows(50, 50, 50); /* half: nothing goes before its time */
	put_offs(50, 50, now - HOUR / 12);
	sweep();
	ck_rows(80, 100, 100); /* full: of mails, those behind twice the wait */
	begin();
	ck_assert_int_eq(spread_get(rig, key, &spread, &rig_err), 0);
	commit();
	ck_assert_uint_eq(conduct_sum(&spread.conduct, CONDUCT_ABANDONED, now, DAY), 0);
	sweep();
	ck_rows(80, 100, 100);
	r.sweeper.rows_most = 0;
	put_offs(100, 50, now - 3 * HOUR);
	sweep();
	ck_rows(130, 150, 150); /* no bound */
}
END_TEST

/* At the bound no new row comes; those that are there go on. */
START_TEST(full_tables)
{
	uint8_t key[ENVELOPE_KEY] = { 0 };
	struct greylist_record rec;
	int64_t now = clock_wall_ms();
	unsigned one = 1;

	rules_by_default(&r);
	ck_assert_uint_eq(r.applier.rules.rows_most, GUARD_ROWS);
	r.applier.rules.rows_most = 10;
	put_offs(0, 20, now - HOUR);
	ck_rows(10, 10, 10);
	put_offs(0, 20, now);
	ck_rows(10, 10, 10);
	memcpy(key, &one, sizeof(one));
	begin();
	ck_assert_int_eq(greylist_get(rig, key, &rec, &rig_err), 0);
	commit();
	ck_assert_int_eq(rec.last_ms / 1000, now / 1000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("replicator_guard");
	TCase *t = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, guard_setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, first_mail);
	tcase_add_loop_test(t, refreshed_by_the_hour, 0, (int)ARRAY_LEN(mails));
	tcase_add_test(t, twice);
	tcase_add_test(t, damaged);
	tcase_add_test(t, latest_reply);
	tcase_add_test(t, guard_keeps_what_stands);
	tcase_add_test(t, tries_and_logins);
	tcase_add_test(t, goes_by_its_own_time);
	tcase_add_test(t, looks_at_a_part);
	tcase_add_test(t, goes_on_behind_what_went);
	tcase_add_test(t, full_disk);
	tcase_add_test(t, short_of_room);
	tcase_add_test(t, full_tables);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
