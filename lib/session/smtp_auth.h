/* smtp_auth: AUTH of SMTP (RFC 4954): the client's proof (login.h), then, for an account without
 * a stored password, its box's word (smtp_login.h).
 *
 *   HELO --AUTH--> AUTH (its next line) <--> CHECK (login, box) --235, 535, 454--> HELO
 *
 * Part of smtp_server.h. Who has logged in may send to foreign addresses (mail_policy.h). */
#ifndef PB_SESSION_SMTP_AUTH_H
#define PB_SESSION_SMTP_AUTH_H

#include "lib/session/smtp_server.h"

extern const struct login_events smtp_login_events;
/* AUTH mechanism [initial-response]. */
void smtp_auth(struct smtp_session *c, struct str args);
/* A line of the client within AUTH. */
void smtp_auth_line(struct smtp_session *c, struct str line);

#endif
