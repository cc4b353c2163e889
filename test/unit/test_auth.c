/* auth: stored forms, the first start and its crash, the delay of guessers. */
#include "lib/base/limits.h"

#undef AUTH_ROUNDS /* what they cost is not the matter here */
#define AUTH_ROUNDS 10u
#include "admin/auth.c"

#include <check.h>
#include <sys/stat.h>

static char dir[64], path[96];
static struct store *store;
static struct err e;

static void setup(void)
{
	strcpy(dir, "/tmp/pb_test_auth.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/first-login", dir);
	ck_assert_int_eq(store_open(&store, dir, STORE_ACCOUNTS, STORE_WRITE, &e), 0);
}

static void teardown(void)
{
	char command[128];

	store_close(&store);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void slurp(char *dst, size_t cap)
{
	FILE *f = fopen(path, "r");

	ck_assert_ptr_nonnull(f);
	dst[fread(dst, 1, cap - 1, f)] = '\0';
	fclose(f);
}

static void put(const char *name, const char *hash)
{
	struct credential c = { str_z(name), str_z(hash) };

	ck_assert_int_eq(store_write_begin(store, clock_wall_ms(), &e), 0);
	ck_assert_int_eq(store_put(store, &table_credentials, &c, &e), 0);
	ck_assert_int_eq(store_commit(store, &e), 0);
}

/* Made with Python, hashlib.pbkdf2_hmac("sha256", b"hunter2", b"0123456789abcdef", 1000). */
static const struct {
	const char *stored, *secret;
	bool fits;
} forms[] = {
	{ "pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg==$pj4T35D2v4tYmC1sTJ1y5tcMADOdtnQGvuHmyYDQh2g=", "hunter2",
	  true },
	{ "pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg==$pj4T35D2v4tYmC1sTJ1y5tcMADOdtnQGvuHmyYDQh2g=", "hunter3",
	  false },
	{ "pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg==$pj4T35D2v4tYmC1sTJ1y5tcMADOdtnQGvuHmyYDQh2g=", "", false },
	{ "pbkdf2-sha256$1001$MDEyMzQ1Njc4OWFiY2RlZg==$pj4T35D2v4tYmC1sTJ1y5tcMADOdtnQGvuHmyYDQh2g=", "hunter2",
	  false },
	{ "pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZQ==$pj4T35D2v4tYmC1sTJ1y5tcMADOdtnQGvuHmyYDQh2g=", "hunter2",
	  false },
	{ "pbkdf2-sha256$0$MDEyMzQ1Njc4OWFiY2RlZg==$pj4T35D2v4tYmC1sTJ1y5tcMADOdtnQGvuHmyYDQh2g=", "hunter2",
	  false },
	{ "pbkdf2-sha256$99999999$MDEyMzQ1Njc4OWFiY2RlZg==$pj4T35D2v4tYmC1sTJ1y5tcMADOdtnQGvuHmyYDQh2g=",
	  "hunter2", false },
	{ "pbkdf2-sha1$1000$MDEyMzQ1Njc4OWFiY2RlZg==$pj4T35D2v4tYmC1sTJ1y5tcMADOdtnQGvuHmyYDQh2g=", "hunter2",
	  false },
	{ "pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg==$pj4T35D2v4tYmC1sTJ1y5tcMADOdtnQGvuHmyYDQh2g=$",
	  "hunter2", false },
	{ "pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2Rl$pj4T35D2v4tYmC1sTJ1y5tcMADOdtnQGvuHmyYDQh2g=", "hunter2",
	  false },
	{ "pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg==", "hunter2", false },
	{ "", "hunter2", false },
	{ "hunter2", "hunter2", false },
};

/* The whole way of a key, without a thread. */
static bool key_ok(struct auth *a, struct str key)
{
	struct key_check k;
	enum auth_known known;

	key_check_set(&k, key, false);
	known = auth_key_known(a, &k);
	if (known == AUTH_ASK) {
		key_check_run(&k);
		auth_checked(a, &k);
	}
	return known == AUTH_RIGHT || (known == AUTH_ASK && k.fits);
}

START_TEST(stored_forms)
{
	ck_assert_msg(auth_hash_fits(str_z(forms[_i].stored), str_z(forms[_i].secret)) ==
			      forms[_i].fits,
		      "%s", forms[_i].stored);
}
END_TEST

START_TEST(hash_and_back)
{
	char one[AUTH_HASH_TEXT], two[AUTH_HASH_TEXT];

	auth_hash(STR("secret"), one);
	auth_hash(STR("secret"), two);
	ck_assert_str_ne(one, two);
	ck_assert(auth_hash_fits(str_z(one), STR("secret")));
	ck_assert(!auth_hash_fits(str_z(one), STR("Secret")));
}
END_TEST

START_TEST(first_start_makes_both)
{
	struct auth *a = NULL, *again = NULL;
	struct stat st;
	char text[512], password[64], key[64], stored[256], file[512];

	ck_assert_int_eq(auth_open(&a, store, dir, &e), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	slurp(text, sizeof(text));
	ck_assert_int_eq(sscanf(text, "password: %60s\naccesskey: %60s\n", password, key), 2);
	snprintf(file, sizeof(file), "password: %s\naccesskey: %s\n", password, key);
	ck_assert_str_eq(text, file);
	ck_assert_uint_ge(strlen(password), 20);
	ck_assert_uint_ge(strlen(key), 20);
	ck_assert_str_ne(password, key);
	ck_assert(key_ok(a, str_z(key)));
	ck_assert(key_ok(a, str_z(key))); /* from memory */
	ck_assert(!key_ok(a, str_z(password)));
	ck_assert_int_eq(stored_get(store, "password", stored, &e), 0);
	ck_assert(auth_hash_fits(str_z(stored), str_z(password)));

	/* The second start leaves all as it is. */
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(auth_open(&again, store, dir, &e), 0);
	ck_assert(key_ok(again, str_z(key)));
	ck_assert_int_eq(access(path, F_OK), -1);
	auth_free(&a);
	auth_free(&again);
	ck_assert_ptr_null(a);
}
END_TEST

/* The file was written and the machine went down: the next start replaces it. */
START_TEST(first_start_after_a_crash)
{
	struct fresh fresh[CREDENTIALS] = { { true, "old-password", "" }, { true, "old-key", "" } };
	struct auth *a = NULL;
	char text[512], key[64];

	ck_assert_int_eq(first_login_write(dir, fresh, &e), 0);
	slurp(text, sizeof(text));
	ck_assert_str_eq(text, "password: old-password\naccesskey: old-key\n");
	ck_assert_int_eq(auth_open(&a, store, dir, &e), 0);
	slurp(text, sizeof(text));
	ck_assert_int_eq(sscanf(text, "password: %*s\naccesskey: %60s", key), 1);
	ck_assert_str_ne(key, "old-key");
	ck_assert(key_ok(a, str_z(key)));
	auth_free(&a);
}
END_TEST

/* When the file cannot be written nothing is stored, or nobody would ever know the secrets. */
START_TEST(first_start_without_a_file)
{
	struct auth *a = NULL;
	char stored[256], gone[96];

	snprintf(gone, sizeof(gone), "%s/gone", dir);
	ck_assert_int_eq(auth_open(&a, store, gone, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "/gone/first-login"));
	ck_assert_int_eq(stored_get(store, "accesskey", stored, &e), STORE_NONE);
	ck_assert_int_eq(stored_get(store, "password", stored, &e), STORE_NONE);
}
END_TEST

START_TEST(damaged_hash)
{
	struct auth *a = NULL;

	put("accesskey", "plain");
	ck_assert_int_eq(auth_open(&a, store, dir, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "accesskey"));
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(changed_key_holds_at_once)
{
	struct auth *a = NULL;
	char hash[AUTH_HASH_TEXT];

	auth_hash(STR("first"), hash);
	put("accesskey", hash);
	put("password", hash);
	ck_assert_int_eq(auth_open(&a, store, dir, &e), 0);
	ck_assert(key_ok(a, STR("first")));
	auth_hash(STR("second"), hash);
	put("accesskey", hash);
	ck_assert(!key_ok(a, STR("first")));
	ck_assert(key_ok(a, STR("second")));
	auth_free(&a);
}
END_TEST

START_TEST(odd_keys)
{
	struct auth *a = NULL;
	char hash[AUTH_HASH_TEXT], longest[LIMIT_PASSWORD + 2];

	memset(longest, 'x', sizeof(longest));
	auth_hash((struct str){ longest, LIMIT_PASSWORD }, hash);
	put("accesskey", hash);
	put("password", hash);
	ck_assert_int_eq(auth_open(&a, store, dir, &e), 0);
	ck_assert(!key_ok(a, STR("")));
	ck_assert(!key_ok(a, (struct str){ longest, LIMIT_PASSWORD + 1 }));
	ck_assert(!key_ok(a, (struct str){ longest, LIMIT_PASSWORD - 1 }));
	ck_assert(key_ok(a, (struct str){ longest, LIMIT_PASSWORD }));
	auth_free(&a);
}
END_TEST

START_TEST(guessers)
{
	struct shm *shm = shm_create(1);
	struct ipaddr one, neighbour, other;
	int64_t now = 1000000;

	ck_assert_int_eq(ip_parse(STR("192.0.2.1"), &one, &e), 0);
	ck_assert_int_eq(ip_parse(STR("192.0.2.200"), &neighbour, &e), 0);
	ck_assert_int_eq(ip_parse(STR("192.0.3.1"), &other, &e), 0);
	ck_assert_int_eq(auth_delay(shm, &one, now), 0);
	ck_assert_int_eq(auth_failed(shm, &one, now), PENALTY_FIRST_MS);
	ck_assert_int_eq(auth_failed(shm, &neighbour, now), 2 * PENALTY_FIRST_MS);
	for (int i = 0; i < 20; i++)
		ck_assert_int_le(auth_failed(shm, &one, now), PENALTY_MAX_MS);
	ck_assert_int_eq(auth_delay(shm, &neighbour, now), PENALTY_MAX_MS);
	ck_assert_int_eq(auth_delay(shm, &other, now), 0);
	auth_succeeded(shm, &neighbour);
	ck_assert_int_eq(auth_delay(shm, &one, now), 0);
	shm_destroy(&shm);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("auth");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, stored_forms, 0, ARRAY_LEN(forms));
	tcase_add_test(t, hash_and_back);
	tcase_add_test(t, first_start_makes_both);
	tcase_add_test(t, first_start_after_a_crash);
	tcase_add_test(t, first_start_without_a_file);
	tcase_add_test(t, damaged_hash);
	tcase_add_test(t, changed_key_holds_at_once);
	tcase_add_test(t, odd_keys);
	tcase_add_test(t, guessers);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
