#include "shm/journal.h"

#include "shm/region.h"
#include "shm/slots.h"

/* What stands before each payload. */
struct entry {
	uint32_t len;
	uint16_t kind, zero;
};

static uint64_t entry_size(size_t payload)
{
	return (sizeof(struct entry) + payload + 7) / 8 * 8;
}

/* Entries do not wrap: one that would cross the end starts anew at the beginning, behind a
 * filler of kind 0. */
static uint64_t room_to_end(uint64_t at)
{
	return JOURNAL_RING - at % JOURNAL_RING;
}

static void write_entry(struct shm_ring *r, uint64_t at, uint16_t kind, struct str payload)
{
	struct entry e = { (uint32_t)payload.n, kind, 0 };

	memcpy(r->bytes + at % JOURNAL_RING, &e, sizeof(e));
	if (payload.p)
		memcpy(r->bytes + at % JOURNAL_RING + sizeof(e), payload.p, payload.n);
}

/* In at most room bytes of the ring, with what waits there. */
static int enter(struct shm *shm, unsigned slot, enum journal_kind kind, struct str payload,
		 uint64_t room, uint64_t *mark)
{
	struct shm_ring *r = &shm->rings[slot];
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
	uint64_t size = entry_size(payload.n), filler = 0;

	if (room_to_end(head) < size)
		filler = room_to_end(head);
	if (payload.n > LIMIT_JOURNAL_ENTRY || head + filler + size - tail > room) {
		atomic_fetch_add(&r->dropped, 1);
		return -1;
	}
	if (filler)
		write_entry(r, head, 0, (struct str){ NULL, filler - sizeof(struct entry) });
	write_entry(r, head + filler, (uint16_t)kind, payload);
	/* Complete from here on: whoever sees the new head sees the bytes. */
	atomic_store_explicit(&r->head, head + filler + size, memory_order_release);
	*mark = head + filler + size;
	/* Asleep only when it has applied all: it stores its tail before it looks at the head a
	 * last time, we store the head before we look at its tail, so one of us sees the other. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load(&r->tail) >= head)
		slot_ring(shm, SLOT_REPLICATOR);
	return 0;
}

int journal_put(struct shm *shm, unsigned slot, enum journal_kind kind, struct str payload,
		uint64_t *mark)
{
	return enter(shm, slot, kind, payload, JOURNAL_RING, mark);
}

int journal_offer(struct shm *shm, unsigned slot, enum journal_kind kind, struct str payload)
{
	uint64_t mark;

	return enter(shm, slot, kind, payload, JOURNAL_OFFERED, &mark);
}

bool journal_durable(const struct shm *shm, unsigned slot, uint64_t mark)
{
	return atomic_load_explicit(&shm->rings[slot].durable, memory_order_acquire) >= mark;
}

bool journal_next(const struct shm *shm, unsigned slot, uint64_t *pos, enum journal_kind *kind,
		  struct str *payload)
{
	const struct shm_ring *r = &shm->rings[slot];
	uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);

	while (*pos < head) {
		const uint8_t *at = r->bytes + *pos % JOURNAL_RING;
		struct entry e;

		memcpy(&e, at, sizeof(e));
		/* Cannot be, unless memory was overwritten: give up what is left of the ring. */
		if (entry_size(e.len) > room_to_end(*pos) || *pos + entry_size(e.len) > head) {
			*pos = head;
			return false;
		}
		*pos += entry_size(e.len);
		if (e.kind == 0)
			continue;
		*kind = (enum journal_kind)e.kind;
		*payload = (struct str){ (const char *)at + sizeof(e), e.len };
		return true;
	}
	return false;
}

uint64_t journal_tail(const struct shm *shm, unsigned slot)
{
	return atomic_load(&shm->rings[slot].tail);
}

void journal_applied(struct shm *shm, unsigned slot, uint64_t pos)
{
	struct shm_ring *r = &shm->rings[slot];

	/* In this order: killed in between, the next replicator applies again and gets here. */
	atomic_store_explicit(&r->durable, pos, memory_order_release);
	atomic_store_explicit(&r->tail, pos, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst); /* see journal_put */
	slot_ring(shm, slot);
}

struct journal_stat journal_stat(const struct shm *shm, unsigned slot)
{
	const struct shm_ring *r = &shm->rings[slot];

	return (struct journal_stat){ .published = atomic_load(&r->head),
				      .applied = atomic_load(&r->tail),
				      .dropped = atomic_load(&r->dropped) };
}
