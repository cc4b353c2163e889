#include "lib/base/clock.h"

#include <stdio.h>
#include <time.h>

#define YEAR_1000 (-30610224000) /* seconds since 1970 */
#define YEAR_10000 253402300800

static int64_t read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts); /* cannot fail for these ids */
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

/* Floor division, so that times before 1970 come out right too. */
static int64_t seconds_of(int64_t ms, int *rest)
{
	int64_t s = ms / 1000;

	*rest = (int)(ms % 1000);
	if (*rest < 0) {
		*rest += 1000;
		s--;
	}
	return s;
}

void clock_utc(int64_t wall_ms, struct tm *out)
{
	int rest;
	time_t t = (time_t)seconds_of(wall_ms, &rest);

	t = t < YEAR_1000 ? YEAR_1000 : t > YEAR_10000 - 1 ? YEAR_10000 - 1 : t;
	gmtime_r(&t, out); /* cannot fail in these years */
}

void clock_rfc3339(int64_t wall_ms, char dst[21])
{
	struct tm tm;

	clock_utc(wall_ms, &tm);
	strftime(dst, 21, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static bool two(struct str s, size_t at, unsigned min, unsigned max, int *out)
{
	uint64_t v;

	if (str_u64((struct str){ s.p + at, 2 }, min, max, &v) < 0)
		return false;
	*out = (int)v;
	return true;
}

/* "Z" or "+hh:mm", after an optional fraction; minutes east of UTC. */
static int parse_zone(struct str s, int *minutes)
{
	int h, m;

	if (s.n > 1 && s.p[0] == '.' && s.p[1] >= '0' && s.p[1] <= '9') {
		s = str_skip(s, 1);
		while (s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9')
			s = str_skip(s, 1);
	}
	*minutes = 0;
	if (str_ieq(s, STR("Z")))
		return 0;
	if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || s.p[3] != ':' ||
	    !two(s, 1, 0, 23, &h) || !two(s, 4, 0, 59, &m))
		return -1;
	*minutes = (h * 60 + m) * (s.p[0] == '-' ? -1 : 1);
	return 0;
}

int clock_parse_rfc3339(struct str s, int64_t *wall_ms)
{
	struct tm tm = { 0 };
	uint64_t year;
	int zone, day;
	time_t t;

	if (s.n < 20 || s.p[4] != '-' || s.p[7] != '-' || (s.p[10] | 0x20) != 't' ||
	    s.p[13] != ':' || s.p[16] != ':' || str_u64((struct str){ s.p, 4 }, 1, 9999, &year) < 0 ||
	    !two(s, 5, 1, 12, &tm.tm_mon) || !two(s, 8, 1, 31, &tm.tm_mday) ||
	    !two(s, 11, 0, 23, &tm.tm_hour) || !two(s, 14, 0, 59, &tm.tm_min) ||
	    !two(s, 17, 0, 59, &tm.tm_sec) || parse_zone(str_skip(s, 19), &zone) < 0)
		return -1;
	tm.tm_year = (int)year - 1900;
	tm.tm_mon--;
	day = tm.tm_mday;
	t = timegm(&tm); /* makes a 1st of July of a 31st of June, in tm too */
	if (tm.tm_mday != day)
		return -1;
	*wall_ms = ((int64_t)t - zone * 60) * 1000;
	return 0;
}

/* Texts of the last second asked for: logs and Received fields ask for the same one thousands of
 * times. A thread has its own. */
struct second_text {
	int64_t second;
	char text[40]; /* "": none yet */
};

/* true: the text is of another second and has to be written from *tm. */
static bool other_second(struct second_text *last, int64_t wall_ms, struct tm *tm, int *ms)
{
	int64_t second = seconds_of(wall_ms, ms);

	if (last->text[0] && last->second == second)
		return false;
	last->second = second;
	clock_utc(wall_ms, tm);
	return true;
}

/* The program never calls setlocale, so that strftime's names are the C locale's: English. */
void clock_rfc5322(int64_t wall_ms, char dst[40])
{
	static _Thread_local struct second_text last;
	struct tm tm;
	int ms;

	if (other_second(&last, wall_ms, &tm, &ms))
		strftime(last.text, sizeof(last.text), "%a, %d %b %Y %H:%M:%S +0000", &tm);
	memcpy(dst, last.text, sizeof(last.text));
}

void clock_logstamp(int64_t wall_ms, char dst[40])
{
	static _Thread_local struct second_text last;
	struct tm tm;
	size_t n;
	int ms;

	if (other_second(&last, wall_ms, &tm, &ms))
		strftime(last.text, sizeof(last.text), "%Y-%m-%d %a %H:%M:%S", &tm);
	memcpy(dst, last.text, sizeof(last.text));
	n = strlen(dst);
	snprintf(dst + n, sizeof(last.text) - n, ".%03d", ms);
}
