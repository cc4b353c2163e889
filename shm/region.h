/* region: the layout itself; only the files of shm/ include it. See layout.h. */
#ifndef PB_SHM_REGION_H
#define PB_SHM_REGION_H

#include <stdatomic.h>
#include <stdint.h>

#include "shm/boxes.h"
#include "shm/counters.h"
#include "shm/flags.h"
#include "shm/history.h"
#include "shm/layout.h"
#include "shm/listeners.h"
#include "shm/sessions.h"

#define SHM_MAGIC 0x7062736861726564u /* "pbshared" */
#define SHM_VERSION 6
#define SHM_PAGE 4096 /* what is given back to the system begins at one */

typedef _Atomic uint32_t au32;
typedef _Atomic uint64_t au64;
typedef _Atomic int64_t ai64;

/* Writer: the process that lives here; the supervisor when it is dead. */
struct shm_slot {
	_Alignas(64) _Atomic int32_t pid;
	au32 role, generation, restarts;
	ai64 started, beat;
	int32_t bell; /* descriptor, the same number in every process */
};

/* Writer: admin. A sequence lock: odd while it is being written. */
struct shm_listeners {
	au32 seq;
	uint32_t n;
	struct listener v[MAX_LISTENERS];
	au32 answered; /* supervisor: the seq it has acted on; error is filled before */
	char error[256];
	au32 open[MAX_CLUSTERS]; /* supervisor: by the index of counters.h */
};

/* name: admin writes it, then state (release). */
enum { NAME_FREE, NAME_USED, NAME_FORGOTTEN };
struct shm_name {
	au32 state;
	char cluster[LIMIT_NAME + 1], box[LIMIT_NAME + 1];
};

/* Health of a box: atomics, any worker. Texts are for people only: a torn one is harmless. */
struct shm_box {
	_Alignas(64) au64 state; /* failures in a row in the upper 16 bits, the end of the
				  * pass-over (mono ms) below; one word, so that they agree */
	ai64 probing;		 /* until then another session tries it */
	au32 offer;
	au64 size;
	char why[64];
	au32 verdict;		 /* writer of the rest: the prober */
	ai64 checked, took_us;
	char check[BOX_CHECK_TEXT];
};

/* Writer: the worker of the slot; the supervisor when it is dead. */
struct shm_counts {
	_Alignas(64) ai64 cluster[MAX_CLUSTERS][CC_COUNT];
	ai64 box[MAX_BOXES][BC_COUNT];
	au64 latency[MAX_BOXES][LATENCY_BUCKETS];
	ai64 latency_sum[MAX_BOXES]; /* ms */
	ai64 sessions; /* sum of the clusters' */
};

/* Writer: the worker of the slot; the supervisor when it is dead. */
struct shm_row {
	au32 seq;	 /* odd: in use and whole; even: free, or being changed */
	uint32_t before; /* free: the row that was given back before this one, plus one */
	struct session_row row;
};
struct shm_rows {
	au32 touched;	/* rows from here on were never used */
	uint32_t given; /* the row given back last, plus one; 0: none */
	struct shm_row v[SESSION_ROWS];
};

struct shm_ring {
	_Alignas(64) au64 head;	  /* writer */
	_Alignas(64) au64 tail;	  /* replicator */
	_Alignas(64) au64 durable; /* replicator */
	au64 dropped;		  /* writer */
	_Alignas(64) uint8_t bytes[JOURNAL_RING];
};

/* Writer: admin. Entry i stands at i % HISTORY_ROOM; one is filled before count takes it in.
 * Totals, never differences: one that was not written leaves a longer interval, no hole. */
struct shm_totals {
	int64_t mono, wall, v[HF_COUNT];
};
struct shm_history {
	au64 count;
	struct shm_totals v[HISTORY_ROOM];
};

/* Writer: the worker of the slot. */
#define FLAGS_KEPT 16
struct shm_flag {
	au32 seq;
	struct flag flag;
};
struct shm_flags {
	_Alignas(64) au32 next;
	struct shm_flag v[FLAGS_KEPT];
};

/* The dictionary's: words of eight entries, each kind in a cache line of its own. */
#define DICTIONARY_WAYS 8
#define DICTIONARY_BUCKETS_PER_MB 8192
struct shm_bucket {
	_Alignas(64) au64 who[DICTIONARY_WAYS]; /* dictionary.c has the form of an entry */
	au64 count[DICTIONARY_WAYS];
};

#define QUOTA_FORGOTTEN 16384
#define PENALTY_BUCKETS 16384
#define PENALTY_WAYS 4
#define AFFINITY_BUCKETS 65536 /* clients of all plain TCP clusters: 262,144, in 2 MiB */
#define AFFINITY_WAYS 4
struct shm {
	uint64_t magic;
	uint32_t version, workers;
	uint64_t size;
	int64_t started;
	uint8_t secret[16];
	au32 generation;
	struct shm_listeners listeners;
	struct shm_slot slots[MAX_SLOTS];
	struct shm_name clusters[MAX_CLUSTERS];
	struct shm_name box_names[MAX_BOXES];
	struct shm_box boxes[MAX_BOXES];
	au64 penalty[PENALTY_BUCKETS][PENALTY_WAYS]; /* penalty.c has the form of an entry */
	au64 quota[QUOTA_LINES][QUOTA_WAYS];	     /* quota.c has the form of an entry */
	au64 sums[SUM_LINES][QUOTA_WAYS];	     /* quota.c has the form of these, too */
	au64 quota_forgotten[QUOTA_FORGOTTEN];	     /* how often, by subject */
	au64 claims[CLAIM_PLACES];		     /* claims.c */
	au64 affinity[AFFINITY_BUCKETS][AFFINITY_WAYS]; /* affinity.c has that of these */
	au64 turns[MAX_CLUSTERS]; /* round robin: sessions that have asked for their turn */
	struct shm_history history[HISTORY_RINGS];
	struct shm_counts counts[MAX_WORKERS];
	struct shm_ring rings[MAX_SLOTS];
	struct shm_rows rows[MAX_WORKERS];
	struct shm_flags flags[MAX_WORKERS];
	au64 clients[MAX_WORKERS][CLIENT_PLACES]; /* clients.c has the form of these */
	au32 dictionary_mb;	  /* of it in use; writer: admin */
	uint32_t dictionary_most; /* megabytes that follow */
	_Alignas(SHM_PAGE) struct shm_bucket dictionary[];
};

_Static_assert(sizeof(au64) == 8 && sizeof(au32) == 4, "atomics are plain words");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "and never a lock");
_Static_assert(JOURNAL_RING % 8 == 0, "entries are padded to 8");
_Static_assert((int)SLOT_SUPERVISOR == MAX_SLOTS - 1, "each process has its slot");

/* The index of a name, or -1. */
int name_find(const struct shm_name *v, int n, struct str cluster, struct str box);
/* The same, taking a free row for a new name. admin only. */
int name_assign(struct shm_name *v, int n, struct str cluster, struct str box);
void name_forget(struct shm_name *v, int n, struct str cluster, struct str box);

#endif
