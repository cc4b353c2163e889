/* store_inner: what the files of the store share; nobody else includes it. */
#ifndef PB_STORE_STORE_INNER_H
#define PB_STORE_STORE_INNER_H

#include <lmdb.h>

#include "lib/store/store.h"

#define TABLE_IDS 32	 /* ids of an environment's tables are below this */
#define RECORD_MAX 2048	 /* bytes of the largest C struct of a table */
#define ROW_BYTES (512u << 10) /* no row is larger: a cluster's lists take 264 KiB */
#define STORE_FORMAT 3	 /* of the environment as a whole; 2: keyless rows; 3: compact tables */
#define TALLY_NAME_MAX 63 /* bytes of a boxid that are told apart */
#define TALLY_VALUE_MAX (256u << 10) /* a part of 2048 rows, each with a boxid of its own */

enum inner_db { DB_SEQ, DB_VV, DB_CUR, DB_ORIGINS, DB_META, DB_DOMAINS, DB_TALLY, DB_MIRROR,
		DB_COMPACT, DB_COUNT };

/* Numbers that live in the database and change with a commit. */
struct marks {
	uint64_t seq, dot, clock;
	uint64_t collected; /* sequence of the last tombstone of those that went */
};

struct store {
	char path[4000];
	enum store_env kind;
	enum store_mode mode;
	const struct table *const *tables;
	MDB_env *env;
	MDB_txn *rd, *wr;
	bool reading;		/* rd is under way, not just kept */
	bool branched;		/* a branch is out, which alone may write */
	MDB_dbi table_db[TABLE_IDS];
	MDB_dbi db[DB_COUNT];
	const struct field *box_field[TABLE_IDS]; /* "boxid" of rows that have one */
	struct tally *tally;	/* of a writer */
	bool tallied_apart[TABLE_IDS]; /* tables that are being written anew */
	void *map;		       /* where LMDB has the file; NULL: not known */
	size_t map_size;
	unsigned changes;	/* rows that were written */
	int lock_fd;		/* of the one writer; -1 */
	struct origin origin;
	uint32_t origin_index;
	uint64_t store_id;
	struct marks now, committed;
	int64_t wall;		/* of the open write transaction */
	uint64_t collect_from;	/* where store_collect goes on */
};

/* A record of any table. */
union any_record {
	char bytes[RECORD_MAX];
	_Alignas(max_align_t) struct account account;
};

/* A row as it stands before a change. */
struct old_row {
	bool exists, live; /* a tombstone exists */
	struct row_meta meta;
	union any_record rec; /* texts borrow the bytes it was taken from */
};

int store_error(struct store *s, int rc, const char *what, struct err *e);
int row_damaged(struct store *s, const struct table *t, struct err *e);
/* -1: the table is not one of this store. */
int table_check(struct store *s, const struct table *t, struct err *e);
/* Makes the reader's transaction, at rest. */
int store_open_reader(struct store *s, struct err *e);
/* The transaction that reads go through now. */
MDB_txn *store_txn(struct store *s);
void u64_key(uint64_t v, char out[8]);
uint64_t key_u64(const MDB_val *v);
int meta_get(struct store *s, MDB_txn *txn, const char *name, uint64_t *out);
int meta_put(struct store *s, MDB_txn *txn, const char *name, uint64_t v);
/* 0, or -1: damaged. */
int old_row_take(const struct table *t, struct str key, struct str bytes, struct old_row *o);
void old_row_none(struct old_row *o);
bool old_row_same(const struct table *t, const struct old_row *o, const void *rec);
/* Within a write, all of a change but its putting: the bytes that row key is to have (rec NULL:
 * its tombstone's) into out, its stamps, its entry in the index, what is counted. For a row that
 * differs. Returns LMDB's codes. */
int row_change(struct store *s, const struct table *t, struct str key, const struct old_row *o,
	       const void *rec, struct buf *out);
/* The entry of a row in the by-sequence index. Return LMDB's codes. */
int seq_drop(struct store *s, const struct table *t, uint64_t seq);
int seq_add(struct store *s, const struct table *t, struct str row_key, uint64_t seq);
/* A live row came (was NULL), went (is NULL), or changed. Keeps what is counted. */
int live_row(struct store *s, const struct table *t, struct str key, const void *was,
	     const void *is);

/* --- store_compact.c: the same for rows of compact tables. Return LMDB's codes. --- */
int compact_drop(struct store *s, uint64_t seq);
int compact_add(struct store *s, const struct table *t, struct str row_key, uint64_t seq);
struct compact_walk {
	MDB_cursor *cur; /* NULL: ended */
	struct str rest; /* of the bucket, entries from this one on */
	uint64_t first;  /* of its sequences */
	/* The entry that the walk stands at. */
	uint64_t seq;
	unsigned table; /* its id modulo 8 */
	struct str key;
};
/* To the first entry with a sequence from here on: 0, MDB_NOTFOUND, or an error. To be ended in
 * any case. */
int compact_begin(struct store *s, struct compact_walk *w, uint64_t from);
int compact_next(struct compact_walk *w);
void compact_end(struct compact_walk *w);

/* A live row of a mirrored table came or went: store_mirror.c. Returns LMDB's codes. */
int mirror_row(struct store *s, const struct table *t, struct str key, bool live);

/* --- store_map.c: pages of the map that long work has read are given back to the kernel from time
 * to time. Searches leave theirs: they are asked again soon, and mapping a page anew takes
 * longer than searching it; store_branch gives them back. --- */
struct map_walk {
	const char *page; /* the last one */
	unsigned pages;
};
void map_find(struct store *s); /* once, when the environment is open */
void map_forget(struct store *s);
/* A walk has come to p, in the map or in memory that LMDB has for what is written. */
void map_saw(struct store *s, struct map_walk *w, const void *p);
void map_changed(struct store *s); /* one more row */

/* --- store_tally.c: rows counted in parts of each table, by boxid. Return LMDB's codes. --- */
struct tally *tally_new(void); /* owned: free() */
int tally_row(struct store *s, const struct table *t, struct str key, const void *was,
	      const void *is);
/* Within a write: puts what is gathered into the database, before a commit or a reading. */
int tally_flush(struct store *s);
void tally_forget(struct store *s); /* after an abort */
/* A table that has been emptied and gets its rows in key order: each is told once it is written, and
 * changes are not counted beside. Owned: free(). */
struct tally_anew;
int tally_anew_begin(struct tally_anew **out, struct store *s, const struct table *t);
int tally_anew_row(struct tally_anew *a, const MDB_val *k, const MDB_val *v);
int tally_anew_end(struct tally_anew *a); /* when all rows are there */
int tally_mark(struct store *s, MDB_txn *txn);
/* Does the database hold tallies of the rows as they are? (Not where an older version wrote.) */
int tally_sound(struct store *s, MDB_txn *txn, bool *sound);
int tally_make(struct store *s, MDB_txn *txn); /* walks all rows */
/* NULL: the table's rows have no boxid. */
const struct field *tally_field(struct store *s, const struct table *t);
struct str tally_name(struct str boxid); /* as it is counted */
/* The next boxid and its rows of a part's value; false at its end. */
bool tally_next(struct str *value, uint64_t *rows, struct str *boxid);

#endif
