/* Certificates from files: good ones, bad ones, exchanged ones. The openssl tool makes them. */
#include "admin/tls.c"

#include <check.h>
#include <stdio.h>

static char dir[64];
static struct err e;

static const char *path_of(const char *name)
{
	static char paths[4][128];
	static unsigned i;
	char *path = paths[i++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void shell(const char *command)
{
	char whole[1024];

	snprintf(whole, sizeof(whole), "cd %s && { %s; } >/dev/null 2>&1", dir, command);
	ck_assert_msg(system(whole) == 0, "%s", command);
}

/* A certificate NAME.crt, a key NAME.key; kind as -newkey wants it. */
static void make(const char *name, const char *kind)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "openssl req -x509 -newkey %s -nodes -days 30 -subj /CN=%s "
		 "-keyout %s.key -out %s.crt", kind, name, name, name);
	shell(command);
}

static void setup(void)
{
	strcpy(dir, "/tmp/pb_tls_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	make("a", "ec -pkeyopt ec_paramgen_curve:prime256v1");
	make("b", "rsa:2048");
	e.text[0] = '\0';
}

static void teardown(void)
{
	char command[128];

	tls_forget();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static int load(const char *cert, const char *key)
{
	struct tls_files f = { path_of(cert), path_of(key) };

	return tls_load(&f, &e);
}

/* The subject of what a handshake gets; "" when it gets nothing. */
static const char *shows(void)
{
	static char name[256];
	size_t n_name = sizeof(name);
	gnutls_pcert_st *certs;
	gnutls_ocsp_data_st *ocsp;
	gnutls_privkey_t key;
	gnutls_x509_crt_t crt;
	unsigned n, n_ocsp, flags;

	if (tls_certificate(NULL, NULL, &certs, &n, &ocsp, &n_ocsp, &key, &flags) < 0)
		return "";
	ck_assert_uint_eq(flags, GNUTLS_CERT_RETR_DEINIT_ALL);
	ck_assert_uint_eq(n_ocsp, 0);
	ck_assert_uint_ge(n, 1);
	ck_assert_int_eq(gnutls_pcert_export_x509(&certs[0], &crt), 0);
	ck_assert_int_eq(gnutls_x509_crt_get_dn(crt, name, &n_name), 0);
	snprintf(name + n_name, sizeof(name) - n_name, " %u", n);
	gnutls_x509_crt_deinit(crt);
	for (unsigned i = 0; i < n; i++) /* as GnuTLS does with that flag */
		gnutls_pcert_deinit(&certs[i]);
	gnutls_free(certs);
	gnutls_privkey_deinit(key);
	return name;
}

START_TEST(good)
{
	int64_t now = time(NULL);

	ck_assert_str_eq(shows(), "");
	ck_assert_int_eq(tls_expires(), 0);
	ck_assert_msg(load("a.crt", "a.key") == 0, "%s", e.text);
	ck_assert_str_eq(shows(), "CN=a 1");
	ck_assert_int_gt(tls_expires(), now + 29 * 86400);
	ck_assert_int_lt(tls_expires(), now + 31 * 86400);
	ck_assert_msg(load("b.crt", "b.key") == 0, "%s", e.text);
	ck_assert_str_eq(shows(), "CN=b 1");
	tls_forget();
	ck_assert_str_eq(shows(), "");
}
END_TEST

/* The old form of a key; both in one file; a chain, to whose first certificate the key belongs. */
START_TEST(forms)
{
	shell("openssl rsa -traditional -in b.key -out t.key; head -1 t.key | grep RSA");
	ck_assert_msg(load("b.crt", "t.key") == 0, "%s", e.text);
	shell("cat a.key a.crt >both");
	ck_assert_msg(load("both", "both") == 0, "%s", e.text);
	shell("openssl req -newkey rsa:2048 -nodes -subj /CN=c -keyout c.key -out c.req && "
	      "openssl x509 -req -in c.req -CA b.crt -CAkey b.key -CAcreateserial -days 1 -out c.crt &&"
	      "cat c.crt b.crt >up && cat b.crt c.crt >down");
	ck_assert_msg(load("up", "c.key") == 0, "%s", e.text);
	ck_assert_str_eq(shows(), "CN=c 2");
	ck_assert_int_eq(load("down", "c.key"), -1);
	ck_assert_str_eq(shows(), "CN=c 2");
}
END_TEST

/* certificate, key, what the error says and of which file */
static const struct {
	const char *cert, *key, *of, *error;
} faults[] = {
	{ "none", "a.key", "none", "No such file" },
	{ "a.crt", "none", "none", "No such file" },
	{ ".", "a.key", "/.", "not a file" },
	{ "a.crt", "fifo", "fifo", "not a file" },
	{ "empty", "a.key", "empty", "no certificates in PEM form" },
	{ "a.crt", "empty", "empty", "no private key in PEM form" },
	{ "junk", "a.key", "junk", "no certificates in PEM form" },
	{ "a.crt", "junk", "junk", "no private key in PEM form" },
	{ "a.key", "a.key", "a.key", "no certificates in PEM form" },
	{ "a.crt", "a.crt", "a.crt", "no private key in PEM form" },
	{ "half", "a.key", "half", "no certificates in PEM form" },
	{ "der", "a.key", "der", "no certificates in PEM form" },
	{ "a.crt", "locked", "locked", "encrypted" },
	{ "a.crt", "b.key", "b.key", "is not the key of the certificate in" },
	{ "b.crt", "a.key", "a.key", "is not the key of the certificate in" },
	{ "long", "a.key", "long", "too long" },
};

/* Each is told, and what was shown before stays. */
START_TEST(bad)
{
	shell("mkfifo fifo; touch empty; echo junk >junk; head -3 a.crt >half; "
	      "openssl x509 -in a.crt -outform der -out der; "
	      "openssl ec -in a.key -aes128 -passout pass:x -out locked; "
	      "{ cat a.crt; head -c 1048576 /dev/zero | tr '\\0' '\\n'; } >long");
	ck_assert_int_eq(load("b.crt", "b.key"), 0);
	ck_assert_int_eq(load(faults[_i].cert, faults[_i].key), -1);
	ck_assert_msg(strstr(e.text, faults[_i].error) != NULL, "%s", e.text);
	ck_assert_msg(strstr(e.text, faults[_i].of) != NULL, "%s", e.text);
	ck_assert_str_eq(shows(), "CN=b 1");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tls");
	TCase *t = tcase_create("tls");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, good);
	tcase_add_test(t, forms);
	tcase_add_loop_test(t, bad, 0, (int)ARRAY_LEN(faults));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
