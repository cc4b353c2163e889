#include "admin/xml_root.h"

#define BLANKS " \t\r\n"

static struct str skip_blanks(struct str s)
{
	size_t n = 0;

	while (n < s.n && memchr(BLANKS, s.p[n], strlen(BLANKS)))
		n++;
	return str_skip(s, n);
}

/* Behind the first end; nothing when it has not come. */
static struct str skip_to(struct str s, struct str end)
{
	const char *at = s.n ? memmem(s.p, s.n, end.p, end.n) : NULL;

	return str_skip(s, at ? (size_t)(at - s.p) + end.n : s.n);
}

/* what may stand before the root element, how it ends */
static const struct {
	struct str begin, end;
} asides[] = {
	{ STR_INIT("<!--"), STR_INIT("-->") },
	{ STR_INIT("<?"), STR_INIT("?>") },
};

/* s behind one aside; s itself when it does not begin with one. */
static struct str skip_aside(struct str s)
{
	for (size_t i = 0; i < ARRAY_LEN(asides); i++)
		if (str_starts(s, asides[i].begin))
			return skip_to(str_skip(s, asides[i].begin.n), asides[i].end);
	return s;
}

static struct str name_of(struct str s)
{
	static const char ends[] = BLANKS "/>";
	size_t n = 0;

	while (n < s.n && !memchr(ends, s.p[n], strlen(ends)))
		n++;
	return (struct str){ s.p, n < s.n ? n : 0 };
}

struct str xml_root(struct str in)
{
	struct str before;

	if (str_starts(in, STR("\xef\xbb\xbf")))
		in = str_skip(in, 3);
	do {
		before = in = skip_blanks(in);
		in = skip_aside(in);
	} while (in.n < before.n);
	return str_starts(in, STR("<")) ? name_of(str_skip(in, 1)) : STR("");
}
