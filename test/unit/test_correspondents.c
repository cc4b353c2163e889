/* Correspondents: noted as pairs in lower case, known in one direction and for a time. */
#include "lib/guard/correspondents.c"

#include "unit/guard_rig.h"

#define DAY INT64_C(86400000)

static void learn(const char *local, const char *remote, int64_t wall)
{
	correspondents_learn(shm, SLOT, str_z(local), str_z(remote), wall);
}

static int known(const char *local, const char *remote, int64_t wall)
{
	return correspondents_known(rig, str_z(local), str_z(remote), wall, DAY);
}

static unsigned written(void)
{
	return replicate(JOURNAL_WHITELIST, &table_whitelist);
}

START_TEST(a_fact)
{
	uint64_t pos = 0;
	struct whitelist row;

	learn("Henry@Org.us", "MARY@gmail.com", NOW);
	ck_assert(next_fact(&pos, JOURNAL_WHITELIST, &table_whitelist, &row));
	ck_assert(str_eq(row.local_address, STR("henry@org.us")));
	ck_assert(str_eq(row.remote_address, STR("mary@gmail.com")));
	ck_assert_int_eq(row.first_seen, NOW);
	ck_assert_int_eq(row.last_seen, NOW);
	ck_assert_int_eq(row.count, 1);
	ck_assert(!next_fact(&pos, JOURNAL_WHITELIST, &table_whitelist, &row));
}
END_TEST

START_TEST(knows)
{
	ck_assert_int_eq(known("henry@org.us", "mary@gmail.com", NOW), 0);
	learn("henry@org.us", "mary@gmail.com", NOW);
	ck_assert_int_eq(known("henry@org.us", "mary@gmail.com", NOW), 0); /* on its way */
	ck_assert_uint_eq(written(), 1);
	ck_assert_int_eq(known("henry@org.us", "mary@gmail.com", NOW), 1);
	ck_assert_int_eq(known("HENRY@org.US", "Mary@Gmail.com", NOW), 1);
	/* neither the other way round, nor anybody else */
	ck_assert_int_eq(known("mary@gmail.com", "henry@org.us", NOW), 0);
	ck_assert_int_eq(known("henry@org.us", "mary@gmail.co", NOW), 0);
	ck_assert_int_eq(known("henry@org.u", "mary@gmail.com", NOW), 0);
	rig_check();
}
END_TEST

static const struct {
	int64_t age, max_age;
	int want;
} ages[] = {
	{ 0, DAY, 1 }, { DAY - 1, DAY, 1 }, { DAY, DAY, 0 }, { DAY + 1, DAY, 0 }, { 0, 0, 0 },
	{ 0, 1, 1 },   { -DAY, DAY, 1 }, /* the clock was set back */
	{ 1000 * DAY, 5256000LL * 60000, 1 },
};

START_TEST(for_a_time)
{
	learn("a@b.cc", "r@d.ee", NOW);
	written();
	ck_assert_int_eq(correspondents_known(rig, STR("a@b.cc"), STR("r@d.ee"), NOW + ages[_i].age,
					      ages[_i].max_age), ages[_i].want);
}
END_TEST

/* A null sender has no correspondents; what is no address is none. */
START_TEST(nobody)
{
	char longest[LIMIT_ADDRESS + 1];
	struct str fits = { longest, LIMIT_ADDRESS }, too_long = { longest, LIMIT_ADDRESS + 1 };

	memset(longest, 'x', sizeof(longest));
	learn("", "r@d.ee", NOW);
	learn("a@b.cc", "", NOW);
	correspondents_learn(shm, SLOT, too_long, fits, NOW);
	correspondents_learn(shm, SLOT, fits, too_long, NOW);
	ck_assert_uint_eq(written(), 0);
	ck_assert_int_eq(known("", "r@d.ee", NOW), 0);
	ck_assert_int_eq(known("a@b.cc", "", NOW), 0);
	ck_assert_int_eq(correspondents_known(rig, too_long, fits, NOW, DAY), 0);
	correspondents_learn(shm, SLOT, fits, fits, NOW);
	ck_assert_uint_eq(written(), 1);
	ck_assert_int_eq(correspondents_known(rig, fits, fits, NOW, DAY), 1);
	rig_check();
}
END_TEST

/* A ring without room: dropped and counted, nothing waits. */
START_TEST(full_journal)
{
	uint64_t dropped;

	fill_journal();
	dropped = journal_stat(shm, SLOT).dropped;
	learn("a@b.cc", "r@d.ee", NOW);
	ck_assert_uint_eq(journal_stat(shm, SLOT).dropped, dropped + 1);
}
END_TEST

/* However many are learned, a ledger row finds room. */
START_TEST(leaves_room)
{
	char remote[32];
	uint64_t mark;

	for (unsigned i = 0; journal_stat(shm, SLOT).dropped == 0; i++) {
		snprintf(remote, sizeof(remote), "r%u@d.ee", i);
		learn("a@b.cc", remote, NOW);
	}
	ck_assert_uint_le(journal_stat(shm, SLOT).published, JOURNAL_OFFERED);
	ck_assert_int_eq(journal_put(shm, SLOT, JOURNAL_LEDGER, STR("row"), &mark), 0);
}
END_TEST

START_TEST(not_readable)
{
	struct whitelist key = { .local_address = STR("a@b.cc"), .remote_address = STR("r@d.ee") };

	ck_assert_int_eq(correspondents_known(NULL, STR("a@b.cc"), STR("r@d.ee"), NOW, DAY), -1);
	put_damaged(&table_whitelist, &key);
	ck_assert_int_eq(known("a@b.cc", "r@d.ee", NOW), -1);
	ck_assert_int_eq(known("a@b.cc", "s@d.ee", NOW), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("correspondents");

	tcase_add_test(t, a_fact);
	tcase_add_test(t, knows);
	tcase_add_loop_test(t, for_a_time, 0, (int)ARRAY_LEN(ages));
	tcase_add_test(t, nobody);
	tcase_add_test(t, full_journal);
	tcase_add_test(t, leaves_room);
	tcase_add_test(t, not_readable);
	return guard_run(t, "correspondents");
}
