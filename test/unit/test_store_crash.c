/* What stays when there is no room, when the process is killed or the power goes, at any
 * moment: all that was promised, nothing by halves. */
#include "lib/store/store_write.c"

#include <check.h>
#include <sys/mman.h>

#include "unit/child.h"
#include "unit/disk.h"
#include "unit/store_rig.h"

/* --- no room --- */

static int put_until_full(struct err *e)
{
	char key[32];

	for (int i = 0; i < 1000000; i++) {
		struct account a;

		snprintf(key, sizeof(key), "u%d@b.c", i);
		a = account_of(key, "secret");
		if (store_put(rig, &table_accounts, &a, e) < 0)
			return -1;
	}
	return 0;
}

START_TEST(a_full_map_is_told)
{
	struct err e = { "" };

	put_account("a@b.c", "x");
	ck_assert_int_eq(mdb_env_set_mapsize(rig->env, 1 << 20), 0);
	begin();
	ck_assert_int_eq(put_until_full(&e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "the database has reached its largest size"));
	store_abort(rig);
	ck_assert_str_eq(password_of("a@b.c"), "x");
	rig_check();
	put_account("a@b.c", "y");
	ck_assert_str_eq(password_of("a@b.c"), "y");
}
END_TEST

START_TEST(a_full_disk_is_told)
{
	struct account a = account_of("a@b.c", "y");
	struct store_info was;
	struct err e = { "" };

	put_account("a@b.c", "x");
	was = info();
	disk_watch(rig_path("accounts.mdb"));
	begin();
	ok(store_put(rig, &table_accounts, &a, &rig_err));
	disk.full = true;
	ck_assert_int_eq(store_commit(rig, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "accounts.mdb: commit: No space left on device"));
	ck_assert_ptr_nonnull(strstr(e.text, "is the disk full or broken?"));
	disk.full = false;
	ck_assert_uint_eq(info().last_seq, was.last_seq);
	ck_assert_str_eq(password_of("a@b.c"), "x");
	rig_check();
	put_account("a@b.c", "y"); /* the process goes on */
	ck_assert_str_eq(password_of("a@b.c"), "y");
	rig_check();
	disk_settle(false);
	disk.file = 0;
	unlink(rig_path("accounts.mdb.image"));
}
END_TEST

/* LMDB gives an environment up whose meta page could not be written, for as long as the process
 * lives. So the process ends, when it is next asked for something, and its successor goes on. */
static void break_the_disk(void)
{
	struct account a = account_of("a@b.c", "y");
	struct err e = { "" };

	put_account("a@b.c", "x");
	disk_watch(rig_path("accounts.mdb"));
	begin();
	ok(store_put(rig, &table_accounts, &a, &rig_err));
	disk.breaks = true;
	ck_assert_int_eq(store_commit(rig, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "is the disk full or broken?"));
	disk.breaks = false; /* it was for a moment */
}

static bool writes_on(void *arg)
{
	(void)arg;
	break_the_disk();
	put_account("a@b.c", "z");
	return true;
}

static bool reads_on(void *arg)
{
	(void)arg;
	break_the_disk();
	ok(store_read_begin(rig, &rig_err));
	return true;
}

START_TEST(a_broken_disk_ends_the_process)
{
	bool (*const go_on[])(void *arg) = { writes_on, reads_on };
	int status;

	store_close(&rig);
	for (size_t i = 0; i < ARRAY_LEN(go_on); i++) {
		pid_t pid = fork();

		if (pid == 0) {
			rig_open_env(STORE_ACCOUNTS);
			_exit(go_on[i](NULL) ? 0 : 1);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
		rig_open_env(STORE_ACCOUNTS);
		rig_check();
		put_account("a@b.c", "w");
		ck_assert_str_eq(password_of("a@b.c"), "w");
		store_close(&rig);
	}
	unlink(rig_path("accounts.mdb.image"));
}
END_TEST

/* --- a history that its last number tells --- */

#define PLACES 20u /* rows; one more holds the number of the last commit */

static const enum store_env crash_envs[] = { STORE_ACCOUNTS, STORE_TRAFFIC };

struct crash_row {
	char key[40], text[24];
	union {
		struct account account;
		struct ledger ledger;
	} rec;
};

static const struct table *crash_table(void)
{
	return rig->kind == STORE_ACCOUNTS ? &table_accounts : &table_ledger;
}

static void crash_row(struct crash_row *r, unsigned place, uint64_t value)
{
	snprintf(r->text, sizeof(r->text), "%llu", (unsigned long long)value);
	record_defaults(crash_table(), &r->rec);
	if (rig->kind == STORE_ACCOUNTS) {
		snprintf(r->key, sizeof(r->key), "place%u@d%u.org", place, place % 3);
		r->rec.account.email_address = str_z(r->key);
		r->rec.account.user_password = str_z(r->text);
	} else {
		snprintf(r->key, sizeof(r->key), "%032u", place);
		r->rec.ledger.pair = r->rec.ledger.digest = str_z(r->key);
		r->rec.ledger.boxid = str_z(r->text);
	}
}

static struct str crash_key(struct crash_row *r, char key[KEY_MAX])
{
	struct str k = { key, 0 };

	must(record_key(crash_table(), &r->rec, key, &k.n) == 0, "key");
	return k;
}

static unsigned place_put(uint64_t n)
{
	return (unsigned)(n * 2654435761u % 4294967291u % PLACES);
}

static unsigned place_dropped(uint64_t n)
{
	return (unsigned)(n * 40503u % 65521u % PLACES);
}

/* Commit number n: a row written, another one deleted or expired, the number. */
static void crash_step(uint64_t n)
{
	struct crash_row r;
	char key[KEY_MAX];
	int rc;

	begin();
	crash_row(&r, place_put(n), n);
	ok(store_put(rig, crash_table(), &r.rec, &rig_err));
	crash_row(&r, place_dropped(n), 0);
	rc = n & 1 ? store_delete(rig, crash_table(), crash_key(&r, key), &rig_err) :
		     store_expire(rig, crash_table(), crash_key(&r, key), &rig_err);
	ok(rc);
	crash_row(&r, PLACES, n);
	ok(store_put(rig, crash_table(), &r.rec, &rig_err));
	commit();
}

/* What stands there: 0 for no row. */
static uint64_t crash_value(unsigned place)
{
	struct crash_row r, got;
	char key[KEY_MAX];
	uint64_t v = 0;
	int rc;

	crash_row(&r, place, 0);
	read_begin();
	rc = store_get(rig, crash_table(), crash_key(&r, key), &got.rec, NULL, &rig_err);
	ok(rc);
	if (rc == 0)
		must(str_u64(rig->kind == STORE_ACCOUNTS ? got.rec.account.user_password :
							   got.rec.ledger.boxid, 1, UINT64_MAX, &v) == 0,
		     "a number");
	store_read_end(rig);
	return v;
}

/* Exactly the commits 1..n are there, for the n that is told; that n. */
static uint64_t crash_check(void)
{
	uint64_t n = crash_value(PLACES), want[PLACES] = { 0 };

	for (uint64_t i = 1; i <= n; i++) {
		want[place_put(i)] = i;
		want[place_dropped(i)] = 0;
	}
	for (unsigned p = 0; p < PLACES; p++)
		must(crash_value(p) == want[p], "each row as the commits have it");
	rig_check();
	return n;
}

struct shared {
	_Atomic uint64_t acked;
	enum store_env env;
};

static bool commit_on_and_on(void *arg)
{
	struct shared *s = arg;

	rig = NULL;
	rig_open_env(s->env);
	for (uint64_t n = crash_value(PLACES) + 1; n > 0; n++) {
		rig_wall += 7;
		crash_step(n);
		s->acked = n;
	}
	return true;
}

/* --- killed, and without power --- */

/* kill -9 at any moment: all that was acknowledged is there, and nothing by halves. */
START_TEST(killed)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t id, incarnation, n = 0;
	pid_t pid;

	store_close(&rig);
	s->env = crash_envs[_i];
	rig_open_env(s->env);
	id = info().store_id;
	incarnation = info().origin.incarnation;
	for (int round = 0; round < 40; round++) {
		store_close(&rig);
		pid = child_start(commit_on_and_on, s);
		while (round % 2 && s->acked == n) /* every other one is past its opening */
			usleep(100);
		child_kill_within(pid, 10000);
		rig_open_env(s->env);
		n = crash_check();
		must(n == s->acked || n == s->acked + 1, "what was acknowledged is there");
		s->acked = n; /* the commit under way may have come through */
		must(info().store_id == id, "the machine stayed up");
		must(info().origin.incarnation > incarnation, "another life");
		incarnation = info().origin.incarnation;
	}
	ck_assert_uint_ge(n, 20);
	munmap(s, sizeof(*s));
}
END_TEST

static uint64_t promised, promised_at_cut;

static void when_cut(void)
{
	promised_at_cut = promised;
}

static const char *crash_file(void)
{
	return rig_path(rig->kind == STORE_ACCOUNTS ? "accounts.mdb" : "traffic.mdb");
}

/* Commits until the power goes, each a promise in accounts; in traffic only a sync is one. */
static void run_until_cut(uint64_t n)
{
	promised = n;
	disk.on_cut = when_cut;
	disk_watch(crash_file());
	disk.cut_after = (long)rnd(120);
	while (!disk.off) {
		crash_step(++n);
		if (rig->kind == STORE_TRAFFIC) {
			if (rnd(4))
				continue;
			ok(store_sync(rig, &rig_err));
		}
		promised = n;
	}
}

static void power_returns(enum store_env env)
{
	char path[128];

	strcpy(path, crash_file());
	if (!disk.off)
		disk_cut();
	store_close(&rig);
	disk_replace(path);
	rig_open_env(env);
}

/* A power cut: what was promised is there, nothing by halves, the index is whole. */
START_TEST(without_power)
{
	enum store_env env = crash_envs[_i];
	uint64_t n = 0, lost = 0;

	store_close(&rig);
	rig_open_env(env);
	for (int round = 0; round < 60; round++) {
		run_until_cut(n);
		power_returns(env);
		n = crash_check();
		must(n >= promised_at_cut, "what was promised is there");
		lost += n < promised;
	}
	ck_assert_uint_gt(n, 60);
	ck_assert_uint_gt(lost, 0); /* the cuts were cuts */
}
END_TEST

/* Accounts: the commit alone is the promise. */
START_TEST(a_commit_of_accounts_is_durable)
{
	for (uint64_t n = 1; n < 20; n++) {
		disk.on_cut = NULL;
		disk.cut_after = -1;
		disk_watch(rig_path("accounts.mdb"));
		crash_step(n);
		power_returns(STORE_ACCOUNTS);
		ck_assert_uint_eq(crash_check(), n);
	}
}
END_TEST

/* Before a writer may use its new incarnation, a power cut must not bring the old one back,
 * nor the mark of a clean stop. */
START_TEST(opening_is_durable)
{
	enum store_env env = crash_envs[_i];
	uint64_t incarnation, clean;

	store_close(&rig);
	rig_open_env(env);
	for (int round = 0; round < 20; round++) {
		char path[128];

		strcpy(path, crash_file());
		incarnation = info().origin.incarnation;
		store_close(&rig);
		disk.on_cut = NULL;
		disk.cut_after = -1;
		disk_watch(path);
		rig_open_env(env);
		disk_cut();
		store_close(&rig);
		disk_replace(path);
		ok(store_open(&rig, rig_dir, env, STORE_READ, &rig_err));
		read_begin();
		must(meta_get(rig, rig->rd, "incarnation", &incarnation) == 0 &&
			     meta_get(rig, rig->rd, "clean", &clean) == 0, "meta");
		store_read_end(rig);
		store_close(&rig);
		ck_assert_uint_eq(clean, 0);
		rig_open_env(env);
		ck_assert_uint_eq(info().origin.incarnation, incarnation + 1);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_crash");
	TCase *t = tcase_create("store_crash");
	SRunner *r;
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_checked_fixture(t, rig_setup, rig_teardown);
	tcase_set_timeout(t, 300);
	tcase_add_test(t, a_full_map_is_told);
	tcase_add_test(t, a_full_disk_is_told);
	tcase_add_test(t, a_broken_disk_ends_the_process);
	tcase_add_loop_test(t, killed, 0, (int)ARRAY_LEN(crash_envs));
	tcase_add_loop_test(t, without_power, 0, (int)ARRAY_LEN(crash_envs));
	tcase_add_test(t, a_commit_of_accounts_is_durable);
	tcase_add_loop_test(t, opening_is_durable, 0, (int)ARRAY_LEN(crash_envs));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
