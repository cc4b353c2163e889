/* change: one change of accounts.mdb: its transaction, and who made it.
 * The audit row (table_audit) is written in the transaction of the change itself, so that none
 * is without its row; the oldest rows go at LIMIT_AUDIT_ROWS. Of secrets only the tag is noted.
 * Private to admin/. All functions: 0, or -1 after call_fail. */
#ifndef PB_ADMIN_CHANGE_H
#define PB_ADMIN_CHANGE_H

#include "admin/command.h"

MUST_CHECK int change_begin(struct call *c);
/* what: in words; empty: the parameters that the call names. Durable on return; on failure
 * nothing was changed. */
MUST_CHECK int change_commit(struct call *c, struct str what);
void change_abort(struct call *c);
/* What the call names, in one line: "email_address=a@b.cc user_password=... boxid=MAIL1"; " ..." where
 * there was more. No secrets. In the call's arena. */
struct str change_named(struct call *c);
/* The audit row alone, for what was changed elsewhere. */
MUST_CHECK int change_note(struct call *c);
/* Something of our surroundings failed: 503 and a warning in the log. Returns -1. */
int change_unavailable(struct call *c, const struct err *e);

/* Key of the audit row of that number (1 to AUDIT_LAST): the newest comes first. */
#define AUDIT_KEY 16
#define AUDIT_LAST UINT64_C(9999999999999999) /* as many digits */
void audit_key(uint64_t number, char key[AUDIT_KEY + 1]);
uint64_t audit_number(struct str key); /* 0: no such key */

#endif
