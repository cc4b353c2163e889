#include "cmd/pbctl/text.h"

#include <locale.h>
#include <wchar.h>

#include "lib/base/err.h"

#define ELLIPSIS "\xe2\x80\xa6"

/* --- characters --- */

/* The widths of characters are libc's, whatever the locale of the caller is. */
static locale_t utf8(void)
{
	static locale_t l;

	if (!l)
		l = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!l)
		bug("libc has no locale C.UTF-8");
	return l;
}

/* Unicode's marks that turn the direction of what follows (UAX 9): a value could pass for
 * another one. */
static bool turns(wchar_t c)
{
	return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

static struct glyph decode(struct str s)
{
	mbstate_t state = { 0 };
	wchar_t c;
	size_t n = mbrtowc(&c, s.p, s.n, &state);
	int columns = n > 0 && n <= s.n ? wcwidth(c) : -1;

	if (n == 0 || n > s.n) /* NUL; broken or cut off */
		return (struct glyph){ 1, 1, false };
	if (columns < 0 || turns(c))
		return (struct glyph){ n, 1, false };
	return (struct glyph){ n, (unsigned)columns, true };
}

struct glyph text_glyph(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];
	struct glyph g = { 1, 1, c >= 32 && c < 127 };
	locale_t before;

	if (c < 128)
		return g;
	before = uselocale(utf8());
	g = decode(s);
	uselocale(before);
	return g;
}

size_t text_width(struct str s)
{
	size_t n = 0;

	while (s.n > 0) {
		struct glyph g = text_glyph(s);

		n += g.columns;
		s = str_skip(s, g.bytes);
	}
	return n;
}

/* --- printing --- */

static void put(FILE *out, struct str s, struct glyph g)
{
	if (g.plain)
		(void)fwrite(s.p, 1, g.bytes, out);
	else
		fputc('?', out);
}

void text_print(FILE *out, struct str s, unsigned indent)
{
	while (s.n > 0) {
		struct glyph g = text_glyph(s);

		if (s.p[0] == '\n')
			fprintf(out, "\n%*s", (int)indent, "");
		else if (s.p[0] == '\t')
			fputc('\t', out);
		else
			put(out, s, g);
		s = str_skip(s, g.bytes);
	}
}

size_t text_print_line(FILE *out, struct str s, size_t max)
{
	size_t width = text_width(s), room = width <= max ? max : max - 1, n = 0;

	while (s.n > 0) {
		struct glyph g = text_glyph(s);

		if (n + g.columns > room)
			break;
		if (s.p[0] == '\n' || s.p[0] == '\t')
			fputc(' ', out);
		else
			put(out, s, g);
		n += g.columns;
		s = str_skip(s, g.bytes);
	}
	if (s.n > 0) {
		fputs(ELLIPSIS, out);
		n++;
	}
	return n;
}
