/* hosts: which addresses of a client network did something lately, in a sliding window of time: a bit each,
 * by the number that an address has within its network (network_host).
 * Merged as unions, in any order and any number of times.
 *
 *   packed = slide, then for each part: how many addresses (1 byte) and their numbers, rising;
 *            or HOSTS_MANY and all 256 bits, where there are HOSTS_LISTED and more
 *
 * 8 bytes for a network with one of them. Pure: time is an argument, wall ms. Not here: what it was
 * (spread.h). */
#ifndef PB_GUARD_HOSTS_H
#define PB_GUARD_HOSTS_H

#include "lib/guard/slide.h"

#define HOSTS_BYTES 32
#define HOSTS_LISTED HOSTS_BYTES /* from here on bits take no more room */
#define HOSTS_MANY 0xff
#define HOSTS_PACKED (SLIDE_PACKED + SLIDE_PARTS * (1 + HOSTS_BYTES))

struct hosts { /* all zero: none */
	struct slide slide;
	uint8_t part[SLIDE_PARTS][HOSTS_BYTES];
};

/* window_ms: as hosts_has will ask. */
void hosts_note(struct hosts *h, uint8_t host, int64_t now_ms, int64_t window_ms);
/* In the window that ends now? */
bool hosts_has(const struct hosts *h, uint8_t host, int64_t now_ms, int64_t window_ms);
/* Commutative, associative, idempotent. */
void hosts_merge(struct hosts *into, const struct hosts *other);

/* How many bytes it took. */
size_t hosts_encode(const struct hosts *h, uint8_t out[HOSTS_PACKED]);
/* 0, or -1: damaged, or not as hosts_encode writes it. h is then anything. */
MUST_CHECK int hosts_decode(struct str in, struct hosts *h);

#endif
