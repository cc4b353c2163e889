/* remarks: what is remarkable about an account before anything is blocked: a login from many networks
 * in a short time, a sudden change of how many it writes to. Told once an hour and account: to be
 * shown (shm/flags.h) and logged. Nobody is refused for it. */
#ifndef PB_GUARD_REMARKS_H
#define PB_GUARD_REMARKS_H

#include "lib/base/addr.h"
#include "shm/layout.h"

/* Distinct networks (/24, /64) of logins in an hour, above which a remark is made. A phone on a train
 * gets another network every few minutes, and home, office, notebook and a VPN come on top; one
 * every five minutes for a whole hour is nobody's way to work. Behind a NAT all are one. */
#define REMARK_NETWORKS 12
/* Recipients in an hour, below which no change is remarkable, and how many times its average. */
#define REMARK_RECIPIENTS 200
#define REMARK_TIMES 10

#define REMARK_TEXT 96
/* A login of this account succeeded from here. true: a remark stands in why. */
bool remark_login(struct shm *shm, struct str account, const struct ipaddr *client,
		  int64_t mono_ms, char why[REMARK_TEXT]);
/* May so many recipients in this hour be remarkable at all? Only then the average is looked up. */
bool remark_is_many(unsigned recipients);
/* The same, of recipients in this hour and the average (thousandths an hour; lib/guard/access.h). */
bool remark_sent(struct shm *shm, struct str account, unsigned recipients,
		 int64_t average, int64_t mono_ms, char why[REMARK_TEXT]);

#endif
