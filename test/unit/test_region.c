/* The region itself: what a new one holds, and the tables of names, also when the process that
 * writes them is killed. */
#include "shm/region.c"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>

#include "unit/child.h"

static struct shm *shm;

static void setup(void)
{
	shm = shm_create(3);
}

static void teardown(void)
{
	shm_destroy(&shm);
}

START_TEST(new_region)
{
	struct shm *other = shm_create(1);

	ck_assert_uint_eq(shm->magic, SHM_MAGIC);
	ck_assert_uint_eq(shm->version, SHM_VERSION);
	ck_assert_uint_eq(shm->dictionary_most, DICTIONARY_MB_MOST);
	ck_assert_uint_eq(shm->size, sizeof(struct shm) + ((size_t)DICTIONARY_MB_MOST << 20));
	ck_assert_uint_eq((uintptr_t)shm->dictionary % SHM_PAGE, 0);
	ck_assert_uint_eq(shm_workers(shm), 3);
	ck_assert_int_gt(shm_started(shm), 1500000000000);
	ck_assert_mem_ne(shm_secret(shm), shm_secret(other), 16);
	shm_destroy(&other);
	ck_assert_ptr_null(other);
	shm_destroy(&other);
}
END_TEST

START_TEST(bells)
{
	for (int i = 0; i < MAX_SLOTS; i++) {
		bool used = i < 3 || i >= MAX_WORKERS;
		int bell = shm->slots[i].bell;

		ck_assert_int_eq(bell >= 0, used);
		if (used)
			ck_assert_int_ne(fcntl(bell, F_GETFL) & O_NONBLOCK, 0);
		for (int j = 0; j < i && used; j++)
			ck_assert_int_ne(bell, shm->slots[j].bell);
	}
}
END_TEST

START_TEST(bells_are_closed)
{
	struct shm *other = shm_create(1);
	int bell = other->slots[0].bell;

	shm_destroy(&other);
	ck_assert_int_eq(fcntl(bell, F_GETFL), -1);
}
END_TEST

static bool create(void *workers)
{
	if (!freopen("/dev/null", "w", stderr)) /* bug() speaks there */
		return false;
	shm_create(*(unsigned *)workers);
	return true;
}

static const struct {
	unsigned workers;
	bool good;
} sizes[] = { { 0, false }, { 1, true }, { MAX_WORKERS, true }, { MAX_WORKERS + 1, false } };

START_TEST(workers_are_bounded)
{
	unsigned workers = sizes[_i].workers;

	ck_assert_int_eq(child_ended_well(child_start(create, &workers)), sizes[_i].good);
}
END_TEST

START_TEST(roles)
{
	ck_assert_str_eq(role_name(ROLE_SUPERVISOR), "supervisor");
	ck_assert_str_eq(role_name(ROLE_PROBER), "prober");
	for (int i = 0; i < ROLE_COUNT; i++)
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(role_name((enum role)i), role_name((enum role)j));
}
END_TEST

/* --- names --- */

#define N 4

static struct shm_name *names(void)
{
	return shm->clusters;
}

START_TEST(names_are_found)
{
	struct shm_name *v = names();

	ck_assert_int_eq(name_find(v, N, STR("c"), STR("b")), -1);
	ck_assert_int_eq(name_assign(v, N, STR("c"), STR("b")), 0);
	ck_assert_int_eq(name_assign(v, N, STR("c"), STR("")), 1);
	ck_assert_int_eq(name_assign(v, N, STR("cb"), STR("")), 2);
	ck_assert_int_eq(name_assign(v, N, STR("c"), STR("b")), 0);
	ck_assert_int_eq(name_find(v, N, STR("c"), STR("b")), 0);
	ck_assert_int_eq(name_find(v, N, STR("c"), STR("")), 1);
	ck_assert_int_eq(name_find(v, N, STR("C"), STR("b")), -1);
}
END_TEST

/* An index of the past is given to another name only when there is no fresh one. */
START_TEST(indices_are_reused_last)
{
	struct shm_name *v = names();

	ck_assert_int_eq(name_assign(v, N, STR("a"), STR("")), 0);
	ck_assert_int_eq(name_assign(v, N, STR("b"), STR("")), 1);
	name_forget(v, N, STR("a"), STR(""));
	name_forget(v, N, STR("never"), STR(""));
	ck_assert_int_eq(name_find(v, N, STR("a"), STR("")), -1);
	ck_assert_int_eq(name_assign(v, N, STR("a"), STR("")), 2);
	ck_assert_int_eq(name_assign(v, N, STR("d"), STR("")), 3);
	ck_assert_int_eq(name_assign(v, N, STR("e"), STR("")), 0);
	ck_assert_int_eq(name_assign(v, N, STR("f"), STR("")), -1);
	ck_assert_int_eq(name_find(v, N, STR("e"), STR("")), 0);
}
END_TEST

START_TEST(long_names)
{
	char text[LIMIT_NAME + 2];
	struct str longest = { text, LIMIT_NAME }, longer = { text, LIMIT_NAME + 1 };

	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(name_assign(names(), N, longest, longest), 0);
	ck_assert_int_eq(name_find(names(), N, longest, longest), 0);
	/* never cut to the name of another, and no row is lost to what is never found */
	ck_assert_int_eq(name_assign(names(), N, longer, longest), -1);
	ck_assert_int_eq(name_assign(names(), N, longest, longer), -1);
	ck_assert_int_eq(name_assign(names(), N, STR("next"), STR("")), 1);
}
END_TEST

/* Long names in a small table, so that most of the writer's time goes into writing them. */
#define NAMES 6

static struct str numbered(unsigned i, char text[LIMIT_NAME + 1])
{
	memset(text, 'a' + (int)i, LIMIT_NAME);
	return (struct str){ text, LIMIT_NAME };
}

static bool write_names(void *arg)
{
	char text[LIMIT_NAME + 1] = "";

	for (unsigned i = 0; !arg; i = (i + 1) % NAMES) {
		name_assign(names(), N, numbered(i, text), numbered(i, text));
		numbered((i + 3) % NAMES, text);
		name_forget(names(), N, str_z(text), str_z(text));
	}
	return false;
}

/* Whole names, each once, whenever the writer dies. */
static void check_names(void)
{
	bool seen[NAMES] = { false };
	char text[LIMIT_NAME + 1];

	for (int i = 0; i < N; i++) {
		const struct shm_name *v = &names()[i];
		unsigned number = (unsigned char)v->cluster[0] - 'a';

		if (v->state != NAME_USED)
			continue;
		must(number < NAMES && !seen[number], "a name stands once");
		must(str_eq(str_z(v->cluster), numbered(number, text)), "a whole cluster");
		must(str_eq(str_z(v->box), numbered(number, text)), "a whole box");
		seen[number] = true;
	}
}

START_TEST(killed_writer)
{
	for (int i = 0; i < 300; i++) {
		child_kill_within(child_start(write_names, NULL), 1000);
		check_names();
	}
	ck_assert_int_eq(name_find(names(), N, STR("a"), STR("a")), -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("region");
	TCase *t = tcase_create("region");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, new_region);
	tcase_add_test(t, bells);
	tcase_add_test(t, bells_are_closed);
	tcase_add_loop_test(t, workers_are_bounded, 0, (int)ARRAY_LEN(sizes));
	tcase_add_test(t, roles);
	tcase_add_test(t, names_are_found);
	tcase_add_test(t, indices_are_reused_last);
	tcase_add_test(t, long_names);
	tcase_add_test(t, killed_writer);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
