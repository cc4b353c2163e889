/* console: sessions begin, live as long as they may, and end; there are never too many. */
#include "admin/console.c"

#include <check.h>
#include <stdlib.h>

#include "lib/base/limits.h"

static struct console c;
static struct console_session kept[CONSOLE_SESSIONS + 1];

static void begin(unsigned i, int64_t now)
{
	kept[i] = *console_begin(&c, now);
}

static bool knows(unsigned i, int64_t now)
{
	return console_knows(&c, str_z(kept[i].cookie), str_z(kept[i].csrf), now);
}

static void setup(void)
{
	memset(&c, 0, sizeof(c));
}

START_TEST(both_tokens)
{
	begin(0, 1000);
	begin(1, 1000);
	ck_assert_uint_eq(strlen(kept[0].cookie), CONSOLE_TOKEN);
	ck_assert_uint_eq(strlen(kept[0].csrf), CONSOLE_TOKEN);
	ck_assert_str_ne(kept[0].cookie, kept[0].csrf);
	ck_assert_str_ne(kept[0].cookie, kept[1].cookie);
	ck_assert(knows(0, 1000) && knows(1, 1000));
	ck_assert(!console_knows(&c, str_z(kept[0].cookie), str_z(kept[1].csrf), 1000));
	ck_assert(!console_knows(&c, str_z(kept[0].cookie), STR(""), 1000));
	ck_assert(!console_knows(&c, STR(""), STR(""), 1000));
	kept[0].cookie[CONSOLE_TOKEN - 1] ^= 1;
	ck_assert(!knows(0, 1000));
}
END_TEST

START_TEST(idle)
{
	begin(0, 0);
	ck_assert(knows(0, CONSOLE_IDLE_MS - 1));
	ck_assert(knows(0, 2 * CONSOLE_IDLE_MS - 2));
	ck_assert(!knows(0, 3 * CONSOLE_IDLE_MS - 2));
}
END_TEST

START_TEST(life)
{
	int64_t now = 0;

	begin(0, 0);
	while (now + CONSOLE_IDLE_MS / 2 < CONSOLE_LIFE_MS) {
		now += CONSOLE_IDLE_MS / 2;
		ck_assert(knows(0, now));
	}
	ck_assert(!knows(0, CONSOLE_LIFE_MS));
}
END_TEST

START_TEST(ends)
{
	begin(0, 0);
	begin(1, 0);
	ck_assert(!console_end(&c, str_z(kept[0].cookie), STR("x"), 1));
	ck_assert(console_end(&c, str_z(kept[0].cookie), str_z(kept[0].csrf), 1));
	ck_assert(!console_end(&c, str_z(kept[0].cookie), str_z(kept[0].csrf), 1));
	ck_assert(!knows(0, 1) && knows(1, 1));
	begin(0, 2);
	console_end_others(&c, str_z(kept[1].cookie));
	ck_assert(!knows(0, 3) && knows(1, 3));
	console_end_others(&c, STR(""));
	ck_assert(!knows(1, 3));
}
END_TEST

START_TEST(bounded)
{
	for (unsigned i = 0; i < CONSOLE_SESSIONS; i++)
		begin(i, i);
	ck_assert(knows(0, 100)); /* now the second is the one used least lately */
	begin(CONSOLE_SESSIONS, 101);
	for (unsigned i = 0; i <= CONSOLE_SESSIONS; i++)
		ck_assert_int_eq(knows(i, 102), i != 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("console");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, both_tokens);
	tcase_add_test(t, idle);
	tcase_add_test(t, life);
	tcase_add_test(t, ends);
	tcase_add_test(t, bounded);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
