#include "lib/guard/envelope_key.h"

#include "lib/base/hash.h"

#define BATV_TAG 10 /* K, DDD, SSSSSS */
#define BATV_DECIMALS 4
#define HEX_NUMBER 8 /* shorter ones may be words: "cafe2" */

static const struct str bounce_words[] = {
	STR_INIT("bounce"), STR_INIT("bounces"), STR_INIT("return"), STR_INIT("returns"),
	STR_INIT("owner"),  STR_INIT("errors"),	 STR_INIT("verp"),
};

/* --- pieces --- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c) /* of folded text */
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool all_are(struct str s, bool (*is)(char))
{
	for (size_t i = 0; i < s.n; i++)
		if (!is(s.p[i]))
			return false;
	return s.n > 0;
}

static bool is_number(struct str s)
{
	size_t digits = 0;

	for (size_t i = 0; i < s.n; i++)
		digits += is_digit(s.p[i]);
	return digits > 0 && (digits == s.n || (s.n >= HEX_NUMBER && all_are(s, is_hex)));
}

/* Cuts the piece in front of the next separator off *rest; its separator too, '\0' for none. */
static struct str next_piece(struct str *rest, char *separator)
{
	struct str piece = *rest;
	size_t n = 0;

	while (n < rest->n && !memchr(".-_=", rest->p[n], 4))
		n++;
	piece.n = n;
	*separator = n < rest->n ? rest->p[n] : '\0';
	*rest = str_skip(*rest, n + 1);
	return piece;
}

static bool is_bounce_word(struct str s)
{
	for (size_t i = 0; i < ARRAY_LEN(bounce_words); i++)
		if (str_eq(s, bounce_words[i]))
			return true;
	return false;
}

static bool made_by_program(struct str local)
{
	char separator;

	if (str_find(local, '=') >= 0)
		return true;
	while (local.n > 0)
		if (is_bounce_word(next_piece(&local, &separator)))
			return true;
	return false;
}

/* --- tags: each leaves of *local what is behind its own, or all of it --- */

static bool take_field(struct str *s, struct str *field)
{
	ptrdiff_t at = str_find(*s, '=');

	if (at <= 0)
		return false;
	*field = (struct str){ s->p, (size_t)at };
	*s = str_skip(*s, (size_t)at + 1);
	return s->n > 0;
}

/* "SRS0" and the like with a separator behind it; other hosts write + or - as well. */
static bool take_srs(struct str *s, struct str name)
{
	if (!str_starts(*s, name) || s->n <= name.n || !memchr("=+-", s->p[name.n], 3))
		return false;
	*s = str_skip(*s, name.n + 1);
	return true;
}

static bool untag_srs0(struct str *local)
{
	struct str s = *local, hash, day;

	if (!take_srs(&s, STR("srs0")) || !take_field(&s, &hash) || !take_field(&s, &day))
		return false;
	*local = s;
	return true;
}

static bool untag_srs1(struct str *local)
{
	struct str s = *local, hash, host, day;

	if (!take_srs(&s, STR("srs1")) || !take_field(&s, &hash) ||
	    !take_field(&s, &host) || !memchr("=+-", s.p[0], 3))
		return false;
	s = str_skip(s, 1);
	if (!take_field(&s, &hash) || !take_field(&s, &day))
		return false;
	*local = s;
	return true;
}

static bool is_batv_tag(struct str s)
{
	return s.n == BATV_TAG && all_are(s, is_hex) &&
	       all_are((struct str){ s.p, BATV_DECIMALS }, is_digit);
}

static bool untag_prvs(struct str *local)
{
	struct str s = *local, first;

	if (!str_starts(s, STR("prvs=")))
		return false;
	s = str_skip(s, 5);
	if (!take_field(&s, &first) || (!is_batv_tag(first) && !is_batv_tag(s)))
		return false;
	*local = is_batv_tag(first) ? s : first;
	return true;
}

static bool untag_btv1(struct str *local)
{
	struct str s = *local, tag;

	if (!str_starts(s, STR("btv1==")))
		return false;
	s = str_skip(s, 6);
	if (!take_field(&s, &tag) || !all_are(tag, is_hex) || s.p[0] != '=' || s.n < 2)
		return false;
	*local = str_skip(s, 1);
	return true;
}

/* --- the whole --- */

static struct str without_detail(struct str local)
{
	ptrdiff_t at = str_find(local, '+');

	return at > 0 ? (struct str){ local.p, (size_t)at } : local;
}

/* Numbers as "#". Writes in place: the result is no longer at any point. */
static struct str without_numbers(struct str local, char *at)
{
	struct str rest = local, piece;
	size_t n = 0;
	char separator;

	while (rest.n > 0) {
		piece = next_piece(&rest, &separator);
		if (is_number(piece))
			piece = STR("#");
		memmove(at + n, piece.p, piece.n);
		n += piece.n;
		if (separator)
			at[n++] = separator;
	}
	return (struct str){ at, n };
}

/* Takes "SRS0=hash=day=domain=" off *local and writes what is kept of it; how long that is. */
static size_t fold_srs(struct str *local, char *at)
{
	struct str s = *local, name = STR("srs0="), domain;

	if (!untag_srs0(&s)) {
		name = STR("srs1=");
		if (!untag_srs1(&s))
			return 0;
	}
	if (!take_field(&s, &domain))
		return 0;
	memcpy(at, name.p, name.n);
	memmove(at + name.n, domain.p, domain.n);
	at[name.n + domain.n] = '=';
	*local = s;
	return name.n + domain.n + 1;
}

/* In place: what is kept of a tag is shorter than the tag. */
static size_t fold_local(struct str local, char *at)
{
	size_t n = 0, kept;

	do {
		kept = fold_srs(&local, at + n);
		n += kept;
	} while (kept > 0 || untag_prvs(&local) || untag_btv1(&local));
	local = without_detail(local);
	if (made_by_program(local))
		local = without_numbers(local, at + n);
	memmove(at + n, local.p, local.n);
	return n + local.n;
}

/* The domain of a folded address, empty without one. */
static struct str domain_of(struct str address)
{
	size_t at = address.n;

	while (at > 0 && address.p[at - 1] != '@')
		at--;
	return at > 0 ? str_skip(address, at) : (struct str){ address.p, 0 };
}

static struct str fold(struct str s, char out[LIMIT_ADDRESS])
{
	s.n = s.n < LIMIT_ADDRESS ? s.n : LIMIT_ADDRESS;
	if (s.n > 0)
		str_lower(out, s);
	return (struct str){ out, s.n };
}

size_t sender_fold(struct str sender, char out[LIMIT_ADDRESS])
{
	char text[LIMIT_ADDRESS];
	struct str all = fold(sender, text), domain = domain_of(all);
	size_t n;

	if (domain.n == 0 || domain.n + 1 == all.n)
		return fold(sender, out).n;
	n = fold_local((struct str){ all.p, all.n - domain.n - 1 }, text);
	memcpy(out, text, n);
	out[n] = '@';
	memcpy(out + n + 1, domain.p, domain.n);
	return n + 1 + domain.n;
}

/* --- keys --- */

#define IPV4_MARK 0xff

void network_key(const struct ipaddr *client, uint8_t key[NETWORK_KEY])
{
	memcpy(key, client->b, NETWORK_KEY);
	if (!ip_is4(client))
		return;
	memset(key, 0, NETWORK_KEY);
	key[4] = IPV4_MARK;
	memcpy(key + 5, client->b + 12, 3);
}

struct ipaddr network_of_key(const uint8_t key[NETWORK_KEY])
{
	static const uint8_t mark[5] = { 0, 0, 0, 0, IPV4_MARK };
	struct ipaddr ip = { { 0 } };

	if (memcmp(key, mark, sizeof(mark)) != 0) {
		memcpy(ip.b, key, NETWORK_KEY);
		return ip;
	}
	ip.b[10] = ip.b[11] = 0xff;
	memcpy(ip.b + 12, key + 5, 3);
	return ip;
}

void spread_key(const struct ipaddr *client, uint8_t key[ENVELOPE_KEY])
{
	network_key(client, key);
	memset(key + NETWORK_KEY, 0, ENVELOPE_KEY - NETWORK_KEY);
}

/* The parts with a NUL between them, which is in none. client NULL: nobody's. */
static void key_of(struct str kind, const struct ipaddr *client, struct str a,
		   struct str b, uint8_t key[ENVELOPE_KEY])
{
	uint8_t digest[32];
	struct hash *h = hash_begin();

	hash_more(h, kind);
	hash_more(h, a);
	hash_more(h, (struct str){ "", 1 });
	hash_more(h, b);
	hash_end(&h, digest);
	memset(key, 0, NETWORK_KEY);
	key[0] = 0xff;
	if (client)
		network_key(client, key);
	memcpy(key + NETWORK_KEY, digest, ENVELOPE_KEY - NETWORK_KEY);
}

void greylist_key(const struct ipaddr *client, struct str sender, struct str recipient,
		  uint8_t key[ENVELOPE_KEY])
{
	char from[LIMIT_ADDRESS], to[LIMIT_ADDRESS];
	struct str whom = fold(recipient, to), who = { from, sender_fold(sender, from) };

	key_of(STR("greylist"), client, who, whom, key);
}

void trust_key(const struct ipaddr *client, struct str sender, uint8_t key[ENVELOPE_KEY])
{
	char text[LIMIT_ADDRESS];

	key_of(STR("trust"), client, domain_of(fold(sender, text)), (struct str){ "", 0 }, key);
}

void network_trust_key(const struct ipaddr *client, uint8_t key[ENVELOPE_KEY])
{
	key_of(STR("network"), client, (struct str){ "", 0 }, (struct str){ "", 0 }, key);
}

void naming_key(struct str sender, uint8_t key[ENVELOPE_KEY])
{
	char text[LIMIT_ADDRESS];

	key_of(STR("naming"), NULL, domain_of(fold(sender, text)), (struct str){ "", 0 }, key);
}

struct str sender_domain(struct str sender)
{
	return domain_of(sender);
}
