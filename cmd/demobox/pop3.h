/* pop3: the POP3 side of the box (RFC 1939, 2449, 6856) over the same maildirs.
 * A mail that was retrieved moves from new to cur at QUIT, a deleted one goes.
 * Not here: APOP, AUTH, TLS; what goes wrong on purpose (conn.h). */
#ifndef PB_DEMOBOX_POP3_H
#define PB_DEMOBOX_POP3_H

#include "cmd/demobox/conn.h"

extern const struct proto pop3_proto;

#endif
