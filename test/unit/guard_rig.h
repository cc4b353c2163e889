/* guard_rig: traffic.mdb, a shared region, and the replicator's part between the two, for tests of
 * lib/guard. Includes nothing of the module under test. */
#ifndef PB_TEST_GUARD_RIG_H
#define PB_TEST_GUARD_RIG_H

#include "lib/base/log.h"
#include "shm/journal.h"
#include "unit/store_rig.h"

#define SLOT 1
#define NOW INT64_C(1795996800000)

static struct shm *shm;

static inline void guard_setup(void)
{
	rig_make_dir();
	rig_open_env(STORE_TRAFFIC);
	ok(log_open("/dev/null", &rig_err));
	shm = shm_create(2);
}

static inline void guard_teardown(void)
{
	shm_destroy(&shm);
	rig_teardown();
}

/* Takes the next fact out of the slot's ring, as a row of the table: false, there is none. The row
 * borrows the ring. */
static inline bool next_fact(uint64_t *pos, enum journal_kind kind, const struct table *t, void *row)
{
	enum journal_kind got;
	struct str payload;

	if (!journal_next(shm, SLOT, pos, &got, &payload))
		return false;
	must(got == kind, "of this kind");
	must(record_decode(t, payload, row, NULL) == 0, "whole");
	return true;
}

/* Writes all that waits as it came; how many facts that were. */
static inline unsigned replicate(enum journal_kind kind, const struct table *t)
{
	uint64_t pos = journal_tail(shm, SLOT);
	union any_record row;
	unsigned n = 0;

	begin();
	for (; next_fact(&pos, kind, t, &row); n++)
		ok(store_put(rig, t, &row, &rig_err));
	commit();
	journal_applied(shm, SLOT, pos);
	return n;
}

/* So full that nothing of that size is taken any more. */
static inline void fill_journal(void)
{
	static char much[LIMIT_JOURNAL_ENTRY];
	struct str entry = { much, sizeof(much) };
	uint64_t mark;

	for (; entry.n > 0; entry.n /= 2)
		while (journal_put(shm, SLOT, JOURNAL_LEDGER, entry, &mark) == 0)
			;
}

/* A row of the table that nobody can read. */
static inline void put_damaged(const struct table *t, const void *key)
{
	char bytes[KEY_MAX];
	struct str k = { bytes, 0 };
	MDB_val mk, v = { 3, (void *)(uintptr_t)"\x7f\x7f\x7f" };

	must(record_key(t, key, bytes, &k.n) == 0, "key");
	mk = (MDB_val){ k.n, bytes };
	begin();
	must(mdb_put(rig->wr, rig->table_db[t->id], &mk, &v, 0) == 0, "put");
	must(mdb_txn_commit(rig->wr) == 0, "commit");
	rig->wr = NULL;
}

/* main of every such test. */
static inline int guard_run(TCase *t, const char *name)
{
	Suite *s = suite_create(name);
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, guard_setup, guard_teardown);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}

#endif
