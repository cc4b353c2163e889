/* Session rows: opened, changed, closed, read by another process meanwhile, full. */
#include "shm/sessions.c"

#include <check.h>
#include <sched.h>

#include "shm/slots.h"
#include "unit/child.h"

#define SLOT 1

static struct shm *shm;

static void setup(void)
{
	shm = shm_create(2);
}

static void teardown(void)
{
	shm_destroy(&shm);
}

static int open_numbered(uint32_t id)
{
	struct session_row r = { .cluster = 3, .box = -1, .id = id, .since = 1000 + id };

	return session_row_open(shm, SLOT, &r);
}

struct found {
	unsigned n;
	struct session_row last;
};

static void keep(void *arg, const struct session_row *r)
{
	struct found *f = arg;

	f->n++;
	f->last = *r;
}

static struct found find_all(unsigned slot)
{
	struct found f = { 0 };

	session_rows_each(shm, slot, keep, &f);
	return f;
}

START_TEST(life_of_a_row)
{
	const uint8_t account[16] = "0123456789abcde", none[16] = "";
	int row = open_numbered(7);
	struct found f = find_all(SLOT);

	ck_assert_int_ge(row, 0);
	ck_assert_uint_eq(f.n, 1);
	ck_assert_uint_eq(f.last.id, 7);
	ck_assert_int_eq(f.last.since, 1007);
	ck_assert_int_eq(f.last.cluster, 3);
	ck_assert_int_eq(f.last.box, -1);
	ck_assert_mem_eq(f.last.account, none, 16);
	session_row_box(shm, SLOT, row, 511);
	session_row_account(shm, SLOT, row, account);
	f = find_all(SLOT);
	ck_assert_uint_eq(f.n, 1);
	ck_assert_int_eq(f.last.box, 511);
	ck_assert_mem_eq(f.last.account, account, 16);
	ck_assert_uint_eq(find_all(0).n, 0);
	session_row_close(shm, SLOT, row);
	ck_assert_uint_eq(find_all(SLOT).n, 0);
}
END_TEST

/* Rows of sessions that found no place, and rows that are closed already. */
START_TEST(no_row)
{
	const uint8_t account[16] = "0123456789abcde";
	int a = open_numbered(1), b = open_numbered(2);

	session_row_box(shm, SLOT, -1, 1);
	session_row_account(shm, SLOT, -1, account);
	session_row_close(shm, SLOT, -1);
	session_row_close(shm, SLOT, a);
	session_row_close(shm, SLOT, a);
	session_row_box(shm, SLOT, a, 1);
	session_row_account(shm, SLOT, a, account);
	ck_assert_uint_eq(find_all(SLOT).n, 1);
	ck_assert_int_eq(open_numbered(3), a);
	ck_assert_int_ne(open_numbered(4), a);
	ck_assert_uint_eq(find_all(SLOT).n, 3);
	session_row_close(shm, SLOT, b);
}
END_TEST

START_TEST(full_table)
{
	static bool seen[SESSION_ROWS];
	int row;

	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < SESSION_ROWS; i++) {
		row = open_numbered(i);
		must(row >= 0 && row < SESSION_ROWS && !seen[row], "a row of its own");
		seen[row] = true;
	}
	ck_assert_int_eq(open_numbered(1), -1);
	ck_assert_uint_eq(find_all(SLOT).n, SESSION_ROWS);
	session_row_close(shm, SLOT, 12345);
	ck_assert_int_eq(open_numbered(2), 12345);
	ck_assert_int_eq(open_numbered(3), -1);
}
END_TEST

/* Pages that were never needed stay untouched: a few sessions use the first rows. */
START_TEST(low_rows_first)
{
	for (uint32_t i = 0; i < 100000; i++) {
		int a = open_numbered(i), b = open_numbered(i);

		must(a >= 0 && a < 2 && b >= 0 && b < 2, "low rows");
		session_row_close(shm, SLOT, rnd(2) ? a : b);
		must((a = open_numbered(i)) < 2, "the row given back");
		session_row_close(shm, SLOT, 0);
		session_row_close(shm, SLOT, 1);
	}
}
END_TEST

/* Any order of opening and closing: what is open is what is found. */
START_TEST(as_a_set)
{
	static int row_of[500];
	unsigned open = 0;

	memset(row_of, -1, sizeof(row_of));
	for (unsigned i = 0; i < 50000; i++) {
		unsigned k = rnd(500);

		if (row_of[k] < 0) {
			row_of[k] = open_numbered(k);
			must(row_of[k] >= 0 && row_of[k] < 500, "a row, and a low one");
			open++;
		} else {
			session_row_close(shm, SLOT, row_of[k]);
			row_of[k] = -1;
			open--;
		}
		for (unsigned j = 0; i % 1000 == 0 && j < 500; j++)
			for (unsigned l = 0; l < j; l++)
				must(row_of[j] < 0 || row_of[j] != row_of[l], "a row for two");
		must(i % 100 || find_all(SLOT).n == open, "what is open is found");
	}
}
END_TEST

/* --- with a reader, and with a writer that dies --- */

/* Every field follows from the first, so that a torn row shows. */
static struct session_row of_a_piece(uint32_t id)
{
	struct session_row r = { .cluster = (int16_t)(id % 64), .box = (int16_t)(id % 512),
				 .id = id, .since = id * 3LL };

	memset(r.client.b, (int)(id & 255), sizeof(r.client.b));
	memset(r.account, (int)(id & 255), sizeof(r.account));
	return r;
}

static bool write_rows(void *arg)
{
	int row[3] = { -1, -1, -1 };

	for (uint32_t id = 0; !arg; id++) {
		struct session_row r = of_a_piece(id);

		session_row_close(shm, SLOT, row[id % 3]);
		row[id % 3] = session_row_open(shm, SLOT, &r);
	}
	return false;
}

/* One row that stays open while its account changes. */
static bool change_account(void *arg)
{
	struct session_row r = of_a_piece(0);
	int row = session_row_open(shm, SLOT, &r);

	for (uint32_t id = 0; !arg; id++)
		session_row_account(shm, SLOT, row, of_a_piece(id).account);
	return false;
}

struct reading {
	unsigned n, changes;
	uint64_t last;
};

static void note(struct reading *r, uint64_t now)
{
	r->n++;
	r->changes += now != r->last;
	r->last = now;
}

static void check_whole(void *arg, const struct session_row *r)
{
	struct session_row want = of_a_piece(r->id);

	must(memcmp(&want.client, &r->client, sizeof(want.client)) == 0, "client");
	must(memcmp(want.account, r->account, sizeof(want.account)) == 0, "account");
	must(want.since == r->since && want.box == r->box && want.cluster == r->cluster, "row");
	note(arg, r->id);
}

static void check_account(void *arg, const struct session_row *r)
{
	for (int i = 1; i < 16; i++)
		must(r->account[i] == r->account[0], "half an account");
	note(arg, r->account[0]);
}

static const struct {
	bool (*write)(void *arg);
	void (*check)(void *arg, const struct session_row *r);
} readers[] = { { write_rows, check_whole }, { change_account, check_account } };

/* Until it has met the writer at work often enough, also where both share a processor. */
START_TEST(reader_beside_a_writer)
{
	pid_t pid = child_start(readers[_i].write, NULL);
	struct reading r = { 0 };

	for (unsigned i = 1; r.changes < 100000; i++) {
		session_rows_each(shm, SLOT, readers[_i].check, &r);
		if (i % 64 == 0)
			sched_yield();
	}
	child_kill(pid);
}
END_TEST

START_TEST(killed_writer)
{
	for (int i = 0; i < 200; i++) {
		struct reading r = { 0 };

		child_kill_within(child_start(readers[i % 2].write, NULL), 500);
		session_rows_each(shm, SLOT, readers[i % 2].check, &r);
		must(r.n <= 3, "rows that nobody opened");
		slot_reap(shm, SLOT);
		must(find_all(SLOT).n == 0, "the reaper closes all");
		open_numbered(1);
		must(open_numbered(2) == 1 && find_all(SLOT).n == 2, "and the next begins anew");
		slot_reap(shm, SLOT);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sessions");
	TCase *t = tcase_create("sessions");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, life_of_a_row);
	tcase_add_test(t, no_row);
	tcase_add_test(t, full_table);
	tcase_add_test(t, low_rows_first);
	tcase_add_test(t, as_a_set);
	tcase_add_loop_test(t, reader_beside_a_writer, 0, (int)ARRAY_LEN(readers));
	tcase_add_test(t, killed_writer);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
