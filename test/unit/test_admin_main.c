/* The process around admin: what it says of sockets in plain, and of certificates. */
#include "cmd/admin_main.c"

#include <check.h>
#include <gnutls/x509.h>

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

static void write_file(const char *name, gnutls_datum_t *text)
{
	FILE *f = fopen(name, "w");

	ck_assert_uint_eq(fwrite(text->data, 1, text->size, f), text->size);
	ck_assert_int_eq(fclose(f), 0);
	gnutls_free(text->data);
}

/* One that signs itself and ends then. */
static void make(const char *crt, const char *key, time_t ends)
{
	gnutls_x509_privkey_t k;
	gnutls_x509_crt_t c;
	gnutls_datum_t text;

	ck_assert_int_eq(gnutls_x509_privkey_init(&k), 0);
	ck_assert_int_eq(gnutls_x509_crt_init(&c), 0);
	ck_assert_int_eq(gnutls_x509_privkey_generate(k, GNUTLS_PK_ECDSA, 256, 0), 0);
	ck_assert_int_eq(gnutls_x509_crt_set_key(c, k), 0);
	ck_assert_int_eq(gnutls_x509_crt_set_serial(c, "1", 1), 0);
	ck_assert_int_eq(gnutls_x509_crt_set_activation_time(c, ends - 86400), 0);
	ck_assert_int_eq(gnutls_x509_crt_set_expiration_time(c, ends), 0);
	ck_assert_int_eq(gnutls_x509_crt_sign2(c, c, k, GNUTLS_DIG_SHA256, 0), 0);
	ck_assert_int_eq(gnutls_x509_crt_export2(c, GNUTLS_X509_FMT_PEM, &text), 0);
	write_file(crt, &text);
	ck_assert_int_eq(gnutls_x509_privkey_export2(k, GNUTLS_X509_FMT_PEM, &text), 0);
	write_file(key, &text);
	gnutls_x509_crt_deinit(c);
	gnutls_x509_privkey_deinit(k);
}

START_TEST(certificates)
{
	char crt[96], key[96], user[] = "somebody";

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
	make(crt, key, time(NULL) + 86400);
	ck_assert_msg(load_certificate(&o, &e) == 0, "%s", e.text);
	ck_assert_ptr_nonnull(strstr(log_text(), "serving HTTPS with"));
	make(crt, key, 1800000000 - 86400 * 365 * 10); /* that serves, too: better than none */
	ck_assert_msg(load_certificate(&o, &e) == 0, "%s", e.text);
	ck_assert_ptr_nonnull(strstr(log_text(), "has ended: 2017-01-17T"));
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
