/* What work on a large table leaves of it in the memory of the process. */
#include "lib/store/store_map.c"

#include <check.h>

#include "unit/store_rig.h"
#include "lib/store/store_bulk.h"

#define ROWS 400000u
#define TABLE_KIB \
	(ROWS / 1024 * 60) /* at least: 20 bytes of key, 30 of row, and LMDB's own */
#define LITTLE_KIB (2 * 4 * WALK_PAGES) /* and what the kernel maps beside them */

/* Kilobytes of the database that are in memory now. */
static long resident_kib(void)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];
	long kib = 0, n;
	bool ours = false;

	must(f != NULL, "smaps");
	while (fgets(line, sizeof(line), f)) {
		size_t len = strlen(line);

		if (strchr(line, '-') && strstr(line, " r")) /* the head of a mapping */
			ours = len > 13 && strcmp(line + len - 13, "accounts.mdb\n") == 0;
		else if (ours && sscanf(line, "Rss: %ld", &n) == 1)
			kib += n;
	}
	fclose(f);
	return kib;
}

/* In the order of keys, as a reread does it: pages of one walk lie together in the file. */
static void load(void)
{
	char address[32];

	rig_setup();
	begin();
	for (unsigned i = 0; i < ROWS; i++) {
		struct account a;

		snprintf(address, sizeof(address), "user%06u@example.com", i);
		a = account_of(address, "a password");
		ok(store_put(rig, &table_accounts, &a, &rig_err));
	}
	commit();
	store_close(&rig);
	rig_open_env(STORE_ACCOUNTS);
}

static int see(void *arg, const void *rec, const struct row_meta *m)
{
	(void)m;
	must(str_starts(*(const struct str *)rec, STR("user")), "the row is whole");
	++*(unsigned *)arg;
	return 0;
}

static void search(void)
{
	struct store_query q = { .query = STR("nosuch") };
	uint64_t total;

	read_begin();
	ok(store_search(rig, &table_accounts, &q, NULL, NULL, &total, &rig_err));
	store_read_end(rig);
}

/* Those walks that go over all rows once give pages back. */
START_TEST(each)
{
	unsigned n = 0;

	read_begin();
	ok(store_each(rig, &table_accounts, STR(""), see, &n, &rig_err));
	store_read_end(rig);
	ck_assert_uint_eq(n, ROWS);
	ck_assert_int_lt(resident_kib(), LITTLE_KIB);
}
END_TEST

START_TEST(bulk)
{
	struct bulk *b;
	struct bulk_row row;
	unsigned n = 0;

	ok(bulk_begin(&b, rig, &table_accounts, BULK_LOOK, &rig_err));
	while (bulk_next(b, &row, &rig_err) == 0)
		n++;
	ck_assert_uint_eq(n, ROWS);
	ck_assert_int_lt(resident_kib(), LITTLE_KIB);
	bulk_end(&b);
}
END_TEST

/* A search is asked again soon, and pages cost more than the search when they must be mapped
 * anew: they stay until a branch needs the memory. */
START_TEST(searches)
{
	struct store *branch;

	search();
	ck_assert_int_gt(resident_kib(), TABLE_KIB);
	ok(store_branch(rig, &branch, &rig_err));
	ck_assert_int_lt(resident_kib(), LITTLE_KIB);
	search();
	ck_assert_int_gt(resident_kib(), TABLE_KIB);
	store_branch_end(rig, &branch);
}
END_TEST

/* Within a write rows may stand in memory of LMDB's own, which is not to be given back. */
START_TEST(within_a_write)
{
	unsigned n = 0;

	begin();
	for (unsigned i = 0; i < 20000; i++) {
		char address[32];
		struct account a;

		snprintf(address, sizeof(address), "user%06u@example.com", i);
		a = account_of(address, "another");
		ok(store_put(rig, &table_accounts, &a, &rig_err));
	}
	ok(store_each(rig, &table_accounts, STR(""), see, &n, &rig_err));
	search();
	commit();
	ck_assert_uint_eq(n, ROWS);
	map_forget(rig);
	ck_assert_str_eq(password_of("user000007@example.com"), "another");
	ck_assert_str_eq(password_of("user020000@example.com"), "a password");
	rig_check();
}
END_TEST

/* Rows that lie apart: each is on a page of its own. */
START_TEST(changes)
{
	char address[32];
	struct account a;

	begin();
	for (unsigned i = 0; i < 2 * WALK_CHANGES; i++) {
		snprintf(address, sizeof(address), "user%06u@example.com", i * 7919 % ROWS);
		a = account_of(address, "another");
		ok(store_put(rig, &table_accounts, &a, &rig_err));
	}
	ck_assert_int_lt(resident_kib(), LITTLE_KIB);
	commit();
	rig_check();
}
END_TEST

/* Where the kernel does not tell nothing is given back. */
START_TEST(nobody_tells)
{
	rig->map = NULL;
	search();
	map_forget(rig);
	ck_assert_int_gt(resident_kib(), (long)TABLE_KIB);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_map");
	TCase *t = tcase_create("store_map");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, load, rig_teardown);
	tcase_set_timeout(t, 600);
	tcase_add_test(t, each);
	tcase_add_test(t, bulk);
	tcase_add_test(t, searches);
	tcase_add_test(t, within_a_write);
	tcase_add_test(t, changes);
	tcase_add_test(t, nobody_tells);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
