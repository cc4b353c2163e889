#include "admin/xml_out.h"

#include <inttypes.h>

#include "lib/base/limits.h"

#define REPLACEMENT STR("\xef\xbf\xbd") /* U+FFFD */

void xml_out_init(struct xml_out *o, unsigned depth)
{
	buf_init(&o->buf, LIMIT_XML_ANSWER);
	o->depth = depth;
	o->full = false;
}

void xml_out_free(struct xml_out *o)
{
	buf_release(&o->buf);
}

/* --- bytes --- */

static void add(struct xml_out *o, struct str s)
{
	if (buf_add(&o->buf, s) < 0)
		o->full = true;
}

static void indent(struct xml_out *o)
{
	for (unsigned i = 0; i < o->depth; i++)
		add(o, STR("  "));
}

/* The length of the character at the start of s; 0 when XML 1.0 cannot carry it (its
 * production 2, Char) or when it is no UTF-8 (RFC 3629). */
static size_t character(struct str s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t c = n == 1 ? p[0] : p[0] & (0x7fu >> n);

	if (n == 1)
		return c >= 32 || c == '\t' || c == '\n' || c == '\r';
	if (n > s.n || p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c == 0xfffe || c == 0xffff)
		return 0;
	return n;
}

/* A bare CR would come back as a newline (XML 1.0, 2.11). */
static struct str entity(char c)
{
	switch (c) {
	case '&':
		return STR("&amp;");
	case '<':
		return STR("&lt;");
	case '>':
		return STR("&gt;");
	case '\r':
		return STR("&#13;");
	default:
		return STR("");
	}
}

static void add_escaped(struct xml_out *o, struct str s)
{
	size_t plain = 0; /* bytes in front that go as they are */

	while (plain < s.n) {
		struct str rest = str_skip(s, plain);
		size_t n = character(rest);
		struct str instead = n ? entity(rest.p[0]) : REPLACEMENT;

		if (instead.n == 0) {
			plain += n;
			continue;
		}
		add(o, (struct str){ s.p, plain });
		add(o, instead);
		s = str_skip(rest, 1);
		plain = 0;
	}
	add(o, s);
}

static void add_tag(struct xml_out *o, const char *before, const char *name, const char *after)
{
	add(o, str_z(before));
	add(o, str_z(name));
	add(o, str_z(after));
}

/* --- elements --- */

void xml_out_begin(struct xml_out *o, struct str command)
{
	xml_out_init(o, 0);
	add(o, STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
	xml_out_open(o, "response", -1);
	xml_out_text(o, "command", command);
}

void xml_out_text(struct xml_out *o, const char *name, struct str value)
{
	indent(o);
	add_tag(o, "<", name, ">");
	add_escaped(o, value);
	add_tag(o, "</", name, ">\n");
}

void xml_out_int(struct xml_out *o, const char *name, int64_t value)
{
	indent(o);
	if (buf_addf(&o->buf, "<%s>%" PRId64 "</%s>\n", name, value, name) < 0)
		o->full = true;
}

void xml_out_open(struct xml_out *o, const char *name, int64_t total)
{
	indent(o);
	if (total < 0)
		add_tag(o, "<", name, ">\n");
	else if (buf_addf(&o->buf, "<%s total=\"%" PRId64 "\">\n", name, total) < 0)
		o->full = true;
	o->depth++;
}

void xml_out_close(struct xml_out *o, const char *name)
{
	o->depth--;
	indent(o);
	add_tag(o, "</", name, ">\n");
}

void xml_out_cut(struct xml_out *o, size_t n)
{
	buf_cut(&o->buf, n);
	o->full = false;
}

void xml_out_piece(struct xml_out *o, const struct xml_out *piece)
{
	add(o, buf_str(&piece->buf));
	o->full |= piece->full;
}

struct str xml_out_end(struct xml_out *o)
{
	xml_out_close(o, "response");
	return buf_str(&o->buf);
}
