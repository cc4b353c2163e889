/* chars: the classes of bytes that the grammars of this room speak of (RFC 5234 B.1).
 * Pure; ASCII only, whatever the locale says. */
#ifndef PB_WIRE_CHARS_H
#define PB_WIRE_CHARS_H

#include "lib/base/str.h"

static inline bool char_digit(char c)
{
	return c >= '0' && c <= '9';
}
static inline bool char_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool char_alnum(char c)
{
	return char_digit(c) || char_alpha(c);
}
static inline bool char_blank(char c)
{
	return c == ' ' || c == '\t';
}
/* 33..126, what prints and takes room. */
static inline bool char_visible(char c)
{
	return c > ' ' && c < 127;
}
static inline bool char_punct(char c)
{
	return char_visible(c) && !char_alnum(c);
}
/* s without the blanks in front. */
static inline struct str chars_skip_blanks(struct str s)
{
	while (s.n && char_blank(s.p[0]))
		s = str_skip(s, 1);
	return s;
}
/* Cuts the line at the start of s, up to its LF, off into *line, which is without LF and
 * the one CR before it. Returns the bytes of the line with its end; 0: no LF there. */
static inline size_t chars_line(struct str s, struct str *line)
{
	const char *lf = s.n ? memchr(s.p, '\n', s.n) : NULL;

	if (!lf)
		return 0;
	line->p = s.p;
	line->n = (size_t)(lf - s.p);
	if (line->n && lf[-1] == '\r')
		line->n--;
	return (size_t)(lf - s.p) + 1;
}
/* A byte that no line of text may hold, and that other programs take for its end. */
static inline bool chars_broken(struct str line)
{
	return line.n && (memchr(line.p, '\0', line.n) || memchr(line.p, '\r', line.n));
}

#endif
