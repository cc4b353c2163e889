/* legpool: which connections wait, for how long, and which boxes failed lately. */
#include "lib/session/legpool.c"

#include "session/play.h"

static const struct leg_events none;
static const struct leg_mail mail = { .reverse_path = STR_INIT("s@t") };
static struct legpool *pool;

static void up(void)
{
	stage_open();
	play_name = "legpool";
	pool = stage.env.pool;
}

static void down(void)
{
	stage_close();
}

/* A leg that is ready and free, but not in the pool. */
static struct leg *make(unsigned box)
{
	struct leg *leg = leg_open_new(&stage.env, &stage.topology, &stage.boxes[box],
				       &none, NULL, &mail);
	struct stage_end *e = &stage.legs[stage.n_legs - 1];

	stage_turn();
	io_memory_feed(e->io, STR("220 box\r\n"));
	stage_turn();
	io_memory_feed(e->io, STR("250 box\r\n"));
	stage_turn();
	e->read = play_written(e).n;
	ck_assert_int_eq(leg->step, STEP_IDLE);
	leg->ev = NULL;
	return leg;
}

static int64_t idle(unsigned box)
{
	return counter_box(stage.shm, -1, stage.boxes[box].shm, BC_idle);
}

/* The warmest first, each to its own box. */
START_TEST(last_in_first_out)
{
	struct leg *a1 = make(0), *a2 = make(0), *b = make(1);

	ck_assert(legpool_put(pool, a1) && legpool_put(pool, b) && legpool_put(pool, a2));
	ck_assert_int_eq(idle(0), 2);
	ck_assert_int_eq(idle(1), 1);
	ck_assert_ptr_eq(legpool_take(pool, &stage.boxes[0]), a2);
	ck_assert_ptr_eq(legpool_take(pool, &stage.boxes[0]), a1);
	ck_assert_ptr_null(legpool_take(pool, &stage.boxes[0]));
	ck_assert_ptr_null(legpool_take(pool, &stage.boxes[2]));
	ck_assert_int_eq(idle(0), 0);
	leg_abort(a1);
	leg_abort(a2);
}
END_TEST

/* A box of a new topology is the same box when cluster and name are the same. */
START_TEST(found_by_name)
{
	struct topo_box other = stage.boxes[0], stranger = stage.boxes[0],
			cluster = stage.boxes[0];
	struct leg *a = make(0);

	stranger.row.boxid = STR("Z");
	cluster.row.clusterid = STR("OTHER");
	ck_assert(legpool_put(pool, a));
	ck_assert_ptr_null(legpool_take(pool, &stranger));
	ck_assert_ptr_null(legpool_take(pool, &cluster));
	ck_assert_ptr_eq(legpool_take(pool, &other), a);
	leg_abort(a);
}
END_TEST

/* --- who is not taken --- */

static struct topology newer;

static void drains(struct leg *l)
{
	l->env->draining = true;
}

static void is_of_old(struct leg *l)
{
	l->env->topology = &newer;
}

static void is_yellow(struct leg *l)
{
	(void)l;
	stage.boxes[0].light = LIGHT_YELLOW;
}

static void is_used_up(struct leg *l)
{
	l->uses = l->max_uses;
}

static void is_old(struct leg *l)
{
	(void)l;
	pass(POOL_AGE_MS + 1000);
	stage_turn();
}

/* One session of at most two is half of them. */
static void is_crowded(struct leg *l)
{
	(void)l;
	stage.boxes[0].row.max_sessions = 2;
}

static void is_well(struct leg *l)
{
	stage.boxes[0].row.max_sessions = 3;
	l->uses = l->max_uses - 1;
}

static const struct {
	void (*when)(struct leg *l);
	bool taken;
} doors[] = {
	{ is_well, true },     { drains, false },     { is_of_old, false },
	{ is_yellow, false },  { is_used_up, false }, { is_old, false },
	{ is_crowded, false },
};

START_TEST(door)
{
	struct leg *l = make(0);

	doors[_i].when(l);
	ck_assert_int_eq(legpool_put(pool, l), doors[_i].taken);
	ck_assert_int_eq(idle(0), doors[_i].taken);
	if (!doors[_i].taken)
		leg_abort(l);
	stage.env.topology = &stage.topology;
}
END_TEST

START_TEST(so_many_and_no_more)
{
	struct leg *l;

	for (int i = 0; i < POOL_PER_BOX; i++)
		ck_assert(legpool_put(pool, make(0)));
	l = make(0);
	ck_assert(!legpool_put(pool, l));
	leg_abort(l);
	l = make(1);
	ck_assert(legpool_put(pool, l)); /* a box each */
	ck_assert_int_eq(idle(0), POOL_PER_BOX);
}
END_TEST

/* Places are given back. */
START_TEST(again_and_again)
{
	struct leg *a = make(0);

	for (int i = 0; i < 2 * POOL_PER_BOX; i++) {
		ck_assert(legpool_put(pool, a));
		ck_assert_ptr_eq(legpool_take(pool, &stage.boxes[0]), a);
	}
	leg_abort(a);
}
END_TEST

/* --- how they go --- */

START_TEST(lost)
{
	struct leg *a = make(0), *stranger = make(0);

	ck_assert(legpool_put(pool, a));
	legpool_lost(pool, stranger); /* was not in it */
	ck_assert_int_eq(idle(0), 1);
	legpool_lost(pool, a);
	legpool_lost(pool, a);
	ck_assert_int_eq(idle(0), 0);
	ck_assert_ptr_null(legpool_take(pool, &stage.boxes[0]));
	leg_abort(a);
	leg_abort(stranger);
}
END_TEST

START_TEST(flush)
{
	ck_assert(legpool_put(pool, make(0)) && legpool_put(pool, make(0)) &&
		  legpool_put(pool, make(1)));
	legpool_box_failed(pool, &stage.boxes[0]);
	legpool_flush(pool);
	stage_turn();
	ck_assert_int_eq(idle(0) + idle(1), 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(stage.legs[i].how, END_BROKEN);
	ck_assert(!legpool_failed_lately(pool, &stage.boxes[0]));
	legpool_flush(pool);
}
END_TEST

START_TEST(freed)
{
	struct legpool *nothing = NULL;

	ck_assert(legpool_put(pool, make(0)));
	legpool_free(&stage.env.pool);
	ck_assert_ptr_null(stage.env.pool);
	stage_turn();
	ck_assert_int_eq(stage.legs[0].how, END_BROKEN);
	legpool_free(&nothing);
}
END_TEST

/* --- boxes that failed --- */

START_TEST(failures)
{
	const struct topo_box *a = &stage.boxes[0], *b = &stage.boxes[1];

	ck_assert(!legpool_failed_lately(pool, a));
	legpool_box_failed(pool, a);
	ck_assert(legpool_failed_lately(pool, a) && !legpool_failed_lately(pool, b));
	pass(FAILED_LATELY_MS - AGE);
	stage_turn();
	ck_assert(legpool_failed_lately(pool, a));
	pass(2 * AGE);
	stage_turn();
	ck_assert(!legpool_failed_lately(pool, a));
	legpool_box_failed(pool, a);
	legpool_box_failed(pool, b);
	legpool_box_worked(pool, a);
	ck_assert(!legpool_failed_lately(pool, a) && legpool_failed_lately(pool, b));
}
END_TEST

/* Boxes without an index share a row and are told apart by name. */
START_TEST(without_index)
{
	struct leg *a, *b;

	stage.boxes[0].shm = stage.boxes[1].shm = -1;
	stage.env.shm = NULL;
	a = make(0);
	b = make(1);
	ck_assert(legpool_put(pool, a) && legpool_put(pool, b));
	ck_assert_ptr_eq(legpool_take(pool, &stage.boxes[0]), a);
	ck_assert_ptr_eq(legpool_take(pool, &stage.boxes[1]), b);
	leg_abort(a);
	leg_abort(b);
	stage_turn();
	stage_box_open(0);
	stage_box_open(1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("legpool");
	TCase *t = tcase_create("legpool");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, up, down);
	tcase_add_test(t, last_in_first_out);
	tcase_add_test(t, found_by_name);
	tcase_add_loop_test(t, door, 0, (int)ARRAY_LEN(doors));
	tcase_add_test(t, so_many_and_no_more);
	tcase_add_test(t, again_and_again);
	tcase_add_test(t, lost);
	tcase_add_test(t, flush);
	tcase_add_test(t, freed);
	tcase_add_test(t, failures);
	tcase_add_test(t, without_index);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
