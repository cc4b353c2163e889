/* store: the two LMDB environments. The only room that knows lmdb.h.
 * Open after fork, never before. accounts.mdb has one writer process (admin), traffic.mdb
 * one (replicator); every other process opens read-only and reads without ever waiting.
 *
 * In one write transaction: the row, its place in the by-sequence index, its stamp and dot,
 * the version vector's own entry and the clock mark.
 * Memory: what a read returns borrows the map until store_read_end. */
#ifndef PB_STORE_STORE_H
#define PB_STORE_STORE_H

#include "lib/store/tables.h"

struct store;
enum store_env { STORE_ACCOUNTS, STORE_TRAFFIC };
enum store_mode { STORE_READ, STORE_WRITE };
enum { STORE_NONE = 1 }; /* result of a look-up: there is no such row (not an error) */

/* Opens DIR/accounts.mdb or DIR/traffic.mdb. STORE_WRITE creates it (mode 0600), takes a
 * new incarnation and, when the boot id changed without a clean stop, a new store id.
 * A store of a newer format is refused in words. Owned; store_close(&s) ends it. */
MUST_CHECK int store_open(struct store **out, const char *dir, enum store_env env,
			  enum store_mode mode, struct err *e);
/* A writer leaves its clean stop mark. NULL-safe. */
void store_close(struct store **s);
/* After a child died: clears its reader slots, so that it pins no old pages. */
void store_reader_check(struct store *s);

/* --- a branch: a second handle on the same environment, for one thread that writes for long
 * while the main handle goes on reading. One branch at a time, taken and ended by the thread
 * of the main handle, used between by the other alone (and a write is begun and ended in one
 * thread: LMDB's lock is that thread's). Meanwhile the main handle neither writes nor is
 * closed: bug(). What it reads is the last set committed, the branch's included; its
 * store_info tells what the branch committed once that has ended. --- */
/* Owned by the main handle's thread; borrows s until store_branch_end. */
MUST_CHECK int store_branch(struct store *s, struct store **out, struct err *e);
/* When the other thread is done: takes over what it committed and frees it, a read under way
 * included; a write under way is a bug(). NULL-safe. */
void store_branch_end(struct store *s, struct store **branch);

/* --- reading (one reader a store handle; renews one transaction) --- */
MUST_CHECK int store_read_begin(struct store *s, struct err *e);
void store_read_end(struct store *s);
/* key as record_key makes it. 0, STORE_NONE (also for tombstones), or -1. Texts borrow. */
MUST_CHECK int store_get(struct store *s, const struct table *t, struct str key, void *rec,
			 struct row_meta *m, struct err *e);
/* Calls fn for each live row from the first key >= from, in key order, until fn returns
 * non-zero (which is then returned) or the table ends (0). -1: error. fn must not write. */
typedef int store_visit(void *arg, const void *rec, const struct row_meta *m);
MUST_CHECK int store_each(struct store *s, const struct table *t, struct str from,
			  store_visit *fn, void *arg, struct err *e);
/* Of a table with the flag mirrored: the live rows whose second key field is this, in the order of
 * the first. Otherwise as store_each. */
MUST_CHECK int store_mirror(struct store *s, const struct table *t, struct str second,
			    store_visit *fn, void *arg, struct err *e);
/* Live rows of a table: added up from counts of its parts, a thousandth of the rows. */
MUST_CHECK int store_count(struct store *s, const struct table *t, uint64_t *n, struct err *e);

struct store_query {
	struct str query;  /* part of the key, in any case; "abc*": the key's beginning; "": all */
	struct str boxid;  /* accounts: whose box it is; "": any */
	struct str after;  /* the page begins behind this key; "": at the start */
	uint64_t offset;   /* rows passed over, counted from there */
	unsigned limit;	   /* rows of the page; 0: just the total */
	bool boxless;	   /* accounts: those without a box; boxid is empty then */
};
/* Calls fn for each row of the page, in key order; one that returns non-zero ends the search
 * and is returned (total is then unfinished). total: all that match query and boxid, wherever
 * the page lies. Beginnings and boxids are counted from tallies; a part of the key takes one
 * walk over all keys. fn must not write. 0, fn's, or -1. */
MUST_CHECK int store_search(struct store *s, const struct table *t, const struct store_query *q,
			    store_visit *fn, void *arg, uint64_t *total, struct err *e);

/* --- writing (one transaction at a time; reads inside see it) --- */
MUST_CHECK int store_write_begin(struct store *s, int64_t wall_ms, struct err *e);
/* Adds or replaces. Where nothing differs from what is stored nothing is written (stamps
 * stay). Changed fields get new stamps, others keep theirs. */
MUST_CHECK int store_put(struct store *s, const struct table *t, const void *rec, struct err *e);
/* Leaves a tombstone in a replicated table, nothing in another. 0, STORE_NONE or -1. */
MUST_CHECK int store_delete(struct store *s, const struct table *t, struct str key, struct err *e);
/* Drops a row that expired, index entry included, without a tombstone: by time, every sister
 * does the same by herself. */
MUST_CHECK int store_expire(struct store *s, const struct table *t, struct str key, struct err *e);
/* accounts: durable on return. traffic: MDB_NOMETASYNC; store_sync makes it durable. */
MUST_CHECK int store_commit(struct store *s, struct err *e);
void store_abort(struct store *s);
MUST_CHECK int store_sync(struct store *s, struct err *e);
/* Tombstones older than age go, at most limit of them; returns how many, or -1. Looks at some
 * thousand rows and goes on there next time. (With sisters: only what all of them cover.) */
MUST_CHECK int store_collect(struct store *s, int64_t wall_ms, int64_t age_ms, int limit,
			     struct err *e);

/* By-sequence index: calls fn for each entry with local seq > after, in order. */
typedef int store_seq_visit(void *arg, uint64_t seq, const struct table *t, struct str key,
			    const struct row_meta *m);
MUST_CHECK int store_since(struct store *s, uint64_t after, store_seq_visit *fn, void *arg,
			   struct err *e);

struct store_info {
	struct origin origin;
	uint64_t store_id, last_seq, last_dot, clock_mark;
	uint64_t collected; /* store_since is silent about deletions up to here */
	uint64_t pages_used, page_size, map_size;
};
void store_info(struct store *s, struct store_info *out);

/* --- shorthand --- */
/* Address in any case; 0, STORE_NONE or -1; texts borrow. */
MUST_CHECK int store_account(struct store *s, struct str address, struct account *out, struct err *e);
MUST_CHECK int store_alias(struct store *s, struct str address, struct alias *out, struct err *e);

/* Has any live account or alias this domain (lower case)? 0, STORE_NONE or -1. Kept as a
 * count beside the rows, so that no scan is needed. */
MUST_CHECK int store_domain(struct store *s, struct str domain, struct err *e);

/* --- delivered ledger --- */
/* pair of (sender, recipient), see LEDGER_FIELDS; 33 bytes with NUL. */
void ledger_pair(struct str sender, struct str recipient, char out[33]);
/* Journal payload of a row (JOURNAL_LEDGER) and back. */
MUST_CHECK int ledger_encode(const struct ledger *l, struct buf *out);
MUST_CHECK int ledger_decode(struct str in, struct ledger *out);

#endif
