#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/route/route.h"

struct ledger_search {
	struct str pair, digest;
	int64_t now;
	struct ledger best;
	uint64_t sum; /* of the digests of all that was delivered */
};

/* Rows of one pair stand together, its digests in order. */
static int visit(void *arg, const void *rec, const struct row_meta *m)
{
	const struct ledger *row = rec;
	struct ledger_search *s = arg;

	(void)m;
	if (!str_eq(row->pair, s->pair))
		return 1;
	if (row->expiry < s->now || (s->digest.n > 0 && !str_eq(row->digest, s->digest)))
		return 0;
	if (row->outcome == LEDGER_DELIVERED)
		s->sum = hash_stable(row->digest, s->sum);
	if (s->best.outcome != LEDGER_DELIVERED)
		s->best = *row;
	return s->digest.n > 0 && row->outcome == LEDGER_DELIVERED;
}

static int search(struct store *db, struct ledger_search *s, struct arena *a, struct ledger *out,
		  struct err *e)
{
	struct ledger from = { .pair = s->pair, .digest = s->digest };
	char key[KEY_MAX];
	size_t n;
	int res = -1;

	if (record_key(&table_ledger, &from, key, &n) < 0 || store_read_begin(db, e) < 0)
		return -1;
	if (store_each(db, &table_ledger, (struct str){ key, n }, visit, s, e) >= 0) {
		*out = s->best;
		out->pair = arena_str(a, s->best.pair);
		out->digest = s->digest.n > 0 ? arena_str(a, s->best.digest) :
						arena_printf(a, "%016llx", (unsigned long long)s->sum);
		out->boxid = arena_str(a, s->best.boxid);
		res = out->pair.p && out->digest.p && out->boxid.p ?
			      (int)s->best.outcome :
			      err_set(e, "no memory left for a row");
	}
	store_read_end(db);
	return res;
}

int route_ledger(struct store *s, struct str pair, struct str digest, int64_t wall_ms,
		 struct arena *a, struct ledger *out)
{
	struct ledger_search what = { .pair = pair, .digest = digest, .now = wall_ms };
	struct err e = { "" };
	int res = search(s, &what, a, out, &e);

	if (res < 0)
		log_warning("delivered ledger: %s", e.text);
	return res;
}
