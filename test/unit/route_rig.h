/* route_rig: a store, a region and a cluster made by hand, as the fixture of tests of
 * lib/route/route.c, which the test includes before. */
#ifndef PB_TEST_ROUTE_RIG_H
#define PB_TEST_ROUTE_RIG_H

#include "unit/store_rig.h"

#define SENDER STR("sender@example.com")
#define SENDER_INIT STR_INIT("sender@example.com")
#define NOW 1000

static struct topo_cluster smtp;
static struct topo_box boxes[MAX_BOXES];
static struct shm *shm;
static struct arena arena;
static struct route_list list;

static inline void add_box(const char *id, enum light light, int fallover)
{
	struct topo_box *b = &boxes[smtp.n_boxes];

	*b = (struct topo_box){ .row.boxid = str_z(id), .cluster = &smtp, .light = light,
				.shm = (int)smtp.n_boxes, .fallover = fallover };
	smtp.n_boxes++;
}

/* BOX1 and BOX2 for mailboxes; RELAY1 and RELAY2 take what goes out. */
static inline void route_setup(void)
{
	static const struct ring_member relays[] = { { STR_INIT("RELAY1"), 1, 2 },
						     { STR_INIT("RELAY2"), 1, 3 } };

	rig_setup();
	shm = shm_create(1);
	ok(log_open("/dev/null", &rig_err));
	arena = ARENA(LIMIT_TRANSACTION_MEMORY);
	smtp = (struct topo_cluster){ .boxes = boxes, .host_name = STR("mx.example.org") };
	smtp.row.plus_addressing = 1;
	add_box("BOX1", LIGHT_GREEN, -1);
	add_box("BOX2", LIGHT_GREEN, -1);
	add_box("RELAY1", LIGHT_GREEN, -1);
	add_box("RELAY2", LIGHT_GREEN, -1);
	smtp.relay_ring = ring_build(relays, ARRAY_LEN(relays));
}

static inline void route_teardown(void)
{
	ring_free(&smtp.relay_ring);
	arena_free(&arena);
	shm_destroy(&shm);
	rig_teardown();
}

static inline void put_user(const char *address, const char *boxid)
{
	struct account a = account_of(address, "secret");

	a.boxid = str_z(boxid);
	put(&table_accounts, &a);
}

static inline enum route_result route(const char *address)
{
	static const struct route_from from = { SENDER_INIT, STR_INIT(""), false };

	return route_recipient(rig, shm, &smtp, str_z(address), &from, NOW, &arena, &list);
}

#endif
