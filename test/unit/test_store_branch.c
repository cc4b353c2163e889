/* A branch: one thread writes for long, the main handle reads beside it. */
#include "lib/store/store_branch.c"

#include <check.h>
#include <pthread.h>

#include "unit/child.h"
#include "unit/store_rig.h"

#define ROWS 2000

static struct store *branch;

static void setup(void)
{
	rig_setup();
	put_account("a@b.c", "old");
	ok(store_branch(rig, &branch, &rig_err));
}

static void teardown(void)
{
	store_branch_end(rig, &branch);
	rig_teardown();
}

/* --- the other thread: holds its write until it is told --- */

struct writer {
	pthread_t thread;
	pthread_barrier_t half, go;
	bool commits;
	int rc;
	struct err e;
};

static int put_of_branch(const char *address, const char *password, struct err *e)
{
	struct account a = account_of(address, password);

	return store_put(branch, &table_accounts, &a, e);
}

static int write_rows(struct err *e)
{
	char address[32];
	struct account a;

	for (int i = 0; i < ROWS; i++) {
		snprintf(address, sizeof(address), "new%d@b.c", i);
		if (put_of_branch(address, "x", e) < 0)
			return -1;
	}
	/* it reads what it writes */
	return store_account(branch, STR("new7@b.c"), &a, e) || put_of_branch("a@b.c", "new", e);
}

static void *writer_run(void *arg)
{
	struct writer *w = arg;

	w->rc = store_write_begin(branch, rig_wall, &w->e);
	if (w->rc == 0)
		w->rc = write_rows(&w->e);
	pthread_barrier_wait(&w->half);
	pthread_barrier_wait(&w->go);
	if (w->rc == 0 && w->commits)
		w->rc = store_commit(branch, &w->e);
	else
		store_abort(branch);
	return NULL;
}

/* Back when its rows are put and not committed. */
static void writer_start(struct writer *w, bool commits)
{
	*w = (struct writer){ .commits = commits };
	pthread_barrier_init(&w->half, NULL, 2);
	pthread_barrier_init(&w->go, NULL, 2);
	must(pthread_create(&w->thread, NULL, writer_run, w) == 0, "thread");
	pthread_barrier_wait(&w->half);
}

static void writer_go(struct writer *w)
{
	pthread_barrier_wait(&w->go);
}

static void writer_join(struct writer *w)
{
	pthread_join(w->thread, NULL);
	pthread_barrier_destroy(&w->half);
	pthread_barrier_destroy(&w->go);
	ck_assert_msg(w->rc == 0, "%s", w->e.text);
}

/* --- both at once --- */

START_TEST(the_old_set_until_the_commit)
{
	struct writer w;

	writer_start(&w, true);
	ck_assert_str_eq(password_of("a@b.c"), "old");
	ck_assert_str_eq(password_of("new7@b.c"), "-");
	ck_assert_uint_eq(count(&table_accounts), 1);
	writer_go(&w);
	writer_join(&w);
	ck_assert_str_eq(password_of("a@b.c"), "new");
	ck_assert_uint_eq(count(&table_accounts), ROWS + 1);
	store_branch_end(rig, &branch);
	ck_assert_ptr_null(branch);
	ck_assert_uint_eq(info().last_seq, ROWS + 2);
	rig_check();
	/* The main handle goes on where the branch ended. */
	put_account("z@b.c", "x");
	ck_assert_uint_eq(info().last_seq, ROWS + 3);
	rig_check();
}
END_TEST

/* Old or new as a whole, while the commit goes on in the other thread. */
START_TEST(one_set_or_the_other)
{
	struct writer w;

	for (int i = 0; i < 3; i++) {
		writer_start(&w, true);
		writer_go(&w);
		for (int k = 0; k < 200; k++) {
			struct account a;
			uint64_t n;

			read_begin();
			ok(store_count(rig, &table_accounts, &n, &rig_err));
			must(store_account(rig, STR("a@b.c"), &a, &rig_err) == 0, "is there");
			must(n == (str_eq(a.user_password, STR("old")) ? 1 : ROWS + 1), "one set");
			store_read_end(rig);
		}
		writer_join(&w);
	}
}
END_TEST

START_TEST(what_it_aborts_is_gone)
{
	struct writer w;
	struct store_info before = info(), after;

	writer_start(&w, false);
	writer_go(&w);
	writer_join(&w);
	store_branch_end(rig, &branch);
	after = info();
	ck_assert_uint_eq(after.last_seq, before.last_seq);
	ck_assert_uint_eq(after.last_dot, before.last_dot);
	ck_assert_str_eq(password_of("a@b.c"), "old");
	put_account("a@b.c", "newer");
	rig_check();
}
END_TEST

/* Many transactions of a branch, and branch after branch. */
START_TEST(again_and_again)
{
	for (int i = 0; i < 300; i++) { /* more than there are readers' slots */
		ok(store_write_begin(branch, rig_wall, &rig_err));
		ok(put_of_branch("a@b.c", i % 2 ? "odd" : "even", &rig_err));
		ok(store_commit(branch, &rig_err));
		ok(store_read_begin(branch, &rig_err)); /* and is ended within it */
		store_branch_end(rig, &branch);
		ok(store_branch(rig, &branch, &rig_err));
	}
	ck_assert_uint_eq(info().last_seq, 301);
	rig_check();
}
END_TEST

/* The mark of a clean end is the main handle's to leave. */
START_TEST(no_clean_mark)
{
	uint64_t clean;

	store_branch_end(rig, &branch);
	read_begin();
	ck_assert_int_eq(meta_get(rig, store_txn(rig), "clean", &clean), 0);
	store_read_end(rig);
	ck_assert_uint_eq(clean, 0);
}
END_TEST

START_TEST(no_slot_left)
{
	MDB_txn *t[256];
	size_t n = 0;
	struct err e = { "" };

	store_branch_end(rig, &branch);
	while (n < ARRAY_LEN(t) && mdb_txn_begin(rig->env, NULL, MDB_RDONLY, &t[n]) == 0)
		n++;
	ck_assert_int_eq(store_branch(rig, &branch, &e), -1);
	ck_assert_ptr_null(branch);
	ck_assert_msg(strstr(e.text, "too many processes read it") != NULL, "%s", e.text);
	while (n > 0)
		mdb_txn_abort(t[--n]);
	put_account("a@b.c", "x"); /* nothing is out */
}
END_TEST

/* --- bugs of ours --- */

static void write_beside(void)
{
	ok(store_write_begin(rig, rig_wall, &rig_err));
}

static void two_branches(void)
{
	ok(store_branch(rig, &branch, &rig_err));
}

static void close_under_it(void)
{
	store_close(&rig);
}

static void branch_within_a_write(void)
{
	store_branch_end(rig, &branch);
	begin();
	ok(store_branch(rig, &branch, &rig_err));
}

static void end_within_a_write(void)
{
	ok(store_write_begin(branch, rig_wall, &rig_err));
	store_branch_end(rig, &branch);
}

static void (*const bugs[])(void) = { write_beside, two_branches, close_under_it,
				      branch_within_a_write, end_within_a_write };

static bool come_upon(void *arg)
{
	rig_open_env(STORE_ACCOUNTS);
	ok(store_branch(rig, &branch, &rig_err));
	if (!freopen("/dev/null", "w", stderr))
		return false;
	bugs[*(int *)arg]();
	return true;
}

START_TEST(a_bug)
{
	int status;
	pid_t pid;

	store_branch_end(rig, &branch);
	store_close(&rig);
	pid = child_start(come_upon, &_i);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	rig_open_env(STORE_ACCOUNTS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_branch");
	TCase *t = tcase_create("store_branch");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, the_old_set_until_the_commit);
	tcase_add_test(t, one_set_or_the_other);
	tcase_add_test(t, what_it_aborts_is_gone);
	tcase_add_test(t, again_and_again);
	tcase_add_test(t, no_clean_mark);
	tcase_add_test(t, no_slot_left);
	tcase_add_loop_test(t, a_bug, 0, (int)ARRAY_LEN(bugs));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
