/* The table of listeners: what is set is got, whole, also beside a writer and after one died. */
#include "shm/listeners.c"

#include <check.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>

#include "shm/slots.h"
#include "unit/child.h"

static struct shm *shm;

/* Tables made beforehand, so that a writer does nothing but set them; each row follows from
 * the table's number and its place. */
#define TABLES 8
static struct listener tables[TABLES][MAX_LISTENERS];

static unsigned rows_of(unsigned k)
{
	return 1 + k * 23 % MAX_LISTENERS;
}

static void setup(void)
{
	shm = shm_create(1);
	for (unsigned k = 0; k < TABLES; k++)
		for (unsigned i = 0; i < MAX_LISTENERS; i++) {
			struct listener *l = &tables[k][i];

			snprintf(l->cluster, sizeof(l->cluster), "c%u-%u", k, i);
			memset(l->addr.ip.b, (int)(k + 1), 16);
			l->addr.port = (uint16_t)(k * 1000 + i);
		}
}

static void teardown(void)
{
	shm_destroy(&shm);
}

static void set_table(unsigned k)
{
	listeners_set(shm, tables[k % TABLES], rows_of(k % TABLES));
}

static void must_be_table(const struct listener *got, unsigned n, unsigned k)
{
	const struct listener *want = tables[k % TABLES];

	must(n == rows_of(k % TABLES), "the number of rows");
	for (unsigned i = 0; i < n; i++) {
		must(strcmp(got[i].cluster, want[i].cluster) == 0, "a cluster's name");
		must(ip_eq(&got[i].addr.ip, &want[i].addr.ip), "an address");
		must(got[i].addr.port == want[i].addr.port, "a port");
	}
}

START_TEST(never_set)
{
	struct listener got[MAX_LISTENERS];
	uint32_t version = 99;

	ck_assert_uint_eq(listeners_version(shm), 0);
	ck_assert_uint_eq(listeners_get(shm, got, &version), 0);
	ck_assert_uint_eq(version, 0);
}
END_TEST

START_TEST(set_and_get)
{
	struct listener got[MAX_LISTENERS];
	uint32_t version, before = 0;

	for (unsigned k = 0; k < 200; k++) {
		set_table(k);
		must_be_table(got, listeners_get(shm, got, &version), k);
		must(version != before && !(version & 1), "another, even version");
		must(version == listeners_version(shm), "the version that stands");
		before = version;
	}
}
END_TEST

START_TEST(supervisor_is_rung)
{
	struct pollfd bell = { .fd = slot_bell(shm, SLOT_SUPERVISOR), .events = POLLIN };

	ck_assert_int_eq(poll(&bell, 1, 0), 0);
	set_table(1);
	ck_assert_int_eq(poll(&bell, 1, 0), 1);
}
END_TEST

START_TEST(bounds)
{
	struct listener many[MAX_LISTENERS + 3], got[MAX_LISTENERS];
	uint32_t version;

	memset(many, 'x', sizeof(many));
	listeners_set(shm, many, ARRAY_LEN(many));
	ck_assert_uint_eq(listeners_get(shm, got, &version), MAX_LISTENERS);
	for (int i = 0; i < MAX_LISTENERS; i++)
		ck_assert_uint_eq(strlen(got[i].cluster), LIMIT_NAME);
	listeners_set(shm, NULL, 0);
	ck_assert_uint_eq(listeners_get(shm, got, &version), 0);
	ck_assert_uint_ne(version, 0);
	/* a number that no writer of ours would leave */
	shm->listeners.n = UINT32_MAX;
	ck_assert_uint_eq(listeners_get(shm, got, &version), MAX_LISTENERS);
}
END_TEST

/* --- answers --- */

START_TEST(answers)
{
	struct pollfd bell = { .fd = slot_bell(shm, SLOT_ADMIN), .events = POLLIN };
	char error[256] = "kept";

	set_table(1);
	ck_assert(!listeners_answered(shm, listeners_version(shm), error));
	ck_assert_str_eq(error, "kept");
	ck_assert_int_eq(poll(&bell, 1, 0), 0);
	listeners_answer(shm, listeners_version(shm), "10.0.0.1:25: Address already in use");
	ck_assert_int_eq(poll(&bell, 1, 0), 1);
	ck_assert(listeners_answered(shm, listeners_version(shm), error));
	ck_assert_str_eq(error, "10.0.0.1:25: Address already in use");
	set_table(2);
	ck_assert(!listeners_answered(shm, listeners_version(shm), error));
	listeners_answer(shm, listeners_version(shm), "");
	ck_assert(listeners_answered(shm, listeners_version(shm), error));
	ck_assert_str_eq(error, "");
}
END_TEST

START_TEST(long_answer)
{
	char text[400], error[256];

	memset(text, 'x', sizeof(text));
	text[399] = '\0';
	set_table(1);
	listeners_answer(shm, listeners_version(shm), text);
	ck_assert(listeners_answered(shm, listeners_version(shm), error));
	ck_assert_uint_eq(strlen(error), 255);
}
END_TEST

/* --- beside a writer, and one that dies --- */

static bool write_tables(void *arg)
{
	for (unsigned k = 0; !arg; k++) {
		set_table(k);
		sched_yield(); /* a gap to read in */
	}
	return false;
}

/* The number of the table, as its first row has it. */
static unsigned table_number(const struct listener *first)
{
	return first->addr.port / 1000u;
}

/* Until it has met the writer at work often enough, also where both share a processor. */
START_TEST(reader_beside_a_writer)
{
	pid_t pid = child_start(write_tables, NULL);
	struct listener got[MAX_LISTENERS];
	unsigned met = 0;
	uint32_t version, last = 0;

	for (unsigned i = 1; met < 5000; i++) {
		unsigned n = listeners_get(shm, got, &version);

		must(!(version & 1) || n == 0, "no rows while it is being written");
		if (n > 0)
			must_be_table(got, n, table_number(got));
		met += n > 0 && version != last;
		last = version;
		if (i % 64 == 0)
			sched_yield();
	}
	child_kill(pid);
}
END_TEST

START_TEST(killed_writer)
{
	struct listener got[MAX_LISTENERS];
	unsigned half = 0;
	uint32_t version, next;

	/* until enough of them died half-way */
	while (half < 20) {
		unsigned n;

		child_kill_within(child_start(write_tables, NULL), 500);
		n = listeners_get(shm, got, &version);
		must(!(version & 1) || n == 0, "no rows of half a table");
		if (n > 0)
			must_be_table(got, n, table_number(got));
		half += version & 1;
		/* the next writer heals it */
		set_table(5);
		must_be_table(got, listeners_get(shm, got, &next), 5);
		must(!(next & 1) && next != version, "a version of its own");
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("listeners");
	TCase *t = tcase_create("listeners");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, never_set);
	tcase_add_test(t, set_and_get);
	tcase_add_test(t, supervisor_is_rung);
	tcase_add_test(t, bounds);
	tcase_add_test(t, answers);
	tcase_add_test(t, long_answer);
	tcase_add_test(t, reader_beside_a_writer);
	tcase_add_test(t, killed_writer);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
