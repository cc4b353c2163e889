#include "shm/listeners.h"

#include "shm/region.h"
#include "shm/slots.h"

void listeners_set(struct shm *shm, const struct listener *v, unsigned n)
{
	struct shm_listeners *l = &shm->listeners;
	uint32_t seq = atomic_load(&l->seq) & ~1u; /* an earlier admin may have died half-way */

	n = n < MAX_LISTENERS ? n : MAX_LISTENERS;
	atomic_store(&l->seq, seq + 1);
	atomic_thread_fence(memory_order_seq_cst);
	l->n = n;
	if (n > 0)
		memcpy(l->v, v, n * sizeof(*v));
	atomic_thread_fence(memory_order_seq_cst);
	atomic_store(&l->seq, seq + 2);
	slot_ring(shm, SLOT_SUPERVISOR);
}

unsigned listeners_get(const struct shm *shm, struct listener out[MAX_LISTENERS], uint32_t *version)
{
	const struct shm_listeners *l = &shm->listeners;
	uint32_t before = atomic_load(&l->seq);
	unsigned n;

	*version = before;
	if (before & 1)
		return 0; /* being written, or its writer died: a later version will come */
	atomic_thread_fence(memory_order_seq_cst);
	n = l->n < MAX_LISTENERS ? l->n : MAX_LISTENERS;
	memcpy(out, l->v, n * sizeof(*out));
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load(&l->seq) != before) {
		*version = before | 1;
		return 0;
	}
	for (unsigned i = 0; i < n; i++)
		out[i].cluster[LIMIT_NAME] = '\0';
	return n;
}

uint32_t listeners_version(const struct shm *shm)
{
	return atomic_load(&shm->listeners.seq);
}

void listeners_answer(struct shm *shm, uint32_t version, const char *error)
{
	struct shm_listeners *l = &shm->listeners;

	str_copy(l->error, sizeof(l->error), str_z(error));
	atomic_store_explicit(&l->answered, version, memory_order_release);
	slot_ring(shm, SLOT_ADMIN);
}

bool listeners_answered(const struct shm *shm, uint32_t version, char error[256])
{
	const struct shm_listeners *l = &shm->listeners;

	if (atomic_load_explicit(&l->answered, memory_order_acquire) != version)
		return false;
	memcpy(error, l->error, sizeof(l->error));
	error[255] = '\0';
	return true;
}

void listeners_opened(struct shm *shm, int cluster, bool open)
{
	if (cluster >= 0 && cluster < MAX_CLUSTERS)
		atomic_store(&shm->listeners.open[cluster], open);
}

bool listeners_is_open(const struct shm *shm, int cluster)
{
	return cluster >= 0 && cluster < MAX_CLUSTERS && atomic_load(&shm->listeners.open[cluster]);
}
