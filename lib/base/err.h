/* err: one failure in words, and the abort for our own bugs.
 * Three kinds of trouble (HACKING.md): the peer's fault is a reply and a log line, our
 * surroundings' is a struct err, our bug is bug().
 * Memory: err holds its text; copies what it is given. */
#ifndef PB_BASE_ERR_H
#define PB_BASE_ERR_H

#include "lib/base/str.h"

struct err {
	char text[256]; /* NUL-terminated, cut if need be; names the object and the reason */
};

/* Sets the text and returns -1, so that `return err_set(e, ...)` reads well. e may be NULL. */
int err_set(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The same with ": " and strerror(errno) behind. */
int err_errno(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Puts "fmt: " in front of the text that is there; returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* An impossible state of our own making: logs file, line and text, then abort(3).
 * Never on input, nor on messages from our own processes. */
_Noreturn void bug_at(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define bug(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)

/* malloc and friends that end the process (to be respawned) when memory is out; sizes are
 * capped before they reach these. */
void *mem_alloc(size_t n) __attribute__((malloc, returns_nonnull));
void *mem_zalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *mem_realloc(void *p, size_t n) __attribute__((returns_nonnull));
/* Owned NUL-terminated copy. */
char *mem_dup(struct str s) __attribute__((malloc, returns_nonnull));

#endif
