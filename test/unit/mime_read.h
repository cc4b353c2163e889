/* mime_read: reads what lib/wire/mime writes, strictly: a line too long, a digit in small
 * letters, a blank at an end or a character cut in two is refused. */
#ifndef PB_TEST_MIME_READ_H
#define PB_TEST_MIME_READ_H

#include <stdlib.h>

#include "lib/base/hash.h"
#include "lib/base/str.h"

static inline int hex_digit(char c)
{
	const char *digits = "0123456789ABCDEF", *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* "=XX" at the start of s: the byte, or -1. */
static inline int hex_byte(struct str s)
{
	if (s.n < 3 || s.p[0] != '=' || hex_digit(s.p[1]) < 0 || hex_digit(s.p[2]) < 0)
		return -1;
	return hex_digit(s.p[1]) * 16 + hex_digit(s.p[2]);
}

static inline bool read_utf8(struct str s)
{
	for (size_t n; s.n; s = str_skip(s, n)) {
		n = str_utf8(s);
		if (!n)
			return false;
	}
	return true;
}

/* Cuts a line off *s; false: none that ends with CRLF, or one of more than most bytes. */
static inline bool read_line(struct str *s, size_t most, struct str *line)
{
	ptrdiff_t lf = str_find(*s, '\n');

	if (lf < 1 || s->p[lf - 1] != '\r' || (size_t)lf - 1 > most)
		return false;
	*line = (struct str){ s->p, (size_t)lf - 1 };
	*s = str_skip(*s, (size_t)lf + 1);
	return str_find(*line, '\r') < 0;
}

/* Each gives the text into dst, which holds s.n bytes; its length, or -1. */
static inline ptrdiff_t read_quoted_printable(struct str s, char *dst)
{
	struct str line;
	size_t n = 0;

	while (s.n) {
		bool soft;

		if (!read_line(&s, 76, &line))
			return -1;
		soft = line.n && line.p[line.n - 1] == '=';
		line.n -= soft;
		if (!soft && line.n && strchr(" \t", line.p[line.n - 1]))
			return -1;
		for (size_t i = 0; i < line.n; i++) {
			int c = line.p[i] == '=' ? hex_byte(str_skip(line, i)) :
						   line.p[i];

			if (c < 0 ||
			    (line.p[i] != '=' && c != '\t' && (c < 32 || c > 126)))
				return -1;
			dst[n++] = (char)c;
			i += line.p[i] == '=' ? 2 : 0;
		}
		if (!soft) {
			dst[n++] = '\r';
			dst[n++] = '\n';
		}
	}
	return (ptrdiff_t)n;
}

static inline ptrdiff_t read_base64(struct str s, char *dst)
{
	struct str line;
	size_t n = 0;

	while (s.n) {
		ptrdiff_t got;

		if (!read_line(&s, 76, &line) || (s.n && line.n != 76))
			return -1;
		got = hash_unb64(line, dst + n, line.n);
		if (got < 1)
			return -1;
		n += (size_t)got;
	}
	return (ptrdiff_t)n;
}

static inline ptrdiff_t read_7bit(struct str s, char *dst)
{
	struct str line, rest = s;

	while (rest.n) {
		if (!read_line(&rest, 78, &line))
			return -1;
		for (size_t i = 0; i < line.n; i++)
			if (line.p[i] != '\t' && (line.p[i] < 32 || line.p[i] > 126))
				return -1;
	}
	if (s.n)
		memcpy(dst, s.p, s.n);
	return (ptrdiff_t)s.n;
}

/* One encoded word "=?UTF-8?X?...?=" into dst + *n; false: it is none, or holds half a
 * character. */
static inline bool read_word(struct str word, char *dst, size_t *n)
{
	struct str s = { word.p + 10, word.n - 12 };
	size_t start = *n;

	if (word.n < 12 || word.n > 75 || memcmp(word.p + word.n - 2, "?=", 2))
		return false;
	if (str_starts(word, STR("=?UTF-8?B?"))) {
		ptrdiff_t got = hash_unb64(s, dst + *n, s.n);

		*n += got > 0 ? (size_t)got : 0;
		return got > 0 && read_utf8((struct str){ dst + start, (size_t)got });
	}
	for (size_t i = 0; i < s.n; i++) {
		int c = s.p[i] == '_' ? ' ' :
			s.p[i] == '=' ? hex_byte(str_skip(s, i)) :
					s.p[i];

		if (c < 0 || s.p[i] == '?' || s.p[i] == ' ')
			return false;
		dst[(*n)++] = (char)c;
		i += s.p[i] == '=' ? 2 : 0;
	}
	return str_starts(word, STR("=?UTF-8?Q?")) &&
	       read_utf8((struct str){ dst + start, *n - start });
}

/* The text of a whole field behind its "Name:": unfolded, and decoded where it is all
 * encoded words. dst holds s.n bytes; the length, or -1. */
static inline ptrdiff_t read_field(struct str s, char *dst)
{
	bool encoded = str_starts(s, STR(" =?UTF-8?"));
	struct str line;
	size_t n = 0;

	for (bool first = true; s.n; first = false) {
		if (!read_line(&s, first ? 76 - 8 : 76, &line) || line.n < 1 ||
		    line.p[0] != ' ')
			return -1;
		if (!encoded && str_trim(line).n == 0 && !(first && s.n == 0))
			return -1; /* a line of blanks alone */
		line = str_skip(line, encoded || first);
		if (encoded && !read_word(line, dst, &n))
			return -1;
		for (size_t i = 0; !encoded && i < line.n; i++) {
			if (line.p[i] < 32 || line.p[i] > 126)
				return -1;
			dst[n++] = line.p[i];
		}
	}
	return (ptrdiff_t)n;
}

#endif
