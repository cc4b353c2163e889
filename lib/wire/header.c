#include "lib/wire/header.h"

#include "lib/wire/chars.h"

enum { F_NONE, F_OTHER, F_RECEIVED, F_SUBJECT, F_MESSAGE_ID, F_DATE, F_FROM };

/* KEPT is what a sender's queue does not touch between two tries; text is where the log's
 * copy goes, 0 for none. */
static const struct field {
	struct str name;
	enum header_part part;
	size_t text;
} fields[] = {
	[F_NONE] = { STR_INIT(""), HEADER_BODY, 0 },
	[F_OTHER] = { STR_INIT(""), HEADER_OTHER, 0 },
	[F_RECEIVED] = { STR_INIT("Received"), HEADER_OTHER, 0 },
	[F_SUBJECT] = { STR_INIT("Subject"), HEADER_KEPT,
			offsetof(struct header_scan, subject) },
	[F_MESSAGE_ID] = { STR_INIT("Message-ID"), HEADER_KEPT,
			   offsetof(struct header_scan, message_id) },
	[F_DATE] = { STR_INIT("Date"), HEADER_KEPT, 0 },
	[F_FROM] = { STR_INIT("From"), HEADER_KEPT, 0 },
};

/* Where pieces go, and what is left of the input. */
struct pass {
	struct str in;
	void (*piece)(void *arg, enum header_part part, struct str bytes);
	void *arg;
};

static void give(const struct pass *p, enum header_part part, struct str bytes)
{
	if (p->piece && bytes.n)
		p->piece(p->arg, part, bytes);
}

/* Gives the first n bytes of the input and goes on behind them. */
static void give_in(struct pass *p, enum header_part part, size_t n)
{
	give(p, part, (struct str){ p->in.p, n });
	p->in = str_skip(p->in, n);
}

void header_scan_init(struct header_scan *h)
{
	memset(h, 0, sizeof(*h));
}

/* What the start of a line is, as far as it is known. */
enum line_start { START_MORE, START_FIELD, START_EMPTY, START_JUNK };

/* Called with each byte that joins the name, n > 0 by now: the last one decides. */
static enum line_start line_start(const char *name, size_t n)
{
	char c = name[n - 1], before = n > 1 ? name[n - 2] : '\0';

	if (c == '\n')
		return n == 1 || (n == 2 && before == '\r') ? START_EMPTY : START_JUNK;
	if (before == '\r')
		return START_JUNK;
	if (n == 1)
		return c == '\r' || (char_visible(c) && c != ':') ? START_MORE
								  : START_JUNK;
	if (c == ':')
		return START_FIELD;
	if (n == HEADER_NAME)
		return START_JUNK;
	if (char_blank(c)) /* obsolete, but seen: "Subject : x" */
		return START_MORE;
	return char_visible(c) && char_visible(before) ? START_MORE : START_JUNK;
}

static unsigned field_of(const struct header_scan *h)
{
	struct str name = str_trim((struct str){ h->name, h->name_n - 1 });

	for (unsigned i = F_RECEIVED; i < ARRAY_LEN(fields); i++)
		if (str_ieq(name, fields[i].name))
			return i;
	return F_OTHER;
}

static void begin_field(struct header_scan *h)
{
	h->field = field_of(h);
	h->received += h->field == F_RECEIVED;
	h->copying = fields[h->field].text && !(h->had & 1u << h->field);
	h->had |= 1u << h->field;
	h->in_value = true;
	h->fold = false;
	h->copied = h->blanks = 0;
}

/* One byte of a value that the log wants. Blanks wait until a byte follows them, and so
 * vanish at both ends; those of a fold count as one. */
static void copy_byte(struct header_scan *h, char *text, char c)
{
	if (c == '\r' || c == '\n')
		return;
	if (char_blank(c)) {
		h->blanks = h->fold ? 1 : h->blanks + 1;
		return;
	}
	h->fold = false;
	for (; h->copied && h->blanks && h->copied < LIMIT_SUBJECT_LOG; h->blanks--)
		text[h->copied++] = ' ';
	h->blanks = 0;
	if (h->copied < LIMIT_SUBJECT_LOG)
		text[h->copied++] = c ? c : '?';
	text[h->copied] = '\0';
}

/* A field's value up to the end of its line. */
static void scan_value(struct header_scan *h, struct pass *p)
{
	const char *lf = memchr(p->in.p, '\n', p->in.n);
	size_t n = lf ? (size_t)(lf - p->in.p) + 1 : p->in.n;

	for (size_t i = 0; h->copying && i < n; i++)
		copy_byte(h, (char *)h + fields[h->field].text, p->in.p[i]);
	give_in(p, fields[h->field].part, n);
	if (lf) {
		h->in_value = false;
		h->fold = true;
		h->name_n = 0;
	}
}

/* The start of a line is known: gives it, from our storage when another call began it. */
static void end_of_start(struct header_scan *h, struct pass *p, enum line_start start,
			 size_t here)
{
	enum header_part part = HEADER_OTHER;

	if (start == START_FIELD) {
		begin_field(h);
		part = fields[h->field].part;
	} else {
		h->in_body = true;
		part = start == START_EMPTY ? HEADER_OTHER : HEADER_BODY;
	}
	give(p, part, (struct str){ h->name, h->name_n - here });
	give_in(p, part, here);
	h->name_n = 0;
}

static void scan_start(struct header_scan *h, struct pass *p)
{
	enum line_start start = START_MORE;
	size_t i = 0;

	if (h->name_n == 0 && h->field != F_NONE && char_blank(p->in.p[0])) {
		h->in_value = true; /* a continuation */
		return;
	}
	while (start == START_MORE && i < p->in.n) {
		h->name[h->name_n++] = p->in.p[i++];
		start = line_start(h->name, h->name_n);
	}
	if (start == START_MORE)
		p->in = str_skip(p->in, i);
	else
		end_of_start(h, p, start, i);
}

void header_scan(struct header_scan *h, struct str in,
		 void (*piece)(void *arg, enum header_part part, struct str bytes),
		 void *arg)
{
	size_t limit = LIMIT_HEADER_SCAN - h->seen;
	struct pass head = { { in.p, in.n < limit ? in.n : limit }, piece, arg };
	struct pass body = { in, piece, arg };

	while (head.in.n && !h->in_body) {
		if (h->in_value)
			scan_value(h, &head);
		else
			scan_start(h, &head);
	}
	body.in = str_skip(in, (size_t)(head.in.p - in.p));
	h->seen += in.n - body.in.n;
	if (!h->in_body && h->seen == LIMIT_HEADER_SCAN) {
		h->in_body = true;
		give(&body, HEADER_BODY, (struct str){ h->name, h->name_n });
	}
	if (h->in_body)
		give(&body, HEADER_BODY, body.in);
}

/* --- a header that is there as a whole --- */

/* The bytes of the field at the start of s behind its name, its folds included. */
static struct str whole_value(struct str s)
{
	size_t n = 0;

	do {
		const char *lf = memchr(s.p + n, '\n', s.n - n);

		n = lf ? (size_t)(lf - s.p) + 1 : s.n;
	} while (n < s.n && char_blank(s.p[n]));
	return (struct str){ s.p, n };
}

bool header_next(struct str *rest, struct str *name, struct str *value)
{
	enum line_start start = START_MORE;
	size_t n = 0;

	while (start == START_MORE && n < rest->n)
		start = line_start(rest->p, ++n);
	if (start != START_FIELD) {
		*rest = str_skip(*rest, rest->n);
		return false;
	}
	*name = str_trim((struct str){ rest->p, n - 1 });
	*value = whole_value(str_skip(*rest, n));
	*rest = str_skip(*rest, n + value->n);
	return true;
}
