#include "lib/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"

#define FIRST_BLOCK 1024
#define LARGEST_BLOCK 65536

struct arena_block {
	struct arena_block *next;
	size_t used, cap;
	_Alignas(max_align_t) char mem[];
};

static struct arena_block *block_new(struct arena *a, size_t n)
{
	size_t cap = a->head ? a->head->cap * 2 : FIRST_BLOCK - sizeof(struct arena_block);
	struct arena_block *b;

	if (cap > LARGEST_BLOCK)
		cap = LARGEST_BLOCK;
	if (cap < n)
		cap = n;
	b = mem_alloc(sizeof(*b) + cap);
	b->next = a->head;
	b->used = 0;
	b->cap = cap;
	a->head = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t align = _Alignof(max_align_t) - 1;
	struct arena_block *b = a->head;
	void *p;

	if (n > SIZE_MAX / 2)
		return NULL;
	n = (n + align) & ~align;
	if (a->max && n > a->max - a->used)
		return NULL;
	if (!b || b->cap - b->used < n)
		b = block_new(a, n);
	p = b->mem + b->used;
	b->used += n;
	a->used += n;
	return memset(p, 0, n);
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (!p)
		return (struct str){ NULL, 0 };
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return (struct str){ p, s.n };
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p = NULL;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0)
		p = arena_alloc(a, (size_t)n + 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return (struct str){ p, p ? (size_t)n : 0 };
}

void arena_free(struct arena *a)
{
	while (a->head) {
		struct arena_block *b = a->head;

		a->head = b->next;
		free(b);
	}
	a->used = 0;
}
