#include "lib/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/log.h"

int err_set(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -1;
}

int err_errno(struct err *e, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t n;

	if (!e)
		return -1;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof(e->text) - n, ": %s", strerror(saved));
	errno = saved;
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	struct err old;
	va_list ap;
	size_t n;

	if (!e)
		return -1;
	old = *e;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof(e->text) - n, ": %s", old.text);
	return -1;
}

_Noreturn void bug_at(const char *file, int line, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_error("bug at %s:%d: %s", file, line, text);
	abort();
}

/* Sizes are capped before they come here, so this is the machine's end, not a peer's doing. */
static void *checked(void *p, size_t n)
{
	if (!p)
		bug("out of memory (%zu bytes)", n);
	return p;
}

void *mem_alloc(size_t n)
{
	return checked(malloc(n ? n : 1), n);
}

void *mem_zalloc(size_t n)
{
	return checked(calloc(1, n ? n : 1), n);
}

void *mem_realloc(void *p, size_t n)
{
	return checked(realloc(p, n ? n : 1), n);
}

char *mem_dup(struct str s)
{
	char *p = mem_alloc(s.n + 1);

	str_copy(p, s.n + 1, s);
	return p;
}
