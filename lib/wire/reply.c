#include "lib/wire/reply.h"

#include <stdio.h>

#include "lib/wire/chars.h"

/* One line of in, of at most LIMIT_REPLY_LINE bytes; *taken counts its end. */
static enum parse_result take_line(struct str in, struct str *line, size_t *taken)
{
	struct str head = { in.p, in.n < LIMIT_REPLY_LINE ? in.n : LIMIT_REPLY_LINE };

	*taken = chars_line(head, line);
	if (*taken == 0)
		return in.n < LIMIT_REPLY_LINE ? PARSE_MORE : PARSE_BAD;
	return chars_broken(*line) ? PARSE_BAD : PARSE_DONE;
}

/* Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
 * Reply-code = %x32-35 %x30-39 %x30-39, a little wider than RFC 5321 4.2 (0-5 there).
 * 0: no such line. */
static int line_code(struct str line)
{
	const char *p = line.p;

	if (line.n < 3 || p[0] < '2' || p[0] > '5' || !char_digit(p[1]) ||
	    !char_digit(p[2]))
		return 0;
	if (line.n > 3 && p[3] != ' ' && p[3] != '-')
		return 0;
	return (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
}

static size_t digits(struct str s)
{
	size_t n = 0;

	while (n < s.n && char_digit(s.p[n]))
		n++;
	return n;
}

/* RFC 3463 2: status-code = class "." 1*3DIGIT "." 1*3DIGIT. Its length at the start of
 * text, where it must end with a blank or the line; 0: none, or of another class (RFC
 * 2034 4). */
static size_t enhanced_len(struct str text, int code)
{
	size_t subject, detail, n;

	if (text.n < 5 || text.p[0] != '0' + code / 100 || text.p[1] != '.')
		return 0;
	subject = digits(str_skip(text, 2));
	if (subject < 1 || subject > 3 || 2 + subject >= text.n ||
	    text.p[2 + subject] != '.')
		return 0;
	detail = digits(str_skip(text, 3 + subject));
	n = 3 + subject + detail;
	if (detail < 1 || detail > 3 || (n < text.n && !char_blank(text.p[n])))
		return 0;
	return n;
}

static void last_line(struct str line, struct reply *out)
{
	struct str text = str_skip(line, 4);
	size_t n = enhanced_len(text, out->code);

	out->enhanced = (struct str){ text.p, n };
	out->text = n ? str_skip(text, n + 1) : text;
}

enum parse_result reply_parse(struct str in, struct reply *out, size_t *used)
{
	size_t at = 0;

	memset(out, 0, sizeof(*out));
	*used = 0;
	for (int lines = 0; lines < LIMIT_REPLY_LINES; lines++) {
		struct str line = { in.p, 0 };
		size_t taken;
		enum parse_result r = take_line(str_skip(in, at), &line, &taken);
		int code = r == PARSE_DONE ? line_code(line) : 0;

		if (r == PARSE_MORE)
			return in.n < LIMIT_LEG_IN ? PARSE_MORE : PARSE_BAD;
		if (code == 0 || (out->code && code != out->code) ||
		    at + taken > LIMIT_LEG_IN)
			return PARSE_BAD;
		out->code = code;
		at += taken;
		if (line.n > 3 && line.p[3] == '-')
			continue;
		last_line(line, out);
		out->raw = (struct str){ in.p, at };
		*used = at;
		return PARSE_DONE;
	}
	return PARSE_BAD;
}

bool reply_line(const struct reply *r, size_t *at, struct str *line)
{
	size_t taken = chars_line(str_skip(r->raw, *at), line);

	*at += taken;
	if (taken)
		*line = str_skip(*line, 4);
	return taken != 0;
}

static const struct {
	struct str keyword;
	uint32_t offer;
} offers[] = {
	{ STR_INIT("PIPELINING"), OFFER_PIPELINING },
	{ STR_INIT("SIZE"), OFFER_SIZE },
	{ STR_INIT("8BITMIME"), OFFER_8BITMIME },
	{ STR_INIT("ENHANCEDSTATUSCODES"), OFFER_ENHANCED },
	{ STR_INIT("SMTPUTF8"), OFFER_SMTPUTF8 },
	{ STR_INIT("DSN"), OFFER_DSN },
	{ STR_INIT("CHUNKING"), OFFER_CHUNKING },
	{ STR_INIT("STARTTLS"), OFFER_STARTTLS },
	{ STR_INIT("PRDR"), OFFER_PRDR },
	{ STR_INIT("XCLIENT"), OFFER_XCLIENT },
	{ STR_INIT("XFORWARD"), OFFER_XFORWARD },
};

static uint32_t offer_of(struct str keyword)
{
	for (size_t i = 0; i < ARRAY_LEN(offers); i++)
		if (str_ieq(keyword, offers[i].keyword))
			return offers[i].offer;
	return 0;
}

/* "PLAIN LOGIN ...": what of it a client of ours speaks. */
static uint32_t mechanisms_of(struct str list)
{
	uint32_t found = 0;
	struct str one;

	while (str_split(&list, ' ', &one)) {
		if (str_ieq(one, STR("PLAIN")))
			found |= OFFER_AUTH_PLAIN;
		else if (str_ieq(one, STR("LOGIN")))
			found |= OFFER_AUTH_LOGIN;
	}
	return found;
}

uint32_t ehlo_offer(const struct reply *r, uint64_t *size)
{
	uint32_t all = OFFER_EHLO;
	struct str line, keyword;
	size_t at = 0;

	*size = 0;
	if (reply_class(r) != 2)
		return 0;
	if (!reply_line(r, &at, &line))
		return all;
	while (reply_line(r, &at, &line)) {
		uint32_t offer;

		line = str_trim(line);
		keyword = (struct str){ line.p, 0 };
		while (keyword.n < line.n && !char_blank(line.p[keyword.n]))
			keyword.n++;
		offer = offer_of(keyword);
		line = str_trim(str_skip(line, keyword.n));
		if (offer == OFFER_SIZE && str_u64(line, 0, UINT64_MAX, size) < 0)
			*size = 0; /* no number, or more than anyone sends: no limit */
		if (str_ieq(keyword, STR("AUTH")))
			offer = mechanisms_of(line);
		all |= offer;
	}
	return all;
}

size_t reply_clean(char *dst, size_t cap, struct str text)
{
	size_t n = str_copy(dst, cap, text);

	for (size_t i = 0; i < n; i++)
		if (dst[i] != ' ' && !char_visible(dst[i]))
			dst[i] = dst[i] == '\t' ? ' ' : '?';
	return n;
}

/* The same within brackets: no blanks, nothing that closes them. At most room bytes. */
static size_t bracketed(char *dst, size_t room, struct str text)
{
	size_t n = reply_clean(dst, room + 1, text);

	for (size_t i = 0; i < n; i++) {
		if (dst[i] == ' ')
			dst[i] = '_';
		if (dst[i] == ']')
			dst[i] = '?';
	}
	return n;
}

size_t reply_bracket(char *dst, size_t cap, struct str box, int code, struct str text,
		     size_t max)
{
	char digits_of[16];
	struct str number = { digits_of, 0 };
	size_t n = 0, room;

	if (cap < 3) { /* not even "[]" */
		if (cap)
			dst[0] = '\0';
		return 0;
	}
	room = cap - 2; /* for "]" and NUL */
	text.n = text.n < max ? text.n : max;
	number.n = (size_t)snprintf(digits_of, sizeof(digits_of), ":%d%s", code,
				    text.n ? "_" : "");
	dst[n++] = '[';
	n += bracketed(dst + n, room - n, box);
	n += bracketed(dst + n, room - n, number);
	n += bracketed(dst + n, room - n, text);
	dst[n++] = ']';
	dst[n] = '\0';
	return n;
}

enum parse_result pop3_reply_parse(struct str in, struct pop3_reply *out, size_t *used)
{
	struct str line = { in.p, 0 };
	size_t taken, status;
	enum parse_result r = take_line(in, &line, &taken);

	memset(out, 0, sizeof(*out));
	*used = 0;
	if (r != PARSE_DONE)
		return r;
	out->ok = str_istarts(line, STR("+OK"));
	status = out->ok ? 3 : 4;
	if (!out->ok && !str_istarts(line, STR("-ERR")))
		return PARSE_BAD;
	if (line.n > status && line.p[status] != ' ')
		return PARSE_BAD;
	out->text = str_skip(line, status + 1);
	*used = taken;
	return PARSE_DONE;
}
