#include "shm/flags.h"

#include "shm/region.h"

/* A sequence lock an entry: odd while it is being written. Who was killed there leaves it odd; the
 * next writer of the slot makes it even again when the entry's turn comes. */
void flag_put(struct shm *shm, unsigned slot, struct str subject, struct str reason, int64_t wall_ms)
{
	struct shm_flags *f = &shm->flags[slot];
	uint32_t turn = atomic_load(&f->next);
	struct shm_flag *at = &f->v[turn % FLAGS_KEPT];

	atomic_store(&f->next, turn + 1);
	atomic_store(&at->seq, atomic_load(&at->seq) | 1);
	atomic_thread_fence(memory_order_release);
	at->flag.time = wall_ms;
	str_copy(at->flag.subject, sizeof(at->flag.subject), subject);
	str_copy(at->flag.reason, sizeof(at->flag.reason), reason);
	atomic_fetch_add(&at->seq, 1);
}

/* false: none, or not whole. */
static bool flag_get(const struct shm_flag *at, struct flag *out)
{
	uint32_t seq = atomic_load(&at->seq);

	if (seq == 0 || seq % 2)
		return false;
	*out = at->flag;
	atomic_thread_fence(memory_order_acquire);
	return atomic_load(&at->seq) == seq;
}

/* Where f belongs among n, newest first; who falls off the end goes. */
static unsigned insert(struct flag *out, unsigned n, unsigned max, const struct flag *f)
{
	unsigned at = n;

	while (at > 0 && out[at - 1].time < f->time)
		at--;
	if (at == max)
		return n;
	n = n < max ? n + 1 : max;
	memmove(&out[at + 1], &out[at], (n - at - 1) * sizeof(*out));
	out[at] = *f;
	return n;
}

unsigned flags_newest(const struct shm *shm, struct flag *out, unsigned max)
{
	struct flag f;
	unsigned n = 0;

	for (unsigned slot = 0; slot < MAX_WORKERS; slot++)
		for (unsigned i = 0; i < FLAGS_KEPT; i++)
			if (flag_get(&shm->flags[slot].v[i], &f))
				n = insert(out, n, max, &f);
	return n;
}
