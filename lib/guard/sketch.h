/* sketch: about how many distinct values were seen in a sliding window of time, in little room,
 * and so that the sketches of several machines can be put together: HyperLogLog (Flajolet, Fusy,
 * Gandouet, Meunier 2007), one for each part (slide.h). The estimate is Ertl's
 * ("New cardinality estimation methods for HyperLogLog sketches", arXiv:1706.07290, the improved
 * one), which needs no table of corrections and no switch between few and many.
 *
 * Standard error 1.04 / sqrt(SKETCH_REGISTERS) = 6.5 %; with few values less (test_sketch.c
 * measures it). Exact for nothing seen and for one value.
 *
 *   packed = slide, then a part: registers that are not 0 (1 byte: how many, 0 for all of them),
 *            and below SKETCH_DENSE of them for each its number and its rank (1 byte each), by
 *            rising number; else all ranks, 6 bits each, lowest first
 *
 * So a client that sent three mails takes 14 bytes, the busiest 1.6 KB.
 * Pure: time is an argument, wall ms. Memory: struct sketch is the caller's, 2 KiB. */
#ifndef PB_GUARD_SKETCH_H
#define PB_GUARD_SKETCH_H

#include "lib/guard/slide.h"

#define SKETCH_REGISTERS 256 /* of one part: 2^SKETCH_BITS */
#define SKETCH_BITS 8
#define SKETCH_RANK_MAX (64 - SKETCH_BITS + 1)
#define SKETCH_DENSE \
	(SKETCH_REGISTERS * 6 / 8 / 2) /* from here on pairs would take more */
#define SKETCH_PACKED (SLIDE_PACKED + SLIDE_PARTS * (1 + SKETCH_REGISTERS * 6 / 8))

struct sketch { /* all zero: nothing seen */
	struct slide slide;
	uint8_t rank[SLIDE_PARTS][SKETCH_REGISTERS]; /* of the parts of slide */
};

/* hash: 64 bits of the value, the same on all machines; keyed with what strangers do not know, or
 * they could choose values that count for nothing (Paterson and Raynal, "HyperLogLog:
 * exponentially bad in adversarial settings", 2021). window_ms: as sketch_estimate will ask. */
void sketch_add(struct sketch *s, uint64_t hash, int64_t now_ms, int64_t window_ms);
/* Distinct values in the window that ends now, rounded. */
uint64_t sketch_estimate(const struct sketch *s, int64_t now_ms, int64_t window_ms);
/* Commutative, associative, idempotent. */
void sketch_merge(struct sketch *into, const struct sketch *other);

/* How many bytes it took. */
size_t sketch_encode(const struct sketch *s, uint8_t out[SKETCH_PACKED]);
/* 0, or -1: damaged, or not as sketch_encode writes it. s is then anything. */
MUST_CHECK int sketch_decode(struct str in, struct sketch *s);

#endif
