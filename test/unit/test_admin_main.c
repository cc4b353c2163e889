/* The process around admin: what it says of sockets in plain, and of certificates. */
#include "cmd/admin_main.c"

#include <check.h>

/* Of process.c, for start(), which no test here calls. */
int process_user(const struct options *opt, uid_t *uid, gid_t *gid, struct err *why)
{
	(void)opt;
	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	return err_set(why, "no user");
}

int process_drop(const struct process *p, struct err *why)
{
	(void)p;
	return err_set(why, "no user");
}

static char dir[64], path[96];
static struct options o;
static struct err e;

static void setup(void)
{
	strcpy(dir, "/tmp/pb_admin_main_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	ck_assert_int_eq(log_open(path, &e), 0);
	o = (struct options){ 0 };
}

static void teardown(void)
{
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}

static const char *log_text(void)
{
	static char text[8192];
	FILE *f = fopen(path, "r");

	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static const struct {
	const char *http;
	bool tls, warns;
} sockets[] = {
	{ "127.0.0.1:8080", false, false }, { "127.8.8.8:8080", false, false },
	{ "[::1]:8080", false, false },	    { "0.0.0.0:8080", false, true },
	{ "[::]:8080", false, true },	    { "10.0.0.1:8080", false, true },
	{ "128.0.0.1:8080", false, true },  { "[::2]:8080", false, true },
	{ "[100::1]:8080", false, true },   { "0.0.0.0:8080", true, false },
	{ "127.0.0.1:8080", true, false },
};

START_TEST(plain)
{
	char http[32];

	str_copy(http, sizeof(http), str_z(sockets[_i].http));
	ck_assert_int_eq(addr_parse(str_z(http), 0, &o.http, &e), 0);
	o.http_text = http;
	if (sockets[_i].tls)
		o.http_cert = o.http_key = http;
	warn_of_plain(&o);
	ck_assert_msg((strstr(log_text(), "in plain") != NULL) == sockets[_i].warns, "%s: %s", http,
		      log_text());
	if (sockets[_i].warns)
		ck_assert_ptr_nonnull(strstr(log_text(), http));
}
END_TEST

START_TEST(certificates)
{
	char command[512], crt[96], key[96], user[] = "somebody";

	ck_assert_int_eq(load_certificate(&o, &e), 0); /* none is wanted */
	snprintf(crt, sizeof(crt), "%s/crt", dir);
	snprintf(key, sizeof(key), "%s/key", dir);
	o.http_cert = crt;
	o.http_key = key;
	ck_assert_int_eq(load_certificate(&o, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "-http-cert, -http-key: "));
	ck_assert_ptr_nonnull(strstr(e.text, crt));
	reload_certificate(&o);
	ck_assert_ptr_nonnull(strstr(log_text(), "; the old certificate stays\n"));
	o.user = user;
	reload_certificate(&o);
	ck_assert_ptr_nonnull(strstr(log_text(), "stays (HUP reads as user somebody)\n"));
	for (int i = 0; i < 2; i++) { /* one that has ended serves, too: better than none */
		snprintf(command, sizeof(command),
			 "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=a -days %d "
			 "-keyout %s -out %s 2>/dev/null && sleep %d",
			 i ? 1 : 0, key, crt, i ? 0 : 2);
		ck_assert_int_eq(system(command), 0);
		ck_assert_msg(load_certificate(&o, &e) == 0, "%s", e.text);
		ck_assert_msg(strstr(log_text(), i ? "serving HTTPS with" : "has ended: ") != NULL,
			      "%s", log_text());
	}
	tls_forget();
	ck_assert_int_eq(unlink(crt), 0);
	ck_assert_int_eq(unlink(key), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("admin_main");
	TCase *t = tcase_create("admin_main");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, plain, 0, (int)ARRAY_LEN(sockets));
	tcase_add_test(t, certificates);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
