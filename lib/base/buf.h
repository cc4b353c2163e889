/* buf: a byte buffer with a hard limit, consumed in front and filled behind.
 * Memory: owns its bytes; nothing is allocated before the first byte comes, and
 * buf_release gives the memory back (an idle session holds none).
 * Not here: descriptors (lib/net/io.h). */
#ifndef PB_BASE_BUF_H
#define PB_BASE_BUF_H

#include <stdarg.h>

#include "lib/base/err.h"
#include "lib/base/str.h"

struct buf {
	char *mem;
	size_t start; /* first byte not consumed */
	size_t end;   /* first free byte */
	size_t cap;   /* bytes allocated */
	size_t max;   /* never more than this */
};

void buf_init(struct buf *b, size_t max);
/* Frees the memory; the buffer stays usable and empty. */
void buf_release(struct buf *b);

/* The last word of a thread that ends: frees what released buffers left for its next ones. */
void buf_thread_end(void);

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){ b->mem + b->start, b->end - b->start };
}
static inline size_t buf_len(const struct buf *b)
{
	return b->end - b->start;
}
/* How many more bytes may ever be added now. */
static inline size_t buf_room(const struct buf *b)
{
	return b->max - buf_len(b);
}

/* Room for at least want more bytes (compacts, then grows by doubling up to max): the place
 * to write to, or NULL when max would be passed. Says with buf_added how much came. */
char *buf_space(struct buf *b, size_t want);
void buf_added(struct buf *b, size_t n);
/* Drops n bytes in front (n <= buf_len). */
void buf_consume(struct buf *b, size_t n);

/* Drops what stands behind the first n bytes (n <= buf_len). */
static inline void buf_cut(struct buf *b, size_t n)
{
	b->end = b->start + n;
}

/* Adds all of it, or nothing: 0, or -1 when max would be passed. */
MUST_CHECK int buf_add(struct buf *b, struct str s);
MUST_CHECK int buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
MUST_CHECK int buf_addv(struct buf *b, const char *fmt, va_list ap);
MUST_CHECK int buf_addc(struct buf *b, char c);

#endif
