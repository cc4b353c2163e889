/* quota: how many distinct values a subject has used in a window of time, or how often it has done
 * something, counted exactly over all processes (sender addresses and mails of a client, for two).
 * A fixed table of atomics, one word an entry, so that it is whole at any moment, whoever is
 * killed. Exact while the entries are resident: a subject's have room for four times most, and
 * where a line is full its oldest goes, which makes the count too low. It is too high only where two
 * subjects share a number and a line: of two whose lines meet, once in 2^24 (sums: 2^32), by a
 * key that is another one at each start.
 * Time is an argument. */
#ifndef PB_SHM_QUOTA_H
#define PB_SHM_QUOTA_H

#include "shm/layout.h"

enum quota_kind {
	QUOTA_STRANGERS = 1, /* sender addresses without an account, of a client */
	QUOTA_SENDERS,	     /* sender addresses of a relay client or account */
	QUOTA_DOMAINS,	     /* their domains */
	QUOTA_MAILS,	     /* sums: its MAIL commands */
	QUOTA_EXCEEDED,	     /* answers that it named too many recipients */
	QUOTA_GUESSES,	     /* failed logins of the whole site */
	QUOTA_NETWORKS,	     /* distinct: networks that an account logs in from */
	QUOTA_RECIPIENTS,    /* sums: recipients that an account has written to */
	QUOTA_LOGIN_NOTED,   /* has it been said in this hour? (lib/guard/access.h, remarks.h) */
	QUOTA_FAILURE_NOTED,
	QUOTA_REMARKED_LOGIN,
	QUOTA_REMARKED_SENT,
};

/* Notes that the subject has used this value, and tells how many it has in the window that now_ms
 * (monotonic) lies in, this one included. subject, value: keyed 64-bit hashes. Windows of one
 * length begin together, at multiples of window_ms; of 0 none holds more than one value.
 * most: beyond how many nobody needs to know, 1 to 100,000 for one to be told exactly; counts of
 * one subject with different values of it are apart. */
unsigned quota_distinct(struct shm *shm, enum quota_kind kind, uint64_t subject, uint64_t value,
			unsigned most, int64_t window_ms, int64_t now_ms);
/* The same of values noted already, without noting one. */
unsigned quota_standing(struct shm *shm, enum quota_kind kind, uint64_t subject, unsigned most,
			int64_t window_ms, int64_t now_ms);

#define QUOTA_SUM_MOST 1048575 /* a sum stays there */
/* Adds n to the subject's sum of this window, and tells it. One word, so whoever is killed has added
 * all of n or nothing. In a window of 0 nothing stays: n itself. Exact while no more than QUOTA_WAYS
 * subjects of a line are counted at once; beyond that the one used least lately begins anew. */
unsigned quota_add(struct shm *shm, enum quota_kind kind, uint64_t subject, unsigned n,
		   int64_t window_ms, int64_t now_ms);
/* The sum as it stands. */
unsigned quota_sum(struct shm *shm, enum quota_kind kind, uint64_t subject, int64_t window_ms,
		   int64_t now_ms);

/* The subject has used nothing yet, whatever most and window (nor have those, one in 16384, that
 * share its number). */
void quota_forget(struct shm *shm, enum quota_kind kind, uint64_t subject);

#endif
