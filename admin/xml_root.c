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

/* what begins like a tag and is none, how it ends; the first may stand before the root element */
static const struct {
	struct str begin, end;
} asides[] = {
	{ STR_INIT("<!--"), STR_INIT("-->") },
	{ STR_INIT("<?"), STR_INIT("?>") },
	{ STR_INIT("<![CDATA["), STR_INIT("]]>") },
};
#define BEFORE_ROOT 2

/* s behind one of the first n asides; s itself when it does not begin with one. */
static struct str skip_aside(struct str s, size_t n)
{
	for (size_t i = 0; i < n; i++)
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
		in = skip_aside(in, BEFORE_ROOT);
	} while (in.n < before.n);
	return str_starts(in, STR("<")) ? name_of(str_skip(in, 1)) : STR("");
}

/* Behind the '>' of the tag; what stands in quotes does not end it. */
static struct str skip_tag(struct str s)
{
	char quote = '\0';
	size_t i = 0;

	for (; i < s.n; i++) {
		char c = s.p[i];

		if (quote)
			quote = c == quote ? '\0' : quote;
		else if (c == '>')
			return str_skip(s, i + 1);
		else if (c == '"' || c == '\'')
			quote = c;
	}
	return str_skip(s, i);
}

/* Of "name a='b' />". */
static size_t attributes_of(struct str tag)
{
	tag = str_skip(tag, name_of(tag).n);
	if (tag.n > 0 && tag.p[tag.n - 1] == '>')
		tag.n--;
	tag = str_trim(tag);
	if (tag.n > 0 && tag.p[tag.n - 1] == '/')
		tag.n--;
	return str_trim(tag).n;
}

size_t xml_attribute_bytes(struct str in)
{
	size_t sum = 0;
	const char *at;

	while (in.n > 0 && (at = memchr(in.p, '<', in.n))) {
		struct str rest;

		in = str_skip(in, (size_t)(at - in.p));
		rest = skip_aside(in, ARRAY_LEN(asides));
		if (rest.n == in.n) {
			rest = skip_tag(in);
			if (!str_starts(in, STR("</")))
				sum += attributes_of((struct str){ in.p + 1, in.n - rest.n - 1 });
		}
		in = rest;
	}
	return sum;
}
