/* Automatic replies: one in seven days to a sender, and one worker at a time about it. */
#include "lib/guard/replied.c"

#include "unit/child.h"
#include "shm/region.h"
#include "unit/guard_rig.h"

#define MONO INT64_C(123456789)
#define ANNA STR("anna@example.com")
#define MARY STR("mary@gmail.com")
#define MARY_HASH "df6ccffebd9a9985055707d23d3b10a0"

static unsigned written(void)
{
	return replicate(JOURNAL_REPLIED, &table_replied);
}

START_TEST(a_fact)
{
	uint64_t pos = 0;
	struct replied row;
	char hash[REPLIED_HASH];

	/* echo -n mary@gmail.com | sha256sum | cut -c 1-32 */
	replied_hash(STR("Mary@GMAIL.com"), hash);
	ck_assert_str_eq(hash, MARY_HASH);
	ck_assert_int_eq(replied_note(shm, SLOT, STR("Anna@Example.com"), STR("Mary@gmail.com"), NOW), 0);
	ck_assert(next_fact(&pos, JOURNAL_REPLIED, &table_replied, &row));
	ck_assert(str_eq(row.email_address, ANNA));
	ck_assert(str_eq(row.sender_hash, str_z(hash)));
	ck_assert_int_eq(row.replied_at, NOW);
}
END_TEST

START_TEST(lately)
{
	ck_assert_int_eq(replied_lately(rig, ANNA, MARY, NOW), 0);
	ck_assert_int_eq(replied_note(shm, SLOT, ANNA, MARY, NOW), 0);
	ck_assert_uint_eq(written(), 1);
	ck_assert_int_eq(replied_lately(rig, ANNA, MARY, NOW), 1);
	ck_assert_int_eq(replied_lately(rig, STR("ANNA@example.com"), STR("MARY@gmail.com"), NOW), 1);
	ck_assert_int_eq(replied_lately(rig, MARY, ANNA, NOW), 0);
	ck_assert_int_eq(replied_lately(rig, ANNA, STR("mary@gmail.co"), NOW), 0);
	ck_assert_int_eq(replied_lately(rig, ANNA, MARY, NOW - 5), 1); /* the clock was set back */
	ck_assert_int_eq(replied_lately(rig, ANNA, MARY, NOW + REPLIED_KEEP_MS - 1), 1);
	ck_assert_int_eq(replied_lately(rig, ANNA, MARY, NOW + REPLIED_KEEP_MS), 0);
	rig_check();
}
END_TEST

/* Without an account or a sender there is no reply; nor where nobody can tell. */
START_TEST(unknown)
{
	struct replied key = { .email_address = ANNA };
	char hash[REPLIED_HASH], longest[LIMIT_ADDRESS + 1];

	memset(longest, 'x', sizeof(longest));
	ck_assert_int_eq(replied_lately(NULL, ANNA, MARY, NOW), -1);
	ck_assert_int_eq(replied_lately(rig, STR(""), MARY, NOW), -1);
	ck_assert_int_eq(replied_lately(rig, ANNA, STR(""), NOW), -1);
	ck_assert_int_eq(replied_note(shm, SLOT, ANNA, STR(""), NOW), -1);
	ck_assert_int_eq(replied_note(shm, SLOT, (struct str){ longest, sizeof(longest) }, MARY, NOW), -1);
	replied_hash(MARY, hash);
	key.sender_hash = str_z(hash);
	put_damaged(&table_replied, &key);
	ck_assert_int_eq(replied_lately(rig, ANNA, MARY, NOW), -1);
	fill_journal();
	ck_assert_int_eq(replied_note(shm, SLOT, ANNA, MARY, NOW), -1);
}
END_TEST

START_TEST(claims)
{
	uint64_t claim = replied_claim(shm, ANNA, MARY, MONO, 1000);

	ck_assert_uint_ne(claim, 0);
	ck_assert_uint_eq(replied_claim(shm, ANNA, MARY, MONO, 1000), 0);
	ck_assert_uint_eq(replied_claim(shm, STR("Anna@example.com"), STR("Mary@gmail.com"), MONO, 1000), 0);
	ck_assert_uint_ne(replied_claim(shm, MARY, ANNA, MONO, 1000), 0);
	ck_assert_uint_ne(replied_claim(shm, ANNA, STR("m@gmail.com"), MONO, 1000), 0);
	replied_release(shm, STR("ANNA@example.com"), MARY, claim);
	ck_assert_uint_ne(replied_claim(shm, ANNA, MARY, MONO, 1000), 0);
	ck_assert_uint_ne(replied_claim(shm, ANNA, MARY, MONO + 1000, 1000), 0);
}
END_TEST

/* --- several workers, as replied.h says it --- */

#define HANDS 4
#define SENDERS 300

static struct board {
	_Atomic unsigned replies[SENDERS];
	_Atomic unsigned noted[SENDERS]; /* what stands for the store */
} *board;

static bool reply_to_all(void *arg)
{
	unsigned stride = *(unsigned *)arg;

	for (unsigned i = 0; i < 4 * SENDERS; i++) {
		unsigned n = i * stride % SENDERS;
		char sender[32];
		uint64_t claim;

		snprintf(sender, sizeof(sender), "s%u@d.ee", n);
		claim = replied_claim(shm, ANNA, str_z(sender), MONO, 1000);
		if (!claim)
			continue;
		if (atomic_load(&board->noted[n]) == 0) {
			atomic_fetch_add(&board->replies[n], 1);
			atomic_store(&board->noted[n], 1);
		}
		replied_release(shm, ANNA, str_z(sender), claim);
	}
	return true;
}

START_TEST(one_reply)
{
	static const unsigned strides[HANDS] = { 1, 7, 1, SENDERS - 1 };
	pid_t pid[HANDS];

	board = (struct board *)(void *)shm->rings[0].bytes;
	for (int i = 0; i < HANDS; i++)
		pid[i] = child_start(reply_to_all, (void *)(uintptr_t)&strides[i]);
	for (int i = 0; i < HANDS; i++)
		ck_assert(child_ended_well(pid[i]));
	for (unsigned i = 0; i < SENDERS; i++)
		ck_assert_uint_eq(atomic_load(&board->replies[i]), 1);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("replied");

	tcase_add_test(t, a_fact);
	tcase_add_test(t, lately);
	tcase_add_test(t, unknown);
	tcase_add_test(t, claims);
	tcase_add_test(t, one_reply);
	return guard_run(t, "replied");
}
