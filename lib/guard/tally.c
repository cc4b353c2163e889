#include "lib/guard/tally.h"

#include "lib/guard/pack.h"

#define ORIGIN 2 /* bytes */

/* Where the slot of this origin stands, or would. */
static uint32_t place_of(const struct tally *t, uint16_t origin)
{
	uint32_t i = 0;

	while (i < t->n && t->slot[i].origin < origin)
		i++;
	return i;
}

/* NULL: there are enough smaller ones. */
static struct tally_slot *slot_of(struct tally *t, uint16_t origin)
{
	uint32_t i = place_of(t, origin), behind;

	if (i < t->n && t->slot[i].origin == origin)
		return &t->slot[i];
	if (i == TALLY_ORIGINS)
		return NULL;
	behind = (t->n < TALLY_ORIGINS ? t->n : TALLY_ORIGINS - 1) - i;
	memmove(&t->slot[i + 1], &t->slot[i], behind * sizeof(t->slot[0]));
	t->n = i + behind + 1;
	t->slot[i] = (struct tally_slot){ .origin = origin };
	return &t->slot[i];
}

void tally_add(struct tally *t, uint16_t origin, unsigned kind, uint32_t n)
{
	struct tally_slot *s = n > 0 ? slot_of(t, origin) : NULL;

	if (s)
		s->count[kind] = n > UINT32_MAX - s->count[kind] ? UINT32_MAX : s->count[kind] + n;
}

uint64_t tally_sum(const struct tally *t, unsigned kind)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < t->n; i++)
		sum += t->slot[i].count[kind];
	return sum;
}

void tally_merge(struct tally *into, const struct tally *other)
{
	for (uint32_t i = 0; i < other->n; i++) {
		struct tally_slot *s = slot_of(into, other->slot[i].origin);

		for (unsigned k = 0; s && k < TALLY_KINDS; k++)
			if (other->slot[i].count[k] > s->count[k])
				s->count[k] = other->slot[i].count[k];
	}
}

/* --- packed --- */

static size_t slot_pack(const struct tally_slot *s, uint8_t *p)
{
	size_t n = pack_fixed(p, ORIGIN, s->origin), mask = n++;

	p[mask] = 0;
	for (unsigned k = 0; k < TALLY_KINDS; k++)
		if (s->count[k] > 0) {
			p[mask] |= (uint8_t)(1u << k);
			n += pack_int(p + n, s->count[k]);
		}
	return n;
}

size_t tally_pack(const struct tally *t, uint8_t *p)
{
	size_t n = 0;

	p[n++] = (uint8_t)t->n;
	for (uint32_t i = 0; i < t->n; i++)
		n += slot_pack(&t->slot[i], p + n);
	return n;
}

static int slot_unpack(struct str *in, unsigned kinds, struct tally_slot *s)
{
	uint64_t origin, mask, count;

	if (unpack_fixed(in, ORIGIN, &origin) < 0 || unpack_fixed(in, 1, &mask) < 0 ||
	    mask == 0 || mask >> kinds != 0)
		return -1;
	*s = (struct tally_slot){ .origin = (uint16_t)origin };
	for (unsigned k = 0; k < kinds; k++) {
		if (!(mask >> k & 1))
			continue;
		if (unpack_int(in, UINT32_MAX, &count) < 0 || count == 0)
			return -1;
		s->count[k] = (uint32_t)count;
	}
	return 0;
}

int tally_unpack(struct str *in, unsigned kinds, struct tally *t)
{
	uint64_t n;

	*t = (struct tally){ 0 };
	if (unpack_fixed(in, 1, &n) < 0 || n > TALLY_ORIGINS)
		return -1;
	for (; t->n < n; t->n++) {
		struct tally_slot *s = &t->slot[t->n];

		if (slot_unpack(in, kinds, s) < 0 || (t->n > 0 && s->origin <= s[-1].origin))
			return -1;
	}
	return 0;
}
