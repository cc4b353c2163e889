/* head: the fields of a request's header. With server.c the only user of microhttpd.h. */
#ifndef PB_ADMIN_HEAD_H
#define PB_ADMIN_HEAD_H

#include <microhttpd.h>

#include "lib/base/str.h"

/* The value of a field, as it was sent; NULL: it was not. */
const char *head_value(struct MHD_Connection *mhd, const char *name);
/* The value of a cookie; NULL: there is none. */
const char *head_cookie(struct MHD_Connection *mhd, const char *name);
bool head_has(struct MHD_Connection *mhd, const char *name);
/* Bytes of body that it announces; 0: it does not. */
uint64_t head_length(struct MHD_Connection *mhd);
/* false: who passed it on, a proxy, may have seen another end of the request. It says more than
 * once how long the body is (RFC 9112, 6.3), or has a blank before a colon (5.1). */
bool head_is_clear(struct MHD_Connection *mhd);

#endif
