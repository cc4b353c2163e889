#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/hash.h"
#include "lib/base/limits.h"
#include "lib/store/store_inner.h"

#define MAX_READERS 256
#define MAP_SIZE (64ull << 30) /* sparse: what is not used costs nothing */
#define MAP_LEAST (1ull << 30) /* where addresses are short (ulimit -v, valgrind) */

_Static_assert(sizeof(struct cluster) <= RECORD_MAX, "the largest record");

static const char *const db_names[DB_COUNT] = { "seq", "vv", "cur", "origins", "meta", "domains",
						 "tallies", "mirror", "compact" };

static const struct {
	const char *file;
	const struct table *const *tables;
	unsigned flags; /* of a writer */
} envs[] = {
	[STORE_ACCOUNTS] = { "accounts.mdb", accounts_tables, 0 },
	[STORE_TRAFFIC] = { "traffic.mdb", traffic_tables, MDB_NOMETASYNC },
};

int store_error(struct store *s, int rc, const char *what, struct err *e)
{
	const char *advice = rc == ENOSPC || rc == EIO ? " (is the disk full or broken?)" :
			     rc == MDB_MAP_FULL	       ? " (the database has reached its largest size)" :
			     rc == MDB_READERS_FULL    ? " (too many processes read it)" :
							 "";

	/* A meta page could not be written: from then on LMDB refuses everything in this process,
	 * reading as well, however well the disk is again. The next process finds all that was
	 * committed. */
	if (rc == MDB_PANIC)
		bug("%s: the disk failed at a commit; only a new process can go on", s->path);
	return err_set(e, "%s: %s: %s%s", s->path, what, mdb_strerror(rc), advice);
}

int row_damaged(struct store *s, const struct table *t, struct err *e)
{
	return err_set(e, "%s: a damaged record in %s", s->path, t->name);
}

MDB_txn *store_txn(struct store *s)
{
	return s->wr ? s->wr : s->rd;
}

/* --- small numbers --- */

void u64_key(uint64_t v, char out[8])
{
	for (int i = 0; i < 8; i++)
		out[i] = (char)(v >> (56 - 8 * i));
}

uint64_t key_u64(const MDB_val *v)
{
	const uint8_t *p = v->mv_data;
	uint64_t out = 0;

	for (size_t i = 0; i < 8 && i < v->mv_size; i++)
		out = out << 8 | p[i];
	return out;
}

int meta_get(struct store *s, MDB_txn *txn, const char *name, uint64_t *out)
{
	MDB_val k = { strlen(name), (void *)(uintptr_t)name }, v;
	int rc = mdb_get(txn, s->db[DB_META], &k, &v);

	*out = rc == 0 ? key_u64(&v) : 0;
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int meta_put(struct store *s, MDB_txn *txn, const char *name, uint64_t value)
{
	char bytes[8];
	MDB_val k = { strlen(name), (void *)(uintptr_t)name }, v = { 8, bytes };

	u64_key(value, bytes);
	return mdb_put(txn, s->db[DB_META], &k, &v, 0);
}

/* --- opening --- */

/* The kernel's id of this boot as a number: another one means that the machine went down. */
static uint64_t boot_id(void)
{
	char text[64] = "";
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : 0;

	if (fd >= 0)
		close(fd);
	return hash_stable((struct str){ text, n > 0 ? (size_t)n : 0 }, 1);
}

static uint64_t random_u64(void)
{
	uint64_t v;

	hash_random(&v, sizeof(v));
	return v ? v : 1;
}

/* Our own (node, incarnation) gets the next free index. */
static int origin_new(struct store *s, MDB_txn *txn)
{
	char key[8], bytes[16];
	MDB_val k = { 8, key }, v = { 16, bytes };
	MDB_stat st;
	int rc = mdb_stat(txn, s->db[DB_ORIGINS], &st);

	if (rc)
		return rc;
	s->origin_index = (uint32_t)st.ms_entries;
	u64_key(s->origin_index, key);
	u64_key(s->origin.node, bytes);
	u64_key(s->origin.incarnation, bytes + 8);
	return mdb_put(txn, s->db[DB_ORIGINS], &k, &v, 0);
}

/* MDB_VERSION_MISMATCH: of a newer format; MDB_INCOMPATIBLE: the other of our stores. */
static int check_kind(struct store *s, MDB_txn *txn)
{
	uint64_t format, kind;
	int rc;

	if ((rc = meta_get(s, txn, "format", &format)) || (rc = meta_get(s, txn, "kind", &kind)))
		return rc;
	if (format > STORE_FORMAT)
		return MDB_VERSION_MISMATCH;
	return kind && kind != s->kind + 1u ? MDB_INCOMPATIBLE : 0;
}

static int read_identity(struct store *s, MDB_txn *txn, uint64_t *clean, uint64_t *boot)
{
	int rc;

	if ((rc = meta_get(s, txn, "node", &s->origin.node)) ||
	    (rc = meta_get(s, txn, "store", &s->store_id)) ||
	    (rc = meta_get(s, txn, "incarnation", &s->origin.incarnation)) ||
	    (rc = meta_get(s, txn, "clean", clean)) || (rc = meta_get(s, txn, "boot", boot)) ||
	    (rc = meta_get(s, txn, "seq", &s->now.seq)) ||
	    (rc = meta_get(s, txn, "clock", &s->now.clock)) ||
	    (rc = meta_get(s, txn, "collected", &s->now.collected)))
		return rc;
	return 0;
}

static int write_identity(struct store *s, MDB_txn *txn)
{
	int rc;

	if ((rc = meta_put(s, txn, "format", STORE_FORMAT)) ||
	    (rc = meta_put(s, txn, "kind", s->kind + 1u)) ||
	    (rc = meta_put(s, txn, "node", s->origin.node)) ||
	    (rc = meta_put(s, txn, "store", s->store_id)) ||
	    (rc = meta_put(s, txn, "incarnation", s->origin.incarnation)) ||
	    (rc = meta_put(s, txn, "clean", 0)) || (rc = meta_put(s, txn, "boot", boot_id())))
		return rc;
	return origin_new(s, txn);
}

/* A writer's start: who it is. Dots start anew, because the incarnation does. */
static int identify(struct store *s, MDB_txn *txn)
{
	uint64_t clean, boot;
	int rc = read_identity(s, txn, &clean, &boot);

	if (rc)
		return rc;
	if (!s->origin.node)
		s->origin.node = random_u64();
	if (!s->store_id || (boot != boot_id() && !clean))
		s->store_id = random_u64(); /* the last commits may have been rolled back */
	s->origin.incarnation++;
	s->now.dot = 0;
	s->committed = s->now;
	return write_identity(s, txn);
}

/* Where rows say which box is theirs; a box's own row does not. */
static const struct field *box_field(const struct table *t)
{
	const struct field *f = table_field(t, STR("boxid"));

	return f && !(f->flags & FF_KEY) ? f : NULL;
}

static int open_tables(struct store *s, MDB_txn *txn)
{
	unsigned create = s->mode == STORE_WRITE ? MDB_CREATE : 0;
	int rc = mdb_dbi_open(txn, db_names[DB_META], create, &s->db[DB_META]);

	if (rc || (rc = check_kind(s, txn)))
		return rc;
	for (int i = 0; i < DB_COUNT && !rc; i++) {
		rc = mdb_dbi_open(txn, db_names[i], create, &s->db[i]);
		if (rc == MDB_NOTFOUND && i == DB_TALLY)
			rc = 0; /* an older version wrote it: rows are walked */
	}
	for (int i = 0; s->tables[i] && !rc; i++) {
		const struct table *t = s->tables[i];

		rc = mdb_dbi_open(txn, t->name, create, &s->table_db[t->id]);
		s->box_field[t->id] = box_field(t);
	}
	return rc;
}

static int assure_tally(struct store *s, MDB_txn *txn)
{
	bool sound;
	int rc = tally_sound(s, txn, &sound);

	return rc || sound ? rc : tally_make(s, txn);
}

static int open_dbs(struct store *s)
{
	bool write = s->mode == STORE_WRITE;
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->env, NULL, write ? 0 : MDB_RDONLY, &txn);

	if (rc)
		return rc;
	rc = open_tables(s, txn);
	if (!rc && write && !(rc = identify(s, txn)))
		rc = assure_tally(s, txn);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = mdb_txn_commit(txn);
	/* Whatever the commits to come promise: a power cut must not bring back the clean mark,
	 * nor an incarnation that others have seen. */
	return rc || !write ? rc : mdb_env_sync(s->env, 1);
}

/* One writer an environment: LMDB itself would only make the second one wait. */
static int take_writer_lock(struct store *s, struct err *e)
{
	char path[sizeof(s->path) + 16];

	snprintf(path, sizeof(path), "%s-writer", s->path);
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0)
		return err_errno(e, "%s", path);
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, "%s is written by another process", s->path);
	return 0;
}

static int map_env(struct store *s, unsigned flags, uint64_t size)
{
	int rc = mdb_env_create(&s->env);

	if (rc)
		return rc;
	mdb_env_set_maxdbs(s->env, TABLE_IDS + DB_COUNT);
	mdb_env_set_maxreaders(s->env, MAX_READERS);
	mdb_env_set_mapsize(s->env, size);
	return mdb_env_open(s->env, s->path, flags, 0600);
}

static int open_env(struct store *s, unsigned flags, struct err *e)
{
	uint64_t size = MAP_SIZE;
	int rc;

	flags |= MDB_NOTLS | MDB_NOSUBDIR | (s->mode == STORE_READ ? MDB_RDONLY : 0u);
	while ((rc = map_env(s, flags, size)) && (rc == ENOMEM || rc == EINVAL) && size > MAP_LEAST) {
		mdb_env_close(s->env);
		s->env = NULL;
		size /= 2;
	}
	if (rc)
		return store_error(s, rc, "open", e);
	map_find(s);
	rc = open_dbs(s);
	if (rc == MDB_VERSION_MISMATCH)
		return err_set(e, "%s was written by a newer version of protobalance", s->path);
	if (rc == MDB_INCOMPATIBLE)
		return err_set(e, "%s is another store under this name", s->path);
	if (rc == MDB_NOTFOUND)
		return err_set(e, "%s is not made yet", s->path);
	return rc ? store_error(s, rc, "open", e) : 0;
}

int store_open_reader(struct store *s, struct err *e)
{
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->rd);

	if (rc)
		return store_error(s, rc, "reader", e);
	mdb_txn_reset(s->rd);
	return 0;
}

int store_open(struct store **out, const char *dir, enum store_env env, enum store_mode mode,
	       struct err *e)
{
	struct store *s = mem_zalloc(sizeof(*s));

	*out = NULL;
	snprintf(s->path, sizeof(s->path), "%s/%s", dir, envs[env].file);
	s->kind = env;
	s->mode = mode;
	s->tables = envs[env].tables;
	s->lock_fd = -1;
	s->tally = mode == STORE_WRITE ? tally_new() : NULL;
	if ((mode == STORE_WRITE && take_writer_lock(s, e) < 0) ||
	    open_env(s, mode == STORE_WRITE ? envs[env].flags : 0, e) < 0 ||
	    store_open_reader(s, e) < 0) {
		s->mode = STORE_READ; /* leaves no clean mark */
		store_close(&s);
		return -1;
	}
	store_reader_check(s);
	*out = s;
	return 0;
}

static void mark_clean(struct store *s)
{
	MDB_txn *txn;

	store_abort(s);
	if (mdb_txn_begin(s->env, NULL, 0, &txn))
		return;
	if (meta_put(s, txn, "clean", 1))
		mdb_txn_abort(txn);
	else
		mdb_txn_commit(txn);
	mdb_env_sync(s->env, 1);
}

void store_close(struct store **sp)
{
	struct store *s = *sp;

	*sp = NULL;
	if (!s)
		return;
	if (s->branched)
		bug("%s: closed under its branch", s->path);
	if (s->mode == STORE_WRITE)
		mark_clean(s);
	if (s->rd)
		mdb_txn_abort(s->rd);
	if (s->env)
		mdb_env_close(s->env);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->tally);
	free(s);
}

void store_reader_check(struct store *s)
{
	int dead;

	mdb_reader_check(s->env, &dead);
}

/* --- reading --- */

int store_read_begin(struct store *s, struct err *e)
{
	int rc;

	if (s->wr)
		return 0;
	rc = mdb_txn_renew(s->rd);
	if (rc)
		return store_error(s, rc, "read", e);
	s->reading = true;
	return 0;
}

void store_read_end(struct store *s)
{
	if (s->reading)
		mdb_txn_reset(s->rd);
	s->reading = false;
}

int table_check(struct store *s, const struct table *t, struct err *e)
{
	if (t->id < TABLE_IDS && s->table_db[t->id])
		return 0;
	return err_set(e, "%s has no table %s", s->path, t->name);
}

/* The row, and its key where it is stored: the caller's may be gone before what was read. */
static int find_row(struct store *s, const struct table *t, MDB_val *k, MDB_val *v)
{
	MDB_cursor *cur;
	int rc = mdb_cursor_open(store_txn(s), s->table_db[t->id], &cur);

	if (rc)
		return rc;
	rc = mdb_cursor_get(cur, k, v, MDB_SET_KEY);
	mdb_cursor_close(cur);
	return rc;
}

int store_get(struct store *s, const struct table *t, struct str key, void *rec,
	      struct row_meta *m, struct err *e)
{
	struct row_meta own;
	MDB_val k = { key.n, (void *)(uintptr_t)key.p }, v;
	int rc;

	if (table_check(s, t, e) < 0)
		return -1;
	if (key.n == 0 || key.n > KEY_MAX)
		return STORE_NONE;
	rc = find_row(s, t, &k, &v);
	if (rc == MDB_NOTFOUND)
		return STORE_NONE;
	if (rc)
		return store_error(s, rc, t->name, e);
	m = m ? m : &own;
	key = (struct str){ k.mv_data, k.mv_size };
	if (row_decode(t, key, (struct str){ v.mv_data, v.mv_size }, rec, m) < 0)
		return row_damaged(s, t, e);
	return m->tombstone ? STORE_NONE : 0;
}

static int visit_all(struct store *s, const struct table *t, MDB_cursor *cur, struct str from,
		     store_visit *fn, void *arg, struct err *e)
{
	MDB_val k = { from.n, (void *)(uintptr_t)from.p }, v;
	union any_record rec;
	struct row_meta m;
	struct map_walk walk = { 0 };
	int rc = mdb_cursor_get(cur, &k, &v, from.n ? MDB_SET_RANGE : MDB_FIRST);

	for (; !rc; rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
		struct str key = { k.mv_data, k.mv_size }, row = { v.mv_data, v.mv_size };
		int stop;

		map_saw(s, &walk, v.mv_data);
		if (row_decode(t, key, row, &rec, &m) < 0)
			return row_damaged(s, t, e);
		stop = m.tombstone ? 0 : fn(arg, &rec, &m);
		if (stop)
			return stop;
	}
	return rc == MDB_NOTFOUND ? 0 : store_error(s, rc, t->name, e);
}

int store_each(struct store *s, const struct table *t, struct str from, store_visit *fn, void *arg,
	       struct err *e)
{
	MDB_cursor *cur;
	int rc;

	if (table_check(s, t, e) < 0)
		return -1;
	rc = mdb_cursor_open(store_txn(s), s->table_db[t->id], &cur);
	if (rc)
		return store_error(s, rc, t->name, e);
	rc = visit_all(s, t, cur, from, fn, arg, e);
	mdb_cursor_close(cur);
	return rc;
}

/* --- shorthand --- */

static int by_address(struct store *s, const struct table *t, struct str address, void *out,
		      struct err *e)
{
	char folded[KEY_MAX];

	if (address.n > sizeof(folded))
		return STORE_NONE;
	str_lower(folded, address);
	return store_get(s, t, (struct str){ folded, address.n }, out, NULL, e);
}

int store_account(struct store *s, struct str address, struct account *out, struct err *e)
{
	return by_address(s, &table_accounts, address, out, e);
}

int store_alias(struct store *s, struct str address, struct alias *out, struct err *e)
{
	return by_address(s, &table_aliases, address, out, e);
}

void store_info(struct store *s, struct store_info *out)
{
	MDB_envinfo info;
	MDB_stat st;

	mdb_env_info(s->env, &info);
	mdb_env_stat(s->env, &st);
	out->origin = s->origin;
	out->store_id = s->store_id;
	out->last_seq = s->now.seq;
	out->last_dot = s->now.dot;
	out->clock_mark = s->now.clock;
	out->collected = s->now.collected;
	out->pages_used = info.me_last_pgno + 1;
	out->page_size = st.ms_psize;
	out->map_size = info.me_mapsize;
}
