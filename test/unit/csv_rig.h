/* csv_rig: the account files beside the store of store_rig.h, and what tests of them do again
 * and again. Includes nothing of the module under test. */
#ifndef PB_TEST_CSV_RIG_H
#define PB_TEST_CSV_RIG_H

#include "lib/store/csv.h"
#include "unit/store_rig.h"

static struct arena arena;
static struct csv_report report;

static inline void setup(void)
{
	rig_setup();
	arena = ARENA(0);
}

static inline void teardown(void)
{
	arena_free(&arena);
	rig_teardown();
}

static const struct table *const files[] = { &table_accounts, &table_aliases };

static inline void write_bytes(const char *file, struct str text)
{
	FILE *f = fopen(rig_path(file), "w");

	must(f && fwrite(text.p, 1, text.n, f) == text.n && fclose(f) == 0, file);
}

static inline void write_file(const char *file, const char *text)
{
	write_bytes(file, str_z(text));
}

static inline const char *read_file(const char *file)
{
	static char text[65536];
	FILE *f = fopen(rig_path(file), "r");

	must(f != NULL, file);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

/* As admin does it: one transaction, all or nothing. */
static inline int reread_all(struct store *s, const char *dir, int64_t wall,
			     struct csv_report *r, struct err *e)
{
	struct csv_files *read = NULL;
	int rc = csv_files_open(&read, dir, NULL, e);

	if (rc == 0)
		rc = store_write_begin(s, wall, e);
	if (rc == 0 && (rc = csv_apply(s, read, r, NULL, e)) != 0)
		store_abort(s);
	else if (rc == 0)
		rc = store_commit(s, e);
	csv_files_close(&read);
	return rc;
}

static inline void vacuum(void)
{
	ok(csv_vacuum(rig, rig_dir, NULL, &rig_err));
}

static inline void reread(void)
{
	rig_wall += 1000;
	ok(reread_all(rig, rig_dir, rig_wall, &report, &rig_err));
	rig_check();
}

static inline void reported(uint64_t read, uint64_t skipped, uint64_t added,
			    uint64_t changed, uint64_t removed)
{
	ck_assert_uint_eq(report.read, read);
	ck_assert_uint_eq(report.skipped, skipped);
	ck_assert_uint_eq(report.added, added);
	ck_assert_uint_eq(report.changed, changed);
	ck_assert_uint_eq(report.removed, removed);
}

static inline uint64_t last_txn(void)
{
	MDB_envinfo i;

	mdb_env_info(rig->env, &i);
	return i.me_last_txnid;
}

#endif
