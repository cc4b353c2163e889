/* counters: what every worker counts, per cluster and per box.
 * Each worker writes its own copy only; readers add up. Gauges of a dead worker are zeroed by
 * slot_reap, totals stay, so no count is ever wrong after a kill.
 * One list: stats (XML), metrics and the console walk counter_info[]. */
#ifndef PB_SHM_COUNTERS_H
#define PB_SHM_COUNTERS_H

#include "shm/layout.h"

/*  X(name, gauge, help) */
#define CLUSTER_COUNTERS(X) \
	X(sessions, 1, "client sessions now") \
	X(sessions_total, 0, "client sessions since start") \
	X(mails, 0, "mails answered positively") \
	X(recipients, 0, "recipients whose box accepted the mail") \
	X(logins, 0, "successful logins") \
	X(bytes_in, 0, "bytes from clients") \
	X(bytes_out, 0, "bytes to clients") \
	X(refused_connections, 0, "connections refused at accept: block_ranges, max_connections, no TLS") \
	X(refused_client_rate, 0, "connections refused: max_client_connections of one client") \
	X(refused_client_sessions, 0, "connections refused: max_client_concurrent of one client") \
	X(refused_syntax, 0, "commands refused for their form or order") \
	X(refused_sender, 0, "reverse-paths refused") \
	X(refused_blocked, 0, "mails refused: client or account on the blocked list") \
	X(refused_unknown, 0, "recipients refused: no such mailbox") \
	X(refused_relay, 0, "recipients refused: relaying denied") \
	X(refused_greylist, 0, "recipients put off by greylisting") \
	X(refused_suspicion, 0, "recipients refused: their client's network is under suspicion") \
	X(refused_early, 0, "recipients refused: their client talked before its turn") \
	X(refused_listed, 0, "recipients refused: a DNS list has their client's address") \
	X(refused_foreign, 0, "sessions ended: the client spoke HTTP, TLS or SSH") \
	X(refused_temporary, 0, "recipients, logins, TCP sessions put off: no usable box or account") \
	X(refused_box, 0, "recipients refused by their box") \
	X(refused_data, 0, "mails refused: size, newlines, NUL, loop, broken off") \
	X(refused_limit, 0, "refused: too many recipients, legs or errors") \
	X(refused_login, 0, "failed logins") \
	X(mails_mixed, 0, "mails that some boxes took and some did not") \
	X(spared, 0, "deliveries not repeated thanks to the ledger") \
	X(passed_retry, 0, "recipients that passed greylisting with a retry") \
	X(passed_known, 0, "recipients that passed it by a permanent record or a correspondent") \
	X(passed_trust, 0, "recipients that passed it by trust in their network") \
	X(held_back, 0, "answers to strangers held back: error_sleep_s") \
	X(flagged, 0, "accounts found remarkable: logins from many networks, sudden growth of mail") \
	X(timeouts, 0, "sessions ended by a time-out")

#define BOX_COUNTERS(X) \
	X(sessions, 1, "connections now") \
	X(idle, 1, "connections waiting in leg pools now") \
	X(sessions_total, 0, "connections since start") \
	X(reused, 0, "transactions over a pooled connection") \
	X(mails, 0, "mails accepted") \
	X(refused, 0, "recipients or mails refused") \
	X(logins, 0, "logins") \
	X(failures, 0, "connects or dialogues that failed") \
	X(bytes, 0, "bytes of mail or of plain TCP sessions sent")

#define COUNTER_ENUM_CLUSTER(name, gauge, help) CC_##name,
#define COUNTER_ENUM_BOX(name, gauge, help) BC_##name,
enum cluster_counter { CLUSTER_COUNTERS(COUNTER_ENUM_CLUSTER) CC_COUNT };
enum box_counter { BOX_COUNTERS(COUNTER_ENUM_BOX) BC_COUNT };

struct counter_info {
	const char *name, *help;
	bool gauge;
};
extern const struct counter_info cluster_counter_info[CC_COUNT];
extern const struct counter_info box_counter_info[BC_COUNT];
/* What a counter of refusals counts ("syntax" of refused_syntax); NULL: it counts no refusals. */
const char *counter_cause(const struct counter_info *c);

/* Latency of a box's answers: bucket i counts answers below 1 << i milliseconds; the last, the rest. */
#define LATENCY_BUCKETS 16

/* The index of a cluster by name, made when new (admin) or found (-1 when absent). */
int clusters_assign(struct shm *shm, struct str cluster);
void clusters_forget(struct shm *shm, struct str cluster);
int clusters_find(const struct shm *shm, struct str cluster);
/* The name behind an index below MAX_CLUSTERS, as boxes_name. */
bool clusters_name(const struct shm *shm, int cluster, struct str *name);

/* Worker, own slot. delta may be negative for gauges. index -1 is ignored. */
void count_cluster(struct shm *shm, unsigned slot, int cluster, enum cluster_counter c, int64_t delta);
void count_box(struct shm *shm, unsigned slot, int box, enum box_counter c, int64_t delta);
void count_latency(struct shm *shm, unsigned slot, int box, int64_t ms);

/* Readers: one worker's, or the sum over all (slot = -1). */
int64_t counter_cluster(const struct shm *shm, int slot, int cluster, enum cluster_counter c);
int64_t counter_box(const struct shm *shm, int slot, int box, enum box_counter c);
void counter_latency(const struct shm *shm, int slot, int box, uint64_t out[LATENCY_BUCKETS]);
/* Milliseconds of all answers together. */
int64_t counter_latency_sum(const struct shm *shm, int slot, int box);

/* Takes one place of at most max (0: no limit) over all workers: adds to the own gauge first,
 * then sums, and takes it back when the sum passes max, so two workers never both get the last. */
bool take_cluster_session(struct shm *shm, unsigned slot, int cluster, uint64_t max);
bool take_box_session(struct shm *shm, unsigned slot, int box, uint64_t max);

/* A number of this cluster that no other session of any worker gets: 0, 1, 2, ... */
uint64_t take_cluster_turn(struct shm *shm, int cluster);

/* All client sessions of one worker now, and the most that a worker of fair share holds:
 * for listen.h's sated(). */
int64_t worker_sessions(const struct shm *shm, unsigned slot);
bool worker_over_share(const struct shm *shm, unsigned slot);

#endif
