/* The blocked list as workers see it: a block counts from the moment it is put, an unblock from
 * the moment it is on disk, and nothing is remembered beside the list. */
#include "lib/guard/blocklist.c"

#include "unit/guard_rig.h"

static struct blocklist mine, other;

static void lists(void)
{
	blocklist_init(&mine, shm, SLOT);
	blocklist_init(&other, shm, 0);
}

static int has(struct blocklist *b, const char *subject)
{
	return blocklist_has(b, rig, str_z(subject));
}

static void block(const char *subject)
{
	ck_assert_int_eq(blocklist_put(&mine, str_z(subject), "too many senders", NOW), 0);
}

static unsigned written(void)
{
	return replicate(JOURNAL_BLOCKED, &table_blocked);
}

START_TEST(a_fact)
{
	char reason[300];
	uint64_t pos = 0;
	struct blocked row;

	lists();
	memset(reason, 'r', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	block("Bert@Example.com");
	ck_assert_int_eq(blocklist_put(&mine, STR("10.0.0.1"), reason, NOW + 1), 0);
	ck_assert(next_fact(&pos, JOURNAL_BLOCKED, &table_blocked, &row));
	ck_assert(str_eq(row.subject, STR("bert@example.com")));
	ck_assert(str_eq(row.reason, STR("too many senders")));
	ck_assert(str_eq(row.who, STR("guard")));
	ck_assert_int_eq(row.since, NOW);
	ck_assert_int_eq(row.count, 0);
	ck_assert(next_fact(&pos, JOURNAL_BLOCKED, &table_blocked, &row));
	ck_assert_uint_eq(row.reason.n, 200); /* what the table takes */
	ck_assert_int_eq(blocklist_put(&mine, STR(""), "why", NOW), -1);
}
END_TEST

/* The very next question is answered with yes, and so are those of other workers once it is
 * written. */
START_TEST(at_once)
{
	lists();
	ck_assert_int_eq(has(&mine, "10.0.0.1"), 0);
	block("10.0.0.1");
	ck_assert_int_eq(has(&mine, "10.0.0.1"), 1);
	ck_assert_int_eq(has(&mine, "10.0.0.2"), 0);
	ck_assert_int_eq(has(&other, "10.0.0.1"), 0);
	ck_assert_uint_eq(written(), 1);
	ck_assert_int_eq(has(&mine, "10.0.0.1"), 1);
	ck_assert_int_eq(has(&other, "10.0.0.1"), 1);
	block("Bert@Example.com");
	ck_assert_int_eq(has(&mine, "bert@EXAMPLE.com"), 1);
	written();
	ck_assert_int_eq(has(&other, "BERT@example.com"), 1);
	ck_assert_int_eq(has(&other, "bert@example.co"), 0);
	ck_assert_int_eq(has(&other, ""), 0);
}
END_TEST

/* Unblocked by an administrator: the row is gone, and nobody remembers; nor where it was put more
 * than once before it was written. */
START_TEST(unblocked)
{
	lists();
	block("10.0.0.1");
	block("10.0.0.1");
	block("10.0.0.1");
	ck_assert_int_eq(has(&mine, "10.0.0.1"), 1);
	ck_assert_uint_eq(written(), 3);
	delete(&table_blocked, "10.0.0.1");
	ck_assert_int_eq(has(&mine, "10.0.0.1"), 0);
	ck_assert_int_eq(has(&other, "10.0.0.1"), 0);
	/* also when nobody had asked before */
	block("10.0.0.1");
	written();
	delete(&table_blocked, "10.0.0.1");
	ck_assert_int_eq(has(&mine, "10.0.0.1"), 0);
	block("10.0.0.1");
	ck_assert_int_eq(has(&mine, "10.0.0.1"), 1);
}
END_TEST

/* Some that wait are known apart; what is too much is forgotten, the oldest first. */
START_TEST(many_on_the_way)
{
	char subject[32];

	lists();
	for (unsigned i = 0; i < BLOCKLIST_ON_THE_WAY + 1; i++) {
		snprintf(subject, sizeof(subject), "10.0.0.%u", i);
		block(subject);
	}
	ck_assert_int_eq(has(&mine, "10.0.0.0"), 0);
	for (unsigned i = 1; i < BLOCKLIST_ON_THE_WAY + 1; i++) {
		snprintf(subject, sizeof(subject), "10.0.0.%u", i);
		ck_assert_int_eq(has(&mine, subject), 1);
	}
	written();
	for (unsigned i = 0; i < BLOCKLIST_ON_THE_WAY + 1; i++) {
		snprintf(subject, sizeof(subject), "10.0.0.%u", i);
		ck_assert_int_eq(has(&mine, subject), 1);
	}
}
END_TEST

/* What is not noted is not remembered either: nobody could take it back. */
START_TEST(full_journal)
{
	lists();
	fill_journal();
	ck_assert_int_eq(blocklist_put(&mine, STR("10.0.0.1"), "why", NOW), -1);
	ck_assert_int_eq(has(&mine, "10.0.0.1"), 0);
}
END_TEST

START_TEST(not_readable)
{
	struct blocked key = { .subject = STR("10.0.0.1") };

	lists();
	ck_assert_int_eq(blocklist_has(&mine, NULL, STR("10.0.0.1")), -1);
	put_damaged(&table_blocked, &key);
	ck_assert_int_eq(has(&mine, "10.0.0.1"), -1);
	ck_assert_int_eq(has(&mine, "10.0.0.2"), 0);
	block("10.0.0.1"); /* the own memory needs no disk */
	ck_assert_int_eq(blocklist_has(&mine, NULL, STR("10.0.0.1")), 1);
}
END_TEST

/* How many tries wait in the journal, and in how many facts; then they are gone. */
static int64_t tries(const char *subject, unsigned *n_facts)
{
	uint64_t pos = journal_tail(shm, SLOT);
	struct blocked row;
	int64_t sum = 0;

	for (*n_facts = 0; next_fact(&pos, JOURNAL_TRIED, &table_blocked, &row); ++*n_facts)
		sum += str_eq(row.subject, str_z(subject)) ? row.count : 0;
	journal_applied(shm, SLOT, pos);
	return sum;
}

/* The first at once, then one fact a minute, whatever a client does; none is lost. */
START_TEST(tries_are_written_seldom)
{
	int64_t now = 1000, sum = 0;
	unsigned n;

	lists();
	blocklist_tried(&mine, STR("A@b.cc"), now);
	ck_assert_int_eq(tries("a@b.cc", &n), 1);
	for (unsigned i = 0; i < 1000; i++)
		blocklist_tried(&mine, STR("a@b.cc"), now + TRIED_MS - 1);
	blocklist_flush(&mine, now + TRIED_MS - 1);
	tries("a@b.cc", &n);
	ck_assert_uint_eq(n, 0);
	blocklist_flush(&mine, now + TRIED_MS);
	ck_assert_int_eq(tries("a@b.cc", &n), 1000);
	ck_assert_uint_eq(n, 1);
	blocklist_flush(&mine, now + 9 * TRIED_MS);
	tries("a@b.cc", &n);
	ck_assert_uint_eq(n, 0); /* nothing more is due */
	/* more subjects than there is room for: some are not counted, none makes more writes */
	for (unsigned i = 0; i < 10 * BLOCKLIST_TRIED; i++) {
		char subject[32];

		snprintf(subject, sizeof(subject), "10.0.%u.1", i % 200);
		blocklist_tried(&mine, str_z(subject), now + 20 * TRIED_MS);
	}
	tries("10.0.0.1", &n);
	ck_assert_uint_le(n, BLOCKLIST_TRIED);
	/* those make room behind their time */
	blocklist_flush(&mine, now + 30 * TRIED_MS);
	tries("", &n);
	blocklist_tried(&mine, STR("10.9.9.9"), now + 40 * TRIED_MS);
	sum = tries("10.9.9.9", &n);
	ck_assert_int_eq(sum, 1);
	/* a journal that is full: they wait */
	fill_journal();
	blocklist_tried(&mine, STR("10.9.9.9"), now + 50 * TRIED_MS);
	journal_applied(shm, SLOT, journal_stat(shm, SLOT).published);
	blocklist_flush(&mine, now + 51 * TRIED_MS);
	ck_assert_int_eq(tries("10.9.9.9", &n), 1);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("blocklist");

	tcase_add_test(t, a_fact);
	tcase_add_test(t, at_once);
	tcase_add_test(t, unblocked);
	tcase_add_test(t, many_on_the_way);
	tcase_add_test(t, tries_are_written_seldom);
	tcase_add_test(t, full_journal);
	tcase_add_test(t, not_readable);
	return guard_run(t, "blocklist");
}
