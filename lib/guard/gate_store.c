#include "lib/guard/gate_store.h"

#include "lib/base/log.h"
#include "lib/guard/correspondents.h"
#include "lib/guard/room.h"

struct gate_rules gate_rules_of(const struct settings *s, const struct cluster *c)
{
	return (struct gate_rules){
		.greylist = { decimal_min_ms(s->greylist_initial_min),
			      decimal_min_ms(s->greylist_first_window_min),
			      decimal_min_ms(s->greylist_max_age_min) },
		.suspicious_ms = decimal_min_ms(s->greylist_initial_suspicious_min),
		.spread_ms = decimal_min_ms(s->spreadlist_max_age_min),
		.spread_factor = c ? c->spread_factor : 0,
		.rows_most = GUARD_ROWS,
	};
}

bool gate_is_wanted(int64_t spam_setting, const struct cluster *c)
{
	return (spam_setting == SPAM_CLUSTER ? c->default_spam_setting : spam_setting) == SPAM_GREYLISTING;
}

/* --- rows --- */

/* Rows of these tables have the same two fields. */
struct packed_row {
	struct str key, record;
};
_Static_assert(sizeof(struct packed_row) == sizeof(struct greylist_row) &&
		       sizeof(struct packed_row) == sizeof(struct trust_row) &&
		       sizeof(struct packed_row) == sizeof(struct spread_row) &&
		       sizeof(struct packed_row) == sizeof(struct naming_row),
	       "one form for all packed records");

static struct str key_str(const uint8_t key[ENVELOPE_KEY])
{
	return (struct str){ (const char *)key, ENVELOPE_KEY };
}

static int get_row(struct store *traffic, const struct table *t,
		   const uint8_t key[ENVELOPE_KEY], struct str *packed, struct err *e)
{
	struct packed_row row;
	int rc = store_get(traffic, t, key_str(key), &row, NULL, e);

	*packed = rc == 0 ? row.record : STR("");
	return rc;
}

static int put_row(struct store *traffic, const struct table *t, const uint8_t key[ENVELOPE_KEY],
		   const uint8_t *packed, size_t n, struct err *e)
{
	struct packed_row row = { key_str(key), { (const char *)packed, n } };

	return store_put(traffic, t, &row, e);
}

/* name, type: record_get(), as gate_store.h has them. */
#define GETTER(name) \
	int name##_get(struct store *traffic, const uint8_t key[ENVELOPE_KEY], \
		       struct name##_record *out, struct err *e) \
	{ \
		struct str packed; \
		int rc = get_row(traffic, &table_##name, key, &packed, e); \
\
		if (rc == 0 && name##_decode(packed, out) == 0) \
			return 0; \
		memset(out, 0, sizeof(*out)); \
		return rc == 0 ? STORE_NONE : rc; \
	}

GETTER(greylist)
GETTER(trust)
GETTER(spread)
GETTER(naming)

/* --- reading --- */

/* Permanent records need no more to pass. */
static int look_up(struct store *traffic, const struct gate_envelope *e, const struct gate_rules *r,
		   int64_t wall_ms, struct sight *known, struct err *err)
{
	static struct spread_record spread; /* one a process; 12 KiB */
	static struct naming_record naming;
	uint8_t key[ENVELOPE_KEY];

	known->bounce = e->sender.n == 0;
	greylist_key(&e->client, e->sender, e->recipient, key);
	if (greylist_get(traffic, key, &known->greylist, err) < 0)
		return -1;
	if (greylist_judge(&known->greylist, &r->greylist, wall_ms).outcome == GREYLIST_PERMANENT)
		return 0;
	trust_key(&e->client, e->sender, key);
	if (trust_get(traffic, key, &known->trust, err) < 0)
		return -1;
	network_trust_key(&e->client, key);
	if (trust_get(traffic, key, &known->network_trust, err) < 0)
		return -1;
	spread_key(&e->client, key);
	if (spread_get(traffic, key, &spread, err) < 0)
		return -1;
	spread_evidence(&spread, wall_ms, r->spread_ms, &known->evidence);
	naming_key(e->sender, key);
	if (e->sender.n > 0 && naming_get(traffic, key, &naming, err) < 0)
		return -1;
	if (e->sender.n > 0)
		known->evidence.measure[EVIDENCE_FORGED] = naming_strangers(&naming, wall_ms,
									    r->spread_ms);
	return 0;
}

int gate_look(struct store *traffic, const struct gate_envelope *e, const struct gate_rules *r,
	      int64_t whitelist_ms, int64_t wall_ms, struct sight *known)
{
	struct err err = { "" };
	int rc;

	if (known->off || known->spared || !traffic)
		return 0;
	rc = correspondents_known(traffic, e->recipient, e->sender, wall_ms, whitelist_ms);
	if (rc < 0)
		return -1;
	known->correspondent = rc > 0;
	rc = store_read_begin(traffic, &err);
	if (rc == 0) {
		rc = look_up(traffic, e, r, wall_ms, known, &err);
		store_read_end(traffic);
	}
	if (rc < 0)
		log_warning("guard: %s", err.text);
	return rc;
}

/* --- writing --- */

/* What was found by a getter: 1 it may be written, 0 there is no room for a new row, -1. */
static int may_write(struct store *traffic, const struct table *t, int found,
		     const struct gate_rules *r, struct err *e)
{
	uint64_t rows;

	if (found != STORE_NONE)
		return found < 0 ? -1 : 1;
	if (store_count(traffic, t, &rows, e) < 0)
		return -1;
	return room_for_more(r, rows);
}

static int store_greylist(struct store *traffic, const struct sighting *s,
			  uint16_t origin, const struct gate_rules *r, struct err *e)
{
	struct greylist_record rec;
	uint8_t packed[GREYLIST_PACKED];
	int rc;

	if (!(s->parts & SIGHTING_TRY))
		return 0;
	rc = may_write(traffic, &table_greylist, greylist_get(traffic, s->greylist, &rec, e), r, e);
	if (rc <= 0)
		return rc;
	sighting_of_greylist(s, &rec, origin, r->greylist.max_age_ms);
	if (rec.window == 0)
		return 0;
	return put_row(traffic, &table_greylist, s->greylist, packed,
		       greylist_encode(&rec, packed), e);
}

static int store_trust(struct store *traffic, const struct sighting *s, const uint8_t key[ENVELOPE_KEY],
		       uint16_t origin, const struct gate_rules *r, struct err *e)
{
	struct trust_record rec;
	uint8_t packed[TRUST_PACKED];
	int rc;

	if (!(s->parts & (SIGHTING_PROOF | SIGHTING_MAIL)))
		return 0;
	rc = may_write(traffic, &table_trust, trust_get(traffic, key, &rec, e), r, e);
	if (rc <= 0)
		return rc;
	sighting_of_trust(s, &rec, origin, r->greylist.max_age_ms);
	if (rec.round == 0)
		return 0;
	return put_row(traffic, &table_trust, key, packed, trust_encode(&rec, packed), e);
}

static int store_spread(struct store *traffic, const struct sighting *s, uint16_t origin,
			const struct gate_rules *r, struct err *e)
{
	static struct spread_record rec; /* one a process; 12 KiB */
	static uint8_t packed[SPREAD_PACKED];
	uint8_t key[ENVELOPE_KEY] = { 0 };
	int rc;

	if (!(s->parts & SIGHTING_ENVELOPE) && s->kinds == 0)
		return 0;
	memcpy(key, s->network, NETWORK_KEY);
	rc = may_write(traffic, &table_spread, spread_get(traffic, key, &rec, e), r, e);
	if (rc <= 0)
		return rc;
	sighting_of_spread(s, &rec, origin, r->spread_ms);
	return put_row(traffic, &table_spread, key, packed, spread_encode(&rec, packed), e);
}

static int store_naming(struct store *traffic, const struct sighting *s, uint16_t origin,
			const struct gate_rules *r, struct err *e)
{
	static struct naming_record rec; /* one a process; 8 KiB */
	static uint8_t packed[NAMING_PACKED];
	int rc;

	if (!(s->parts & SIGHTING_NAMING))
		return 0;
	rc = may_write(traffic, &table_naming, naming_get(traffic, s->naming, &rec, e), r, e);
	if (rc <= 0)
		return rc;
	sighting_of_naming(s, &rec, origin, r->spread_ms);
	return put_row(traffic, &table_naming, s->naming, packed, naming_encode(&rec, packed), e);
}

int sighting_store(struct store *traffic, const struct sighting *s, uint16_t origin,
		   const struct gate_rules *r, struct err *e)
{
	if (store_greylist(traffic, s, origin, r, e) < 0 ||
	    store_trust(traffic, s, s->trust, origin, r, e) < 0 ||
	    store_trust(traffic, s, s->network_trust, origin, r, e) < 0)
		return -1;
	if (store_naming(traffic, s, origin, r, e) < 0)
		return -1;
	return store_spread(traffic, s, origin, r, e);
}
