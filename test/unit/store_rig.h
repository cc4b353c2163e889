/* store_rig: a store in a directory of its own, as the fixture of each test, and what tests of
 * the store ask again and again. rig_check is the invariant: index, rows, domains agree.
 * Includes nothing of the module under test. */
#ifndef PB_TEST_STORE_RIG_H
#define PB_TEST_STORE_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/store/store.h"
#include "lib/store/store_inner.h"
#include "unit/property.h"

static char rig_dir[64];
static struct store *rig;
static struct err rig_err;

/* Fails with what the store said. */
static inline void ok(int rc)
{
	if (rc < 0)
		ck_abort_msg("%s", rig_err.text);
}

static inline void rig_open_env(enum store_env env)
{
	ok(store_open(&rig, rig_dir, env, STORE_WRITE, &rig_err));
}

static inline void rig_make_dir(void)
{
	strcpy(rig_dir, "/tmp/pb_store_XXXXXX");
	must(mkdtemp(rig_dir) != NULL, "mkdtemp");
}

static inline void rig_setup(void)
{
	rig_make_dir();
	rig_open_env(STORE_ACCOUNTS);
}

static inline const char *rig_path(const char *file)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", rig_dir, file);
	return path;
}

static inline void rig_teardown(void)
{
	static const char *const files[] = {
		"accounts.mdb", "accounts.mdb-lock", "accounts.mdb-writer", "email.csv",
		"traffic.mdb",	"traffic.mdb-lock",  "traffic.mdb-writer",  "alias.csv",
	};

	store_close(&rig);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		unlink(rig_path(files[i]));
	must(rmdir(rig_dir) == 0, "nothing else is left in the directory");
}

/* --- one write in one transaction --- */

static int64_t rig_wall = 1000000; /* virtual */

static inline void begin(void)
{
	ok(store_write_begin(rig, rig_wall, &rig_err));
}

static inline void commit(void)
{
	ok(store_commit(rig, &rig_err));
}

static inline void put(const struct table *t, const void *rec)
{
	begin();
	ok(store_put(rig, t, rec, &rig_err));
	commit();
}

static inline struct account account_of(const char *address, const char *password)
{
	struct account a;

	record_defaults(&table_accounts, &a);
	a.email_address = str_z(address);
	a.user_password = str_z(password);
	return a;
}

static inline void put_account(const char *address, const char *password)
{
	struct account a = account_of(address, password);

	put(&table_accounts, &a);
}

static inline void put_alias(const char *address, const char *list)
{
	struct alias a;

	record_defaults(&table_aliases, &a);
	a.alias_address = str_z(address);
	a.alias_list = str_z(list);
	put(&table_aliases, &a);
}

static inline int delete(const struct table *t, const char *key)
{
	int rc;

	begin();
	rc = store_delete(rig, t, str_z(key), &rig_err);
	ok(rc);
	commit();
	return rc;
}

/* --- what is there --- */

static inline void read_begin(void)
{
	ok(store_read_begin(rig, &rig_err));
}

static inline int get_meta(const struct table *t, const char *key, struct row_meta *m)
{
	int rc;

	read_begin();
	rc = store_get(rig, t, str_z(key), NULL, m, &rig_err);
	ok(rc);
	m->unknown = (struct str){ NULL, 0 };
	store_read_end(rig);
	return rc;
}

/* The password of an account, "-" when there is none; valid until the next call. */
static inline const char *password_of(const char *address)
{
	static char text[256];
	struct account a;
	int rc;

	read_begin();
	rc = store_account(rig, str_z(address), &a, &rig_err);
	ok(rc);
	str_copy(text, sizeof(text), rc == 0 ? a.user_password : STR("-"));
	store_read_end(rig);
	return text;
}

static inline uint64_t count(const struct table *t)
{
	uint64_t n;

	read_begin();
	ok(store_count(rig, t, &n, &rig_err));
	store_read_end(rig);
	return n;
}

static inline bool has_domain(const char *domain)
{
	int rc;

	read_begin();
	rc = store_domain(rig, str_z(domain), &rig_err);
	ok(rc);
	store_read_end(rig);
	return rc == 0;
}

static inline struct store_info info(void)
{
	struct store_info i;

	store_info(rig, &i);
	return i;
}

/* --- the invariant --- */

static inline uint64_t rig_entries(unsigned dbi)
{
	MDB_stat st;

	must(mdb_stat(store_txn(rig), dbi, &st) == 0, "stat");
	return st.ms_entries;
}

/* Each index entry has its row, and that row stands at this place. */
static inline int rig_check_entry(void *arg, uint64_t seq, const struct table *t, struct str key,
				  const struct row_meta *m)
{
	(void)t;
	(void)key;
	must(m->seq == seq, "the row stands at the place of its entry");
	must(seq <= info().last_seq, "the place was given out");
	must(m->stamp <= info().clock_mark, "the clock mark covers the stamp");
	++*(uint64_t *)arg;
	return 0;
}

struct rig_domains {
	uint64_t addresses;
};

static inline int rig_check_domain(void *arg, const void *rec, const struct row_meta *m)
{
	struct rig_domains *d = arg;
	struct str address = *(const struct str *)rec; /* first field of both tables */
	struct str domain = str_skip(address, (size_t)str_find(address, '@') + 1);

	(void)m;
	must(store_domain(rig, domain, &rig_err) == 0, "the domain of an address is known");
	d->addresses++;
	return 0;
}

/* --- what each part of a table counts --- */

struct rig_part {
	const struct table *t;
	struct str to, box; /* to: empty is the end */
	uint64_t rows;
};

static inline int rig_part_row(void *arg, const void *rec, const struct row_meta *m)
{
	struct rig_part *p = arg;
	const struct field *f = tally_field(rig, p->t);
	char key[KEY_MAX];
	size_t n;

	(void)m;
	must(record_key(p->t, rec, key, &n) == 0, "key");
	if (p->to.n && str_cmp((struct str){ key, n }, p->to) >= 0)
		return 1;
	p->rows += str_eq(f ? field_str(f, rec) : STR(""), p->box);
	return 0;
}

/* The rows that an entry counts, all found again. */
static inline uint64_t rig_check_part(const struct table *t, struct str from, struct str to,
				      struct str value)
{
	struct rig_part p = { .t = t, .to = to };
	uint64_t rows, sum = 0;

	while (tally_next(&value, &rows, &p.box)) {
		p.rows = 0;
		ok(store_each(rig, t, from, rig_part_row, &p, &rig_err));
		must(rows > 0 && p.rows == rows, "a part counts the rows of each box");
		sum += rows;
	}
	must(value.n == 0 && sum > 0, "no part without rows");
	return sum;
}

static inline int rig_count_row(void *arg, const void *rec, const struct row_meta *m)
{
	(void)rec;
	(void)m;
	++*(uint64_t *)arg;
	return 0;
}

static inline void rig_check_parts(const struct table *t)
{
	char id = (char)t->id;
	struct str from = { NULL, 0 }, value = { NULL, 0 };
	uint64_t sum = 0, rows = 0;
	MDB_cursor *cur;
	MDB_val k = { 1, &id }, v;
	int rc;

	must(mdb_cursor_open(store_txn(rig), rig->db[DB_TALLY], &cur) == 0, "cursor");
	for (rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE); rc == 0 && *(char *)k.mv_data == id;
	     rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
		struct str key = { (const char *)k.mv_data + 1, k.mv_size - 1 };

		sum += value.p ? rig_check_part(t, from, key, value) : 0;
		from = key;
		value = (struct str){ v.mv_data, v.mv_size };
	}
	mdb_cursor_close(cur);
	sum += value.p ? rig_check_part(t, from, STR(""), value) : 0;
	ok(store_each(rig, t, STR(""), rig_count_row, &rows, &rig_err));
	must(sum == (t->compact ? 0 : rows), "the parts count all rows");
}

/* --- rows found by their second key field --- */

struct rig_mirror {
	const struct table *t;
	struct str key;
	unsigned met;
	uint64_t rows;
};

static inline int rig_mirror_row(void *arg, const void *rec, const struct row_meta *m)
{
	struct rig_mirror *r = arg;
	char key[KEY_MAX];
	size_t n;

	(void)m;
	must(record_key(r->t, rec, key, &n) == 0, "key");
	r->met += str_eq((struct str){ key, n }, r->key);
	return 0;
}

static inline int rig_mirrored_row(void *arg, const void *rec, const struct row_meta *m)
{
	struct rig_mirror *r = arg;
	char key[KEY_MAX];

	(void)m;
	r->rows++;
	r->met = 0;
	r->key.p = key;
	must(record_key(r->t, rec, key, &r->key.n) == 0, "key");
	ok(store_mirror(rig, r->t, field_str(&r->t->fields[1], rec), rig_mirror_row, r, &rig_err));
	must(r->met == 1, "the mirror has each row once");
	return 0;
}

static inline void rig_check_mirror(void)
{
	uint64_t rows = 0;

	for (int i = 0; rig->tables[i]; i++) {
		struct rig_mirror r = { .t = rig->tables[i] };

		if (r.t->mirrored)
			ok(store_each(rig, r.t, STR(""), rig_mirrored_row, &r, &rig_err));
		rows += r.rows;
	}
	must(rig_entries(rig->db[DB_MIRROR]) == rows, "the mirror has nothing else");
}

static inline uint64_t rig_compact_entries(void)
{
	struct compact_walk w;
	uint64_t n = 0;
	int rc = compact_begin(rig, &w, 0);

	for (; !rc; rc = compact_next(&w))
		n++;
	must(rc == MDB_NOTFOUND, "the compact index ends");
	compact_end(&w);
	return n;
}

/* Entries are as many as rows, and each is right: one entry a row. Domains' counts add up,
 * and so do the tallies, and the mirror shows what there is. */
static inline void rig_check(void)
{
	uint64_t entries = 0, rows = 0, sum = 0;
	struct rig_domains d = { 0 };
	MDB_cursor *cur;
	MDB_val k, v;

	read_begin();
	ok(store_since(rig, 0, rig_check_entry, &entries, &rig_err));
	for (int i = 0; rig->tables[i]; i++)
		if (rig->tables[i]->replicated)
			rows += rig_entries(rig->table_db[rig->tables[i]->id]);
	must(entries == rows, "as many entries in the index as rows");
	must(rig_entries(rig->db[DB_SEQ]) + rig_compact_entries() == rows, "no entry without a row");
	if (rig->tables == accounts_tables) {
		ok(store_each(rig, &table_accounts, STR(""), rig_check_domain, &d, &rig_err));
		ok(store_each(rig, &table_aliases, STR(""), rig_check_domain, &d, &rig_err));
	}
	must(mdb_cursor_open(store_txn(rig), rig->db[DB_DOMAINS], &cur) == 0, "cursor");
	while (mdb_cursor_get(cur, &k, &v, MDB_NEXT) == 0) {
		must(key_u64(&v) > 0, "no domain without an address");
		sum += key_u64(&v);
	}
	mdb_cursor_close(cur);
	must(sum == d.addresses, "domains are counted once an address");
	for (int i = 0; rig->tables[i]; i++)
		rig_check_parts(rig->tables[i]);
	rig_check_mirror();
	store_read_end(rig);
}

#endif
