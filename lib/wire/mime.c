#include "lib/wire/mime.h"

#include "lib/base/hash.h"
#include "lib/wire/chars.h"

#define LINE_TEXT 78	/* RFC 5322 2.1.1: without CRLF */
#define LINE_ENCODED 76 /* RFC 2047 2, RFC 2045 6.7 and 6.8 */
#define LINE_WORD 900	/* a word of others that cannot be folded; RFC 5322 2.1.1: 998 */
#define ENCODED_HEAD 12 /* "=?UTF-8?B?" and "?=" */
#define BASE64_LINE 57	/* bytes that give LINE_ENCODED digits */

/* Where text goes; out NULL: it is only counted. */
struct sink {
	struct buf *out;
	size_t n;
	bool full;
};

static void put(struct sink *k, struct str s)
{
	k->n += s.n;
	if (k->out && !k->full && buf_add(k->out, s) < 0)
		k->full = true;
}

/* One character of text, or what stands for it. */
struct unit {
	char p[4];
	size_t n;
};

static struct str unit_str(const struct unit *u)
{
	return (struct str){ u->p, u->n };
}

static struct unit unit_of(char c)
{
	return (struct unit){ { c }, 1 };
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 127;
}

/* Takes one character off *in, which is not empty; '?' for a byte of none. */
static struct unit take_char(struct str *in)
{
	size_t n = str_utf8(*in);
	struct unit u = unit_of('?');

	if (n) {
		memcpy(u.p, in->p, n);
		u.n = n;
	}
	*in = str_skip(*in, n ? n : 1);
	return u;
}

/* --- fields --- */

/* The value of a field on its one line. */
struct line {
	char p[LIMIT_UNSTRUCTURED];
	size_t n;
};

static struct str line_str(const struct line *l)
{
	return str_trim((struct str){ l->p, l->n });
}

static bool line_add(struct line *l, struct str s)
{
	if (s.n > sizeof(l->p) - l->n)
		return false;
	if (s.n)
		memcpy(l->p + l->n, s.p, s.n);
	l->n += s.n;
	return true;
}

static void line_add_text(struct line *l, struct str text)
{
	struct unit u;

	do {
		if (!text.n)
			return;
		if (str_starts(text, STR("\r\n")))
			text = str_skip(text, 1);
		u = take_char(&text);
		if (is_control(u.p[0]))
			u = unit_of(' ');
	} while (line_add(l, unit_str(&u)));
}

/* Blanks and the word behind them, at the start of s. */
static struct str next_piece(struct str s)
{
	size_t n = 0;

	while (n < s.n && char_blank(s.p[n]))
		n++;
	while (n < s.n && !char_blank(s.p[n]))
		n++;
	return (struct str){ s.p, n };
}

static size_t longest_piece(struct str s)
{
	struct str piece;
	size_t most = 0;

	for (; s.n; s = str_skip(s, piece.n)) {
		piece = next_piece(s);
		most = piece.n > most ? piece.n : most;
	}
	return most;
}

/* A fold stands in front of blanks that are there anyway: unfolding gives the text. */
static void put_words(struct sink *k, size_t column, struct str s)
{
	struct str piece = { NULL, 0 };

	put(k, STR(" "));
	for (column++; s.n; s = str_skip(s, piece.n)) {
		bool first = !piece.p;

		piece = next_piece(s);
		if (!first && column + piece.n > LINE_ENCODED) {
			put(k, STR("\r\n"));
			column = 0;
		}
		put(k, piece);
		column += piece.n;
	}
}

/* RFC 2047 5 (3): what stands for itself in Q wherever an encoded word may stand. */
static bool q_safe(char c)
{
	return char_alnum(c) || (c && strchr("!*+-/", c));
}

static size_t q_cost(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += q_safe(s.p[i]) || s.p[i] == ' ' ? 1 : 3;
	return n;
}

static size_t b_cost(struct str s)
{
	return (s.n + 2) / 3 * 4;
}

/* "=", and a byte in two hexadecimal digits, in capitals (RFC 2045 6.7 (1)). */
static void put_hex(struct sink *k, char c)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char u = (unsigned char)c;
	char text[3] = { '=', digits[u >> 4], digits[u & 15] };

	put(k, (struct str){ text, 3 });
}

static void put_q(struct sink *k, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (q_safe(s.p[i]))
			put(k, (struct str){ s.p + i, 1 });
		else if (s.p[i] == ' ')
			put(k, STR("_"));
		else
			put_hex(k, s.p[i]);
	}
}

static void put_base64(struct sink *k, struct str s)
{
	char digits[LINE_ENCODED + 1]; /* s.n <= BASE64_LINE */

	put(k, (struct str){ digits, hash_b64(s, digits) });
}

/* As many whole characters from the start of s as cost at most room. */
static struct str fitting(struct str s, size_t room, size_t (*cost)(struct str s))
{
	struct str rest = s, head = { s.p, 0 };

	while (rest.n) {
		struct unit u = take_char(&rest);

		if (cost((struct str){ s.p, head.n + u.n }) > room)
			break;
		head.n += u.n;
	}
	return head;
}

/* Blanks between encoded words do not count (RFC 2047 6.2): they hold all of s. */
static void put_encoded(struct sink *k, size_t column, struct str s)
{
	bool q = q_cost(s) <= b_cost(s);

	while (s.n) {
		size_t room = LINE_ENCODED - column - 1 - ENCODED_HEAD;
		struct str head = fitting(s, room, q ? q_cost : b_cost);

		put(k, column ? STR(" ") : STR("\r\n "));
		put(k, q ? STR("=?UTF-8?Q?") : STR("=?UTF-8?B?"));
		if (q)
			put_q(k, head);
		else
			put_base64(k, head);
		put(k, STR("?="));
		s = str_skip(s, head.n);
		column = 0;
	}
}

static bool ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 126)
			return false;
	return true;
}

static bool looks_encoded(struct str s)
{
	return s.n && memmem(s.p, s.n, "=?", 2) != NULL;
}

static int put_field(struct buf *out, struct str name, struct str value, bool words)
{
	struct sink k = { .out = out };

	put(&k, name);
	put(&k, STR(":"));
	if (words)
		put_words(&k, name.n + 1, value);
	else
		put_encoded(&k, name.n + 1, value);
	put(&k, STR("\r\n"));
	return k.full ? -1 : 0;
}

static int put_text(struct buf *out, struct str name, struct str value)
{
	return put_field(out, name, value,
			 ascii(value) && !looks_encoded(value) &&
				 longest_piece(value) < LINE_ENCODED - name.n - 1);
}

int mime_text_field(struct buf *out, struct str name, struct str text)
{
	struct line l = { .n = 0 };

	line_add_text(&l, text);
	return put_text(out, name, line_str(&l));
}

/* Takes line ends out; what they folded is blanks. */
static struct str unfolded(struct str value, char *dst, size_t cap)
{
	size_t n = 0;

	value = str_trim(value);
	for (size_t i = 0; i < value.n && n < cap; i++) {
		char c = value.p[i];
		bool fold = c == '\n' ||
			    (c == '\r' && i + 1 < value.n && value.p[i + 1] == '\n');

		if (!fold)
			dst[n++] = is_control(c) ? ' ' : c;
	}
	return (struct str){ dst, n };
}

int mime_kept_field(struct buf *out, struct str name, struct str prefix, struct str value)
{
	char flat[2 *
		  LIMIT_UNSTRUCTURED]; /* more than is kept: the cut is between words */
	struct line l = { .n = 0 };
	struct str s = unfolded(value, flat, sizeof(flat)), piece;

	line_add_text(&l, prefix);
	if (!ascii(s)) {
		line_add_text(&l, s.n ? STR(" ") : s);
		line_add_text(&l, s);
		return put_text(out, name, line_str(&l));
	}
	while (s.n) {
		piece = next_piece(s);
		if (piece.n > LINE_WORD || !line_add(&l, STR(" ")) ||
		    !line_add(&l, piece))
			break;
		s = str_skip(s, piece.n);
		s = s.n ? str_skip(s, 1) : s; /* the blank that is added above */
	}
	return put_field(out, name, line_str(&l), true);
}

/* --- bodies --- */

static const char *const encodings[] = {
	[MIME_7BIT] = "7bit",
	[MIME_QUOTED_PRINTABLE] = "quoted-printable",
	[MIME_BASE64] = "base64",
};
_Static_assert(ARRAY_LEN(encodings) == MIME_ENCODINGS, "a name for each encoding");

const char *mime_encoding_name(enum mime_encoding e)
{
	return (unsigned)e < MIME_ENCODINGS ? encodings[e] : "binary";
}

/* Text on its way out, character by character. */
struct walk {
	struct str rest;
	bool in_line; /* which has no end yet */
};

static bool at_line_end(const struct walk *w)
{
	return w->rest.n == 0 || w->rest.p[0] == '\r' || w->rest.p[0] == '\n';
}

/* The next character; CRLF for any line end, and behind a last line without. */
static bool walk_next(struct walk *w, struct unit *u)
{
	if (w->rest.n == 0 && !w->in_line)
		return false;
	if (!at_line_end(w)) {
		w->in_line = true;
		*u = take_char(&w->rest);
		if (is_control(u->p[0]) && u->p[0] != '\t')
			*u = unit_of('?');
		return true;
	}
	w->rest = str_skip(w->rest, str_starts(w->rest, STR("\r\n")) ? 2 : 1);
	w->in_line = false;
	*u = (struct unit){ "\r\n", 2 };
	return true;
}

static void put_7bit(struct sink *k, struct str text)
{
	struct walk w = { text, false };
	struct unit u;

	while (walk_next(&w, &u))
		put(k, unit_str(&u));
}

/* RFC 2045 6.7: a blank at the end of a line is written in digits (3), no line is longer
 * than 76 with the "=" that breaks it (5). A character stays on one line. */
static void put_quoted_printable(struct sink *k, struct str text)
{
	struct walk w = { text, false };
	struct unit u;
	size_t column = 0;

	while (walk_next(&w, &u)) {
		bool end = u.p[0] == '\r', last = at_line_end(&w);
		bool plain = u.n == 1 && u.p[0] != '=' && !(char_blank(u.p[0]) && last);
		size_t n = plain ? 1 : 3 * u.n;

		if (!end && column + n > LINE_ENCODED - (last ? 0u : 1u)) {
			put(k, STR("=\r\n"));
			column = 0;
		}
		column = end ? 0 : column + n;
		if (end || plain)
			put(k, unit_str(&u));
		for (size_t i = 0; !end && !plain && i < u.n; i++)
			put_hex(k, u.p[i]);
	}
}

static void put_base64_lines(struct sink *k, struct str text)
{
	struct walk w = { text, false };
	struct unit u;
	char line[BASE64_LINE];
	size_t n = 0;

	while (walk_next(&w, &u)) {
		for (size_t i = 0; i < u.n; i++) {
			line[n++] = u.p[i];
			if (n < BASE64_LINE)
				continue;
			put_base64(k, (struct str){ line, n });
			put(k, STR("\r\n"));
			n = 0;
		}
	}
	if (n) {
		put_base64(k, (struct str){ line, n });
		put(k, STR("\r\n"));
	}
}

static void (*const writers[])(struct sink *k, struct str text) = {
	[MIME_7BIT] = put_7bit,
	[MIME_QUOTED_PRINTABLE] = put_quoted_printable,
	[MIME_BASE64] = put_base64_lines,
};
_Static_assert(ARRAY_LEN(writers) == MIME_ENCODINGS, "a writer for each encoding");

static size_t cost(struct str text, enum mime_encoding e)
{
	struct sink k = { .out = NULL };

	writers[e](&k, text);
	return k.n;
}

static bool fits_7bit(struct str text)
{
	struct walk w = { text, false };
	struct unit u;
	size_t column = 0;

	while (walk_next(&w, &u)) {
		column = u.p[0] == '\r' ? 0 : column + 1;
		if ((u.n > 1 && u.p[0] != '\r') || column > LINE_TEXT)
			return false;
	}
	return true;
}

enum mime_encoding mime_choose(struct str text)
{
	if (fits_7bit(text))
		return MIME_7BIT;
	return cost(text, MIME_QUOTED_PRINTABLE) <= cost(text, MIME_BASE64) ?
		       MIME_QUOTED_PRINTABLE :
		       MIME_BASE64;
}

int mime_body(struct buf *out, struct str text, enum mime_encoding e)
{
	struct sink k = { .out = out };

	writers[(unsigned)e < MIME_ENCODINGS ? e : MIME_BASE64](&k, text);
	return k.full ? -1 : 0;
}
