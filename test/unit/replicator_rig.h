/* replicator_rig: a replicator over a real region and real stores, not running: tests call what its
 * timers would. A test includes cmd/replicator.c before. */
#ifndef PB_TEST_REPLICATOR_RIG_H
#define PB_TEST_REPLICATOR_RIG_H

#include "cmd/replicator_apply.c"
#include "cmd/replicator_sweep.c"

#include "unit/disk.h"
#include "unit/store_rig.h"

static struct process process;
static struct options options;
static struct replicator r;
static struct shm *shm;

static inline void setup(void)
{
	rig_make_dir();
	rig_open_env(STORE_TRAFFIC);
	shm = shm_create(2);
	process = (struct process){ .options = &options, .shm = shm, .slot = SLOT_REPLICATOR };
	r = (struct replicator){ .p = &process, .loop = loop_new(), .traffic = rig };
	r.sweeper.traffic = r.applier.traffic = rig;
	r.sweeper.origin = r.applier.origin = 7;
	ok(store_open(&r.sweeper.accounts, rig_dir, STORE_ACCOUNTS, STORE_WRITE, &rig_err));
	timer_init(&r.gather, r.loop, on_gather);
	timer_init(&r.sweep, r.loop, on_sweep);
	watch_init(&r.bell, r.loop, slot_bell(shm, SLOT_REPLICATOR), on_bell);
	watch_set(&r.bell, WATCH_READ);
}

static inline void teardown(void)
{
	timer_stop(&r.gather);
	timer_stop(&r.sweep);
	watch_set(&r.bell, 0);
	loop_free(&r.loop);
	store_close(&r.sweeper.accounts);
	shm_destroy(&shm);
	rig_teardown();
}

static inline void gather(void)
{
	on_gather(&r.gather);
}

/* A fact of any bytes. */
static inline void put_raw(enum journal_kind kind, const void *p, size_t n)
{
	uint64_t mark;

	ck_assert_int_eq(journal_put(shm, 0, kind, (struct str){ p, n }, &mark), 0);
}

static inline void disk_unwatch(void)
{
	disk.file = 0;
	close(disk.image);
	unlink(rig_path("traffic.mdb.image"));
}

#endif
