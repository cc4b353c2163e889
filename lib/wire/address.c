#include "lib/wire/address.h"

#include "lib/base/limits.h"
#include "lib/wire/chars.h"

#define LIMIT_LABEL 63 /* RFC 1035 2.3.4 */

static const char *const fault_texts[] = {
	[ADDRESS_OK] = "ok",
	[ADDRESS_EMPTY] = "empty address",
	[ADDRESS_TOO_LONG] = "address too long",
	[ADDRESS_NO_DOMAIN] = "address without a domain",
	[ADDRESS_BAD_LOCAL] = "invalid characters before the @",
	[ADDRESS_BAD_DOMAIN] = "invalid domain",
	[ADDRESS_BAD_BRACKETS] = "address must stand between < and >",
};
_Static_assert(ARRAY_LEN(fault_texts) == ADDRESS_FAULTS, "a text for each fault");

const char *address_fault_text(enum address_fault f)
{
	return (unsigned)f < ADDRESS_FAULTS ? fault_texts[f] : "invalid address";
}

/* The manual, section 6: "any characters except". Its 127..159 is tested on the unsigned
 * byte; 160..255 pass. */
static bool local_byte(char c)
{
	unsigned char u = (unsigned char)c;

	if (u <= 32 || (u >= 127 && u <= 159))
		return false;
	return !strchr("@()[]\\;:,<>\"'", c);
}

/* The manual's "no adjacent punctuation", and the only place that knows it. It keeps out
 * "a..b" (RFC 5321 forbids that as well) and "a.-b". The price: senders with "--", "+-",
 * "=_" in a variable return path ("b--x_y@list.org", some prvs= and BATV tags, generated
 * bounce names) are refused too, although RFC 5321 allows them. Plain VERP
 * ("bounce+user=example.com@list.org") passes.
 * SRS addresses are let off: "SRS1=HHH=host==HHH=TT=domain=user@fwd" has two = in a row
 * by its grammar, and the base64 of a hash may begin or end with + or /. In them only
 * adjacent dots are refused. */
static bool adjacent_punctuation(bool srs, char before, char c)
{
	if (srs)
		return before == '.' && c == '.';
	return char_punct(before) && char_punct(c);
}

static bool is_srs(struct str local)
{
	return local.n > 4 && strchr("=+-", local.p[4]) &&
	       (str_istarts(local, STR("SRS0")) || str_istarts(local, STR("SRS1")));
}

static enum address_fault check_local(struct str s)
{
	bool srs = is_srs(s);

	if (s.n == 0)
		return ADDRESS_BAD_LOCAL;
	if (s.n > LIMIT_LOCAL_PART)
		return ADDRESS_TOO_LONG;
	if (s.p[0] == '.' || s.p[s.n - 1] == '.') /* RFC 5321 4.1.2: Dot-string */
		return ADDRESS_BAD_LOCAL;
	for (size_t i = 0; i < s.n; i++) {
		if (!local_byte(s.p[i]))
			return ADDRESS_BAD_LOCAL;
		if (i > 0 && adjacent_punctuation(srs, s.p[i - 1], s.p[i]))
			return ADDRESS_BAD_LOCAL;
	}
	return ADDRESS_OK;
}

static bool label_ok(struct str s)
{
	if (s.n == 0 || s.n > LIMIT_LABEL || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!char_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
			return false;
	return true;
}

static enum address_fault check_domain(struct str s)
{
	struct str label;

	if (s.n == 0)
		return ADDRESS_NO_DOMAIN;
	if (s.n > LIMIT_DOMAIN)
		return ADDRESS_TOO_LONG;
	while (str_split(&s, '.', &label))
		if (!label_ok(label))
			return ADDRESS_BAD_DOMAIN;
	return ADDRESS_OK;
}

/* Where the last @ is; s.n when there is none. */
static size_t last_at(struct str s)
{
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == '@')
			return i - 1;
	return s.n;
}

static enum address_fault parse(struct str s, bool catch_all, struct address *out)
{
	size_t at = last_at(s);
	struct address a = { s, { s.p, at }, str_skip(s, at + 1) };
	enum address_fault f = ADDRESS_OK;

	if (s.n == 0)
		return ADDRESS_EMPTY;
	if (s.n > LIMIT_ADDRESS)
		return ADDRESS_TOO_LONG;
	if (at == s.n)
		return ADDRESS_NO_DOMAIN;
	if (!(catch_all && at == 0))
		f = check_local(a.local);
	if (f == ADDRESS_OK)
		f = check_domain(a.domain);
	if (f == ADDRESS_OK && out)
		*out = a;
	return f;
}

enum address_fault address_parse(struct str s, struct address *out)
{
	return parse(s, false, out);
}

enum address_fault address_parse_account(struct str s, struct address *out)
{
	return parse(s, true, out);
}

/* A-d-l = "@" Domain *( "," "@" Domain ) ":" (RFC 5321 4.1.2, appendix C): checked,
 * dropped. */
static enum address_fault drop_source_route(struct str *path)
{
	ptrdiff_t colon = str_find(*path, ':');
	struct str route, hop;

	if (path->n == 0 || path->p[0] != '@')
		return ADDRESS_OK;
	if (colon < 0)
		return ADDRESS_BAD_DOMAIN;
	route = (struct str){ path->p, (size_t)colon };
	while (str_split(&route, ',', &hop))
		if (!str_starts(hop, STR("@")) ||
		    check_domain(str_skip(hop, 1)) != ADDRESS_OK)
			return ADDRESS_BAD_DOMAIN;
	*path = str_skip(*path, (size_t)colon + 1);
	return ADDRESS_OK;
}

enum address_fault address_path(struct str *in, bool null_ok, bool bare_ok,
				struct address *out)
{
	ptrdiff_t end = str_find(*in, '>');
	struct str path;
	enum address_fault f = ADDRESS_OK;

	if (in->n < 2 || in->p[0] != '<' || end < 0)
		return ADDRESS_BAD_BRACKETS;
	path = (struct str){ in->p + 1, (size_t)end - 1 };
	if (path.n == 0 && null_ok) {
		*out = (struct address){ path, path, path };
	} else if (bare_ok && str_ieq(path, STR("postmaster"))) {
		*out = (struct address){ path, path, str_skip(path, path.n) };
	} else {
		f = drop_source_route(&path);
		if (f == ADDRESS_OK)
			f = address_parse(path, out);
	}
	if (f == ADDRESS_OK)
		*in = str_skip(*in, (size_t)end + 1);
	return f;
}

size_t address_fold(const struct address *a, char *dst)
{
	struct str s = { a->full.p,
			 a->full.n < LIMIT_ADDRESS ? a->full.n : LIMIT_ADDRESS };

	if (s.n)
		str_lower(dst, s);
	dst[s.n] = '\0';
	return s.n;
}
