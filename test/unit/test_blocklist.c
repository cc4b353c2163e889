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

int main(void)
{
	TCase *t = tcase_create("blocklist");

	tcase_add_test(t, a_fact);
	tcase_add_test(t, at_once);
	tcase_add_test(t, unblocked);
	tcase_add_test(t, many_on_the_way);
	tcase_add_test(t, full_journal);
	tcase_add_test(t, not_readable);
	return guard_run(t, "blocklist");
}
