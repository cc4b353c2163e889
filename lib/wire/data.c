#include "lib/wire/data.h"

#include "lib/base/limits.h"

/* Where the next byte stands. */
enum {
	AT_START,    /* of the message or behind a true CRLF: only here a mark begins */
	AT_REPAIRED, /* behind a bare LF that has become CRLF (data_normalize alone) */
	AT_TEXT,     /* within a line, or behind a bare LF */
	AT_CR,	     /* behind a CR, which may be bare or not (data_scan alone) */
};

/* What stands at a true line start. */
enum mark { MARK_NO, MARK_MAYBE, MARK_YES };

/* "." CR LF is the mark, "." and "." CR may still become it. s is not empty. */
static enum mark mark_at(struct str s)
{
	size_t n = s.n < 3 ? s.n : 3;

	if (s.p[0] != '.' || memcmp(s.p, DATA_END_MARK, n) != 0)
		return MARK_NO; /* nearly every line: no call */
	return n == 3 ? MARK_YES : MARK_MAYBE;
}

/* A word at a time: most mail has no such byte, so all of it is looked at. */
static bool has_8bit(struct str s)
{
	const uint64_t high = 0x8080808080808080u;
	uint64_t word, any = 0;
	unsigned char rest = 0;
	size_t i = 0;

	for (; i + sizeof(word) <= s.n; i += sizeof(word)) {
		memcpy(&word, s.p + i, sizeof(word));
		any |= word;
	}
	for (; i < s.n; i++)
		rest |= (unsigned char)s.p[i];
	return (any & high) || (rest & 0x80);
}

void data_scan_init(struct data_scan *d)
{
	memset(d, 0, sizeof(*d));
}

/* text: bytes up to the next LF, which is there when ends. A CR at its end is bare only
 * when something else than LF follows, which the next call learns from the state. */
static void scan_text(struct data_scan *d, struct str text, bool ends)
{
	bool cr = text.n ? text.p[text.n - 1] == '\r' : d->state == AT_CR;

	if (text.n && d->state == AT_CR)
		d->seen |= DATA_BARE_CR;
	if (text.n > 1 && !(d->seen & DATA_BARE_CR) && memchr(text.p, '\r', text.n - 1))
		d->seen |= DATA_BARE_CR;
	d->line += text.n;
	if (d->line - cr > LIMIT_TEXT_LINE)
		d->seen |= DATA_LONG_LINE;
	if (ends && !cr)
		d->seen |= DATA_BARE_LF;
	if (ends) {
		d->line = 0;
		d->state = cr ? AT_START : AT_TEXT;
	} else if (text.n) {
		d->state = cr ? AT_CR : AT_TEXT;
	}
}

/* The line (or what is there of it) at the start of s; returns its length with its LF. */
static size_t scan_line(struct data_scan *d, struct str s)
{
	size_t dot = d->state == AT_START && s.p[0] == '.';
	const char *lf = memchr(s.p, '\n', s.n);
	size_t n = lf ? (size_t)(lf - s.p) : s.n;

	if (dot) /* is not counted in a line's length: RFC 5321 4.5.3.1.6 */
		d->state = AT_TEXT;
	scan_text(d, (struct str){ s.p + dot, n - dot }, lf != NULL);
	return lf ? n + 1 : n;
}

size_t data_scan(struct data_scan *d, struct str in, size_t *used)
{
	struct str rest = in, passed;
	enum mark mark = MARK_NO;

	while (rest.n && !d->ended) {
		if (d->state == AT_START)
			mark = mark_at(rest);
		if (mark != MARK_NO)
			break;
		rest = str_skip(rest, scan_line(d, rest));
	}
	passed = (struct str){ in.p, in.n - rest.n };
	*used = passed.n;
	if (mark == MARK_YES) {
		d->ended = true;
		*used += strlen(DATA_END_MARK);
	}
	d->bytes += passed.n;
	if (passed.n && !(d->seen & DATA_NUL) && memchr(passed.p, '\0', passed.n))
		d->seen |= DATA_NUL;
	if (!(d->seen & DATA_8BIT) && has_8bit(passed))
		d->seen |= DATA_8BIT;
	return passed.n;
}

void data_norm_init(struct data_norm *n)
{
	memset(n, 0, sizeof(*n));
}

/* The first c in s, or the end of s. */
static const char *next(struct str s, char c)
{
	const char *p = memchr(s.p, c, s.n);

	return p ? p : s.p + s.n;
}

/* One walk over raw bytes; run dry (to NULL) first, to learn what fits, then for real. */
struct walk {
	struct data_norm n;
	struct str raw; /* what is left of it */
	char *to;	/* NULL: count only */
	size_t written;
	size_t growth, room; /* written beyond what was taken; and how much that may be */
	bool full;	     /* it stopped for want of room */
	const char *cr, *lf; /* the next ones in raw, or its end: looked up once each */
};

/* Takes as many raw bytes and writes text for them; false: no room. */
static bool put(struct walk *w, size_t taken, const char *text, size_t n)
{
	size_t more = n > taken ? n - taken : 0;

	w->full = more > w->room - w->growth;
	if (w->full)
		return false;
	if (w->to)
		memmove(w->to + w->written, text, n); /* plain text may overlap itself */
	w->growth += more;
	w->written += n;
	w->raw = str_skip(w->raw, taken);
	return true;
}

/* Writes text for one bare newline byte. */
static bool repair(struct walk *w, struct str text, unsigned kind, unsigned state)
{
	if (!put(w, 1, text.p, text.n))
		return false;
	w->n.seen |= kind;
	w->n.state = state;
	return true;
}

/* The newline at w->raw.p; false: it is undecided, or there is no room. */
static bool walk_newline(struct walk *w)
{
	if (w->raw.p[0] == '\n')
		return repair(w, STR("\r\n"), DATA_BARE_LF, AT_REPAIRED);
	if (w->raw.n == 1)
		return false;
	if (w->raw.p[1] != '\n')
		return repair(w, STR(" "), DATA_BARE_CR, AT_TEXT);
	w->n.state = AT_START;
	return put(w, 2, w->raw.p, 2);
}

/* The "." at w->raw.p, which begins a line; false as above, or the end mark is done. */
static bool walk_dot(struct walk *w)
{
	bool stuff = w->n.state == AT_REPAIRED;

	if (w->n.state == AT_START) {
		enum mark mark = mark_at(w->raw);

		if (mark == MARK_YES)
			w->n.ended = put(w, 3, w->raw.p, 3);
		if (mark != MARK_NO)
			return false;
		stuff = w->raw.p[1] == '\n'; /* no mark: so there is a second byte */
	}
	if (!put(w, 1, "..", stuff ? 2 : 1))
		return false;
	w->n.state = AT_TEXT;
	return true;
}

/* Text up to the next newline, or the newline. */
static bool walk_text(struct walk *w)
{
	const char *stop;

	if (w->cr <= w->raw.p)
		w->cr = next(w->raw, '\r');
	if (w->lf <= w->raw.p)
		w->lf = next(w->raw, '\n');
	stop = w->cr < w->lf ? w->cr : w->lf;
	if (stop == w->raw.p)
		return walk_newline(w);
	w->n.state = AT_TEXT;
	return put(w, (size_t)(stop - w->raw.p), w->raw.p, (size_t)(stop - w->raw.p));
}

static void walk(struct walk *w)
{
	bool on = !w->n.ended;

	w->cr = w->lf = w->raw.p;
	while (on && w->raw.n) {
		bool dot = w->raw.p[0] == '.' && w->n.state != AT_TEXT;

		on = dot ? walk_dot(w) : walk_text(w);
	}
}

/* The raw bytes move behind the gap that they are going to fill: so reading stays ahead
 * of writing, and nothing is moved twice. The walk has all of them to look at and exactly
 * the room that the dry one used, hence it ends where that did. */
static int rewrite(const struct data_norm *n, struct buf *b, size_t at, size_t growth)
{
	struct walk w = { .n = *n, .room = growth };
	size_t raw = buf_len(b) - at;

	if (growth && !buf_space(b, growth))
		return -1;
	w.to = b->mem + b->start + at;
	w.raw = (struct str){ w.to + growth, raw };
	memmove(w.to + growth, w.to, raw);
	if (growth)
		buf_added(b, growth);
	walk(&w);
	return 0;
}

int data_normalize(struct data_norm *n, struct buf *b, size_t at, size_t *done)
{
	struct str raw = str_skip(buf_str(b), at);
	struct walk dry = { .n = *n, .raw = raw, .room = buf_room(b) };

	*done = 0;
	walk(&dry);
	if (dry.full && dry.written == 0)
		return -1;
	if ((dry.growth || dry.n.seen != n->seen || n->seen & DATA_BARE_CR) &&
	    rewrite(n, b, at, dry.growth) < 0)
		return -1;
	*done = dry.written;
	*n = dry.n;
	return 0;
}
