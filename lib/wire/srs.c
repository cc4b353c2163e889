#include "lib/wire/srs.h"

#include "lib/base/hash.h"

#define HASH 5	  /* digits of base32 */
#define TIME 2	  /* the same */
#define DAYS 1024 /* that TIME digits count */
#define DAY_MS (24LL * 3600 * 1000)

static const char *const texts[] = {
	[SRS_OK] = "ok",
	[SRS_NULL] = "null sender",
	[SRS_OURS] = "rewritten already",
	[SRS_LONG] = "would become too long",
	[SRS_UNFIT] = "would become invalid",
	[SRS_NO_SECRET] = "no secret to sign with",
	[SRS_NONE] = "not a rewritten sender",
	[SRS_MALFORMED] = "malformed rewritten sender",
	[SRS_FORGED] = "rewritten sender with a wrong hash",
	[SRS_EXPIRED] = "rewritten sender too old",
};
_Static_assert(ARRAY_LEN(texts) == SRS_RESULTS, "a text for each result");

const char *srs_text(enum srs_result r)
{
	return (unsigned)r < SRS_RESULTS ? texts[r] : "unknown";
}

/* Text that grows to at most an address; what does not fit is remembered, not written. */
struct text {
	char p[LIMIT_ADDRESS + 1];
	size_t n;
	bool full;
};

static void put(struct text *t, struct str s)
{
	if (s.n > LIMIT_ADDRESS - t->n) {
		t->full = true;
		return;
	}
	if (s.n)
		memcpy(t->p + t->n, s.p, s.n);
	t->n += s.n;
}

static struct str text_str(const struct text *t)
{
	return (struct str){ t->p, t->n };
}

/* --- digits --- */

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; /* RFC 4648 6 */

static int base32_value(char c)
{
	const char *at;

	str_lower(&c, (struct str){ &c, 1 });
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	at = c ? strchr(base32, c) : NULL;
	return at ? (int)(at - base32) : -1;
}

static unsigned today(int64_t wall_ms)
{
	return wall_ms > 0 ? (unsigned)(wall_ms / DAY_MS % DAYS) : 0;
}

/* 0..DAYS - 1, or -1. */
static int day_of(struct str time)
{
	int high, low;

	if (time.n != TIME)
		return -1;
	high = base32_value(time.p[0]);
	low = base32_value(time.p[1]);
	return high < 0 || low < 0 ? -1 : high * 32 + low;
}

static bool too_old(unsigned day, int64_t wall_ms, unsigned max_days)
{
	unsigned age = (today(wall_ms) + DAYS - day) % DAYS;

	return age > max_days && age != DAYS - 1;
}

/* Over the kind ('0' or '1') and what stands behind the hash. */
static void sign(struct str secret, char kind, struct str rest, char hash[HASH])
{
	char message[LIMIT_ADDRESS + 1] = { kind };
	uint8_t mac[32];
	uint32_t bits;

	str_lower(message + 1, rest);
	hash_hmac_sha256(secret, (struct str){ message, rest.n + 1 }, mac);
	bits = (uint32_t)mac[0] << 24 | (uint32_t)mac[1] << 16 | (uint32_t)mac[2] << 8 |
	       mac[3];
	for (int i = 0; i < HASH; i++)
		hash[i] = base32[bits >> (27 - 5 * i) & 31];
}

static bool verified(const struct srs_secrets *k, char kind, struct str rest,
		     struct str hash)
{
	char want[HASH], lower[HASH], given[HASH];
	bool ok = false;

	str_lower(given, hash);
	for (size_t i = 0; i < k->n; i++) {
		if (k->list[i].n == 0)
			continue;
		sign(k->list[i], kind, rest, want);
		str_lower(lower, (struct str){ want, HASH });
		ok |= str_same_secret((struct str){ lower, HASH },
				      (struct str){ given, HASH });
	}
	return ok;
}

/* --- what an address says --- */

static bool separator(struct str s)
{
	return s.n && (s.p[0] == '=' || s.p[0] == '+' || s.p[0] == '-');
}

/* "SRS" kind separator at the start of *local: the kind, and *local from the separator
 * on; 0: an ordinary local part. */
static char take_kind(struct str *local)
{
	char kind = local->n > 3 ? local->p[3] : '\0';

	if (!str_istarts(*local, STR("SRS")) || (kind != '0' && kind != '1') ||
	    !separator(str_skip(*local, 4)))
		return '\0';
	*local = str_skip(*local, 4);
	return kind;
}

/* Behind the hash of an SRS1: host "=" and an SRS0 from its separator on. */
static bool guarded(struct str rest, struct str *host, struct str *tail)
{
	ptrdiff_t end = str_find(rest, '=');

	if (end <= 0)
		return false;
	*host = (struct str){ rest.p, (size_t)end };
	*tail = str_skip(rest, (size_t)end + 1);
	return separator(*tail);
}

/* The address within rest, and the day of it; -1: of none, or malformed (*t is empty). */
static int unwrap(char kind, struct str rest, struct text *t)
{
	struct str time, domain, tail;

	if (kind == '1') {
		if (!guarded(rest, &domain, &tail))
			return -1;
		put(t, STR("SRS0"));
		put(t, tail);
		put(t, STR("@"));
		put(t, domain);
		return -1;
	}
	if (!str_split(&rest, '=', &time) || !str_split(&rest, '=', &domain) || !rest.p)
		return -1;
	put(t, rest);
	put(t, STR("@"));
	put(t, domain);
	return day_of(time);
}

/* Puts what an SRS1 of ours has behind its hash; false where sender is an ordinary one,
 * or of the scheme only at first sight. */
static bool put_guarded(const struct address *sender, struct text *rest)
{
	struct str tail = sender->local, hash;
	struct text within = { .n = 0 };
	char kind = take_kind(&tail);

	if (kind == '0') {
		put(rest, sender->domain);
		put(rest, STR("="));
		put(rest, tail);
		return true;
	}
	tail = str_skip(tail, 1);
	if (kind != '1' || !str_split(&tail, '=', &hash) || !tail.p)
		return false;
	unwrap('1', tail, &within);
	if (address_parse(text_str(&within), NULL) != ADDRESS_OK)
		return false;
	put(rest, tail); /* the first host stays, we take the place of the second */
	return true;
}

static void put_ordinary(const struct address *sender, unsigned day, struct text *rest)
{
	char time[TIME] = { base32[day / 32], base32[day % 32] };

	put(rest, (struct str){ time, TIME });
	put(rest, STR("="));
	put(rest, sender->domain);
	put(rest, STR("="));
	put(rest, sender->local);
}

/* --- there and back --- */

static enum srs_result finish(struct text *t, char out[LIMIT_ADDRESS + 1])
{
	enum address_fault f = t->full ? ADDRESS_TOO_LONG :
					 address_parse(text_str(t), NULL);

	if (f == ADDRESS_OK)
		str_copy(out, LIMIT_ADDRESS + 1, text_str(t));
	return f == ADDRESS_OK ? SRS_OK : f == ADDRESS_TOO_LONG ? SRS_LONG : SRS_UNFIT;
}

static bool ours(const struct address *sender, struct str domain)
{
	struct str local = sender->local;

	return str_ieq(sender->domain, domain) && take_kind(&local) != '\0';
}

enum srs_result srs_forward(const struct srs_secrets *k, int64_t wall_ms,
			    const struct address *sender, struct str domain,
			    char out[LIMIT_ADDRESS + 1])
{
	struct text rest = { .n = 0 }, all = { .n = 0 };
	char head[] = "SRS0=HHHHH=", kind;

	out[0] = '\0';
	if (sender->full.n == 0)
		return SRS_NULL;
	if (ours(sender, domain))
		return SRS_OURS;
	if (k->n == 0 || k->list[0].n == 0)
		return SRS_NO_SECRET;
	kind = put_guarded(sender, &rest) ? '1' : '0';
	if (kind == '0')
		put_ordinary(sender, today(wall_ms), &rest);
	if (rest.full)
		return SRS_LONG;
	head[3] = kind;
	sign(k->list[0], kind, text_str(&rest), head + 5);
	put(&all, STR(head));
	put(&all, text_str(&rest));
	put(&all, STR("@"));
	put(&all, domain);
	return finish(&all, out);
}

enum srs_result srs_reverse(const struct srs_secrets *k, int64_t wall_ms,
			    struct str local, unsigned max_days,
			    char out[LIMIT_ADDRESS + 1])
{
	struct text t = { .n = 0 };
	struct str hash, rest = local;
	char kind = take_kind(&rest);
	int day;

	out[0] = '\0';
	if (!kind)
		return SRS_NONE;
	if (local.n > LIMIT_LOCAL_PART || rest.p[0] != '=')
		return SRS_MALFORMED; /* we write = */
	rest = str_skip(rest, 1);
	if (!str_split(&rest, '=', &hash) || !rest.p || hash.n != HASH)
		return SRS_MALFORMED;
	day = unwrap(kind, rest, &t);
	if ((kind == '0' && day < 0) || address_parse(text_str(&t), NULL) != ADDRESS_OK)
		return SRS_MALFORMED;
	if (!verified(k, kind, rest, hash))
		return SRS_FORGED;
	if (kind == '0' && too_old((unsigned)day, wall_ms, max_days))
		return SRS_EXPIRED;
	return finish(&t, out);
}
