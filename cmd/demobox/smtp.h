/* smtp: the SMTP and LMTP sides of the box (RFC 5321, 2033): mail goes to maildirs as it
 * came, nothing added. Offers SIZE, 8BITMIME, PIPELINING, ENHANCEDSTATUSCODES.
 * Not here: what goes wrong on purpose (conn.h). */
#ifndef PB_DEMOBOX_SMTP_H
#define PB_DEMOBOX_SMTP_H

#include "cmd/demobox/conn.h"

extern const struct proto smtp_proto, lmtp_proto;

#endif
