#include "shm/boxes.h"

#include "shm/region.h"

static bool known(int box)
{
	return box >= 0 && box < MAX_BOXES;
}

int boxes_assign(struct shm *shm, struct str cluster, struct str box)
{
	int i = boxes_find(shm, cluster, box);

	if (i >= 0)
		return i;
	i = name_assign(shm->box_names, MAX_BOXES, cluster, box);
	if (i >= 0)
		boxes_worked(shm, i);
	return i;
}

void boxes_forget(struct shm *shm, struct str cluster, struct str box)
{
	name_forget(shm->box_names, MAX_BOXES, cluster, box);
}

int boxes_find(const struct shm *shm, struct str cluster, struct str box)
{
	return name_find(shm->box_names, MAX_BOXES, cluster, box);
}

bool boxes_name(const struct shm *shm, int box, struct str *cluster, struct str *name)
{
	const struct shm_name *n = &shm->box_names[box];

	*cluster = str_z(n->cluster);
	*name = str_z(n->box);
	return atomic_load_explicit(&n->state, memory_order_acquire) == NAME_USED;
}

void boxes_failed(struct shm *shm, int box, int64_t mono_ms, const char *why)
{
	struct shm_box *b;
	uint32_t n;
	int64_t wait = BOX_PASSOVER_FIRST_MS;

	if (!known(box))
		return;
	b = &shm->boxes[box];
	/* Sessions that failed together are one failure: while it is passed over nobody counts. */
	if (atomic_load(&b->usable_at) > mono_ms)
		return;
	n = atomic_fetch_add(&b->failures, 1);
	for (uint32_t i = 0; i < n && wait < BOX_PASSOVER_MAX_MS; i++)
		wait *= 2;
	if (wait > BOX_PASSOVER_MAX_MS)
		wait = BOX_PASSOVER_MAX_MS;
	str_copy(b->why, sizeof(b->why), str_z(why));
	atomic_store(&b->probing, 0);
	atomic_store(&b->usable_at, mono_ms + wait);
}

void boxes_worked(struct shm *shm, int box)
{
	if (!known(box) || atomic_load_explicit(&shm->boxes[box].failures, memory_order_relaxed) == 0)
		return;
	atomic_store(&shm->boxes[box].failures, 0);
	atomic_store(&shm->boxes[box].usable_at, 0);
	atomic_store(&shm->boxes[box].probing, 0);
	shm->boxes[box].why[0] = '\0';
}

/* A try that nobody reports on (its process died) frees the place after this. */
#define PROBE_MS 10000

bool boxes_usable(struct shm *shm, int box, int64_t mono_ms)
{
	struct shm_box *b;
	int64_t until;

	if (!known(box))
		return true;
	b = &shm->boxes[box];
	if (atomic_load_explicit(&b->failures, memory_order_relaxed) == 0)
		return true;
	if (atomic_load(&b->usable_at) > mono_ms)
		return false;
	until = atomic_load(&b->probing);
	return until <= mono_ms && atomic_compare_exchange_strong(&b->probing, &until,
								  mono_ms + PROBE_MS);
}

struct box_health boxes_health(const struct shm *shm, int box, int64_t mono_ms)
{
	struct box_health h = { 0 };
	const struct shm_box *b;
	int64_t left;

	if (!known(box))
		return h;
	b = &shm->boxes[box];
	h.failures = atomic_load(&b->failures);
	left = atomic_load(&b->usable_at) - mono_ms;
	h.passed_over_ms = h.failures && left > 0 ? left : 0;
	memcpy(h.why, b->why, sizeof(h.why));
	h.why[sizeof(h.why) - 1] = '\0';
	return h;
}

void boxes_offer(struct shm *shm, int box, uint32_t offer, uint64_t size)
{
	if (!known(box))
		return;
	atomic_store_explicit(&shm->boxes[box].offer, offer, memory_order_relaxed);
	atomic_store_explicit(&shm->boxes[box].size, size, memory_order_relaxed);
}

void boxes_get_offer(const struct shm *shm, int box, uint32_t *offer, uint64_t *size)
{
	*offer = known(box) ? atomic_load_explicit(&shm->boxes[box].offer, memory_order_relaxed) : 0;
	*size = known(box) ? atomic_load_explicit(&shm->boxes[box].size, memory_order_relaxed) : 0;
}
