/* gate_store: where the gate's knowledge lies: rows of traffic.mdb, which workers read and the
 * replicator alone writes. Not here: what follows from it (gate.h, sighting.h). */
#ifndef PB_GUARD_GATE_STORE_H
#define PB_GUARD_GATE_STORE_H

#include "lib/guard/gate.h"
#include "lib/store/store.h"

/* The settings that rule the gate of a cluster. */
struct gate_rules gate_rules_of(const struct settings *s, const struct cluster *c);

/* Does mail for an account or alias with this spam_setting pass the gate of that cluster? */
bool gate_is_wanted(int64_t spam_setting, const struct cluster *c);

/* Fills what is known of this envelope, but for off and spared, which the caller has set: where they
 * are, and behind a permanent record, no more is looked up than matters. 0, or -1: not readable,
 * which has been logged. traffic NULL (not made yet): nothing is known. Not within a read of
 * the same handle. whitelist_ms: whitelist_max_age_min. */
MUST_CHECK int gate_look(struct store *traffic, const struct gate_envelope *e,
			 const struct gate_rules *r, int64_t whitelist_ms, int64_t wall_ms,
			 struct sight *known);

/* Within a read or a write. 0; STORE_NONE: no row, out is all zero; -1. A damaged row is none. */
MUST_CHECK int greylist_get(struct store *traffic, const uint8_t key[ENVELOPE_KEY],
			    struct greylist_record *out, struct err *e);
MUST_CHECK int trust_get(struct store *traffic, const uint8_t key[ENVELOPE_KEY],
			 struct trust_record *out, struct err *e);
MUST_CHECK int spread_get(struct store *traffic, const uint8_t key[ENVELOPE_KEY],
			  struct spread_record *out, struct err *e);
MUST_CHECK int naming_get(struct store *traffic, const uint8_t key[ENVELOPE_KEY],
			  struct naming_record *out, struct err *e);

/* Within a write: all that a sighting changes. origin: this machine (tally.h). 0, or -1. */
MUST_CHECK int sighting_store(struct store *traffic, const struct sighting *s, uint16_t origin,
			      const struct gate_rules *r, struct err *e);

#endif
