#include "lib/guard/sighting.h"

#include "shm/journal.h"

#define DAY_MS INT64_C(86400000)
#define REFRESHES 32 /* in the life of a record, at least */

int64_t sighting_refresh_ms(int64_t max_age_ms)
{
	return max_age_ms / REFRESHES < DAY_MS ? max_age_ms / REFRESHES : DAY_MS;
}

/* Has it been used so lately that this use is no news? From a clock ahead of ours it is. */
static bool fresh(int64_t last_ms, int64_t now_ms, int64_t max_age_ms)
{
	return last_ms <= now_ms && last_ms > now_ms - sighting_refresh_ms(max_age_ms);
}

void sighting_of_greylist(const struct sighting *s, struct greylist_record *r, uint16_t origin,
			  int64_t max_age_ms)
{
	struct greylist_judgement j = { .outcome = s->outcome, .window = s->window };

	if (!(s->parts & SIGHTING_TRY))
		return;
	if (j.outcome == GREYLIST_PERMANENT && fresh(r->last_ms, s->now_ms, max_age_ms))
		return;
	greylist_note(r, &j, origin, s->now_ms);
}

void sighting_of_trust(const struct sighting *s, struct trust_record *r, uint16_t origin,
		       int64_t max_age_ms)
{
	if (s->parts & SIGHTING_PROOF)
		trust_note(r, TRUST_PROOF, max_age_ms, origin, s->now_ms);
	else if (s->parts & SIGHTING_MAIL && !fresh(r->used_ms, s->now_ms, max_age_ms))
		trust_note(r, TRUST_MAIL, max_age_ms, origin, s->now_ms);
}

void sighting_of_spread(const struct sighting *s, struct spread_record *r, uint16_t origin,
			int64_t window_ms)
{
	for (unsigned i = 0; i < SPREAD_SKETCHES && s->parts & SIGHTING_ENVELOPE; i++)
		sketch_add(&r->distinct[i], s->distinct[i], s->now_ms, window_ms);
	for (unsigned k = 0; k < CONDUCT_KINDS; k++)
		if (s->kinds & 1u << k)
			conduct_note(&r->conduct, k, origin, s->now_ms, window_ms);
}

void sighting_of_naming(const struct sighting *s, struct naming_record *r, uint16_t origin,
			int64_t window_ms)
{
	if (s->parts & SIGHTING_NAMING)
		naming_note(r, s->network_hash, s->kinds & 1u << CONDUCT_ESTABLISHED,
			    origin, s->now_ms, window_ms);
}

void sighting_report(struct shm *shm, unsigned slot, const struct sighting *s)
{
	(void)journal_offer(shm, slot, JOURNAL_SIGHTING,
			    (struct str){ (const char *)s, sizeof(*s) });
}
