/* Health: each thing that may be wrong, alone and together, by its name. */
#include "admin/health.c"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "shm/listeners.h"

#define WORKERS 3
#define NOW INT64_C(5000000)

static char dir[64];
static struct command_env env;
static char text[LIMIT_HEALTH + 1];
static struct err e;

static void enter(unsigned slot, enum role role)
{
	slot_enter(env.shm, slot, role, 1000);
	slot_beat(env.shm, slot, NOW);
}

static void setup(void)
{
	strcpy(dir, "/tmp/pb_health_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	env = (struct command_env){ .dir = dir, .shm = shm_create(WORKERS) };
	ck_assert_int_eq(store_open(&env.accounts, dir, STORE_ACCOUNTS, STORE_WRITE, &e), 0);
	ck_assert_int_eq(store_open(&env.traffic, dir, STORE_TRAFFIC, STORE_WRITE, &e), 0);
	listeners_set(env.shm, NULL, 0);
	listeners_answer(env.shm, listeners_version(env.shm), "");
	for (unsigned i = 0; i < WORKERS; i++)
		enter(i, ROLE_WORKER);
	enter(SLOT_REPLICATOR, ROLE_REPLICATOR);
	enter(SLOT_VERIFIER, ROLE_VERIFIER);
	enter(SLOT_PROBER, ROLE_PROBER);
	enter(SLOT_SUPERVISOR, ROLE_SUPERVISOR);
}

static void teardown(void)
{
	char command[128];

	store_close(&env.accounts);
	store_close(&env.traffic);
	shm_destroy(&env.shm);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* The page as text; its status. */
static unsigned look(int64_t now, size_t room)
{
	struct buf b;
	unsigned http;

	buf_init(&b, room);
	http = health_page(&env, now, &b);
	str_copy(text, sizeof(text), b.mem ? buf_str(&b) : STR(""));
	buf_release(&b);
	return http;
}

#define ck_well() \
	ck_assert_msg(look(NOW, LIMIT_HEALTH) == 200 && strcmp(text, "ok\n") == 0, "%s", text)
#define ck_ill(what) \
	do { \
		ck_assert_uint_eq(look(NOW, LIMIT_HEALTH), 503); \
		ck_assert_str_eq(text, what "\n"); \
	} while (0)

START_TEST(well)
{
	ck_well();
	ck_assert_uint_eq(look(NOW + BEAT_STALE_MS - 1, LIMIT_HEALTH), 200);
}
END_TEST

static const struct {
	unsigned slot;
	enum role role;
	const char *gone, *hangs;
} who[] = {
	{ 0, ROLE_WORKER, "worker 1 is not running\n", "worker 1 hangs: " },
	{ 2, ROLE_WORKER, "worker 3 is not running\n", "worker 3 hangs: " },
	{ SLOT_REPLICATOR, ROLE_REPLICATOR, "replicator is not running\n", "replicator hangs: " },
	{ SLOT_VERIFIER, ROLE_VERIFIER, "verifier is not running\n", "verifier hangs: " },
	{ SLOT_PROBER, ROLE_PROBER, "prober is not running\n", "prober hangs: " },
	{ SLOT_SUPERVISOR, ROLE_SUPERVISOR, "supervisor is not running\n", "supervisor hangs: " },
};

START_TEST(processes)
{
	char want[80];

	slot_reap(env.shm, who[_i].slot);
	ck_assert_uint_eq(look(NOW, LIMIT_HEALTH), 503);
	ck_assert_str_eq(text, who[_i].gone);
	enter(who[_i].slot, who[_i].role);
	ck_well();
	slot_beat(env.shm, who[_i].slot, NOW - BEAT_STALE_MS);
	ck_assert_uint_eq(look(NOW, LIMIT_HEALTH), 503);
	snprintf(want, sizeof(want), "%sno sign of life for 3 s\n", who[_i].hangs);
	ck_assert_str_eq(text, want);
}
END_TEST

START_TEST(configuration)
{
	uint32_t g = generation_bump(env.shm);

	generation_confirm(env.shm, 0, g);
	generation_confirm(env.shm, 2, g);
	ck_ill("worker 2 has not confirmed the configuration");
	generation_confirm(env.shm, 1, g - 1);
	ck_ill("worker 2 has not confirmed the configuration");
	generation_confirm(env.shm, 1, g);
	ck_well();
	listeners_set(env.shm, NULL, 0);
	ck_ill("the supervisor has not opened the listeners");
	/* One that is in use by others: says the log, and the answer to who asked for it. */
	listeners_answer(env.shm, listeners_version(env.shm), "port 25: in use");
	ck_ill("port 25: in use");
	listeners_answer(env.shm, listeners_version(env.shm), "");
	ck_well();
}
END_TEST

START_TEST(stores)
{
	struct store *accounts = env.accounts, *traffic = env.traffic;

	env.traffic = NULL;
	ck_ill("traffic.mdb is not there yet");
	env.traffic = accounts; /* has no such tables */
	ck_assert_uint_eq(look(NOW, LIMIT_HEALTH), 503);
	ck_assert_ptr_nonnull(strstr(text, "traffic.mdb cannot be read: "));
	env.traffic = traffic;
	env.accounts = traffic;
	ck_assert_uint_eq(look(NOW, LIMIT_HEALTH), 503);
	ck_assert_ptr_nonnull(strstr(text, "accounts.mdb cannot be read: "));
	env.accounts = accounts;
	ck_well();
}
END_TEST

/* All at once, in any room. */
START_TEST(everything)
{
	for (unsigned i = 0; i < MAX_SLOTS; i++)
		slot_reap(env.shm, i);
	store_close(&env.traffic);
	for (size_t room = 0; room < 300; room++)
		ck_assert_uint_eq(look(NOW, room), 503);
	ck_assert_uint_eq(look(NOW, LIMIT_HEALTH), 503);
	ck_assert_str_eq(text, "worker 1 is not running\nworker 2 is not running\n"
			       "worker 3 is not running\nreplicator is not running\n"
			       "verifier is not running\nprober is not running\nsupervisor is not running\n"
			       "traffic.mdb is not there yet\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("health");
	TCase *t = tcase_create("health");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, well);
	tcase_add_loop_test(t, processes, 0, (int)ARRAY_LEN(who));
	tcase_add_test(t, configuration);
	tcase_add_test(t, stores);
	tcase_add_test(t, everything);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
