#include "lib/base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#define LEAST_CAP 256
#define USUAL_TEXT 128 /* most of what is printed into a buffer */

/* Blocks of one size, the one that reading takes and gives back with every command, are kept for
 * the next buffer: malloc has no fast way for them. */
#define SPARE_CAP 16384
#define SPARES 16
static _Thread_local char *spares[SPARES];
static _Thread_local unsigned n_spares;

static char *block_resize(char *mem, size_t cap)
{
	if (!mem && cap == SPARE_CAP && n_spares > 0)
		return spares[--n_spares];
	return mem_realloc(mem, cap + 1); /* printf's NUL may stand behind */
}

static void block_free(char *mem, size_t cap)
{
	if (mem && cap == SPARE_CAP && n_spares < SPARES)
		spares[n_spares++] = mem;
	else
		free(mem);
}

void buf_thread_end(void)
{
	while (n_spares > 0)
		free(spares[--n_spares]);
}

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_release(struct buf *b)
{
	block_free(b->mem, b->cap);
	b->mem = NULL;
	b->start = b->end = b->cap = 0;
}

static void compact(struct buf *b)
{
	if (b->start == 0)
		return;
	memmove(b->mem, b->mem + b->start, buf_len(b));
	b->end -= b->start;
	b->start = 0;
}

char *buf_space(struct buf *b, size_t want)
{
	size_t cap = b->cap ? b->cap : LEAST_CAP;

	if (want > buf_room(b))
		return NULL;
	if (b->end + want <= b->cap)
		return b->mem + b->end;
	if (b->mem)
		compact(b);
	while (cap < b->end + want)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	if (cap > b->cap) {
		b->mem = block_resize(b->mem, cap);
		b->cap = cap;
	}
	return b->mem + b->end;
}

void buf_added(struct buf *b, size_t n)
{
	b->end += n;
}

void buf_consume(struct buf *b, size_t n)
{
	b->start += n;
	if (b->start == b->end)
		b->start = b->end = 0;
}

int buf_add(struct buf *b, struct str s)
{
	char *p;

	if (s.n == 0)
		return 0;
	p = buf_space(b, s.n);
	if (!p)
		return -1;
	memcpy(p, s.p, s.n);
	buf_added(b, s.n);
	return 0;
}

int buf_addc(struct buf *b, char c)
{
	return buf_add(b, (struct str){ &c, 1 });
}

int buf_addv(struct buf *b, const char *fmt, va_list ap)
{
	size_t room = buf_room(b) < USUAL_TEXT ? buf_room(b) : USUAL_TEXT;
	char *p = buf_space(b, room);
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(p, p ? room + 1 : 0, fmt, again);
	va_end(again);
	if (n > 0 && (size_t)n > room) {
		p = buf_space(b, (size_t)n);
		if (!p)
			return -1;
		vsnprintf(p, (size_t)n + 1, fmt, ap);
	}
	if (n > 0)
		buf_added(b, (size_t)n);
	else if (buf_len(b) == 0)
		buf_release(b); /* nothing is held for nothing */
	return n < 0 ? n : 0;
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = buf_addv(b, fmt, ap);
	va_end(ap);
	return r;
}
