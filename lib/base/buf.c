#include "lib/base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#define LEAST_CAP 256

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_release(struct buf *b)
{
	free(b->mem);
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
		b->mem = mem_realloc(b->mem, cap + 1); /* printf's NUL may stand behind */
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
	va_list again;
	char *p;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n <= 0)
		return n;
	p = buf_space(b, (size_t)n);
	if (!p)
		return -1;
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	buf_added(b, (size_t)n);
	return 0;
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
