/* tls: the certificate and key that HTTPS shows, from two files, exchanged while it serves.
 * The only room that knows GnuTLS, because libmicrohttpd speaks TLS with it.
 * Not here: connections and handshakes (libmicrohttpd does them), TLS of mail (lib/net).
 *
 * The library asks tls_certificate for every handshake and hands it no argument: there is one
 * certificate a process, the one that was loaded last. A handshake gets a copy of its own, so
 * one that is under way during a reload ends with what it began with. */
#ifndef PB_ADMIN_TLS_H
#define PB_ADMIN_TLS_H

#include <gnutls/abstract.h>

#include "lib/base/err.h"

/* TLS 1.2 and 1.3, forward secrecy, authenticated ciphers: what every client of the last ten
 * years can. A priority string of GnuTLS. */
extern const char tls_priorities[];

struct tls_files {
	const char *cert; /* PEM: our own certificate and those between it and the root's */
	const char *key;  /* PEM, not encrypted */
};
/* Reads both files and shows them from the next handshake on. On an error (a file cannot be
 * read, is no PEM, the key is another's) what was shown before stays. */
MUST_CHECK int tls_load(const struct tls_files *f, struct err *e);
/* Wall seconds since 1970 when the shown certificate ends; 0: none is shown. */
int64_t tls_expires(void);
/* Shows nothing any more. */
void tls_forget(void);

/* For MHD_OPTION_HTTPS_CERT_CALLBACK2. */
gnutls_certificate_retrieve_function3 tls_certificate;

#endif
