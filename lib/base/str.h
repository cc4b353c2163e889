/* str: slices of bytes that somebody else owns.
 * Pure: no allocation, no I/O. A slice may hold NUL bytes; it is never terminated.
 * Not here: growing text (buf.h), text with a lifetime (arena.h).
 * Memory: borrows everything.
 * test/unit/test_str.c shows every function. */
#ifndef PB_BASE_STR_H
#define PB_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

struct str {
	const char *p;
	size_t n;
};

/* A slice of a string literal; a constant expression. */
#define STR(lit) ((struct str){ (lit), sizeof(lit) - 1 })
/* The same for static initialisers. */
#define STR_INIT(lit) { (lit), sizeof(lit) - 1 }
/* printf arguments for "%.*s". */
#define STR_ARG(s) (int)(s).n, (s).p

/* The slice of a NUL-terminated string; of NULL, the empty slice. */
static inline struct str str_z(const char *z)
{
	return (struct str){ z, z ? strlen(z) : 0 };
}

/* s without its first n bytes (all of it when n is larger). */
static inline struct str str_skip(struct str s, size_t n)
{
	n = n < s.n ? n : s.n;
	return (struct str){ s.p + n, s.n - n };
}

static inline bool str_empty(struct str s)
{
	return s.n == 0;
}

bool str_eq(struct str a, struct str b);
/* ASCII case is ignored, as SMTP and domain names want it. */
bool str_ieq(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
/* Order of bytes as memcmp, shorter first on a common prefix: <0, 0, >0. */
int str_cmp(struct str a, struct str b);
/* Equal in content; the time depends on the lengths alone (passwords, keys, digests). */
bool str_same_secret(struct str a, struct str b);
/* s without spaces and tabs (and CR, LF) at both ends. */
struct str str_trim(struct str s);
/* Cuts the bytes before the first sep off *rest into *head; false when *rest was
 * exhausted (p == NULL). "a,,b" gives "a", "", "b". */
bool str_split(struct str *rest, char sep, struct str *head);
/* Offset of the first byte c, or -1. */
ptrdiff_t str_find(struct str s, char c);

/* The length of the UTF-8 character at the start of s (not empty), 0 when it is none (RFC 3629). */
size_t str_utf8(struct str s);

/* Decimal digits only, no sign, no space: 0 and *out in min..max, else -1. */
MUST_CHECK int str_u64(struct str s, uint64_t min, uint64_t max, uint64_t *out);
/* Optional '-' and decimal digits: 0 and *out in min..max, else -1. */
MUST_CHECK int str_i64(struct str s, int64_t min, int64_t max, int64_t *out);

/* Copies into dst of cap bytes, cut if need be, always NUL-terminated (cap > 0).
 * Returns the bytes copied, without the NUL. */
size_t str_copy(char *dst, size_t cap, struct str s);
/* ASCII lower case of s into dst, which holds s.n bytes. */
void str_lower(char *dst, struct str s);

#endif
