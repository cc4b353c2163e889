/* web: the pages of the console, as they stood in admin/web when this was built (packaging/embed): one program,
 * and no file of the machine is ever served.
 * Pure. Not here: HTTP (server.h). */
#ifndef PB_ADMIN_WEB_H
#define PB_ADMIN_WEB_H

#include "lib/base/str.h"

struct web_file {
	const char *path; /* "/style.css" */
	const char *etag; /* of its content, with its quotes (RFC 9110, 8.8.3) */
	const unsigned char *content;
	size_t n;
};

/* Written by packaging/embed; by rising path. */
extern const struct web_file web_files[];
extern const size_t n_web_files;

/* "/" is the first page. NULL: there is no such file. */
const struct web_file *web_find(struct str path);
/* Its media type. */
const char *web_type(const struct web_file *f);
/* Does the client have it already? If-None-Match as it was sent; NULL: it was not. */
bool web_is_known(const struct web_file *f, const char *if_none_match);

/* What a browser may do with a page: nothing but what is ours, no script or style within a page. */
#define WEB_POLICY \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " \
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

#endif
