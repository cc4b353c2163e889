/* clock: the only place that reads a clock, besides the event loop.
 * Time is an argument everywhere else, so that tests run on virtual time.
 * Units: milliseconds in int64_t unless the name says otherwise; wall time is since 1970 UTC. */
#ifndef PB_BASE_CLOCK_H
#define PB_BASE_CLOCK_H

#include "lib/base/str.h"

#define CLOCK_NEVER INT64_MAX

int64_t clock_wall_ms(void); /* may jump */
int64_t clock_mono_ms(void); /* never jumps, since some boot-time point */
int64_t clock_mono_us(void);

struct tm;
/* Broken-down UTC of wall milliseconds; what lies outside of the years 1000 to 9999 comes out
 * as the nearest second within, here and in the text forms below. */
void clock_utc(int64_t wall_ms, struct tm *out);

#define CLOCK_RFC3339_LEN 20 /* 2026-11-23T00:00:00Z */
/* Writes exactly CLOCK_RFC3339_LEN bytes and a NUL into dst (21 bytes). RFC 3339. */
void clock_rfc3339(int64_t wall_ms, char dst[21]);
/* Reads 2026-11-23T00:00:00Z (also with a fraction, which is dropped, and "+hh:mm"): 0 or -1. */
MUST_CHECK int clock_parse_rfc3339(struct str s, int64_t *wall_ms);

/* RFC 5322 date in UTC: "Mon, 23 Nov 2026 08:15:00 +0000"; NUL-terminated, dst of 40. */
void clock_rfc5322(int64_t wall_ms, char dst[40]);
/* The traffic log's form, GMT: "2010-01-06 Wed 10:32:48.365"; dst of 40. */
void clock_logstamp(int64_t wall_ms, char dst[40]);

#endif
