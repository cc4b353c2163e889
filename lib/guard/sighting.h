/* sighting: what a worker saw of one client, on its way through the journal into the records of
 * greylisting, trust and spread. The replicator applies each one once.
 * Pure but for sighting_report; times are wall ms; records are the caller's. */
#ifndef PB_GUARD_SIGHTING_H
#define PB_GUARD_SIGHTING_H

#include "lib/guard/envelope_key.h"
#include "lib/guard/greylist.h"
#include "lib/guard/naming.h"
#include "lib/guard/spread.h"
#include "lib/guard/trust.h"

enum sighting_part { /* bits */
	SIGHTING_TRY = 1,    /* of a recipient that greylisting judged */
	SIGHTING_PROOF = 2,  /* a mail that was put off has come again and passed */
	SIGHTING_MAIL = 4,   /* one has passed by trust, or by a permanent record */
	SIGHTING_ENVELOPE = 8, /* recipient, sender and domain count as distinct values */
	SIGHTING_NAMING = 16, /* the network has named this sender domain in a mail of its own, no retry */
};

struct sighting { /* as its bytes lie in the journal: all zero before it is filled */
	uint8_t network[NETWORK_KEY];
	uint8_t greylist[ENVELOPE_KEY], trust[ENVELOPE_KEY], network_trust[ENVELOPE_KEY];
	uint8_t naming[ENVELOPE_KEY];
	uint64_t network_hash; /* keyed, see sketch.h */
	uint64_t distinct[SPREAD_SKETCHES]; /* keyed hashes, see sketch.h */
	int64_t now_ms;
	uint32_t window; /* of the greylist record that the try belongs to */
	uint8_t outcome; /* enum greylist_outcome */
	uint8_t parts;
	uint8_t kinds;	 /* bits, by enum conduct_kind */
	uint8_t unused;
};
_Static_assert(CONDUCT_KINDS <= 8, "a bit for each kind");

/* Uses of permanent records and of trust are noted so rarely: what lives max_age_ms is known to be
 * alive to this precision, and may end by so much earlier. */
int64_t sighting_refresh_ms(int64_t max_age_ms);

/* Each changes the record of its kind, when the sighting has to do with it. origin: this machine
 * (tally.h). */
void sighting_of_greylist(const struct sighting *s, struct greylist_record *r, uint16_t origin,
			  int64_t max_age_ms);
void sighting_of_trust(const struct sighting *s, struct trust_record *r, uint16_t origin,
		       int64_t max_age_ms);
void sighting_of_spread(const struct sighting *s, struct spread_record *r, uint16_t origin,
			int64_t window_ms);

void sighting_of_naming(const struct sighting *s, struct naming_record *r, uint16_t origin,
			int64_t window_ms);

/* To the replicator; dropped, and counted with the slot's journal, when it is far behind. */
void sighting_report(struct shm *shm, unsigned slot, const struct sighting *s);

#endif
