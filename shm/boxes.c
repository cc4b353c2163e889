#include "shm/boxes.h"

#include "shm/region.h"

#define TIME_BITS 48
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)
#define MOST_FAILURES UINT16_MAX

static bool known(int box)
{
	return box >= 0 && box < MAX_BOXES;
}

static uint32_t failures_of(uint64_t state)
{
	return (uint32_t)(state >> TIME_BITS);
}

static int64_t usable_at(uint64_t state)
{
	return (int64_t)(state & TIME_MASK);
}

int boxes_assign(struct shm *shm, struct str cluster, struct str box)
{
	int i = boxes_find(shm, cluster, box);

	if (i >= 0)
		return i;
	i = name_assign(shm->box_names, MAX_BOXES, cluster, box);
	boxes_worked(shm, i);
	boxes_offer(shm, i, 0, 0);
	boxes_checked(shm, i, &(struct box_check){ BOX_UNSEEN, 0, 0, "" }); /* new: nobody looks at it yet */
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

/* The state after one more failure. */
static uint64_t failed_again(uint64_t state, int64_t now)
{
	uint32_t n = failures_of(state);
	int64_t wait = BOX_PASSOVER_FIRST_MS;

	for (uint32_t i = 0; i < n && wait < BOX_PASSOVER_MAX_MS; i++)
		wait *= 2;
	if (wait > BOX_PASSOVER_MAX_MS)
		wait = BOX_PASSOVER_MAX_MS;
	n = n < MOST_FAILURES ? n + 1 : n;
	return (uint64_t)n << TIME_BITS | ((uint64_t)(now + wait) & TIME_MASK);
}

void boxes_failed(struct shm *shm, int box, int64_t mono_ms, const char *why)
{
	struct shm_box *b;
	uint64_t state;

	if (!known(box))
		return;
	b = &shm->boxes[box];
	state = atomic_load(&b->state);
	do {
		/* Sessions that failed together are one failure: while it is passed over nobody
		 * counts. */
		if (usable_at(state) > mono_ms)
			return;
	} while (!atomic_compare_exchange_weak(&b->state, &state, failed_again(state, mono_ms)));
	atomic_store(&b->probing, 0);
	str_copy(b->why, sizeof(b->why), str_z(why));
}

void boxes_worked(struct shm *shm, int box)
{
	if (!known(box) || atomic_load_explicit(&shm->boxes[box].state, memory_order_relaxed) == 0)
		return;
	atomic_store(&shm->boxes[box].state, 0);
	atomic_store(&shm->boxes[box].probing, 0);
	shm->boxes[box].why[0] = '\0';
}

/* A try that nobody reports on (its process died) frees the place after this. */
#define PROBE_MS 10000

bool boxes_fit(const struct shm *shm, int box, int64_t mono_ms)
{
	const struct shm_box *b;
	uint64_t state;

	if (!known(box))
		return true;
	b = &shm->boxes[box];
	state = atomic_load_explicit(&b->state, memory_order_relaxed);
	return state == 0 || (usable_at(state) <= mono_ms && atomic_load(&b->probing) <= mono_ms);
}

void boxes_given_up(struct shm *shm, int box)
{
	if (known(box))
		atomic_store(&shm->boxes[box].probing, 0);
}

bool boxes_usable(struct shm *shm, int box, int64_t mono_ms)
{
	struct shm_box *b;
	uint64_t state;
	int64_t until;

	if (!known(box))
		return true;
	b = &shm->boxes[box];
	state = atomic_load_explicit(&b->state, memory_order_relaxed);
	if (state == 0)
		return true;
	if (usable_at(state) > mono_ms)
		return false;
	until = atomic_load(&b->probing);
	return until <= mono_ms &&
	       atomic_compare_exchange_strong(&b->probing, &until, mono_ms + PROBE_MS);
}

struct box_health boxes_health(const struct shm *shm, int box, int64_t mono_ms)
{
	struct box_health h = { 0 };
	const struct shm_box *b;
	uint64_t state;

	if (!known(box))
		return h;
	b = &shm->boxes[box];
	state = atomic_load(&b->state);
	h.failures = failures_of(state);
	if (usable_at(state) > mono_ms)
		h.passed_over_ms = usable_at(state) - mono_ms;
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

/* --- checks --- */

void boxes_checked(struct shm *shm, int box, const struct box_check *c)
{
	struct shm_box *b;

	if (!known(box))
		return;
	b = &shm->boxes[box];
	memcpy(b->check, c->text, sizeof(b->check));
	atomic_store(&b->took_us, c->took_us);
	atomic_store(&b->checked, c->mono_ms);
	atomic_store(&b->verdict, (uint32_t)c->verdict);
}

struct box_check boxes_check(const struct shm *shm, int box)
{
	struct box_check c = { .verdict = BOX_UNSEEN };
	const struct shm_box *b;
	uint32_t verdict;

	if (!known(box))
		return c;
	b = &shm->boxes[box];
	verdict = atomic_load(&b->verdict);
	c.verdict = verdict < BOX_VERDICTS ? (enum box_verdict)verdict : BOX_UNSEEN;
	c.mono_ms = atomic_load(&b->checked);
	c.took_us = atomic_load(&b->took_us);
	memcpy(c.text, b->check, sizeof(c.text));
	c.text[sizeof(c.text) - 1] = '\0';
	return c;
}

const char *box_verdict_name(enum box_verdict v)
{
	static const char *const names[BOX_VERDICTS] = {
		[BOX_UNSEEN] = "none",	   [BOX_WELL] = "well", [BOX_LOGIN] = "login",
		[BOX_REFUSES] = "refuses", [BOX_ILL] = "ill",
	};

	return names[v];
}
