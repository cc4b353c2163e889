#include "shm/quota.h"

#include <limits.h>

#include "lib/base/hash.h"
#include "shm/region.h"

/* An entry is one word, so that it is whole at any moment, whoever dies:
 *   subject (24 bits) | value (28 bits) | when it was used last (12 bits, units of 17 minutes)
 * 0: free. The subject is a hash over all that is counted apart: kind, who, how many lines, which
 * window, how often it was forgotten. So entries of former windows are nobody's and wait to become
 * the oldest of their line.
 *
 *   table   QUOTA_LINES lines of QUOTA_WAYS entries
 *   lines   a subject's stand side by side, from a place of its own; those of others may overlap
 *   line    each value has one of them, where it stands in any way */
#define VALUE_BITS 28
#define USED_BITS 12
#define USED_UNIT 20 /* 2^20 ms; they come round after 49 days */
#define USED_MASK ((1u << USED_BITS) - 1)
#define CLOCKS_APART 8 /* units: processes need not look at the clock together */

#define TIMES_MOST 4 /* room of a subject's lines */

struct counted {
	uint64_t subject;	/* 24 bits */
	unsigned first, lines;	/* its lines; their number is a power of two */
	unsigned used;		/* now */
};

static au64 *forgotten(struct shm *shm, enum quota_kind kind, uint64_t subject)
{
	return &shm->quota_forgotten[(subject + (uint64_t)kind) % QUOTA_FORGOTTEN];
}

static unsigned lines_for(unsigned most)
{
	unsigned lines = 1;

	while (lines < QUOTA_LINES && lines * QUOTA_WAYS / TIMES_MOST < most)
		lines *= 2;
	return lines;
}

static struct counted counted(struct shm *shm, enum quota_kind kind, uint64_t subject,
			      unsigned most, int64_t window_ms, int64_t now_ms)
{
	struct counted c = { .lines = lines_for(most) };
	uint64_t parts[] = { (uint64_t)kind, subject, c.lines, (uint64_t)(now_ms / window_ms),
			     atomic_load(forgotten(shm, kind, subject)) };
	uint64_t all = hash_sip(shm->secret, (struct str){ (const char *)parts, sizeof(parts) });

	c.first = (unsigned)(all % QUOTA_LINES);
	c.subject = all >> (VALUE_BITS + USED_BITS);
	c.used = (unsigned)((uint64_t)now_ms >> USED_UNIT) & USED_MASK;
	return c;
}

static au64 *line_at(struct shm *shm, const struct counted *c, unsigned i)
{
	return shm->quota[(c->first + i) % QUOTA_LINES];
}

/* --- one line --- */

/* Subject and value, without the time; never that of a free entry. */
static uint64_t identity(const struct counted *c, uint64_t value)
{
	uint64_t id = c->subject << VALUE_BITS | value >> (64 - VALUE_BITS);

	return id ? id : 1;
}

/* In units; a free one is the oldest of all. */
static int age_of(uint64_t entry, unsigned now)
{
	if (entry == 0)
		return INT_MAX;
	return (int)((now - (unsigned)entry + CLOCKS_APART) & USED_MASK) - CLOCKS_APART;
}

/* The entry of id, which stands above so many bits, else the oldest. Of those that are equally old
 * others' come first: they may be of windows that are over, and a subject that put its new value
 * in the place of its last one would stay at one for as long as they stand. whose: above so many bits
 * stands the subject. *entry is what was found there. */
static au64 *find(au64 *line, uint64_t id, int above, int whose, unsigned now, uint64_t *entry)
{
	uint64_t subject = id >> (whose - above);
	au64 *place = NULL;
	int oldest = INT_MIN;

	*entry = 0;
	for (int i = 0; i < QUOTA_WAYS; i++) {
		uint64_t v = atomic_load(&line[i]);
		int age = age_of(v, now);
		bool own = v >> above == id;

		if (!own && place &&
		    (age < oldest ||
		     (age == oldest && (v >> whose == subject || *entry >> whose != subject))))
			continue;
		oldest = age;
		place = &line[i];
		*entry = v;
		if (own)
			break;
	}
	return place;
}

static void note(au64 *line, uint64_t id, unsigned now)
{
	uint64_t old, made = id << USED_BITS | now;
	au64 *at;

	do {
		at = find(line, id, USED_BITS, VALUE_BITS + USED_BITS, now, &old);
		if (old == made)
			return;
	} while (!atomic_compare_exchange_strong(at, &old, made));
}

/* Distinct values of the subject. Two processes that note one value at the same moment as a third
 * takes the place may leave it in two ways: counted once. */
static unsigned count(const au64 *line, uint64_t subject)
{
	uint64_t seen[QUOTA_WAYS] = { 0 };
	unsigned n = 0;

	for (int i = 0; i < QUOTA_WAYS; i++) {
		uint64_t v = atomic_load(&line[i]);
		unsigned j = 0;

		if (v == 0 || v >> (VALUE_BITS + USED_BITS) != subject)
			continue;
		while (j < n && seen[j] != v >> USED_BITS)
			j++;
		if (j == n)
			seen[n++] = v >> USED_BITS;
	}
	return n;
}

/* --- a subject --- */

unsigned quota_distinct(struct shm *shm, enum quota_kind kind, uint64_t subject, uint64_t value,
			unsigned most, int64_t window_ms, int64_t now_ms)
{
	struct counted c;
	unsigned n = 0;

	if (window_ms <= 0)
		return 1;
	c = counted(shm, kind, subject, most, window_ms, now_ms);
	note(line_at(shm, &c, (unsigned)(value % c.lines)), identity(&c, value), c.used);
	/* Noted before counted: of those who do it at once, the last sees all. */
	for (unsigned i = 0; i < c.lines && n <= most; i++)
		n += count(line_at(shm, &c, i), c.subject);
	return n;
}

unsigned quota_standing(struct shm *shm, enum quota_kind kind, uint64_t subject, unsigned most,
			int64_t window_ms, int64_t now_ms)
{
	struct counted c;
	unsigned n = 0;

	if (window_ms <= 0)
		return 0;
	c = counted(shm, kind, subject, most, window_ms, now_ms);
	for (unsigned i = 0; i < c.lines && n <= most; i++)
		n += count(line_at(shm, &c, i), c.subject);
	return n;
}

/* --- sums ---
 *   subject (32 bits) | sum (20) | when it was used last (12), in units of 66 s
 * The subject is a hash over the same things, and says which line. Two processes that begin one sum
 * at the same moment may leave it in two ways: it is what they are together. */
#define SUM_BITS 20
#define SUM_UNIT 16 /* 2^16 ms: a subject has few entries, so there are many subjects */

_Static_assert(QUOTA_SUM_MOST == (1 << SUM_BITS) - 1, "a sum has its bits");

struct summed {
	au64 *line;
	uint64_t id;
	unsigned used; /* now */
};

static struct summed summed(struct shm *shm, enum quota_kind kind, uint64_t subject,
			    int64_t window_ms, int64_t now_ms)
{
	uint64_t parts[] = { (uint64_t)kind, subject, (uint64_t)window_ms,
			     (uint64_t)(now_ms / window_ms),
			     atomic_load(forgotten(shm, kind, subject)) };
	uint64_t all = hash_sip(shm->secret, (struct str){ (const char *)parts, sizeof(parts) });
	uint64_t id = all >> (SUM_BITS + USED_BITS);

	return (struct summed){ shm->sums[all % SUM_LINES], id ? id : 1,
				(unsigned)((uint64_t)now_ms >> SUM_UNIT) & USED_MASK };
}

static unsigned sum_of(uint64_t entry)
{
	return (unsigned)(entry >> USED_BITS) & QUOTA_SUM_MOST;
}

static unsigned capped(uint64_t n)
{
	return n < QUOTA_SUM_MOST ? (unsigned)n : QUOTA_SUM_MOST;
}

/* Of all its ways but this one. */
static uint64_t sum_beside(const struct summed *s, const au64 *own)
{
	uint64_t sum = 0;

	for (int i = 0; i < QUOTA_WAYS; i++) {
		uint64_t v = atomic_load(&s->line[i]);

		if (&s->line[i] != own && v >> (SUM_BITS + USED_BITS) == s->id)
			sum += sum_of(v);
	}
	return sum;
}

unsigned quota_add(struct shm *shm, enum quota_kind kind, uint64_t subject, unsigned n,
		   int64_t window_ms, int64_t now_ms)
{
	struct summed s;
	uint64_t old;
	unsigned sum;
	au64 *at;

	if (window_ms <= 0)
		return n;
	s = summed(shm, kind, subject, window_ms, now_ms);
	do {
		at = find(s.line, s.id, SUM_BITS + USED_BITS, SUM_BITS + USED_BITS, s.used, &old);
		sum = old >> (SUM_BITS + USED_BITS) == s.id ? sum_of(old) : 0;
		sum = capped((uint64_t)sum + n);
	} while (!atomic_compare_exchange_strong(
		at, &old, s.id << (SUM_BITS + USED_BITS) | (uint64_t)sum << USED_BITS | s.used));
	return capped(sum + sum_beside(&s, at));
}

unsigned quota_sum(struct shm *shm, enum quota_kind kind, uint64_t subject, int64_t window_ms,
		   int64_t now_ms)
{
	struct summed s;

	if (window_ms <= 0)
		return 0;
	s = summed(shm, kind, subject, window_ms, now_ms);
	return capped(sum_beside(&s, NULL));
}

void quota_forget(struct shm *shm, enum quota_kind kind, uint64_t subject)
{
	atomic_fetch_add(forgotten(shm, kind, subject), 1);
}
