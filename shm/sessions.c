#include "shm/sessions.h"

#include "shm/region.h"

int session_row_open(struct shm *shm, unsigned slot, const struct session_row *r)
{
	struct shm_rows *rows = &shm->rows[slot];

	/* Rows are few and free ones near: the search goes on where the last one ended. */
	for (uint32_t i = 0; i < SESSION_ROWS; i++) {
		uint32_t at = (rows->next + i) % SESSION_ROWS;

		if (atomic_load_explicit(&rows->v[at].used, memory_order_relaxed))
			continue;
		rows->v[at].row = *r;
		atomic_store_explicit(&rows->v[at].used, 1, memory_order_release);
		rows->next = (at + 1) % SESSION_ROWS;
		return (int)at;
	}
	return -1;
}

void session_row_box(struct shm *shm, unsigned slot, int row, int box)
{
	if (row >= 0)
		shm->rows[slot].v[row].row.box = (int16_t)box;
}

void session_row_account(struct shm *shm, unsigned slot, int row, const uint8_t hash[16])
{
	if (row >= 0)
		memcpy(shm->rows[slot].v[row].row.account, hash, 16);
}

void session_row_close(struct shm *shm, unsigned slot, int row)
{
	if (row < 0)
		return;
	atomic_store_explicit(&shm->rows[slot].v[row].used, 0, memory_order_release);
	shm->rows[slot].next = (uint32_t)row; /* low rows first: untouched pages stay untouched */
}

void session_rows_each(const struct shm *shm, unsigned slot,
		       void (*fn)(void *arg, const struct session_row *r), void *arg)
{
	for (int i = 0; i < SESSION_ROWS; i++) {
		const struct shm_row *x = &shm->rows[slot].v[i];
		struct session_row copy;

		if (!atomic_load_explicit(&x->used, memory_order_acquire))
			continue;
		copy = x->row;
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&x->used, memory_order_relaxed))
			fn(arg, &copy);
	}
}
