/* Opening, and who the store is. */
#include "lib/store/store.c"

#include <check.h>
#include <sys/resource.h>

#include "unit/child.h"
#include "unit/store_rig.h"

/* --- opening --- */

static mode_t mode_of(const char *file)
{
	struct stat st;

	must(stat(rig_path(file), &st) == 0, file);
	return st.st_mode & 07777;
}

START_TEST(files_are_private)
{
	umask(0);
	store_close(&rig);
	rig_open_env(STORE_TRAFFIC);
	ck_assert_uint_eq(mode_of("traffic.mdb"), 0600);
	ck_assert_uint_eq(mode_of("traffic.mdb-lock"), 0600);
	ck_assert_uint_eq(mode_of("traffic.mdb-writer"), 0600);
}
END_TEST

static void refused(enum store_env env, enum store_mode mode, const char *words)
{
	struct store *s = NULL;
	struct err e = { "" };

	ck_assert_int_eq(store_open(&s, rig_dir, env, mode, &e), -1);
	ck_assert_ptr_null(s);
	ck_assert_msg(strstr(e.text, words) != NULL, "%s", e.text);
	ck_assert_msg(strstr(e.text, rig_dir) == e.text, "%s", e.text);
}

START_TEST(a_second_writer_is_refused)
{
	refused(STORE_ACCOUNTS, STORE_WRITE, "accounts.mdb is written by another process");
	put_account("a@b.c", "still writes");
	ck_assert_str_eq(password_of("a@b.c"), "still writes");
	store_close(&rig);
	rig_open_env(STORE_ACCOUNTS);
	ck_assert_str_eq(password_of("a@b.c"), "still writes");
}
END_TEST

START_TEST(a_reader_makes_nothing)
{
	refused(STORE_TRAFFIC, STORE_READ, "traffic.mdb");
	ck_assert_int_eq(access(rig_path("traffic.mdb"), F_OK), -1);
}
END_TEST

START_TEST(no_directory)
{
	struct store *s = NULL;
	struct err e = { "" };

	ck_assert_int_eq(store_open(&s, "/nowhere/at all", STORE_ACCOUNTS, STORE_WRITE, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "/nowhere/at all/accounts.mdb"));
	ck_assert_ptr_nonnull(strstr(e.text, "No such file"));
}
END_TEST

START_TEST(an_empty_file_is_not_made_yet)
{
	FILE *f = fopen(rig_path("traffic.mdb"), "w");

	fclose(f);
	refused(STORE_TRAFFIC, STORE_READ, "traffic.mdb");
}
END_TEST

START_TEST(another_file_is_refused)
{
	FILE *f = fopen(rig_path("traffic.mdb"), "w");

	for (int i = 0; i < 20000; i++)
		fputs("this is no database\n", f);
	fclose(f);
	refused(STORE_TRAFFIC, STORE_WRITE, "not an LMDB file");
	refused(STORE_TRAFFIC, STORE_READ, "not an LMDB file");
}
END_TEST

/* Two stores that changed places would grow each other's tables. */
START_TEST(the_other_store_is_refused)
{
	char from[128];

	store_close(&rig);
	strcpy(from, rig_path("accounts.mdb"));
	ck_assert_int_eq(rename(from, rig_path("traffic.mdb")), 0);
	refused(STORE_TRAFFIC, STORE_WRITE, "is another store under this name");
	refused(STORE_TRAFFIC, STORE_READ, "is another store under this name");
}
END_TEST

static uint64_t meta(const char *name)
{
	uint64_t v;

	read_begin();
	must(meta_get(rig, rig->rd, name, &v) == 0, "meta");
	store_read_end(rig);
	return v;
}

/* Behind the back of the store, which is closed: reads, and sets when asked to. */
static uint64_t raw_meta(const char *name, const uint64_t *set)
{
	struct store raw = { 0 };
	MDB_txn *txn;
	uint64_t v;

	must(mdb_env_create(&raw.env) == 0 && mdb_env_set_maxdbs(raw.env, 20) == 0 &&
		     mdb_env_set_mapsize(raw.env, 1 << 30) == 0 &&
		     mdb_env_open(raw.env, rig_path("accounts.mdb"), MDB_NOSUBDIR, 0600) == 0 &&
		     mdb_txn_begin(raw.env, NULL, 0, &txn) == 0 &&
		     mdb_dbi_open(txn, "meta", 0, &raw.db[DB_META]) == 0, "raw store");
	must((!set || meta_put(&raw, txn, name, *set) == 0) &&
		     meta_get(&raw, txn, name, &v) == 0 && mdb_txn_commit(txn) == 0, "raw meta");
	mdb_env_close(raw.env);
	return v;
}

START_TEST(a_newer_format_is_refused)
{
	static const uint64_t newer = STORE_FORMAT + 1;
	uint64_t incarnation = info().origin.incarnation;

	store_close(&rig);
	raw_meta("format", &newer);
	refused(STORE_ACCOUNTS, STORE_WRITE, "written by a newer version");
	refused(STORE_ACCOUNTS, STORE_READ, "written by a newer version");
	refused(STORE_ACCOUNTS, STORE_WRITE, "written by a newer version"); /* the lock is free */
	ck_assert_uint_eq(raw_meta("format", NULL), newer); /* and nothing was touched */
	ck_assert_uint_eq(raw_meta("incarnation", NULL), incarnation);
	ck_assert_uint_eq(raw_meta("clean", NULL), 1);
}
END_TEST

/* --- who it is --- */

START_TEST(identity_lasts)
{
	struct store_info a = info(), b;

	ck_assert_uint_ne(a.origin.node, 0);
	ck_assert_uint_ne(a.store_id, 0);
	ck_assert_uint_ne(a.origin.incarnation, 0);
	put_account("a@b.c", "x");
	put_account("d@e.f", "y");
	a = info();
	ck_assert_uint_eq(a.last_seq, 2);
	ck_assert_uint_eq(a.last_dot, 2);
	for (unsigned i = 1; i <= 3; i++) {
		store_close(&rig);
		rig_open_env(STORE_ACCOUNTS);
		b = info();
		ck_assert_uint_eq(b.origin.node, a.origin.node);
		ck_assert_uint_eq(b.store_id, a.store_id);
		ck_assert_uint_eq(b.origin.incarnation, a.origin.incarnation + i);
		ck_assert_uint_eq(b.last_seq, 2);
		ck_assert_uint_eq(b.last_dot, 0); /* of the new incarnation */
		ck_assert_uint_eq(b.clock_mark, a.clock_mark);
	}
}
END_TEST

/* What a row's origin index says, also of earlier incarnations. */
START_TEST(origins_are_kept)
{
	struct row_meta m;
	struct origin was = info().origin;
	char key[8];
	MDB_val k = { 8, key }, v;

	put_account("a@b.c", "x");
	store_close(&rig);
	rig_open_env(STORE_ACCOUNTS);
	put_account("d@e.f", "y");
	for (int i = 0; i < 2; i++) {
		get_meta(&table_accounts, i ? "d@e.f" : "a@b.c", &m);
		u64_key(m.origin, key);
		read_begin();
		ck_assert_int_eq(mdb_get(rig->rd, rig->db[DB_ORIGINS], &k, &v), 0);
		ck_assert_uint_eq(v.mv_size, 16);
		ck_assert_uint_eq(key_u64(&v), was.node);
		v.mv_data = (char *)v.mv_data + 8;
		ck_assert_uint_eq(key_u64(&v), was.incarnation + (unsigned)i);
		store_read_end(rig);
	}
}
END_TEST

/* Only an unclean end of the machine itself may have taken back what sisters have seen. */
static const struct {
	bool clean, other_boot, new_id;
} boots[] = {
	{ true, false, false },
	{ true, true, false },
	{ false, false, false },
	{ false, true, true },
};

START_TEST(store_id)
{
	uint64_t id = info().store_id, clean = boots[_i].clean, boot = 12345;

	ck_assert_uint_eq(meta("clean"), 0);
	store_close(&rig);
	ck_assert_uint_eq(raw_meta("clean", NULL), 1);
	raw_meta("clean", &clean);
	if (boots[_i].other_boot)
		raw_meta("boot", &boot);
	rig_open_env(STORE_ACCOUNTS);
	ck_assert_int_eq(info().store_id != id, boots[_i].new_id);
	ck_assert_uint_eq(meta("clean"), 0);
	ck_assert_uint_eq(meta("boot"), boot_id());
	ck_assert_uint_eq(meta("store"), info().store_id);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store");
	TCase *t = tcase_create("store");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, rig_setup, rig_teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, files_are_private);
	tcase_add_test(t, a_second_writer_is_refused);
	tcase_add_test(t, a_reader_makes_nothing);
	tcase_add_test(t, no_directory);
	tcase_add_test(t, an_empty_file_is_not_made_yet);
	tcase_add_test(t, another_file_is_refused);
	tcase_add_test(t, the_other_store_is_refused);
	tcase_add_test(t, a_newer_format_is_refused);
	tcase_add_test(t, identity_lasts);
	tcase_add_test(t, origins_are_kept);
	tcase_add_loop_test(t, store_id, 0, (int)ARRAY_LEN(boots));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
