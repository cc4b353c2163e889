/* slide: the parts of a sliding window of time, the newest first, each with an item of the
 * caller's (a sketch, some counts) in an array beside it.
 * Parts begin at multiples of their length, so that machines mean the same ones. A window has
 * SLIDE_PARTS - 1 parts and what is left of one more: what lies within the window always counts,
 * what is a part older never.
 * They meet as the union of their parts, of which the newest SLIDE_PARTS are kept: the same in
 * any order and however often. When the length of the window is changed, parts of both lengths
 * stand side by side until the old ones are too old.
 * Pure: time is an argument, wall ms. Private to lib/guard. */
#ifndef PB_GUARD_SLIDE_H
#define PB_GUARD_SLIDE_H

#include "lib/base/str.h"

#define SLIDE_PARTS 8

struct slide { /* all zero: empty */
	uint32_t n;
	int64_t start[SLIDE_PARTS]; /* falling */
};

/* The length of a part of such a window. */
int64_t slide_part_ms(int64_t window_ms);
/* When the part began that now_ms lies in. */
int64_t slide_start(int64_t now_ms, int64_t window_ms);
/* Does the part that began then count in the window that ends now? One that begins up to a part
 * ahead does, as clocks of machines differ. */
bool slide_counts(int64_t start, int64_t now_ms, int64_t window_ms);

/* The place of the part that began then, for which room is made where it is new (its item all
 * zero); -1: it is older than all of a full one. items: SLIDE_PARTS of size bytes. */
int slide_take(struct slide *r, int64_t start, void *items, size_t size);
/* Drops the parts that begin behind limit_ms: a clock was wrong. */
void slide_drop_behind(struct slide *r, int64_t limit_ms, void *items, size_t size);

/* p has SLIDE_PACKED bytes; packed = the number of parts (1 byte), when each began (PACK_TIME). */
#define SLIDE_PACKED (1 + SLIDE_PARTS * 6)
size_t slide_pack(const struct slide *r, uint8_t *p);
MUST_CHECK int slide_unpack(struct str *in, struct slide *r);

#endif
