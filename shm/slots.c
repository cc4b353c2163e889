#include "shm/slots.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "shm/clients.h"
#include "shm/region.h"
#include "shm/sessions.h"

const char *slot_name(unsigned slot, char dst[SLOT_NAME])
{
	static const enum role roles[] = { ROLE_ADMIN, ROLE_REPLICATOR, ROLE_VERIFIER,
					   ROLE_PROBER, ROLE_SUPERVISOR };

	_Static_assert(ARRAY_LEN(roles) == MAX_SLOTS - MAX_WORKERS, "each slot has its role");
	if (slot < MAX_WORKERS)
		snprintf(dst, SLOT_NAME, "worker %u", slot + 1);
	else if (slot < MAX_SLOTS)
		snprintf(dst, SLOT_NAME, "%s", role_name(roles[slot - MAX_WORKERS]));
	else
		bug("slot %u", slot);
	return dst;
}

void slot_enter(struct shm *shm, unsigned slot, enum role role, pid_t pid)
{
	struct shm_slot *s = &shm->slots[slot];

	atomic_store(&s->role, (uint32_t)role);
	atomic_store(&s->generation, 0);
	atomic_store(&s->started, clock_wall_ms());
	atomic_store(&s->beat, clock_mono_ms());
	atomic_store(&s->pid, (int32_t)pid);
}

/* Gauges of the dead worker are its own copy: nobody else counts in it, so zero is right. */
static void give_back(struct shm *shm, unsigned slot)
{
	struct shm_counts *c = &shm->counts[slot];

	for (int i = 0; i < MAX_CLUSTERS; i++)
		for (int j = 0; j < CC_COUNT; j++)
			if (cluster_counter_info[j].gauge)
				atomic_store(&c->cluster[i][j], 0);
	for (int i = 0; i < MAX_BOXES; i++)
		for (int j = 0; j < BC_COUNT; j++)
			if (box_counter_info[j].gauge)
				atomic_store(&c->box[i][j], 0);
	atomic_store(&c->sessions, 0);
	session_rows_forget(shm, slot);
	clients_forget(shm, slot);
}

/* Whatever the dead had published and not rung for, nobody would ring for any more: all look. */
void slot_reap(struct shm *shm, unsigned slot)
{
	if (slot < MAX_WORKERS)
		give_back(shm, slot);
	atomic_fetch_add(&shm->slots[slot].restarts, 1);
	atomic_store(&shm->slots[slot].pid, 0);
	for (unsigned i = 0; i < MAX_SLOTS; i++)
		slot_ring(shm, i);
}

void slot_beat(struct shm *shm, unsigned slot, int64_t mono_ms)
{
	atomic_store_explicit(&shm->slots[slot].beat, mono_ms, memory_order_relaxed);
}

struct slot_info slot_get(const struct shm *shm, unsigned slot)
{
	const struct shm_slot *s = &shm->slots[slot];

	return (struct slot_info){ .pid = atomic_load(&s->pid),
				   .role = (enum role)atomic_load(&s->role),
				   .generation = atomic_load(&s->generation),
				   .started = atomic_load(&s->started),
				   .beat = atomic_load(&s->beat),
				   .restarts = atomic_load(&s->restarts) };
}

/* --- doorbells --- */

int slot_bell(const struct shm *shm, unsigned slot)
{
	return shm->slots[slot].bell;
}

void slot_ring(const struct shm *shm, unsigned slot)
{
	uint64_t one = 1;

	/* EAGAIN: 2^64 rings unanswered; it is ringing. */
	if (shm->slots[slot].bell >= 0 && write(shm->slots[slot].bell, &one, 8) < 0)
		return;
}

void slot_answer(const struct shm *shm, unsigned slot)
{
	uint64_t rings;

	if (read(shm->slots[slot].bell, &rings, 8) < 0)
		return; /* nobody rang */
}

/* --- generations --- */

uint32_t generation_get(const struct shm *shm)
{
	return atomic_load(&shm->generation);
}

uint32_t generation_bump(struct shm *shm)
{
	uint32_t g = atomic_fetch_add(&shm->generation, 1) + 1;

	for (unsigned i = 0; i < shm->workers; i++)
		slot_ring(shm, i);
	return g;
}

void generation_confirm(struct shm *shm, unsigned slot, uint32_t generation)
{
	atomic_store(&shm->slots[slot].generation, generation);
	slot_ring(shm, SLOT_ADMIN);
	slot_ring(shm, SLOT_SUPERVISOR);
}

int generation_missing(const struct shm *shm, uint32_t generation)
{
	for (unsigned i = 0; i < shm->workers; i++) {
		const struct shm_slot *s = &shm->slots[i];

		/* A difference, so that the counter may wrap. */
		if (atomic_load(&s->pid) &&
		    (int32_t)(atomic_load(&s->generation) - generation) < 0)
			return (int)i;
	}
	return -1;
}
