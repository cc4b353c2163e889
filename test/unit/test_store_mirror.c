/* Pairs found by their second half: the same rows as a walk over all of them finds, whatever was
 * written, deleted and expired. */
#include "lib/store/store_mirror.c"

#include "unit/store_rig.h"

static void setup(void)
{
	rig_make_dir();
	rig_open_env(STORE_TRAFFIC);
}

static struct whitelist pair_of(const char *local, const char *remote)
{
	return (struct whitelist){ .local_address = str_z(local), .remote_address = str_z(remote),
				   .first_seen = 1, .last_seen = 2, .count = 3 };
}

static void put_pair(const char *local, const char *remote)
{
	struct whitelist w = pair_of(local, remote);

	put(&table_whitelist, &w);
}

static struct str key_of(const char *local, const char *remote)
{
	static char key[KEY_MAX];
	struct whitelist w = pair_of(local, remote);
	struct str k = { key, 0 };

	must(record_key(&table_whitelist, &w, key, &k.n) == 0, "key");
	return k;
}

/* "a b ": the locals of a remote, at most so many. */
struct found {
	char text[4096];
	unsigned left;
};

static int note_local(void *arg, const void *rec, const struct row_meta *m)
{
	struct found *f = arg;
	const struct whitelist *w = rec;
	size_t n = strlen(f->text);

	must(m->stamp > 0 && w->count == 3, "the whole row");
	snprintf(f->text + n, sizeof(f->text) - n, "%.*s ", STR_ARG(w->local_address));
	return --f->left == 0 ? 7 : 0;
}

static const char *locals(const char *remote, unsigned most)
{
	static struct found f;
	int rc;

	f = (struct found){ .left = most };
	read_begin();
	rc = store_mirror(rig, &table_whitelist, str_z(remote), note_local, &f, &rig_err);
	store_read_end(rig);
	ok(rc);
	must(rc == (f.left == 0 ? 7 : 0), "what fn returned, else 0");
	return f.text;
}

START_TEST(by_either_half)
{
	ck_assert_str_eq(locals("r@d.ee", 9), "");
	put_pair("b@x", "r@d.ee");
	put_pair("a@x", "r@d.ee");
	put_pair("a@x", "r@d.e");
	put_pair("c@x", "r@d.eee");
	put_pair("r@d.ee", "a@x");
	put_pair("a@x", "r@d.ee"); /* again: one row */
	ck_assert_str_eq(locals("r@d.ee", 9), "a@x b@x ");
	ck_assert_str_eq(locals("r@d.e", 9), "a@x ");
	ck_assert_str_eq(locals("a@x", 9), "r@d.ee ");
	ck_assert_str_eq(locals("r@d.ee", 1), "a@x ");
	ck_assert_str_eq(locals("", 9), "");
	ck_assert_str_eq(locals("r", 9), "");
	rig_check();
}
END_TEST

START_TEST(goes_with_its_row)
{
	struct whitelist undone = pair_of("z@x", "r@y");

	put_pair("a@x", "r@y");
	put_pair("b@x", "r@y");
	put_pair("c@x", "r@y");
	begin();
	ok(store_delete(rig, &table_whitelist, key_of("a@x", "r@y"), &rig_err));
	ok(store_expire(rig, &table_whitelist, key_of("b@x", "r@y"), &rig_err));
	commit();
	ck_assert_str_eq(locals("r@y", 9), "c@x ");
	rig_check();
	begin();
	ok(store_expire(rig, &table_whitelist, key_of("a@x", "r@y"), &rig_err)); /* its tombstone */
	commit();
	rig_check();
	put_pair("a@x", "r@y");
	ck_assert_str_eq(locals("r@y", 9), "a@x c@x ");
	begin();
	ok(store_put(rig, &table_whitelist, &undone, &rig_err));
	store_abort(rig);
	ck_assert_str_eq(locals("r@y", 9), "a@x c@x ");
	rig_check();
}
END_TEST

/* As long as addresses may be, and too long to be any. */
START_TEST(longest)
{
	char local[255], remote[600];

	memset(local, 'l', 254);
	memset(remote, 'r', sizeof(remote) - 1);
	local[254] = remote[254] = remote[599] = '\0';
	put_pair(local, remote);
	ck_assert_uint_eq(strlen(locals(remote, 9)), 255);
	rig_check();
	remote[254] = 'r';
	for (size_t n = 505; n < 515; n++) {
		remote[n] = '\0';
		ck_assert_str_eq(locals(remote, 9), "");
		remote[n] = 'r';
	}
}
END_TEST

START_TEST(other_tables)
{
	struct replied r = { .email_address = STR("a@x"),
			     .sender_hash = STR("0123456789abcdef0123456789abcdef") };

	put(&table_replied, &r);
	put_pair("b@x", "0123456789abcdef0123456789abcdef");
	ck_assert_str_eq(locals("0123456789abcdef0123456789abcdef", 9), "b@x "); /* its own table's */
	rig_check();
	store_close(&rig);
	rig_open_env(STORE_TRAFFIC); /* and it is all still there */
	ck_assert_str_eq(locals("0123456789abcdef0123456789abcdef", 9), "b@x ");
	rig_check();
	store_close(&rig);
	rig_open_env(STORE_ACCOUNTS);
	read_begin();
	ck_assert_int_eq(store_mirror(rig, &table_whitelist, STR("a"), note_local, NULL, &rig_err), -1);
	store_read_end(rig);
}
END_TEST

/* Any changes, several in a transaction, some taken back. */
START_TEST(as_a_walk)
{
	char local[16], remote[16];

	for (unsigned round = 0; round < 300; round++) {
		begin();
		for (unsigned i = rnd(8); i < 8; i++) {
			struct whitelist w;

			snprintf(local, sizeof(local), "l%u", rnd(12));
			snprintf(remote, sizeof(remote), "r%u", rnd(12));
			w = pair_of(local, remote);
			w.last_seen = rnd(100);
			switch (rnd(4)) {
			case 0:
				ok(store_delete(rig, &table_whitelist, key_of(local, remote), &rig_err));
				break;
			case 1:
				ok(store_expire(rig, &table_whitelist, key_of(local, remote), &rig_err));
				break;
			default:
				ok(store_put(rig, &table_whitelist, &w, &rig_err));
			}
		}
		if (rnd(8))
			commit();
		else
			store_abort(rig);
		rig_check();
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_mirror");
	TCase *t = tcase_create("store_mirror");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, rig_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, by_either_half);
	tcase_add_test(t, goes_with_its_row);
	tcase_add_test(t, longest);
	tcase_add_test(t, other_tables);
	tcase_add_test(t, as_a_walk);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
