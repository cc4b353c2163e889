/* boxes: what is known of each box's health, shared by all workers.
 * admin gives each (cluster, box) an index; workers find it by name when they build their
 * topology. Lights are configuration (the store), not here. */
#ifndef PB_SHM_BOXES_H
#define PB_SHM_BOXES_H

#include "lib/base/str.h"
#include "shm/layout.h"

/* admin: the index of this box, made when new; -1 when MAX_BOXES are in use. */
int boxes_assign(struct shm *shm, struct str cluster, struct str box);
/* admin: forgets it; its health starts afresh. The index is not reused until the region ends
 * or all MAX_BOXES have been used, so that late counts hit nobody else. */
void boxes_forget(struct shm *shm, struct str cluster, struct str box);
/* Any: the index, or -1. */
int boxes_find(const struct shm *shm, struct str cluster, struct str box);
/* The names behind an index below MAX_BOXES; false when it is not in use. Borrowed from the
 * region: good until admin forgets the box. */
bool boxes_name(const struct shm *shm, int box, struct str *cluster, struct str *name);

/* A box that fails is passed over for a growing, bounded time (BOX_PASSOVER_*). */
void boxes_failed(struct shm *shm, int box, int64_t mono_ms, const char *why);
void boxes_worked(struct shm *shm, int box);
/* true: fit to be tried now; for choosing, it may be asked any number of times. */
bool boxes_fit(const struct shm *shm, int box, int64_t mono_ms);
/* The same for whoever is about to connect. When the pass-over has ended, one caller at a time
 * gets true (a probe by the next real session); success or failure decides for the rest, who
 * find the box not fit until then. */
bool boxes_usable(struct shm *shm, int box, int64_t mono_ms);

/* Whoever tried it has gone away before the box could show that it is well: another may try. */
void boxes_given_up(struct shm *shm, int box);

struct box_health {
	uint32_t failures;	/* in a row */
	int64_t passed_over_ms; /* left of the pass-over; 0: usable */
	char why[64];		/* last failure, "" */
};
struct box_health boxes_health(const struct shm *shm, int box, int64_t mono_ms);

/* --- what the prober found when it looked last; nobody else writes it --- */
enum box_verdict {
	BOX_UNSEEN, /* not looked at yet */
	BOX_WELL,
	BOX_LOGIN,  /* it answers, and refuses the login of the check */
	BOX_REFUSES, /* it answers, but does not let us in: busy, or no server of its protocol */
	BOX_ILL,    /* no connection, or no answer in time */
	BOX_VERDICTS,
};
#define BOX_CHECK_TEXT 128
struct box_check {
	enum box_verdict verdict;
	int64_t mono_ms; /* when */
	int64_t took_us; /* from connect to the last answer */
	char text[BOX_CHECK_TEXT]; /* what is wrong; where it is well, what it offers */
};
void boxes_checked(struct shm *shm, int box, const struct box_check *c);
struct box_check boxes_check(const struct shm *shm, int box);
/* "none", "well", "login", "refuses", "ill" */
const char *box_verdict_name(enum box_verdict v);

/* What the box offered at its last EHLO (OFFER_* of lib/wire/reply.h), its SIZE; 0 before. */
void boxes_offer(struct shm *shm, int box, uint32_t offer, uint64_t size);
void boxes_get_offer(const struct shm *shm, int box, uint32_t *offer, uint64_t *size);

#endif
