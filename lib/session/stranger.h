/* stranger: what the guard makes of a recipient that a stranger asks for (mail_policy.h says who is
 * one): it passes, is put off, or refused; and what is learned of it goes to the replicator.
 * Not here: the judgement (lib/guard/gate.h). */
#ifndef PB_SESSION_STRANGER_H
#define PB_SESSION_STRANGER_H

#include "lib/session/transaction.h"

/* Is the client of s one, as far as its address tells? Relay clients, boxes, spam_whitelist_ranges and
 * proxies (behind those are many) are none. Who logs in later is none any more. */
bool stranger_by_address(const struct session *s);
/* NULL: it may. Else why not, in the transaction's arena. list: what the address led to. */
const struct policy_refusal *stranger_rcpt(struct transaction *tx, struct str recipient,
					   const struct route_list *list);
/* A stranger has asked for an address of ours that there is not. */
void stranger_missed(struct transaction *tx);

#endif
