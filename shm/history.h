/* history: what went through the whole service, for graphs: rings, written by admin alone.
 *
 *   recent   every 5 seconds, 10 minutes back
 *   hour     every 30 seconds, an hour back
 *   day      every 5 minutes, 24 hours back
 *   week     every hour, seven days back
 *
 * A ring keeps totals and their time; what is handed out is what lies between two neighbours. So
 * a writer that died at any instruction lost at most the one it was at, and nothing is counted
 * twice. The totals of a dead worker stay in its slot, and with them the sums here.
 * Pure but for the region: time is an argument. */
#ifndef PB_SHM_HISTORY_H
#define PB_SHM_HISTORY_H

#include "shm/counters.h"

enum history_ring { HISTORY_RECENT, HISTORY_HOUR, HISTORY_DAY, HISTORY_WEEK, HISTORY_RINGS };

struct history_shape {
	const char *name; /* "recent", ... */
	int64_t interval_ms;
	unsigned samples; /* at most */
};
extern const struct history_shape history_shapes[HISTORY_RINGS];

/*  X(name, counter that is summed up over all clusters; CC_COUNT: all refusals, help) */
#define HISTORY_FIELDS(X) \
	X(sessions, CC_sessions, "client sessions at the end of the interval") \
	X(sessions_begun, CC_sessions_total, "client sessions that began in it") \
	X(mails, CC_mails, "mails answered positively in it") \
	X(recipients, CC_recipients, "recipients whose box accepted the mail in it") \
	X(logins, CC_logins, "successful POP3 logins in it") \
	X(refusals, CC_COUNT, "refusals of all causes in it") \
	X(bytes_in, CC_bytes_in, "bytes from clients in it") \
	X(bytes_out, CC_bytes_out, "bytes to clients in it")

#define HISTORY_ENUM(name, counter, help) HF_##name,
enum history_field { HISTORY_FIELDS(HISTORY_ENUM) HF_COUNT };
/* What XML and documentation walk. gauge: not a difference. */
extern const struct counter_info history_info[HF_COUNT];

struct history_sample {
	int64_t wall_ms; /* at its end */
	int64_t ms;	 /* its length; more than the interval when nobody sampled for a while */
	int64_t v[HF_COUNT];
};

/* admin, at every beat: writes into each ring whose interval has passed. */
void history_take(struct shm *shm, int64_t mono_ms, int64_t wall_ms);
/* How many samples history_each hands out now. */
unsigned history_count(const struct shm *shm, enum history_ring ring);
/* Oldest first. */
void history_each(const struct shm *shm, enum history_ring ring,
		  void (*fn)(void *arg, const struct history_sample *s), void *arg);

/* --- for region.h --- */
#define HISTORY_SAMPLES 288
#define HISTORY_ROOM (HISTORY_SAMPLES + 2) /* one before the first, one being written */

#endif
