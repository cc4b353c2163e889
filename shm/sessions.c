#include "shm/sessions.h"

#include "lib/base/hash.h"
#include "shm/penalty.h"
#include "shm/region.h"

/* Between in use and not; what was written before shows before, what is written after, after. */
static void flip(struct shm_row *x)
{
	uint32_t seq = atomic_load_explicit(&x->seq, memory_order_relaxed);

	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&x->seq, seq + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

/* Rows that were given back first, so that untouched pages stay untouched. */
static int take_row(struct shm_rows *rows)
{
	uint32_t at = rows->given;

	if (at > 0) {
		rows->given = rows->v[at - 1].before;
		return (int)at - 1;
	}
	at = atomic_load_explicit(&rows->touched, memory_order_relaxed);
	if (at == SESSION_ROWS)
		return -1;
	atomic_store_explicit(&rows->touched, at + 1, memory_order_relaxed);
	return (int)at;
}

int session_row_open(struct shm *shm, unsigned slot, const struct session_row *r)
{
	struct shm_rows *rows = &shm->rows[slot];
	int at = take_row(rows);

	if (at < 0)
		return -1;
	rows->v[at].row = *r;
	flip(&rows->v[at]);
	return at;
}

/* NULL when it is not in use. */
static struct shm_row *row_in_use(struct shm *shm, unsigned slot, int row)
{
	struct shm_row *x = row >= 0 ? &shm->rows[slot].v[row] : NULL;

	return x && (atomic_load_explicit(&x->seq, memory_order_relaxed) & 1) ? x : NULL;
}

void session_row_box(struct shm *shm, unsigned slot, int row, int box)
{
	struct shm_row *x = row_in_use(shm, slot, row);

	if (!x)
		return;
	flip(x);
	x->row.box = (int16_t)box;
	flip(x);
}

void session_row_account(struct shm *shm, unsigned slot, int row, const uint8_t hash[16])
{
	struct shm_row *x = row_in_use(shm, slot, row);

	if (!x)
		return;
	flip(x);
	memcpy(x->row.account, hash, sizeof(x->row.account));
	flip(x);
}

void session_row_close(struct shm *shm, unsigned slot, int row)
{
	struct shm_row *x = row_in_use(shm, slot, row);

	if (!x)
		return;
	flip(x);
	x->before = shm->rows[slot].given;
	shm->rows[slot].given = (uint32_t)row + 1;
}

void session_rows_forget(struct shm *shm, unsigned slot)
{
	struct shm_rows *rows = &shm->rows[slot];

	for (uint32_t i = 0; i < atomic_load(&rows->touched); i++)
		if (row_in_use(shm, slot, (int)i))
			flip(&rows->v[i]);
	rows->given = 0;
	atomic_store(&rows->touched, 0);
}

void session_rows_each(const struct shm *shm, unsigned slot,
		       void (*fn)(void *arg, const struct session_row *r), void *arg)
{
	const struct shm_rows *rows = &shm->rows[slot];
	uint32_t n = atomic_load_explicit(&rows->touched, memory_order_acquire);

	for (uint32_t i = 0; i < n; i++) {
		const struct shm_row *x = &rows->v[i];
		uint32_t seq = atomic_load_explicit(&x->seq, memory_order_acquire);
		struct session_row copy;

		if (!(seq & 1))
			continue;
		copy = x->row;
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&x->seq, memory_order_relaxed) == seq)
			fn(arg, &copy);
	}
}

void session_account_hash(const struct shm *shm, struct str address, uint8_t out[16])
{
	uint8_t sum[32];

	hash_hmac_sha256((struct str){ (const char *)shm_secret(shm), 16 }, address, sum);
	memcpy(out, sum, 16);
}
