#include "admin/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/limits.h"

const char tls_priorities[] = "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:"
			      "-AES-128-CBC:-AES-256-CBC:-SHA1:%SERVER_PRECEDENCE";

struct identity {
	gnutls_x509_crt_t *chain; /* of GnuTLS's allocation */
	unsigned n;
	gnutls_x509_privkey_t key;
};
static struct identity shown; /* see tls.h */

static void identity_free(struct identity *id)
{
	for (unsigned i = 0; i < id->n; i++)
		gnutls_x509_crt_deinit(id->chain[i]);
	gnutls_free(id->chain);
	if (id->key)
		gnutls_x509_privkey_deinit(id->key);
	*id = (struct identity){ 0 };
}

/* --- files --- */

struct pem {
	size_t n;
	char text[LIMIT_PEM_FILE];
};

static int read_all(int fd, const char *path, struct pem *p, struct err *e)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return err_errno(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, "%s: not a file", path);
	while ((n = read(fd, p->text + p->n, sizeof(p->text) - p->n)) > 0)
		p->n += (size_t)n;
	if (n < 0)
		return err_errno(e, "%s", path);
	return p->n < sizeof(p->text) ? 0 : err_set(e, "%s: too long", path);
}

static int read_file(const char *path, struct pem *p, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

	p->n = 0;
	if (fd < 0)
		return err_errno(e, "%s", path);
	rc = read_all(fd, path, p, e);
	close(fd);
	return rc;
}

static gnutls_datum_t datum_of(struct pem *p)
{
	return (gnutls_datum_t){ (unsigned char *)p->text, (unsigned)p->n };
}

static int read_chain(struct identity *id, const char *path, struct pem *p, struct err *e)
{
	gnutls_datum_t pem;
	int rc;

	if (read_file(path, p, e) < 0)
		return -1;
	pem = datum_of(p);
	rc = gnutls_x509_crt_list_import2(&id->chain, &id->n, &pem, GNUTLS_X509_FMT_PEM,
					  GNUTLS_X509_CRT_LIST_SORT);
	if (rc < 0)
		return err_set(e, "%s: no certificates in PEM form: %s", path, gnutls_strerror(rc));
	return 0;
}

static int read_key(struct identity *id, const char *path, struct pem *p, struct err *e)
{
	gnutls_datum_t pem;
	int rc;

	if (read_file(path, p, e) < 0)
		return -1;
	pem = datum_of(p);
	rc = gnutls_x509_privkey_init(&id->key);
	if (rc == 0)
		rc = gnutls_x509_privkey_import2(id->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (rc == GNUTLS_E_DECRYPTION_FAILED)
		return err_set(e, "%s: the key is encrypted; nobody could give its password", path);
	if (rc < 0)
		return err_set(e, "%s: no private key in PEM form: %s", path, gnutls_strerror(rc));
	return 0;
}

/* Two ids of the same public key? */
static bool belong_together(const struct identity *id)
{
	unsigned char a[64], b[64];
	size_t n_a = sizeof(a), n_b = sizeof(b);

	return gnutls_x509_crt_get_key_id(id->chain[0], 0, a, &n_a) == 0 &&
	       gnutls_x509_privkey_get_key_id(id->key, 0, b, &n_b) == 0 && n_a == n_b &&
	       memcmp(a, b, n_a) == 0;
}

static int identity_read(struct identity *id, const struct tls_files *f, struct err *e)
{
	struct pem *p = mem_zalloc(sizeof(*p));
	int rc = -1;

	if (read_chain(id, f->cert, p, e) < 0 || read_key(id, f->key, p, e) < 0)
		goto out;
	if (belong_together(id))
		rc = 0;
	else
		err_set(e, "%s is not the key of the certificate in %s", f->key, f->cert);
out:
	explicit_bzero(p, sizeof(*p));
	free(p);
	return rc;
}

int tls_load(const struct tls_files *f, struct err *e)
{
	struct identity id = { 0 };

	if (identity_read(&id, f, e) < 0) {
		identity_free(&id);
		return -1;
	}
	identity_free(&shown);
	shown = id;
	return 0;
}

int64_t tls_expires(void)
{
	return shown.n ? gnutls_x509_crt_get_expiration_time(shown.chain[0]) : 0;
}

void tls_forget(void)
{
	identity_free(&shown);
}

/* --- a handshake --- */

static int copy_chain(gnutls_pcert_st **out, unsigned *n)
{
	gnutls_pcert_st *v = gnutls_calloc(shown.n, sizeof(*v));
	int rc = v ? 0 : GNUTLS_E_MEMORY_ERROR;
	unsigned done = 0;

	while (rc == 0 && done < shown.n) {
		rc = gnutls_pcert_import_x509(&v[done], shown.chain[done], 0);
		done += rc == 0;
	}
	*out = v;
	*n = done;
	return rc;
}

static int copy_key(gnutls_privkey_t *out)
{
	int rc = gnutls_privkey_init(out);

	if (rc < 0) {
		*out = NULL;
		return rc;
	}
	return gnutls_privkey_import_x509(*out, shown.key, GNUTLS_PRIVKEY_IMPORT_COPY);
}

/* 0, or -1, which ends the handshake. What is handed out is GnuTLS's to free. */
int tls_certificate(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
		    gnutls_pcert_st **certs, unsigned *n, gnutls_ocsp_data_st **ocsp,
		    unsigned *n_ocsp, gnutls_privkey_t *key, unsigned *flags)
{
	gnutls_privkey_t k = NULL;
	gnutls_pcert_st *v = NULL;
	unsigned n_v = 0;

	(void)session;
	(void)info;
	*ocsp = NULL;
	*n_ocsp = 0;
	if (shown.n && copy_chain(&v, &n_v) == 0 && copy_key(&k) == 0) {
		*certs = v;
		*n = n_v;
		*key = k;
		*flags = GNUTLS_CERT_RETR_DEINIT_ALL;
		return 0;
	}
	for (unsigned i = 0; i < n_v; i++)
		gnutls_pcert_deinit(&v[i]);
	gnutls_free(v);
	if (k)
		gnutls_privkey_deinit(k);
	return -1;
}
