#include "lib/guard/greylist.h"

#include "lib/guard/pack.h"

static const char *const texts[] = {
	[GREYLIST_FIRST_TRY] = "first try",	   [GREYLIST_TOO_EARLY] = "too early",
	[GREYLIST_STARTS_ANEW] = "starts anew",	   [GREYLIST_PASSES] = "passes",
	[GREYLIST_PERMANENT] = "permanent record",
};
_Static_assert(ARRAY_LEN(texts) == GREYLIST_OUTCOMES, "a text for each outcome");

const char *greylist_text(enum greylist_outcome o)
{
	return (unsigned)o < GREYLIST_OUTCOMES ? texts[o] : "unknown";
}

/* --- judging --- */

static int64_t window_end(const struct greylist_times *t)
{
	return t->window_ms > t->initial_ms ? t->window_ms : 2 * t->initial_ms;
}

/* A clock that was set back makes nothing younger than new. */
static int64_t age(int64_t since_ms, int64_t now_ms)
{
	return now_ms > since_ms ? now_ms - since_ms : 0;
}

static bool is_permanent(const struct greylist_record *r)
{
	return r->window > 0 && r->passed_ms > 0;
}

/* Does it still tell anything about a try now? */
static bool is_alive(const struct greylist_record *r, const struct greylist_times *t, int64_t now_ms)
{
	if (r->window == 0)
		return false;
	if (is_permanent(r))
		return age(r->passed_ms, now_ms) < t->max_age_ms;
	return r->first_ms <= now_ms + GREYLIST_AHEAD_MS &&
	       age(r->first_ms, now_ms) < window_end(t);
}

static struct greylist_judgement refused(enum greylist_outcome o, uint32_t window, int64_t left_ms)
{
	return (struct greylist_judgement){ o, window, (left_ms + 999) / 1000 };
}

struct greylist_judgement greylist_judge(const struct greylist_record *r,
					 const struct greylist_times *t, int64_t now_ms)
{
	uint32_t next = r->window < UINT32_MAX ? r->window + 1 : r->window;
	int64_t waited;

	if (!is_alive(r, t, now_ms)) {
		if (t->initial_ms <= 0)
			return (struct greylist_judgement){ GREYLIST_PASSES, next, 0 };
		return refused(r->window == 0 ? GREYLIST_FIRST_TRY : GREYLIST_STARTS_ANEW,
			       next, t->initial_ms);
	}
	if (is_permanent(r))
		return (struct greylist_judgement){ GREYLIST_PERMANENT, r->window, 0 };
	waited = age(r->first_ms, now_ms);
	if (waited < t->initial_ms)
		return refused(GREYLIST_TOO_EARLY, r->window, t->initial_ms - waited);
	return (struct greylist_judgement){ GREYLIST_PASSES, r->window, 0 };
}

void greylist_note(struct greylist_record *r, const struct greylist_judgement *j,
		   uint16_t origin, int64_t now_ms)
{
	int64_t now = pack_time(now_ms);

	if (j->window < r->window)
		return;
	if (j->window > r->window)
		*r = (struct greylist_record){ .window = j->window, .first_ms = now };
	r->first_ms = now < r->first_ms ? now : r->first_ms;
	r->last_ms = now > r->last_ms ? now : r->last_ms;
	tally_add(&r->tally, origin, GREYLIST_TRIED, 1);
	if (!greylist_may_pass(j))
		return;
	r->passed_ms = now > r->passed_ms ? now : r->passed_ms;
	tally_add(&r->tally, origin, GREYLIST_PASSED, 1);
}

int64_t greylist_expiry(const struct greylist_record *r, const struct greylist_times *t)
{
	return is_permanent(r) ? r->passed_ms + t->max_age_ms : r->first_ms + window_end(t);
}

void greylist_merge(struct greylist_record *into, const struct greylist_record *other)
{
	if (other->window > into->window)
		*into = *other;
	if (other->window < into->window || other->window == 0)
		return;
	if (other->first_ms < into->first_ms)
		into->first_ms = other->first_ms;
	if (other->last_ms > into->last_ms)
		into->last_ms = other->last_ms;
	if (other->passed_ms > into->passed_ms)
		into->passed_ms = other->passed_ms;
	tally_merge(&into->tally, &other->tally);
}

/* --- packed --- */

size_t greylist_encode(const struct greylist_record *r, uint8_t out[GREYLIST_PACKED])
{
	size_t n = pack_fixed(out, PACK_TIME, (uint64_t)r->first_ms);

	n += pack_int(out + n, r->window);
	n += pack_int(out + n, (uint64_t)(r->last_ms - r->first_ms));
	n += pack_int(out + n, r->passed_ms ? (uint64_t)(r->last_ms - r->passed_ms) + 1 : 0);
	return n + tally_pack(&r->tally, out + n);
}

int greylist_decode(struct str in, struct greylist_record *r)
{
	uint64_t first, window, later, back;

	if (unpack_fixed(&in, PACK_TIME, &first) < 0 || unpack_int(&in, UINT32_MAX, &window) < 0 ||
	    window == 0 || unpack_int(&in, (uint64_t)PACK_TIME_MAX - first, &later) < 0 ||
	    unpack_int(&in, first + later, &back) < 0 ||
	    tally_unpack(&in, GREYLIST_KINDS, &r->tally) < 0 || in.n > 0)
		return -1;
	r->window = (uint32_t)window;
	r->first_ms = (int64_t)first;
	r->last_ms = (int64_t)(first + later);
	r->passed_ms = back ? r->last_ms - (int64_t)(back - 1) : 0;
	return 0;
}
